"""Regions of interest as label maps on the grid of the delivered image."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from mids.actions import agreement, gz
from mids.actions.agreement import Labels
from mids.actions.frames import zooms
from mids.actions.png import encode
from mids.actions.volumes.regrid import regular
from mids.errors import DataError
from mids.issues import Issue, issue
from mids.readers.archives.files import open_source
from mids.readers.dicom.decoding import read_dataset
from mids.readers.dicom.geometry import affine
from mids.records import Compression, Geometry, Json, Made, Outline, Source

_COVERED = 200
"""A voxel that an outline covers whole, before it is resampled: in bytes, to spare memory."""


@dataclass(frozen=True, slots=True)
class Canvas:
    """The image that a label map is written for: a picture, a volume, or a loop whose frames `cine` holds.

    The slices of a loop are its frames. Those of a volume over time are counted volume after volume.
    """

    shape: Geometry
    is_picture: bool
    cine: Source | None = None

    def blank(self, lookup: Mapping[str, int], slices: Sequence[int]) -> tuple[Labels, dict[str, Json]]:
        """(rows, columns, slices) of zeros, and what the sidecar has to say of them.

        The map has the volumes of its image if `slices` lie in several, else the one volume that all of them lie in.
        """
        shape = self.shape
        volumes = sorted({index // shape.slices for index in slices})
        count = shape.volumes if len(volumes) > 1 else 1
        facts: dict[str, Json] = {"Volume": volumes[0]} if shape.volumes > 1 and len(volumes) == 1 else {}
        dtype = np.uint8 if max(lookup.values(), default=0) < 256 else np.uint16
        return np.zeros((shape.rows, shape.columns, shape.slices * count), dtype), facts

    def write(self, values: Labels, root: Path, scratch: Path, compression: Compression) -> Path:
        """Writes (rows, columns, slices) of label values as `mask.png` or `mask.nii.gz`.

        Raises `DataError` ``REGION_MISMATCH`` where the volume's place is unknown.
        """
        path = scratch / ("mask.png" if self.is_picture else "mask.nii.gz")
        if self.is_picture:
            path.write_bytes(encode(values[:, :, 0], compression=compression))
        elif self.cine is not None:
            with open_source(root, self.cine) as stream:
                size = zooms(read_dataset(stream))
            save(_turned(values)[:, :, None], None, path, compression, size)
        else:
            _volume(values, self.shape, path, compression)
        return path


@dataclass(frozen=True, slots=True)
class Mask:
    """Outlines as `mask.nii.gz` (a volume's grid) or `mask.png` (a picture's), and the lookup `mask.tsv`.

    A pixel belongs to an outline when its centre lies inside. Outlines of one label on one slice are a union;
    where labels overlap, the later one of the lookup wins and an Issue counts the pixels. On a resampled volume
    a voxel belongs to a label where the resampled outline covers half of it. What was written is read again and
    compared with the outlines.
    """

    VERSION: ClassVar[int] = 2
    source: Source
    geometry: Geometry
    is_picture: bool
    outlines: tuple[Outline, ...]
    lookup: tuple[tuple[str, int], ...]
    compression: Compression = "fast"
    cine: Source | None = None

    @property
    def sources(self) -> tuple[Source, ...]:
        """The file that the outlines come from."""
        return (self.source,)

    def make(self, root: Path, scratch: Path) -> Made:
        """Makes the label map and its lookup.

        Raises `DataError` ``REGION_MISMATCH`` where the grid is unknown, ``REGION_UNVERIFIED`` where the file shows
        something else than the outlines.
        """
        canvas, lookup = Canvas(self.geometry, self.is_picture, self.cine), dict(self.lookup)
        values, overlap, issues = filled(self.outlines, lookup, self.geometry)
        if overlap:
            issues.append(overlapping(overlap))
        _, facts = canvas.blank(lookup, [outline.slice for outline in self.outlines])
        path = canvas.write(values, root, scratch, self.compression)
        self._compare(path, lookup)
        write_lookup(scratch / "mask.tsv", self.lookup)
        return Made((path.name, "mask.tsv"), {**facts, **resampled(self.geometry)}, issues=tuple(issues))

    def _compare(self, path: Path, lookup: Mapping[str, int]) -> None:
        shape = self.geometry
        slices = _by_slice(self.outlines, shape)
        again = {
            k: agreement.redrawn(drawn, lookup, (shape.rows, shape.columns), inside) for k, drawn in slices.items()
        }
        wanted = {k: values for k, (values, _) in again.items()}
        agreement.compare(path, shape, wanted, {k: on_edge for k, (_, on_edge) in again.items()})


def resampled(shape: Geometry) -> dict[str, Json]:
    """What the sidecar of a label map on a resampled volume says."""
    return {"Resampled": True, "ResampledReason": shape.problem} if shape.positions else {}


def overlapping(count: int) -> Issue:
    """The Issue of pixels that have several labels."""
    return issue("REGION_OVERLAP", f"{count} pixels belong to more than one label", origin="run")


def write_lookup(path: Path, lookup: Sequence[tuple[str, int]]) -> None:
    """The lookup of a label map: BIDS's columns index and name."""
    lines = ["index\tname", *(f"{value}\t{label}" for label, value in lookup)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


def _by_slice(outlines: Sequence[Outline], shape: Geometry) -> dict[int, list[Outline]]:
    """The outlines by slice, counted as `Canvas.blank` has them."""
    is_over_time = len({outline.slice // shape.slices for outline in outlines}) > 1
    slices: dict[int, list[Outline]] = defaultdict(list)
    for outline in outlines:
        slices[outline.slice if is_over_time else outline.slice % shape.slices].append(outline)
    return dict(sorted(slices.items()))


def filled(outlines: Sequence[Outline], lookup: Mapping[str, int], shape: Geometry) -> tuple[Labels, int, list[Issue]]:
    """(rows, columns, slices) of label values, how many pixels had more than one label, and what was wrong."""
    values, _ = Canvas(shape, is_picture=False).blank(lookup, [outline.slice for outline in outlines])
    overlap = 0
    problems: Counter[tuple[str, str]] = Counter()
    for k, drawn in _by_slice(outlines, shape).items():
        plane = values[:, :, k]
        for label, value in lookup.items():
            own = np.zeros(plane.shape, bool)
            for outline in (found for found in drawn if found.label == label):
                within = inside(outline.points, shape.rows, shape.columns)
                problems.update(_problems(outline, shape, is_empty=not within.any()))
                own |= within
            overlap += int(np.count_nonzero(own & (plane > 0)))
            plane[own] = value
    issues = [issue(code, f"{count} {text}", origin="run") for (code, text), count in sorted(problems.items())]
    return values, overlap, issues


def _problems(outline: Outline, shape: Geometry, *, is_empty: bool) -> Iterator[tuple[str, str]]:
    points = np.array(outline.points).reshape(-1, 2)
    if len(points) < 3:
        yield "REGION_INVALID", "outlines of fewer than 3 points"
        return
    low, high = points.min(axis=0), points.max(axis=0)
    if (high < -0.5).any() or low[0] > shape.columns - 0.5 or low[1] > shape.rows - 0.5:
        yield "REGION_OUTSIDE", "outlines lie outside the image"
    elif (low < -1).any() or high[0] > shape.columns or high[1] > shape.rows:
        yield "REGION_INVALID", "outlines that leave the image"
    elif is_empty:
        yield "REGION_INVALID", "outlines around no pixel's centre"
    if (points[0] == points[-1]).all():
        yield "REGION_INVALID", "outlines that repeat their first point"


def inside(points: Sequence[tuple[float, float]], rows: int, columns: int) -> npt.NDArray[np.bool_]:
    """Which pixels (rows, columns) have their centre inside a polygon of (column, row) points, even-odd rule."""
    result = np.zeros((rows, columns), bool)
    polygon = np.asarray(points, dtype=float).reshape(-1, 2)
    if len(polygon) < 3:
        return result
    left, top = np.clip(np.floor(polygon.min(axis=0)), 0, (columns, rows)).astype(int)
    right, bottom = np.clip(np.ceil(polygon.max(axis=0)) + 1, 0, (columns, rows)).astype(int)
    row, column = np.mgrid[top:bottom, left:right].astype(float)
    part = result[top:bottom, left:right]
    for one, other in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        (x0, y0), (x1, y1) = sorted((tuple(one), tuple(other)), key=lambda point: point[1])
        if y0 == y1:
            continue  # the ends are in order, so that an edge walked back and forth cancels out to the last bit
        crosses = (y0 > row) != (y1 > row)
        part ^= crosses & (column < (x1 - x0) * (row - y0) / (y1 - y0) + x0)
    return result


def _turned(values: Labels) -> Labels:
    """(columns, rows from the bottom, slices), as dcm2niix orders voxels."""
    return np.ascontiguousarray(values.transpose(1, 0, 2)[:, ::-1])


def _volume(values: Labels, shape: Geometry, path: Path, compression: Compression) -> None:
    """Writes the label map on the grid of the volume: as it is stored, or as it was resampled."""
    voxels = _turned(values)
    matrix = affine(shape)
    if shape.positions:
        if voxels.shape[2] != shape.slices:
            raise DataError("REGION_MISMATCH", "the image is a volume over time that can't be put on a regular grid")
        voxels, matrix = on_regular(voxels, shape)
    if matrix is None:
        raise DataError("REGION_MISMATCH", "the position of the image is unknown, and so is that of the outlines")
    if voxels.shape[2] != shape.slices and not shape.positions:
        voxels = voxels.reshape(*voxels.shape[:2], shape.slices, -1, order="F")
    save(voxels, matrix, path, compression)


def on_regular(voxels: Labels, shape: Geometry) -> tuple[Labels, npt.NDArray[np.float64]]:
    """Labels (columns, rows from the bottom, slices) of a tilted or uneven stack, resampled one by one.

    Returns them on the regular grid of the volume, which an empty map has too, and its affine (mm, RAS).
    """
    moved = None
    for value in [found for found in np.unique(voxels) if found] or [1]:
        grid = regular((voxels == value) * np.uint8(_COVERED), shape)
        moved = np.zeros(grid.voxels.shape, voxels.dtype) if moved is None else moved
        moved[np.asarray(grid.voxels, np.uint8) >= _COVERED // 2] = value
    assert moved is not None
    return moved, grid.affine


def save(
    voxels: Labels, matrix: npt.NDArray[np.float64] | None, path: Path, compression: Compression,
    zooms: Sequence[float] = (),
) -> None:  # fmt: skip
    """Writes (i, j, k) label values with their affine (mm, RAS) as a gzipped NIfTI; without one, only with zooms."""
    import nibabel as nib  # as long to load as all small volumes take to make

    image: Any = nib.Nifti1Image(voxels, matrix)  # type: ignore[no-untyped-call]
    image.header.set_xyzt_units("mm", "sec")
    if matrix is None:
        image.header.set_zooms(zooms)
        image.header.set_qform(None, 0)
        image.header.set_sform(None, 0)
    else:
        image.header.set_qform(matrix, 1)
        image.header.set_sform(matrix, 1)
    gz.write(path, (image.to_bytes(),), compression)
