"""Looks for text in the pixels of a picture that is being made, and does with it what the policy says."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from mids.deid.burned.evidence import UNFOUND, Screen
from mids.deid.burned.glyphs import Region, holds, is_doubtful, list_regions, sure_boxes, unite_boxes
from mids.deid.burned.words import IDENTIFIERS, is_mark, list_known_words, names_someone
from mids.deid.policy import Detect
from mids.errors import DataError
from mids.issues import Issue, issue
from mids.readers.dicom.pixels import quiet
from mids.readers.dicom.values import BROKEN
from mids.readers.images import learned, ocr
from mids.records import Box, Json

Values = npt.NDArray[Any]
Bytes = npt.NDArray[np.uint8]

_FLAT = 64
"""A grey picture of 16 bits is stretched to 8 bits, but not if its values differ by less: noise would be text."""

_WIDER = 1.25
"""A whole range so many times wider than that of all but the most extreme values is looked at too."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What was found: boxes to make black, what there is to tell, and who looked with which result (empty: nobody).

    That nothing was found certifies nothing: no detector finds all text. `refutes_no` says that text was found, kept
    or redacted, in an image whose header does not admit it.
    """

    boxes: tuple[Box, ...] = ()
    issues: tuple[Issue, ...] = ()
    told: str = ""
    refutes_no: bool = False

    @property
    def facts(self) -> dict[str, Json]:
        """What the sidecar says of it; None takes away what the source said."""
        refuted: dict[str, Json] = {"BurnedInAnnotation": None} if self.refutes_no else {}
        return {"BurnedInTextSearch": self.told, **refuted} if self.told else {}

    @property
    def has_text(self) -> bool:
        """Whether text was found, and is still there or was redacted."""
        return bool(self.issues)

    @property
    def has_kept_text(self) -> bool:
        """Whether text was found and is still there."""
        return any(found.code == "PRIVACY_TEXT_KEPT" for found in self.issues)


def look(frames: Iterable[Values], screen: Screen, names: frozenset[str], blank: Sequence[Box] = ()) -> Looked:
    """Looks at frames as they are displayed: grey uint8 or uint16 (rows, columns), or RGB uint8.

    `names` are words that identify the patient (`mids.deid.burned.words.known`), `blank` the boxes that are black
    already. Raises `DataError` ``PRIVACY_TEXT_FOUND`` where the policy delivers no picture with text, where a known
    name is read and not blanked, and where the header is sure of text that is not found. Raises `MidsError` where
    Tesseract is asked for and missing.
    """
    if screen.detect == "none" or screen.burned_in == "release":
        return Looked()
    found: set[Box] = set()
    named = False
    for picture, regions in _worth_reading((picture for frame in frames for picture in _eight_bits(frame)), screen):
        boxes, is_named = _found(picture, regions, screen, names)
        found.update(boxes)
        named |= is_named
    return _decided(unite_boxes(found), screen, named=named, blank=blank)


def identifying(dataset: Dataset) -> frozenset[str]:
    """Words of a header that would name the patient if they stood in the picture."""
    return list_known_words(text for keyword in IDENTIFIERS for text in texts(dataset, keyword))


def texts(dataset: Dataset, keyword: str) -> tuple[str, ...]:
    """The values of an attribute as texts, none where it is missing or can't be read."""
    with quiet():
        try:
            value = dataset.get(keyword)
            several = value if isinstance(value, MultiValue) else [value]
            return tuple(str(item).strip() for item in several if item)
        except BROKEN:
            return ()


