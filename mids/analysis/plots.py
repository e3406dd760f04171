"""What the plots of the page show: counts, as plain values, with the words around them."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import pandas as pd

from mids.analysis.counting import Tables, assign_bands, distribution, numbers, views
from mids.analysis.statistics import DECADES, demographics, label_counts, laboratory_counts, nearest_tests
from mids.dataset.tables import add_missing_columns
from mids.errors import DataError

UNKNOWN = "not known"
SEXES = {"F": "female", "M": "male", "O": "other"}

DELAYS = ((-(10**9), "31 or more before"), (-30, "8–30 before"), (-7, "1–7 before"), (0, "same day"), (1, "1–7 after"),
          (8, "8–30 after"), (31, "31 or more after"))  # fmt: skip
"""Days from an image to its test: the first day of each bar, and its name."""


Row: TypeAlias = "tuple[str, str, float]"


@dataclass(frozen=True, slots=True)
class Plot:
    """One plot: `rows` are (category, series, number), in the order in which they are shown.

    `measure` is what the numbers are; `is_lying` asks for bars that lie, with the categories down the left side.
    `note` says what was counted, and what was not.
    """

    key: str
    title: str
    category: str
    measure: str
    rows: tuple[Row, ...]
    note: str = ""
    series: str = ""
    is_lying: bool = True


def plots(given: Tables, images: pd.DataFrame) -> list[Plot]:
    """Every plot that the dataset has something for."""
    found = (make(given, images) for make in _MAKERS)
    return [plot for plot in found if plot is not None and any(row[2] for row in plot.rows)]


def find_plot(key: str, given: Tables, images: pd.DataFrame) -> Plot | None:
    """One plot by its key, `demographics` too; None where the dataset has nothing for it."""
    every = (make(given, images) for make in (*_MAKERS, _demographics))
    return next((plot for plot in every if plot is not None and plot.key == key and any(r[2] for r in plot.rows)), None)


# --- patients --------------------------------------------------------------------------------------------


def _age(given: Tables, images: pd.DataFrame) -> Plot | None:
    people = add_missing_columns(given.participants, "sex")
    ages = numbers(people, "age").fillna(numbers(people, "age_min"))
    known = pd.DataFrame({"age": assign_bands(ages, DECADES), "sex": _sexes(people)}).dropna(subset=["age"])
    rows = _cross_counts(known["age"], known["sex"], DECADES, (*SEXES.values(), UNKNOWN))
    note = (
        f"{len(known):,} of {len(people):,} patients have an age; ranges count by their lower end; 89 "
        "stands for 89 and more."
    )
    return Plot("age", "Age by sex", "age (years)", "patients", rows, note, "sex", is_lying=False)


def _sex(given: Tables, images: pd.DataFrame) -> Plot | None:
    return _bars("sex", "Sex", "sex", "patients", _sexes(add_missing_columns(given.participants, "sex")))


def _sexes(people: pd.DataFrame) -> "pd.Series[Any]":
    return people["sex"].map(lambda code: UNKNOWN if pd.isna(code) else SEXES.get(str(code), str(code)))


def _studies(given: Tables, images: pd.DataFrame) -> Plot | None:
    visits = given.scans[["participant_id", "session_id"]].drop_duplicates()["participant_id"].value_counts()
    largest = int(visits.max()) if len(visits) else 0
    width = max(1, -(-largest // 20))
    starts = list(range(1, largest + 1, width))
    names = [str(start) if width == 1 else f"{start}–{start + width - 1}" for start in starts]
    bands = [names[(int(number) - 1) // width] for number in visits]
    rows = _cross_counts(pd.Series(bands, dtype="string"), None, names)
    return Plot(
        "studies", "Studies per patient", "studies", "patients", rows, "Patients with an image.", is_lying=False
    )


# --- images ----------------------------------------------------------------------------------------------


def _devices(given: Tables, images: pd.DataFrame) -> Plot | None:
    made = given.scans[["filename", "modality"]].merge(given.facts, on="filename", how="left")
    parts = [made[key].astype("string").fillna("") for key in ("Manufacturer", "ManufacturersModelName")]
    device = parts[0].str.cat(parts[1], sep=" ").str.strip().replace("", UNKNOWN)
    if (device == UNKNOWN).all():
        return None
    order = [name for name in distribution(device).index if name != UNKNOWN]
    return Plot(
        "devices", "Modality by device", "device", "images",
        _cross_counts(device, made["modality"].fillna(UNKNOWN), [*order, UNKNOWN]), "Names as the headers spell them.",
        "modality",
    )  # fmt: skip


def _modalities(given: Tables, images: pd.DataFrame) -> Plot | None:
    return _bars("modalities", "Modality", "modality", "images", given.scans["modality"].fillna(UNKNOWN))


def _views(given: Tables, images: pd.DataFrame) -> Plot | None:
    found = pd.DataFrame({"view": views(given.scans).fillna(UNKNOWN), "modality": given.scans["modality"]})
    order = list(distribution(found["view"]).index)
    rows = _cross_counts(found["view"], found["modality"].fillna(UNKNOWN), order)
    return Plot("views", "Views", "view", "images", rows, "Codes of the vocabulary.", "modality")


def _findings(given: Tables, images: pd.DataFrame) -> Plot | None:
    try:
        counts = label_counts(given)
    except DataError:
        return None
    rows = tuple((str(label), "", float(number)) for label, number in counts.items())
    note = "Rows of labels.tsv (reports, readings or images) with the label; one row may have several."
    return Plot("findings", "Findings", "label", "rows", rows, note)


def _demographics(given: Tables, images: pd.DataFrame) -> Plot | None:
    counts = demographics(given)
    rows = tuple(
        (str(age), SEXES.get(str(sex), str(sex)), float(n)) for sex in counts for age, n in counts[sex].items()
    )
    note = "Frontal radiographs with an age and a sex: a patient with several counts several times."
    title = "Frontal radiographs by age and sex"
    return Plot("demographics", title, "age (years)", "images", rows, note, "sex", is_lying=False)


# --- tests -----------------------------------------------------------------------------------------------


def _tests(given: Tables, images: pd.DataFrame) -> Plot | None:
    counts = laboratory_counts(given).drop(index="all", columns="all")
    counts = counts.loc[counts.sum(axis="columns") > 0, counts.sum() > 0]
    rows = tuple((str(test), str(result), float(n)) for result in counts for test, n in counts[result].items())
    return Plot("tests", "Tests by result", "test", "tests", rows, "Tests, not patients.", "result")


def _delays(given: Tables, images: pd.DataFrame) -> Plot | None:
    delays = nearest_tests(given)["delay"]
    names = [name for _, name in DELAYS]
    found = [next(name for start, name in reversed(DELAYS) if day >= start) for day in map(int, delays)]
    rows = _cross_counts(pd.Series(found, dtype="string"), None, names)
    note = f"{len(delays):,} images with a date, whose patients have a dated test; the nearest test counts."
    return Plot("delays", "Days from image to nearest test", "days", "images", rows, note)


# --- completeness ----------------------------------------------------------------------------------------


def _plot_missing(given: Tables, images: pd.DataFrame) -> Plot | None:
    rows = []
    parts = (("participants", given.participants), ("sessions", given.sessions), ("scans", given.scans),
             ("tests", given.tests), ("labels", given.labels))  # fmt: skip
    for name, frame in parts:
        for column in frame.columns if len(frame) else ():
            if column not in ("participant_id", "session_id", "filename") and not str(column).endswith("_raw"):
                rows.append((f"{name}: {column}", name, round(100 * float(frame[column].isna().mean()), 1)))
    rows.sort(key=lambda row: (-row[2], row[0]))
    note = "Share of the rows of each table; columns without missing values are not shown."
    full = tuple(row for row in rows if row[2])
    return Plot("missing", "Missing values", "column", "% missing", full, note, "table")


# --- rows ------------------------------------------------------------------------------------------------


def _bars(key: str, title: str, category: str, measure: str, values: "pd.Series[Any]") -> Plot:
    counts = distribution(values)["count"]
    rows = tuple((str(name), "", float(number)) for name, number in counts.items())
    return Plot(key, title, category, measure, rows)


def _cross_counts(
    values: "pd.Series[Any]", series: "pd.Series[Any] | None", order: Sequence[str], inner: Sequence[str] = ()
) -> tuple[Row, ...]:
    """Rows of a plot: how often each value of `order` stands with each series, those of `inner` first."""
    names = [str(value) for value in values]
    counts = Counter(zip(names, map(str, series) if series is not None else [""] * len(names), strict=True))
    every = sorted({own for _, own in counts})
    columns = [*(own for own in inner if own in every), *(own for own in every if own not in inner)]
    return tuple((name, own, float(counts[name, own])) for own in columns for name in order)


_MAKERS: tuple[Callable[[Tables, pd.DataFrame], Plot | None], ...] = (
    _age, _sex, _modalities, _devices, _views, _findings, _studies, _delays, _tests, _plot_missing,
)  # fmt: skip
