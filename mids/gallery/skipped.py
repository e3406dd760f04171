"""What became of the sources of a dataset, from the table beside it: reasons of what was left out, and the flow of all.

That table holds real paths, which often hold names: nothing of them is passed on.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mids.errors import MidsError
from mids.gallery.flow import Flow, draw_flow
from mids.gallery.flow import Path as Way
from mids.run.sources import read_sources
from mids.vocabulary.bids.names import split_name

REFERENCES = 20
"""References that are listed for each reason."""

SHORTEST = 3
"""Characters of the shortest name that is looked for in a reason."""

Rows = Sequence[Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Skipped:
    """One reason: `status` is skipped or lost, `references` are some of the sources, by their keyed references."""

    status: str
    reason: str
    number: int
    references: tuple[str, ...]


def source_rows(dataset: Path) -> Rows:
    """The rows of the table of sources (`mids.run.sources`); none where none can be read beside the dataset."""
    try:
        return list(read_sources(dataset))
    except MidsError:
        return []


def skipped(rows: Rows) -> list[Skipped]:
    """Reasons, the commonest first."""
    counts: Counter[tuple[str, str]] = Counter()
    references: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        if row["status"] not in ("skipped", "lost"):
            continue
        key = row["status"], clean(row["reason"], row["source"])
        counts[key] += 1
        known = references.setdefault(key, [])
        if len(known) < REFERENCES:
            known.append(row["reference"])
    return [Skipped(*key, number, tuple(references[key])) for key, number in counts.most_common()]


def flow(rows: Rows) -> Flow | None:
    """What became of every source file, as a diagram; None where nothing is known."""
    return draw_flow(_ways(rows))


def _ways(rows: Rows) -> Iterator[Way]:
    for row in rows:
        origin = "files in archives" if "!" in row["source"] else "files"
        if row["status"] == "converted":
            kind = split_name(row["filename"].rpartition("/")[2]).suffix
            yield origin, "converted", kind or "image"
        else:
            yield origin, fate(row), _short(clean(row["reason"], row["source"]))


def fate(row: Mapping[str, str]) -> str:
    """What became of a source file that was not converted: withheld, left out or lost."""
    if row["status"] == "lost":
        return "lost"
    return "withheld" if row["reason"].startswith("withheld") else "left out"


def _short(reason: str) -> str:
    """A reason in a few words: a code stands for its message, what was withheld says why."""
    code = re.match(r"[A-Z_]+(?=: )", reason)
    return code[0] if code else reason.removeprefix("withheld: ").partition(":")[0] or "not told"


def clean(reason: str, source: str) -> str:
    """A reason without the path of its source; those that say no code of an issue are words of ours."""
    if not re.match(r"[A-Z_]+: ", reason):
        return reason
    for part in (source, re.split(r"[/!]", source)[-1]):
        reason = reason.replace(part, "…") if len(part) >= SHORTEST else reason
    return reason
