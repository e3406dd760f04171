"""A release of RICORD at TCIA: DICOM as the NBIA Data Retriever lays it, MD.ai annotations, a clinical table."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from mids.collections.midrc_ricord import readings, tables
from mids.collections.midrc_ricord.readings import Drawing, Term
from mids.collections.midrc_ricord.tables import Row, Study
from mids.errors import DataError, MidsError
from mids.issues import Issue, issue
from mids.readers.annotations.mdai import looks_like_export, read_export
from mids.readers.archives.files import is_archive, open_source, walk
from mids.readers.dicom.grouping.contradictions import find_contradictions
from mids.readers.dicom.grouping.series import records, subject_key
from mids.readers.dicom.headers import Instance
from mids.readers.dicom.index import Index
from mids.readers.dicom.scan import PLAIN, Scanner
from mids.readers.evidence import make_stranger
from mids.readers.tables.table import Table
from mids.readers.tables.workbook import read_sheets
from mids.records import About, Entry, Item, PatientKey, Person, Record, Skipped, Source, Visit, patient_key
from mids.vocabulary import clinical
from mids.vocabulary.clinical import Clinical
from mids.vocabulary.names import label

LICENCE = "CC-BY-NC-4.0"
_DOCUMENTS = (".json", ".csv", ".tsv", ".xlsx")
_ROOT = "1.3.6.1.4.1.14519.5.2.1."
"""The UID root of The Cancer Imaging Archive, which replaced all UIDs."""

_PATIENT = re.compile(r"(MIDRC-RICORD-1[A-Z])-([0-9A-Za-z]+)-")
"""The release and the site in a PatientID."""


@dataclass(frozen=True, slots=True)
class Release:
    """One of the sister releases: they differ in what is known of them and in whether images were annotated."""

    about: About
    is_annotated: bool = True

    @property
    def name(self) -> str:
        """The collection's name, such as midrc-ricord-1a."""
        return self.about.name

    @property
    def vocabulary(self) -> Clinical:
        """The columns of the release."""
        return clinical.load(self.name)

    @property
    def declared(self) -> Mapping[str, Any]:
        """Spellings of the clinical table and terms of the annotation schema."""
        return clinical.declared(self.name)

    @property
    def terms(self) -> Mapping[str, Term]:
        """The labels of the annotation schema."""
        return _terms(self.name)

    def read(self, root: Path, scanner: Scanner = PLAIN) -> Iterator[Sequence[Item]]:
        """First what belongs to no patient, then the items patient by patient; tables are checked before images.

        Raises `MidsError` where an annotated release comes without its export of annotations, the clinical table names
        no studies, or the images are not the release's.
        """
        sources = list(walk(root))
        documents = _documents(self, root, [source for source in sources if _is_document(source)])
        is_bare = not documents.has_export and not any(is_archive(root, source) for source in sources)
        if self.is_annotated and is_bare:
            raise MidsError(
                f"{root} holds no annotations: put the MD.ai export of the collection (.json) beside the images"
            )
        with scanner.scan(root) as found:
            if missing := _missing(self, found):
                raise make_stranger(root, self.name, missing)
            yield from _read(self, root, found, documents)

    def recognise(self, root: Path, scanner: Scanner = PLAIN, sources: Iterable[Source] | None = None) -> str:
        """What is missing for `root` to be the release; empty if nothing is."""
        with scanner.scan(root, sources=sources) as found:
            if next(found.instances(), None) is None:
                return "it holds no DICOM"
            is_named = any(_PATIENT.match(one.text("PatientID")) for one in found.instances())
            return _missing(self, found) or ("" if is_named else "no PatientID is of RICORD")


@dataclass(slots=True)
class _Documents:
    """What stands beside the images: exports of annotations, rows of the clinical table, manifests."""

    drawings: list[Drawing] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    manifests: list[Table] = field(default_factory=list)
    issues: list[Issue] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    has_export: bool = False
    has_clinical: bool = False


@cache
def _terms(name: str) -> Mapping[str, Term]:
    return readings.terms(clinical.declared(name)["terms"])


def _missing(release: Release, found: Index) -> str:
    """What headers lack that are not the release's: its ids and dates are published as they are."""
    prefix = release.name.upper()
    for one in found.instances():
        patient = _PATIENT.match(one.text("PatientID"))
        if patient and patient[1] != prefix:
            return f"a header is of the release {patient[1].lower()}"
        if not patient and not one.text("StudyInstanceUID").startswith(_ROOT):
            return f"a header has neither a PatientID like {prefix}-… nor UIDs of TCIA ({_ROOT}…)"
    return ""


