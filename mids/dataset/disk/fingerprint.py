"""The pixels of an image whatever file they stand in: a digest of them, and whether two images have the same ones."""

import hashlib
import math
from collections.abc import Iterable, Iterator
from itertools import permutations, product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mids.dataset.disk.facts import TYPES, scaled
from mids.dataset.disk.heads import NiftiHead, PngHead, check_claim, nifti_head, png_head
from mids.dataset.disk.whole import LARGEST, PIXELS, decode_png, read_voxels
from mids.errors import DataError

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]

BINS = 512
"""Bins of the histogram by which images with the same pixels find each other."""
BIAS = 0.31830988
"""Added before values are put into bins, so that none of whole numbers lies on the edge of two."""
TOLERANCE = 1e-5
"""Of values between 0 and 1: rounding of 32-bit floats, and of slopes."""
CHUNK = 1 << 22
_EXACT = 1 << 23
"""Whole numbers below it, and sums of two of them, are exact in float32."""


# --- a digest --------------------------------------------------------------------------------------------


def pixel_digest(path: Path) -> str:
    """SHA-256 of the pixels or voxels of an image in a canonical form, as 64 hexadecimal digits.

    Volumes: values after slope and intercept as little-endian float32, NaN as one NaN and -0 as 0, the axes flipped
    and exchanged so that they run to the right, front and top of the patient (as nibabel's `as_closest_canonical`),
    the first axis fastest. Pictures: samples as little-endian uint16, those of 8 bits times 257, row by row. Before
    them a line of ASCII: `volume` or `picture`, and the lengths of the axes.

    Raises `DataError` where the image can't be read, `OSError` where the file can't.
    """
    head = read_head(path)
    if isinstance(head, PngHead):
        return picture_digest(read_pixels(path, head))
    shape, slices = _upright(path, head)
    return _digest("volume", shape, (_numbers(values, head) for values in slices))


def picture_digest(pixels: Array) -> str:
    """The digest that `pixel_digest` finds in the PNG of grey uint8 or uint16 (rows, columns), or of RGB uint8."""
    samples = pixels.astype("<u2", order="C")
    if pixels.dtype == np.uint8:
        samples *= 257
    return _digest("picture", pixels.shape, (samples,))


def _digest(kind: str, shape: tuple[int, ...], parts: Iterable[Array]) -> str:
    digest = hashlib.sha256(f"{kind} {' '.join(map(str, shape))}\n".encode("ascii"))
    for part in parts:
        digest.update(part.data)
    return digest.hexdigest()


def read_head(path: Path) -> NiftiHead | PngHead:
    """The head of an image, by its name. Raises `DataError`, also where it claims more than its file can hold."""
    head = png_head(path) if path.suffix == ".png" else nifti_head(path)
    check_claim(head)
    return head


def read_pixels(path: Path, head: NiftiHead | PngHead) -> Array:
    """The stored values of an image: axes as stored, colours last. Raises `DataError`."""
    if isinstance(head, PngHead):
        if head.rows * head.columns > PIXELS:
            raise DataError("IMAGE_CORRUPT", f"the image has more than {PIXELS} pixels")
        pixels = np.asarray(decode_png(path))
        return pixels.astype(np.uint16) if head.bits == 16 else pixels
    kind, colours = _stored(head)
    data = b"".join(read_voxels(path, head, CHUNK))
    lengths = (colours, *head.shape) if colours else head.shape
    voxels = np.frombuffer(data, kind).reshape(lengths, order="F")
    return np.moveaxis(voxels, 0, -1) if colours else voxels


def _stored(head: NiftiHead) -> tuple[np.dtype[Any], int]:
    """The type of the values of a volume as they are stored, and how many colours a voxel has (0: no colours)."""
    colours = {128: 3, 2304: 4}.get(head.datatype, 0)
    if not colours and head.datatype not in TYPES:
        raise DataError("IMAGE_CORRUPT", "voxels of this type can't be compared")
    if head.size - head.offset > LARGEST:
        raise DataError("IMAGE_CORRUPT", f"the image unpacks to more than {LARGEST} bytes")
    kind = np.dtype("u1" if colours else TYPES[head.datatype]).newbyteorder(">" if head.order == ">" else "<")
    return kind, colours


