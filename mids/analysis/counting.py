"""The tables that statistics count, and how columns of them are read: numbers, days, bands, lists of labels."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, TypeAlias

import pandas as pd

from mids.dataset import Dataset
from mids.dataset.disk.door import opening
from mids.dataset.disk.heads import nifti_head
from mids.dataset.frames.harmonised import translate_columns
from mids.dataset.frames.typed import read_numbers
from mids.dataset.tables import add_missing_columns
from mids.errors import DataError, MidsError
from mids.vocabulary import clinical

TESTS = "derivatives/ehr/laboratory_tests.tsv"
LABELS = "derivatives/labels/labels.tsv"

SIDECAR_KEYS = ("Manufacturer", "ManufacturersModelName", "SourcePhotometricInterpretation", "SliceThickness")
"""What is taken from sidecars."""

FACTS = ("filename", "slices", *SIDECAR_KEYS)


@dataclass(frozen=True, slots=True, eq=False)
class Tables:
    """The tables that are counted, with the columns that `Dataset` gives them.

    `scans` has participant_id and session_id too; `facts` has a row for each image with `filename`, `slices` (all
    slices of all volumes of a NIfTI, 1 for a 2D image) and the `SIDECAR_KEYS`.
    """

    participants: pd.DataFrame
    sessions: pd.DataFrame
    scans: pd.DataFrame
    tests: pd.DataFrame
    labels: pd.DataFrame
    facts: pd.DataFrame


Data: TypeAlias = "Dataset | Tables"


def tables(dataset: Dataset, *, facts: bool = True) -> Tables:
    """The tables of a dataset; reading sidecars and headers takes a moment for each image, without them it is quick."""
    scans = list_scans(dataset)
    rows = [_facts(dataset, name) for name in scans["filename"]] if facts else []
    return build_tables(dataset, scans, rows)


def build_tables(dataset: Dataset, scans: pd.DataFrame, facts: Sequence[Mapping[str, Any]]) -> Tables:
    """The tables of a dataset with these rows of `scans` and `facts`; sexes and so on in the words of `images`."""
    _ = dataset.participants, dataset.sessions  # which tells what numbers of them are none
    return Tables(
        translate_columns(dataset.text.participants),
        dataset.text.sessions,
        scans,
        _table(dataset, TESTS, ["participant_id", "date", "test", "result"]),
        _table(dataset, LABELS, ["participant_id", "session_id", "filename", "labels"]),
        pd.DataFrame(facts, columns=list(FACTS)),
    )


def list_scans(dataset: Dataset) -> pd.DataFrame:
    """A row for each image of a dataset, with its IDs: what scans.tsv says of it, in the words of `Dataset.images`.

    So an image counts where no scans.tsv names it, and a row of which there is no image does not.
    """
    images, said = dataset.harmonised, dataset.text.scans
    further = [name for name in KNOWN_OF_IMAGES if name in said or images[name].notna().any()]
    own = images[["filename", "participant_id", "session_id", *dict.fromkeys((*VIEWED, *further))]]
    rest = said[[name for name in said.columns if name == "filename" or name not in own]]
    return own.merge(rest.drop_duplicates("filename"), how="left", on="filename")


VIEWED = ("modality", "view_position", "patient_position")
KNOWN_OF_IMAGES = ("acq_time", "body_part")
"""Columns of scans.tsv that `Dataset.images` knows from elsewhere too: always there, and where there is a value."""


def get_tables(data: Data, *, facts: bool = False) -> Tables:
    """The tables of whatever a statistic is asked of."""
    return tables(data, facts=facts) if isinstance(data, Dataset) else data


def _facts(dataset: Dataset, filename: str) -> dict[str, Any]:
    """What is counted of one image; nothing where it is absent or broken."""
    try:
        sidecar = dataset.sidecar(filename)
        with opening(filename):
            shape = nifti_head(dataset.path / filename).shape if ".nii" in filename else ()
    except MidsError:
        return {"filename": filename}
    except DataError as error:
        dataset.door.keep(error, filename)
        return {"filename": filename}
    return {"filename": filename, "slices": prod(shape[2:]), **{key: sidecar.get(key) for key in SIDECAR_KEYS}}


def _table(dataset: Dataset, path: str, columns: Sequence[str]) -> pd.DataFrame:
    """A table of the dataset, with `columns` even where it has none of them; none of one that can't be read."""
    nothing = pd.DataFrame()
    found = dataset.door.attempt(path, lambda: dataset.table(path), nothing) if dataset.door.holds(path) else nothing
    return add_missing_columns(found, *columns)


def add_subject_and_session(scans: pd.DataFrame) -> pd.DataFrame:
    """Scans with the subject and session that their folders say."""
    found = add_missing_columns(scans, "modality", "view_position", "patient_position")
    parts = found["filename"].str.extract(r"^(sub-[^/]+)/(?:(ses-[^/]+)/)?")
    found["participant_id"], found["session_id"] = parts[0], parts[1]
    return found


