"""BIMCV-COVID19+ and its negatives as BIMCV published them (iterations 1, 1+2, 1+2+3), in folders or tar archives."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from mids.collections.bimcv import legacy, rois
from mids.collections.bimcv import rows as bimcv_rows
from mids.collections.bimcv import tables as bimcv_tables
from mids.collections.bimcv.copies import repeated
from mids.collections.bimcv.description import under_agreement
from mids.collections.bimcv.subjects import NAME, Subject, kind_of, load, rows_about, strangers
from mids.collections.bimcv.survey import Found, Picture, pictures, survey
from mids.collections.bimcv.tables import label_of
from mids.errors import DataError, MidsError
from mids.issues import Issue, issue
from mids.readers.annotations.objects import File
from mids.readers.annotations.places import Places, places
from mids.readers.archives.files import walk
from mids.readers.dicom.grouping.classes import VOLUMES
from mids.readers.dicom.scan import PLAIN, Scanner
from mids.readers.evidence import make_stranger
from mids.readers.tables.table import Table, parse_csv
from mids.records import About, Item, Json, MaskFile, Record, Regions, Skipped, Source
from mids.vocabulary import clinical
from mids.vocabulary.names import Name

LICENCE = "LicenseRef-BIMCV-COVID19"

_ABOUT = About(
    name=NAME,
    title="BIMCV-COVID19+",
    description="Chest radiographs (CR, DX) and CT of patients of the Valencian Region with at least one positive test "
    "for SARS-CoV-2, with their tests, radiological reports in Spanish and labels found in the reports by a neural "
    "network, mapped to UMLS. The negatives (BIMCV-COVID19-) have the same form.",
    authors=(
        "Maria de la Iglesia Vayá", "Jose Manuel Saborit", "Joaquim Angel Montell", "Antonio Pertusa",
        "Aurelia Bustos", "Miguel Cazorla", "Joaquin Galant", "Xavier Barber", "Domingo Orozco-Beltrán",
        "Francisco García-García", "Marisa Caparrós", "Germán González", "Jose María Salinas",
    ),
    how_to_cite="de la Iglesia Vayá M, Saborit JM, Montell JA, et al. BIMCV COVID-19+: a large annotated dataset of RX "
    "and CT images from COVID-19 patients. arXiv:2006.01174, 2020",
    acknowledgements="General Electric Healthcare for parameterized searches; the Bioinformatics and Biostatistics "
    "Unit of the CIPF for its cluster; NVIDIA for two graphics cards",
    funding=(
        "Valencian Innovation Agency and Regional Ministry of Health, decree 51/2020",
        "University of Alicante, project UACOVID-19-18",
        "European Union, FEDER of the Valencian Community 2014-2020; Horizon 2020 grant agreement 688945",
    ),
    ethics=(
        "Institutional Review Board of the Miguel Hernández University",
        "CEIm 12/2020, Arnau de Vilanova Hospital, Valencian Region",
    ),
    references=("https://arxiv.org/abs/2006.01174", "https://github.com/BIMCV-CSUSP/BIMCV-COVID-19"),
    doi="10.17605/OSF.IO/NH7G8",
    url="https://bimcv.cipf.es/bimcv-projects/bimcv-covid19/",
    limitations=(
        "Labels were found in reports, not in images, by a network (micro F1 0.92 on its validation sentences).",
        "Every patient of the positive part has a positive test at some time, up to 50 days away from an image; the "
        "image itself may be normal.",
        "Published view positions were given series by series; of series with several files it is taken "
        "over for the file whose number the sidecar carries only.",
        "Whether the pixels of MONOCHROME1 radiographs were inverted before publication is not stated.",
        "Hospitals of the first iteration lie mostly in the provinces of Alicante and Castellón.",
    ),
    expected="One iteration (1, 1+2, 1+2+3, or the negatives): unpacked, as the downloaded tar archives, or both. "
    "participants.tsv and a table of labels must be there; sub-*/ses-*/ hold the images.",
)  # fmt: skip
ABOUT = under_agreement(_ABOUT, "BIMCV-COVID19")

_DRAWN = re.compile(r"derivatives/.+\.(xml|nii|nii\.gz)", re.IGNORECASE)


_SUBJECT = re.compile(r"S\d+")
"""Subject IDs as they were published: sub-S03047."""

_PUBLISHED = re.compile(r"(^|/)sub-S\d+/ses-E\d+/|covid19_(posi|neg)[^/]*\.(tar(\.gz)?|tgz)$")
"""How folders and archives of the collection are called."""


def recognise(root: Path, scanner: Scanner = PLAIN, sources: Iterable[Source] | None = None) -> str:
    """What is missing for `root` to be the published dataset; empty if nothing is."""
    del scanner
    if any(_PUBLISHED.search(source.path) for source in (walk(root) if sources is None else sources)):
        return ""
    return "it has no folder like sub-S03047/ses-E07985 and no archive like covid19_posi_subjects_1.tar.gz"


def read(root: Path, scanner: Scanner = PLAIN) -> Iterator[Sequence[Item]]:
    """First what belongs to no patient, the label tree among it, then the items patient by patient.

    Raises `MidsError` where the source is no published dataset, lacks a table or has another iteration's beside it,
    or where a column is missing.
    """
    files, issues = survey(root, scanner.mapped)
    files, copies = _distinct(root, files)
    if not any(pictures(files)):
        raise MidsError(
            f"{root} holds no images below sub-…/ses-…: give a published BIMCV-COVID19 dataset or its archives; "
            f"for DICOM use {NAME}-raw"
        )
    if any(not _SUBJECT.fullmatch(picture.subject) for picture in pictures(files) if picture.subject):
        raise make_stranger(root, NAME, "its subject IDs are not all like S03047")
    tables = load(root, files)
    subjects = _subjects(files)
    common = [*_drawn(files, subjects), *strangers(tables, subjects)]
    yield [*issues, *tables.issues, *common, *copies, *_left(files), *bimcv_rows.tree(tables.tree)]
    for label, subject in sorted(subjects.items()):
        if subject.images:
            yield [*subject.images, *subject.drawn, *subject.issues, *rows_about(label, subject, tables)]


# --- files -----------------------------------------------------------------------------------------------


def _distinct(root: Path, files: Sequence[Found]) -> tuple[list[Found], list[Item]]:
    """The files, each place of the dataset once: archives of several iterations hold the same.

    A table that differs from the one of its place stays: two iterations can't be told apart, and `load` refuses them.
    """
    first: dict[str, Source] = {}
    kept: list[Found] = []
    copies: list[Item] = []
    for found in files:
        before = first.setdefault(found.place, found.source)
        if not found.place or before is found.source:
            kept.append(found)
            continue
        item = repeated(root, before, found.source, "another file has the same place in the dataset")
        if isinstance(item, Issue) and kind_of(found.place):
            kept.append(found)
        else:
            copies.append(item)
    return kept, copies


def _left(files: Iterable[Found]) -> Iterator[Item]:
    """Every file that is no image, with why it does not appear as it is."""
    images = {picture.found.place for picture in pictures(files)}
    for found in files:
        if found.place in images or (_DRAWN.fullmatch(found.place) and not kind_of(found.place)):
            continue
        if found.place.startswith("sub-") and found.place.endswith((".png", ".nii.gz", ".nii")):
            message = "the name gives no session, or no known kind of image"
            yield issue("NAME_UNREADABLE", message, found.source.name, origin="read")
        elif found.place.startswith("sub-") and found.place.endswith(".json"):
            yield Skipped((found.source,), "a sidecar: its content goes into the new sidecars")
        elif kind_of(found.place) or found.place.endswith(("sessions.tsv", "scans.tsv")):
            yield Skipped((found.source,), "a table: its rows go into the new tables")
        else:
            yield Skipped((found.source,), "not among the published images, sidecars and tables")


def _subjects(files: Sequence[Found]) -> dict[str, Subject]:
    """Images and sessions of every subject folder, by its label."""
    subjects: dict[str, Subject] = defaultdict(Subject)
    scans: dict[str, dict[str, str]] = {}
    present: dict[str, set[str]] = defaultdict(set)
    for found in files:
        present["/".join(found.place.split("/")[:2])].add(found.place.rpartition("/")[2])
    for found in files:
        parts = found.place.split("/")
        if not found.place.startswith("sub-") or not found.place.endswith(".tsv"):
            continue
        if found.place.endswith("sessions.tsv"):
            rows, lost = bimcv_tables.sessions(found.data)
            for row in rows:
                subjects[label_of(parts[0])].sessions[label_of(row.session)].append(row)
            if any(row.cells for row in rows):
                message = "cells behind the reports are in no known column"
                subjects[label_of(parts[0])].issues.append(
                    issue("COLUMN_UNREAD", message, found.source.name, origin="read")
                )
            if lost:
                message = f"{lost} bytes before the first session are not readable as rows"
                subjects[label_of(parts[0])].issues.append(
                    issue("ROW_INVALID", message, found.source.name, origin="read")
                )
        elif found.place.endswith("scans.tsv") and len(parts) > 2:
            table = parse_csv(found.data, found.source.name)
            subjects[label_of(parts[0])].issues += [*table.issues, *_absent(present, table, "/".join(parts[:2]))]
            scans |= {f"{parts[1]}/{row.get('filename', '').rpartition('/')[2]}": row for row in table.rows}
    for picture in pictures(files):
        subject = subjects[picture.subject]
        folder, name = picture.found.place.split("/")[1], picture.found.place.rpartition("/")[2]
        days = [row.day for row in subject.sessions.get(picture.session, []) if row.day]
        record = _record(picture, scans.get(f"{folder}/{name}", {}), days)
        if record.header.get("PhotometricInterpretation") == "MONOCHROME1" and record.kind == "picture":
            message = "the source says MONOCHROME1, but not whether the pixels were inverted"
            subject.issues.append(issue("POLARITY_UNKNOWN", message, picture.found.source.name, origin="read"))
        subject.images.append(record)
    return dict(subjects)


def _absent(present: Mapping[str, set[str]], table: Table, folder: str) -> Iterator[Issue]:
    """An Issue for each row of a scans.tsv whose image the session's folder does not hold."""
    for line, row in table.numbered():
        if row.get("filename", "").rpartition("/")[2] not in present[folder]:
            message = "the table names an image that the source does not hold"
            yield issue("IMAGE_MISSING", message, table.path, where=table.where(line, "filename"), origin="read")


