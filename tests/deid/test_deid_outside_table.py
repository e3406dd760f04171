"""Attributes that Table E.1-1 does not name: what the header tells is searched in them; codes and types stay whole."""

from datetime import timedelta
from pathlib import Path

import pytest
from deid_datasets import ct, save_dataset
from pydicom import Dataset, dcmread

from mids.actions.deidentify import Block, Deidentify
from mids.deid.keys import Key
from mids.deid.policy import preset
from mids.deid.pseudonyms import Pseudonyms
from mids.issues import Issue
from mids.records import Source

WHO = {
    "PatientName": "Inventádez Müller^Fulana", "PatientID": "00778899", "PatientBirthDate": "19510203",
    "StudyDate": "20200317", "InstitutionName": "Hospital Nada", "SpecificCharacterSet": "ISO_IR 192",
}  # fmt: skip


def clean(
    folder: Path, policy: str = "mids", block: Block | None = None, **values: object
) -> tuple[Dataset, tuple[Issue, ...]]:
    """What comes out of a file with these attributes, and what was said of it."""
    (folder / "a.dcm").write_bytes(save_dataset(ct(**{**WHO, **values})))
    task = Deidentify(
        Source("a.dcm"), preset(policy), Pseudonyms(Key(b"k" * 32)), "S1", timedelta(weeks=-5600), block=block
    )
    made = task.make(folder, folder)
    return dcmread(folder / "image.dcm"), made.issues


def item(**values: object) -> Dataset:
    made = Dataset()
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


@pytest.mark.parametrize(
    "text",
    [
        "for Inventadez", "FULANAINVENTADEZ", "Mueller, F.", "id 77.88.99", "born 3-2-1951", "scan 17/03/2020",
        "at Hospital Nada", "DNI 12345678Z", "tel 963 123 456", "Dra. Zutanez",
    ],
)  # fmt: skip
@pytest.mark.parametrize("keyword", ["WindowCenterWidthExplanation", "FrameLabel"])
def test_short_texts_have_the_rules_of_long_ones(tmp_path: Path, text: str, keyword: str) -> None:
    after, _ = clean(tmp_path, "basic", **{keyword: text})
    assert str(after[keyword].value) != text


def test_harmless_texts_and_names_of_makers_stay(tmp_path: Path) -> None:
    kept = {
        "WindowCenterWidthExplanation": "soft tissue", "Manufacturer": "Invented Medical Systems",
        "SoftwareVersions": "syngo CT VB20A", "ConvolutionKernel": "Br38f", "FrameLabel": "Early Phase",
    }  # fmt: skip
    after, _ = clean(tmp_path, **kept)
    assert {key: str(after.get(key)) for key in kept} == kept


@pytest.mark.parametrize("name", ["MISTER^CT", "Chest^Original", "HFS^Axial", "Doe^Jane^^MR", "Finding^Text"])
def test_codes_are_no_names(tmp_path: Path, name: str) -> None:
    code = {"CodeValue": "121071", "CodingSchemeDesignator": "DCM", "CodeMeaning": "Finding"}
    kept = {"Modality": "CT", "BodyPartExamined": "CHEST", "PatientPosition": "HFS", "ImageType": ["ORIGINAL", "AXIAL"]}
    line = item(ValueType="TEXT", RelationshipType="CONTAINS", ConceptNameCodeSequence=[item(**code)])
    after, _ = clean(tmp_path, PatientName=name, ContentSequence=[line], **kept)
    assert {key: after.get(key) for key in kept} == kept
    assert after.ContentSequence[0].ValueType == "TEXT"
    assert after.ContentSequence[0].ConceptNameCodeSequence[0].CodeMeaning == "Finding"


def test_a_listed_word_that_is_the_patients_name_goes_from_descriptions(tmp_path: Path) -> None:
    after, _ = clean(tmp_path, PatientName="COLL PORTAL^PIE", StudyDescription="TC TORAX COLL PORTAL")
    assert "COLL" not in after.StudyDescription
    assert "TORAX" in after.StudyDescription


def test_ids_and_days_go_as_numbers_and_codes(tmp_path: Path) -> None:
    values = {"SeriesNumber": "778899", "AcquisitionNumber": "20200317", "InstanceNumber": "19510203"}
    after, _ = clean(tmp_path, ImageType=["ORIGINAL", "PRIMARY", "FULANAINVENTADEZ"], KVP="120", **values)
    assert not {str(after.get(key)) for key in values} & {*values.values()}
    assert after.ImageType == ["ORIGINAL", "PRIMARY", "REMOVED"]
    assert after.KVP == 120
    assert "InstanceNumber" in after  # type 2


GLUED = ["P00778899", "778899A", "ACC777123X", "D20200317", "20200317101112", "B40-20200317", "IMG_20200317_1011"]


@pytest.mark.parametrize("text", GLUED)
def test_an_id_or_a_day_within_letters_and_digits_goes_from_every_attribute(tmp_path: Path, text: str) -> None:
    keywords = "WindowCenterWidthExplanation SoftwareVersions ConvolutionKernel FilterType SequenceName FrameLabel"
    values = {**dict.fromkeys(keywords.split(), text), "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL", text[:16]]}
    after, _ = clean(tmp_path, "basic", AccessionNumber="ACC777123", **values)
    left = f"{after.ImageType} {' '.join(str(after.get(keyword)) for keyword in keywords.split())}"
    assert not [one for one in ("778899", "777123", "20200317") if one in left]


