"""The exported vocabularies, each opened by the tool that it is for."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bidsschematools
import jsonschema
import pytest
from bids import BIDSLayout
from bidsschematools.validator import validate_bids
from places import EXAMPLES

from mids.errors import MidsError
from mids.exports import KINDS, export_schema
from mids.resources import schemas
from mids.vocabulary.schema import load

VALID = [EXAMPLES / "valid", *sorted(EXAMPLES.glob("sources/*/mids"))]
VALIDATOR = shutil.which("bids-validator-deno", path=str(Path(sys.executable).parent))
SCHEMA = load()


@pytest.fixture(scope="module")
def bids_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The exported BIDS schema."""
    path = tmp_path_factory.mktemp("bids") / "mids_schema.json"
    path.write_text(json.dumps(export_schema("bids", SCHEMA)), encoding="utf-8")
    return path


def visible(dataset: Path, folder: Path) -> Path:
    """A copy of a dataset in which BIDS tools look into `mim-` folders."""
    copy = folder / "dataset"
    shutil.copytree(dataset, copy, ignore=shutil.ignore_patterns(".bidsignore"))
    return copy


def names(paths: list[Path]) -> list[str]:
    return [path.relative_to(EXAMPLES).as_posix() for path in paths]


def test_every_export_is_json_and_the_same_each_time() -> None:
    for kind in KINDS:
        assert json.dumps(export_schema(kind, SCHEMA)) == json.dumps(export_schema(kind, SCHEMA))  # type: ignore[arg-type]


def test_another_kind_is_wrong_use() -> None:
    with pytest.raises(MidsError, match="unknown export yaml: choose from bids, pybids"):
        export_schema("yaml", SCHEMA)  # type: ignore[arg-type]


# --- BIDS ------------------------------------------------------------------------------------------------


