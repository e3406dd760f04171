"""``mids scaffold``: the skeleton is a package whose own tests pass at once, and whose code is clean."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from mids import collections
from mids.cli import main
from mids.scaffold import install_temporarily, write

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def skeleton(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("skeletons") / "our-hospital"
    write("our-hospital", folder)
    return folder


@pytest.mark.slow
def test_its_own_tests_pass_once_it_is_installed(skeleton: Path) -> None:
    with install_temporarily("our-hospital", skeleton) as entry:
        places = os.pathsep.join(map(str, [entry, skeleton, ROOT]))
        environment = {**os.environ, "PYTHONPATH": places, "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", skeleton],
            cwd=skeleton, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        listed = subprocess.run(
            [sys.executable, "-m", "mids", "convert", "--about", "our-hospital"],
            env=environment, capture_output=True, text=True, check=True,
        )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "4 passed" in done.stdout
    assert "patients.csv" in listed.stdout


def test_its_entry_point_is_the_one_that_was_tried(skeleton: Path) -> None:
    project = tomllib.loads((skeleton / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["entry-points"]["mids.collections"] == {"our-hospital": "mids_our_hospital"}
    assert (skeleton / "mids_our_hospital" / "__init__.py").is_file()


def test_nothing_is_left_of_it_in_this_process(skeleton: Path) -> None:
    before = list(sys.path)
    with install_temporarily("our-hospital", skeleton):
        assert "our-hospital" in collections.names()
    assert "our-hospital" not in collections.names()
    assert sys.path == before
    assert "mids_our_hospital" not in sys.modules


def test_its_columns_are_in_the_golden_dataset(skeleton: Path) -> None:
    table = (skeleton / "example/mids/participants.tsv").read_text(encoding="utf-8").splitlines()
    rows = [dict(zip(table[0].split("\t"), line.split("\t"), strict=True)) for line in table[1:]]
    assert sorted((row["smoker"], row["smoker_raw"]) for row in rows) == [("n/a", "sometimes"), ("yes", "n/a")]


@pytest.mark.parametrize("command", [["check"], ["format", "--check"]])
def test_its_code_is_clean(skeleton: Path, command: list[str]) -> None:
    line = [BIN / "ruff", *command, "--isolated", "--line-length", "120", "."]
    done = subprocess.run(line, cwd=skeleton, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["Our Hospital", "our_hospital", "-x", "", "../x", "dicom"])
def test_names_that_are_none_or_taken(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scaffold", "--", name, str(tmp_path / "new")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_use_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    assert main(["scaffold", "our-hospital", str(tmp_path)]) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
