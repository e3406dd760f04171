"""Slices and frames as their files hold them: stored values, what makes them real values, and where they lie.

Classic slices of native pixels, which nearly all are, are read without pydicom (see `plain`): every slice of every
volume is compared with what is delivered of it.
"""

import math
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from mids.errors import DataError
from mids.readers.dicom import plain
from mids.readers.dicom.decoding import floating, is_colour, number_of_frames, quiet, read_dataset, stored
from mids.readers.dicom.decoding import frames as decoded_frames
from mids.readers.dicom.headers import read_header
from mids.readers.dicom.pixels import RESCALE, has_modality_lut, modality
from mids.readers.dicom.plain import NotPlainError

Values = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a plane lies (mm, LPS): ImagePositionPatient, ImageOrientationPatient, the spacing of rows and of columns,
    and the distance to the next plane; empty or 0 where the file does not say.
    """

    position: tuple[float, ...] = ()
    orientation: tuple[float, ...] = ()
    spacing: tuple[float, ...] = ()
    distance: float = 0.0


@dataclass(frozen=True, slots=True)
class Plane:
    """One slice: `values` (rows, columns) times `slope` plus `intercept` are real values (PS3.3 C.11.1).

    A Modality LUT has been applied to `values`. `rescaled` says whether the file has a slope, and whether an intercept.
    """

    values: Values
    slope: float
    intercept: float
    rescaled: tuple[bool, bool]
    place: Place

    @property
    def real(self) -> npt.NDArray[np.float64]:
        """The real values."""
        return self.values.astype(np.float64) * self.slope + self.intercept


def read_planes(path: Path, wanted: Sequence[int] = ()) -> Iterator[Plane]:
    """The slice of a classic file; of one with frames those that are `wanted` (from 0), or all of them, in that order.

    Memory stays at a few frames where pixels are native. Raises `DataError` ``PIXELS_UNREADABLE``,
    ``RESCALE_UNREADABLE`` and ``FRAMES_CONTRADICTED``.
    """
    with path.open("rb", buffering=0) as stream:
        try:
            if not wanted or wanted == (0,):
                yield _classic(stream)
                return
        except (NotPlainError, struct.error, ValueError):
            pass
        stream.seek(0)
        dataset = read_dataset(stream)
    yield from _general(dataset, wanted)


# --- a classic slice of native pixels ------------------------------------------------------------------------

_INTEGERS = "Rows Columns BitsAllocated BitsStored HighBit PixelRepresentation SamplesPerPixel NumberOfFrames".split()
_DECIMALS = (
    "RescaleSlope RescaleIntercept ImagePositionPatient ImageOrientationPatient PixelSpacing SpacingBetweenSlices "
    "SliceThickness"
).split()
_OTHERS = (
    "ModalityLUTSequence SharedFunctionalGroupsSequence PerFrameFunctionalGroupsSequence DetectorInformationSequence"
).split()
_TAGS = {tag: keyword for keyword in (*_INTEGERS, *_DECIMALS) if (tag := tag_for_keyword(keyword))}
_WANTED = plain.wanted(_TAGS, refused=(tag for keyword in _OTHERS if (tag := tag_for_keyword(keyword))))
_NATIVE = (str(ImplicitVRLittleEndian), str(ExplicitVRLittleEndian))
_PIXEL_DATA = b"\xe0\x7f\x10\x00"


def _classic(stream: BinaryIO) -> Plane:
    """Raises `NotPlainError` or `ValueError` where the full reader is needed."""
    header = plain.read(stream, _WANTED)
    if header.syntax not in _NATIVE or header.tail[:4] != _PIXEL_DATA:
        raise NotPlainError
    numbers = {_TAGS[tag]: _numbers(_TAGS[tag], value) for tag, (_, value) in header.elements.items() if tag in _TAGS}
    whole = {keyword: int(numbers[keyword][0]) for keyword in _INTEGERS if numbers.get(keyword)}
    skip = 4 if header.implicit else 8
    begin, length = header.end + skip + 4, int.from_bytes(header.tail[skip : skip + 4], "little")
    return Plane(_native(stream, begin, length, whole), *_scale(numbers), _classic_place(numbers))


@lru_cache(1 << 12)
def _numbers(keyword: str, value: bytes) -> tuple[float, ...]:
    """The numbers of an element of type US, IS or DS; commas count as points."""
    if keyword in _INTEGERS and keyword != "NumberOfFrames":
        return (float(int.from_bytes(value[:2], "little")),) if len(value) == 2 else ()
    text = value.replace(b",", b".").strip(b" \0")
    return tuple(float(part) for part in text.split(b"\\")) if text else ()


def _native(stream: BinaryIO, begin: int, length: int, header: dict[str, int]) -> Values:
    rows, columns, allocated = header.get("Rows", 0), header.get("Columns", 0), header.get("BitsAllocated", 0)
    bits, high = header.get("BitsStored", 0), header.get("HighBit", header.get("BitsStored", 0) - 1)
    size = rows * columns * allocated // 8
    is_odd = (
        allocated not in (8, 16, 32) or header.get("SamplesPerPixel", 1) != 1 or "PixelRepresentation" not in header
    )
    if (
        is_odd
        or header.get("NumberOfFrames", 1) > 1
        or not size <= length <= size + 1
        or not 0 < bits <= high + 1 <= allocated
    ):
        raise NotPlainError
    stream.seek(begin)
    kind = "i" if header["PixelRepresentation"] == 1 else "u"
    values: Values = np.empty((rows, columns), f"<{kind}{allocated // 8}")
    if stream.readinto(values.data.cast("B")) != size:  # type: ignore[attr-defined]  # files and BytesIO have it
        raise NotPlainError
    if bits < allocated and not (high == bits - 1 and _fit(values, bits)):
        np.left_shift(values, allocated - 1 - high, out=values)
        np.right_shift(values, allocated - bits, out=values)
    return values


def _fit(values: Values, bits: int) -> bool:
    """Whether no bit but the lowest `bits` says anything: looking takes half the time of shifting."""
    signed = values.dtype.kind == "i"
    top = (1 << bits - signed) - 1
    return int(values.max()) <= top and (not signed or int(values.min()) >= -top - 1)


def _scale(numbers: dict[str, tuple[float, ...]]) -> tuple[float, float, tuple[bool, bool]]:
    """Slope, intercept, and whether each is there; a slope of 0 would erase the image.

    Raises `DataError` ``RESCALE_UNREADABLE``: what is there and no number is not what is absent.
    """
    slope, intercept = (_finite(numbers.get(keyword, ())) for keyword in RESCALE)
    for keyword, found in zip(RESCALE, (slope, intercept), strict=True):
        if found is None and numbers.get(keyword):
            raise DataError("RESCALE_UNREADABLE", f"{keyword} is not a number")
    return slope or 1.0, intercept or 0.0, (slope is not None, intercept is not None)


def _finite(values: Sequence[float]) -> float | None:
    return values[0] if values and math.isfinite(values[0]) else None


def _classic_place(numbers: dict[str, tuple[float, ...]]) -> Place:
    def several(keyword: str, count: int) -> tuple[float, ...]:
        values = numbers.get(keyword, ())
        return values if len(values) == count and all(map(math.isfinite, values)) else ()

    distances = (_finite(numbers.get(keyword, ())) for keyword in ("SpacingBetweenSlices", "SliceThickness"))
    spacing = several("PixelSpacing", 2)
    return Place(
        several("ImagePositionPatient", 3), several("ImageOrientationPatient", 6),
        spacing if min(spacing, default=0.0) > 0 else (),
        next((abs(distance) for distance in distances if distance), 0.0),
    )  # fmt: skip


def read_plane(dataset: Dataset, values: Values) -> Plane:
    """A classic slice whose stored values (rows, columns) have been decoded."""
    return _plane(dataset, values, (Dataset(), Dataset(), dataset))


# --- everything else -----------------------------------------------------------------------------------------


def _general(dataset: Dataset, wanted: Sequence[int]) -> Iterator[Plane]:
    if is_colour(dataset):
        raise DataError("PIXELS_UNREADABLE", "a slice of a volume is a colour picture")
    count = number_of_frames(dataset)
    with quiet():
        groups = list(dataset.get("PerFrameFunctionalGroupsSequence") or [])
    if groups and len(groups) != count:
        message = f"NumberOfFrames is {count} and {len(groups)} frames are described"
        raise DataError("FRAMES_CONTRADICTED", message)
    shared = next(iter(dataset.get("SharedFunctionalGroupsSequence") or []), Dataset())
    for number, values in _chosen(dataset, wanted or range(count)):
        yield _plane(dataset, values, (groups[number] if groups else Dataset(), shared, dataset))


def _chosen(dataset: Dataset, wanted: Sequence[int]) -> Iterator[tuple[int, Values]]:
    """The wanted frames in their order: one after the other where they stand so, else each by itself."""
    floats = floating(dataset)
    if floats is not None:
        yield from ((number, floats[number]) for number in wanted)
        return
    if list(wanted) == list(range(number_of_frames(dataset))):
        yield from enumerate(decoded_frames(dataset))
        return
    for number in wanted:
        yield number, stored(dataset, frame=number)


_MACROS = {
    "ImagePositionPatient": "PlanePositionSequence",
    "ImageOrientationPatient": "PlaneOrientationSequence",
    "RescaleSlope": "PixelValueTransformationSequence",
    "RescaleIntercept": "PixelValueTransformationSequence",
    "PixelSpacing": "PixelMeasuresSequence",
    "SpacingBetweenSlices": "PixelMeasuresSequence",
    "SliceThickness": "PixelMeasuresSequence",
}
"""Where the attributes of a frame stand in its functional groups (PS3.3 C.7.6.16.2)."""


def _plane(dataset: Dataset, values: Values, groups: Sequence[Dataset]) -> Plane:
    with quiet():
        numbers = {
            keyword: found for keyword, macro in _MACROS.items() if (found := _looked_up(groups, keyword, macro))
        }
    if has_modality_lut(dataset):
        return Plane(modality(values, dataset).astype(np.uint16), 1.0, 0.0, (True, True), _classic_place(numbers))
    return Plane(values, *_scale(numbers), _classic_place(numbers))


def _looked_up(groups: Sequence[Dataset], keyword: str, macro: str) -> tuple[float, ...]:
    """An attribute of a frame: in its own functional groups, else the shared ones, else the dataset itself.

    A value that is there and no number is not a number here too (NaN).
    """
    for group in groups:
        items = group.get(macro)
        holder = items[0] if items else group
        value = holder.get(keyword) if items or group is groups[-1] else None
        try:
            if value is not None:
                return tuple(
                    float(part)
                    for part in (value if hasattr(value, "__len__") and not isinstance(value, str) else [value])
                )
        except (TypeError, ValueError):
            if str(value).strip():
                return (math.nan,)
    return ()


def count_frames(path: Path) -> int:
    """How many frames a file says that it has.

    Raises `DataError` ``DICOM_UNREADABLE``.
    """
    with path.open("rb") as stream, quiet():
        return number_of_frames(read_header(stream))
