"""The tables of a published BIMCV-COVID19 dataset: found among its files, checked, and read subject by subject."""

import re
from collections import defaultdict
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from mids.collections.bimcv import labelcells, labeltree
from mids.collections.bimcv import rows as bimcv_rows
from mids.collections.bimcv import tables as bimcv_tables
from mids.collections.bimcv.rows import Report, Words
from mids.collections.bimcv.survey import Found
from mids.collections.bimcv.tables import label_of
from mids.errors import MidsError
from mids.issues import Issue, issue
from mids.readers.tables.table import Table, parse_csv
from mids.records import Entry, Item, MaskFile, Person, Record, Regions, Visit
from mids.vocabulary import clinical

NAME = "bimcv-covid19"

_TABLES = {
    "participants": (r"participants\.tsv", "participants.tsv"),
    "tests": (r"derivatives/(.*/)?sil_reg[^/]*\.(tsv|csv|txt)", "derivatives/EHR/sil_reg_covid_posi.tsv"),
    "labels": (r"derivatives/(.*/)?labels_[^/]*\.tsv", "derivatives/labels/labels_covid19_posi.tsv"),
    "tree": (r"derivatives/(.*/)?tree_term[^/]*\.(csv|txt)", "derivatives/labels/tree_term_CUI_counts_image.csv"),
    "partitions": (r"derivatives/(.*/)?partitions?[^/]*\.tsv", "derivatives/partitions.tsv"),
}
"""What a table's place looks like, without case, and an example of it."""

_REQUIRED = {
    "participants": ("participant", "age", "gender"),
    "tests": ("participant", "date", "test", "result"),
    "labels": ("participant", "report_id", "labels", "localizations", "sentences"),
    "partitions": ("participant",),
}
AGE_CAP = 89
"""Ages above are given as 89 (45 CFR 164.514(b)(2)(i)(C))."""

APART = 10
"""Years between ages of one subject that are still believed: a collection spans fewer."""

_OPTIONAL = frozenset({"tests", "tree", "partitions"})
"""Tables that some iterations lack: the negatives have no tests, and may have no tree."""


