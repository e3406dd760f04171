"""Old and new ids side by side, in a file that its owner alone can read: whoever has it knows who is who."""

import csv
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from mids.actions.deidentify import Deidentify, identities
from mids.errors import DataError, MidsError
from mids.plan.job import Outcome, Plan
from mids.run.pool import executor, mapping

COLUMNS = ("kind", "id_old", "id_new")
CHUNK = 64
"""Files that one worker reads at a time."""


def write_map(path: Path, plan: Plan, outcome: Outcome, root: Path, *, jobs: int) -> None:
    """Writes the ids of what is in the destination: CSV with the columns kind (patient or uid), id_old, id_new.

    UIDs are those anywhere in a source file, sequences included. Raises `MidsError` where the file exists or can't be
    written.
    """
    there = {*outcome.made, *outcome.kept}
    actions = [job.action for job in plan.jobs if job.path in there and isinstance(job.action, Deidentify)]
    batches = [actions[start : start + CHUNK] for start in range(0, len(actions), CHUNK)]
    rows: set[tuple[str, str, str]] = set()
    with executor(jobs) as pool:
        for found in mapping(pool, jobs)(partial(_pairs, root=root), batches):
            rows |= found
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise MidsError(f"can't write the map {path} ({error.strerror}): give another file") from error
    with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows([COLUMNS, *sorted(rows)])


def _pairs(actions: Sequence[Deidentify], root: Path) -> set[tuple[str, str, str]]:
    """The rows that some files give."""
    rows: set[tuple[str, str, str]] = set()
    for action in actions:
        try:
            patient, uids = identities(action.source, root)
        except DataError:
            continue  # it is gone since it was de-identified
        rows.add(("patient", patient, action.subject))
        is_kept = "retain_uids" in action.policy.options
        rows |= {("uid", uid, uid if is_kept else action.pseudonyms.uid(uid)) for uid in uids}
    return rows
