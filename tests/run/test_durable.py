"""Runs on a disk that loses what was not flushed, on sources that are half there, and in folders with links."""

import json
import os
import shutil
import socket
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pydicom
import pytest
from trees import chest, codes, fill_folder, images, radiographs, tree

from example_datasets.generators import ct, radiograph
from example_datasets.generators.dicomfile import encode
from mids.conversion import Conversion, convert
from mids.errors import DataError, MidsError
from mids.plan.job import Job
from mids.readers.programs import run_program
from mids.records import Made, Source
from mids.run.disk import is_damaged, mark
from mids.run.lock import Lock
from mids.run.moving import check_result
from mids.run.pool import Failed, Finished, work


@pytest.fixture
def growing(tmp_path: Path) -> Path:
    """Four CT series of one kind, each a slice longer than the last: the last is made first."""
    for number in range(1, 5):
        for place, dataset in enumerate(ct.slices(ct.SOFT)):
            if place >= 3 + number:
                break
            dataset.SeriesInstanceUID += f".{number}"
            dataset.SOPInstanceUID += f".{number}"
            dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
            dataset.SeriesNumber = number
            dataset.SeriesTime = dataset.AcquisitionTime = dataset.ContentTime = f"1{number}0000"
            path = tmp_path / f"growing/{number}/{place:02}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encode(dataset))
    return tmp_path / "growing"


# Names before work


def test_a_stopped_run_leaves_the_run_numbers_of_the_plan(growing: Path, tmp_path: Path, key: Path) -> None:
    whole = tree(convert("dicom", growing, tmp_path / "whole", key=key).dataset)

    def stop(done: int, total: int, path: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        convert("dicom", growing, tmp_path / "dest", key=key, progress=stop)
    assert images(tmp_path / "dest")
    convert("dicom", growing, tmp_path / "dest", key=key)
    assert tree(tmp_path / "dest") == whole


@pytest.mark.parametrize("number", [1, 3])
def test_a_half_written_file_of_one_night_leaves_the_run_numbers(
    growing: Path, tmp_path: Path, key: Path, number: int
) -> None:
    whole = tree(convert("dicom", growing, tmp_path / "whole", key=key).dataset)
    cut = [*(growing / str(number)).iterdir()]
    contents = [path.read_bytes() for path in cut]
    for path, content in zip(cut, contents, strict=True):
        path.write_bytes(content[:-500])
    assert convert("dicom", growing, tmp_path / "dest", key=key).exit_code == 1
    for path, content in zip(cut, contents, strict=True):
        path.write_bytes(content)
    assert convert("dicom", growing, tmp_path / "dest", key=key).exit_code == 0
    assert tree(tmp_path / "dest") == whole


def test_a_part_that_is_away_keeps_its_numbers_while_others_come(growing: Path, tmp_path: Path, key: Path) -> None:
    (growing / "4").rename(tmp_path / "later")
    before = tree(convert("dicom", growing, tmp_path / "dest", key=key).dataset)
    (growing / "3").rename(tmp_path / "away")
    (growing / "3").mkdir()
    (tmp_path / "later").rename(growing / "4")
    night = convert("dicom", growing, tmp_path / "dest", key=key)
    assert (codes(night.issues), night.exit_code) == (["SOURCE_VANISHED"], 1)
    volumes = {path: content for path, content in before.items() if path.endswith(".nii.gz")}
    assert volumes.items() <= tree(tmp_path / "dest").items()
    (growing / "3").rmdir()
    (tmp_path / "away").rename(growing / "3")
    assert convert("dicom", growing, tmp_path / "dest", key=key).exit_code == 0
    assert tree(tmp_path / "dest") == tree(convert("dicom", growing, tmp_path / "whole", key=key).dataset)


def test_a_series_of_which_slices_are_away_stays_whole(growing: Path, tmp_path: Path, key: Path) -> None:
    whole = tree(convert("dicom", growing, tmp_path / "dest", key=key).dataset)
    (growing / "4/05").unlink()
    night = convert("dicom", growing, tmp_path / "dest", key=key)
    assert "SOURCE_VANISHED" in codes(night.issues)
    assert {p: c for p, c in tree(tmp_path / "dest").items() if whole.get(p) != c and p.endswith(".nii.gz")} == {}


def test_a_source_in_other_folders_is_not_gone(growing: Path, tmp_path: Path, key: Path) -> None:
    whole = tree(convert("dicom", growing, tmp_path / "dest", key=key).dataset)
    (growing / "4").rename(growing / "moved")
    assert convert("dicom", growing, tmp_path / "dest", key=key).exit_code == 0
    assert tree(tmp_path / "dest") == whole


# What a power cut leaves


LOSSES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "cut": lambda content: content[: len(content) // 2],
    "zeroed": lambda content: bytes(len(content)),
}


@pytest.mark.parametrize("loss", LOSSES)
def test_what_a_power_cut_left_is_made_again(source: Path, dest: Path, key: Path, done: Conversion, loss: str) -> None:
    whole = tree(dest)
    for path, content in whole.items():
        (dest / path).write_bytes(LOSSES[loss](content))
    again = convert("dicom", source, dest, key=key)
    told = [found.path for found in again.issues if found.code == "OUTPUT_DAMAGED"]
    assert again.exit_code == 0
    assert tree(dest) == whole
    assert {path for path in whole if path.endswith((".png", ".json"))} <= {*told}
    assert codes(convert("dicom", source, dest, key=key).issues) == []


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: text + b"one line more\n",
        lambda text: b"by hand\n",
        lambda text: b"\n".join(text.split(b"\n")[:-2]) + b"\n",
        lambda text: text[:-20] + b"}\n",
    ],
)
def test_what_a_person_wrote_is_no_damage(tmp_path: Path, edit: Callable[[bytes], bytes]) -> None:
    text = b"".join(b"line %d of ours\n" % number for number in range(200))
    path = tmp_path / "table.tsv"
    path.write_bytes(text)
    marked = mark(path)
    path.write_bytes(edit(text))
    assert not is_damaged(path, len(text), marked)


