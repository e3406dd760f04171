"""Images: that they can be opened, that their heads make sense and agree with their sidecars."""

import math
from collections.abc import Iterator

from mids.checks.registry import Finding, Found, check
from mids.checks.views import FileView
from mids.errors import DataError
from mids.issues import Level
from mids.readers.heads import NiftiHead, PngHead
from mids.records import Json

SPACING = 1e-3
"""Relative difference between the spacings of header and sidecar that is rounding (float32, 3 decimals)."""


def _head_error(image: FileView, code: str) -> Iterator[str]:
    if image.size and isinstance(image.head, DataError) and image.head.code == code:
        yield image.head.message


@check("GZIP_INVALID", per="image")
def gzip_invalid(image: FileView) -> Found:
    """A file named `.gz` is not a gzip file, or its first block is damaged.

    Why: It can't be opened.

    Fix: Compress it with gzip, or restore it.
    """
    return _head_error(image, "GZIP_INVALID")


@check("NIFTI_INVALID", per="image")
def nifti_invalid(image: FileView) -> Found:
    """The header of a NIfTI file is missing, cut or makes no sense.

    Why: It can't be opened, or is read as noise.

    Fix: Convert the image again.
    """
    return _head_error(image, "NIFTI_INVALID")


@check("PNG_INVALID", per="image")
def png_invalid(image: FileView) -> Found:
    """A file named `.png` is no PNG, or its header is damaged.

    Why: It can't be opened. Often it is a JPEG with another name.

    Fix: Convert the image again.
    """
    return _head_error(image, "PNG_INVALID")


@check("PNG_TRUNCATED", per="image")
def png_truncated(image: FileView) -> Found:
    """A PNG does not end with its end chunk.

    Why: Its last rows are missing; some programs show them as black without a word.

    Fix: Copy or convert the image again.
    """
    if isinstance(image.head, PngHead) and not image.head.complete:
        yield "the file does not end with IEND"


@check("PNG_FORMAT", per="image")
def png_format(image: FileView) -> Found:
    """A PNG is neither grey of 8 or 16 bits nor RGB of 8 bits.

    Why: Palettes, transparency and bits per pixel of 1, 2 or 4 are read differently by every library.

    Fix: Convert the image again; palette and alpha are resolved then.
    """
    head = image.head
    if isinstance(head, PngHead) and (head.colour, head.bits) not in ((0, 8), (0, 16), (2, 8), (2, 16)):
        value = f"colour type {head.colour}, {head.bits} bits"
        yield Finding("the pixels have a format that is not allowed", value=value, expected="grey or RGB, 8 or 16 bits")


@check("PNG_COLOUR_CONTRADICTED", per="image")
def png_colour_contradicted(image: FileView) -> Found:
    """A PNG is grey and its sidecar says RGB, or the reverse.

    Why: Whoever trusts the sidecar reads the wrong number of channels.

    Fix: PhotometricInterpretation describes the PNG: MONOCHROME2 or RGB.
    """
    said = image.metadata.get("PhotometricInterpretation")
    if isinstance(image.head, PngHead) and image.head.colour in (0, 2) and said in ("MONOCHROME2", "RGB"):
        expected = "RGB" if image.head.colour == 2 else "MONOCHROME2"
        if said != expected:
            where = "$.PhotometricInterpretation"
            yield Finding("the pixels are not what the sidecar says", where, str(said), expected)


@check("IMAGE_SHAPE_CONTRADICTED", per="image")
def image_shape_contradicted(image: FileView) -> Found:
    """Rows and Columns of the sidecar are not the size of the image.

    Why: The image was cropped, scaled or exchanged, or the sidecar is another image's.

    Fix: Convert the image again.
    """
    rows, columns = image.metadata.get("Rows"), image.metadata.get("Columns")
    if image.metadata.get("Resampled") is True or not (isinstance(rows, int) and isinstance(columns, int)):
        return
    head = image.head
    if isinstance(head, PngHead) and (head.rows, head.columns) != (rows, columns):
        yield Finding("rows × columns differ", value=f"{head.rows} × {head.columns}", expected=f"{rows} × {columns}")
    # A reformatted or conformed volume may have its image plane along any two axes.
    if isinstance(head, NiftiHead) and not _contains(head.shape, (rows, columns)):
        shape = " × ".join(map(str, head.shape))
        yield Finding("no plane of the volume has rows × columns", value=shape, expected=f"{rows} × {columns}")


def _contains(shape: tuple[int, ...], plane: tuple[int, int]) -> bool:
    """Whether two of the first three axes have the lengths of `plane`."""
    lengths = list(shape[:3])
    for length in plane:
        if length not in lengths:
            return False
        lengths.remove(length)
    return True


@check("IMAGE_SPACING_CONTRADICTED", per="image")
def image_spacing_contradicted(image: FileView) -> Found:
    """The voxel size in the header of a volume is not PixelSpacing of its sidecar.

    Why: Every length and volume measured on the image is wrong.

    Fix: Convert the image again; `Resampled` in the sidecar says that the sizes differ on purpose.
    """
    said = _numbers(image.metadata.get("PixelSpacing"))
    head = image.head
    if not isinstance(head, NiftiHead) or len(said) != 2 or image.metadata.get("Resampled") is True:
        return
    left = [abs(size) for size in head.spacing[:3]]
    for wanted in said:
        near = [size for size in left if math.isclose(size, wanted, rel_tol=SPACING, abs_tol=1e-4)]
        if not near:
            value = " × ".join(f"{abs(size):g}" for size in head.spacing[:3])
            expected = " × ".join(f"{size:g}" for size in said)
            yield Finding("the voxel size in mm differs", where="$.PixelSpacing", value=value, expected=expected)
            return
        left.remove(near[0])


