"""A model as one file: a zip of a JSON head and NumPy arrays. Nothing in it is run when it is read."""

import encodings.cp437  # noqa: F401 - zipfile reads names with it; a process that drops its rights can't load it later
import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mids.errors import MidsError
from mids.records import Json

FORMAT = 1
HEAD = "head.json"
KINDS = ("labels", "views")
LARGEST = 512 << 20
"""Bytes that the parts of a model may unpack to."""

Arrays = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class ModelFile:
    """What a model file holds: `head` (what it is, knows, was trained on and is allowed to be used for) and `arrays`.

    `digest` is the SHA-256 of both.
    """

    head: Mapping[str, Json]
    arrays: Arrays
    digest: str


def write_model(path: Path, kind: str, head: Mapping[str, Json], arrays: Arrays) -> str:
    """Writes a model of one of `KINDS` and returns its digest; the same content gives the same bytes.

    Raises `MidsError` where the file exists or can't be written.
    """
    parts = {f"{name}.npy": _pack(array) for name, array in sorted(arrays.items())}
    said = {"format": FORMAT, "kind": kind, **head}
    said["digest"] = _digest(said, parts)
    try:
        with zipfile.ZipFile(path, "x", zipfile.ZIP_DEFLATED) as archive:
            for name, data in {HEAD: json.dumps(said, indent=1, ensure_ascii=False).encode(), **parts}.items():
                archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    except FileExistsError:
        raise MidsError(f"{path} already exists: give another name, or remove it") from None
    except OSError as error:
        raise MidsError(f"can't write {path} ({error.strerror}): give another name") from error
    return str(said["digest"])


def read_model(path: Path, kind: str) -> ModelFile:
    """Reads a model of a kind.

    Raises `MidsError` for a file that is absent, damaged, changed, of another kind, or of a later version's format.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(part.file_size for part in archive.infolist()) > LARGEST:
                raise MidsError(f"{path} is too large for a model: give a file that mids train wrote")
            parts = {name: archive.read(name) for name in archive.namelist()}
        head = json.loads(parts.pop(HEAD))
        _check_kind(path, head, kind)
        arrays = {
            name.removesuffix(".npy"): np.load(io.BytesIO(data), allow_pickle=False) for name, data in parts.items()
        }
        said = head.pop("digest")
        if said != _digest(head, parts):
            raise ValueError
    except FileNotFoundError:
        raise MidsError(f"{path}: no such file: give a model that mids train wrote") from None
    except (
        OSError,
        KeyError,
        TypeError,
        ValueError,
        RecursionError,
        AttributeError,
        EOFError,
        NotImplementedError,
        RuntimeError,
        zlib.error,
        zipfile.BadZipFile,
    ) as error:
        raise MidsError(f"{path} is not a model of {kind}, or was changed: train it again with mids train") from error
    return ModelFile(head, arrays, said)


def _check_kind(path: Path, head: Mapping[str, Any], kind: str) -> None:
    """Raises `MidsError` for a model of another kind or a later format, `ValueError` for what is neither."""
    own, form = head["kind"], head["format"]
    if own != kind and own in KINDS:
        raise MidsError(f"{path} is a model of {own}: give one of {kind}")
    if isinstance(form, int) and form > FORMAT:
        raise MidsError(f"{path} was written by a later version of mids: install that version, or train it again here")
    if (own, form) != (kind, FORMAT):
        raise ValueError


def _pack(array: npt.NDArray[Any]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=False)
    return stream.getvalue()


def _digest(head: Mapping[str, Json], parts: Mapping[str, bytes]) -> str:
    mark = hashlib.sha256(json.dumps(head, sort_keys=True).encode())
    for name, data in sorted(parts.items()):
        mark.update(name.encode() + b"\0" + hashlib.sha256(data).digest())
    return mark.hexdigest()
