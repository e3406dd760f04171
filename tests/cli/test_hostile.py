"""Documents, places and values that nobody means well: one line and an exit code, whatever command meets them."""

import gzip
import json
import os
import signal
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from trees import fill_folder, images, radiographs

from mids import cli
from mids.conversion import convert

DEEP = '{"a":' * 100_000 + "1" + "}" * 100_000
LONG = '{"Name": 1' + "0" * 6000 + "}"
HALF = '{"Name": "\\ud800", "BIDSVersion": "1.10.0"}'
"""Nested too deeply, a number of too many digits (CPython reads 4,300), and a text that is none (RFC 8259, 8.2)."""


@pytest.fixture
def dataset(tmp_path: Path, key: Path) -> Path:
    return convert("dicom", fill_folder(tmp_path / "s", radiographs()), tmp_path / "d", key=key).dataset


@pytest.mark.parametrize("content", [DEEP, LONG, HALF], ids=["deep", "long", "half"])
@pytest.mark.parametrize("command", ["stats", "risk", "duplicates", "report", "export --to croissant", "certify"])
def test_a_description_that_is_none_is_no_fault_of_the_program(
    command: str, content: str, dataset: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (dataset / "dataset_description.json").write_text(content)
    name, *more = command.split()
    code = cli.main([name, str(dataset), *more])
    assert code in (0, 1, 2)
    assert "fault of the program" not in capfd.readouterr().err


@pytest.mark.parametrize("content", [DEEP, LONG], ids=["deep", "long"])
def test_a_sidecar_that_is_none_does_not_stop_a_certificate(
    content: str, dataset: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (dataset / images(dataset)[0].replace(".png", ".json")).write_text(content)
    cli.main(["certify", str(dataset)])
    assert "fault of the program" not in capfd.readouterr().err


def test_an_age_of_many_digits_is_no_age(dataset: Path, capfd: pytest.CaptureFixture[str]) -> None:
    subject = images(dataset)[0].split("/")[0]
    (dataset / "participants.tsv").write_text(f"participant_id\tage\n{subject}\t{'9' * 30}\n")
    assert cli.main(["risk", str(dataset)]) in (0, 1)
    assert "fault of the program" not in capfd.readouterr().err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is full")
@pytest.mark.parametrize("command", ["stats", "risk", "export --to croissant", "splits"])
def test_an_output_that_is_full_is_one_line(command: str, dataset: Path) -> None:
    for number in range(40):  # more than one buffer
        (dataset / f"sub-X{number}").mkdir()
    name, *more = command.split()
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "mids", name, str(dataset), *more], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 2
    assert "can't write to standard output" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="closes streams in a POSIX shell")
@pytest.mark.parametrize(("typed", "code"), [("completion bash >&-", 0), ("init made <&-", 2), ("x 2>&-", 2)])
def test_a_stream_that_is_closed_is_no_fault_of_the_program(typed: str, code: int, tmp_path: Path) -> None:
    command = f"{sys.executable} -m mids {typed}"
    done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_flag_steers_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.convert_main(["--\x1b]0;owned\x07"])
    assert "\x1b" not in capsys.readouterr().err


@pytest.mark.parametrize("number", ["-1", "1e3", "9" * 5000, "٣"])
def test_only_a_number_lets_images_go(number: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.convert_main(["dicom", str(tmp_path), str(tmp_path / "d"), f"--remove={number}"])
    assert caught.value.code == 2
    assert "whole number" in capsys.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="devices of POSIX")
def test_a_device_is_no_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = fill_folder(tmp_path / "s", radiographs())
    assert cli.convert_main(["dicom", str(source), str(tmp_path / "d"), "--key", "/dev/zero"]) == 2
    assert "is not a key" in capsys.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="devices of POSIX")
