"""What datasets can be exported to, and how each is written."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

from mids.dataset import Choice, Dataset
from mids.errors import MidsError
from mids.exports.croissant import croissant
from mids.exports.datacite import datacite
from mids.exports.dicomjson import dicom_sidecars
from mids.exports.monai import Task, datalist
from mids.exports.parquet import write_tables

Target = Literal["croissant", "monai", "parquet", "dicom-json-sidecars", "datacite"]
TARGETS: tuple[str, ...] = get_args(Target)
FOLDERS = frozenset({"parquet", "dicom-json-sidecars"})
"""Targets that are many files."""


def document(
    dataset: Dataset, to: Target, *, task: Task = "segmentation", modality: Choice = None,
    readers: Sequence[str] = (), labels: Sequence[str] = (),
) -> dict[str, Any]:  # fmt: skip
    """A dataset as one JSON document; `task` and what follows are those of a MONAI data list.

    Raises `MidsError` for a target that is many files, and where something that it needs is lacking.
    """
    if to == "croissant":
        return croissant(dataset)
    if to == "datacite":
        return datacite(dataset)
    if to == "monai":
        return datalist(dataset, task, modality=modality, readers=readers, labels=labels)
    raise MidsError(f"{to} writes many files, not one document: choose croissant, monai or datacite")


def write(dataset: Dataset, to: Target, output: Path, content: Mapping[str, Any] | None = None) -> list[Path]:
    """Writes a target: a `document` to a file, or the many files of others into a folder that is new or empty.

    Raises `MidsError` where `output` exists, or can't be written.
    """
    if output.exists() and (to not in FOLDERS or not output.is_dir() or any(output.iterdir())):
        raise MidsError(f"{output} already exists: give another name, or remove it")
    try:
        if to == "parquet":
            return write_tables(dataset, output)
        if to == "dicom-json-sidecars":
            return [_written(output / path, said) for path, said in dicom_sidecars(dataset)]
        return [_written(output, document(dataset, to) if content is None else content)]
    except OSError as error:
        raise MidsError(f"can't write {output} ({error.strerror}): give another name") from error


def _written(path: Path, content: Mapping[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(as_text(content), encoding="utf-8")
    return path


def as_text(content: Mapping[str, Any]) -> str:
    """A document as it is written."""
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
