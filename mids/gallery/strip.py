"""The longitudinal strip: the studies of one patient in the order of their days, an image of each.

As BIMCV-COVID19+, figure 7. Days are counted from the first study; dates are not shown.
"""

from base64 import b64decode
from collections.abc import Iterator
from io import BytesIO

import pandas as pd
from PIL import Image

from mids.analysis.counting import days, list_scans
from mids.dataset import Dataset
from mids.dataset.tables import add_missing_columns
from mids.errors import MidsError
from mids.gallery.figures import Box, Drawing, Picture, Words
from mids.gallery.thumbnails import Task, thumbnail
from mids.vocabulary.bids.names import split_name

COLUMNS, CELL = 5, 240
"""Studies in a row, and units between them."""


def draw_strip(dataset: Dataset, subject: str = "") -> Drawing:
    """The strip of a patient, or of the one with most dated studies; raises `MidsError` where there is none."""
    scans = add_missing_columns(list_scans(dataset), "acq_time", "body_part")
    scans = scans.assign(day=days(scans["acq_time"])).dropna(subset=["day", "session_id"])
    if scans.empty:
        raise MidsError("no image has a date: a longitudinal strip needs acq_time in scans.tsv")
    counts = scans.drop_duplicates(["participant_id", "session_id"])["participant_id"].value_counts()
    name = f"sub-{subject.removeprefix('sub-')}" if subject else str(sorted(counts[counts == counts.max()].index)[0])
    if name not in counts.index:
        raise MidsError(f"{name} has no dated image: give another --subject")
    own = scans[scans["participant_id"] == name]
    frontal = own["view_position"].isin(["pa", "ap"])
    first = own.assign(rank=~frontal).sort_values(["day", "session_id", "rank", "filename"], kind="stable")
    studies = first.drop_duplicates("session_id")
    rows = -(-len(studies) // COLUMNS)
    shapes = [Words(14, 24, f"{name}: {len(studies)} studies", 13), *_cells(dataset, studies)]
    return Drawing(20 + CELL * min(COLUMNS, len(studies)), 44 + rows * (CELL + 28), tuple(shapes))


def _cells(dataset: Dataset, studies: pd.DataFrame) -> Iterator[Words | Picture | Box]:
    begin = studies["day"].iloc[0]
    for number, (_, scan) in enumerate(studies.iterrows()):
        x, y = 14 + CELL * (number % COLUMNS), 40 + (CELL + 28) * (number // COLUMNS)
        view = "" if pd.isna(scan["view_position"]) else f", {scan['view_position']}"
        yield Words(x, y + 12, f"day {(scan['day'] - begin).days}: {scan['modality']}{view}")
        image = _small(dataset, scan)
        if image is None:
            yield Box(x, y + 20, CELL - 16, CELL - 16, "#dddddd")
        else:
            yield Picture(x, y + 20, image)


def _small(dataset: Dataset, scan: "pd.Series[str]") -> Image.Image | None:
    """The image made small, or None where it can't be shown."""
    filename = str(scan["filename"])
    group = filename.split("/")[2].removeprefix("mim-") if filename.count("/") > 2 else ""
    suffix = split_name(filename.rpartition("/")[2]).suffix
    body_part = "" if pd.isna(scan["body_part"]) else str(scan["body_part"])
    found = thumbnail(Task(dataset.path, filename, group, suffix, body_part))
    if found.error is not None:
        dataset.door.keep(found.error, filename)
    if not found.panes:
        return None
    with Image.open(BytesIO(b64decode(found.panes[0].image.partition(",")[2]))) as image:
        return image.convert("RGB")
