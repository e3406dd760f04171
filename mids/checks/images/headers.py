"""Images: that they can be opened, that their heads make sense and agree with their sidecars."""

import math
from collections.abc import Iterator, Sequence

from mids.dataset.disk.heads import NiftiHead, PngHead
from mids.errors import DataError
from mids.inspection.guards import has_sidecar, is_broken, is_odd_png, is_png
from mids.inspection.paths import IMAGES
from mids.inspection.registry import Finding, Found, check, of_name
from mids.inspection.views import FileView
from mids.issues import Level


def head_error(image: FileView, code: str) -> Iterator[str]:
    """What is wrong with the head of an image that has any content."""
    if image.size and isinstance(image.head, DataError) and image.head.code == code:
        yield image.head.message


@check("PNG_INVALID", per="image", when=is_broken)
def png_invalid(image: FileView) -> Found:
    """A file named `.png` is not a PNG, or its header is damaged.

    Why: It can't be opened. Often it is a JPEG with the wrong name.

    Fix: Convert the image again.
    """
    return head_error(image, "PNG_INVALID")


@check("PNG_TRUNCATED", per="image", when=is_odd_png)
def png_truncated(image: FileView) -> Found:
    """A PNG does not end with its end chunk.

    Why: Its last rows are missing; some programs show them as black without a warning.

    Fix: Copy or convert the image again.
    """
    if isinstance(image.head, PngHead) and not image.head.complete:
        yield "the file does not end with IEND"


@check("PNG_FORMAT", per="image", when=is_png)
def png_format(image: FileView) -> Found:
    """A PNG is neither greyscale of 8 or 16 bits nor RGB of 8 bits.

    Why: Libraries differ in how they read palettes, transparency and 1, 2 or 4 bits per pixel.

    Fix: Convert the image again; this resolves palette and transparency.
    """
    head = image.head
    if isinstance(head, PngHead) and (head.colour, head.bits) not in ((0, 8), (0, 16), (2, 8), (2, 16)):
        value = f"colour type {head.colour}, {head.bits} bits"
        yield Finding("the pixel format is not allowed", value=value, expected="grey or RGB, 8 or 16 bits")


@check("PNG_TRANSPARENT", per="image", when=is_odd_png)
def png_transparent(image: FileView) -> Found:
    """A PNG calls one of its grey values or colours transparent (chunk tRNS).

    Why: Viewers show the background of the page in its place; libraries add a channel, or drop those pixels.

    Fix: Convert the image again; this resolves transparency.
    """
    if isinstance(image.head, PngHead) and image.head.transparent and image.head.colour in (0, 2):
        yield Finding("a value is transparent", where="tRNS")


@check("PNG_ANIMATED", per="image", when=is_odd_png)
def png_animated(image: FileView) -> Found:
    """A PNG holds more frames than the one that most programs show (APNG).

    Why: The other frames are seen in browsers only: they may be another image, or another patient's.

    Fix: Write each frame as a PNG of its own, or all of them as a volume.
    """
    if isinstance(image.head, PngHead) and image.head.animated:
        yield Finding("the file is animated", where="acTL")


@check("PNG_COLOUR_CONTRADICTED", per="image", when=is_png, keys=("PhotometricInterpretation",))
def png_colour_contradicted(image: FileView) -> Found:
    """A PNG is greyscale but its sidecar says RGB, or the reverse.

    Why: Programs that trust the sidecar read the wrong number of channels.

    Fix: Correct PhotometricInterpretation; it describes the PNG: MONOCHROME2 or RGB.
    """
    said = image.metadata.get("PhotometricInterpretation")
    if isinstance(image.head, PngHead) and image.head.colour in (0, 2) and said in ("MONOCHROME2", "RGB"):
        expected = "RGB" if image.head.colour == 2 else "MONOCHROME2"
        if said != expected:
            where = "$.PhotometricInterpretation"
            yield Finding("the pixel format differs from the sidecar's", where, str(said), expected)


@check("IMAGE_SHAPE_CONTRADICTED", per="image", when=has_sidecar, keys=("Rows", "Columns"))
def image_shape_contradicted(image: FileView) -> Found:
    """Rows and Columns of the sidecar differ from the size of the image.

    Why: The image was cropped, scaled or replaced, or the sidecar belongs to another image.

    Fix: Convert the image again.
    """
    said, head = (image.metadata.get("Rows"), image.metadata.get("Columns")), image.head
    known = [length for length in said if isinstance(length, int)]
    if not known or image.metadata.get("Resampled") is True:
        return
    wanted = [str(length) if isinstance(length, int) else "?" for length in said]
    message = ""
    if isinstance(head, PngHead):
        own: tuple[int, ...] = (head.rows, head.columns)
        if any(isinstance(there, int) and there != length for there, length in zip(said, own, strict=True)):
            message = "rows × columns differ from the sidecar's"
    # A reformatted or conformed volume may have its image plane along any two axes.
    elif isinstance(head, NiftiHead) and not has_size(own := head.shape, known):
        message = "no plane of the volume has rows × columns"
    if message:
        yield Finding(message, value=" × ".join(map(str, own)), expected=" × ".join(wanted))


