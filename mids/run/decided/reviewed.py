"""What ``mids review`` keeps beside a dataset: the log, act by act, and the table of corrections that follows."""

import csv
import io
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mids.errors import MidsError
from mids.readers.given.curation import COLUMNS, Correction, read
from mids.run.disk import lock, write_privately

REVIEWED = "curation.tsv"
"""The table of corrections that follows from the log."""

REVIEW_LOG = "review.jsonl"
"""What people decided, act by act."""


def read_acts(log: Path) -> Iterator[dict[str, Any]]:
    """The acts of a log; a last line that is half written, now or by a power cut, is no act.

    Raises `MidsError` where another line is no act.
    """
    if log.is_file():
        yield from _parse(_complete(log.read_bytes()), log)


def check_writable(log: Path) -> None:
    """Raises `MidsError` where acts can't be added to a log, or its table can't be written beside it."""
    if not all(os.access(path, os.W_OK) for path in (log.parent, log) if path.exists()):
        raise MidsError(f"can't write {log}, where decisions are kept: check the permissions of its folder")


def add_act(log: Path, act: Mapping[str, Any]) -> None:
    """Adds an act to a log, with the next number; it is on disk before this returns, after all that others wrote.

    A line that a power cut left half written is cut off. Raises `MidsError` where the log is damaged or can't be
    written.
    """
    try:
        handle = os.open(log, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
        with os.fdopen(handle, "r+b", buffering=0) as stream:
            lock(handle)
            stream.seek(0)
            known = _complete(stream.read())
            number = 1 + max((each["number"] for each in _parse(known, log)), default=-1)  # lines may be withdrawn
            stream.truncate(len(known))
            stream.seek(len(known))
            stream.write(f"{json.dumps({**act, 'number': number})}\n".encode())
            os.fsync(handle)
    except OSError as error:
        raise MidsError(f"can't write {log} ({error.strerror}): check permissions and space") from error


def _complete(whole: bytes) -> bytes:
    return whole[: whole.rfind(b"\n") + 1]


def _parse(lines: bytes, log: Path) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(lines.splitlines(), start=1):
        try:
            act = json.loads(line)
        except (ValueError, RecursionError):
            act = None
        if not isinstance(act, dict) or not _is_act(act):
            raise MidsError(f"{log} is damaged in line {number}: restore it from a copy")
        yield act


def _is_act(act: Mapping[str, Any]) -> bool:
    """Whether a line says who decided what, or took what back."""
    is_whole = isinstance(act.get("undo"), int) or act.keys() >= {"file", "field", "new", "why", "judge"}
    return is_whole and isinstance(act.get("number"), int) and isinstance(act.get("who"), str)


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
