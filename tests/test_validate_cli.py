"""The command mids-validate: what a person decides, files and exit codes; and what CI runs of it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from example_datasets import generate_broken as generator
from mids import cli
from mids.checks import CHECKS
from mids.checks.control import Waiver
from mids.checks.outcome import Report
from mids.exports import export_schema
from mids.issues import Issue, Level
from mids.report import formats
from mids.report.issue import Style
from mids.resources import read_yaml, schemas
from mids.schema import load
from mids.validation import definitions, validate

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def broken(*codes: str) -> str:
    """A dataset, in the current folder, of files that raise these codes."""
    files: generator.Files = {}
    changes = [generator.BROKEN[code]() for code in codes]
    whole = generator.radiograph()
    for change in changes:
        files |= {path: content for path, content in change.items() if whole.get(path) != content}
    removed = {path for path in whole for change in changes if path not in change}
    kept = {path: content for path, content in whole.items() if path not in removed}
    generator.write(kept | files, Path("set"))
    return "set"


def run(*arguments: str) -> int:
    return cli.validate_main(arguments)


def found(*arguments: str) -> tuple[int, list[str]]:
    """The exit code, and the codes of the issues."""
    code = run(*arguments, "--format=json=out.json")
    return code, [issue["code"] for issue in json.loads(Path("out.json").read_text())["issues"]]


TWO = ("CELL_TYPE", "README_MISSING")


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
        (("--format", "sarif="), "the file is missing"),
        (("--format", "json", "--format", "text"), "two formats for standard output"),
        (("--format", "json=a", "--format", "html=a"), "two formats for a"),
        (("--format", "json=absent/x"), "there is no folder absent"),
        (("--format", "json=set"), "set is a folder"),
        (("--config", "absent.toml"), "can't be read"),
        (("--baseline", "absent.json"), "can't be read"),
        (("--baseline", "set/README.md"), "no baseline"),
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


# --- mids-validate.toml ----------------------------------------------------------------------------------

CONFIG = """
fail_on = "warning"
ignore = ["SCANS_MISSING"]

[level]
CELL_TYPE = "info"

