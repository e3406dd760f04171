"""The vocabulary against the standards it is taken from, and what users may add to it."""

import json
import pickle
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import bidsschematools
import pydicom.datadict
import pytest
from pydicom.sr._cid_dict import cid_concepts
from pydicom.sr._concepts_dict import concepts

from docs.make_vocabulary import generated
from mids.errors import MidsError
from mids.resources import read_yaml, schemas
from mids.vocabulary.files import check, vocabulary_files
from mids.vocabulary.schema import dangling, load, sidecar_schema, validator

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


# --- the files themselves --------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "path"), vocabulary_files(schemas()), ids=lambda value: getattr(value, "stem", value))
def test_every_file_is_as_the_meta_schema_says(kind: str, path: Path) -> None:
    assert check(kind, read_yaml(path)) == []


def test_every_reference_leads_somewhere() -> None:
    assert dangling(SCHEMA) == []


def test_generated_files_are_fresh() -> None:
    stale = [path.name for path, text in generated().items() if path.read_text(encoding="utf-8") != text]
    assert not stale, "run docs/make_vocabulary.py"


def test_the_vocabulary_goes_to_other_processes() -> None:
    assert pickle.loads(pickle.dumps(SCHEMA)) is load()
    other = replace(SCHEMA, entities={"sub": SCHEMA.entities["sub"]})
    again = pickle.loads(pickle.dumps(other))
    assert again.entities == other.entities
    assert again.mr_rules == SCHEMA.mr_rules
    assert again.code_lists["body_parts"].find("TORAX") == "chest"


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


# --- code lists ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        *(
            ("body_parts", text, "chest")
            for text in ("CHEST", "THORAX", "TORAX", "TÒRAX", "T?RAX", "T\ufffdRAX", "TORACICO", "Pecho", "2- TORAX")
        ),
        *(("body_parts", text, "chest") for text in (" torax ", "Tórax", "TO\u0301RAX", "3. Torax")),
        ("body_parts", "LSSPINE", "lsspine"),
        ("body_parts", "L SPINE", "lspine"),
        ("body_parts", "CHEST_ABDOMEN", "chestabdomen"),
        ("body_parts", "Cráneo", "skull"),
        ("body_parts", "RODILLA", "knee"),
        ("body_parts", "", None),
        ("body_parts", "???", None),
        ("body_parts", "spaceship", None),
        ("view_positions", "PA", "pa"),
        ("view_positions", "R-10206", "ap"),
        ("view_positions", "R-10214", "pa"),
        ("view_positions", "R-10236", "ll"),
        ("view_positions", "R-102CD", "lateral"),
        ("view_positions", "399368009", "mlo"),
        ("view_positions", "AP Supine", "ap"),
        ("view_positions", "L", "lateral"),
        ("view_positions", "Unknown", None),
        ("patient_position", "HFS", "supine"),
        ("patient_position", "LFP", "prone"),
        ("patient_position", "HFDL", "decubitus_left"),
        ("laterality", "U", None),
        ("sex", "female", "F"),
        ("covid_tests", "IgG", "IGG"),
        ("results", "POSITIVO", "positive"),
        ("results", "INDETERMINADO", "indeterminate"),
        ("results", "non réalisé", "not_performed"),
        ("split", "dev", "validation"),
        ("yes_no", "Sí", "yes"),
    ],
)
def test_spellings(name: str, text: str, code: str | None) -> None:
    assert SCHEMA.code_lists[name].find(text) == code


@pytest.mark.parametrize("name", sorted(SCHEMA.code_lists))
def test_no_spelling_means_two_codes(name: str) -> None:
    words = SCHEMA.code_lists[name]
    for code in words.codes.values():
        for spelling in (code.code, *code.synonyms):
            assert words.find(spelling) == code.code, spelling


# --- suffixes, tables ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("modality", "suffix", "group"),
    [
        ("CR", "cr", "rx"), ("DX", "dx", "rx"), ("MG", "mg", "rx"), ("XA", "xa", "rx"), ("RF", "rf", "rx"),
        ("CT", "ct", "ct"), ("US", "us", "us"), ("IVUS", "ivus", "us"), ("NM", "nm", "nm"), ("PT", "pet", "nm"),
        ("OP", "op", "op"), ("OPT", "opt", "op"), ("ES", "es", "light"), ("SM", "sm", "light"),
    ],
)  # fmt: skip
def test_suffix_of_a_modality(modality: str, suffix: str, group: str) -> None:
    found = SCHEMA.suffix_of(modality)
    assert found is not None
    assert (found.suffix, found.group) == (suffix, group)


@pytest.mark.parametrize("modality", ["MR", "SR", "PR", "OT", "RTSTRUCT", ""])
def test_what_has_no_suffix_of_its_own(modality: str) -> None:
    assert SCHEMA.suffix_of(modality) is None


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("participants.tsv", "participants"),
        ("sub-x/sub-x_sessions.tsv", "sessions"),
        ("sub-x/sub-y_sessions.tsv", None),
        ("sub-x/ses-y/sub-x_ses-y_scans.tsv", "scans"),
        ("sub-x/sub-x_scans.tsv", "scans"),
        ("sub-x/ses-y/sub-x_ses-z_scans.tsv", None),
        ("derivatives/ehr/laboratory_tests.tsv", "laboratory_tests"),
        ("derivatives/labels/labels.tsv", "labels"),
        ("derivatives/partitions.tsv", "partitions"),
        ("phenotype/intake_form-2.tsv", "phenotype"),
        ("participants_tsv", None),
        ("old/participants.tsv", None),
    ],
)
def test_table_of_a_path(path: str, name: str | None) -> None:
    table = SCHEMA.table_of(path)
    assert (table and table.name) == name


