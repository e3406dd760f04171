"""The command ``mids label``: its arguments; the work is done in `mids.labelling`."""

import argparse
from pathlib import Path

TEXT = "label radiological reports"
EXAMPLES = (
    ("mids label reports.tsv -o labels.tsv", "label reports by rules, each in its language"),
    ("mids label reports.tsv -o labels.tsv --lexicon fr", "label all as French (en English, ca Catalan, es Spanish)"),
    ("mids label reports.tsv -o labels.tsv --reference mine.tsv", "also compare with your own labels"),
    ("mids label reports.csv -o labels.tsv --text informe", 'read the texts from the column "informe"'),
    ("mids label reports.tsv -o labels.tsv --model labels.model", "use a model that mids train labels wrote"),
    ("mids label reports.tsv -o labels.tsv --model ours", "use your own program (entry point mids.labellers)"),
)
NOTES = "How well the rules do, and what they can't: docs/labeller.md."


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments to its parser."""
    add = parser.add_argument
    add("reports", type=Path, metavar="REPORTS", help="TSV or CSV with a column of texts; its ids are kept")
    add = parser.add_argument_group("input and output").add_argument
    add("-o", "--output", type=Path, metavar="FILE", help="new file for the label table, TSV (default: print it)")
    add("--text", default="report", metavar="COLUMN", help="column with the texts (default: report)")
    add("--close-up", type=Path, metavar="TREE", help="label_tree.tsv: the terms above a label count too")
    add("--reference", type=Path, metavar="FILE", help="correct label table: others are scored against it")
    add = parser.add_argument_group("rules").add_argument
    add(
        "--lexicon",
        default="auto",
        metavar="NAME",
        help="words of the rules: es, en, ca or fr, or a YAML file (default: auto, each report's own)",
    )
    add("--model", default="", metavar="MODEL", help="file of mids train labels, or entry point of mids.labellers")
    parser.set_defaults(run=run)


def run(namespace: argparse.Namespace) -> int:
    """Runs the command and returns its exit code (see `label_file`)."""
    from mids.labelling.reports import label_file

    a = namespace
    return label_file(
        a.reports,
        a.output,
        column=a.text.strip().lower(),
        language=a.lexicon,
        model=a.model or "",
        reference=a.reference,
        tree=a.close_up,
    )
