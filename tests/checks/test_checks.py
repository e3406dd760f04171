"""Every code of the validator has a dataset that raises it and only it."""

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from places import EXAMPLES

from example_datasets import generate_broken as generator
from mids.checks import CHECKS, Check
from mids.inspection.registry import definition
from mids.issues import Level
from mids.validation.runner import definitions, validate

COMPANIONS = {
    "SIDECAR_SHARED": {"LEGACY_FOLDER"}, "PRIVACY_DICOM": {"EXTENSION_WRONG"}, "MARK_OUTSIDE": {"TABLE_UNKNOWN"},
    "BOX_SHAPE_CONTRADICTED": {"TABLE_UNKNOWN"},
}  # fmt: skip
"""Codes that come with another: of a published layout, of a name that no file may have, of a collection's own table."""
ELSEWHERE = {"CHECK_CRASHED", "FILE_UNREADABLE", "WAIVER_UNUSED", "CLAIM_MET", "CLAIM_NOT_MET", "CLAIM_NOT_CHECKABLE"}
"""Codes that no dataset raises by its content, or on request only; each has a test of its own, below, in
test_validate_cli.py or test_claims.py."""


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize("code", sorted(definitions().keys() - ELSEWHERE))
def test_code_has_an_example_that_raises_only_it(code: str, tmp_path: Path) -> None:
    (tmp_path / "outside").write_bytes(b"made up")
    generator.write(generator.BROKEN[code](), tmp_path / "dataset")
    report = validate(tmp_path / "dataset", deep=True)
    assert {issue.code for issue in report} == {code} | COMPANIONS.get(code, set())
    found = [issue for issue in report if issue.code == code]
    assert all(issue.level is definitions()[code].level and issue.message and issue.fix for issue in found)
    assert report.exit_code() == (1 if definitions()[code].level is Level.ERROR else 0)
    # Reading whole images is for --deep alone: without it such a code must not come.
    quick = {issue.code for issue in validate(tmp_path / "dataset")}
    assert (code in quick) is not CHECKS[code].deep


def test_every_example_is_of_a_code() -> None:
    assert generator.BROKEN.keys() == definitions().keys() - ELSEWHERE


def test_valid_examples_raise_nothing(tmp_path: Path) -> None:
    assert list(validate(EXAMPLES / "valid", deep=True)) == []
    for make in (generator.radiograph, generator.volume, generator.diffusion):
        generator.write(make(), tmp_path / "dataset")
        assert list(validate(tmp_path / "dataset", deep=True)) == []


def test_committed_examples_are_those_of_the_generator(tmp_path: Path) -> None:
    committed = generator.BROKEN.keys() - generator.UNCOMMITTED
    assert {path.name for path in (EXAMPLES / "broken").iterdir() if path.is_dir()} == committed
    for code in sorted(committed):
        generator.write(generator.BROKEN[code](), tmp_path / code)
        assert contents(tmp_path / code) == contents(EXAMPLES / "broken" / code), code
    generator.write(generator.valid(), tmp_path / "valid")
    assert contents(tmp_path / "valid") == contents(EXAMPLES / "valid")


def test_a_check_that_crashes_is_an_issue_and_the_rest_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def faulty(_: object) -> Iterator[str]:
        """It fails.

        Why: To see what happens.

        Fix: Nothing.
        """
        raise KeyError("Nobody^Invented")
        yield ""

    generator.write(generator.BROKEN["README_MISSING"](), tmp_path / "dataset")
    found = definition("FAULTY", Level.ERROR, faulty)
    monkeypatch.setitem(CHECKS, "FAULTY", Check(found, "dataset", "layout", False, faulty))
    report = validate(tmp_path / "dataset")
    assert {issue.code for issue in report} == {"CHECK_CRASHED", "README_MISSING"}
    assert report.crashed
    assert report.exit_code() == 3
    assert "Nobody" not in str(report)


@contextmanager
def nobody() -> Iterator[None]:
    """Without root's right to read everything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.skipif(not hasattr(os, "seteuid"), reason="permissions of Windows are others")
def test_what_cannot_be_read_is_said_once() -> None:
    # pytest's own folder is closed to other users, so the dataset lies in one of its own.
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        generator.write(generator.radiograph(), root / "dataset")
        for path in (root, *root.rglob("*")):
            path.chmod(0o755)
        image, closed = root / "dataset" / f"{generator.RX}.png", root / "dataset" / "derivatives"
        closed.mkdir(mode=0o700)
        image.chmod(0)
        closed.chmod(0)
        with nobody():
            report = validate(root / "dataset")
        closed.chmod(stat.S_IRWXU)
    unreadable = [issue for issue in report if issue.code == "FILE_UNREADABLE"]
    assert [issue.path for issue in unreadable] == ["derivatives", f"{generator.RX}.png"]
    assert {issue.code for issue in report} - {"FILE_UNREADABLE"} <= {"DERIVATIVE_DESCRIPTION_MISSING"}


def test_every_definition_says_what_why_and_how() -> None:
    for code, found in definitions().items():
        assert code == found.code
        assert all(text.endswith(".") for text in (found.what, found.why, found.fix)), code


def test_a_docstring_without_its_parts_is_refused() -> None:
    def nameless() -> None:
        """Only what."""

    with pytest.raises(ValueError, match="Why"):
        definition("NAMELESS", Level.ERROR, nameless)