def _numbers(value: Json) -> list[float]:
    """A list of numbers; empty where it holds anything else."""
    items = value if isinstance(value, list) else []
    return [float(v) for v in items if isinstance(v, int | float) and not isinstance(v, bool)]


@check("NIFTI_AFFINE", per="image")
def nifti_affine(image: FileView) -> Found:
    """The affine of a volume has no inverse, or holds a number that is not finite.

    Why: Where the voxels lie in the patient is unknown.

    Fix: Convert the image again.
    """
    if isinstance(image.head, NiftiHead):
        (a, b, c, p), (d, e, f, q), (g, h, i, r) = image.head.affine
        determinant = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
        if not all(math.isfinite(v) for v in (determinant, p, q, r)):
            yield "the affine holds a number that is not finite"
        elif abs(determinant) < 1e-12:
            yield "the affine has no inverse"


PROJECTIONS = ("rx", "us", "light")
"""Groups whose images have no place in the patient's coordinates, frames in a NIfTI included."""


@check("NIFTI_ORIENTATION_UNKNOWN", per="image", level=Level.WARNING)
def nifti_orientation_unknown(image: FileView) -> Found:
    """A volume says nothing about its orientation: sform and qform codes are 0.

    Why: Left and right can't be told apart.

    Fix: Convert the image again from DICOM.
    """
    head = image.head
    if image.name and image.name.group in PROJECTIONS:
        return
    if isinstance(head, NiftiHead) and head.sform <= 0 and head.qform <= 0:
        yield "sform_code and qform_code are 0"


@check("NIFTI_SPACING", per="image")
def nifti_spacing(image: FileView) -> Found:
    """A voxel size in the header is zero, negative or not finite.

    Why: Lengths and volumes can't be measured.

    Fix: Convert the image again.
    """
    if isinstance(image.head, NiftiHead):
        sizes = image.head.spacing[:3]
        if not all(math.isfinite(size) and size > 0 for size in sizes):
            yield Finding("a voxel size is not a positive number", value=" × ".join(f"{size:g}" for size in sizes))


# --- diffusion gradients ---------------------------------------------------------------------------------


@check("GRADIENTS_MISSING", per="image")
def gradients_missing(image: FileView) -> Found:
    """A diffusion volume has no `.bval` or no `.bvec` beside it.

    Why: Nothing can be computed from it.

    Fix: Convert the image again, or move it below `mim-mr` as a derived image.
    """
    if _is_dwi(image):
        for extension in (".bval", ".bvec"):
            if extension not in image.dataset.stems[image.stem]:
                yield Finding(f"there is no {extension} file with the same stem", expected=image.stem + extension)


@check("GRADIENTS_CONTRADICTED", per="image")
def gradients_contradicted(image: FileView) -> Found:
    """The gradient files have not one number, or one vector, for each volume, or hold other text.

    Why: Volumes are paired with the wrong gradients.

    Fix: Convert the image again.
    """
    if not _is_dwi(image) or not isinstance(image.head, NiftiHead):
        return
    volumes = math.prod(image.head.shape[3:])
    for extension, lines in ((".bval", 1), (".bvec", 3)):
        path = image.stem + extension
        if image.dataset.has(path):
            found = _matrix((image.dataset.tree.root / path).read_bytes())
            if found != [volumes] * lines:
                expected = f"{lines} × {volumes} numbers"
                yield Finding("the numbers do not fit the volumes", path=path, expected=expected)


def _is_dwi(image: FileView) -> bool:
    name = image.name
    return bool(name and name.suffix == "dwi" and not name.group and not name.root)


def _matrix(data: bytes) -> list[int]:
    """How many numbers stand in each line; empty where anything else does."""
    try:
        return [len([float(word) for word in line.split()]) for line in data.splitlines() if line.strip()]
    except ValueError:
        return []


# --- the same image twice, gaps --------------------------------------------------------------------------


@check("IMAGE_TWICE", per="image")
def image_twice(image: FileView) -> Found:
    """An image lies there in two formats with one stem, such as `.nii` beside `.nii.gz`.

    Why: One sidecar describes both; programs take one of them, and not all the same one.

    Fix: Remove one of the two.
    """
    others = image.dataset.stems[image.stem] & {".nii", ".nii.gz", ".png"}
    if len(others) > 1 and image.extension == max(others):
        yield Finding("other formats have the same stem", value=" ".join(sorted(others)))


# --- whole files (deep) ----------------------------------------------------------------------------------


@check("IMAGE_CORRUPT", per="image", deep=True)
def image_corrupt(image: FileView) -> Found:
    """The compressed data of an image is cut or damaged, or a checksum is wrong.

    Why: The image is incomplete, or noise.

    Fix: Copy or convert the image again.
    """
    return _whole(image, "IMAGE_CORRUPT")


@check("NIFTI_SIZE", per="image", deep=True)
def nifti_size(image: FileView) -> Found:
    """A volume holds fewer or more bytes than its header says.

    Why: The last slices are missing, or the voxels are read with a wrong shape or type.

    Fix: Convert the image again.
    """
    return _whole(image, "NIFTI_SIZE")


def _whole(image: FileView, code: str) -> Iterator[str]:
    if isinstance(image.whole, DataError) and image.whole.code == code:
        yield image.whole.message
