"""Radiographs of the chest that do not look as they should. Deep, by small models that ship with the package.

They say what is probable: a person decides. An image that is wrong in one way is not asked about what follows from it:
a negative or one upside down is like no chest, and what is no chest has no view and no side.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from mids.dataset.disk.heads import PngHead
from mids.inspection.registry import Finding, Found, check
from mids.inspection.views import FileView
from mids.issues import Level

if TYPE_CHECKING:
    from mids.learned.shipped import Looks

_LOOKS = "how a radiograph looks"


def _is_chest(image: FileView) -> bool:
    """Whether an image is a PNG that its name calls a plain radiograph of the chest."""
    if not image.name or image.is_mask or not isinstance(image.head, PngHead):
        return False
    from mids.learned.shipped import CHEST, SUFFIXES  # numpy, which the quick checks do without

    parts = image.dataset.schema.code_lists["body_parts"]
    return image.name.suffix in SUFFIXES and parts.find(image.entities.get("bp", "")) == CHEST


def _look(image: FileView) -> "Looks | None":
    """What the models say of an image, asked once; None where it can't be read, shows nothing or is too small."""
    if _LOOKS not in image.notes:
        from mids.learned.shipped import read_looks

        image.notes[_LOOKS] = read_looks(Path(image.dataset.place(image.path)), image.entities.get("vp", ""))
    found: Looks | None = image.notes[_LOOKS]
    return found


def _is_plain(looks: "Looks") -> bool:
    """Whether an image is a chest as it should lie, so that its view and its sides can be asked for."""
    return not any(map(looks.is_sure, ("inverted", "upside_down", "other")))


def _said(message: str, chance: float, expected: str) -> Finding:
    return Finding(message, value=f"probability {chance:.2f}", expected=expected)


@check("RADIOGRAPH_INVERTED", per="image", level=Level.WARNING, deep=True, when=_is_chest)
def radiograph_inverted(image: FileView) -> Found:
    """Air is bright and bone is dark in a radiograph of the chest: it looks like a negative.

    Why: A MONOCHROME1 image whose values were published as they were stored. Networks and people expect bright bone.

    Fix: Look at the image, and convert it again from its source. If it is right, waive this code for it.
    """
    looks = _look(image)
    if looks and looks.is_sure("inverted"):
        yield _said("the image looks like a negative", looks.inverted, "dark air")


@check("RADIOGRAPH_UPSIDE_DOWN", per="image", level=Level.WARNING, deep=True, when=_is_chest)
def radiograph_upside_down(image: FileView) -> Found:
    """A radiograph of the chest looks as if the head were below.

    Why: It was turned or mirrored; then left and right may be exchanged as well.

    Fix: Look at the image, and convert it again from its source. If it is right, waive this code for it.
    """
    looks = _look(image)
    if looks and looks.is_sure("upside_down"):
        yield _said("the image looks upside down", looks.upside_down, "the head above")


@check("RADIOGRAPH_NOT_CHEST", per="image", level=Level.WARNING, deep=True, when=_is_chest)
def radiograph_not_chest(image: FileView) -> Found:
    """An image that its name calls a radiograph of the chest looks like something else.

    Why: Another part of the body, a slice, a page, a photograph, or a part of a chest alone: a header or a table was
    wrong, or a file was exchanged.

    Fix: Look at the image, and correct its body part, or leave it out (docs/curation.md). If it is right, waive this
    code for it.
    """
    looks = _look(image)
    if looks and looks.is_sure("other") and not looks.is_sure("inverted") and not looks.is_sure("upside_down"):
        yield _said("the image does not look like a radiograph of the chest", looks.other, "a chest")


@check("RADIOGRAPH_MIRRORED", per="image", level=Level.WARNING, deep=True, when=_is_chest)
def radiograph_mirrored(image: FileView) -> Found:
    """A frontal radiograph of the chest looks mirrored: the heart lies on the left of the image.

    Why: It was mirrored on its way, and left and right are exchanged; or the heart of the patient lies on the right
    (dextrocardia, situs inversus), or was pushed there. No marker of a side is read.

    Fix: Look at the marker in the image and at its source. If it is right, waive this code for it.
    """
    looks = _look(image)
    if looks and looks.is_sure("mirrored") and _is_plain(looks):
        yield _said("the image looks mirrored", looks.mirrored, "the heart on the right of the image")


@check("VIEW_UNLIKELY", per="image", level=Level.WARNING, deep=True, when=_is_chest)
def view_unlikely(image: FileView) -> Found:
    """A radiograph of the chest looks lateral and its name says frontal (PA, AP), or the other way round.

    Why: One of the two is wrong: a header, a table, or two images that were exchanged.

    Fix: Look at the image, and correct its view with a table of corrections (docs/curation.md).
    """
    looks = _look(image)
    if looks and looks.is_sure("otherwise") and _is_plain(looks):
        from mids.learned.shipped import VIEWS

        view = image.entities.get("vp", "")
        like = "lateral" if view in VIEWS["frontal"] else "frontal"
        yield _said(f"the name says vp-{view}, the image looks {like}", looks.otherwise, like)
