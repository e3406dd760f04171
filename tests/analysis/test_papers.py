"""Tables of the papers beside their count-true twins: equal to the last digit, or an erratum says why not."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from places import SOURCES

import mids
from example_datasets.generators import twins
from mids.analysis.counting import Tables, tables
from mids.analysis.papers import PaperTable, compare_table, find_tables, paper_tables
from mids.cli import main
from mids.errors import MidsError


@pytest.fixture(scope="module")
def made() -> Mapping[str, Tables]:
    return {
        "fidac": twins.fidac(), "bimcv": twins.bimcv_covid19(), "ricord": twins.ricord(),
        "covid19": twins.covid19_ct(), "covid": twins.covid_chestxray(),
        "bimcv-text-polarity": twins.photometric(), "bimcv-text-delay": twins.nearest(),
    }  # fmt: skip


DIFFERENT = {
    ("bimcv-2", "images"): -1, ("bimcv-text-sizes", "studies"): -1, ("bimcv-5", "FUJIFILM Corporation"): None,
}  # fmt: skip
"""What no dataset can have, for the papers contradict themselves; an erratum of its table tells each."""


@pytest.mark.parametrize("key", [key for key in paper_tables() if key != "bimcv-7"])
def test_a_twin_has_the_papers_numbers(key: str, made: Mapping[str, Tables]) -> None:
    found = compare_table(key, made.get(key) or made[key.split("-")[0]])
    assert bool(found.rows) != bool(found.note)
    different = {(key, row.name): row.difference for row in found.rows if row.difference != 0}
    assert different == {place: by for place, by in DIFFERENT.items() if place[0] == key}
    assert not different or found.errata


def test_table_7_is_that_of_64_sentences() -> None:
    """The paper truncates, so that three of its numbers are one thousandth less than the rounded ones."""
    predicted, reference = twins.labeller()
    found = compare_table("bimcv-7", predicted, reference)
    assert {row.name: row.here for row in found.rows} == {
        "COVID-19, precision": 0.962, "COVID-19, recall": 0.926, "COVID-19, F-score": 0.943,
        "COVID-19 uncertain, precision": 1.0, "COVID-19 uncertain, recall": 0.846,
        "COVID-19 uncertain, F-score": 0.917,
    }  # fmt: skip
    assert {row.difference for row in found.rows} == {0, 0.001}
    assert (found.paper_of, found.here_of) == (64, 64)
    assert found.errata


def test_denominators_are_those_of_the_paper(made: Mapping[str, Tables]) -> None:
    keys = [key for key in find_tables("fidac") if key not in ("fidac-1", "fidac-sizes")]
    pairs = {key: (found.paper_of, found.here_of) for key in keys for found in [compare_table(key, made["fidac"])]}
    assert all(paper == here for paper, here in pairs.values())
    assert pairs["fidac-delays"] == (3453, 3453)


def test_a_wrong_number_is_a_difference(made: Mapping[str, Tables]) -> None:
    twin = twins.covid_chestxray()
    twin.scans.loc[0, "view_position"] = "ap"
    found = compare_table("covid-chestxray-1", twin)
    assert {row.name: row.difference for row in found.rows if row.difference} == {"COVID-19, PA": -1, "COVID-19, AP": 1}


@pytest.mark.parametrize(("word", "number"), [("bimcv", 15), ("bimcv-text", 8), ("bimcv-6", 1), ("ricord", 1)])
def test_a_word_names_one_table_or_all_of_a_paper(word: str, number: int) -> None:
    assert len(find_tables(word)) == number


def test_an_unknown_table_is_refused_with_those_that_are_there() -> None:
    with pytest.raises(MidsError, match=r"choose from.*bimcv-5"):
        find_tables("bimcv-99")


def test_a_dataset_of_another_kind_has_few_numbers_and_no_crash() -> None:
    """The DICOM example has no labels, tests, regions or delays."""
    data = tables(mids.Dataset(SOURCES / "dicom" / "mids"))
    found: dict[str, PaperTable] = {key: compare_table(key, data) for key in paper_tables()}
    for key in ("bimcv-7", "bimcv-text-tests", "fidac-regions", "fidac-delays"):
        assert {row.here for row in found[key].rows} == {None}, key
    assert found["bimcv-2"].rows[0].here == 18


@pytest.mark.parametrize("paper", ["fidac", "bimcv", "ricord", "covid19-ct", "covid-chestxray"])
def test_an_empty_dataset_has_no_numbers_and_no_crash(
    paper: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "dataset_description.json").write_text('{"Name": "Nothing yet", "BIDSVersion": "1.11.1"}')
    assert main(["stats", str(tmp_path), "--table", paper]) == 0
    assert "Nothing yet" in capsys.readouterr().out
