"""The reviewer's list: what was removed from which text, in a file that only its owner can read."""

import csv
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from mids.deid.text.redact import Redacted
from mids.deid.text.spans import Kind
from mids.deid.text.words import compose_text
from mids.errors import MidsError


class Row(NamedTuple):
    """One removed stretch: the reference of its text, its kind, where it began, and what it was."""

    reference: str
    kind: Kind
    start: int
    text: str


def rows(reference: str, original: str, redacted: Redacted) -> tuple[Row, ...]:
    """The rows of one text, for `write_review`."""
    text = compose_text(original)
    return tuple(Row(reference, span.kind, span.start, text[span.start : span.end]) for span in redacted.removed)


def write_review(path: Path, found: Iterable[Row], dataset: Path | None = None) -> None:
    """Writes the list as TSV (reference, kind, start, text), readable by its owner alone.

    Raises `MidsError` where the file would lie in the dataset, exists already, or can't be written.
    """
    place = path.resolve()
    if dataset is not None and place.is_relative_to(dataset.resolve()):
        raise MidsError(
            f"{path} lies in the dataset, but the list of removed texts holds names: give --review a file elsewhere"
        )
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, stat.S_IRUSR | stat.S_IWUSR)
    except FileExistsError as error:
        raise MidsError(f"{path} already exists: give --review another file") from error
    except OSError as error:
        raise MidsError(
            f"can't write the list of removed texts {path} ({error.strerror}): give --review another file"
        ) from error
    with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream, delimiter="\t", lineterminator="\n")
        table.writerow(Row._fields)
        table.writerows((*row[:3], " ".join(row.text.split())) for row in found)
