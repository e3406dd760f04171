"""The command ``mids report``: its arguments; the work is done in `mids.gallery`."""

import argparse
from collections.abc import Callable
from pathlib import Path

from mids.cli.shared import jobs_argument, message_arguments, parse_count, say, say_unread, show
from mids.errors import MidsError

TEXT = "make an HTML page that shows datasets"
EXAMPLES = (
    ("mids report ~/dataset", "write the page ~/dataset.html, beside the dataset"),
    ("mids report ~/ricord ~/fidac --output both.html", "show two datasets side by side"),
    ("mids report ~/dataset --thumbnails 2000 --jobs 4", "show more thumbnails; use four processes"),
    ("mids report ~/dataset --geojson regions.geojson", "add a map of patients by region or site"),
    ("mids report ~/release-1 ~/release-2 --compare", "show what changed, with images before and after"),
    ("mids report ~/dataset --private", "for you alone: with the images that were left out"),
    ("mids report ~/dataset --viewer", "open originals that lie beside the page, with all slices and values"),
    ("mids report ~/dataset --viewer embed", "put small originals into the page itself"),
)
NOTES = """\
The page is one file that loads nothing from anywhere; it shows what the datasets hold, and nothing else.
What it shows: docs/report.md.
"""
CODES = {
    0: "the page is written", 1: "the page is written, but something could not be read",
    2: "wrong usage or environment",
}  # fmt: skip


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments to its parser."""
    add = parser.add_argument
    add("datasets", nargs="+", type=Path, metavar="DATASET", help="folders of datasets; several are shown side by side")
    add = parser.add_argument_group("page").add_argument
    add(
        "-o", "--output", type=Path, metavar="FILE",
        help="file of the page (default: DATASET.html, or report.html for several)",
    )  # fmt: skip
    add(
        "--compare", action="store_true",
        help="of OLD and NEW: what changed, with images before and after (default file: NEW.compared.html)",
    )  # fmt: skip
    add("--title", default="", metavar="TEXT", help="title of the page (default: names of the datasets)")
    add(
        "--thumbnails", type=parse_count, metavar="N",
        help="number of thumbnails per dataset, or of changed images (default: 300; with --compare 100)",
    )  # fmt: skip
    add(
        "--large", type=parse_count, metavar="N",
        help="number of images per dataset that have a large image too, of up to 1024 pixels (default: 24)",
    )  # fmt: skip
    add(
        "--unlikely-first", action="store_true",
        help="columns for how unlikely view, side and labels are, and the most unlikely first",
    )  # fmt: skip
    add(
        "--private", action="store_true",
        help="also show images that were left out, and images before redaction: a page in DATASET.mids for you alone",
    )  # fmt: skip
    add("--geojson", type=Path, metavar="FILE", help="shapes of regions or sites, for a map of patients")
    add(
        "--viewer", nargs="?", choices=["none", "link", "embed"], const="link", default="none",
        help="originals: none, read from beside the page, or put into the page, up to 64 MB (default: none)",
    )  # fmt: skip
    jobs_argument(parser)
    message_arguments(parser)
    parser.set_defaults(run=run)


def html_argument(add: Callable[..., object]) -> None:
    """Adds the flag of a conversion that also asks for the page."""
    add(
        "--html", nargs="?", type=Path, const=Path(), metavar="FILE",
        help="also make a page that shows the dataset, as mids report does (default: DEST.html)",
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
        show(f"page: {output}\n")


def run(namespace: argparse.Namespace) -> int:
    """Writes the page and says where it is."""
    from mids.gallery import Wanted, write_page

    a = namespace
    if a.compare:
        return _compare(a)
    wanted = Wanted(
        title=a.title, geojson=a.geojson, viewer=a.viewer, unlikely_first=a.unlikely_first, private=a.private,
        **{key: number for key in ("thumbnails", "large") if (number := getattr(a, key)) is not None},
    )  # fmt: skip
    output = a.output or page_of(a.datasets, private=a.private)
    found = write_page(
        a.datasets, output, wanted, jobs=a.jobs,
        told=lambda name: say(f"reading {name}\n") if a.verbose else None,
    )  # fmt: skip
    if not a.quiet:
        show(f"wrote {output}\n")
    return say_unread(issue for each in found for issue in each.issues)


def _compare(namespace: argparse.Namespace) -> int:
    """Writes the page of two releases and says where it is."""
    from mids.gallery.compared import PAIRS, write_comparison

    a = namespace
    if len(a.datasets) != 2:
        raise MidsError(f"--compare needs two datasets, OLD and NEW: {len(a.datasets)} given")
    if a.private or a.geojson or a.viewer != "none" or a.unlikely_first or a.large is not None:
        raise MidsError("--compare goes with --output, --title, --thumbnails and --jobs only")
    old, new = a.datasets
    output = a.output or new.resolve().with_name(new.resolve().name + ".compared.html")
    thumbnails = PAIRS if a.thumbnails is None else a.thumbnails
    changes = write_comparison(old, new, output, jobs=a.jobs, title=a.title, thumbnails=thumbnails)
    if not a.quiet:
        show(f"wrote {output}\n")
    return say_unread(changes.issues)


def page_of(datasets: list[Path], *, private: bool = False) -> Path:
    """Where a page is written that nobody named: beside its one dataset, else in the current folder.

    A private page lies with the state of its dataset, which is its owner's alone.
    """
    from mids.run.journal import state_folder

    if private and len(datasets) > 1:
        raise MidsError("--private with several datasets needs --output FILE, in a private folder")
    if len(datasets) > 1:
        return Path("report.html")
    folder = datasets[0].resolve()
    if not folder.name:
        raise MidsError("the dataset has no name to call the page by: give a file with --output")
    return state_folder(folder) / "report.html" if private else folder.with_name(f"{folder.name}.html")
