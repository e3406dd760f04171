"""metadata.csv as it is on disk: the columns of its versions, its rows, and what single cells mean."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

from mids.errors import MidsError
from mids.issues import Issue, issue
from mids.readers.tables import columns, ids
from mids.readers.tables.table import Table, check_columns, find_file, read_csv
from mids.records import Source
from mids.resources import read_yaml, schemas
from mids.vocabulary import clinical

NAME = "covid-chestxray"
METADATA = "metadata.csv"

REQUIRED = ("patientid", "finding", "view", "modality", "filename")
COLUMNS = (
    *REQUIRED, "offset", "sex", "age", "rt_pcr_positive", "survival", "intubated", "intubation_present", "went_icu",
    "in_icu", "needed_supplemental_o2", "extubated", "temperature", "po2_saturation", "leukocyte_count",
    "neutrophil_count", "lymphocyte_count", "date", "location", "folder", "doi", "url", "license",
    "clinical_notes", "other_notes",
)  # fmt: skip
"""The columns of all versions, blanks as underscores."""

OTHER_NAMES = {"wbc_count": "leukocyte_count", "wbc count": "leukocyte_count"}

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WHOLE_DAYS = (
    re.compile(r"(?P<month>[a-z]{3})[a-z]*\.? (?P<day>\d{1,2}),? (?P<year>\d{4})"),
    re.compile(r"(?P<day>\d{1,2})\.? (?P<month>[a-z]{3})[a-z]*\.?,? (?P<year>\d{4})"),
    re.compile(r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})"),
)
_SLASHED = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{2}|\d{4})")


@dataclass(frozen=True, slots=True)
class Row:
    """One row of metadata.csv; `source` is the file that it names, if that is there.

    `study` is the visit: the day of its offset, else the page or publication that the row comes from.
    """

    line: int
    cells: Mapping[str, str]
    patient: str
    study: str
    file: str
    source: Source | None

    @property
    def image(self) -> str:
        """What entries and regions call the row's image by."""
        return f"{self.file}|0|"

    @property
    def offset(self) -> int | None:
        """Days since the onset of symptoms or hospitalization."""
        return read_offset(self.cells)

    @property
    def age(self) -> int | None:
        """Whole years."""
        match = re.fullmatch(r"(\d{1,3})([.,]\d+)?", self.known("age"))
        return int(match[1]) if match and int(match[1]) < 130 else None

    @property
    def sex(self) -> str:
        """M, F or nothing."""
        found = clinical.load(NAME).schema.code_lists["sex"].find(self.known("sex"))
        return found if found in ("M", "F") else ""

    def known(self, column: str) -> str:
        """A cell without outer blanks, empty where the source means that it is missing."""
        return known(self.cells, column)

    def issue(self, code: str, message: str, column: str = "", value: str = "") -> Issue:
        """An Issue about this row, or about the value of one of its columns."""
        where = f"row {self.line}, column {column}" if column else f"row {self.line}"
        shown = (value or self.cells.get(column, ""))[:60]
        return issue(code, message, METADATA, where=where, value=shown, origin="read")

    def values(self, table: str) -> tuple[dict[str, str], list[Issue]]:
        """The columns of a table that the row gives, and an Issue for each value that is not what it should be."""
        found, problems = clinical.load(NAME).values(table, self.cells)
        messages = {
            "VALUE_UNKNOWN": "the value is not in the vocabulary",
            "VALUE_IMPLAUSIBLE": "the value is impossible",
        }
        return found, [self.issue(p.code, messages[p.code], p.column, p.value) for p in problems]


def find_metadata(root: Path, sources: Iterable[Source]) -> Source:
    """The file metadata.csv among the sources, in any case: at the top, else the only one in any folder.

    Raises `MidsError` for none, and where several folders have one.
    """
    found = [source for source in sources if PurePosixPath(source.path).name.lower() == METADATA and not source.member]
    top = [source for source in found if "/" not in source.path] or found
    if len(top) > 1:
        raise MidsError(f"{root} holds several {METADATA}: give the folder of one, such as {top[0].path}")
    return top[0] if top else Source(find_file(root, [METADATA]))


def read_metadata(root: Path, source: Source) -> Table:
    """metadata.csv with its columns checked and named as in `COLUMNS`.

    Raises `MidsError` where the file lacks a column; a column that is in no version is an Issue.
    """
    table = read_csv(root, source)
    known = {spelling: name for name in COLUMNS for spelling in (name, name.replace("_", " "))} | OTHER_NAMES
    given = columns.named_by(table, known)
    return ids.repair(columns.rename(check_columns(table, {**known, **given}, REQUIRED), given), ("patientid",))


def rows_of(table: Table, files: Mapping[str, Source]) -> tuple[list[Row], list[Issue]]:
    """The rows that name a patient and a file, each file once, and what is wrong with the others and with the files."""
    rows: list[Row] = []
    issues: list[Issue] = []
    owners: dict[str, str] = {}
    elsewhere = _files_by_name(table, files)
    for line, cells in table.numbered():
        file = _file(cells)
        row = Row(
            line,
            cells,
            cells["patientid"].strip(),
            _study(cells),
            file,
            files.get(file) or elsewhere.get(PurePosixPath(file).name.lower()),
        )
        problem = _problem(row, owners.get(file, ""))
        if problem is not None:
            issues.append(problem)
            continue
        rows.append(row)
        owners[file] = row.patient
        if row.source is None:
            where = f"row {line}, column filename"
            issues.append(issue("IMAGE_MISSING", "the image is missing", file, where=where, origin="read"))
    return rows, issues


