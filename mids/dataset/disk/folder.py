"""What a folder is that was given as a dataset: one line that says what to type instead where it is none."""

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from mids.errors import MidsError

DESCRIPTION = "dataset_description.json"

_LOOKED_AT = 200
"""Files of a folder whose first bytes are read."""


def require_folder(root: Path) -> None:
    """Raises `MidsError` where `root` is no folder, or is a folder of DICOM files and no dataset."""
    try:
        if not root.is_dir():
            raise MidsError(_say_other(root))
        if not (root / DESCRIPTION).is_file() and not any(root.glob("sub-*")) and (hint := _hint(root)):
            raise MidsError(f"{root} is not a dataset: {hint}")
    except OSError as error:
        raise MidsError(f"{root} can't be read ({error.strerror}): correct its permissions") from error


def require_description(root: Path) -> None:
    """Raises `MidsError` where `root` is no folder or holds no dataset_description.json."""
    require_folder(root)
    if not (root / DESCRIPTION).is_file():
        raise MidsError(f"{root} holds no {DESCRIPTION}: give the top folder of a dataset")


def _say_other(root: Path) -> str:
    above = next((folder for folder in root.parents if (folder / DESCRIPTION).is_file()), None)
    if root.is_file():
        return f"{root} is a file: give the folder of the dataset" + (f": did you mean {above}?" if above else "")
    return f"{root}: no such folder: give the folder of a dataset"


def _hint(root: Path) -> str:
    """What to type instead; empty where nothing is known of the folder."""
    beside = [root.with_suffix("")] if root.suffix == ".mids" else []  # root holds the state of that one
    above = [folder for folder in (*beside, *root.absolute().parents) if (folder / DESCRIPTION).is_file()]
    inner = [found.parent for found in islice(root.glob(f"*/{DESCRIPTION}"), 2)]
    if above or len(inner) == 1:
        return f"did you mean {[*above, *inner][0]}?"
    if any(_is_dicom(path) for path in islice(_files(root), _LOOKED_AT)):
        return f"it holds DICOM files: convert them first: mids-convert dicom {root} DEST"
    return ""


def _files(root: Path) -> Iterator[Path]:
    for folder, _, names in os.walk(root):
        yield from (Path(folder, name) for name in sorted(names))


def _is_dicom(path: Path) -> bool:
    try:
        if not path.is_file():  # a pipe would wait for its writer
            return False
        with path.open("rb") as stream:
            return stream.read(132)[128:] == b"DICM"
    except OSError:
        return False