@dataclass(frozen=True, slots=True)
class Rows:
    """A table, and its rows with their lines by the subject that they are about."""

    table: Table
    of: Mapping[str, Sequence[tuple[int, dict[str, str]]]]


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables of the source, checked; `tree` are the nodes of the label tree."""

    rows: Mapping[str, Rows]
    tree: Sequence[labeltree.Node]
    words: Words
    issues: Sequence[Issue]

    def of(self, kind: str, subject: str) -> Iterator[tuple[Table, int, dict[str, str]]]:
        """The rows of one kind about a subject, with their table and line."""
        found = self.rows.get(kind)
        for line, row in found.of.get(subject, ()) if found else ():
            yield found.table, line, row  # type: ignore[union-attr]


@dataclass(slots=True)
class Subject:
    """What is found of a subject below its own folder."""

    images: list[Record] = field(default_factory=list)
    sessions: dict[str, list[bimcv_tables.Session]] = field(default_factory=lambda: defaultdict(list))
    drawn: list[Regions | MaskFile] = field(default_factory=list)
    issues: list[Issue] = field(default_factory=list)


def kind_of(place: str) -> str:
    """Which of the tables a place of the dataset is, empty for none."""
    return next((kind for kind, (pattern, _) in _TABLES.items() if re.fullmatch(pattern, place, re.IGNORECASE)), "")


def load(root: Path, files: Sequence[Found]) -> Tables:
    """Every table of the source, its columns checked."""
    found = {kind: _table_file(root, files, kind) for kind in _TABLES}
    issues: list[Issue] = []
    rows: dict[str, Rows] = {}
    for kind, required in _REQUIRED.items():
        file = found[kind]
        if file is None:
            continue
        parse = bimcv_tables.partitions if kind == "partitions" else parse_csv
        table = parse(file.data, file.source.name)
        try:
            table = bimcv_tables.named(table, NAME, kind, required)
        except MidsError as error:
            if kind != "partitions":  # the columns of these alone are not known from the publisher
                raise
            issues.append(issue("TABLE_INVALID", str(error), file.source.name, origin="read"))
            continue
        of: dict[str, list[tuple[int, dict[str, str]]]] = defaultdict(list)
        for line, row in table.numbered():
            of[label_of(row["participant"])].append((line, row))
        issues += table.issues
        rows[kind] = Rows(table, of)
    if "partitions" in rows and "split" not in rows["partitions"].table.header:
        message = "the table names no split, so it makes no partition"
        issues.append(issue("TABLE_UNUSED", message, rows.pop("partitions").table.path, origin="read"))
    labels = found["labels"]
    if found["tests"] is None and labels and "neg" not in labels.place.rpartition("/")[2].lower():
        message = "there is no table of tests, which the positive part has: no test result is known"
        issues.append(issue("TABLE_ABSENT", message, origin="read"))
    tree = found["tree"]
    nodes, cuis, problems = labeltree.read(tree.data, tree.source.name) if tree else labeltree.without()
    return Tables(rows, nodes, Words(clinical.load(NAME), cuis, public=True), [*issues, *problems])


def _table_file(root: Path, files: Sequence[Found], kind: str) -> Found | None:
    """The one file of a kind of table; raises `MidsError` for none (if needed) and for several that differ."""
    candidates = [found for found in files if kind_of(found.place) == kind]
    different = {found.data: found for found in candidates}
    if len(different) > 1:
        names = ", ".join(sorted(found.source.name for found in different.values()))
        raise MidsError(f"{root} holds several tables of {kind} ({names}): convert one iteration at a time")
    if not candidates and kind not in _OPTIONAL:
        example = _TABLES[kind][1]
        near = get_close_matches(example, [found.place for found in files if found.place], 1, 0.5)
        hint = f": is {near[0]!r} it?" if near else ""
        raise MidsError(f"{root} holds no table of {kind}, such as {example}{hint}")
    return candidates[0] if candidates else None


def strangers(tables: Tables, subjects: Mapping[str, Subject]) -> Iterator[Issue]:
    """One Issue for each table that has rows about subjects without any image."""
    present = {label for label, subject in subjects.items() if subject.images}
    for rows in tables.rows.values():
        lines = sorted(line for label, found in rows.of.items() if label not in present for line, _ in found)
        if lines:
            shown = ", ".join(map(str, lines[:10])) + (" …" if len(lines) > 10 else "")
            message = f"{len(lines)} rows are about subjects without an image in the source"
            yield issue("ENTRY_UNMATCHED", message, rows.table.path, where=f"rows {shown}", origin="read")


def rows_about(label: str, subject: Subject, tables: Tables) -> Iterator[Item]:
    """Everything that the tables say of one subject."""
    tests = list(_tests(label, tables))
    yield from tests
    results = [item.values.get("result", "") for item in tests if isinstance(item, Entry)]
    yield from _person(label, subject, tables, bimcv_rows.summary(results))
    yield from _reports(label, subject, tables)
    yield from _partitions(label, subject, tables)


def _tests(label: str, tables: Tables) -> Iterator[Item]:
    seen: dict[tuple[str, ...], int] = {}
    for table, line, row in tables.of("tests", label):
        before = seen.setdefault(bimcv_rows.same(row), line)
        if before != line:
            message = f"the row repeats row {before}"
            yield issue("ROW_REPEATED", message, table.path, where=table.where(line), origin="read")
        else:
            yield from bimcv_rows.test(table, line, row, label, tables.words)


def _person(label: str, subject: Subject, tables: Tables, covid_test: str) -> Iterator[Item]:
    """The subject's columns of participants.tsv; the published ages are lists, one of each session."""
    rows = list(tables.of("participants", label))
    columns = {"region": "Valencian Region", "country": "Spain", "covid_test": covid_test}
    ages: list[int] = []
    yield from _repeated(rows)
    is_one = len({(row["age"], row["gender"]) for _, _, row in rows}) == 1
    for table, line, row in rows[:1] if is_one else ():
        sexes = labelcells.parse(row["gender"]).flat
        plain = {**row, "gender": sexes[0]} if len(sexes) == 1 else row
        values, problems = tables.words.clinical.values("participants", plain)
        columns |= values
        for problem in problems:
            where = table.where(line, problem.column)
            message = "the word is not in the code list"
            yield issue(problem.code, message, table.path, where=where, value=problem.value, origin="read")
        ages = yield from _ages(table, line, row["age"], tables.words)
    if not rows:
        path = tables.rows["participants"].table.path
        yield issue("VALUE_MISSING", f"there is no row for sub-{label}", path, origin="read")
    columns |= _age(min(ages)) if ages else _born(subject)
    yield Person(label, {key: value for key, value in columns.items() if value})


def _repeated(rows: Sequence[tuple[Table, int, dict[str, str]]]) -> Iterator[Issue]:
    """An Issue for each further row about a subject: it repeats the first, or contradicts it."""
    for table, line, row in rows[1:]:
        first = rows[0][2]
        if (row["age"], row["gender"]) == (first["age"], first["gender"]):
            yield issue(
                "ROW_REPEATED",
                "an earlier row is about the subject",
                table.path,
                where=table.where(line),
                origin="read",
            )
        else:
            message = "an earlier row gives the subject another age or sex: none is used"
            yield issue("VALUE_CONTRADICTED", message, table.path, where=table.where(line), origin="read")


