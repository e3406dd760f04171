"""What an image is by its SOP class and geometry: a slice of a volume, a picture, a loop, tiles of a slide."""

from functools import cache
from typing import Any, Literal

from pydicom.uid import NuclearMedicineImageStorage

from mids.readers.dicom.headers import Instance
from mids.resources import read_yaml, schemas

_CAPTURES = "1.2.840.10008.5.1.4.1.1.7"
"""Secondary Capture Image Storage; the multi-frame classes of it begin so (PS3.4 B.5)."""

VOLUMES = frozenset({"CT", "MR", "PT", "NM"})
"""Modalities that are always delivered as NIfTI, one slice included (docs/decisions.md)."""


@cache
def _classes() -> dict[str, Any]:
    found: dict[str, Any] = read_yaml(schemas() / "sop_classes.yaml")
    return found


def modality_of(instance: Instance) -> str:
    """The Modality, or that of the SOP class where it says what the image is and the Modality only on what it was made.

    OT of a secondary capture without a Modality; empty where neither is known.
    """
    modality = instance.text("Modality")
    slices = _classes()["slices"].get(instance.text("SOPClassUID"))
    if slices is None or modality in _classes()["keeps"]:
        return modality or ("OT" if is_capture(instance.text("SOPClassUID")) else "")
    return str(slices["modality"])


def is_capture(sop_class: str) -> bool:
    """Whether a SOP class is a secondary capture, of one frame or several."""
    return sop_class == _CAPTURES or sop_class.startswith(f"{_CAPTURES}.")


def is_contradicted(instance: Instance) -> bool:
    """Whether the Modality is that of slices of another SOP class, as MR is in a CT Image; not XA, which made it."""
    others = {str(one["modality"]) for one in _classes()["slices"].values()} - {modality_of(instance)}
    return instance.text("Modality") in others


def frames_of(instance: Instance) -> int:
    """How many frames an image has, at least 1."""
    value = instance.header.get("NumberOfFrames")
    return value if isinstance(value, int) and value > 0 else 1


def kind_of(instance: Instance) -> Literal["volume", "image", "frames", "tiles"]:
    """What an image is part of.

    Slices are of the classes of `schemas/sop_classes.yaml` or of a Modality that is always slices; grey frames that
    each have a place in the patient are slices whatever they are called (breast tomosynthesis, X-Ray 3D, ophthalmic
    tomography). Views of nuclear medicine (whole body, dynamic, projections) have one place for all, or none. A
    secondary capture of one frame is no slice, wherever it claims to lie: it may show a page.
    """
    many = frames_of(instance) > 1
    sop_class, photometric = instance.text("SOPClassUID"), instance.text("PhotometricInterpretation")
    if many and (sop_class in _classes()["tiles"] or "TotalPixelMatrixRows" in instance.header):
        return "tiles"
    is_placed = "ImagePositionPatient" in instance.per_frame and (
        "ImageOrientationPatient" in instance.per_frame or "ImageOrientationPatient" in instance.header
    )
    is_grey = instance.header.get("SamplesPerPixel") in (None, 1) and "PALETTE" not in photometric
    if many and is_grey and is_placed:
        return "volume"
    if is_capture(sop_class):
        return "frames" if many or modality_of(instance) in VOLUMES else "image"
    if many and (sop_class == NuclearMedicineImageStorage or modality_of(instance) == "NM"):
        return "frames"
    if modality_of(instance) in VOLUMES or sop_class in _classes()["slices"]:
        return "volume"
    return "frames" if many else "image"