# --- sidecars --------------------------------------------------------------------------------------------

RADIOGRAPH = {"Modality": "CR", "PhotometricInterpretation": "MONOCHROME2", "Rows": 2000, "Columns": 1500}


@pytest.mark.parametrize(
    ("name", "content", "place"),
    [
        ("rx", RADIOGRAPH, None),
        ("rx", {**RADIOGRAPH, "KVP": 120, "SomethingElse": ["x"]}, None),
        ("rx", {**RADIOGRAPH, "PhotometricInterpretation": "MONOCHROME1"}, "$.PhotometricInterpretation"),
        ("rx", {**RADIOGRAPH, "KVP": "120"}, "$.KVP"),
        ("rx", {**RADIOGRAPH, "Rows": 0}, "$.Rows"),
        ("rx", {"Modality": "CR", "PhotometricInterpretation": "RGB", "Rows": 2}, "$"),
        ("ct", {"Modality": "CT", "XRayTubeCurrent": [200, 210.5], "SliceThickness": 5}, None),
        ("ct", {"Modality": "CT", "XRayTubeCurrent": [200, "x"]}, "$.XRayTubeCurrent"),
        ("ct", {"Modality": "CT", "BlankedRegions": [[0, 0, 10, 512]]}, None),
        ("ct", {"KVP": 120}, "$"),
        ("mr", {"Modality": "MR", "EchoTime": 0.003, "PhaseEncodingDirection": "j-"}, None),
        ("mr", {"Modality": "MR", "EchoTime": 90}, "$.EchoTime"),
        ("common", {}, None),
        ("dataset_description", {"Name": "A", "BIDSVersion": "1.10.1"}, None),
        ("dataset_description", {"Name": "A"}, "$"),
        ("dataset_description", {"Name": "A", "BIDSVersion": "1.10.1", "Authors": "One"}, "$.Authors"),
        ("dataset_description", {"Name": "A", "BIDSVersion": "1.10.1", "DatasetType": "derivative"}, "$"),
        (
            "dataset_description",
            {"Name": "A", "BIDSVersion": "1.10.1", "UsageTerms": {"CommercialUse": "perhaps"}},
            "$.UsageTerms.CommercialUse",
        ),
    ],
)
def test_sidecar_schemas(name: str, content: dict[str, Any], place: str | None) -> None:
    places = [error.json_path for error in validator(name).iter_errors(content)]
    assert places == ([] if place is None else [place])


def test_every_sidecar_schema_is_one() -> None:
    names = {suffix.sidecar for suffix in SCHEMA.suffixes.values()} - {""} | {"dataset_description"}
    for name in names:
        validator(name).check_schema(sidecar_schema(name))
    with pytest.raises(KeyError):
        sidecar_schema("../meta")


# --- what users add --------------------------------------------------------------------------------------


def written(folder: Path, file: str, text: str) -> Path:
    path = folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return folder


def test_a_user_adds_a_code_and_keeps_the_others(tmp_path: Path) -> None:
    text = "description: more\nsource: ours\ncodes:\n  hoof: {definition: hoof, source: ours, synonyms: [pezuña]}\n"
    schema = load(written(tmp_path, "code_lists/body_parts.yaml", text))
    assert schema.code_lists["body_parts"].find("Pezuna") == "hoof"
    assert schema.code_lists["body_parts"].find("TORAX") == "chest"
    assert "hoof" not in SCHEMA.code_lists["body_parts"].codes


def test_a_user_adds_a_column_a_suffix_and_a_rule_that_comes_first(tmp_path: Path) -> None:
    column = "file: participants.tsv\ndescription: x\nkey: [participant_id]\nadditional_columns: allow\n"
    column += "columns:\n  smoker: {type: code, code_list: yes_no, description: x, source: ours}\n"
    written(tmp_path, "tables/participants.yaml", column)
    written(tmp_path, "suffixes.yaml", "mrcp: {group: mr, extensions: [.nii.gz], description: x, source: ours}\n")
    rule = "- {suffix: mrcp, datatype: '', when: {SeriesDescription: {matches: mrcp}}, description: x}\n"
    schema = load(written(tmp_path, "mr_suffixes.yaml", rule))
    assert {"smoker", "age"} <= set(schema.tables["participants"].columns)
    first = next(rule for rule in schema.mr_rules if rule.matches({"SeriesDescription": "T2 MRCP"}))
    assert first.suffix == "mrcp"


@pytest.mark.parametrize(
    ("file", "text", "says"),
    [
        (
            "code_lists/tests.yaml",
            "description: x\nsource: y\ncodes: {A: {source: z}}\n",
            r"s.yaml, line 3, \$.codes.A: ",
        ),
        ("suffixes.yaml", "x: {group: rx, extensions: [png], description: d, source: s}\n", r"\$.x.extensions\[0\]"),
        ("suffixes.yaml", "x: [1\n", "suffixes.yaml, line 2: not YAML"),
        ("suffixes.yaml", "", "suffixes.yaml, "),
        ("suffixes.yaml", "x: {group: no, extensions: [.png], description: d, source: s}\n", r"\$.x.group"),
        ("suffixes.yaml", "x: {group: xray, extensions: [.png], description: d, source: s}\n", "no group xray"),
        ("entities.yaml", "x: {name: n, kind: code, description: d, source: s}\n", "code_list"),
        (
            "entities.yaml",
            "x: {name: n, kind: code, code_list: gone, description: d, source: s}\n",
            "no code list gone",
        ),
        ("notes.txt", "nothing here", "no folder of vocabulary files"),
    ],
)
def test_a_wrong_addition_is_refused_with_its_place(tmp_path: Path, file: str, text: str, says: str) -> None:
    with pytest.raises(MidsError, match=says):
        load(written(tmp_path, file, text))
