"""The originals of a page, linked or embedded, and the program that reads volumes (NiiVue)."""

import gzip
from base64 import b64encode
from pathlib import Path

import pandas as pd

from mids.errors import MidsError

LARGEST = 64 << 20
"""Bytes of originals that a page holds at most; the smallest come first."""

FORMATS = (".nii.gz", ".nii", ".png")
"""What the page can read."""


def program() -> str:
    """NiiVue as one script."""
    return gzip.decompress((Path(__file__).parent / "vendor" / "niivue.umd.js.gz").read_bytes()).decode("utf-8")


def link(page: Path, dataset: Path) -> str:
    """The way from a page to its dataset, "" or with a slash at its end.

    Raises `MidsError` where it would leave the folder of the page, but for a page at the top of the dataset.
    """
    here, there = page.resolve().parent, dataset.resolve()
    if not there.is_relative_to(here):
        raise MidsError(
            "--viewer link needs the page beside, above or at the top of its dataset: move "
            "it there, or use --viewer embed"
        )
    way = there.relative_to(here).as_posix()
    return "" if way == "." else f"{way}/"


def embed_originals(dataset: Path, images: pd.DataFrame) -> dict[str, str]:
    """The images of a dataset in Base64, by their paths, the smallest first, no more than `LARGEST` bytes of them."""
    names = [str(name) for name in images["filename"] if str(name).endswith(FORMATS)]
    sizes = sorted((size, name) for name in names if (size := _size(dataset / name)) is not None)
    found, total = {}, 0
    for size, name in sizes:
        total += size
        if total > LARGEST:
            break
        try:
            found[name] = b64encode((dataset / name).read_bytes()).decode("ascii")
        except OSError:
            continue
    return found


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None