def _upright(path: Path, head: NiftiHead) -> tuple[tuple[int, ...], Iterator[Array]]:
    """A volume with its axes along the patient's: its shape, and its slices (first two axes) in order.

    Where the slices stay in their order, as they nearly always do, they are read one by one.
    """
    kind, colours = _stored(head)
    order, steps = _turn(head)
    if not colours and len(head.shape) > 2 and order[2:] == (2,) and steps[2] == 1:
        size = head.shape[:2]
        shape = (*(size[axis] for axis in order[:2]), *head.shape[2:])
        pieces = read_voxels(path, head, math.prod(size))
        planes = (np.frombuffer(piece, kind).reshape(size, order="F") for piece in pieces)
        return shape, (plane.transpose(order[:2])[:: steps[0], :: steps[1]] for plane in planes)
    pixels = read_pixels(path, head)
    if order:
        pixels = pixels.transpose(*order, *range(3, pixels.ndim))[tuple(slice(None, None, step) for step in steps)]
    flat = pixels.reshape(*pixels.shape[:2], -1, order="F") if pixels.ndim > 2 else pixels[..., np.newaxis]
    return pixels.shape, (flat[:, :, at] for at in range(flat.shape[2]))


def _turn(head: NiftiHead) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Which axes a volume's first three become along the patient's, and in which direction (1, -1) each runs.

    Both are empty where the position is unknown or senseless.
    """
    rows = np.asarray(head.affine, float)
    if (head.sform <= 0 and head.qform <= 0) or not np.isfinite(rows).all() or len(head.shape) < 3:
        return (), ()
    lengths = np.linalg.norm(rows[:, :3], axis=0)
    if not lengths.all():
        return (), ()
    weight = np.abs(rows[:, :3] / lengths)
    best = max(permutations(range(3)), key=lambda order: sum(weight[at, axis] for at, axis in enumerate(order)))
    return best, tuple(-1 if rows[at, axis] < 0 else 1 for at, axis in enumerate(best))


def _numbers(values: Array, head: NiftiHead) -> Array:
    """The canonical numbers of a slice, its last axis fastest: small whole ones stay exact without float64 between."""
    slope, intercept = head.scaling
    is_small = values.dtype.kind in "iu" and values.dtype.itemsize <= 2 and abs(intercept) < _EXACT
    if is_small and slope == 1 and intercept.is_integer():
        whole = values.T.astype("<f4", order="C")
        whole += np.float32(intercept)
        return whole
    if values.dtype.kind == "c":
        values = np.stack((values.real, values.imag))
    numbers = scaled(values, head).astype("<f4") + np.float32(0)  # -0 becomes 0
    numbers[np.isnan(numbers)] = np.float32(math.nan)
    return np.ascontiguousarray(numbers.T)


# --- the same pixels in other files ----------------------------------------------------------------------

STEPS = (1.0, 256.0, 257.0, *(2.0**n for n in range(1, 8)), *(65535 / (2**n - 1) for n in range(8, 16)))
"""Factors between the same grey values in fewer and in more bits."""
SHIFTS = (0.0, 1000.0, 1024.0, 8192.0, 32768.0)
"""What is added to Hounsfield and other signed values where there is no sign."""
FEW = 4
"""Different values up to which a likeness after flipping is chance."""


def read_values(path: Path, head: NiftiHead | PngHead) -> Array:
    """The stored values of an image as `read_pixels` gives them, those of a grey picture in three channels once."""
    pixels = read_pixels(path, head)
    is_colour = isinstance(head, PngHead) and pixels.ndim == 3 and pixels.shape[2] == 3
    is_grey = is_colour and bool((pixels[..., 1:] == pixels[..., :1]).all())
    return pixels[..., 0] if is_grey else pixels


def signature(pixels: Array, head: NiftiHead | PngHead) -> bytes:
    """What images with the same pixels share, flipped, turned or in another encoding.

    The lengths of their axes and the histogram of their values between the lowest and the highest.
    """
    low, high = bounds(pixels, head)
    counts = np.zeros(BINS + 1, np.int64)
    if high > low:
        for part in _chunks(pixels, head):
            known = part[np.isfinite(part)]
            places = np.floor((known - low) * ((BINS - 1) / (high - low)) + BIAS).astype(np.int64)
            counts[:BINS] += np.bincount(places, minlength=BINS)[:BINS]
            counts[BINS] += len(part) - len(known)
    lengths = sorted(length for length in pixels.shape if length > 1)
    return hashlib.blake2b(repr(lengths).encode() + counts.tobytes(), digest_size=16).digest()


def bounds(pixels: Array, head: NiftiHead | PngHead) -> tuple[float, float]:
    """The lowest and the highest finite value of an image; 0 and 0 where there is none."""
    low, high = math.inf, -math.inf
    for part in _chunks(pixels, head):
        known = part[np.isfinite(part)]
        if len(known):
            low, high = min(low, float(known.min())), max(high, float(known.max()))
    return (low, high) if low <= high else (0.0, 0.0)


def _chunks(pixels: Array, head: NiftiHead | PngHead) -> Iterator[Floats]:
    """The values of an image, some at a time; of complex ones their magnitude."""
    flat = pixels.reshape(-1, order="A")
    for at in range(0, len(flat), CHUNK):
        part = flat[at : at + CHUNK]
        part = np.abs(part) if part.dtype.kind == "c" else part
        yield scaled(part, head) if isinstance(head, NiftiHead) else part.astype(np.float64)


def likeness(one: Path, other: Path) -> str:
    """How two images have the same pixels: "the same pixels", with "flipped" or in another encoding; "" if not.

    Raises `DataError` where one of them can't be read.
    """
    heads = read_head(one), read_head(other)
    arrays = read_values(one, heads[0]), read_values(other, heads[1])
    (low, high), (least, most) = (bounds(pixels, head) for pixels, head in zip(arrays, heads, strict=True))
    if high <= low or most <= least:
        return ""
    factor = (high - low) / (most - least)
    a, b = (np.squeeze(_unit(*each)) for each in zip(arrays, heads, ((low, high), (least, most)), strict=True))
    is_same = math.isclose(factor, 1, rel_tol=1e-5) and math.isclose(low, least, rel_tol=1e-5, abs_tol=1e-5)
    if not (is_same or _is_step(factor, low, least)):
        return ""
    if a.shape == b.shape and _equal(a, b):
        return "the same pixels" if is_same else "the same pixels with other numbers"
    if len(np.unique(a.reshape(-1)[: 1 << 20])) <= FEW:
        return ""
    return "the same pixels, flipped or turned" if any(_equal(a, turned) for turned in _turned(b, a.shape)) else ""


def _unit(pixels: Array, head: NiftiHead | PngHead, ends: tuple[float, float]) -> npt.NDArray[np.float32]:
    """An image as numbers between 0 and 1."""
    low, high = ends
    values = np.abs(pixels) if pixels.dtype.kind == "c" else pixels
    numbers = scaled(values, head) if isinstance(head, NiftiHead) else values.astype(np.float64)
    return ((numbers - low) / (high - low)).astype(np.float32)


def _is_step(factor: float, low: float, least: float) -> bool:
    """Whether values differ by a factor of bits and a shift of signs alone."""
    known = any(math.isclose(factor, each, rel_tol=1e-5) for step in STEPS for each in (step, 1 / step))
    shift = low - factor * least
    return known and any(math.isclose(abs(shift), each, rel_tol=1e-5, abs_tol=1.0) for each in SHIFTS)


def _equal(one: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> bool:
    """Whether two images are equal, NaN too; a few of their values decide almost always."""
    some = tuple(slice(None, None, max(1, length // 16)) for length in one.shape)
    return all(
        bool(np.isclose(a, b, rtol=0, atol=TOLERANCE, equal_nan=True).all())
        for a, b in ((one[some], other[some]), (one, other))
    )


def _turned(image: Array, shape: tuple[int, ...]) -> Iterator[Array]:
    """An image flipped along any of its first three axes, and with them exchanged, where that gives `shape`."""
    space = min(3, image.ndim)
    for order in permutations(range(space)):
        moved = image.transpose(*order, *range(space, image.ndim))
        if moved.shape == shape:
            for steps in product((1, -1), repeat=space):
                yield moved[tuple(slice(None, None, step) for step in steps)]
