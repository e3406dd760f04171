"""The command ``mids where``: what a reference stands for, and what became of a source file."""

import argparse
from pathlib import Path

from mids.errors import MidsError

TEXT = "find the source file of a reference or an image, and what became of it"
EXAMPLES = (
    ("mids where source:7MCJLRU7RS ~/dataset", "find the source that a message names"),
    ("mids where sub-S1/ses-E1/anat/sub-S1_ses-E1_T1w.nii.gz ~/dataset", "list the sources of an image"),
    ("mids where 123/IM00001 ~/dataset", "say what became of a source file"),
)
NOTES = "The answer holds real paths, which may name patients: it comes from DEST.mids/sources.tsv."


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments to its parser."""
    add = parser.add_argument
    add("what", metavar="REFERENCE|PATH", help="reference of a source, path in SOURCE, or path in DEST")
    add("dataset", type=Path, metavar="DEST", help="folder of the dataset")
    parser.set_defaults(run=run)


def run(namespace: argparse.Namespace) -> int:
    """Prints the rows of the table of sources."""
    from mids.cli.shared import refuse_exchange, show
    from mids.run.decided.choices import load_choices
    from mids.run.sources import SOURCE_COLUMNS, find_sources

    refuse_exchange(namespace.what, namespace.dataset, "mids where")
    roots = map(Path, load_choices(namespace.dataset.resolve()).sources)
    found = find_sources(namespace.dataset, namespace.what, roots)
    if not found:
        raise MidsError(
            f"no source of {namespace.dataset} is called {namespace.what}: give a reference as messages show it, or a "
            "path as it stands in the table of sources"
        )
    lines = ("\t".join(row[column] or "n/a" for column in SOURCE_COLUMNS) + "\n" for row in found)
    show("\t".join(SOURCE_COLUMNS) + "\n" + "".join(lines))
    return 0
