"""Segmentations: each against its image, its grid and its table of values."""

from bisect import bisect_left

from mids.dataset.disk.contents import Whole
from mids.dataset.disk.grids import affines_agree, cover_the_same
from mids.dataset.disk.heads import NiftiHead, PngHead
from mids.dataset.disk.tree import ROIS
from mids.inspection.cells import is_number
from mids.inspection.guards import is_mask
from mids.inspection.paths import applies
from mids.inspection.registry import Finding, Found, check, of_name
from mids.inspection.views import FileView
from mids.issues import Level

OWN = frozenset({"label", "desc", "res", "den", "seg", "space", "hemi", "scale", "atlas"})
"""Entities that a derivative has and its image has not."""


def image_of(mask: FileView) -> FileView | None:
    """The image that a mask is of: at the same place of the raw data, with the same entities but the mask's own."""
    if mask.name is None:
        return None
    folder = mask.folder.removeprefix(ROIS)
    entities = frozenset(entity for entity in mask.name.entities if entity[0] not in OWN)
    return mask.dataset.pictured.get((folder, entities))


def _candidates(mask: FileView) -> list[FileView]:
    """The images on whose grid a segmentation may lie: its own; below a pipeline, all that are named as it is but for
    the suffix, in the raw data and among what the pipeline made."""
    dataset = mask.dataset
    if dataset.raw is None or mask.name is None:
        return [image] if (image := image_of(mask)) else []
    own = _named(mask)
    folder = f"{mask.folder.split('/', 2)[2]}/"
    images = dataset.raw.images
    near = images[bisect_left(images, folder) : bisect_left(images, folder[:-1] + "0")]
    raw = [FileView(path, dataset.raw) for path in near]
    found = [image for image in raw if image.folder == folder[:-1] and _named(image) == own]
    made = [file for file in dataset.find("image") if file.folder == mask.folder and not _has_range(file)]
    return found and found + [image for image in made if not _is_dseg(image) and _named(image) == own]


def _named(image: FileView) -> frozenset[tuple[str, str]]:
    """The entities of an image but those that derivatives add."""
    return frozenset(entity for entity in image.name.entities if entity[0] not in OWN) if image.name else frozenset()


def _is_hidden(mask: FileView) -> bool:
    """Whether its image may lie where nothing can be looked at."""
    folder = mask.folder.removeprefix(ROIS)
    facts = mask.dataset.facts
    return facts.hides(folder) or any(path.startswith(f"{folder}/") for path in facts.hidden)


@check("MASK_WITHOUT_IMAGE", per="image", when=is_mask)
def mask_without_image(mask: FileView) -> Found:
    """A segmentation has no image: no image at the same place has the same entities.

    Why: Nobody can tell what was segmented.

    Fix: Restore the image, or correct the name: the image's name with `label-` and `desc-` added.
    """
    if mask.name and mask.name.get("space") is None and image_of(mask) is None and not _is_hidden(mask):
        expected = mask.folder.removeprefix(ROIS) + "/…"
        yield Finding("this segmentation has no image", expected=expected)


@of_name
def _is_segmentation(image: FileView) -> bool:
    return image.is_mask or (image.dataset.raw is not None and (_is_dseg(image) or _has_range(image)))


@check("MASK_GRID", per="image", when=_is_segmentation)
def mask_grid(mask: FileView) -> Found:
    """A segmentation differs from its image in size or position.

    Why: Laid over the image, it marks the wrong place.

    Fix: Resample it onto the image's grid, or add `space-` and `res-` to its name.
    """
    if mask.name is None or mask.name.get("space") or mask.name.get("res"):
        return
    found = [_find_difference(mask.head, image.head) for image in _candidates(mask)]
    differences = [difference for difference in found if difference]
    if found and len(differences) == len(found):
        yield differences[0]


def _find_difference(one: object, other: object) -> Finding | None:
    """How the grid of a segmentation differs from that of an image, by their heads."""
    if isinstance(one, PngHead) and isinstance(other, PngHead):
        if (one.rows, one.columns) != (other.rows, other.columns):
            return _differs("rows × columns", (one.rows, one.columns), (other.rows, other.columns))
    elif isinstance(one, NiftiHead) and isinstance(other, NiftiHead):
        if cover_the_same(one, other):
            return None
        if one.shape[:3] != other.shape[:3]:
            return _differs("the size in voxels", one.shape[:3], other.shape[:3])
        if not affines_agree(one, other):
            return Finding("the affine differs from that of the image")
    return None


def _differs(what: str, one: tuple[int, ...], other: tuple[int, ...]) -> Finding:
    return Finding(
        f"{what} differs from the image's", value=" × ".join(map(str, one)), expected=" × ".join(map(str, other))
    )


# --- values ----------------------------------------------------------------------------------------------


@of_name
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


LOOKUP = ("index", "name")
"""Columns of a table of values that BIDS requires (derivatives, imaging data types)."""


FEW = 50
"""Rows up to which a name that comes twice is a mistake: atlases give one name to many parcels."""


@of_name
def _is_lookup(table: FileView) -> bool:
    return table.path.endswith("dseg.tsv")


