"""Names by BIDS's file rules: every kind of file that the schema allows, and single faults in them."""

from collections.abc import Iterator
from typing import Any

import pytest

from mids.vocabulary.bids.names import is_recording, judge
from mids.vocabulary.bids.schema import FileRule, load

BIDS = load()
SAMPLES = {"index": "01", "label": "A1+b"}


def _value(rule: FileRule, key: str) -> str:
    if key in rule.values:
        return sorted(rule.values[key])[0]
    entity: Any = next(e for e in BIDS.objects["entities"].values() if e["name"] == key)
    return SAMPLES[entity["format"]]


def _name(rule: FileRule, suffix: str, extension: str, levels: tuple[str, ...]) -> str:
    keys = [key for key in BIDS.entities.values() if rule.entities.get(key) in levels]
    return "_".join([*(f"{key}-{_value(rule, key)}" for key in keys), suffix + extension])


def _place(name: str, datatype: str) -> str:
    folders = [token for token in name.split("_") if token.startswith(("sub-", "ses-"))]
    return "/".join([*folders, *([datatype] if datatype else []), name])


def _raw() -> Iterator[tuple[FileRule, str, str, str]]:
    """(rule, suffix, datatype, extension) of every kind of file of raw datasets."""
    for suffix, rules in BIDS.file_rules.items():
        for rule in rules:
            if not rule.derived and "sub" in rule.entities:
                for datatype in sorted(rule.datatypes) or [""]:
                    for extension in sorted(rule.extensions):
                        yield rule, suffix, datatype, ".txt" if extension == ".*" else extension


def test_every_kind_of_file_of_the_schema_is_right() -> None:
    number = 0
    for rule, suffix, datatype, extension in _raw():
        is_folder = extension.endswith("/")
        for levels in (("required",), ("required", "optional")):
            path = _place(_name(rule, suffix, extension.removesuffix("/"), levels), datatype)
            assert judge(path, BIDS, derived=False, folder=is_folder) == (), path
            assert not is_folder or is_recording(path.rpartition("/")[2], datatype, BIDS)
            number += 1
    assert number > 1000


def test_a_required_entity_is_missed() -> None:
    for rule, suffix, datatype, extension in _raw():
        for key in [key for key, level in rule.entities.items() if level == "required" and key != "sub"]:
            name = _name(rule, suffix, extension.removesuffix("/"), ("required",))
            name = "_".join(token for token in name.split("_") if not token.startswith(f"{key}-"))
            found = judge(_place(name, datatype), BIDS, derived=False, folder=extension.endswith("/"))
            # Of MEG's calibration files and recordings each is the other without its entity.
            assert found, name
            assert {problem.code for problem in found} <= {"ENTITY_MISSING", "EXTENSION_WRONG"}, name


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("sub-01/eeg/sub-01_task-rest_eeeg.edf", "SUFFIX_UNKNOWN"),
        ("sub-01/eeg/sub-01_task-rest_eeg.mat", "EXTENSION_WRONG"),
        ("sub-01/eeg/sub-01_eeg.edf", "ENTITY_MISSING"),
        ("sub-01/anat/sub-01_task-rest_eeg.edf", "FOLDER_WRONG"),
        ("sub-01/brains/sub-01_T1w.nii.gz", "FOLDER_UNKNOWN"),
        ("sub-01/anat/deep/sub-01_T1w.nii.gz", "FOLDER_UNKNOWN"),
        ("sub-01/anat/sub-02_T1w.nii.gz", "FOLDER_MISMATCH"),
        ("sub-01/ses-1/anat/sub-01_ses-2_T1w.nii.gz", "FOLDER_MISMATCH"),
        ("sub-01/anat/sub-01_ses-1_T1w.nii.gz", "FOLDER_MISMATCH"),
        ("sub-01/anat/sub-01_hemi-L_T1w.nii.gz", "ENTITY_FORBIDDEN"),
        ("sub-01/anat/sub-01_part-real2_T1w.nii.gz", "ENTITY_VALUE"),
        ("sub-01/anat/sub-01_run-one_T1w.nii.gz", "ENTITY_VALUE"),
        ("sub-01/anat/sub-01_acq-a.b_T1w.nii.gz", "NAME_UNPARSEABLE"),
        ("sub-01/anat/sub-01_run-1_run-2_T1w.nii.gz", "ENTITY_DUPLICATED"),
        ("sub-01/anat/sub-01_run-_T1w.nii.gz", "ENTITY_EMPTY"),
        ("sub-01/anat/sub-01__T1w.nii.gz", "ENTITY_EMPTY"),
        ("sub-01/anat/sub-01_run-1_acq-x_T1w.nii.gz", "ENTITY_MISORDERED"),
        ("sub-01/anat/sub-01_colour-red_T1w.nii.gz", "ENTITY_UNKNOWN"),
        ("sub-01/anat/T1w.nii.gz", "NAME_UNPARSEABLE"),
        ("sub-01/anat/brain.nii.gz", "NAME_UNPARSEABLE"),
        ("sub-01/sub-01_T1w.nii.gz", "FOLDER_WRONG"),
        ("sub-01/anat/sub-01_T1map.nii.gz.txt", "EXTENSION_WRONG"),
    ],
)
def test_single_faults(path: str, code: str) -> None:
    assert code in {problem.code for problem in judge(path, BIDS, derived=False)}


@pytest.mark.parametrize(
    "path",
    [
        "sub-01/sub-01_task-rest_bold.json",
        "sub-01/ses-1/sub-01_ses-1_eeg.json",
        "sub-01/sub-01_dwi.bval",
        "sub-01/ses-1/sub-01_ses-1_task-rest_events.tsv",
        "sub-01/ses-1/sub-01_ses-1_scans.tsv",
        "sub-01/sub-01_sessions.json",
    ],
)
def test_what_is_inherited_lies_above_and_needs_no_entity(path: str) -> None:
    assert judge(path, BIDS, derived=False) == ()


def test_derivatives_have_rules_of_their_own() -> None:
    path = "tpl-MNI/cohort-1/anat/tpl-MNI_cohort-1_atlas-A_res-1_dseg.nii.gz"
    assert judge(path, BIDS, derived=True) == ()
    assert judge(path, BIDS, derived=False) != ()
