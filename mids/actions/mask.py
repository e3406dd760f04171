"""Regions of interest as label maps on the grid of the delivered image."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import nibabel as nib
import numpy as np
import numpy.typing as npt

from mids.actions import gz, picture
from mids.actions.png import encode
from mids.actions.volumes.regrid import regular
from mids.errors import DataError
from mids.issues import Issue, issue
from mids.readers.archives.files import open_source
from mids.readers.dicom.geometry import affine
from mids.records import Compression, Geometry, Made, Outline, Source

Labels = npt.NDArray[np.uint8]
_COVERED = 200
"""A voxel that an outline covers whole, before it is resampled: in bytes, to spare memory."""


@dataclass(frozen=True, slots=True)
class Mask:
    """Outlines as `mask.nii.gz` (a volume's grid) or `mask.png` (a picture's), and the lookup `mask.tsv`.

    A pixel belongs to an outline when its centre lies inside. Outlines of one label on one slice are a union;
    where labels overlap, the later one of the lookup wins and an Issue counts the pixels. On a resampled volume
    a voxel belongs to a label where the resampled outline covers half of it.
    """

    VERSION: ClassVar[int] = 1
    source: Source
    geometry: Geometry
    is_picture: bool
    outlines: tuple[Outline, ...]
    lookup: tuple[tuple[str, int], ...]
    compression: Compression = "fast"

    @property
    def sources(self) -> tuple[Source, ...]:
        """The file that the outlines come from."""
        return (self.source,)

    def make(self, root: Path, scratch: Path) -> Made:
        """Makes the label map and its lookup; raises `DataError` ``REGION_MISMATCH`` where the grid is unknown."""
        del root
        values, overlap, issues = filled(self.outlines, dict(self.lookup), self.geometry)
        if overlap:
            issues.append(issue("REGION_OVERLAP", f"{overlap} pixels belong to more than one label", origin="run"))
        name = write_map(values, self.geometry, scratch, self.compression, is_picture=self.is_picture)
        write_lookup(scratch / "mask.tsv", self.lookup)
        return Made((name, "mask.tsv"), issues=tuple(issues))


@dataclass(frozen=True, slots=True)
class MaskPicture:
    """A mask that comes as a picture of the image's own size: what is not black gets the lookup's one value."""

    VERSION: ClassVar[int] = 1
    source: Source
    rows: int
    columns: int
    lookup: tuple[tuple[str, int], ...]
    compression: Compression = "fast"

    @property
    def sources(self) -> tuple[Source, ...]:
        """The mask's file."""
        return (self.source,)

    def make(self, root: Path, scratch: Path) -> Made:
        """Makes the label map; raises `DataError` where the picture is broken or of another size."""
        with open_source(root, self.source) as stream:
            pixels, _ = picture.read(stream)
        grey = pixels if pixels.ndim == 2 else pixels.max(axis=2)
        if grey.shape != (self.rows, self.columns):
            size = f"{grey.shape[1]} × {grey.shape[0]}"
            raise DataError("REGION_MISMATCH", f"the mask has {size} pixels, the image {self.columns} × {self.rows}")
        values = np.where(grey > 0, self.lookup[0][1], 0).astype(np.uint8)
        (scratch / "mask.png").write_bytes(encode(values, compression=self.compression))
        write_lookup(scratch / "mask.tsv", self.lookup)
        return Made(("mask.png", "mask.tsv"))


