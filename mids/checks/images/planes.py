"""Planes: the direction in which a volume was sliced, against its name; rows and columns, against its sidecar."""

import math
from collections.abc import Iterator, Mapping, Sequence

from mids.checks.images.headers import has_size
from mids.checks.images.volumes import axes_of, dot, has_axes, normalised, numbers
from mids.dataset.disk.heads import NiftiHead
from mids.inspection.guards import is_named_nifti
from mids.inspection.registry import Finding, Found, check, only_if
from mids.inspection.views import FileView
from mids.issues import Level

PLANES = {"sag": 0, "cor": 1, "ax": 2}
"""The world axis (right, front, up) across which a view's slices follow each other."""
WORDS = {axis: view for view, axis in PLANES.items()}
OBLIQUE = 0.6
"""Cosine of the angle with a world axis below which a plane is of no one view: 53 degrees."""
EQUAL = 0.02
"""Relative difference of voxel sizes that are the same."""
ORIENTATION = "$.ImageOrientationPatientDICOM"
UNIT = 0.01
"""By how much rows and columns may differ from length 1 and from being perpendicular: headers have few digits."""
CLEAR = 0.9
"""Cosine of the angle up to which an axis surely is the one that a direction means: 26 degrees."""
PARALLEL = 0.999
"""Cosine of the angle up to which two directions are the same: 2.6 degrees."""

Vector = Sequence[float]


def _directions(image: FileView) -> tuple[Vector, Vector] | None:
    """Where rows and columns of the image plane run in the world (RAS), as the sidecar says; None without a word."""
    said = numbers(image.metadata.get("ImageOrientationPatientDICOM"))
    if len(said) != 6:
        return None
    # DICOM counts to the left and back, NIfTI to the right and front.
    (a, b, c), (d, e, f) = ((-x, -y, z) for x, y, z in (said[:3], said[3:]))
    return (a, b, c), (d, e, f)


def _cross(one: Vector, other: Vector) -> Vector:
    (a, b, c), (d, e, f) = one, other
    return b * f - c * e, c * d - a * f, a * e - b * d


def _slice_axis(head: NiftiHead) -> Vector | None:
    """The axis along which slices follow each other: the one whose voxel size differs from two equal ones."""
    if len(head.spacing) < 3 or len(head.shape) < 3 or min(head.shape[:3]) < 2:
        return None
    sizes = [abs(size) for size in head.spacing[:3]]
    axes = axes_of(head.affine)
    for at in range(3):
        two = [size for other, size in enumerate(sizes) if other != at]
        if math.isclose(*two, rel_tol=EQUAL) and not math.isclose(sizes[at], two[0], rel_tol=0.1):
            return axes[at]
    return None


def _view(axis: Vector) -> str:
    """The view whose slices follow each other along an axis; "" for an oblique one."""
    parts = [abs(part) for part in normalised(axis)]
    largest = max(range(3), key=parts.__getitem__)
    return WORDS[largest] if parts[largest] >= OBLIQUE else ""


@only_if(lambda image: is_named_nifti(image) and image.entities.get("vp") in PLANES)
def _has_named_plane(image: FileView) -> bool:
    """Whether a volume says its plane in its name, and where its axes lie."""
    return has_axes(image)


@check("IMAGE_PLANE_CONTRADICTED", per="image", level=Level.WARNING, when=_has_named_plane)
def image_plane_contradicted(image: FileView) -> Found:
    """The name of a volume says axial, coronal or sagittal, and its slices lie otherwise.

    Why: Who selects axial volumes by their names gets another plane; or the volume was turned, and left may be right.

    Fix: Correct `vp-` in the name, or convert the image again.
    """
    said, head = image.entities.get("vp"), image.head
    if said not in PLANES or image.is_mask or image.legacy or image.metadata.get("Resampled") is True:
        return
    assert isinstance(head, NiftiHead)
    for where, axis in _evidence(image, head):
        found = _view(axis)
        if found and found != said:
            yield Finding(f"the name says vp-{said}, the slices lie in another plane", where, found, said)
            return


def _evidence(image: FileView, head: NiftiHead) -> Iterator[tuple[str, Vector]]:
    """(place, axis) of everything that gives the axis along which slices follow each other."""
    if directions := _directions(image):
        yield "$.ImageOrientationPatientDICOM", _cross(*directions)
    if (head.sform > 0 or head.qform > 0) and (axis := _slice_axis(head)):
        yield "affine", axis


FRONTAL, LATERAL = frozenset({"pa", "ap", "frontal"}), frozenset({"ll", "rl", "lateral"})
"""Views of radiographs that show left and right, and that show front and back."""


AXES = {"L": "L", "R": "L", "A": "A", "P": "A", "H": "H", "F": "H"}
"""Letters of PatientOrientation by the axis that they lie on (DICOM PS3.3 C.7.6.1.1.1)."""


