"""Many datasets as one: the same columns and words for all images, and the strictest terms of use."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import pandas as pd

from mids.analysis.counting import LABELS, TESTS, add_missing_columns, words
from mids.dataset import Dataset, Picture, Volume
from mids.dataset.terms import STRICT, derive_terms, read_terms
from mids.errors import MidsError
from mids.issues import Issue
from mids.vocabulary.clinical import read_collection_name
from mids.vocabulary.schema import load

Given: TypeAlias = "Dataset | str | Path"

FRAME = (
    "dataset", "participant_id", "session_id", "filename", "suffix", "group", "modality", "body_part", "view_position",
    "patient_position", "laterality", "acq_time", "sex", "age", "age_min", "age_max", "days_from_onset_min",
    "days_from_onset_max", "onset_reference", "onset_imputed", "survival", "site", "region", "country", "covid_test",
    "covid_label", "contrast", "quality", "quality_source", "usage_terms",
)  # fmt: skip
"""The columns that every joined frame begins with; those of single collections follow."""

CODES = {
    "sex": "sex", "view_position": "view_positions", "patient_position": "patient_position", "body_part": "body_parts",
    "laterality": "laterality", "covid_test": "results", "contrast": "yes_no", "survival": "yes_no",
    "onset_imputed": "yes_no",
}  # fmt: skip
"""The code lists of columns of the frame."""

COVID = {"C5203670": "COVID-19", "C5203671": "COVID-19 uncertain"}
"""The two labels by their CUIs (BIMCV-COVID19+, "Assigning CUI labels to images"), the surer first."""


@dataclass(frozen=True, slots=True, eq=False)
class Joined:
    """Images of several datasets as one frame, with their tests and labels; each row says its `dataset`.

    `terms` are the strictest terms of use of all, `licences` those of the datasets and their images, sorted;
    `datasets` are the datasets by their names.
    """

    images: pd.DataFrame
    tests: pd.DataFrame
    labels: pd.DataFrame
    terms: Mapping[str, str]
    licences: tuple[str, ...]
    datasets: Mapping[str, Dataset]

    @property
    def issues(self) -> tuple[Issue, ...]:
        """What of the datasets can't be read (`Dataset.issues`); paths begin with the dataset's name."""
        every = ((name, found) for name, dataset in self.datasets.items() for found in dataset.issues)
        return tuple(replace(found, path=f"{name}/{found.path}") for name, found in every)

    def load(self, image: "pd.Series[Any]") -> Volume | Picture:
        """The pixels of a row of `images`; raises what `Dataset.load` raises."""
        return self.datasets[str(image["dataset"])].load(str(image["filename"]))


def concat(datasets: Iterable[Given] | Mapping[str, Given]) -> Joined:
    """Datasets, or the folders of some, as one; a mapping gives them their names.

    Without a mapping a dataset is called by the collection that it was converted from, else by its folder. Every image
    has the columns `FRAME`, with the words of the vocabulary: a value that is in no code list of it stands in
    ``<column>_raw``. `covid_label` is COVID-19 or COVID-19 uncertain where a label of the image, or else of a report of
    its session, says so. Where a dataset says an age alone, `age_min` and `age_max` are that, but that 89 has no
    `age_max`; where it names one licence for all, images without `usage_terms` have that. Raises `MidsError` for no
    dataset, two of one name, or a folder that is none.
    """
    named = _name_datasets(datasets)
    frames = [_images(name, dataset) for name, dataset in named.items()]
    images = pd.concat(frames, ignore_index=True)
    native = [column for column in images.columns if column not in FRAME]
    licences = {str(each.description["License"]) for each in named.values() if each.description.get("License")}
    licences.update(map(str, images["usage_terms"].dropna()))
    terms = [*(read_terms(dataset.description) for dataset in named.values()), *map(derive_terms, sorted(licences))]
    return Joined(
        images[[*FRAME, *native]],
        _table(named, TESTS),
        _table(named, LABELS),
        {
            key: next(word for word in order if word in {term.get(key) for term in terms})
            for key, order in STRICT.items()
        },
        tuple(sorted(licences)),
        named,
    )


def _name_datasets(datasets: Iterable[Given] | Mapping[str, Given]) -> dict[str, Dataset]:
    if isinstance(datasets, Mapping):
        found = {name: _open_dataset(given) for name, given in datasets.items()}
    else:
        found = {}
        for dataset in map(_open_dataset, datasets):
            name = read_collection_name(dataset.description) or dataset.path.resolve().name
            if name in found:
                raise MidsError(f"two datasets have the name {name}: give a mapping from your own names to datasets")
            found[name] = dataset
    if not found:
        raise MidsError("there is no dataset to join: give one or more")
    return found


def _open_dataset(given: Given) -> Dataset:
    return given if isinstance(given, Dataset) else Dataset(given)


# --- images ----------------------------------------------------------------------------------------------


def _images(name: str, dataset: Dataset) -> pd.DataFrame:
    """The images of one dataset with all columns of the frame, then its own; what is known twice comes from the
    closest table: scans, then sessions, then participants."""
    known = dataset.images
    found = add_missing_columns(known, *FRAME)
    for column in FRAME:
        for further in (f"session_{column}", f"participant_{column}"):
            if further in found.columns:
                found[column] = found[column].fillna(found[further])
                found = found.drop(columns=further)
    found["dataset"] = pd.array([name] * len(found), dtype="string")
    found["modality"] = found["modality"].str.lower()
    for column, listed in CODES.items():
        found = _translate_column(found, column, listed)
    found["covid_label"] = _covid_labels(found, dataset)
    licence = str(dataset.description.get("License") or " ")
    if "usage_terms" not in known.columns and " " not in licence:
        found["usage_terms"] = found["usage_terms"].fillna(licence)
    return _fill_age_limits(found)


def _translate_column(frame: pd.DataFrame, column: str, listed: str) -> pd.DataFrame:
    """The frame with a column in the words of a code list."""
    codes = load().code_lists[listed]
    meant = {value: codes.find(value) for value in frame[column].dropna().unique()}
    if None in meant.values():
        frame[f"{column}_raw"] = frame[column].where(frame[column].map(meant).isna())
    frame[column] = frame[column].map(meant).astype("string")
    return frame


def _fill_age_limits(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with the limits of ages that are known."""
    says_none = frame["age_min"].isna() & frame["age_max"].isna()
    frame["age_min"] = frame["age_min"].mask(says_none, frame["age"])
    frame["age_max"] = frame["age_max"].mask(says_none & frame["age"].ne("89").fillna(False), frame["age"])
    return frame


