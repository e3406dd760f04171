"""Invented reports in Spanish, each written by hand in one of several styles (`reports/written.tsv`), some to tune the
rules on and some held out. All were written, with the labels that are right for them, before any of them was labelled.
Of the first held-out set the mistakes were printed once, and one of them was then mended (docs/labeller.md). The second
one (`held_out_2`) was written later by somebody who had not read the rules, and its mistakes stay unread.
`published_styles.tsv` has the ways in which collections publish their reports, and was written before the rules were
read; its mistakes stay unread too."""

import csv
import json
from pathlib import Path
from typing import Literal

import pandas as pd

REPORTS = Path(__file__).resolve().parent.parent / "reports"
TABLE = REPORTS / "written.tsv"
OTHERS = REPORTS / "written_languages.tsv"
PUBLISHED = REPORTS / "published_styles.tsv"


def corpus(use: Literal["tuning", "held_out", "held_out_2"] = "held_out") -> tuple[pd.DataFrame, pd.DataFrame]:
    """The reports of one use and the label table that is right for them."""
    return _tables(TABLE, "use", use)


def corpus_of(language: Literal["en", "ca", "fr"]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The reports of a language, written before there were words for it, and the label table that is right for them."""
    return _tables(OTHERS, "language", language)


def corpus_as_published(
    style: Literal["padchest", "bimcv"], *, stems: bool = False
) -> tuple[pd.DataFrame, pd.DataFrame]:  # fmt: skip
    """Reports without accents, capitals and most signs, as a collection publishes them, and their label table.

    With `stems` as PadChest's column `Report` has them: without small words and endings.
    """
    return _tables(PUBLISHED, "style", style, "stems" if stems else "report")


def _tables(path: Path, column: str, value: str, text: str = "report") -> tuple[pd.DataFrame, pd.DataFrame]:
    with path.open(encoding="utf-8", newline="") as stream:
        lines = [line for line in csv.DictReader(stream, delimiter="\t") if line[column] == value]
    ids = [f"W{number}" for number in range(len(lines))]
    labels = [json.dumps([name for name in line["labels"].split("; ") if name]) for line in lines]
    texts = pd.DataFrame({"report_id": ids, "report": [line[text] for line in lines]}, dtype="string")
    return texts, pd.DataFrame({"report_id": ids, "labels": labels}, dtype="string")
