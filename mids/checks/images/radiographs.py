"""Radiographs of the chest that do not look as they should. Deep, by small models that ship with the package.

They say what is probable: a person decides. Left and right are not told apart (the heart's side is not sure enough),
nor radiographs of another part of the body, for which too few pictures may be learned from.
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


def _sure(name: str, chance: float) -> bool:
    from mids.learned.shipped import model

    return chance >= model(name).threshold


def _said(message: str, chance: float, expected: str) -> Finding:
    return Finding(message, value=f"probability {chance:.2f}", expected=expected)


@check("RADIOGRAPH_INVERTED", per="image", level=Level.WARNING, deep=True, when=_is_chest)
def radiograph_inverted(image: FileView) -> Found:
    """Air is bright and bone is dark in a radiograph of the chest: it looks like a negative.

    Why: A MONOCHROME1 image whose values were published as they were stored. Networks and people expect bright bone.

    Fix: Look at the image, and convert it again from its source. If it is right, waive this code for it.
    """
    looks = _look(image)
    if looks and _sure("polarity", looks.inverted):
        yield _said("the image looks like a negative", looks.inverted, "dark air")


@check("RADIOGRAPH_UPSIDE_DOWN", per="image", level=Level.WARNING, deep=True, when=_is_chest)
def radiograph_upside_down(image: FileView) -> Found:
    """A radiograph of the chest looks as if the head were below.

    Why: It was turned or mirrored; then left and right may be exchanged as well.

    Fix: Look at the image, and convert it again from its source. If it is right, waive this code for it.
    """
    looks = _look(image)
    if looks and _sure("upright", looks.upside_down):
        yield _said("the image looks upside down", looks.upside_down, "the head above")


@check("VIEW_UNLIKELY", per="image", level=Level.WARNING, deep=True, when=_is_chest)
def view_unlikely(image: FileView) -> Found:
    """A radiograph of the chest looks lateral and its name says frontal (PA, AP), or the other way round.

    Why: One of the two is wrong: a header, a table, or two images that were exchanged.

    Fix: Look at the image, and correct its view with a table of corrections (docs/curation.md).
    """
    looks = _look(image)
    if not looks or _sure("upright", looks.upside_down) or _sure("polarity", looks.inverted):
        return
    if _sure("view", looks.otherwise):
        from mids.learned.shipped import VIEWS

        view = image.entities.get("vp", "")
        like = "lateral" if view in VIEWS["frontal"] else "frontal"
        yield _said(f"the name says vp-{view}, the image looks {like}", looks.otherwise, like)
