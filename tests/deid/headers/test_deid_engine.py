"""One DICOM dataset de-identified: what goes, what stays, what is refused."""

import pickle
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from deid_datasets import NEW, WEEKS, clean_dataset, ct, image, save_dataset, through_a_file, uid
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset, config
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.tag import BaseTag
from pydicom.uid import UID, CTImageStorage, JPEGBaseline8Bit

from benchmarks import deidentification as benchmark
from benchmarks import table_e1_1 as table
from mids.deid.headers.engine import Replacements, deidentify
from mids.deid.headers.rules import resolve
from mids.deid.keys import Key
from mids.deid.policy import Option, Policy, SafePrivate, preset, presets
from mids.deid.pseudonyms import Pseudonyms
from mids.errors import DataError

# --- the standard's table -------------------------------------------------------------------------------------


@pytest.mark.parametrize("option", table.options())
def test_every_row_of_the_table_is_handled_as_the_standard_says(option: Option | None) -> None:
    old = table.full()
    new = benchmark.clean_option(option, old)
    assert table.wrong(option, old, new) == ([], [])
    assert table.wrong_patterns(option, old, new) == []


def test_the_oracle_finds_a_dataset_that_nobody_touched_wrong() -> None:
    old = table.full()
    top, nested = table.wrong(None, old, old)
    assert len(top) == len(nested) == 649
    assert len(table.wrong_patterns(None, old, old)) == 4


def test_nothing_of_a_full_dataset_is_left_in_the_file() -> None:
    new = save_dataset(clean_dataset(table.full()).dataset)
    assert table.MARK.encode() not in new
    assert b"20200317" not in new
    assert b"1.2.276." not in new


@pytest.mark.parametrize("name", presets())
def test_presets_keep_marks_only_where_an_option_retains_them(name: str) -> None:
    new = through_a_file(deidentify(through_a_file(table.full()), resolve(preset(name)), NEW).dataset)
    datasets = (new, new[table.NEST].value[0])
    marked = {
        row.keyword
        for dataset in datasets
        for row in table.rows()
        if row.tag in dataset and table.MARK in str(table.content(dataset[row.tag]))
    }
    options = preset(name).options
    retained = {row.keyword for row in table.rows() if any(row.codes.get(option) == "K" for option in options)}
    assert marked <= retained
    assert ("EthnicGroup" in marked) == (name in ("mids", "bimcv"))
    assert f"{table.MARK} private" not in str(new)


