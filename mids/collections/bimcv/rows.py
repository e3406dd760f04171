"""Rows of BIMCV's tables as entries of the dataset's: tests, reports with their labels, the label tree."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from mids.collections.bimcv import labelcells
from mids.collections.bimcv.labeltree import Node
from mids.collections.bimcv.tables import iso_date
from mids.issues import Issue, issue
from mids.readers.tables.table import Table
from mids.records import Entry, PatientKey
from mids.vocabulary.clinical import Clinical

SUBOPTIMAL = "suboptimal study"
"""The label that says that a study could not be read well."""


@dataclass(frozen=True, slots=True)
class Words:
    """What rows are read with: the collection's vocabulary and the labels' CUIs.

    In a `public` source what is not in the vocabulary is kept as it is written; elsewhere it might name somebody, and
    is left out.
    """

    clinical: Clinical
    cuis: Mapping[str, tuple[str, ...]]
    public: bool
    _spelled: dict[str, str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_spelled", {term.casefold(): term for term in self.cuis})

    def term(self, text: str) -> str:
        """A label or localization (with its ``loc ``) as the tree spells it; case and blanks make no difference."""
        plain = " ".join(text.split())
        prefix = labelcells.LOCALIZATION if labelcells.is_localization(plain) else ""
        name = plain[len(prefix) :]
        return prefix + self._spelled.get(name.casefold(), name)


@dataclass(frozen=True, slots=True)
class Report:
    """One report of a study and its labels; `number` counts the study's reports from 1."""

    subject: PatientKey | str
    study: str
    label: str
    number: int

    @property
    def report_id(self) -> str:
        """A label that no other report has."""
        return f"{self.label}R{self.number}"


def test(
    table: Table, line: int, row: Mapping[str, str], subject: PatientKey | str, words: Words
) -> Iterator[Entry | Issue]:
    """The entry of a laboratory test, and what of its row is not understood."""
    values, problems = words.clinical.values("laboratory_tests", row)
    if not words.public:
        values = {key: value for key, value in values.items() if not key.endswith("_raw")}
    for problem in problems:
        where = table.where(line, problem.column)
        shown = problem.value if words.public else ""
        yield issue(
            problem.code, "the word is not in the code list", table.path, where=where, value=shown, origin="read"
        )
    raw = row.get("date", "").strip()
    values["date"] = iso_date(raw)
    if raw and not values["date"]:
        yield issue("VALUE_UNKNOWN", "this is not a date", table.path, where=table.where(line, "date"), origin="read")
        values |= {"date_raw": raw} if words.public else {}
    yield Entry("laboratory_tests", subject, values)


def same(row: Mapping[str, str]) -> tuple[str, ...]:
    """What makes a test's row the same as another: its day however it is written, its kind and its result."""
    day, kind, result = (" ".join(row[name].split()).casefold() for name in ("date", "test", "result"))
    return (iso_date(day) or day, kind, result)


def summary(results: Iterable[str]) -> str:
    """What a subject's tests say together: positive if any was, else negative if any was, else indeterminate."""
    found = set(results)
    return next((word for word in ("positive", "negative", "indeterminate") if word in found), "")


def labels(table: Table, line: int, row: Mapping[str, str], report: Report, words: Words) -> Iterator[Entry | Issue]:
    """The entry of a report's labels.

    CUIs are looked up by label: the published ones are not in the order of the labels. They stand at the places of
    their labels, an empty text for a label without one; of a label with two it is that of its first node.
    """
    cells = {name: labelcells.parse(row.get(name, "")) for name in ("labels", "localizations", "sentences")}
    for name, cell in cells.items():
        if cell.truncated:
            where = table.where(line, name)
            yield issue("CELL_TRUNCATED", "the list is cut off", table.path, where=where, origin="read")
    said = dict.fromkeys(map(words.term, cells["labels"].flat))
    found = [text for text in said if not labelcells.is_localization(text)]
    places = list(dict.fromkeys(_place(text, words) for text in cells["localizations"].flat))
    sentences = [list(map(words.term, sentence)) for sentence in cells["sentences"].sentences]
    unknown = [text for text in (*found, *places) if text not in words.cuis]
    if unknown:
        shown = ", ".join(unknown) if words.public else ""
        message = f"{len(unknown)} terms are not in the label tree"
        where = table.where(line, "labels")
        yield issue("VALUE_UNKNOWN", message, table.path, where=where, value=shown[:80], origin="read")
    if not words.public:
        found, places = (list(filter(words.cuis.__contains__, terms)) for terms in (found, places))
        sentences = [[t for t in s if t.removeprefix(labelcells.LOCALIZATION) in words.cuis] for s in sentences]
    values = {
        "report_id": report.report_id,
        "source": "report",
        "labels": _json(found),
        "localizations": _json(places),
        "labels_localizations_by_sentence": _json(sentences),
        "label_cuis": _json([_cui(text, words) for text in found]),
        "localization_cuis": _json([_cui(text, words) for text in places]),
    }
    yield Entry("labels", report.subject, values, study=report.study)


def _place(text: str, words: Words) -> str:
    return words.term(words.term(text).removeprefix(labelcells.LOCALIZATION))


def _cui(text: str, words: Words) -> str:
    return next(iter(words.cuis.get(text, ())), "")


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def is_suboptimal(row: Mapping[str, str]) -> bool:
    """Whether a report's labels say that the study could not be read well."""
    said = labelcells.parse(row.get("labels", "")).flat
    return SUBOPTIMAL in (" ".join(text.split()).lower() for text in said)


def tree(nodes: Iterable[Node]) -> Iterator[Entry]:
    """The label tree as rows about no subject."""
    labels_by_number = {0: ""}
    for node in nodes:
        labels_by_number[node.number] = node.label
        values = {
            "label": node.label, "cui": node.cui, "parent": labels_by_number[node.parent], "tree": node.tree,
            "count": str(node.count), "count_with_descendants": str(node.total),
            "node": str(node.number), "parent_node": str(node.parent or ""),
        }  # fmt: skip
        yield Entry("label_tree", "", values)
