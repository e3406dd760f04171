"""What BIMCV-COVID19+ was made of: DICOM studies, tables of tests, reports and labels, and drawn regions."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from mids.collections.bimcv import bimcv_covid19, labeltree, rois
from mids.collections.bimcv import rows as bimcv_rows
from mids.collections.bimcv import tables as bimcv_tables
from mids.collections.bimcv.rows import Report, Words
from mids.errors import DataError, MidsError
from mids.issues import Issue, issue
from mids.readers.annotations import aim, objects
from mids.readers.annotations.objects import File
from mids.readers.annotations.places import Places, places
from mids.readers.archives.files import open_source
from mids.readers.dicom.grouping.contradictions import find_contradictions
from mids.readers.dicom.grouping.series import records, subject_key
from mids.readers.dicom.headers import Instance
from mids.readers.dicom.index import Index
from mids.readers.dicom.scan import PLAIN, Scanner, left_out
from mids.readers.tables import ids
from mids.readers.tables.table import Table, read_csv
from mids.records import (
    ORIGINAL_REPORT,
    Entry,
    Item,
    MaskFile,
    PatientKey,
    Person,
    Record,
    Regions,
    Skipped,
    Source,
    Visit,
)
from mids.vocabulary import clinical

NAME = "bimcv-covid19-raw"

ABOUT = replace(
    bimcv_covid19.ABOUT,
    name=NAME,
    title="BIMCV-COVID19+ from DICOM",
    ids="real",
    dates="real",
    access="Inside BIMCV only: these are the studies of real patients that the published collection is made of.",
    expected="DICOM in any folders and archives, with CSV or TSV tables that have in their names: test, sil_reg or "
    "prueba (needed); tree (needed with labels); label or etiqueta; report or informe. Regions as AIM XML, RTSTRUCT, "
    "SEG, NIfTI.",
    limitations=(
        "Labels were found in reports, not in images.",
        "Reports are left out unless the source says that they are de-identified.",
    ),
)

_FILES = {
    "tree": r"(^|[^a-z])tree.*\.(csv|txt)",
    "tests": r"(^|[^a-z])(sil_reg|tests?|pruebas?)([^a-z].*)?\.(csv|tsv|txt)",
    "labels": r"(^|[^a-z])(labels?|etiquetas?)([^a-z].*)?\.(csv|tsv|txt)",
    "reports": r"(^|[^a-z])(reports?|informes?)([^a-z].*)?\.(csv|tsv|txt)",
}
"""How tables are recognised by their names, without case; the first that is found in a name decides."""

_REQUIRED = {
    "tests": ("participant", "date", "test", "result"),
    "labels": ("participant", "study", "labels", "localizations", "sentences"),
    "reports": ("participant", "study"),
}


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of a table about a known subject, its study's id where the table has one.

    `number` is its line, counted on from the tables of the same kind before.
    """

    table: Table
    line: int
    number: int
    values: Mapping[str, str]
    study: str


