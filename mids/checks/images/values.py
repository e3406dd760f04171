"""Values: numbers that are none, slices that are missing, bits that were lost."""

import math
from collections.abc import Sequence
from itertools import takewhile
from statistics import median

from mids.dataset.disk.contents import Whole
from mids.dataset.disk.heads import NiftiHead, PngHead
from mids.inspection.guards import has_sidecar, is_named_nifti, is_nifti
from mids.inspection.registry import Finding, Found, check, only_if
from mids.inspection.views import FileView
from mids.issues import Level

COMPLEX = {32: "complex numbers of 64 bits", 1792: "complex numbers of 128 bits", 2048: "complex numbers of 256 bits"}
COLOURS = {128: "colours (RGB)", 2304: "colours (RGBA)"}
ODD = {**COMPLEX, **COLOURS, 1536: "floating point of 128 bits"}
"""NIfTI datatypes that many programs can't read (nifti1.h, DT_*)."""
COLOURED = ("us", "light", "op", "rx", "nm")
"""Groups whose cameras and screens give colours."""


@only_if(is_named_nifti)
def _is_odd(image: FileView) -> bool:
    return isinstance(image.head, NiftiHead) and image.head.datatype in ODD


@check("NIFTI_TYPE", per="image", level=Level.WARNING, when=_is_odd)
def nifti_type(image: FileView) -> Found:
    """A volume holds complex numbers, colours that its sidecar does not speak of, or numbers of 128 bits.

    Why: Most programs refuse it, or take the real part, one channel or noise for the image.

    Fix: Write magnitude and phase as two images (`part-mag`, `part-phase`), colours as grey values, and numbers with
    64 bits at most.
    """
    head = image.head
    assert isinstance(head, NiftiHead)
    if not (head.datatype in COLOURS and _is_coloured(image)):
        yield Finding("the voxels are of a type that many programs can't read", "datatype", ODD[head.datatype])


def _is_coloured(image: FileView) -> bool:
    """Whether colours are to be expected of a volume: by its group, or by what its sidecar says."""
    keys = ("PhotometricInterpretation", "SourcePhotometricInterpretation")
    said = [str(image.metadata.get(key, "MONOCHROME2")) for key in keys]
    return bool(image.name and image.name.group in COLOURED) or any(not s.startswith("MONOCHROME") for s in said)


@check("IMAGE_NOT_FINITE", per="image", level=Level.WARNING, deep=True, when=is_nifti)
def image_not_finite(image: FileView) -> Found:
    """Voxels of a volume are infinite or not a number (NaN).

    Why: One of them makes every mean, filter and network output NaN.

    Fix: Convert the image again, or write the value of the background in their place and say so.
    """
    whole = image.whole
    if isinstance(whole, Whole):
        for share, what in ((whole.nan, "not a number"), (whole.infinite, "infinite")):
            if share:
                yield Finding(f"voxels are {what}", value=f"{max(share, 1e-6):.2g} of all")


# --- slices ----------------------------------------------------------------------------------------------

FULL = 0.8
"""Share of the usual filling from which a slice is in the middle of something, not where it fades out."""


@check("SLICES_BLANK", per="image", level=Level.WARNING, deep=True, when=is_nifti)
def slices_blank(image: FileView) -> Found:
    """The first or last slices of a volume, or a whole point of time, have one value, and the slices beside them are
    full.

    Why: They were never received: an interrupted transfer leaves a volume whose size is right and whose end is empty.

    Fix: Convert the image again from the complete series. If the volume was resampled, say so with `Resampled`.
    """
    head, whole = image.head, image.whole
    if image.is_mask or not isinstance(head, NiftiHead) or not isinstance(whole, Whole) or whole.blank:
        return
    count = head.shape[2] if len(head.shape) > 2 else 1
    if image.metadata.get("Resampled") is True or len(whole.filled) != math.prod(head.shape[2:]) or count < 2:
        return
    for time, start in enumerate(range(0, len(whole.filled), count)):
        if found := _missing(whole.filled[start : start + count]):
            where = f"volume {time + 1}" if len(whole.filled) > count else ""
            yield Finding("slices are blank", where, found)
            return


def _missing(filled: Sequence[float]) -> str:
    """Which slices at an end of a volume are blank without a slice that leads over to them."""
    if not any(filled):
        return "all slices"
    usual = median(share for share in filled if share)
    before = len(list(takewhile(lambda share: share == 0, filled)))
    after = len(list(takewhile(lambda share: share == 0, reversed(filled))))
    parts = []
    if before and filled[before] >= FULL * usual:
        parts.append(f"first {before}")
    if after and filled[-after - 1] >= FULL * usual:
        parts.append(f"last {after}")
    inner = [at for at in range(before + 1, len(filled) - after - 1) if not filled[at]]
    full = [at for at in inner if max(filled[at - 1], filled[at + 1]) >= FULL * usual]
    parts += [f"slice {at + 1}" for at in full[:3]]
    return f"{', '.join(parts)} of {len(filled)}" if parts else ""


# --- bits ------------------------------------------------------------------------------------------------

DEEP = 10
"""Bits that devices give for what is more than a screen shows."""
SCREEN = 256
"""Levels of eight bits."""
ENOUGH = 16
"""Different values from which a common step of theirs is no chance."""


def _bits(image: FileView) -> int:
    """BitsStored of the sidecar; 0 where it says nothing."""
    said = image.metadata.get("BitsStored")
    return said if isinstance(said, int) and not isinstance(said, bool) and not image.is_mask else 0


def _is_narrow(image: FileView) -> bool:
    """Whether an image has fewer bits for each number than the source had."""
    head = image.head
    if isinstance(head, PngHead):
        return head.bits < _bits(image)
    return isinstance(head, NiftiHead) and head.datatype in (2, 256, 4, 512) and head.bitpix < _bits(image)


@check("BITS_CONTRADICTED", per="image", level=Level.WARNING, when=has_sidecar, keys=("BitsStored",))
def bits_contradicted(image: FileView) -> Found:
    """An image has fewer bits for each pixel than BitsStored of its sidecar.

    Why: Grey values were merged: faint differences, such as those of a lung, are gone for ever.

    Fix: Convert the image again with all of its bits, or correct BitsStored.
    """
    if _is_narrow(image):
        bits = image.head.bits if isinstance(image.head, PngHead) else getattr(image.head, "bitpix", 0)
        yield Finding("the image has fewer bits than its source", "$.BitsStored", str(bits), str(_bits(image)))


@check("BITS_LOST", per="image", level=Level.WARNING, deep=True)
def bits_lost(image: FileView) -> Found:
    """An image has as many bits for each pixel as its source, but only 256 levels of grey, in equal steps.

    Why: It went through a program of eight bits: faint differences, such as those of a lung, are gone for ever.

    Fix: Convert the image again with all of its bits.
    """
    whole = image.whole
    if not isinstance(whole, Whole) or _bits(image) < DEEP or _is_narrow(image) or whole.many:
        return
    values = sorted(value for value in whole.values if math.isfinite(value))
    if len(values) < ENOUGH or any(value != int(value) for value in values):
        return
    step = math.gcd(*(int(value - values[0]) for value in values))
    levels = int(values[-1] - values[0]) // step + 1
    if step > 1 and levels <= SCREEN:
        yield Finding("the grey values are multiples of one step", value=f"{levels} levels, {step} apart")
