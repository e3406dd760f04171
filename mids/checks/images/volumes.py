"""Volumes: that their files are whole, that their headers make sense and agree with their sidecars."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

from mids.checks.images.headers import head_error
from mids.dataset.disk.heads import NiftiHead
from mids.inspection.documents import NUMBERS
from mids.inspection.guards import has_wrong_length, is_broken, is_named_nifti, is_nifti, says_more
from mids.inspection.registry import Finding, Found, check, only_if
from mids.inspection.views import FileView
from mids.issues import Level

SPACING = 1e-3
"""Relative difference between the spacings of header and sidecar that is rounding (float32, 3 decimals)."""
UNITS = {1: "metres", 3: "micrometres"}
"""Units of voxel sizes by their code in xyzt_units (nifti1.h), but millimetres."""


@check("GZIP_INVALID", per="image", when=is_broken)
def gzip_invalid(image: FileView) -> Found:
    """A file named `.gz` is not a gzip file, or its first block is damaged.

    Why: It can't be opened.

    Fix: Compress it with gzip, or restore it.
    """
    return head_error(image, "GZIP_INVALID")


@check("NIFTI_INVALID", per="image", when=is_broken)
def nifti_invalid(image: FileView) -> Found:
    """The header of a NIfTI file is missing, cut off or senseless.

    Why: The file can't be opened, or is read as noise.

    Fix: Convert the image again.
    """
    return head_error(image, "NIFTI_INVALID")


@check("NIFTI_TRUNCATED", per="image", when=has_wrong_length)
def nifti_truncated(image: FileView) -> Found:
    """The end of a volume is missing.

    Why: It can't be opened, or its last slices are noise. An interrupted copy or a full disk leaves such files.

    Fix: Copy or convert the image again.
    """
    return _length(image, "NIFTI_TRUNCATED")


@check("NIFTI_SIZE", per="image", when=has_wrong_length)
def nifti_size(image: FileView) -> Found:
    """A complete volume holds fewer or more bytes than its header says.

    Why: The last slices are missing, or the voxels are read with the wrong shape or type.

    Fix: Convert the image again.
    """
    return _length(image, "NIFTI_SIZE")


def _length(image: FileView, code: str) -> Iterator[str]:
    if image.length_error and image.length_error.code == code:
        yield image.length_error.message


@check("GZIP_TIME", per="image", level=Level.INFO, when=says_more)
def gzip_time(image: FileView) -> Found:
    """The gzip header of a volume holds a time.

    Why: Converting the same image twice gives two different files, so nobody can compare datasets by checksum.

    Fix: Compress the volume again with `gzip -n`, or let `mids-validate --fix` clear the field.
    """
    if isinstance(image.head, NiftiHead) and image.head.gzip and image.head.gzip.time:
        yield Finding("the gzip header holds a time", where="MTIME")


@check("IMAGE_SPACING_CONTRADICTED", per="image", when=is_nifti, keys=("PixelSpacing",))
def image_spacing_contradicted(image: FileView) -> Found:
    """The voxel size in the header of a volume differs from PixelSpacing of its sidecar.

    Why: Every length and volume measured on the image is wrong.

    Fix: Convert the image again. If the sizes differ on purpose, say so with `Resampled` in the sidecar.
    """
    said = numbers(image.metadata.get("PixelSpacing"))
    head = image.head
    if not isinstance(head, NiftiHead) or len(said) != 2 or image.metadata.get("Resampled") is True:
        return
    left = [abs(size) for size in head.spacing[:3]]
    for wanted in said:
        for size in left:
            if math.isclose(size, wanted, rel_tol=SPACING, abs_tol=1e-4):
                left.remove(size)
                break
        else:
            value = " × ".join(f"{abs(size):g}" for size in head.spacing[:3])
            expected = " × ".join(f"{size:g}" for size in said)
            yield Finding(
                "the voxel size in mm differs from the sidecar's",
                where="$.PixelSpacing",
                value=value,
                expected=expected,
            )
            return


def numbers(value: Any) -> list[float]:
    """A list of numbers; empty where it holds anything else."""
    return [float(v) for v in value if type(v) in NUMBERS] if isinstance(value, list) else []


@only_if(is_named_nifti)
def has_odd_numbers(image: FileView) -> bool:
    """Whether any number of a volume's header may be wrong: one question tells of most volumes that no check is needed.

    A number that is not finite makes every sum with it so.
    """
    head = image.head
    if not isinstance(head, NiftiHead):
        return False
    rows, sizes = head.affine, head.spacing[:3]
    shift = rows[0][3] + rows[1][3] + rows[2][3]
    return not (
        math.isfinite(shift + sum(sizes) + head.slope + head.intercept)
        and 1e-12 <= abs(_determinant(rows)) < math.inf
        and min(sizes) > 0
        and head.units & 7 not in UNITS
        and (head.sform > 0 or head.qform > 0)
    )


def _determinant(rows: Sequence[Sequence[float]]) -> float:
    (a, b, c, _), (d, e, f, _), (g, h, i, _) = rows
    return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)


@check("NIFTI_AFFINE", per="image", when=has_odd_numbers)
def nifti_affine(image: FileView) -> Found:
    """The affine of a volume has no inverse, or holds a number that is not finite.

    Why: The position of the voxels in the patient is unknown.

    Fix: Convert the image again.
    """
    if isinstance(image.head, NiftiHead):
        rows = image.head.affine
        determinant = _determinant(rows)
        if not all(map(math.isfinite, (determinant, *(row[3] for row in rows)))):
            yield "the affine holds a number that is not finite"
        elif abs(determinant) < 1e-12:
            yield "the affine has no inverse"


PROJECTIONS = ("rx", "us", "light")
"""Groups whose images have no place in the patient's coordinates, frames in a NIfTI included."""


