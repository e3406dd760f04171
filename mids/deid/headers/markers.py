"""What says of a file that it is de-identified, and how (PS3.3 C.12.1.1.6, C.7.1.1): attributes and file meta."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian
from pydicom.uid import ImplicitVRLittleEndian as ImplicitVR

from mids._version import __version__
from mids.deid.headers import elements
from mids.deid.headers.tables import edition, extra
from mids.deid.policy import Policy
from mids.errors import DataError

IMPLEMENTATION = UID("2.25.106163213427063486273106372137268142387")
"""The Implementation Class UID of this program (PS3.7 D.3.3.2)."""

_DATES: Mapping[str, str] = {"keep": "UNMODIFIED", "shift": "MODIFIED", "remove": "REMOVED"}
_NATIVE = (ImplicitVR, ExplicitVRLittleEndian, ExplicitVRBigEndian)


@dataclass(frozen=True, slots=True)
class PixelFacts:
    """What is known of text in pixels.

    `certified`: a person, or a complete rule for the device, says that they name nobody; a detector that found nothing
    does not. `searched` says who looked, and what was found; `has_text` that text was found, kept or redacted.
    `defaced` is the method by which a face was removed, empty where none was.
    """

    certified: bool = False
    searched: str = ""
    has_text: bool = False
    defaced: str = ""


UNSEEN = PixelFacts()
"""Nobody looked."""


def list_applied_options(policy: Policy, pixels: PixelFacts) -> tuple[str, ...]:
    """The profile and the options that were applied, by name; that of text only where pixels are known clean."""
    proven = {"clean_pixel_data": pixels.certified, "clean_recognizable_visual_features": bool(pixels.defaced)}
    return ("basic", *(name for name, done in proven.items() if done), *sorted(policy.options - {*proven}))


def mark(dataset: Dataset, policy: Policy, pixels: PixelFacts) -> None:
    """Sets (0012,0062), (0012,0063), (0012,0064), (0028,0303), and (0028,0301) where pixels are certified.

    NO of the source does not stay where text was found, even if that was redacted: nobody has looked at what is left.
    Where one of both words must be said, it is YES, the cautious one.
    """
    dataset.PatientIdentityRemoved = "YES"
    searched = [f"pixels searched by {pixels.searched}"] if pixels.searched else []
    method = [f"DICOM PS3.15 {edition().name} Annex E", f"mids {__version__.split('+')[0]}", *searched]
    dataset.DeidentificationMethod = [*method, pixels.defaced] if pixels.defaced else method
    dataset.DeidentificationMethodCodeSequence = [
        _code(*extra().method[name]) for name in list_applied_options(policy, pixels)
    ]
    dataset.LongitudinalTemporalInformationModified = _DATES[policy.dates]
    if pixels.certified:
        dataset.BurnedInAnnotation = "NO"
    elif pixels.has_text and dataset.get("BurnedInAnnotation") == "NO":
        if str(dataset.get("SOPClassUID", "")) in extra().says_burned_in:
            dataset.BurnedInAnnotation = "YES"
        else:
            del dataset.BurnedInAnnotation


def _code(value: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue = value
    item.CodingSchemeDesignator = "DCM"
    item.CodeMeaning = meaning
    return item


def new_meta(source: Dataset, sop_class: str, sop_instance: str) -> FileMetaDataset:
    """File meta of our own, with nothing of the source's but its transfer syntax."""
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\x00\x01"
    meta.MediaStorageSOPClassUID = UID(sop_class)
    meta.MediaStorageSOPInstanceUID = UID(sop_instance)
    meta.TransferSyntaxUID = transfer_syntax(source)
    meta.ImplementationClassUID = IMPLEMENTATION
    meta.ImplementationVersionName = f"MIDS_{__version__.split('+')[0]}"[:16]
    return meta


def transfer_syntax(source: Dataset) -> UID:
    """The transfer syntax of a dataset; where its file meta has none, or contradicts it, that which fits its encoding.

    Raises `DataError` ``DEID_IMPOSSIBLE`` for one that is private, whose encoding nobody can tell.
    """
    native = _choose_native_syntax(elements.encoding(source))
    told = str(getattr(source, "file_meta", Dataset()).get("TransferSyntaxUID") or "").strip(" \0")
    if not told:
        return native or ExplicitVRLittleEndian
    syntax = UID(told)
    if native and syntax in _NATIVE:
        return native
    if not syntax.is_transfer_syntax:
        raise DataError("DEID_IMPOSSIBLE", "its transfer syntax is private")
    return syntax


def _choose_native_syntax(encoding: tuple[bool | None, bool | None]) -> UID | None:
    """The native transfer syntax of an encoding (implicit, little endian), None of what was not read from a file."""
    implicit, little = encoding
    if implicit is None:
        return None
    return ExplicitVRBigEndian if not little else ImplicitVR if implicit else ExplicitVRLittleEndian
