"""PadChest as BIMCV published it: one table of images, studies, reports and labels, and PNG files in any folders."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from mids.collections.bimcv import labeltree, legacy, pngs
from mids.collections.bimcv import rows as bimcv_rows
from mids.collections.bimcv import tables as bimcv_tables
from mids.collections.bimcv.copies import repeated
from mids.collections.bimcv.description import under_agreement
from mids.collections.bimcv.pngs import Files
from mids.collections.bimcv.rows import Report, Words
from mids.errors import MidsError
from mids.issues import Issue, issue
from mids.readers.archives.files import walk
from mids.readers.dicom.scan import PLAIN, Scanner
from mids.readers.evidence import make_stranger
from mids.readers.tables import ids
from mids.readers.tables.table import Table
from mids.records import About, Entry, Item, Person, Record, Skipped, Source, Visit
from mids.vocabulary import clinical

NAME = "padchest"
LICENCE = "LicenseRef-PadChest"

_ABOUT = About(
    name=NAME,
    title="PadChest",
    description="Chest radiographs of one hospital of the Valencian Region (San Juan, 2009 to 2017) with their "
    "radiological reports in Spanish and labels of findings, diagnoses and places found in them by physicians or by a "
    "neural network, mapped to UMLS.",
    authors=("Aurelia Bustos", "Antonio Pertusa", "Jose-Maria Salinas", "Maria de la Iglesia-Vayá"),
    how_to_cite="Bustos A, Pertusa A, Salinas JM, de la Iglesia-Vayá M. PadChest: A large chest x-ray image dataset "
    "with multi-label annotated reports. Medical Image Analysis 2020;66:101797",
    references=("https://doi.org/10.1016/j.media.2020.101797", "https://arxiv.org/abs/1901.07441"),
    doi="10.1016/j.media.2020.101797",
    url="https://bimcv.cipf.es/bimcv-projects/padchest/",
    limitations=(
        "Labels were found in reports, not in images: by physicians for a quarter of them, by a network for the rest.",
        "The year of birth alone is published, so ages are known to a year.",
        "Whether the pixels of MONOCHROME1 radiographs were inverted before publication is not stated.",
        "Images whose projection is EXCLUDE are not chest radiographs of a usual projection; they are delivered.",
    ),
    expected="The table (PADCHEST_chest_x_ray_images_labels_….csv, .csv.gz or a subset of it) and the images as PNG, "
    "in folders or in the downloaded archives.",
)
ABOUT = under_agreement(_ABOUT, "PadChest")

_IMAGE = re.compile(r"\d{20,}_[0-9A-Za-z-]+\.png", re.IGNORECASE)
"""How images are called: the study's number and the image's own: 2168…880_02-094-102.png."""

_ROUNDED = re.compile(r"\d[.,]\d+E\+\d+", re.IGNORECASE)
"""A long number as spreadsheets write it: most of its digits are lost."""

Rows: TypeAlias = "dict[str, list[tuple[int, dict[str, str]]]]"
"""Rows of the table with their lines, by patient."""

_REQUIRED = ("image", "study", "participant", "projection", "labels")
AGE_CAP = 89


def recognise(root: Path, scanner: Scanner = PLAIN, sources: Iterable[Source] | None = None) -> str:
    """What is missing for `root` to be the collection; empty if nothing is."""
    del scanner
    for source in walk(root) if sources is None else sources:
        name = source.name.replace("!", "/").rpartition("/")[2]
        if _IMAGE.fullmatch(name) or re.match(r"padchest.*\.(csv|tsv)(\.gz)?$", name, re.IGNORECASE):
            return ""
    return "it has neither a table called PADCHEST… nor an image like 2168…880_02-094-102.png"


def read(root: Path, scanner: Scanner = PLAIN) -> Iterator[Sequence[Item]]:
    """First what belongs to no patient, then the items patient by patient.

    Raises `MidsError` where there is no table with the columns of PadChest, or it names no image as PadChest does.
    """
    files = pngs.collect(root, scanner.mapped)
    table, tree = _table(root, files)
    if not table.rows:
        raise MidsError(f"{table.path} has no rows that can be read: give the table of the images that you have")
    if not any(_IMAGE.fullmatch(row["image"]) for row in table.rows):
        raise make_stranger(root, NAME, "no ImageID is like 2168…880_02-094-102.png")
    nodes, cuis, problems = labeltree.read(*tree) if tree else labeltree.without()
    words = Words(clinical.load(NAME), cuis, public=True)
    people, unusable = _by_patient(table, words)
    lacking = [line for line, row in table.numbered() if row["image"] not in files.images]
    wrong = (*files.issues, *table.issues, *problems, *unusable)
    yield [*wrong, *_lacking(table, lacking), *_left(root, table, people, files)]
    yield list(bimcv_rows.tree(nodes))
    for subject, rows in sorted(people.items()):
        present = [(line, row) for line, row in rows if row["image"] in files.images]
        if present:
            yield list(_patient(subject, table, present, files, words))


def _table(root: Path, files: Files) -> tuple[Table, tuple[bytes, str] | None]:
    """The table of images and the label tree, if there is one; raises `MidsError` for none or several tables."""
    tables = [table for table in files.tables if {"imageid", "patientid"} <= set(table.header)]
    found = [one for n, one in enumerate(tables) if not any(_alike(one, other) for other in tables[:n])]
    if len(found) != 1:
        many = ", ".join(table.path for table in found)
        broken = "".join(f"; {one.path}: {one.message}" for one in files.issues[:1])
        raise MidsError(
            f"{root} holds several tables of images ({many}): convert one at a time" if found
            else f"{root} holds no table with the columns ImageID and PatientID, such as "
            f"PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv{broken}"
        )  # fmt: skip
    table = bimcv_tables.named(found[0], NAME, "images", _REQUIRED)
    return replace(table, rows=tuple({**row, "image": pngs.name_of(row["image"])} for row in table.rows)), files.tree


def _alike(one: Table, other: Table) -> bool:
    """Whether two tables hold the same, such as one that was unpacked beside its archive."""
    return (one.header, one.rows) == (other.header, other.rows)


def _lacking(table: Table, lines: Sequence[int]) -> Iterator[Item]:
    if lines:
        shown = ", ".join(map(str, lines[:10])) + (" …" if len(lines) > 10 else "")
        message = f"{len(lines)} rows are about images that the source does not hold"
        yield issue("ENTRY_UNMATCHED", message, table.path, where=f"rows {shown}", origin="read")


def _by_patient(table: Table, words: Words) -> tuple[Rows, list[Issue]]:
    """The rows of each patient, each image once, and an Issue for each row that is left out."""
    people: Rows = defaultdict(list)
    owners: dict[str, str] = {}
    issues: list[Issue] = []
    for line, row in table.numbered():
        image, patient, study = row["image"], _known(row, "participant", words), _known(row, "study", words)
        problem = _problem(row, owners.get(image, ""), words)
        if problem is None and owners.setdefault(study, patient) != patient:
            problem = "VALUE_CONTRADICTED", "study", "an earlier row gives the study to another patient: it is not used"
        if problem is None:
            people[patient].append((line, row))
            owners[image] = patient
        else:
            code, column, message = problem
            issues.append(issue(code, message, table.path, where=table.where(line, column), origin="read"))
    return people, issues


def _problem(row: Mapping[str, str], owner: str, words: Words) -> tuple[str, str, str] | None:
    """Why a row can't be used (code, column, message); `owner` is the patient of an earlier row with its image."""
    for column, what in (("participant", "patient"), ("study", "study")):
        if not (text := _known(row, column, words)):
            return "ROW_INVALID", column, f"the row names no {what}"
        if _ROUNDED.fullmatch(text):  # the same text for everybody whose number begins with the same digits
            return "ROW_INVALID", column, f"a spreadsheet rounded the number of the {what}"
    if owner == _known(row, "participant", words):
        return "ROW_REPEATED", "image", "an earlier row names the image"
    return ("IMAGE_SHARED", "image", "an earlier row gives the image to another patient") if owner else None


