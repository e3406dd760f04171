"""The plan of a source as items to look at before its first run, and what is decided of them as a plan again."""

import csv
import io
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from mids.errors import MidsError
from mids.readers.given import planned
from mids.readers.given.curation import LABELS, VALUES, Correction
from mids.readers.given.planned import BOXES, COLUMNS, DECISIONS, read_proposal, read_rows
from mids.review.decisions import Decisions
from mids.review.items import PROJECTIONS, Item, Shelf, in_order
from mids.run.decided.choices import Choices
from mids.run.decided.reviewed import REVIEW_LOG
from mids.run.disk import write_privately
from mids.run.looking import find_file
from mids.vocabulary.bids.names import split_name

_KINDS = {"convert": "image", "skipped": "left out", "withheld": "withheld", "lost": "lost"}


def collect_planned(plan: Path, source: Path) -> Shelf:
    """The rows of a plan as items, their images read from the source.

    Raises `MidsError` where the plan can't be read, or is that of another source.
    """
    root = source.resolve()
    rows = [row for row, _ in read_rows(plan)]
    if not rows:
        raise MidsError(
            f"{plan} plans nothing: see what the source holds with mids-convert auto {source} DEST --dry-run"
        )
    if not any(find_file((root,), row["file"]) for row in rows[:50]):
        raise MidsError(f"{plan} names no file of {source}: give its source, or another --plan")
    homes: dict[str, str] = {}
    items = [_item(row, homes) for row in rows]
    return Shelf(root, in_order(items), (root,), Choices(), plan)


def _item(row: dict[str, str], homes: dict[str, str]) -> Item:
    proposed = read_proposal(row)
    if not proposed:
        raise MidsError(f"the plan has no column that says what was planned of {row['file']}: write it again")
    kind = _KINDS.get(proposed["decision"], "left out")
    before = {}
    own = {}
    if proposed["decision"] == "convert":
        before = {field: "" if proposed[field] == "n/a" else proposed[field] for field in (*LABELS, *VALUES)}
        subject, session = before["subject"], f"{before['subject']}/{before['session']}"
        own = {"subject": homes.setdefault(subject, row["file"]), "session": homes.setdefault(session, row["file"])}
    name = "" if proposed["name"] == "n/a" else proposed["name"].rpartition("/")[2]
    is_unsure = kind == "image" and not before["view"] and split_name(name).suffix in PROJECTIONS
    facts = {"modality": row["modality"], "source files": row["files"]}
    return Item(
        0, "unsure" if is_unsure else kind, row["file"], title=name or row["file"],
        reason="no view is known" if is_unsure else row["reason"], values=before, before=before, facts=facts,
        files=int(row["files"]) if row["files"].isdigit() else 1, homes=own,
    )  # fmt: skip


def open_decisions(shelf: Shelf, plan: Path) -> tuple[Decisions, tuple[Correction, ...]]:
    """What was decided on the page (its log lies beside the plan), and what a person wrote into the plan by hand."""
    decisions = Decisions(shelf.dataset, shelf.items, plan.with_name(f"{plan.name}.{REVIEW_LOG}"))
    own = {(row.file, row.field, row.old, row.new) for row in decisions.corrections()}
    others = (row for row in planned.read(plan) if (row.file, row.field, row.old, row.new) not in own)
    return decisions, tuple(others)


def save_plan(plan: Path, corrections: Iterable[Correction]) -> None:
    """Writes the plan with what people decided, and without what they took back; its owner alone can read it.

    Raises `MidsError` where it can't be written.
    """
    by_file: dict[str, list[Correction]] = defaultdict(list)
    names: dict[str, str] = {}
    for each in corrections:
        by_file[each.file].append(each)
        if each.field in LABELS:
            names[each.old] = each.new
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, delimiter="\t", lineterminator="\n")
    writer.writeheader()
    for row, _ in read_rows(plan):
        writer.writerow(_decided(row, by_file[row["file"]], names))
    write_privately(plan, text.getvalue())


def _decided(row: dict[str, str], own: list[Correction], names: dict[str, str]) -> dict[str, str]:
    """A row as the plan proposed it, with what was decided of it."""
    proposed = read_proposal(row)
    row = {**row, **proposed, BOXES: "", "who": "", "why": ""}
    subject, session = proposed["subject"], proposed["session"]
    row["subject"] = names.get(subject, subject)
    row["session"] = names.get(f"{subject}/{session}", session)
    for each in own:
        if each.field in VALUES:
            row[each.field] = each.new
        elif each.field in DECISIONS.get(proposed["decision"], ()):
            row["decision"] = each.field
    row[BOXES] = "; ".join(each.new for each in own if each.field == "redact")
    for column in ("who", "why"):
        row[column] = "; ".join(dict.fromkeys(getattr(each, column) for each in own))
    return row
