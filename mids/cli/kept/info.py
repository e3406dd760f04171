"""The command ``mids info``: what a dataset is, what it holds, how it was made, and what to do next."""

import argparse
from pathlib import Path

TEXT = "describe a dataset, its content, and what needs a decision"
EXAMPLES = (("mids info ~/dataset", "title, licence, counts, the last run, next commands"),)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments to its parser."""
    parser.add_argument("dataset", type=Path, metavar="DATASET", help="folder of the dataset")
    parser.set_defaults(run=run)


def run(namespace: argparse.Namespace) -> int:
    """Prints the answer."""
    from mids.analysis import statistics
    from mids.cli.shared import say_unread, show
    from mids.dataset import Dataset
    from mids.report.asked import info

    dataset = Dataset(namespace.dataset)
    show(info(dataset, statistics.summary_text(dataset)))
    return say_unread(dataset.issues)
