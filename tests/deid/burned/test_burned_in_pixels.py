"""Text in pixels: found, made black, or the picture is kept back. What is drawn into the images is the truth."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from image2d import image, write_dataset
from lettering import BLANK, HOLD, NAME, REPORT, covers, lettered, radiograph
from PIL import Image
from pydicom.dataset import Dataset

from mids.actions.frames import Frames
from mids.actions.picture import Picture
from mids.actions.png import Png
from mids.actions.screen import look
from mids.deid.burned.evidence import Screen
from mids.deid.burned.glyphs import text_boxes, unite_boxes
from mids.errors import DataError
from mids.records import Box, Source


@pytest.mark.parametrize("place", [(30, 20), (20, 860), (500, 30)])
@pytest.mark.parametrize("size", [12, 20, 34])
def test_light_text_is_covered_and_nothing_else_found(place: tuple[int, int], size: int) -> None:
    picture, box = lettered(radiograph(size), "GARCIA 12345678Z", (min(place[0], 740 - 9 * size), place[1]), size)
    found = text_boxes(picture)
    assert covers(found, (box[0] + 2, box[1], box[2] - 2, box[3]))
    assert len(found) == 1


@pytest.mark.parametrize("turns", [1, 3])
@pytest.mark.parametrize("size", [14, 20, 34])
def test_text_along_an_edge_is_covered(size: int, turns: int) -> None:
    picture, box = lettered(radiograph(size), "GARCIA 12345678Z", (300, 20), size)
    turned = np.ascontiguousarray(np.rot90(picture, turns))
    back = np.zeros(picture.shape, bool)
    for top, left, bottom, right in text_boxes(turned):
        covered = np.zeros(turned.shape, bool)
        covered[top:bottom, left:right] = True
        back |= np.rot90(covered, -turns)
    assert back[box[0] + 2 : box[2] - 2, box[1] : box[3]].all()


@pytest.mark.parametrize(("pitch", "size", "place"), [(19, 16, (4, 120)), (17, 14, (4, 120)), (19, 18, (620, 60))])
def test_a_block_of_short_lines_as_wide_as_high_is_no_letter(pitch: int, size: int, place: tuple[int, int]) -> None:
    picture, ink = radiograph(1, 600, 800), list[Box]()
    for number, text in enumerate(("GARCIA", "MARIA", "1951", "NHC 8")):
        picture, box = lettered(picture, text, (place[0], place[1] + number * pitch), size)
        ink.append(box)
    boxes = text_boxes(picture)
    assert all(covers(boxes, box) for box in ink)


def test_dark_text_on_a_light_body_is_found() -> None:
    picture, box = lettered(radiograph(1), "GARCIA 12345678Z", (290, 600), 24, fill=0)
    assert covers(text_boxes(picture), (box[0] + 2, box[1], box[2] - 2, box[3]))


@pytest.mark.parametrize("seed", range(6))
def test_a_picture_without_text_has_none(seed: int) -> None:
    assert text_boxes(radiograph(seed)) == ()


def test_coloured_text_is_found_in_its_channel() -> None:
    colour = np.zeros((300, 400, 3), np.uint8)
    colour[..., 2] = 90
    picture, box = lettered(colour, "PEREZ MARIA", (40, 50), 18, fill=(160, 0, 90))
    assert covers(text_boxes(picture), box)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_pictures_of_any_size_are_looked_at(high: int, wide: int, seed: int) -> None:
    noise = np.random.default_rng(seed).integers(0, 256, (high, wide), np.uint8)
    for top, left, bottom, right in text_boxes(noise):
        assert 0 <= top < bottom <= high
        assert 0 <= left < right <= wide


_BOX = st.tuples(st.integers(0, 20), st.integers(0, 20), st.integers(1, 9), st.integers(1, 9)).map(
    lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3])
)


@given(st.lists(_BOX, max_size=12))
def test_united_boxes_hold_all_and_overlap_nowhere(boxes: list[Box]) -> None:
    found = unite_boxes(boxes)
    assert all(covers(found, box) for box in boxes)
    count = np.zeros((40, 40), int)
    for top, left, bottom, right in found:
        count[top:bottom, left:right] += 1
    assert count.max(initial=0) <= 1


def test_policies_hold_report_and_blank_what_is_found() -> None:
    picture, box = lettered(radiograph(3), NAME, (30, 20), 20)
    with pytest.raises(DataError) as error:
        look([picture], HOLD, frozenset())
    assert error.value.code == "PRIVACY_TEXT_FOUND"
    kept = look([picture], REPORT, frozenset())
    assert (kept.boxes, [found.code for found in kept.issues]) == ((), ["PRIVACY_TEXT_KEPT"])
    blanked = look([picture], BLANK, frozenset())
    assert covers(blanked.boxes, (box[0] + 2, *box[1:]))
    assert [found.code for found in blanked.issues] == ["PRIVACY_TEXT_BLANKED"]
    assert look([picture], Screen("release", "glyphs"), frozenset()).boxes == ()


def test_a_small_text_on_an_even_picture_is_found_beside_what_is_black_already() -> None:
    even = np.random.default_rng(0).normal(60, 8, (600, 800)).clip(0, 255).astype(np.uint8)
    named, ink = lettered(even, "PATID777", (400, 550), 24)
    deep = named.astype(np.uint16) * 257
    for black in (0, 70):
        deep[:black] = 0
        assert covers(look([deep], BLANK, frozenset(), blank=[(0, 0, black, 800)]).boxes, ink)


def test_text_that_the_header_is_sure_of_and_nobody_finds_is_not_delivered() -> None:
    sure = Screen("blank", "glyphs", expected=True)
    with pytest.raises(DataError, match="header says"):
        look([radiograph(3)], sure, frozenset())
    assert look([radiograph(3)], sure, frozenset(), blank=[(0, 0, 40, 760)]).boxes == ()
    assert look([radiograph(3)], BLANK, frozenset()).boxes == ()


def make_outputs(dataset: Dataset, tmp_path: Path, action: type[Png] | type[Frames], screen: Screen) -> Any:
    (tmp_path / "a.dcm").write_bytes(write_dataset(dataset))
    (tmp_path / "out").mkdir()
    return action(Source("a.dcm"), screen=screen).make(tmp_path, tmp_path / "out")


def test_a_png_has_its_text_black_and_its_sidecar_lists_the_box(tmp_path: Path) -> None:
    picture, (top, left, bottom, right) = lettered(radiograph(2), NAME, (30, 20), 20)
    result = make_outputs(image(picture), tmp_path, Png, BLANK)
    pixels = np.asarray(Image.open(tmp_path / "out" / "image.png"))
    assert pixels[top + 2 : bottom, left:right].max() == 0
    assert pixels[450:].any()
    assert covers(tuple(tuple(box) for box in result.facts["BlankedRegions"]), (top + 2, left, bottom, right))
    assert [found.code for found in result.issues] == ["PRIVACY_TEXT_BLANKED"]


def test_inverted_polarity_is_blanked_to_what_is_displayed_black(tmp_path: Path) -> None:
    picture, (top, left, bottom, right) = lettered(radiograph(2), NAME, (30, 20), 20)
    make_outputs(image(255 - picture, {"PhotometricInterpretation": "MONOCHROME1"}), tmp_path, Png, BLANK)
    assert np.asarray(Image.open(tmp_path / "out" / "image.png"))[top + 2 : bottom, left:right].max() == 0


def test_text_of_one_frame_is_blanked_in_all(tmp_path: Path) -> None:
    plain_frame = radiograph(4, 300, 400)
    picture, (top, left, bottom, right) = lettered(plain_frame, NAME, (30, 250), 16)
    stack = np.stack([plain_frame, picture, plain_frame])
    result = make_outputs(image(stack, {"NumberOfFrames": 3}), tmp_path, Frames, BLANK)
    assert covers(tuple(tuple(box) for box in result.facts["BlankedRegions"]), (top + 2, left, bottom, right))


def test_a_published_picture_is_looked_at_too(tmp_path: Path) -> None:
    picture, _ = lettered(radiograph(5), NAME, (30, 20), 20)
    Image.fromarray(picture).save(tmp_path / "a.png")
    with pytest.raises(DataError, match="its pixels contain"):
        Picture(Source("a.png"), screen=HOLD).make(tmp_path, tmp_path)
    result = Picture(Source("a.png"), screen=BLANK).make(tmp_path, tmp_path)
    assert text_boxes(np.asarray(Image.open(tmp_path / "image.png"))) == ()
    assert result.facts["BlankedRegions"]
