"""What a person decides about a validation: mids-validate.toml, baseline, profile."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from validating import TWO, broken, found, run

from example_datasets import generate_broken as generator
from mids.checks import CHECKS
from mids.issues import Issue, Level
from mids.resources import read_yaml, schemas
from mids.validation.control import Waiver

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
        ('fail-on = "error"', "unknown key fail-on: did you mean fail_on?"),
        ('fail_on = "errors"', "did you mean error?"),
        ("select = 'tables'", "lists of codes"),
        ("select = [3]", "unknown code or family 3"),
        ('ignore = ["table"]', "did you mean tables"),
        ('level = "error"', "level must be a table"),
        ('[level]\nCELL_TIPE = "info"', "did you mean CELL_TYPE"),
        ("[level]\nCELL_TYPE = 1", "unknown level 1"),
        ('profile = "bimcv"', "unknown profile bimcv"),
        ('[waive]\ncode = "CELL_TYPE"', "waivers must be tables"),
        ('[[waive]]\ncode = "CELL_TYPE"', "has no reason"),
        ('[[waive]]\ncode = "CELL_TYPE"\nreason = " "', "has no reason"),
        ('[[waive]]\ncode = "CELL_TYPE"\nreason = "x"\npath = ""', "has an empty path"),
        ('[[waive]]\ncode = "CELL_TYPE"\nreason = "x"\nglob = "x"', "key of a waiver"),
        ('[[waive]]\ncode = "CHECK_CRASHED"\nreason = "x"', "unknown code CHECK_CRASHED"),
        ('[[waive]]\nreason = "x"', "unknown code"),
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


@pytest.mark.usefixtures("here")
def test_a_crash_is_never_known_or_excused(monkeypatch: pytest.MonkeyPatch) -> None:
    def faulty(_: object) -> Iterator[str]:
        raise KeyError
        yield ""

    dataset = broken()
    monkeypatch.setitem(CHECKS, "README_MISSING", replace(CHECKS["README_MISSING"], function=faulty))
    assert run(dataset, "--write-baseline", "known.json") == 3
    assert found(dataset, "--baseline", "known.json") == (3, ["CHECK_CRASHED"])


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
    dicom["00080060"]["Value"], dicom["00280010"]["Value"] = ["CT"], [4]
    files[f"{stem}_run-1_bp-chest_ct.json"] = json.dumps(dicom).encode()
    rows += "mod-rx/sub-S03044_ses-E06155_run-1_bp-chest_ct.nii.gz\t1920-01-02T10:00:00\tCT\t4\n"
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
    assert profiles.keys() == {"mids", "bids", "bimcv-covid19"}
    for profile in profiles.values():
        assert {rule["code"] for rule in profile.get("accept", ())} <= CHECKS.keys()
        assert all(rule["reason"].endswith(".") and rule["path"] for rule in profile.get("accept", ()))
        assert profile.get("level", {}).keys() <= CHECKS.keys()
        assert not any(code.startswith("PRIVACY") for code in profile.get("level", {}))
