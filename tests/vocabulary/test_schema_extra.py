"""Words that a user adds to the vocabulary, from their YAML to what the validator says."""

import json
from pathlib import Path

import pytest

from mids import testing
from mids.errors import MidsError
from mids.exports import export_schema
from mids.validation.runner import validate
from mids.vocabulary.schema import Schema, load

CONE_BEAM = """
cbct: {group: dental, extensions: [.nii.gz], modalities: [CT], description: Cone-beam CT, source: ours}
"""
DENTAL = "dental: {folder: mim-dental, description: Images of teeth}\n"
TOOTH = """
tooth:
  name: tooth
  kind: code
  code_list: teeth
  bids: false
  description: The tooth by the notation of the FDI
  source: ISO 3950
"""
TEETH = """
description: Teeth by the notation of the FDI
source: ISO 3950
codes:
  "11": {definition: Upper right central incisor, source: ISO 3950}
  "48": {definition: Lower right third molar, source: ISO 3950, synonyms: [wisdom tooth]}
"""
IMPLANTS = """
file: derivatives/ehr/implants.tsv
description: One row for each implant
key: [participant_id, tooth]
additional_columns: warn
columns:
  participant_id: {type: label, required: true, description: The subject, source: ours}
  tooth: {type: code, code_list: teeth, required: true, description: The tooth, source: ours}
  length: {type: number, unit: mm, minimum: 4, maximum: 20, description: Length of the implant, source: ours}
"""
VOLUME = "sub-S2/ses-E2/mim-dental/sub-S2_ses-E2_run-1_tooth-48_cbct"