def _record(picture: Picture, scan: Mapping[str, str], days: Sequence[str]) -> Record:
    """An image with its header: its own sidecar's, else what holds for its series and what scans.tsv says."""
    schema = clinical.load(NAME).schema
    row = legacy.of_columns(scan) if picture.described_by != "own" else {}
    header: dict[str, Json] = {**row, **picture.header}
    is_volume = not picture.found.place.endswith(".png")
    stated = str(header.get("Modality") or "")
    modality = schema.suffixes[picture.name.suffix].modalities[0] if schema.suffix_of(stated) is None else stated
    if is_volume != (modality in VOLUMES):
        modality = schema.suffixes[picture.name.suffix].modalities[0]
    header["Modality"] = modality
    if picture.found.size[0]:
        header |= {"Rows": picture.found.size[0], "Columns": picture.found.size[1]}
    if days and not header.get("StudyDate"):
        header["StudyDate"] = days[0]
    if not header.get("BodyPartExamined") and picture.name.get("bp"):
        header["BodyPartExamined"] = picture.name.get("bp")
    view = picture.name.get("vp") or ""
    is_known = picture.is_view_its_own and view in schema.code_lists["view_positions"].codes
    described = picture.described_by if picture.described_by != "none" or not row else "scans.tsv"
    return Record(
        subject=picture.subject,
        study=picture.session,
        series=picture.series,
        kind="nifti" if is_volume else "picture",
        modality=modality,
        sources=(picture.found.source,),
        header=header,
        part=int(picture.name.get("acq") or 0) if (picture.name.get("acq") or "0").isdigit() else 0,
        instance=picture.found.place,
        columns={"source_file": picture.found.place, "sidecar_source": described, "usage_terms": LICENCE},
        view=view if is_known else "",
        view_source="source" if is_known else "",
        published={"layout": NAME, "suffix": picture.name.suffix, **_numbered(picture.name)},
    )