def _left(root: Path, table: Table, people: Rows, files: Files) -> Iterator[Item]:
    """Images without a row that can be used, the tables, and files of other kinds."""
    listed = {row["image"] for row in table.rows}
    used = {row["image"] for rows in people.values() for _, row in rows}
    for name, picture in files.images.items():
        if name in listed - used:
            yield Skipped((picture.source,), "its row in the table is invalid")
        elif name not in listed:
            message = "no row of the table names the image, so nothing is known of it"
            yield issue("IMAGE_UNLISTED", message, picture.source.name, origin="read")
            yield Skipped((picture.source,), "an image without a row in the table")
    yield from (Skipped((source,), "a table: its rows go into the new tables") for source in files.documents)
    for name, source in files.repeated:
        yield repeated(root, files.images[name].source, source, "another image has the same name")
    yield from (Skipped((source,), "neither the table nor a PNG") for source in files.others)


# --- one patient -----------------------------------------------------------------------------------------


def _patient(
    subject: str, table: Table, rows: Sequence[tuple[int, dict[str, str]]], files: Files, words: Words
) -> Iterator[Item]:
    studies: dict[str, list[tuple[int, dict[str, str]]]] = defaultdict(list)
    for line, row in rows:
        yield from _image(subject, table, line, row, files, words)
        studies[row["study"].strip()].append((line, row))
    yield from _person(subject, table, rows, words)
    for study, own in studies.items():
        yield from _study(subject, study, table, own, words)


