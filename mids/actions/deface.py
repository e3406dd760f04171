"""Heads without their faces: whole volumes, compared with their source first, and single slices that stay DICOM."""

import gzip
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar

import nibabel as nib
import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from mids.actions import gz
from mids.actions.blacken import write_pixels
from mids.actions.nifti import Nifti
from mids.actions.unchanged import check_stamps
from mids.actions.volumes.assembly import assemble
from mids.actions.volumes.stack import affine, is_placed, open_stack
from mids.actions.volumes.volume import Volume
from mids.errors import DataError, MidsError
from mids.readers.archives.files import materialise
from mids.readers.dicom.decoding import stored
from mids.readers.dicom.pixels import has_modality_lut
from mids.readers.dicom.planes import read_plane
from mids.records import Compression, Geometry, Made, Source

if TYPE_CHECKING:
    from mids.deid.faces.removal import Face

Values = npt.NDArray[Any]

_DOUBTFUL = "PRIVACY_FACE_DOUBTFUL"
_NO_GREY = "withheld: its voxels are not grey values"

_KEPT = 32
"""Faces that a process remembers: the slices of all series of a patient may come mixed."""


@dataclass(frozen=True, slots=True)
class Deface:
    """What another action makes of a CT or an MR, with air in place of the face; every volume of a series alike."""

    VERSION: ClassVar[int] = 1
    made: Volume | Nifti
    modality: str
    compression: Compression = "fast"

    @property
    def sources(self) -> tuple[Source, ...]:
        """The input files of the other action."""
        return self.made.sources

    def make(self, root: Path, scratch: Path) -> Made:
        """Makes the volume; raises `DataError` as the other action does, and ``PRIVACY_FACE_DOUBTFUL``."""
        removal = _removal()
        made = self.made.make(root, scratch)
        path = scratch / "volume.nii.gz"
        image: Any = nib.load(path)
        voxels, scale, face = _locate(image, self.modality)
        with gzip.open(path) as stream:  # nibabel takes the scale out of the header that it gives
            head = stream.read(int(image.dataobj.offset))
        removal.remove_face(voxels, face, removal.air(voxels, scale, self.modality))
        gz.write(path, (head, voxels.tobytes(order="F")), self.compression)
        return replace(made, facts={**made.facts, "Defaced": removal.METHOD})


@dataclass(frozen=True, slots=True)
class Head:
    """The single slices of one CT or MR volume, in the order of `geometry`: its face is found in all of them."""

    sources: tuple[Source, ...]
    geometry: Geometry
    modality: str


def deface_slice(dataset: Dataset, head: Head, root: Path, scratch: Path) -> str:
    """Puts air in place of the face in the pixels of one slice of a head, and says by which method.

    The pixels are native afterwards, as those of `write_pixels`. Raises `DataError` of what the slices are read with,
    and ``PRIVACY_FACE_DOUBTFUL``.
    """
    removal, face = _removal(), _find(head, root, scratch)
    values = stored(dataset).copy()
    if values.ndim != 2 or has_modality_lut(dataset):
        raise DataError(_DOUBTFUL, _NO_GREY)
    plane = read_plane(dataset, values)
    if not is_placed(plane.place) or not plane.place.spacing:
        raise DataError(_DOUBTFUL, "withheld: nothing says where the slice lies")
    volume = values[::-1].T[:, :, None]  # columns, rows from the bottom: a view, so that it changes `values`
    own = replace(face, affine=affine([plane.place], len(values)), shape=volume.shape)
    air = removal.air(volume, (plane.slope, plane.intercept), head.modality)
    removal.remove_face(volume, own, float(np.clip(air, *_limits(dataset))))
    write_pixels(dataset, values, colour=False)
    return str(removal.METHOD)


def _limits(dataset: Dataset) -> tuple[int, int]:
    """The least and the largest value that a pixel can have."""
    bits, is_signed = int(dataset.BitsStored), bool(dataset.get("PixelRepresentation"))
    return (-(1 << bits - 1), (1 << bits - 1) - 1) if is_signed else (0, (1 << bits) - 1)


_found: "dict[tuple[Path, Head], Face | DataError]" = {}


def _find(head: Head, root: Path, scratch: Path) -> "Face":
    """The face of a head, which each process looks for once."""
    key = root, head
    if key not in _found:
        while len(_found) >= _KEPT:
            del _found[next(iter(_found))]
        try:
            _found[key] = _search(head, root, scratch)
        except DataError as error:
            _found[key] = error
    found = _found[key]
    if isinstance(found, DataError):
        raise DataError(found.code, found.message)
    return found


def _search(head: Head, root: Path, scratch: Path) -> "Face":
    check_stamps(head.sources, root)
    with TemporaryDirectory(dir=scratch) as name:
        path = Path(name) / "volume.nii"
        assemble(open_stack(materialise(root, head.sources, Path(name)), head.geometry), path)
        _, _, face = _locate(nib.load(path), head.modality)
    nothing = np.empty(0, np.float32)  # only what is inside the skull is needed again
    return replace(face, scene=replace(face.scene, seen=nothing != 0, body=nothing != 0, values=nothing))


def _locate(image: Any, modality: str) -> "tuple[Values, tuple[float, float], Face]":
    """The stored voxels of a NIfTI, their slope and intercept, and the face of the first volume."""
    if image.get_data_dtype().fields or len(image.shape) not in (3, 4):
        raise DataError(_DOUBTFUL, _NO_GREY)
    scale = float(image.dataobj.slope), float(image.dataobj.inter)
    voxels = np.array(image.dataobj.get_unscaled(), order="F")
    first = voxels[..., 0] if voxels.ndim == 4 else voxels
    face = _removal().find_face(first.astype(np.float32) * scale[0] + scale[1], image.affine, modality)
    return voxels, scale, face


def _removal() -> ModuleType:
    try:
        from mids.deid.faces import removal  # SimpleITK is an extra, and slow to load
    except ModuleNotFoundError as error:
        raise MidsError("--faces deface needs SimpleITK: pip install 'mids[deface]'") from error
    return removal
