"""Labels: the grammar of their cells, and each label and CUI against the label tree."""

import re
from ast import literal_eval
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from mids.inspection.documents import read_json
from mids.inspection.registry import Finding, Found, check, of_name
from mids.inspection.views import DatasetView, FileView
from mids.issues import Level
from mids.readers.tables.tsv import NA

TABLE = "derivatives/labels/labels.tsv"
TREE = "derivatives/labels/label_tree.tsv"
LISTS = ("labels", "localizations", "label_cuis", "localization_cuis")
"""Columns whose cells hold a list of words."""
NESTED = "labels_localizations_by_sentence"
"""The column whose cells hold a list of lists."""
CUI = re.compile(r"C\d{7}", re.ASCII)
ALONE = frozenset({"normal", "exclude"})
"""Labels that stand for a whole report."""
BESIDE = frozenset({"suboptimal study", "unchanged"})
"""Labels that say something of the report, not of the patient."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A list in a cell: its items, and in which grammar it stands ("" where it can't be read at all)."""

    grammar: str
    items: tuple[str, ...] = ()


@lru_cache(maxsize=1 << 14)
def read_cell(text: str, *, nested: bool = False) -> Cell:
    """A cell of labels: a JSON array, or one of the four forms of published tables."""
    content = read_json(text.encode("utf-8", "replace"))
    if not content.error and isinstance(content.content, list):
        return _json(content.content, nested=nested)
    bare = text.strip()
    if bare.startswith("[") and bare.endswith("]"):
        items = _python(bare)
        if items is not None:
            return Cell("a Python list", items)
        if words := re.fullmatch(r"\[\s*('[^']*'\s*)+\]", bare):
            return Cell("a numpy array", tuple(re.findall("'([^']*)'", words[0])))
        if not re.search(r"['\"\[\]]", bare[1:-1]):
            return Cell("a list without quotes", tuple(bare[1:-1].split(",")))
        return Cell("")
    if "|" in bare or ";" in bare:
        return Cell("with other separators", tuple(re.split("[|;]", bare)))
    return Cell("" if re.search(r"['\"\[\]{}]", bare) else "a word without a list", (bare,))


def _json(items: list[Any], *, nested: bool) -> Cell:
    kinds = (str, list) if nested else (str,)
    if not all(isinstance(item, kinds) for item in items):
        return Cell("")
    return Cell("json", tuple(_words_of(items)))


def _words_of(items: list[Any]) -> Iterator[str]:
    """The texts of a list, and of the lists in it."""
    for item in items:
        if isinstance(item, str):
            yield item
        elif isinstance(item, list):
            yield from _words_of(item)


def _python(text: str) -> tuple[str, ...] | None:
    """The items of a Python list of texts; None where it is none."""
    try:
        items = literal_eval(text) if len(text) < 100_000 else None
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None
    return tuple(items) if isinstance(items, list) and all(isinstance(item, str) for item in items) else None


@of_name
def _is_labels(table: FileView) -> bool:
    return table.path == TABLE


def _cells(table: FileView, *names: str) -> Iterator[tuple[str, Cell, Mapping[str, str]]]:
    """(place, cell, row) of every filled cell of some columns."""
    header = table.rows.header
    for line, row in zip(table.rows.lines, table.rows.rows, strict=True):
        by_name = dict(zip(header, row, strict=True))
        for name in names:
            text = by_name.get(name, NA)
            if text != NA and text.strip():
                yield f"row {line}, column {name}", read_cell(text, nested=name == NESTED), by_name


# --- grammar ---------------------------------------------------------------------------------------------


@check("LABELS_UNPARSEABLE", per="table", when=_is_labels)
def labels_unparseable(table: FileView) -> Found:
    """A cell of labels is neither a JSON array of strings nor in one of the known forms of published tables.

    Why: The labels of the row are lost. The cell was cut off, or written by hand.

    Fix: Write the labels as a JSON array, such as `["pneumonia", "pleural effusion"]`.
    """
    for where, cell, _ in _cells(table, *LISTS, NESTED):
        if not cell.grammar:
            yield Finding("the list can't be read", where, expected='["…", "…"]')


@check("LABELS_LEGACY", per="table", level=Level.WARNING, when=_is_labels)
def labels_legacy(table: FileView) -> Found:
    """A cell of labels has the form of a published table: a Python list, a numpy array, words without quotes.

    Why: This validator understands it, but each form needs its own parser, and none of the forms is safe.

    Fix: Write the labels as a JSON array.
    """
    for where, cell, _ in _cells(table, *LISTS, NESTED):
        if cell.grammar not in ("", "json"):
            yield Finding(f"the list is written as {cell.grammar}, not as a JSON array", where, expected='["…", "…"]')


@check("LABEL_BLANKS", per="table", level=Level.WARNING, when=_is_labels)
def label_blanks(table: FileView) -> Found:
    """A label is empty, or begins or ends with a space.

    Why: Programs treat " pneumonia" and "pneumonia" as different labels.

    Fix: Remove the spaces, and the empty labels.
    """
    for where, cell, _ in _cells(table, "labels", "localizations"):  # an empty CUI says that there is none
        for item in dict.fromkeys(cell.items):
            if not item.strip() or (cell.grammar == "json" and item != item.strip()):
                yield Finding("the label is empty, or begins or ends with a space", where, repr(item)[:40])


