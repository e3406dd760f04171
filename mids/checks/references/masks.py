"""Segmentations below `derivatives/rois`: each against its image, its grid and its table of values."""

import math

from mids.dataset.disk.heads import NiftiHead, PngHead
from mids.dataset.disk.tree import ROIS
from mids.dataset.disk.whole import Whole
from mids.inspection.guards import is_mask
from mids.inspection.registry import Finding, Found, check
from mids.inspection.views import FileView, applies
from mids.issues import Level

OWN = frozenset({"label", "desc", "res", "den", "seg", "space", "hemi", "scale", "atlas"})
"""Entities that a derivative has and its image has not."""


def _image(mask: FileView) -> FileView | None:
    """The image that a mask is of: at the same place of the raw data, with the same entities but the mask's own."""
    if mask.name is None:
        return None
    folder = mask.folder.removeprefix(ROIS)
    entities = frozenset(entity for entity in mask.name.entities if entity[0] not in OWN)
    return mask.dataset.pictured.get((folder, entities))


@check("MASK_WITHOUT_IMAGE", per="image", when=is_mask)
def mask_without_image(mask: FileView) -> Found:
    """A segmentation has no image: no image at the same place has the same entities.

    Why: Nobody can tell what was segmented.

    Fix: Restore the image, or correct the name: the image's name with `label-` and `desc-` added.
    """
    if mask.name and mask.name.get("space") is None and _image(mask) is None:
        expected = mask.folder.removeprefix(ROIS) + "/…"
        yield Finding("this segmentation has no image", expected=expected)


@check("MASK_GRID", per="image", when=is_mask)
def mask_grid(mask: FileView) -> Found:
    """A segmentation differs from its image in size or position.

    Why: Laid over the image, it marks the wrong place.

    Fix: Resample it onto the image's grid, or add `space-` and `res-` to its name.
    """
    image = _image(mask)
    if image is None or mask.name is None or mask.name.get("space") or mask.name.get("res"):
        return
    one, other = mask.head, image.head
    if isinstance(one, PngHead) and isinstance(other, PngHead):
        if (one.rows, one.columns) != (other.rows, other.columns):
            yield _differs("rows × columns", (one.rows, one.columns), (other.rows, other.columns))
    elif isinstance(one, NiftiHead) and isinstance(other, NiftiHead):
        if one.shape[:3] != other.shape[:3]:
            yield _differs("the size in voxels", one.shape[:3], other.shape[:3])
        elif not _affines_agree(one, other):
            yield "the affine differs from that of the image"


def _differs(what: str, one: tuple[int, ...], other: tuple[int, ...]) -> Finding:
    return Finding(
        f"{what} differs from the image's", value=" × ".join(map(str, one)), expected=" × ".join(map(str, other))
    )


def _affines_agree(one: NiftiHead, other: NiftiHead) -> bool:
    """Whether two affines are equal up to rounding: a hundredth of a voxel for its size, a tenth for its place."""
    size = min((abs(s) for s in other.spacing[:3] if s), default=1.0)
    return all(
        math.isclose(a, b, abs_tol=(0.1 if at == 3 else 0.01) * size)
        for row, wanted in zip(one.affine, other.affine, strict=True)
        for at, (a, b) in enumerate(zip(row, wanted, strict=True))
    )


# --- values ----------------------------------------------------------------------------------------------


def _is_dseg(image: FileView) -> bool:
    return bool(image.name and image.name.suffix == "dseg")


def _lookup(mask: FileView) -> FileView | None:
    """The table that names the values of a segmentation: beside it, or one above that applies."""
    beside = f"{mask.stem}.tsv"
    paths = [path for path in mask.dataset.tree.files if path.endswith("dseg.tsv") and applies(path, mask.path)]
    found = beside if mask.dataset.has(beside) else next(iter(paths), "")
    return mask.dataset.view(found) if found else None


MAPS = ("LabelMap", "Labels", "Levels")
"""Keys of a sidecar under which the values of a segmentation can be named."""


@check("DSEG_LOOKUP_MISSING", per="image", level=Level.WARNING, when=_is_dseg)
def dseg_lookup_missing(mask: FileView) -> Found:
    """No table names the values of a discrete segmentation.

    Why: Nobody can tell which structure a number stands for.

    Fix: Write a `…_dseg.tsv` with the columns index and name beside it, or at the top of `derivatives/rois`.
    """
    if _lookup(mask) is None and not any(key in mask.metadata for key in MAPS):
        yield Finding("no table names its values", expected=f"{mask.stem}.tsv")


def _values(mask: FileView) -> frozenset[float]:
    """The different values of a segmentation; of one of floating point a sample of them."""
    whole = mask.whole
    if not isinstance(whole, Whole):
        return frozenset()
    return frozenset(whole.values) or frozenset(whole.sample or ())


@check("DSEG_VALUE_UNKNOWN", per="image", deep=True, when=_is_dseg)
def dseg_value_unknown(mask: FileView) -> Found:
    """A discrete segmentation holds a value that its table does not name.

    Why: Nobody can tell which structure the value stands for.

    Fix: Add the value to the table, or correct the segmentation.
    """
    lookup = _lookup(mask)
    if lookup and "index" in lookup.rows.header:
        named = {int(text) for text in lookup.rows.column("index") if text.isdecimal()}
        for value in sorted(_values(mask) - named - {0})[:20]:
            yield Finding("the table does not name this value", value=f"{value:g}", expected=lookup.path)


def _is_binary(image: FileView) -> bool:
    return bool(image.name and image.name.suffix == "mask")


@check("MASK_VALUES", per="image", deep=True, when=_is_binary)
def mask_values(mask: FileView) -> Found:
    """A binary mask holds values other than 0 and 1 (or 0 and 255).

    Why: Some programs take every value above 0, others only 1.

    Fix: Write a mask of 0 and 1; use a `dseg` for several structures.
    """
    if surplus := sorted(_values(mask) - {0, 1, 255}):
        yield Finding(
            "the mask holds values other than 0 and 1 (or 255)",
            value=" ".join(f"{v:g}" for v in surplus[:8]),
            expected="0 1",
        )


@check("MASK_EMPTY", per="image", level=Level.WARNING, deep=True, when=is_mask)
def mask_empty(mask: FileView) -> Found:
    """A segmentation marks nothing: all its voxels have the same value.

    Why: Either the drawing was lost, or the annotator found nothing; nobody can tell which.

    Fix: Convert the segmentation again, or remove it.
    """
    if isinstance(mask.whole, Whole) and mask.whole.blank:
        yield "all voxels have the same value"
