"""Random DICOM series of known truth: of each slice its values and its place in the patient.

An example is drawn from one seed: geometry, pixels, rescale, transfer syntax, a fourth axis, classic or multi-frame
objects, the order of files and, in a third of them, a fault with the codes that name it. What is expected follows from
docs/dicom.md, and from no line of the converter. `benchmarks.voxels` converts and judges.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

import numpy as np
from pydicom import Dataset

from benchmarks import objects
from benchmarks.faults import FAULTS, duplicate_files
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
    space = draw_space(
        dice, irregular="tilt gap uneven".split()[dice.randrange(3)] if irregular else "", plain=bool(fault)
    )
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
        duplicate_files(dice, example)
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
