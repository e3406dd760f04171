"""Faults of series: each changes an example and what is expected of it, or says that it does not apply."""

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from pydicom.uid import generate_uid

from benchmarks import objects

if TYPE_CHECKING:
    from benchmarks.series import Example


def refuse(example: "Example", *codes: str) -> None:
    """Everything must be lost, by one of these codes."""
    example.lost = dict.fromkeys(example.files, frozenset(codes))
    example.slices.clear()


def duplicate_files(dice: Random, example: "Example") -> None:
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


def _is_plain(example: "Example") -> bool:
    """Whether it is one classic volume over no time, of several regular slices."""
    return (
        len(example.files) == len(example.slices) and len({(s.volume, s.time) for s in example.slices}) == 1
        and len(example.slices) >= 4 and example.resampled is False
    )  # fmt: skip


def _lack_positions(dice: Random, example: "Example") -> bool:
    if not _is_plain(example):
        return False
    for dataset in example.files.values():
        del dataset.ImagePositionPatient
    refuse(example, "SERIES_UNSTACKABLE")
    return True


def _equal_positions(dice: Random, example: "Example") -> bool:
    if not _is_plain(example):
        return False
    for index, dataset in enumerate(example.files.values()):
        dataset.ImagePositionPatient = [0, 0, 0]
        dataset.SliceLocation = f"{2.5 * index:.1f}"
    refuse(example, "POSITIONS_EQUAL")
    return True


def _invalid_orientation(dice: Random, example: "Example") -> bool:
    if not _is_plain(example):
        return False
    wrong = dice.choice(([0, 0, 0, 0, 0, 0], [1, 0, 0, 1, 0, 0], [1, 0, 0, 0.5, 0.8, 0], [1, 0, 0, 0, 0, 0]))
    for dataset in example.files.values():
        dataset.ImageOrientationPatient = wrong
    refuse(example, "ORIENTATION_INVALID")
    return True


def _lack_spacing(dice: Random, example: "Example") -> bool:
    if not _is_plain(example):
        return False
    for dataset in example.files.values():
        del dataset.PixelSpacing
    refuse(example, "SPACING_MISSING")
    return True


def _lack_rescale(dice: Random, example: "Example") -> bool:
    if not _is_plain(example) or any("RescaleSlope" not in d for d in example.files.values()):
        return False
    if all(one.slope == 1 and one.intercept == 0 for one in example.slices):
        return False
    dataset = example.files[dice.choice(sorted(example.files))]
    del dataset.RescaleSlope, dataset.RescaleIntercept
    refuse(example, "RESCALE_CONTRADICTED")
    return True


def _truncate(dice: Random, example: "Example") -> bool:
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


def _corrupt(dice: Random, example: "Example") -> bool:
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


def _differ(dice: Random, example: "Example") -> bool:
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


def _repeat(dice: Random, example: "Example") -> bool:
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


def _miscount(dice: Random, example: "Example") -> bool:
    if len(example.files) != 1 or len(example.slices) < 2 or "NM" in example.words:
        return False
    (dataset,) = example.files.values()
    dataset.NumberOfFrames = int(dataset.NumberOfFrames) + dice.choice((-1, 1, 2))
    refuse(example, "FRAMES_CONTRADICTED", "FILE_TRUNCATED")
    return True


def _drop_time(dice: Random, example: "Example") -> bool:
    """A time point loses its first or last slice: others would make it a volume with a gap."""
    files = {one.file for one in example.slices}
    if len({one.time for one in example.slices}) < 2 or len(files) != len(example.slices) or example.space.count < 3:
        return False
    worst = dice.choice([one for one in example.slices if one.place in (0, example.space.count - 1)])
    del example.files[worst.file]
    example.slices.remove(worst)
    for one in example.slices:
        if one.time == worst.time:
            one.volume, one.time = 99, 0
        one.time -= one.time > worst.time
    example.told.add("TIME_INCOMPLETE")
    return True


def _drop_slice(dice: Random, example: "Example") -> bool:
    if not _is_plain(example) or example.space.count < 5:
        return False
    worst = example.slices[dice.randint(2, len(example.slices) - 3)]
    del example.files[worst.file]
    example.slices.remove(worst)
    example.told.add("SERIES_GAP")
    example.resampled = True
    return True


def _tear(dice: Random, example: "Example") -> bool:
    if not _is_plain(example):
        return False
    for name in sorted(example.files)[::2]:
        example.files[name].PatientID += "B"
    refuse(example, "SERIES_TORN")
    return True


def _part(dice: Random, example: "Example") -> bool:
    """One series in two studies of a patient: it is combined."""
    if not _is_plain(example):
        return False
    for name in sorted(example.files)[::2]:
        example.files[name].StudyInstanceUID = generate_uid(entropy_srcs=[f"{example.seed} other study"])
    example.told.add("SERIES_OF_TWO_STUDIES")
    return True


def _strip(dice: Random, example: "Example") -> bool:
    """No preamble, and often no file meta information."""
    for dataset in example.files.values():
        dataset.preamble = None
    return True


def _write_commas(dice: Random, example: "Example") -> bool:
    if not _is_plain(example):
        return False
    for dataset in example.files.values():
        objects.write_commas(dataset)
    example.told.add("DECIMAL_COMMA")
    return True


FAULTS: "dict[str, Callable[[Random, Example], bool]]" = {
    "no positions": _lack_positions, "equal positions": _equal_positions, "invalid orientation": _invalid_orientation,
    "no spacing": _lack_spacing, "no rescale": _lack_rescale, "truncated": _truncate, "corrupt": _corrupt,
    "same UID": _differ, "repeated": _repeat, "frames miscounted": _miscount, "time incomplete": _drop_time,
    "gap": _drop_slice, "torn": _tear, "commas": _write_commas,
    "two studies": _part, "no preamble": _strip,
}  # fmt: skip
"""Faults by name: each changes an example and what is expected of it, or says False where it does not apply."""
