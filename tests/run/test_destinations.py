"""Places that can't take a dataset: one clear line, exit code 2, nothing half-written; and the state beside it."""

import multiprocessing.synchronize  # noqa: F401 -- before somebody needs it who may not read where Python lives
import os
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing import Pipe, get_context
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from trees import (
    codes,
    expect_refusal,
    fill_folder,
    images,
    put,
    radiographs,
    tree,
)

from example_datasets.generators import ct
from mids.conversion import Conversion, convert
from mids.errors import MidsError
from mids.run import Journal


@pytest.mark.slow
def test_a_folder_that_is_not_ours_isrefused(source: Path, dest: Path, key: Path) -> None:
    put(dest, "thesis.tex", b"years of work")
    assert "no earlier run made it" in expect_refusal("dicom", source, dest, "--key", key)
    assert tree(dest) == {"thesis.tex": b"years of work"}
    assert not Path(f"{dest}.mids").exists()


@pytest.mark.slow
def test_places_that_can_not_be(source: Path, dest: Path, key: Path, tmp_path: Path) -> None:
    assert "DEST lies inside SOURCE" in expect_refusal("dicom", source, source / "out", "--key", key)
    assert "SOURCE lies inside DEST" in expect_refusal("dicom", source / "a", source, "--key", key)
    assert "SOURCE lies inside DEST" in expect_refusal("dicom", source, source, "--key", key)
    assert "does not exist" in expect_refusal("dicom", tmp_path / "nowhere", dest, "--key", key)
    dest.write_text("a file")
    assert "is a file" in expect_refusal("dicom", source, dest, "--key", key)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dest", "source"]


@pytest.mark.slow
def test_keys_that_can_not_be(source: Path, dest: Path, key: Path, tmp_path: Path, done: Conversion) -> None:
    (tmp_path / "short").write_text("5d5d")
    (tmp_path / "binary").write_bytes(bytes(range(128, 160)))
    for name in ("short", "binary"):
        (tmp_path / name).chmod(0o600)
    shutil.copy(key, dest / "key")
    refusals = {
        tmp_path / "short": "is not a key",
        tmp_path / "binary": "is not a key",
        tmp_path / "absent": "mids key new",
        source: "can't read",
        dest / "key": "inside DEST",
    }
    for path, said in refusals.items():
        with pytest.raises(MidsError, match=said):
            convert("dicom", source, dest, key=path)
    assert "mids key new" in expect_refusal("dicom", source, dest, "--key", tmp_path / "absent")


def test_without_the_rights_to_write_or_read(source: Path, dest: Path, key: Path, tmp_path: Path) -> None:
    mine = tmp_path / "key"
    shutil.copy(key, mine)
    mine.chmod(0o600)
    (dest / "out").mkdir(parents=True)
    with _reachable(tmp_path):
        dest.chmod(0o555)
        assert "can't write" in _run_as_nobody(source, dest / "out", mine)
        assert "can't write" in _run_as_nobody(source, dest / "new", mine)
        dest.chmod(0o777)
        (dest / "out").chmod(0o555)
        assert "can't write" in _run_as_nobody(source, dest / "out", mine)
        (source / "a").chmod(0o700)
        assert _run_as_nobody(source, dest / "other", mine) == "exit code 1"  # one folder is an Issue, the rest goes on
        (source / "a").chmod(0o755)
        source.chmod(0o700)
        assert "can't look at SOURCE" in _run_as_nobody(source, dest / "third", mine)
        source.chmod(0o755)
        mine.chmod(0)
        assert "can't read" in _run_as_nobody(source, dest / "other", mine)
    assert tree(dest / "out") == {}


@contextmanager
def _reachable(folder: Path) -> Iterator[None]:
    """Lets everybody go through the folders above, and gives the key to the user without rights."""
    closed = [path for path in (folder, *folder.parents) if not path.stat().st_mode & 0o001]
    for path in closed:
        path.chmod(0o711)
    if os.getuid() == 0:
        os.chown(folder / "key", 65534, 65534)
    yield
    for path in closed:
        path.chmod(0o700)


def _run_as_nobody(source: Path, dest: Path, key: Path) -> str:
    """What a conversion says that a user without rights starts, in a process of its own."""
    receiver, sender = Pipe(duplex=False)
    process = get_context("fork").Process(target=_convert_as_nobody, args=(source, dest, key, sender))
    process.start()
    sender.close()
    process.join()
    return str(receiver.recv())