def official(dataset: Path, schema: Path) -> Iterator[tuple[str, str, str]]:
    """(severity, code, path) of what the official validator says."""
    assert VALIDATOR is not None
    command = [VALIDATOR, "--format", "json", "--schema", schema.as_uri(), str(dataset)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    answer = json.loads(run.stdout)
    assert answer["summary"]["schemaVersion"].endswith("+mids")
    for issue in answer["issues"]["issues"]:
        yield issue.get("severity", ""), issue["code"], issue.get("location", "")


needs_validator = pytest.mark.skipif(VALIDATOR is None, reason="bids-validator-deno is not installed")


@pytest.mark.slow
@needs_validator
@pytest.mark.parametrize("dataset", VALID, ids=names(VALID))
def test_official_validator_finds_no_error_in_valid_datasets(dataset: Path, bids_file: Path, tmp_path: Path) -> None:
    found = list(official(visible(dataset, tmp_path), bids_file))
    assert [issue for issue in found if issue[0] == "error"] == []
    assert "NOT_INCLUDED" not in {code for _, code, _ in found}


SEEN = {
    "BIDS_KEY_MISSING": "SIDECAR_KEY_REQUIRED",
    "CELL_CODE": "TSV_VALUE_INCORRECT_TYPE",
    "CELL_RANGE": "TSV_VALUE_INCORRECT_TYPE",
    "CELL_TYPE": "TSV_VALUE_INCORRECT_TYPE",
    "COLUMN_MISSING": "TSV_COLUMN_MISSING",
    "ENTITY_DUPLICATED": "FILENAME_MISMATCH",
    "ENTITY_EMPTY": "ENTITY_WITH_NO_LABEL",
    "ENTITY_MISORDERED": "FILENAME_MISMATCH",
    "ENTITY_MISSING": "ENTITY_MISSING",
    "ENTITY_UNKNOWN": "ENTITY_NOT_IN_RULE",
    "EXTENSION_WRONG": "EXTENSION_MISMATCH",
    "FOLDER_UNKNOWN": "NOT_INCLUDED",
    "FOLDER_WRONG": "DATATYPE_MISMATCH",
    "KEY_DUPLICATED": "TSV_INDEX_VALUE_NOT_UNIQUE",
    "LEGACY_FOLDER": "NOT_INCLUDED",
    "SIDECAR_KEY_MISSING": "SIDECAR_KEY_REQUIRED",
    "SIDECAR_MISSING": "SIDECAR_KEY_REQUIRED",
    "SIDECAR_VALUE": "JSON_SCHEMA_VALIDATION_ERROR",
    "SUFFIX_UNKNOWN": "ALL_FILENAME_RULES_HAVE_ISSUES",
}
"""Broken examples, and the error by which the official validator sees the defect with our schema."""


@pytest.mark.slow
@needs_validator
@pytest.mark.parametrize("code", sorted(SEEN))
def test_official_validator_sees_the_defect(code: str, bids_file: Path, tmp_path: Path) -> None:
    found = official(visible(EXAMPLES / "broken" / code, tmp_path), bids_file)
    assert SEEN[code] in {issue for severity, issue, _ in found if severity == "error"}


@pytest.mark.slow
@needs_validator
@pytest.mark.parametrize("code", ["ENTITY_VALUE", "MODALITY_CONTRADICTED"])
def test_official_validator_warns_under_our_code(code: str, bids_file: Path, tmp_path: Path) -> None:
    found = official(visible(EXAMPLES / "broken" / code, tmp_path), bids_file)
    assert code in {issue for severity, issue, _ in found if severity == "warning"}


@needs_validator
def test_a_body_part_has_no_place_in_a_bids_folder(bids_file: Path, tmp_path: Path) -> None:
    dataset = visible(EXAMPLES / "valid", tmp_path)
    image = dataset / "sub-S01" / "ses-E01" / "anat" / "sub-S01_ses-E01_run-1_bp-chest_T1w.nii.gz"
    image.parent.mkdir()
    shutil.copyfile(next(dataset.glob("sub-S02/**/*_ct.nii.gz")), image)
    assert ("warning", "FOLDER_WRONG", f"/{image.relative_to(dataset).as_posix()}") in official(dataset, bids_file)


def test_rules_of_bids_folders_spare_the_folders_of_the_same_name_below_mim() -> None:
    rules = export_schema("bids", SCHEMA)["rules"]
    assert all('!match(path, "/mim-[a-z]+/")' in rule["selectors"] for rule in rules["sidecars"]["func"].values())
    assert all("mim-" not in str(rule["selectors"]) for rule in rules["checks"]["nifti"].values())


def test_entities_stand_where_the_vocabulary_has_them() -> None:
    bids = export_schema("bids", SCHEMA)
    keys = [bids["objects"]["entities"][name]["name"] for name in bids["rules"]["entities"]]
    assert [key for key in keys if key in SCHEMA.entities] == list(SCHEMA.entities)


@pytest.mark.slow
def test_the_meta_schema_of_bids_complains_of_folder_names_only(bids_file: Path) -> None:
    meta = json.loads((Path(bidsschematools.__file__).parent / "data" / "metaschema.json").read_bytes())
    content = json.loads(bids_file.read_bytes())
    found = [error.message for error in jsonschema.Draft202012Validator(meta).iter_errors(content)]
    assert [message for message in found if not re.search(r"'mim-\w+(/\w+)?'.* (does|do) not match", message)] == []


@pytest.mark.parametrize("dataset", VALID, ids=names(VALID))
def test_bidsschematools_knows_every_file(dataset: Path, bids_file: Path) -> None:
    answer = validate_bids(str(dataset), schema_path=str(bids_file))
    images = [path for path in answer["path_listing"] if path.endswith((".png", ".nii.gz"))]
    assert images
    assert answer["path_tracking"] == []


@pytest.mark.parametrize("dataset", VALID, ids=names(VALID))
def test_bids2table_has_a_column_for_each_of_our_entities(dataset: Path, bids_file: Path) -> None:
    bids2table = pytest.importorskip("bids2table")
    rows = bids2table.index_dataset(dataset, schema=bids_file).to_pylist()
    images = [row for row in rows if row["ext"] != ".tsv"]
    assert len(images) == sum(1 for p in dataset.glob("sub-*/**/*") if p.name.endswith((".png", ".nii.gz")))
    for row in images:
        for key in ("bp", "lat", "vp"):
            assert (f"_{key}-{row[key]}_" in row["path"]) == (row[key] is not None)


# --- the others ------------------------------------------------------------------------------------------


def test_pybids_opens_its_configuration(tmp_path: Path) -> None:
    path = tmp_path / "mids.json"
    path.write_text(json.dumps(export_schema("pybids", SCHEMA)), encoding="utf-8")
    layout = BIDSLayout(EXAMPLES / "valid", validate=False, config=str(path))
    assert [Path(file).name for file in layout.get(viewposition="pa", extension=".png", return_type="file")] == [
        "sub-S01_ses-E01_run-1_bp-chest_vp-pa_dx.png"
    ]


def test_json_schema_judges_the_files_of_a_dataset() -> None:
    bundle = export_schema("jsonschema", SCHEMA)
    jsonschema.Draft202012Validator.check_schema(bundle)

    def errors(name: str, content: Any) -> list[str]:
        rules = {"$ref": f"#/$defs/{name}", "$defs": bundle["$defs"]}
        return [error.json_path for error in jsonschema.Draft202012Validator(rules).iter_errors(content)]

    for dataset in VALID:
        for path in dataset.glob("sub-*/**/mim-*/**/*.json"):
            group = path.relative_to(dataset).as_posix().partition("/mim-")[2].partition("/")[0]
            assert errors(group, json.loads(path.read_bytes())) == []
        assert errors("dataset_description", json.loads((dataset / "dataset_description.json").read_bytes())) == []
    assert sorted(errors("rx", {"Modality": 7})) == ["$", "$", "$", "$.Modality"]


def test_json_schema_of_the_vocabulary_is_that_of_the_files() -> None:
    bundle = export_schema("jsonschema", SCHEMA)["$defs"]
    for path in (schemas() / "sidecars").glob("*.json"):
        assert bundle[path.stem] == json.loads(path.read_bytes())


def tables(dataset: Path) -> Iterator[tuple[dict[str, Any], str]]:
    """Every table of a dataset with its resource, as the globs of the package find them."""
    for resource in export_schema("frictionless", SCHEMA)["resources"]:
        for path in sorted(dataset.glob(resource["path"])):
            alone = {key: value for key, value in resource["schema"].items() if key != "foreignKeys"}
            relative = path.relative_to(dataset).as_posix()
            yield {**resource, "path": relative, "schema": alone}, relative


def test_frictionless_finds_every_table_of_the_vocabulary() -> None:
    found = {path for _, path in tables(EXAMPLES / "valid")}
    ours = (p.relative_to(EXAMPLES / "valid").as_posix() for p in (EXAMPLES / "valid").rglob("*.tsv"))
    assert found == {path for path in ours if SCHEMA.table_of(path)}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("dataset", VALID, ids=names(VALID))
def test_frictionless_is_content_with_valid_tables(dataset: Path) -> None:
    frictionless = pytest.importorskip("frictionless")
    assert frictionless.Package.from_descriptor(export_schema("frictionless", SCHEMA)).resource_names
    for resource, path in tables(dataset):
        report = frictionless.Resource.from_descriptor(resource, basepath=str(dataset)).validate()
        assert report.flatten(["rowNumber", "fieldName", "message"]) == [], path


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    ("code", "place"),
    [
        ("CELL_CODE", [2, "sex", "constraint-error"]),
        ("CELL_DATE", [2, "acq_time", "type-error"]),
        ("CELL_RANGE", [2, "age", "constraint-error"]),
        ("CELL_TYPE", [2, "age", "type-error"]),
        ("KEY_DUPLICATED", [3, None, "primary-key"]),
    ],
)
def test_frictionless_sees_the_defect(code: str, place: list[object]) -> None:
    frictionless = pytest.importorskip("frictionless")
    dataset = EXAMPLES / "broken" / code
    found = [
        entry
        for resource, _ in tables(dataset)
        for entry in frictionless.Resource.from_descriptor(resource, basepath=str(dataset))
        .validate()
        .flatten(["rowNumber", "fieldName", "type"])
    ]
    assert place in found


# --- with words of a user --------------------------------------------------------------------------------


@needs_validator
def test_words_of_a_user_reach_the_official_validator(tmp_path: Path) -> None:
    extra = tmp_path / "extra"
    extra.mkdir()
    phase = "phase: {name: heart phase, kind: label, bids: false, description: Part of the beat, source: ours}\n"
    (extra / "entities.yaml").write_text(phase, encoding="utf-8")
    schema = tmp_path / "schema.json"
    schema.write_text(json.dumps(export_schema("bids", load(extra))), encoding="utf-8")
    dataset = visible(EXAMPLES / "valid", tmp_path)
    for path in list(dataset.glob("sub-S02/**/*_ct.*")):
        path.rename(path.with_name(path.name.replace("_ct", "_phase-systole_ct")))
    scans = next(dataset.glob("sub-S02/*/*_scans.tsv"))
    scans.write_text(scans.read_text().replace("_ct", "_phase-systole_ct"))
    assert [issue for issue in official(dataset, schema) if issue[0] == "error"] == []
