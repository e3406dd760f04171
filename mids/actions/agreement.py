"""A label map as it was written, seen from the pixels of its source, so that it is compared and not believed."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from mids.errors import DataError
from mids.readers.annotations.places import distance
from mids.readers.annotations.stack import grid
from mids.readers.dicom.geometry import positions
from mids.records import Geometry, Outline

Labels = npt.NDArray[np.unsignedinteger]
Plane = npt.NDArray[np.bool_]
Inside = Callable[[Sequence[tuple[float, float]], int, int], Plane]
_ON_EDGE = 1e-6
"""Pixels from an edge up to which a centre may count as inside or outside."""


def written(path: Path, shape: Geometry, slices: Iterable[int]) -> Iterator[tuple[int, Labels, bool]]:
    """Slices of the source as a written label map shows them, (rows, columns), and whether it holds their very pixels.

    Each pixel's place is that of equation C.7.6.2.1-1, each voxel's that of the file's affine. On a resampled volume
    the nearest voxel is taken; slices that lie between its own are passed over. Raises `DataError`
    ``REGION_UNVERIFIED`` where a pixel lies at no voxel.
    """
    if path.suffix == ".png":
        yield 0, np.asarray(Image.open(path)), True
        return
    image = _load(path)
    voxels = np.asarray(image.dataobj)
    volumes = voxels.reshape(*voxels.shape[:2], -1, order="F")
    corners = positions(shape)
    if not corners:  # frames of a projection, which have no place
        yield from ((k, volumes[:, ::-1, k].T, True) for k in slices)
        return
    inverse = np.linalg.inv(image.affine) @ np.diag([-1.0, -1.0, 1.0, 1.0])
    for k in slices:
        base, first = k // shape.slices * voxels.shape[2], corners[k % shape.slices]
        points = grid(shape, first) @ inverse[:3, :3].T + inverse[:3, 3]
        nearest = np.rint(points).astype(int)
        if abs(points[..., 2] - nearest[..., 2]).max() > 0.1 and shape.positions:
            continue
        inside = np.all((nearest >= 0) & (nearest < voxels.shape[:3]), axis=-1)
        if not inside.all() or (not shape.positions and np.abs(points - nearest).max() > 0.1):
            raise DataError("REGION_UNVERIFIED", f"pixels of slice {k + 1} lie at no voxel of the label map")
        yield k, volumes[nearest[..., 0], nearest[..., 1], base + nearest[..., 2]], not shape.positions


def compare(path: Path, shape: Geometry, wanted: Mapping[int, Labels], uncertain: Mapping[int, Plane]) -> None:
    """Compares a written label map with what its source shows: label values of slices, `uncertain` at some pixels.

    Slices that are not in `wanted` have to be empty; pixels next to others of another value are uncertain on a
    resampled volume. Raises `DataError` ``REGION_UNVERIFIED``.
    """
    count = 0
    is_exact = not shape.positions  # all slices of a resampled volume may lie between its own
    for k, found, is_exact in written(path, shape, wanted):
        differs = found != wanted[k]
        if k in uncertain:
            differs &= ~uncertain[k]
        if not is_exact:
            differs &= ~_border(wanted[k])
        if differs.any():
            message = f"{int(differs.sum())} pixels of slice {k + 1} differ from what was drawn"
            raise DataError("REGION_UNVERIFIED", message)
        count += int(np.count_nonzero(found))
    if is_exact and count != _filled(path):
        raise DataError("REGION_UNVERIFIED", "the label map has labels on slices on which nothing was drawn")


def _filled(path: Path) -> int:
    if path.suffix == ".png":
        return int(np.count_nonzero(np.asarray(Image.open(path))))
    return int(np.count_nonzero(np.asarray(_load(path).dataobj)))


def _load(path: Path) -> Any:
    import nibabel as nib  # as long to load as all small volumes take to make

    return nib.load(path)


def _border(values: Labels) -> Plane:
    """The pixels on both sides of every edge between labels, two wide: what interpolation may move."""
    edge = np.zeros(values.shape, bool)
    for axis in (0, 1):
        step = np.diff(values.astype(np.int32), axis=axis) != 0
        for start in (0, 1):
            at = [slice(None), slice(None)]
            at[axis] = slice(start, start + step.shape[axis])
            edge[tuple(at)] |= step
    wide = edge.copy()
    wide[1:], wide[:-1] = wide[1:] | edge[:-1], wide[:-1] | edge[1:]
    wide[:, 1:], wide[:, :-1] = wide[:, 1:] | edge[:, :-1], wide[:, :-1] | edge[:, 1:]
    return wide


def redrawn(
    outlines: Sequence[Outline], lookup: Mapping[str, int], size: tuple[int, int], inside: Inside
) -> tuple[Labels, Plane]:
    """The outlines of one slice drawn another way, by rays along columns: label values, and pixels on an edge."""
    rows, columns = size
    values, on_edge = np.zeros(size, np.uint16), np.zeros(size, bool)
    for label, value in lookup.items():
        for outline in (one for one in outlines if one.label == label):
            turned = [(row, column) for column, row in outline.points]
            values[inside(turned, columns, rows).T] = value
            on_edge |= _on_edge(outline.points, size)
    return values, on_edge


def _on_edge(points: Sequence[tuple[float, float]], size: tuple[int, int]) -> Plane:
    """The pixels whose centre lies on an edge of an outline: they are on neither side of it."""
    found = np.zeros(size, bool)
    for (x0, y0), (x1, y1) in zip(points, (*points[1:], *points[:1]), strict=True):
        for a0, b0, a1, b1, is_row in ((x0, y0, x1, y1, False), (y0, x0, y1, x1, True)):
            length, limit = abs(a1 - a0), size[0] if is_row else size[1]
            if length < abs(b1 - b0) or not length:
                continue
            first, last = max(int(np.ceil(min(a0, a1) - _ON_EDGE)), 0), min(int(max(a0, a1) + _ON_EDGE), limit - 1)
            at = np.arange(first, last + 1)
            other = b0 + (b1 - b0) * (at - a0) / (a1 - a0)
            whole = np.rint(other).astype(int)
            other_limit = size[1] if is_row else size[0]
            near = (np.abs(other - whole) <= 1e-4) & (whole >= 0) & (whole < other_limit)
            found[(at[near], whole[near]) if is_row else (whole[near], at[near])] = True
    return found


def middle(values: Plane, shape: Geometry) -> npt.NDArray[np.float64]:
    """The centre (LPS mm) of the pixels (rows, columns, slices) that are true."""
    rows, columns, slices = np.nonzero(values)
    x, y = np.array(shape.orientation[:3]), np.array(shape.orientation[3:])
    steps = np.outer(columns * shape.spacing[1], x) + np.outer(rows * shape.spacing[0], y)
    return np.asarray((np.array(positions(shape))[slices] + steps).mean(axis=0))


def voxel_diagonal(shape: Geometry) -> float:
    """The diagonal of a voxel in mm."""
    return float(np.linalg.norm((*shape.spacing[:2], distance(shape))))
