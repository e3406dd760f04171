"""Interrupted runs: wherever one is killed, the next ends in the tree of an undisturbed one; workers that die."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from trees import (
    COMMANDS,
    chest,
    codes,
    fill_folder,
    radiographs,
    tree,
)

from example_datasets.generate import INPUT
from mids.conversion import Conversion, convert
from mids.errors import MidsError
from mids.plan.compare import files_below
from mids.run import Journal
from mids.run.pool import mapped

pytestmark = pytest.mark.slow


def test_killed_at_any_point_it_goes_on_to_the_same_tree(phantom: Conversion, tmp_path: Path, key: Path) -> None:
    whole, dest, chance = tree(phantom.dataset), tmp_path / "dest", random.Random(4)
    for lines in (0, 1, 3, 2, 4, 3, 5):
        with _started(INPUT, dest, key) as (process, progress):
            for _ in range(lines):
                next(progress, None)
            time.sleep(chance.random() * (0.06 if lines else 0.4))
            workers = _children(process.pid)
            process.kill()
        assert {path: content for path, content in tree(dest).items() if whole.get(path) != content} == {}
        assert _end(workers)
    convert("dicom", INPUT, dest, key=key)
    assert tree(dest) == whole
    kinds = sorted(path.name.partition("-")[0] for path in Path(f"{dest}.mids").iterdir())
    assert kinds == ["choices.json", "index", "issues.jsonl", "journal.copy.sqlite", "journal.sqlite", "sources.tsv"]


@pytest.mark.slow
@pytest.mark.nightly
def test_killed_while_all_is_redone_it_goes_on_to_the_same_tree(tmp_path: Path, key: Path) -> None:
    source = fill_folder(tmp_path / "source", radiographs())
    raw = tree(convert("dicom", source, tmp_path / "raw", key=key, pixels="raw").dataset)
    window = tree(convert("dicom", source, tmp_path / "dest", key=key).dataset)
    for lines in (1, 2, 3, 3, 3):
        with _started(source, tmp_path / "dest", key, "--pixels", "raw", "--change", "pixels") as (process, progress):
            for _ in range(lines):
                next(progress, None)
            process.kill()
        for path, content in tree(tmp_path / "dest").items():
            assert content in (raw[path], window[path]) or path.endswith(("conversions.tsv", "_scans.tsv"))
        convert("dicom", source, tmp_path / "dest", key=key, pixels="window", change=["pixels"])
        assert tree(tmp_path / "dest") == window
    again = convert("dicom", source, tmp_path / "dest", key=key, pixels="raw", change=["pixels"])
    assert codes(again.issues) == []
    assert tree(tmp_path / "dest") == raw


@pytest.mark.parametrize("moved", [False, True])
def test_killed_between_the_journal_and_the_move(
    source: Path, dest: Path, key: Path, done: Conversion, *, moved: bool
) -> None:
    """The window is too short to hit: the journal is put in the state that a kill there leaves."""
    whole = tree(dest)
    job = next(done.plan.jobs)
    stamp = files_below(dest)[job.path]
    journal = Journal(Path(f"{dest}.mids/journal.sqlite"))
    journal.announce([(job, job.digest(), {job.path: stamp}, {})])
    journal.close()
    if not moved:
        (dest / job.path).unlink()
    again = convert("dicom", source, dest, key=key)
    assert codes(again.issues) == []
    assert tree(dest) == whole


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_whatever_is_deleted_comes_back(tmp_path: Path, key: Path, data: st.DataObject) -> None:
    source, dest = tmp_path / "source", tmp_path / "dest"
    if not source.exists():
        fill_folder(source, radiographs())
    convert("dicom", source, dest, key=key)
    whole = tree(dest)
    for path in data.draw(st.sets(st.sampled_from(sorted(whole)), min_size=1)):
        (dest / path).unlink()
    again = convert("dicom", source, dest, key=key)
    assert again.exit_code == 0
    assert tree(dest) == whole


def test_ctrl_c_is_one_line_and_the_next_run_goes_on(phantom: Conversion, tmp_path: Path, key: Path) -> None:
    for attempt in range(5):  # on a busy machine a run may have ended before it is interrupted
        dest = tmp_path / f"dest{attempt}"
        with _started(INPUT, dest, key) as (process, progress):
            next(progress)
            os.killpg(process.pid, signal.SIGINT)
            said = [line for line in progress if not line[0].isdigit()]
            code = process.wait()
        if code == 130:
            break
    assert code == 130
    assert len(said) == 1
    assert "run the same command again to continue" in said[0]
    convert("dicom", INPUT, dest, key=key)
    assert tree(dest) == tree(phantom.dataset)


def test_a_source_that_goes_away_and_comes_back(phantom: Conversion, tmp_path: Path, key: Path) -> None:
    """A network share that is lost in the middle: what it took along is told, and made by the next run."""
    source, away, dest = tmp_path / "source", tmp_path / "away", tmp_path / "dest"
    shutil.copytree(INPUT, source, copy_function=shutil.copy2)
    seen: list[str] = []

    def lose(done: int, total: int, path: str) -> None:
        seen.append(path)
        if len(seen) == 2:
            source.rename(away)

    first = convert("dicom", source, dest, key=key, progress=lose)
    assert first.exit_code == 1
    assert first.outcome is not None
    assert first.outcome.lost
    away.rename(source)
    again = convert("dicom", source, dest, key=key)
    assert again.outcome is not None
    assert {*again.outcome.made} == {*first.outcome.lost}
    assert tree(dest) == tree(phantom.dataset)


def test_a_destination_that_goes_away_and_comes_back(tmp_path: Path, key: Path) -> None:
    source = fill_folder(tmp_path / "source", radiographs())
    whole = tree(convert("dicom", source, tmp_path / "whole", key=key).dataset)
    share = tmp_path / "share"
    share.mkdir()

    def lose(done: int, total: int, path: str) -> None:
        if done == 1:
            share.rename(tmp_path / "away")

    with pytest.raises(MidsError):
        convert("dicom", source, share / "dest", key=key, progress=lose)
    shutil.rmtree(share, ignore_errors=True)
    (tmp_path / "away").rename(share)
    convert("dicom", source, share / "dest", key=key)
    assert tree(share / "dest") == whole


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_killed_dcm2niix_leaves_no_half_of_a_volume(
    tmp_path: Path, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = fill_folder(tmp_path / "source", chest())
    whole = tree(convert("dicom", source, tmp_path / "whole", key=key).dataset)
    killed = tmp_path / "killed"
    killed.write_text('#!/bin/sh\nfor last; do :; done\nhead -c 500 /dev/zero > "$last/../out/out.nii"\nkill -9 $$\n')
    killed.chmod(0o755)
    with monkeypatch.context() as patched:
        patched.setattr("dcm2niix.bin", str(killed))
        first = convert("dicom", source, tmp_path / "dest", key=key)
    assert [(found.code, "killed" in found.message) for found in first.issues] == [("CONVERTER_FAILED", True)]
    assert tree(tmp_path / "dest") == {}
    assert convert("dicom", source, tmp_path / "dest", key=key).exit_code == 0
    assert tree(tmp_path / "dest") == whole


class _started:  # noqa: N801 - used like a function
    """The real program in a process group of its own, with its lines of progress; all of it is gone afterwards.

    It minds Ctrl-C also where these tests run in the background, which shells tell to ignore it.
    """

    def __init__(self, source: Path, dest: Path, key: Path, *options: str) -> None:
        arguments = ["dicom", source, dest, "--key", key, "--jobs", "2", "-v", *options]
        self.process = subprocess.Popen(
            [COMMANDS / "mids-convert", *arguments],
            stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, start_new_session=True,
            preexec_fn=partial(signal.signal, signal.SIGINT, signal.default_int_handler),
        )  # fmt: skip

    def __enter__(self) -> tuple[subprocess.Popen[str], Iterator[str]]:
        assert self.process.stderr is not None
        return self.process, iter(self.process.stderr)

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stderr is not None
        self.process.stderr.close()


def _children(pid: int) -> list[int]:
    if sys.platform != "linux":
        return []
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _end(pids: list[int]) -> bool:
    """Whether processes end by themselves, soon."""
    for _ in range(100):
        if not any(_runs(pid) for pid in pids):
            return True
        time.sleep(0.1)
    return False


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


# Workers


def _square(number: int) -> int:
    if number == 7:
        os._exit(1)
    return number * number


@pytest.mark.parametrize("workers", [1, 2])
def test_an_item_that_kills_its_worker_is_told_and_the_rest_goes_on(workers: int) -> None:
    found = dict(mapped(_square, range(1, 30), workers, lambda number: -number))
    assert found == {number: -7 if number == 7 else number * number for number in range(1, 30)}


def _fail_once(number: int, flag: Path) -> int:
    if number == 3 and not flag.exists():
        flag.touch()
        os._exit(1)
    return number


def test_a_worker_that_dies_once_costs_nothing(tmp_path: Path) -> None:
    function = partial(_fail_once, flag=tmp_path / "died")
    assert sorted(mapped(function, range(1, 20), 2, lambda number: -number)) == [(n, n) for n in range(1, 20)]
