"""What scanners write into elements of their own, for want of a standard one in classic MR images."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mids.errors import DataError
from mids.readers.archives.files import open_source
from mids.readers.dicom.grouping.axes import Place
from mids.readers.dicom.grouping.slices import Slice
from mids.readers.dicom.headers import PrivateTag, read_instance
from mids.records import Json


@dataclass(frozen=True, slots=True)
class _Own:
    """The makers' elements that say what a keyword of the standard says, and how their text becomes its value.

    Beside an element stands the ScanningSequence of the images in which alone it has this meaning. `telling` says of
    the values at one place whether all slices are read.
    """

    keyword: str
    tags: tuple[tuple[PrivateTag, str], ...]
    value: Callable[[str], Json]
    telling: Callable[[set[Json]], bool]


def _b_value(text: str) -> Json:
    return float(text.split("\\")[0]) % 1e9  # GE adds 1e9 to some


_PARTS: Mapping[str, Json] = {"0": "MAGNITUDE", "1": "PHASE", "2": "REAL", "3": "IMAGINARY"}

_OWN = (
    _Own(
        "DiffusionBValue",
        (
            (PrivateTag("Siemens", 0x0019, "SIEMENS MR HEADER", 0x0C), ""),
            (PrivateTag("GE", 0x0043, "GEMS_PARM_01", 0x39), "EP"),
            (PrivateTag("Philips", 0x2001, "Philips Imaging DD 001", 0x03), ""),
            (PrivateTag("UIH", 0x0065, "Image Private Header", 0x09), ""),
        ),
        _b_value,
        lambda values: len(values) > 1,
    ),
    _Own(
        "ComplexImageComponent",
        ((PrivateTag("GE", 0x0043, "GEMS_PARM_01", 0x2F), ""),),
        _PARTS.get,
        lambda values: bool(values - {None, "MAGNITUDE"}),
    ),
)
"""As the makers' conformance statements and dcm2niix's notes have them."""


def completed(root: Path, slices: Sequence[Slice], places: Sequence[Place]) -> list[Slice]:
    """Slices of classic MR with what only their makers' elements say, under the keyword of the standard.

    Read are the files of the first place, and all only where those show that it matters: b-values that differ, or
    parts of a complex image other than the magnitude.
    """
    found = list(slices)
    if slices[0].frame is not None:
        return found
    here = [one for one, place in zip(slices, places, strict=True) if place == places[0]]
    for own in _OWN:
        if slices[0].get(own.keyword) is not None or not own.telling(set(_said(root, here, own))):
            continue
        pairs = zip(found, _said(root, slices, own), strict=True)
        found = [one if value is None else _with(one, own.keyword, value) for one, value in pairs]
    return found


def _with(plane: Slice, keyword: str, value: Json) -> Slice:
    return replace(plane, instance=replace(plane.instance, header={**plane.instance.header, keyword: value}))


def _said(root: Path, slices: Sequence[Slice], own: _Own) -> list[Json]:
    """The value of each slice, None where it says none."""
    sequence = slices[0].get("ScanningSequence")
    kinds = sequence if isinstance(sequence, list) else [sequence]
    tags = tuple(tag for tag, kind in own.tags if not kind or kind in kinds)
    return [_read(root, one, tags, own) for one in slices]


def _read(root: Path, plane: Slice, tags: tuple[PrivateTag, ...], own: _Own) -> Json:
    try:
        with open_source(root, plane.source) as stream:
            instance = read_instance(plane.source, stream, (), tags)
        text = next((text for tag in tags if instance and (text := instance.text(tag.name))), "")
        return own.value(text) if text else None
    except (DataError, ValueError):
        return None