@check("DSEG_LOOKUP_MISSING", per="image", level=Level.WARNING, when=_is_dseg)
def dseg_lookup_missing(mask: FileView) -> Found:
    """No table names the values of a discrete segmentation, or the table has other columns than index and name.

    Why: Nobody can tell which structure a number stands for.

    Fix: Write a `…_dseg.tsv` with the columns index and name beside it, or at the top of `derivatives/rois`.
    """
    lookup = _lookup(mask)
    if lookup is None and not _mapped(mask):
        yield Finding("no table names its values", expected=f"{mask.stem}.tsv")
    elif lookup and lookup.size and (missing := [name for name in LOOKUP if name not in lookup.rows.header]):
        yield Finding("the table lacks a column", f"column {' and '.join(missing)}", expected=lookup.path)


@check("DSEG_LOOKUP_INVALID", per="table", level=Level.WARNING, when=_is_lookup)
def dseg_lookup_invalid(table: FileView) -> Found:
    """A table of a segmentation's values gives a value that is not a whole number, a value in two spellings (1 and
    01), a name twice, or no name.

    Why: Nobody can tell which structure a number stands for.

    Fix: Give each value a name of its own.
    """
    first: dict[str, int] = {}
    spelled: dict[float, tuple[int, str]] = {}
    values, names = (table.rows.column(name) or ("1",) * len(table.rows.rows) for name in LOOKUP)
    for line, value, name in zip(table.rows.lines, values, names, strict=True):
        if not is_number(value) or not float(value).is_integer():
            yield Finding("the value is not a whole number", f"row {line}, column index", value[:40])
        elif (before := spelled.setdefault(float(value), (line, value)))[1] != value:
            yield Finding(f"row {before[0]} has the same value", f"row {line}, column index", value[:40], before[1])
        word = name.strip().casefold()
        if word in ("", "n/a"):
            yield Finding("the value has no name", f"row {line}, column name")
        elif len(values) <= FEW and "name" in table.rows.header and first.setdefault(word, line) != line:
            yield Finding(f"row {first[word]} has the same name", f"row {line}, column name", name[:40])


def _values(mask: FileView) -> frozenset[float]:
    """The different values of a segmentation, as its slope and intercept make them, up to rounding."""
    whole = mask.whole
    return frozenset(round(v, 5) for v in whole.values if v == v) if isinstance(whole, Whole) else frozenset()


def _mapped(mask: FileView) -> frozenset[float]:
    """The values that a key of the sidecar names: value to name, or name to value."""
    for key in MAPS:
        entry = mask.metadata.get(key)
        if isinstance(entry, dict) and entry:
            numbers = [str(one) for one in (entry if all(map(is_number, entry)) else entry.values())]
            return frozenset(float(number) for number in numbers if is_number(number))
    return frozenset()


@check("DSEG_VALUE_UNKNOWN", per="image", deep=True, when=_is_dseg)
def dseg_value_unknown(mask: FileView) -> Found:
    """A discrete segmentation holds a value that its table does not name.

    Why: Nobody can tell which structure the value stands for.

    Fix: Add the value to the table, or correct the segmentation.
    """
    lookup = _lookup(mask)
    if lookup and "index" in lookup.rows.header:
        named = {float(text) for text in lookup.rows.column("index") if is_number(text)}
    else:
        named = set(_mapped(mask))
    if named:
        for value in sorted(_values(mask) - named - {0})[:20]:
            yield Finding(
                "the table does not name this value", value=f"{value:g}", expected=lookup.path if lookup else ""
            )


@of_name
def _has_range(image: FileView) -> bool:
    return bool(image.name and image.name.suffix in ("mask", "probseg"))


@check("MASK_VALUES", per="image", deep=True, when=_has_range)
def mask_values(mask: FileView) -> Found:
    """A binary mask holds values other than 0 and 1 (or 0 and 255) or is in colour, or a map of probabilities holds
    values outside of 0 to 1.

    Why: Some programs take every value above 0, others only 1.

    Fix: Write a mask of 0 and 1 in grey, and probabilities from 0 to 1; use a `dseg` for several structures.
    """
    assert mask.name is not None
    values = _values(mask)
    if mask.name.suffix == "probseg":
        surplus = sorted(value for value in values if not -OVERSHOOT <= value <= 1 + OVERSHOOT)
        message, expected = "the map of probabilities holds values outside of 0 to 1", "0 to 1"
    else:
        surplus = sorted(values - {0, 1} if values - {0, 255} else ())
        message, expected = "the mask holds values other than 0 and 1 (or 0 and 255)", "0 1"
        if isinstance(mask.head, PngHead) and mask.head.colour in COLOURED:
            yield "the mask is a colour image; it has no single value for each pixel"
    if surplus:
        yield Finding(message, value=" ".join(f"{v:g}" for v in surplus[:8]), expected=expected)


COLOURED = (2, 6)
"""Colour types of PNG that have a sample for each of red, green and blue (ISO/IEC 15948, 11.2.2)."""
OVERSHOOT = 0.01
"""How far resampling by splines may take a probability beyond 0 and 1."""


@check("MASK_EMPTY", per="image", level=Level.WARNING, deep=True, when=is_mask)
def mask_empty(mask: FileView) -> Found:
    """A segmentation marks nothing: all its voxels have the same value.

    Why: Either the drawing was lost, or the annotator found nothing; nobody can tell which.

    Fix: Convert the segmentation again, or remove it.
    """
    if isinstance(mask.whole, Whole) and mask.whole.blank:
        yield "all voxels have the same value"
