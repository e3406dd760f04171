"""Promises of papers against datasets, with `--select claims` only."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mids import testing
from mids.checks.claims.promises import promises
from mids.checks.claims.rules import RULES
from mids.cli import validate_main
from mids.issues import Issue
from mids.resources import schemas
from mids.validation.runner import validate

COLLECTIONS = sorted(path.stem for path in (schemas() / "collections").glob("*.yaml"))


def claims(folder: Path, collection: str, changes: Mapping[str, testing.Change] | None = None) -> dict[str, Issue]:
    """What is said of each promise of a collection's paper, for the tiny dataset with changes."""
    made = testing.keys({"GeneratedBy": [{"Name": "mids", "Description": f"mids convert {collection}"}]})
    root = testing.dataset(folder, {testing.DESCRIPTION: made, **(changes or {})})
    return {issue.where.removeprefix("promise "): issue for issue in validate(root, select=frozenset({"claims"}))}


@pytest.fixture
def paper(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Sets what the paper promises, for promises whose real ones the tiny dataset can't meet."""

    def given(**promised: object) -> None:
        monkeypatch.setattr("mids.checks.claims.promises.promises", lambda name: promised)

    return given


def codes(found: Mapping[str, Issue]) -> dict[str, str]:
    return {key: issue.code for key, issue in found.items()}


def test_claims_run_on_request_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert claims(tmp_path, "fidac")
    assert not [issue for issue in validate(tmp_path / "dataset", deep=True) if issue.code.startswith("CLAIM")]
    assert validate_main([str(tmp_path / "dataset"), "--select", "claims"]) == 0
    assert "CLAIM_NOT_MET" in capsys.readouterr().out
    assert validate_main([str(tmp_path / "dataset")]) == 0
    assert "CLAIM" not in capsys.readouterr().out


def test_a_part_of_a_collection_does_not_meet_its_counts(tmp_path: Path) -> None:
    found = claims(tmp_path, "fidac")
    assert found["patients"].code == "CLAIM_NOT_MET"
    assert (found["patients"].message, found["patients"].expected) == ("2 patients", "5944")
    assert found["age_min"].code == "CLAIM_MET"
    assert found["sites"].code == "CLAIM_NOT_CHECKABLE"
    assert {issue.level for issue in found.values() if issue.code == "CLAIM_NOT_MET"} == {"warning"}


def test_frontal_radiographs_are_counted_and_no_other_images(tmp_path: Path, paper: Any) -> None:
    """The tiny dataset has one frontal radiograph, and images of other kinds."""
    paper(frontal_radiographs=1)
    found = claims(tmp_path, "covid-chestxray")["frontal_radiographs"]
    assert (found.code, found.message.partition(" ")[0]) == ("CLAIM_MET", "1")


@pytest.mark.parametrize("name", COLLECTIONS)
def test_every_promise_of_every_paper_is_judged(name: str, tmp_path: Path) -> None:
    assert set(promises(name)) <= set(RULES)
    found = claims(tmp_path, name)
    assert set(found) == (set(promises(name)) or {""})


def test_a_dataset_of_no_known_paper_is_not_checkable(tmp_path: Path) -> None:
    assert codes(claims(tmp_path, "dicom")) == {"": "CLAIM_NOT_CHECKABLE"}
    root = testing.dataset(tmp_path / "other")
    assert [issue.code for issue in validate(root, select=frozenset({"claims"}))] == ["CLAIM_NOT_CHECKABLE"]


def test_a_promise_without_a_rule_is_not_checkable(tmp_path: Path, paper: Any) -> None:
    paper(kindness=1)
    assert codes(claims(tmp_path, "x")) == {"kindness": "CLAIM_NOT_CHECKABLE"}


def test_sizes(tmp_path: Path, paper: Any) -> None:
    paper(patients=2, studies=2, images=4, series=2, patients_min=3)
    assert codes(claims(tmp_path, "x")) == {
        "patients": "CLAIM_MET", "studies": "CLAIM_MET", "images": "CLAIM_MET",  # 4: a picture and three slices
        "series": "CLAIM_NOT_CHECKABLE",  # which a radiograph belongs to is not kept
        "patients_min": "CLAIM_NOT_MET",
    }  # fmt: skip


def test_an_image_that_is_not_there_is_not_counted(tmp_path: Path, paper: Any) -> None:
    paper(images=1)
    found = claims(tmp_path, "x", {f"{testing.VOLUME}.nii.gz": None, f"{testing.VOLUME}.json": None})
    assert codes(found) == {"images": "CLAIM_MET"}


def test_ages(tmp_path: Path, paper: Any) -> None:
    paper(age_min=41, age_max=90, age_mean=55.5, age_sd=21.92)  # 40 and 71 years
    found = claims(tmp_path, "x")
    assert codes(found) == {
        "age_min": "CLAIM_NOT_MET", "age_max": "CLAIM_MET", "age_mean": "CLAIM_MET", "age_sd": "CLAIM_MET",
    }  # fmt: skip
    assert found["age_min"].message == "it fails for 1 of 2 patients: 40 (1)"


def test_a_capped_age_may_be_above_a_limit(tmp_path: Path, paper: Any) -> None:
    paper(age_max=89)
    capped = {testing.PARTICIPANTS: testing.cells({"age": "89"})}
    assert codes(claims(tmp_path, "x", capped)) == {"age_max": "CLAIM_NOT_CHECKABLE"}


@pytest.mark.parametrize(
    ("results", "code"),
    [
        (("positive", "positive"), "CLAIM_MET"),
        (("positive", "negative"), "CLAIM_NOT_MET"),
        (("positive", "n/a"), "CLAIM_NOT_CHECKABLE"),
        (("positive", "not_performed"), "CLAIM_NOT_CHECKABLE"),
    ],
)
def test_at_least_one_positive_test(results: tuple[str, str], code: str, tmp_path: Path, paper: Any) -> None:
    paper(covid_test="positive")

    def change(data: bytes) -> bytes:
        for row, result in enumerate(results, start=2):
            data = testing.cells({"covid_test": result}, row=row)(data)
        return data

    assert codes(claims(tmp_path, "x", {testing.PARTICIPANTS: change})) == {"covid_test": code}


@pytest.mark.parametrize(
    ("results", "code"),
    [
        (("negative", "negative"), "CLAIM_MET"),
        (("negative", "positive"), "CLAIM_NOT_MET"),
        (("negative", "indeterminate"), "CLAIM_NOT_MET"),
        (("negative", "n/a"), "CLAIM_NOT_CHECKABLE"),
    ],
)
def test_negatives_have_no_other_result(results: tuple[str, str], code: str, tmp_path: Path, paper: Any) -> None:
    paper(covid_test="negative")
    rows = (f"sub-S{n} 1920-01-02 PCR {result}" for n, result in enumerate(results, start=1) if result != "n/a")
    tests = {"derivatives/ehr/laboratory_tests.tsv": testing.as_tsv("participant_id date test result", *rows)}
    assert codes(claims(tmp_path, "x", tests)) == {"covid_test": code}


def test_a_single_positive_test_among_others_is_enough(tmp_path: Path, paper: Any) -> None:
    paper(positive_test="at_least_one", tests={"PCR": 3})
    tests = testing.as_tsv(
        "participant_id date test result", "sub-S1 1920-01-02 PCR negative", "sub-S1 1920-01-03 PCR positive",
        "sub-S2 1920-01-02 PCR positive",
    )  # fmt: skip
    found = claims(tmp_path, "x", {"derivatives/ehr/laboratory_tests.tsv": tests})
    assert codes(found) == {"positive_test": "CLAIM_MET", "tests": "CLAIM_MET"}


def test_what_the_paper_itself_says_can_not_speak_for_it(tmp_path: Path, paper: Any) -> None:
    paper(covid_test="positive", tests={"PCR": 1})
    told = testing.cells({"covid_test": "positive", "collection_facts": "country;covid_test"}, row=0)
    tests = testing.as_tsv("participant_id date test result source", "sub-S1 1920-01-02 PCR positive paper")
    changes = {testing.PARTICIPANTS: told, "derivatives/ehr/laboratory_tests.tsv": tests}
    assert set(codes(claims(tmp_path, "x", changes)).values()) == {"CLAIM_NOT_CHECKABLE"}


def test_images_of_one_kind(tmp_path: Path, paper: Any) -> None:
    paper(
        modality="ct", modalities=["X-ray", "CT"], views=["PA", "Axial"], view_position="ax",
        images_by_modality={"radiograph": 1, "ct": 1}, studies_by_modality={"dx": 2}, rows=6, contrast="no",
    )  # fmt: skip
    assert codes(claims(tmp_path, "x")) == {
        "modality": "CLAIM_NOT_MET", "modalities": "CLAIM_MET", "views": "CLAIM_MET", "view_position": "CLAIM_NOT_MET",
        "images_by_modality": "CLAIM_MET", "studies_by_modality": "CLAIM_NOT_MET", "rows": "CLAIM_NOT_MET",
        "contrast": "CLAIM_NOT_CHECKABLE",
    }  # fmt: skip


@pytest.mark.parametrize(("thickness", "code"), [(1.5, "CLAIM_MET"), (3, "CLAIM_MET"), (2.5, "CLAIM_NOT_MET")])
def test_slice_thickness(thickness: float, code: str, tmp_path: Path, paper: Any) -> None:
    paper(slice_thickness=[1.5, 3])
    changes: dict[str, testing.Change] = {
        f"{testing.VOLUME}.json": testing.keys({"SliceThickness": thickness}),
        f"{testing.PICTURE}.json": testing.keys({"SliceThickness": 3}),
    }
    assert codes(claims(tmp_path, "x", changes)) == {"slice_thickness": code}


def test_counts_and_completeness(tmp_path: Path, paper: Any) -> None:
    paper(
        completeness={"sex": 2, "region": 1},
        counts={"sex": {"F": 1, "M": 1}, "age": {"18-20": 0, "20-30": 0, "40-50": 1, ">90": 0, "70-80": 1}},
        sex_share={"F": 0.5, "M": 0.5},
        female=1,
    )
    changes = {testing.PARTICIPANTS: testing.cells({"region": "north"})}
    assert set(codes(claims(tmp_path, "x", changes)).values()) == {"CLAIM_MET"}


def test_findings_by_view(tmp_path: Path, paper: Any) -> None:
    paper(images_by_finding_and_view={"COVID-19": {"PA": 1, "AP Supine": 0}}, study_dates=["2020-02-26", "2020-04-18"])
    labels = "\t".join(("participant_id", "filename", "labels")) + "\n"
    labels += "\t".join(("sub-S1", f"{testing.PICTURE}.png", '["COVID-19"]')) + "\n"
    found = claims(tmp_path, "x", {"derivatives/labels/labels.tsv": labels})
    assert codes(found) == {"images_by_finding_and_view": "CLAIM_MET", "study_dates": "CLAIM_NOT_CHECKABLE"}
