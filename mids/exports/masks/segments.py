"""The masks of a dataset as DICOM Segmentations; needs the extra `seg` (highdicom)."""

import warnings
from pathlib import Path

import highdicom
import numpy as np
from highdicom.seg import Segmentation, SegmentDescription
from highdicom.sr.coding import CodedConcept

from mids._version import __version__
from mids.dataset import Dataset
from mids.exports.masks.drawn import Drawn, Region, write_masks
from mids.exports.seg import ALTERED, LESION


def write_seg(dataset: Dataset, output: Path, kind: str = "binary") -> list[Path]:
    """A SEG for each mask of a volume, `kind` binary or labelmap; raises and returns what `write_masks` does."""
    return write_masks(dataset, output, lambda drawn: make_segmentation(drawn, kind))


def make_segmentation(drawn: Drawn, kind: str = "binary") -> Segmentation:
    """The mask as a SEG, `kind` binary (a segment may overlap others) or labelmap (DICOM 2024c, A.85)."""
    names = drawn.names
    seed = f"{drawn.reader}/{names.filename}"
    segments = [
        SegmentDescription(
            number, region.name[:64], ALTERED, _concept(region), algorithm_type="MANUAL",
            tracking_id=f"{drawn.reader} {region.name}", tracking_uid=highdicom.UID(names.uid(seed, region.name)),
        )
        for number, region in enumerate(drawn.regions, start=1)
    ]  # fmt: skip
    areas = np.stack([region.area for region in drawn.regions], axis=-1)
    numbers = np.arange(1, len(segments) + 1, dtype=np.uint16)
    pixels = (areas * numbers).max(axis=-1) if kind == "labelmap" else areas.astype(np.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # pseudonyms have one component, which highdicom finds unlikely
        return Segmentation(
            source_images=list(drawn.images), pixel_array=pixels, segmentation_type=kind.upper(),
            segment_descriptions=segments, series_instance_uid=highdicom.UID(names.uid(seed, "series", kind)),
            series_number=900, sop_instance_uid=highdicom.UID(names.uid(seed, "instance", kind)), instance_number=1,
            manufacturer="mids", manufacturer_model_name="mids", software_versions=__version__,
            device_serial_number="0", series_description=f"Regions of {drawn.reader}"[:64],
        )  # fmt: skip


def _concept(region: Region) -> CodedConcept:
    return CodedConcept(region.code, "UMLS", region.name[:64]) if region.code else LESION
