"""Pictures that are no radiograph of a chest: what `chest.model` learns the other side from.

Published ones (photographs, drawings, ultrasound, slices of CT and MR), slices through chests, projections through
other parts of the body, and drawn ones: limbs and hands, pages of text, and patterns.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import nibabel as nib
import numpy as np
import pydicom
from PIL import Image, ImageDraw, ImageFont

from benchmarks.projections import Floats, project, volumes

PUBLISHED, SLICES, LIMBS, PAGES, PATTERNS, THROUGH = 60, 12, 300, 60, 40, 60
"""Pictures of a folder, slices of a volume, pictures of each drawn kind, and projections of a volume."""

PIXELS = 20_000_000
"""Of the largest picture that is read."""

DRAWN = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".gif")


def scaled(grey: Floats) -> Floats:
    """A picture from 0 to 1 between nearly its darkest and brightest pixels."""
    low, high = np.percentile(grey, [0.5, 99.5])
    return np.asarray(np.clip((grey - low) / max(high - low, 1e-6), 0, 1), np.float32)


def others(
    folders: Sequence[Path], chests: Sequence[tuple[str, Floats]], bodies: Sequence[Path], random: np.random.Generator
) -> Iterator[tuple[Floats, str, bool]]:
    """Each picture with what it comes from, and whether it is as published.

    `chests` are volumes of `projections.volumes`, `bodies` folders of volumes of other parts of the body.
    """
    for folder in folders:
        found = list(_distinct(folder, random))
        kept = random.choice(len(found), min(PUBLISHED, len(found)), replace=False)
        yield from ((found[number], folder.name, True) for number in sorted(kept))
    for person, volume in chests:
        yield from ((shown, f"slices {person}", True) for shown in _through_chest(volume, random))
    for name, volume in volumes(bodies):
        for number in range(THROUGH):
            part = volume[int(random.uniform(0, 0.3) * len(volume)) : int(random.uniform(0.6, 1) * len(volume))]
            yield project(part, ("frontal", "lateral")[number % 2], random), name, False
    yield from ((limb(random), f"limb {number % 10}", False) for number in range(LIMBS))
    yield from ((page(random), f"page {number % 5}", False) for number in range(PAGES))
    yield from ((pattern(random), f"pattern {number % 5}", False) for number in range(PATTERNS))


def _distinct(folder: Path, random: np.random.Generator) -> Iterator[Floats]:
    """The pictures of a folder that differ, none of them tiny or of one value."""
    seen = set()
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        for grey in _read(path, random):
            if min(grey.shape) < 48 or float(grey.std()) == 0:
                continue
            shown = scaled(grey)
            mark = cv2.resize(shown, (16, 16)).round(1).tobytes()
            if mark not in seen:
                seen.add(mark)
                yield shown


def _read(path: Path, random: np.random.Generator) -> Iterator[Floats]:
    """What a file shows, grey: a picture, a DICOM image, or slices of a volume; nothing where it can't be read."""
    try:
        if path.name.lower().endswith(DRAWN):
            with Image.open(path) as image:
                if image.width * image.height <= PIXELS:
                    yield np.asarray(image.convert("F" if image.mode.startswith(("I", "F")) else "L"), np.float32)
        elif path.name.endswith(".nii.gz"):
            volume = nib.as_closest_canonical(nib.load(path))  # type: ignore[attr-defined]
            values = np.asarray(volume.dataobj, np.float32)
            yield from _slices(values, volume.header.get_zooms(), random) if values.ndim == 3 else ()
        elif path.suffix == ".dcm":
            pixels = pydicom.dcmread(path, force=True).pixel_array
            frame = pixels[0] if pixels.ndim == 4 else pixels
            colour = frame.ndim == 3 and frame.shape[2] in (3, 4)
            grey = frame.mean(axis=2) if colour else frame[len(frame) // 2] if frame.ndim == 3 else frame
            yield grey.astype(np.float32)
    except Exception:
        return


def _slices(values: Floats, zooms: Sequence[float], random: np.random.Generator) -> Iterator[Floats]:
    for number in range(9):
        axis = number % 3
        plane = np.rot90(np.take(values, int(values.shape[axis] * random.uniform(0.25, 0.75)), axis=axis))
        across, down = (zoom for place, zoom in enumerate(zooms) if place != axis)
        size = max(8, int(plane.shape[1] * across)), max(8, int(plane.shape[0] * down))
        yield cv2.resize(np.ascontiguousarray(plane), size)


def _through_chest(volume: Floats, random: np.random.Generator) -> Iterator[Floats]:
    """Slices as CT is shown: axial, coronal and sagittal, in two windows."""
    for number in range(SLICES):
        axis = (0, 1, 0, 2)[number % 4]
        plane = np.take(volume, int(volume.shape[axis] * random.uniform(0.2, 0.8)), axis=axis)
        low, high = (0.0, 1.3) if number % 2 else (0.85, 1.2)
        shown = np.clip((cv2.resize(plane if axis == 0 else plane[::-1], None, fx=2, fy=2) - low) / (high - low), 0, 1)
        yield shown.astype(np.float32)


# --- drawn pictures --------------------------------------------------------------------------------------


def limb(random: np.random.Generator) -> Floats:
    """A limb, two of them, or a hand: rods of bone in soft tissue with joints between, as a radiograph shows them."""
    height, width = (int(side) for side in (random.integers(140, 224), random.integers(90, 224)))
    count = int(random.choice([1, 1, 2, 4, 5]))
    lean = random.normal(0, 0.25) if random.random() < 0.7 else random.uniform(-1.5, 1.5)
    soft, bone = np.zeros((2, height, width), np.float32)
    for number in range(count):
        place = number - (count - 1) / 2
        flesh, rods = _rod(height, width, count, place, lean + place * (0.22 if count > 2 else 0.05), random)
        soft, bone = np.maximum(soft, flesh) if count > 2 else soft + 0.7 * flesh, bone + rods
    if count > 2:
        soft = np.maximum(soft, width * 0.1 * _ball(height, width, (0.75, 0.5), (0.25, 0.3)))
        for _ in range(8):
            about = 0.72 + random.normal(0, 0.05), 0.5 + random.normal(0, 0.1)
            bone = bone + width * 0.03 * _ball(height, width, about, (0.05, 0.05))
    thick = soft + bone * random.uniform(1.5, 4)
    film = 1 - np.exp(-thick / thick.max() * random.uniform(0.8, 3))
    return scaled(cv2.GaussianBlur(film.astype(np.float32), (0, 0), random.uniform(0.5, 1.5)))


def _rod(
    height: int, width: int, count: int, place: float, angle: float, random: np.random.Generator
) -> tuple[Floats, Floats]:  # fmt: skip
    """How much soft tissue and how much bone lies behind each pixel of one limb or finger."""
    down, right = np.mgrid[:height, :width].astype(np.float32)
    right -= width / 2 + place * width / (count + 1.5) * random.uniform(0.6, 1)
    down -= height * random.uniform(0.3, 0.7)
    along, across = right * np.sin(angle) - down * np.cos(angle), right * np.cos(angle) + down * np.sin(angle)
    length = height * (random.uniform(0.4, 0.9) if count < 3 else random.uniform(0.25, 0.5))
    radius = width * random.uniform(0.12, 0.4) / (1 if count < 3 else count * 0.8)
    inside = np.abs(along) < length
    flesh = np.sqrt(np.clip((radius * (1 + random.normal(0, 0.25) * along / height)) ** 2 - across**2, 0, None))
    joints = random.uniform(-length, length, random.integers(0, 4))
    bones = int(random.integers(1, 3)) if count < 3 else 1
    rods = np.zeros_like(flesh)
    for number in range(bones):
        aside = across - (number - (bones - 1) / 2) * radius * 0.7
        ends = sum(np.exp(-(((along - joint) / (radius * 0.8)) ** 2)) for joint in joints)
        gaps = sum(np.exp(-(((along - joint) / (radius * 0.08 + 1.5)) ** 2)) for joint in joints)
        thick = radius * random.uniform(0.2, 0.42) * (1 + 0.5 * ends)
        walls = np.sqrt(np.clip(thick**2 - aside**2, 0, None))
        marrow = np.sqrt(np.clip((0.6 * thick) ** 2 - aside**2, 0, None))
        rods = rods + (walls - 0.6 * marrow) * np.clip(1 - gaps, 0, 1)
    return flesh * inside, rods * inside


def _ball(height: int, width: int, centre: tuple[float, float], radii: tuple[float, float]) -> Floats:
    down, right = np.mgrid[:height, :width].astype(np.float32)
    far = ((down / height - centre[0]) / radii[0]) ** 2 + ((right / width - centre[1]) / radii[1]) ** 2
    return np.sqrt(np.clip(1 - far, 0, None)).astype(np.float32)


def page(random: np.random.Generator) -> Floats:
    """A page of words, black on white or white on black."""
    width, height = (int(side) for side in random.integers(150, 260, 2))
    image = Image.new("L", (width, height), int(random.integers(200, 256)))
    drawn, line = ImageDraw.Draw(image), 10
    letters = list("aabcdeeefghiiklmnoooprrsttuvwxz")
    while line < height - 15:
        if random.random() < 0.85:
            words = ("".join(random.choice(letters, random.integers(2, 10))) for _ in range(random.integers(2, 7)))
            font = ImageFont.load_default(float(random.uniform(7, 13)))
            start = 10 + int(random.integers(0, 10)), line
            drawn.text(start, " ".join(words), int(random.integers(0, 80)), font)
        line += int(random.integers(9, 17))
    shown = np.asarray(image, np.float32) / 255
    return 1 - shown if random.random() < 0.2 else shown


def pattern(random: np.random.Generator) -> Floats:
    """Noise of one grain, sometimes with waves."""
    height, width = (int(side) for side in random.integers(80, 224, 2))
    noise = random.random((height, width)).astype(np.float32)
    grain = scaled(cv2.GaussianBlur(noise, (0, 0), float(np.exp(random.uniform(-1, 3.5)))))
    down, right = np.mgrid[:height, :width]
    waves = np.cos(random.uniform(0, 0.1) * right + random.uniform(0, 0.1) * down)
    return scaled((grain + random.uniform(0, 2) * waves).astype(np.float32))