def _ages(table: Table, line: int, cell: str, words: Words) -> Generator[Issue, None, list[int]]:
    """The ages of a cell; none where something else stands in it, which an Issue tells, or they are years apart."""
    where = table.where(line, "age")
    texts = [text for text in labelcells.parse(cell).flat if text.lower() not in words.clinical.missing]
    ages = [int(float(text)) for text in texts if re.fullmatch(r"\d{1,3}(\.\d+)?", text)]
    if len(ages) < len(texts):
        yield issue("VALUE_UNKNOWN", "this is not an age", table.path, where=where, value=cell, origin="read")
    if ages and max(ages) - min(ages) > APART:
        message = f"the ages lie more than {APART} years apart (a decimal comma?): none is used"
        yield issue("VALUE_CONTRADICTED", message, table.path, where=where, origin="read")
        return []
    return ages


def _age(years: int) -> dict[str, str]:
    capped = str(min(years, AGE_CAP))
    return {"age": capped, "age_min": capped, "age_max": capped if years <= AGE_CAP else ""}


def _born(subject: Subject) -> dict[str, str]:
    """The limits of the age at the first study that a year of birth leaves: published headers keep no more of it."""
    headers = [record.header for record in subject.images]
    dated = sorted(
        (str(header["StudyDate"])[:4], str(header["PatientBirthDate"]).strip())
        for header in headers
        if header.get("StudyDate") and not header.get("PatientAge")
        and re.fullmatch(r"(18|19|20)\d\d", str(header.get("PatientBirthDate") or "").strip())
    )  # fmt: skip
    if not dated or not dated[0][0].isdigit():
        return {}
    high = int(dated[0][0]) - int(dated[0][1])
    if not 0 <= high <= 130:
        return {}
    low = max(high - 1, 0)
    return {"age_min": str(min(low, AGE_CAP)), "age_max": str(high) if high <= AGE_CAP else ""}


def _reports(label: str, subject: Subject, tables: Tables) -> Iterator[Item]:
    """Reports and labels of every session; the texts of sessions.tsv come behind those of the table of labels."""
    counts: dict[str, int] = defaultdict(int)
    present = {record.study for record in subject.images}
    suboptimal: set[str] = set()
    for table, line, row in tables.of("labels", label):
        session = label_of(row["report_id"])
        counts[session] += 1
        report = Report(label, session, session, counts[session])
        yield from bimcv_rows.labels(table, line, row, report, tables.words)
        if session in present and bimcv_rows.is_suboptimal(row):
            suboptimal.add(session)
        yield _report(report, row.get("report", ""), "labels")
    for session, visits in sorted(subject.sessions.items()):
        for visit in visits:
            counts[session] += 1
            yield _report(Report(label, session, session, counts[session]), visit.text, "sessions")
    for session in sorted(present):
        columns = {"quality": "suboptimal", "quality_source": f"report: {bimcv_rows.SUBOPTIMAL}"}
        yield Visit(label, session, columns if session in suboptimal else {})


def _report(report: Report, text: str, source: str) -> Entry:
    plain = " ".join(text.split())
    values = {"report_id": report.report_id, "report": plain if plain.lower() not in ("nan", "none") else ""}
    return Entry("reports", report.subject, {**values, "report_source": source}, study=report.study)


def _partitions(label: str, subject: Subject, tables: Tables) -> Iterator[Item]:
    images = {record.instance.rpartition("/")[2].partition(".")[0]: record for record in subject.images}
    codes = tables.words.clinical.schema.code_lists["split"]
    for table, line, row in tables.of("partitions", label):
        name = row.get("filename", "").rpartition("/")[2].partition(".")[0]
        if row["split"].strip().lower() in tables.words.clinical.missing:
            continue
        split = codes.find(row["split"])
        record = images.get(name)
        if split is None:
            where = table.where(line, "split")
            message = "the word is not in the code list"
            yield issue("VALUE_UNKNOWN", message, table.path, where=where, value=row["split"], origin="read")
        elif name and record is None:
            message = "the row is about an image that the source does not hold"
            yield issue("ENTRY_UNMATCHED", message, table.path, where=table.where(line), origin="read")
        else:
            session = record.study if record else label_of(row.get("session", ""))
            values = {"split": split}
            yield Entry("partitions", label, values, session, record.image if record else "")
