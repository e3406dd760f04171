"""Text in pixels: found, read, made black, or the picture is kept back. What is drawn into the images is the truth."""

import json
import shutil
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from image2d import BUNDLED, image, written
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from pydicom.dataset import Dataset
from pydicom.uid import JPEG2000Lossless, RLELossless

from mids.actions.blacken import clean_pixels
from mids.actions.frames import Frames
from mids.actions.picture import Picture
from mids.actions.png import Png
from mids.actions.screen import identifying, look
from mids.conversion import Conversion, convert
from mids.deid import keys
from mids.deid.burned.evidence import Screen
from mids.deid.burned.glyphs import text_boxes, united
from mids.deid.burned.sheet import contact_sheet
from mids.deid.burned.words import is_mark, known, names_someone, plain
from mids.deid.policy import BurnedIn, Detect, chosen
from mids.errors import DataError
from mids.readers.dicom.decoding import read_dataset, stored
from mids.readers.dicom.pixels import render
from mids.readers.images import ocr
from mids.records import Box, Source
from mids.report.plan import summary

Bytes = npt.NDArray[np.uint8]
NAME = "PEREZ GARCIA MARIA"
HOLD, BLANK, REPORT = (Screen(burned_in, "glyphs") for burned_in in ("hold", "blank", "report"))
needs_tesseract = pytest.mark.skipif(shutil.which("tesseract") is None, reason="Tesseract is not installed")


