"""What ``mids review`` keeps beside a dataset: the log, act by act, and the table of corrections that follows."""

import csv
import io
import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mids.errors import MidsError
from mids.readers.given.curation import COLUMNS, Correction, read
from mids.run.disk import write_privately

REVIEWED = "curation.tsv"
"""The table of corrections that follows from the log."""

REVIEW_LOG = "review.jsonl"
"""What people decided, act by act."""


def read_acts(log: Path) -> Iterator[dict[str, Any]]:
    """The acts of a log; a last line that a power cut left half written is no act, and is cut off.

    Raises `MidsError` where another line is no act.
    """
    if not log.is_file():
        return
    whole = log.read_bytes()
    complete = whole[: whole.rfind(b"\n") + 1]
    if len(complete) < len(whole):  # the next act begins a line of its own
        os.truncate(log, len(complete))
    for number, line in enumerate(complete.splitlines(), start=1):
        try:
            act = json.loads(line)
        except (ValueError, RecursionError):
            act = None
        if not isinstance(act, dict) or not isinstance(act.get("number"), int):
            raise MidsError(f"{log} is damaged in line {number}: restore it from a copy")
        yield act


def write_reviewed(folder: Path, rows: Iterable[Correction]) -> Path:
    """Writes the table of corrections; its owner alone can read it. Raises `MidsError` where it can't be written."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter="\t", lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([getattr(row, column) for column in COLUMNS] for row in rows)
    write_privately(folder / REVIEWED, text.getvalue())
    return folder / REVIEWED


def forget_reviewed(folder: Path, is_theirs: Callable[[dict[str, Any]], bool]) -> None:
    """Drops the acts and rows that `is_theirs` knows; raises `MidsError` where log or table is damaged."""
    if (log := folder / REVIEW_LOG).is_file():
        kept = [act for act in read_acts(log) if not is_theirs(act)]
        write_privately(log, "".join(json.dumps(act) + "\n" for act in kept))
    if (table := folder / REVIEWED).is_file():
        write_reviewed(folder, [row for row in read(table) if not is_theirs(asdict(row))])