@pytest.mark.parametrize("flag", ["--curation", "--id-table", "--view-model"])
def test_a_device_is_no_table(flag: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.convert_main(["dicom", str(tmp_path), str(tmp_path / "d"), flag, "/dev/zero"])
    assert caught.value.code == 2
    assert "give a file" in capsys.readouterr().err


@pytest.mark.parametrize("loss", ["deleted", "deep"])
def test_a_lost_record_of_choices_undoes_none(loss: str, tmp_path: Path, key: Path) -> None:
    source = fill_folder(tmp_path / "s", radiographs())
    (tmp_path / "fix.tsv").write_text("file\tfield\told\tnew\twho\twhy\na/2\texclude\t\t\tR\ta form\n")
    arguments = ["dicom", str(source), str(tmp_path / "d"), "--key", str(key), "-q"]
    assert cli.convert_main([*arguments, "--curation", str(tmp_path / "fix.tsv")]) == 0
    before = images(tmp_path / "d")
    record = tmp_path / "d.mids/choices.json"
    assert json.loads(record.read_text())["values"]["curation"]
    record.write_text(DEEP) if loss == "deep" else record.unlink()
    assert cli.convert_main(arguments) == 2
    assert images(tmp_path / "d") == before
    record.unlink(missing_ok=True)
    again = [*arguments, "--curation", str(tmp_path / "fix.tsv"), "--change", "policy"]
    assert cli.convert_main(again) == 0
    assert images(tmp_path / "d") == before


def stop_waiting(*_: object) -> None:
    raise TimeoutError


@pytest.mark.skipif(os.name == "nt", reason="named pipes of POSIX")
@pytest.mark.parametrize("flag", ["--key", "--curation", "--about", "--id-table", "--view-model", "--log", "--html"])
def test_a_named_pipe_is_no_file(flag: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(tmp_path / "pipe")
    source = fill_folder(tmp_path / "s", radiographs())
    signal.signal(signal.SIGALRM, stop_waiting)
    signal.alarm(60)
    try:
        code = cli.convert_main(["dicom", str(source), str(tmp_path / "d"), flag, str(tmp_path / "pipe")])
    except SystemExit as stopped:
        code = stopped.code
    finally:
        signal.alarm(0)
    assert code == 2
    assert "is a named pipe" in capsys.readouterr().err


def test_a_path_that_can_not_be_looked_at_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        cli.main(["info", str(tmp_path / ("x" * 300))])
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "can't look at" in said


@pytest.mark.skipif(os.name == "nt", reason="named pipes of POSIX")
def test_a_key_that_became_a_named_pipe_is_told(tmp_path: Path, key: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = fill_folder(tmp_path / "s", radiographs())
    own = tmp_path / "key"
    own.write_bytes(key.read_bytes())
    own.chmod(0o600)
    assert cli.convert_main(["dicom", str(source), str(tmp_path / "d"), "--key", str(own), "-q"]) == 0
    own.unlink()
    os.mkfifo(own)
    assert cli.main(["convert", "--again", str(tmp_path / "d")]) == 2
    assert "is a named pipe" in capsys.readouterr().err


def test_a_box_of_many_digits_is_no_box(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = fill_folder(tmp_path / "s", radiographs())
    (tmp_path / "fix.tsv").write_text(f"file\tfield\told\tnew\twho\twhy\na/1\tredact\t\t0,0,{'9' * 5000},5\tR\tx\n")
    command = ["dicom", str(source), str(tmp_path / "d"), "--curation", str(tmp_path / "fix.tsv")]
    assert cli.convert_main(command) == 2
    assert "has no box" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["duplicates", "certify", "report", "export --to croissant"])
def test_a_picture_that_is_too_large_is_told(command: str, dataset: Path, capfd: pytest.CaptureFixture[str]) -> None:
    head = struct.pack(">IIBBBBB", 20000, 20000, 16, 0, 0, 0, 0)  # what lies behind it could be as much
    chunks = [(b"IHDR", head), (b"IDAT", bytes(1 << 20)), (b"IEND", b"")]
    content = b"".join(struct.pack(">I", len(d)) + t + d + struct.pack(">I", zlib.crc32(t + d)) for t, d in chunks)
    (dataset / images(dataset)[0]).write_bytes(b"\x89PNG\r\n\x1a\n" + content)
    name, *more = command.split()
    assert cli.main([name, str(dataset), *more]) in (0, 1)
    assert "fault of the program" not in capfd.readouterr().err


def test_a_slice_that_is_too_large_is_told(dataset: Path, capfd: pytest.CaptureFixture[str]) -> None:
    head = bytearray(352)
    struct.pack_into("<i", head, 0, 348)
    struct.pack_into("<4h", head, 40, 3, 20000, 20000, 1)
    struct.pack_into("<2h", head, 70, 2, 8)
    struct.pack_into("<f", head, 108, 352)
    head[344:348] = b"n+1\0"
    path = dataset / images(dataset)[0].replace(".png", ".nii.gz")
    path.write_bytes(gzip.compress(bytes(head) + os.urandom(400_000)))  # which could unpack to as much
    assert cli.main(["certify", str(dataset)]) == 1
    assert f"{path.name}: can't be read (DataError)" in capfd.readouterr().err
