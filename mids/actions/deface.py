"""A volume of the head without its face: made and compared with its source first, then defaced."""

import gzip
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import nibabel as nib
import numpy as np

from mids.actions import gz
from mids.actions.nifti import Nifti
from mids.actions.volumes.volume import Volume
from mids.errors import DataError, MidsError
from mids.records import Compression, Made, Source


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
        try:
            from mids.deid.faces import removal  # SimpleITK is an extra, and slow to load
        except ModuleNotFoundError as error:
            raise MidsError("--faces deface needs SimpleITK: pip install 'mids[deface]'") from error
        made = self.made.make(root, scratch)
        path = scratch / "volume.nii.gz"
        image: Any = nib.load(path)
        if image.get_data_dtype().fields or len(image.shape) not in (3, 4):
            raise DataError("PRIVACY_FACE_DOUBTFUL", "withheld: its voxels are no grey values")
        scale = float(image.dataobj.slope), float(image.dataobj.inter)
        with gzip.open(path) as stream:  # nibabel takes the scale out of the header that it gives
            head = stream.read(int(image.dataobj.offset))
        voxels = np.array(image.dataobj.get_unscaled(), order="F")
        first = voxels[..., 0] if voxels.ndim == 4 else voxels
        face = removal.find_face(first.astype(np.float32) * scale[0] + scale[1], image.affine, self.modality)
        removal.remove_face(voxels, face, removal.air(voxels, scale, self.modality))
        gz.write(path, (head, voxels.tobytes(order="F")), self.compression)
        return replace(made, facts={**made.facts, "Defaced": removal.METHOD})
