"""What compressed pixel data says of itself, beside what the header says of it (PS3.5 8.2, A.4)."""

from collections.abc import Iterator
from itertools import islice

from pydicom.dataset import Dataset
from pydicom.encaps import generate_fragments, parse_basic_offsets
from pydicom.pixels.utils import _get_jpg_parameters, get_j2k_parameters
from pydicom.uid import (
    JPEG2000,
    JPEG2000TransferSyntaxes,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLSNearLossless,
    MPEGTransferSyntaxes,
    RLELossless,
)

_LOSSY = (JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLSNearLossless, "1.2.840.10008.1.2.4.53", "1.2.840.10008.1.2.4.55")

_STARTS = (b"\xff\xd8\xff", b"\xff\x4f\xff\x51")
"""The markers that a JPEG or JPEG-LS image and a JPEG 2000 codestream begin with."""

_HEAD = 4096


def precision(dataset: Dataset) -> int:
    """Bits of a sample in the codestream, 0 where it does not say."""
    head = _head(dataset)
    if dataset.file_meta.TransferSyntaxUID in JPEG2000TransferSyntaxes:
        return int(get_j2k_parameters(head).get("precision", 0))
    return int(_get_jpg_parameters(head).get("precision", 0))


def is_lossy(dataset: Dataset) -> bool:
    """Whether decoded values may lie beside those that were encoded: by the syntax, or by the wavelet that was used.

    The last byte of the JPEG 2000 marker COD is 1 for the reversible transformation (ISO 15444-1 A.6.1).
    """
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax != JPEG2000:
        return syntax in _LOSSY
    head = _head(dataset)
    at = head.find(b"\xff\x52")
    return not (0 <= at < len(head) - 13 and head[at + 13] == 1)


def frames_held(dataset: Dataset) -> int | None:
    """How many frames the pixel data holds, None where it does not tell: a video is one stream whatever it shows.

    Native data tells by its length, encapsulated data by its offset table or by the fragments that begin an image.
    """
    if dataset.file_meta.TransferSyntaxUID in MPEGTransferSyntaxes:
        return None
    data = bytes(dataset.PixelData)
    if not dataset["PixelData"].is_undefined_length:
        size = frame_bytes(dataset)
        return len(data) // size if size else None
    offsets = parse_basic_offsets(data)
    if offsets:
        return len(offsets)
    begins = _begins_rle if dataset.file_meta.TransferSyntaxUID == RLELossless else _begins_image
    return sum(begins(fragment) for fragment in _fragments(data)) or None


def frame_bytes(dataset: Dataset) -> int:
    """Bytes of one native frame; YBR_FULL_422 has two samples a pixel (PS3.3 C.7.6.3.1.2)."""
    samples = int(dataset.get("SamplesPerPixel") or 1)
    if str(dataset.get("PhotometricInterpretation")).strip().upper().endswith("422"):
        samples = 2
    return (int(dataset.Rows) * int(dataset.Columns) * samples * int(dataset.BitsAllocated) + 7) // 8


def _begins_image(fragment: bytes) -> bool:
    return fragment.startswith(_STARTS)


def _begins_rle(fragment: bytes) -> bool:
    """Whether a fragment begins with the header of a frame: 1 to 15 segments, the first after 64 bytes (PS3.5 G.5)."""
    segments, first = (int.from_bytes(fragment[at : at + 4], "little") for at in (0, 4))
    return 1 <= segments <= 15 and first == 64


def _fragments(data: bytes) -> Iterator[bytes]:
    """The fragments of encapsulated data: all items but the first, which is the offset table (PS3.5 A.4)."""
    return islice(generate_fragments(data), 1, None)


def _head(dataset: Dataset) -> bytes:
    return next(_fragments(dataset.PixelData), b"")[:_HEAD]
