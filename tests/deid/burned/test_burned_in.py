"""What a header says of text burned into a picture, and what policies make of it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mids.deid.burned.devices import find_regions
from mids.deid.burned.evidence import decide, decide_by_header, screen
from mids.deid.policy import OPTIONS, BurnedIn, Detect, Policy
from mids.records import Record, Source

US = {"Modality": "US", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.6.1", "Rows": 480, "Columns": 640}
CR = {"Modality": "CR", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.1", "ImageType": ["ORIGINAL", "PRIMARY"]}
CANON = {**CR, "Manufacturer": "Canon Inc.", "ManufacturerModelName": "CXDI-50G", "Rows": 2592, "Columns": 2208}
FACES = Policy(options=frozenset({"clean_recognizable_visual_features"}))


def outcome(header: dict[str, Any], burned_in: BurnedIn = "hold", detect: Detect = "none") -> str:
    return decide_by_header(header, Policy(burned_in=burned_in, detect=detect)).outcome


@pytest.mark.parametrize(
    "header",
    [
        US,
        {"Modality": "ES"},
        {**CR, "BurnedInAnnotation": "YES"},
        {**CR, "SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"},
        {**CR, "SOPClassUID": "1.2.840.10008.5.1.4.1.1.7.4"},
        {**CR, "SOPClassUID": "1.2.840.10008.5.1.4.1.1.104.1"},
        {**CR, "ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"]},
        {**CR, "ImageType": ["DERIVED", "SECONDARY"], "BitsStored": 8},
        {**CR, "SeriesDescription": "Screen Save"},
        {**CR, "ConversionType": "DF"},
        {**CR, "DateOfSecondaryCapture": "20200101"},
        {**CR, "SecondaryCaptureDeviceManufacturer": "X"},
        {"Modality": "CT", "ImageType": ["DERIVED", "SECONDARY", "DOSE_INFO"]},
        CANON,
    ],
)
def test_evidence_holds_a_picture_back_unless_it_is_marked_free_of_text(header: dict[str, Any]) -> None:
    assert outcome(header) == "hold"
    assert outcome(header, "report") == "report"
    assert outcome(header, "release") == "deliver"
    assert outcome({**header, "BurnedInAnnotation": "NO"}) == "deliver"


SLIDE = {"Modality": "SM", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.77.1.6", "BurnedInAnnotation": "NO"}


@pytest.mark.parametrize(
    ("kind", "label", "expected"),
    [
        ("LABEL", None, "hold"),
        ("LABEL", "NO", "hold"),
        ("OVERVIEW", "YES", "hold"),
        ("OVERVIEW", None, "hold"),
        ("OVERVIEW", "NO", "deliver"),
        ("THUMBNAIL", "YES", "hold"),
        ("VOLUME", "NO", "deliver"),
        ("VOLUME", None, "deliver"),
    ],
)
def test_the_label_of_a_slide_is_held_back_although_it_is_marked_free_of_text(
    kind: str, label: str | None, expected: str
) -> None:
    header = {**SLIDE, "ImageType": ["ORIGINAL", "PRIMARY", kind, "NONE"], "SpecimenLabelInImage": label}
    assert outcome(header) == expected


@pytest.mark.parametrize("modality", ["CR", "DX", "MG", "CT", "MR", "XA", "PT"])
def test_no_other_modality_is_evidence_by_itself(modality: str) -> None:
    assert outcome({**CR, "Modality": modality}) == "deliver"


def test_a_reformatted_ct_is_no_screen() -> None:
    assert outcome({"Modality": "CT", "ImageType": ["DERIVED", "SECONDARY", "MPR"], "BitsStored": 12}) == "deliver"


def test_regions_of_a_device_are_blanked_inside_the_picture() -> None:
    decision = decide_by_header(CANON, Policy(burned_in="blank"))
    assert (decision.outcome, decision.boxes) == ("blank", ((0, 0, 80, 2208), (2512, 0, 2592, 2208)))
    rx = {**CR, "ManufacturerModelName": "RX_04", "Rows": 3000, "Columns": 2000}
    assert find_regions(rx) == (((0, 0, 150, 2000), (2850, 0, 3000, 2000)), False)
    assert find_regions({**rx, "Rows": None}) == ((), False)
    assert find_regions({**rx, "ManufacturerModelName": "RX_040"}) == ((), False)


@given(rows=st.integers(1, 4000), columns=st.integers(1, 4000))
def test_boxes_lie_in_the_picture(rows: int, columns: int) -> None:
    header = {**CR, "ManufacturerModelName": "RX_04", "Rows": rows, "Columns": columns}
    found, _ = find_regions(header)
    assert len(found) == (1 if rows <= 150 else 2)
    for top, left, bottom, right in found:
        assert 0 <= top < bottom <= rows
        assert (left, right) == (0, columns)


def test_without_region_or_detector_a_picture_can_t_be_blanked_and_is_held() -> None:
    assert outcome(US, "blank") == "hold"
    assert outcome(US, "blank", "glyphs") == "blank"
    capture = {"Modality": "CT", "ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"]}
    assert outcome(capture, "blank") == "hold"
    assert outcome(capture, "blank", "ocr") == "blank", "its slices are looked at, for its header asks"


@pytest.mark.parametrize(
    ("header", "held"),
    [
        ({"Modality": "CT", "BodyPartExamined": "HEAD"}, True),
        ({"Modality": "MR", "SeriesDescription": "t1 mprage cerebro"}, True),
        ({"Modality": "PT", "StudyDescription": "PET WHOLE BODY"}, True),
        ({"Modality": "CT", "AnatomicRegionSequence": [{"CodeMeaning": "Skull"}]}, True),
        ({"Modality": "MR"}, True),
        ({"Modality": "CT", "SeriesDescription": "routine 5.0"}, True),
        ({"Modality": "CT", "BodyPartExamined": "CHEST"}, False),
        ({"Modality": "CT", "BodyPartExamined": "HEAD", "RecognizableVisualFeatures": "NO"}, False),
        ({"Modality": "XC", "BurnedInAnnotation": "NO"}, True),
        ({**CR, "RecognizableVisualFeatures": "YES"}, True),
        ({**CR, "BodyPartExamined": "SKULL"}, False),
    ],
)
def test_with_its_option_what_may_show_a_face_is_held_back(header: dict[str, Any], *, held: bool) -> None:
    decision = decide_by_header(header, FACES)
    assert (decision.outcome == "hold") == held
    assert decide_by_header(header, Policy(burned_in="release")).outcome == "deliver"


HEADS = """
Cerveau|Encéphale|Gehirn|Gesicht|NNH|Cervello|Massiccio facciale|Cabeça|Cervell|Peñascos|ATM|Mandíbula|Hals|Collo|
Pescoço|Ganzkörper|Corps entier|Angio TSA|FLAIR|t1_mprage|TOF willis|Silla turca|Hipófisis
"""


@pytest.mark.parametrize("words", [part.strip() for part in HEADS.split("|")])
def test_a_description_of_a_head_counts_beside_a_body_part_that_a_device_fills_in(words: str) -> None:
    header = {"Modality": "MR", "BodyPartExamined": "CHEST", "SeriesDescription": words}
    assert decide_by_header(header, FACES).outcome == "hold"


@pytest.mark.parametrize("words", ["Surface coil", "Headfirst lung", "Neckless", "pulmonar cara anterior"])
def test_words_that_only_look_like_a_head_hold_nothing(words: str) -> None:
    header = {"Modality": "CT", "BodyPartExamined": "CHEST", "SeriesDescription": words}
    assert decide_by_header(header, FACES).outcome == "deliver"


def test_releasing_text_releases_no_face() -> None:
    policy = Policy(burned_in="release", options=frozenset(OPTIONS))
    assert decide_by_header({"Modality": "CT", "BodyPartExamined": "HEAD"}, policy).outcome == "hold"


def test_one_slice_that_shows_text_is_enough() -> None:
    record = Record(
        "p", "s", "e", "volume", "CT", (Source("a"), Source("b")), {}, {"BurnedInAnnotation": ("NO", "YES")}
    )
    assert decide(record, Policy()).outcome == "hold"


@given(
    st.dictionaries(
        st.sampled_from(["Modality", "ImageType", "BurnedInAnnotation", "SeriesDescription", "Rows", "Columns"]),
        st.one_of(st.none(), st.text(), st.integers(), st.lists(st.text())),
    ),
    st.sampled_from(["hold", "blank", "report", "release"]),
    st.sampled_from(["none", "glyphs", "ocr"]),
)
def test_any_header_is_decided_and_no_value_is_repeated(
    header: dict[str, Any], burned_in: BurnedIn, detect: Detect
) -> None:
    policy = Policy(burned_in=burned_in, detect=detect)
    canary = {**header, "SeriesDescription": f"{header.get('SeriesDescription')} KANARIENVOGEL SCREEN SAVE"}
    decision = decide_by_header(canary, policy)
    assert "KANARIENVOGEL" not in decision.reason
    assert (decision.outcome == "deliver") == (not decision.reason)
    assert screen(decision, policy).detect == ("none" if burned_in == "release" else detect)
