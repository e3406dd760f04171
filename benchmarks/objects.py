"""Writes the slices of an example as DICOM objects: pixels, transfer syntaxes, classic and multi-frame."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np
from pydicom import Dataset, FileDataset, Sequence, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
    generate_uid,
)

if TYPE_CHECKING:
    from benchmarks.series import Example, Slice

Array = Any

CLASSES = {
    "CT": "1.2.840.10008.5.1.4.1.1.2", "MR": "1.2.840.10008.5.1.4.1.1.4", "PT": "1.2.840.10008.5.1.4.1.1.128",
    "XA": "1.2.840.10008.5.1.4.1.1.2", "NM": "1.2.840.10008.5.1.4.1.1.20",
    "enhanced CT": "1.2.840.10008.5.1.4.1.1.2.1", "enhanced MR": "1.2.840.10008.5.1.4.1.1.4.1",
}  # fmt: skip

_NATIVE = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian)
_ENCODED = (RLELossless, JPEGLSLossless, JPEG2000Lossless, JPEGLosslessSV1)


def _item(**values: Any) -> Dataset:
    dataset = Dataset()
    for key, value in values.items():
        setattr(dataset, key, value)
    return dataset


def _content(**values: Any) -> dict[str, Any]:
    return {"FrameContentSequence": values}


AXES: dict[str, tuple[str, Callable[[int, int, int], dict[str, Any]]]] = {
    "temporal position": ("MR CT", lambda t, k, n: _content(TemporalPositionIndex=t + 1)),
    "cardiac delay": ("MR CT", lambda t, k, n: {
        "CardiacSynchronizationSequence": {"NominalCardiacTriggerDelayTime": 41.5 * t},
    }),
    "frame time": ("MR CT", lambda t, k, n: _content(
        FrameAcquisitionDateTime=f"2020010110{t:02d}00.000000", FrameReferenceDateTime=f"2020010110{t:02d}00.000000",
        FrameAcquisitionDuration=900.0,
    )),
    "b-value": ("MR", lambda t, k, n: {
        "MRDiffusionSequence": {"DiffusionBValue": 800.0 * t, "DiffusionDirectionality": "ISOTROPIC" if t else "NONE"},
    }),
}  # fmt: skip
"""What writes a fourth axis of frames, as functional groups."""


KINDS: dict[str, tuple[str, Callable[[int], dict[str, Any]]]] = {
    "echo": ("MR", lambda v: {"MREchoSequence": {"EffectiveEchoTime": 4.5 * (v + 1)}}),
    "inversion": ("MR", lambda v: {"MRModifierSequence": {"InversionTimes": 600.0 + 300 * v}}),
}  # fmt: skip
"""What makes volumes of their own of frames."""


@dataclass(slots=True)
class Style:
    """How pixels are stored. `range` is the smallest and greatest stored value."""

    allocated: int
    stored: int
    high: int
    signed: bool
    syntax: UID
    scaling: str
    slope: float
    intercept: float

    @property
    def range(self) -> tuple[int, int]:
        half = 1 << (self.stored - 1)
        return (-half, half - 1) if self.signed else (0, 2 * half - 1)

    @property
    def words(self) -> list[str]:
        sign = "signed" if self.signed else "unsigned"
        high = "high bit last" if self.high == self.stored - 1 else f"high bit {self.high}"
        return [f"{self.stored} bits of {self.allocated} {sign}", high, self.syntax.name, f"rescale {self.scaling}"]

    def rescale(self, dice: Random) -> tuple[float, float]:
        """Slope and intercept of a slice, as a DS can hold them."""
        slope = self.slope if self.scaling != "per slice" else float(f"{self.slope * dice.uniform(0.3, 3):.6g}")
        return slope, self.intercept


def draw_style(dice: Random, modality: str, *, smooth: bool, enhanced: bool) -> Style:
    stored, allocated = dice.choice(((12, 16), (16, 16), (12, 16), (8, 8), (10, 16), (8, 16), (16, 16), (14, 16)))
    if smooth:
        stored, allocated = dice.choice(((12, 16), (16, 16), (14, 16)))
    signed = dice.random() < 0.45
    syntax = dice.choice(_NATIVE + _NATIVE[:2]) if dice.random() < 0.6 else dice.choice(_ENCODED)
    if syntax == JPEGLosslessSV1:
        signed = False
    high = stored - 1
    if stored < allocated and not syntax.is_encapsulated and dice.random() < 0.15:
        high = allocated - 1
    chance = dice.random()
    scaling = "constant" if modality in ("CT", "XA") or chance < 0.4 else "none"
    if modality == "PT" or (chance > 0.75 and not smooth):
        scaling = "constant" if smooth else "per slice"
    slope, intercept = 1.0, 0.0
    if scaling != "none":
        slope = dice.choice((1.0, 1.0, 2.0, 0.5, float(f"{10 ** dice.uniform(-4, 3):.6g}")))
        intercept = dice.choice((0.0, -1024.0, -1000.0, 12.5)) * (1 if 0.1 < slope < 10 else 0)
    if modality == "PT":
        intercept = 0.0
    return Style(allocated, stored, high, signed, syntax, scaling, slope, intercept)


def copy_of(dataset: Dataset) -> Dataset:
    return copy.deepcopy(dataset)


def write_files(dice: Random, example: "Example", style: Style, modality: str, *, enhanced: bool) -> None:
    """Fills `example.files`, names in no order, and says of each slice in which file it is."""
    groups: list[list[Slice]] = [[one] for one in example.slices]
    if enhanced:
        groups = [list(example.slices)]
        if modality != "NM" and len({one.time for one in example.slices}) > 1 and dice.random() < 0.3:
            groups = [[s for s in example.slices if s.time == t] for t in sorted({s.time for s in example.slices})]
            example.words.append("a file for each time")
    names = dice.sample(range(10 * len(groups) + 10), len(groups))
    header = _header(dice, example, modality, enhanced=enhanced)
    for number, group, name in zip(range(len(groups)), groups, names, strict=True):
        dataset = _started(header, style, f"{example.seed}.{number}", example.space.shape)
        path = f"{example.seed}/{'ab'[name % 2]}/{name:05d}{('', '.dcm')[number % 2]}"
        if modality == "NM":
            _reconstruct(dice, dataset, group, example)
        elif enhanced:
            _enhance(dice, dataset, group, example, style, modality)
        else:
            _place(dice, dataset, group[0], example, style)
        put_pixels(dataset, [one.stored for one in group], style)
        for one in group:
            one.file = path
        example.files[path] = dataset


def _header(dice: Random, example: "Example", modality: str, *, enhanced: bool) -> dict[str, Any]:
    """What all files of a series have."""
    seed = example.seed
    uids = {key: generate_uid(entropy_srcs=[f"{seed} {key}"]) for key in ("study", "series", "frame")}
    header: dict[str, Any] = {
        "SOPClassUID": CLASSES[("enhanced " if enhanced and modality != "NM" else "") + modality],
        "PatientID": f"P{seed:07d}", "PatientName": f"A^{seed}", "PatientSex": "F", "PatientBirthDate": "19600101",
        "StudyInstanceUID": uids["study"], "SeriesInstanceUID": uids["series"], "FrameOfReferenceUID": uids["frame"],
        "StudyDate": "20200101", "StudyTime": "100000", "SeriesDate": "20200101", "SeriesTime": "100100",
        "Modality": modality, "SeriesNumber": 3, "BodyPartExamined": dice.choice(("CHEST", "ABDOMEN", "PELVIS")),
        "Manufacturer": dice.choice(("SIEMENS", "GE MEDICAL SYSTEMS", "Acme", "TOSHIBA")),
        "SeriesDescription": {"MR": "T1 tra", "NM": "SPECT"}.get(modality, "series"),
        "ImageType": ["ORIGINAL", "PRIMARY", {"NM": "RECON TOMO", "MR": "M", "PT": "AXIAL"}.get(modality, "AXIAL")],
        "PatientPosition": dice.choice(("HFS", "FFS", "HFP")), "AcquisitionDate": "20200101",
    }  # fmt: skip
    if modality == "NM":
        header["ImageType"].append("EMISSION")
    if modality == "MR" and not enhanced:
        header |= {"ScanningSequence": "SE", "SequenceVariant": "NONE", "ScanOptions": "", "MRAcquisitionType": "2D",
                   "RepetitionTime": "600", "EchoTime": "12", "MagneticFieldStrength": "1.5"}  # fmt: skip
    if modality in ("CT", "XA") and not enhanced:
        header |= {"KVP": "120", "ConvolutionKernel": "B40f"}
    if modality == "PT":
        header |= {"Units": "BQML", "DecayCorrection": "START", "CorrectedImage": ["ATTN", "DECY"],
                   "SeriesType": ["DYNAMIC", "IMAGE"], "ActualFrameDuration": "60000"}  # fmt: skip
    return header


def _started(header: dict[str, Any], style: Style, name: str, shape: tuple[int, int]) -> Dataset:
    dataset = FileDataset("", {}, preamble=bytes(128), file_meta=FileMetaDataset())
    for key, value in header.items():
        setattr(dataset, key, copy.copy(value))
    dataset.SOPInstanceUID = generate_uid(entropy_srcs=[name])
    meta = dataset.file_meta
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = dataset.SOPClassUID, dataset.SOPInstanceUID
    meta.TransferSyntaxUID = style.syntax
    dataset.Rows, dataset.Columns = shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = style.allocated, style.stored, style.high
    dataset.PixelRepresentation = int(style.signed)
    return dataset


def _text(value: float) -> str:
    return f"{value:.10g}"


def _place(dice: Random, dataset: Dataset, one: "Slice", example: "Example", style: Style) -> None:
    """The header of a single slice."""
    space = example.space
    dataset.ImagePositionPatient = [f"{value:.{space.digits}f}" for value in one.position]
    dataset.ImageOrientationPatient = [_text(value) for value in one.orientation]
    dataset.PixelSpacing = [_text(value) for value in space.spacing]
    dataset.SliceThickness = _text(space.step)
    if example.seed % 3 == 0:
        dataset.SpacingBetweenSlices = _text(space.step)
    elif example.seed % 7 == 0:
        dataset.SpacingBetweenSlices = _text(2 * space.step)  # says something else than the positions do
    if style.scaling != "none":
        dataset.RescaleSlope, dataset.RescaleIntercept = _text(one.slope), _text(one.intercept)
    for key, value in one.header.items():
        setattr(dataset, key, copy.copy(value))


def _sequence(**values: Any) -> Sequence:
    return Sequence([_item(**values)])


def _enhance(
    dice: Random, dataset: Dataset, group: list["Slice"], example: "Example", style: Style, modality: str
) -> None:
    """Functional groups of a multi-frame CT or MR; `group` is put into the order of the frames."""
    space = example.space
    if dice.random() < 0.5:
        dice.shuffle(group)
        example.words.append("frames shuffled")
    dataset.NumberOfFrames = len(group)
    dataset.ContentDate, dataset.ContentTime, dataset.InstanceNumber = "20200101", "101500", 1 + group[0].time
    dataset.AcquisitionDateTime = f"2020010110{10 + group[0].time}00"
    frame_type = {f"{modality}ImageFrameTypeSequence": _sequence(FrameType=["ORIGINAL", "PRIMARY", "VOLUME", "NONE"])}
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    turned = _sequence(ImageOrientationPatient=[_text(value) for value in group[0].orientation])
    measures = _sequence(PixelSpacing=[_text(v) for v in space.spacing], SliceThickness=_text(space.step))
    shared = _item(PixelMeasuresSequence=measures, **frame_type)
    is_shared = not space.turn and "two stacks" not in example.words and dice.random() < 0.7
    if is_shared:
        shared.PlaneOrientationSequence = turned
    if style.scaling == "constant":
        shared.PixelValueTransformationSequence = _transformation(group[0])
    if modality == "MR":
        shared.MRTimingAndRelatedParametersSequence = _sequence(RepetitionTime=600.0, FlipAngle=70.0)
        if "echo" not in example.words:
            shared.MREchoSequence = _sequence(EffectiveEchoTime=12.0)
    dataset.SharedFunctionalGroupsSequence = Sequence([shared])
    dataset.PerFrameFunctionalGroupsSequence = Sequence(
        _frame(one, space, is_shared=is_shared, scaled=style.scaling == "per slice") for one in group
    )


def _frame(one: "Slice", space: Any, *, is_shared: bool, scaled: bool) -> Dataset:
    position = [f"{value:.{space.digits}f}" for value in one.position]
    frame = _item(PlanePositionSequence=_sequence(ImagePositionPatient=position))
    content: dict[str, Any] = {"StackID": "1", "InStackPositionNumber": one.place + 1}
    for key, values in one.header.items():
        if key == "FrameContentSequence":
            content |= values
        elif isinstance(values, dict):
            setattr(frame, key, _sequence(**values))
    frame.FrameContentSequence = _sequence(**content)
    if not is_shared:
        frame.PlaneOrientationSequence = _sequence(ImageOrientationPatient=[_text(v) for v in one.orientation])
    if scaled:
        frame.PixelValueTransformationSequence = _transformation(one)
    return frame


def _transformation(one: "Slice") -> Sequence:
    return _sequence(RescaleSlope=_text(one.slope), RescaleIntercept=_text(one.intercept), RescaleType="US")


def _reconstruct(dice: Random, dataset: Dataset, group: list["Slice"], example: "Example") -> None:
    """A reconstruction of nuclear medicine: the first position and a signed spacing (PS3.3 C.8.4.15)."""
    space = example.space
    first, normal = group[0], np.cross(space.orientation[:3], space.orientation[3:])
    step = space.step
    if len(group) > 1 and (space.positions[1] - space.positions[0]) @ normal < 0:
        step = -step
    for one in group:
        one.position = first.position + one.place * step * normal
        one.orientation, one.slope, one.intercept = first.orientation, 1.0, 0.0
    example.resampled = False
    dataset.NumberOfFrames = len(group)
    dataset.PixelSpacing = [_text(value) for value in space.spacing]
    dataset.SliceThickness, dataset.SpacingBetweenSlices = _text(abs(step)), _text(step)
    dataset.FrameIncrementPointer = 0x00540080
    dataset.SliceVector = list(range(1, len(group) + 1))
    dataset.NumberOfSlices = len(group)
    dataset.DetectorInformationSequence = _sequence(
        ImagePositionPatient=[f"{value:.{space.digits}f}" for value in first.position],
        ImageOrientationPatient=[_text(value) for value in first.orientation],
    )


def put_pixels(dataset: Dataset, frames: list[Array], style: Style) -> None:
    """Stores frames (rows, columns) of whole numbers in the bits and the syntax of `style`."""
    kind = np.dtype(f"{'i' if style.signed else 'u'}{style.allocated // 8}")
    arrays = [np.ascontiguousarray(frame.astype(kind)) for frame in frames]
    if style.syntax.is_encapsulated:
        dataset.PixelData = encapsulate([_encoded(array, style) for array in arrays])
        dataset["PixelData"].VR = "OB"
        return
    shift = style.high - (style.stored - 1)
    array = np.stack(arrays)
    if shift:
        array = (array.astype(np.int64) << shift).astype(kind)
    elif style.signed and style.stored < style.allocated and dataset.Rows % 2:
        array = array & ((1 << style.stored) - 1)  # unused bits are zero, as some write them
    if style.syntax == ExplicitVRBigEndian:
        array = array.byteswap()
    data = array.tobytes()
    dataset.PixelData = data + b"\0" * (len(data) % 2)
    dataset["PixelData"].VR = "OW" if style.allocated > 8 or style.syntax == ImplicitVRLittleEndian else "OB"


def _encoded(array: Array, style: Style) -> bytes:
    kind = np.dtype(f"u{style.allocated // 8}")
    bits = array.view(kind) & kind.type((1 << style.stored) - 1)
    if style.syntax == JPEG2000Lossless:
        return bytes(imagecodecs.jpeg2k_encode(
            array, level=0, reversible=True, codecformat="j2k", bitspersample=style.stored,
        ))  # fmt: skip
    if style.syntax == JPEGLosslessSV1:
        return bytes(imagecodecs.ljpeg_encode(bits, bitspersample=style.stored))
    if style.syntax == JPEGLSLossless:
        return bytes(imagecodecs.jpegls_encode(bits))
    return _runs(array)


def _runs(array: Array) -> bytes:
    """RLE Lossless (PS3.5 G): one segment a byte, most significant first, all as literal runs."""
    segments = []
    for plane in (
        array.astype(array.dtype.newbyteorder(">")).view(np.uint8).reshape(*array.shape, -1).transpose(2, 0, 1)
    ):
        parts = b"".join(bytes([len(row) - 1]) + row.tobytes() for row in plane)
        segments.append(parts + b"\x80" * (len(parts) % 2))
    offsets = [64 + sum(map(len, segments[:index])) for index in range(len(segments))]
    head = np.zeros(16, "<u4")
    head[: 1 + len(offsets)] = [len(offsets), *offsets]
    return head.tobytes() + b"".join(segments)


def write_commas(dataset: Dataset) -> None:
    """Marks a data set whose numbers get decimal commas when it is written."""
    dataset.preamble = b",".ljust(128, b"\0")


def save(dataset: Dataset, path: Path) -> None:
    """Writes a file, as its syntax says; commas where `write_commas` marked it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if dataset.preamble is None:
        dcmwrite(path, dataset, enforce_file_format=False)
        return
    if dataset.preamble.startswith(b","):
        dataset = copy_of(dataset)
        for key in ("ImagePositionPatient", "PixelSpacing", "RescaleSlope", "RescaleIntercept", "SliceThickness"):
            if key in dataset:
                value = dataset[key].value
                texts = [str(part) for part in value] if dataset[key].VM > 1 else [str(value)]
                commas = [text.replace(".", ",") for text in texts]
                dataset[key]._value = commas if len(commas) > 1 else commas[0]
        dataset.preamble = bytes(128)
    dcmwrite(path, dataset, enforce_file_format=True)
