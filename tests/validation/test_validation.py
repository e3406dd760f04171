"""The engine: the walk, the report, the readers of heads and tables, and what published sets look like."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from places import EXAMPLES, REAL, SOURCES

from example_datasets import generate_broken as generator
from mids.checks import CHECKS
from mids.dataset.disk.tree import Ignore, walk
from mids.errors import MidsError
from mids.inspection.paths import applies
from mids.issues import Issue, Level
from mids.report import json as as_json
from mids.report import text
from mids.validation.runner import Report, definitions, stream, validate

SHARED = REAL / "mids-examples"


def codes(report: Report) -> set[str]:
    return {issue.code for issue in report}


# --- running ---------------------------------------------------------------------------------------------


def test_not_a_folder_is_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(MidsError, match="no such folder"):
        validate(tmp_path / "absent")


def test_unknown_selection_is_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(MidsError, match="NO_SUCH_CODE"):
        validate(tmp_path, select=frozenset({"NO_SUCH_CODE"}))


def test_an_empty_folder_is_no_dataset(tmp_path: Path) -> None:
    assert {"SUBJECTS_MISSING", "DESCRIPTION_MISSING", "PARTICIPANTS_MISSING"} <= codes(validate(tmp_path))


def test_only_selected_checks_run(tmp_path: Path) -> None:
    files = generator.BROKEN["README_MISSING"]()
    files[f"{generator.RX}.png"] = b""
    generator.write(files, tmp_path / "d")
    assert codes(validate(tmp_path / "d")) == {"README_MISSING", "ZERO_BYTES"}
    assert codes(validate(tmp_path / "d", select=frozenset({"ZERO_BYTES"}))) == {"ZERO_BYTES"}
    assert codes(validate(tmp_path / "d", select=frozenset({"tables"}))) == set()


def test_processes_find_what_one_finds(tmp_path: Path) -> None:
    files = dict(generator.radiograph())
    for number in range(2, 180):
        for path, content in generator.radiograph().items():
            if path.startswith("sub-S01"):
                files[path.replace("S01", f"S{number}")] = content
    generator.write(files, tmp_path / "d")
    one, two = validate(tmp_path / "d"), validate(tmp_path / "d", jobs=2)
    assert one == two
    # 178 subjects without a row, whose tables name the first subject's files.
    assert sum(issue.code == "FOLDER_WITHOUT_PARTICIPANT" for issue in one) == 178
    assert sum(issue.code == "SCAN_WITHOUT_FILE" for issue in one) == 178


def test_a_stream_gives_the_same_issues(tmp_path: Path) -> None:
    files = generator.BROKEN["README_MISSING"]()
    files[f"{generator.RX}.png"] = b""
    generator.write(files, tmp_path / "d")
    found = stream(tmp_path / "d")
    assert next(found).code in ("README_MISSING", "ZERO_BYTES")
    assert sorted(stream(tmp_path / "d"), key=str) == sorted(validate(tmp_path / "d"), key=str)


def test_a_check_that_always_crashes_is_one_issue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def faulty(_: object) -> list[str]:
        raise RecursionError

    generator.write(generator.valid(), tmp_path / "d")
    monkeypatch.setitem(CHECKS, "ENTITY_VALUE", replace(CHECKS["ENTITY_VALUE"], function=faulty, when=None))
    report = validate(tmp_path / "d")
    assert [issue.code for issue in report] == ["CHECK_CRASHED"]
    assert report.exit_code() == 3


def test_hidden_leftovers_are_told(tmp_path: Path) -> None:
    more = {"sub-S01/.DS_Store": b"x", "sub-S01/._made-up": b"x", ".datalad/config": b"x", ".bids-cache": b"x"}
    generator.write(generator.radiograph() | more, tmp_path / "d")
    found = [(issue.code, issue.path) for issue in validate(tmp_path / "d")]
    assert found == [("FILE_STRAY", "sub-S01/.DS_Store"), ("FILE_STRAY", "sub-S01/._made-up")]


def test_counts() -> None:
    report = validate(EXAMPLES / "valid")
    counts = report.counts
    assert (counts.subjects, counts.sessions, counts.images, counts.ignored) == (2, 2, 3, 0)
    assert counts.files == sum(1 for p in (EXAMPLES / "valid").rglob("*") if p.is_file() and p.name[0] != ".")
    assert report.dataset == "valid"


def test_quick_path_imports_neither_pandas_nor_nibabel() -> None:
    program = (
        "import sys; from mids.validation import validate; validate(sys.argv[1]);"
        "print(sorted({'pandas', 'nibabel', 'numpy', 'pydicom'} & set(sys.modules)))"
    )
    run = [sys.executable, "-c", program, str(EXAMPLES / "valid")]
    assert subprocess.run(run, capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_two_defects_in_one_table_are_both_found_with_row_and_column(tmp_path: Path) -> None:
    files = generator.radiograph()
    rows = "".join(f"sub-X{n}\tunknown\tfemale\tDX\tchest\n" for n in range(1500))
    files["participants.tsv"] += rows.encode()
    generator.write(files, tmp_path / "d")
    report = validate(tmp_path / "d", select=frozenset({"tables"}))
    assert len(report) == 3000
    assert {i.where for i in report if i.code == "CELL_TYPE"} == {f"row {n}, column age" for n in range(3, 1503)}
    code = next(i for i in report if i.code == "CELL_CODE")
    assert (code.where, code.value, code.expected) == ("row 3, column sex", "female", "F")


def test_no_message_shows_what_an_identifier_was(tmp_path: Path) -> None:
    for code in ("PRIVACY_KEY", "PRIVACY_DATE", "PRIVACY_UID", "PRIVACY_COLUMN", "PRIVACY_PNG_TEXT"):
        generator.write(generator.BROKEN[code](), tmp_path / code)
        shown = as_json.render(validate(tmp_path / code))
        assert not any(secret in shown for secret in ("Nobody", "19200102", generator.UID, str(tmp_path)))


def test_a_description_that_is_no_object_is_invalid(tmp_path: Path) -> None:
    generator.write(generator.radiograph() | {generator.DESCRIPTION: b"[]"}, tmp_path / "d")
    assert codes(validate(tmp_path / "d")) == {"DESCRIPTION_INVALID"}


def test_every_wrong_key_of_a_sidecar_is_named(tmp_path: Path) -> None:
    changes = {"Rows": "6", "PixelSpacing": 0.1, "KVP": True, "Columns": None, "Invented": "1"}
    generator.write(generator.sidecar(**changes)(), tmp_path / "d")
    report = validate(tmp_path / "d", select=frozenset({"sidecars"}))
    assert {(i.code, i.where) for i in report} == {
        ("SIDECAR_KEY_MISSING", "$"),
        ("SIDECAR_VALUE", "$.Rows"),
        ("SIDECAR_VALUE", "$.PixelSpacing"),
        ("SIDECAR_VALUE", "$.KVP"),
    }


def test_inherited_bids_sidecar_counts(tmp_path: Path) -> None:
    files = generator.other(generator.BOLD, ".nii.gz", generator.gz(generator.nifti((4, 4, 3, 2))), {})
    del files[f"{generator.BOLD}.json"]
    generator.write(files, tmp_path / "d")
    assert codes(validate(tmp_path / "d")) == {"SIDECAR_MISSING"}
    keys = {"Modality": "MR", "TaskName": "rest", "RepetitionTime": 2.0}
    generator.write(files | {"task-rest_bold.json": json.dumps(keys).encode()}, tmp_path / "d")
    assert codes(validate(tmp_path / "d")) == set()


@pytest.mark.parametrize(
    ("sidecar", "image", "right"),
    [
        ("task-rest_bold.json", "sub-1/func/sub-1_task-rest_bold.nii.gz", True),
        ("sub-1/sub-1_task-rest_bold.json", "sub-1/func/sub-1_task-rest_run-1_bold.nii.gz", True),
        ("task-rest_bold.json", "sub-1/func/sub-1_task-other_bold.nii.gz", False),
        ("T1w.json", "sub-1/anat/sub-1_T2w.nii.gz", False),
        ("sub-2/sub-2_bold.json", "sub-1/func/sub-1_bold.nii.gz", False),
    ],
)
def test_inheritance(sidecar: str, image: str, right: bool) -> None:
    assert applies(sidecar, image) is right


def test_deep_finds_a_cut_and_a_changed_image(tmp_path: Path) -> None:
    volume = generator.gz(generator.nifti((4, 4, 900)))
    damaged = bytearray(generator.png(8, 6))
    damaged[50] ^= 1
    for number, files in enumerate(
        (
            generator.volume(volume[:-600] + bytes([volume[-600] ^ 1]) + volume[-599:]),
            generator.picture(bytes(damaged))(),
            generator.picture(_narrow())(),
        )
    ):
        generator.write(files, tmp_path / str(number))
        assert codes(validate(tmp_path / str(number))) == set()
        assert codes(validate(tmp_path / str(number), deep=True)) == {"IMAGE_CORRUPT"}


def _narrow() -> bytes:
    """A PNG whose header says 8 columns and whose rows have 7."""
    wide, narrow = generator.png(8, 6), generator.png(7, 6)
    return bytes(wide[:33] + narrow[33:])


# --- the walk --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "path", "folder", "left_out"),
    [
        ("*.tmp", "a/b/c.tmp", False, True),
        ("/*.tmp", "a/c.tmp", False, False),
        ("extra/", "sub-1/extra", True, True),
        ("extra/", "sub-1/extra", False, False),
        ("sub-*/ses-1", "sub-9/ses-1", True, True),
        ("sub-*/ses-1", "sub-9/x/ses-1", True, False),
        ("**/mim-*", "sub-9/ses-1/mim-rx", True, True),
        ("derivatives/**", "derivatives/a/b", False, True),
        ("# a", "# a", False, False),
        ("a[1]", "a[1]", False, True),
    ],
)
def test_ignore_patterns(pattern: str, path: str, folder: bool, left_out: bool) -> None:
    assert Ignore([pattern])(path, folder) is left_out


def test_last_pattern_decides() -> None:
    ignore = Ignore(["*.json", "!keep.json"])
    assert ignore("a/other.json", folder=False)
    assert not ignore("a/keep.json", folder=False)


def test_midsignore_is_honoured_and_bidsignore_is_not(tmp_path: Path) -> None:
    files = generator.BROKEN["TOP_LEVEL_UNKNOWN"]()
    files[".bidsignore"] += b"*.doc\n"
    generator.write(files, tmp_path / "d")
    assert codes(validate(tmp_path / "d")) == {"TOP_LEVEL_UNKNOWN"}
    generator.write(files | {".midsignore": b"*.doc\n"}, tmp_path / "d")
    report = validate(tmp_path / "d")
    assert codes(report) == set()
    assert report.counts.ignored == 1


def test_links_to_files_inside_count_as_files(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.txt").write_bytes(b"1234")
    (tmp_path / "y.txt").symlink_to("a/x.txt")
    (tmp_path / "self").symlink_to("self")
    tree = walk(tmp_path)
    assert tree.files == {"a/x.txt": 4, "y.txt": 4}
    assert [(odd.path, odd.kind) for odd in tree.odd] == [("self", "broken")]


# --- reports ---------------------------------------------------------------------------------------------


def make_many(number: int, level: Level = Level.ERROR) -> Report:
    issue = Issue("CELL_TYPE", level, "bad", "t.tsv", fix="Mend it.")
    return Report("d", tuple(replace(issue, where=f"row {n}") for n in range(number)))


def test_text_report_groups_and_caps() -> None:
    shown = text.render(make_many(30))
    assert shown.count("t.tsv, row ") == 20
    assert "CELL_TYPE (30 times)" in shown
    assert "… and 10 more" in shown
    assert shown.splitlines()[-1].startswith("30 errors, 0 warnings, 0 notes")
    assert "\x1b" not in shown
    assert "\x1b[1;31m" in text.render(make_many(1), colour=True)


def test_text_report_does_not_let_a_name_steer_the_terminal() -> None:
    report = Report("d", (Issue("X", Level.INFO, "bad", "a\x1b[2Jb\n.txt"),))
    assert "\x1b" not in text.render(report)
    assert "a\\x1b[2Jb\\n.txt" in text.render(report)


@pytest.mark.parametrize(
    ("level", "fail_on", "code"),
    [
        (Level.ERROR, Level.ERROR, 1),
        (Level.WARNING, Level.ERROR, 0),
        (Level.WARNING, Level.WARNING, 1),
        (Level.INFO, Level.WARNING, 0),
        (Level.INFO, Level.INFO, 1),
    ],
)
def test_exit_codes(level: Level, fail_on: Level, code: int) -> None:
    assert make_many(1, level).exit_code(fail_on) == code
    assert replace(make_many(1, level), crashed=True).exit_code(fail_on) == 3
    assert make_many(0).exit_code(fail_on) == 0


def test_json_report_holds_every_issue() -> None:
    content = json.loads(as_json.render(make_many(30)))
    assert list(content) == ["version", "dataset", "crashed", "counts", "levels", "issues"]
    assert content["levels"] == {"error": 30, "warning": 0, "info": 0}
    assert [issue["where"] for issue in content["issues"]] == [f"row {n}" for n in range(30)]


def test_explanation_has_all_three_parts() -> None:
    found = definitions()["SIDECAR_MISSING"]
    shown = text.explain(found)
    assert all(part in shown for part in ("SIDECAR_MISSING (error)", found.what, found.why, found.fix))


# --- other people's tools and data -----------------------------------------------------------------------


@pytest.mark.skipif(
    shutil.which("bids-validator-deno", path=Path(sys.executable).parent) is None, reason="not installed"
)
def test_valid_example_is_valid_for_the_official_validator() -> None:
    tool = str(Path(sys.executable).parent / "bids-validator-deno")
    run = subprocess.run([tool, "--json", str(EXAMPLES / "valid")], capture_output=True, text=True, check=False)
    issues = json.loads(run.stdout)["issues"]["issues"]
    assert [issue for issue in issues if issue.get("severity") == "error"] == []


PUBLISHED = {
    "RX_Thorax": {
        "LEGACY_NAME": "vp_ap",
        "ENTITY_DUPLICATED": "bp-thorax_bp-ap",
        "EXTENSION_WRONG": ".nii.json",
        "COLUMN_DUPLICATED": "scans.tsv",
        "COLUMN_NAME": "scans.tsv",
        "SCAN_WITHOUT_FILE": "sub-2_ses-1_scans.tsv",
    },
    "MRI_Lumbar": {
        "ENTITY_EMPTY": "run-4__vp-ax",
        "COLUMN_DUPLICATED": "scans.tsv",
        "SIDECAR_SHARED": "acq-2",
    },
    "MRI_Head": {
        "JSON_INVALID": "dataset_description.json",
        "COLUMN_DUPLICATED": "scans.tsv",
        "COLUMN_NAME": "scans.tsv",
    },
}
"""The defects that BIMCV's example sets are known for, each with a part of the path."""