[[waive]]
code = "README_MISSING"
reason = "The README comes with the paper."
"""


@pytest.mark.parametrize("place", ["mids-validate.toml", ".mids-validate.toml", "../mids-validate.toml", "given.toml"])
def test_where_decisions_are_found(here: Path, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    broken(*TWO)
    assert run("set") == 1
    if place.startswith(".."):  # beside the dataset, and not in the current folder
        (here / "work").mkdir()
        monkeypatch.chdir(here / "work")
    Path(place).write_text(CONFIG)
    dataset = "../set" if place.startswith("..") else "set"
    assert found(dataset, *(["--config", place] if place == "given.toml" else [])) == (0, ["CELL_TYPE"])
    content = json.loads(Path("out.json").read_text())
    assert content["levels"] == {"error": 0, "warning": 0, "info": 1}
    assert content["counts"]["waived"] == 1


@pytest.mark.usefixtures("here")
def test_a_hidden_file_of_decisions_is_no_stray_file_of_the_dataset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(broken(*TWO))
    Path(".mids-validate.toml").write_text(CONFIG)
    assert run(".", "--format=json=../out.json", "--write-baseline", ".mids-baseline.json") == 0
    assert [i["code"] for i in json.loads(Path("../out.json").read_text())["issues"]] == ["CELL_TYPE"]
    assert run(".", "--baseline", ".mids-baseline.json", "--fail-on", "info") == 0


@pytest.mark.usefixtures("here")
def test_flags_replace_what_the_file_says() -> None:
    broken(*TWO)
    Path("mids-validate.toml").write_text('fail_on = "info"\nselect = ["layout"]\n')
    assert found("set") == (1, ["README_MISSING"])
    assert found("set", "--fail-on", "error") == (0, ["README_MISSING"])
    assert found("set", "--select", "tables") == (1, ["CELL_TYPE"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('fail-on = "error"', "no key is called fail-on: did you mean fail_on?"),
        ('fail_on = "errors"', "did you mean error?"),
        ("select = 'tables'", "lists of codes"),
        ("select = [3]", "no code or family is called 3"),
        ('ignore = ["table"]', "did you mean tables"),
        ('level = "error"', "level is a table"),
        ('[level]\nCELL_TIPE = "info"', "did you mean CELL_TYPE"),
        ("[level]\nCELL_TYPE = 1", "no level is called 1"),
        ('profile = "bimcv"', "no profile is called bimcv"),
        ('[waive]\ncode = "CELL_TYPE"', "waivers are tables"),
        ('[[waive]]\ncode = "CELL_TYPE"', "needs a reason"),
        ('[[waive]]\ncode = "CELL_TYPE"\nreason = " "', "needs a reason"),
        ('[[waive]]\ncode = "CELL_TYPE"\nreason = "x"\npath = ""', "needs a path"),
        ('[[waive]]\ncode = "CELL_TYPE"\nreason = "x"\nglob = "x"', "key of a waiver"),
        ('[[waive]]\ncode = "CHECK_CRASHED"\nreason = "x"', "no code is called CHECK_CRASHED"),
        ('[[waive]]\nreason = "x"', "no code is called"),
        ("fail_on =", "not TOML"),
        ("a = '\x00'", "not TOML"),
    ],
)
@pytest.mark.usefixtures("here")
def test_a_wrong_word_in_the_file_is_wrong_use(text: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("mids-validate.toml").write_text(text)
    assert run(broken()) == 2
    shown = capsys.readouterr().err
    assert "mids-validate.toml: " in shown or "profile" in text
    assert said in shown
    assert shown.count("\n") == 1


@pytest.mark.usefixtures("here")
def test_a_waiver_that_fits_nothing_is_reported_where_its_check_ran() -> None:
    broken(*TWO)
    waivers = {"CELL_TYPE": "*.tsv", "CELL_DATE": "**", "IMAGE_CORRUPT": "**", "README_MISSING": "sub-*"}
    text = "".join(f'[[waive]]\ncode = "{c}"\npath = "{p}"\nreason = "known"\n' for c, p in waivers.items())
    Path("mids-validate.toml").write_text(text)
    # IMAGE_CORRUPT runs with --deep only; README_MISSING is of the dataset, not of a subject.
    assert found("set") == (0, ["README_MISSING", "WAIVER_UNUSED", "WAIVER_UNUSED"])
    unused = [i for i in json.loads(Path("out.json").read_text())["issues"] if i["code"] == "WAIVER_UNUSED"]
    assert [issue["where"] for issue in unused] == ["mids-validate.toml, waiver 2", "mids-validate.toml, waiver 4"]
    assert all(issue["level"] == "info" and issue["rule"] and issue["fix"] for issue in unused)
    assert found("set", "--deep")[1].count("WAIVER_UNUSED") == 3
    assert found("set", "--select", "CELL_TYPE") == (0, [])


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("**", "", True),
        ("sub-1", "sub-1/ses-1/x.tsv", True),
        ("sub-1/", "sub-1/ses-1/x.tsv", True),
        ("sub-1/**", "sub-1/ses-1/x.tsv", True),
        ("*.tsv", "sub-1/ses-1/x.tsv", True),
        ("/*.tsv", "sub-1/ses-1/x.tsv", False),
        ("sub-*/*/x.tsv", "sub-1/ses-1/x.tsv", True),
        ("sub-2", "sub-1/ses-1/x.tsv", False),
        ("**/mim-rx", "sub-1/ses-1/mim-rx/x.png", True),
        ("*", "", False),
    ],
)
def test_paths_of_waivers_are_patterns_as_in_gitignore(pattern: str, path: str, fits: bool) -> None:
    assert Waiver("X", "because", pattern).fits(Issue("X", Level.ERROR, "", path)) is fits
    assert not Waiver("Y", "because", pattern).fits(Issue("X", Level.ERROR, "", path))


# --- baseline --------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("here")
def test_with_a_baseline_only_new_issues_fail() -> None:
    broken(*TWO)
    assert run("set", "--write-baseline", "known.json") == 0
    assert found("set", "--baseline", "known.json") == (0, [])
    assert json.loads(Path("out.json").read_text())["counts"]["known"] == 2
    assert "forty" not in Path("known.json").read_text()
    table = Path("set/participants.tsv")
    header, row = table.read_text().splitlines()
    # A row above it moves the known cell; another bad value, or the same one twice, is new.
    table.write_text(f"{header}\n{row.replace('S01', 'S02').replace('forty', '50')}\n{row}\n")
    assert "CELL_TYPE" not in found("set", "--baseline", "known.json")[1]
    table.write_text(f"{header}\n{row.replace('S01', 'S02')}\n{row}\n")
    assert found("set", "--baseline", "known.json")[1].count("CELL_TYPE") == 1
    table.write_text(f"{header}\n{row.replace('forty', 'fifty')}\n")
    assert found("set", "--baseline", "known.json") == (1, ["CELL_TYPE"])
    # Written again with a baseline at hand, it holds the known and the new ones.
    assert run("set", "--baseline", "known.json", "--write-baseline", "known.json") == 0
    assert found("set", "--baseline", "known.json") == (0, [])


@pytest.mark.parametrize(
    "text", ["[]", "{}", '{"version": 1}', '{"version": 1, "issues": [1]}', "\xff", '{"version": 9}']
)
@pytest.mark.usefixtures("here")
def test_what_is_no_baseline_is_wrong_use(text: str) -> None:
    Path("known.json").write_text(text, encoding="latin-1")
    assert run(broken(), "--baseline", "known.json") == 2


# --- profiles --------------------------------------------------------------------------------------------


def covid() -> generator.Files:
    """A dataset in the form of the published BIMCV-COVID19+: names as there, values invented."""
    session, scans = "sub-S03044/ses-E06155", "filename\tacq_time\tmodality\tRows (0028,0010)\n"
    files = {
        path: content
        for path, content in generator.radiograph().items()
        if not path.startswith("sub-") and path != ".bidsignore"
    }
    files["participants.tsv"] = b"participant_id\tage\tsex\tmodalities\tbody_parts\nsub-S03044\t40\tF\tDX;CT\tchest\n"
    files["sub-S03044/sub-S03044_sessions.tsv"] = b"session_id\tacq_time\tage\nses-E06155\t1920-01-02T10:00:00\t40\n"
    stem = f"{session}/mod-rx/sub-S03044_ses-E06155"
    dicom = {"00080060": {"vr": "CS", "Value": ["DX"]}, "00280010": {"vr": "US", "Value": [6]}}
    rows = ""
    for name, suffix in (("_acq-1_run-1_bp-chest_vp-pa", "dx"), ("_acq-2_run-1_bp-chest_vp-pa", "dx")):
        files[f"{stem}{name}_{suffix}.png"] = generator.png(8, 6) if "acq-1" in name else generator.png(6, 6)
        rows += f"mod-rx/sub-S03044_ses-E06155{name}_{suffix}.png\t1920-01-02T10:00:00\tDX\t6\n"
    files[f"{stem}_acq-2_run-1_bp-chest_vp-pa_dx.json"] = json.dumps(dicom).encode()
    files[f"{stem}_run-1_bp-chest_ct.nii.gz"] = generator.gz(generator.nifti((4, 4, 3)))
    dicom["00080060"]["Value"] = ["CT"]
    files[f"{stem}_run-1_bp-chest_ct.json"] = json.dumps(dicom).encode()
    rows += "mod-rx/sub-S03044_ses-E06155_run-1_bp-chest_ct.nii.gz\t1920-01-02T10:00:00\tCT\t6\n"
    files[f"{session}/sub-S03044_ses-E06155_scans.tsv"] = (scans + rows).encode()
    return files


@pytest.mark.usefixtures("here")
def test_the_profile_accepts_the_published_form_and_nothing_else() -> None:
    generator.write(covid(), Path("set"))
    code, codes = found("set")
    assert code == 1
    assert {"LEGACY_FOLDER", "SIDECAR_LEGACY", "SIDECAR_SHARED", "COLUMN_NAME"} <= set(codes)
    code, codes = found("set", "--profile", "bimcv-covid19")
    assert code == 0
    assert set(codes) == {"COLUMN_MISSING"}
    # Leaks and lost images stay errors.
    files = covid()
    path = next(path for path in files if path.endswith("_ct.json"))
    files[path] = b'{"00100010": {"vr": "PN", "Value": [{"Alphabetic": "Nobody^Invented"}]}}'
    generator.write(files, Path("leak"))
    assert "PRIVACY_KEY" in found("leak", "--profile", "bimcv-covid19")[1]
    # Other legacy forms are not accepted in passing.
    assert "LEGACY_NAME" in found(broken("LEGACY_NAME"), "--profile", "bimcv-covid19")[1]


@pytest.mark.usefixtures("here")
def test_the_file_can_choose_the_profile() -> None:
    generator.write(covid(), Path("set"))
    Path("mids-validate.toml").write_text('profile = "bimcv-covid19"\n[level]\nCOLUMN_MISSING = "info"\n')
    code, codes = found("set", "--fail-on", "warning")
    assert (code, set(codes)) == (0, {"COLUMN_MISSING"})
    assert "LEGACY_FOLDER" in found("set", "--profile", "mids", "--fail-on", "warning")[1]


def test_profiles_name_codes_that_exist() -> None:
    profiles = read_yaml(schemas() / "profiles.yaml")
    assert profiles.keys() == {"mids", "bimcv-covid19"}
    for profile in profiles.values():
        assert {rule["code"] for rule in profile.get("accept", ())} <= CHECKS.keys()
        assert all(rule["reason"].endswith(".") and rule["path"] for rule in profile.get("accept", ()))
        assert profile.get("level", {}).keys() <= CHECKS.keys()
        assert not any(code.startswith("PRIVACY") for code in profile.get("level", {}))


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
    inputs = {"DATASET": broken(*codes), "ARGUMENTS": arguments, "SARIF": "out.sarif"}
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


@pytest.mark.usefixtures("here")
def test_a_crash_is_never_known_or_excused(monkeypatch: pytest.MonkeyPatch) -> None:
    def faulty(_: object) -> Iterator[str]:
        raise KeyError
        yield ""

    dataset = broken()
    monkeypatch.setitem(CHECKS, "README_MISSING", replace(CHECKS["README_MISSING"], function=faulty))
    assert run(dataset, "--write-baseline", "known.json") == 3
    assert found(dataset, "--baseline", "known.json") == (3, ["CHECK_CRASHED"])


# --- schema and repairs ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["bids", "pybids", "jsonschema", "frictionless"])
def test_the_vocabulary_is_printed_for_other_tools(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--export-schema", kind) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(export_schema(kind, load())))


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
