"""De-identifies one DICOM file (DICOM PS3.15 Annex E): its pixels, then its attributes, then what is embedded."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import BinaryIO, ClassVar

from pydicom import config, dcmread
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.tag import Tag

from mids.actions.blacken import clean_pixels
from mids.actions.deface import Head, deface_slice
from mids.deid.burned.evidence import Screen
from mids.deid.headers.elements import is_registered_uid
from mids.deid.headers.engine import Replacements, deidentify
from mids.deid.headers.markers import PixelFacts
from mids.deid.headers.prose import clean_prose
from mids.deid.headers.rules import Rules, resolve
from mids.deid.keys import Key
from mids.deid.known.known import IDS, PLACES, Known
from mids.deid.policy import Policy
from mids.deid.pseudonyms import Pseudonyms, dicom_datetime
from mids.deid.text.redact import Redactor, redactor
from mids.errors import DataError
from mids.issues import Issue, issue
from mids.readers.archives.files import open_source
from mids.readers.dicom.decoding import quiet, read_dataset
from mids.readers.dicom.values import BROKEN
from mids.records import Box, Json, Made, Source


@dataclass(frozen=True, slots=True)
class Block:
    """Values of a table as a private block (PS3.5 7.8.1): (element inside the block, VR, value).

    An element below 0 stands for PatientAge (0010,1010) instead.
    """

    group: int
    creator: str
    values: tuple[tuple[int, str, str], ...]


@dataclass(frozen=True, slots=True)
class Deidentify:
    """One DICOM file as `image.dcm`.

    `subject` is what PatientID becomes, `shift` what dates are moved by where the policy says so; `boxes` (in
    pixels) are made black, `screen` says how other text is looked for; `edition` is that of the standard's table.
    `certified` says that its pixels name nobody once that is done: a person or a complete rule for the device says so.
    `head` are the slices among which it lies, whose face is removed.
    """

    VERSION: ClassVar[int] = 3

    source: Source
    policy: Policy
    pseudonyms: Pseudonyms
    subject: str
    shift: timedelta
    boxes: tuple[Box, ...] = ()
    screen: Screen = field(default_factory=Screen)
    certified: bool = False
    block: Block | None = None
    edition: str = ""
    head: Head | None = None

    @property
    def sources(self) -> tuple[Source, ...]:
        """The one input file."""
        return (self.source,)

    def make(self, root: Path, scratch: Path) -> Made:
        """Makes `image.dcm` in `scratch`.

        Raises `DataError` where the file can't be read (``DICOM_UNREADABLE``, ``PIXELS_UNREADABLE``) or must not be
        delivered (``DEID_IMPOSSIBLE``, ``PRIVACY_TEXT_FOUND``, ``PRIVACY_FACE_DOUBTFUL``).
        """
        with open_source(root, self.source) as stream, quiet():
            looks = bool(self.boxes) or self.screen.detect != "none" or self.head is not None
            dataset = read_dataset(stream) if looks else _read(stream)
            looked = clean_pixels(dataset, self.boxes, self.screen)
            defaced = deface_slice(dataset, self.head, root, scratch) if self.head else ""
            texts = Texts(dataset, self.subject, self.shift, _redactor(self.policy, self.pseudonyms.key))
            new = Replacements(
                self.subject, self.shift, self.pseudonyms.uid, texts, texts.tells, texts.label, texts.forget
            )
            has_text = looked.has_text
            pixels = PixelFacts(self.certified and not has_text, looked.told, has_text=has_text, defaced=defaced)
            cleaned = deidentify(dataset, _rules(self.policy), new, pixels)
            refused = embed(cleaned.dataset, self.block, texts.tells_cell) if self.block else ()
            _save(cleaned.dataset, scratch / "image.dcm")
        facts: dict[str, Json] = {"BlankedRegions": [list(box) for box in looked.boxes]} if looked.boxes else {}
        facts |= {"Defaced": defaced} if defaced else {}
        issues = (*looked.issues, *cleaned.issues, *refused)
        return Made(("image.dcm",), {**facts, **looked.facts}, issues=issues)


def _read(stream: BinaryIO) -> Dataset:
    """The whole file, its values still as bytes."""
    try:
        return dcmread(stream, force=True)
    except BROKEN as error:
        raise DataError("DICOM_UNREADABLE", f"the file can't be parsed ({type(error).__name__})") from error


@cache
def _rules(policy: Policy) -> Rules:
    return resolve(policy)


@cache
def _redactor(policy: Policy, key: Key) -> Redactor:
    return redactor(policy, key)


_SAMPLE = "Paciente Ana Paz, Hospital La Fe, 12/03/2020: nodule of 3 mm, sin derrame."
"""A text that asks for each of the lists."""


def load_words(policy: Policy, key: Key) -> None:
    """Reads rules and lists of words before worker processes are forked: each of them would read its own else."""
    _rules(policy)
    known = Known(("A^B",), ("1",))
    _redactor(policy, key).clean(_SAMPLE, known)
    _redactor(policy, key).clean_label(_SAMPLE, known)
    clean_prose(_SAMPLE)


@dataclass(slots=True)
class Texts:
    """Free texts of one file without what identifies; what its own header knows of people is searched in them."""

    dataset: Dataset
    subject: str
    shift: timedelta
    redactor: Redactor
    known: Known | None = None

    def __call__(self, text: str) -> str:
        """The text as it may be delivered."""
        return self.redactor.clean(text, self._identity()).text

    def label(self, text: str) -> str:
        """A short text as it may be delivered."""
        return self.redactor.clean_label(text, self._identity())

    def forget(self, text: str) -> str:
        """A text without what the header tells; nothing stands in its place."""
        for span in sorted(self._identity().find(text), reverse=True):
            text = text[: span.start] + " " * (span.end - span.start) + text[span.end :]
        return text if text.strip() else ""

    def tells(self, text: str) -> bool:
        """Whether a short text or a number repeats a name, an id, a day or a place of the header."""
        return self._identity().is_told(text)

    def tells_cell(self, text: str) -> bool:
        """The same of a cell that is embedded, where the year of birth is told too."""
        return self._identity().is_told_in_cell(text)

    def _identity(self) -> Known:
        if self.known is None:
            self.known = known([self.dataset], self.subject, self.shift)
        return self.known


def read_known(sources: Iterable[Source], root: Path) -> Known:
    """What the headers of some files tell of people; those that can't be read tell nothing."""
    datasets = []
    for source in sources:
        with suppress(DataError, OSError), open_source(root, source) as stream, quiet():
            datasets.append(dcmread(stream, force=True, stop_before_pixels=True))
    return known(datasets)


