"""The small files of a dataset, as text: sidecars, tables with their dictionaries, description, README."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from mids._version import __version__
from mids.plan.job import Row
from mids.records import About, Delivered, Json
from mids.schema import Schema, Table, load

BIDS_VERSION = "1.10.1"
MIDS_VERSION = "1.0.0"
Text = tuple[str, str]
Subjects = Mapping[str, tuple[Row, Mapping[str, Row]]]

PROVENANCE = "derivatives/provenance"
BIDSIGNORE = "**/mim-*\n"
"""One line that the official bids-validator 3 honours for folders of any depth (``**/mim-*/**`` does not)."""


def as_json(value: Mapping[str, Json]) -> str:
    """JSON as it stands in every file of a dataset: two blanks, UTF-8, a newline at the end."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def as_tsv(columns: Sequence[str], rows: Sequence[Row]) -> str:
    """A TSV table: header and rows with LF ends, missing values ``n/a``, no tab or line end inside a cell."""
    lines = ["\t".join(columns)]
    lines += ["\t".join(_cell(row.get(column, "")) for column in columns) for row in rows]
    return "\n".join(lines) + "\n"


def _cell(value: str) -> str:
    return " ".join(value.split()) or "n/a"


def sidecar_texts(delivered: Sequence[Delivered]) -> Iterator[Text]:
    """One sidecar for each image, under the image's stem."""
    for image in delivered:
        yield image.path.split(".", 1)[0] + ".json", as_json(image.sidecar)


def dataset_texts(delivered: Sequence[Delivered], subjects: Subjects, about: About) -> Iterator[Text]:
    """The tables and descriptions of a dataset that holds `delivered`; nothing where that is empty."""
    if not delivered:
        return
    schema = load()
    present: dict[str, dict[str, list[Delivered]]] = defaultdict(lambda: defaultdict(list))
    for image in delivered:
        present[image.subject][image.session].append(image)
    for subject, sessions in present.items():
        yield from _subject_texts(subject, sessions, subjects[subject][1], schema)
    rows = [
        _participant(subjects[subject][0], list(sessions.values())) for subject, sessions in sorted(present.items())
    ]
    yield "participants.tsv", as_tsv(_columns(schema.tables["participants"], rows), rows)
    for name in ("participants", "sessions", "scans"):
        yield f"{name}.json", as_json(dictionary(schema.tables[name], schema))
    yield "dataset_description.json", as_json(description(about))
    yield "README.md", readme(about, delivered)
    yield "CHANGES", "1.0.0\n  - First version of this dataset.\n"
    yield ".bidsignore", BIDSIGNORE
    yield from _provenance(delivered, about)


def _subject_texts(
    subject: str, sessions: Mapping[str, Sequence[Delivered]], rows: Mapping[str, Row], schema: Schema
) -> Iterator[Text]:
    wanted = [row for label, row in rows.items() if label in sessions]
    yield (
        f"sub-{subject}/sub-{subject}_sessions.tsv",
        as_tsv(_columns(schema.tables["sessions"], wanted), wanted),
    )
    for session, images in sessions.items():
        scans = [_scan(image) for image in images]
        path = f"sub-{subject}/ses-{session}/sub-{subject}_ses-{session}_scans.tsv"
        yield path, as_tsv(_columns(schema.tables["scans"], scans), scans)


def _scan(image: Delivered) -> Row:
    """The row of an image, its size as the image itself has it."""
    sizes = {
        key: str(image.sidecar[name])
        for key, name in (("rows", "Rows"), ("columns", "Columns"))
        if name in image.sidecar
    }
    return {**image.row, **sizes}


def _columns(table: Table, rows: Sequence[Row]) -> list[str]:
    """The table's columns in the vocabulary's order: required ones, and optional ones that any row fills."""
    filled = {key for row in rows for key, value in row.items() if value not in ("", "n/a")}
    return [name for name, column in table.columns.items() if column.required or name in filled]


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
        "License": about.licence if about.licence != "n/a" else "",
        "Authors": list(about.authors), "Acknowledgements": about.acknowledgements,
        "HowToAcknowledge": about.how_to_cite, "Funding": list(about.funding),
        "EthicsApprovals": list(about.ethics), "ReferencesAndLinks": list(about.references),
        "DatasetDOI": about.doi, "KnownLimitations": list(about.limitations),
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


def readme(about: About, delivered: Sequence[Delivered]) -> str:
    """README.md: what the dataset is, what is in it, how it may be used."""
    modalities = sorted({image.row["modality"] for image in delivered})
    subjects, sessions = {i.subject for i in delivered}, {(i.subject, i.session) for i in delivered}
    parts = [
        f"# {about.title}", about.description,
        f"{len(delivered)} images ({', '.join(modalities)}) of {len(sessions)} sessions of {len(subjects)} subjects, "
        f"in the Medical Imaging Data Structure (MIDS), an extension of BIDS {BIDS_VERSION}.",
        "Two-dimensional images are PNG (MONOCHROME2, the sidecar says how their pixels were made), volumes are "
        "NIfTI. Ids are pseudonyms and dates are shifted by a constant of each subject, unless the source "
        "published them.",
    ]  # fmt: skip
    titled = (
        ("How to cite", about.how_to_cite), ("Licence", about.licence if about.licence != "n/a" else ""),
        ("Ethics", "\n".join(about.ethics)), ("Funding", "\n".join(about.funding)),
        ("Known limitations", "\n".join(f"- {text}" for text in about.limitations)),
    )  # fmt: skip
    parts += [f"## {title}\n\n{text}" for title, text in titled if text]
    return "\n\n".join(parts) + "\n"


def _provenance(delivered: Sequence[Delivered], about: About) -> Iterator[Text]:
    """How each image was made: the one table, beside dataset_description.json, that holds versions."""
    rows = []
    for image in delivered:
        warned = image.private.get("warnings")
        rows.append({
            "filename": image.path,
            "software": str(image.private.get("software", "mids")),
            "version": str(image.private.get("version", __version__)),
            "command": str(image.private.get("command", "")),
            "warnings": "; ".join(str(text) for text in warned) if isinstance(warned, list) else "",
        })  # fmt: skip
    yield (
        f"{PROVENANCE}/conversions.tsv",
        as_tsv(["filename", "software", "version", "command", "warnings"], rows),
    )
    yield (
        f"{PROVENANCE}/dataset_description.json",
        as_json({**description(about), "Name": f"{about.title}: provenance", "DatasetType": "derivative"}),
    )
