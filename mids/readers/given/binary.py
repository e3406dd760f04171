"""What a file is that was given in place of a table or a text."""

from pathlib import Path

from mids.errors import MidsError

_KINDS = (
    (b"\xff\xd8\xff", "a JPEG picture"), (b"\x89PNG", "a PNG picture"), (b"GIF8", "a GIF picture"),
    (b"%PDF", "a PDF document"), (b"\x1f\x8b", "a gzip file"), (b"PK\x03\x04", "a ZIP file or a workbook"),
)  # fmt: skip
_TEXT_MARKS = (b"\xff\xfe", b"\xfe\xff")
"""Byte order marks of UTF-16, which holds zero bytes."""


def refuse_binary(path: Path, what: str, *, workbook: bool = False) -> None:
    """Raises `MidsError`, which calls the file `what` and names its kind, for a file that is no text.

    Where a `workbook` is allowed, ZIP files are not refused. A file that can't be read is left to its reader.
    """
    try:
        if not path.is_file():
            return
        with path.open("rb") as stream:
            head = stream.read(1024)
    except OSError:
        return
    kind = next((kind for mark, kind in _KINDS if head.startswith(mark)), "")
    if not kind and b"\0" in head and not head.startswith(_TEXT_MARKS):
        kind = "a DICOM file" if head[128:132] == b"DICM" else "a binary file"
    if kind and not (workbook and head.startswith(b"PK")):
        raise MidsError(f"the {what} {path} is {kind}: give a file of text")
