"""Makes one NIfTI of frames from a multi-frame (cine) ultrasound, angiography or fluoroscopy image."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException

from mids.actions import gz
from mids.actions.screen import identifying, look
from mids.deid.burned.evidence import UNSEEN, Screen
from mids.errors import DataError
from mids.readers.archives.files import open_source
from mids.readers.dicom import pixels as reader
from mids.records import Compression, Json, Made, Pixels, Source

RGB24 = np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])

_CENTIMETRE = 3
"""The value of PhysicalUnitsXDirection and PhysicalUnitsYDirection for cm (PS3.3 C.8.5.5.1.1)."""

_LARGEST = 32767
"""The largest dimension that the header of NIfTI-1 can state."""


@dataclass(frozen=True, slots=True)
class Frames:
    """All frames of one DICOM image as `frames.nii.gz`: (columns, rows, 1, frames), all rendered alike.

    Element [i, j, 0, k] is column i, row rows-1-j of frame k, as dcm2niix stores rows. Grey is uint16, colour
    RGB24. A projection has no place in the patient: qform and sform codes are 0, the zooms are the pixel
    spacing (in mm where the header says so, else 1 without a unit), 1, and the frame time in seconds (0 where
    unknown). `blank` are boxes (top, left, bottom, right) in pixels of every frame, made black;
    `screen` says how other text is looked for, which is made black in every frame too.
    """

    VERSION: ClassVar[int] = 1

    source: Source
    pixels: Pixels = "window"
    compression: Compression = "fast"
    blank: tuple[tuple[int, int, int, int], ...] = ()
    screen: Screen = UNSEEN

    @property
    def sources(self) -> tuple[Source, ...]:
        """The one input file."""
        return (self.source,)

    def make(self, root: Path, scratch: Path) -> Made:
        """Makes `frames.nii.gz` in `scratch`.

        Raises `DataError` ``PIXELS_UNREADABLE`` and ``PRIVACY_TEXT_FOUND``.
        """
        with open_source(root, self.source) as stream:
            dataset = reader.read_dataset(stream)
        how = reader.renderer(dataset, self.pixels, self.blank)
        displayed = (how.picture(values) for values in reader.frames(dataset))
        looked = look(displayed, self.screen, identifying(dataset), self.blank)
        how = reader.renderer(dataset, self.pixels, (*self.blank, *looked.boxes))
        timing = _timing(dataset)
        _, spacing_facts = _spacing(dataset)
        head = _header(dataset, colour=how.facts["PhotometricInterpretation"] == "RGB")
        gz.write(scratch / "frames.nii.gz", _parts(head, dataset, how), self.compression)
        count = reader.number_of_frames(dataset)
        doubts = reader.doubts(dataset) if self.pixels == "window" else ()
        facts = {**how.facts, "NumberOfFrames": count, **timing, **_durations(dataset), **spacing_facts, **looked.facts}
        return Made(("frames.nii.gz",), facts, issues=(*looked.issues, *doubts))


def _parts(head: bytes, dataset: Dataset, how: reader.Renderer) -> Iterator[bytes | memoryview]:
    yield head
    for values in reader.frames(dataset):
        yield np.ascontiguousarray(how.picture(values)[::-1]).data


def zooms(dataset: Dataset) -> tuple[float, float, float, float]:
    """The zooms of a NIfTI of frames: columns and rows in mm (unknown: 1), 1, and frames in s (unknown: 0)."""
    row_spacing, column_spacing = _spacing(dataset)[0] or (1.0, 1.0)
    return column_spacing, row_spacing, 1.0, _frame_time(_timing(dataset))


def _header(dataset: Dataset, *, colour: bool) -> bytes:
    """The 352 bytes before the data of a single-file NIfTI-1."""
    shape = (int(dataset.Columns), int(dataset.Rows), 1, reader.number_of_frames(dataset))
    if max(shape) > _LARGEST:
        raise DataError("PIXELS_UNREADABLE", f"a NIfTI-1 holds at most {_LARGEST} columns, rows and frames")
    import nibabel as nib  # as long to load as all small volumes take to make

    header: Any = nib.Nifti1Header(endianness="<")  # type: ignore[no-untyped-call]
    header.set_data_dtype(RGB24 if colour else np.uint16)
    header.set_data_shape(shape)
    header.set_zooms(zooms(dataset))
    header.set_xyzt_units("mm" if _spacing(dataset)[0] else "unknown", "sec")
    header["vox_offset"] = 352
    header["magic"] = b"n+1"
    return bytes(header.binaryblock) + bytes(4)


def _timing(dataset: Dataset) -> dict[str, Json]:
    """FrameTime in s where frames are evenly spaced, else FrameTimeVector: s since the frame before.

    DICOM states both in ms (PS3.3 C.7.6.5); CineRate and RecommendedDisplayFrameRate are frames per second.
    """
    steps = [step / 1000 for step in _numbers(dataset, "FrameTimeVector")]
    if len(steps) > 1 and len(steps) == reader.number_of_frames(dataset) and min(steps[1:]) > 0:
        if max(steps[1:]) - min(steps[1:]) > 1e-6:
            return {"FrameTimeVector": list[Json](steps)}
        return {"FrameTime": steps[1]}
    for keyword, unit in (("FrameTime", 1000.0), ("CineRate", None), ("RecommendedDisplayFrameRate", None)):
        for number in _numbers(dataset, keyword)[:1]:
            if number > 0:
                return {"FrameTime": number / unit if unit else 1 / number}
    return {}


def _durations(dataset: Dataset) -> dict[str, Json]:
    """ActualFrameDuration in s of each frame of a dynamic image of nuclear medicine, by its phase (PS3.3 C.8.4.14)."""
    phases = [_numbers(item, "ActualFrameDuration") for item in dataset.get("PhaseInformationSequence") or ()]
    vector = [int(number) for number in _numbers(dataset, "PhaseVector")]
    if not all(phases) or len(vector) != reader.number_of_frames(dataset):
        return {}
    if not set(vector) <= set(range(1, len(phases) + 1)):
        return {}
    return {"ActualFrameDuration": [phases[number - 1][0] / 1000 for number in vector]}


def _frame_time(timing: dict[str, Json]) -> float:
    """The time between frames in s, the mean of uneven ones, 0 where unknown."""
    steps = timing.get("FrameTimeVector")
    if isinstance(steps, list):
        return float(np.mean(np.array(steps[1:], np.float64)))
    time = timing.get("FrameTime")
    return time if isinstance(time, float) else 0.0


def _spacing(dataset: Dataset) -> tuple[tuple[float, float] | None, dict[str, Json]]:
    """The distance between rows and between columns in mm, and the attribute that it comes from.

    ImagerPixelSpacing is that of the detector, not of the patient. Regions of ultrasound must agree and lie
    within the image: one that was made smaller keeps the regions and distances of the original.
    """
    for keyword in ("PixelSpacing", "ImagerPixelSpacing"):
        numbers = _numbers(dataset, keyword)
        if len(numbers) == 2 and min(numbers) > 0:
            return (numbers[0], numbers[1]), {"PixelSpacingSource": keyword}
    items = list(dataset.get("SequenceOfUltrasoundRegions") or [])
    regions = {_region(item) for item in items} - {None}
    if len(regions) == 1 and all(_within(item, dataset) for item in items):
        return regions.pop(), {"PixelSpacingSource": "SequenceOfUltrasoundRegions"}
    return None, {}


def _region(item: Dataset) -> tuple[float, float] | None:
    """Row and column spacing in mm of an ultrasound region whose both axes are lengths (PS3.3 C.8.5.5)."""
    units = [_numbers(item, f"PhysicalUnits{axis}Direction") for axis in "YX"]
    deltas = [_numbers(item, f"PhysicalDelta{axis}") for axis in "YX"]
    if units != [[_CENTIMETRE], [_CENTIMETRE]] or [len(delta) for delta in deltas] != [1, 1]:
        return None
    row, column = (abs(delta[0]) * 10 for delta in deltas)
    return (row, column) if row > 0 and column > 0 else None


def _within(item: Dataset, dataset: Dataset) -> bool:
    right, bottom = _numbers(item, "RegionLocationMaxX1"), _numbers(item, "RegionLocationMaxY1")
    return right <= [int(dataset.Columns)] and bottom <= [int(dataset.Rows)]


def _numbers(dataset: Dataset, keyword: str) -> list[float]:
    """All values of a numeric attribute, empty where it is missing or one is no finite number."""
    with reader.quiet():
        try:
            value: Any = dataset.get(keyword)
            items = [] if value is None else [value] if isinstance(value, int | float | str) else list(value)
            numbers = [float(item) for item in items]
        except (AttributeError, BytesLengthException, KeyError, NotImplementedError, TypeError, ValueError):
            return []  # an attribute that can't be read counts as missing
    return numbers if all(math.isfinite(number) for number in numbers) else []
