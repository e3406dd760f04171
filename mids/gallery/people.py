"""A card and a timeline for each patient: studies, tests and findings by day."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import pandas as pd

from mids.analysis.counting import Tables, words
from mids.dataset import Dataset
from mids.dataset.tables import add_missing_columns
from mids.errors import DataError

HIDDEN = ("participant_id", "modalities", "body_parts")
"""Columns of participants.tsv that a card shows otherwise."""

FROM_STUDY, FROM_ONSET = "first study", "onset"
"""What days are counted from."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing on a timeline: `kind` is study, test or finding; `day` is None where no date is known.

    `images` are rows of the table of images.
    """

    day: int | None
    kind: str
    text: str
    images: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Person:
    """A patient: `facts` are the cells of participants.tsv that say something; `zero` is what day 0 is."""

    name: str
    facts: tuple[tuple[str, str], ...]
    zero: str
    events: tuple[Event, ...]


def people(dataset: Dataset, given: Tables) -> list[Person]:
    """Every patient, those of participants.tsv first.

    Days are counted from the patient's first dated study, or else from onset where sessions.tsv says that; a test is
    placed only where a study is dated. Dates themselves are not shown.
    """
    images, labels = dataset.images, _group_by_person(given.labels)
    told = dataset.text.participants.dropna(subset=["participant_id"])  # as they are: what can't be is seen here first
    rows = {str(row["participant_id"]): row for row in _rows(told)}
    names = dict.fromkeys([*rows, *map(str, images["participant_id"])])
    seen = _studies(images)
    visits = _group_by_person(add_missing_columns(given.sessions, "acq_time", "days_from_onset_min"))
    tests = _group_by_person(given.tests)
    by_person = (visits, tests, labels)
    return [
        _person(name, rows.get(name, {}), seen.get(name, {}), *(table.get(name, []) for table in by_person))
        for name in names
    ]


Row = Mapping[str, Any]


def _rows(frame: pd.DataFrame) -> list[Row]:
    """The rows, each with the cells that say something."""
    kept = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return [{str(key): value for key, value in row.items() if value is not None} for row in kept]


def _group_by_person(frame: pd.DataFrame) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in _rows(frame):
        name = str(row.get("participant_id", ""))
        found.setdefault(name if name.startswith("sub-") else f"sub-{name}", []).append(row)
    return found


def _person(
    name: str, row: Row, made: Mapping[str, Sequence[tuple[int, str]]], visits: Sequence[Row], tests: Sequence[Row],
    labels: Sequence[Row],
) -> Person:  # fmt: skip
    dates = {str(visit.get("session_id")): _date(visit.get("acq_time")) for visit in visits}
    first = min((day for day in dates.values() if day), default=None)
    days: dict[str, int | None]
    if first is not None:
        days = {session: (day - first).days if day else None for session, day in dates.items()}
    else:
        days = {str(visit.get("session_id")): _parse_whole(visit.get("days_from_onset_min")) for visit in visits}
    has_onset = first is None and any(day is not None for day in days.values())
    events = [
        *(Event(days.get(session), "study", _study(session, rows), tuple(at for at, _ in rows))
          for session, rows in made.items()),
        *(Event(_count_days_after(first, test.get("date")), "test", _test(test)) for test in tests),
        *(Event(days.get(str(label.get("session_id"))), "finding", text)
          for label in labels for text in _finding(label)),
    ]  # fmt: skip
    events = [
        replace(event, text=f"{event.text} (×{number})") if number > 1 else event
        for event, number in Counter(events).items()
    ]
    events.sort(key=lambda event: (event.day is None, event.day or 0))
    hidden = (*HIDDEN, *(("age_min", "age_max") if "age" in row else ()))
    facts = tuple((key, str(value)) for key, value in row.items() if key not in hidden and not key.endswith("_raw"))
    return Person(name, facts, FROM_ONSET if has_onset else FROM_STUDY if first else "", tuple(events))


def _studies(images: pd.DataFrame) -> dict[str, dict[str, list[tuple[int, str]]]]:
    """For each patient and session the rows of their images, with what each is."""
    found: dict[str, dict[str, list[tuple[int, str]]]] = {}
    columns = images[["participant_id", "session_id", "suffix", "bp"]].fillna("")
    for row, person, session, suffix, part in columns.itertuples():
        what = f"{suffix} {part}".strip()
        found.setdefault(str(person), {}).setdefault(str(session), []).append((int(row), what))
    return found


def _study(session: str, images: Sequence[tuple[int, str]]) -> str:
    parts = Counter(what for _, what in images)
    counted = ", ".join(f"{number} {part}" if number > 1 else part for part, number in parts.items())
    return f"{session}: {counted}" if session else counted


def _test(test: Row) -> str:
    return " ".join(str(test[key]) for key in ("test", "result") if key in test)


def _finding(label: Row) -> Iterator[str]:
    """The labels of a row, with who read them; nothing where there are none."""
    try:
        found = words(str(label["labels"])) if "labels" in label else []
    except DataError:
        found = []
    if found:
        reader = f" ({label['reader']})" if "reader" in label else ""
        yield ", ".join(dict.fromkeys(found)) + reader


# --- days ------------------------------------------------------------------------------------------------


def _date(text: Any) -> date | None:
    try:
        return date.fromisoformat(str(text)[:10])
    except ValueError:
        return None


def _count_days_after(first: date | None, text: Any) -> int | None:
    day = _date(text)
    return (day - first).days if first and day else None


def _parse_whole(text: Any) -> int | None:
    try:
        return int(float(str(text)))
    except (ValueError, OverflowError):
        return None
