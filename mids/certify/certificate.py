"""Makes and verifies the certificate of a dataset: ``DATASET.certificate.json`` and ``.html`` beside it."""

import csv
import hashlib
import io
import json
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from mids._version import __version__
from mids.certify.headers import check_headers, read_claims
from mids.certify.looks import is_picture, look_at_pixels
from mids.certify.page import render
from mids.dataset.disk.heads import nifti_head
from mids.dataset.disk.progress import watched
from mids.dataset.disk.tree import walk
from mids.deid.headers.tables import edition
from mids.deid.policy import Detect
from mids.errors import DataError, MidsError
from mids.inspection.paths import classify_path
from mids.records import Json
from mids.releases.manifest import digest_file
from mids.risk.assess import assess
from mids.run.journal import state_folder
from mids.validation.runner import validate

_DESCRIPTIONS = ("dataset_description.json", "deidentification.json")
_CURATION = ("derivatives/provenance/curation.tsv",)
_TOOLS = "pydicom nibabel numpy pillow SimpleITK rapidocr onnxruntime".split()
"""Packages whose versions the certificate states, if they are installed."""

_CHECKS = frozenset(
    "privacy JSON_INVALID TABLE_ENCODING TABLE_RAGGED FILE_UNREADABLE CONTENT_MISSING NAME_ENCODING".split()
)
"""What the validator is asked: what may tell who somebody is, and what of sidecars and tables can't be read."""

_OWN = re.compile(
    r"\.(bids|mids)ignore|CITATION\.cff"
    r"|derivatives/provenance/(conversions\.tsv|curation\.tsv|manifest\.tsv|dataset_description\.json)"
)
"""Files that the program writes without anything about people, and curation, of which it cleans what people wrote."""

_HIDDEN = re.compile(r"^((?:[^/]+/)*?\.[^/]+)/.*")

_NAME = re.compile(r"[^/]+/[A-Z2-7]{6,}/[A-Z2-7]{6,}/(\d{5}-)?[A-Z2-7]{6,}\.dcm")
"""What `mids deidentify` calls a file."""


@dataclass(frozen=True, slots=True)
class SelfTest:
    """What came of invented names that this installation de-identified.

    `planted` words stood in a header, and those in the places `leaked` came out. Of the `drawn` names in images,
    `detect` left a part of those `missed`; `is_touched` says that it redacted something in an image without text.
    """

    planted: int
    leaked: tuple[str, ...]
    detect: Detect
    drawn: int
    missed: tuple[str, ...]
    is_touched: bool

    def tell(self) -> dict[str, Json]:
        """What the certificate says of it."""
        pixels: dict[str, Json] = {
            "By": self.detect, "Drawn": self.drawn, "Missed": list(self.missed), "CleanTouched": self.is_touched,
        }  # fmt: skip
        return {"Planted": self.planted, "Leaked": list(self.leaked), "Pixels": pixels}

    @property
    def findings(self) -> int:
        """How many of these names were not removed, and whether anything else was."""
        return len(self.leaked) + len(self.missed) + self.is_touched


def place(dataset: Path) -> Path:
    """Where the certificate of a dataset lies: beside it, for it would change what it certifies."""
    return dataset.with_name(f"{dataset.name}.certificate.json")


def certify(dataset: Path, self_test: SelfTest, *, sample: int = 0) -> dict[str, Any]:
    """Looks at everything again, writes the certificate, and returns it; `sample` images are searched for text.

    A `sample` of 0 is all; the detector of `self_test` searches.
    Raises `MidsError` where `dataset` is none, or the certificate can't be written.
    """
    if not any((dataset / name).is_file() for name in _DESCRIPTIONS):
        raise MidsError(
            f"{dataset} was not made by mids convert or mids deidentify: give the folder of a dataset that was"
        )
    paths = _walk(dataset)
    content: dict[str, Any] = {
        "Made": datetime.now(UTC).isoformat(timespec="seconds"),
        "Program": f"mids {__version__}",
        "Standard": f"DICOM PS3.15 Annex E, Table E.1-1 {edition().name}",
        "Tools": list(_list_tools()),
        "SelfTest": self_test.tell(),
        "Headers": check_headers(
            dataset, [path for path in paths if path.endswith(".dcm")], _content(dataset / _DESCRIPTIONS[1])
        ),
        "Texts": _check_texts(dataset, paths),
        "Pixels": look_at_pixels(dataset, paths, sample, self_test.detect),
        "Certified": _count_claims(dataset, paths),
        "Released": _list_released(dataset),
        "Withheld": _count_withheld(dataset),
        "Risk": _measure_risk(dataset),
        "Files": [_row(dataset, path) for path in watched(paths, "files digested", len(paths))],
    }
    found = sum(len(content[part]["Findings"]) for part in ("Headers", "Texts", "Pixels"))
    content["Findings"] = self_test.findings + found
    content["Digest"] = _digest(content)
    target = place(dataset)
    try:
        target.write_bytes(_write(content))
        target.with_suffix(".html").write_bytes(_encode(render(dataset.name, content)))
    except OSError as error:
        raise MidsError(f"can't write {target} ({error.strerror}): check permissions and space") from error
    return content


