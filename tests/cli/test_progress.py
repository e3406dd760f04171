"""Long work on a terminal shows how far it is; elsewhere it stays silent."""

import os
import pty
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from places import SOURCES
from trees import fill_folder, radiographs

from mids import cli
from mids.conversion import convert

PHASES = {
    "convert": ("batches of files read", "images made"),
    "validate": ("subjects checked",),
    "report": ("pictures made", "subjects checked"),
    "release": ("files digested",),
    "verify": ("files compared",),
    "certify": ("files digested", "NIfTI pictures looked at"),
    "stats": ("tables of images read",),
    "info": ("tables of images read",),
    "risk": ("sidecars read", "images read"),
    "diff": ("files compared",),
    "duplicates": ("images read and compared",),
    "label": ("reports labelled",),
    "train": ("steps of training",),
    "export": ("images written",),
    "deidentify": ("images made",),
    "withdraw": ("texts of a folder searched",),
    "review": ("images looked at",),
}


def on_terminal(*words: str) -> tuple[int, str]:
    """A command whose standard error is a terminal: its exit code, and what stood there."""
    ours, theirs = pty.openpty()
    done = subprocess.Popen([sys.executable, "-m", "mids", *words], stdout=subprocess.DEVNULL, stderr=theirs)
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 1 << 16):
            shown += part
    except OSError:  # what Linux says when the other end is closed
        pass
    os.close(ours)
    return done.wait(), shown.decode()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A source and a dataset."""
    fill_folder(tmp_path / "source", radiographs())
    shutil.copytree(SOURCES / "fidac" / "mids", tmp_path / "dataset")
    return tmp_path


def words(command: str, folder: Path, key: Path) -> list[str]:
    given, source, made = str(folder / "dataset"), str(folder / "source"), str(folder / "made")
    if command in ("withdraw", "review"):
        convert("dicom", source, made, key=key)
    if command == "verify":
        cli.main(["release", given])
    copy = shutil.copytree(given, folder / "copy", dirs_exist_ok=True)
    participants = copy / "participants.tsv"
    participants.write_text(participants.read_text("utf-8") + "\n", "utf-8")
    reports = folder / "reports.csv"
    rows = [
        f"P{n},{'infiltrado basal' if n % 2 else 'sin hallazgos'},\"['{'infiltrates' if n % 2 else 'normal'}']\""
        for n in range(40)
    ]
    reports.write_text("\n".join(["participant_id,report,labels", *rows]) + "\n", "utf-8")
    return {
        "convert": ["convert", "dicom", source, made, "--key", str(key)],
        "validate": ["validate", given],
        "report": ["report", given, "-o", str(folder / "page.html")],
        "release": ["release", given],
        "verify": ["verify", given],
        "certify": ["certify", given],
        "stats": ["stats", given],
        "info": ["info", given],
        "risk": ["risk", given, "--shared-images"],
        "diff": ["diff", given, str(copy)],
        "duplicates": ["duplicates", given],
        "label": ["label", str(reports), "-o", str(folder / "labels.tsv")],
        "train": ["train", "labels", str(reports), "-o", str(folder / "model")],
        "export": ["export", given, "--to", "webdataset", "-o", str(folder / "shards")],
        "deidentify": ["deidentify", source, str(folder / "clean"), "--key", str(key)],
        "withdraw": ["withdraw", "000123", made, "--key", str(key)],
        "review": ["review", made, "--search", "unlikely", "--port", "99999"],  # ends before it serves
    }[command]


@pytest.mark.parametrize("command", PHASES)
def test_each_long_phase_shows_a_line_and_takes_it_away(command: str, folder: Path, key: Path) -> None:
    code, shown = on_terminal(*words(command, folder, key))
    assert code in (0, 1) or command == "review", shown
    for phase in PHASES[command]:
        assert re.search(rf"\r.*\d (?:{phase}), [\d,.]+/s", shown), shown
    assert not re.search(r"/s[^\r\n]*\n", shown)  # no live line is left on the screen


def test_quiet_and_pipes_show_none(folder: Path, key: Path) -> None:
    assert "/s" not in on_terminal(*words("convert", folder, key), "-q")[1]
    piped = subprocess.run(
        [sys.executable, "-m", "mids", *words("validate", folder, key)], capture_output=True, text=True, check=False
    )
    assert "/s" not in piped.stderr
    assert "\r" not in piped.stderr


def test_problems_are_counted_while_they_are_found(folder: Path) -> None:
    for path in (folder / "dataset").rglob("*.json"):
        path.write_text("{", "utf-8")
    shown = on_terminal("validate", str(folder / "dataset"))[1]
    assert re.search(r"subjects checked, [^\r]*, [\d,]+ problems?", shown)
