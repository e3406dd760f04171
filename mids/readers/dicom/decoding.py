"""Reads DICOM files with their pixels and decodes them into stored values (PS3.5 8, PS3.3 C.7.6.3)."""

import copy
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import pydicom
from pydicom import config
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.pixels.decoders.base import Decoder, get_decoder
from pydicom.uid import (
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

from mids.errors import DataError
from mids.readers.dicom import codestream
from mids.readers.dicom.decoders import STAND_IN, choose_plugin
from mids.readers.dicom.values import mend_decimal

Values = npt.NDArray[Any]

_BROKEN = (
    AttributeError, BytesLengthException, EOFError, InvalidDicomError, KeyError, IndexError, MemoryError,
    NotImplementedError, OSError, OverflowError, RuntimeError, TypeError, ValueError, struct.error, zlib.error,
)  # fmt: skip

_REASONS: dict[type[Exception], str] = {
    NotImplementedError: "no decoder reads it",
    AttributeError: "an attribute that describes the pixels is missing",
    RuntimeError: "the compressed data is damaged",
    ValueError: "the pixel data does not fit the attributes that describe it",
}


@contextmanager
def quiet() -> Iterator[None]:
    """No warning of pydicom escapes (they quote header values), and wrong values are read as they are."""
    with warnings.catch_warnings(), config.disable_value_validation():
        warnings.simplefilter("ignore")
        yield


def read_dataset(stream: BinaryIO) -> Dataset:
    """The whole DICOM file, preamble or not; a missing TransferSyntaxUID is filled in by how it was written.

    Raises `DataError` ``PIXELS_UNREADABLE``.
    """
    try:
        with quiet():
            dataset = pydicom.dcmread(stream, force=True)
            _drop_unreadable(dataset)
            meta = getattr(dataset, "file_meta", None)
            has_syntax = meta is not None and bool(meta.get("TransferSyntaxUID"))
    except _BROKEN as error:
        raise DataError("PIXELS_UNREADABLE", f"the file can't be parsed ({type(error).__name__})") from error
    if not has_syntax:
        implicit, little = dataset.original_encoding
        explicit = ExplicitVRBigEndian if little is False else ExplicitVRLittleEndian
        meta = FileMetaDataset() if meta is None else meta
        meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit is not False else explicit
        dataset.file_meta = meta
    return dataset


def _drop_unreadable(dataset: Dataset) -> None:
    """An attribute that can't be read (an unknown VR, a wrong length) counts as missing, also inside sequences.

    Decimal commas are read as points, as the header's reader does.
    """
    for tag in list(dataset.keys()):
        mend_decimal(dataset, tag)
        try:
            element = dataset[tag]
        except _BROKEN:
            del dataset[tag]
            continue
        if element.VR == "SQ":
            for item in element.value:
                _drop_unreadable(item)


def stored(dataset: Dataset, *, frame: int | None = None) -> Values:
    """The stored values: signed or unsigned integers, (rows, columns), with colour (rows, columns, 3).

    All frames of a multi-frame image come as (frames, rows, columns[, 3]); `frame` counts from 0. Bits
    outside BitsStored and HighBit are removed (PS3.5 8.1.1); colour is RGB, subsampling undone. Raises
    `DataError` ``PIXELS_UNREADABLE`` for what can't be decoded.
    """
    with _decoding(dataset) as (decoder, source):
        if frame is not None and frame >= number_of_frames(dataset):
            raise ValueError
        if decoder.is_encapsulated and not frame:
            _check_frames(dataset)
        values, facts = decoder.as_array(
            source,
            index=frame,
            decoding_plugin=choose_plugin(decoder),
            allow_excess_frames=False,  # type: ignore[arg-type]  # pydicom annotates its options wrongly
            correct_unused_bits=False,  # type: ignore[arg-type]
        )
        return _significant(values, dataset, facts["photometric_interpretation"], whole=_whole_words(decoder, dataset))


def frames(dataset: Dataset) -> Iterator[Values]:
    """The stored values of one frame after the other, as `stored` gives them; memory stays at a few frames.

    Raises `DataError` ``PIXELS_UNREADABLE``.
    """
    with _decoding(dataset) as (decoder, source):
        whole = _whole_words(decoder, dataset)
        decoded = decoder.iter_array(source, decoding_plugin=choose_plugin(decoder), correct_unused_bits=False)
        _check_frames(dataset)
    if decoder.is_native:  # pydicom 3.0 forgets after one frame that YBR_FULL_422 is subsampled
        yield from (stored(dataset, frame=index) for index in range(number_of_frames(dataset)))
        return
    for _ in range(number_of_frames(dataset)):
        with _decoding(dataset):
            found = next(decoded, None)
            if found is None:
                raise ValueError
            values = _significant(found[0], dataset, found[1]["photometric_interpretation"], whole=whole)
        yield values


def _check_frames(dataset: Dataset) -> None:
    """Raises `DataError` ``FRAMES_CONTRADICTED`` where the pixel data holds another number of frames than is stated."""
    stated = number_of_frames(dataset)
    try:
        held = codestream.frames_held(dataset)
    except _BROKEN:
        return
    unsaid = "NumberOfFrames" not in dataset and not dataset["PixelData"].is_undefined_length
    if held is not None and held != stated and not unsaid:
        raise DataError("FRAMES_CONTRADICTED", f"NumberOfFrames is {stated} and the pixel data holds {held}")


def size(dataset: Dataset) -> tuple[int, int]:
    """Rows and columns of what a frame shows: a slide in one tile may be smaller than that (PS3.3 C.8.12.4.1.3)."""
    whole = dataset.get("TotalPixelMatrixRows"), dataset.get("TotalPixelMatrixColumns")
    tile = int(dataset.Rows), int(dataset.Columns)
    if not all(whole) or number_of_frames(dataset) > 1:
        return tile
    return min(tile[0], int(whole[0])), min(tile[1], int(whole[1]))


def number_of_frames(dataset: Dataset) -> int:
    """NumberOfFrames, 1 where it is missing or nonsense."""
    try:
        return max(1, int(dataset.get("NumberOfFrames") or 1))
    except (TypeError, ValueError):
        return 1


def is_colour(dataset: Dataset) -> bool:
    """Whether the picture has colours: three samples, or a palette."""
    return photometric(dataset) == "PALETTE COLOR" or dataset.get("SamplesPerPixel") == 3


def photometric(dataset: Dataset) -> str:
    """PhotometricInterpretation without its padding."""
    return str(dataset.get("PhotometricInterpretation") or "").strip().upper()


def little_endian(dataset: Dataset) -> bool:
    """Whether words of more than one byte are little endian in the dataset."""
    return bool(dataset.file_meta.TransferSyntaxUID != ExplicitVRBigEndian)


_RETIRED = frozenset({"YBR_PARTIAL_422", "HSV", "ARGB", "CMYK"})
"""Photometric interpretations that no image may have any more, and that nobody decodes (PS3.3 C.7.6.3.1.2)."""


@contextmanager
def _decoding(dataset: Dataset) -> Iterator[tuple[Decoder, Dataset]]:
    """The decoder of a dataset and what to give it; failures become `DataError`, without header values."""
    name = "no transfer syntax"
    with quiet():
        try:
            syntax = UID(dataset.file_meta.TransferSyntaxUID)
            name = syntax.name if syntax.name != syntax else "an unknown transfer syntax"
            if "PixelData" not in dataset:
                kind = "floating point pixel data" if _has_floats(dataset) else "no pixel data"
                raise DataError("PIXELS_UNREADABLE", f"{name}: {kind}")
            if photometric(dataset) in _RETIRED:
                raise DataError("PIXELS_UNREADABLE", f"pixels of the retired kind {photometric(dataset)}")
            source = _relabelled(dataset, STAND_IN[syntax]) if syntax in STAND_IN else dataset
            yield get_decoder(source.file_meta.TransferSyntaxUID), source
        except _BROKEN as error:
            _check_frames(dataset)
            reason = next((text for kind, text in _REASONS.items() if isinstance(error, kind)), "it is damaged")
            raise DataError("PIXELS_UNREADABLE", f"{name}: {reason} ({type(error).__name__})") from error
        except BaseException as error:
            if type(error).__name__ != "PanicException":  # of the RLE decoder, written in Rust: no Exception
                raise
            raise DataError("PIXELS_UNREADABLE", f"{name}: the compressed data is damaged") from error


def _has_floats(dataset: Dataset) -> bool:
    return "FloatPixelData" in dataset or "DoubleFloatPixelData" in dataset


def floating(dataset: Dataset) -> Values | None:
    """Pixels that are real numbers (FloatPixelData, DoubleFloatPixelData; PS3.3 C.7.6.24, C.7.6.25), (frames, rows,
    columns); None where they are integers.

    Raises `DataError` ``PIXELS_UNREADABLE`` where they are fewer than the header says.
    """
    if "PixelData" in dataset or not _has_floats(dataset):
        return None
    keyword, size = ("FloatPixelData", 4) if "FloatPixelData" in dataset else ("DoubleFloatPixelData", 8)
    values = np.frombuffer(dataset[keyword].value, f"{'<' if little_endian(dataset) else '>'}f{size}")
    shape = number_of_frames(dataset), int(dataset.Rows), int(dataset.Columns)
    if values.size < prod(shape):
        raise DataError("PIXELS_UNREADABLE", "floating point pixel data that is shorter than its frames")
    return np.asarray(values[: prod(shape)].reshape(shape))


def _relabelled(dataset: Dataset, syntax: UID) -> Dataset:
    other = copy.copy(dataset)
    other.file_meta = copy.deepcopy(dataset.file_meta)
    other.file_meta.TransferSyntaxUID = syntax
    return other


def _whole_words(decoder: Decoder, dataset: Dataset) -> bool:
    """Whether the decoder returns words of BitsAllocated, in which HighBit says where the value lies.

    So do native data and RLE, and a codestream whose samples have more bits than the value.
    """
    if decoder.is_native or RLELossless == decoder.UID:
        return True
    high, bits = dataset.get("HighBit"), int(dataset.BitsStored)
    return high is not None and int(high) >= bits and codestream.precision(dataset) > bits


def _significant(values: Values, dataset: Dataset, space: object, *, whole: bool) -> Values:
    """The values as integers of BitsAllocated, without the bits that do not belong to them.

    What lossy compression has made too large is cut off instead. Raises `ValueError` where colour did not become RGB.
    """
    if is_colour(dataset) and str(space) not in ("RGB", "PALETTE COLOR"):
        raise ValueError
    allocated, bits = int(dataset.BitsAllocated), int(dataset.BitsStored)
    kind = "i" if dataset.PixelRepresentation == 1 and allocated > 1 else "u"
    values = values.astype(f"{kind}{max(1, allocated // 8)}", copy=False)
    if bits == allocated or allocated == 1:
        return values
    high_bit = dataset.get("HighBit")
    high = int(high_bit) if whole and high_bit is not None else bits - 1
    if not bits - 1 <= high < allocated:
        raise ValueError
    if not whole and codestream.is_lossy(dataset):
        top = (1 << bits - (kind == "i")) - 1
        return np.clip(values, -top - 1 if kind == "i" else 0, top)
    return (values << (allocated - 1 - high)) >> (allocated - bits)
