"""Single defects in a valid dataset: each is reported, with the right code, at the right place."""

from pathlib import Path

import pytest
from places import ROOT

from example_datasets.defects import BASES, DEFECTS
from example_datasets.mutations import Defect, Files
from mids.issues import Level
from mids.validation.runner import validate


def write_files(files: Files, root: Path) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


@pytest.mark.parametrize("base", BASES)
def test_the_datasets_themselves_are_silent(base: str, tmp_path: Path) -> None:
    assert list(validate(write_files(BASES[base](), tmp_path), deep=True)) == []


def test_there_are_enough_defects_and_no_name_twice() -> None:
    names = [defect.name for defect in DEFECTS]
    assert len(names) == len(set(names)) >= 80


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_a_single_defect_is_found_at_its_place(defect: Defect, tmp_path: Path) -> None:
    report = validate(write_files(defect.change(BASES[defect.base]()), tmp_path), deep=True)
    assert not report.crashed
    places = [(issue.path, issue.where) for issue in report if issue.code == defect.code]
    assert any(path == defect.path and defect.where in where for path, where in places), sorted(
        (issue.code, issue.path, issue.where) for issue in report
    )


@pytest.mark.parametrize("defect", [d for d in DEFECTS if d.code.startswith("PRIVACY_")], ids=lambda d: d.name)
def test_a_leak_is_not_repeated_in_its_message(defect: Defect, tmp_path: Path) -> None:
    report = validate(write_files(defect.change(BASES[defect.base]()), tmp_path), deep=True)
    said = "\n".join(f"{i.message} {i.where} {i.value} {i.expected}" for i in report if i.level is not Level.INFO)
    secrets = "Made Up,Made^Up,20200317,12345678Z,X1234567L,2550814168025,0499370899,078-05-1120,600 000,Inventado,1950"
    assert not any(secret in said for secret in (*secrets.split(","), "1.2.840.113619", "2020-03-17", "made.up", "93"))


def test_the_comparison_in_benchmarks_lists_every_defect_and_misses_none() -> None:
    text = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    rows = {line.split(" | ")[0].removeprefix("| "): line for line in text.splitlines() if line.startswith("| ")}
    for defect in DEFECTS:
        assert rows[defect.name].split(" | ")[2].startswith(f"`{defect.code}`"), "python -m benchmarks.conformance"
