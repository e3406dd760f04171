"""Pixels: what only a look at all of them tells. Deep, all of it."""

from mids.dataset.disk.contents import Whole
from mids.dataset.disk.heads import NiftiHead
from mids.errors import DataError
from mids.inspection.guards import is_png
from mids.inspection.registry import Finding, Found, check
from mids.inspection.views import FileView
from mids.issues import Level


@check("IMAGE_CORRUPT", per="image", deep=True)
def image_corrupt(image: FileView) -> Found:
    """The compressed data of an image is damaged, or a checksum is wrong.

    Why: The image is incomplete, or noise.

    Fix: Copy or convert the image again.
    """
    whole = image.whole
    if isinstance(whole, DataError) and image.length_error is None:
        yield whole.message


@check("IMAGE_BLANK", per="image", level=Level.WARNING, deep=True)
def image_blank(image: FileView) -> Found:
    """All pixels of an image have the same value, or all of the lower part of a radiograph have.

    Why: The image shows nothing; a conversion went wrong, or a window lay outside all values. An interrupted transfer
    leaves an image whose size is right and whose end is empty.

    Fix: Convert the image again, or remove it.
    """
    if not isinstance(image.whole, Whole) or image.is_mask:
        return
    if image.whole.blank:
        yield "all pixels have the same value"
    elif image.whole.below >= CUT and image.whole.brightest < SATURATED and image.name and image.name.group == "rx":
        yield Finding("the lower part has one value alone", value=f"{image.whole.below:.0%} of the rows")


CUT = 0.2
"""Share of rows without content at the lower edge, and there alone, that no collimator leaves."""


SATURATED = 0.75
"""Share of pixels at the largest value from which nothing is left to see."""


@check("IMAGE_SATURATED", per="image", level=Level.WARNING, deep=True, when=is_png)
def image_saturated(image: FileView) -> Found:
    """Most pixels of a 2D image have the largest possible value.

    Why: Brighter details are cut off: the window or the number of bits is wrong.

    Fix: Look at the image, and convert it again with another window or with `--pixels raw`.
    """
    whole = image.whole
    if isinstance(whole, Whole) and whole.brightest >= SATURATED and not whole.blank and not image.is_mask:
        yield Finding("most pixels have the largest value", value=f"{whole.brightest:.0%}")


# --- Hounsfield units ------------------------------------------------------------------------------------

AIR = (-1150, -850)
"""Hounsfield units of air, with the noise of a thin slice."""
FEW = 5e-4
"""Share of voxels that is chance: there is air around every patient."""
SHIFTS = (1024, -1024, 8192, -8192)
"""Intercepts that converters forget, or apply twice."""


def _is_ct(image: FileView) -> bool:
    return bool(image.name and image.name.suffix == "ct" and not image.is_mask and isinstance(image.head, NiftiHead))


@check("CT_NOT_HU", per="image", level=Level.WARNING, deep=True, when=_is_ct)
def ct_not_hu(image: FileView) -> Found:
    """The values of a CT can't be Hounsfield units: none is near air, or all are shifted by 1024 or 8192.

    Why: Every threshold and every network misreads them. The intercept of the header was lost or applied twice.

    Fix: Convert the image again. If the values are not Hounsfield units on purpose, say so in RescaleType of
    the sidecar.
    """
    head, whole = image.head, image.whole
    unit = image.metadata.get("RescaleType", "HU")
    if (
        not isinstance(head, NiftiHead)
        or not isinstance(whole, Whole)
        or not whole.sample
        or whole.blank
        or unit != "HU"
    ):
        return
    slope, intercept = head.scaling
    values = sorted(slope * value + intercept for value in whole.sample if value == value)
    below = [value for value in values if value < AIR[0]]
    # A single value below air is padding outside of the circle that was reconstructed.
    padding = len(set(below)) <= 3
    values = values[len(below) :] if padding else values
    air = sum(AIR[0] <= value <= AIR[1] for value in values)
    if not values or (air > FEW * len(values) and (padding or len(below) < 0.01 * len(values))):
        return
    floor = values[len(values) // 50]
    shift = next((s for s in SHIFTS if AIR[0] <= floor - s <= AIR[1]), 0)
    message = f"the values are shifted by {shift}" if shift else "no value is near the value of air"
    yield Finding(message, value=f"{values[0]:g} to {values[-1]:g}", expected="about -1000 for air")
