"""`mids release` writes what is there, `mids verify` names every file that is not as it was."""

import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from places import plain_user

from example_datasets import generate_broken as generator
from mids import cli
from mids.releases import verification
from mids.validation.runner import validate

TABLE = "derivatives/provenance/manifest.tsv"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    generator.write(generator.valid(), tmp_path / "dataset")
    return tmp_path / "dataset"


def run(*arguments: object) -> int:
    return cli.main([str(argument) for argument in arguments])


def differences(dataset: Path, capsys: pytest.CaptureFixture[str], *flags: object) -> dict[str, str]:
    """The kind of every difference by its path, as the command says it; its exit code fits."""
    capsys.readouterr()
    code = run("verify", dataset, "--format", "json", *flags)
    said = json.loads(capsys.readouterr().out)
    assert code == int(bool(said["differences"])) == int(not said["complete"])
    return {one["path"]: one["kind"] for one in said["differences"]}


def test_a_manifest_holds_every_file_as_sha256sum_sees_it(dataset: Path) -> None:
    assert run("release", dataset, "--as", "1.0.0", "--doi", "10.5072/example") == 0
    rows = [line.split("\t") for line in (dataset / TABLE).read_text().splitlines()]
    assert rows[0] == ["filename", "size", "sha256"]
    found = {path: (int(size), digest) for path, size, digest in rows[1:]}
    files = [path for path in dataset.rglob("*") if path.is_file() and not path.name.startswith("manifest.")]
    assert found == {
        path.relative_to(dataset).as_posix(): (path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest())
        for path in files
    }
    assert list(found) == sorted(found)
    about = json.loads((dataset / TABLE).with_suffix(".json").read_text())
    assert about["Version"] == "1.0.0"
    assert about["DatasetDOI"] == "10.5072/example"
    assert about["Files"] == len(files)
    assert about["SHA256"] == hashlib.sha256((dataset / TABLE).read_bytes()).hexdigest()


def test_the_version_is_the_newest_of_changes_and_the_dataset_stays_valid(dataset: Path) -> None:
    assert run("release", dataset) == 0
    assert json.loads((dataset / TABLE).with_suffix(".json").read_text())["Version"] == "1.0.0"
    assert list(validate(dataset, deep=True)) == []
    first = (dataset / TABLE).read_bytes()
    assert run("release", dataset, "--jobs", "1") == 0
    assert (dataset / TABLE).read_bytes() == first


def test_a_whole_copy_is_complete(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("release", dataset)
    capsys.readouterr()
    assert run("verify", dataset) == 0
    assert "0 missing, 0 changed, 0 unreadable, 0 extra" in capsys.readouterr().out


def test_every_missing_extra_and_changed_file_is_named(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("release", dataset)
    (dataset / "README.md").unlink()
    (dataset / "sub-S01" / "new file.txt").write_text("made up")
    (dataset / "CHANGES").write_text("other")
    participants = dataset / "participants.tsv"
    content = participants.read_bytes()
    participants.write_bytes(content[:-2] + b"X\n")  # of the same size
    image = generator.RX + ".png"
    (dataset / image).unlink()
    (dataset / image).symlink_to("../nowhere")
    wanted = {
        "README.md": "missing", "sub-S01/new file.txt": "extra", "CHANGES": "changed", "participants.tsv": "changed",
        image: "missing",
    }  # fmt: skip
    assert differences(dataset, capsys) == wanted
    assert differences(dataset, capsys, "--jobs", "1") == wanted


def test_systems_files_and_the_manifest_itself_are_no_difference(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("release", dataset)
    (dataset / ".git").mkdir()
    (dataset / ".git" / "HEAD").write_text("ref")
    (dataset / "sub-S01" / ".DS_Store").write_text("made up")
    elsewhere = tmp_path / "manifest.tsv"
    elsewhere.write_bytes((dataset / TABLE).read_bytes())
    assert differences(dataset, capsys) == {}
    assert differences(dataset, capsys, "--manifest", elsewhere) == {}


def test_a_damaged_manifest_is_refused(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("verify", dataset) == 2
    run("release", dataset)
    table = dataset / TABLE
    whole = table.read_text()
    table.write_text(whole.replace("participants.tsv", "participants.csv"))
    assert run("verify", dataset) == 2
    table.with_suffix(".json").unlink()
    for text in (whole[:-70], whole.replace("filename", "file", 1), whole.replace("README.md", "../README.md")):
        table.write_text(text)
        assert run("verify", dataset) == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.slow
def test_a_check_that_was_killed_goes_on_and_one_that_ended_begins_anew(
    tmp_path: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = tmp_path / "many"
    generator.write(generator.radiograph(), dataset)
    folder = dataset / "derivatives" / "made"
    folder.mkdir(parents=True)
    for number in range(20):
        (folder / f"{number}.bin").write_bytes(bytes([number]) * (16 << 20))
    run("release", dataset)
    command = [sys.executable, "-m", "mids", "verify", str(dataset), "--jobs", "1"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env={**os.environ, "XDG_CACHE_HOME": str(cache)})
    deadline = time.monotonic() + 60
    while process.poll() is None and not any(p.stat().st_size for p in cache.rglob("*.tsv")):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.kill()
    process.wait()
    capsys.readouterr()
    run("verify", dataset, "--format", "json")
    second = json.loads(capsys.readouterr().out)
    run("verify", dataset, "--format", "json")
    third = json.loads(capsys.readouterr().out)
    if process.returncode < 0:  # it was killed before its end
        assert second["known"] > 0
    assert third["known"] == 0
    assert second["read"] + second["known"] == third["read"]
    assert second["complete"]
    assert third["complete"]


def test_a_file_that_changed_since_the_stopped_check_is_read_again(
    dataset: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run("release", dataset)
    with monkeypatch.context() as patch:
        patch.setattr(verification.Notes, "drop", lambda self: None)  # as if it had been stopped at its very end
        assert differences(dataset, capsys) == {}
    path = dataset / "README.md"
    time_before = path.stat().st_mtime_ns
    path.write_bytes(path.read_bytes()[:-2] + b"X\n")
    os.utime(path, ns=(time_before + 1, time_before + 1))
    assert differences(dataset, capsys) == {"README.md": "changed"}


def test_a_closed_folder_is_told_and_makes_no_release(dataset: Path) -> None:
    assert run("release", dataset, "--as", "1.0.0") == 0
    (dataset / "derivatives/shut").mkdir(mode=0)
    command = [*plain_user(), sys.executable, "-m", "mids"]
    checked = subprocess.run([*command, "verify", str(dataset), "--format", "json"], capture_output=True, text=True)
    assert checked.returncode == 1, checked.stderr
    assert [one["path"] for one in json.loads(checked.stdout)["differences"]] == ["derivatives/shut"]
    done = subprocess.run([*command, "release", str(dataset), "--as", "1.0.1"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "can't read derivatives/shut" in done.stderr
