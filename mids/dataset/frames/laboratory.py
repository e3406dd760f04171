"""Laboratory tests beside images: the nearest one in time."""

import datetime
from typing import Any

import pandas as pd

from mids.dataset.tables import frame

TESTS = "derivatives/ehr/laboratory_tests.tsv"
COLUMNS = ("participant_id", "date", "test", "result")


def nearest(images: pd.DataFrame, tests: pd.DataFrame) -> pd.DataFrame:
    """For each image its subject's test of the nearest day; of two equally near the earlier, then the upper row.

    Columns: filename, participant_id, session_id, date, test, result, and `days` (Int64) from the image to the test,
    negative where the test came first. All of a test is NA where no dated test or no day of the image is known.
    """
    dated: dict[str, list[tuple[int, dict[str, str]]]] = {}
    for test in tests.fillna("").to_dict("records"):
        day = ordinal(test["date"])
        if day is not None:
            kept = {key: str(test[key]) for key in COLUMNS[1:]}
            dated.setdefault(str(test["participant_id"]), []).append((day, kept))
    rows: list[dict[str, str]] = []
    days: list[int | None] = []
    keys = images[["filename", "participant_id", "session_id"]].fillna("").to_dict("records")
    for image, time in zip(keys, read_times(images), strict=True):
        row = {str(key): str(value) for key, value in image.items()}
        taken, found = ordinal(time), dated.get(row["participant_id"])
        if taken is None or not found:
            days.append(None)
        else:
            *_, at = min((abs(day - taken), day, at) for at, (day, _) in enumerate(found))
            days.append(found[at][0] - taken)
            row |= found[at][1]
        rows.append(row)
    table = frame(rows, ("filename", "participant_id", "session_id", *COLUMNS[1:]))
    return table.assign(days=pd.array(days, dtype="Int64"))


def read_times(images: pd.DataFrame) -> "pd.Series[Any]":
    """When each image was acquired: its own time, else that of its session."""
    found = pd.Series(pd.NA, index=images.index, dtype="string")
    for column in ("acq_time", "session_acq_time"):
        if column in images.columns:
            found = found.fillna(images[column])
    return found


def ordinal(text: object) -> int | None:
    """The day of a date or time in ISO 8601 as a number; None for anything else."""
    try:
        return datetime.date.fromisoformat(str(text)[:10]).toordinal()
    except ValueError:
        return None
