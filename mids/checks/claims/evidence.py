"""What the tables and sidecars of a dataset say, gathered for a comparison with what its paper promises."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from math import prod

from mids.dataset.disk.heads import NiftiHead
from mids.inspection.views import DatasetView, FileView
from mids.readers.tables.tsv import NA
from mids.records import Json

Row = Mapping[str, str]
"""The known cells of a row, without those that the paper itself filled: they can't speak for it."""

MASKS = "derivatives/rois/"


class Evidence:
    """The rows of a dataset's tables, read once."""

    def __init__(self, dataset: DatasetView) -> None:
        self._dataset = dataset

    @cached_property
    def participants(self) -> Mapping[str, Row]:
        """Rows of participants.tsv by subject, those with a folder."""
        rows = {row.get("participant_id", ""): row for row in self._rows("participants.tsv")}
        return {subject: rows.get(subject, {}) for subject in self._dataset.subjects}

    @cached_property
    def sessions(self) -> Sequence[Row]:
        """Rows of all sessions.tsv, each with its participant_id."""
        paths = (path for path in self._dataset.tree.files if path.endswith("_sessions.tsv"))
        return [{**row, "participant_id": path.split("/")[0]} for path in paths for row in self._rows(path)]

    @cached_property
    def scans(self) -> Sequence[Row]:
        """Rows of all scans.tsv whose image is there, with filename relative to the dataset, subject and session."""
        found = []
        for path in self._dataset.tree.files:
            if path.endswith("_scans.tsv"):
                folder = path.rpartition("/")[0]
                subject, _, session = folder.partition("/")
                place = {"participant_id": subject, "session_id": session}
                rows = ({**row, **place, "filename": f"{folder}/{row.get('filename')}"} for row in self._rows(path))
                found += [row for row in rows if self._dataset.has(row["filename"])]
        return found

    @cached_property
    def tests(self) -> Sequence[Row]:
        """Rows of the laboratory tests, without those that the paper alone tells of."""
        rows = self._rows("derivatives/ehr/laboratory_tests.tsv")
        return [row for row in rows if row.get("source") != "paper"]

    @cached_property
    def labels(self) -> Sequence[Row]:
        """Rows of the label table."""
        return list(self._rows("derivatives/labels/labels.tsv"))

    @cached_property
    def terms(self) -> int:
        """Different terms of the label tree."""
        return len({row["label"] for row in self._rows("derivatives/labels/label_tree.tsv") if "label" in row})

    @cached_property
    def drawn(self) -> int:
        """Images with a label map or mask."""
        masks = (path for path in self._dataset.tree.files if path.startswith(MASKS) and path.endswith(".nii.gz"))
        return len({re.sub(r"(_(label|desc)-[^_]+)*_[^_]+$", "", path) for path in masks})

    def sidecar(self, scan: Row, key: str) -> Json:
        """The value of a key of an image's sidecar; None where it says nothing."""
        return self._dataset.view(scan["filename"]).metadata.get(key)

    def slices(self) -> int:
        """Slices of all volumes; a 2D image counts as one."""
        heads = (self._dataset.view(scan["filename"]).head for scan in self.scans)
        return sum(prod(head.shape[2:]) if isinstance(head, NiftiHead) else 1 for head in heads)

    def of_patients(self, *columns: str) -> Mapping[str, str]:
        """One value for each patient that any of the columns knows: participants before sessions, then the first."""
        found: dict[str, str] = {}
        for rows in (self.participants.items(), ((row["participant_id"], row) for row in self.sessions)):
            for subject, row in rows:
                value = next((row[column] for column in columns if column in row), "")
                if value and subject in self.participants:
                    found.setdefault(subject, value)
        return found

    def results(self) -> Mapping[str, set[str]]:
        """The results of each patient's tests, the summary among them; patients without any are left out."""
        found: dict[str, set[str]] = {}
        summaries = ((subject, row.get("covid_test", "")) for subject, row in self.participants.items())
        single = ((row.get("participant_id", ""), row.get("result", "")) for row in self.tests)
        for subject, result in (*summaries, *single):
            if result not in ("", "not_performed") and subject in self.participants:
                found.setdefault(subject, set()).add(result)
        return found

    def findings(self) -> Iterator[tuple[str, str]]:
        """(image, label) of the label table, each once."""
        pairs = ((row["filename"], label) for row in self.labels if "filename" in row for label in _list(row))
        return iter(dict.fromkeys(pairs))

    def _rows(self, path: str) -> Iterable[Row]:
        if not self._dataset.has(path):
            return ()
        return _read_known_rows(self._dataset.view(path))


def _read_known_rows(table: FileView) -> Iterator[Row]:
    rows = table.rows
    for row in rows.rows:
        cells = {name: cell for name, cell in zip(rows.header, row, strict=True) if cell not in ("", NA)}
        told = cells.get("collection_facts", "").split(";")
        yield {name: cell for name, cell in cells.items() if name not in told}


def _list(row: Row) -> list[str]:
    try:
        items = json.loads(row.get("labels", "[]"))
    except (ValueError, RecursionError):
        return []
    return [str(item) for item in items] if isinstance(items, list) else []
