"""Random DICOM series of known truth: of each slice its values and its place in the patient.

An example is drawn from one seed: geometry, pixels, rescale, transfer syntax, a fourth axis, classic or multi-frame
objects, the order of files and, in a third of them, a fault with the codes that name it. What is expected follows from
docs/dicom.md, and from no line of the converter. `benchmarks.voxels` converts and judges.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from pydicom import Dataset
from pydicom.uid import generate_uid

from benchmarks import objects
from benchmarks.geometry import Space, draw_space

Array = Any


@dataclass(slots=True)
class Slice:
    """One slice or frame before it is written: `stored` (rows, columns), its place and what its header says more."""

    volume: int
    place: int
    time: int
    stored: Array
    slope: float
    intercept: float
    position: Array
    """ImagePositionPatient as written, mm, LPS."""
    orientation: Array
    """ImageOrientationPatient as written, 6 numbers."""
    header: dict[str, Any] = field(default_factory=dict)
    file: str = ""

    @property
    def values(self) -> Array:
        return self.stored.astype(float) * self.slope + self.intercept


@dataclass(slots=True)
class Example:
    """One series, where its files are, and what the converter must make of it."""

    seed: int
    words: list[str]
    space: Space
    slices: list[Slice]
    lost: dict[str, frozenset[str]] = field(default_factory=dict)
    """Files that must be lost, and the codes that name the cause."""
    skipped: set[str] = field(default_factory=set)
    told: set[str] = field(default_factory=set)
    """Codes that must be among the issues of the example."""
    resampled: bool | None = False
    """Whether a regular grid is due; None if both are right."""
    ordered: bool = True
    files: dict[str, Dataset] = field(default_factory=dict)


AXES: dict[str, tuple[str, Callable[[int, int, int], dict[str, Any]]]] = {
    "temporal index": ("MR", lambda t, k, n: {"TemporalPositionIdentifier": t + 1}),
    "trigger": ("MR CT", lambda t, k, n: {"TriggerTime": f"{40.5 * t:.1f}"}),
    "acquisition time": ("MR CT PT XA", lambda t, k, n: {"AcquisitionTime": f"10{t:02d}07.25"}),
    "acquisition time of slices": ("MR CT", lambda t, k, n: {"AcquisitionTime": f"10{t:02d}{k:02d}.500000"}),
    "acquisition number": ("MR CT XA", lambda t, k, n: {"AcquisitionNumber": t + 1}),
    "content time": ("MR CT", lambda t, k, n: {"ContentTime": f"11{t:02d}00.000000"}),
    "frame reference": ("PT", lambda t, k, n: {"FrameReferenceTime": f"{30000.0 * t + 15000:.1f}",
                                              "ActualFrameDuration": "30000"}),
    "number only": ("MR CT", lambda t, k, n: {}),
    "b-value": ("MR", lambda t, k, n: {"DiffusionBValue": 500.0 * t}),
}  # fmt: skip
"""What writes time or another fourth axis of one volume, for which modalities; of time, place and number of places."""

KINDS: dict[str, tuple[str, Callable[[int], dict[str, Any]]]] = {
    "echo": ("MR", lambda v: {"EchoTime": f"{4.6 * (v + 1):.1f}", "EchoNumbers": v + 1}),
    "inversion": ("MR", lambda v: {"InversionTime": f"{700 + 300 * v}"}),
    "flip": ("MR", lambda v: {"FlipAngle": f"{5 + 10 * v}"}),
    "magnitude and phase": ("MR", lambda v: {"ImageType": ["ORIGINAL", "PRIMARY", "MP"[v % 2], "ND"]}),
    "kernel": ("CT XA", lambda v: {"ConvolutionKernel": ("B30f", "B70f", "I40")[v]}),
    "tube voltage": ("CT", lambda v: {"KVP": ("80", "140", "100")[v]}),
    "image type": ("CT", lambda v: {"ImageType": ["ORIGINAL", "PRIMARY", "AXIAL", ("WATER", "IODINE", "MONO")[v]]}),
}
"""What is no time and makes volumes of their own."""


def draw_example(seed: int) -> Example:
    """Draws the example of a seed; nothing is written yet."""
    dice = Random(seed)
    fault = dice.choice(sorted(FAULTS)) if dice.random() < 0.35 else ""
    modality = dice.choices(("CT", "MR", "PT", "XA", "NM"), (8, 8, 4, 2, 2))[0]
    if fault and fault != "frames miscounted":
        modality = dice.choice(("CT", "MR", "XA")) if fault != "time incomplete" else dice.choice(("CT", "MR"))
    elif fault:
        modality = dice.choice(("CT", "MR"))
    enhanced = modality == "NM" or (modality in ("CT", "MR") and dice.random() < 0.3)
    if fault:
        enhanced = fault == "frames miscounted"
    irregular = dice.random() < 0.12 and not enhanced and not fault
    space = draw_space(dice, irregular="tilt gap uneven".split()[dice.randrange(3)] if irregular else "", plain=bool(fault))
    space.smooth |= fault == "gap"
    words = [modality, "enhanced" if enhanced else "classic", *space.words]
    axis, kind = _draw_axis(dice, modality, fault, enhanced)
    times = dice.randint(2, 4) if axis else 1
    volumes = dice.randint(2, 2 if kind == "magnitude and phase" else 3) if kind else 1
    style = objects.draw_style(dice, modality, smooth=space.smooth, enhanced=enhanced)
    words += [word for word in (axis, kind, *style.words) if word]
    numbers = np.random.default_rng(seed)
    slices = [
        _draw_slice(dice, numbers, space, style, (v, k, t), (volumes, times))
        for v in range(volumes) for t in range(times) for k in range(space.count)
    ]  # fmt: skip
    if not (fault or axis or kind or modality in ("PT", "NM")) and space.resampled is False and dice.random() < 0.12:
        words.append("two stacks")
        slices += [_turned(one, space, enhanced=enhanced) for one in slices]
    for one in slices:
        if axis:
            one.header |= _axis_of(enhanced)[axis][1](one.time, one.place, space.count)
        if kind:
            one.header |= _kinds_of(enhanced)[kind][1](one.volume)
    example = Example(seed, words, space, slices, resampled=space.resampled)
    if axis == "number only":
        example.told.add("ORDER_ASSUMED")
    example.ordered = axis != "b-value"
    _number(dice, example, axis)
    objects.write_files(dice, example, style, modality, enhanced=enhanced)
    if fault and FAULTS[fault](dice, example):
        words.append("fault: " + fault)
    elif not fault and not irregular and not enhanced and dice.random() < 0.15:
        _duplicate(dice, example)
    return example


def _turned(one: Slice, space: Space, *, enhanced: bool) -> Slice:
    """A slice of another stack, whose rows run along the normal of the first, with other pixels."""
    first, second = space.orientation[:3], space.orientation[3:]
    normal = np.cross(first, second)
    place = np.round(space.positions[0] + one.place * space.step * np.cross(normal, first), space.digits)
    header = {"FrameContentSequence": {"StackID": "2"}} if enhanced else {}
    stored = one.stored[::-1, ::-1].copy()
    return Slice(one.volume + 50, one.place, one.time, stored, one.slope, one.intercept, place + 0.0,
                 np.round(np.concatenate([normal, first]), 8) + 0.0, header)  # fmt: skip


def _kinds_of(enhanced: bool) -> dict[str, Any]:  # noqa: FBT001
    return objects.KINDS if enhanced else KINDS


def _axis_of(enhanced: bool) -> dict[str, Any]:  # noqa: FBT001
    return objects.AXES if enhanced else AXES


def _draw_axis(dice: Random, modality: str, fault: str, enhanced: bool) -> tuple[str, str]:  # noqa: FBT001
    """The names of a fourth axis and of a kind; mostly none."""
    if modality == "NM" or (fault and fault != "time incomplete"):
        return "", ""
    axes = [name for name, (where, _) in _axis_of(enhanced).items() if modality in where.split()]
    if fault:
        return dice.choice([name for name in axes if name not in ("number only", "b-value")] or [""]), ""
    chance = dice.random()
    if chance < 0.4 and axes:
        return dice.choice(axes), ""
    kinds = [name for name, (where, _) in _kinds_of(enhanced).items() if modality in where.split()]
    return "", dice.choice(kinds) if chance < 0.55 and kinds else ""


def _draw_slice(
    dice: Random, numbers: Any, space: Space, style: Any, at: tuple[int, int, int], of: tuple[int, int]
) -> Slice:
    volume, place, time = at
    low, high = style.range
    if space.smooth:
        span = high - low
        part = space.field(place)  # 0 … 1
        share = (time + volume) / (of[0] + of[1])
        stored = np.rint(low + span * (0.1 + 0.6 * part + 0.2 * share))
    else:
        stored = numbers.integers(low, high, size=space.shape, endpoint=True)
    slope, intercept = style.rescale(dice)
    position, orientation = space.written(dice, place)
    return Slice(volume, place, time, stored.astype(np.int64), slope, intercept, position, orientation)


def _number(dice: Random, example: Example, axis: str) -> None:
    """Gives InstanceNumbers in one of the ways that occur, or none."""
    ways = ["ascending", "descending", "slice by slice", "restarting", "random", "equal", "absent"]
    way = dice.choice(ways[:1] if axis == "number only" else ways)
    example.words.append(f"numbers {way}")
    total, count = len(example.slices), example.space.count
    shuffled = dice.sample(range(total), total)
    for index, one in enumerate(example.slices):
        number = {
            "ascending": index, "descending": total - index, "random": shuffled[index], "equal": 1,
            "slice by slice": one.place * (total // count) + index // count, "restarting": one.place,
        }.get(way)  # fmt: skip
        if number is not None:
            one.header["InstanceNumber"] = number + 1


def refuse(example: Example, *codes: str) -> None:
    """Everything must be lost, by one of these codes."""
    example.lost = dict.fromkeys(example.files, frozenset(codes))
    example.slices.clear()


def _duplicate(dice: Random, example: Example) -> None:
    """Files occur twice: as they are, or with a UID of their own."""
    if any(word in example.words for word in ("number only",)):
        return
    renamed = dice.random() < 0.5
    example.words.append("duplicates with other UIDs" if renamed else "duplicates")
    for name in dice.sample(sorted(example.files), dice.randint(1, len(example.files))):
        again = objects.copy_of(example.files[name])
        if renamed:
            again.SOPInstanceUID = again.file_meta.MediaStorageSOPInstanceUID = generate_uid(
                entropy_srcs=[f"{example.seed} {name}"]
            )
        copy = f"{name}x" if dice.random() < 0.5 else f"{Path(name).parent}/0{Path(name).name}"
        example.files[copy] = again
        example.skipped |= {copy, name}


def _is_plain(example: Example) -> bool:
    """Whether it is one classic volume over no time, of several regular slices."""
    return (
        len(example.files) == len(example.slices) and len({(s.volume, s.time) for s in example.slices}) == 1
        and len(example.slices) >= 4 and example.resampled is False
    )  # fmt: skip


def _lack_positions(dice: Random, example: Example) -> bool:
    if not _is_plain(example):
        return False
    for dataset in example.files.values():
        del dataset.ImagePositionPatient
    refuse(example, "SERIES_UNSTACKABLE")
    return True


def _equal_positions(dice: Random, example: Example) -> bool:
    if not _is_plain(example):
        return False
    for index, dataset in enumerate(example.files.values()):
        dataset.ImagePositionPatient = [0, 0, 0]
        dataset.SliceLocation = f"{2.5 * index:.1f}"
    refuse(example, "POSITIONS_EQUAL")
    return True


def _invalid_orientation(dice: Random, example: Example) -> bool:
    if not _is_plain(example):
        return False
    wrong = dice.choice(([0, 0, 0, 0, 0, 0], [1, 0, 0, 1, 0, 0], [1, 0, 0, 0.5, 0.8, 0], [1, 0, 0, 0, 0, 0]))
    for dataset in example.files.values():
        dataset.ImageOrientationPatient = wrong
    refuse(example, "ORIENTATION_INVALID")
    return True


def _lack_spacing(dice: Random, example: Example) -> bool:
    if not _is_plain(example):
        return False
    for dataset in example.files.values():
        del dataset.PixelSpacing
    refuse(example, "SPACING_MISSING")
    return True


def _lack_rescale(dice: Random, example: Example) -> bool:
    if not _is_plain(example) or any("RescaleSlope" not in d for d in example.files.values()):
        return False
    if all(one.slope == 1 and one.intercept == 0 for one in example.slices):
        return False
    dataset = example.files[dice.choice(sorted(example.files))]
    del dataset.RescaleSlope, dataset.RescaleIntercept
    refuse(example, "RESCALE_CONTRADICTED")
    return True


def _truncate(dice: Random, example: Example) -> bool:
    if not _is_plain(example):
        return False
    worst = max(example.slices, key=lambda one: one.place)
    dataset = example.files[worst.file]
    if dataset.file_meta.TransferSyntaxUID.is_compressed:
        return False
    dataset.PixelData = dataset.PixelData[: len(dataset.PixelData) // 2 // 2 * 2]
    example.lost[worst.file] = frozenset({"FILE_TRUNCATED"})
    example.slices.remove(worst)
    return True


def _corrupt(dice: Random, example: Example) -> bool:
    worst = max(example.slices, key=lambda one: one.place)
    dataset = example.files[worst.file]
    if not _is_plain(example) or not dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        return False
    start = dataset.PixelData.find(b"\xfe\xff\x00\xe0", 8) + 8
    size = len(dataset.PixelData) - start - 8
    dataset.PixelData = dataset.PixelData[:start] + bytes(size) + dataset.PixelData[start + size :]
    example.lost = dict.fromkeys(example.files, frozenset({"PIXELS_UNREADABLE", "FILE_TRUNCATED"}))
    example.slices.clear()
    return True


def _differ(dice: Random, example: Example) -> bool:
    """Another file with the UID of a slice, and other pixels; the first by path is kept."""
    if not _is_plain(example):
        return False
    name = dice.choice(sorted(example.files))
    again = objects.copy_of(example.files[name])
    other = next(d for n, d in example.files.items() if n != name)
    again.PixelData = other.PixelData
    example.files[f"{name}x"] = again
    example.lost[f"{name}x"] = frozenset({"DUPLICATE_DIFFERS"})
    return True


def _repeat(dice: Random, example: Example) -> bool:
    """Every slice twice with other pixels, and nothing that tells the two apart."""
    if not _is_plain(example):
        return False
    for index, name in enumerate(sorted(example.files)):
        example.files[name].InstanceNumber = 1
        again = objects.copy_of(example.files[name])
        again.SOPInstanceUID = again.file_meta.MediaStorageSOPInstanceUID = generate_uid(
            entropy_srcs=[f"{example.seed} {index}"]
        )
        others = [d for n, d in example.files.items() if n != name and not n.endswith("x")]
        again.PixelData = dice.choice(others).PixelData
        for key in ("RescaleSlope", "RescaleIntercept"):
            if key in again:
                again[key].value = example.files[name][key].value
        example.files[f"{name}x"] = again
    refuse(example, "SERIES_UNSTACKABLE")
    return True


def _miscount(dice: Random, example: Example) -> bool:
    if len(example.files) != 1 or len(example.slices) < 2 or "NM" in example.words:
        return False
    (dataset,) = example.files.values()
    dataset.NumberOfFrames = int(dataset.NumberOfFrames) + dice.choice((-1, 1, 2))
    refuse(example, "FRAMES_CONTRADICTED", "FILE_TRUNCATED")
    return True


def _drop_time(dice: Random, example: Example) -> bool:
    """A time point loses one slice."""
    files = {one.file for one in example.slices}
    if len({one.time for one in example.slices}) < 2 or len(files) != len(example.slices) or example.space.count < 3:
        return False
    if {"number only", "acquisition time of slices"} & set(example.words):
        return False  # which time lacks the slice can't be told
    worst = max(example.slices, key=lambda one: (one.time, one.place))
    del example.files[worst.file]
    example.slices.remove(worst)
    for one in example.slices:
        if one.time == worst.time:
            one.volume, one.time = 99, 0
    example.told.add("TIME_INCOMPLETE")
    return True


def _drop_slice(dice: Random, example: Example) -> bool:
    if not _is_plain(example) or example.space.count < 5:
        return False
    worst = example.slices[dice.randint(2, len(example.slices) - 3)]
    del example.files[worst.file]
    example.slices.remove(worst)
    example.told.add("SERIES_GAP")
    example.resampled = True
    return True


def _tear(dice: Random, example: Example) -> bool:
    if not _is_plain(example):
        return False
    for name in sorted(example.files)[::2]:
        example.files[name].PatientID += "B"
    refuse(example, "SERIES_TORN")
    return True


def _part(dice: Random, example: Example) -> bool:
    """One series in two studies of a patient: it is combined."""
    if not _is_plain(example):
        return False
    for name in sorted(example.files)[::2]:
        example.files[name].StudyInstanceUID = generate_uid(entropy_srcs=[f"{example.seed} other study"])
    example.told.add("SERIES_OF_TWO_STUDIES")
    return True


def _strip(dice: Random, example: Example) -> bool:
    """No preamble, and often no file meta information."""
    for dataset in example.files.values():
        dataset.preamble = None
    return True


def _write_commas(dice: Random, example: Example) -> bool:
    if not _is_plain(example):
        return False
    for dataset in example.files.values():
        objects.write_commas(dataset)
    example.told.add("DECIMAL_COMMA")
    return True


FAULTS: dict[str, Callable[[Random, Example], bool]] = {
    "no positions": _lack_positions, "equal positions": _equal_positions, "invalid orientation": _invalid_orientation,
    "no spacing": _lack_spacing, "no rescale": _lack_rescale, "truncated": _truncate, "corrupt": _corrupt,
    "same UID": _differ, "repeated": _repeat, "frames miscounted": _miscount, "time incomplete": _drop_time,
    "gap": _drop_slice, "torn": _tear, "commas": _write_commas,
    "two studies": _part, "no preamble": _strip,
}  # fmt: skip
"""Faults by name: each changes an example and what is expected of it, or says False where it does not apply."""
