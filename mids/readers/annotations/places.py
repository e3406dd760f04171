"""Where the images of a source lie: which record holds an image, and at which of its slices."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from mids.readers.dicom.geometry import positions
from mids.records import Geometry, Record

PARALLEL = 0.9999
"""The cosine from which on two normals count as one direction (0.8 degrees)."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an image of a source lies: in a record, at one of its slices (from 0, volume after volume).

    The slice is -1 where an image of several frames is meant and not one of them.
    """

    record: Record
    slice: int = 0


@dataclass(frozen=True, slots=True)
class Places:
    """The images of some records, by SOPInstanceUID; the frames of one may lie in several records."""

    records: tuple[Record, ...]
    images: dict[str, list[Place]] = field(default_factory=dict)

    def find(self, image: str, frame: int = 0) -> Place | None:
        """An image, or one `frame` (from 1) of it; None where the source does not hold it."""
        for place in self.images.get(image, ()):
            order, wanted = _frames(place.record), (place.slice, frame - 1)
            if not order:
                return place
            if not frame:
                return Place(place.record, -1)
            if wanted in order:
                return Place(place.record, order.index(wanted))
        return None

    def of_series(self, series: Iterable[str]) -> tuple[Record, ...]:
        """The records of some series."""
        wanted = set(series)
        return tuple(record for record in self.records if record.series in wanted)

    def of_frame(self, uid: str) -> tuple[Record, ...]:
        """The records in a frame of reference (PS3.3 C.7.4.1)."""
        return tuple(r for r in self.records if uid and frame_of_reference(r) == uid and r.geometry is not None)


def _frames(record: Record) -> Sequence[tuple[int, int]]:
    """The source and frame, both from 0, of each delivered slice, where sources have frames; else none."""
    shape = record.geometry
    if shape is not None:
        return list(zip(shape.files or [0] * len(shape.frames), shape.frames, strict=True))
    count = record.header.get("NumberOfFrames")
    return [(0, frame) for frame in range(count)] if record.kind == "frames" and isinstance(count, int) else []


def places(records: Iterable[Record]) -> Places:
    """Every image of some records."""
    known = tuple(records)
    found = Places(known)
    for record in known:
        instances = record.per_slice.get("SOPInstanceUID") or (record.header.get("SOPInstanceUID"),)
        for number, uid in enumerate(instances):
            if uid:
                found.images.setdefault(str(uid), []).append(Place(record, number))
    return found


def frame_of_reference(record: Record) -> str:
    """The FrameOfReferenceUID of a record, empty where it has none or several."""
    return str(record.header.get("FrameOfReferenceUID") or "")


def normal_of(shape: Geometry) -> np.ndarray:
    """The unit vector (LPS) along which the slices of an image are stacked."""
    return np.asarray(np.cross(shape.orientation[:3], shape.orientation[3:]))


@lru_cache(maxsize=16)
def depths(shape: Geometry) -> np.ndarray:
    """Where each slice of one volume lies along the normal, in mm."""
    return np.asarray(np.array(positions(shape)).reshape(-1, 3) @ normal_of(shape))


def distance(shape: Geometry) -> float:
    """The distance of neighbouring slices in mm, the smallest where they are uneven; 1 for a single slice."""
    steps = np.diff(depths(shape))
    return float(steps.min()) if len(steps) else (shape.spacing[2] if len(shape.spacing) > 2 else 1.0)


def is_placed(shape: Geometry | None) -> bool:
    """Whether it is known where every pixel of an image lies in the patient."""
    return bool(
        shape and len(shape.orientation) == 6 and len(shape.spacing) > 1 and positions(shape) and
        shape.problem != "unknown"
    )  # fmt: skip


def around(records: Sequence[Record], points: np.ndarray) -> Iterator[Record]:
    """Those records within which some points (n × 3, LPS mm) lie, half a pixel and slice beyond the outer centres."""
    for record in records:
        shape = record.geometry
        if not is_placed(shape):
            continue
        assert shape is not None
        depth, along = depths(shape), points - np.array(positions(shape)[0])
        columns = along @ np.array(shape.orientation[:3]) / shape.spacing[1]
        rows = along @ np.array(shape.orientation[3:]) / shape.spacing[0]
        z = points @ normal_of(shape)
        half = distance(shape) / 2 + 0.01
        inside = (columns > -0.51) & (columns < shape.columns - 0.49) & (rows > -0.51) & (rows < shape.rows - 0.49)
        if bool(np.any(inside & (z > depth[0] - half) & (z < depth[-1] + half))):
            yield record