@pytest.mark.parametrize("number", ["20200317101112", "1951020312"])
def test_a_day_with_its_hour_is_told_as_a_number(tmp_path: Path, number: str) -> None:
    after, _ = clean(tmp_path, TableHeight=number)
    assert after.TableHeight is None


def test_kernels_and_sequences_stay_beside_short_ids_and_other_numbers(tmp_path: Path) -> None:
    kept = {"ConvolutionKernel": "B40f", "SequenceName": "fl3d1_ns", "SoftwareVersions": "VB20A 12345678"}
    after, _ = clean(tmp_path, PatientID="B40", AccessionNumber="23456", StudyID="3d1", **kept)
    assert {key: str(after.get(key)) for key in kept} == kept


def test_the_digits_of_an_id_and_the_days_of_spreadsheets_are_told_as_numbers(tmp_path: Path) -> None:
    values = {"SeriesNumber": "778899", "AcquisitionNumber": "18662", "TableHeight": "43907.0", "Exposure": "18663"}
    cells = ((0x10, "LO", "0778899.0"), (0x11, "LO", "43907"), (0x12, "LO", "43"))
    after, issues = clean(tmp_path, PatientID="HX-00778899", block=Block(0x0C19, "MIDS", cells), **values)
    left = [str(after.get(key) or "") for key in values]
    assert left == ["", "", "", "18663"]  # no day of the header
    assert [element.value for element in after.group_dataset(0x0C19)] == ["MIDS", "43"]
    assert [issue.code for issue in issues].count("EMBED_REFUSED") == 2


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("ExposureTimeInms", 778899.0), ("FrameAcquisitionDuration", 20200317.0), ("TagAngleFirstAxis", 19510203.1015),
        ("BeamOrderIndex", 778899), ("TableHeight", "7.78899E5"), ("TableHeight", "1584403200"),
        ("TableTopVerticalPosition", 19510203.0), ("ExposureTimeInms", 43907.42), ("ExposureTimeInms", 2433681.0),
    ],
)  # fmt: skip
def test_ids_and_days_go_as_binary_numbers_and_with_exponents(tmp_path: Path, keyword: str, value: float) -> None:
    after, issues = clean(tmp_path, **{keyword: value})
    assert after.get(keyword) in (None, "")
    assert [issue.where for issue in issues] == [keyword]


def test_other_numbers_stay_and_so_does_what_pixels_need(tmp_path: Path) -> None:
    kept = {"ExposureTimeInms": 12345.5, "LargestImagePixelValue": 43907, "TableTopVerticalPosition": -412.5}
    after, issues = clean(tmp_path, PatientID="00016", Rows=16, Columns=16, **kept)
    assert {key: after[key].value for key in kept} == kept
    assert (after.Rows, after.Columns, issues) == (16, 16, ())


@pytest.mark.parametrize("number", ["778899", "19510203", "7.78899E5"])
def test_a_measurement_that_is_an_id_or_a_day_goes_as_a_whole(tmp_path: Path, number: str) -> None:
    code = item(CodeValue="121071", CodingSchemeDesignator="DCM", CodeMeaning="Finding")
    lines = [
        item(
            ValueType="NUM", RelationshipType="CONTAINS", ConceptNameCodeSequence=[code],
            MeasuredValueSequence=[item(NumericValue=value, FloatingPointValue=float(value))],
        )
        for value in (number, "12.5")
    ]  # fmt: skip
    after, _ = clean(tmp_path, ContentSequence=lines)
    told, measured = (line.MeasuredValueSequence for line in after.ContentSequence)
    assert (len(told), measured[0].NumericValue, measured[0].FloatingPointValue) == (0, 12.5, 12.5)


def test_a_unit_stays_whatever_the_patient_is_called(tmp_path: Path) -> None:
    after, _ = clean(tmp_path, PatientName="HU^SOFT", RescaleType="HU")
    assert after.RescaleType == "HU"
    after, _ = clean(tmp_path, PatientName="HULIA^SOFT", RescaleType="HULIA")
    assert after.RescaleType == "REMOVED"


def test_required_attributes_stay_without_the_name(tmp_path: Path) -> None:
    label = item(SegmentNumber=1, SegmentLabel="nodule of Inventádez", SegmentAlgorithmType="MANUAL")
    after, _ = clean(tmp_path, Manufacturer="made at Hospital Nada", SegmentSequence=[label])
    assert after.Manufacturer.strip() == "made at"
    assert after.SegmentSequence[0].SegmentLabel == "nodule of [NAME]"


def test_a_uid_below_the_standards_root_that_is_not_registered_is_replaced(tmp_path: Path) -> None:
    after, _ = clean(tmp_path, StudyInstanceUID="1.2.840.10008.20200317.778899.1")
    assert after.StudyInstanceUID.startswith("2.25.")
    assert after.SOPClassUID == "1.2.840.10008.5.1.4.1.1.2"


