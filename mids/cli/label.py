"""The command ``mids label``: its arguments; the work is done in `mids.labelling`."""

import argparse
from pathlib import Path

TEXT = "label radiological reports"
EXAMPLES = """\
examples:
  mids label reports.tsv -o labels.tsv                       Spanish reports, by rules
  mids label reports.tsv -o labels.tsv --reference mine.tsv  and how well they agree with labels of yours
  mids label reports.csv -o labels.tsv --text informe        the text is in the column "informe"
  mids label reports.tsv -o labels.tsv --model ours          a model of yours (entry point mids.labellers)

How well the rules do, and what they can't: docs/labeller.md.
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments to its parser."""
    add = parser.add_argument
    add("reports", type=Path, metavar="REPORTS", help="TSV or CSV with a column of texts, and ids that are kept")
    add("-o", "--output", type=Path, metavar="FILE", help="the label table (TSV); must not exist; else printed")
    add("--text", default="report", metavar="COLUMN", help="the column with the texts (report)")
    add("--lexicon", default="es", metavar="NAME", help="a lexicon of schemas/lexicon, or a YAML file (es)")
    add(
        "--model", default="", metavar="NAME", help="a model of yours instead of the rules (entry point mids.labellers)"
    )
    add("--reference", type=Path, metavar="FILE", help="a label table to compare with: precision, recall, F1")
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
    )