@check(
    "PATIENT_ORIENTATION_CONTRADICTED",
    per="image",
    level=Level.WARNING,
    keys=("PatientOrientation",),
)
def patient_orientation_contradicted(image: FileView) -> Found:
    """The view in the name of a radiograph contradicts PatientOrientation of its sidecar (one is frontal, the other
    lateral), or PatientOrientation gives rows and columns the same axis.

    Why: One of the two is wrong; networks for frontal radiographs are fed lateral ones.

    Fix: Look at the image; say in scans.tsv (view_source) what the view was taken from.
    """
    value = image.metadata["PatientOrientation"]
    parts = [str(part).strip().upper() for part in (value if isinstance(value, list) else str(value or "").split("\\"))]
    if len(parts) == 2 and all(part in AXES for part in parts) and AXES[parts[0]] == AXES[parts[1]]:
        yield Finding("rows and columns run along one axis", "$.PatientOrientation", " ".join(parts))
        return
    said, rows = image.entities.get("vp"), parts[0][:1] if parts else ""
    if image.is_mask or not image.name or image.name.group not in ("rx", "") or "ViewSource" in image.metadata:
        return
    wanted = FRONTAL if rows in ("L", "R") else LATERAL if rows in ("A", "P") else frozenset()
    if wanted and said in FRONTAL | LATERAL and said not in wanted:
        yield Finding(f"the name says vp-{said}, rows run to {rows}", "$.PatientOrientation", rows)


@check(
    "IMAGE_ORIENTATION_CONTRADICTED",
    per="image",
    level=Level.WARNING,
    when=has_axes,
    keys=("ImageOrientationPatientDICOM",),
)
def image_orientation_contradicted(image: FileView) -> Found:
    """The axes of a volume do not run as ImageOrientationPatientDICOM of its sidecar says.

    Why: The volume was turned without its sidecar, or one of the two belongs to another image: left may be
    right.

    Fix: Convert the image again.
    """
    said, head = numbers(image.metadata.get("ImageOrientationPatientDICOM")), image.head
    if len(said) != 6 or not isinstance(head, NiftiHead) or image.metadata.get("Resampled") is True:
        return
    if head.sform <= 0 and head.qform <= 0:
        return
    if any(abs(math.hypot(*one) - 1) > UNIT for one in (said[:3], said[3:])) or abs(dot(said[:3], said[3:])) > UNIT:
        yield Finding("the directions of rows and columns are not perpendicular, of length 1", where=ORIENTATION)
        return
    axes = [normalised(axis) for axis in image.notes["axes"]]
    for x, y, z in (said[:3], said[3:]):
        # DICOM counts to the left and back, NIfTI to the right and front.
        if not any(abs(dot(normalised((-x, -y, z)), axis)) > PARALLEL for axis in axes):
            yield Finding("no axis of the volume runs along the sidecar's rows or columns", where=ORIENTATION)
            return
    found, wanted = _in_plane(image, head)
    if found and found not in (wanted, wanted[::-1]):
        message = "the axes along the sidecar's rows and columns have other lengths than Rows and Columns"
        yield Finding(message, ORIENTATION, f"{found[1]} × {found[0]}", f"{wanted[1]} × {wanted[0]}")


def _in_plane(image: FileView, head: NiftiHead) -> tuple[tuple[int, ...], tuple[int, int]]:
    """How many columns and rows a volume has along the directions of its image plane, and its sidecar names.

    The first is empty where nobody can tell, or where the volume has another size altogether, which
    IMAGE_SHAPE_CONTRADICTED says. Where no key gives the directions, they are the usual ones of the view.
    """
    rows, columns = image.metadata.get("Rows"), image.metadata.get("Columns")
    directions = _directions(image) or DIRECTIONS.get(image.entities.get("vp", ""))
    is_placed = head.sform > 0 or head.qform > 0
    if not isinstance(rows, int) or not isinstance(columns, int) or directions is None or not is_placed:
        return (), (0, 0)
    if image.metadata.get("Resampled") is True or not has_size(head.shape, (rows, columns)):
        return (), (0, 0)
    axes = [normalised(axis) for axis in axes_of(head.affine)]
    alike = [[abs(dot(axis, direction)) for axis in axes] for direction in directions]
    if min(map(max, alike)) < CLEAR:
        return (), (0, 0)
    along = [parts.index(max(parts)) for parts in alike]
    return tuple(head.shape[at] if at < len(head.shape) else 1 for at in along), (columns, rows)


RIGHT, FRONT, UP = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)
DIRECTIONS: Mapping[str, tuple[Vector, Vector]] = {"ax": (RIGHT, FRONT), "cor": (RIGHT, UP), "sag": (FRONT, UP)}
"""The axes along which rows and columns of a view run."""


@check("IMAGE_PLANE_TRANSPOSED", per="image", when=has_axes, keys=("Rows",))
def image_plane_transposed(image: FileView) -> Found:
    """A volume has as many rows as its sidecar has columns, and as many columns as it has rows.

    Why: The image plane was transposed without its sidecar, or one of the two belongs to another image.

    Fix: Convert the image again, or exchange Rows and Columns.
    """
    if isinstance(image.head, NiftiHead):
        found, wanted = _in_plane(image, image.head)
        if found == wanted[::-1] and found != wanted:
            value, expected = (f"{rows} × {columns}" for columns, rows in (found, wanted))
            yield Finding("rows and columns are exchanged", "$.Rows", value, expected)
