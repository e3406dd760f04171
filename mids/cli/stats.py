"""The command ``mids stats``: its arguments; counting is done in `mids.analysis`, writing in `mids.report.stats`."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mids.cli.shared import say_unread, show, write_new
from mids.errors import MidsError

if TYPE_CHECKING:
    from mids.dataset import Dataset
    from mids.report.stats import Counts

TEXT = "count what datasets hold, with tables of papers for comparison"
EXAMPLES = (
    ("mids stats ~/dataset", "print counts with bars"),
    ("mids stats ~/ricord ~/fidac --format markdown", "several datasets, as Markdown"),
    ("mids stats ~/dataset --format tsv --output counts.tsv", "all counts for a spreadsheet"),
    ("mids stats ~/bimcv --table bimcv-6", "table 6 of the BIMCV-COVID19+ paper beside the dataset"),
    ("mids stats ~/fidac --table fidac", "all tables of a paper"),
    ("mids stats ~/dataset --figure age --output age.svg", "a histogram as SVG, or as PNG by its name"),
    ("mids stats ~/dataset --figure longitudinal --output strip.png", "the studies of one patient by day"),
    ("mids stats --list", "list the tables and figures"),
)
NOTES = "What each count is of, and which command makes which table and figure of the papers: docs/statistics.md."
CODES = {0: "counted", 1: "counted, but something could not be read", 2: "wrong usage or environment"}

FIGURES = {
    "age": "patients by age and sex", "sex": "patients by sex", "modalities": "images by modality",
    "devices": "images by device", "views": "images by view", "findings": "rows of labels by label",
    "studies": "studies of a patient", "delays": "days from an image to the nearest test", "tests": "tests by result",
    "missing": "missing values by column", "demographics": "frontal radiographs by age and sex",
    "longitudinal": "the studies of one patient by day",
}  # fmt: skip


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments to its parser."""
    add = parser.add_argument
    add("datasets", nargs="*", type=Path, metavar="DATASET", help="folders of datasets")
    add("--list", action="store_true", help="list the tables and figures, and stop")
    add = parser.add_argument_group("what is counted").add_argument
    add(
        "--table", action="append", default=[], metavar="NAME",
        help="a table of a paper, or all of a paper, beside the dataset (repeatable; see --list)",
    )  # fmt: skip
    add("--reference", type=Path, metavar="FILE", help="correct label table: others are scored against it")
    add("--figure", choices=list(FIGURES), metavar="NAME", help=f"draw one: {', '.join(FIGURES)}")
    add("--subject", default="", metavar="ID", help="patient of --figure longitudinal (default: most studies)")
    add = parser.add_argument_group("output").add_argument
    add(
        "--format", choices=["text", "tsv", "json", "markdown"], default="text",
        help="format of the output (default: text)",
    )  # fmt: skip
    add(
        "-o", "--output", type=Path, metavar="FILE", help="new file (default: print; a figure needs it: ….svg or ….png)"
    )
    parser.set_defaults(run=run)


def run(namespace: argparse.Namespace) -> int:
    """Counts, prints or writes, and returns the exit code."""
    a = namespace
    if a.list:
        show(_listed())
        return 0
    if not a.datasets:
        raise MidsError("give a dataset, or --list")
    if a.subject and a.figure != "longitudinal":
        raise MidsError("--subject is the patient of --figure longitudinal: leave it out")
    if a.reference and not a.table:
        raise MidsError("--reference is for tables of scores: give one with --table, such as bimcv-7")
    from mids.dataset import Dataset  # loads pandas

    datasets = [Dataset(path) for path in a.datasets]
    if a.figure:
        _draw(datasets, a)
    else:
        _write(datasets, a)
    return say_unread(issue for dataset in datasets for issue in dataset.issues)


def _listed() -> str:
    from mids.analysis.papers import paper_tables

    tables = [(key, f"{title} ({collection})") for key, (collection, title) in paper_tables().items()]
    parts = (("tables", tables), ("figures", FIGURES.items()))
    lines = [line for part, rows in parts for line in (f"{part}:\n", *(f"  {key:<32} {text}\n" for key, text in rows))]
    return "".join(lines)


def _write(datasets: "list[Dataset]", a: argparse.Namespace) -> None:
    from mids.analysis.papers import find_tables
    from mids.report.stats import write

    wanted = [key for word in a.table for key in find_tables(word)]
    page = write([_counts(dataset, wanted, a.reference) for dataset in datasets], a.format)
    if a.output is None:
        show(page)
        return
    write_new(a.output, page)


def _counts(dataset: "Dataset", wanted: list[str], reference: Path | None) -> "Counts":
    """What is counted of a dataset: all of it, or tables of papers."""
    from mids.analysis.comparison import lines
    from mids.analysis.counting import tables
    from mids.analysis.papers import compare_table
    from mids.analysis.plots import plots
    from mids.report.stats import Counts

    given = tables(dataset)
    if wanted:
        return Counts(dataset.name, {}, tables=[compare_table(key, given, reference) for key in wanted])
    return Counts(dataset.name, lines(given, *_kept(dataset)), plots(given, dataset.images))


def _kept(dataset: "Dataset") -> tuple[int, int]:
    """How many reports and masks a dataset has."""
    path = "derivatives/ehr/reports.tsv"
    reports = len(dataset.table(path)) if dataset.door.holds(path) else 0
    return reports, len(dataset.rois)


def _draw(datasets: "list[Dataset]", a: argparse.Namespace) -> None:
    """Draws the figure of one dataset into a file."""
    from mids.analysis.counting import tables
    from mids.analysis.plots import find_plot
    from mids.gallery.figures import draw_plot, save
    from mids.gallery.strip import draw_strip

    if a.output is None or len(datasets) != 1 or a.table:
        raise MidsError("a figure is of one dataset, without --table: give its file with --output (….svg or ….png)")
    if a.format != "text":
        raise MidsError("the suffix of --output (.svg or .png) decides the format: omit --format")
    (dataset,) = datasets
    if a.figure == "longitudinal":
        drawing = draw_strip(dataset, a.subject)
    else:
        plot = find_plot(a.figure, tables(dataset), dataset.images)
        if plot is None:
            raise MidsError(f"{dataset.path} holds nothing for the figure {a.figure}: choose another one")
        drawing = draw_plot(plot)
    show(f"{save(drawing, a.output)}\n")