def _decided(found: tuple[Box, ...], screen: Screen, *, named: bool, blank: Sequence[Box]) -> Looked:
    if screen.burned_in == "blank":
        if not found and not blank and screen.expected:
            raise DataError("PRIVACY_TEXT_FOUND", f"withheld: its header says that it shows text, but {UNFOUND}")
        told = f"{_count(found)} of text redacted (found by {screen.detect})"
        issues = (issue("PRIVACY_TEXT_BLANKED", told, origin="run"),) if found else ()
        words = f"{screen.detect}: {_count(found)} redacted" if found else _nothing(screen)
        return Looked(found, issues, words, bool(found) and not screen.expected)
    if named:
        raise DataError("PRIVACY_TEXT_FOUND", "withheld: its pixels show a name or ID of its header")
    if not found:
        return Looked(told=_nothing(screen))
    if screen.burned_in == "hold":
        raise DataError("PRIVACY_TEXT_FOUND", f"withheld: its pixels contain {_count(found)} of text ({screen.detect})")
    told = f"its pixels contain {_count(found)} of text ({screen.detect}): look at it"
    kept = (issue("PRIVACY_TEXT_KEPT", told, origin="run"),)
    return Looked((), kept, f"{screen.detect}: {_count(found)} kept", not screen.expected)


def _nothing(screen: Screen) -> str:
    return f"{screen.detect}: nothing found"


def _count(boxes: Sequence[Box]) -> str:
    return "1 region" if len(boxes) == 1 else f"{len(boxes)} regions"


def _worth_reading(pictures: Iterable[Bytes], screen: Screen) -> Iterator[tuple[Bytes, tuple[Region, ...]]]:
    """Pictures with what the first stage takes for text in them.

    The networks of `learned` take seconds: of many frames they get the first, the last, and each in which the first
    stage, which sees all, finds something where it found nothing before.
    """
    seen: tuple[Box, ...] = ()
    last: tuple[Bytes, tuple[Region, ...]] | None = None
    for number, picture in enumerate(pictures):
        regions = list_regions(picture)
        new = [region.box for region in regions if not any(holds(box, region.box) for box in seen)]
        if number == 0 or new or screen.detect != "learned":
            seen, last = unite_boxes((*seen, *new)), None
            yield picture, regions
        else:
            last = picture, regions
    if last:
        yield last


def find_boxes(picture: Bytes, regions: Sequence[Region], detect: Detect) -> tuple[Box, ...]:
    """The boxes of text in a picture of which `glyphs` takes `regions` for text, more or less surely."""
    if detect != "learned":
        return sure_boxes(regions)
    places = {region: learned.Place(region.core, region.high) for region in regions}
    kept = (one for one, place in places.items() if not is_doubtful(one) or learned.is_text(picture, place))
    found = learned.text_boxes(picture, [(region.chance, place) for region, place in places.items()])
    return unite_boxes((*sure_boxes(kept), *found))


def _found(
    picture: Bytes, regions: Sequence[Region], screen: Screen, names: frozenset[str]
) -> tuple[tuple[Box, ...], bool]:
    """The boxes of text in one frame but for marks that may stay, and whether a known name was read."""
    boxes = find_boxes(picture, regions, screen.detect)
    if screen.detect == "glyphs":
        return boxes, False
    grey = picture if picture.ndim == 2 else np.asarray(Image.fromarray(picture).convert("L"))
    reader = learned if screen.detect == "learned" else ocr
    words = reader.read([grey[top:bottom, left:right] for top, left, bottom, right in boxes])
    kept = tuple(box for box, read in zip(boxes, words, strict=True) if not is_mark(read, box))
    return kept, any(names_someone(read, names) for read in words)


def _eight_bits(frame: Values) -> Iterator[Bytes]:
    """A frame with the range that all but its most extreme values have spread over 8 bits; colour as it is.

    The letters of a short text may be those most extreme values, and no lighter than their ground once it is spread:
    where the whole range is much wider, the frame spread over that comes too.
    """
    if frame.ndim == 3 or frame.dtype == np.uint8:
        yield np.asarray(frame, np.uint8)
        return
    low, high = (float(value) for value in np.percentile(frame[::4, ::4], (0.5, 99.5)))
    least, most = float(frame.min()), float(frame.max())
    yield _spread(frame, low, high)
    if most - least > _WIDER * max(high - low, _FLAT):
        yield _spread(frame, least, most)


def _spread(frame: Values, low: float, high: float) -> Bytes:
    span = max(high - low, _FLAT)
    return np.asarray(np.clip((frame.astype(np.float32) - low) * (255 / span), 0, 255), np.uint8)
