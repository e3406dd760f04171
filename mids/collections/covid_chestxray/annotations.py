"""Severity scores, lung boxes and lung masks, which others added to the collection."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from mids.collections.covid_chestxray.metadata import METADATA, NAME, Row
from mids.issues import Issue, issue
from mids.readers.annotations.coco import Boxed, read_coco
from mids.readers.tables.table import check_columns, read_csv
from mids.records import Entry, Item, MaskFile, Outline, Regions, Source
from mids.vocabulary import clinical

SCORES = "covid-severity-scores.csv"
BOXES = "imageannotation_ai_lung_bounding_boxes.json"
MASKS = "lungVAE-masks"


@dataclass(slots=True)
class Annotations:
    """What was annotated, by the name of the image's file; masks by that name without its suffix.

    `labels` are the classes of the boxes, which `boxes_file` holds; `used` are the files that were read.
    """

    scores: dict[str, dict[str, str]] = field(default_factory=dict)
    boxes: dict[str, Boxed] = field(default_factory=dict)
    masks: dict[str, Source] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    boxes_file: Source = field(default_factory=lambda: Source(BOXES))
    used: set[Source] = field(default_factory=set)
    issues: list[Issue] = field(default_factory=list)


def read_annotations(root: Path, files: Iterable[Source]) -> Annotations:
    """The scores, boxes and masks among the files, in whatever folder they lie.

    Raises `MidsError` where the table of scores lacks a column.
    """
    found = Annotations()
    for source in files:
        path = PurePosixPath(source.path)
        mask = re.fullmatch(r"(.+)_mask(\.png)+", path.name)
        if path.name == SCORES:
            table = read_csv(root, source, comment="##")
            if table.header:
                names = ("filename", "geographic_mean", "opacity_mean")
                table = check_columns(table, names, names)
            found.scores = {row["filename"].strip(): row for row in table.rows}
            found.issues += table.issues
        elif path.name == BOXES:
            content = read_coco(root, source)
            found.boxes = {boxed.file: boxed for boxed in content.images}
            found.labels, found.boxes_file = content.labels, source
            found.issues += content.issues
        elif path.parent.name == MASKS and mask:
            found.masks[mask[1]] = source
        else:
            continue
        found.used.add(source)
    return found


def strays(rows: Sequence[Row], annotations: Annotations) -> Iterator[Issue]:
    """Annotations of images that metadata.csv does not name."""
    names = {PurePosixPath(row.file).name for row in rows}
    for name in sorted(set(annotations.scores) - names):
        yield issue("ENTRY_UNMATCHED", f"no row of {METADATA} names {name}", SCORES, origin="read")
    for name in sorted(set(annotations.boxes) - names):
        yield issue("REGION_UNMATCHED", f"no row of {METADATA} names {name}", BOXES, origin="read")
    for stem in sorted(set(annotations.masks) - {PurePosixPath(name).stem for name in names}):
        message = f"no row of {METADATA} names the image of this mask"
        yield issue("REGION_UNMATCHED", message, annotations.masks[stem].path, origin="read")


def build_annotation_items(row: Row, shape: tuple[int, int] | None, annotations: Annotations) -> Iterator[Item]:
    """The scores, boxes and mask of a row's image. Where that is absent, the plan says that they have none."""
    name = PurePosixPath(row.file).name
    if name in annotations.scores:
        values, problems = clinical.load(NAME).values("chest_severity", annotations.scores[name])
        for problem in problems:
            message = f"{problem.column} of {name} is not a possible score"
            yield issue(problem.code, message, SCORES, value=problem.value, origin="read")
        yield Entry("chest_severity", row.patient, values, row.study, row.image)
    boxed = annotations.boxes.get(name)
    if boxed and boxed.boxes:
        yield from _boxes(row, shape, boxed, annotations)
    mask = annotations.masks.get(PurePosixPath(name).stem)
    if mask:
        yield MaskFile(row.patient, row.study, row.image, "lungVAE", mask, {"Lung": 1})


def _boxes(row: Row, shape: tuple[int, int] | None, boxed: Boxed, annotations: Annotations) -> Iterator[Item]:
    """The boxes of an image as a label map and, in the pixels that they were drawn in, as rows of a table."""
    source = annotations.boxes_file
    if shape in (None, (boxed.rows, boxed.columns)):
        outlines = tuple(Outline(box.label, box.corners()) for box in boxed.boxes)
        lookup = {label: number for number, label in enumerate(annotations.labels, start=1)}
        note = "Corners of boxes; whole numbers are the centres of pixels (COCO counts from the image's outer edges)."
        yield Regions(row.patient, row.study, row.image, "imageannotationai", outlines, lookup, source, note)
    elif shape is not None:
        sizes = f"{boxed.columns} × {boxed.rows} pixels, the image has {shape[1]} × {shape[0]}"
        message = f"the boxes of {row.file} were drawn on {sizes}: only the table holds them"
        yield issue("REGION_MISMATCH", message, source.path, origin="read")
    drawn_on = {"image_width": str(boxed.columns), "image_height": str(boxed.rows)}
    for box in boxed.boxes if row.source is not None else ():
        place = {"x": box.x, "y": box.y, "width": box.width, "height": box.height}
        values = {"label": box.label, **{key: f"{value:g}" for key, value in place.items()}, **drawn_on}
        yield Entry("lung_boxes", row.patient, values, row.study, row.image)
