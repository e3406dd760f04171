"""FIDAC's whole way with several centres: drafts, counts that are exchanged, deliveries, one merged dataset."""

from pathlib import Path

import pytest
from pydicom import config
from trees import put, table

from example_datasets.generators.chest import Scan, slices
from example_datasets.generators.dicomfile import encode, uid
from mids.cli import main

CENTRES, PATIENTS = 6, 21
"""How many centres there are, and patients in each but the last: a region needs more than 100 in all."""
SPELLINGS = ("Grand Est", "région Grand Est", "GRAND EST")
LAST = ("Bretagne", "PACA", "PACA", "Normandie", "Bretagne")
"""Regions of the last centre; all others' patients are of the first region."""
CREATOR = "NEHS-COVID 19"


def _centre(root: Path, number: int) -> tuple[Path, Path]:
    """The studies of a centre, and its table of values."""
    rows = ["PatientID,PatientAge,01:region,10:indication,11:delay,12:report,13:rt_pcr"]
    is_last = number == CENTRES - 1
    for n in range(len(LAST) if is_last else PATIENTS):
        patient, seed = f"{number:02}{n:04}", f"centre-{number}-{n}"
        level = {
            "StudyInstanceUID": uid("study", seed), "StudyDate": "20200501", "StudyTime": "101500",
            "AcquisitionDate": "20200501", "AcquisitionTime": "101700",
        }  # fmt: skip
        header = {"PatientID": patient, "PatientSex": "F", "PatientName": f"NAME{number}X{n}"}
        with config.disable_value_validation():
            for index, one in enumerate(slices(Scan(seed, header, level, {}, slices=1, shift=number + n / PATIENTS))):
                put(root / f"c{number}", f"{patient}/{index}.dcm", encode(one))
        region = LAST[n] if is_last else SPELLINGS[number % 3]
        rows.append(f"{patient},60-70,{region},other,3-7 days,normal,negative")
    values = put(root, f"c{number}.csv", "\n".join([*rows, ""]).encode())
    return root / f"c{number}", values


def _run(*words: object) -> None:
    assert main([str(word) for word in words]) == 0, words


def test_what_a_centre_de_identified_is_a_source(tmp_path: Path) -> None:
    studies, values = _centre(tmp_path, 0)
    words = ("--policy", "fidac-cnil", "--embed", values, "--embed-creator", CREATOR)
    _run("deidentify", studies, tmp_path / "draft", *words)
    _run("convert", "fidac", tmp_path / "draft", tmp_path / "counted")
    people = table(tmp_path / "counted" / "participants.tsv")
    assert [row["region"] for row in people] == ["grand_est"] * PATIENTS


@pytest.mark.slow
@pytest.mark.nightly
def test_regions_are_generalised_over_all_centres(tmp_path: Path) -> None:
    """105 patients of one region in 5 centres keep it, though no centre has more than 21; the last one's are rare."""
    centres = [_centre(tmp_path, number) for number in range(CENTRES)]
    counts = tmp_path / "counts.tsv"
    for number, (studies, values) in enumerate(centres):
        draft, counted = tmp_path / f"draft{number}", tmp_path / f"counted{number}"
        _run("deidentify", studies, draft, "--policy", "fidac-cnil", "--embed", values, "--embed-creator", CREATOR)
        main(["convert", "fidac", str(draft), str(counted)])  # Normandie is told: no region of FIDAC's list
        _run("stats", counted, "--table", "fidac-regions", "--format", "tsv", "--output", tmp_path / f"{number}.tsv")
        with counts.open("a", encoding="utf-8") as file:
            file.write((tmp_path / f"{number}.tsv").read_text("utf-8"))
    assert "NAME" not in counts.read_text("utf-8")
    for number, (studies, values) in enumerate(centres):
        delivery = tmp_path / f"delivery{number}"
        words = ("--policy", "fidac-cnil", "--embed", values, "--embed-creator", CREATOR, "--region-counts", counts)
        _run("deidentify", studies, delivery, *words)
        first = ("--policy", "fidac-cnil", "--ids", "keyed") if number == 0 else ()
        _run("convert", "fidac", delivery, tmp_path / "merged", *first)
    _run("validate", tmp_path / "merged")
    people = table(tmp_path / "merged" / "participants.tsv")
    assert len(people) == 105 + len(LAST)
    regions = [row["region"] for row in people]
    assert {name: regions.count(name) for name in set(regions)} == {"grand_est": 105, "other": 5}
    assert {(row["age_min"], row["age_max"]) for row in people} == {("60", "70")}
    assert {row["covid_test"] for row in people} == {"negative"}