@check("LABEL_DUPLICATED", per="table", level=Level.WARNING, when=_is_labels)
def label_duplicated(table: FileView) -> Found:
    """A list of labels holds the same label twice, apart from spaces and case.

    Why: Counts of labels come out too high, as in published tables.

    Fix: Keep one of the two.
    """
    for where, cell, _ in _cells(table, "labels", "localizations"):
        words = [item.strip().casefold() for item in cell.items if item.strip()]
        for word in dict.fromkeys(words):
            if words.count(word) > 1:
                yield Finding("the list holds the label twice", where, word[:40])


@check("LABEL_CONTRADICTED", per="table", level=Level.WARNING, when=_is_labels)
def label_contradicted(table: FileView) -> Found:
    """`normal` or `exclude` stands beside a finding.

    Why: A study can't be both; training sets count it as healthy and as ill.

    Fix: Read the report again, and keep what it says.
    """
    for where, cell, _ in _cells(table, "labels"):
        words = {item.strip().casefold() for item in cell.items} - {""} - BESIDE
        for word in sorted(words & ALONE):
            if len(words) > 1:
                yield Finding("this label can't stand beside others", where, word)


# --- CUIs and the tree -----------------------------------------------------------------------------------


@check("CUI_INVALID", per="table", when=_is_labels)
def cui_invalid(table: FileView) -> Found:
    """A concept identifier is not the letter C followed by seven digits.

    Why: UMLS has no such concept.

    Fix: Look the concept up by its label.
    """
    for where, cell, _ in _cells(table, "label_cuis", "localization_cuis"):
        for item in cell.items:
            if item.strip() and not CUI.fullmatch(item.strip()):
                yield Finding("this is not a CUI", where, item.strip()[:40], "C and seven digits")


@check("CUI_MISALIGNED", per="table", level=Level.WARNING, when=_is_labels)
def cui_misaligned(table: FileView) -> Found:
    """A list of CUIs differs in length from the list of its labels.

    Why: Programs that pair them by position give labels the CUIs of their neighbours.

    Fix: Write one CUI for each label, "" where there is none; look CUIs up by label.
    """
    for labels, cuis in (("labels", "label_cuis"), ("localizations", "localization_cuis")):
        for where, cell, row in _cells(table, cuis):
            others = read_cell(row.get(labels, NA)) if row.get(labels, NA) != NA else Cell("json")
            if cell.grammar and others.grammar and len(cell.items) != len(others.items):
                message = f"there are not as many CUIs as {labels}"
                yield Finding(message, where, str(len(cell.items)), str(len(others.items)))


def _tree(dataset: DatasetView) -> Mapping[str, set[str]]:
    """The CUIs of every label of the label tree; empty where there is no tree."""
    found: dict[str, set[str]] = {}
    if dataset.has(TREE):
        rows = dataset.view(TREE).rows
        for label, cui in zip(rows.column("label"), rows.column("cui"), strict=False):
            found.setdefault(_word(label), set()).update({cui} - {NA, ""})
    return found


def _word(label: str) -> str:
    return label.strip().casefold().removeprefix("loc ").strip()


@check("LABEL_UNKNOWN", per="dataset", level=Level.WARNING)
def label_unknown(dataset: DatasetView) -> Found:
    """A label of the label table is not in the label tree.

    Why: It belongs to no branch, so counts over branches miss it; often it is a spelling mistake.

    Fix: Use the spelling of the tree, or add the label to the tree.
    """
    tree = _tree(dataset)
    columns = ("labels", "localizations", NESTED)
    for where, cell, _ in _cells(dataset.view(TABLE), *columns) if tree and dataset.has(TABLE) else ():
        for item in dict.fromkeys(cell.items):
            if item.strip() and _word(item) not in tree:
                yield Finding("the label tree does not hold this label", where, item.strip()[:40], path=TABLE)


@check("CUI_CONTRADICTED", per="dataset")
def cui_contradicted(dataset: DatasetView) -> Found:
    """In the label tree, none of the row's labels has the row's CUI.

    Why: Label and concept disagree; selecting by concept finds the wrong studies.

    Fix: Look the CUI up by its label.
    """
    tree = _tree(dataset)
    if not tree or not dataset.has(TABLE):
        return
    for labels, cuis in (("labels", "label_cuis"), ("localizations", "localization_cuis")):
        for where, cell, row in _cells(dataset.view(TABLE), cuis):
            words = {_word(item) for item in read_cell(row.get(labels, "[]")).items}
            allowed = {cui for word in words for cui in tree.get(word, ())}
            for item in dict.fromkeys(cell.items):
                if CUI.fullmatch(item.strip()) and item.strip() not in allowed and words <= tree.keys():
                    yield Finding("no label of the row has this CUI", where, item.strip(), path=TABLE)