@check("NIFTI_ORIENTATION_UNKNOWN", per="image", level=Level.WARNING, when=has_odd_numbers)
def nifti_orientation_unknown(image: FileView) -> Found:
    """A volume says nothing about its orientation: sform and qform codes are 0.

    Why: Left and right can't be told apart.

    Fix: Convert the image again from DICOM.
    """
    head = image.head
    if isinstance(head, NiftiHead) and head.sform <= 0 and head.qform <= 0:
        if image.name and image.name.group in PROJECTIONS:
            return
        yield "sform_code and qform_code are both 0"


@check("NIFTI_SPACING", per="image", when=has_odd_numbers)
def nifti_spacing(image: FileView) -> Found:
    """A voxel size in the header is zero, negative or not finite.

    Why: Lengths and volumes can't be measured.

    Fix: Convert the image again.
    """
    if isinstance(image.head, NiftiHead):
        sizes = image.head.spacing[:3]
        if not _are_lengths(sizes):
            yield Finding("a voxel size is not a positive number", value=" × ".join(f"{size:g}" for size in sizes))


def _are_lengths(sizes: Sequence[float]) -> bool:
    """Whether numbers are finite and positive."""
    return all(map(math.isfinite, sizes)) and min(sizes) > 0


@only_if(is_named_nifti)
def has_axes(image: FileView) -> bool:
    """Whether an affine is finite and has no axis without a length; what is not is NIFTI_AFFINE's."""
    if not isinstance(image.head, NiftiHead):
        return False
    rows = image.head.affine
    # One number that is not finite makes the sum of all so.
    if not math.isfinite(sum(map(sum, rows))):
        return False
    axes = image.notes["axes"] = axes_of(rows)
    lengths = [math.hypot(*axis) for axis in axes]
    image.notes["lengths"] = lengths
    return min(lengths) > 1e-9


@check("NIFTI_UNITS", per="image", level=Level.WARNING, when=has_odd_numbers)
def nifti_units(image: FileView) -> Found:
    """The header of a volume says that its voxel sizes are in metres or micrometres.

    Why: BIDS and almost every program read them as millimetres.

    Fix: Write the sizes in mm, and set xyzt_units to 2.
    """
    if isinstance(image.head, NiftiHead) and image.head.units & 7 in UNITS:
        yield Finding("the voxel sizes are not in mm", "xyzt_units", UNITS[image.head.units & 7], "mm")


@check("NIFTI_SCALING", per="image", when=has_odd_numbers)
def nifti_scaling(image: FileView) -> Found:
    """The slope or intercept in the header of a volume is not finite.

    Why: Every voxel becomes infinite or not a number.

    Fix: Convert the image again.
    """
    head = image.head
    if isinstance(head, NiftiHead) and not (math.isfinite(head.slope) and math.isfinite(head.intercept)):
        # nibabel writes NaN for "not scaled" in both; readers take that for 1 and 0.
        unscaled = math.isnan(head.slope) and math.isnan(head.intercept)
        if not unscaled:
            yield Finding("scl_slope or scl_inter is not finite", where="scl_slope")


