"""What only the owner of a dataset may see: images that were left out, and images before they were redacted."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd

from mids.errors import DataError, MidsError
from mids.gallery.skipped import Rows, fate
from mids.gallery.thumbnails import as_uri, find_extremes, shrink
from mids.records import Map
from mids.run.decided.choices import load_choices
from mids.run.looking import find_file, read_plane

SIDE = 480
"""The longer side of a source's image, in pixels."""

MOST = 300
"""Source files whose images are shown."""

FATES = ("withheld", "lost", "left out")
"""In the order in which a person wants to see them."""


@dataclass(frozen=True, slots=True)
class Left:
    """A source file that is not in the dataset: what became of it and why, and its image as a data URI, or ""."""

    reference: str
    source: str
    fate: str
    reason: str
    size: tuple[int, int] = (0, 0)
    image: str = ""


@dataclass(frozen=True, slots=True)
class Private:
    """What the private page has of a dataset: `before` are images before redaction, by their path in the dataset."""

    left: tuple[Left, ...] = ()
    before: Mapping[str, str] | None = None


def read_private(dataset: Path, rows: Rows, images: pd.DataFrame, mapped: Map) -> Private:
    """Images of sources; raises `MidsError` where the dataset was not made here, so that nothing is known of them."""
    if not rows:
        raise MidsError(f"{dataset} has no table of sources beside it: a private page shows what was left out of a run")
    roots = tuple(map(Path, load_choices(dataset.resolve()).sources))
    found = [
        Left(row["reference"], row["source"], fate(row), row["reason"]) for row in rows if row["status"] != "converted"
    ]
    found.sort(key=lambda left: FATES.index(left.fate))
    drawn = mapped(partial(_draw, roots), [left.source for left in found[:MOST]])
    left = [
        Left(each.reference, each.source, each.fate, each.reason, *picture)
        for each, picture in zip(found[:MOST], drawn, strict=True)
    ]
    redacted = list(_redacted(rows, images))
    pictures = mapped(partial(_draw, roots), [source for _, source in redacted])
    before = {name: image for (name, _), (_, image) in zip(redacted, pictures, strict=True) if image}
    return Private(tuple(left), before)


def _redacted(rows: Rows, images: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """Each image of which areas were redacted, with its source; of several sources the first."""
    if "BlankedRegions" not in images:
        return
    names = set(images.loc[images["BlankedRegions"].notna(), "filename"])
    for row in rows:
        if row["filename"] in names:
            names.discard(row["filename"])
            yield row["filename"], row["source"]


def _draw(roots: Sequence[Path], source: str) -> tuple[tuple[int, int], str]:
    """Width and height, and the image of a source file; nothing where it has none that can be read."""
    try:
        found = find_file(roots, source)
        pixels = read_plane(*found)[0] if found else None
    except DataError:
        pixels = None
    if pixels is None or min(pixels.shape[:2]) < 1:
        return (0, 0), ""
    limits = (0.0, 255.0) if pixels.ndim == 3 else find_extremes([pixels])
    scale = min(1.0, SIDE / max(pixels.shape[:2]))
    size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
    return size, as_uri(shrink(pixels, limits, size), 75)
