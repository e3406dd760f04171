"""Jobs for regions of interest: one label map for each reader and image, below derivatives/rois."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from mids.actions.mask import Mask, MaskPicture
from mids.actions.maskfile import MaskFrames, MaskVolume
from mids.issues import Issue, issue
from mids.plan.job import Job
from mids.readers.dicom.geometry import positions
from mids.records import Compression, Contours, Geometry, Json, MaskFile, Record, Regions
from mids.vocabulary.names import Name, build, label

ROOT = "derivatives/rois"
_CONVENTION = (
    "Points are column and row of the source's slice, whole numbers at the centres of pixels, (0, 0) at the upper "
    "left; slices count from 0 along row × column."
)
_TAKEN: Mapping[Contours, str] = {
    "corner": "The source does not say where whole numbers lie: they were taken as the upper left corners of pixels, "
    "and 0.5 was subtracted.",
    "centre": "The source does not say where whole numbers lie: they were taken as the centres of pixels.",
}


@dataclass(frozen=True, slots=True)
class Target:
    """The image that regions lie on: its record and the job that delivers it."""

    record: Record
    job: Job


def region_jobs(
    items: Sequence[Regions | MaskFile], targets: Mapping[str, Target], compression: Compression, contours: Contours
) -> Iterator[Job | Issue]:
    """The jobs of regions whose image is delivered, an Issue for each that has none.

    `contours` says where whole numbers lie in a pixel for the outlines whose source does not say.
    """
    for drawn in items:
        item = placed(drawn, contours) if isinstance(drawn, Regions) else drawn
        target = targets.get(item.image)
        if target is None or (target.record.kind == "nifti" and isinstance(item, Regions)):
            what = "an image that was not converted" if target is None else "slices, but the image came as a NIfTI"
            message = f"regions of annotator {item.reader} name {what}"
            yield issue("REGION_UNMATCHED", message, item.source.name, origin="read")
            continue
        if target.record.kind != "nifti" and not (target.record.geometry or _flat(target.record).rows):
            message = f"regions of reader {item.reader} lie on an image of unknown size: its record lacks Rows, Columns"
            yield issue("REGION_MISMATCH", message, item.source.name, origin="read")
            continue
        assert target.job.name is not None
        name = _name(target.job.name, item.reader)
        place = f"{ROOT}/{target.job.path.rpartition('/')[0]}/{name.stem}"  # the image's own folder, in any layout
        outputs = (place + name.extension, f"{place}.tsv")
        action = _action(item, target.record, compression)
        key = f"{target.job.key}.{label(item.reader)}"
        sidecar: dict[str, Json] = {**_described(item, target.record.geometry), "Sources": [f"bids::{target.job.path}"]}
        yield Job(key, target.job.subject, target.job.session, name, outputs, action, sidecar, {}, target.job.path)


def placed(item: Regions, contours: Contours) -> Regions:
    """The regions with whole numbers at the centres of pixels, and a note of what was taken for granted."""
    if item.convention == "centre":
        return item
    shift = 0.5 if contours == "corner" else 0.0
    outlines = tuple(
        replace(outline, points=tuple((x - shift, y - shift) for x, y in outline.points)) for outline in item.outlines
    )
    note = f"{item.note} {_TAKEN[contours]}".strip()
    return replace(item, outlines=outlines, note=note, convention="centre")


def _name(image: Name, reader: str) -> Name:
    entities = {**dict(image.entities), "desc": label(reader) or "reader"}
    extension = ".png" if image.extension == ".png" else ".nii.gz"
    return build(entities, "dseg", extension, group=image.group, datatype=image.datatype, root=ROOT)


def _action(
    item: Regions | MaskFile, record: Record, compression: Compression
) -> Mask | MaskPicture | MaskVolume | MaskFrames:
    shape = record.geometry or _flat(record)
    lookup = tuple(item.lookup.items())
    is_picture = record.geometry is None
    if isinstance(item, Regions):
        return Mask(item.source, shape, is_picture, item.outlines, lookup, compression)
    if item.frames:
        return MaskFrames(item.source, shape, is_picture, item.frames, lookup, compression)
    if item.source.name.lower().endswith((".nii", ".nii.gz")):
        image = record.sources[0] if record.kind == "nifti" else None
        return MaskVolume(item.source, image, record.geometry, lookup, compression)
    return MaskPicture(item.source, shape.rows, shape.columns, lookup, compression)


def _flat(record: Record) -> Geometry:
    sizes = [record.header.get(key) for key in ("Rows", "Columns")]
    rows, columns = (size if isinstance(size, int) else 0 for size in sizes)
    return Geometry(rows, columns, 1)


def _described(item: Regions | MaskFile, shape: Geometry | None) -> dict[str, Json]:
    """The sidecar of a label map: who drew it, the outlines, and where the slices that they lie on are."""
    described: dict[str, Json] = {"Reader": item.reader, "Type": "ROI"}
    if isinstance(item, Regions):
        described["Contours"] = [
            {"Label": outline.label, "Slice": outline.slice, "Points": [list(point) for point in outline.points]}
            for outline in item.outlines
        ]
        described["ContourConvention"] = f"{_CONVENTION} {item.note}".strip()
        if shape is not None and shape.first and len(shape.spacing) > 1:
            described["ContourGeometry"] = {
                "ImageOrientationPatient": list(shape.orientation),
                "PixelSpacing": list(shape.spacing[:2]),
                "ImagePositionPatient": [[round(value, 4) for value in point] for point in positions(shape)],
            }
    return described