def _read(release: Release, root: Path, found: Index, documents: _Documents) -> Iterator[Sequence[Item]]:
    inside = [source for source in found.others() if source.member and _is_document(source)]
    archived = _documents(release, root, inside)
    for name in ("drawings", "rows", "manifests", "issues", "skipped"):
        getattr(documents, name).extend(getattr(archived, name))
    documents.has_clinical |= archived.has_clinical
    known = tables.studies(found.instances())
    matched, issues = tables.match_rows_to_studies(documents.rows, known)
    drawings, repeated = readings.together(documents.drawings)
    issues += repeated
    for drawing in drawings:
        issues += [*readings.report_unmatched(drawing, known), *readings.unknown_labels(drawing)]
    issues += [gap for table in documents.manifests for gap in tables.missing_series(table, found.instances())]
    if not documents.has_clinical:
        message = "there is no clinical table: ages and sexes are those of the headers, and there are no tests"
        issues.append(issue("TABLE_ABSENT", message, origin="read"))
    others = [source for source in found.others() if not _is_document(source)]
    rest = [Skipped(tuple(others), "not DICOM")] if others else []
    wrong = find_contradictions(root, found)
    yield [*found.issues(), *documents.issues, *issues, *documents.skipped, *rest, *wrong.items]
    for instances in filter(None, map(wrong.without, found.by_subject())):
        yield list(_patient(release, root, instances, known, matched, drawings))


def _is_document(source: Source) -> bool:
    name = source.name.replace("!", "/").rpartition("/")[2]
    return name.lower().endswith(_DOCUMENTS) and not name.startswith(
        "~$"
    )  # which a spreadsheet leaves while it is open


def _documents(release: Release, root: Path, sources: Iterable[Source]) -> _Documents:
    """Reads the files beside the images; what is none of the collection's is skipped with a reason."""
    found = _Documents()
    for source in sources:
        take = _take_export if source.name.lower().endswith(".json") else _take_table
        try:
            kind = take(release, root, source, found)
        except DataError as error:
            found.issues.append(issue(error.code, error.message, source.name, origin="read"))
        else:
            found.skipped.append(Skipped((source,), kind))
    return found


def _take_export(release: Release, root: Path, source: Source, found: _Documents) -> str:
    with open_source(root, source) as stream:
        head = stream.read(1 << 20)
        if not looks_like_export(head) and "annotation" not in source.name.lower():
            return "JSON that is not an MD.ai export"
        found.has_export = True
        stream.seek(0)
        export = read_export(stream, source.name)
    found.issues += export.issues
    said = readings.spelled(export.annotations, release.terms)
    found.drawings.append(Drawing(source, said, release.terms, readings.lookup(release.terms, said)))
    return f"{export.count} annotations, read into tables and label maps"


def _take_table(release: Release, root: Path, source: Source, found: _Documents) -> str:
    """Reads a table, or every sheet of a workbook that belongs to the collection."""
    sheets = read_sheets(root, source)
    clinical_sheets = tables.clinical_sheets(sheets, release.declared["clinical"])
    manifests = [table for table in sheets if tables.is_manifest(table)]
    found.manifests += manifests
    for table in clinical_sheets:
        rows, issues = tables.clinical_rows(table, release.declared["clinical"], release.declared["required"])
        found.rows += rows
        found.issues += [*table.issues, *issues]
    if clinical_sheets:
        found.has_clinical = True
        return f"the clinical table: {sum(len(table.rows) for table in clinical_sheets)} rows, read into tables"
    found.issues += [one for table in sheets for one in table.issues]
    return (
        "NBIA's manifest, compared with the images" if manifests else "a table that does not belong to the collection"
    )


# --- one patient -----------------------------------------------------------------------------------------


def _patient(
    release: Release,
    root: Path,
    instances: Sequence[Instance],
    known: Mapping[str, Study],
    matched: Mapping[str, Row],
    drawings: Sequence[Drawing],
) -> Iterator[Item]:
    items = list(records(root, instances))
    name = instances[0].text("PatientID") or subject_key(instances[0])
    visits = _visits(dict.fromkeys(instance.text("StudyInstanceUID") for instance in instances))
    mine = [_assign_public_ids(item, name, visits) for item in items]
    yield from mine
    theirs = {uid: known[uid] for uid in visits}
    rows = {uid: matched[uid] for uid in visits if uid in matched}
    for uid, row in rows.items():
        yield from tables.compare_with_dicom(row, theirs[uid], release.vocabulary.missing)
    yield from _person(release.vocabulary, name, theirs, rows)
    there = readings.places((item for item in mine if isinstance(item, Record)), instances)
    said = [item for drawing in drawings for item in readings.items(name, visits, drawing, there)]
    yield from said
    for uid, visit in visits.items():
        labels = [item.values for item in said if isinstance(item, Entry) and item.table == "labels"
                  and item.study == visit and not item.image]  # fmt: skip
        yield from _visit(release, name, visit, theirs[uid], rows.get(uid), labels)
    yield from _tests(release.vocabulary, name, rows.values())


