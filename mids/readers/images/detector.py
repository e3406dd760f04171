"""The detector of PP-OCRv6 in RapidOCR (Apache-2.0): the probability of text at each pixel of a picture.

Only the weights are used, with ONNX Runtime; nothing comes from a network. DB (arXiv 1911.08947) finds the inner part
of each line of text.
"""

from functools import cache
from importlib import metadata, resources
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mids.errors import MidsError

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

Floats = npt.NDArray[np.float32]

STEP = 32
"""The sides of the detector's input are multiples of it."""

TEXT, LETTERS = 0.25, 1.8
"""Probability from which a pixel belongs to a region; how many times higher letters are than the region, their inner
part."""

_DETECTOR = "PP-OCRv6_det_small.onnx"


@cache
def version() -> str:
    """The version of RapidOCR; raises `MidsError` where it, or ONNX Runtime, is not installed."""
    try:
        metadata.version("onnxruntime")
        return metadata.version("rapidocr")
    except metadata.PackageNotFoundError as error:
        raise MidsError("--detect learned needs RapidOCR: pip install 'mids[detect]'") from error


@cache
def network(name: str) -> "InferenceSession":
    """A network of the wheel; raises `MidsError` where it is not there."""
    from onnxruntime import InferenceSession, SessionOptions

    version()
    options = SessionOptions()
    options.intra_op_num_threads = 1  # a process for each job is enough
    options.log_severity_level = 3
    weights = resources.files("rapidocr") / "models" / name
    if not weights.is_file():
        raise MidsError(f"RapidOCR {version()} does not hold {name}: pip install 'mids[detect]'")
    return InferenceSession(weights.read_bytes(), options, providers=["CPUExecutionProvider"])


def chances(view: Floats, turns: int = 0) -> Floats:
    """The probability of text at each pixel of a picture of 0 to 255, which is turned by quarters before the look."""
    given = ((np.rot90(view, turns) / 255 - 0.5) / 0.5)[None, None]
    detector = network(_DETECTOR)
    (found,) = detector.run(None, {detector.get_inputs()[0].name: np.repeat(given, 3, axis=1).astype(np.float32)})
    return np.asarray(np.rot90(np.asarray(found)[0, 0], -turns), np.float32)