def test_the_comparison_with_other_programs_can_run_us(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    table.full().save_as(tmp_path / "in" / "0.dcm", enforce_file_format=True)
    _, output = benchmark.run_script(Path(sys.executable), benchmark.OURS, tmp_path / "in")
    assert table.wrong(None, table.full(), pydicom.dcmread(output / "0.dcm")) == ([], [])


# --- identity ---------------------------------------------------------------------------------------------------


def test_a_subject_keeps_apart_and_instances_keep_together() -> None:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = CTImageStorage, "1.2.276.1"
    new = clean_dataset(ct(SourceInstanceSequence=[item], FrameOfReferenceUID="1.2.840.10008.1.4.1.1")).dataset
    assert (new.PatientID, new.PatientName) == ("S42", "S42")
    assert new.SOPInstanceUID == new.file_meta.MediaStorageSOPInstanceUID == uid("1.2.276.1")
    assert new.SourceInstanceSequence[0].ReferencedSOPInstanceUID == new.SOPInstanceUID
    assert new.SourceInstanceSequence[0].ReferencedSOPClassUID == CTImageStorage
    assert new.FrameOfReferenceUID == "1.2.840.10008.1.4.1.1"


def test_the_file_says_how_it_was_made() -> None:
    new = clean_dataset(
        ct(BurnedInAnnotation="YES"), "clean_descriptors", "retain_modified_dates", "clean_pixel_data"
    ).dataset
    assert new.PatientIdentityRemoved == "YES"
    assert new.LongitudinalTemporalInformationModified == "MODIFIED"
    assert [item.CodeValue for item in new.DeidentificationMethodCodeSequence] == ["113100", "113105", "113107"]
    assert "2026d" in new.DeidentificationMethod[0]
    assert new.BurnedInAnnotation == "YES"


def test_only_pixels_that_somebody_cleaned_are_said_to_be_clean() -> None:
    new = clean_dataset(ct(BurnedInAnnotation="YES"), pixels=True).dataset
    assert new.BurnedInAnnotation == "NO"
    assert [item.CodeValue for item in new.DeidentificationMethodCodeSequence] == ["113100", "113101"]
    assert new.LongitudinalTemporalInformationModified == "REMOVED"
    assert clean_dataset(ct(), "retain_full_dates").dataset.LongitudinalTemporalInformationModified == "UNMODIFIED"


def test_preamble_and_file_meta_are_new() -> None:
    old = ct()
    old.file_meta.SourceApplicationEntityTitle = "HOSPITAL"
    old.preamble = b"Garcia".ljust(128)
    new = save_dataset(clean_dataset(old).dataset)
    assert b"HOSPITAL" not in new
    assert new[:132] == bytes(128) + b"DICM"


def test_rules_and_replacements_travel_to_workers() -> None:
    keyed = Pseudonyms(Key(bytes(32)))
    rules, new = pickle.loads(pickle.dumps((resolve(preset("mids")), Replacements("S1", WEEKS, keyed.uid, str))))
    assert deidentify(ct(), rules, new).dataset.SOPInstanceUID == keyed.uid("1.2.276.1")


# --- dates, times, ages -------------------------------------------------------------------------------------------


@given(st.dates(min_value=pydicom.valuerep.DA("18000101"), max_value=pydicom.valuerep.DA("20991231")), st.times())
def test_all_dates_of_a_subject_move_alike(day: object, time: object) -> None:
    moment = f"{day:%Y%m%d}{time:%H%M%S}"
    old = ct(StudyDate=f"{day:%Y%m%d}", AcquisitionDateTime=moment + ".25+0100", StudyTime=f"{time:%H%M%S}")
    new = clean_dataset(old, "retain_modified_dates").dataset
    moved = f"{day + WEEKS:%Y%m%d}".rjust(8, "0")
    assert new.StudyDate == moved
    assert new.AcquisitionDateTime == moved + moment[8:] + ".25+0100"
    assert new.StudyTime == f"{time:%H%M%S}"


@pytest.mark.parametrize(
    ("keyword", "old", "new"),
    [
        ("StudyDate", "2020-03-17", "19121119"),
        ("StudyDate", "2020.03.17", "19121119"),
        ("DateOfSecondaryCapture", ["20200317", "20200318"], ["19121119", "19121120"]),
        ("AcquisitionDateTime", "2020", "1912"),
        ("AcquisitionDateTime", "202003171011", "191211191011"),
        ("StudyTime", "10:11:12", "101112"),
        ("TimezoneOffsetFromUTC", "+0100", "+0100"),
    ],
)
def test_dates_of_all_forms_are_shifted(keyword: str, old: object, new: object) -> None:
    found = clean_dataset(through_a_file(ct(**{keyword: old})), "retain_modified_dates")
    assert found.dataset[keyword].value == new
    assert found.issues == ()


@pytest.mark.parametrize("is_file", [True, False])
@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("SeriesDate", "Garcia"),
        ("SeriesDate", "20201332"),
        ("SeriesTime", "261500"),
        ("AcquisitionDateTime", "17 de marzo"),
        ("TimezoneOffsetFromUTC", "Garcia"),
        ("PatientAge", "60-69"),
        ("KVP", "Garcia"),
        ("InstanceNumber", "Garcia"),
        ("PatientPosition", "Garcia"),
        ("ExpiryDate", "Garcia"),
    ],
)
def test_a_value_that_is_not_of_its_vr_does_not_stay(keyword: str, value: str, is_file: bool) -> None:
    with config.disable_value_validation():
        old = ct()
        old.add(DataElement(keyword, "LO" if keyword == "InstanceNumber" else "SH", value))
    found = clean_dataset(
        through_a_file(old) if is_file else old, "retain_modified_dates", "retain_patient_characteristics"
    )
    assert keyword not in found.dataset
    assert value.encode() not in save_dataset(found.dataset)
    assert all(value not in issue.message for issue in found.issues)
    if keyword != "TimezoneOffsetFromUTC":
        assert [(issue.code, issue.where) for issue in found.issues] == [("DEID_VALUE_REMOVED", keyword)]


