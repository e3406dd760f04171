"""Statistics: on rows with exactly the marginals of a paper, each function returns the paper's table."""

import json
import re

import pandas as pd
import pytest
from places import ROOT, SOURCES

import mids
from example_datasets.generators import twins
from mids.analysis import statistics
from mids.analysis.counting import Tables, assign_bands
from mids.errors import DataError, MidsError

EXAMPLE = SOURCES / "dicom" / "mids"


def counts(frame: pd.DataFrame) -> dict[str, int]:
    return {str(name): int(count) for name, count in frame["count"].items()}


def percents(frame: pd.DataFrame) -> dict[str, float]:
    return {str(name): round(float(percent), 2) for name, percent in frame["percent"].items()}


@pytest.fixture(scope="module")
def fidac() -> Tables:
    return twins.fidac()


@pytest.fixture(scope="module")
def bimcv() -> Tables:
    return twins.bimcv_covid19()


# --- FIDAC, paper 000, section 3 ---------------------------------------------------------------------------


def test_fidac_regions(fidac: Tables) -> None:
    found = statistics.region_counts(fidac)
    assert counts(found) == {
        "grand_est": 1577, "occitanie": 1412, "auvergne_rhone_alpes": 1216, "ile_de_france": 900,
        "hauts_de_france": 284, "bretagne": 249, "other": 204, "provence_alpes_cote_d_azur": 102,
    }  # fmt: skip
    assert found["count"].mean() == 743
    assert round(found["count"].std(), 1) == 603.3
    assert percents(found)["grand_est"] == 26.53


def test_fidac_ages_sum_to_5943(fidac: Tables) -> None:
    found = statistics.age_counts(fidac, statistics.bands("fidac", "age"))
    assert list(found["count"]) == [17, 912, 407, 587, 853, 1011, 987, 848, 321]
    assert found["count"].sum() == 5943
    assert list(percents(found).values()) == [0.29, 15.35, 6.85, 9.88, 14.35, 17.01, 16.61, 14.27, 5.40]


def test_fidac_delays(fidac: Tables) -> None:
    found = statistics.delay_counts(fidac)
    assert counts(found) == {"<3": 1128, "3-7": 916, "8-21": 1158, ">21": 251}
    assert percents(found)["3-7"] == 26.53


def test_fidac_indications_and_classes(fidac: Tables) -> None:
    assert counts(statistics.patient_counts(fidac, "indication")) == {
        "other": 2786, "low_symptoms": 2329, "oxygen_dependent": 667, "follow_up": 162,
    }  # fmt: skip
    classes = statistics.patient_counts(fidac, "ct_class")
    assert counts(classes) == {"normal": 2160, "classic_probable": 1931, "intermediate": 1156, "non_covid": 697}
    assert percents(classes)["classic_probable"] == 32.49


def test_fidac_tests_and_completion(fidac: Tables) -> None:
    found = statistics.covid_test_counts(fidac)
    assert counts(found) == {"positive": 2486, "negative": 3088}
    assert percents(found)["positive"] == 44.60
    columns = ["indication", "ct_class", "covid_test", "sex", "days_from_onset_min", "site"]
    completion = statistics.completion(fidac, columns)
    assert list(completion["known"]) == [5944, 5944, 5574, 5251, 3453, 0]
    assert [round(value, 1) for value in completion["percent"]] == [100, 100, 93.8, 88.3, 58.1, 0]


def test_fidac_sex(fidac: Tables) -> None:
    assert percents(statistics.sex_counts(fidac)) == {"M": 55.0, "F": 45.0}


# --- BIMCV-COVID19+, paper 001 -----------------------------------------------------------------------------


def test_bimcv_sizes(bimcv: Tables) -> None:
    sizes = statistics.size_counts(bimcv)
    assert (sizes["patients"], sizes["studies"], sizes["images"]) == (1311, 2428, 5380)
    found = statistics.modality_counts(bimcv)
    assert dict(found["studies"]) == {"cr": 1380, "dx": 885, "ct": 163}
    assert found.loc["ct", "images"] == 2239
    assert found.loc[["cr", "dx"], "images"].sum() == 3141
    assert round(statistics.studies_per_patient(bimcv)["mean"], 1) == 1.9


def test_bimcv_people(bimcv: Tables) -> None:
    sex = statistics.sex_counts(bimcv)
    assert counts(sex) == {"M": 709, "F": 602}
    assert percents(sex)["F"] == 45.92
    ages = statistics.age_moments(bimcv).round(2)
    assert (ages["mean"], ages["sd"]) == (63.11, 16.75)


def test_bimcv_devices_are_table_5(bimcv: Tables) -> None:
    found = statistics.device_counts(bimcv, more_than=15)
    assert found.pop("FUJIFILM Corporation") == 144  # its headers name no model, and the paper lacks it
    assert len(found) == 20
    assert dict(found.head(3)) == {"KONICA MINOLTA 0862": 342, "GMM ACCORD DR": 255, "SIEMENS SIEMENS FD-X": 247}
    assert found.sum() == 2179
    assert found.min() == 21
    assert statistics.device_counts(bimcv)["Rare Model"] == 15


def test_bimcv_tests(bimcv: Tables) -> None:
    found = statistics.laboratory_counts(bimcv)
    assert list(found.index) == ["PCR", "IGG", "IGM", "IGA", "ACT", "all"]
    assert list(found.loc["PCR"]) == [1773, 622, 30, 0, 2425]
    assert list(found["all"]) == [2425, 29, 29, 0, 35, 2518]
    assert list(found.loc[["IGG", "IGM", "ACT"]].sum()) == [44, 32, 17, 0, 93]


