"""The tables of the collections' papers, beside what a dataset holds: each number, of how many, and the difference.

A table is an entry below ``paper: tables`` in `schemas/collections/<collection>.yaml`: its ``title``; ``count``, the
rule of `_RULES` that counts it in a dataset; ``rows``, the paper's numbers by their names, or the path of a promise
that has them; ``of``, how many the paper's numbers are shares of; ``errata``, where the paper can't be right. A table
without numbers has a ``note`` instead.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from mids.analysis.counting import Tables, bands
from mids.analysis.evaluation import LabelTable, evaluate
from mids.analysis.statistics import (
    age_counts,
    age_moments,
    completion,
    covid_test_counts,
    delay_counts,
    device_counts,
    finding_counts,
    finding_view_counts,
    laboratory_counts,
    modality_counts,
    nearest_tests,
    patient_counts,
    photometric_counts,
    sex_counts,
    size_counts,
    studies_per_patient,
)
from mids.dataset.tables import add_missing_columns
from mids.errors import MidsError
from mids.resources import schemas
from mids.vocabulary import clinical

Numbers = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Counted:
    """What a dataset has: numbers by the names that the paper uses, and what they are shares of."""

    numbers: Numbers
    of: int | None = None
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One number; None where the paper, or the dataset, has none."""

    name: str
    paper: float | None
    here: float | None

    @property
    def difference(self) -> float | None:
        """How much more the dataset has."""
        return None if self.paper is None or self.here is None else round(self.here - self.paper, 4)


@dataclass(frozen=True, slots=True)
class PaperTable:
    """A table of a paper with the numbers of a dataset; without rows it has a `note` that says why."""

    key: str
    collection: str
    title: str
    rows: tuple[Row, ...] = ()
    paper_of: int | None = None
    here_of: int | None = None
    unit: str = ""
    note: str = ""
    errata: tuple[str, ...] = ()


def paper_tables() -> dict[str, tuple[str, str]]:
    """The tables by their keys: the collection and the title of each."""
    return {key: (collection, str(entry["title"])) for key, (collection, entry) in _entries().items()}


def find_tables(wanted: str) -> list[str]:
    """The keys that a word names: a key itself, or all that begin with it; raises `MidsError` where there is none."""
    known = _entries()
    found = [wanted] if wanted in known else [key for key in known if key.startswith(f"{wanted}-")]
    if not found:
        words = sorted({*known, *(key.partition("-")[0] for key in known)})
        raise MidsError(f"no paper has a table {wanted!r}: choose from {', '.join(words)}")
    return found


def compare_table(key: str, data: Tables, reference: "LabelTable | None" = None) -> PaperTable:
    """A table of a paper beside the dataset; `reference` are the right labels of a table of scores."""
    collection, entry = _entries()[key]
    made = PaperTable(key, collection, str(entry["title"]), errata=tuple(entry.get("errata", ())))
    if "note" in entry:
        return PaperTable(key, collection, made.title, note=str(entry["note"]))
    paper = dict(_paper_numbers(collection, entry["rows"]))
    rule = _RULES[entry["count"]]
    counted = rule(data, {**entry, "collection": collection, "rows": paper, "reference": reference})
    found = _rounded(counted.numbers, paper)
    rest = [name for name in found if name not in paper] if "more_than" in entry else []
    rows = [Row(name, paper.get(name), found.get(name)) for name in (*paper, *rest)]
    return PaperTable(
        key, collection, made.title, tuple(rows), entry.get("of"), counted.of, counted.unit, "", made.errata
    )


def _entries() -> dict[str, tuple[str, Mapping[str, Any]]]:
    found: dict[str, tuple[str, Mapping[str, Any]]] = {}
    for path in sorted((schemas() / "collections").glob("*.yaml")):
        paper = clinical.declared(path.stem).get("paper", {})
        found |= {key: (path.stem, entry) for key, entry in paper.get("tables", {}).items()}
    return found


def _paper_numbers(collection: str, rows: object) -> Iterator[tuple[str, float]]:
    """The numbers of a table by their names (of a table in a table, both): given, or those of a promise by its path."""
    if isinstance(rows, str):
        content: Any = clinical.promises(collection)
        for word in rows.split("."):
            content = content[word]
        rows = content
    assert isinstance(rows, Mapping)
    for name, value in rows.items():
        if isinstance(value, Mapping):
            yield from ((f"{name}, {inner}", number) for inner, number in value.items())
        else:
            yield str(name), value


def _rounded(found: Numbers, paper: Numbers) -> dict[str, float]:
    """Numbers with as many decimals as the paper's; names that differ by case alone are the paper's."""
    spelled = {name.casefold(): name for name in paper}
    named = {spelled.get(name.casefold(), name): number for name, number in found.items() if not pd.isna(number)}
    digits = {name: len(str(paper[name]).partition(".")[2]) if name in paper else 0 for name in named}
    return {
        name: int(number) if float(number).is_integer() and isinstance(paper.get(name, 0), int)
        else round(float(number), digits[name] or 2)
        for name, number in named.items()
    }  # fmt: skip


# --- what counts a table ---------------------------------------------------------------------------------


def _counts(frame: pd.DataFrame, unit: str) -> Counted:
    numbers = {str(name): int(count) for name, count in frame["count"].items()}
    return Counted(numbers, int(frame["count"].sum()), unit)


