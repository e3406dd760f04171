"""The command mids-validate: what a person decides, files and exit codes; and what CI runs of it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from places import ROOT
from validating import TWO, broken, found, run

from example_datasets import generate_broken as generator
from mids.exports import export_schema
from mids.issues import Issue, Level
from mids.report import formats
from mids.report.issue import Style
from mids.validation.outcome import Report
from mids.validation.runner import definitions, validate
from mids.vocabulary.schema import load

BIN = Path(sys.executable).parent


# --- exit codes and selection ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("codes", "flags", "expected"),
    [
        ((), (), 0),
        (TWO, (), 1),
        (TWO, ("--select", "privacy"), 0),
        (TWO, ("--select", "privacy", "--select", "CELL_TYPE"), 1),
        (TWO, ("--ignore", "CELL_TYPE"), 0),
        (TWO, ("--ignore", "CELL_TYPE", "--fail-on", "warning"), 1),
        (TWO, ("--ignore", "tables", "--ignore", "layout", "--fail-on", "info"), 0),
        (("TABLE_UNKNOWN",), ("--fail-on", "info"), 1),
        (("TABLE_UNKNOWN",), ("--fail-on", "warning"), 0),
    ],
)
@pytest.mark.usefixtures("here")
def test_exit_code_and_selection(codes: tuple[str, ...], flags: tuple[str, ...], expected: int) -> None:
    assert run(broken(*codes), *flags) == expected


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--select", "CEL_TYPE"), "did you mean CELL_TYPE"),
        (("--ignore", "privac"), "did you mean privacy"),
        (("--profile", "covid19"), "did you mean bimcv-covid19"),
        (("--format", "serif"), "did you mean sarif"),
        (("--format", "sarif="), "names no file"),
        (("--format", "json", "--format", "text"), "two formats go to standard output"),
        (("--format", "json=a", "--format", "html=a"), "two formats go to a"),
        (("--format", "json=absent/x"), "the folder absent does not exist"),
        (("--format", "json=set"), "set is a folder"),
        (("--config", "absent.toml"), "can't read"),
        (("--baseline", "absent.json"), "can't read"),
        (("--baseline", "set/README.md"), "not a baseline"),
        (("--select", "CELL_TYPE", "--ignore", "tables"), "no check is left"),
        (("--select", "IMAGE_CORRUPT"), "no check is left"),
        (("--explain", "CELL_TIPE"), "did you mean CELL_TYPE"),
    ],
)
@pytest.mark.usefixtures("here")
def test_wrong_use_is_one_clear_line(flags: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(broken(), *flags) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.count("\n") == 1
    assert said in shown.err


def test_several_formats_at_once(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(broken(*TWO), "--format=sarif=a.sarif", "--format", "text", "--format=html=a.html") == 1
    assert capsys.readouterr().out.splitlines()[-1].startswith("1 error, 1 warning, 0 notes in ")
    results = json.loads(Path("a.sarif").read_text())["runs"][0]["results"]
    uris = [result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for result in results]
    assert sorted(uris) == ["set/dataset_description.json", "set/participants.tsv"]
    assert "<h1>" in Path("a.html").read_text()
    assert str(here) not in Path("a.sarif").read_text() + Path("a.html").read_text()
    assert sorted(path.name for path in here.iterdir()) == ["a.html", "a.sarif", "set"]


def test_pipes_and_links_are_written_to_and_stay(here: Path) -> None:
    dataset = broken()
    os.mkfifo("pipe")
    (here / "file").write_text("old")
    (here / "link").symlink_to("file")
    with subprocess.Popen(["cat", "pipe"], stdout=subprocess.PIPE) as reader:
        assert run(dataset, "--format=text=pipe", "--format=jsonl=link") == 0
        assert reader.communicate()[0].startswith(b"0 errors")
    assert Path("pipe").is_fifo()
    assert Path("link").is_symlink()
    assert json.loads(Path("file").read_text())["levels"] == {"error": 0, "warning": 0, "info": 0}


@pytest.mark.usefixtures("here")
def test_quiet_and_verbose(capsys: pytest.CaptureFixture[str]) -> None:
    run(broken(*TWO), "-q")
    quiet = capsys.readouterr().out
    assert "CELL_TYPE" in quiet
    assert "README_MISSING" not in quiet
    assert "1 warning" in quiet
    run("set", "-v")
    assert f"why: {definitions()['README_MISSING'].why}" in capsys.readouterr().out


@pytest.mark.usefixtures("here")
def test_text_is_plain_in_a_pipe() -> None:
    broken(*TWO)
    done = subprocess.run([BIN / "mids-validate", "set"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "CELL_TYPE" in done.stdout
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize(("variables", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)])
def test_text_has_colour_on_a_terminal(here: Path, variables: dict[str, str], coloured: bool) -> None:
    pty = pytest.importorskip("pty")
    broken(*TWO)
    master, slave = pty.openpty()
    environment = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "TERM")} | {"TERM": "xterm"} | variables
    with subprocess.Popen([BIN / "mids-validate", "set"], stdout=slave, env=environment, cwd=here) as process:
        os.close(slave)
        shown = b""
        while True:
            try:
                piece = os.read(master, 4096)
            except OSError:
                break
            if not piece:
                break
            shown += piece
    os.close(master)
    assert process.returncode == 1
    assert (b"\x1b[1;31merror: CELL_TYPE" in shown) is coloured


# --- what CI runs ----------------------------------------------------------------------------------------


def test_the_action_is_one_for_github() -> None:
    command = [BIN / "check-jsonschema", "--builtin-schema", "vendor.github-actions", ROOT / "action.yml"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(("codes", "arguments", "expected"), [(TWO, "", 1), (TWO, "--ignore tables -q", 0)])
def test_the_script_of_the_action_runs(here: Path, codes: tuple[str, ...], arguments: str, expected: int) -> None:
    step = yaml.safe_load((ROOT / "action.yml").read_text())["runs"]["steps"][-1]
    (here / "mids" / "bin").mkdir(parents=True)
    (here / "mids" / "bin" / "mids-validate").symlink_to(BIN / "mids-validate")
    variables = {"RUNNER_TEMP": str(here), "GITHUB_STEP_SUMMARY": str(here / "summary")}
    inputs = {
        "DATASET": broken(*codes), "ARGUMENTS": arguments, "SARIF": "out.sarif", "CACHE": "true",
        "XDG_CACHE_HOME": str(here / "cache"),
    }  # fmt: skip
    assert step["env"].keys() == inputs.keys()
    shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]  # as GitHub runs it
    done = subprocess.run(shell, env={**os.environ, **variables, **inputs}, capture_output=True, text=True, check=False)
    assert done.returncode == expected, done.stderr
    assert "title=README_MISSING::" in done.stdout
    assert "README_MISSING" in (here / "summary").read_text()
    assert json.loads((here / "out.sarif").read_text())["version"] == "2.1.0"


@pytest.mark.usefixtures("here")
def test_the_hooks_are_ones_of_pre_commit() -> None:
    manifest = ROOT / ".pre-commit-hooks.yaml"
    done = subprocess.run([BIN / "pre-commit", "validate-manifest", manifest], capture_output=True, check=False)
    assert done.returncode == 0, done.stdout
    dataset = broken("PRIVACY_NIFTI_TEXT")
    for hook, expected in zip(yaml.safe_load(manifest.read_text()), (0, 1), strict=True):
        command, *arguments = hook["entry"].split()
        assert (
            subprocess.run([BIN / command, *arguments, dataset], capture_output=True, check=False).returncode
            == expected
        )


@pytest.mark.slow
@pytest.mark.usefixtures("here")
def test_many_issues_make_a_short_report(capsys: pytest.CaptureFixture[str]) -> None:
    files = generator.radiograph()
    rows = "".join(f"sub-X{n}\tunknown\tF\tDX\tchest\n" for n in range(20_000))
    table = files["participants.tsv"]
    assert isinstance(table, bytes)
    generator.write(files | {"participants.tsv": table + rows.encode()}, Path("set"))
    short = {"markdown": "a.md", "html": "a.html", "junit": "a.xml", "github": "a.txt"}
    assert run("set", "--format", "text", *(f"--format={name}={file}" for name, file in short.items())) == 1
    shown = [capsys.readouterr().out, *(Path(file).read_text() for file in short.values())]
    assert all("and 19,980 more" in text and len(text) < 60_000 for text in shown)
    assert shown[0].splitlines()[-1].startswith("40,000 errors, 0 warnings, 0 notes in ")
    # Formats for programs hold every issue, in whatever company.
    assert run("set", "--format=jsonl=a.jsonl", "--format=text=b.txt") == 1
    assert len(Path("a.jsonl").read_text().splitlines()) == 40_001
    assert Path("b.txt").read_text() == shown[0]
    assert len(found("set")[1]) == 40_000
    # A baseline knows them all too.
    assert run("set", "--write-baseline=known.json") == 0
    assert run("set", "--baseline=known.json", "--format=text=b.txt") == 0
    assert "; 40,000 known from the baseline" in Path("b.txt").read_text()


def test_json_lines_are_written_as_issues_come(capsys: pytest.CaptureFixture[str]) -> None:
    issue = Issue("CELL_TYPE", Level.ERROR, "bad", "participants.tsv", "row 2, column age")
    with formats.Writer(formats.outputs(["jsonl"]), Style()) as writer:
        writer.tell(issue)
        assert json.loads(capsys.readouterr().out)["row"] == 2
        writer.finish(Report("set", (issue,)))
    assert json.loads(capsys.readouterr().out)["levels"] == {"error": 1, "warning": 0, "info": 0}


@pytest.mark.usefixtures("here")
def test_a_run_that_fails_leaves_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(report: Report, style: Style) -> Iterator[str]:
        yield "half"
        raise RuntimeError

    monkeypatch.setitem(formats.FORMATS, "html", fail)
    assert run(broken(), "--format=jsonl=a.jsonl", "--format=html=a.html") == 3
    assert [path.name for path in Path().iterdir()] == ["set"]


# --- schema and repairs ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["bids", "pybids", "jsonschema", "frictionless"])
def test_the_vocabulary_is_printed_for_other_tools(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--export-schema", kind) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(export_schema(kind, load())))


@pytest.mark.slow
@pytest.mark.usefixtures("here")
def test_repairs_are_shown_then_made() -> None:
    dataset = broken("TABLE_LINE_ENDS")
    table = Path(dataset, "participants.tsv")
    before = table.read_bytes()
    command = [BIN / "mids-validate", dataset]
    diff = subprocess.run([*command, "--diff"], capture_output=True, check=False)
    assert diff.returncode == 1
    assert b"--- a/participants.tsv" in diff.stdout
    assert table.read_bytes() == before
    done = subprocess.run([*command, "--fix", "--format", "json"], capture_output=True, check=False)
    assert done.returncode == 0
    assert done.stderr == diff.stdout
    assert json.loads(done.stdout)["issues"] == []
    assert table.read_bytes() == before.replace(b"\r\n", b"\n") != before
    assert run(dataset, "--diff") == 0


@pytest.mark.usefixtures("here")
def test_only_selected_issues_are_repaired() -> None:
    assert run(broken("TABLE_LINE_ENDS"), "--diff", "--select", "privacy") == 0
    assert run("set", "--diff", "--select", "TABLE_LINE_ENDS") == 1


@pytest.mark.usefixtures("here")
def test_a_users_words_are_words_of_the_vocabulary() -> None:
    Path("extra/code_lists").mkdir(parents=True)
    dataset = broken("CELL_CODE")
    (issue,) = validate(dataset)
    entry = load().code_lists["sex"].codes["F"]
    words: dict[str, object] = {"description": "More", "source": "test"}
    words["codes"] = {issue.value: {"definition": entry.definition, "source": entry.source}}
    Path("extra/code_lists/sex.yaml").write_text(yaml.safe_dump(words))
    assert found(dataset) == (1, ["CELL_CODE"])
    assert found(dataset, "--schema-extra", "extra") == (0, [])
