"""What validation remembers or answers by a shortcut is what the long way gives."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from example_datasets.invented import gz, nifti
from example_datasets.recordings import recordings
from example_datasets.small import write
from mids.inspection.documents import ValueRule
from mids.validation.runner import validate
from mids.vocabulary.bids.schema import load as load_bids
from mids.vocabulary.schema import load
from mids.vocabulary.sidecars import validator

NUMBERS = (-1, 0, 1, 2, 90, 360, 361, 10**9, -0.5, 0.0, 1e-9, 0.5, 1.0, 89.5, 180.0, 360.5, 1e12)


def parts() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The definition of every key, in the schema of BIDS and in the JSON Schemas of MIDS."""
    yield from load_bids().objects["metadata"].items()
    words = load()
    for name in sorted({suffix.sidecar for suffix in words.suffixes.values() if suffix.sidecar}):
        schema: Any = validator(name, words).schema
        yield from ((key, part) for key, part in schema["properties"].items() if isinstance(part, dict))


def test_numbers_are_judged_as_jsonschema_judges_them() -> None:
    sure = 0
    for key, part in parts():
        rules = jsonschema.Draft202012Validator(part)
        for number in NUMBERS:
            if ValueRule([part], lambda _: True).judge(number) is None:
                sure += 1
                assert rules.is_valid(number), (key, number)
    assert sure > 1000


@pytest.mark.parametrize("first", ["01", "02"])
def test_names_of_another_kind_are_asked_for_other_keys(first: str, tmp_path: Path) -> None:
    """BIDS asks Units of images with `part-phase` alone: what is remembered of one name is not said of the other."""
    files = dict(recordings())
    image = gz(nifti((4, 4, 4)))
    for subject, extra in (("01", "_part-phase"), ("02", "")) if first == "01" else (("02", "_part-phase"), ("01", "")):
        stem = f"sub-{subject}/anat/sub-{subject}{extra}_T1w"
        files[f"{stem}.nii.gz"] = image
        files[f"{stem}.json"] = json.dumps({"Manufacturer": "Nobody"}).encode()
    write(files, tmp_path / "d")
    lacking = {issue.path for issue in validate(tmp_path / "d", plain=True) if "Units" in issue.message}
    assert lacking == {f"sub-{first}/anat/sub-{first}_part-phase_T1w.json"}


@pytest.mark.parametrize("first", ["1", "12"])
def test_a_label_that_begins_like_another_is_another(first: str, tmp_path: Path) -> None:
    """What is remembered of names that differ by their subject is not said of a name in the folder of another."""
    files = dict(recordings())
    other = {"1": "12", "12": "1"}[first]
    for subject, session, name in ((first, "1", first), (other, "1", other), (first, "2", other), (other, "2", first)):
        stem = f"sub-{subject}/ses-{session}/anat/sub-{name}_ses-{session}_T1w"
        files[f"{stem}.nii.gz"] = gz(nifti((4, 4, 4)))
        files[f"{stem}.json"] = json.dumps({"Manufacturer": "Nobody"}).encode()
    stem = f"sub-{first}/ses-1/anat/sub-{first}_ses-12_T1w"
    files[f"{stem}.nii.gz"] = gz(nifti((4, 4, 4)))
    write(files, tmp_path / "d")
    told = {issue.path for issue in validate(tmp_path / "d", plain=True) if issue.code == "FOLDER_MISMATCH"}
    wrong = [f"sub-{one}/ses-2/anat/sub-{two}_ses-2_T1w" for one, two in ((first, other), (other, first))]
    assert told == {f"{each}.nii.gz" for each in (*wrong, stem)}


@pytest.mark.parametrize("wrong", ["01", "02"])
def test_what_names_say_is_remembered_and_what_files_hold_is_not(wrong: str, tmp_path: Path) -> None:
    """Questions that a name answers are asked once of files that are named alike; the others of each of them."""
    files = dict(recordings())
    for subject in ("01", "02"):
        for name in ("anat/sub-{}_T1w", "dwi/sub-{}_dwi"):
            stem = f"sub-{subject}/{name.format(subject)}"
            files[f"{stem}.nii.gz"] = gz(nifti((4, 4, 4)))
            files[f"{stem}.json"] = json.dumps({"Manufacturer": "Nobody", "EchoTime": 0.05}).encode()
    files[f"sub-{wrong}/anat/sub-{wrong}_T1w.nii.gz"] = b"no gzip"
    files[f"sub-{wrong}/dwi/sub-{wrong}_dwi.nii.gz"] = gz(nifti((4, 4, 4), spacing=(1, 1, -1)))
    files[f"sub-{wrong}/anat/sub-{wrong}_T1w.json"] = b'{"Manufacturer": "Nobody", "EchoTime": 50}'
    write(files, tmp_path / "d")
    told = {(issue.code, issue.path) for issue in validate(tmp_path / "d") if issue.path.startswith("sub-0")}
    of = {code: {path[4:6] for found, path in told if found == code} for code, _ in told}
    assert of["GRADIENTS_MISSING"] == {"01", "02"}
    assert of["GZIP_INVALID"] == of["NIFTI_SPACING"] == of["SIDECAR_UNIT"] == {wrong}
