"""The command ``mids report``: its arguments; the work is done in `mids.gallery`."""

import argparse
import sys
from pathlib import Path

from mids.cli.shared import common_arguments, say_unread
from mids.errors import MidsError

TEXT = "make a page to look at datasets"
EXAMPLES = """\
examples:
  mids report ~/dataset                                    the page ~/dataset.html, beside the dataset
  mids report ~/ricord ~/fidac --output both.html          two datasets side by side
  mids report ~/dataset --thumbnails 2000 --jobs 4         more small pictures, four processes
  mids report ~/dataset --geojson regions.geojson          a map of patients by region or site
  mids report ~/dataset --viewer                           a viewer of volumes, which the page finds beside it
  mids report ~/dataset --viewer embed                     small volumes in the page itself

The page is one file that loads nothing from anywhere; it shows what the datasets hold, and nothing else.
What it shows: docs/report.md.
exit codes: 0 the page is written, 1 written, but something could not be read, 2 usage or environment is wrong
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments to its parser."""
    add = parser.add_argument
    add("datasets", nargs="+", type=Path, metavar="DATASET", help="folders of datasets; several stand side by side")
    add("-o", "--output", type=Path, metavar="FILE", help="the page (DATASET.html; of several report.html)")
    add("--title", default="", metavar="TEXT", help="the page's title (the datasets' names)")
    add("--thumbnails", type=int, default=300, metavar="N", help="small pictures of N images of each dataset (300)")
    add("--geojson", type=Path, metavar="FILE", help="shapes of regions or sites, for a map of patients")
    add(
        "--viewer", nargs="?", choices=["none", "link", "embed"], const="link", default="none",
        help="a viewer of volumes, which are linked to, or in the page (none)",
    )  # fmt: skip
    add("--jobs", type=int, default=1, metavar="N", help="worker processes (1)")
    common_arguments(parser)
    parser.set_defaults(run=run)


def html_argument(parser: argparse.ArgumentParser) -> None:
    """The flag of a conversion that asks for the page too."""
    parser.add_argument(
        "--html", nargs="?", type=Path, const=Path(), metavar="FILE",
        help="then make a page to look at the dataset (DEST.html; see mids report)",
    )  # fmt: skip


def write_html(namespace: argparse.Namespace, dataset: Path) -> None:
    """Writes the page of a converted dataset, where it is asked for and the dataset is there."""
    a = namespace
    if a.html is None or not (dataset / "dataset_description.json").is_file():
        return
    from mids.gallery import write_page

    output = page_of([dataset]) if a.html == Path() else a.html
    write_page([dataset], output, jobs=a.jobs)
    if not a.quiet:
        print(f"page: {output}")


def run(namespace: argparse.Namespace) -> int:
    """Writes the page and says where it is."""
    from mids.gallery import Wanted, write_page

    a = namespace
    wanted = Wanted(title=a.title, thumbnails=a.thumbnails, geojson=a.geojson, viewer=a.viewer)
    output = a.output or page_of(a.datasets)
    found = write_page(
        a.datasets, output, wanted, jobs=a.jobs,
        told=lambda name: print(f"reading {name}", file=sys.stderr) if a.verbose else None,
    )  # fmt: skip
    if not a.quiet:
        print(f"wrote {output}")
    return say_unread(issue for each in found for issue in each.issues)


def page_of(datasets: list[Path]) -> Path:
    """Where a page is written that nobody named: beside its one dataset, else in the current folder."""
    if len(datasets) > 1:
        return Path("report.html")
    folder = datasets[0].resolve()
    if not folder.name:
        raise MidsError("give a file for --output")
    return folder.with_name(folder.name + ".html")
