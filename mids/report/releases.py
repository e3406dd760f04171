"""What changed between two releases, as text, JSON, or an entry of the dataset's CHANGES."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict

from mids.releases.changelog import NAME as CHANGES
from mids.releases.compare import Changes
from mids.releases.tables import Names, TableChanges


def text(changes: Changes, *, shown: int = 20) -> str:
    """For a terminal: counts, and the first `shown` names of each kind (0 for all)."""
    c = changes
    lines = [
        *_list_names("subjects", c.subjects, shown),
        *_list_names("sessions", c.sessions, shown),
        *_list_names("images", c.images, shown),
        *_mark_names("images renamed", "> ", [f"{old} -> {new}" for old, new in c.renamed], shown),
        *_mark_names("images with other pixels", "~ ", c.pixels, shown),
        *_mark_names("images with another header, the same pixels", "~ ", c.headers, shown),
        *(f"table {name}: {what}" for name, change in c.tables.items() for what in [_table(change)]),
        *(
            f"sidecars: {key} "
            + _join_counts((k.added, "added to"), (k.removed, "removed from"), (k.changed, "changed in"))
            for key, k in c.sidecars.items()
        ),
        *(
            f"{path}: " + _words(("added", keys.added), ("removed", keys.removed), ("changed", keys.changed))
            for path, keys in c.descriptions.items()
        ),
        *(f"label {label}: {before} -> {after} rows" for label, (before, after) in c.labels.items()),
        *_list_names("other files", c.files, shown),
        *_mark_names("other files changed", "~ ", c.changed, shown),
    ]
    if not lines:
        lines = ["nothing changed"]
    if c.rewritten:
        lines.append(f"{_number(len(c.rewritten), 'file')} written differently, with the same content")
    return "\n".join(lines) + "\n"


def as_json(changes: Changes) -> str:
    """The fields of `Changes` as a JSON object."""
    return json.dumps(asdict(changes), indent=2, ensure_ascii=False) + "\n"


def entry(changes: Changes, version: str, date: str = "") -> str:
    """An entry for the file CHANGES (BIDS: CPAN changelog convention); what happened to CHANGES itself is left out."""
    c = changes
    lines = [
        *_sentences("Added", c.subjects.added, c.sessions.added, c.images.added),
        *_sentences("Removed", c.subjects.removed, c.sessions.removed, c.images.removed),
        *([f"Renamed {_number(len(c.renamed), 'image')}."] if c.renamed else []),
        *([f"Changed the pixels of {_number(len(c.pixels), 'image')}."] if c.pixels else []),
        *([f"Changed the header, not the pixels, of {_number(len(c.headers), 'image')}."] if c.headers else []),
        *(f"{name}: {_table(change)}." for name, change in c.tables.items()),
        *_sidecars(c),
        *(
            f"{path}: " + _words(("added", keys.added), ("removed", keys.removed), ("changed", keys.changed)) + "."
            for path, keys in c.descriptions.items()
        ),
        *(f"Label {label}: in {after} rows, before in {before}." for label, (before, after) in c.labels.items()),
        *_files(c),
    ]
    first = f"{version} {date}".rstrip()
    return "\n".join([first, *(f"  - {line}" for line in lines or ["No change of content."])]) + "\n"


def _sentences(verb: str, subjects: tuple[str, ...], sessions: tuple[str, ...], images: tuple[str, ...]) -> list[str]:
    kinds = (("subject", subjects), ("session", sessions), ("image", images))
    parts = [_number(len(names), noun) for noun, names in kinds if names]
    return [f"{verb} {_join_names(parts)}."] if parts else []


def _sidecars(changes: Changes) -> Iterator[str]:
    """One line for each way in which keys changed."""
    for what, word in (("added", "to"), ("removed", "from"), ("changed", "in")):
        keys = {key: getattr(counts, what) for key, counts in changes.sidecars.items() if getattr(counts, what)}
        if keys:
            yield f"Sidecars: {what} {_join_names([f'{key} ({word} {number})' for key, number in keys.items()])}."


def _files(changes: Changes) -> Iterator[str]:
    groups = (("Added", changes.files.added), ("Removed", changes.files.removed), ("Changed", changes.changed))
    for verb, paths in groups:
        others = [path for path in paths if path != CHANGES]
        if others:
            yield f"{verb} the file{'s' if len(others) > 1 else ''} {_join_names(others)}."


def _table(change: TableChanges) -> str:
    cells = ", ".join(f"{column} {count}" for column, count in sorted(change.cells.items()))
    rows = (
        (change.rows_added, "added"), (change.rows_removed, "removed"),
        (change.rows_changed, f"changed ({cells})"),
    )  # fmt: skip
    parts = [_words(("added the column", change.columns.added), ("removed the column", change.columns.removed))]
    parts += [f"{_number(count, 'row')} {what}" for count, what in rows if count]
    return "; ".join(part for part in parts if part)


def _words(*groups: tuple[str, tuple[str, ...]]) -> str:
    return "; ".join(f"{verb} {_join_names(names)}" for verb, names in groups if names)


def _join_counts(*counts: tuple[int, str]) -> str:
    return ", ".join(f"{what} {count}" for count, what in counts if count)


def _list_names(what: str, names: Names, shown: int) -> Iterator[str]:
    yield from _mark_names(f"{what} added", "+ ", names.added, shown)
    yield from _mark_names(f"{what} removed", "- ", names.removed, shown)


def _mark_names(what: str, mark: str, names: Iterable[str], shown: int) -> Iterator[str]:
    names = list(names)
    if names:
        yield f"{what}: {len(names):,}"
        yield from (f"  {mark}{name}" for name in (names[:shown] if shown else names))
        if shown and len(names) > shown:
            yield f"  and {len(names) - shown:,} more"


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def _join_names(names: Iterable[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else str(last)
