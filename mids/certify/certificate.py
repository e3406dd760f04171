"""Makes and verifies the certificate of a dataset: ``DATASET.certificate.json`` and ``.html`` beside it."""

import html
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from PIL import Image

from mids._version import __version__
from mids.deid.burned.glyphs import text_boxes
from mids.deid.headers.tables import edition
from mids.errors import MidsError
from mids.readers.dicom.values import BROKEN
from mids.records import Json
from mids.releases.manifest import Entry, digest_file, entries, walk_files
from mids.validation.runner import validate

_DESCRIPTIONS = ("dataset_description.json", "deidentification.json")
_CURATION = ("derivatives/provenance/curation.tsv",)
_MUST_BE_EMPTY = (
    "PatientBirthDate OtherPatientIDs OtherPatientNames PatientAddress InstitutionAddress OperatorsName"
).split()


def place(dataset: Path) -> Path:
    """Where the certificate of a dataset lies: beside it, for it would change what it certifies."""
    return dataset.with_name(f"{dataset.name}.certificate.json")


def certify(dataset: Path, self_test: tuple[int, tuple[str, ...]], *, sample: int = 0) -> dict[str, Any]:
    """Looks at everything again, writes the certificate, and returns it; `sample` images are searched for text.

    A `sample` of 0 is all. `self_test` says how many words were planted, and in which places one came out.
    Raises `MidsError` where `dataset` is none, or the certificate can't be written.
    """
    if not any((dataset / name).is_file() for name in _DESCRIPTIONS):
        raise MidsError(f"{dataset} is no dataset of mids convert or mids deidentify: give the folder of one")
    paths = sorted(walk_files(dataset))
    planted, leaks = self_test
    content: dict[str, Any] = {
        "Made": datetime.now(UTC).isoformat(timespec="seconds"),
        "Program": f"mids {__version__}",
        "Standard": f"DICOM PS3.15 Annex E, Table E.1-1 {edition().name}",
        "SelfTest": {"Planted": planted, "Leaked": list(leaks)},
        "Headers": _check_headers(dataset, [path for path in paths if path.endswith(".dcm")]),
        "Texts": _check_texts(dataset),
        "Pixels": _check_pixels(dataset, [path for path in paths if path.endswith(".png")], sample),
        "Certified": _count_claims(dataset, paths),
        "Released": _list_released(dataset),
        "Withheld": _count_withheld(dataset),
        "Files": [_row(found) for found in _digests(dataset, paths)],
    }
    content["Findings"] = len(leaks) + sum(len(content[part]["Findings"]) for part in ("Headers", "Texts", "Pixels"))
    target = place(dataset)
    try:
        target.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        target.with_suffix(".html").write_text(render(dataset.name, content), encoding="utf-8")
    except OSError as error:
        raise MidsError(f"can't write {target} ({error.strerror}): check permissions and space") from error
    return content


