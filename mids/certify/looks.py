"""Looks at the pixels of a finished dataset once more: PNG pictures, slices of NIfTI volumes, frames of DICOM files."""

import gzip
import math
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import numpy.typing as npt
import pydicom
from nibabel.filebasedimages import ImageFileError
from PIL import Image

from mids._version import __version__
from mids.actions.screen import look
from mids.dataset.disk.heads import check_claim, nifti_head
from mids.dataset.disk.progress import watched
from mids.dataset.pixels import LARGEST
from mids.deid.burned.evidence import Screen
from mids.deid.policy import Detect
from mids.errors import DataError
from mids.readers.dicom.pixels import frames, renderer
from mids.readers.dicom.values import BROKEN
from mids.readers.images import learned

Values = npt.NDArray[Any]

KINDS = {".png": "PNG", ".nii.gz": "NIfTI", ".nii": "NIfTI", ".dcm": "DICOM"}
"""Which files are looked at, by how their names end."""

_BROKEN = (
    *BROKEN, DataError, OSError, EOFError, ValueError, SyntaxError, gzip.BadGzipFile, zlib.error, ImageFileError,
    Image.DecompressionBombError,
)  # fmt: skip


def look_at_pixels(dataset: Path, paths: Sequence[str], sample: int, detect: Detect = "glyphs") -> dict[str, Any]:
    """Files in which text is seen, and what was looked at; every n-th of a kind where a sample is asked for.

    Of a volume and of frames the first, the middle and the last are looked at. Masks are not: they are no pictures.
    Raises `MidsError` where `detect` needs what is not installed.
    """
    rapid = f" with RapidOCR {learned.version()}" if detect == "learned" else ""
    screen = Screen("report", detect)
    kinds: dict[str, dict[str, int]] = {}
    found: list[str] = []
    for kind in sorted(set(KINDS.values())):
        own = [path for path in paths if is_picture(path) and _kind(path) == kind]
        step = max(1, -(-len(own) // sample)) if sample else 1
        chosen = own[::step]
        if own:
            kinds[kind] = {"Files": len(own), "Searched": len(chosen)}
        looked = ((path, _look(dataset / path, kind, screen)) for path in chosen)
        seen = watched(looked, f"{kind} pictures looked at", len(chosen), problems=lambda each: bool(each[1]))
        found += [f"{path}: {told}" for path, told in seen if told]
    by = f"{detect} of mids {__version__}{rapid}; first, middle and last slice or frame"
    searched = sum(each["Searched"] for each in kinds.values())
    return {"Pictures": sum(map(is_picture, paths)), "Searched": searched,
            "Kinds": kinds, "By": by, "Findings": found}  # fmt: skip


def is_picture(path: str) -> bool:
    """Whether a file is looked at, if it is in the sample; what lies in derivatives are masks."""
    return bool(_kind(path)) and not path.startswith("derivatives/")


def _kind(path: str) -> str:
    return next((kind for end, kind in KINDS.items() if path.endswith(end)), "")


def _look(path: Path, kind: str, screen: Screen) -> str:
    """What is wrong with a file, empty where nothing is seen."""
    try:
        pictures = {"PNG": _png, "NIfTI": _nifti, "DICOM": _dicom}[kind](path)
        return "text" if look(map(_eight_bits, pictures), screen, frozenset()).has_kept_text else ""
    except _BROKEN as error:
        return f"can't be read ({type(error).__name__})"


def _png(path: Path) -> Iterator[Values]:
    with Image.open(path) as picture:
        yield np.asarray(picture)


def _nifti(path: Path) -> Iterator[Values]:
    head = nifti_head(path)
    check_claim(head)
    if math.prod(head.shape[:2]) > LARGEST:
        raise DataError("NIFTI_INVALID", "a slice is too large")
    image: Any = nib.load(path)
    proxy = image.dataobj
    if len(proxy.shape) < 2 or proxy.dtype.fields:
        return
    last = proxy.shape[2] if len(proxy.shape) > 2 else 1
    for k in sorted({0, last // 2, last - 1}):
        index = (slice(None), slice(None), *([k] if len(proxy.shape) > 2 else []), *[0] * (len(proxy.shape) - 3))
        yield np.asarray(proxy[index])[:, ::-1].T


def _dicom(path: Path) -> Iterator[Values]:
    dataset = pydicom.dcmread(path)
    if "PixelData" not in dataset or dataset.get("Modality") in ("SEG", "RTDOSE"):
        return
    count = int(dataset.get("NumberOfFrames") or 1)
    wanted = {0, count // 2, count - 1}
    picture = renderer(dataset, "window", ()).picture
    for number, values in enumerate(frames(dataset)):
        if number in wanted:
            yield picture(values)


def _eight_bits(picture: Values) -> npt.NDArray[np.uint8]:
    """A picture with its range, but for the most extreme values, spread over 8 bits; colour as it is."""
    if picture.dtype == np.uint8 or picture.ndim == 3:
        return picture.astype(np.uint8)
    finite = np.nan_to_num(picture.astype(np.float32))
    low, high = (float(value) for value in np.percentile(finite, (0.5, 99.9)))
    return np.asarray(np.clip((finite - low) * (255 / max(high - low, 1e-6)), 0, 255), np.uint8)
