"""The columns of a dataset that speak of people, and each person's values in them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, TypeAlias

import pandas as pd

from mids.analysis.counting import LABELS, TESTS, add_subject_and_session, days, words
from mids.dataset import Dataset
from mids.dataset.disk.progress import watched
from mids.dataset.tables import add_missing_columns
from mids.errors import DataError, MidsError
from mids.risk.columns import kind, load_vocabulary

LAST_SHIFTED = 1925
"""The last year of shifted dates (BIDS 1.11.2, scans.tsv): later ones are taken for real."""

COVERED = ("age", "age_min", "age_max", "acq_time")
"""Columns of the common tables that others are made of."""

Values: TypeAlias = "Mapping[str, set[str]]"
"""The values of each person, by participant_id; who has none is absent."""


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """A column: what it holds (`columns.kind`), how its values are found, whether it is named where it is not used."""

    name: str
    kind: str
    values: Callable[[], Values]
    is_listed: bool = True


def people(dataset: Dataset) -> list[str]:
    """Everybody: of participants.tsv first, then those who have a folder only."""
    tables = dataset.participants, dataset.sessions, add_subject_and_session(dataset.scans), dataset.images
    return list(dict.fromkeys(str(person) for table in tables for person in table["participant_id"].dropna()))


def columns(dataset: Dataset, problems: list[str], k: int) -> list[Found]:
    """All columns of a dataset that may speak of people; what can't be read is told in `problems`.

    The tables' own are found by their names, with the table's in front (``ct_patterns.lobes``) where a name is taken.
    Made of others are `age`, `study_month`, `study_days`, `manufacturer`, `model`, `labels`, `rare_labels` and
    `test_results` (docs/risk.md says how).
    """
    scans = add_subject_and_session(dataset.scans)
    labels = _labels(_table(dataset, LABELS, problems), problems)
    studies = _studies(dataset.sessions, scans)
    devices = cache(partial(_devices, dataset, problems))
    found = [
        Found("age", "age", partial(_ages, dataset), is_listed=False),
        Found("study_month", "month", partial(_months, studies), is_listed=False),
        Found("study_days", "days", partial(_intervals, studies), is_listed=False),
        *(Found(name, name, partial(_device, devices, key), is_listed=False) for name, key in DEVICES.items()),
        Found("labels", "sensitive", lambda: labels, is_listed=False),
        Found("rare_labels", "labels", partial(_select_rare_labels, labels, k), is_listed=False),
        Found("test_results", "sensitive", partial(_results, dataset, problems), is_listed=False),
    ]
    names = {column.name for column in found}
    for column in _read_table_columns(dataset, scans, problems):
        if column.name not in names:
            names.add(column.name)
            found.append(column)
    return found


DEVICES = {"manufacturer": "Manufacturer", "model": "ManufacturersModelName"}
"""The keys of sidecars that tell the device."""


# --- tables ----------------------------------------------------------------------------------------------


def _read_table_columns(dataset: Dataset, scans: pd.DataFrame, problems: list[str]) -> Iterable[Found]:
    """The columns of participants, sessions, scans and the measures of phenotype/."""
    schema = load_vocabulary(dataset)
    # Read for what is wrong with it: a dataset only logs that it leaves a broken table out.
    _table(dataset, "participants.tsv", problems)
    measures = sorted(path.stem for path in (dataset.path / "phenotype").glob("*.tsv"))
    tables = [
        ("participants", "participants.tsv", dataset.participants),
        ("sessions", "sub-X/sub-X_sessions.tsv", dataset.sessions),
        ("scans", "sub-X/sub-X_scans.tsv", scans[["participant_id", *dataset.scans.columns]]),
        *((name, f"phenotype/{name}.tsv", _table(dataset, f"phenotype/{name}.tsv", problems)) for name in measures),
    ]
    taken: set[str] = set()
    for table, path, frame in tables:
        for column in frame.columns.difference(["participant_id", "session_id", "filename"], sort=False):
            is_covered = column in COVERED and "/" not in path.removeprefix("sub-X/")
            held = "" if is_covered else kind(schema, path, column)
            if column in taken and held == "sensitive":
                held = ""
            name = f"{table}.{column}" if column in taken else column
            taken.add(column)
            yield Found(name, held, partial(_gather_values, frame, column), is_listed=not is_covered)


def _table(dataset: Dataset, path: str, problems: list[str]) -> pd.DataFrame:
    """A table with a participant_id, empty where it is absent or can't be read."""
    try:
        found = dataset.table(path) if dataset.door.holds(path) else pd.DataFrame()
    except DataError as error:
        problems.append(error.message)
        found = pd.DataFrame()
    return add_missing_columns(found, "participant_id")


def _gather_values(frame: pd.DataFrame, column: str) -> Values:
    """The values that each person has in a column; a list separated by semicolons is several."""
    return _sets(zip(frame["participant_id"], frame[column], strict=True))


