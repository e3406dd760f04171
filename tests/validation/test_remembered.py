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
from mids.inspection.documents import obeys
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
            if obeys(part, number):
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
