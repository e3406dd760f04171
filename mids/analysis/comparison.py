"""Datasets side by side: how much each holds, of what, and how much of it is known."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from mids.analysis.counting import Tables, numbers
from mids.analysis.statistics import (  # fmt: skip
    age_moments,
    completion,
    device_counts,
    label_counts,
    laboratory_counts,
    modality_counts,
    size_counts,
    studies_per_patient,
    view_counts,
)
from mids.dataset.tables import add_missing_columns
from mids.errors import DataError

COMPLETED = ("sex", "age", "region", "site", "country", "covid_test", "survival", "days_from_onset_min")
"""Columns of patients whose completion is compared, where any dataset has them."""

Lines = Mapping[str, str]
"""What a dataset says in each line of the table; a line that is not there says nothing."""


def lines(given: Tables, reports: int, masks: int) -> Lines:
    """The lines of one dataset, in order; `reports` and `masks` are how many there are."""
    return {name: value for name, value in (*_sizes(given, reports, masks), *_rates(given)) if value}


def names(found: Sequence[Lines]) -> list[str]:
    """The lines that any dataset has, completion rates last."""
    every = list(dict.fromkeys(name for each in found for name in each))
    return sorted(every, key=lambda name: name.startswith(KNOWN))


KNOWN = "known: "
"""How the name of a completion rate begins."""


def _sizes(given: Tables, reports: int, masks: int) -> Iterator[tuple[str, str]]:
    sizes = size_counts(given)
    for key in ("patients", "studies", "series", "images", "slices"):
        yield key, f"{sizes[key]:,}"
    yield "patients without an image", _number(len(given.participants) - int(sizes["patients"]))
    yield "studies per patient", _moments(studies_per_patient(given))
    yield "images by modality", _counts(modality_counts(given)["images"])
    yield "images by view", _counts(view_counts(given)["count"])
    sexes = add_missing_columns(given.participants, "sex")["sex"].dropna().value_counts()
    yield "sex of patients", _counts(sexes)
    yield "age (years)", _moments(age_moments(given))
    yield "devices", _number(len(device_counts(given)))
    tests = laboratory_counts(given)
    yield "tests", _counts(tests["all"].drop("all"))
    yield "test results", _counts(pd.Series(tests.loc["all"]).drop("all"))
    try:
        found = label_counts(given)
    except DataError:
        found = pd.Series(dtype="int64")
    yield "different labels", _number(len(found))
    yield "most frequent labels", _counts(found.head(5))
    yield "reports", _number(reports)
    yield "masks", _number(masks)


def _rates(given: Tables) -> Iterator[tuple[str, str]]:
    """For how many patients, images and sessions something is known, of all."""
    has = [column for column in COMPLETED if column in {*given.participants.columns, *given.sessions.columns}]
    if len(given.participants):
        table = completion(given, has)
        ages = numbers(given.participants, "age").notna() | numbers(given.participants, "age_min").notna()
        for column in has:
            known = int(ages.sum()) if column == "age" else int(table["known"][column])
            yield f"{KNOWN}{column}", _share(known, len(given.participants))
        people = given.participants["participant_id"]
        tested = given.tests[given.tests["result"].notna() & given.tests["result"].ne("not_performed").fillna(False)]
        yield f"{KNOWN}a test", _share(int(people.isin(tested["participant_id"]).sum()), len(people))
        yield f"{KNOWN}a label", _share(int(people.isin(given.labels["participant_id"]).sum()), len(people))
    for column, name in (("view_position", "view"), ("body_part", "body part"), ("acq_time", "date of image")):
        if len(given.scans):
            known = int(add_missing_columns(given.scans, column)[column].notna().sum())
            yield f"{KNOWN}{name}", _share(known, len(given.scans))


def _number(number: int) -> str:
    return f"{number:,}" if number else ""


def _counts(counts: "pd.Series[Any]") -> str:
    return ", ".join(f"{name} {int(number):,}" for name, number in counts.items() if number)


def _moments(found: "pd.Series[float]") -> str:
    if not found["number"]:
        return ""
    sd = "" if pd.isna(found["sd"]) else f" ± {found['sd']:.1f}"
    return f"{found['mean']:.1f}{sd} ({found['min']:g} to {found['max']:g})"


def _share(known: int, total: int) -> str:
    return f"{known:,} of {total:,} ({100 * known / total:.0f} %)"