LEAKS = {"00100010": "name", "00100030": "birth date", "00081010": "station", "00181000": "serial number"}
"""Tags that all of the three sets left in."""


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="the published example sets are not here")
@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_published_examples_have_their_known_defects(name: str) -> None:
    report = validate(SHARED / name, deep=True)
    assert not report.crashed
    for code, part in PUBLISHED[name].items():
        assert any(issue.code == code and part in issue.path for issue in report), code
    if name != "MRI_Lumbar":
        assert any("&rsquo;" in issue.value for issue in report if issue.code == "COLUMN_NAME")


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="the published example sets are not here")
@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_published_examples_leak(name: str) -> None:
    report = validate(SHARED / name, select=frozenset({"privacy"}))
    said = " ".join(issue.message for issue in report)
    assert all(tag in said for tag in LEAKS)
    assert {"PRIVACY_KEY", "PRIVACY_DATE", "PRIVACY_UID", "PRIVACY_COLUMN"} <= codes(report)
    assert ("PRIVACY_AGE" in codes(report)) is (name == "MRI_Head")
    assert "PRIVACY_NATIONAL_ID" not in codes(report)


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="the published example sets are not here")
def test_published_tables_name_files_of_others() -> None:
    report = validate(SHARED / "RX_Thorax", select=frozenset({"SCAN_WITHOUT_FILE"}))
    assert any(issue.path == "sub-1/ses-2/sub-1_ses-2_scans.tsv" and "another" in issue.message for issue in report)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("covid-chestxray", {"BOX_SHAPE_CONTRADICTED", "LABELS_INCOMPLETE"}),  # some were drawn on another copy
        ("midrc-ricord-1a", {"LABELS_INCOMPLETE"}),
    ],
)
def test_the_own_tables_of_a_collection_are_known(name: str, told: set[str]) -> None:
    assert {issue.code for issue in validate(SOURCES / name / "mids")} <= told
