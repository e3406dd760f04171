"""b-values that scanners write into elements of their own, for want of a standard one in classic MR images."""

from collections.abc import Sequence
from pathlib import Path

from mids.errors import DataError
from mids.readers.archives.files import open_source
from mids.readers.dicom.grouping.axes import Part
from mids.readers.dicom.grouping.slices import Slice
from mids.readers.dicom.headers import PrivateTag, read_any

_B_VALUES = (
    PrivateTag("Siemens", 0x0019, "SIEMENS MR HEADER", 0x0C),
    PrivateTag("GE", 0x0043, "GEMS_PARM_01", 0x39),
    PrivateTag("Philips", 0x2001, "Philips Imaging DD 001", 0x03),
    PrivateTag("UIH", 0x0065, "Image Private Header", 0x09),
)
"""As the makers' conformance statements and dcm2niix's notes have them; GE adds 1e9 to some."""


def differ_in_b(root: Path, part: Part) -> bool:
    """Whether echo-planar MR slices at one place have different b-values in an element of their maker.

    Read are the files of the first place only.
    """
    first = part.slices[0]
    if not part.repeats or first.frame is not None or first.get("DiffusionBValue") is not None:
        return False
    sequence = first.get("ScanningSequence")
    if "EP" not in (sequence if isinstance(sequence, list) else [sequence]):
        return False
    here = [one for one, place in zip(part.slices, part.places, strict=True) if place == part.places[0]]
    return len(set(_read_b_values(root, here))) > 1


def _read_b_values(root: Path, slices: Sequence[Slice]) -> list[float]:
    found: list[float] = []
    for one in slices:
        try:
            with open_source(root, one.source) as stream:
                instance = read_any(one.source, stream, (), _B_VALUES)
        except DataError:
            continue
        said = [instance.text(tag.name) for tag in _B_VALUES] if instance else []
        value = next((text.split("\\")[0] for text in said if text), "")
        if not value:
            return []
        try:
            found.append(float(value) % 1e9)
        except ValueError:
            continue
    return found