def test_ages_times_and_overrides_follow_the_policy() -> None:
    policy = preset("fidac-cnil")
    old = ct(PatientAge="045Y", Manufacturer="Acme", KVP="120", PatientSex="F")
    new = deidentify(old, resolve(policy), NEW).dataset
    assert (new.PatientAge, new.PatientSex, "Manufacturer" in new, new.KVP) == ("040Y", "F", False, 120)
    old.PatientAge = "093Y"
    assert deidentify(old, resolve(preset("mids")), NEW).dataset.PatientAge == "089Y"


# --- sequences ----------------------------------------------------------------------------------------------------


def nested(depth: int) -> Dataset:
    """A CT with a person in the innermost of many sequences."""
    inner = Dataset()
    inner.PatientName = "Garcia^Ana"
    for _ in range(depth):
        outer = Dataset()
        outer.add(DataElement("SharedFunctionalGroupsSequence", "SQ", [inner]))
        inner = outer
    old = ct()
    old.update(inner)
    return old


def test_64_nested_sequences_are_cleaned() -> None:
    new = save_dataset(clean_dataset(through_a_file(nested(64))).dataset)
    assert b"Garcia" not in new
    assert new.count(b"S42") == 3


def test_sequences_without_end_are_refused() -> None:
    with pytest.raises(DataError, match="nested") as found:
        clean_dataset(nested(90))
    assert found.value.code == "DEID_IMPOSSIBLE"


def test_encrypted_attributes_go_and_it_is_told() -> None:
    item = Dataset()
    item.EncryptedContentTransferSyntaxUID = "1.2.840.10008.1.2.1"
    item.EncryptedContent = b"Garcia^Ana"
    old = ct()
    old.EncryptedAttributesSequence = [item]
    done = clean_dataset(through_a_file(old))
    assert b"Garcia" not in save_dataset(done.dataset)
    assert [(found.code, found.where) for found in done.issues] == [
        ("DEID_VALUE_REMOVED", "EncryptedAttributesSequence")
    ]
    assert not clean_dataset(through_a_file(ct())).issues


@pytest.mark.parametrize("is_implicit", [True, False])
def test_a_sequence_encoded_as_un_is_cleaned(is_implicit: bool) -> None:
    inner = Dataset()
    inner.PatientName = "Garcia^Ana"
    inner.SeriesNumber = 7
    stream = pydicom.filebase.DicomBytesIO()
    stream.is_implicit_VR, stream.is_little_endian = is_implicit, True
    pydicom.filewriter.write_sequence_item(stream, inner, ["iso8859"])
    old = ct()
    tag = BaseTag(0x52009229)
    raw = RawDataElement(tag, "UN", stream.tell(), stream.getvalue(), 0, False, True, True)
    old._dict[tag] = raw  # as pydicom reads it from a file
    new = clean_dataset(old).dataset
    assert new.SharedFunctionalGroupsSequence[0].PatientName == "S42"
    assert new.SharedFunctionalGroupsSequence[0].SeriesNumber == 7


def test_codes_of_published_schemes_stay_and_others_go() -> None:
    items = []
    for scheme, meaning in (("SCT", "Chest"), ("99HOSPITAL", "Garcia")):
        item = Dataset()
        item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = "51185008", scheme, meaning
        items.append(item)
    new = clean_dataset(ct(AnatomicRegionSequence=items)).dataset
    assert [item.CodeMeaning for item in new.AnatomicRegionSequence] == ["Chest", "REMOVED"]
    assert b"HOSPITAL" not in save_dataset(new)


def report() -> Dataset:
    """A report: findings, an observer, and the date of an earlier study."""

    def item(kind: str, code: str, scheme: str = "DCM") -> Dataset:
        made, name = Dataset(), Dataset()
        name.CodeValue, name.CodingSchemeDesignator, name.CodeMeaning = code, scheme, "x"
        made.ValueType, made.RelationshipType, made.ConceptNameCodeSequence = kind, "CONTAINS", [name]
        return made

    finding = item("TEXT", "121071")
    finding.TextValue = "Dr. Garcia sees no nodule"
    observer = item("PNAME", "121008")
    observer.PersonName = "Garcia^Luis"
    when = item("DATE", "121124")
    accession = item("TEXT", "121022")
    accession.TextValue = "A-777"
    seen = item("DATETIME", "122701", "99X")
    seen.DateTime = "20200317101112"
    group = item("CONTAINER", "125007")
    group.ContentSequence = [finding, accession]
    return ct(SOPClassUID="1.2.840.10008.5.1.4.1.1.88.33", ContentSequence=[group, observer, seen, when])


