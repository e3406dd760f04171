"""What ``mids deidentify`` left in a destination."""

import re
from pathlib import Path

import pydicom

PATH = re.compile(r"S[A-Z2-7]{10}/E[A-Z2-7]{10}/[A-Z2-7]{10}/(\d{5}-)?[A-Z2-7]{10}\.dcm")


def headers(dest: Path) -> dict[str, pydicom.Dataset]:
    """The headers in a destination, by path."""
    return {
        path.relative_to(dest).as_posix(): pydicom.dcmread(path, stop_before_pixels=True)
        for path in sorted(dest.rglob("*.dcm"))
    }
