"""covid-chestxray: versions of its table, and what its cells mean."""

import json
import shutil
from pathlib import Path

import pytest
from chestxray import NAME, converted, only, row, source, where
from trees import codes, count_codes, put, scans, table

from example_datasets.generators import covid_chestxray as example
from mids.collections.covid_chestxray.metadata import Row, day
from mids.conversion import convert
from mids.errors import MidsError
from mids.validation.runner import validate

OLDEST = (
    "patientid", "offset", "sex", "age", "finding", "survival", "view", "modality", "date", "location", "filename",
    "doi", " url", "license", "clinical notes", "other notes", "",
)  # fmt: skip
"""The columns of March 2020: no folder, blanks in names and before one."""


# --- versions of the table ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "columns",
    [
        OLDEST,
        tuple(name for name in example.COLUMNS if name not in ("RT_PCR_positive", "")),
        tuple(name for name in example.COLUMNS if name != "RT_PCR_positive"),
        example.COLUMNS,
        tuple(reversed(example.COLUMNS)),
    ],
    ids=["17", "28", "29", "30", "reversed"],
)
def test_every_version_gives_the_same_patient(columns: tuple[str, ...], tmp_path: Path, key: Path) -> None:
    values = {"age": "50", "sex": "F", "survival": "N", "location": "Exampletown, Spain", "license": "CC BY 4.0"}
    values |= {name: f"{name.strip()} of it" for name in columns if "url" in name or "clinical" in name}
    done = converted(tmp_path, key, [row(1, **values)], *columns)
    assert codes(done.issues) == []
    person = only(done, "participants.tsv")
    assert person.items() >= {"age": "50", "sex": "F", "survival": "no", "country": "Spain"}.items()
    scan = only(done, "sub-1/*/*_scans.tsv")
    assert scan.items() >= {"usage_terms": "CC-BY-4.0", "url": "url of it", "view_position": "pa"}.items()
    assert only(done, "derivatives/ehr/image_notes.tsv")["clinical_notes"].startswith("clinical")


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("patientid,findings,view,modality,filename", "lacks the column 'finding'; 'findings' is like it"),
        ("patientid,finding,view,modality", "lacks the column 'filename'"),
        ("", "lacks the column 'patientid'"),
    ],
)
def test_columns_are_checked_before_work_starts(header: str, message: str, tmp_path: Path, key: Path) -> None:
    put(tmp_path / "source", "metadata.csv", header.encode())
    with pytest.raises(MidsError, match=message):
        convert(NAME, tmp_path / "source", tmp_path / "dest", key=key)
    assert not (tmp_path / "dest").exists() or not list((tmp_path / "dest").iterdir())


def test_a_column_of_no_version_is_told_and_stays_in_the_source(tmp_path: Path, key: Path) -> None:
    done = converted(tmp_path, key, [row(1, temprature="37", zzz="")], *example.COLUMNS, "temprature", "zzz")
    assert codes(done.issues) == ["COLUMN_UNREAD"] * 2
    assert "did you mean 'temperature'?" in done.issues[0].message
    assert "37" not in only(done, "sub-1/*/*_scans.tsv").values()


def test_a_source_without_metadata_names_what_is_like_it(tmp_path: Path, key: Path) -> None:
    put(tmp_path / "source", "meta-data.csv", b"a\n")
    with pytest.raises(MidsError, match=r"did you mean meta-data\.csv"):
        convert(NAME, tmp_path / "source", tmp_path / "dest", key=key)


