"""Words that were read in pictures: whom they name, and which may stay."""

import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lettering import HOLD, NAME, lettered, radiograph
from pydicom.dataset import Dataset

from mids.actions.screen import identifying, look
from mids.deid.burned.evidence import Screen
from mids.deid.burned.words import is_mark, list_known_words, names_someone, normalise_words
from mids.errors import DataError
from mids.readers.images import ocr

needs_tesseract = pytest.mark.skipif(shutil.which("tesseract") is None, reason="Tesseract is not installed")


def test_words_of_the_header_are_found_however_they_are_written() -> None:
    names = list_known_words(["GARCÍA LÓPEZ^María", "19650314", "L"])
    assert names_someone(["Garcia-Lopez,"], names)
    assert names_someone(["14.03.1965"], names)
    assert names_someone(["14", "/03/", "1965"], names)
    assert not names_someone(["PORTABLE", "L"], names)
    dataset = Dataset()
    dataset.PatientName, dataset.OtherPatientIDs = "GARCÍA^María", ["12345678Z", "X"]
    assert identifying(dataset) == {"GARCIA", "MARIA", "12345678Z"}


def test_only_marks_in_a_box_that_holds_no_more_may_stay() -> None:
    assert is_mark(["AP", "Erect"], (0, 0, 40, 210))
    assert not is_mark(["AP", "GARCIA"], (0, 0, 40, 250))
    assert not is_mark(["L"], (0, 0, 40, 250)), "there is room for a name that was not read"
    assert not is_mark([], (0, 0, 40, 40))


@given(st.text())
def test_plain_words_are_capitals_and_digits(text: str) -> None:
    assert set(normalise_words(text)) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ")


@needs_tesseract
def test_words_are_read_part_by_part() -> None:
    lines = ["PORTABLE", "GARCIA LOPEZ", "12345678"]
    parts = [lettered(np.full((60, 420), 20, np.uint8), line, (24, 12), 30)[0] for line in lines]
    parts[1] = 255 - parts[1]
    assert [" ".join(words) for words in ocr.read(parts)] == lines
    assert ocr.read([]) == ()
    assert ocr.version()[0].isdigit()


@needs_tesseract
def test_with_a_reader_marks_stay_and_a_known_name_is_never_delivered() -> None:
    marked, _ = lettered(radiograph(2), "PORTABLE", (30, 20), 28)
    assert look([marked], Screen("hold", "ocr"), frozenset()).boxes == ()
    with pytest.raises(DataError):
        look([marked], HOLD, frozenset())
    named, _ = lettered(radiograph(2), NAME, (30, 20), 28)
    assert look([named], Screen("report", "ocr"), frozenset()).issues
    with pytest.raises(DataError, match="name or id of its header"):
        look([named], Screen("report", "ocr"), list_known_words(["Pérez García^María"]))
