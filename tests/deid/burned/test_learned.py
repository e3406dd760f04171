"""Text that the trained detector finds and reads, drawn at known places; the network's weights lie in its wheel."""

import numpy as np
import pytest
from lettering import NAME, lettered, radiograph
from scipy import ndimage

from mids.actions.screen import look
from mids.deid.burned.evidence import Screen
from mids.deid.burned.words import list_known_words
from mids.errors import DataError
from mids.readers.images import learned

pytestmark = pytest.mark.slow

BLANK, REPORT = (Screen(burned_in, "learned") for burned_in in ("blank", "report"))


@pytest.mark.parametrize("turns", [0, 3, pytest.param(1, marks=pytest.mark.nightly)])
def test_faint_names_at_the_edge_are_covered_at_any_rotation(turns: int) -> None:
    ground = np.rot90(radiograph(3, 900, 900), -turns)
    place = (60, 8)
    lightest = int(ground[8:40, 60:460].mean()) + 45
    faint, (top, left, bottom, right) = lettered(np.ascontiguousarray(ground), NAME, place, 24, fill=lightest)
    ink = np.rot90(
        np.pad(np.ones((bottom - top, right - left), bool), ((top, 900 - bottom), (left, 900 - right))), turns
    )
    picture = np.ascontiguousarray(np.rot90(faint, turns))
    for box in look([picture], BLANK, frozenset()).boxes:
        ink = ink.copy()
        ink[box[0] : box[2], box[1] : box[3]] = False
    assert not ink.any()


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.nightly) for seed in (1, 2, 3))])
def test_a_picture_without_text_stays(seed: int) -> None:
    assert learned.text_boxes(radiograph(seed)) == ()


@pytest.mark.parametrize("seed", [0, pytest.param(4, marks=pytest.mark.nightly)])
def test_an_electrode_is_no_text_though_glyphs_takes_it_for_some(seed: int) -> None:
    rows, columns = np.ogrid[:1200, :1200]
    far = np.hypot(rows - 480, columns - 430)
    button = 24.0 * (far < 26) + 60.0 * (abs(far - 10) < 3)
    values = radiograph(seed, 1200, 1200) + ndimage.gaussian_filter(button, 1)
    picture = np.clip(values, 0, 255).astype(np.uint8)
    assert look([picture], Screen("blank", "glyphs"), frozenset()).boxes
    assert look([picture], BLANK, frozenset()).boxes == ()


def test_names_of_the_header_are_read_upright_and_turned() -> None:
    names = list_known_words(["PEREZ GARCIA^MARIA"])
    picture, _ = lettered(radiograph(3), NAME, (30, 20), 30)
    for turns in (0, 1, 3):
        with pytest.raises(DataError, match="a name or ID of its header"):
            look([np.ascontiguousarray(np.rot90(picture, turns))], REPORT, names)


def test_a_mark_of_the_side_stays() -> None:
    picture, _ = lettered(radiograph(3), "PORTABLE", (30, 20), 34)
    assert look([picture], BLANK, frozenset()).boxes == ()
