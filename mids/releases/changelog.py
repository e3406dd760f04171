"""The file CHANGES of a dataset (BIDS 1.11, "Modality agnostic files": CPAN changelog convention)."""

import re
from pathlib import Path

from mids.errors import MidsError

NAME = "CHANGES"


def prepend(dataset: Path, version: str, entry: str) -> None:
    """Puts an entry in front of those that there are, in one step.

    Raises `MidsError` where `version` is none, is there already, or the file can't be read or written.
    """
    path = dataset / NAME
    if not re.fullmatch(r"\w[\w.+-]*", version):
        raise MidsError(f"{version!r} is not a version: write it like 1.1.0")
    try:
        old = path.read_text(encoding="utf-8") if path.exists() else ""
        if version in (line.split()[0] for line in old.splitlines() if line[:1].strip()):
            raise MidsError(f"{path} already has an entry for {version}: give the next version")
        half = path.with_name(f".{NAME}.half")
        half.write_text(entry + ("\n" + old if old else ""), encoding="utf-8", newline="\n")
        half.replace(path)
    except (OSError, UnicodeDecodeError) as error:
        raise MidsError(f"can't read or write {path} ({type(error).__name__}): check its permissions") from error
