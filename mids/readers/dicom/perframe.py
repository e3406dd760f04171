"""What an image says of each of its frames: functional groups (PS3.3 C.7.6.16), or the vectors of NM (C.8.4.8)."""

import warnings
from collections.abc import Mapping

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import NuclearMedicineImageStorage

from mids.errors import DataError
from mids.readers.dicom.values import BROKEN, Wanted, collect, collect_macros, elements
from mids.records import Json

Columns = Mapping[str, tuple[Json, ...]]
"""Values by DICOM keyword, one for each frame; only attributes that differ between frames."""

SEQUENCES = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence", "DetectorInformationSequence")
"""Where frames are described: a file with one of these is read whole."""

_OF_ULTRASOUND = {"ImagePositionVolume": "ImagePositionPatient", "ImageOrientationVolume": "ImageOrientationPatient"}
"""Where a plane of ultrasound lies in the volume that the probe swept, for where in the patient is mostly not known
(PS3.3 C.8.24.2, C.7.6.16.2.21)."""

VECTORS = (
    "EnergyWindowVector DetectorVector PhaseVector RotationVector RRIntervalVector TimeSlotVector TimeSliceVector"
).split()
"""What sets frames of NM apart, besides their place (PS3.3 C.8.4.8.1)."""


def read_frames(dataset: Dataset, wanted: Wanted, header: dict[str, Json]) -> Columns:
    """What differs between frames; of a NM volume also the place that its first slice and the spacing give.

    `header` holds what was read of the whole image: what differs is taken out, and what a volume of NM says only of
    its detector (its direction) is added. Raises `DataError` ``FRAMES_CONTRADICTED`` where more or fewer frames are
    described than NumberOfFrames says.
    """
    _check_count(dataset)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            is_nm = str(header.get("SOPClassUID")) == NuclearMedicineImageStorage
            columns = _read_vectors(dataset, wanted, header) if is_nm else _read_groups(dataset, wanted, header)
        except BROKEN:
            return {}
    found = {key: values for key, values in columns.items() if any(value != values[0] for value in values)}
    for keyword in found:
        header.pop(keyword, None)
    for keyword in columns.keys() - found.keys():
        header.setdefault(keyword, columns[keyword][0])
    return found


def _check_count(dataset: Dataset) -> None:
    count: dict[str, Json] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            described = len(dataset.get("PerFrameFunctionalGroupsSequence") or ())
        except BROKEN:
            return
        collect(dataset, elements(("NumberOfFrames",)), count)
    stated = count.get("NumberOfFrames") or 1
    if described and isinstance(stated, int) and described != stated:
        message = f"NumberOfFrames is {stated} and {described} frames are described"
        raise DataError("FRAMES_CONTRADICTED", message)


def _read_groups(dataset: Dataset, wanted: Wanted, header: dict[str, Json]) -> Columns:
    frames: list[dict[str, Json]] = []
    for group in dataset.get("PerFrameFunctionalGroupsSequence") or ():
        frames.append({})
        collect_macros(group, wanted, frames[-1])
    for frame in (header, *frames):
        for keyword, same in _OF_ULTRASOUND.items():
            if keyword in frame:
                frame.setdefault(same, frame.pop(keyword))
    keywords = dict.fromkeys(keyword for frame in frames for keyword in frame)
    return {keyword: tuple(frame.get(keyword) for frame in frames) for keyword in keywords}


def _read_vectors(dataset: Dataset, wanted: Wanted, header: dict[str, Json]) -> Columns:
    """The vectors of NM; of reconstructed slices the place of each (PS3.3 C.8.4.15).

    SpacingBetweenSlices has a sign: a positive one stacks along the normal of the first slice, a negative one against
    it. Without one slices are as far apart as they are thick.
    """
    count = int(dataset.NumberOfFrames)
    columns: dict[str, tuple[Json, ...]] = {}
    for keyword in VECTORS:
        vector = np.atleast_1d(dataset.get(keyword) or [])
        if len(vector) == count:
            columns[keyword] = tuple(int(value) for value in vector)
    _read_gates(dataset, header, columns)
    kind = header.get("ImageType")
    if not isinstance(kind, list) or "RECON" not in str(kind[2:3]):
        return columns
    detector: dict[str, Json] = {}
    collect(dataset.DetectorInformationSequence[0], wanted, detector)
    first, direction = (np.array(detector[f"Image{key}Patient"], float) for key in ("Position", "Orientation"))
    vector = np.atleast_1d(dataset.get("SliceVector") or range(1, count + 1))
    spacing = header.get("SpacingBetweenSlices") or header.get("SliceThickness")
    if len(vector) != count or not isinstance(spacing, int | float):
        return columns
    step = np.cross(direction[:3], direction[3:]) * spacing
    places = (first + (int(number) - 1) * step for number in vector)
    columns["ImagePositionPatient"] = tuple([*map(float, place)] for place in places)
    header["ImageOrientationPatient"] = [*map(float, direction)]
    return columns


def _read_gates(dataset: Dataset, header: dict[str, Json], columns: dict[str, tuple[Json, ...]]) -> None:
    """Adds the times of gated NM in ms: of one frame, and for how long its time slot was measured (PS3.3 C.8.4.11)."""
    for gating in list(dataset.get("GatedInformationSequence") or [])[:1]:
        for data in list(gating.get("DataInformationSequence") or [])[:1]:
            collect(data, elements(("FrameTime",)), header)
            slots: list[dict[str, Json]] = [{} for _ in data.get("TimeSlotInformationSequence") or []]
            for slot, found in zip(data.get("TimeSlotInformationSequence") or [], slots, strict=True):
                collect(slot, elements(("TimeSlotTime",)), found)
            times = {number: found.get("TimeSlotTime") for number, found in enumerate(slots, start=1)}
            if any(slots) and "TimeSlotVector" in columns:
                columns["TimeSlotTime"] = tuple(times.get(int(str(number))) for number in columns["TimeSlotVector"])
