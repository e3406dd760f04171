"""Facets of the page: by what its images can be narrowed down, each with the values that there are."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from mids.analysis.counting import assign_bands, numbers
from mids.analysis.plots import SEXES
from mids.analysis.statistics import DECADES

TITLES: Mapping[str, str] = {
    "modality": "modality", "suffix": "kind", "bp": "body part", "vp": "view", "lat": "side", "sex": "sex",
    "age": "age",
    "labels": "label", "finding": "finding", "split": "split", "covid_test": "COVID-19 test", "quality": "quality",
    "patient_position": "position", "Manufacturer": "manufacturer", "site": "site", "region": "region",
    "country": "country",
}  # fmt: skip
"""Columns that are facets, in the order in which they are shown, and what they are called."""

REPEATING = {"suffix": "modality", "finding": "labels"}
"""Facets that are left out where they divide the images as another one does."""

LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_"
"""Numbers from 0 to 63 as single letters; "~" is -1."""

MOST = 300
"""Values of a facet; a column with more tells images apart rather than kinds of them."""

Lists = Mapping[str, Sequence[tuple[str, ...]]]
"""Columns whose cells hold several values: the values of each row."""


@dataclass(frozen=True, slots=True)
class Facet:
    """A column by which images are chosen: its `values`, and for each row the numbers of the values that it has."""

    name: str
    title: str
    values: tuple[str, ...]
    rows: tuple[tuple[int, ...], ...]

    def plain(self) -> dict[str, Any]:
        """The facet for the page: each different list of values once, and for each row which of them it has."""
        known = list(dict.fromkeys(self.rows))
        place = {row: number for number, row in enumerate(known)}
        codes = [place[row] for row in self.rows]
        return {"name": self.name, "title": self.title, "values": self.values, "parts": known, "codes": pack(codes)}


def pack(codes: Sequence[int]) -> str | Sequence[int]:
    """Numbers from -1 on, one letter each where all are small: of ten thousand images half of the bytes."""
    if max(codes, default=0) >= len(LETTERS):
        return codes
    return "".join("~" if code < 0 else LETTERS[code] for code in codes)


def facets(images: pd.DataFrame, lists: Lists, *, every: bool = False) -> list[Facet]:
    """The facets of a table of images that tell some from others; `every`: those too that all images have alike."""
    found = {facet.name: facet for facet in _every(images, lists)}
    return [
        facet for facet in found.values()
        if (every or len(set(facet.rows)) > 1) and len(facet.values) <= MOST
        and not _is_same(facet, found.get(REPEATING.get(facet.name, "")))
    ]  # fmt: skip


def _every(images: pd.DataFrame, lists: Lists) -> Iterator[Facet]:
    for name, title in TITLES.items():
        if name == "age":
            ages = numbers(images, "age").fillna(numbers(images, "age_min"))
            bands = assign_bands(ages, DECADES)
            yield _facet(name, title, [() if pd.isna(band) else (str(band),) for band in bands], DECADES)
        elif name in lists:
            yield _facet(name, title, lists[name])
        elif name in images:
            words = SEXES if name == "sex" else {}
            cells = (None if pd.isna(value) else str(value) for value in images[name])
            yield _facet(name, title, [() if cell is None else (words.get(cell, cell),) for cell in cells])


def _facet(name: str, title: str, rows: Sequence[tuple[str, ...]], order: Collection[str] = ()) -> Facet:
    """A facet whose commonest values come first, or those of `order` in this order."""
    counts = pd.Series([value for row in rows for value in row], dtype="object").value_counts()
    values = [value for value in order if value in counts] if order else sorted(counts.index, key=lambda v: -counts[v])
    place = {value: number for number, value in enumerate(values)}
    return Facet(name, title, tuple(values), tuple(tuple(sorted({place[value] for value in row})) for row in rows))


def _is_same(one: Facet, other: Facet | None) -> bool:
    """Whether two facets divide the images alike."""
    if other is None:
        return False
    return len(set(zip(one.rows, other.rows, strict=True))) == len(set(one.rows)) == len(set(other.rows))
