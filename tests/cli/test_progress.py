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

PHASES = {
    "convert": ("batches of files read", "done"),
    "validate": ("subjects checked",),
    "report": ("pictures made", "subjects checked"),
    "release": ("files digested",),
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
    given = str(folder / "dataset")
    return {
        "convert": ["convert", "dicom", str(folder / "source"), str(folder / "made"), "--key", str(key)],
        "validate": ["validate", given],
        "report": ["report", given, "-o", str(folder / "page.html")],
        "release": ["release", given],
    }[command]


@pytest.mark.parametrize("command", PHASES)
def test_each_long_phase_shows_a_line_and_takes_it_away(command: str, folder: Path, key: Path) -> None:
    code, shown = on_terminal(*words(command, folder, key))
    assert code in (0, 1), shown
    for phase in PHASES[command]:
        assert re.search(rf"\r.*\d {phase}, [\d,.]+/s", shown), shown
    assert not re.search(r"/s[^\r\n]*\n", shown)  # no live line is left on the screen


def test_quiet_and_pipes_show_none(folder: Path, key: Path) -> None:
    assert "/s" not in on_terminal(*words("convert", folder, key), "-q")[1]
    piped = subprocess.run(
        [sys.executable, "-m", "mids", *words("validate", folder, key)], capture_output=True, text=True, check=False
    )
    assert "/s" not in piped.stderr
    assert "\r" not in piped.stderr
