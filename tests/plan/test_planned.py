"""The plan as a table: seen before the run, changed by a person, and done as it was changed."""

import csv
import re
import stat
from pathlib import Path

import pytest
from trees import another, chest, fill_folder, images, radiographs, table

from mids.cli import convert_main
from mids.cli import main as mids_main


@pytest.fixture
def run(tmp_path: Path, key: Path) -> "Run":
    """Three radiographs, a CT, and a photograph that is withheld."""
    photograph = another("photograph", BurnedInAnnotation="YES")
    fill_folder(tmp_path / "source", {**radiographs(), **chest(), "b/2": photograph})
    return Run(tmp_path, key)


class Run:
    """The command, on a plan beside the destination."""

    def __init__(self, folder: Path, key: Path) -> None:
        self.plan, self.made, self.key, self.source = folder / "plan.tsv", folder / "made", key, folder / "source"

    def __call__(self, *more: str) -> int:
        places = [str(self.source), str(self.made), "--plan", str(self.plan), "--key", str(self.key)]
        return convert_main(["dicom", *places, "-q", *more])

    def change(self, file: str, **cells: str) -> None:
        """Writes into the row of a source file."""
        rows = table(self.plan)
        for row in rows:
            if row["file"] == file:
                row.update(cells)
        with self.plan.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, rows[0], delimiter="\t")
            writer.writeheader()
            writer.writerows(rows)


def test_a_plan_that_nobody_changed_is_the_run_without_it(run: Run, tmp_path: Path) -> None:
    assert run() == 0
    assert not run.made.exists()
    assert stat.S_IMODE(run.plan.stat().st_mode) == 0o600
    planned = [row["name"] for row in table(run.plan) if row["decision"] == "convert"]
    assert run() == 0
    assert sorted(planned) == images(run.made)
    plain = tmp_path / "plain"
    assert convert_main(["dicom", str(run.source), str(plain), "--key", str(run.key), "-q"]) == 0
    assert images(plain) == images(run.made)


def test_what_is_changed_is_done_and_stays_done(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run()
    proposed = {row["file"]: row for row in table(run.plan)}
    assert (proposed["a/1"]["view"], proposed["b/2"]["decision"]) == ("pa", "withheld")
    assert proposed["ct/0"]["files"] == str(len(chest()))
    run.change("a/1", view="ap", who="A. Reader", why="scapulae are turned in")
    run.change("ct/0", decision="exclude")
    run.change("b/2", decision="release", who="A. Reader", why="shows a marker only")
    assert run() == 0
    names = images(run.made)
    assert len(names) == len([row for row in proposed.values() if row["decision"] == "convert"])
    assert not any("mim-ct" in name for name in names)
    assert any("vp-ap" in name for name in names)
    assert run() == 0  # the same table once more changes nothing
    assert mids_main(["convert", "--again", str(run.made), "--key", str(run.key), "-q"]) == 0
    assert images(run.made) == names
    run.plan.unlink()
    assert run() == 0  # a new plan shows what was decided
    again = {row["file"]: row for row in table(run.plan)}
    assert (again["a/1"]["view"], again["b/2"]["decision"]) == ("ap", "convert")
    assert "ct/0" not in {file for file, row in again.items() if row["decision"] == "convert"}


@pytest.mark.parametrize(
    ("file", "cells", "said"),
    [
        ("a/1", {"view": "sideways"}, "new is not a value of view"),
        ("a/1", {"subject": "me"}, r"row \d of the plan .* changes subject, which follows from other choices"),
        ("a/1", {"decision": "release"}, "write convert, exclude"),
        ("a/1", {"planned": "pa"}, "leave this column as it is"),
        ("b/2", {"decision": "convert"}, "write withheld, exclude, release"),
        ("b/2", {"decision": "release"}, "does not say who decided to release, and why"),
    ],
)
def test_what_a_plan_cannot_mean_stops_the_run(
    run: Run, file: str, cells: dict[str, str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run()
    capsys.readouterr()
    run.change(file, **cells)
    assert run() == 2
    assert re.search(said, capsys.readouterr().err)
    assert not images(run.made)