def _image(subject: str, table: Table, line: int, row: Mapping[str, str], files: Files, words: Words) -> Iterator[Item]:
    picture = files.images[row["image"]]
    columns, problems = words.clinical.values("scans", row)
    projection = _known(row, "projection", words)
    known = clinical.declared(NAME)["projections"]
    meaning = known.get(projection.lower(), {})
    if projection and projection.lower() not in known:
        yield _unknown(table, line, "projection", projection)
    yield from (_unknown(table, line, one.column, one.value) for one in problems)
    header = legacy.of_names(row)
    day = _day(row, words)
    if not day and (written := _known(row, "day", words)):
        message = "this is not a date"
        where = table.where(line, "day")
        yield issue("VALUE_UNKNOWN", message, table.path, where=where, value=written, origin="read")
    header |= {"StudyDate": day.replace("-", "")}
    modality = header.get("Modality")
    if modality not in ("CR", "DX"):
        yield _unknown(table, line, "modality", str(modality or ""))
        modality = header["Modality"] = "DX"
    if picture.size != (0, 0):
        header |= {"Rows": picture.size[0], "Columns": picture.size[1]}
    if header.get("PhotometricInterpretation") == "MONOCHROME1":
        message = "the source says MONOCHROME1, but not whether the pixels were inverted"
        yield issue("POLARITY_UNKNOWN", message, picture.source.name, origin="read")
    position = {"patient_position": meaning["position"]} if "position" in meaning else {}
    by_model = bool(re.search("model|network", _known(row, "projection_method", words), re.IGNORECASE))
    is_reviewed = "manual" in _known(row, "projection_method", words).lower()
    yield Record(
        subject=subject, study=row["study"].strip(), series=row["image"], kind="picture",
        modality=str(modality), sources=(picture.source,),
        header={**{key: value for key, value in header.items() if value}, "BodyPartExamined": "CHEST"},
        instance=row["image"],
        columns={**columns, **position, "source_file": row["image"], "usage_terms": LICENCE},
        view=meaning.get("view", ""),
        view_source="" if not projection else "model" if by_model and not is_reviewed else "source",
    )  # fmt: skip


def _day(row: Mapping[str, str], words: Words) -> str:
    """The study's day in ISO 8601, empty for none and for what is none."""
    return bimcv_tables.iso_date(ids.plain(_known(row, "day", words)))


def _known(row: Mapping[str, str], column: str, words: Words) -> str:
    text = " ".join(row.get(column, "").split())
    return "" if text.lower() in words.clinical.missing else text


