"""The command ``mids evaluate``: its arguments; the work is done in `mids.analysis`."""

import argparse
from pathlib import Path

TEXT = "compare labels with reference labels"
EXAMPLES = (
    ("mids evaluate labels.tsv mine.tsv", "precision, recall and F1 of each label, with intervals"),
    ("mids evaluate labels.tsv readers.tsv --disputes disputes.tsv", "also list what several readers do not agree on"),
)
NOTES = "Rows belong together by the ids that both tables have: docs/labeller.md."
CODES = {0: "compared", 2: "wrong usage or environment, or a table that can't be read"}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments to its parser."""
    add = parser.add_argument
    add("found", type=Path, metavar="FOUND", help="label table to measure, TSV, CSV or XLSX")
    add("truth", type=Path, metavar="TRUTH", help="correct label table; several readers in a column reader")
    add(
        "--column",
        choices=["labels", "localizations"],
        default="labels",
        help="column with the labels (default: labels)",
    )
    add("--close-up", type=Path, metavar="TREE", help="label_tree.tsv: the terms above a label count too")
    add("--at-least", type=int, default=1, metavar="N", help="show labels of N or more rows of TRUTH (default: 1)")
    add("--disputes", type=Path, metavar="FILE", help="new TSV file for the labels that readers of TRUTH dispute")
    parser.set_defaults(run=run)


def run(namespace: argparse.Namespace) -> int:
    """Prints the comparison and returns the exit code."""
    from mids.analysis.agreement import bootstrap_intervals, format_agreement, measure_agreement
    from mids.analysis.cells import read_labels
    from mids.analysis.evaluation import evaluate, format_evaluation
    from mids.analysis.tree import read_tree
    from mids.errors import MidsError

    a = namespace
    if a.disputes is not None and a.disputes.exists():
        raise MidsError(f"{a.disputes} already exists: give another file")
    tree = read_tree(a.close_up) if a.close_up else None
    found, truth = (read_labels(path, a.column, tree=tree) for path in (a.found, a.truth))
    print(format_evaluation(evaluate(found, truth, column=a.column), at_least=a.at_least), end="")
    intervals = bootstrap_intervals(found, truth, column=a.column)
    print("95 % intervals: " + ", ".join(f"{name} {low:.3f} to {high:.3f}" for name, (low, high) in intervals.items()))
    has_readers = "reader" in truth and truth["reader"].nunique() > 1
    if has_readers or a.disputes is not None:
        agreement = measure_agreement(truth, column=a.column)
        print(format_agreement(agreement), end="")
        if a.disputes is not None:
            agreement.disputes.to_csv(a.disputes, sep="\t", index=False, na_rep="n/a")
    return 0
