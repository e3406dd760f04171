"""The page of datasets: its plots, timelines and columns show what the tables say."""

import re
from pathlib import Path
from typing import Any

from places import SOURCES

from mids.analysis.plots import plots
from mids.dataset import Dataset
from mids.gallery import write_page
from mids.gallery.facts import FIELDS, build_counted_tables
from mids.gallery.facts import read as facts_of
from mids.gallery.people import people


def _counted(name: str) -> tuple[Dataset, Any]:
    dataset = Dataset(SOURCES / name / "mids", fields=FIELDS)
    return dataset, build_counted_tables(dataset, facts_of(dataset, map))


def test_plots_show_what_the_tables_say() -> None:
    dataset, tables = _counted("bimcv-covid19")
    found = {plot.key: plot for plot in plots(tables, dataset.images)}
    assert [row for row in found["age"].rows if row[2]] == [("50-59", "female", 1.0), ("60-69", "male", 1.0)]
    assert [row for row in found["studies"].rows if row[2]] == [("1", "", 1.0), ("3", "", 1.0)]
    # The laboratory table has one PCR of each result and a positive IGG; ACT has no result.
    assert sorted(row for row in found["tests"].rows if row[2]) == [
        ("IGG", "positive", 1.0), ("PCR", "indeterminate", 1.0), ("PCR", "negative", 1.0),
    ]  # fmt: skip
    # Images of days 0, 4, 4 and 9 with tests of days 1 and 3; an image of day 0 with a test of the day before.
    delays = {name: number for name, _, number in found["delays"].rows if number}
    assert delays == {"1–7 after": 1.0, "1–7 before": 4.0}


def test_a_timeline_counts_days_from_the_first_study() -> None:
    dataset, tables = _counted("bimcv-covid19")
    person = next(found for found in people(dataset, tables) if found.name == "sub-S90001")
    assert person.zero == "first study"
    days = [(event.day, event.kind) for event in person.events if event.kind != "finding"]
    assert days == [(0, "study"), (1, "test"), (3, "test"), (4, "study"), (9, "study")]
    assert {event.day for event in person.events if event.kind == "finding"} == {0, 4, 9}


def test_days_from_onset_stand_where_no_date_is_known() -> None:
    dataset, tables = _counted("covid-chestxray")
    person = next(found for found in people(dataset, tables) if found.name == "sub-19")
    assert person.zero == "onset"
    assert [event.day for event in person.events if event.kind == "study"] == [-5, 5]


def test_datasets_stand_side_by_side(tmp_path: Path) -> None:
    names = ["covid-chestxray", "bimcv-covid19"]
    first, second = write_page([SOURCES / name / "mids" for name in names], tmp_path / "page.html")
    assert (first.lines["patients"], second.lines["patients"]) == ("5", "2")
    assert second.lines["known: age"] == "2 of 2 (100 %)"  # one by a range
    assert second.lines["known: view"] == "4 of 5 (80 %)"
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    head = re.search(r"<section id=\"counts\">.*?</thead>", text, re.DOTALL)
    assert head
    assert head[0].index("COVID-19 image data collection") < head[0].index("BIMCV-COVID19+")
