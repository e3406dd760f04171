"""Facts about the pixels of a whole image, gathered from blocks of it as they are unpacked."""

from array import array
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from mids.dataset.disk.contents import Whole
from mids.dataset.disk.heads import NiftiHead

SAMPLE = 400_000
"""Voxels of a volume that are looked at for statistics."""
VALUES = 4096
"""Different values of an image that are kept."""

TYPES = {
    2: "u1", 256: "i1", 4: "i2", 512: "u2", 8: "i4", 768: "u4", 1024: "i8", 1280: "u8", 16: "f4", 64: "f8",
    32: "c8", 1792: "c16",
}  # fmt: skip
"""numpy's types for NIfTI's datatypes (nifti1.h, DT_*); those of colours and of 128 bits have no statistics."""


def stored_type(head: NiftiHead) -> "np.dtype[Any] | None":
    """numpy's type of the voxels of a volume as they are stored; None of colours and of 128 bits."""
    kind = TYPES.get(head.datatype)
    return np.dtype(kind).newbyteorder("<" if head.order == "<" else ">") if kind else None


class Values:
    """The different values of an image, as long as there are few of them."""

    def __init__(self, dtype: "np.dtype[Any]") -> None:
        self._seen = np.zeros(1 << 8 * dtype.itemsize, bool) if dtype.kind in "iu" and dtype.itemsize < 3 else None
        self._type = dtype.newbyteorder("=")
        self._known: npt.NDArray[Any] = np.empty(0, self._type)

    def add(self, voxels: npt.NDArray[Any]) -> None:
        """The next voxels."""
        if self._seen is not None:
            self._seen[voxels.view(f"u{voxels.itemsize}")] = True
        elif len(self._known) <= VALUES:
            few = voxels if len(voxels) < 4 * VALUES else _without_runs(voxels)
            self._known = np.unique(np.concatenate((self._known, few)))[: VALUES + 1]

    def result(self) -> npt.NDArray[Any]:
        """The values, sorted; of numbers of more than 16 bits no more than `VALUES` + 1."""
        if self._seen is None:
            return self._known
        codes = np.flatnonzero(self._seen).astype(f"u{self._type.itemsize}")
        return np.sort(codes.view(self._type))


def _without_runs(voxels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The voxels but those that equal the one before: a segmentation is almost nothing else."""
    return voxels[np.flatnonzero(np.concatenate(([True], voxels[1:] != voxels[:-1])))]


class Volume:
    """Gathers facts about voxels that come in blocks."""

    def __init__(self, head: NiftiHead) -> None:
        self._head = head
        self._type = stored_type(head)
        self._width = head.bitpix // 8
        voxels = max(1, (head.size - head.offset) // self._width)
        # An odd step does not walk along one column of a volume.
        self._step = max(1, voxels // SAMPLE) | 1
        self._slice = max(1, int(np.prod(head.shape[:2], dtype=np.int64)))
        self._count = self._nan = self._infinite = 0
        self._values = Values(self._type) if self._type is not None and self._type.kind != "c" else None
        self._samples: list[npt.NDArray[Any]] = []
        self._first = b""
        self._blank = True
        self._rest = b""
        self._filled: list[float] = []

    def add(self, block: bytes) -> None:
        """The next bytes of voxels; whole slices are looked at together."""
        block = self._rest + block
        length = self._width * (self._slice if self._slice * self._width < 1 << 26 else 1)
        end = len(block) - len(block) % length
        block, self._rest = block[:end], block[end:]
        if block:
            self._look(block, in_slices=length > self._width or self._slice == 1)

    def _look(self, block: bytes, *, in_slices: bool) -> None:
        self._first = self._first or block[: self._width]
        self._blank = self._blank and block == self._first * (len(block) // self._width)
        if self._type is None:
            return
        voxels = np.frombuffer(block, self._type)
        if self._type.kind in "fc":
            self._nan += int(np.isnan(voxels).sum())
            self._infinite += int(np.isinf(voxels).sum())
        if in_slices:
            planes = voxels.reshape(-1, self._slice)
            self._filled += [float((plane != plane.min()).mean()) for plane in planes]
        if self._values is not None:
            self._values.add(voxels if voxels.dtype.isnative else voxels.astype(voxels.dtype.newbyteorder("=")))
            start = -self._count % self._step
            self._samples.append(voxels[start :: self._step].astype(np.float64))
        self._count += len(voxels)

    def done(self) -> Whole:
        """The facts, once all blocks have been added."""
        if self._rest and self._type is not None:
            self._look(self._rest[: len(self._rest) // self._width * self._width], in_slices=False)
        known = self._values.result() if self._values is not None else np.empty(0)
        sample = array("d", np.concatenate(self._samples).tobytes()) if self._samples else None
        count = max(1, self._count)
        return Whole(
            self._blank,
            sample,
            frozenset(scaled(known[: VALUES + 1], self._head).tolist()),
            many=len(known) > VALUES,
            nan=self._nan / count,
            infinite=self._infinite / count,
            filled=tuple(self._filled),
        )


def scaled(voxels: npt.NDArray[Any], head: NiftiHead) -> npt.NDArray[np.float64]:
    """Stored values of a volume as the numbers they stand for."""
    (slope, intercept), numbers = head.scaling, voxels.astype(np.float64)
    return numbers if (slope, intercept) == (1.0, 0.0) else numbers * slope + intercept


def look_at_picture(image: Image.Image) -> Whole:
    """Facts about a grey or RGB picture of 8 or 16 bits."""
    pixels = np.asarray(image)
    if image.mode.startswith("I"):  # 16 bits; some versions of Pillow give 32
        pixels = pixels.astype(np.uint16)
    values = Values(pixels.dtype)
    values.add(pixels.reshape(-1))
    known = values.result()
    flat = pixels.reshape(-1, *pixels.shape[2:])
    largest = np.iinfo(pixels.dtype).max
    return Whole(
        blank=bool((flat == flat[0]).all()),
        values=frozenset(known[: VALUES + 1].astype(float).tolist()),
        many=len(known) > VALUES,
        brightest=float((pixels == largest).mean()),
        below=_blank_below(pixels),
    )


def _blank_below(pixels: npt.NDArray[Any]) -> float:
    """The share of rows from the lower edge that have one value alone; 0 where a frame around the picture has it."""
    value = pixels[-1, -1]
    if not (pixels[-1] == value).all() or (pixels[0] == value).all():
        return 0.0
    is_blank = (pixels == value).reshape(len(pixels), -1).all(axis=1)
    count = int(is_blank[::-1].argmin())
    above = pixels[:-count]
    is_framed = all((above[:, side] == value).all() for side in (0, -1))
    return 0.0 if is_framed else count / len(pixels)
