"""Ctrl-C, once and again: one line, exit code 130, and the next run ends in the tree of an undisturbed one."""

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
from trees import chest, fill_folder, radiographs, tree

from mids.conversion import convert

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="signals of POSIX"),
]

PROGRAM = """
import sys, dcm2niix
dcm2niix.bin = {slow!r} or dcm2niix.bin
from mids.cli.commands import convert_main
raise SystemExit(convert_main())
"""
RESUME = "run the same command again to continue"


def started(source: Path, dest: Path, key: Path, slow: Path | str = "") -> "subprocess.Popen[str]":
    """A conversion in a process group of its own that minds Ctrl-C, wherever these tests run."""
    program = [sys.executable, "-c", PROGRAM.format(slow=str(slow))]
    return subprocess.Popen(
        [*program, "dicom", str(source), str(dest), "--key", str(key), "--jobs", "2", "-q"],
        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, start_new_session=True,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip


@pytest.fixture
def whole(source: Path, tmp_path: Path, key: Path) -> dict[str, bytes]:
    return tree(convert("dicom", source, tmp_path / "whole", key=key).dataset)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return fill_folder(tmp_path / "source", {**chest(), **radiographs()})


def test_the_second_does_not_wait_for_what_is_under_way(
    source: Path, whole: dict[str, bytes], tmp_path: Path, key: Path
) -> None:
    slow, begun = tmp_path / "slow", tmp_path / "begun"
    slow.write_text(f"#!/bin/sh\ntouch {begun}\nexec sleep 600\n")
    slow.chmod(0o755)
    with started(source, tmp_path / "dest", key, slow) as process:
        while not begun.exists():
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(1)
        assert process.poll() is None  # dcm2niix is under way
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate()
    assert process.returncode == 130, said
    assert said.count("\n") == 1
    assert RESUME in said
    convert("dicom", source, tmp_path / "dest", key=key)
    assert tree(tmp_path / "dest") == whole


@pytest.mark.parametrize("pause", [0, 0.02, 0.1, 0.4])
def test_whenever_it_comes_again(
    pause: float, source: Path, whole: dict[str, bytes], tmp_path: Path, key: Path
) -> None:
    state = tmp_path / "dest.mids" / "journal.sqlite"
    with started(source, tmp_path / "dest", key) as process:
        while not state.exists() and process.poll() is None:
            time.sleep(0.01)
        for _ in range(4):
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGINT)
                time.sleep(pause)
        _, said = process.communicate()
    assert process.returncode == 130, said
    assert said.count("\n") == 1
    assert RESUME in said
    convert("dicom", source, tmp_path / "dest", key=key)
    assert tree(tmp_path / "dest") == whole
