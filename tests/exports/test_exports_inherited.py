"""Sidecars above their images: bids-validator with the exported schema says of them what this validator says."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from benchmarks.conformance import BIDS, theirs
from example_datasets.defects import BASES
from example_datasets.mutations import CT, Change, both, keys, put
from example_datasets.small import write
from example_datasets.variations import VARIATIONS, Variation, lift
from mids.exports import export_schema
from mids.validation.runner import validate
from mids.vocabulary.schema import load

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path(BIDS).exists(), reason="bids-validator-deno is not installed"),
]

LIFTED = [each for each in VARIATIONS if each.base == "mids" and each.name.startswith(("keys of", "gradients"))]
VISIT = "sub-S02/ses-E02/sub-S02_ses-E02"
WRONG: Mapping[str, tuple[Change, str, str, str]] = {
    "a wrong value at the top": (
        both(lift("ct.json", f"{CT}.json"), keys("ct.json", {"KVP": "high"})),
        "ct.json", "SIDECAR_VALUE", "JSON_SCHEMA_VALIDATION_ERROR",
    ),
    "a wrong value in a session": (
        both(lift(f"{VISIT}_ct.json", f"{CT}.json"), keys(f"{VISIT}_ct.json", {"KVP": "high"})),
        f"{VISIT}_ct.json", "SIDECAR_VALUE", "JSON_SCHEMA_VALIDATION_ERROR",
    ),
    "for nothing, at the top": (put("us.json", b"{}"), "us.json", "SIDECAR_ORPHAN_ABOVE", "SIDECAR_WITHOUT_DATAFILE"),
    "for nothing, by its body part": (
        put("bp-head_ct.json", b"{}"), "bp-head_ct.json", "SIDECAR_ORPHAN_ABOVE", "SIDECAR_WITHOUT_DATAFILE",
    ),
    "for nothing, in a session": (
        put(f"{VISIT}_us.json", b"{}"), f"{VISIT}_us.json", "SIDECAR_ORPHAN", "SIDECAR_WITHOUT_DATAFILE",
    ),
}  # fmt: skip
"""A change, the file that is wrong, our code and BIDS's."""


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bids") / "mids_schema.json"
    path.write_text(json.dumps(export_schema("bids", load())), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def before(schema: Path, tmp_path_factory: pytest.TempPathFactory) -> frozenset[tuple[str, str]]:
    """What the official validator says of the dataset as it is: advice."""
    root = tmp_path_factory.mktemp("base") / "dataset"
    write(dict(BASES["mids"]()), root)
    return theirs(root, schema)


@pytest.mark.parametrize("variation", LIFTED, ids=lambda variation: variation.name)
def test_inherited_files_are_right_for_both(
    variation: Variation, schema: Path, before: frozenset[tuple[str, str]], tmp_path: Path
) -> None:
    write(dict(variation.change(BASES["mids"]())), tmp_path / "dataset")
    assert theirs(tmp_path / "dataset", schema) - before == frozenset()


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_above_is_named_by_both(
    name: str, schema: Path, before: frozenset[tuple[str, str]], tmp_path: Path
) -> None:
    change, path, our, their = WRONG[name]
    write(dict(change(BASES["mids"]())), tmp_path / "dataset")
    assert theirs(tmp_path / "dataset", schema) - before == {(their, path)}
    assert {(issue.code, issue.path) for issue in validate(tmp_path / "dataset")} == {(our, path)}
