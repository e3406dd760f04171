"""Boxes in the JSON of COCO (cocodataset.org, data format): images, categories, annotations with a bbox.

A bbox is [x, y, width, height] in pixels from the left and upper edge of the image, so that whole numbers lie on the
corners of pixels.
"""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mids.errors import DataError
from mids.issues import Issue, issue
from mids.readers.archives.files import open_source
from mids.records import Source


@dataclass(frozen=True, slots=True)
class Box:
    """One box; `label` is the name of its category."""

    label: str
    x: float
    y: float
    width: float
    height: float

    def corners(self) -> tuple[tuple[float, float], ...]:
        """The outline as (column, row), whole numbers at the centres of pixels."""
        left, top = self.x - 0.5, self.y - 0.5
        right, bottom = left + self.width, top + self.height
        return (left, top), (right, top), (right, bottom), (left, bottom)


@dataclass(slots=True)
class Boxed:
    """An image by the name of its file, its size in pixels as the boxes were drawn, and the boxes."""

    file: str
    rows: int
    columns: int
    boxes: list[Box] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Coco:
    """What a file of boxes holds: the categories, the images in its order, and what can't be used."""

    labels: tuple[str, ...]
    images: tuple[Boxed, ...]
    issues: tuple[Issue, ...]


def read_coco(root: Path, source: Source) -> Coco:
    """The boxes of a COCO file; what can't be read of it is an Issue, never an exception."""
    try:
        with open_source(root, source) as stream:
            content = json.loads(stream.read())
        labels = {str(entry["id"]): str(entry["name"]) for entry in content["categories"]}
        images = {
            str(entry["id"]): Boxed(str(entry["file_name"]), int(entry["height"]), int(entry["width"]))
            for entry in content["images"]
        }
        annotations = list(content["annotations"])
    except (DataError, ValueError, KeyError, TypeError, RecursionError) as error:
        message = f"the file is not COCO JSON, or is cut off ({type(error).__name__})"
        return Coco((), (), (issue("ANNOTATIONS_INVALID", message, source.name, origin="read"),))
    issues = list(_take(annotations, images, labels, source.name))
    return Coco(tuple(labels.values()), tuple(images.values()), tuple(issues))


def _take(annotations: list[Any], images: Mapping[str, Boxed], labels: Mapping[str, str], path: str) -> Iterator[Issue]:
    """Puts each annotation's box to its image; yields an Issue for each that has none."""
    for number, entry in enumerate(annotations):
        where = f"$.annotations[{number}]"
        known = entry if isinstance(entry, dict) else {}
        image, label = images.get(str(known.get("image_id"))), labels.get(str(known.get("category_id")))
        numbers = _numbers(known.get("bbox"))
        if image is None:
            yield issue("REGION_UNMATCHED", "the box names no image of the file", path, where=where, origin="read")
        elif label is None:
            yield issue("ANNOTATION_INVALID", "the box has no known category", path, where=where, origin="read")
        elif not numbers:
            message = "the box has no four numbers, or no extent"
            yield issue("REGION_INVALID", message, path, where=where, origin="read")
        else:
            image.boxes.append(Box(label, *numbers))


def _numbers(box: object) -> list[float]:
    """The four numbers of a box, none where it is no box."""
    values = box if isinstance(box, list) else []
    numbers = [float(value) for value in values if isinstance(value, int | float) and math.isfinite(value)]
    return numbers if len(values) == len(numbers) == 4 and min(numbers[2:]) > 0 else []
