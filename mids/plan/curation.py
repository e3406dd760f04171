"""Applies a person's corrections: rows of curation.tsv that override what the headers say of one image."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from mids.issues import Issue, issue
from mids.plan.naming import Described
from mids.readers.given.curation import Correction
from mids.records import Box, Record
from mids.vocabulary.schema import Schema

FIELDS = {"view": "view_positions", "body_part": "body_parts", "laterality": "laterality"}
"""Fields whose new value must be of a code list, and the list."""


@dataclass(slots=True)
class Corrections:
    """The rows, and which of them have found their image."""

    rows: Sequence[Correction]
    _matched: set[int] = field(default_factory=set)

    def of(self, path: str, record: Record) -> list[Correction]:
        """The rows about one image."""
        names = _names(path, record)
        found = [row for row in self.rows if row.file in names]
        self._matched.update(row.row for row in found)
        return found

    def unmatched(self) -> Iterator[Issue]:
        """An Issue for each row that has found nothing."""
        for row in self.rows:
            if row.row not in self._matched:
                where = f"row {row.row}, column file"
                yield issue(
                    "CURATION_UNMATCHED",
                    "the plan holds no image of this name",
                    "curation.tsv",
                    where=where,
                    origin="plan",
                )


def _names(path: str, record: Record) -> set[str]:
    return {path, record.instance, *(source.name for source in record.sources)} - {""}


def corrected(
    described: Described, rows: Sequence[Correction], schema: Schema
) -> tuple[Described | None, tuple[Box, ...], list[Issue]]:
    """What is said of an image after its corrections (None where it is excluded), and the boxes to blank.

    An image whose box can't be understood is not delivered: what the box should hide might be a name.
    """
    issues: list[Issue] = []
    blank: list[Box] = []
    for row in rows:
        box = _box(row.new) if row.field == "blank" else None
        problem = _problem(described, row, schema)
        if problem:
            issues.append(problem)
        if row.field == "exclude" or (row.field == "blank" and box is None):
            return None, (), issues
        if box is not None:
            blank.append(box)
        elif problem is None:
            value = "" if row.new == "n/a" else row.new
            source = "curation" if row.field == "view" else described.view_source
            described = replace(described, **{row.field: value}, view_source=source)
    return described, tuple(blank), issues


def _empty(value: str) -> str:
    return "" if value == "n/a" else value


def _problem(described: Described, row: Correction, schema: Schema) -> Issue | None:
    where = f"row {row.row}"
    if row.field in ("exclude", "blank"):
        if row.field == "blank" and not _box(row.new):
            return issue("CURATION_INVALID", "not top,left,bottom,right", "curation.tsv", where=where)
        return None
    if row.field not in FIELDS:
        known = ", ".join(("exclude", "blank", *FIELDS))
        return issue("CURATION_INVALID", f"unknown field {row.field}: use {known}", "curation.tsv", where=where)
    if _empty(row.new) and row.new not in schema.code_lists[FIELDS[row.field]].codes:
        return issue(
            "CURATION_INVALID", f"{row.new} is not a value of {row.field}", "curation.tsv", where=where, value=row.new
        )
    present = str(getattr(described, row.field))
    if _empty(row.old) != present:
        message = f"the old value is {row.old}, the image has {present or 'n/a'}"
        return issue("CURATION_OUTDATED", message, "curation.tsv", where=where, value=row.old, expected=present)
    return None


def _box(text: str) -> Box | None:
    parts = text.replace(" ", "").split(",")
    if len(parts) != 4 or not all(part.isdigit() for part in parts):
        return None
    top, left, bottom, right = (int(part) for part in parts)
    return (top, left, bottom, right) if top < bottom and left < right else None
