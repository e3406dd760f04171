"""Marks, boxes and contours against the images that they are drawn on."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mids.checks.references.masks import image_of
from mids.dataset.disk.heads import NiftiHead, PngHead
from mids.inspection.cells import is_number
from mids.inspection.documents import NUMBERS
from mids.inspection.guards import is_mask
from mids.inspection.registry import Finding, Found, check, only_if
from mids.inspection.views import FileView
from mids.issues import Level
from mids.readers.tables.tsv import NA
from mids.records import Json

Row = Mapping[str, str]
SLACK = 0.5
"""Pixels by which a point may lie outside: centres of pixels are counted from 0, from a half or from 1."""
BOXES = (
    ("x", "y", "width", "height"), ("x", "y", "w", "h"), ("left", "top", "width", "height"),
    ("x_min", "y_min", "x_max", "y_max"), ("xmin", "ymin", "xmax", "ymax"), ("x1", "y1", "x2", "y2"),
)  # fmt: skip
"""Columns of boxes; where the third is a size, the box ends at the sum."""
SIZES = ("width", "w")
LISTS = ("box", "bbox", "bounding_box", "boxes")
"""Columns of lists of numbers, as corners or as corner and size: none of them may lie beyond the longer side."""


@dataclass(frozen=True, slots=True)
class _Frame:
    """What marks can be drawn on: columns, rows and slices; 0 where unknown."""

    columns: int = 0
    rows: int = 0
    slices: int = 0


def _frame(image: FileView) -> _Frame:
    """The size of the slices that marks count in: the source's, where the sidecar tells it, else the image's."""
    head, metadata = image.head, image.metadata
    rows, columns = metadata.get("Rows"), metadata.get("Columns")
    if isinstance(head, PngHead):
        return _Frame(head.columns, head.rows, 1)
    if not isinstance(head, NiftiHead):
        return _Frame()
    if not (isinstance(rows, int) and isinstance(columns, int)):
        columns, rows = (*head.shape, 1)[:2]
    is_source = metadata.get("Resampled") is not True
    return _Frame(columns, rows, (*head.shape, 1, 1)[2] if is_source else 0)


@only_if(lambda table: not table.subject)
def _has_marks(table: FileView) -> bool:
    """Whether a table holds marks or boxes: columns of a file, and of places in it."""
    header = set(table.rows.header)
    places = {"slice", "points", *LISTS} & header or any(set(names) <= header for names in BOXES)
    return not table.subject and "filename" in header and bool(places)


@check("MARK_OUTSIDE", per="table", when=_has_marks)
def mark_outside(table: FileView) -> Found:
    """A mark or a box lies outside of its image: a slice, column or row that the image has not; or its points can't be
    read.

    Why: It belongs to another image, or its columns and rows are exchanged; laid over the image it is lost.

    Fix: Correct the row, or draw again.
    """
    for line, row, frame in _marked(table):
        for column, message, value in _outside(row, frame):
            yield Finding(message, f"row {line}, column {column}", value)


@check("BOX_SHAPE_CONTRADICTED", per="table", level=Level.INFO, when=_has_marks)
def box_shape_contradicted(table: FileView) -> Found:
    """A box was drawn on an image of another shape than that which its row names (image_width, image_height).

    Why: Scaled to the image, the box marks another place; the image was cropped since, or is another one.

    Fix: Draw the box again on the image of the dataset, or correct the row.
    """
    for line, row, frame in _marked(table):
        drawn = _drawn_on(row)
        if drawn and not _is_copy(drawn, frame):
            where, value = f"row {line}, column image_width", f"{drawn.columns} × {drawn.rows}"
            yield Finding("the image has another shape", where, value, f"{frame.columns} × {frame.rows}")


def _marked(table: FileView) -> Iterator[tuple[int, Row, _Frame]]:
    """(line, row, size of its image) of every row that names an image."""
    header = table.rows.header
    for line, cells in zip(table.rows.lines, table.rows.rows, strict=True):
        row = dict(zip(header, cells, strict=True))
        path = row["filename"]
        if table.dataset.has(path) and (image := table.dataset.view(path)).kind == "image":
            yield line, row, _frame(image)


def _drawn_on(row: Row) -> _Frame | None:
    """The size of the copy, often a smaller one, that a box was drawn on, where the row tells it."""
    width, height = row.get("image_width", ""), row.get("image_height", "")
    return _Frame(int(float(width)), int(float(height))) if is_number(width) and is_number(height) else None


def _is_copy(drawn: _Frame, frame: _Frame) -> bool:
    """Whether one size is the other's, made smaller or larger; by a pixel either way, for sides are rounded."""
    if not frame.columns:
        return True
    off = abs(drawn.columns * frame.rows - drawn.rows * frame.columns)
    sides = (frame.columns, frame.rows, drawn.columns, drawn.rows)
    return min(sides) > 0 and off <= max(sides)


