"""What happened to one subject, day by day: studies, tests, findings (as in figures of the collections' papers)."""

from collections.abc import Iterator

import pandas as pd

from mids.dataset.frames.laboratory import ordinal, read_times
from mids.dataset.tables import frame

COLUMNS = ("date", "kind", "session_id", "name", "value")
_KINDS = ("study", "finding", "test")


def timeline(images: pd.DataFrame, tests: pd.DataFrame, labels: pd.DataFrame) -> pd.DataFrame:
    """Studies, findings and tests of one subject, whose rows these are, in the order of their days.

    Columns: `day` (Int64) from the first dated study, or test where no study has a date; `date`; `kind` (study,
    finding, test); `session_id`; `name` (modalities and body parts, the label, the kind of test); `value` (number of
    images, how many readings say so, the result). Undated rows come last, with no `day`.
    """
    rows = [*_studies(images), *_findings(images, labels), *_tests(tests)]
    days = [ordinal(row["date"]) for row in rows]
    studies = [day for day, row in zip(days, rows, strict=True) if day is not None and row["kind"] == "study"]
    known = studies or [day for day in days if day is not None]
    start = min(known, default=0)
    order = sorted(
        range(len(rows)),
        key=lambda at: (days[at] is None, days[at] or 0, _KINDS.index(rows[at]["kind"]), rows[at]["session_id"], at),
    )
    since = [None if (day := days[at]) is None else day - start for at in order]
    table = frame([rows[at] for at in order], COLUMNS)
    return table.assign(day=pd.array(since, dtype="Int64"))[["day", *COLUMNS]]


def _studies(images: pd.DataFrame) -> Iterator[dict[str, str]]:
    """One row for each session with an image."""
    dated = images.assign(time=read_times(images), session_id=images["session_id"].fillna(""))
    for visit, own in dated.groupby("session_id", sort=True):
        groups = own["group"].fillna(own["datatype"]) if "datatype" in own else own["group"]
        words = [*sorted(set(groups.dropna())), *sorted(set(own["bp"].dropna()))]
        first = own["time"].dropna().min()
        yield {
            "date": "" if pd.isna(first) else str(first)[:10], "kind": "study", "session_id": str(visit),
            "name": " ".join(map(str, words)), "value": str(len(own)),
        }  # fmt: skip


def _findings(images: pd.DataFrame, labels: pd.DataFrame) -> Iterator[dict[str, str]]:
    """One row for each label of a session, at the day of that session."""
    dated = images.assign(time=read_times(images)).dropna(subset=["time"])
    days = {str(visit): str(own["time"].min())[:10] for visit, own in dated.groupby("session_id")}
    counts = labels.assign(session_id=labels["session_id"].fillna("")).groupby(["session_id", "label"], sort=False)
    for (visit, label), own in counts:
        yield {
            "date": days.get(str(visit), ""), "kind": "finding", "session_id": str(visit), "name": str(label),
            "value": str(len(own)),
        }  # fmt: skip


def _tests(tests: pd.DataFrame) -> Iterator[dict[str, str]]:
    for row in tests.fillna("").itertuples(index=False):
        yield {
            "date": str(row.date), "kind": "test", "session_id": "", "name": str(row.test), "value": str(row.result),
        }  # fmt: skip
