"""Reads the JSON export of MD.ai: every annotation of every mode, or an Issue for it; none is dropped in silence.

The format is that of https://docs.md.ai/data/json/; keys that a scope does not have are absent, not null. The ids of
labels may repeat from one group of labels to the next, so a label is its group and its name; the group of a repeated
id is the one that its user works with elsewhere.
"""

import json
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Literal

from mids.errors import DataError
from mids.issues import Issue, issue

Scope = Literal["STUDY", "SERIES", "INSTANCE"]
Shape = Literal["", "polygon", "mask", "box", "line", "point"]
Point = tuple[float, float]
Points = tuple[Point, ...]

LARGEST = 2 * 1024**3
"""Bytes of an export; the largest published one has some 100 MB."""


@dataclass(frozen=True, slots=True)
class Label:
    """One label of a group; `parent` is the name of the label above it, if any."""

    group: str
    name: str
    mode: str = ""
    parent: str = ""


@dataclass(frozen=True, slots=True)
class Annotation:
    """What one user said of a study, a series or an image.

    `series` and `instance` are empty where the scope is wider. `shapes` are outlines of (column, row) points as the
    export has them: rings for a polygon, the outer ring and then the holes of each part for a mask, the four corners
    of a box, an open line, one point; none where nothing was drawn. `size` is (rows, columns) of the image that it
    was drawn on, None where the export does not say. `where` is its place in the file.
    """

    id: str
    where: str
    label: Label
    user: str
    study: str
    series: str = ""
    instance: str = ""
    frame: int | None = None
    shape: Shape = ""
    shapes: tuple[tuple[Points, ...], ...] = ()
    size: tuple[int, int] | None = None
    note: str = ""

    @property
    def scope(self) -> Scope:
        """The finest thing that it is about."""
        return "INSTANCE" if self.instance else "SERIES" if self.series else "STUDY"

    @property
    def reader(self) -> str:
        """Who read: a group of labels and a user, for both can be several."""
        return f"{self.label.group} {self.user}".strip()


@dataclass(frozen=True, slots=True)
class Export:
    """An export: its labels, the studies that it lists, its annotations, and what is wrong with it.

    `count` is how many annotations stand in the file: each is in `annotations` or has an error among `issues`.
    """

    name: str
    labels: tuple[Label, ...]
    studies: frozenset[str]
    annotations: tuple[Annotation, ...]
    issues: tuple[Issue, ...]
    count: int


def looks_like_export(head: bytes) -> bool:
    """Whether the first bytes of a file may be an MD.ai export's: an object with its groups of labels or data."""
    return head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") and (b'"labelGroups"' in head or b'"datasets"' in head)


def read_export(stream: BinaryIO, path: str) -> Export:
    """The export in a stream; `path` is its name in issues.

    Raises `DataError` ``ANNOTATIONS_INVALID`` where the file is cut, no JSON, or no MD.ai export.
    """
    data = stream.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise DataError("ANNOTATIONS_INVALID", f"the export has more than {LARGEST} bytes")
    try:
        content = json.loads(data.decode("utf-8-sig"))
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        where = f" at line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise DataError("ANNOTATIONS_INVALID", f"the export is not JSON ({type(error).__name__}{where})") from error
    if not isinstance(content, dict) or not {"labelGroups", "datasets"} <= content.keys():
        raise DataError("ANNOTATIONS_INVALID", "the file is not an MD.ai export: it has no labelGroups and datasets")
    return _export(content, path)


