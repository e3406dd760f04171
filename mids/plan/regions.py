"""Jobs for regions of interest: one label map for each reader and image, below derivatives/rois."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mids.actions.mask import Mask, MaskPicture
from mids.issues import Issue, issue
from mids.names import Name, build, label
from mids.plan.job import Job
from mids.records import Compression, Geometry, Json, MaskFile, Record, Regions

ROOT = "derivatives/rois"


@dataclass(frozen=True, slots=True)
class Target:
    """The image that regions lie on: its record and the job that delivers it."""

    record: Record
    job: Job


def region_jobs(
    items: Sequence[Regions | MaskFile], targets: Mapping[str, Target], compression: Compression
) -> Iterator[Job | Issue]:
    """The jobs of regions whose image is delivered, an Issue for each that has none."""
    for item in items:
        target = targets.get(item.image)
        if target is None:
            message = f"regions of reader {item.reader} name an image that is not converted"
            yield issue("REGION_UNMATCHED", message, item.source.name, origin="read")
            continue
        name = _name(target.job.name, item.reader)
        outputs = (name.path, name.with_extension(".tsv").path)
        action = _action(item, target.record, compression)
        key = f"{target.job.key}.{label(item.reader)}"
        sidecar: dict[str, Json] = {**_described(item), "Sources": [f"bids::{target.job.path}"]}
        yield Job(key, target.job.subject, target.job.session, name, outputs, action, sidecar, {})


def _name(image: Name, reader: str) -> Name:
    entities = {**dict(image.entities), "desc": label(reader) or "reader"}
    extension = ".png" if image.extension == ".png" else ".nii.gz"
    return build(entities, "dseg", extension, group=image.group, datatype=image.datatype, root=ROOT)


def _action(item: Regions | MaskFile, record: Record, compression: Compression) -> Mask | MaskPicture:
    shape = record.geometry or _flat(record)
    lookup = tuple(item.lookup.items())
    if isinstance(item, MaskFile):
        return MaskPicture(item.source, shape.rows, shape.columns, lookup, compression)
    is_picture = record.geometry is None
    return Mask(item.source, shape, is_picture, item.outlines, lookup, compression)


def _flat(record: Record) -> Geometry:
    sizes = [record.header.get(key) for key in ("Rows", "Columns")]
    rows, columns = (size if isinstance(size, int) else 0 for size in sizes)
    return Geometry(rows, columns, 1)


def _described(item: Regions | MaskFile) -> dict[str, Json]:
    """The sidecar of a label map: who drew it, and the outlines as they were drawn."""
    described: dict[str, Json] = {"Reader": item.reader, "Type": "ROI"}
    if isinstance(item, Regions):
        described["Contours"] = [
            {"Label": outline.label, "Slice": outline.slice, "Points": [list(point) for point in outline.points]}
            for outline in item.outlines
        ]
        if item.note:
            described["ContourConvention"] = item.note
    return described
