"""Radiographs computed from CT volumes: what is learned from where real ones of a view may not be learned from.

A volume becomes attenuation on a grid of 3 mm, without the table; it is stretched, turned and summed along rays, as by
the plain model of Beer and Lambert. Half of what distinguishes real radiographs (window, crop, markers, collimation,
noise) is drawn on afterwards, by `vary`, which real pictures go through as well.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import nibabel as nib
import numpy as np
import numpy.typing as npt
import pydicom
from scipy import ndimage

Floats = npt.NDArray[np.float32]

GRID = 3.0
"""Millimetres between the points of a volume."""


def volumes(folders: Sequence[Path]) -> Iterator[tuple[str, Floats]]:
    """Each series of DICOM and each NIfTI file below the folders: whom it shows, and attenuation on the grid.

    Its axes run from feet to head, front to back, right to left; it is 1 in water and 0 in air.
    """
    for folder in folders:
        series: dict[str, list[Any]] = {}
        for path in sorted(each for each in folder.rglob("*") if each.is_file()):
            if path.name.endswith(".nii.gz"):
                image = nib.as_closest_canonical(nib.load(path))  # type: ignore[attr-defined]
                values = np.asarray(image.dataobj, np.float32).transpose(2, 1, 0)[:, ::-1, ::-1]
                yield path.name, _on_grid(values, image.header.get_zooms()[2::-1])
            elif path.suffix == ".dcm":
                header = pydicom.dcmread(path)
                series.setdefault(header.SeriesInstanceUID, []).append(header)
        for _, slices in sorted(series.items()):
            if len(slices) < 20:
                continue
            slices.sort(key=lambda header: float(header.ImagePositionPatient[2]))
            stack = [s.pixel_array * float(s.RescaleSlope) + float(s.RescaleIntercept) for s in slices]
            tall = np.diff([float(s.ImagePositionPatient[2]) for s in slices]).mean()
            spacing = (tall, *map(float, slices[0].PixelSpacing))
            yield str(slices[0].PatientID), _on_grid(np.stack(stack).astype(np.float32), spacing)


def _on_grid(hounsfield: Floats, spacing: Sequence[float]) -> Floats:
    small = ndimage.zoom(hounsfield, [each / GRID for each in spacing], order=1)
    body = ndimage.binary_opening(small > -300, iterations=2)
    parts, count = ndimage.label(body)
    sizes = ndimage.sum_labels(body, parts, range(1, count + 1))
    kept = ndimage.binary_dilation(parts == 1 + int(np.argmax(sizes)), iterations=2)
    for place, level in enumerate(kept):  # lungs are inside: whatever the outline of a slice encloses
        kept[place] = ndimage.binary_fill_holes(level)
    water = np.clip((small + 1000) / 1000, 0, 2.6)
    rows, columns = (np.flatnonzero(kept.any(axis=axis)) for axis in ((0, 2), (0, 1)))
    held: Floats = (water * kept)[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(np.float32)
    return held


def project(volume: Floats, view: str, random: np.random.Generator) -> Floats:
    """A radiograph of a view (frontal or lateral), white where much was in the way, (rows, columns), 0 to 1."""
    turn, lean = (np.radians(random.normal(0, spread)) for spread in (5, 3))
    turn += 0 if view == "frontal" else np.pi / 2 * random.choice((-1, 1))
    size = np.array([random.uniform(0.75, 1.2), random.uniform(0.85, 1.2), random.uniform(0.9, 1.15)])
    about_body = np.array([[1, 0, 0], [0, np.cos(turn), -np.sin(turn)], [0, np.sin(turn), np.cos(turn)]])
    to_side = np.array([[np.cos(lean), -np.sin(lean), 0], [np.sin(lean), np.cos(lean), 0], [0, 0, 1]])
    back = np.diag(1 / size) @ (to_side @ about_body).T
    shape = np.ceil(np.abs(to_side @ about_body @ np.diag(size)) @ volume.shape).astype(int)
    offset = (np.array(volume.shape) - 1) / 2 - back @ (shape - 1) / 2
    leaned = ndimage.affine_transform(volume, back, offset, tuple(shape), np.float32, order=1)
    # bone and air weigh differently at other energies, and from person to person
    leaned = np.where(leaned > 1.15, 1 + (leaned - 1) * random.uniform(0.7, 2.2), leaned)
    leaned = np.where(leaned < 0.6, leaned * random.uniform(0.6, 1.4), leaned)
    length = leaned.sum(axis=1)[::-1] * GRID / 10
    film = 1 - np.exp(-length * random.uniform(0.03, 0.12))
    low, high = np.percentile(film[length > 1], [random.uniform(0, 4), random.uniform(95, 100)])
    shown: Floats = np.clip((film - low) / max(high - low, 1e-6), 0, 1).astype(np.float32)
    return cv2.resize(shown, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)


def vary(picture: Floats, random: np.random.Generator, *, mirror: bool = True) -> Floats:
    """A picture (rows, columns), 0 to 1, as another machine, another operator and another publisher would give it.

    Half of them are mirrored, unless `mirror` is false.
    """
    height, width = picture.shape
    if random.random() < 0.5 and mirror:
        picture = picture[:, ::-1]
    angle, grow = random.normal(0, 4), random.uniform(0.85, 1.25)
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, grow)
    matrix[:, 2] += random.normal(0, 0.05, 2) * (width, height)
    edge = cv2.BORDER_REPLICATE if random.random() < 0.5 else cv2.BORDER_CONSTANT
    shown = cv2.warpAffine(np.ascontiguousarray(picture), matrix, (width, height), borderMode=edge)
    top, bottom, left, right = random.uniform(0, 0.13, 4) * random.choice((0, 1), 4)
    shown = shown[int(top * height) : height - int(bottom * height), int(left * width) : width - int(right * width)]
    shown = np.clip(shown, 0, 1) ** np.exp(random.normal(0, 0.35))
    low, high = random.uniform(0, 0.15), random.uniform(0.85, 1)
    shown = np.clip((shown - low) / (high - low), 0, 1)
    if random.random() < 0.3:  # equalised in tiles, as some publishers and machines do
        tiles = cv2.createCLAHE(random.uniform(1, 4), (8, 8))
        shown = tiles.apply((shown * 255).astype(np.uint8)).astype(np.float32) / 255
    shown = _bordered(np.asarray(shown, np.float32), random)
    if random.random() < 0.4:
        shown = cv2.GaussianBlur(shown, (0, 0), random.uniform(0.5, 2.5))
    noisy: Floats = np.clip(shown + random.normal(0, random.uniform(0, 0.04), shown.shape), 0, 1).astype(np.float32)
    return noisy


def _bordered(shown: Floats, random: np.random.Generator) -> Floats:
    """With collimation, with letters, sometimes on a black or white page."""
    height, width = shown.shape
    held = (shown * 255).astype(np.uint8)
    if random.random() < 0.4:
        for _ in range(random.integers(1, 3)):
            deep, side = int(random.uniform(0.01, 0.1) * min(height, width)), random.integers(4)
            np.rot90(held, side)[:deep] = 0 if random.random() < 0.85 else 255
    for _ in range(random.integers(0, 3)):
        word = "".join(random.choice(list("LRPA123DE"), random.integers(1, 6)))
        place = (int(random.uniform(0, 0.9) * width), int(random.choice((0.08, 0.9)) * height))
        cv2.putText(held, word, place, cv2.FONT_HERSHEY_SIMPLEX, height / random.uniform(250, 500), 255, 2)
    if random.random() < 0.25:
        more, colour = int(random.uniform(0.02, 0.15) * width), 255 * int(random.random() < 0.3)
        held = cv2.copyMakeBorder(held, 0, 0, more, more, cv2.BORDER_CONSTANT, value=colour)
    return held.astype(np.float32) / 255
