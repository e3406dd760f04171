"""Makes text in the stored pixels of a DICOM dataset black (Clean Pixel Data Option, DICOM PS3.15 E.3.1)."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from mids.actions.screen import Looked, identifying, look, texts
from mids.deid.burned.evidence import Screen, is_slice
from mids.errors import DataError
from mids.readers.dicom import pixels as reader
from mids.records import Box

Values = npt.NDArray[Any]

_NATIVE = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, "1.2.840.10008.1.2.1.99", ExplicitVRBigEndian)
_STALE = (
    "ExtendedOffsetTable", "ExtendedOffsetTableLengths", "IconImageSequence", "SmallestImagePixelValue",
    "LargestImagePixelValue",
)  # fmt: skip
"""What describes the pixels or shows them as they were."""


def clean_pixels(dataset: Dataset, boxes: Sequence[Box], screen: Screen) -> Looked:
    """Makes `boxes`, and what `screen` finds and wants black, black in all frames of a dataset.

    Says which boxes are black now, and what there is to tell. The dataset is changed only where there are boxes: its
    pixels are then native, little endian unless they were big endian, colour is RGB, and no bits but those stored are
    left.
    A slice of a volume (CT, MR, PT, NM) is looked at where its header asks for it or its ImageType says SECONDARY.

    Raises `DataError` ``PRIVACY_TEXT_FOUND`` where it must not be delivered, ``PIXELS_UNREADABLE`` where its pixels
    can't be decoded though they have to be, and `MidsError` where Tesseract is asked for and missing.
    """
    is_open = screen.detect != "none" and screen.burned_in != "release"
    looks = is_open and (screen.asked or not _is_slice(dataset))
    if not boxes and not looks:
        return Looked()
    looked = look(_displayed(dataset, boxes), screen, identifying(dataset), boxes) if looks else Looked()
    every = tuple(dict.fromkeys((*boxes, *looked.boxes)))
    if every:
        _blacken(dataset, every)
    return replace(looked, boxes=every)


def _is_slice(dataset: Dataset) -> bool:
    """Whether a picture is a slice of a volume and no capture."""
    kinds = {kind.upper() for kind in texts(dataset, "ImageType")}
    modality, sop_class = ("".join(texts(dataset, keyword)) for keyword in ("Modality", "SOPClassUID"))
    return is_slice(modality, sop_class) and "SECONDARY" not in kinds


def _displayed(dataset: Dataset, boxes: Sequence[Box]) -> Iterator[Values]:
    picture = reader.renderer(dataset, "window", boxes).picture
    return (picture(values) for values in reader.frames(dataset))


def _blacken(dataset: Dataset, boxes: Sequence[Box]) -> None:
    if int(dataset.BitsAllocated) < 8:
        raise DataError("PIXELS_UNREADABLE", "pixels of less than a byte can't be redacted")
    values = reader.stored(dataset).copy()
    has_samples = dataset.get("SamplesPerPixel") == 3
    black = 0 if has_samples else _black(dataset, values)
    reader.blanked(values, boxes, colour=has_samples, black=black)
    write_pixels(dataset, values, colour=has_samples)


def _black(dataset: Dataset, values: Values) -> int:
    """The stored value that is displayed darkest: one of the image's own where one is black.

    Values far below those of the image would be black too, and spoil every range that is taken from the image.
    """
    picture = reader.renderer(dataset, "window").picture
    bits = int(dataset.BitsStored)
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if values.dtype.kind == "i" else (0, (1 << bits) - 1)
    has_palette = reader.is_colour(dataset)
    own = np.unique(values) if has_palette else np.array([values.min(), values.max()])
    every = np.arange(low, high + 1) if has_palette else np.array([low, high])
    candidates = np.concatenate([own, every]).astype(values.dtype)
    shown = picture(candidates.reshape(1, -1)).reshape(len(candidates), -1)
    return int(candidates[int(shown.astype(np.int64).sum(axis=1).argmin())])


def write_pixels(dataset: Dataset, values: Values, *, colour: bool) -> None:
    """Puts native pixels into a dataset with the attributes that describe them (PS3.3 C.7.6.3, PS3.5 8.1).

    What lossy compression they have gone through stays said; icons, which show them as they were, go.
    """
    meta = dataset.file_meta
    if meta.TransferSyntaxUID not in _NATIVE:
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
    is_big = meta.TransferSyntaxUID == ExplicitVRBigEndian
    content = values.astype(values.dtype.newbyteorder(">" if is_big else "<")).tobytes()
    is_words = int(dataset.BitsAllocated) > 8 or meta.TransferSyntaxUID == ImplicitVRLittleEndian
    for keyword in _STALE:
        if keyword in dataset:
            del dataset[keyword]
    dataset.add_new("PixelData", "OW" if is_words else "OB", content + bytes(len(content) % 2))
    dataset.HighBit = int(dataset.BitsStored) - 1
    if colour:
        dataset.PhotometricInterpretation = "RGB"
        dataset.PlanarConfiguration = 0