@check("PNG_MONOCHROME1", per="image", level=Level.WARNING, when=is_png, keys=("PhotometricInterpretation",))
def png_monochrome1(image: FileView) -> Found:
    """A sidecar says MONOCHROME1, but its image is a PNG, in which every program shows 0 as black.

    Why: Either the image is a negative, or it was already inverted, and programs that trust the sidecar invert
    it again.

    Fix: Look at the image: air should be dark. Convert it again; the sidecar then says MONOCHROME2.
    """
    if image.metadata.get("PhotometricInterpretation") == "MONOCHROME1":
        where, message = "$.PhotometricInterpretation", "the sidecar of a PNG says MONOCHROME1"
        yield Finding(message, where, "MONOCHROME1", "MONOCHROME2")


def has_size(shape: tuple[int, ...], plane: Sequence[int]) -> bool:
    """Whether so many of the first three axes have the lengths of `plane`."""
    lengths = list(shape[:3])
    for length in plane:
        if length not in lengths:
            return False
        lengths.remove(length)
    return True


# --- diffusion gradients ---------------------------------------------------------------------------------


@of_name
def _is_dwi(image: FileView) -> bool:
    name = image.name
    return bool(name and name.suffix == "dwi" and not name.group and not name.root)


@check("GRADIENTS_MISSING", per="image", when=_is_dwi)
def gradients_missing(image: FileView) -> Found:
    """No `.bval` or no `.bvec` file applies to a diffusion volume: neither beside it nor above it.

    Why: Nothing can be computed from it.

    Fix: Convert the image again, or move it below `mim-mr` as a derived image.
    """
    for extension in (".bval", ".bvec"):
        if not image.gradients(extension):
            yield Finding(f"there is no {extension} file with the same stem", expected=image.stem + extension)


@check("GRADIENTS_CONTRADICTED", per="image", when=_is_dwi)
def gradients_contradicted(image: FileView) -> Found:
    """The gradient files do not hold one number of 0 or more, or one vector of length 1 or 0, per volume.

    Why: Volumes are paired with the wrong gradients.

    Fix: Convert the image again.
    """
    found = {
        path: _matrix(image.dataset.view(path).read()) for ext in (".bval", ".bvec") if (path := image.gradients(ext))
    }
    if isinstance(image.head, NiftiHead):
        volumes, of = math.prod(image.head.shape[3:]), "volumes"
    else:  # only the two files can be compared
        volumes, of = max((len(row) for rows in found.values() for row in rows[:1]), default=0), "other file"
    for path, rows in found.items():
        lines = 1 if path.endswith(".bval") else 3
        if [len(row) for row in rows] != [volumes] * lines:
            expected = f"{lines} × {volumes} numbers"
            yield Finding(f"the count does not match the {of}", path=path, expected=expected)
        elif lines == 1 and min(rows[0]) < 0:
            yield Finding("a b-value is negative", path=path, value=f"{min(rows[0]):g}", expected="0 or more")
        elif lines == 3 and (lengths := [length for v in zip(*rows, strict=True) if (length := math.hypot(*v))]):
            worst = max(lengths, key=lambda length: abs(length - 1))
            if abs(worst - 1) > UNIT:
                yield Finding("a vector has another length than 1", path=path, value=f"{worst:.3g}", expected="1")


UNIT = 0.1
"""By how much the length of a gradient's direction may differ from 1: files have few digits."""


def _matrix(data: bytes) -> list[list[float]]:
    """The numbers of each line; empty where anything else stands, or a number is not finite."""
    try:
        rows = [[float(word) for word in line.split()] for line in data.splitlines() if line.strip()]
    except ValueError:
        return []
    return rows if all(math.isfinite(number) for row in rows for number in row) else []


# --- the same image twice, gaps --------------------------------------------------------------------------


def _has_twin(image: FileView) -> bool:
    return len(image.dataset.stems[image.stem].intersection(IMAGES)) > 1


@check("IMAGE_TWICE", per="image", when=_has_twin)
def image_twice(image: FileView) -> Found:
    """An image exists in two formats with the same stem, such as `.nii` and `.nii.gz`.

    Why: One sidecar describes both, and programs differ in which one they read.

    Fix: Remove one of the two.
    """
    others = image.dataset.stems[image.stem].intersection(IMAGES)
    if image.extension == max(others):
        yield Finding("files of other formats have the same stem", value=" ".join(sorted(others)))