def radiograph(seed: int, high: int = 900, wide: int = 760) -> Bytes:
    """A body with lungs, ribs, spine and noise, without any text."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:high, 0:wide] / np.array([high, wide]).reshape(2, 1, 1)
    grey = 0.08 + 0.5 * (((x - 0.5) / 0.46) ** 2 + ((y - 0.6) / 0.62) ** 2 < 1)
    for side in (0.3, 0.7):
        grey -= 0.3 * np.exp(-(np.clip(((x - side) / 0.15) ** 2 + ((y - 0.45) / 0.3) ** 2, 0, 9) ** 3))
        for rib in np.arange(0.15, 0.8, 0.07):
            grey += 0.08 * (np.abs(y - rib - 0.6 * (x - side) ** 2) < 0.008) * (np.abs(x - side) < 0.2)
    grey += 0.25 * np.exp(-(((x - 0.5) / 0.05) ** 2))
    soft = Image.fromarray((np.clip(grey, 0, 1) * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(2))
    return np.clip(np.asarray(soft) + random.normal(0, 5, grey.shape), 0, 255).astype(np.uint8)


def lettered(picture: Bytes, text: str, place: tuple[int, int], size: int, fill: Any = 255) -> tuple[Bytes, Box]:
    """The picture with text at (left, top), and the box of its ink."""
    drawn = Image.fromarray(picture)
    font = ImageFont.load_default(size=size)
    ImageDraw.Draw(drawn).text(place, text, fill=fill, font=font)
    left, top, right, bottom = (int(side) for side in ImageDraw.Draw(drawn).textbbox(place, text, font=font))
    return np.asarray(drawn), (top, left, bottom, right)


def covers(boxes: tuple[Box, ...], box: Box) -> bool:
    return any(b[0] <= box[0] and b[1] <= box[1] and b[2] >= box[2] and b[3] >= box[3] for b in boxes)


@pytest.mark.parametrize("place", [(30, 20), (20, 860), (500, 30)])
@pytest.mark.parametrize("size", [12, 20, 34])
def test_light_text_is_covered_and_nothing_else_found(place: tuple[int, int], size: int) -> None:
    picture, box = lettered(radiograph(size), "GARCIA 12345678Z", (min(place[0], 740 - 9 * size), place[1]), size)
    found = text_boxes(picture)
    assert covers(found, (box[0] + 2, box[1], box[2] - 2, box[3]))
    assert len(found) == 1


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
    found = united(boxes)
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


def made(dataset: Dataset, tmp_path: Path, action: type[Png] | type[Frames], screen: Screen) -> Any:
    (tmp_path / "a.dcm").write_bytes(written(dataset))
    (tmp_path / "out").mkdir()
    return action(Source("a.dcm"), screen=screen).make(tmp_path, tmp_path / "out")


def test_a_png_has_its_text_black_and_its_sidecar_lists_the_box(tmp_path: Path) -> None:
    picture, (top, left, bottom, right) = lettered(radiograph(2), NAME, (30, 20), 20)
    result = made(image(picture), tmp_path, Png, BLANK)
    pixels = np.asarray(Image.open(tmp_path / "out" / "image.png"))
    assert pixels[top + 2 : bottom, left:right].max() == 0
    assert pixels[450:].any()
    assert covers(tuple(tuple(box) for box in result.facts["BlankedRegions"]), (top + 2, left, bottom, right))
    assert [found.code for found in result.issues] == ["PRIVACY_TEXT_BLANKED"]


def test_inverted_polarity_is_blanked_to_what_is_displayed_black(tmp_path: Path) -> None:
    picture, (top, left, bottom, right) = lettered(radiograph(2), NAME, (30, 20), 20)
    made(image(255 - picture, {"PhotometricInterpretation": "MONOCHROME1"}), tmp_path, Png, BLANK)
    assert np.asarray(Image.open(tmp_path / "out" / "image.png"))[top + 2 : bottom, left:right].max() == 0


def test_text_of_one_frame_is_blanked_in_all(tmp_path: Path) -> None:
    plain_frame = radiograph(4, 300, 400)
    picture, (top, left, bottom, right) = lettered(plain_frame, NAME, (30, 250), 16)
    stack = np.stack([plain_frame, picture, plain_frame])
    result = made(image(stack, {"NumberOfFrames": 3}), tmp_path, Frames, BLANK)
    assert covers(tuple(tuple(box) for box in result.facts["BlankedRegions"]), (top + 2, left, bottom, right))


def test_a_published_picture_is_looked_at_too(tmp_path: Path) -> None:
    picture, _ = lettered(radiograph(5), NAME, (30, 20), 20)
    Image.fromarray(picture).save(tmp_path / "a.png")
    with pytest.raises(DataError, match="text in its pixels"):
        Picture(Source("a.png"), screen=HOLD).make(tmp_path, tmp_path)
    result = Picture(Source("a.png"), screen=BLANK).make(tmp_path, tmp_path)
    assert text_boxes(np.asarray(Image.open(tmp_path / "image.png"))) == ()
    assert result.facts["BlankedRegions"]


# --- DICOM to DICOM ----------------------------------------------------------------------------------------

BOX = (0, 0, 30, 60)


def reread(dataset: Dataset) -> Dataset:
    return read_dataset(BytesIO(written(dataset)))


def check_black(dataset: Dataset, before: npt.NDArray[Any]) -> None:
    """The box is displayed black, all else is as before."""
    shown = render(dataset, "window").pixels
    colour = int(shown.shape[-1] == 3)
    at = (..., slice(0, 30), slice(0, 60), *[slice(None)] * colour)
    assert shown[at].max() == 0
    untouched = np.array(before)
    after = render(dataset, "window").pixels.copy()
    untouched[at] = after[at] = 0
    np.testing.assert_array_equal(after, untouched)


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"PhotometricInterpretation": "MONOCHROME1"},
        {"PresentationLUTShape": "INVERSE"},
        {"WindowCenter": 600, "WindowWidth": 400},
        {"BitsStored": 12, "HighBit": 15},
    ],
)
def test_grey_pixels_are_black_as_displayed(attributes: dict[str, Any]) -> None:
    values = (radiograph(1, 120, 150).astype(np.uint16) * 3 + 100) << (4 if "HighBit" in attributes else 0)
    dataset = reread(image(values, attributes))
    before = render(dataset, "window").pixels
    assert clean_pixels(dataset, [BOX], Screen()) == (True, (BOX,), ())
    check_black(reread(dataset), before)


def test_signed_values_stay_in_the_range_of_the_image() -> None:
    values = radiograph(1, 120, 150).astype(np.int16) - 1024
    window = {"WindowCenter": -900, "WindowWidth": 50, "RescaleSlope": 1, "RescaleIntercept": 0}
    dataset = reread(image(values, window))
    clean_pixels(dataset, [BOX], Screen())
    after = stored(reread(dataset))
    assert after.min() >= values.min()
    assert (after[:30, :60] == values.min()).all()


@pytest.mark.parametrize(
    "name",
    [
        "SC_rgb_small_odd.dcm",
        "SC_ybr_full_422_uncompressed.dcm",
        "examples_ybr_color.dcm",
        "SC_rgb_small_odd_big_endian.dcm",
    ],
)
def test_colour_becomes_rgb_without_the_box(name: str) -> None:
    dataset = pydicom.dcmread(BUNDLED / name)
    before = render(dataset, "window").pixels
    box = (0, 0, 2, 2)
    clean_pixels(dataset, [box], Screen())
    again = reread(dataset)
    assert (again.PhotometricInterpretation, again.PlanarConfiguration) == ("RGB", 0)
    after = render(again, "window").pixels
    assert not after[..., :2, :2, :].any()
    np.testing.assert_array_equal(after[..., 2:, :, :], before[..., 2:, :, :])


@pytest.mark.parametrize("syntax", [JPEG2000Lossless, RLELossless])
def test_compressed_frames_are_decompressed_only_to_be_blanked(syntax: str) -> None:
    values = np.stack([radiograph(frame, 120, 150) for frame in range(3)])
    dataset = reread(image(values, {"NumberOfFrames": 3}))
    dataset.compress(syntax, generate_instance_uid=False)
    packed = dataset.PixelData
    assert clean_pixels(dataset, [], Screen())[1] == ()
    assert dataset.PixelData is packed
    dataset.IconImageSequence = [Dataset()]
    clean_pixels(dataset, [BOX], Screen())
    again = reread(dataset)
    assert again.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
    assert "IconImageSequence" not in again
    values[:, :30, :60] = stored(again)[:, :30, :60]
    np.testing.assert_array_equal(stored(again), values)
    assert len(set(stored(again)[:, :30, :60].ravel())) == 1


def test_overlay_bits_above_the_stored_ones_are_cleared() -> None:
    values = radiograph(1, 120, 150).astype(np.uint16)
    dataset = reread(image(values | 0x8000, {"BitsStored": 12, "HighBit": 11}))
    clean_pixels(dataset, [BOX], Screen())
    assert np.frombuffer(reread(dataset).PixelData, "<u2").max() < 1 << 12


def test_text_is_found_and_blanked_in_a_dataset_but_not_in_a_slice_of_a_volume() -> None:
    picture, box = lettered(radiograph(2), NAME, (30, 20), 20)
    radiographic = reread(image(picture, {"Modality": "CR"}))
    is_clean, boxes, issues = clean_pixels(radiographic, [], BLANK)
    assert is_clean
    assert covers(boxes, (box[0] + 2, *box[1:]))
    assert [found.code for found in issues] == ["PRIVACY_TEXT_BLANKED"]
    assert text_boxes(stored(reread(radiographic))) == ()
    assert clean_pixels(image(picture, {"Modality": "CT"}), [], BLANK) == (False, (), ())
    secondary = image(picture, {"Modality": "CT", "ImageType": ["DERIVED", "SECONDARY"]})
    with pytest.raises(DataError, match="text in its pixels"):
        clean_pixels(reread(secondary), [], HOLD)


# --- words -------------------------------------------------------------------------------------------------


def test_words_of_the_header_are_found_however_they_are_written() -> None:
    names = known(["GARCÍA LÓPEZ^María", "19650314", "L"])
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
    assert set(plain(text)) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ")


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
        look([named], Screen("report", "ocr"), known(["Pérez García^María"]))


# --- a whole conversion ------------------------------------------------------------------------------------


def source(root: Path) -> Path:
    """Two radiographs of one patient, one with the name in its pixels, and an ultrasound with the name in it."""
    root.mkdir()
    named = lettered(radiograph(1), NAME, (30, 20), 20)[0]
    for number, (modality, picture) in enumerate([("CR", radiograph(2)), ("CR", named), ("US", named)]):
        uid = f"1.2.826.0.1.{number + 1}"
        header = {
            "Modality": modality, "PatientID": "X1", "StudyInstanceUID": "1.2.3.4", "SeriesInstanceUID": f"{uid}.1",
            "SOPInstanceUID": uid, "SOPClassUID": "1.2.840.10008.5.1.4.1.1.1", "BodyPartExamined": "CHEST",
            "StudyDate": "20200101", "InstanceNumber": 1, "SeriesNumber": number,
        }  # fmt: skip
        dataset = image(picture, header)
        dataset.file_meta.MediaStorageSOPInstanceUID = uid
        (root / f"{number}.dcm").write_bytes(written(dataset))
    return root


def converted(tmp_path: Path, name: str, burned_in: BurnedIn, detect: Detect) -> Conversion:
    folder = tmp_path / "source"
    policy = chosen("mids", burned_in=burned_in, detect=detect)
    key = tmp_path / "study.key"
    if not key.exists():
        keys.create(key)
    return convert("dicom", folder if folder.exists() else source(folder), tmp_path / name, policy=policy, key=key)


def made_as(done: Conversion, suffix: str) -> list[Path]:
    assert done.outcome is not None
    return [done.dataset / path for path in done.outcome.made if path.endswith(suffix)]


def test_a_conversion_holds_blanks_reports_or_releases(tmp_path: Path) -> None:
    held = converted(tmp_path, "held", "hold", "glyphs")
    assert (len(made_as(held, "_cr.png")), len(made_as(held, "_us.png"))) == (1, 0)
    assert sorted(found.code for found in held.issues) == ["PRIVACY_HELD_BACK", "PRIVACY_TEXT_FOUND"]
    assert held.exit_code == 0
    first, second = summary(held.plan, held.outcome, held.issues, "x").splitlines()[:2]
    assert first.startswith("1 files withheld")
    assert second.startswith("1 images withheld")
    assert "--burned-in release" in first
    assert "--burned-in release" in second

    blanked = converted(tmp_path, "blanked", "blank", "glyphs")
    pictures = made_as(blanked, ".png")
    assert len(pictures) == 3
    assert all(text_boxes((np.asarray(Image.open(path)) // 257).astype(np.uint8)) == () for path in pictures)
    listed = ["BlankedRegions" in json.loads(path.with_suffix(".json").read_text("utf-8")) for path in pictures]
    assert sorted(listed) == [False, True, True]

    reported = converted(tmp_path, "reported", "report", "none")
    assert [found.code for found in reported.issues] == ["PRIVACY_TEXT_KEPT"]
    assert len(made_as(reported, ".png")) == 3
    released = converted(tmp_path, "released", "release", "glyphs")
    assert (released.issues, len(made_as(released, ".png"))) == ((), 3)


# --- contact sheet -----------------------------------------------------------------------------------------


def test_a_contact_sheet_shows_the_four_borders() -> None:
    picture = np.zeros((400, 600), np.uint8)
    picture[:40], picture[-40:], picture[:, :40], picture[:, -40:] = 60, 120, 180, 240
    picture[150:250, 200:400] = 33
    sheet = np.asarray(Image.open(BytesIO(contact_sheet([("p1", picture), ("p2", picture)]))))
    shown = {int(value) for value in np.unique(sheet[..., 0])}
    assert {60, 120, 180, 240} <= shown
    assert 33 not in shown, "the middle is not shown"
    with pytest.raises(ValueError, match="picture"):
        contact_sheet([])
