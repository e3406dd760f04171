"""``mids deidentify``, run again: what is done stays, what changed is redone, a kill at any moment costs nothing."""

import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from deidentified import headers
from trees import COMMANDS, another, chest, codes, command, fill_folder, put, radiographs, stamps, tree

from mids.deid.policy import chosen, preset
from mids.deidentification import deidentify


def test_a_second_run_changes_nothing_and_another_policy_redoes_all(source: Path, dest: Path, key: Path) -> None:
    deidentify(source, dest, key=key)
    before = stamps(dest)
    again = deidentify(source, dest, key=key)
    assert again.outcome is not None
    assert (again.outcome.made, again.outcome.removed, len(again.outcome.kept)) == ((), (), 3)
    assert stamps(dest) == before
    deidentify(source, dest, key=key, policy=preset("basic"))
    after = stamps(dest)
    assert {*after} == {*before}
    assert not {*after.items()} & {*before.items()}


def test_what_left_the_source_is_kept_and_told(source: Path, dest: Path, key: Path) -> None:
    deidentify(source, dest, key=key)
    before = tree(dest)
    put(source, "b/2", another("more", PatientID="123", IssuerOfPatientID=""))
    deidentify(source, dest, key=key)
    after = tree(dest)
    assert len(after) == len(before) + 1
    (source / "b/2").unlink()
    done = deidentify(source, dest, key=key)
    assert codes(done.issues) == ["SOURCE_VANISHED"]
    assert tree(dest) == after


def test_a_dry_run_writes_nothing(source: Path, dest: Path, key: Path) -> None:
    done = command("mids", "deidentify", source, dest, "--key", key, "--dry-run")
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == "3 new"
    assert not dest.exists()
    assert not Path(f"{dest}.mids").exists()


def _start(*arguments: str | Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [COMMANDS / "mids", "deidentify", *map(str, arguments), "-v"],
        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, start_new_session=True,
    )  # fmt: skip


def _killed(lines: int, *arguments: str | Path) -> None:
    """The real program, killed after some lines of progress."""
    process = _start(*arguments)
    assert process.stderr is not None
    progress: Iterator[str] = iter(process.stderr)
    for _ in range(lines):
        next(progress, None)
    process.kill()
    process.wait()
    process.stderr.close()


@pytest.mark.slow
def test_killed_at_any_point_it_goes_on_to_the_same_bytes(tmp_path: Path, key: Path) -> None:
    source = fill_folder(tmp_path / "source", {**chest(), **radiographs()})
    whole = tree(deidentify(source, tmp_path / "whole", key=key).dataset)
    for lines in (1, 4, 9):
        _killed(lines, source, tmp_path / "dest", "--key", key, "--jobs", "2")
        there = tree(tmp_path / "dest") if (tmp_path / "dest").exists() else {}
        assert {path for path, content in there.items() if whole.get(path) != content} == set()
    deidentify(source, tmp_path / "dest", key=key)
    assert tree(tmp_path / "dest") == whole
    assert sorted(path.name for path in Path(f"{tmp_path / 'dest'}.mids").iterdir()) == [
        "choices.json",
        "issues.jsonl",
        "journal.copy.sqlite",
        "journal.sqlite",
        "sources.tsv",
    ]


@pytest.mark.slow
def test_a_killed_run_with_random_ids_goes_on_with_them(tmp_path: Path) -> None:
    source, dest = fill_folder(tmp_path / "source", chest()), tmp_path / "dest"
    _killed(4, source, dest, "--ids", "random")
    place = Path(f"{dest}.mids/random-key")
    first = {*headers(dest)}
    if place.exists():  # else it was killed before or after all
        assert stat.S_IMODE(place.stat().st_mode) == 0o600
        deidentify(source, dest, policy=chosen("mids", ids="random"))
    assert first <= {*headers(dest)}
    assert len(headers(dest)) == len(chest())
    assert len({path.split("/")[0] for path in headers(dest)}) == 1
    assert not place.exists()