def _sets(pairs: Iterable[tuple[Any, Any]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for person, value in pairs:
        if isinstance(person, str) and isinstance(value, str):
            parts = {part.strip() for part in value.split(";")} - {""}
            found.setdefault(person, set()).update(parts)
    return {person: values for person, values in found.items() if values}


# --- ages and dates --------------------------------------------------------------------------------------


def _ages(dataset: Dataset) -> Values:
    """One age for each person, of participants.tsv or else a session; a range as "60-70" or "80+"."""
    found: dict[str, set[str]] = {}
    for table in (dataset.participants, dataset.sessions):
        rows = add_missing_columns(table, "age", "age_min", "age_max")[["participant_id", "age", "age_min", "age_max"]]
        for person, *given in rows.itertuples(index=False):
            age = _age(*(text if isinstance(text, str) else "" for text in given))
            if isinstance(person, str) and age:
                found.setdefault(person, {age})
    return found


def _age(age: str, least: str, most: str) -> str:
    if age or (least and least == most):
        return age or least
    if least and most:
        return f"{least}-{most}"
    return f"{least}+" if least else f"0-{most}" if most else ""


def _studies(sessions: pd.DataFrame, scans: pd.DataFrame) -> pd.DataFrame:
    """participant_id and day of each study that has a date: of sessions.tsv, else of its first image."""
    keys = ["participant_id", "session_id"]
    tables = [add_missing_columns(table, *keys, "acq_time")[[*keys, "acq_time"]] for table in (sessions, scans)]
    dated = [table.assign(day=days(table["acq_time"])).dropna(subset=["participant_id", "day"]) for table in tables]
    firsts = pd.concat([dated[0], dated[1].sort_values("day")], ignore_index=True)
    return firsts.drop_duplicates(keys)[["participant_id", "day"]]


def _months(studies: pd.DataFrame) -> Values:
    """The months of studies whose dates are not shifted, as "2020-03"."""
    real = studies[studies["day"].dt.year > LAST_SHIFTED]
    return _sets(zip(real["participant_id"], real["day"].dt.strftime("%Y-%m"), strict=True))


def _intervals(studies: pd.DataFrame) -> Values:
    """The days from a person's first study to each later one, as "+7"; "+0" for a single study.

    They survive every shift of dates. Padded, so that they stand in their order.
    """
    first = studies.groupby("participant_id")["day"].transform("min")
    passed = (studies["day"] - first).dt.days
    return _sets((person, f"+{int(day):05d}") for person, day in zip(studies["participant_id"], passed, strict=True))


# --- what images and reports say -------------------------------------------------------------------------


def _devices(dataset: Dataset, problems: list[str]) -> pd.DataFrame:
    """participant_id and what the sidecar says of the device, for each image."""
    rows, broken = [], 0
    images = dataset.images
    pairs = zip(images["participant_id"], images["filename"], strict=True)
    for person, filename in watched(pairs, "sidecars read", len(images)):
        try:
            sidecar = dataset.sidecar(str(filename))
        except (MidsError, DataError):
            broken += 1
            continue
        rows.append((person, *(sidecar.get(key) for key in DEVICES.values())))
    if broken:
        problems.append(f"sidecars that can't be read, whose devices are not counted: {broken}")
    return pd.DataFrame(rows, columns=["participant_id", *DEVICES.values()], dtype="object")


def _device(devices: Callable[[], pd.DataFrame], key: str) -> Values:
    """What the sidecars of each person's images say under a key; a semicolon stands between several values."""
    rows = devices()
    texts = (value.replace(";", ",") if isinstance(value, str) else None for value in rows[key])
    return _sets(zip(rows["participant_id"], texts, strict=True))


def _labels(table: pd.DataFrame, problems: list[str]) -> Values:
    """The labels of each person, of all reports, images and readers."""
    found: dict[str, set[str]] = {}
    rows = add_missing_columns(table, "labels")
    for person, cell in zip(rows["participant_id"], rows["labels"], strict=True):
        if isinstance(person, str) and isinstance(cell, str):
            try:
                found.setdefault(person, set()).update(words(cell))
            except DataError as error:
                problems.append(error.message)
    return {person: labels for person, labels in found.items() if labels}


def _select_rare_labels(labels: Values, k: int) -> Values:
    """The labels of each person that fewer than `k` people have."""
    own = pd.Series([label for held in labels.values() for label in held], dtype="string").value_counts()
    rare = {str(label) for label in own[own < k].index}
    return {person: held & rare for person, held in labels.items() if held & rare}


def _results(dataset: Dataset, problems: list[str]) -> Values:
    """The tests of each person with their results: "PCR positive"."""
    table = add_missing_columns(_table(dataset, TESTS, problems), "test", "result").dropna(subset=["result"])
    return _sets(zip(table["participant_id"], table["test"].fillna("test") + " " + table["result"], strict=True))
