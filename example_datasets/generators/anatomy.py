"""The phantom patient: analytic functions of patient coordinates (DICOM LPS, millimetres).

+x is the patient's left, +y the back, +z the head. Every function takes arrays that broadcast together and
is sampled at points, without partial volume: a voxel's value is exact, and so is what a test may assert.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats: TypeAlias = NDArray[np.float64]
Point: TypeAlias = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Marker:
    """A sphere of one value at a known place: `centre` in LPS mm, `radius` in mm."""

    centre: Point
    radius: float
    value: int


@dataclass(frozen=True, slots=True)
class Ellipsoid:
    """An organ: `centre` and half axes in LPS mm, `value` in HU."""

    centre: Point
    axes: Point
    value: int


AIR, SOFT, BONE_SPINE, BONE_RIB = -1000, 40, 400, 500

RIGHT_LUNG = Ellipsoid((-78.0, 0.0, 10.0), (60.0, 76.0, 122.0), -850)
LEFT_LUNG = Ellipsoid((82.0, 0.0, 18.0), (50.0, 74.0, 108.0), -850)
HEART = Ellipsoid((32.0, -28.0, -38.0), (58.0, 45.0, 58.0), 45)
LIVER = Ellipsoid((-70.0, 0.0, -112.0), (85.0, 82.0, 88.0), 60)
ORGANS = (RIGHT_LUNG, LEFT_LUNG, HEART, LIVER)
"""Later ones lie over earlier ones; the heart and the left lung stand on the patient's left (x > 0)."""

SPINE_CENTRE, SPINE_RADIUS = (0.0, 72.0), 20.0

MARKERS = {
    "right upper anterior": Marker((-75.0, -45.0, 25.0), 14.0, 1000),
    "left lower posterior": Marker((80.0, 42.0, -30.0), 14.0, 300),
}
"""In the chest. No other tissue has their values: the centroid of the value is the centre."""

HEAD_AIR, SKIN, CSF, GREY, WHITE, HEAD_LESION, HEAD_CAPSULE = range(7)
"""Tissues of `head`."""

HEAD_MARKERS = {
    "right temple capsule": Marker((-72.0, -5.0, 15.0), 12.0, HEAD_CAPSULE),
    "left frontal lesion": Marker((28.0, -40.0, 30.0), 11.0, HEAD_LESION),
}

LUMBAR_AIR, FAT, MUSCLE, VERTEBRA, DISC, CANAL, LUMBAR_CYST = range(7)
"""Tissues of `lumbar`."""

LUMBAR_MARKERS = {"right posterior cyst": Marker((-16.0, 62.0, 36.0), 10.0, LUMBAR_CYST)}


def hu(x: ArrayLike, y: ArrayLike, z: ArrayLike) -> Floats:
    """Hounsfield units of the chest at LPS points in mm; the shape is the broadcast of the three."""
    x, y, z = _points(x, y, z)
    radius = _body_radius(x, y, z)
    value = np.where(radius <= 1.0, float(SOFT), float(AIR))
    value[_in_ribs(x, y, z, radius)] = BONE_RIB
    for organ in ORGANS:
        value[_inside(organ.centre, organ.axes, x, y, z)] = organ.value
    spine = (x - SPINE_CENTRE[0]) ** 2 + (y - SPINE_CENTRE[1]) ** 2 <= SPINE_RADIUS**2
    value[spine & (radius <= 1.0)] = BONE_SPINE
    return _with_markers(value, MARKERS, x, y, z)


def head(x: ArrayLike, y: ArrayLike, z: ArrayLike) -> Floats:
    """Tissue of the head (`HEAD_AIR` … `HEAD_CAPSULE`) at LPS points in mm."""
    x, y, z = _points(x, y, z)
    value = np.full(x.shape, float(HEAD_AIR))
    shells = (((76.0, 94.0, 88.0), SKIN), ((68.0, 86.0, 80.0), CSF), ((65.0, 83.0, 77.0), GREY))
    for axes, tissue in (*shells, ((56.0, 74.0, 66.0), WHITE)):
        value[_inside((0.0, 0.0, 0.0), axes, x, y, z)] = tissue
    for side in (-1.0, 1.0):
        value[_inside((side * 14.0, 5.0, 8.0), (8.0, 32.0, 14.0), x, y, z)] = CSF
    nose = _inside((0.0, -98.0, -40.0), (12.0, 16.0, 18.0), x, y, z)
    value[nose] = SKIN
    return _with_markers(value, HEAD_MARKERS, x, y, z)


def lumbar(x: ArrayLike, y: ArrayLike, z: ArrayLike) -> Floats:
    """Tissue of the lower back (`LUMBAR_AIR` … `LUMBAR_CYST`) at LPS points in mm; L3 lies at z = 0."""
    x, y, z = _points(x, y, z)
    value = np.full(x.shape, float(LUMBAR_AIR))
    value[(np.abs(x) < 170.0) & (np.abs(y) < 100.0)] = FAT
    value[(np.abs(x) < 150.0) & (np.abs(y) < 80.0)] = MUSCLE
    column = (np.abs(x) < 24.0) & (np.abs(y - 5.0) < 17.0)
    value[column] = VERTEBRA
    value[column & (np.mod(z + 17.0, 34.0) < 8.0)] = DISC
    value[(np.abs(x) < 9.0) & (np.abs(y - 32.0) < 8.0)] = CANAL
    return _with_markers(value, LUMBAR_MARKERS, x, y, z)


def _points(x: ArrayLike, y: ArrayLike, z: ArrayLike) -> tuple[Floats, Floats, Floats]:
    px, py, pz = np.broadcast_arrays(*(np.asarray(axis, dtype=np.float64) for axis in (x, y, z)))
    return px, py, pz


def _inside(centre: Point, axes: Point, x: Floats, y: Floats, z: Floats) -> NDArray[np.bool_]:
    terms = (((axis - c) / a) ** 2 for axis, c, a in zip((x, y, z), centre, axes, strict=True))
    return np.asarray(sum(terms) <= 1.0)


def _body_radius(x: Floats, y: Floats, z: Floats) -> Floats:
    """1 on the skin: an ellipse of 350 by 230 mm that narrows to the neck above z = 105."""
    neck = np.clip((z - 105.0) / 60.0, 0.0, 1.0) ** 2
    return np.asarray(np.sqrt((x / (175.0 - 110.0 * neck)) ** 2 + (y / (115.0 - 50.0 * neck)) ** 2))


def _in_ribs(x: Floats, y: Floats, z: Floats, radius: Floats) -> NDArray[np.bool_]:
    """Bands of a shell below the skin, 8 of every 26 mm, that fall towards the front."""
    cage = np.sqrt((x / 148.0) ** 2 + (y / 92.0) ** 2)
    band = np.mod(z - 0.35 * y, 26.0) < 8.0
    return (np.abs(cage - 0.97) < 0.04) & band & (np.abs(x) > 18.0) & (radius <= 1.0) & (np.abs(z) < 130.0)


def _with_markers(value: Floats, markers: dict[str, Marker], x: Floats, y: Floats, z: Floats) -> Floats:
    for marker in markers.values():
        axes = (marker.radius, marker.radius, marker.radius)
        value[_inside(marker.centre, axes, x, y, z)] = marker.value
    return value