def known(datasets: Iterable[Dataset], subject: str = "", shift: timedelta | None = None) -> Known:
    """What files' own headers tell of people, at any depth: names, ids, the day of birth, places."""
    names: set[str] = set()
    found: dict[str, set[str]] = defaultdict(set)
    for dataset in datasets:
        _known(dataset, names, found)
    days = (dicom_datetime(day) for day in found["PatientBirthDate"])
    return Known(
        tuple(sorted(names)),
        tuple(sorted(value for keyword in IDS for value in found[keyword])),
        tuple(sorted({day.date() for day in days if day is not None})),
        tuple(sorted(value for keyword in PLACES for value in found[keyword])),
        subject,
        shift,
        tuple(sorted({day.date() for day in map(dicom_datetime, found["days"]) if day is not None})),
        tuple(sorted(found["InstitutionName"])),
    )


_KNOWN = frozenset((*IDS, *PLACES, "PatientBirthDate"))


def _known(dataset: Dataset, names: set[str], found: dict[str, set[str]]) -> None:
    for tag in list(dataset.keys()):
        try:
            element = dataset[tag]
        except BROKEN:
            continue
        if element.VR == "SQ":
            for item in element.value:
                _known(item, names, found)
        elif (element.VR == "PN" or element.keyword in _KNOWN) and element.value:
            values = element.value if isinstance(element.value, MultiValue) else [element.value]
            texts = {str(value).strip() for value in values} - {""}
            (names if element.VR == "PN" else found[element.keyword]).update(texts)
        elif element.VR == "DA" and element.value:
            found["days"].update(str(element.value).split("\\"))


def _save(dataset: Dataset, path: Path) -> None:
    try:
        dataset.save_as(path, enforce_file_format=True)
    except OSError:
        raise
    except BROKEN as error:
        raise DataError("DEID_IMPOSSIBLE", f"the result can't be written as DICOM ({type(error).__name__})") from error


def embed(dataset: Dataset, block: Block, tells: Callable[[str], bool]) -> tuple[Issue, ...]:
    """Adds a private block, but for values that repeat what the file's own header tells: an Issue for each.

    Text that the file's character set may lack makes the whole file UTF-8.
    """
    kept = [value for value in block.values if not tells(value[2])]
    if not all(value.isascii() for _, _, value in kept):
        dataset.decode()
        dataset.SpecificCharacterSet = "ISO_IR 192"
    inside = [value for value in kept if value[0] >= 0]
    if inside:
        place = dataset.private_block(block.group, block.creator, create=True)
        for element, vr, value in inside:
            place.add_new(element, vr, value)
    for _, _, value in (value for value in kept if value[0] < 0):
        # A range is no value of an AS (PS3.5 6.2): FIDAC has it there all the same.
        dataset["PatientAge"] = DataElement(Tag("PatientAge"), "AS", value, validation_mode=config.IGNORE)
    message = "a value that repeats data of the patient from the header is not embedded"
    return (issue("EMBED_REFUSED", message, origin="deid"),) * (len(block.values) - len(kept))


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
            found.update(str(value) for value in values if not is_registered_uid(str(value)))
