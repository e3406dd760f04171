"""What changed between two releases of a dataset, as one HTML page: images, values, labels, and what came and went."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from mids._version import __version__
from mids.dataset import Dataset
from mids.gallery import facts
from mids.gallery.compared.pairs import BINS, Histogram, Places, compare_pair
from mids.gallery.contents import list_words
from mids.gallery.facets import REPEATING, facets
from mids.gallery.page import HERE, MARK, build_policy, check_target, environment, save, workers
from mids.gallery.thumbnails import Task, Thumbnail, thumbnail
from mids.records import Map
from mids.releases.compare import Changes, compare
from mids.report import releases
from mids.report.html import CSS
from mids.vocabulary.bids.names import split_name

PAIRS, TILES, LINES = 100, 60, 200
"""Changed images that are shown if nobody says how many, images that came or went, and images whose labels changed."""


Labels = Sequence[tuple[str, ...]]
"""The labels of each image."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A value of a column with its images in the old and the new release."""

    value: str
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Shift:
    """A column whose values have another distribution than before."""

    title: str
    bars: tuple[Bar, ...]
    most: int


@dataclass(frozen=True, slots=True)
class Relabelled:
    """An image of both releases with other labels."""

    name: str
    removed: tuple[str, ...]
    added: tuple[str, ...]


def write_comparison(
    old: Path, new: Path, output: Path, *, jobs: int = 1, title: str = "", thumbnails: int = PAIRS
) -> Changes:
    """Writes the page of two releases, with images of at most `thumbnails` changed ones, and returns what changed.

    Raises `MidsError` where use or environment is wrong, or one of them is no dataset.
    """
    check_target(output, (old, new))
    changes = compare(old, new, jobs=jobs)
    pair = Dataset(old, text=True), Dataset(new, text=True)
    labels = _labels(pair[0]), _labels(pair[1])
    with workers(jobs) as mapped:
        names = [name for name in changes.pixels if not name.startswith("derivatives/")]
        places = [Places(name, old / name, new / name) for name in names[:thumbnails]]
        pairs = list(mapped(compare_pair, places))
        added = _tiles(new, changes.images.added, mapped)
        removed = _tiles(old, changes.images.removed, mapped)
    page = environment().get_template("compare.html.j2").render(
        title=title or f"{pair[1].name}: what changed", old=pair[0].name, new=pair[1].name, mark=MARK,
        css=CSS + (HERE / "page" / "compare.css").read_text(encoding="utf-8"),
        script=(script := (HERE / "page" / "compare.js").read_text(encoding="utf-8")),
        policy=build_policy([script], is_linked=False, has_viewer=False),
        numbers=_numbers(changes), pairs=pairs, more=len(names) - len(pairs), shifts=_shifts(pair, labels),
        relabelled=_relabelled(pair, labels, dict(changes.renamed)), added=added, removed=removed, changes=changes,
        most=LINES, tiles=TILES,
        text=releases.text(changes, shown=0), version=__version__, area=_area,
    )  # fmt: skip
    save(output, page, mode=0o666)
    return changes


def _numbers(changes: Changes) -> list[tuple[str, int]]:
    """What stands at the top."""
    found = (
        ("images added", len(changes.images.added)), ("images removed", len(changes.images.removed)),
        ("renamed", len(changes.renamed)), ("other pixels", len(changes.pixels)),
        ("other headers", len(changes.headers)), ("labels with other counts", len(changes.labels)),
        ("tables changed", len(changes.tables)),
    )  # fmt: skip
    return [each for each in found if each[1]]


def _tiles(root: Path, names: Sequence[str], mapped: Map) -> list[tuple[str, Thumbnail]]:
    """Thumbnails of some images, masks apart."""
    shown = [name for name in names if not name.startswith("derivatives/")][:TILES]
    tasks = [Task(root, name, suffix=split_name(name.rpartition("/")[2]).suffix) for name in shown]
    return list(zip(shown, mapped(thumbnail, tasks), strict=True))


# --- values and labels -----------------------------------------------------------------------------------


def _labels(dataset: Dataset) -> Labels:
    return list_words(facts.build_counted_tables(dataset, {}), dataset.images, "labels")


def _shifts(pair: tuple[Dataset, Dataset], labels: tuple[Labels, Labels]) -> list[Shift]:
    """The columns of images whose distributions changed; values in the order of the old release."""
    counts: list[dict[str, dict[str, int]]] = []
    titles: dict[str, str] = {}
    for dataset, words in zip(pair, labels, strict=True):
        found: dict[str, dict[str, int]] = {}
        for facet in facets(dataset.images, {"labels": words}, every=True):
            if facet.name in REPEATING:
                continue
            numbers = pd.Series([number for row in facet.rows for number in row], dtype="int64").value_counts()
            found[facet.name] = {value: int(numbers.get(at, 0)) for at, value in enumerate(facet.values)}
            titles.setdefault(facet.name, facet.title)
        counts.append(found)
    shifts = []
    for name, title in titles.items():
        before, after = (each.get(name, {}) for each in counts)
        if before != after:
            bars = tuple(Bar(v, before.get(v, 0), after.get(v, 0)) for v in dict.fromkeys([*before, *after]))
            shifts.append(Shift(title, bars, max(max(bar.before, bar.after) for bar in bars)))
    return shifts


def _relabelled(
    pair: tuple[Dataset, Dataset], labels: tuple[Labels, Labels], moved: Mapping[str, str]
) -> list[Relabelled]:
    """Images of both releases whose labels differ, by their new names."""
    old, new = (
        {str(name): words for name, words in zip(dataset.images["filename"], own, strict=True)}
        for dataset, own in zip(pair, labels, strict=True)
    )
    old = {moved.get(name, name): words for name, words in old.items()}
    return [
        Relabelled(name, tuple(w for w in old[name] if w not in words), tuple(w for w in words if w not in old[name]))
        for name, words in new.items() if name in old and set(old[name]) != set(words)
    ]  # fmt: skip


def _area(histogram: Histogram, which: str) -> str:
    """The outline of a histogram as an SVG path of 240 × 60 units; roots, so that rare values are seen too."""
    every = [*histogram.before, *histogram.after]
    most = max(every) ** 0.5
    shares: tuple[float, ...] = getattr(histogram, which)
    width = 240 / BINS
    steps = "".join(f"V{60 - 58 * share**0.5 / most:.1f}h{width:g}" for share in shares)
    return f"M0 60{steps}V60Z"
