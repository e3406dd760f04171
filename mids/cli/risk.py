"""The command ``mids risk``: its arguments; the work is done in `mids.risk` and `mids.report.risk`."""

import argparse
import os
from pathlib import Path

from mids.cli.shared import former_flag, say_unread, show
from mids.errors import MidsError

TEXT = "measure how easily people in datasets can be re-identified"
EXAMPLES = (
    ("mids risk ~/dataset", "print the figures"),
    ("mids risk ~/dataset --format html --output risk.html", "write a page for a privacy impact assessment"),
    ("mids risk ~/dataset --quasi age sex region --k 10", "use your own columns, and groups of ten"),
    ("mids risk ~/dataset --fail-below 5", "end with exit code 1 if a group has fewer than five people"),
    ("mids risk ~/dataset ~/release1 --shared-images", "find people and images that are in both datasets"),
)
NOTES = """\
The page lists people who stand out: only you can read it, and it is never written into a dataset. --without-people
omits the list. What the figures mean, and what they can't tell: docs/risk.md.
"""
CODES = {
    0: "measured", 1: "a group is too small (--fail-below), or something could not be read",
    2: "wrong usage or environment",
}  # fmt: skip


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments to its parser."""
    add = parser.add_argument
    add("datasets", nargs="+", type=Path, metavar="DATASET", help="folders of datasets; two or more are also compared")
    add = parser.add_argument_group("measure").add_argument
    add(
        "--quasi", nargs="+", action="extend", default=[], metavar="COLUMN",
        help="columns that help to single people out (default: all known ones)",
    )  # fmt: skip
    add(
        "--sensitive", nargs="+", action="extend", default=[], metavar="COLUMN",
        help="sensitive columns (default: labels, results and the like)",
    )  # fmt: skip
    add("--k", type=int, default=5, metavar="N", help="groups of fewer people are small (default: 5)")
    add("--shared-images", action="store_true", help="find images that two people share; this reads all images")
    former_flag(add, "--images", "--shared-images", dest="shared_images", switch=True)
    add = parser.add_argument_group("output").add_argument
    add(
        "--format", choices=["text", "json", "markdown", "html"], default="text",
        help="format of the output (default: text)",
    )  # fmt: skip
    add("-o", "--output", type=Path, metavar="FILE", help="new file for the page (default: print it)")
    add("--without-people", action="store_true", help="omit the list of people: others may see the page")
    add("--fail-below", type=int, metavar="N", help="exit code 1 if the smallest group has fewer than N people")
    parser.set_defaults(run=run)


def run(namespace: argparse.Namespace) -> int:
    """Measures, writes the page, and returns the exit code."""
    from mids.report import risk
    from mids.risk.assess import assess

    a = namespace
    if a.output is not None:
        _check(a.output, a.datasets)
    found = assess(a.datasets, quasi=a.quasi, sensitive=a.sensitive, k=a.k, images=a.shared_images)
    page = "".join(risk.write(found, a.format, people=not a.without_people))
    if a.output is None:
        show(page)
    else:
        _save(a.output, page)
    is_small = a.fail_below is not None and any(each.classes.smallest < a.fail_below for each in found.risks)
    is_unread = say_unread(issue for each in found.risks for issue in each.issues)
    return int(is_small or is_unread or any(each.problems for each in found.risks))


def _check(output: Path, datasets: list[Path]) -> None:
    """Refuses a place that exists, or that a dataset would take along when it is passed on."""
    if output.exists():
        raise MidsError(f"{output} already exists: give another file")
    if any(output.resolve().is_relative_to(dataset.resolve()) for dataset in datasets):
        raise MidsError(f"{output} is inside a dataset, and the page lists people who stand out: write it elsewhere")


def _save(output: Path, page: str) -> None:
    """Writes the page for its user alone."""
    try:
        handle = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(handle, "w", encoding="utf-8", newline="\n") as stream:  # noqa: PTH123 - an open file
            stream.write(page)
    except OSError as error:
        raise MidsError(f"can't write {output} ({error.strerror}): give another file to --output") from error
