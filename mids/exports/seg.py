"""Outlines of annotators as DICOM SEG beside their source images, on request; needs the extra `seg` (highdicom).

A SEG repeats the patient and study of the DICOM that it belongs to, so it belongs beside that, never into a dataset.
"""

import hashlib
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path

import highdicom
import numpy as np
from highdicom.seg import Segmentation, SegmentDescription
from highdicom.sr.coding import CodedConcept
from pydicom import dcmread
from pydicom.dataset import Dataset

from mids._version import __version__
from mids.actions.mask import filled
from mids.errors import DataError
from mids.issues import Issue, issue
from mids.plan.regions import placed
from mids.readers.archives.files import open_source
from mids.records import Contours, Item, Outline, Record, Regions, patient_key
from mids.vocabulary.names import label

ALTERED = CodedConcept("49755003", "SCT", "Morphologically Abnormal Structure")
LESION = CodedConcept("52988006", "SCT", "Lesion")
_TYPE_2 = (
    "PatientName PatientID PatientBirthDate PatientSex StudyID StudyDate StudyTime AccessionNumber "
    "ReferringPhysicianName PositionReferenceIndicator"
).split()
"""Attributes that may be empty but must be there (PS3.3 A.51), and that published files lack all the same."""


def write_segmentations(
    root: Path, subjects: Iterable[Sequence[Item]], folder: Path, contours: Contours = "corner"
) -> list[Path | Issue]:
    """One SEG for each annotator and series of what a collection's `read` gives, in a new or existing `folder`.

    `contours` is as for `mids.conversion.convert`. An Issue stands in the place of one that can't be made.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path | Issue] = []
    for items in subjects:
        images = {item.image: item for item in items if isinstance(item, Record)}
        for regions in (item for item in items if isinstance(item, Regions) and item.image in images):
            try:
                made = segmentation(root, images[regions.image], placed(regions, contours))
            except DataError as error:
                written.append(issue(error.code, error.message, regions.source.name, origin="read"))
                continue
            path = (
                folder / f"{label(patient_key(regions.subject).text)}_{label(regions.study)}_{len(written) + 1:03}.dcm"
            )
            made.save_as(path)
            written.append(path)
    return written


def segmentation(root: Path, record: Record, regions: Regions) -> Segmentation:
    """What one annotator drew on one series as a binary SEG, a segment for each label that was drawn.

    Labels may overlap in it. UIDs depend on the series and the annotator alone. Raises `DataError`
    ``REGION_MISMATCH`` where several images of the series lie in one place, ``REGION_INVALID`` where nothing encloses a
    pixel.
    """
    shape = record.geometry
    if shape is None or shape.volumes != 1 or shape.slices != len(record.sources):
        raise DataError("REGION_MISMATCH", "a SEG needs a series with exactly one image at each position")
    sources = [_header(root, record, number) for number in range(len(record.sources))]
    areas = {name: _pixels(regions.outlines, name, record) for name in regions.lookup}
    drawn = [name for name, area in areas.items() if area.any()]
    if not drawn:
        raise DataError("REGION_INVALID", "no outline encloses the centre of a pixel")
    pixels = np.stack([areas[name] for name in drawn], axis=-1)
    seed = f"{record.series}/{regions.reader}"
    segments = [
        SegmentDescription(
            number, name, ALTERED, LESION, algorithm_type="MANUAL", tracking_id=f"{regions.reader} {name}",
            tracking_uid=_uid(seed, name),
        )
        for number, name in enumerate(drawn, start=1)
    ]  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # pseudonyms have one component, which highdicom finds unlikely
        return Segmentation(
            source_images=sources, pixel_array=pixels, segmentation_type="BINARY", segment_descriptions=segments,
            series_instance_uid=_uid(seed, "series"), series_number=900, sop_instance_uid=_uid(seed, "instance"),
            instance_number=1, manufacturer="mids", manufacturer_model_name="mids", software_versions=__version__,
            device_serial_number="0", series_description=f"Regions of {regions.reader}"[:64],
        )  # fmt: skip


def _header(root: Path, record: Record, number: int) -> Dataset:
    with open_source(root, record.sources[number]) as stream:
        header: Dataset = dcmread(stream, stop_before_pixels=True, force=True)
    for keyword in (keyword for keyword in _TYPE_2 if keyword not in header):
        setattr(header, keyword, None)
    if not header.get("FrameOfReferenceUID"):
        raise DataError("REGION_MISMATCH", "a SEG needs the FrameOfReferenceUID of its images")
    if not header.get("SpecificCharacterSet"):
        header.SpecificCharacterSet = "ISO_IR 192"  # highdicom refuses an empty one
    return header


def _pixels(outlines: Sequence[Outline], name: str, record: Record) -> np.ndarray:
    """(slices, rows, columns) of 0 and 1 for one label, in the order of the sources."""
    assert record.geometry is not None
    values, _, _ = filled([outline for outline in outlines if outline.label == name], {name: 1}, record.geometry)
    return np.ascontiguousarray(values.transpose(2, 0, 1))


def _uid(*names: str) -> highdicom.UID:
    digest = hashlib.sha256("/".join(names).encode()).digest()
    return highdicom.UID(f"2.25.{int.from_bytes(digest[:16], 'big')}")