def verify(dataset: Path) -> list[str]:
    """What differs from the certificate, each as ``path: how``; raises `MidsError` where there is none.

    A certificate whose own text was edited is named too. It is not signed: whoever can write it can make another, so
    compare its digest with the one that was handed over.
    """
    target = place(dataset)
    try:
        written = target.read_bytes()
        content = json.loads(written)
        listed = {row["Path"]: row for row in content["Files"]}
        is_whole = content["Digest"] == _digest(content) and written == _write(content)
        page = _encode(render(dataset.name, content)) if is_whole else b""
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise MidsError(f"no certificate {target} can be read: make one with mids certify") from error
    found = [] if is_whole else [f"{target.name}: changed"]
    if is_whole and not _says(target.with_suffix(".html"), page):
        found.append(f"{target.with_suffix('.html').name}: changed")
    present = set(_walk(dataset))
    found += [f"{path}: missing" for path in sorted(listed.keys() - present)]
    found += [f"{path}: added" for path in sorted(present - listed.keys())]
    for path in sorted(listed.keys() & present):
        if _row(dataset, path) != listed[path]:
            found.append(f"{path}: changed")
    return found


def _says(path: Path, page: bytes) -> bool:
    try:
        return path.read_bytes() == page
    except OSError:
        return False


def _write(content: Mapping[str, Any]) -> bytes:
    """A certificate as it is written: a key that stands twice, or a blank more, is a change of it."""
    return _encode(json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def _encode(text: str) -> bytes:
    """UTF-8; what is none in the name of a file becomes an escape of JSON."""
    return text.encode("utf-8", "backslashreplace")


def _digest(content: Mapping[str, Any]) -> str:
    """SHA-256 of all that a certificate says but its own digest."""
    said = {key: value for key, value in content.items() if key != "Digest"}
    return hashlib.sha256(_encode(json.dumps(said, sort_keys=True, ensure_ascii=False))).hexdigest()


def _walk(dataset: Path) -> list[str]:
    """Every file, link and empty folder (``path/``), hidden ones too: what is passed on is the whole folder."""

    def refuse(error: OSError) -> None:
        raise MidsError(f"can't read a folder of {dataset} ({error.strerror}): check its permissions") from error

    found: list[str] = []
    for folder, folders, files in os.walk(dataset, onerror=refuse):
        links = [name for name in folders if Path(folder, name).is_symlink()]
        found += [Path(folder, name).relative_to(dataset).as_posix() for name in (*files, *links)]
        if not folders and not files:
            found.append(f"{Path(folder).relative_to(dataset).as_posix()}/")
    return sorted(found)


def _row(dataset: Path, path: str) -> dict[str, Json]:
    """What is written down of a file; of a link where it leads too, and nothing more where it leads to no file."""
    place_ = dataset / path
    row: dict[str, Json] = {"Path": path}
    if path.endswith("/"):
        return row
    if place_.is_symlink():
        row["Link"] = str(place_.readlink())
        if not place_.is_file():
            return row
    try:
        row["Size"], row["SHA256"] = digest_file(place_)
    except OSError as error:
        raise MidsError(f"can't read {path} ({error.strerror}): check its permissions") from error
    return row


def _list_tools() -> Iterator[str]:
    for name in _TOOLS:
        try:
            yield f"{name} {metadata.version(name)}"
        except metadata.PackageNotFoundError:
            continue


def _measure_risk(dataset: Path) -> dict[str, Json]:
    """The figures of `mids risk` for the columns that it takes by itself; none where people have no table."""
    try:
        (risk,) = assess([dataset]).risks
    except MidsError:
        return {}
    groups = risk.classes
    return {
        "Columns that help to single people out": ", ".join(risk.columns) or "none",
        "Smallest group": groups.smallest,
        "People alone in a group": groups.alone,
        "People in groups of fewer than 5": groups.below,
        "Columns that name a record of the source": ", ".join(risk.direct) or "none",
    }


def _check_texts(dataset: Path, paths: Sequence[str]) -> dict[str, Any]:
    """Sidecars, tables, names of files and headers of images, by the privacy checks of the validator."""
    empty = [] if any(path.endswith((".png", ".nii.gz", ".nii", ".dcm")) for path in paths) else [".: holds no image"]
    if not (dataset / "dataset_description.json").is_file():
        strange = [f"{path}: no file of mids deidentify" for path in paths if not _is_known(path)]
        return {"Rules": "names of files that mids deidentify gives", "Findings": [*empty, *strange]}
    report = validate(dataset, deep=True, select=_CHECKS)
    found = (f"{found.path}: {found.code}" for found in report.issues)
    texts = (f"{path}: {field}" for path in paths for field in _list_fields(dataset / path))
    unread = (f"{path}: not looked at" for path in _list_unread(dataset, paths))
    return {
        "Rules": "privacy family of mids validate --deep, texts in headers of volumes, and files that can't be read",
        "Findings": [*empty, *found, *texts, *unread],
    }


def _list_fields(path: Path) -> Iterator[str]:
    """The text fields of a volume's header that hold anything; a conversion leaves all of them empty."""
    if path.name.endswith((".nii", ".nii.gz")):
        with suppress(DataError, OSError):  # validation tells what can't be read
            yield from (name for name, _ in nifti_head(path).texts)


def _list_unread(dataset: Path, paths: Sequence[str]) -> Iterator[str]:
    """What neither these checks nor those of pixels and DICOM headers read; of hidden folders their name alone."""
    seen = walk(dataset).files
    unread = [
        path for path in paths
        if (path not in seen or classify_path(path) == "other") and not is_picture(path) and not _OWN.fullmatch(path)
    ]  # fmt: skip
    yield from dict.fromkeys(_HIDDEN.sub(r"\1", path) for path in unread)


def _is_known(path: str) -> bool:
    return path == _DESCRIPTIONS[1] or _NAME.fullmatch(path) is not None


def _count_claims(dataset: Path, paths: Sequence[str]) -> dict[str, int]:
    """How many sidecars and headers say that a person certified pixels, that a search was made, that a face went."""
    counts: Counter[str] = Counter()
    for path in paths:
        if path.endswith(".json") and path.startswith("sub-"):
            said = _content(dataset / path)
            counts["images"] += 1
            counts["defaced"] += "Defaced" in said
            counts["BurnedInAnnotation NO"] += said.get("BurnedInAnnotation") == "NO"
            counts["searched"] += "BurnedInTextSearch" in said
        elif path.endswith(".dcm"):
            claims = read_claims(dataset / path)
            counts["images"] += 1
            counts["certified"] += claims.is_certified
            counts["defaced"] += claims.is_defaced
            counts["BurnedInAnnotation NO"] += claims.is_clean
            counts["searched"] += claims.is_searched
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
            text = (dataset / name).read_text(encoding="utf-8", errors="replace")
            rows += [dict(row) for row in csv.DictReader(io.StringIO(text), delimiter="\t")]
    if (dataset / _DESCRIPTIONS[1]).is_file():
        rows += _content(dataset / _DESCRIPTIONS[1]).get("Curation", [])
    return [row for row in rows if isinstance(row, dict) and "release" in (row.get("field"), row.get("Decision"))]


def _count_withheld(dataset: Path) -> dict[str, int]:
    """How many sources were withheld, by reason, where the state of the runs lies beside the dataset."""
    table = state_folder(dataset) / "sources.tsv"
    if not table.is_file():
        return {}
    cells = (line.split("\t") for line in table.read_text(encoding="utf-8", errors="replace").splitlines()[1:])
    return dict(Counter(row[-1] for row in cells if "withheld: " in row[-1]))
