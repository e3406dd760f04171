"""Jobs for regions of interest: one label map for each reader and image, below derivatives/rois."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from mids.actions.mask import Mask
from mids.actions.maskfile import MaskFrames, MaskPicture, MaskVolume
from mids.issues import Issue, issue
from mids.plan.job import Job
from mids.readers.dicom.geometry import positions
from mids.records import Compression, Contours, Geometry, Json, MaskFile, Outline, Record, Regions
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
    """The image that regions lie on: its record, the job that delivers it, and its frame of a loop (None: all)."""

    record: Record
    job: Job
    frame: int | None = None


Reworded = Callable[[str], str]
"""A word of whoever drew as the policy lets it out, empty where it does not."""


def region_jobs(
    items: Sequence[Regions | MaskFile], targets: Sequence[Target], compression: Compression, contours: Contours,
    reworded: Reworded = str,
) -> Iterator[Job | Issue]:  # fmt: skip
    """The jobs of regions whose image is delivered, an Issue for each that has none.

    `contours` says where whole numbers lie in a pixel for the outlines whose source does not say.
    """
    for drawn in items:
        item = _published(placed(drawn, contours) if isinstance(drawn, Regions) else drawn, reworded)
        own = [target for target in targets if target.record.image == item.image]
        if not own or (own[0].record.kind == "nifti" and isinstance(item, Regions)):
            what = "an image that was not converted" if not own else "slices, but the image came as a NIfTI"
            message = f"regions of annotator {item.reader} name {what}"
            yield issue("REGION_UNMATCHED", message, item.source.name, origin="read")
            continue
        if own[0].record.kind != "nifti" and not (own[0].record.geometry or _flat(own[0].record, is_loop=False)).rows:
            message = f"regions of annotator {item.reader} lie on an image without Rows and Columns"
            yield issue("REGION_MISMATCH", message, item.source.name, origin="read")
            continue
        for target in own:
            part = item if target.frame is None else _on_frame(item, target.frame)
            if part is not None:
                yield _job(part, target, compression)


def _job(item: Regions | MaskFile, target: Target, compression: Compression) -> Job:
    assert target.job.name is not None
    name = _name(target.job.name, item.reader)
    place = f"{ROOT}/{target.job.path.rpartition('/')[0]}/{name.stem}"  # the image's own folder, in any layout
    outputs = (place + name.extension, f"{place}.tsv")
    action = _action(item, target, compression)
    key = f"{target.job.key}.{label(item.reader)}"
    sidecar: dict[str, Json] = {**_described(item, target.record.geometry), "Sources": [f"bids::{target.job.path}"]}
    return Job(key, target.job.subject, target.job.session, name, outputs, action, sidecar, {}, target.job.path)


def _on_frame(item: Regions | MaskFile, frame: int) -> Regions | MaskFile | None:
    """What was drawn on one frame of a loop of which each is a picture of its own; None where that is nothing."""
    if isinstance(item, Regions):
        outlines = tuple(replace(outline, slice=0) for outline in item.outlines if outline.slice == frame)
        return replace(item, outlines=outlines) if outlines else None
    frames = tuple((number, 0) for number, index in item.frames if index == frame)
    return replace(item, frames=frames) if frames else None


# --- words -----------------------------------------------------------------------------------------------


def _published(item: Regions | MaskFile, reworded: Reworded) -> Regions | MaskFile:
    """The regions with classes that may be published: words as the policy lets them out, codes, or numbers."""
    if item.codes is None:
        return item
    words = dict(zip(item.lookup, _distinct(_words(item.lookup, item.codes, reworded)), strict=True))
    lookup = {words[name]: value for name, value in item.lookup.items()}
    if isinstance(item, Regions):
        outlines: tuple[Outline, ...] = tuple(replace(one, label=words[one.label]) for one in item.outlines)
        return replace(item, lookup=lookup, outlines=outlines, codes=None)
    return replace(item, lookup=lookup, segments=tuple((n, words[name]) for n, name in item.segments), codes=None)


def _words(names: Iterable[str], codes: Mapping[str, str], reworded: Reworded) -> Iterator[str]:
    for number, name in enumerate(names, start=1):
        word = reworded(name) or codes.get(name, "") or f"region {number}"
        yield " ".join(word.split())  # a table of tabs and lines follows


def _distinct(words: Iterable[str]) -> Iterator[str]:
    """Each word, with a number behind it where it stood before."""
    seen: set[str] = set()
    for word in words:
        name, number = word, 1
        while name in seen:
            number += 1
            name = f"{word} {number}"
        seen.add(name)
        yield name


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


# --- jobs ------------------------------------------------------------------------------------------------


def _name(image: Name, reader: str) -> Name:
    entities = {**dict(image.entities), "desc": label(reader) or "reader"}
    extension = ".png" if image.extension == ".png" else ".nii.gz"
    return build(entities, "dseg", extension, group=image.group, datatype=image.datatype, root=ROOT)


def _action(
    item: Regions | MaskFile, target: Target, compression: Compression
) -> Mask | MaskPicture | MaskVolume | MaskFrames:
    record = target.record
    is_loop = record.kind == "frames" and target.frame is None
    shape = record.geometry or _flat(record, is_loop=is_loop)
    lookup = tuple(item.lookup.items())
    is_picture = record.geometry is None and not is_loop
    cine = record.sources[0] if is_loop else None
    if isinstance(item, Regions):
        return Mask(item.source, shape, is_picture, item.outlines, lookup, compression, cine)
    if item.frames:
        return MaskFrames(item.source, shape, is_picture, item.frames, item.segments, lookup, compression, cine)
    if item.source.name.lower().endswith((".nii", ".nii.gz")):
        image = record.sources[0] if record.kind == "nifti" else None
        return MaskVolume(item.source, image, record.geometry, lookup, compression)
    return MaskPicture(item.source, shape.rows, shape.columns, lookup, compression)


def _flat(record: Record, *, is_loop: bool) -> Geometry:
    """The size of an image that has no place in the patient; the frames of a loop count as slices."""
    sizes = [record.header.get(key) for key in ("Rows", "Columns", "NumberOfFrames")]
    rows, columns, frames = (size if isinstance(size, int) else 0 for size in sizes)
    return Geometry(rows, columns, max(frames, 1) if is_loop else 1)


def _described(item: Regions | MaskFile, shape: Geometry | None) -> dict[str, Json]:
    """The sidecar of a label map: who drew it, the outlines, and where the slices that they lie on are."""
    described: dict[str, Json] = {"Reader": item.reader, "Type": "ROI"}
    if isinstance(item, Regions):
        described["Contours"] = [
            {"Label": outline.label, "Slice": outline.slice, "Points": [list(point) for point in outline.points]}
            for outline in item.outlines
        ]
        described["ContourConvention"] = f"{_CONVENTION} {item.note}".strip()
        if item.off:
            described |= {"Resampled": True, "ResampledReason": "grid"}
        if shape is not None and shape.first and len(shape.spacing) > 1:
            described["ContourGeometry"] = {
                "ImageOrientationPatient": list(shape.orientation),
                "PixelSpacing": list(shape.spacing[:2]),
                "ImagePositionPatient": [[round(value, 4) for value in point] for point in positions(shape)],
            }
    return described
