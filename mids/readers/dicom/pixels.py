"""From stored values to the picture that is written: DICOM's grey-scale pipeline (PS3.3 C.11, PS3.4 N.2).

Stored value -> Modality LUT or rescale -> VOI LUT or window -> polarity -> 0..65535. Up to 16 bits the whole
pipeline is one table, computed once for every possible stored value. Ranges come from BitsStored, the window
or the table, never from the image: the same value gives the same grey in every image of a series.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from mids.errors import DataError
from mids.issues import Issue, issue
from mids.readers.dicom import luts
from mids.readers.dicom.decoding import (
    frames,
    is_colour,
    little_endian,
    number_of_frames,
    photometric,
    quiet,
    read_dataset,
    size,
    stored,
)
from mids.records import Json, Pixels

__all__ = [
    "RESCALE", "Rendered", "Renderer", "blanked", "doubts", "frames", "has_modality_lut", "is_colour",
    "modality", "number_of_frames", "quiet", "read_dataset", "render", "renderer", "stored",
]  # fmt: skip

Values = npt.NDArray[Any]
Box = tuple[int, int, int, int]

TOP = 65535
"""The white of the output."""

RESCALE = ("RescaleSlope", "RescaleIntercept")
_WINDOW = ("WindowCenter", "WindowWidth")

_LOSSY_BY_NATURE = (
    "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.53", "1.2.840.10008.1.2.4.55",
    "1.2.840.10008.1.2.4.81",
)  # fmt: skip

_NO_MODALITY_LUT = (
    "1.2.840.10008.5.1.4.1.1.12.1", "1.2.840.10008.5.1.4.1.1.12.2", "1.2.840.10008.5.1.4.1.1.12.3",
)  # fmt: skip
"""XA, XRF and biplane XA: their ModalityLUTSequence leads back to X-ray intensity, and is ignored for display
(PS3.4 N.2.5)."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """Pixels ready to be written, and what was done to them as keys of the sidecar.

    `pixels`: grey uint16 (rows, columns), or RGB uint8 (rows, columns, 3); frames add an axis in front.
    """

    pixels: npt.NDArray[np.uint16] | npt.NDArray[np.uint8]
    facts: dict[str, Json]


@dataclass(frozen=True, slots=True)
class Renderer:
    """How stored values of one dataset become pixels: `picture` for any frame, `facts` for the sidecar."""

    picture: Callable[[Values], Values]
    facts: dict[str, Json]


def render(dataset: Dataset, mode: Pixels, blank: Sequence[Box] = (), *, frame: int | None = None) -> Rendered:
    """One frame or, without `frame`, the whole image as it is written (see `renderer`).

    `blank` are boxes (top, left, bottom, right) in pixels, bottom and right exclusive, made black.
    Raises `DataError` ``PIXELS_UNREADABLE``.
    """
    values = stored(dataset, frame=frame)
    how = renderer(dataset, mode, blank)
    return Rendered(how.picture(values), how.facts)


def renderer(dataset: Dataset, mode: Pixels, blank: Sequence[Box] = ()) -> Renderer:
    """The way from stored values to pixels, one for all frames.

    `window`: the first VOI item, or without a usable one the full range of BitsStored after the Modality LUT;
    padding becomes black; the sidecar's ``PixelRange`` holds the values of black and white before inversion.
    `raw`: values after the Modality LUT minus ``PixelOffset`` (``PixelRange`` high minus value where
    ``PixelInverted``); padding stays. Where they are no integers of 16 bits, the stored values are kept and
    ``ModalityLUTApplied`` is false. Colour becomes 8-bit RGB in both modes.
    Raises `DataError` ``PIXELS_UNREADABLE``.
    """
    with quiet():
        try:
            colour, (rows, columns) = is_colour(dataset), size(dataset)
            how = _colour(dataset) if colour else _raw(dataset) if mode == "raw" else _window(dataset)
            facts: dict[str, Json] = {
                "PhotometricInterpretation": "RGB" if colour else "MONOCHROME2",
                "SourcePhotometricInterpretation": photometric(dataset),
                "Rows": rows,
                "Columns": columns,
                "BitsStored": int(dataset.BitsStored),
                **_lossy(dataset),
                **how.facts,
            }
        except (AttributeError, TypeError, ValueError) as error:
            reason = "an attribute that describes the pixels is missing or wrong"
            raise DataError("PIXELS_UNREADABLE", f"{reason} ({type(error).__name__})") from error
    if blank:
        facts["BlankedRegions"] = [list(box) for box in blank]
    return Renderer(lambda values: blanked(how.picture(values), blank, colour=colour)[:rows, :columns], facts)


def modality(values: Values, dataset: Dataset) -> Values:
    """Stored values in modality units (PS3.3 C.11.1): integers where slope and intercept are, else float64.

    ModalityLUTSequence goes before RescaleSlope and RescaleIntercept; without either, values come unchanged.
    """
    with quiet():
        lut = _modality_lut(dataset)
        if lut is not None:
            return lut.apply(values, *_stored_range(dataset)).astype(np.int64)
        slope, intercept = _rescale(dataset)
        if slope.is_integer() and intercept.is_integer():
            return np.asarray(values.astype(np.int64) * int(slope) + int(intercept))
        return np.asarray(values.astype(np.float64) * slope + intercept)


def has_modality_lut(dataset: Dataset) -> bool:
    """Whether a ModalityLUTSequence makes the values, in place of a slope and an intercept."""
    with quiet():
        return _modality_lut(dataset) is not None


def _window(dataset: Dataset) -> Renderer:
    low, high = _modality_range(dataset)
    shade, voi_facts = _voi(dataset, low, high)
    inverted = _inverted(dataset)
    padding, padding_facts = _padding(dataset)

    def picture(values: Values) -> Values:
        grey: Values = np.rint(shade(modality(values, dataset)) * TOP).astype(np.uint16)
        if inverted:
            np.subtract(TOP, grey, out=grey)
        if padding:
            grey[(values >= padding[0]) & (values <= padding[1])] = 0
        return grey

    facts = {
        "PixelMode": "window",
        "PixelInverted": inverted,
        **_rescale_facts(dataset),
        **voi_facts,
        **padding_facts,
    }
    return Renderer(_tabulated(picture, dataset), facts)


def _raw(dataset: Dataset) -> Renderer:
    if int(dataset.BitsStored) > 16:
        raise DataError(
            "PIXELS_UNREADABLE", "stored values of more than 16 bits do not fit into a 16-bit PNG: use --pixels window"
        )
    low, high = _modality_range(dataset)
    applied = low.is_integer() and high.is_integer() and high - low <= TOP and _modality_is_integer(dataset)
    bottom, top = (int(low), int(high)) if applied else _stored_range(dataset)
    inverted = _inverted(dataset)
    _, padding_facts = _padding(dataset)

    def shifted(values: Values) -> Values:
        units = modality(values, dataset) if applied else values.astype(np.int64)
        return top - units if inverted else units - bottom

    look_up = _tabulated(shifted, dataset)

    def picture(values: Values) -> Values:
        found = look_up(values)
        if found.min() < 0 or found.max() > TOP:
            raise DataError(
                "PIXELS_UNREADABLE",
                "stored values lie outside BitsStored, which raw mode can't hold: use --pixels window",
            )
        return found.astype(np.uint16)

    facts: dict[str, Json] = {
        "PixelMode": "raw", "WindowApplied": False, "PixelInverted": inverted, "PixelOffset": bottom,
        "PixelRange": [bottom, top], **_rescale_facts(dataset), **padding_facts,
    }  # fmt: skip
    if not applied:
        facts["ModalityLUTApplied"] = False
    return Renderer(picture, facts)


def _colour(dataset: Dataset) -> Renderer:
    """Colour as 8-bit RGB; samples of more bits are scaled by BitsStored."""
    if photometric(dataset) == "PALETTE COLOR":
        tables = luts.palette(dataset, little_endian=little_endian(dataset))
        low, high = _stored_range(dataset)

        def picture(values: Values) -> Values:
            return np.stack([table.apply(values, low, high) for table in tables], axis=-1).astype(np.uint8)

    else:
        scale = 255 / ((1 << int(dataset.BitsStored)) - 1)

        def picture(values: Values) -> Values:
            return np.clip(np.rint(values * scale), 0, 255).astype(np.uint8)

    return Renderer(_tabulated(picture, dataset), {"WindowApplied": False})


def _tabulated(picture: Callable[[Values], Values], dataset: Dataset) -> Callable[[Values], Values]:
    """The same function as a table over every stored value, where those have at most 16 bits."""
    size = max(1, int(dataset.BitsAllocated) // 8)
    if size > 2:
        return picture
    kind = "i" if _signed(dataset) else "u"
    every = np.arange(1 << 8 * size, dtype=f"u{size}").view(f"{kind}{size}")
    table = picture(every)

    def look_up(values: Values) -> Values:
        found: Values = table[values.view(f"u{size}")]
        return found

    return look_up


def _voi(dataset: Dataset, low: float, high: float) -> tuple[Callable[[Values], Values], dict[str, Json]]:
    """From modality units, `low` to `high` at most, to 0..1: by the first VOI item, else the full range."""
    module = _group(dataset, "FrameVOILUTSequence")
    lut = _first_lut(module, "VOILUTSequence", little_endian=little_endian(dataset))
    if lut is not None and lut.highest > 0:
        white = lut.highest
        return lambda units: lut.apply(units, low, high) / white, {"WindowApplied": True, "VOILUTIndex": 0}
    centre, width = _first(module, "WindowCenter"), _first(module, "WindowWidth")
    function = str(module.get("VOILUTFunction") or "").strip().upper()
    function = function if function in ("LINEAR_EXACT", "SIGMOID") else "LINEAR"
    if centre is None or width is None or width <= 0 or (function == "LINEAR" and width < 1):
        return _linear(low, high), {"WindowApplied": False, "PixelRange": [_number(low), _number(high)]}
    facts: dict[str, Json] = {
        "WindowApplied": True,
        "VOILUTIndex": 0,
        "WindowCenter": _number(centre),
        "WindowWidth": _number(width),
        "VOILUTFunction": function,
    }
    if function == "SIGMOID":
        return lambda units: 1 / (1 + np.exp(-np.clip(4 * (units - centre) / width, -700, 700))), facts
    # LINEAR counts pixels, hence the half and the one (PS3.3 C.11.2.1.2.1); LINEAR_EXACT does not
    middle, span = (centre, width) if function == "LINEAR_EXACT" else (centre - 0.5, width - 1)
    facts["PixelRange"] = [_number(middle - span / 2), _number(middle + span / 2)]
    return _linear(middle - span / 2, middle + span / 2), facts


def doubts(dataset: Dataset) -> tuple[Issue, ...]:
    """``WINDOW_UNREADABLE`` for a window that is there and was not used because it is no number."""
    with quiet():
        module = _group(dataset, "FrameVOILUTSequence")
        unread = [] if is_colour(dataset) or module.get("VOILUTSequence") else _unread(module, _WINDOW)
    message = f"{' and '.join(unread)} is not a number; the full range of values was shown"
    return (issue("WINDOW_UNREADABLE", message, origin="run"),) if unread else ()


def _linear(low: float, high: float) -> Callable[[Values], Values]:
    if high <= low:
        return lambda units: (units > low).astype(np.float64)
    return lambda units: np.clip((units - low) / (high - low), 0, 1)


def _modality_lut(dataset: Dataset) -> luts.Lut | None:
    if str(dataset.get("SOPClassUID") or "") in _NO_MODALITY_LUT:
        return None
    return _first_lut(dataset, "ModalityLUTSequence", little_endian=little_endian(dataset))


def _first_lut(module: Dataset, keyword: str, *, little_endian: bool) -> luts.Lut | None:
    items = list(module.get(keyword) or [])
    return luts.read(items[0], little_endian=little_endian) if items else None


def _rescale(dataset: Dataset) -> tuple[float, float]:
    """RescaleSlope and RescaleIntercept, 1 and 0 where missing; a slope of 0 would erase the image.

    Raises `DataError` ``RESCALE_UNREADABLE``.
    """
    module = _group(dataset, "PixelValueTransformationSequence")
    slope, intercept = (_first(module, keyword) for keyword in RESCALE)
    if unread := _unread(module, RESCALE):
        raise DataError("RESCALE_UNREADABLE", f"{' and '.join(unread)} is not a number")
    return slope or 1.0, intercept or 0.0


def _rescale_facts(dataset: Dataset) -> dict[str, Json]:
    module = _group(dataset, "PixelValueTransformationSequence")
    numbers = {keyword: _first(module, keyword) for keyword in RESCALE}
    facts: dict[str, Json] = {key: _number(value) for key, value in numbers.items() if value is not None}
    return {**facts, "ModalityLUTApplied": _modality_lut(dataset) is not None or bool(facts)}


def _modality_is_integer(dataset: Dataset) -> bool:
    return _modality_lut(dataset) is not None or all(part.is_integer() for part in _rescale(dataset))


def _modality_range(dataset: Dataset) -> tuple[float, float]:
    """The lowest and the highest value that BitsStored allows, in modality units."""
    lut = _modality_lut(dataset)
    if lut is not None:
        return 0.0, float(lut.highest)
    slope, intercept = _rescale(dataset)
    low, high = sorted(value * slope + intercept for value in _stored_range(dataset))
    return low, high


def _stored_range(dataset: Dataset) -> tuple[int, int]:
    span = 1 << int(dataset.BitsStored)
    return (-span // 2, span // 2 - 1) if _signed(dataset) else (0, span - 1)


def _signed(dataset: Dataset) -> bool:
    return dataset.get("PixelRepresentation") == 1 and int(dataset.BitsAllocated) > 1


def _inverted(dataset: Dataset) -> bool:
    """Whether low values are white. INVERSE belongs to MONOCHROME1 (PS3.3 C.8.11.3.1.2): both invert once."""
    shape = str(dataset.get("PresentationLUTShape") or "").strip().upper()
    return photometric(dataset) == "MONOCHROME1" or shape == "INVERSE"


def _padding(dataset: Dataset) -> tuple[tuple[int, int] | None, dict[str, Json]]:
    """The lowest and the highest stored value that is padding (PS3.3 C.7.5.1.1.2), and the sidecar's keys."""
    keywords = ("PixelPaddingValue", "PixelPaddingRangeLimit")
    found = [_first(dataset, keyword) for keyword in keywords]
    if found[0] is None:
        return None, {}
    words = 1 << int(dataset.BitsAllocated)
    facts: dict[str, Json] = {}
    limits: list[int] = []
    for keyword, value in zip(keywords, found, strict=True):
        if value is not None:  # US is often written for SS, and the reverse
            stored_value = int(value) % words
            limits.append(stored_value - words if _signed(dataset) and stored_value >= words // 2 else stored_value)
            facts[keyword] = limits[-1]
    return (min(limits), max(limits)), facts


def _lossy(dataset: Dataset) -> dict[str, Json]:
    """LossyImageCompression (``00`` or ``01``) as stated, or as the transfer syntax implies; else nothing."""
    stated = str(dataset.get("LossyImageCompression") or "").strip()
    if stated not in ("00", "01"):
        stated = "01" if dataset.file_meta.TransferSyntaxUID in _LOSSY_BY_NATURE else ""
    return {"LossyImageCompression": stated} if stated else {}


def _group(dataset: Dataset, macro: str) -> Dataset:
    """Where a functional group's attributes are: shared, in the first frame, or in the dataset itself."""
    for keyword in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        groups = dataset.get(keyword)
        if groups and groups[0].get(macro):
            item: Dataset = groups[0][macro].value[0]
            return item
    return dataset


def _first(dataset: Dataset, keyword: str) -> float | None:
    """The first value of a numeric attribute, None where it is missing, no number or not finite."""
    try:
        value = dataset.get(keyword)
        number = float(value if isinstance(value, int | float | str) else value[0])
    except (TypeError, ValueError, IndexError):
        return None
    return number if math.isfinite(number) else None


def _unread(dataset: Dataset, keywords: Sequence[str]) -> list[str]:
    """The numeric attributes that are there and whose first value is no number, or not finite."""
    return [key for key in keywords if str(dataset.get(key) or "").strip() and _first(dataset, key) is None]


def _number(value: float) -> int | float:
    return int(value) if float(value).is_integer() else value


def blanked(pixels: Values, boxes: Sequence[Box], *, colour: bool, black: int = 0) -> Values:
    """The pixels themselves, (…, rows, columns) or with colour (…, rows, columns, 3), with boxes made black."""
    for top, left, bottom, right in boxes:
        box = (..., slice(max(0, top), max(0, bottom)), slice(max(0, left), max(0, right)))
        pixels[(*box, slice(None)) if colour else box] = black
    return pixels
