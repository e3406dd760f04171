"""What a validation does when its surroundings fail: closed pipes, full disks, Ctrl-C, limits of code hosts."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from example_datasets.generate_broken import BROKEN
from example_datasets.invented import as_tsv
from example_datasets.small import RX, Files, radiograph, write
from mids.cli import validate_main
from mids.issues import Level
from mids.validation.runner import validate

COMMAND = [sys.executable, "-c", "from mids.cli import validate_main; raise SystemExit(validate_main())"]


def dataset(files: Files, root: Path) -> Path:
    write(files, root)
    return root


@pytest.mark.parametrize("name", ["text", "json", "jsonl", "sarif"])
@pytest.mark.parametrize(("code", "wanted"), [("JSON_INVALID", 1), ("README_MISSING", 0)])
def test_a_reader_that_goes_away_does_not_change_the_exit_code(
    name: str, code: str, wanted: int, tmp_path: Path
) -> None:
    root = dataset(BROKEN[code](), tmp_path / "dataset")
    reader, writer = os.pipe()
    with os.fdopen(writer, "wb") as closed:
        os.close(reader)
        words = [*COMMAND, str(root), "--format", name]
        done = subprocess.run(words, stdout=closed, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (wanted, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no disk that is always full")
@pytest.mark.parametrize("words", [[], ["--format", "json=/dev/full"]])
def test_a_full_disk_is_one_line(words: list[str], tmp_path: Path) -> None:
    root = dataset(radiograph(), tmp_path / "dataset")
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*COMMAND, str(root), *words], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr


INTERRUPTED = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell has programs in the background ignore it
from mids.cli import validate_main

class Finder:
    def find_spec(self, name, path, target=None):
        if name == sys.argv[1]:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Finder())
raise SystemExit(validate_main(sys.argv[2:]))
"""
"""Ctrl-C comes when a module is looked for: before the command begins, or in its work."""


@pytest.mark.parametrize(
    ("module", "said"), [("mids.cli.validate", "stopped before it began"), ("mids.checks", "stopped: finished work")]
)
def test_ctrl_c_is_one_line_and_130(module: str, said: str, tmp_path: Path) -> None:
    root = dataset(radiograph(), tmp_path / "dataset")
    words = [sys.executable, "-c", INTERRUPTED, module, str(root)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr.startswith(f"mids-validate: {said}")
    assert done.stderr.count("\n") == 1


def test_a_table_in_utf16_is_one_issue(tmp_path: Path) -> None:
    files = radiograph()
    for path in [path for path in files if path.endswith(".tsv")]:
        content = files[path]
        assert isinstance(content, bytes)
        root = dataset({**files, path: content.decode().encode("utf-16")}, tmp_path / "dataset")
        assert [(issue.code, issue.path) for issue in validate(root)] == [("TABLE_ENCODING", path)]


@pytest.mark.slow
def test_sarif_holds_what_github_takes_errors_first(tmp_path: Path) -> None:
    files = radiograph()
    rows = [f"sub-S01 40 {'X' if number % 2 else ''}. DX chest" for number in range(26_000)]
    files["participants.tsv"] = as_tsv("participant_id age sex modalities body_parts", *rows)
    root = dataset(files, tmp_path / "dataset")
    done = subprocess.run([*COMMAND, str(root), "--format", "sarif"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    run = json.loads(done.stdout)["runs"][0]
    issues = list(validate(root))
    number = len(issues)
    assert len([issue for issue in issues if issue.level is Level.ERROR]) > 25_000
    assert len(run["results"]) == 25_000
    assert run["properties"]["resultsLeftOut"] == number - 25_000
    assert {result["level"] for result in run["results"]} == {"error"}


def test_several_datasets_in_one_call(tmp_path: Path) -> None:
    one = dataset(radiograph(), tmp_path / "one")
    two = dataset(BROKEN["JSON_INVALID"](), tmp_path / "two")
    words = [str(one), str(two), "--format", "text", "--format", "json={dataset}.json"]
    done = subprocess.run([*COMMAND, *words], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 1
    assert [line for line in done.stdout.splitlines() if line in (str(one), str(two))] == [str(one), str(two)]
    assert json.loads((tmp_path / "one.json").read_text())["issues"] == []
    assert json.loads((tmp_path / "two.json").read_text())["issues"][0]["code"] == "JSON_INVALID"
    done = subprocess.run([*COMMAND, str(one), str(two), "--format", "json"], capture_output=True, check=False)
    assert done.returncode == 2


def test_of_several_datasets_a_missing_one_is_told_and_the_others_are_checked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    one, gone = dataset(radiograph(), tmp_path / "one"), tmp_path / "gone"
    two = dataset(BROKEN["JSON_INVALID"](), tmp_path / "two")
    assert validate_main([str(one), str(gone), str(two)]) == 2
    assert "JSON_INVALID" in capsys.readouterr().out
    assert str(gone) in caplog.text


def test_reports_of_datasets_of_one_name_do_not_replace_each_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    roots = [dataset(radiograph(), tmp_path / folder / "one") for folder in ("a", "b")]
    assert validate_main([*map(str, roots), "--format", f"json={tmp_path}/{{dataset}}.json"]) == 2
    assert "one" in capsys.readouterr().err
    assert not list(tmp_path.glob("*.json"))


@pytest.mark.skipif(sys.platform == "win32", reason="links of POSIX")
def test_a_link_that_leads_to_nothing_is_one_issue(tmp_path: Path) -> None:
    root = dataset(radiograph(), tmp_path / "dataset")
    (root / f"{RX}.png").unlink()
    (root / f"{RX}.png").symlink_to("nothing.png")
    assert [(issue.code, issue.path) for issue in validate(root)] == [("LINK_BROKEN", f"{RX}.png")]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_a_table_in_utf_16_without_a_mark_is_one_issue(encoding: str, tmp_path: Path) -> None:
    files = radiograph()
    path = next(path for path in files if path.endswith("_scans.tsv"))
    root = dataset({**files, path: files[path].decode().encode(encoding)}, tmp_path / "dataset")
    assert [(issue.code, issue.path) for issue in validate(root)] == [("TABLE_ENCODING", path)]


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
def test_what_is_closed_is_one_issue_each_and_nothing_follows_from_it(tmp_path: Path) -> None:
    root = dataset(radiograph(), tmp_path / "dataset")
    folder, table = root / "sub-S01/ses-E01/mim-rx", root / "participants.tsv"
    # The superuser reads everything, unless it gives that up.
    able = "dac_override,-dac_read_search"
    less = ["setpriv", f"--bounding-set=-{able}", f"--inh-caps=-{able}"] if os.geteuid() == 0 else []
    if less and shutil.which("setpriv") is None:
        pytest.skip("run by the superuser, and setpriv is not installed")
    folder.chmod(0)
    table.chmod(0)
    try:
        words = [*less, *COMMAND, str(root), "--format", "jsonl"]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    finally:
        folder.chmod(0o755)
        table.chmod(0o644)
    issues = [json.loads(line) for line in done.stdout.splitlines()]
    found = sorted((issue["code"], issue["path"]) for issue in issues if "code" in issue)
    closed = ["participants.tsv", "sub-S01/ses-E01/mim-rx"]
    assert found == [("FILE_UNREADABLE", path) for path in closed]
    assert done.returncode == 1
