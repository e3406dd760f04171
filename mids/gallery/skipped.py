"""What a conversion did not deliver, and why, from the table of sources beside a dataset.

That table holds real paths, which often hold names: nothing of them is passed on.
"""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from mids.dataset import read_table
from mids.errors import DataError

REFERENCES = 20
"""References that are listed for each reason."""

NEEDED = {"reference", "source", "status", "reason"}

SHORTEST = 3
"""Characters of the shortest name that is looked for in a reason."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """One reason: `status` is skipped or lost, `references` are some of the sources, by their keyed references."""

    status: str
    reason: str
    number: int
    references: tuple[str, ...]


def skipped(dataset: Path) -> list[Skipped]:
    """Reasons, the commonest first; none where there is no table that can be read beside the dataset."""
    folder = dataset.resolve()
    try:
        rows = read_table(folder.with_name(folder.name + ".mids") / "sources.tsv")
    except (OSError, DataError):
        return []
    if not set(rows.columns) >= NEEDED:
        return []
    rows = rows[rows["status"].isin(["skipped", "lost"])].fillna("")
    counts: Counter[tuple[str, str]] = Counter()
    references: dict[tuple[str, str], list[str]] = {}
    for reference, source, status, reason in rows[["reference", "source", "status", "reason"]].itertuples(index=False):
        key = str(status), _clean(str(reason), str(source))
        counts[key] += 1
        known = references.setdefault(key, [])
        if len(known) < REFERENCES:
            known.append(str(reference))
    return [Skipped(*key, number, tuple(references[key])) for key, number in counts.most_common()]


def _clean(reason: str, source: str) -> str:
    """A reason without the path of its source; those that say no code of an issue are words of ours."""
    if not re.match(r"[A-Z_]+: ", reason):
        return reason
    for part in (source, re.split(r"[/!]", source)[-1]):
        reason = reason.replace(part, "…") if len(part) >= SHORTEST else reason
    return reason
