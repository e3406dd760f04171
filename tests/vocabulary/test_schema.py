"""The vocabulary: its files, spellings, suffixes, tables and sidecars, and what users may add to it."""

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from docs.make_vocabulary import generate_page
from mids.errors import MidsError
from mids.resources import read_yaml, schemas
from mids.vocabulary.files import check, vocabulary_files
from mids.vocabulary.schema import load, report_dangling
from mids.vocabulary.sidecars import sidecar_schema, validator

SCHEMA = load()


# --- the files themselves --------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "path"), vocabulary_files(schemas()), ids=lambda value: getattr(value, "stem", value))
def test_every_file_is_as_the_meta_schema_says(kind: str, path: Path) -> None:
    assert check(kind, read_yaml(path)) == []


def test_every_reference_leads_somewhere() -> None:
    assert report_dangling(SCHEMA) == []


def test_generated_files_are_fresh() -> None:
    stale = [path.name for path, text in generate_page().items() if path.read_text(encoding="utf-8") != text]
    assert not stale, "run docs/make_vocabulary.py"


def test_the_vocabulary_goes_to_other_processes() -> None:
    assert pickle.loads(pickle.dumps(SCHEMA)) is load()
    other = replace(SCHEMA, entities={"sub": SCHEMA.entities["sub"]})
    again = pickle.loads(pickle.dumps(other))
    assert again.entities == other.entities
    assert again.mr_rules == SCHEMA.mr_rules
    assert again.code_lists["body_parts"].find("TORAX") == "chest"


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
        ("OT", "ot", "light"),
    ],
)  # fmt: skip
def test_suffix_of_a_modality(modality: str, suffix: str, group: str) -> None:
    found = SCHEMA.suffix_of(modality)
    assert found is not None
    assert (found.suffix, found.group) == (suffix, group)


@pytest.mark.parametrize("modality", ["MR", "SR", "PR", "RTSTRUCT", ""])
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


def write_file(folder: Path, file: str, text: str) -> Path:
    path = folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return folder


def test_a_user_adds_a_code_and_keeps_the_others(tmp_path: Path) -> None:
    text = "description: more\nsource: ours\ncodes:\n  hoof: {definition: hoof, source: ours, synonyms: [pezuña]}\n"
    schema = load(write_file(tmp_path, "code_lists/body_parts.yaml", text))
    assert schema.code_lists["body_parts"].find("Pezuna") == "hoof"
    assert schema.code_lists["body_parts"].find("TORAX") == "chest"
    assert "hoof" not in SCHEMA.code_lists["body_parts"].codes


def test_a_user_adds_a_column_a_suffix_and_a_rule_that_comes_first(tmp_path: Path) -> None:
    column = "file: participants.tsv\ndescription: x\nkey: [participant_id]\nadditional_columns: allow\n"
    column += "columns:\n  smoker: {type: code, code_list: yes_no, description: x, source: ours}\n"
    write_file(tmp_path, "tables/participants.yaml", column)
    write_file(tmp_path, "suffixes.yaml", "mrcp: {group: mr, extensions: [.nii.gz], description: x, source: ours}\n")
    rule = "- {suffix: mrcp, datatype: '', when: {SeriesDescription: {matches: mrcp}}, description: x}\n"
    schema = load(write_file(tmp_path, "mr_suffixes.yaml", rule))
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
        ("notes.txt", "nothing here", "not a folder of vocabulary files"),
    ],
)
def test_a_wrong_addition_is_refused_with_its_place(tmp_path: Path, file: str, text: str, says: str) -> None:
    with pytest.raises(MidsError, match=says):
        load(write_file(tmp_path, file, text))
