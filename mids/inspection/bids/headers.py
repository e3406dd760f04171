"""The headers of images as the expressions of BIDS's schema name their parts (`meta.context`)."""

import math
import struct
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mids.dataset.disk.heads import NiftiHead

_SPACE = {1: "meter", 2: "mm", 3: "um"}
_TIME = {8: "sec", 16: "msec", 24: "usec"}
_TIFF = {b"II": "<", b"MM": ">"}


class Header(Mapping[str, Any]):
    """`nifti_header` of BIDS's schema, each part made when a rule asks for it."""

    def __init__(self, head: NiftiHead) -> None:
        self._head = head

    def __getitem__(self, name: str) -> Any:
        return _NIFTI[name](self._head)

    def get(self, name: str, default: Any = None) -> Any:
        """A part; `default` for what is none."""
        part = _NIFTI.get(name)
        return part(self._head) if part else default

    def __iter__(self) -> Iterator[str]:
        return iter(_NIFTI)

    def __len__(self) -> int:
        return len(_NIFTI)


def _pixdim(head: NiftiHead) -> list[float]:
    sizes = [round(size, 3) for size in head.spacing]
    return [1.0, *sizes, *[0.0] * (7 - len(sizes))]


def _units(head: NiftiHead) -> dict[str, str]:
    return {"xyz": _SPACE.get(head.units & 7, "unknown"), "t": _TIME.get(head.units & 56, "unknown")}


def _axes(head: NiftiHead) -> list[str] | None:
    """The letter of the direction in which each axis grows, None where two axes go the same way."""
    found: list[str] = []
    for axis in range(3):
        column = [row[axis] for row in head.affine]
        if not all(map(math.isfinite, column)) or not any(column):
            return None
        most = max(range(3), key=lambda row: abs(column[row]))
        found.append(("RAS" if column[most] > 0 else "LPI")[most])
    return found if len({"RLAPSI".index(letter) // 2 for letter in found}) == 3 else None


_NIFTI: Mapping[str, Callable[[NiftiHead], Any]] = {
    "dim": lambda head: [len(head.shape), *head.shape, *[1] * (7 - len(head.shape))],
    "pixdim": _pixdim,
    "shape": lambda head: list(head.shape),
    "voxel_sizes": lambda head: [abs(size) for size in head.spacing[: len(head.shape)]],
    "xyzt_units": _units,
    "qform_code": lambda head: head.qform,
    "sform_code": lambda head: head.sform,
    "axis_codes": _axes,
}
"""The parts; `dim` and `pixdim` have eight numbers each, the first of `dim` is that of the axes."""


def tiff(path: Path) -> Mapping[str, Any] | None:
    """`tiff`: the version of a TIFF file, 42 or 43 for BigTIFF; None where it is none."""
    with path.open("rb") as stream:
        head = stream.read(4)
    order = _TIFF.get(head[:2])
    return {"version": struct.unpack(f"{order}H", head[2:])[0]} if order and len(head) == 4 else None