def test_a_report_is_a_dummy_unless_its_content_is_cleaned() -> None:
    new = clean_dataset(report()).dataset
    assert [item.TextValue for item in new.ContentSequence] == ["REMOVED"]


def test_a_report_is_cleaned_by_its_concepts() -> None:
    options: tuple[Option, ...] = ("clean_structured_content", "clean_descriptors", "retain_modified_dates")
    new = clean_dataset(through_a_file(report()), *options).dataset
    group, observer, seen, *_ = new.ContentSequence
    assert [item.TextValue for item in group.ContentSequence] == ["Dr. <NAME> sees no nodule"]
    assert observer.PersonName == "REMOVED"
    assert seen.DateTime == "19121119101112"
    assert b"Garcia" not in save_dataset(new)
    assert b"777" not in save_dataset(new)


# --- private attributes, overlays -----------------------------------------------------------------------------------


def make_with_private() -> Dataset:
    old = ct()
    block = old.private_block(0x0019, "SIEMENS MR HEADER", create=True)
    block.add_new(0x0C, "IS", "1000")
    block.add_new(0x99, "LO", "Garcia")
    other = old.private_block(0x0019, "FIDAC", create=True)
    other.add_new(0x01, "LO", "normal")
    other.add_new(0x02, "LO", "Garcia")
    return old


def test_private_attributes_go() -> None:
    assert not any(tag.is_private for tag in list(clean_dataset(make_with_private()).dataset.keys()))


def test_safe_private_attributes_stay_with_their_creator_only() -> None:
    new = clean_dataset(through_a_file(make_with_private()), "retain_safe_private").dataset
    assert sorted(int(tag) for tag in list(new.keys()) if tag.is_private) == [0x00190010, 0x0019100C]
    assert new.private_block(0x0019, "SIEMENS MR HEADER")[0x0C].value == 1000


def test_a_policy_names_private_attributes_of_its_own() -> None:
    policy = Policy("own", safe_private=(SafePrivate("FIDAC", 0x0019, 0x01, "labels"),))
    new = deidentify(through_a_file(make_with_private()), resolve(policy), NEW).dataset
    assert new.private_block(0x0019, "FIDAC")[0x01].value == "normal"
    assert b"Garcia" not in save_dataset(new)


def test_attributes_that_nobody_knows_go() -> None:
    old = ct()
    old.add(DataElement(0x00189998, "LO", "Garcia"))
    assert 0x00189998 not in clean_dataset(through_a_file(old), "clean_graphics").dataset


def test_an_overlay_in_unused_bits_of_the_pixels_goes() -> None:
    old = image()
    for tag, value in ((0x60000010, 2), (0x60000011, 2), (0x60000100, 16), (0x60000102, 15)):
        old.add(DataElement(tag, "US", value))
    new = clean_dataset(through_a_file(old), "clean_graphics").dataset
    assert not any(tag.group == 0x6000 for tag in list(new.keys()))
    assert np.frombuffer(new.PixelData, "<u2").tolist() == [1, 2, 0xFFF, 4]


def test_what_stands_after_the_last_pixel_goes() -> None:
    old = image()
    old.PixelData += b"Garcia^Ana"
    found = clean_dataset(through_a_file(old))
    assert len(found.dataset.PixelData) == 8
    assert "PixelData is longer than its header says; the surplus was removed" in {i.message for i in found.issues}


def test_an_overlay_in_compressed_pixels_is_refused() -> None:
    old = image()
    old.add(DataElement(0x60000102, "US", 15))
    old.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    with pytest.raises(DataError, match="overlay"):
        clean_dataset(old)


# --- refused --------------------------------------------------------------------------------------------------------


def directory() -> Dataset:
    return ct(SOPClassUID="1.2.840.10008.1.3.10")


def nameless() -> Dataset:
    old = ct()
    del old.SOPInstanceUID
    return old


def encode_privately() -> Dataset:
    old = ct()
    old.file_meta.TransferSyntaxUID = UID("1.2.276.99")
    return old


@pytest.mark.parametrize("make", [directory, nameless, encode_privately, Dataset])
def test_what_is_in_doubt_is_refused(make: Callable[[], Dataset]) -> None:
    with pytest.raises(DataError) as found:
        clean_dataset(make())
    assert found.value.code == "DEID_IMPOSSIBLE"
    assert "777" not in str(found.value)