def _unknown(table: Table, line: int, column: str, value: str) -> Item:
    message = "the value is not in the vocabulary"
    return issue("VALUE_UNKNOWN", message, table.path, where=table.where(line, column), value=value, origin="read")


def _person(subject: str, table: Table, rows: Sequence[tuple[int, dict[str, str]]], words: Words) -> Iterator[Item]:
    """The sex that all rows agree on, and the limits of the age that a year of birth leaves at the first study."""
    columns: dict[str, str] = {"region": "Valencian Region", "country": "Spain"}
    sexes: set[str] = set()
    for line, row in rows:
        values, problems = words.clinical.values("participants", row)
        sexes |= {values["sex"]} if "sex" in values else set()
        columns |= {"sex_raw": values["sex_raw"]} if "sex_raw" in values else {}
        yield from (_unknown(table, line, one.column, one.value) for one in problems)
    if len(sexes) > 1:
        where = table.where(rows[0][0], "sex")
        yield issue(
            "VALUE_CONTRADICTED", "rows of the patient say several sexes", table.path, where=where, origin="read"
        )
    columns |= {"sex": sexes.pop()} if len(sexes) == 1 else {}
    limits, problems_of_age = _age(table, rows, words)
    yield from problems_of_age
    yield Person(subject, columns | limits)


def _age(table: Table, rows: Sequence[tuple[int, dict[str, str]]], words: Words) -> tuple[dict[str, str], list[Issue]]:
    """The limits of the age at the first study, and what of the years of birth can't be used."""

    def told(code: str, message: str, line: int) -> list[Issue]:
        return [issue(code, message, table.path, where=table.where(line, "birth"), origin="read")]

    births = {ids.plain(text): line for line, row in reversed(rows) if (text := _known(row, "birth", words))}
    issues = [
        one
        for born, line in births.items()
        if not re.fullmatch(r"(18|19|20)\d\d", born)
        for one in told("VALUE_UNKNOWN", "this is not a year of birth", line)
    ]
    days = sorted(filter(None, (_day(row, words) for _, row in rows)))
    if len(births) > 1:
        issues += told("VALUE_CONTRADICTED", "rows of the patient give several years of birth", min(births.values()))
    if issues or not births or not days:
        return {}, issues
    ((born, line),) = births.items()
    high = int(days[0][:4]) - int(born)
    if not 0 <= high <= 130:
        return {}, told("VALUE_IMPLAUSIBLE", "the year of birth does not fit the day of the first study", line)
    limits = {"age_min": str(min(max(high - 1, 0), AGE_CAP))}
    return limits | ({"age_max": str(high)} if high <= AGE_CAP else {}), []


def _study(
    subject: str, study: str, table: Table, rows: Sequence[tuple[int, dict[str, str]]], words: Words
) -> Iterator[Item]:
    """The session's columns, and each report of the study with its labels: the rows of its images repeat them."""
    columns: dict[str, str] = {}
    seen: set[tuple[str, ...]] = set()
    for line, row in rows:
        values, problems = words.clinical.values("sessions", row)
        yield from (_unknown(table, line, one.column, one.value) for one in problems)
        columns |= values
        said = tuple(" ".join(row.get(name, "").split()) for name in ("report_id", "report", "labels", "sentences"))
        if said in seen:
            continue
        seen.add(said)
        report = Report(subject, study, study, len(seen))
        for item in bimcv_rows.labels(table, line, row, report, words):
            method = _known(row, "label_method", words)
            if isinstance(item, Entry) and method:
                item = Entry(item.table, item.subject, {**item.values, "label_method": method}, item.study)
            yield item
        if "report" in table.header:
            values = {"report": _known(row, "report", words), "report_source": "labels"}
            yield Entry("reports", subject, {"report_id": report.report_id, **values}, study)
        if bimcv_rows.is_suboptimal(row):
            columns |= {"quality": "suboptimal", "quality_source": f"report: {bimcv_rows.SUBOPTIMAL}"}
    yield Visit(subject, study, columns)
