"""Counts over a dataset that reproduce the tables of the collections' papers; each says what it counts."""

import json

import pandas as pd

from mids.dataset import Dataset
from mids.errors import DataError

LABELS = "derivatives/labels/labels.tsv"

_VIEWS = ("pa", "ap", "ap supine", "lateral", "ax", "cor")
"""Views in the order of the paper's table; others follow by name."""


def finding_view_counts(dataset: Dataset) -> pd.DataFrame:
    """How many images of each view have each finding: one row for each label of labels.tsv, the most frequent first.

    Columns are the codes of the view, with the position behind it where that is supine, and ``n/a`` where no view is
    known. Counted are images that a row of labels.tsv names; one with several labels counts in the row of each, one
    without labels in none. Raises `MidsError` where the dataset has no labels.tsv, `DataError` (TABLE_INVALID) where
    a cell of it is no JSON list.

    For covid-chestxray the columns pa, ap and ap supine are Table 1 of Cohen et al. 2020 (arXiv:2003.11597), as far as
    the images are those of 25 March 2020.
    """
    table = dataset.table(LABELS)
    if not {"filename", "labels"} <= set(table.columns):
        return pd.DataFrame()
    named = table.dropna(subset=["filename", "labels"])
    lists = [_list(cell, number) for number, cell in named["labels"].items()]
    labelled = pd.DataFrame({"filename": named["filename"].to_list(), "label": lists}).explode("label").dropna()
    images = dataset.images.reindex(columns=["filename", "vp", "patient_position"])
    views = images["vp"].fillna("n/a") + images["patient_position"].eq("supine").fillna(False).map(
        {True: " supine", False: ""}
    )
    found = labelled.drop_duplicates().merge(
        pd.DataFrame({"filename": images["filename"], "view": views}), on="filename"
    )
    counts = pd.crosstab(found["label"], found["view"])
    order = (
        counts.assign(total=counts.sum(axis=1)).reset_index().sort_values(["total", "label"], ascending=[False, True])
    )
    columns = [*(view for view in _VIEWS if view in counts), *sorted(str(view) for view in counts if view not in _VIEWS)]
    return counts.loc[order["label"], columns]


def _list(cell: str, number: object) -> list[str]:
    try:
        content = json.loads(cell)
    except ValueError:
        content = None
    if not isinstance(content, list):
        raise DataError("TABLE_INVALID", f"{LABELS}, row {number}: the labels are no JSON list")
    return [str(item).strip() for item in content]
