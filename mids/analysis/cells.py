"""Label tables as people write them: TSV, CSV or XLSX, and cells in any of the forms that lists of labels have."""

import ast
import json
import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from mids.analysis.tree import LabelTree
from mids.errors import MidsError
from mids.issues import Level
from mids.readers.tables.table import Table
from mids.readers.tables.workbook import read_given

LOCALIZATION = "loc "
"""What stands in front of a localization among the labels of a sentence (BIMCV-COVID19+)."""


def read_given_labels(path: Path, *columns: str) -> Table:
    """A table with its cells as they are; raises `MidsError` where the file or a column is missing."""
    return read_given(path, columns, absent="give a table with its labels", lacking="name it with --text or --column")


def read_labels(path: Path, column: str = "labels", *, tree: LabelTree | None = None) -> pd.DataFrame:
    """A table of labels (TSV, CSV, XLSX) with its cells as JSON lists, for `mids.evaluate`.

    With a `tree` the terms above those of a cell are in it too. Raises `MidsError` where the file or the column is
    missing, or a row has more or fewer cells than the header: figures without it would be those of another table.
    """
    close = tree.close if tree else frozenset
    given = read_given_labels(path, column)
    for one in given.issues:
        if one.level is Level.ERROR:
            raise MidsError(f"{path}, {one.where}: {one.message}" if one.where else f"{path}: {one.message}")
    table = pd.DataFrame(list(given.rows), columns=list(given.header), dtype="string").replace(["n/a", ""], pd.NA)
    return table.assign(**{
        column: [json.dumps(sorted(close(parse_labels(cell))), ensure_ascii=False) for cell in table[column].fillna("")]
    })  # fmt: skip


def parse_labels(cell: str) -> frozenset[str]:
    """The labels of a cell; localizations ("loc …") are none."""
    text = cell.strip()
    items = _items(text)
    flat = [name for item in items for name in (item if isinstance(item, list | tuple) else [item])]
    names = (str(name).strip().strip("'\"[]").strip() for name in flat)
    return frozenset(name for name in names if name and name != "n/a" and not name.startswith(LOCALIZATION))


def _items(text: str) -> Sequence[object]:
    if text in ("", "n/a", "nan", "None"):
        return []
    if text.startswith("["):
        for read in (json.loads, ast.literal_eval):
            try:
                found = read(text)
            except (ValueError, SyntaxError, RecursionError, MemoryError):
                continue
            return found if isinstance(found, list) else [found]
    return re.split(r"[;|]|', ?'" if "'" in text else r"[;|]", text)
