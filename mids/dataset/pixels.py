"""The pixels of one image: a NIfTI volume or a 2D image (PNG)."""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from mids.dataset.disk.heads import check_claim, nifti_head, png_head
from mids.dataset.disk.unpacked import open_unpacked
from mids.errors import DataError, MidsError


@dataclass(frozen=True, slots=True, eq=False)
class Volume:
    """A NIfTI image.

    `data` is (columns, rows, slices) or (columns, rows, slices, volumes) in the order of the file, scaled as its
    header says (CT: Hounsfield units). `affine` (4, 4) takes voxel indices to millimetres, +x right, +y
    anterior, +z superior (NIfTI-1 standard); unless `is_placed`, the header states none (frames of a loop).
    """

    data: npt.NDArray[Any]
    affine: npt.NDArray[np.float64]
    is_placed: bool = True

    @property
    def shape(self) -> tuple[int, ...]:
        """(columns, rows, slices[, volumes])."""
        return self.data.shape

    @property
    def spacing(self) -> tuple[float, float, float]:
        """The distance of voxels along columns, rows and slices, in mm."""
        x, y, z = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(x), float(y), float(z)


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A PNG image: `data` is (rows, columns), uint8 or uint16, or (rows, columns, 3), uint8, red green blue."""

    data: npt.NDArray[np.uint8 | np.uint16]

    @property
    def shape(self) -> tuple[int, ...]:
        """(rows, columns[, 3])."""
        return self.data.shape


def load_pixels(path: Path, shown: str) -> Volume | Picture:
    """The pixels of a file, which errors call `shown`; see `Dataset.load`."""
    if shown.endswith((".nii.gz", ".nii")):
        return _volume(path, shown)
    if shown.casefold().endswith(".png"):
        return _picture(path, shown)
    raise MidsError(f"{shown} is neither NIfTI nor PNG: open it with a library for its format")


Part: TypeAlias = tuple[slice, slice, slice]
"""Columns, rows and slices of a volume, each from and to a number."""


def load_part(path: Path, shown: str, part: Part, stream: Any = None) -> Volume:
    """A part of a volume of three axes, whose affine places it; of a `.nii.gz` nothing is unpacked behind its end.

    `stream` gives the unpacked bytes of the file, where they need not be read from its start. Raises what
    `Dataset.load` raises, and `MidsError` for a part that is not within the volume.
    """
    if ".nii" not in shown:
        raise MidsError(f"{shown} is not a volume: load all of it")
    if len(part) != 3 or not all(isinstance(each, slice) and each.step in (None, 1) for each in part):
        raise MidsError(
            f"part {part}: give three slices (columns, rows, slices): (slice(0, 64), slice(0, 64), slice(9, 10))"
        )
    with _opened(path, shown, stream) as image:
        proxy, shape = image.dataobj, (*image.shape, 1, 1)[:3]
        if np.prod(image.shape) != np.prod(shape):
            raise MidsError(f"{shown} has {len(image.shape)} axes: load all of it, and take the part that you want")
        part = complete_part(part, shape, shown)
        # Whole slices are read in one go; single lines of them would each be searched for.
        slices = proxy[:, :, part[2]] if len(image.shape) > 2 else proxy[...]
        data = np.asarray(slices).reshape(*shape[:2], -1)[part[0], part[1]]
        affine = np.array(image.affine, dtype=np.float64)
        affine[:3, 3] += affine[:3, :3] @ [each.start for each in part]
        return Volume(data, affine, _is_placed(image))


def complete_part(part: Part, shape: tuple[int, ...], shown: str) -> Part:
    """A part whose slices have both ends; raises `MidsError` where they are no whole numbers within the shape."""
    ends = [(each.start or 0, side if each.stop is None else each.stop) for each, side in zip(part, shape, strict=True)]
    if not all(isinstance(end, int | np.integer) for pair in ends for end in pair):
        raise MidsError(f"part {part}: give whole numbers")
    if any(not 0 <= first < last <= side for (first, last), side in zip(ends, shape, strict=True)):
        raise MidsError(f"part {part} of {shown}: give columns, rows and slices within {shape}")
    x, y, z = (slice(int(first), int(last)) for first, last in ends)
    return x, y, z


def _volume(path: Path, shown: str) -> Volume:
    with _opened(path, shown) as image:
        return Volume(np.asanyarray(image.dataobj), np.asarray(image.affine, dtype=np.float64), _is_placed(image))


def _is_placed(image: Any) -> bool:
    return any(int(image.header.get(key, 1)) > 0 for key in ("sform_code", "qform_code"))


@contextmanager
def _opened(path: Path, shown: str, stream: Any = None) -> Iterator[Any]:
    """A NIfTI image whose voxels are read when asked for; what is wrong with it is a `DataError` (NIFTI_INVALID)."""
    import nibabel as nib  # which loads pydicom too: not before somebody asks for voxels
    from nibabel.filebasedimages import ImageFileError

    try:
        head = nifti_head(path)
        check_claim(head)
        if not path.name.endswith(".gz"):
            yield nib.load(path)
            return
        kind: Any = nib.Nifti2Image if head.version == 2 else nib.Nifti1Image
        with stream or open_unpacked(path) as unpacked:
            yield kind.from_stream(unpacked)
    except (ImageFileError, OSError, EOFError, ValueError, zlib.error, DataError) as error:
        raise DataError("NIFTI_INVALID", f"{shown} can't be read as NIfTI: convert the image again") from error


def _picture(path: Path, shown: str) -> Picture:
    """Grey stays grey with its 8 or 16 bits; palettes are resolved and transparency is dropped."""
    import imagecodecs  # faster than Pillow; loads its codecs when the first is used

    try:
        head = png_head(path)
        check_claim(head)
        if head.rows * head.columns > LARGEST:
            raise DataError("PNG_INVALID", "the picture is too large")
        is_quiet = "iCCP" not in head.texts  # libpng prints what it thinks of a profile
        if (head.bits, head.colour) in _PLAIN and is_quiet and not (head.transparent or head.animated):
            return Picture(imagecodecs.png_decode(path.read_bytes()))
        with Image.open(path, formats=["PNG"]) as image:
            return Picture(np.array(image.convert(_MODES.get(image.mode, "RGB"))))
    except (
        UnidentifiedImageError, Image.DecompressionBombError, imagecodecs.PngError, OSError, SyntaxError, ValueError,
        zlib.error, DataError,
    ) as error:  # fmt: skip
        raise DataError("PNG_INVALID", f"{shown} can't be read as PNG: convert the image again") from error


LARGEST = 178_956_970
"""Pixels of the largest picture, or slice, that is read at once: the limit of Pillow, for programs that have none."""

_PLAIN = {(8, 0), (16, 0), (8, 2)}
"""Bits and colour type (grey, colour) of PNG that need no translation."""

_MODES = {"1": "L", "L": "L", "LA": "L", "I;16": "I;16"}
"""What a PNG of each of Pillow's modes is read as; everything else is colour."""
