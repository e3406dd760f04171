"""The command ``mids duplicates``: its arguments; the work is done in `mids.analysis.duplicates`."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mids.cli.shared import say, say_unread, write_new
from mids.dataset.disk.progress import watched_steps
from mids.errors import MidsError, put

if TYPE_CHECKING:
    from mids.dataset import Dataset

TEXT = "find images that show the same, within and across datasets"
EXAMPLES = (
    ("mids duplicates dataset", "list the pairs of images that show the same"),
    ("mids duplicates ours theirs -o pairs.tsv", "compare two datasets"),
)
NOTES = "What is found, and how it was measured: docs/dataset.md and benchmarks/README.md."
CODES = {0: "compared", 1: "compared, but something could not be read", 2: "wrong usage or environment"}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments to its parser."""
    add = parser.add_argument
    add("datasets", nargs="+", type=Path, metavar="DATASET", help="folders of datasets")
    add = parser.add_argument_group("output").add_argument
    add("-o", "--output", type=Path, metavar="FILE", help="new file for the table of pairs, TSV (default: print it)")
    add("-q", "--quiet", action="store_true", help="print errors only")
    parser.set_defaults(run=run)


def run(namespace: argparse.Namespace) -> int:
    """Compares, prints or writes the pairs, and returns the exit code."""
    from mids.analysis.duplicates import find_duplicates
    from mids.dataset.joined import concat

    a = namespace
    if a.output is not None and a.output.exists():
        raise MidsError(f"{a.output} already exists: give another name, or remove it")
    if a.output is not None and not a.output.parent.is_dir():
        raise MidsError(f"can't write {a.output}: its folder is not there")
    joined = concat(_name_datasets(a.datasets))
    with watched_steps("images read and compared") as tell:
        found = find_duplicates(joined, progress=tell)
    text = found.to_csv(sep="\t", index=False, na_rep="n/a", lineterminator="\n")
    if a.output is None:
        put(text)
    else:
        write_new(a.output, text)
    if not a.quiet:
        say(f"{len(found)} pairs show the same, of {len(joined)} images\n")
    return say_unread(joined.issues)


def _name_datasets(paths: Sequence[Path]) -> "dict[str, Dataset]":
    """The datasets by the names that `mids.concat` gives them, or by their paths where two have one name."""
    from mids.dataset import Dataset

    datasets = [Dataset(path) for path in paths]
    for names in ([each.short_name for each in datasets], list(map(str, paths))):
        if len(set(names)) == len(names):
            return dict(zip(names, datasets, strict=True))
    raise MidsError("one dataset is given twice: give each once, for images of one dataset are compared too")