def _covid_labels(images: pd.DataFrame, dataset: Dataset) -> "pd.Series[Any]":
    """The label of each image: of its own rows, else of those of its session that name no image."""
    rows = _read_labels(dataset)
    own: dict[str, str] = {}
    session: dict[tuple[str, str], str] = {}
    for row in rows.itertuples(index=False):
        label = _covid_label(row)
        if not label:
            continue
        if isinstance(row.filename, str):
            own[str(row.filename)] = _surer(label, own.get(str(row.filename)))
        else:
            visit = (str(row.participant_id), str(row.session_id))
            session[visit] = _surer(label, session.get(visit))
    keys = zip(images["filename"], images["participant_id"], images["session_id"], strict=True)
    values = [own.get(str(name)) or session.get((str(subject), str(visit))) for name, subject, visit in keys]
    return pd.Series(values, index=images.index, dtype="string")


def _read_labels(dataset: Dataset) -> pd.DataFrame:
    columns = ("participant_id", "session_id", "filename", "labels", "label_cuis")
    found = dataset.table(LABELS) if dataset.door.holds(LABELS) else pd.DataFrame()
    return add_missing_columns(found, *columns)[list(columns)]


def _covid_label(row: Any) -> str:
    """What a row of labels says, by its CUIs, else by its words."""
    cuis = [] if pd.isna(row.label_cuis) else words(str(row.label_cuis))
    terms = [] if pd.isna(row.labels) else [_normalise_label(word) for word in words(str(row.labels))]
    return next((label for cui, label in COVID.items() if cui in cuis or _normalise_label(label) in terms), "")


def _normalise_label(label: str) -> str:
    return label.lower().replace("-", " ")


def _surer(one: str, other: str | None) -> str:
    order = list(COVID.values())
    return one if other is None else min(one, other, key=order.index)


# --- tables ----------------------------------------------------------------------------------------------


def _table(named: Mapping[str, Dataset], path: str) -> pd.DataFrame:
    """One table of all datasets that have it."""
    found = [
        dataset.table(path).assign(dataset=pd.array([name] * len(dataset.table(path)), dtype="string"))
        for name, dataset in named.items()
        if dataset.door.holds(path)
    ]
    if not found:
        return pd.DataFrame({"dataset": pd.array([], dtype="string")})
    table = pd.concat(found, ignore_index=True)
    return table[["dataset", *(column for column in table.columns if column != "dataset")]]