@dataclass(slots=True)
class _About:
    """What tables and annotations say of one subject."""

    rows: dict[str, list[_Row]] = field(default_factory=lambda: defaultdict(list))
    drawn: list[tuple[str, Source]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Known:
    """Which subjects an id of the source belongs to: PatientIDs, SOPInstanceUIDs and SeriesInstanceUIDs; and the
    study that a StudyInstanceUID or AccessionNumber of a subject means."""

    subjects: Mapping[str, set[PatientKey]]
    studies: Mapping[tuple[PatientKey, str], str]


def read(root: Path, scanner: Scanner = PLAIN) -> Iterator[Sequence[Item]]:
    """First what belongs to no patient, the label tree among it, then the items patient by patient.

    Raises `MidsError` where the table of tests is missing, the tree of a table of labels, or a column.
    """
    with scanner.scan(root) as found:
        yield from _read(root, found)


def _read(root: Path, found: Index) -> Iterator[Sequence[Item]]:
    others = found.others()
    sources = {kind: [s for s in others if _kind(s) == kind] for kind in _FILES}
    nodes, words, issues = _tree(root, sources)
    known = _known(found.instances())
    subjects: dict[PatientKey, _About] = defaultdict(_About)
    issues += _tables(root, sources, known, subjects)
    issues += _annotations(root, others, found.instances(), known, subjects)
    used = [source for kind in sources.values() for source in kind]
    rest = [source for source in others if source not in used and not _is_drawn(source)]
    read_tables = [Skipped(tuple(used), "a table: its rows go into the new tables")] if used else []
    wrong = find_contradictions(root, found)
    yield [*found.issues(), *issues, *read_tables, *left_out(rest), *bimcv_rows.tree(nodes), *wrong.items]
    for instances in map(wrong.without, found.by_subject()):
        images = [instance for instance in instances if not objects.kind_of(instance)]
        if not images:
            continue
        subject = subject_key(images[0])
        yield list(_subject(root, subject, images, subjects.pop(subject, _About()), words))
    for subject, about in sorted(subjects.items()):
        yield [
            Skipped((source,), "drawn on images that the source does not hold", subject) for _, source in about.drawn
        ]


def _kind(source: Source) -> str:
    name = source.name.rpartition("/")[2].rpartition("!")[2]
    return next((kind for kind, pattern in _FILES.items() if re.search(pattern, name, re.IGNORECASE)), "")


def _is_drawn(source: Source) -> bool:
    return source.name.lower().endswith((".xml", ".nii", ".nii.gz"))


def _known(instances: Iterable[Instance]) -> _Known:
    subjects: dict[str, set[PatientKey]] = defaultdict(set)
    studies: dict[tuple[PatientKey, str], str] = {}
    for instance in instances:
        subject = subject_key(instance)
        for keyword in ("PatientID", "SOPInstanceUID", "SeriesInstanceUID"):
            if instance.text(keyword) and (keyword == "PatientID" or not objects.kind_of(instance)):
                subjects[ids.plain(instance.text(keyword))].add(subject)
        for keyword in ("AccessionNumber", "StudyInstanceUID"):
            if instance.text(keyword):
                studies[subject, ids.plain(instance.text(keyword))] = instance.text("StudyInstanceUID")
    return _Known(subjects, studies)


# --- tables ----------------------------------------------------------------------------------------------


def _tree(root: Path, sources: Mapping[str, Sequence[Source]]) -> tuple[Sequence[labeltree.Node], Words, list[Issue]]:
    """The label tree, and the words that rows are read with; raises `MidsError` for several trees."""
    if not sources["tests"]:
        raise MidsError(f"{root} holds no table of tests (a CSV or TSV with test or sil_reg in its name)")
    if len(sources["tree"]) > 1:
        raise MidsError(f"{root} holds {len(sources['tree'])} label trees (tree….csv): give one")
    nodes, cuis, issues = labeltree.without()
    for source in sources["tree"]:
        with open_source(root, source) as stream:
            nodes, cuis, issues = labeltree.read(stream.read(), source.name)
    return nodes, Words(clinical.load(NAME), cuis, public=False), issues if sources["labels"] else []


def _tables(
    root: Path, sources: Mapping[str, Sequence[Source]], known: _Known, subjects: dict[PatientKey, _About]
) -> Iterator[Issue]:
    """Gives every row to its subject; an Issue for each table that has rows about nobody."""
    for kind, required in _REQUIRED.items():
        before = 0
        for table in _different(root, sources[kind], kind, required):
            yield from table.issues
            lost: list[int] = []
            for line, row in table.numbered():
                owners = known.subjects.get(row["participant"].strip(), set())
                owner = next(iter(owners)) if len(owners) == 1 else None
                study = known.studies.get((owner, row.get("study", "").strip()), "") if owner else ""
                if owner is None or ("study" in row and not study):
                    lost.append(line)
                else:
                    subjects[owner].rows[kind].append(_Row(table, line, before + line, row, study))
            before += max(table.lines, default=0)
            if lost:
                shown = ", ".join(map(str, lost[:10])) + (" …" if len(lost) > 10 else "")
                message = f"{len(lost)} rows match no patient or study of the source, or several"
                yield issue("ENTRY_UNMATCHED", message, table.path, where=f"rows {shown}", origin="read")


def _different(root: Path, sources: Sequence[Source], kind: str, required: Sequence[str]) -> Iterator[Table]:
    """The tables of one kind; of a row that an earlier table has too, an Issue in its place.

    What a path or a first line says may name somebody, so that an error calls the table by its kind.
    """
    seen: set[tuple[tuple[str, str], ...]] = set()
    for source in sources:
        whole = bimcv_tables.named(read_csv(root, source), NAME, kind, required, called=f"a table of {kind}")
        rows = [(line, row, tuple(sorted(row.items()))) for line, row in whole.numbered()]
        new = [(line, row) for line, row, cells in rows if cells not in seen]
        issues = [*whole.issues]
        if again := len(rows) - len(new):
            message = f"{again} rows also occur in another table of {kind}: they are used once"
            issues.append(issue("ROW_REPEATED", message, whole.path, origin="read"))
        seen |= {cells for _, _, cells in rows}
        kept, lines = tuple(row for _, row in new), tuple(line for line, _ in new)
        yield replace(whole, rows=kept, lines=lines, issues=tuple(issues))


# --- annotations -----------------------------------------------------------------------------------------


def _annotations(
    root: Path,
    others: Iterable[Source],
    instances: Iterable[Instance],
    known: _Known,
    subjects: dict[PatientKey, _About],
) -> Iterator[Issue]:
    """Gives every file of annotations to the subject whose images it was drawn on."""
    for instance in instances:
        if kind := objects.kind_of(instance):
            subjects[subject_key(instance)].drawn.append((kind, instance.source))
    for source in filter(_is_drawn, others):
        try:
            owners = _owners(root, source, known)
        except DataError as error:
            yield issue(error.code, error.message, source.name, origin="read")
            continue
        if len(owners) == 1:
            subjects[owners.pop()].drawn.append(("AIM" if source.name.lower().endswith(".xml") else "NIfTI", source))
        else:
            message = "the regions belong to no image of the source, or to images of several patients"
            yield issue("REGION_UNMATCHED", message, source.name, origin="read")


def _owners(root: Path, source: Source, known: _Known) -> set[PatientKey]:
    """The subjects whose images a file names: AIM in its outlines, a NIfTI by the UID that its own name begins with."""
    if source.name.lower().endswith(".xml"):
        with open_source(root, source) as stream:
            named = {shape.instance for shape in aim.read(stream.read(aim.LARGEST + 1))}
    else:
        named = {_uid_of(source)}
    return {subject for uid in named for subject in known.subjects.get(uid, ())}


def _uid_of(source: Source) -> str:
    name = source.name.rpartition("/")[2].rpartition("!")[2]
    return re.sub(r"\.nii(\.gz)?$", "", name, flags=re.IGNORECASE).partition("_")[0]


def _drawn(root: Path, about: _About, images: Sequence[Record]) -> Iterator[Regions | MaskFile | Issue]:
    """The regions of one subject, a reader for each file on an image, in the order of their paths."""
    known = places(images)
    by_uid = {record.series: record for record in reversed(images)} | {record.instance: record for record in images}
    readers: dict[str, int] = defaultdict(int)
    for kind, source in sorted(about.drawn, key=lambda drawn: drawn[1]):
        file = File(source, "reader")
        try:
            items = list(_regions(root, kind, file, known, by_uid))
        except DataError as error:
            items = [issue(error.code, error.message, source.name, origin="read")]
        for item in items:
            if isinstance(item, Issue):
                yield item
            else:
                readers[item.image] += 1
                yield replace(item, reader=f"reader{readers[item.image]}")


def _regions(
    root: Path, kind: str, file: File, known: Places, by_uid: Mapping[str, Record]
) -> Iterator[Regions | MaskFile | Issue]:
    if kind == "NIfTI":
        record = by_uid.get(_uid_of(file.source))
        if record is None:
            message = "the image of the mask was not converted"
            yield issue("REGION_UNMATCHED", message, file.source.name, origin="read")
        else:
            yield rois.of_volume(file, record)
        return
    with open_source(root, file.source) as stream:
        if kind == "AIM":
            yield from rois.of_aim(stream.read(aim.LARGEST + 1), file, known)
        else:
            yield from rois.of_object(kind, stream, file, known)


# --- one subject -----------------------------------------------------------------------------------------


def _subject(
    root: Path, subject: PatientKey, instances: Sequence[Instance], about: _About, words: Words
) -> Iterator[Item]:
    items = list(records(root, instances))
    images = [item for item in items if isinstance(item, Record)]
    yield from items
    yield from _drawn(root, about, images)
    tests = list(_tests(subject, about, words))
    yield from tests
    covid_test = bimcv_rows.summary(item.values.get("result", "") for item in tests if isinstance(item, Entry))
    columns = {"region": "Valencian Region", "country": "Spain", "covid_test": covid_test}
    yield Person(subject, {key: value for key, value in columns.items() if value})
    yield from _reports(subject, about, words)


def _tests(subject: PatientKey, about: _About, words: Words) -> Iterator[Item]:
    seen: dict[tuple[str, ...], _Row] = {}
    published: list[Mapping[str, str]] = []
    for row in about.rows["tests"]:
        first = seen.setdefault(bimcv_rows.same(row.values), row)
        if first is not row:
            message = f"the row repeats row {first.line}" + (
                " of another table" if first.table is not row.table else ""
            )
            where = row.table.where(row.line)
            yield issue("ROW_REPEATED", message, row.table.path, where=where, origin="read")
            continue
        for item in bimcv_rows.test(row.table, row.line, row.values, subject, words):
            if isinstance(item, Issue):
                yield item
            elif item.values not in published:  # without the words that are not understood, two may say the same
                published.append(item.values)
                yield item


def _reports(subject: PatientKey, about: _About, words: Words) -> Iterator[Item]:
    """Labels and de-identified reports; a report is called by its row in its table."""
    suboptimal: set[str] = set()
    for row in about.rows["labels"]:
        report = Report(subject, row.study, "L", row.number)
        yield from bimcv_rows.labels(row.table, row.line, row.values, report, words)
        if bimcv_rows.is_suboptimal(row.values):
            suboptimal.add(row.study)
        yield _report(report, row)
    for row in about.rows["reports"]:
        yield _report(Report(subject, row.study, "T", row.number), row)
    for study in sorted(suboptimal):
        columns = {"quality": "suboptimal", "quality_source": f"report: {bimcv_rows.SUBOPTIMAL}"}
        yield Visit(subject, study, columns)


def _report(report: Report, row: _Row) -> Entry:
    """The row of a report; a text that nobody has de-identified yet stands apart."""
    text = " ".join(row.values.get("deidentified", "").split())
    values = {"report_id": report.report_id, "report": text}
    original = row.values.get("report", "").strip()
    if original and not text:
        values[ORIGINAL_REPORT] = original
    return Entry("reports", report.subject, values, study=report.study)
