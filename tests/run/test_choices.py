"""What was decided for a dataset holds in later runs that don't say it again, and is undone on request only."""

import json
import shutil
import stat
from pathlib import Path

import pytest
from trees import fill_folder, images, tree

from example_datasets.generators import radiograph, us
from mids import cli
from mids.conversion import convert
from mids.deid.policy import chosen
from mids.deidentification import deidentify
from mids.errors import MidsError
from mids.run.decided.choices import load_choices

HEAD = "file,field,old,new,who,why\n"
ROWS = ('pa,redact,,"0,0,9,9",R,a name\n', "ap,exclude,,,R,another person\n")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Two radiographs, a loop, and an image that is withheld."""
    held = radiograph.cr_pa()
    held.BurnedInAnnotation = "YES"
    files = {"pa": radiograph.dx_pa(), "ap": radiograph.dx_ap(), "loop": us.cine(), "held": held}
    return fill_folder(tmp_path / "source", files)


@pytest.fixture
def given(tmp_path: Path) -> Path:
    """A folder of files to give to flags."""
    folder = tmp_path / "given"
    folder.mkdir()
    (folder / "curation.csv").write_text(HEAD + "".join(ROWS), encoding="utf-8")
    (folder / "about.yaml").write_text("title: My study\nauthors: [A. Reader]\n", encoding="utf-8")
    (folder / "policy.yaml").write_text("profile: basic\ntimes: remove\n", encoding="utf-8")
    return folder


def said(capsys: pytest.CaptureFixture[str], *line: str | Path) -> tuple[int, str]:
    code = cli.convert_main([str(word) for word in line])
    return code, capsys.readouterr().err


FLAGS = (
    "--curation {given}/curation.csv", "--about {given}/about.yaml", "--policy {given}/policy.yaml", "--policy basic",
    "--burned-in release", "--texts remove", "--option retain_full_dates", "--layout bimcv-covid19", "--pixels raw",
    "--compression small", "--cine png", "--publish-sources",
)  # fmt: skip


@pytest.mark.parametrize("flags", FLAGS)
def test_a_choice_that_is_not_given_again_holds(
    flags: str, source: Path, given: Path, tmp_path: Path, key: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also where the files that said it are gone, and where no more than the destination is named."""
    dest = tmp_path / "out"
    words = flags.format(given=given).split()
    code, _ = said(capsys, "dicom", source, dest, "--key", key, *words)
    before = tree(dest)
    assert any(path.startswith("sub-") for path in before)
    shutil.rmtree(given)
    assert said(capsys, "dicom", source, dest)[0] == code
    assert tree(dest) == before
    assert said(capsys, "--again", dest)[0] == code
    assert tree(dest) == before