def write_files(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def dental(tmp_path: Path) -> Schema:
    files = {
        "suffixes.yaml": CONE_BEAM,
        "groups.yaml": DENTAL,
        "entities.yaml": TOOTH,
        "code_lists/teeth.yaml": TEETH,
        "tables/implants.yaml": IMPLANTS,
    }
    return load(write_files(tmp_path / "extra", files))


def move_stem(stem: str) -> dict[str, testing.Change]:
    """The volume of the dataset under another name, its row in the scans table too."""
    files, scans = testing.files(), testing.SCANS.replace("S1", "S2").replace("E1", "E2")
    old, new = (path.split("/", 2)[2].encode() for path in (testing.VOLUME, stem))
    return {
        f"{testing.VOLUME}.nii.gz": None,
        f"{testing.VOLUME}.json": None,
        f"{stem}.nii.gz": files[f"{testing.VOLUME}.nii.gz"],
        f"{stem}.json": files[f"{testing.VOLUME}.json"],
        scans: files[scans].replace(old, new),
    }


def test_new_words_are_names_like_all_others(dental: Schema, tmp_path: Path) -> None:
    testing.expect(tmp_path, move_stem(VOLUME), schema=dental)
    assert len(validate(tmp_path / "dataset", jobs=2, schema=dental)) == 0
    codes = {issue.code for issue in validate(tmp_path / "dataset")}
    assert codes == {"ENTITY_UNKNOWN", "SUFFIX_UNKNOWN"}


@pytest.mark.parametrize(
    ("stem", "codes"),
    [
        (VOLUME.replace("tooth-48", "tooth-99"), {"ENTITY_VALUE"}),
        (VOLUME.replace("tooth-48", "tooth-wisdomtooth"), {"LEGACY_NAME"}),
        (VOLUME.replace("mim-dental", "mim-rx"), {"FOLDER_WRONG"}),
        (VOLUME.replace("_run-1", ""), {"ENTITY_MISSING"}),
        (VOLUME.replace("_run-1_tooth-48", "_tooth-48_run-1"), {"ENTITY_MISORDERED"}),
    ],
)
def test_the_rules_hold_for_new_words(stem: str, codes: set[str], dental: Schema, tmp_path: Path) -> None:
    testing.expect(tmp_path, move_stem(stem), *codes, schema=dental)


def test_cells_of_a_new_table_are_checked(dental: Schema, tmp_path: Path) -> None:
    about = {
        **json.loads(testing.files()[testing.DESCRIPTION]),
        "DatasetType": "derivative",
        "GeneratedBy": [{"Name": "x"}],
    }
    table = testing.as_tsv(
        "participant_id tooth length", "sub-S1 48 10", "sub-S1 99 10", "sub-S1 11 200", "sub-S9 11 9"
    )
    changes: dict[str, testing.Change] = {
        "derivatives/ehr/implants.tsv": table,
        "derivatives/ehr/dataset_description.json": about,
    }
    found = testing.expect(tmp_path, changes, "CELL_CODE", "CELL_RANGE", "REFERENCE_UNKNOWN", schema=dental)
    assert {(issue.code, issue.where) for issue in found} == {
        ("CELL_CODE", "row 3, column tooth"),
        ("CELL_RANGE", "row 4, column length"),
        ("REFERENCE_UNKNOWN", "row 5, column participant_id"),
    }


def test_a_new_column_of_a_known_table(tmp_path: Path) -> None:
    columns = "file: participants.tsv\ndescription: x\nkey: [participant_id]\nadditional_columns: allow\ncolumns:\n"
    columns += "  pack_years: {type: number, unit: a, minimum: 0, description: x, source: ours}\n"
    schema = load(write_files(tmp_path / "extra", {"tables/participants.yaml": columns}))
    changes: dict[str, testing.Change] = {testing.PARTICIPANTS: testing.cells({"pack_years": "-3"})}
    testing.expect(tmp_path, changes, "CELL_RANGE", schema=schema)
    testing.expect(tmp_path, changes)


def test_new_words_are_exported(dental: Schema) -> None:
    bids = export_schema("bids", dental)
    assert bids["objects"]["entities"]["tooth"]["enum"] == ["11", "48"]
    assert "cbct" in bids["rules"]["files"]["raw"]["midsdental"]["rule1"]["suffixes"]
    assert {"name": "tooth", "pattern": "[_/\\\\]tooth-([a-zA-Z0-9]+)[^/\\\\]*$"} in export_schema("pybids", dental)[
        "entities"
    ]
    assert "implants" in {table["name"] for table in export_schema("frictionless", dental)["resources"]}
    assert export_schema("jsonschema", dental)["$defs"]["dental"]["required"] == ["Modality"]


FIELD = "ToothNumber: {type: integer, minimum: 11, maximum: 48, description: The tooth, source: ours, groups: [ct]}\n"


def test_a_new_key_is_in_the_json_schema_of_its_group(tmp_path: Path) -> None:
    bundle = export_schema("jsonschema", load(write_files(tmp_path / "extra", {"fields.yaml": FIELD})))
    assert bundle["$defs"]["ct"]["properties"]["ToothNumber"]["maximum"] == 48
    assert "ToothNumber" not in bundle["$defs"]["rx"]["properties"]


def test_a_new_key_of_sidecars_is_checked(tmp_path: Path) -> None:
    schema = load(write_files(tmp_path / "extra", {"fields.yaml": FIELD}))
    changes: dict[str, testing.Change] = {f"{testing.VOLUME}.json": testing.keys({"ToothNumber": 99})}
    found = testing.expect(tmp_path, changes, "SIDECAR_VALUE", schema=schema)
    assert found[0].where == "$.ToothNumber"
    testing.expect(tmp_path, changes)


# --- mistakes --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "text", "says"),
    [
        ("entities.yaml", TOOTH, r"entities\.yaml, line 5, tooth\.code_list: no code list teeth"),
        (
            "entities.yaml",
            TOOTH.replace("kind: code", "kind: kod"),
            r"entities\.yaml, line 4, \$\.tooth\.kind: 'kod' is not",
        ),
        ("entities.yaml", TOOTH + "\n  unit: mm\n", r"entities\.yaml, line 2, \$\.tooth: .*'unit' was unexpected"),
        ("suffixes.yaml", CONE_BEAM, r"suffixes\.yaml, line 2, cbct\.group: no group dental"),
        (
            "suffixes.yaml",
            CONE_BEAM.replace("dental", "ct, sidecar: dental"),
            r"suffixes\.yaml, line 2, cbct\.sidecar: no group dental",
        ),
        (
            "groups.yaml",
            DENTAL.replace("mim-dental", "mim-teeth"),
            r"groups\.yaml, line 1, dental\.folder: its folder is mim-dental",
        ),
        (
            "tables/implants.yaml",
            IMPLANTS,
            r"implants\.yaml, line 8, implants\.columns\.tooth\.code_list: no code list",
        ),
        (
            "tables/implants.yaml",
            IMPLANTS.replace("code_list: teeth", "code_list: sex").replace(
                "key: [participant_id, tooth]", "key: [implant]"
            ),
            r"implants\.yaml, line 4, implants\.key: no column implant",
        ),
        (
            "fields.yaml",
            FIELD.replace("[ct]", "[dental]"),
            r"fields\.yaml, line 1, ToothNumber\.groups: no group dental",
        ),
        ("fields.yaml", "ToothNumber: {\n", r"fields\.yaml, line 2: not YAML"),
    ],
)
def test_a_mistake_is_named_with_file_and_line(file: str, text: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(MidsError, match=says):
        load(write_files(tmp_path / "extra", {file: text}))
