"""Which decoder reads which transfer syntax: one for each, so that output does not depend on what else is installed.

Those of JPEG and JPEG-LS come from imagecodecs (BSD), whose libjpeg-turbo and CharLS pydicom has no plug-in for; those
of JPEG 2000 and RLE from pylibjpeg's plug-ins (MIT).
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import imagecodecs
import numpy as np
import numpy.typing as npt
from pydicom.pixels.decoders.base import Decoder, DecodeRunner
from pydicom.uid import UID, JPEGExtended12Bit, JPEGLSTransferSyntaxes

_JPEG = "1.2.840.10008.1.2.4."


class Choice(NamedTuple):
    """The plug-in of pydicom that is used, and the package that it needs."""

    plugin: str
    package: str


_OURS, _OPENJPEG = Choice("imagecodecs", "imagecodecs"), Choice("pylibjpeg", "pylibjpeg-openjpeg")

CHOICES: Mapping[str, Choice] = {
    f"{_JPEG}50": _OURS,  # JPEG baseline
    f"{_JPEG}51": _OURS,  # JPEG extended, 8 and 12 bits
    f"{_JPEG}53": _OURS,  # JPEG spectral selection, retired
    f"{_JPEG}55": _OURS,  # JPEG full progression, retired
    f"{_JPEG}57": _OURS,  # JPEG lossless
    f"{_JPEG}70": _OURS,  # JPEG lossless, first-order prediction
    f"{_JPEG}80": _OURS,  # JPEG-LS lossless
    f"{_JPEG}81": _OURS,  # JPEG-LS near-lossless
    f"{_JPEG}90": _OPENJPEG,  # JPEG 2000 lossless
    f"{_JPEG}91": _OPENJPEG,  # JPEG 2000
    f"{_JPEG}201": _OPENJPEG,  # HTJ2K lossless
    f"{_JPEG}202": _OPENJPEG,  # HTJ2K lossless RPCL
    f"{_JPEG}203": _OPENJPEG,  # HTJ2K
    "1.2.840.10008.1.2.5": Choice("pylibjpeg", "pylibjpeg-rle"),  # RLE
}

STAND_IN = {f"{_JPEG}53": JPEGExtended12Bit, f"{_JPEG}55": JPEGExtended12Bit}
"""Retired processes of JPEG, which pydicom has no decoder for, and the one whose decoder reads them too."""

_SCAN, _END = b"\xff\xda", b"\xff\xd9"
"""How a scan and the end of an image are marked; neither stands among the bytes of a scan (ISO/IEC 10918-1, B.1)."""

DECODER_DEPENDENCIES = {UID(syntax): ("imagecodecs",) for syntax, choice in CHOICES.items() if choice == _OURS}
"""Asked for by pydicom."""


def is_available(syntax: str) -> bool:
    """Whether the decoder of a transfer syntax is here; asked for by pydicom."""
    return syntax in DECODER_DEPENDENCIES


def choose_plugin(decoder: Decoder) -> str:
    """The plug-in that a decoder is to use, empty for pixels that are not compressed.

    Raises `NotImplementedError` where nothing decodes the transfer syntax.
    """
    if not decoder.is_encapsulated:
        return ""
    choice = CHOICES.get(decoder.UID)
    if choice is None:
        raise NotImplementedError
    if choice == _OURS and choice.plugin not in decoder.available_plugins:
        decoder.add_plugin(choice.plugin, (__name__, decode_frame.__name__))
    return choice.plugin


def decode_frame(source: bytes, runner: DecodeRunner) -> bytearray:
    """One frame of JPEG or JPEG-LS, its samples as they are stored (no colour is transformed), pixel by pixel.

    Called by pydicom. Raises `ValueError` for a frame of another size or without an end.
    """
    is_whole = source.rfind(_END) > source.rfind(_SCAN)
    if runner.transfer_syntax in JPEGLSTransferSyntaxes:
        values = imagecodecs.jpegls_decode(source if is_whole else source + _END)  # CharLS says if more is missing
    elif is_whole:
        space = "YCBCR" if runner.samples_per_pixel == 3 else None  # the same on both sides: left as it is
        values = imagecodecs.jpeg8_decode(source, colorspace=space, outcolorspace=space)
    else:
        raise ValueError("the compressed data breaks off")
    values = _by_pixel(values, runner)
    runner.set_option("bits_allocated", 8 * values.dtype.itemsize)
    runner.set_option("planar_configuration", 0)
    return bytearray(values.tobytes())


def _by_pixel(values: npt.NDArray[Any], runner: DecodeRunner) -> npt.NDArray[Any]:
    """The samples as (rows, columns[, samples]); JPEG-LS may have stored them plane by plane."""
    shape: tuple[int, ...] = (runner.rows, runner.columns)
    if runner.samples_per_pixel > 1:
        shape = (*shape, runner.samples_per_pixel)
        if values.shape == (shape[2], *shape[:2]) and values.shape != shape:
            values = np.moveaxis(values, 0, 2)
    if values.shape != shape:
        raise ValueError("the compressed data is of another size than the header says")
    return np.ascontiguousarray(values)
