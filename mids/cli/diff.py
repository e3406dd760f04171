"""The command ``mids diff``: its arguments; the work is done in `mids.releases`."""

import argparse
import re
from pathlib import Path

from mids.cli.shared import say_unread
from mids.errors import MidsError

TEXT = "say what changed between two releases of a dataset"
EXAMPLES = """\
examples:
  mids diff release-1 release-2                                       what changed, on the terminal
  mids diff release-1 release-2 --format json                         for a program
  mids diff release-1 release-2 --format changes --as 1.1.0           an entry for the file CHANGES
  mids diff release-1 release-2 --write-changes 1.1.0 --date 2026-11-02
                                                                      and put it into release-2/CHANGES
  mids diff release-1 release-2 --exit-code                           for a script: 1 where they are different

Names and counts are told, never a value of a cell or a sidecar. What counts as a change: docs/diff.md.
exit codes: 0 compared (with --exit-code: nothing changed), 1 something could not be read or (--exit-code) changed,
2 usage or environment
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments to its parser."""
    add = parser.add_argument
    add("old", type=Path, metavar="OLD", help="the dataset as it was")
    add("new", type=Path, metavar="NEW", help="the dataset as it is")
    add("--format", choices=["text", "json", "changes"], default="text", help="how it is printed (text)")
    add("--as", dest="version", default="", metavar="VERSION", help="--format changes: the version of the new release")
    add("--date", default="", metavar="YYYY-MM-DD", help="the entry's date (none: the converter knows no clock)")
    add("--write-changes", default="", metavar="VERSION", help="put the entry in front of NEW/CHANGES")
    add("--max", type=int, default=20, metavar="N", help="text: how many names of a kind to show, 0 for all (20)")
    add("--quick", action="store_true", help="believe that images of one name and size are the same")
    add("--jobs", type=int, default=1, metavar="N", help="threads that read (1)")
    add("--exit-code", action="store_true", help="end with 1 where something changed")
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
        raise MidsError(f"--date {a.date}: give it as YYYY-MM-DD")
    if a.jobs < 1:
        raise MidsError("--jobs must be 1 or more")
    changes = compare(a.old, a.new, jobs=a.jobs, quick=a.quick)
    if a.write_changes:
        changelog.prepend(a.new, a.write_changes, releases.entry(changes, a.write_changes, a.date))
    if a.format == "json":
        print(releases.as_json(changes), end="")
    elif a.format == "changes":
        print(releases.entry(changes, version, a.date), end="")
    else:
        print(releases.text(changes, shown=max(a.max, 0)), end="")
    is_unread = say_unread(changes.issues)
    return int(is_unread or (a.exit_code and bool(changes)))