def _convert_as_nobody(source: Path, dest: Path, key: Path, sender: Connection) -> None:
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    try:
        sender.send(f"exit code {convert('dicom', source, dest, key=key).exit_code}")
    except MidsError as error:
        sender.send(str(error))


@contextmanager
def _small_disk(place: Path, kilobytes: int) -> Iterator[None]:
    """A disk of a few hundred kilobytes."""
    place.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(place)]
    if shutil.which("mount") is None or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("a small disk needs the right to mount")
    try:
        yield
    finally:
        subprocess.run(["umount", place], check=True)


@pytest.mark.slow
@pytest.mark.parametrize("kilobytes", [60, 190, 230, 310])
def test_a_full_disk_is_one_line_and_leaves_nothing_half_written(tmp_path: Path, key: Path, kilobytes: int) -> None:
    """The source takes 150 KB, what dcm2niix makes of its run-length codes 260 KB, the journal 90 KB."""
    source = fill_folder(tmp_path / "source", {str(i): data for i, data in enumerate(ct.slices(ct.LUNG))})
    with _small_disk(tmp_path / "disk", kilobytes):
        assert re.search(
            "full|No space|free space", expect_refusal("dicom", source, tmp_path / "disk/dest", "--key", key)
        )
        assert images(tmp_path / "disk/dest") == []


def test_a_disk_that_fills_up_stops_the_run_and_space_lets_it_go_on(tmp_path: Path, key: Path) -> None:
    source = fill_folder(tmp_path / "source", radiographs())
    whole = tree(convert("dicom", source, tmp_path / "whole", key=key).dataset)
    ballast, dest = tmp_path / "disk/ballast", tmp_path / "disk/dest"

    def fill_up(*_: object) -> None:
        with suppress(OSError):  # the disk may fill up while this is written
            ballast.write_bytes(bytes(shutil.disk_usage(tmp_path / "disk").free))

    with _small_disk(tmp_path / "disk", 800):
        with pytest.raises(MidsError, match="finished work is kept"):
            convert("dicom", source, dest, key=key, progress=fill_up)
        assert {path for path, content in tree(dest).items() if whole.get(path) != content} == set()
        ballast.unlink()
        assert codes(convert("dicom", source, dest, key=key).issues) == []
        assert tree(dest) == whole


@pytest.mark.slow
def test_too_little_space_is_told_before_the_start(source: Path, dest: Path, key: Path) -> None:
    """A sparse file: a CR followed by more zeros than the disk has room for."""
    os.truncate(source / "a/1", shutil.disk_usage(source).free + 10**10)
    assert "GB free" in expect_refusal("dicom", source, dest, "--key", key)
    assert images(dest) == []


@pytest.mark.slow
def test_two_runs_at_once_arerefused(source: Path, dest: Path, key: Path, done: Conversion) -> None:
    before = tree(dest)
    journal = Journal(Path(f"{dest}.mids/journal.sqlite"))
    assert "another run" in expect_refusal("dicom", source, dest, "--key", key)
    journal.close()
    assert convert("dicom", source, dest, key=key).exit_code == 0
    assert tree(dest) == before


@pytest.mark.slow
def test_a_damaged_journal_is_one_line(source: Path, dest: Path, key: Path, done: Conversion) -> None:
    Path(f"{dest}.mids/journal.sqlite").write_bytes(b"no database" * 100)
    Path(f"{dest}.mids/journal.copy.sqlite").unlink()
    assert "damaged" in expect_refusal("dicom", source, dest, "--key", key)


def test_the_state_is_the_owners_alone(phantom: Conversion) -> None:
    state = Path(f"{phantom.dataset}.mids")
    assert state.stat().st_mode & 0o777 == 0o700
    assert {path.name.partition("-")[0]: oct(path.stat().st_mode & 0o777) for path in state.iterdir()} == {
        "choices.json": "0o600",
        "index": "0o600",
        "issues.jsonl": "0o600",
        "journal.copy.sqlite": "0o600",
        "journal.sqlite": "0o600",
        "sources.tsv": "0o600",
    }
    with sqlite3.connect(state / "journal.sqlite") as journal:
        assert journal.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    journal.close()
