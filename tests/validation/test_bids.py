"""BIDS as it is: recordings of every kind are silent, single faults in them are named, MIDS asks nothing of them."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from example_datasets.broken_bids import plain, valid
from example_datasets.defects import BASES
from example_datasets.recordings import SUB, recordings
from example_datasets.small import Files, radiograph, write
from mids.issues import Level
from mids.validation import Report
from mids.validation.runner import validate

HERE = Path(__file__).parent


def report(files: Files, root: Path, **options: Any) -> Report:
    write(files, root / "dataset")
    found = validate(root / "dataset", deep=True, **options)
    assert not found.crashed
    return found


def errors(found: Report) -> set[tuple[str, str, str]]:
    return {(issue.code, issue.path, issue.message) for issue in found if issue.level is Level.ERROR}


@pytest.mark.parametrize("as_bids", [False, True])
@pytest.mark.parametrize("make", [recordings, plain, valid])
def test_right_datasets_of_bids_are_silent(make: Callable[[], Files], as_bids: bool, tmp_path: Path) -> None:
    assert list(report(make(), tmp_path, plain=as_bids)) == []


def test_recordings_beside_parts_of_mids_are_no_errors(tmp_path: Path) -> None:
    old, new = SUB, "sub-S01/ses-E01"
    files = radiograph()
    for path, content in recordings().items():
        if path.startswith(f"{old}/"):
            name = path.removeprefix(f"{old}/").replace(f"{old}_", "sub-S01_ses-E01_")
            assert isinstance(content, bytes)
            linked = content.replace(f"{old}/func/{old}".encode(), f"{new}/func/sub-S01_ses-E01".encode())
            files[f"{new}/{name}"] = linked.replace(f"={old}_".encode(), b"=sub-S01_ses-E01_")
    files["samples.tsv"] = recordings()["samples.tsv"]
    assert errors(report(files, tmp_path)) == set()


def test_the_profile_bids_leaves_parts_of_mids_to_bidsignore(tmp_path: Path) -> None:
    files = radiograph()
    assert {code for code, _, _ in errors(report(files, tmp_path, plain=True))} == set()
    files[".bidsignore"] = b""
    assert "FOLDER_UNKNOWN" in {code for code, _, _ in errors(report(files, tmp_path, plain=True))}


def test_a_dataset_of_bids_alone_has_the_levels_of_the_profile(tmp_path: Path) -> None:
    stem = "sub-01/anat/sub-01_T1w"
    files = {path.replace(stem, "sub-01/func/sub-01_T1w"): content for path, content in plain().items()}
    found = errors(report(files, tmp_path))
    assert {code for code, _, _ in found} == {"FOLDER_WRONG"}
    assert found == errors(report(files, tmp_path, plain=True))


def test_empty_images_among_others_are_errors(tmp_path: Path) -> None:
    files = BASES["bids"]()
    write({**files, **dict.fromkeys([path for path in files if path.endswith("_asl.nii.gz")], b"")}, tmp_path)
    codes = {issue.code for issue in validate(tmp_path)}
    assert "ZERO_BYTES" in codes
    assert "DATASET_HOLLOW" not in codes


def test_a_kind_of_which_every_file_is_empty_is_told_as_structure_alone(tmp_path: Path) -> None:
    files = BASES["bids"]()
    empty = {f"sub-A+1/anat/sub-A+1_run-{run}_T1w.nii.gz": b"" for run in (1, 2)}
    write({**files, **empty}, tmp_path)
    found = [issue for issue in validate(tmp_path) if issue.code in ("DATASET_HOLLOW", "ZERO_BYTES")]
    assert [(issue.code, issue.value) for issue in found] == [("DATASET_HOLLOW", "_T1w.nii.gz")]


# --- published examples ----------------------------------------------------------------------------------

EXAMPLES = os.environ.get("BIDS_EXAMPLES", "")
KNOWN: dict[str, dict[str, str]] = yaml.safe_load((HERE / "bids_examples.yaml").read_text("utf-8"))


def _examples() -> list[str]:
    if not EXAMPLES:
        return []
    return sorted(path.parent.name for path in Path(EXAMPLES).glob("*/dataset_description.json"))


@pytest.mark.slow
@pytest.mark.skipif(not EXAMPLES, reason="BIDS_EXAMPLES does not name a checkout of bids-standard/bids-examples")
@pytest.mark.parametrize("name", _examples())
def test_published_examples_have_no_error_but_known_defects(name: str) -> None:
    found = validate(Path(EXAMPLES) / name)
    assert not found.crashed
    assert {issue.code for issue in found.errors} == set(KNOWN.get(name, ()))


def test_every_known_defect_has_a_reason() -> None:
    assert all(reason.endswith(".") for codes in KNOWN.values() for reason in codes.values())
    assert len(KNOWN) <= 21


BAD = os.environ.get("BIDS_VALIDATOR", "")
PLANTED: dict[str, list[tuple[str, str]]] = yaml.safe_load((HERE / "bids_bad_datasets.yaml").read_text("utf-8"))


@pytest.mark.slow
@pytest.mark.skipif(not BAD, reason="BIDS_VALIDATOR does not name a checkout of bids-standard/bids-validator")
@pytest.mark.parametrize("name", PLANTED)
def test_defects_that_the_official_validator_is_tested_with_are_named(name: str) -> None:
    found = validate(Path(BAD) / "tests" / "data" / name, plain=True)
    assert not found.crashed
    for code, part in PLANTED[name]:
        assert any(i.code == code and part in f"{i.message} {i.path}" for i in found), (code, part)