def _patients(data: Tables, entry: Mapping[str, Any]) -> Counted:
    column = str(entry["column"])
    special: Mapping[str, Callable[[], pd.DataFrame]] = {
        "age": lambda: age_counts(data, bands(entry["collection"], "age")),
        "days_from_onset": lambda: delay_counts(data, bands(entry["collection"], column)),
        "covid_test": lambda: covid_test_counts(data),
    }
    frame = special[column]() if column in special else patient_counts(data, column)
    found = _counts(frame, f"patients whose {column} is known")
    missing = {name: 0 for name in entry["rows"] if name not in found.numbers} if found.of else {}
    return Counted({**found.numbers, **missing} if found.of else {}, found.of, found.unit)


def _sex_share(data: Tables, entry: Mapping[str, Any]) -> Counted:
    frame = sex_counts(data)
    shares = {str(name): float(percent) / 100 for name, percent in frame["percent"].items()}
    return Counted(shares, int(frame["count"].sum()), "patients whose sex is known")


def _completion(data: Tables, entry: Mapping[str, Any]) -> Counted:
    columns = {name: f"{name}_min" if name == "days_from_onset" else name for name in entry["rows"]}
    known = completion(data, list(columns.values()))["known"]
    return Counted({name: int(known[column]) for name, column in columns.items()}, len(data.participants), "patients")


def _sizes(data: Tables, entry: Mapping[str, Any]) -> Counted:
    sizes = {str(name): int(count) for name, count in size_counts(data).items()}
    images = modality_counts(data)["images"]
    plain = data.scans[data.scans["modality"].isin(["cr", "dx"])]
    more = {
        "radiographs": len(plain), "ct": int(images.get("ct", 0)),
        "frontal radiographs": int(plain["view_position"].isin(["pa", "ap"]).sum()),
    }  # fmt: skip
    return Counted({**sizes, **more})


def _devices(data: Tables, entry: Mapping[str, Any]) -> Counted:
    found = device_counts(data, more_than=int(entry["more_than"]))
    studies = int(size_counts(data)["studies"])
    return Counted({str(name): int(count) for name, count in found.items()}, studies, "studies with an image")


def _findings(data: Tables, entry: Mapping[str, Any]) -> Counted:
    found = finding_counts(data)
    first = len(data.labels[["participant_id", "session_id"]].drop_duplicates())
    numbers = {str(k): int(n) for k, n in found.items() if n > int(entry["more_than"]) or k in entry["rows"]}
    return Counted(numbers, first, "first reports of a session")


def _scores(data: Tables, entry: Mapping[str, Any]) -> Counted:
    if entry["reference"] is None:
        return Counted({}, None, "reports: give the right labels with --reference")
    found = evaluate(data.labels, entry["reference"])
    names = {"precision": "precision", "recall": "recall", "F-score": "f1"}
    numbers = {
        f"{shown}, {word}": float(found.labels.loc[label, column])
        for shown, label in entry["labels"].items()
        if label in found.labels.index
        for word, column in names.items()
    }
    return Counted(numbers, found.rows, "reports")


def _ages(data: Tables, entry: Mapping[str, Any]) -> Counted:
    found = age_moments(data)
    numbers = {str(name): float(number) for name, number in found.items()}
    return Counted(numbers, int(found["number"]), "patients whose age is known")


def _studies(data: Tables, entry: Mapping[str, Any]) -> Counted:
    found = studies_per_patient(data)
    return Counted({str(k): float(v) for k, v in found.items()}, int(found["number"]), "patients with an image")


def _modalities(data: Tables, entry: Mapping[str, Any]) -> Counted:
    found = modality_counts(data)["studies"]
    return Counted({str(k): int(n) for k, n in found.items()}, int(size_counts(data)["studies"]), "studies")


def _polarity(data: Tables, entry: Mapping[str, Any]) -> Counted:
    return _counts(photometric_counts(data), "images whose sidecar says it")


def _tests(data: Tables, entry: Mapping[str, Any]) -> Counted:
    found = laboratory_counts(data)
    total = int(found["all"]["all"])
    numbers = {str(kind): int(n) for kind, n in found["all"].items()}
    both = {f"{kind}, {name}": int(n) for name in found.columns for kind, n in found[name].items()}
    return Counted({**both, **numbers} if total else {}, total, "tests")


def _delay(data: Tables, entry: Mapping[str, Any]) -> Counted:
    delays = nearest_tests(data)["delay"].abs()
    return Counted({"mean": float(delays.mean())}, len(delays), "images with a dated test")


def _finding_views(data: Tables, entry: Mapping[str, Any]) -> Counted:
    found = finding_view_counts(data)
    numbers = {f"{finding}, {view}": int(n) for view in found.columns for finding, n in found[view].items()}
    missing = {name: 0 for name in entry["rows"] if name.casefold() not in {key.casefold() for key in numbers}}
    named = add_missing_columns(data.labels, "filename")["filename"].dropna()
    return Counted({**numbers, **missing}, int(named.nunique()), "images with a row in labels.tsv")


_RULES: Mapping[str, Callable[[Tables, Mapping[str, Any]], Counted]] = {
    "patients": _patients, "sex_share": _sex_share, "completion": _completion, "sizes": _sizes, "devices": _devices,
    "findings": _findings, "scores": _scores, "ages": _ages, "studies_per_patient": _studies,
    "modalities": _modalities, "polarity": _polarity, "tests": _tests, "delay": _delay, "finding_views": _finding_views,
}  # fmt: skip
"""What ``count`` of a table may be."""
