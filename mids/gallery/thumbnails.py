"""Thumbnails of images, made in worker processes and written as data URIs."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from mids.dataset.disk.heads import check_claim, nifti_head, png_head
from mids.dataset.disk.whole import PIXELS
from mids.errors import DataError
from mids.gallery import masks as drawn
from mids.gallery.planes import Plane, middles, planes_and_slices

Array = npt.NDArray[Any]

SINGLE, ONE_OF_THREE, STRIP, LARGE = 224, 150, 96, 1024
"""The longer side of a thumbnail of a 2D image, of the largest plane of a volume, of a slice of its strip, and of a
large image, in pixels."""

SLICES = 7
"""Slices of the strip of a volume, evenly spaced."""

QUALITY = {SINGLE: 70, STRIP: 55, LARGE: 78}
"""Quality of WebP (0 to 100) by the kind of image."""

LUNG, BODY = (-1350.0, 150.0), (-160.0, 240.0)
"""Hounsfield units that are shown of a chest CT (width 1500, level -600), and of another (400, 40)."""

AIR = -500.0
"""Hounsfield units below which a CT shows air; one without any has perhaps no Hounsfield units."""

WITHOUT_SIDES = ("us", "op", "light", "rx")
"""Groups whose frames have no axes of the patient."""


@dataclass(frozen=True, slots=True)
class Task:
    """An image to be made small: its dataset's folder, its place in it, what it is, and its masks.

    `large` asks for a large image of each pane too.
    """

    root: Path
    filename: str
    group: str = ""
    suffix: str = ""
    body_part: str = ""
    spacing: tuple[float, float] = (1.0, 1.0)
    masks: tuple[drawn.Drawn, ...] = ()
    large: bool = False


@dataclass(frozen=True, slots=True)
class Pane:
    """One thumbnail: `image` and `mask` (or "") are data URIs, `width` and `height` pixels of the page.

    `large` (or "") is a larger image of the same.
    """

    plane: str
    place: str
    letters: str
    width: int
    height: int
    image: str
    mask: str = ""
    large: str = ""


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """The panes of an image with the colours of its masks; no pane and a `problem` where it can't be shown.

    `strip` are evenly spaced slices of a volume. `hounsfield` are the units that are black and white in a CT, None for
    other images. `error` says that the file is broken.
    """

    panes: tuple[Pane, ...] = ()
    legend: tuple[drawn.Legend, ...] = ()
    problem: str = ""
    error: DataError | None = None
    strip: tuple[Pane, ...] = ()
    hounsfield: tuple[float, float] | None = None


def thumbnail(task: Task) -> Thumbnail:
    """The image made small; never raises for what a file holds."""
    path = task.root / task.filename
    try:
        if path.name.endswith((".nii.gz", ".nii")):
            return _volume(task, path)
        if path.suffix.casefold() == ".png":
            return _picture(task, path)
    except DataError as error:
        return Thumbnail(problem=f"{error.code}: {error.message}", error=error)
    except FileNotFoundError:
        return Thumbnail(problem="can't be read (FileNotFoundError)")  # a link whose content was not fetched
    except (OSError, ValueError, SyntaxError, OverflowError, MemoryError, Image.DecompressionBombError) as error:
        found = DataError("IMAGE_CORRUPT", f"the image can't be read ({type(error).__name__})")
        return Thumbnail(problem=f"can't be read ({type(error).__name__})", error=found)
    return Thumbnail(problem="this format has no thumbnail")


# --- 2D images and volumes --------------------------------------------------------------------------------


def _picture(task: Task, path: Path) -> Thumbnail:
    head = png_head(path)
    check_claim(head)
    if head.rows * head.columns > PIXELS:
        return Thumbnail(problem=f"{head.columns} × {head.rows} pixels are too many for a thumbnail")
    try:
        with Image.open(path, formats=["PNG"]) as image:
            is_deep = image.mode.startswith("I")
            pixels = np.array(image if is_deep or image.mode == "L" else image.convert("RGB"))
    except UnidentifiedImageError:
        raise DataError("PNG_INVALID", "can't be read as PNG") from None
    rows, columns = pixels.shape[:2]
    plane = Plane("picture", pixels, (rows * task.spacing[0], columns * task.spacing[1]))
    masks = drawn.read(task.root, task.masks, (rows, columns)) if task.masks else None
    limits = find_window([pixels], task)[0] if is_deep else (0.0, 255.0)
    pane = _pane(plane, masks, limits, SINGLE / max(plane.size), is_large=task.large)
    return Thumbnail((pane,), masks.legend if masks else ())


def _volume(task: Task, path: Path) -> Thumbnail:
    head = nifti_head(path)
    check_claim(head)
    masks = drawn.read(task.root, task.masks, head.shape) if task.masks and len(head.shape) == 3 else None
    at = masks.largest() if masks else middles(head.shape)
    found, strip = planes_and_slices(path, at, _strip_of(head.shape))
    if not found:
        raise DataError("NIFTI_INVALID", "the volume has no plane to show")
    over = drawn.planes(masks, path, at) if masks else {}
    limits, shown = find_window([plane.pixels for plane in found], task, head.scaling)
    scale = (ONE_OF_THREE if len(found) > 1 else SINGLE) / max(max(plane.size) for plane in found)
    panes = [_pane(plane, over.get(plane.name), limits, scale, is_large=task.large) for plane in found]
    slices = [_pane(plane, None, limits, STRIP / max(plane.size), quality=QUALITY[STRIP]) for plane in strip]
    if task.group in WITHOUT_SIDES:
        panes, slices = ([_drop_plane_names(pane) for pane in each] for each in (panes, slices))
    return Thumbnail(tuple(panes), masks.legend if masks else (), strip=tuple(slices), hounsfield=shown)


def _strip_of(shape: Sequence[int]) -> list[int]:
    """The slices of a volume that its strip shows: none where it has fewer than a strip."""
    count = shape[2] if len(shape) > 2 else 1
    return [round((number + 0.5) * count / SLICES - 0.5) for number in range(SLICES)] if count > SLICES else []


def _drop_plane_names(pane: Pane) -> Pane:
    return replace(pane, plane="frame", place="", letters="")


def find_window(
    found: Sequence[Array], task: Task, scaling: tuple[float, float] = (1.0, 0.0)
) -> tuple[tuple[float, float], tuple[float, float] | None]:
    """The stored values that become black and white; the first is the greater where the image is inverted.

    With them the Hounsfield units that they are, None for all but a CT of such units.
    """
    slope, intercept = scaling
    if found[0].ndim == 3:
        return (0.0, 255.0), None
    low, high = find_extremes(found)
    is_ct = task.suffix == "ct" and task.filename.endswith((".nii.gz", ".nii"))
    if is_ct and low * slope + intercept < AIR:
        units = LUNG if task.body_part == "chest" else BODY
        return ((units[0] - intercept) / slope, (units[1] - intercept) / slope), units
    is_inverted = (task.suffix in ("pet", "nm")) != (slope < 0)
    return ((high, low) if is_inverted else (low, high)), None


def find_extremes(found: Sequence[Array]) -> tuple[float, float]:
    """The 0.5 and 99.5 percentiles of the planes."""
    values = np.concatenate([plane[:: max(1, plane.shape[0] // 256), :: max(1, plane.shape[1] // 256)].ravel()
                             for plane in found]).astype(np.float64)  # fmt: skip
    values = values[np.isfinite(values)]
    low, high = np.percentile(values, (0.5, 99.5)) if values.size else (0.0, 1.0)
    return float(low), float(high) if high > low else float(low) + 1.0


def _pane(
    plane: Plane, masks: drawn.Masks | None, limits: tuple[float, float], scale: float, *,
    quality: int = QUALITY[SINGLE], is_large: bool = False,
) -> Pane:  # fmt: skip
    """A plane made small; `scale` is in pixels of the page by mm."""
    height, width = (max(1, round(length * scale)) for length in plane.size)
    image = shrink(plane.pixels, limits, (width, height))
    over = drawn.overlay(masks, (width, height)) if masks else None
    place = f"{plane.index} of {plane.count}" if plane.count > 1 else ""
    # No larger than the pixels that are there: the browser enlarges as well.
    most = min(LARGE, max(plane.pixels.shape[:2])) / max(plane.size)
    size = (max(1, round(plane.size[1] * most)), max(1, round(plane.size[0] * most)))
    large = as_uri(shrink(plane.pixels, limits, size), QUALITY[LARGE]) if is_large and size[0] > 1.2 * width else ""
    return Pane(
        plane.name, place, plane.letters, width, height, as_uri(image, quality), as_uri(over) if over else "", large
    )


def shrink(pixels: Array, limits: tuple[float, float], size: tuple[int, int]) -> Image.Image:
    """A plane in 8 bits, of this width and height."""
    (width, height), (black, white) = size, limits
    step = max(1, min(pixels.shape[0] // (2 * height), pixels.shape[1] // (2 * width)))
    small = pixels[: pixels.shape[0] // step * step : step, : pixels.shape[1] // step * step : step].astype(np.float32)
    grey = np.clip(np.nan_to_num((small - black) * (255.0 / (white - black))), 0, 255).astype(np.uint8)
    return Image.fromarray(grey).resize((width, height), Image.Resampling.BICUBIC)


def as_uri(image: Image.Image, quality: int | None = None) -> str:
    """An image as WebP in a data URI, lossless where no quality is given."""
    stream = BytesIO()
    image.save(stream, "WEBP", lossless=quality is None, quality=quality or QUALITY[SINGLE], method=4)
    return "data:image/webp;base64," + b64encode(stream.getvalue()).decode("ascii")