@pytest.mark.parametrize("kept", [17, 100, 2000, 5000])
def test_a_part_followed_by_zeros_is_damage(tmp_path: Path, kept: int) -> None:
    content = bytes(range(1, 251)) * 30
    path = tmp_path / "image.png"
    path.write_bytes(content)
    marked = mark(path)
    path.write_bytes(content[:kept] + bytes(len(content) - kept))
    assert is_damaged(path, len(content), marked)
    path.write_bytes(content[:kept])
    assert is_damaged(path, len(content), marked)
    path.write_bytes(b"x" + content[1:kept])
    assert not is_damaged(path, len(content), marked)


# Sources that change


@pytest.mark.parametrize("keeps_time", [False, True])
def test_a_source_that_is_replaced_before_its_image_is_made(
    source: Path, dest: Path, key: Path, *, keeps_time: bool
) -> None:
    jobs = [*convert("dicom", source, dest, key=key, dry_run=True).plan.jobs]
    victim, other = source / "b/1", radiograph.dx_pa()
    other.PatientID = other.PatientID[::-1]
    content, status = encode(other), victim.stat()
    assert len(content) == status.st_size
    victim.write_bytes(content)
    if keeps_time:
        os.utime(victim, ns=(status.st_atime_ns, status.st_mtime_ns))
    dest.mkdir()
    found = {job.action.sources[0].path: work(job, source, dest) for job in jobs}
    assert {path: getattr(result, "code", "") for path, result in found.items()} == {
        "a/1": "", "a/2": "", "b/1": "SOURCE_CHANGED",
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
@pytest.mark.parametrize("files", ["radiographs", "chest"])
def test_an_archive_whose_members_are_replaced_before_their_images_are_made(
    tmp_path: Path, key: Path, kind: str, files: str
) -> None:
    """By those of somebody else, in an archive of the same names and time."""
    folder = fill_folder(tmp_path / "files", {"radiographs": radiographs, "chest": chest}[files]())
    archive = _pack(folder, tmp_path / "in" / f"study.{kind}")
    jobs = [*convert("dicom", tmp_path / "in", tmp_path / "out", key=key, dry_run=True).plan.jobs]
    status = archive.stat()
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        dataset = pydicom.dcmread(path)
        dataset.PatientID = dataset.PatientID[::-1]
        dataset.save_as(path)
    _pack(folder, archive)
    os.utime(archive, ns=(status.st_atime_ns, status.st_mtime_ns))
    (tmp_path / "scratch").mkdir()
    found = [work(job, tmp_path / "in", tmp_path / "scratch") for job in jobs]
    assert found
    assert {getattr(result, "code", "") for result in found} == {"SOURCE_CHANGED"}


def _pack(folder: Path, archive: Path) -> Path:
    """The files of a folder as a zip or tar archive."""
    archive.parent.mkdir(exist_ok=True)
    archive.unlink(missing_ok=True)
    kind = archive.name.partition(".")[2]
    made = shutil.make_archive(str(archive.parent.parent / "made"), {"tar.gz": "gztar"}.get(kind, kind), folder)
    shutil.move(made, archive)
    return archive


# Links, and paths that lead out


def test_nothing_is_written_through_a_link_in_the_dataset(
    source: Path, dest: Path, key: Path, done: Conversion, tmp_path: Path
) -> None:
    subject = next(dest.glob("sub-*"))
    shutil.move(subject, tmp_path / "outside")
    subject.symlink_to(tmp_path / "outside")
    before = tree(tmp_path / "outside")
    again = convert("dicom", source, dest, key=key, pixels="raw")
    assert "FOREIGN_IN_THE_WAY" in codes(again.issues)
    assert tree(tmp_path / "outside") == before


@pytest.mark.parametrize("name", ["scratch", "half-written"])
def test_links_in_place_of_temporary_files_go(
    source: Path, dest: Path, key: Path, done: Conversion, tmp_path: Path, name: str
) -> None:
    whole = tree(dest)
    fill_folder(tmp_path / "outside", {"file": b"keep"})
    Path(f"{dest}.mids", name).symlink_to(tmp_path / "outside")
    (dest / "README.md").unlink()
    assert convert("dicom", source, dest, key=key).exit_code == 0
    assert tree(tmp_path / "outside") == {"file": b"keep"}
    assert tree(dest) == whole


@pytest.mark.parametrize("name", ["journal.sqlite", "sources.tsv", ""])
def test_other_links_in_the_state_are_refused(
    source: Path, dest: Path, key: Path, done: Conversion, tmp_path: Path, name: str
) -> None:
    state = Path(f"{dest}.mids")
    place = state / name if name else state
    place.rename(tmp_path / "outside")
    place.symlink_to(tmp_path / "outside")
    with pytest.raises(MidsError, match="is a link"):
        convert("dicom", source, dest, key=key)


@pytest.mark.parametrize("path", ["../victim", "/etc/victim", "a/../../victim"])
def test_a_journal_that_leads_out_of_the_dataset_is_refused(
    source: Path, dest: Path, key: Path, done: Conversion, path: str
) -> None:
    victim = dest.parent / "victim"
    victim.write_bytes(b"keep")
    with sqlite3.connect(f"{dest}.mids/journal.sqlite") as journal:
        journal.execute("INSERT INTO texts VALUES (?, 4, 0)", (path,))
    journal.close()
    with pytest.raises(MidsError, match="damaged"):
        convert("dicom", source, dest, key=key)
    assert victim.read_bytes() == b"keep"


@pytest.mark.parametrize("column", ["outputs", "sources", "row"])
def test_a_journal_of_nonsense_is_one_line(source: Path, dest: Path, key: Path, done: Conversion, column: str) -> None:
    with sqlite3.connect(f"{dest}.mids/journal.sqlite") as journal:
        journal.execute(f"UPDATE jobs SET {column} = '{{nonsense'")
    journal.close()
    (source / "a/2").unlink()
    with pytest.raises(MidsError, match="damaged"):
        convert("dicom", source, dest, key=key)


@dataclass(frozen=True, slots=True)
class _Nothing:
    """An action that is never carried out."""

    VERSION: ClassVar[int] = 1
    sources: tuple[Source, ...] = ()

    def make(self, root: Path, scratch: Path) -> Made:
        raise NotImplementedError


def test_what_a_worker_hands_back_must_lie_in_its_scratch(tmp_path: Path) -> None:
    job = Job("key", "S", "E", None, ("sub-S/image.png",), _Nothing())
    fill_folder(tmp_path, {"scratch/own/image.png": b"x", "outside.png": b"y"})
    (tmp_path / "scratch/own/link.png").symlink_to(tmp_path / "outside.png")
    for folder, name in (
        ("scratch/own", "../../outside.png"), ("scratch/own", "link.png"), ("", "outside.png"),
        ("scratch/own", str(tmp_path / "outside.png")), ("scratch/own/..", "own/image.png"),
    ):  # fmt: skip
        found = Finished(Made((name,)), str(tmp_path / folder), ("",))
        assert isinstance(check_result(job, found, tmp_path / "scratch"), Failed)
        fill_folder(tmp_path, {"scratch/own/image.png": b"x"})
    assert (tmp_path / "outside.png").read_bytes() == b"y"
    good = Finished(Made(("image.png",)), str(tmp_path / "scratch/own"), ("",))
    assert check_result(job, good, tmp_path / "scratch") is good


# Locks and time limits


def test_a_run_on_another_computer_is_seen_by_its_signs_of_life(
    source: Path, dest: Path, key: Path, done: Conversion
) -> None:
    lock = Path(f"{dest}.mids/lock")
    lock.write_text(json.dumps({"host": "elsewhere", "pid": 1, "run": "x"}))
    with pytest.raises(MidsError, match="another run"):
        convert("dicom", source, dest, key=key)
    os.utime(lock, (time.time() - 3600, time.time() - 3600))
    assert convert("dicom", source, dest, key=key).exit_code == 0
    assert not lock.exists()


def test_a_lock_from_the_future_counts_from_now(tmp_path: Path) -> None:
    """The clock was set back; who holds the lock gives no sign of life."""
    path = tmp_path / "lock"
    path.write_text(json.dumps({"host": "elsewhere", "pid": 1, "run": "x"}))
    os.utime(path, (time.time() + 300_000, time.time() + 300_000))
    with pytest.raises(MidsError, match="another run"), Lock(path):
        pass
    since = path.stat().st_mtime - 150
    os.utime(path, (since, since))  # as if two and a half minutes had passed
    with Lock(path) as lock:
        lock.check()


def test_a_lock_is_one_runs(tmp_path: Path) -> None:
    with Lock(tmp_path / "lock") as lock:
        lock.check()
        held = json.loads((tmp_path / "lock").read_text())
        assert (held["host"], held["pid"]) == (socket.gethostname(), os.getpid())
        (tmp_path / "lock").write_text("another's")
        with pytest.raises(MidsError, match="taken"):
            lock.check()
    assert (tmp_path / "lock").read_text() == "another's"


@pytest.mark.skipif(os.name == "nt", reason="a program of POSIX")
def test_a_program_that_hangs_is_ended_with_all_that_it_started() -> None:
    with pytest.raises(DataError, match="did not end") as told:
        run_program(["sh", "-c", "sleep 600 & sleep 600"], seconds=0.2)
    assert told.value.code == "TIME_LIMIT"
    assert run_program(["cat"], seconds=60, given=b"x").stdout == b"x"


def test_an_open_key_is_refused(source: Path, tmp_path: Path) -> None:
    key = tmp_path / "open-key"
    key.write_text("5d" * 32)
    key.chmod(0o644)
    with pytest.raises(MidsError, match="chmod 600"):
        convert("dicom", source, tmp_path / "dest", key=key)
