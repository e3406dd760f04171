"""De-identifies one DICOM file (DICOM PS3.15 Annex E): its pixels, then its attributes, then what is embedded."""

from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import ClassVar

from pydicom.dataset import Dataset

from mids.deid.burned.evidence import Screen
from mids.deid.engine import Replacements, deidentify
from mids.deid.policy import Policy
from mids.deid.pseudonyms import Pseudonyms
from mids.deid.rules import Rules, resolve
from mids.errors import DataError
from mids.readers.decoding import quiet, read_dataset
from mids.readers.dicom import BROKEN
from mids.readers.files import open_source
from mids.records import Box, Json, Made, Source

STANDARD = ("1.2.840.10008.",)
"""How UIDs begin that the standard itself gives; nobody's identity is in them (PS3.6 A)."""


@dataclass(frozen=True, slots=True)
class Block:
    """Values of a table as a private block (PS3.5 7.8.1): (element inside the block, VR, value)."""

    group: int
    creator: str
    values: tuple[tuple[int, str, str], ...]


@dataclass(frozen=True, slots=True)
class Deidentify:
    """One DICOM file as `image.dcm`.

    `subject` is what PatientID becomes, `shift` what dates are moved by where the policy says so; `boxes` (in
    pixels) are made black, `screen` says how other text is looked for.
    """

    VERSION: ClassVar[int] = 1

    source: Source
    policy: Policy
    pseudonyms: Pseudonyms
    subject: str
    shift: timedelta
    boxes: tuple[Box, ...] = ()
    screen: Screen = field(default_factory=Screen)
    block: Block | None = None

    @property
    def sources(self) -> tuple[Source, ...]:
        """The one input file."""
        return (self.source,)

    def make(self, root: Path, scratch: Path) -> Made:
        """Makes `image.dcm` in `scratch`.

        Raises `DataError` ``DICOM_UNREADABLE``, ``DEID_IMPOSSIBLE`` or ``PRIVACY_HELD_BACK`` where the file can't be
        read or must not be delivered.
        """
        with open_source(root, self.source) as stream:
            dataset = read_dataset(stream)
        with quiet():
            new = Replacements(self.subject, self.shift, self.pseudonyms.uid, _blank)
            cleaned = deidentify(dataset, _rules(self.policy), new)
            if self.block:
                embed(cleaned.dataset, self.block)
            _save(cleaned.dataset, scratch / "image.dcm")
        facts: dict[str, Json] = {}
        return Made(("image.dcm",), facts, issues=cleaned.issues)


@cache
def _rules(policy: Policy) -> Rules:
    return resolve(policy)


def _blank(text: str) -> str:
    return ""


def _save(dataset: Dataset, path: Path) -> None:
    try:
        dataset.save_as(path, enforce_file_format=True)
    except OSError:
        raise
    except BROKEN as error:
        raise DataError("DEID_IMPOSSIBLE", f"the result can't be written as DICOM ({type(error).__name__})") from error


def embed(dataset: Dataset, block: Block) -> None:
    """Adds a private block; text that the file's character set may lack makes the whole file UTF-8."""
    if not all(value.isascii() for _, _, value in block.values):
        dataset.decode()
        dataset.SpecificCharacterSet = "ISO_IR 192"
    place = dataset.private_block(block.group, block.creator, create=True)
    for element, vr, value in block.values:
        place.add_new(element, vr, value)


def identities(source: Source, root: Path) -> tuple[str, frozenset[str]]:
    """The PatientID of a file, and every UID in it that is somebody's own, in sequences too.

    Raises `DataError` where it can't be read.
    """
    with open_source(root, source) as stream:
        dataset = read_dataset(stream)
    found: set[str] = set()
    with quiet():
        _collect(dataset, found)
        return str(dataset.get("PatientID") or "").strip(), frozenset(found)


def _collect(dataset: Dataset, found: set[str]) -> None:
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                _collect(item, found)
        elif element.VR == "UI" and element.value:
            values = [element.value] if isinstance(element.value, str) else list(element.value)
            found.update(str(value) for value in values if not str(value).startswith(STANDARD))
