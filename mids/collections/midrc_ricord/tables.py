"""The tables of a RICORD release: the clinical table in its spellings, NBIA's manifest, and both against the DICOM."""

import re
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mids.deid.pseudonyms import AGE_CAP, dicom_datetime
from mids.deid.pseudonyms import age as dicom_age
from mids.errors import MidsError
from mids.issues import Issue, issue
from mids.readers.dicom.headers import Instance
from mids.readers.tables import columns, ids
from mids.readers.tables.table import Table, check_columns, without_rows
from mids.vocabulary.clinical import Clinical

_MANIFEST = {"series uid", "study uid", "number of images"}
_NO_AGENT = frozenset({"", "NO", "NONE", "N", "WITHOUT", "NOT USED"})


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the clinical table, its columns by their canonical names."""

    table: str
    line: int
    cells: Mapping[str, str]

    def issue(self, code: str, message: str, column: str = "") -> Issue:
        """An Issue about this row."""
        where = f"row {self.line}, column {column}" if column else f"row {self.line}"
        return issue(code, message, self.table, where=where, origin="read")


@dataclass(frozen=True, slots=True)
class Study:
    """What the headers of a study say: its patient, how many images, its day, whether a contrast agent was given."""

    uid: str
    patient: str
    images: int
    modalities: frozenset[str]
    day: str
    sexes: frozenset[str]
    ages: frozenset[str]
    has_agent: bool


def studies(instances: Iterable[Instance]) -> dict[str, Study]:
    """The studies of DICOM instances by StudyInstanceUID."""
    groups: dict[str, list[Instance]] = defaultdict(list)
    for instance in instances:
        groups[instance.text("StudyInstanceUID")].append(instance)

    def every(group: Sequence[Instance], keyword: str) -> frozenset[str]:
        return frozenset(instance.text(keyword) for instance in group) - {""}

    return {
        uid: Study(
            uid,
            group[0].text("PatientID"),
            len({instance.text("SOPInstanceUID") or instance.source for instance in group}),
            every(group, "Modality"),
            min(every(group, "StudyDate"), default=""),
            every(group, "PatientSex") & {"M", "F", "O"},
            every(group, "PatientAge"),
            any(text.upper() not in _NO_AGENT for text in every(group, "ContrastBolusAgent")),
        )
        for uid, group in groups.items()
    }


def is_manifest(table: Table) -> bool:
    """Whether a table is the metadata.csv that the NBIA Data Retriever writes."""
    return set(table.header) >= _MANIFEST


def missing_series(table: Table, instances: Iterable[Instance]) -> Iterator[Issue]:
    """An Issue for each series of the manifest that is absent or has another number of images."""
    images: dict[str, set[object]] = defaultdict(set)
    for instance in instances:
        images[instance.text("SeriesInstanceUID")].add(instance.text("SOPInstanceUID") or instance.source)
    for line, row in table.numbered():
        found = len(images[row["series uid"].strip()])
        wanted = re.sub(r"\.0+$", "", row["number of images"].strip())
        if not found:
            message = "the manifest lists a series that is not there"
            yield issue("IMAGE_MISSING", message, table.path, where=f"row {line}", origin="read")
        elif wanted.isdigit() and found != int(wanted):
            message = f"the manifest counts {wanted} images of the series, the source holds {found}"
            where = table.where(line, "number of images")
            yield issue("COUNT_MISMATCH", message, table.path, where=where, origin="read")


def clinical_sheets(sheets: Sequence[Table], spellings: Mapping[str, Sequence[str]]) -> list[Table]:
    """The sheets of a file that are clinical tables: by two of their columns, or a single one by the file's name.

    Raises `MidsError` where a workbook has the name and none of its sheets has the columns.
    """
    filled = [table for table in sheets if table.header and not is_manifest(table)]
    found = [table for table in filled if len(_name_columns(table, spellings)) > 1]
    is_called_so = bool(filled) and "clinical" in filled[0].path.lower()
    if not found and is_called_so and len(filled) > 1:
        wanted = ", ".join(given[0] for given in spellings.values())
        raise MidsError(f"{filled[0].path}: none of its {len(filled)} sheets has the clinical columns ({wanted})")
    return found or (filled if is_called_so else [])


def clinical_rows(
    table: Table, spellings: Mapping[str, Sequence[str]], required: Sequence[str]
) -> tuple[list[Row], Sequence[Issue]]:
    """The rows of a clinical table with canonical columns, and an Issue for each column that is not known.

    Raises `MidsError` for the first required column that is absent.
    """
    renamed = columns.rename(table, _name_columns(table, spellings))
    checked = ids.repair(check_columns(renamed, tuple(spellings), required), ("mrn",))
    rows = [
        Row(table.path, line, {name: _cell(name, value) for name, value in row.items()})
        for line, row in checked.numbered()
    ]
    return rows, [*checked.issues[len(table.issues) :], *without_rows(table)]


def _cell(name: str, text: str) -> str:
    """A cell without blanks too many; a number with a point, where spreadsheets wrote 84,84."""
    plain = " ".join(text.split())
    return re.sub(r"^(\d+),(\d+)$", r"\1.\2", plain) if name in ("age", "image count") else plain


def _name_columns(table: Table, spellings: Mapping[str, Sequence[str]]) -> Mapping[str, str]:
    """The canonical name of each column that is known."""
    names = {_squeeze(spelling): name for name, given in spellings.items() for spelling in given}
    return columns.named_by(
        table, {column: names[_squeeze(column)] for column in table.header if _squeeze(column) in names}
    )


def _squeeze(name: str) -> str:
    """A column's name without what differs between releases and copies: "Anon" in front, blanks, underscores."""
    return re.sub(r"[^a-z0-9]", "", name.lower()).removeprefix("anon")


