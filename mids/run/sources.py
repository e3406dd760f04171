"""Which source became which file: the table beside the dataset, and what of it may be published.

Paths of source files often hold names of patients. They go only into ``<DEST>.mids/sources.tsv``, which its
owner alone can read; everywhere else a source stands under a keyed reference.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mids.deid.pseudonyms import Pseudonyms
from mids.issues import Issue
from mids.plan.job import Plan, Row
from mids.plan.texts import PROVENANCE, as_tsv
from mids.readers.curation import COLUMNS, Correction
from mids.records import Source
from mids.run.run import Outcome

SOURCE_COLUMNS = ("reference", "source", "status", "filename", "reason")


@dataclass(frozen=True, slots=True)
class References:
    """How a source file is called outside the state folder: by a keyed reference, or by its path if asked for."""

    pseudonyms: Pseudonyms
    show_paths: bool = False

    def of(self, name: str) -> str:
        """The reference of a source file."""
        return f"source:{self.pseudonyms.item('source', name)}"

    def shown(self, name: str) -> str:
        """What a message may say."""
        return name if self.show_paths else self.of(name)

    def masked(self, found: Issue) -> Issue:
        """The Issue with the path of a source file replaced; paths in the dataset stay."""
        if found.origin != "read" or not found.path:
            return found
        return replace(found, path=self.shown(found.path))


def _rows(plan: Plan, outcome: Outcome | None, references: References) -> Iterator[dict[str, str]]:
    """One row for each source file: what became of it, and why if nothing did."""
    lost = set(outcome.lost) if outcome else set()
    issues = [*plan.issues, *(found for subject in plan.subjects for found in subject.issues)]
    reasons = {found.path: f"{found.code}: {found.message}" for found in (outcome.issues if outcome else ())}

    def row(source: Source, status: str, filename: str, reason: str) -> dict[str, str]:
        values = (references.of(source.name), source.name, status, filename, reason)
        return dict(zip(SOURCE_COLUMNS, values, strict=True))

    for job in plan.jobs:
        status = "lost" if job.path in lost else "converted"
        for source in job.action.sources:
            yield row(source, status, job.path if status == "converted" else "", reasons.get(job.path, ""))
    for skipped in (*plan.skipped, *(item for subject in plan.subjects for item in subject.skipped)):
        for source in skipped.sources:
            yield row(source, "skipped", "", skipped.reason)
    for found in issues:
        if found.origin == "read" and found.level == "error":
            yield row(Source(found.path), "lost", "", f"{found.code}: {found.message}")


def write_sources(folder: Path, plan: Plan, outcome: Outcome | None, references: References) -> None:
    """Writes ``sources.tsv`` into the state folder, with real paths."""
    rows: list[Row] = sorted(_rows(plan, outcome, references), key=lambda row: (row["source"], row["filename"]))
    half = folder / "half-written"
    half.write_text(as_tsv(SOURCE_COLUMNS, rows), encoding="utf-8")
    half.chmod(0o600)
    os.replace(half, folder / "sources.tsv")


def published(
    plan: Plan, references: References, corrections: Sequence[Correction], *, with_sources: bool
) -> dict[str, str]:
    """The provenance that goes into the dataset: corrections, and if asked for the sources by reference."""
    texts: dict[str, str] = {}
    if with_sources:
        rows: list[Row] = sorted(_rows(plan, None, references), key=lambda row: (row["reference"], row["filename"]))
        columns = [column for column in SOURCE_COLUMNS if column != "source"]
        texts[f"{PROVENANCE}/sources.tsv"] = as_tsv(columns, rows)
    if corrections:
        planned = {job.path for job in plan.jobs}
        shown = [
            {name: str(getattr(row, name)) for name in COLUMNS}
            | {"file": row.file if row.file in planned or row.file.startswith("sub-") else references.of(row.file)}
            for row in corrections
        ]
        texts[f"{PROVENANCE}/curation.tsv"] = as_tsv(COLUMNS, shown)
    return texts