def write_lookup(path: Path, lookup: Sequence[tuple[str, int]]) -> None:
    """The lookup of a label map: BIDS's columns index and name."""
    lines = ["index\tname", *(f"{value}\t{label}" for label, value in lookup)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


def filled(outlines: Sequence[Outline], lookup: Mapping[str, int], shape: Geometry) -> tuple[Labels, int, list[Issue]]:
    """(rows, columns, slices) of label values, how many pixels had more than one label, and what was wrong."""
    values = np.zeros((shape.rows, shape.columns, shape.slices), np.uint8)
    overlap = 0
    problems: Counter[str] = Counter()
    slices: dict[int, list[Outline]] = defaultdict(list)
    for outline in outlines:
        slices[outline.slice % shape.slices].append(outline)
    for k, drawn in sorted(slices.items()):
        plane = values[:, :, k]
        for label, value in lookup.items():
            own = np.zeros(plane.shape, bool)
            for outline in (found for found in drawn if found.label == label):
                within = inside(outline.points, shape.rows, shape.columns)
                problems.update(_problems(outline, shape, is_empty=not within.any()))
                own |= within
            overlap += int(np.count_nonzero(own & (plane > 0)))
            plane[own] = value
    issues = [issue("REGION_INVALID", f"{count} {text}", origin="run") for text, count in sorted(problems.items())]
    return values, overlap, issues


def _problems(outline: Outline, shape: Geometry, *, is_empty: bool) -> Iterator[str]:
    points = np.array(outline.points).reshape(-1, 2)
    if len(points) < 3:
        yield "outlines of fewer than 3 points"
        return
    low, high = points.min(axis=0), points.max(axis=0)
    if (low < -1).any() or high[0] > shape.columns or high[1] > shape.rows:
        yield "outlines that leave the image"
    elif is_empty:
        yield "outlines around no pixel's centre"
    if (points[0] == points[-1]).all():
        yield "outlines that repeat their first point"


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
    for (x0, y0), (x1, y1) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        if y0 == y1:
            continue
        crosses = (y0 > row) != (y1 > row)
        part ^= crosses & (column < (x1 - x0) * (row - y0) / (y1 - y0) + x0)
    return result


def write_map(values: Labels, shape: Geometry, scratch: Path, compression: Compression, *, is_picture: bool) -> str:
    """Writes (rows, columns, slices) of label values as `mask.png` or `mask.nii.gz`; returns which.

    Raises `DataError` ``REGION_MISMATCH`` where the volume's place is unknown.
    """
    if is_picture:
        (scratch / "mask.png").write_bytes(encode(values[:, :, 0], compression=compression))
        return "mask.png"
    _volume(values, shape, scratch / "mask.nii.gz", compression)
    return "mask.nii.gz"


def _volume(values: Labels, shape: Geometry, path: Path, compression: Compression) -> None:
    """Writes the label map on the grid of the volume: as it is stored, or as it was resampled."""
    voxels = np.ascontiguousarray(values.transpose(1, 0, 2)[:, ::-1])
    matrix = affine(shape)
    if shape.positions:
        voxels, matrix = _resampled(voxels, shape)
    if matrix is None:
        raise DataError("REGION_MISMATCH", "the image has no known place, so the outlines have none")
    save(voxels, matrix, path, compression)


def _resampled(voxels: Labels, shape: Geometry) -> tuple[Labels, npt.NDArray[np.float64]]:
    """Label by label on the regular grid of the volume, which an empty map has too, and its affine (mm, RAS)."""
    moved = None
    for value in [found for found in np.unique(voxels) if found] or [1]:
        grid = regular((voxels == value) * np.uint8(_COVERED), shape)
        moved = np.zeros(grid.voxels.shape, np.uint8) if moved is None else moved
        moved[np.asarray(grid.voxels, np.uint8) >= _COVERED // 2] = value
    assert moved is not None
    return moved, grid.affine


def save(voxels: Labels, matrix: npt.NDArray[np.float64], path: Path, compression: Compression) -> None:
    """Writes (i, j, k) label values with their affine (mm, RAS) as a gzipped NIfTI."""
    image: Any = nib.Nifti1Image(voxels, matrix)  # type: ignore[no-untyped-call]
    image.header.set_xyzt_units("mm", "sec")
    image.header.set_qform(matrix, 1)
    image.header.set_sform(matrix, 1)
    gz.write(path, (image.to_bytes(),), compression)