@check("NIFTI_FORMS_DISAGREE", per="image", level=Level.WARNING, when=has_axes)
def nifti_forms_disagree(image: FileView) -> Found:
    """The two transforms of a volume, sform and qform, differ in position or voxel size.

    Why: Programs differ in which one they use, so the same lesion lies at two places.

    Fix: Convert the image again, or copy the right transform into the other.
    """
    head = image.head
    if not isinstance(head, NiftiHead) or head.sform <= 0:
        return
    if not _are_lengths(head.spacing[:3]):
        return  # that is NIFTI_SPACING's
    lengths = image.notes["lengths"]
    if any(not math.isclose(a, b, rel_tol=0.01, abs_tol=1e-3) for a, b in zip(lengths, head.spacing, strict=False)):
        value = " × ".join(f"{length:g}" for length in lengths)
        yield Finding(
            "the voxel sizes of sform and pixdim differ",
            "srow",
            value,
            " × ".join(map("{:g}".format, head.spacing[:3])),
        )
    elif head.qform > 0 and head.qform == head.sform:
        pairs = zip(sum(head.sform_rows, ()), sum(head.qform_rows, ()), strict=True)
        if any(not math.isclose(a, b, rel_tol=1e-3, abs_tol=0.01 * min(lengths) + 1e-4) for a, b in pairs):
            yield Finding("sform and qform have the same code and differ", where="srow")


@check("NIFTI_SHEARED", per="image", level=Level.WARNING, when=has_axes)
def nifti_sheared(image: FileView) -> Found:
    """The axes of a volume are not perpendicular.

    Why: It is a tilted series that was not resampled. Most programs ignore the shear and distort the volume.

    Fix: Convert the image again; conversion resamples tilted series to a regular grid.
    """
    if isinstance(image.head, NiftiHead):
        x, y, z = image.notes["axes"]
        a, b, c = image.notes["lengths"]
        if abs(dot(x, y)) > 0.02 * a * b or abs(dot(x, z)) > 0.02 * a * c or abs(dot(y, z)) > 0.02 * b * c:
            yield "two axes of the affine are not perpendicular"


@check("IMAGE_SLICES_CONTRADICTED", per="image", level=Level.WARNING, when=is_nifti, keys=("SpacingBetweenSlices",))
def image_slices_contradicted(image: FileView) -> Found:
    """The distance between slices in the header of a volume differs from SpacingBetweenSlices of its sidecar.

    Why: The volume is stretched or squeezed along its third axis.

    Fix: Convert the image again.
    """
    said, head = image.metadata.get("SpacingBetweenSlices"), image.head
    if (
        isinstance(said, int | float)
        and said
        and isinstance(head, NiftiHead)
        and image.metadata.get("Resampled") is not True
    ):
        sizes = head.spacing[:3]
        if not any(math.isclose(abs(said), abs(size), rel_tol=0.01, abs_tol=1e-3) for size in sizes):
            value = " × ".join(f"{abs(size):g}" for size in sizes)
            yield Finding("no axis has the sidecar's distance in mm", "$.SpacingBetweenSlices", value, f"{abs(said):g}")


@check("REPETITION_TIME_CONTRADICTED", per="image", level=Level.WARNING, when=is_nifti, keys=("RepetitionTime",))
def repetition_time_contradicted(image: FileView) -> Found:
    """The time between volumes in the header of a bold image differs from RepetitionTime of its sidecar.

    Why: Some analyses of time courses use the header, others the sidecar.

    Fix: Correct the wrong one; both are in seconds.
    """
    said, head = image.metadata.get("RepetitionTime"), image.head
    if not isinstance(head, NiftiHead) or not isinstance(said, int | float) or len(head.shape) < 4:
        return
    time = head.spacing[3] * {16: 1e-3, 24: 1e-6}.get(head.units & 56, 1.0)
    if (
        image.name
        and image.name.suffix in ("bold", "sbref")
        and not math.isclose(time, said, rel_tol=0.01, abs_tol=1e-3)
    ):
        yield Finding(
            "the time between volumes differs from the sidecar's", "$.RepetitionTime", f"{time:g}", f"{said:g}"
        )


def axes_of(rows: Sequence[Sequence[float]]) -> list[tuple[float, ...]]:
    """The columns of an affine: one step along each axis of the voxels."""
    return list(zip(*rows, strict=True))[:3]


def normalised(axis: Sequence[float]) -> tuple[float, ...]:
    """A direction of length 1."""
    x, y, z = axis
    length = math.hypot(x, y, z) or 1.0
    return x / length, y / length, z / length


def dot(one: Sequence[float], other: Sequence[float]) -> float:
    """The scalar product."""
    return one[0] * other[0] + one[1] * other[1] + one[2] * other[2]