def verify(dataset: Path) -> list[str]:
    """What differs from the certificate, each as ``path: how``; raises `MidsError` where there is none."""
    try:
        listed = {row["Path"]: row for row in json.loads(place(dataset).read_bytes())["Files"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MidsError(f"no certificate {place(dataset)} can be read: make one with mids certify") from error
    present = set(walk_files(dataset))
    found = [f"{path}: missing" for path in sorted(listed.keys() - present)]
    found += [f"{path}: added" for path in sorted(present - listed.keys())]
    for path in sorted(listed.keys() & present):
        size, digest = digest_file(dataset / path)
        if (size, digest) != (listed[path]["Size"], listed[path]["SHA256"]):
            found.append(f"{path}: changed")
    return found


def _digests(dataset: Path, paths: Sequence[str]) -> Iterator[Entry]:
    for found in entries(dataset, paths, threads=2):
        if not isinstance(found, Entry):
            raise MidsError(f"can't read {found[0]} ({found[1].strerror}): check its permissions")
        yield found


def _row(found: Entry) -> dict[str, Json]:
    return {"Path": found.path, "Size": found.size, "SHA256": found.sha256}


def _check_headers(dataset: Path, paths: Sequence[str]) -> dict[str, Any]:
    """What DICOM files say of themselves, read again: marks that are missing, attributes that must be empty."""
    wrong = []
    for path in paths:
        try:
            header = pydicom.dcmread(dataset / path, stop_before_pixels=True)
            kept = [keyword for keyword in _MUST_BE_EMPTY if header.get(keyword)]
            if header.get("PatientIdentityRemoved") != "YES":
                kept.append("PatientIdentityRemoved")
        except BROKEN as error:
            kept = [type(error).__name__]
        wrong += [f"{path}: {keyword}" for keyword in kept]
    return {"Checked": len(paths), "Findings": wrong}


def _check_texts(dataset: Path) -> dict[str, Any]:
    """Sidecars, tables, names of files and headers of images, by the privacy checks of the validator."""
    if not (dataset / "dataset_description.json").is_file():
        return {"Rules": "none: DICOM files only", "Findings": []}
    report = validate(dataset, select=frozenset({"privacy"}))
    return {
        "Rules": "privacy family of mids validate",
        "Findings": [f"{found.path}: {found.code}" for found in report.issues],
    }


def _check_pixels(dataset: Path, paths: Sequence[str], sample: int) -> dict[str, Any]:
    """Pictures with text, by the detector of strokes; every n-th where a sample is asked for."""
    step = max(1, -(-len(paths) // sample)) if sample else 1
    chosen = paths[::step]
    found = []
    for path in chosen:
        values = np.asarray(Image.open(dataset / path))
        picture = (values >> 8).astype(np.uint8) if values.dtype != np.uint8 else values
        if picture.ndim in (2, 3) and text_boxes(picture):
            found.append(f"{path}: text")
    return {"Pictures": len(paths), "Searched": len(chosen), "By": "glyphs", "Findings": found}


def _count_claims(dataset: Path, paths: Sequence[str]) -> dict[str, int]:
    """How many sidecars say that a person certified pixels, or which search was made."""
    counts: Counter[str] = Counter()
    for path in paths:
        if path.endswith(".json") and path.startswith("sub-"):
            said = _content(dataset / path)
            counts["images"] += 1
            counts["BurnedInAnnotation NO"] += said.get("BurnedInAnnotation") == "NO"
            counts["searched"] += "BurnedInTextSearch" in said
    return dict(counts)


def _content(path: Path) -> Mapping[str, Any]:
    """A JSON object; nothing where a file is none, which validation tells."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _list_released(dataset: Path) -> list[Json]:
    """Which images a person released, who and why."""
    rows: list[Json] = []
    for name in _CURATION:
        if (dataset / name).is_file():
            lines = [line.split("\t") for line in (dataset / name).read_text(encoding="utf-8").splitlines()]
            rows += [dict(zip(lines[0], line, strict=False)) for line in lines[1:]]
    if (dataset / _DESCRIPTIONS[1]).is_file():
        rows += _content(dataset / _DESCRIPTIONS[1]).get("Curation", [])
    return [row for row in rows if isinstance(row, dict) and "release" in (row.get("field"), row.get("Decision"))]


def _count_withheld(dataset: Path) -> dict[str, int]:
    """How many sources were withheld, by reason, where the state of the runs lies beside the dataset."""
    table = dataset.with_name(f"{dataset.name}.mids") / "sources.tsv"
    if not table.is_file():
        return {}
    cells = (line.split("\t") for line in table.read_text(encoding="utf-8", errors="replace").splitlines()[1:])
    return dict(Counter(row[-1] for row in cells if row[-1].startswith("withheld")))


def render(name: str, content: Mapping[str, Any]) -> str:
    """The page for an ethics board: everything but the list of files, of which it says how many there are."""
    shown = {key: json.dumps(value, indent=1, ensure_ascii=False) for key, value in content.items() if key != "Files"}
    rows = "".join(
        f"<tr><th>{html.escape(key)}</th><td><pre>{html.escape(value)}</pre></td></tr>" for key, value in shown.items()
    )
    return (
        f"<!doctype html><meta charset=utf-8><title>Certificate of {html.escape(name)}</title>"
        "<style>body{font:16px sans-serif;max-width:60em;margin:2em auto}th{text-align:left;vertical-align:top}</style>"
        f"<h1>Certificate of {html.escape(name)}</h1><p>{len(content['Files'])} files; a change of one voids this "
        "page: <code>mids certify --verify</code> names it. A search that found nothing proves nothing; the page says "
        f"who looked and with what.</p><table>{rows}</table>\n"
    )