def test_bimcv_findings_are_table_6(bimcv: Tables) -> None:
    assert dict(statistics.finding_counts(bimcv)) == twins.BIMCV_FINDINGS


def test_other_rules_do_not_give_table_6(bimcv: Tables) -> None:
    """Second reports of a session, and labels that stand twice, are in the twin."""
    paper = twins.BIMCV_FINDINGS
    by_sentence = statistics.label_counts(bimcv, by_sentence=True)
    assert by_sentence["increased density"] == 657 - 11  # half of the repetitions stand inside a sentence
    assert by_sentence["pneumonia"] == paper["pneumonia"] + twins.BIMCV_SECOND_REPORTS
    by_report = statistics.label_counts(bimcv)
    assert by_report["increased density"] == 635
    assert by_report["COVID 19"] == 802


def test_bimcv_polarity() -> None:
    assert counts(statistics.photometric_counts(twins.photometric())) == {"MONOCHROME2": 2427, "MONOCHROME1": 751}


def test_bimcv_nearest_test() -> None:
    found = statistics.nearest_tests(twins.nearest({-5: 50, 5: 47, 6: 3}))
    assert found["delay"].value_counts().to_dict() == {-5: 50, 5: 47, 6: 3}
    assert found["delay"].abs().mean() == 5.03


def test_nearest_test_is_of_the_same_subject_and_the_earlier_of_two(bimcv: Tables) -> None:
    found = statistics.nearest_tests(bimcv)
    assert found["filename"].is_unique
    tested = set(bimcv.tests["participant_id"])
    assert set(found["participant_id"]) == set(bimcv.scans["participant_id"]) & tested
    first = found.iloc[0]
    own = bimcv.tests[bimcv.tests["participant_id"] == first["participant_id"]]
    made = bimcv.scans.set_index("filename").loc[first["filename"], "acq_time"]
    distances = (pd.to_datetime(own["date"]) - pd.Timestamp(str(made)[:10])).dt.days.abs()
    assert abs(first["delay"]) == distances.min()


# --- COVID19-CT-dataset, MIDRC-RICORD-1A, covid-chestxray: papers 002, 003, 004 -----------------------------


def test_covid19_ct() -> None:
    twin = twins.covid19_ct()
    ages = statistics.age_moments(twin).round(2)
    assert [ages[name] for name in ("mean", "sd", "min", "max")] == [47.18, 16.32, 6, 89]
    assert percents(statistics.sex_counts(twin)) == {"M": 60.9, "F": 39.1}
    assert set(statistics.thickness_counts(twin).index) == {"1.5", "3"}


def test_ricord_sizes() -> None:
    assert dict(statistics.size_counts(twins.ricord())) == {
        "patients": 110, "studies": 120, "series": 229, "images": 230, "slices": 31856,
    }  # fmt: skip


def test_chestxray_table_1() -> None:
    found = statistics.finding_view_counts(twins.covid_chestxray())
    table = found[["pa", "ap", "ap supine"]]
    assert {finding: tuple(row) for finding, row in table.iterrows()} == {
        "COVID-19": (76, 11, 13), "SARS": (11, 0, 0), "Streptococcus": (6, 0, 0), "ARDS": (4, 0, 0),
        "Pneumocystis": (1, 0, 0),
    }  # fmt: skip
    assert table.to_numpy().sum() == 122
    assert found.loc["SARS", "lateral"] == 1


# --- any dataset -------------------------------------------------------------------------------------------


def test_the_example_is_counted_from_disk() -> None:
    dataset = mids.Dataset(EXAMPLE)
    found = statistics.summary(dataset)
    assert found["size"] == {"patients": 3, "studies": 8, "series": 18, "images": 18, "slices": 190}
    assert sum(found["modality"].values()) == 18
    assert found["view"]["ap supine"] == 1
    assert "size: patients 3, studies 8, series 18, images 18, slices 190\n" in statistics.summary_text(dataset)
    assert "CALCULATED PHANTOMS Analytic CT" in statistics.device_counts(dataset)
    assert statistics.demographics(dataset).to_numpy().sum() == 3
    with pytest.raises(MidsError, match=r"labels\.tsv"):
        statistics.finding_view_counts(dataset)


def test_every_table_is_on_the_page() -> None:
    page = (ROOT / "docs" / "statistics.md").read_text(encoding="utf-8")
    own = {name for name, thing in vars(statistics).items() if getattr(thing, "__module__", "") == statistics.__name__}
    public = {name for name in own if not name.startswith("_")}
    assert public == set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) | {"summary", "summary_text"}


def test_bands_without_a_number_are_refused() -> None:
    with pytest.raises(MidsError, match="not a band"):
        assign_bands(pd.Series([1.0]), ["young"])


def test_a_cell_that_is_no_list_is_named() -> None:
    twin = twins.covid_chestxray()
    twin.labels.loc[0, "labels"] = json.dumps("COVID-19")
    with pytest.raises(DataError, match="not a JSON list"):
        statistics.label_counts(twin)


def test_bands_are_those_of_the_paper_and_have_their_earlier_names() -> None:
    assert statistics.bands("fidac", "days_from_onset") == statistics.DELAYS
    with pytest.warns(DeprecationWarning, match="is now bands"):
        assert statistics.bands("fidac", "age") == statistics.FIDAC_AGES
    with pytest.raises(MidsError, match="no paper of dicom counts age"):
        statistics.bands("dicom", "age")
    assert not hasattr(statistics, "AGES")
