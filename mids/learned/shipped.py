"""The models of radiographs of the chest that ship with the package (`schemas/views`), and what they say of a picture.

They were made by `benchmarks/view_weights.py`; `schemas/views/CARD.md` tells from what, and what they can't do.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mids.dataset.disk.heads import png_head
from mids.dataset.disk.whole import PIXELS, decode_png
from mids.errors import DataError
from mids.learned.gradients import FEATURES, shrink
from mids.learned.views import ViewModel, read_view_model
from mids.resources import schemas

VIEWS: Mapping[str, frozenset[str]] = {
    "frontal": frozenset({"frontal", "pa", "ap"}),
    "lateral": frozenset({"lateral", "ll", "rl"}),
}
"""What the model of views tells, and the codes of view_positions that it can't tell apart."""

SUFFIXES, CHEST = frozenset({"cr", "dx"}), "chest"
"""Suffixes and body part (a code of body_parts) of the images that the models are for."""

LEAST = 64
"""Pixels of the shorter side of a picture below which it is not judged: the models see 64 × 64."""


def path_of(name: str) -> Path:
    """The file of a model: chest, view, upright, polarity or mirrored."""
    return schemas() / "views" / f"{name}.model"


@cache
def model(name: str) -> ViewModel:
    """A model by its name, read once."""
    return read_view_model(path_of(name))


def tell_view(picture: npt.NDArray[Any]) -> tuple[str, float]:
    """Whether a picture (rows, columns) is frontal or lateral, and how probable that is.

    It must be a radiograph of the chest. "" where the model is not sure, or the picture is too small or upside down.
    """
    ask = _ask_about(picture)
    if min(picture.shape[:2]) < LEAST or model("upright").choose(ask("upright"))[0] == "upside down":
        return "", 0.0
    return model("view").choose(ask("view"))


def _ask_about(picture: npt.NDArray[Any]) -> Callable[[str], Mapping[str, float]]:
    """Gives what a model, by its name, says of the picture, which is shrunk once for all, as its features are."""
    small = shrink(picture)
    numbers = cache(lambda features: FEATURES[features][0](small))
    return lambda name: model(name).weigh(numbers(model(name).features))


@dataclass(frozen=True, slots=True)
class Looks:
    """How probable it is that a radiograph of the chest is not as it should be.

    `inverted`: air is bright in it; `upside_down`; `otherwise`: its view is not the one that was named (0 where none
    was that the model knows); `other`: it is something else. `mirrored` is 0 where it does not look frontal: only
    there does the heart tell the sides.
    """

    inverted: float
    upside_down: float
    otherwise: float
    other: float = 0.0
    mirrored: float = 0.0

    def is_sure(self, name: str) -> bool:
        """Whether one of these (`inverted`, …) is as probable as the threshold of its model asks."""
        return bool(getattr(self, name) >= model(ASKED[name][0]).threshold)

    @property
    def worst(self) -> tuple[float, str]:
        """The most probable of all, and what it is in words; sides only where they are sure, as they seldom are."""
        said = {words: getattr(self, name) for name, (_, words) in ASKED.items() if name not in SELDOM}
        said |= {ASKED[name][1]: getattr(self, name) for name in SELDOM if self.is_sure(name)}
        return max((chance, words) for words, chance in said.items())


ASKED: Mapping[str, tuple[str, str]] = {
    "inverted": ("polarity", "looks like a negative"), "upside_down": ("upright", "looks upside down"),
    "otherwise": ("view", "looks like another view"), "other": ("chest", "does not look like a chest"),
    "mirrored": ("mirrored", "looks mirrored"),
}  # fmt: skip
"""What is said of a picture: the model that is asked, and words."""

SELDOM = ("other", "mirrored")
"""Of which a chance below the threshold says little."""


def look(picture: npt.NDArray[Any], view: str) -> Looks:
    """What the models say of a picture, (rows, columns) or RGB, whose view is named so (a code, or "")."""
    side = next((side for side, codes in VIEWS.items() if view in codes), "")
    ask = _ask_about(picture)
    views = ask("view")
    is_frontal = views["frontal"] >= model("view").threshold
    return Looks(
        ask("polarity")["air is bright"],
        ask("upright")["upside down"],
        1 - views[side] if side else 0.0,
        ask("chest")["something else"],
        ask("mirrored")["mirrored"] if is_frontal else 0.0,
    )


def read_looks(path: Path, view: str) -> Looks | None:
    """What the models say of a PNG; None where it is too small or too large, shows one value, or can't be read."""
    try:
        head = png_head(path)
        if min(head.rows, head.columns) < LEAST or head.rows * head.columns > PIXELS:
            return None
        pixels = np.asarray(decode_png(path))
    except (DataError, OSError):
        return None
    shown = pixels[..., :3] if pixels.ndim == 3 else pixels
    return None if shown.min() == shown.max() else look(shown, view)


def judge(path: Path, suffix: str, body_part: str, view: str) -> tuple[float, str] | None:
    """How probable it is that an image looks otherwise than it is said to, and in what; None where nothing can be said.

    `suffix` is that of its name, `body_part` and `view` are codes of their lists or empty.
    """
    if suffix not in SUFFIXES or body_part != CHEST or path.suffix != ".png":
        return None
    looks = read_looks(path, view)
    return looks.worst if looks else None