def _outside(row: Row, frame: _Frame) -> Iterator[tuple[str, str, str]]:
    """(column, message, value) of what in a row lies outside."""
    number = row.get("slice", "")
    if frame.slices and is_number(number) and not 0 <= float(number) < frame.slices:
        yield "slice", f"the image has {frame.slices} slices, counted from 0", number[:20]
    points = _read_list(row.get("points", ""))
    if not _are_points(row, points):
        yield "points", f"the points can't be read; they are pairs of numbers, as in {EXAMPLE}", row["points"][:40]
    for x, y in _points(points):
        if not _holds(frame, x, y):
            yield "points", _size(frame), f"{x:g}, {y:g}"
            break
    yield from _box(row, _drawn_on(row) or frame)
    for name in LISTS:
        numbers = list(_numbers(row.get(name, "")))
        if frame.columns and any(not -SLACK <= n <= max(frame.columns, frame.rows) + SLACK for n in numbers):
            yield name, _size(frame), row[name][:40]


EXAMPLE = "[[3.5, 4.5], [6, 4.5]]"


def _are_points(row: Row, found: Json) -> bool:
    """Whether a cell has points: pairs of columns and rows, with a third number where no column says the slice.

    A mark without a shape has an empty list.
    """
    if row.get("points", NA).strip() in ("", NA):
        return True
    sizes = (2,) if "slice" in row else (2, 3)
    return isinstance(found, list) and all(
        isinstance(item, list) and len(item) in sizes and all(type(number) in NUMBERS for number in item)
        for item in found
    )


def _read_list(text: str) -> Json:
    """What a cell holds as JSON; None where it is no list."""
    try:
        return json.loads(text) if text.startswith("[") else None
    except (ValueError, RecursionError):
        return None


def _numbers(text: str) -> Iterator[float]:
    """The numbers of a list in a cell, and of the lists in it."""
    stack = [_read_list(text)]
    while stack:
        item = stack.pop()
        if isinstance(item, list):
            stack += item
        elif isinstance(item, int | float):
            yield float(item)


def _box(row: Row, frame: _Frame) -> Iterator[tuple[str, str, str]]:
    names = next((names for names in BOXES if all(is_number(row.get(name, "")) for name in names)), None)
    if names is None:
        return
    left, top, right, bottom = (float(row[name]) for name in names)
    if names[2] in SIZES:
        right, bottom = left + right, top + bottom
    if right <= left or bottom <= top:
        yield names[2], "the box has no area", f"{right - left:g} × {bottom - top:g}"
    elif not (_holds(frame, left, top) and _holds(frame, right, bottom)):
        yield names[0], _size(frame), f"{left:g}, {top:g} to {right:g}, {bottom:g}"


def _holds(frame: _Frame, x: float, y: float) -> bool:
    if not frame.columns:
        return True
    return -SLACK <= x <= frame.columns + SLACK and -SLACK <= y <= frame.rows + SLACK


def _size(frame: _Frame) -> str:
    return f"the image has {frame.columns} columns and {frame.rows} rows"


def _points(found: Json) -> list[tuple[float, float]]:
    items = found if isinstance(found, list) else []
    pairs = [item for item in items if isinstance(item, list) and len(item) > 1]
    return [(float(x), float(y)) for x, y, *_ in pairs if isinstance(x, int | float) and isinstance(y, int | float)]


@check("CONTOUR_OUTSIDE", per="image", when=is_mask)
def contour_outside(mask: FileView) -> Found:
    """A contour in the sidecar of a segmentation lies outside of the image that it is of.

    Why: It belongs to another image; the segmentation made from it marks the wrong place.

    Fix: Convert the segmentation again, with the contours of its image.
    """
    contours, image = mask.metadata.get("Contours"), image_of(mask)
    if not isinstance(contours, list) or image is None:
        return
    frame = _frame(image)
    geometry = mask.metadata.get("ContourGeometry")
    positions = geometry.get("ImagePositionPatient") if isinstance(geometry, dict) else None
    slices = len(positions) if isinstance(positions, list) else frame.slices
    for number, contour in enumerate(contours):
        if not isinstance(contour, dict):
            continue
        place, at = f"$.Contours[{number}]", contour.get("Slice")
        if slices and isinstance(at, int) and not 0 <= at < slices:
            yield Finding(f"there are {slices} slices, counted from 0", f"{place}.Slice", str(at))
        if any(not _holds(frame, x, y) for x, y in _points(contour.get("Points"))):
            yield Finding(_size(frame), f"{place}.Points")