@pytest.mark.parametrize("policy", ["basic", "mids"])
def test_a_uid_stays_in_an_attribute_for_classes_only_if_the_standard_registers_it(tmp_path: Path, policy: str) -> None:
    own, ct_class, snomed = "1.2.826.0.1.3680043.8.498.77.1", "1.2.840.10008.5.1.4.1.1.2", "2.16.840.1.113883.6.96"
    keywords = "CodingSchemeUID ContextUID MappingResourceUID CreatorVersionUID AvailableTransferSyntaxUID".split()
    scheme = {"CodingSchemeDesignator": "SCT", "CodingSchemeUID": snomed}
    values = {
        "ReferencedInstanceSequence": [item(ReferencedSOPClassUID=ct_class), item(ReferencedSOPClassUID=own)],
        "ConceptCodeSequence": [item(CodeValue="1", CodeMeaning="chest", ContextUID=own, **scheme)],
    }
    after, _ = clean(tmp_path, policy, StudyInstanceUID=own, **dict.fromkeys(keywords, own), **values)
    left = [after[keyword].value for keyword in keywords]
    images, code = after.ReferencedInstanceSequence, after.ConceptCodeSequence[0]
    assert own not in (*left, images[1].ReferencedSOPClassUID, code.ContextUID)
    assert (images[0].ReferencedSOPClassUID, code.CodingSchemeUID) == (ct_class, snomed)
    assert images[1].ReferencedSOPClassUID == after.StudyInstanceUID


def test_embedded_cells_that_repeat_the_header_are_refused(tmp_path: Path) -> None:
    values = ((0x10, "LO", "Fulana Inventádez Müller"), (0x11, "LO", "03/02/1951"), (0x12, "LO", "severe"))
    after, issues = clean(tmp_path, block=Block(0x0C19, "MIDS", values))
    assert [element.value for element in after.group_dataset(0x0C19)] == ["MIDS", "severe"]
    assert [issue.code for issue in issues].count("EMBED_REFUSED") == 2


@pytest.mark.parametrize("cell", ["1951", "born 1951", "3/1951", "b. 1951, retired"])
def test_the_year_of_birth_in_a_cell_is_refused(tmp_path: Path, cell: str) -> None:
    values = ((0x10, "LO", cell), (0x11, "LO", "19512"), (0x12, "LO", "since 1952"))
    after, issues = clean(tmp_path, block=Block(0x0C19, "MIDS", values))
    assert [element.value for element in after.group_dataset(0x0C19)] == ["MIDS", "19512", "since 1952"]
    assert [issue.code for issue in issues].count("EMBED_REFUSED") == 1


def test_a_kept_code_that_is_the_patients_name_goes(tmp_path: Path) -> None:
    after, _ = clean(tmp_path, PatientSex="INVENTADEZ", SmokingStatus="YES")
    assert "INVENTADEZ" not in str(after.PatientSex)
    assert after.SmokingStatus == "YES"


@pytest.mark.parametrize(
    ("content", "kept"),
    [
        (b"\1\0LB Inventadez^Fulana;\xff", b""), (b"\0\0id=00778899\0\0", b""), ("\0\0MÜLLER F".encode(), b""),
        (b"IN;SP1;PU0,0;", b"IN;SP1;PU0,0;\0"), (bytes(range(256)), bytes(range(256))),
    ],
)  # fmt: skip
def test_a_name_among_bytes_takes_them_away(tmp_path: Path, content: bytes, kept: bytes) -> None:
    after, _ = clean(tmp_path, "basic", HPGLDocument=content)
    assert (after.HPGLDocument or b"") == kept


def test_one_word_of_the_institutions_name_goes(tmp_path: Path) -> None:
    header = {"InstitutionName": "Hospital General Vall Fosca del Tórax", "StationName": "VALLFOSCA3"}
    after, _ = clean(tmp_path, FrameLabel="seen in Fosca", ImageComments="FOSCA: control", **header)
    assert after.FrameLabel == "seen in [INST]"
    assert "FOSCA" not in after.ImageComments
    after, _ = clean(tmp_path, FrameLabel="Tórax general, fosca", **header)
    assert after.FrameLabel == "Tórax general, fosca"


def test_a_negation_in_a_comment_stays_beside_its_finding(tmp_path: Path) -> None:
    made, _ = clean(tmp_path, ImageComments="Dr. Inventádez niega disnea. Sin derrame.")
    assert made.ImageComments == "Dr. [NAME] niega disnea. Sin derrame."
    kept = {"DerivationDescription": "Lossless JPEG", "ImageComments": "Nódulo de 5 mm en LSD. Opacity in RUL."}
    made, _ = clean(tmp_path, **kept)
    assert {keyword: made.get(keyword) for keyword in kept} == kept


def test_scan_options_of_vendors_are_codes_whatever_the_patient_is_called(tmp_path: Path) -> None:
    made, _ = clean(tmp_path, PatientName="HELICAL^Axial", ScanOptions="HELICAL MODE")
    assert made.ScanOptions == "HELICAL MODE"
