"""What a column tells of a person: what the vocabulary says it holds, else what its name suggests."""

import re
from collections.abc import Mapping

from mids.dataset import Dataset
from mids.vocabulary.clinical import load, read_collection_name
from mids.vocabulary.schema import Schema
from mids.vocabulary.schema import load as vocabulary

KINDS = (
    "sex", "age", "country", "region", "site", "background", "month", "days", "date", "manufacturer", "model",
    "device", "parts", "labels",
)  # fmt: skip
"""The kinds of quasi-identifiers, in the order in which somebody may come to know them."""

OTHER_KINDS = ("sensitive", "free_text", "id")

_WORDS: Mapping[str, frozenset[str]] = {
    "id": frozenset("id uid doi url identifier accession mrn".split()),
    "sex": frozenset("sex gender".split()),
    "age": frozenset("age".split()),
    "country": frozenset("country nationality".split()),
    "region": frozenset("region province county city town municipality postcode zip location address".split()),
    "site": frozenset("site hospital centre center institution clinic department".split()),
    "date": frozenset("date day month year birth".split()),
    "device": frozenset("manufacturer scanner device model station".split()),
    "background": frozenset("ethnicity race religion occupation profession language education handedness".split()),
    "free_text": frozenset("text note notes comment comments report remarks history description".split()),
    "sensitive": frozenset(
        "diagnosis result test outcome death died survival icu intubated ventilated severity comorbidities symptom "
        "symptoms smoker smoking pregnant pregnancy hiv finding findings treatment medication disease score".split()
    ),
}
"""Words in names of columns that the vocabulary does not declare, and what such a column is taken to hold."""


def load_vocabulary(dataset: Dataset) -> Schema:
    """The vocabulary of the collection that a dataset was converted from, or the common one."""
    name = read_collection_name(dataset.description)
    return load(name).schema if name else vocabulary()


def kind(schema: Schema, path: str, column: str) -> str:
    """What a column of the table at `path` holds: one of `KINDS` or `OTHER_KINDS`, or "" for nothing of a person.

    A declared column holds what the vocabulary says. What is declared of nobody is judged by its name, and a measure of
    `phenotype/` that says nothing else is sensitive: it is a person's health.
    """
    table = schema.table_of(path)
    declared = table.columns.get(column) if table else None
    if column in ("modalities", "body_parts"):
        return "parts"
    if declared and declared.holds:
        return declared.holds
    words = set(re.split(r"[^a-z]+", column.lower()))
    guessed = next((name for name, known in _WORDS.items() if words & known), "")
    if path.startswith("phenotype/") and not guessed and column != "source":
        return "sensitive"
    return "id" if column.endswith("_id") else "" if declared else guessed