# --- columns ---------------------------------------------------------------------------------------------


def distribution(values: "pd.Series[Any]", order: Iterable[str] = ()) -> pd.DataFrame:
    """How often each value stands there: `count`, and `percent` of the values that are known.

    Values of `order` come first and even where there are none, all others by their count.
    """
    counts = values.dropna().astype("string").value_counts()
    first = list(order)
    rest = [value for value in counts.index if value not in first]
    found = counts.reindex([*first, *rest], fill_value=0).astype("int64")
    total = int(found.sum())
    table = pd.DataFrame({"count": found, "percent": found * 100.0 / total if total else found * 0.0})
    table.index.name = values.name
    return table


def views(scans: pd.DataFrame) -> "pd.Series[Any]":
    """The view of each image, with the position behind it where the patient lay on the back."""
    is_supine = scans["patient_position"].eq("supine").fillna(False)
    view = scans["view_position"].astype("string")
    return view.mask(is_supine & view.eq("ap").fillna(False), "ap supine").rename("view")


def numbers(frame: pd.DataFrame, column: str) -> "pd.Series[Any]":
    """A column as numbers, NA for what is none."""
    return read_numbers(column, add_missing_columns(frame, column)[column])


def moments(values: "pd.Series[Any]") -> "pd.Series[float]":
    """Number, mean, SD (of a sample), smallest and largest."""
    found = {
        "number": values.count(), "mean": values.mean(), "sd": values.std(), "min": values.min(), "max": values.max(),
    }  # fmt: skip
    return pd.Series({name: float("nan") if pd.isna(value) else float(value) for name, value in found.items()})


def days(texts: "pd.Series[Any]") -> "pd.Series[Any]":
    """The day of each date or time in ISO 8601; NaT for anything else."""
    return pd.to_datetime(texts.astype("string").str.slice(0, 10), format="%Y-%m-%d", errors="coerce")


def bands(collection: str, column: str) -> tuple[str, ...]:
    """The bands in which the paper of a collection counts a column, as `age_counts` and `delay_counts` take them.

    An end that two bands share belongs to the later one. Raises `MidsError` where its paper has none.
    """
    counted = clinical.promises(collection).get("counts", {}).get(column)
    if not counted:
        raise MidsError(f"no paper of {collection} counts {column} by bands: see schemas/collections")
    return tuple(counted)


def assign_bands(values: "pd.Series[Any]", bands: Sequence[str]) -> "pd.Series[Any]":
    """The band of each number: the last whose lower end is not above it; NA below all of them."""
    starts = [(_start(band), band) for band in bands]

    def band(number: float) -> str | None:
        return next((name for start, name in reversed(starts) if number >= start), None)

    found = [None if pd.isna(number) else band(float(number)) for number in values]
    return pd.Series(found, index=values.index, dtype="string")


def _start(band: str) -> float:
    """The lower end of a band: of "<3" 0, of "3-7" 3, of "80+" 80, of ">21" 22; of ">90" 89, the cap of ages."""
    ends = [int(number) for number in re.findall(r"\d+", band)]
    if not ends:
        raise MidsError(f"{band!r} is not a band: write it like <3, 3-7, 80+ or >21")
    if band.startswith("<"):
        return 0
    return min(ends[0] + 1, 89) if band.startswith(">") else ends[0]


def collect_patient_values(data: Tables, column: str) -> "pd.Series[Any]":
    """One value for each patient, of several sessions the first that says; a column of no table is unknown for all."""
    participants, sessions = data.participants, data.sessions
    if column in participants.columns or column not in sessions.columns:
        return add_missing_columns(participants, column).set_index("participant_id")[column]
    known = sessions.dropna(subset=[column]).drop_duplicates("participant_id").set_index("participant_id")[column]
    return known.reindex(participants["participant_id"])


def words(cell: str, *, repeated: bool = False) -> list[str]:
    """The labels of a cell, a list or a list for each sentence, each once in a list unless `repeated`; localizations
    are none.

    Raises `DataError` (TABLE_INVALID) where it is no JSON list.
    """
    try:
        items = json.loads(cell)
    except (ValueError, RecursionError):
        items = None
    if not isinstance(items, list):
        raise DataError("TABLE_INVALID", f"{LABELS}: a cell of labels is not a JSON list")
    lists = items if any(isinstance(item, list) for item in items) else [items]
    texts = ([text.strip() for text in own if isinstance(text, str)] for own in lists if isinstance(own, list))
    lists_of_words = (own if repeated else dict.fromkeys(own) for own in map(list, texts))
    return [word for own in lists_of_words for word in own if word and not word.startswith("loc ")]
