"""The small files of a dataset, as text: sidecars, tables with their dictionaries, description, README."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Protocol

from mids._version import __version__
from mids.deid.describe import describe
from mids.deid.policy import Policy
from mids.plan.job import NOBODY, Row, Subject
from mids.plan.layouts import ignored_lines
from mids.plan.privacy import generalised
from mids.records import PIXELS, About, Delivered, Json
from mids.vocabulary.schema import Schema, Table

BIDS_VERSION = "1.10.1"
MIDS_VERSION = "1.0.0"
Text = tuple[str, str]

PROVENANCE = "derivatives/provenance"
BIDSIGNORE = "**/mim-*\n"
"""One line that the official bids-validator 3 honours for folders of any depth (``**/mim-*/**`` does not)."""


@dataclass(frozen=True, slots=True)
class Words:
    """What a dataset's texts are written with: what its collection is, and the vocabulary with its columns.

    `policy` is what de-identification does.
    """

    about: About
    schema: Schema
    policy: Policy


_NUMBERS = re.compile(r"\[\s+(?:-?[\d.eE+-]+,\s+)*-?[\d.eE+-]+\s+\]")


def as_json(value: Mapping[str, Json]) -> str:
    """JSON as it stands in every file of a dataset: two blanks, UTF-8, a list of numbers on one line."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return _NUMBERS.sub(lambda found: f"[{' '.join(found[0][1:-1].split())}]", text) + "\n"


def as_tsv(columns: Sequence[str], rows: Sequence[Row]) -> str:
    """A TSV table: header and rows with LF ends, missing values ``n/a``, no tab or line end inside a cell."""
    lines = ["\t".join(columns)]
    lines += ["\t".join(_cell(row.get(column, "")) for column in columns) for row in rows]
    return "\n".join(lines) + "\n"


def _cell(value: str) -> str:
    return " ".join(value.split()) or "n/a"


class Inventory(Protocol):
    """What is in a dataset, as the journal knows it; nothing of it is in memory until it is asked for."""

    def images(self) -> Iterator[Delivered]:
        """Every image, ordered by path."""

    def subject(self, label: str) -> Subject | None:
        """What is known of a subject but its jobs."""


def sidecar_texts(inventory: Inventory) -> Iterator[Text]:
    """One sidecar for each image, under the image's stem."""
    for image in inventory.images():
        yield image.path.split(".", 1)[0] + ".json", as_json(image.sidecar)


def dataset_texts(inventory: Inventory, words: Words) -> Iterator[Text]:
    """The tables and descriptions of a dataset; nothing where it is empty."""
    counts = _Counts()
    rows: dict[str, Row] = {}
    scans = (image for image in inventory.images() if image.row)  # a label map is no scan
    for label, images in groupby(scans, key=lambda image: image.subject):
        sessions: dict[str, list[Delivered]] = defaultdict(list)
        for image in images:
            sessions[image.session].append(image)
            counts.modalities.add(image.row["modality"])
        subject = inventory.subject(label) or Subject(label)
        yield from _subject_texts(subject, sessions, words.schema)
        rows[label] = _participant(subject.row, list(sessions.values()))
        counts.sessions += len(sessions)
        counts.images += sum(map(len, sessions.values()))
    if not rows:
        return
    counts.subjects = len(rows)
    people = [rows[label] for label in sorted(rows)]
    table = words.schema.tables["participants"]
    people = generalised(people, table.columns, words.policy.region_minimum)
    yield "participants.tsv", as_tsv(_columns(table, people), people)
    for name in ("participants", "sessions", "scans"):
        yield f"{name}.json", as_json(dictionary(words.schema.tables[name], words.schema))
    yield from _entry_texts((NOBODY, *sorted(rows)), inventory, words)
    yield "dataset_description.json", as_json(description(words.about))
    yield "README.md", readme(words, counts)
    yield "CHANGES", "1.0.0\n  - First version of this dataset.\n"
    yield ".bidsignore", BIDSIGNORE + "".join(ignored_lines(image.path for image in inventory.images()))
    yield from _provenance(inventory, words.about)


@dataclass(slots=True)
class _Counts:
    """What the README counts."""

    images: int = 0
    sessions: int = 0
    subjects: int = 0
    modalities: set[str] = field(default_factory=set)


def _subject_texts(subject: Subject, sessions: Mapping[str, Sequence[Delivered]], schema: Schema) -> Iterator[Text]:
    wanted = [row for label, row in subject.sessions.items() if label in sessions]
    place = f"sub-{subject.label}"
    yield f"{place}/{place}_sessions.tsv", as_tsv(_columns(schema.tables["sessions"], wanted), wanted)
    for session, images in sessions.items():
        scans = [_scan(image) for image in images]
        path = f"{place}/ses-{session}/{place}_ses-{session}_scans.tsv"
        yield path, as_tsv(_columns(schema.tables["scans"], scans), scans)


def _entry_texts(labels: Sequence[str], inventory: Inventory, words: Words) -> Iterator[Text]:
    """The other tables with their dictionaries, and a description for each derivatives folder.

    A row about an image that was lost names no file; one about a session of which no image is there is left out
    (`mids.run.run` tells it).
    """
    paths = {image.path for image in inventory.images()}
    there = {(image.subject, f"ses-{image.session}") for image in inventory.images()}
    tables: dict[str, list[Row]] = defaultdict(list)
    for label in labels:
        subject = inventory.subject(label)
        for entry in subject.entries if subject else ():
            if (session := entry.row.get("session_id")) and (label, session) not in there:
                continue
            is_lost = entry.row.get("filename", "") not in {"", *paths}
            tables[entry.table].append({**entry.row, "filename": "n/a"} if is_lost else entry.row)
    files = {words.schema.tables[name].file: name for name in tables}
    for file, name in sorted(files.items()):
        table = words.schema.tables[name]
        yield file, as_tsv(_columns(table, tables[name]), tables[name])
        yield file.removesuffix(".tsv") + ".json", as_json(dictionary(table, words.schema))
    places = (path.split("/") for path in (*files, *paths))
    derived = {place[1] for place in places if place[0] == "derivatives" and len(place) > 2}
    for folder in sorted(derived):
        name = f"{words.about.title}: {folder}"
        described = {**description(words.about), "Name": name, "DatasetType": "derivative"}
        yield f"derivatives/{folder}/dataset_description.json", as_json(described)


def _scan(image: Delivered) -> Row:
    """The row of an image, its size as the image itself has it."""
    sizes = {
        key: str(image.sidecar[name])
        for key, name in (("rows", "Rows"), ("columns", "Columns"))
        if name in image.sidecar
    }
    return {**image.row, **sizes}


def _columns(table: Table, rows: Sequence[Row]) -> list[str]:
    """The table's columns in the vocabulary's order (required ones, and those that any row fills), then others."""
    filled = {key for row in rows for key, value in row.items() if value not in ("", "n/a")}
    known = [name for name, column in table.columns.items() if column.required or name in filled]
    return known + sorted(filled - set(table.columns))


def _participant(row: Row, sessions: Sequence[Sequence[Delivered]]) -> Row:
    scans = [image.row for images in sessions for image in images]
    joined = {
        name: ";".join(sorted({scan[key] for scan in scans} - {"n/a"}))
        for name, key in (("modalities", "modality"), ("body_parts", "body_part"))
    }
    return {**row, **joined}


def dictionary(table: Table, schema: Schema) -> dict[str, Json]:
    """The JSON dictionary of a table: what each column means, its unit and its levels."""
    described: dict[str, Json] = {}
    for name, column in table.columns.items():
        entry: dict[str, Json] = {"Description": column.description}
        if column.unit:
            entry["Units"] = column.unit
        if column.code_list and len(schema.code_lists[column.code_list].codes) <= 40:
            codes = schema.code_lists[column.code_list].codes
            entry["Levels"] = {code: value.definition for code, value in codes.items()}
        described[name] = entry
    return described


def description(about: About) -> dict[str, Json]:
    """dataset_description.json from what is known of the collection."""
    optional: dict[str, Json] = {
        "Description": about.description, "Keywords": list(about.keywords),
        "License": about.licence if about.licence != "n/a" else "",
        "Authors": list(about.authors), "Acknowledgements": about.acknowledgements,
        "HowToAcknowledge": about.how_to_cite, "Funding": list(about.funding),
        "EthicsApprovals": list(about.ethics), "ReferencesAndLinks": list(about.references),
        "DatasetDOI": about.doi, "Publisher": about.publisher, "DatePublished": about.published,
        "KnownLimitations": list(about.limitations),
    }  # fmt: skip
    return {
        "Name": about.title,
        "BIDSVersion": BIDS_VERSION,
        "MIDSVersion": MIDS_VERSION,
        "DatasetType": "raw",
        **{key: value for key, value in optional.items() if value},
        "UsageTerms": {
            "CommercialUse": about.commercial_use, "Redistribution": about.redistribution,
            "Attribution": about.attribution, "Agreement": about.agreement,
        },
        "GeneratedBy": [{"Name": "mids", "Version": __version__, "Description": f"mids convert {about.name}"}],
        **({"SourceDatasets": [{"URL": about.url}]} if about.url else {}),
    }  # fmt: skip


def readme(words: Words, counts: _Counts) -> str:
    """README.md: what the dataset is, what is in it, how it may be used."""
    about = words.about
    parts = [
        f"# {about.title}", about.description,
        f"{counts.images} images ({', '.join(sorted(counts.modalities))}) of {counts.sessions} sessions of "
        f"{counts.subjects} subjects, "
        f"in the Medical Imaging Data Structure (MIDS), an extension of BIDS {BIDS_VERSION}.",
        "Two-dimensional images are PNG (MONOCHROME2, the sidecar says how their pixels were made), volumes are NIfTI.",
    ]  # fmt: skip
    titled = (
        ("How to cite", about.how_to_cite), ("Licence", about.licence if about.licence != "n/a" else ""),
        ("Ethics", "\n".join(about.ethics)), ("Funding", "\n".join(about.funding)),
        ("De-identification", _deidentification(words)),
        ("Known limitations", "\n".join(f"- {text}" for text in about.limitations)),
    )  # fmt: skip
    parts += [f"## {title}\n\n{text}" for title, text in titled if text]
    return "\n\n".join(parts) + "\n"


def _deidentification(words: Words) -> str:
    """What the README says of it: the policy, and what of it the collection has no need of."""
    already = [name for name in ("ids", "dates") if getattr(words.about, name) != "real"]
    kept = f"The {' and '.join(already)} of the source are public or pseudonymous already." if already else ""
    return "\n\n".join(part for part in (f"```text\n{describe(words.policy)}```", kept) if part)


def _provenance(inventory: Inventory, about: About) -> Iterator[Text]:
    """How each image was made: the one table, beside dataset_description.json, that holds versions."""
    rows = []
    for image in inventory.images():
        warned = image.private.get("warnings")
        rows.append({
            "filename": image.path,
            "software": str(image.private.get("software", "mids")),
            "version": str(image.private.get("version", __version__)),
            "command": str(image.private.get("command", "")),
            "warnings": "; ".join(str(text) for text in warned) if isinstance(warned, list) else "",
            PIXELS: str(image.private.get(PIXELS, "")),
        })  # fmt: skip
    yield (
        f"{PROVENANCE}/conversions.tsv",
        as_tsv(["filename", "software", "version", "command", "warnings", PIXELS], rows),
    )
    yield (
        f"{PROVENANCE}/dataset_description.json",
        as_json({**description(about), "Name": f"{about.title}: provenance", "DatasetType": "derivative"}),
    )