@pytest.mark.parametrize(
    ("first", "second", "name"),
    [
        ("--pixels raw", "--pixels window", "pixels"),
        ("--policy basic", "--policy mids", "policy"),
        ("--burned-in release", "--policy mids", "policy"),
        ("--cine png", "--cine nifti", "cine"),
    ],
)
def test_another_value_needs_a_word(
    first: str, second: str, name: str, source: Path, tmp_path: Path, key: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dest = tmp_path / "out"
    said(capsys, "dicom", source, dest, "--key", key, *first.split())
    before = tree(dest)
    code, told = said(capsys, "dicom", source, dest, *second.split())
    assert code == 2
    assert f"--change {name}" in told
    assert tree(dest) == before
    assert said(capsys, "dicom", source, dest, *second.split(), "--change", name)[0] == 0
    changed = tree(dest)
    assert changed != before
    said(capsys, "dicom", source, dest)
    assert tree(dest) == changed


def test_flags_of_a_policy_change_what_was_recorded(source: Path, tmp_path: Path, key: Path) -> None:
    dest = tmp_path / "out"
    convert("dicom", source, dest, key=key, policy=chosen("basic", burned_in="release"))
    with pytest.raises(MidsError, match=r"policy: texts"):
        convert("dicom", source, dest, policy=chosen("basic", burned_in="release", texts="remove"))
    line = ["dicom", str(source), str(dest), "--texts", "remove", "--change", "texts"]
    assert cli.convert_main(line) == 0
    assert load_choices(dest).values["policy"] == {  # what was not named is as it was
        **load_choices(dest).values["policy"], "name": "basic", "burned_in": "release", "texts": "remove",  # type: ignore[dict-item]
    }  # fmt: skip


def test_rows_may_be_added_to_a_table_and_not_dropped(source: Path, given: Path, tmp_path: Path, key: Path) -> None:
    dest, path = tmp_path / "out", given / "curation.csv"
    path.write_text(HEAD + ROWS[1])
    convert("dicom", source, dest, key=key, curation=path)
    path.write_text(HEAD + "".join(ROWS))
    convert("dicom", source, dest, curation=path)
    before = tree(dest)
    path.write_text(HEAD + ROWS[0])
    with pytest.raises(MidsError, match=r"curation: 1 rows"):
        convert("dicom", source, dest, curation=path)
    assert tree(dest) == before
    convert("dicom", source, dest, curation=path, change=["curation"])
    assert len(images(dest)) == 3
    convert("dicom", source, dest, forget=["curation"])
    assert "derivatives/provenance/curation.tsv" not in tree(dest)


def test_a_table_is_about_all_sources_of_a_dataset(source: Path, given: Path, tmp_path: Path, key: Path) -> None:
    """The second source has no image for the rows of the first, and a table of its own drops none of them."""
    dest, path = tmp_path / "out", given / "curation.csv"
    convert("dicom", source, dest, key=key, curation=path)
    other = fill_folder(tmp_path / "other", {"more": radiograph.cr_pa()})
    convert("dicom", other, dest)
    path.write_text(HEAD + "more,exclude,,,R,wrong\n")
    done = convert("dicom", other, dest, curation=path)
    assert [item.reason for subject in done.plan.subjects for item in subject.skipped] == ["excluded by curation.tsv"]
    before = tree(dest)
    assert b"exclude" in before["derivatives/provenance/curation.tsv"]
    moved = source.rename(tmp_path / "mounted elsewhere")
    convert("dicom", moved, dest)
    assert {path for path in tree(dest) if path.endswith(".png")} == {path for path in before if path.endswith(".png")}


def test_an_id_table_and_an_embedded_table_hold(tmp_path: Path, key: Path) -> None:
    source, dest = fill_folder(tmp_path / "source", {"pa": radiograph.dx_pa()}), tmp_path / "out"
    patient = str(radiograph.dx_pa().PatientID)
    (tmp_path / "ids.csv").write_text(f"id_old,id_new\n{patient},one\n")
    policy = chosen("mids", ids="table")
    assert deidentify(source, dest, policy=policy, key=key, id_table=tmp_path / "ids.csv").exit_code == 0
    before = tree(dest)
    (tmp_path / "ids.csv").unlink()
    assert deidentify(source, dest).exit_code == 0
    assert tree(dest) == before
    (tmp_path / "ids.csv").write_text(f"id_old,id_new\n{patient},two\n")
    with pytest.raises(MidsError, match=r"id-table: 1 entries") as refused:
        deidentify(source, dest, id_table=tmp_path / "ids.csv")
    assert patient not in str(refused.value)


def test_what_is_kept_is_for_its_owner_only(source: Path, given: Path, tmp_path: Path, key: Path) -> None:
    dest = tmp_path / "out"
    convert("dicom", source, dest, key=key, curation=given / "curation.csv", dry_run=True)
    assert not (tmp_path / "out.mids").exists()
    convert("dicom", source, dest, key=key, curation=given / "curation.csv")
    path = tmp_path / "out.mids" / "choices.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text())["collection"] == "dicom"
    path.write_text("{")
    with pytest.raises(MidsError, match="is damaged"):
        convert("dicom", source, dest)


def test_names_of_choices_are_checked(source: Path, tmp_path: Path, key: Path) -> None:
    with pytest.raises(MidsError, match="--forget curations"):
        convert("dicom", source, tmp_path / "out", key=key, forget=["curations"])
    with pytest.raises(MidsError, match="--change colour"):
        convert("dicom", source, tmp_path / "out", key=key, change=["colour"])
    assert cli.convert_main(["--again", str(tmp_path / "nowhere")]) == 2


def test_random_ids_leave_no_choice_behind(source: Path, tmp_path: Path) -> None:
    convert("dicom", source, tmp_path / "out", policy=chosen("mids", ids="random"))
    assert not (tmp_path / "out.mids" / "choices.json").exists()


@pytest.mark.parametrize(
    "values",
    [
        '{"policy": 7}', '{"policy": {"name": "mids", "texts": [1]}}', '{"curation": [{"x": 1}]}', '{"curation": "x"}',
        '{"about": [1]}', '{"about": {"nothing": "x"}}', '{"pixels": 3}', '{"id-table": {"a": 1}}',
    ],
)  # fmt: skip
def test_a_record_of_choices_that_says_nonsense_is_one_line(
    values: str, source: Path, tmp_path: Path, key: Path
) -> None:
    convert("dicom", source, tmp_path / "out", key=key)
    before = tree(tmp_path / "out")
    path = tmp_path / "out.mids" / "choices.json"
    path.write_text(f'{{"collection": "dicom", "sources": {{}}, "values": {values}}}')
    with pytest.raises(MidsError, match="is damaged"):
        convert("dicom", source, tmp_path / "out", key=key)
    assert tree(tmp_path / "out") == before


def test_a_destination_that_is_a_link_to_itself_is_one_line(source: Path, tmp_path: Path, key: Path) -> None:
    (tmp_path / "out").symlink_to("out")
    with pytest.raises(MidsError, match="give another DEST"):
        convert("dicom", source, tmp_path / "out", key=key)


def test_a_default_holds_where_a_later_version_has_another(source: Path, tmp_path: Path, key: Path) -> None:
    """What an earlier run took because nothing was decided is recorded, and is this run's default."""
    dest = tmp_path / "out"
    convert("dicom", source, dest, key=key)
    state = Path(f"{dest}.mids/choices.json")
    content = json.loads(state.read_bytes())
    assert content["values"].keys() == {"key"}
    assert content["defaults"]["policy"]["burned_in"] == "hold"
    content["defaults"]["policy"]["times"] = "remove"  # as a version with another default would have recorded it
    state.write_text(json.dumps(content))
    done = convert("dicom", source, dest)
    assert load_choices(dest).defaults["policy"] == content["defaults"]["policy"]
    assert done.outcome
    assert len(done.outcome.made) + len(done.outcome.kept) == 3
    convert("dicom", source, dest, policy=chosen("mids", burned_in="release"))
    assert "policy" not in load_choices(dest).defaults


def test_nobody_says_which_policy_and_the_default_is_another(source: Path, tmp_path: Path, key: Path) -> None:
    """A record that was lost, or a dataset of a version that had none: nothing is weakened without a word."""
    dest = tmp_path / "out"
    convert("dicom", source, dest, key=key, policy=chosen("basic"))
    before = tree(dest)
    Path(f"{dest}.mids/choices.json").unlink()
    with pytest.raises(MidsError, match="another policy"):
        convert("dicom", source, dest, key=key)
    assert tree(dest) == before
    assert convert("dicom", source, dest, key=key, policy=chosen("basic")).outcome
    assert tree(dest) == before
