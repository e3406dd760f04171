"""Writes a plan as a table in which a person decides before the run; `mids.readers.given.planned` reads it back."""

import csv
import os
from collections.abc import Iterator
from pathlib import Path

from mids.errors import MidsError
from mids.plan import Plan
from mids.plan.job import Job
from mids.readers.dicom.scan import NOT_DICOM
from mids.readers.given.curation import VALUES
from mids.readers.given.planned import BOXES, COLUMNS, PLANNED, note_proposal, read_rows
from mids.records import Skipped
from mids.run.sources import fates

_SCANS = {"view": "view_position", "body_part": "body_part", "laterality": "laterality"}
"""The column of scans.tsv of each value that may be corrected."""


def write_plan(plan: Plan, path: Path) -> int:
    """Writes a row for each image of a plan, then for what is left out, and why; returns how many rows that are.

    The table names source files, so only its owner can read it. Raises `MidsError` where it can't be written.
    """
    rows = list(_rows(plan))
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, COLUMNS, delimiter="\t", lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    except OSError as error:
        raise MidsError(f"can't write the plan {path} ({error.strerror}): give another name") from error
    return len(rows)


def check_listed(plan: Plan, path: Path) -> None:
    """Raises `MidsError` where the table of a plan has no row for an image that would be made: nobody has seen it."""
    listed = {row["file"] for row, _ in read_rows(path)}
    images = (job for job in plan.jobs if not job.of)
    count = sum(listed.isdisjoint(source.name for source in job.action.sources) for job in images)
    if count:
        said = "1 image" if count == 1 else f"{count} images"
        raise MidsError(
            f"the plan {path} has no row for {said} of the source: to leave an image out, keep its row and write "
            "exclude; for new files, write a new plan to another name"
        )


def _rows(plan: Plan) -> Iterator[dict[str, str]]:
    for job in plan.jobs:
        if not job.of:
            yield _of_job(job)
    skipped = [*plan.skipped, *(each for subject in plan.subjects for each in subject.skipped)]
    yield from (_of_skipped(each) for each in skipped if each.reason != NOT_DICOM)
    told = {source.name for each in skipped for source in each.sources}
    made = {source.name for job in plan.jobs for source in job.action.sources}
    for source, status, _, reason in fates(plan, None):
        if status == "lost" and source.name not in told | made:
            yield _of_skipped(Skipped((source,), reason, status="lost"))


def _of_job(job: Job) -> dict[str, str]:
    modality, source = job.row.get("modality", "n/a"), job.row.get("view_source", "n/a")
    said = {value: job.row.get(column, "n/a") for value, column in _SCANS.items()}
    return _row(
        file=job.action.sources[0].name, files=str(len(job.action.sources)), modality=modality, subject=job.subject,
        session=job.session, name=job.path, **said, decision="convert",
        reason="" if source == "n/a" else f"view by {source}",
    )  # fmt: skip


def _of_skipped(skipped: Skipped) -> dict[str, str]:
    return _row(
        file=skipped.sources[0].name, files=str(len(skipped.sources)), decision=skipped.status, reason=skipped.reason,
        **dict.fromkeys(("modality", "subject", "session", "name", *VALUES), "n/a"),
    )  # fmt: skip


def _row(**cells: str) -> dict[str, str]:
    row = {BOXES: "", "who": "", "why": "", **cells}
    return {**row, PLANNED: note_proposal(row)}