def _numbered(name: Name) -> dict[str, str]:
    """The entities of a published name, but subject and session."""
    return {key: name.get(key) or "" for key in ("acq", "run", "bp", "vp") if name.get(key)}


# --- regions of interest ---------------------------------------------------------------------------------


def _drawn(files: Sequence[Found], subjects: Mapping[str, Subject]) -> Iterator[Issue]:
    """Adds every annotation to the subject that it belongs to; what belongs to none is an Issue."""
    records = [record for subject in subjects.values() for record in subject.images]
    known = places(records)
    named = {record.instance.rpartition("/")[2].partition(".")[0]: record for record in records}
    readers: dict[str, int] = defaultdict(int)
    for found in sorted(files, key=lambda found: found.place):
        if not _DRAWN.fullmatch(found.place) or kind_of(found.place):
            continue
        for item in _regions(found, known, named):
            if isinstance(item, Issue):
                yield item
            else:
                readers[item.image] += 1
                reader = f"reader{readers[item.image]}"
                subjects[str(item.subject)].drawn.append(replace(item, reader=reader))


def _regions(found: Found, known: Places, named: Mapping[str, Record]) -> Iterator[Regions | MaskFile | Issue]:
    """The regions of one file; a NIfTI is called by its image's name, with something behind it or not."""
    file = File(found.source, "reader")
    if found.place.lower().endswith(".xml"):
        try:
            yield from rois.of_aim(found.data, file, known)
        except DataError as error:
            yield issue(error.code, error.message, found.source.name, origin="read")
        return
    stem = found.place.rpartition("/")[2].partition(".")[0]
    fitting = [name for name in named if stem == name or stem.startswith(f"{name}_")]
    if fitting:
        yield rois.of_volume(file, named[max(fitting, key=len)])
    else:
        message = "no image has the name of the mask"
        yield issue("REGION_UNMATCHED", message, found.source.name, origin="read")
