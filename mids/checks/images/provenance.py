"""The table of how images were made: its rows against the images, and its digests against their pixels."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from mids.dataset.disk.tree import CONVERSIONS
from mids.errors import DataError
from mids.inspection.registry import Finding, Found, check
from mids.inspection.views import DatasetView, FileView
from mids.issues import Level
from mids.readers.tables.tsv import NA
from mids.records import PIXELS


@check("PROVENANCE_CONTRADICTED", per="dataset", level=Level.WARNING)
def provenance_contradicted(dataset: DatasetView) -> Found:
    """The table of how images were made has no row or two rows for an image, one for an image that is not there, or a
    digest of pixels that is none.

    Why: Nobody can tell which program made the image, or which of two digests its pixels must have.

    Fix: Remove the wrong row, restore the missing one, or convert again.
    """
    first: dict[int, int] = {}
    is_digested = False
    for line, path, digest in _made(dataset) if _is_there(dataset) else ():
        before = first.setdefault(hash(path), line)
        is_digested |= digest is not None
        if digest not in (None, "", NA) and not DIGEST.fullmatch(str(digest)):
            where, message = f"row {line}, column {PIXELS}", "this is not a digest of 64 hexadecimal digits"
            yield Finding(message, where, path=CONVERSIONS)
        if before != line:
            message = f"row {before} is about the same image"
        elif not dataset.exists(path):
            message = "the dataset holds no such image"
        else:
            continue
        yield Finding(message, f"row {line}, column filename", path[:200], path=CONVERSIONS)
    for path in dataset.images if is_digested else ():
        if hash(path) not in first:
            yield Finding("the table of how images were made has no row for this image", path=path)


DIGEST = re.compile("[0-9a-f]{64}")


def _is_there(dataset: DatasetView) -> bool:
    return dataset.has(CONVERSIONS) and not dataset.view(CONVERSIONS).is_absent


def _made(dataset: DatasetView) -> Iterator[tuple[int, str, str | None]]:
    """(line, path, digest of pixels) of every row, one after the other: a large dataset has a million.

    The digest is None where the table has no such column.
    """
    with Path(dataset.place(CONVERSIONS)).open(encoding="utf-8", errors="replace") as stream:
        header = stream.readline().rstrip("\n").split("\t")
        if "filename" not in header:
            return
        at = header.index("filename")
        digests = header.index(PIXELS) if PIXELS in header else 0
        for line, text in enumerate(stream, start=2):
            cells = text.rstrip("\n").split("\t")
            if len(cells) > at and cells[at] not in ("", NA):
                yield line, cells[at], (cells[digests] if len(cells) > digests else "-") if digests else None


def _is_recorded(image: FileView) -> bool:
    return image.dataset.has(CONVERSIONS)


def _digests(dataset: DatasetView) -> Mapping[str, Mapping[str, str]]:
    table = dataset.view(CONVERSIONS)
    return table.by_key if PIXELS in table.rows.header and table.rows.header[0] == "filename" else {}


@check("PIXELS_CHANGED", per="image", deep=True, when=_is_recorded)
def pixels_changed(image: FileView) -> Found:
    """The pixels of an image are not those that were written when it was made.

    Why: It was flipped, windowed, resampled, cut or exchanged with another since, by whatever program; what was
    measured on it, and the regions drawn on it, no longer fit.

    Fix: Restore the image, or convert it again. If the change is right, publish it as a derivative.
    """
    from mids.dataset.disk.fingerprint import pixel_digest  # numpy, which the quick checks do without

    rows = _digests(image.dataset)
    said = rows.get(image.path, {}).get(PIXELS, "")
    if len(said) != 64:
        return
    try:
        found = pixel_digest(Path(image.dataset.place(image.path)))
    except DataError:
        return  # the file is damaged, or too large: other checks say so
    if found != said:
        other = next((path for path, row in rows.items() if row.get(PIXELS) == found), "")
        message = f"the pixels are {'those of another image' if other else 'others than those that were made'}"
        yield Finding(message, where=PIXELS, value=f"{found[:12]}…", expected=other or f"{said[:12]}…")