def _problem(row: Row, owner: str) -> Issue | None:
    """What keeps a row from being taken; `owner` is the patient of an earlier row with its file."""
    if not row.patient or not row.cells["filename"].strip():
        return row.issue("ROW_INVALID", f"the row has no {'filename' if row.patient else 'patientid'}")
    if ".." in PurePosixPath(row.file).parts or row.file.startswith("/"):
        return row.issue("ROW_INVALID", "the row names a file outside the source", "filename")
    if row.patient == owner:
        return row.issue("ROW_REPEATED", "an earlier row names the same patient and file", "filename")
    if owner:
        return row.issue("IMAGE_SHARED", "an earlier row gives the file to another patient", "filename")
    return None


def _files_by_name(table: Table, files: Mapping[str, Source]) -> Mapping[str, Source]:
    """The images that no row names by their place, by their name if it is theirs alone: copies have other folders.

    Names in lower case: some systems change it.
    """
    named = {_file(cells) for cells in table.rows}
    found: dict[str, list[Source]] = defaultdict(list)
    for path, source in files.items():
        if path not in named and "annotations" not in PurePosixPath(path).parts:
            found[PurePosixPath(path).name.lower()].append(source)
    return {name: sources[0] for name, sources in found.items() if len(sources) == 1}


def _file(cells: Mapping[str, str]) -> str:
    """The file that a row names; before June 2020 there was no column for its folder, and volumes may be URLs."""
    name, folder = cells["filename"].strip(), known(cells, "folder")
    if re.match(r"https?://", name):
        name = PurePosixPath(name.partition("?")[0]).name
    return f"{folder or ('volumes' if name.endswith(('.nii', '.nii.gz')) else 'images')}/{name}"


def _study(cells: Mapping[str, str]) -> str:
    offset = read_offset(cells)
    if offset is not None:
        return f"day{offset}" if offset >= 0 else f"dayminus{-offset}"
    for name in ("url", "doi"):
        text = known(cells, name)
        if text:
            return f"{name}{hashlib.sha256(text.encode()).hexdigest()[:8]}"
    return "undated"


# --- cells -------------------------------------------------------------------------------------------------


def known(cells: Mapping[str, str], column: str) -> str:
    """A cell without outer blanks, empty where the source means that it is missing."""
    text = " ".join(cells.get(column, "").split())
    return "" if text.lower() in clinical.load(NAME).missing else text


def read_offset(cells: Mapping[str, str]) -> int | None:
    """Days since the onset of symptoms or hospitalization, None where no whole number stands."""
    match = re.fullmatch(r"([+-]?\d{1,5})(\.0+)?", known(cells, "offset"))
    return int(match[1]) if match else None


def country(row: Row) -> tuple[str, list[Issue]]:
    """The country that a location ends with, however it is spelled."""
    last = row.known("location").rpartition(",")[2].strip(" ").replace(".", "")
    if not last:
        return "", []
    spellings = {name: name for name in words()["countries"]} | words()["country_spellings"]
    found = next((name for spelling, name in spellings.items() if spelling.casefold() == last.casefold()), "")
    return found, [] if found else [row.issue("VALUE_UNKNOWN", "the location ends with no known country", "location")]


def day(row: Row) -> tuple[str, list[Issue]]:
    """The day of a row as YYYYMMDD where the source writes a whole one that can be read in one way only."""
    text = row.known("date").lower()
    slashed = _SLASHED.fullmatch(text)
    if slashed:
        first, second = int(slashed[1]), int(slashed[2])
        if first <= 12 and second <= 12 and first != second:
            return "", [row.issue("VALUE_UNKNOWN", "the date can be read in two ways", "date")]
        year = slashed[3] if len(slashed[3]) == 4 else f"20{slashed[3]}"
        return _date(row, int(year), min(first, second), max(first, second))
    match = next((found for form in _WHOLE_DAYS if (found := form.fullmatch(text))), None)
    if match is None:
        return "", []
    month = match["month"]
    number = int(month) if month.isdigit() else _MONTHS.index(month) + 1 if month in _MONTHS else 0
    return _date(row, int(match["year"]), number, int(match["day"]))


def _date(row: Row, year: int, month: int, day: int) -> tuple[str, list[Issue]]:
    try:
        return date(year, month, day).strftime("%Y%m%d"), []
    except ValueError:
        return "", [row.issue("VALUE_IMPLAUSIBLE", "this day does not exist", "date")]


# --- vocabulary --------------------------------------------------------------------------------------------


@cache
def words() -> Mapping[str, Any]:
    """The collection's own part of its vocabulary: views, modalities, findings, licences, countries."""
    content: dict[str, Any] = read_yaml(schemas() / "collections" / f"{NAME}.yaml")
    return content


@cache
def findings() -> tuple[Mapping[str, str], Mapping[str, Mapping[str, str]]]:
    """The path that each spelling of a finding (lower case) means, and what is known of each path."""
    entries: dict[str, Mapping[str, Any]] = {path: entry or {} for path, entry in words()["findings"].items()}
    index = {path.lower(): path for path in entries}
    index |= {word.lower(): path for path, entry in entries.items() for word in entry.get("earlier", ())}
    return index, entries