# --- cells -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected", "problem"),
    [
        ("January 22, 2020", "20200122", ""),
        ("Mar 4, 2020", "20200304", ""),
        ("12 March 2020", "20200312", ""),
        ("2020-03-12", "20200312", ""),
        ("3/3/2020", "20200303", ""),
        ("03/16/20", "20200316", ""),
        ("2/29/2020", "20200229", ""),
        ("3/7/2020", "", "VALUE_UNKNOWN"),
        ("February 30, 2020", "", "VALUE_IMPLAUSIBLE"),
        ("Smarch 13, 2020", "", "VALUE_IMPLAUSIBLE"),
        ("2020", "", ""),
        ("March 2003", "", ""),
        ("January 12", "", ""),
        ("?", "", ""),
        ("", "", ""),
    ],
)
def test_only_whole_days_that_can_be_read_in_one_way_are_dates(text: str, expected: str, problem: str) -> None:
    found, issues = day(Row(2, {"date": text}, "1", "day0", "images/1.png", None))
    assert (found, [issue.code for issue in issues]) == (expected, [problem] if problem else [])


@pytest.mark.parametrize(
    ("finding", "labels"),
    [
        ("Pneumonia/Viral/Herpes ", ["Herpes"]),
        ("Pneumonia/Viral", ["Viral Pneumonia"]),
        ("Mycoplasma Bacterial Pneumonia", ["Mycoplasma"]),
        ("Pneumonia/Bacterial/Mycoplasma", ["Mycoplasma"]),
        ("COVID-19, ARDS", ["COVID-19", "ARDS"]),
        ("COVID-19, COVID-19", ["COVID-19"]),
        ("No Finding", ["No Finding"]),
        ("Unknown", None),
        ("", None),
    ],
)
def test_both_grammars_of_findings(finding: str, labels: list[str] | None, tmp_path: Path, key: Path) -> None:
    done = converted(tmp_path, key, [row(1, finding=finding)])
    assert codes(done.issues) == []
    cell = only(done, "derivatives/labels/labels.tsv")["labels"]
    assert (None if cell == "n/a" else json.loads(cell)) == labels


def test_what_is_not_understood_is_told_and_stays_in_the_source(tmp_path: Path, key: Path) -> None:
    strange = {
        "finding": "COVID-19, Green lung", "view": "Sideways", "license": "Do as you like", "location": "Atlantis",
        "age": "old", "sex": "X", "offset": "soon", "survival": "maybe", "temperature": "hot", "intubated": "Y",
    }  # fmt: skip
    done = converted(tmp_path, key, [row(1, **strange)])
    columns = {place.rpartition(" ")[2] for place in where(done.issues, "VALUE_UNKNOWN")}
    assert columns == set(strange) - {"intubated"} | {"location"}
    assert json.loads(only(done, "derivatives/labels/labels.tsv")["labels"]) == ["COVID-19"]
    scan = only(done, "sub-1/*/*_scans.tsv")
    assert scan.items() >= {"source_view": "Sideways", "license": "Do as you like", "temperature_raw": "hot"}.items()
    assert only(done, "participants.tsv")["survival_raw"] == "maybe"
    assert [issue for issue in validate(done.dataset, deep=True).issues if issue.level == "error"] == []


def test_an_unknown_modality_is_not_converted(tmp_path: Path, key: Path) -> None:
    done = converted(tmp_path, key, [row(1), row(2, modality="Photo"), row(3, modality="")])
    assert count_codes(done.issues)["MODALITY_UNKNOWN"] == 2
    assert len(scans(done.dataset)) == 1


def test_contradictions_repeat_nobodys_words(tmp_path: Path, key: Path) -> None:
    rows = [row(1, filename=f"{n}.png", went_icu=f"ask Dr. Somebody {n}") for n in range(2)]
    rows.append(row("Somebody", filename="0.png"))
    done = converted(tmp_path, key, rows)
    assert {"VALUE_CONTRADICTED", "IMAGE_SHARED"} <= count_codes(done.issues).keys()
    assert not [one.message for one in done.issues if "Somebody" in one.message]