def _visits(uids: Iterable[str]) -> dict[str, str]:
    """The public id of each study: the last digits of its UID, five as in NBIA's names of folders if that is enough."""
    known = [uid for uid in uids if uid]
    for length in (5, 8, 12, 64):
        found = {uid: label(uid[-length:]) for uid in known}
        if len(set(found.values())) == len(known):
            break
    return found


def _assign_public_ids(item: Item, subject: PatientKey | str, visits: Mapping[str, str]) -> Item:
    """An item under the public ids of its patient, study and series."""
    if isinstance(item, Record):
        columns = {"source_id": item.series[-5:]}
        return replace(item, subject=subject, study=visits.get(item.study, item.study), columns=columns)
    return replace(item, subject=subject) if isinstance(item, Skipped) else item


_NO_AGE = dict.fromkeys(("age", "age_min", "age_max"), "n/a")


def _person(
    vocabulary: Clinical, subject: PatientKey | str, studies: Mapping[str, Study], rows: Mapping[str, Row]
) -> Iterator[Item]:
    """The participant's columns: the age of the first study that gives one, a sex that nothing contradicts."""
    columns: dict[str, str] = {}
    contradicted: Mapping[str, str] = {}
    for uid in sorted(studies, key=lambda uid: (studies[uid].day, uid)):
        row = rows.get(uid)
        if row and tables.contradicts_age(row, studies[uid]):
            contradicted = _NO_AGE  # or the plan would take the age of the headers
            continue
        raw = (row.cells.get("age", "") if row else "") or min(studies[uid].ages, default="")
        found = tables.age(raw)
        if found is None and row and row.cells.get("age", "").lower() not in vocabulary.missing:
            yield row.issue("VALUE_UNKNOWN", "this is not an age", "age")
            columns.setdefault("age_raw", raw)
        if found and "age_min" not in columns:
            columns |= found
    columns = {**contradicted, **columns}
    sexes = {sex for study in studies.values() for sex in study.sexes}
    for row in rows.values():
        values, issues = tables.values(vocabulary, "participants", row)
        yield from issues
        columns |= {"sex_raw": values["sex_raw"]} if "sex_raw" in values else {}
        if values.get("sex") and sexes - {values["sex"]}:
            message = f"the table says {values['sex']}, another row or the headers give another value"
            yield row.issue("VALUE_CONTRADICTED", message, "sex")
        sexes |= {values["sex"]} if "sex" in values else set()
    columns["sex"] = sexes.pop() if len(sexes) == 1 else "n/a"
    site = _PATIENT.match(patient_key(subject).id)
    if site:
        columns["site"] = site[2]
    results = {_result(vocabulary, row) for row in rows.values()} - {""}
    if results:
        columns["covid_test"] = "positive" if "positive" in results else sorted(results)[0]
    yield Person(subject, columns)


def _result(vocabulary: Clinical, row: Row) -> str:
    return tables.values(vocabulary, "sessions", row)[0].get("test_result", "")


def _visit(
    release: Release,
    subject: PatientKey | str,
    visit: str,
    study: Study,
    row: Row | None,
    labels: Sequence[Mapping[str, str]],
) -> Iterator[Item]:
    """The session's columns: the clinical row, and what readers agree on about contrast and quality."""
    columns = {"usage_terms": LICENCE}
    if row:
        values, issues = tables.values(release.vocabulary, "sessions", row)
        yield from issues
        columns |= values
        columns |= {"age": "n/a"} if tables.contradicts_age(row, study) else {}
    stated = {values["iv_contrast"] for values in labels if "iv_contrast" in values}
    stated |= {"yes"} if study.has_agent else set()
    if len(stated) == 1:
        columns["contrast"] = stated.pop()
    elif stated:
        who = "annotators and the headers" if study.has_agent else "readers"
        message = f"{who} say both that contrast was given and not"
        yield issue("VALUE_CONTRADICTED", message, patient_key(subject).id, origin="read")
    found = [
        f"{term.name} ({values['reader']})"
        for term in dict.fromkeys(release.terms.values())
        for values in labels
        if term.column.startswith("qa_") and values.get(term.column) == term.value
    ]
    if found:
        columns |= {"quality": "suboptimal", "quality_source": "; ".join(found)}
    yield Visit(subject, visit, columns)


def _tests(vocabulary: Clinical, subject: PatientKey | str, rows: Iterable[Row]) -> Iterator[Item]:
    """One undated test for each result: the table repeats it for every study, and does not say when it was."""
    specimens: dict[str, list[str]] = {}
    for row in rows:
        values, _ = tables.values(vocabulary, "sessions", row)
        if "test_result" in values:
            specimens.setdefault(values["test_result"], []).append(values.get("specimen_source", ""))
    for result, sources in specimens.items():
        joined = "; ".join(dict.fromkeys(text for text in sources if text))
        values = {"date": "n/a", "test": "PCR", "result": result, "specimen_source": joined}
        yield Entry("laboratory_tests", subject, values)
