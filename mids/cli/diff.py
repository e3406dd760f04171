"""The command ``mids diff``: its arguments; the work is done in `mids.releases`."""

import argparse
import re
from pathlib import Path

from mids.cli.shared import jobs_argument, say_unread, show
from mids.errors import MidsError

TEXT = "list what changed between two releases of a dataset"
EXAMPLES = (
    ("mids diff release-1 release-2", "print what changed"),
    ("mids diff release-1 release-2 --format json", "print it for a program"),
    ("mids diff release-1 release-2 --format changes --as 1.1.0", "print an entry for the file CHANGES"),
    ("mids diff release-1 release-2 --write-changes 1.1.0 --date 2026-11-02", "put the entry into release-2/CHANGES"),
    ("mids diff release-1 release-2 --exit-code", "for a script: end with 1 if they differ"),
)
NOTES = (
    "The command prints names and counts, never a value of a cell or sidecar. What counts as a change: docs/diff.md."
)
CODES = {
    0: "compared (with --exit-code: nothing changed)", 1: "something could not be read, or (--exit-code) changed",
    2: "wrong usage or environment",
}  # fmt: skip


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments to its parser."""
    add = parser.add_argument
    add("old", type=Path, metavar="OLD", help="folder of the old release")
    add("new", type=Path, metavar="NEW", help="folder of the new release")
    add = parser.add_argument_group("output").add_argument
    add("--format", choices=["text", "json", "changes"], default="text", help="format of the output (default: text)")
    add("--as", dest="version", default="", metavar="VERSION", help="version of the release (default: none)")
    add("--date", default="", metavar="YYYY-MM-DD", help="date of the entry (default: none)")
    add("--write-changes", default="", metavar="VERSION", help="put the entry at the top of NEW/CHANGES")
    add(
        "--max",
        type=int,
        default=20,
        metavar="N",
        help="text: names to show per kind, 0 for all (default: 20)",
    )
    add("--exit-code", action="store_true", help="end with exit code 1 if something changed")
    add = jobs_argument(parser)
    add("--quick", action="store_true", help="treat images of the same name and size as equal")
    parser.set_defaults(run=run)


def run(namespace: argparse.Namespace) -> int:
    """Compares, prints, and returns the exit code."""
    from mids.releases import changelog
    from mids.releases.compare import compare
    from mids.report import releases

    a = namespace
    version = a.write_changes or a.version
    if a.format == "changes" and not version:
        raise MidsError("--format changes needs the version of the new release: give --as VERSION")
    if a.date and not re.fullmatch(r"\d{4}-\d\d-\d\d", a.date):
        raise MidsError(f"--date {a.date} is not a date: write it as YYYY-MM-DD")
    if a.jobs < 1:
        raise MidsError(f"--jobs {a.jobs} is too small: give 1 or more")
    changes = compare(a.old, a.new, jobs=a.jobs, quick=a.quick)
    if a.write_changes:
        changelog.prepend(a.new, a.write_changes, releases.entry(changes, a.write_changes, a.date))
    if a.format == "json":
        show(releases.as_json(changes))
    elif a.format == "changes":
        show(releases.entry(changes, version, a.date))
    else:
        show(releases.text(changes, shown=max(a.max, 0)))
    is_unread = say_unread(changes.issues)
    return int(is_unread or (a.exit_code and bool(changes)))