def _export(content: Mapping[str, Any], path: str) -> Export:
    labels = _labels(content["labelGroups"])
    sets = [found for found in _items(content["datasets"]) if isinstance(found, dict)]
    studies = frozenset(
        _text(study.get("StudyInstanceUID"))
        for found in sets
        for study in _items(found.get("studies"))
        if isinstance(study, dict)
    )
    raw = [
        (f"$.datasets[{i}].annotations[{j}]", annotation)
        for i, found in enumerate(sets)
        for j, annotation in enumerate(_items(found.get("annotations")))
    ]
    groups = _groups_of_users(raw, labels)
    annotations: list[Annotation] = []
    issues: list[Issue] = []
    for where, entry in raw:
        try:
            found = _annotation(where, entry, labels, groups)
        except DataError as error:
            issues.append(issue(error.code, error.message, path, where=where, origin="read"))
        else:
            annotations.append(found)
    issues += [*_orphans(annotations, studies, path), *_repeated(annotations, path)]
    flat = tuple(dict.fromkeys(label for found in labels.values() for label in found))
    return Export(_text(content.get("name")), flat, studies - {""}, tuple(annotations), tuple(issues), len(raw))


def _items(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str:
    return str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _whole(value: object) -> int | None:
    return int(value) if isinstance(value, int | float) and math.isfinite(value) else None


# --- labels ----------------------------------------------------------------------------------------------


def _labels(groups: object) -> dict[str, tuple[Label, ...]]:
    """The labels that an id may mean: one, or more where groups share ids."""
    found: dict[str, list[Label]] = defaultdict(list)
    for group in (group for group in _items(groups) if isinstance(group, dict)):
        entries = [entry for entry in _items(group.get("labels")) if isinstance(entry, dict)]
        names = {_text(entry.get("id")): _text(entry.get("name")) for entry in entries}
        for entry in entries:
            parent = names.get(_text(entry.get("parentId")), "")
            mode = _text(entry.get("annotationMode")).lower()
            label = Label(_text(group.get("name")), _text(entry.get("name")), mode, parent)
            if label.name and label not in found[_text(entry.get("id"))]:
                found[_text(entry.get("id"))].append(label)
    return {key: tuple(labels) for key, labels in found.items()}


def _groups_of_users(raw: Sequence[tuple[str, Any]], labels: Mapping[str, Sequence[Label]]) -> dict[str, set[str]]:
    """The groups that each user surely works with: those of ids that only one group has."""
    groups: dict[str, set[str]] = defaultdict(set)
    for _, entry in raw:
        if isinstance(entry, dict):
            meant = labels.get(_text(entry.get("labelId")), ())
            if len(meant) == 1:
                groups[_text(entry.get("createdById"))].add(meant[0].group)
    return groups


def _label(entry: Mapping[str, Any], labels: Mapping[str, Sequence[Label]], groups: Mapping[str, set[str]]) -> Label:
    candidates = labels.get(_text(entry.get("labelId")), ())
    if not candidates:
        raise DataError("ANNOTATION_INVALID", "the export has no label of this id")
    if len(candidates) > 1:
        theirs = groups.get(_text(entry.get("createdById")), set())
        candidates = [label for label in candidates if label.group in theirs] or candidates
    if len(candidates) == 1:
        return candidates[0]
    if len({label.name for label in candidates}) == 1:
        return Label("", candidates[0].name, candidates[0].mode, candidates[0].parent)
    raise DataError("ANNOTATION_INVALID", f"the id of its label means {len(candidates)} labels")


# --- annotations -----------------------------------------------------------------------------------------


def _annotation(
    where: str, entry: object, labels: Mapping[str, Sequence[Label]], groups: Mapping[str, set[str]]
) -> Annotation:
    """One annotation; raises `DataError` ``ANNOTATION_INVALID`` where it can't be understood."""
    if not isinstance(entry, dict):
        raise DataError("ANNOTATION_INVALID", "the annotation is not an object")
    study = _text(entry.get("StudyInstanceUID"))
    if not study:
        raise DataError("ANNOTATION_INVALID", "the annotation names no study")
    label = _label(entry, labels, groups)
    shape, shapes = _shape(entry.get("data"), label.mode)
    rows, columns = _whole(entry.get("height")), _whole(entry.get("width"))
    return Annotation(
        id=_text(entry.get("id")), where=where, label=label, user=_text(entry.get("createdById")), study=study,
        series=_text(entry.get("SeriesInstanceUID")), instance=_text(entry.get("SOPInstanceUID")),
        frame=_whole(entry.get("frameNumber")), shape=shape, shapes=shapes,
        size=None if rows is None or columns is None else (rows, columns), note=_text(entry.get("note")),
    )  # fmt: skip


def _shape(data: object, mode: str) -> tuple[Shape, tuple[tuple[Points, ...], ...]]:
    """What was drawn: its kind, which the keys tell (the mode only tells a line from a polygon), and its points."""
    if data is None:
        return "", ()
    if not isinstance(data, dict):
        raise DataError("ANNOTATION_INVALID", "its data is neither null nor an object")
    if "vertices" in data:
        return ("line" if mode == "line" else "polygon"), ((_points(data["vertices"]),),)
    if "foreground" in data:
        return "mask", _parts([_points(p) for p in _items(data["foreground"])], _holes(data))
    if {"x", "y", "width", "height"} <= data.keys():
        ((x, y), (width, height)) = _points([[data["x"], data["y"]], [data["width"], data["height"]]])
        return "box", ((((x, y), (x + width, y), (x + width, y + height), (x, y + height)),),)
    if {"x", "y"} <= data.keys():
        return "point", ((_points([[data["x"], data["y"]]]),),)
    raise DataError("ANNOTATION_INVALID", "its data has none of the known keys")


def _holes(data: Mapping[str, Any]) -> list[Points]:
    return [_points(points) for points in _items(data.get("background"))]


def _points(value: object) -> Points:
    """(column, row) points; raises `DataError` where they are no finite numbers."""
    try:
        points = tuple((float(x), float(y)) for x, y in value)  # type: ignore[attr-defined]
    except (TypeError, ValueError) as error:
        raise DataError("ANNOTATION_INVALID", "its points are not pairs of numbers") from error
    if not all(math.isfinite(number) for point in points for number in point):
        raise DataError("ANNOTATION_INVALID", "its points are not finite")
    return points


def _parts(foreground: Sequence[Points], background: Sequence[Points]) -> tuple[tuple[Points, ...], ...]:
    """Each outer ring with the holes that begin inside it; a hole in no ring has no effect."""
    return tuple(
        (ring, *(hole for hole in background if hole and len(ring) > 2 and contains(ring, hole[0])))
        for ring in foreground
    )


def contains(ring: Sequence[Point], point: Point) -> bool:
    """Whether a point lies inside a ring, by the even-odd rule."""
    x, y = point
    inside = False
    for (x0, y0), (x1, y1) in zip(ring, (*ring[1:], ring[0]), strict=True):
        if (y0 > y) != (y1 > y) and x < (x1 - x0) * (y - y0) / (y1 - y0) + x0:
            inside = not inside
    return inside


def joined(rings: Sequence[Points]) -> Points:
    """An outer ring and its holes as one closed outline: by the even-odd rule the bridges between them cancel out."""
    outer, *holes = rings
    points = list(outer)
    for hole in holes:
        points += [outer[0], *hole, hole[0]]
    return tuple(points)


def _orphans(annotations: Sequence[Annotation], studies: frozenset[str], path: str) -> Iterator[Issue]:
    for annotation in annotations:
        if annotation.study not in studies:
            message = f"annotation {annotation.id} names a study that the export does not list"
            yield issue("ANNOTATION_ORPHAN", message, path, where=annotation.where, origin="read")


def _repeated(annotations: Sequence[Annotation], path: str) -> Iterator[Issue]:
    seen: dict[object, str] = {}
    for found in annotations:
        key = (found.reader, found.label, found.study, found.series, found.instance, found.frame, found.shapes)
        first = seen.setdefault(key, found.where)
        if first != found.where:
            message = f"annotation {found.id} repeats another one of the same annotator"
            yield issue("ANNOTATION_REPEATED", message, path, where=found.where, origin="read")