def match_rows_to_studies(rows: Iterable[Row], known: Mapping[str, Study]) -> tuple[dict[str, Row], list[Issue]]:
    """The row of each study that the source holds, and an Issue for every row that is none's."""
    found: dict[str, Row] = {}
    issues: list[Issue] = []
    for row in rows:
        uid, mrn = row.cells.get("study uid", ""), row.cells.get("mrn", "")
        if not uid:
            issues.append(row.issue("ROW_INVALID", "the row names no study", "study uid"))
        elif uid not in known:
            issues.append(row.issue("ENTRY_UNMATCHED", "the row is about a study that the source does not hold"))
        elif uid in found:
            other = [name for name, cell in row.cells.items() if cell != found[uid].cells.get(name)]
            differs = f", and says something else of {', '.join(other)}" if other else ""
            issues.append(row.issue("ROW_REPEATED", f"row {found[uid].line} also names the study{differs}"))
        elif mrn and not _is_same_patient(mrn, known[uid].patient):
            message = "the row gives the study to another patient than its DICOM; the row is not used"
            issues.append(row.issue("VALUE_CONTRADICTED", message, "mrn"))
        else:
            found[uid] = row
    return found, issues


def _is_same_patient(mrn: str, patient: str) -> bool:
    """PatientID carries the collection's prefix, MRN does not."""
    return patient == mrn or patient.endswith(f"-{mrn}")


def compare_with_dicom(row: Row, study: Study, missing: Container[str]) -> Iterator[Issue]:
    """An Issue for each value of a row that the study's headers contradict; `missing` are words for no value."""
    count, modality = row.cells.get("image count", ""), row.cells.get("modality", "").upper()
    if re.fullmatch(r"\d+(\.0*)?", count) and int(float(count)) != study.images:
        message = f"the table counts {int(float(count))} images of the study, the source holds {study.images}"
        yield row.issue("COUNT_MISMATCH", message, "image count")
    if modality and modality not in study.modalities:
        found = ", ".join(sorted(study.modalities)) or "none"
        yield row.issue("VALUE_CONTRADICTED", f"the table has another modality than the headers ({found})", "modality")
    if contradicts_age(row, study):
        yield row.issue("VALUE_CONTRADICTED", "the table has another age than the headers; neither is used", "age")
    day = _day(row.cells.get("study date", ""))
    if not day and row.cells.get("study date", "").lower() not in missing:
        yield row.issue("VALUE_UNKNOWN", "this is not a date", "study date")
    if day and study.day and day != study.day:
        yield row.issue("VALUE_CONTRADICTED", "the table has another date than the headers", "study date")


def contradicts_age(row: Row, study: Study) -> bool:
    """Whether the ages of a row and of the headers lie more than a year apart."""
    said, known = age(row.cells.get("age", "")), [age(text) for text in study.ages]
    headers = [int(found["age"]) for found in known if found and "age" in found]
    if not said or not headers:
        return False
    low, high = int(said.get("age_min", 0)), int(said.get("age_max", AGE_CAP))
    return not any(low - 1 <= min(one, AGE_CAP) <= high + 1 for one in headers)


def _day(text: str) -> str:
    """A date as DICOM writes it, of ISO 8601 or the month/day/year of the table; empty for anything else."""
    american = re.fullmatch(r"(\d{1,2})[/-](\d{1,2})[/-](\d{4})", text)
    if american:
        text = f"{american[3]}{american[1]:0>2}{american[2]:0>2}"
    moment = dicom_datetime(text)
    return moment.strftime("%Y%m%d") if moment else ""


def age(text: str) -> dict[str, str] | None:
    """The columns age, age_min and age_max that an age gives: 65, 065Y, 60-69, >89, 90+; None where it is none."""
    raw = text.strip().upper()
    years = dicom_age(raw, "", "") if re.fullmatch(r"\d+[DWMY]", raw) else raw
    if re.fullmatch(r"\d{1,3}(\.\d+)?", years) and float(years) <= 130:
        whole = int(float(years))
        if whole >= AGE_CAP:
            return {"age": str(AGE_CAP), "age_min": str(AGE_CAP)} | ({"age_max": "89"} if whole == AGE_CAP else {})
        return {"age": str(whole), "age_min": str(whole), "age_max": str(whole)}
    if above := re.fullmatch(r">=?\s*(\d+)|(\d+)\s*\+", years):
        low = min(int(above[1] or above[2]), AGE_CAP)
        return {"age_min": str(low)} | ({"age": str(low)} if low == AGE_CAP else {})
    if within := re.fullmatch(r"(\d{1,2})\s*-\s*(\d{1,3})", years):
        low, high = int(within[1]), int(within[2])
        if low <= high:
            return {"age_min": str(min(low, AGE_CAP))} | ({"age_max": str(high)} if high <= AGE_CAP else {})
    return None


def values(vocabulary: Clinical, table: str, row: Row) -> tuple[dict[str, str], list[Issue]]:
    """The columns of one table that a row gives, and an Issue for each value that is not in the vocabulary."""
    found, problems = vocabulary.values(table, row.cells)
    origins = vocabulary.origins[table]
    issues = [row.issue(p.code, f"this is not a value of {p.column}", origins[p.column].column) for p in problems]
    return found, issues