def test_contradictions_are_told_and_neither_side_is_taken(tmp_path: Path, key: Path) -> None:
    said = ({"sex": "F", "survival": "Y", "went_icu": "Y"}, {"sex": "M", "survival": "N", "went_icu": "N"})
    done = converted(tmp_path, key, [row(1, filename=f"{n}.png", **values) for n, values in enumerate(said)])
    assert count_codes(done.issues) == {"PATIENT_AMBIGUOUS": 1, "VALUE_CONTRADICTED": 2}
    assert only(done, "participants.tsv").items() >= {"sex": "n/a"}.items()
    assert "survival" not in only(done, "participants.tsv")
    assert not (done.dataset / "phenotype").exists()


def test_a_visit_is_an_offset_or_else_a_page(tmp_path: Path, key: Path) -> None:
    places = [("3", "a"), ("3", "b"), ("", "a"), ("", "a"), ("?", "b"), ("-3", "a"), ("", "")]
    rows = [row(1, offset=offset, url=url, filename=f"{n}.png") for n, (offset, url) in enumerate(places)]
    done = converted(tmp_path, key, rows)
    visits = {r["session_id"] for r in table(done.dataset / "sub-1/sub-1_sessions.tsv")}
    assert len(visits) == 5
    assert visits >= {"ses-day3", "ses-dayminus3", "ses-undated"}
    assert len(list((done.dataset / "sub-1/ses-day3").rglob("*.png"))) == 2


def test_several_ages_give_a_range(tmp_path: Path, key: Path) -> None:
    rows = [row(1, age=age, filename=f"{age}.png", offset=age) for age in ("40", "42")]
    person = only(converted(tmp_path, key, rows), "participants.tsv")
    assert (person["age_min"], person["age_max"]) == ("40", "42")


def test_half_decimal_ids_comma_ages_and_names_in_capitals(tmp_path: Path, key: Path) -> None:
    rows = [row(1, patientid="7", age="44,5"), row(2, patientid="7.0", age="44"), row(3, patientid="7b")]
    root = source(tmp_path / "source", rows)
    for path in sorted((root / "images").iterdir()):
        path.rename(path.with_name(path.name.upper()))
    done = convert(NAME, root, tmp_path / "dest", key=key)
    people = {found["source_id"]: found for found in table(done.dataset / "participants.tsv")}
    assert {name: found["age"] for name, found in people.items()} == {"7": "44", "7b": "n/a"}
    assert {one.code for one in done.issues} >= {"ID_REPAIRED"}
    assert "IMAGE_MISSING" not in {one.code for one in done.issues}


def test_a_checkout_one_folder_down_is_found_and_a_packed_one_named(tmp_path: Path, key: Path) -> None:
    home = source(tmp_path / "source" / "covid-chestxray-dataset-master", [row(1)])
    (home / "metadata.csv").rename(home / "Metadata.CSV")
    done = convert(NAME, tmp_path / "source", tmp_path / "dest", key=key)
    assert len(scans(done.dataset)) == 1
    assert not {"IMAGE_MISSING", "IMAGE_UNLISTED"} & {one.code for one in done.issues}
    (tmp_path / "packed").mkdir()
    packed = shutil.make_archive(str(tmp_path / "packed" / "repo"), "zip", tmp_path / "source")
    for place in (Path(packed), tmp_path / "packed"):
        with pytest.raises(MidsError, match="unpack the archive"):
            convert(NAME, place, tmp_path / "other", key=key)
    source(tmp_path / "source" / "older", [row(2)])
    with pytest.raises(MidsError, match=r"several metadata\.csv"):
        convert(NAME, tmp_path / "source", tmp_path / "other", key=key)


def test_words_for_sexes_and_countries_are_read(tmp_path: Path, key: Path) -> None:
    said = (("Female", "London, UK"), ("male", "Seoul, Republic of Korea"), ("F", "U.S."))
    rows = [row(n, sex=sex, location=place) for n, (sex, place) in enumerate(said, start=1)]
    done = converted(tmp_path, key, rows)
    people = [(found["sex"], found["country"]) for found in table(done.dataset / "participants.tsv")]
    assert people == [("F", "United Kingdom"), ("M", "South Korea"), ("F", "USA")]
    assert "VALUE_UNKNOWN" not in {one.code for one in done.issues}
