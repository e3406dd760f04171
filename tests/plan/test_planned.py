"""The plan as a table: seen before the run, changed by a person, and done as it was changed."""

import csv
import json
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
        ("a/1", {"view": "sideways"}, r"row \d of the plan: new is not a value of view"),
        ("a/1", {"subject": "me"}, r"row \d of the plan .* gives a subject or session another name than row \d"),
        ("b/1", {"subject": "M e"}, "has an invalid subject: write letters and digits"),
        ("a/1", {"name": "me.png"}, r"row \d of the plan .* changes name, which follows from the other columns"),
        ("a/1", {"redact": "1,2"}, "has no box"),
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


def test_an_image_that_the_plan_does_not_list_is_not_made_unseen(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run()
    whole = run.plan.read_text("utf-8")
    run.plan.write_text("".join(line for line in whole.splitlines(True) if not line.startswith("a/1")), "utf-8")
    capsys.readouterr()
    assert run() == 2
    assert "has no row for 1 image of the source: to leave an image out, keep its row" in capsys.readouterr().err
    assert not images(run.made)
    run.plan.write_text(whole, "utf-8")
    assert run() == 0
    assert len(images(run.made)) == whole.count("decision=convert")


def test_who_is_called_otherwise_is_so_in_every_run(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run()
    rows = {row["file"]: row for row in table(run.plan)}
    for file, row in rows.items():
        if row["subject"] == rows["a/1"]["subject"]:
            run.change(file, subject="P001", redact="0,0,9,9; 20,0,30,9" if file == "a/1" else "")
    run.change("b/1", session="first")
    assert run() == 0
    names = images(run.made)
    assert {name.split("/")[0] for name in names} == {"sub-P001", f"sub-{rows['b/1']['subject']}"}
    assert [name for name in names if "/ses-first/" in name] == [name for name in names if "P001" not in name]
    (image,) = (name for name in names if "P001" in name and "vp-pa" in name)
    assert len(json.loads((run.made / image).with_suffix(".json").read_text("utf-8"))["BlankedRegions"]) == 2
    assert mids_main(["convert", "--again", str(run.made), "--key", str(run.key), "-q"]) == 0
    assert images(run.made) == names
    capsys.readouterr()
    assert mids_main(["withdraw", "P001", str(run.made), "--key", str(run.key)]) == 0
    left = [name for name in names if "P001" not in name]
    assert images(run.made) == left
    assert mids_main(["convert", "--again", str(run.made), "--key", str(run.key), "-q"]) == 0
    assert images(run.made) == left


def test_two_people_can_not_be_called_alike(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run()
    for row in table(run.plan):
        run.change(row["file"], subject="P001" if row["subject"] != "n/a" else "n/a")
    capsys.readouterr()
    assert run() == 2
    assert "give one name to two subjects or sessions" in capsys.readouterr().err
