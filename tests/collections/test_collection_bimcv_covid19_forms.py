"""BIMCV-COVID19: forms of its cells, its third iteration."""

import json
import shutil
import tarfile
from io import BytesIO
from pathlib import Path

import pytest
from places import SOURCES
from trees import codes, issues_by_code, table

from example_datasets.generators import bimcv_covid19 as example
from mids.collections.bimcv import labelcells, rows
from mids.collections.bimcv.bimcv_covid19 import read
from mids.collections.bimcv.rows import Words
from mids.conversion import convert
from mids.errors import MidsError
from mids.readers.tables.table import parse_csv
from mids.records import Entry
from mids.vocabulary import clinical

NAME = "bimcv-covid19"
INPUT, GOLDEN = SOURCES / NAME / "input", SOURCES / NAME / "mids"
LABELS = "derivatives/labels/labels_covid19_posi.tsv"
TESTS = "derivatives/EHR/sil_reg_covid_posi.tsv"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A copy of the example that a test may change."""
    return shutil.copytree(INPUT, tmp_path / "source")


def test_two_files_of_one_place_are_copies_or_told_and_two_tables_are_refused(
    source: Path, tmp_path: Path, key: Path
) -> None:
    for path in [path for path in source.rglob("*") if path.is_file()]:
        copy = tmp_path / "both" / "part2" / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    both = shutil.copytree(source, tmp_path / "both", dirs_exist_ok=True)
    assert "DUPLICATE_DIFFERS" not in codes(convert("bimcv-covid19", both, tmp_path / "copies", key=key).issues)
    picture = next((both / "part2").rglob("*.png"))
    picture.write_bytes(picture.read_bytes() + b"another")
    done = convert("bimcv-covid19", both, tmp_path / "differs", key=key)
    assert codes(done.issues).count("DUPLICATE_DIFFERS") == 1
    people = both / "part2" / "participants.tsv"
    people.write_text(people.read_text("utf-8").replace("\tM", "\tF").replace("\tm", "\tf") + "\n", "utf-8")
    with pytest.raises(MidsError, match="participants"):
        convert("bimcv-covid19", both, tmp_path / "refused", key=key)


@pytest.mark.parametrize(
    ("cell", "sentences"),
    [
        ("pneumonia', ' loc basal", (("pneumonia", "loc basal"),)),
        ("pneumonia', ' loc basal'], ['normal", (("pneumonia", "loc basal"), ("normal",))),
        ("a' ' loc b", (("a", "loc b"),)),
        ("a', \"b's\", 'c", (("a",), ("b's",), ("c",))),
        ("pneumonia", (("pneumonia",),)),
        ("", ()),
    ],
)
def test_label_cells_without_their_outer_brackets_and_quotes(cell: str, sentences: tuple[tuple[str, ...], ...]) -> None:
    assert labelcells.parse(cell).sentences == sentences
    assert not labelcells.parse(cell).truncated


@pytest.mark.parametrize(
    "cell", ["Pneumonia; LOC Basal", "['PNEUMONIA', ' loc  basal']", "pneumonia;loc basal", " pneumonia\tloc basal "]
)
def test_labels_in_capitals_and_behind_semicolons_are_those_of_the_tree(cell: str) -> None:
    words = Words(clinical.load(NAME), {"pneumonia": ("C0032285",), "basal": ("C1282378",)}, public=True)
    row = {"labels": cell, "localizations": "LOC Basal", "sentences": cell}
    (entry,) = rows.labels(parse_csv(b"labels", "t.tsv"), 2, row, rows.Report("S1", "E1", "E1", 1), words)
    assert isinstance(entry, Entry)
    assert [json.loads(entry.values[name]) for name in ("labels", "localizations", "label_cuis")] == [
        ["pneumonia"], ["basal"], ["C0032285"],
    ]  # fmt: skip
    assert json.loads(entry.values["labels_localizations_by_sentence"]) == [["pneumonia", "loc basal"]]


def test_iteration_3_has_new_subjects_and_tables_with_names_of_its_own(source: Path, tmp_path: Path, key: Path) -> None:
    """The third iteration has the form of 1+2: sessions with days, subjects in further archives, tables of all."""
    label, session = "S99001", "E99001"
    folder = f"sub-{label}/ses-{session}/mod-rx"
    picture = next((source / example.A).rglob("*.png")).read_bytes()
    report = f"session_id\tstudy_date\tmedical_evaluation\nses-{session}\t20200914.0\tSin hallazgos.\n"
    with tarfile.open(source / "covid19_posi_subjects_31.tar.gz", "w:gz") as archive:
        for name, data in (
            (f"{folder}/sub-{label}_ses-{session}_run-1_bp-chest_vp-pa_dx.png", picture),
            (f"sub-{label}/sub-{label}_sessions.tsv", report.encode()),
        ):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, BytesIO(data))
    with (source / "participants.tsv").open("a", encoding="utf-8") as file:
        file.write(f"sub-{label}\t['DX']\t[['chest']]\t[40, 41]\tF\n")
    with (source / TESTS).open("a", encoding="utf-8") as file:
        file.write(f"sub-{label}\t{label}\t12.09.2020\tPCR\tPOSITIVO\t9\n")
    for path, name in ((LABELS, "labels_covid_posi_iter3.tsv"), (TESTS, "sil_reg_covid_posi_iter3.tsv")):
        (source / path).rename((source / path).with_name(name))
    done = convert(NAME, source, tmp_path / "out", key=key)
    people = {row["participant_id"]: row for row in table(done.dataset / "participants.tsv")}
    assert people[f"sub-{label}"].items() >= {"age": "40", "sex": "F", "covid_test": "positive"}.items()
    (scan,) = table(next(done.dataset.glob(f"sub-*/ses-{session}/*_scans.tsv")))
    assert scan["acq_time"].startswith("2020-09-14")
    assert len(people) == 1 + len(table(GOLDEN / "participants.tsv"))


@pytest.mark.parametrize(
    ("row", "age", "code"),
    [
        ("['CR']\t[['chest']]\t57,5\tF", "n/a", "VALUE_CONTRADICTED"),
        ("['CR']\t[['chest']]\t['57', '58']\tF", "57", ""),
        ("['CR']\t[['chest']]\t['57', '57', '58']\tM\n{}", "n/a", "VALUE_CONTRADICTED"),
    ],
    ids=["decimal comma", "list", "contradiction"],
)
def test_rows_of_participants_that_contradict_each_other_or_themselves(
    row: str, age: str, code: str, source: Path, tmp_path: Path, key: Path
) -> None:
    """Headers may still say an age and a sex. The table's name in capitals makes no difference."""
    path = source / "participants.tsv"
    lines = path.read_text("utf-8").splitlines()
    lines[1] = f"sub-{example.A.removeprefix('sub-')}\t{row.format(lines[1])}"
    path.unlink()
    (source / "Participants.TSV").write_text("\n".join(lines), "utf-8")
    done = convert(NAME, source, tmp_path / "out", key=key)
    people = {one["participant_id"]: one for one in table(done.dataset / "participants.tsv")}
    person = people[f"sub-{example.A.removeprefix('sub-')}"]
    assert person["age_min"] == age
    told = [one.code for one in done.issues if "articipants" in one.path and one.code.startswith("VALUE_C")]
    assert told == ([code] if code else [])


def test_only_the_negatives_are_silent_about_absent_tests(source: Path) -> None:
    (source / TESTS).unlink()
    assert [found.message for found in issues_by_code(read(source))["TABLE_ABSENT"]] == [
        "there is no table of tests, which the positive part has: no test result is known"
    ]
    (source / LABELS).rename((source / LABELS).with_name("labels_covid19_neg.tsv"))
    assert "TABLE_ABSENT" not in issues_by_code(read(source))
