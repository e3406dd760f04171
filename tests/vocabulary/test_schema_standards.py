"""The vocabulary against the standards it is taken from: BIDS and DICOM."""

import json
import re
from pathlib import Path
from typing import Any

import bidsschematools
import pydicom.datadict
import pytest
from pydicom.sr._cid_dict import cid_concepts
from pydicom.sr._concepts_dict import concepts

from mids.vocabulary.schema import load

SCHEMA = load()
OWN = {"bp", "lat", "vp"}


@pytest.fixture(scope="module")
def bids() -> Any:
    """The BIDS schema, as its own project publishes it."""
    return json.loads((Path(bidsschematools.__file__).parent / "data" / "schema.json").read_bytes())


def snomed(cid: int) -> dict[str, str]:
    """SNOMED CT code to meaning, for one context group of DICOM PS3.16 (pydicom carries them)."""
    terms: Any = concepts["SCT"]
    return {
        code: meaning
        for name in cid_concepts[cid]["SCT"]
        for code, (meaning, cids) in terms[name].items()
        if cid in cids
    }


# --- against BIDS ----------------------------------------------------------------------------------------


def test_entities_are_in_the_order_of_bids(bids: Any) -> None:
    order = [bids["objects"]["entities"][name]["name"] for name in bids["rules"]["entities"]]
    ours = [key for key in SCHEMA.entities if key not in OWN]
    assert ours == [key for key in order if key in ours]
    keys = list(SCHEMA.entities)
    assert keys[keys.index("run") : keys.index("run") + 4] == ["run", "bp", "lat", "vp"]


def test_an_entity_is_an_index_where_bids_says_so(bids: Any) -> None:
    formats = {e["name"]: e["format"] for e in bids["objects"]["entities"].values()}
    for key, entity in SCHEMA.entities.items():
        assert entity.bids == (key in formats)
        if entity.bids:
            assert (entity.kind == "index") == (formats[key] == "index"), key


def test_codes_of_bids_entities_are_those_of_bids(bids: Any) -> None:
    enums = {e["name"]: set(e["enum"]) for e in bids["objects"]["entities"].values() if "enum" in e}
    ours = {e.key: set(SCHEMA.code_lists[e.code_list].codes) for e in SCHEMA.entities.values() if e.code_list}
    assert {key: codes for key, codes in ours.items() if key not in OWN} == enums


def test_bids_suffixes_are_allowed_by_bids_in_their_folder_with_their_extensions(bids: Any) -> None:
    allowed = {
        (suffix, datatype, extension)
        for rules in bids["rules"]["files"]["raw"].values()
        for rule in rules.values()
        for suffix in rule.get("suffixes", ())
        for datatype in rule.get("datatypes", ())
        for extension in rule["extensions"]
    }
    ours = {
        (suffix.suffix, datatype, extension)
        for suffix in SCHEMA.suffixes.values()
        if suffix.bids
        for datatype in (suffix.datatype, *suffix.other_datatypes)
        for extension in (*suffix.extensions, ".json")
    }
    assert ours
    assert ours <= allowed


def test_required_keys_are_those_that_bids_requires_for_pet(bids: Any) -> None:
    rules = bids["rules"]["sidecars"]["pet"]
    always = [r for r in rules.values() if r["selectors"] == ['datatype == "pet"', 'suffix == "pet"']]
    required = {
        key
        for rule in always
        for key, level in rule["fields"].items()
        if "required" in (level, level.get("level") if isinstance(level, dict) else "")
    }
    assert set(SCHEMA.suffixes["pet"].required) == required


def test_required_keys_are_names_of_bids_metadata(bids: Any) -> None:
    known = {entry["name"] for entry in bids["objects"]["metadata"].values()}
    for suffix in SCHEMA.suffixes.values():
        assert set(suffix.required) <= known, suffix.suffix


def test_a_key_that_claims_bids_is_in_bids_with_its_unit(bids: Any) -> None:
    metadata = {entry["name"]: entry for entry in bids["objects"]["metadata"].values()}
    claimed = [f for f in SCHEMA.fields.values() if f.source.startswith("BIDS 1.11.2 metadata")]
    assert len(claimed) > 20
    for field in claimed:
        assert field.key in metadata, field.key
        unit = metadata[field.key].get("unit")
        assert unit is None or unit == field.unit, field.key


# --- against DICOM ---------------------------------------------------------------------------------------

NEVER = {"PN", "DA", "TM", "DT", "UI", "LT", "ST", "UT", "UN", "SQ", "OB", "OW"}
"""Value representations of names, dates, times, UIDs, free text and bulk data."""

KINDS = {
    "number": {"DS", "FL", "FD", "IS", "US", "SS", "UL", "SL"},
    "integer": {"IS", "US", "SS", "UL", "SL"},
    "string": {"CS", "LO", "SH"},
}


@pytest.mark.parametrize("key", [key for key, field in SCHEMA.fields.items() if field.dicom])
def test_a_field_is_a_dicom_attribute_of_its_type(key: str) -> None:
    field = SCHEMA.fields[key]
    tag = pydicom.datadict.tag_for_keyword(field.dicom)
    assert tag is not None
    representations = set(pydicom.datadict.dictionary_VR(tag).split(" or "))
    assert not representations & NEVER
    assert representations & KINDS[field.type.removeprefix("array of ")]
    if field.type.startswith("array"):
        assert pydicom.datadict.dictionary_VM(tag) != "1"
    elif key != "SoftwareVersions":  # BIDS has one text there
        assert field.per_slice or pydicom.datadict.dictionary_VM(tag) == "1"


@pytest.mark.shared
def test_no_field_is_one_that_the_basic_profile_removes(shared: Path) -> None:
    table = json.loads((shared / "deid" / "ps3.15-e1-1.json").read_bytes())
    removed = {row["keyword"] for row in table["rows"] if row.get("keyword")}
    assert len(removed) > 500
    assert not {field.dicom for field in SCHEMA.fields.values()} & removed


def test_free_text_and_identifiers_are_not_in_the_allow_list() -> None:
    known = {field.dicom for field in SCHEMA.fields.values()} | set(SCHEMA.fields)
    for keyword in (
        "PatientName PatientID PatientBirthDate StudyDescription SeriesDescription ProtocolName ImageComments "
        "StationName DeviceSerialNumber InstitutionName AcquisitionDate StudyInstanceUID SequenceName ReceiveCoilName"
    ).split():
        assert keyword not in known


def test_body_parts_have_the_codes_and_meanings_of_dicom() -> None:
    regions = snomed(4031)
    found = {}
    for code in SCHEMA.code_lists["body_parts"].codes.values():
        match = re.match(r"SCT (\d+), ", code.source)
        assert match, code.code
        assert match[1] not in found, code.code
        found[match[1]] = code.code
        assert code.source.endswith("CID 4031") == (match[1] in regions), code.code
        assert code.definition == regions.get(match[1], code.definition)
    assert len(found) >= 120


def test_views_have_the_codes_of_dicom() -> None:
    checked = 0
    for code in SCHEMA.code_lists["view_positions"].codes.values():
        for number, cid in re.findall(r"SCT (\d+), CID (\d+)", code.source):
            assert number in snomed(int(cid)), code.code
            checked += 1
    assert checked > 25
