"""A label table for a table of reports: what ``mids label`` does."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from mids.analysis.evaluation import evaluate, format_evaluation
from mids.analysis.tree import LabelTree, read_tree
from mids.errors import DataError, MidsError
from mids.issues import Issue, Level
from mids.labelling.labeller import KEYS, label_rows, lexicon
from mids.labelling.languages import AUTO, FIRST, guess_languages
from mids.readers.tables.workbook import read_given

COLUMNS = (
    *KEYS, "source", "labels", "localizations", "labels_localizations_by_sentence", "label_evidence",
    "label_cuis", "localization_cuis",
)  # fmt: skip


def label_file(
    reports: Path, output: Path | None, *, column: str, language: str, model: str, reference: Path | None,
    tree: Path | None = None,
) -> int:  # fmt: skip
    """Labels the texts in `column` of a table and writes the label table to `output`, or prints it.

    `language` is a lexicon, or "auto" for that of each report. With a `tree` (`read_tree`) the terms above the labels
    are given too. With a `reference` table the agreement with it is printed. Returns 1 where a row of the reports can
    not be read, else 0. Raises `MidsError` for wrong use: no such file, column, lexicon or model; output that exists.
    """
    if output is not None and output.exists():
        raise MidsError(f"{output} already exists: give another file")
    if language != AUTO:
        lexicon(language)
    table = read_given(
        reports, (column,), absent="give a table of reports", lacking="name the column of texts with --text"
    )
    _say(table.issues)
    rows = _label(table.rows, language, column=column, model=model, tree=read_tree(tree) if tree else None)
    text = _tsv([name for name in COLUMNS if name in table.header or name not in KEYS], rows)
    if output is None:
        print(text, end="")
    else:
        output.write_text(text, encoding="utf-8")
    if reference is not None:
        print(_compare_labels(rows, reference, tree), end="", file=sys.stderr if output is None else sys.stdout)
    return int(any(issue.level is Level.ERROR for issue in table.issues))


def _label(
    reports: Sequence[Mapping[str, str]], language: str, *, column: str, model: str, tree: LabelTree | None
) -> list[dict[str, str]]:  # fmt: skip
    """The rows of `label_rows` with the lexicon of each report, or with one for all."""
    if language != AUTO or model:
        return label_rows(
            reports, lexicon(FIRST if language == AUTO else language), column=column, model=model, tree=tree
        )
    spoken = guess_languages([report.get(column, "") for report in reports])
    rows: dict[int, dict[str, str]] = {}
    for name in dict.fromkeys(spoken):
        places = [place for place, said in enumerate(spoken) if said == name]
        made = label_rows([reports[place] for place in places], lexicon(name), column=column, tree=tree)
        rows.update(zip(places, made, strict=True))
    return [rows[place] for place in range(len(reports))]


def _tsv(columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> str:
    """A table as MIDS has it: missing is n/a, no tab or line end in a cell."""
    cells = [[" ".join(row.get(name, "").split()) or "n/a" for name in columns] for row in rows]
    return "".join("\t".join(line) + "\n" for line in (columns, *cells))


def _compare_labels(rows: Sequence[Mapping[str, str]], reference: Path, tree: Path | None) -> str:
    try:
        return format_evaluation(evaluate(pd.DataFrame(list(rows), dtype="string"), reference, close_up=tree))
    except DataError as error:
        raise MidsError(f"{reference}: {error.message}") from error


def _say(issues: Iterable[Issue]) -> None:
    for issue in issues:
        place = f"{issue.path}, {issue.where}" if issue.where else issue.path
        print(f"{issue.level}: {issue.code} {place}: {issue.message}", file=sys.stderr)
