"""The same image twice: under another name, in another encoding, flipped. Deep."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from pathlib import Path

from mids.dataset.disk.heads import NiftiHead, PngHead
from mids.errors import DataError
from mids.inspection.registry import Finding, Found, check
from mids.inspection.views import DatasetView, FileView

THREADS = 2
"""Images that are unpacked at a time: each may be large."""


@check("IMAGE_DUPLICATED", per="dataset", deep=True)
def image_duplicated(dataset: DatasetView) -> Found:
    """Two images with different names have the same pixels, perhaps flipped, or with other bits, slopes or packing.

    Why: One of them belongs to the wrong person, or counts twice; in training and test data it makes results
    too good.

    Fix: Find out whose image it is, and remove the other.
    """
    # Views of all images of a dataset would fill the memory.
    alike = sorted((repr(_size(FileView(path, dataset))), path) for path in dataset.images)
    for _, group in groupby(alike, key=lambda pair: pair[0]):
        paths = [path for _, path in group]
        yield from _find_same_images(dataset, paths) if len(paths) > 1 else ()


def _size(image: FileView) -> list[int] | str:
    """The lengths of an image's axes, in any order, from its head; its path where that can't be read."""
    head = image.head
    if isinstance(head, NiftiHead):
        return sorted(length for length in head.shape if length > 1)
    if isinstance(head, PngHead):
        return sorted(length for length in (head.rows, head.columns) if length > 1)
    return image.path


def _find_same_images(dataset: DatasetView, paths: list[str]) -> Iterator[Finding]:
    """The images among some of one size that have the same pixels as an earlier one."""
    from mids.dataset.disk.fingerprint import likeness  # numpy, which the quick checks do without

    earlier: dict[bytes, list[str]] = {}
    with ThreadPoolExecutor(min(THREADS, os.cpu_count() or 1)) as pool:
        for path, mark in zip(paths, pool.map(lambda path: _signature(dataset.place(path)), paths), strict=True):
            for other in earlier.setdefault(mark, []) if mark else ():
                if path.split(".")[0] == other.split(".")[0]:
                    continue  # that is IMAGE_TWICE's
                how = likeness(Path(dataset.place(path)), Path(dataset.place(other)))
                if how:
                    yield _finding(path, other, how)
                    break
            else:
                earlier.setdefault(mark, []).append(path)


def _signature(place: str) -> bytes:
    """What images with the same pixels share; nothing where an image is blank or can't be read."""
    from mids.dataset.disk.fingerprint import read_head, read_values, signature

    try:
        head = read_head(Path(place))
        return signature(read_values(Path(place), head), head)
    except DataError:
        return b""


def _finding(path: str, other: str, how: str) -> Finding:
    same = other.partition("/")[0] == path.partition("/")[0]
    whose = "another image of the subject" if same else "an image of another subject"
    return Finding(f"{whose} has {how}", value=path, path=path, where=f"same as {other}")
