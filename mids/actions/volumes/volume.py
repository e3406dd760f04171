"""A series → one NIfTI volume of which every slice has been compared with its file.

dcm2niix converts it. Where it makes no such volume (it crashes, splits the series otherwise, or values or places
differ), the slices are put together here, and the sidecar says so.
"""

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from mids._version import __version__
from mids.actions import gz
from mids.actions.nifti import SCRUBBED
from mids.actions.volumes import dcm2niix
from mids.actions.volumes.assembly import assemble
from mids.actions.volumes.comparison import compare, open_voxels
from mids.actions.volumes.dcm2niix import Converted
from mids.actions.volumes.gradients import gradients
from mids.actions.volumes.looking import look_at_slices
from mids.actions.volumes.stack import Stack, Survey, open_stack
from mids.dataset.disk.fingerprint import pixel_digest
from mids.dataset.disk.heads import nifti_head
from mids.deid.burned.evidence import UNSEEN, Screen
from mids.errors import DataError
from mids.issues import Issue, issue
from mids.readers.archives.files import materialise
from mids.records import PIXELS, Box, Compression, Geometry, Json, Made, Source

_PIXDIM_4 = 92
"""Where the header of NIfTI-1 has the distance along its fourth axis, a little-endian float of 4 bytes."""


@dataclass(frozen=True, slots=True)
class Volume:
    """One series as ``volume.nii.gz`` (and ``.bval``, ``.bvec``).

    `decode` has pydicom decompress the slices first; `gradients` declares that a .bval and a .bvec are made;
    `blank` are boxes (top, left, bottom, right) in pixels of the source slices, blanked on every slice; `screen` says
    how other text is looked for in slices, which is blanked on every slice too.
    """

    VERSION: ClassVar[int] = 4
    sources: tuple[Source, ...]
    geometry: Geometry
    modality: str
    decode: bool = False
    gradients: bool = False
    compression: Compression = "fast"
    blank: tuple[Box, ...] = ()
    screen: Screen = UNSEEN

    def make(self, root: Path, scratch: Path) -> Made:
        """Makes the volume; raises `DataError` where it can't be made right."""
        inputs, outputs = scratch / "in", scratch / "out"
        inputs.mkdir()
        outputs.mkdir()
        files = materialise(root, self.sources, inputs)
        if self.decode:
            _decode(files)
        stack = open_stack(files, self.geometry)
        looked = look_at_slices(stack, self.screen, self.blank)
        blank = (*self.blank, *looked.boxes)
        converted = self._converted(files, inputs, outputs)
        agreeing, differs = _agreeing(converted, stack)
        ours, path = agreeing is None, agreeing or scratch / "assembled.nii"
        if ours:
            assemble(stack, path, self._step(converted))
        made = [*gradients(converted, path, stack, scratch)] if self.gradients else []
        facts = {**self._facts(_shape(path), blank, ours=ours), **_derived(converted, path, stack, ours=ours)}
        _scrub(path, _flipped(blank, stack))
        _set_step(path, self.geometry.step)
        private = _digest(path)
        _compress(path, scratch / "volume.nii.gz", self.compression)
        provenance = self._provenance(converted, differs, ours=ours)
        issues = (*_resampled(self.geometry), *looked.issues)
        return Made(("volume.nii.gz", *made), {**facts, **looked.facts}, {**provenance, **private}, issues)

    def _converted(self, files: Sequence[Path], inputs: Path, outputs: Path) -> Converted:
        """What dcm2niix makes of the files; of MR, where it makes nothing, of the decoded ones.

        Only of MR it derives what the sidecar says.
        """
        if self.geometry.problem and self.modality != "MR":
            return Converted(())
        converted = dcm2niix.run(inputs, outputs, self.modality)
        if converted.volumes or self.decode or self.modality != "MR":
            return converted
        try:
            _decode(files)
        except DataError:
            return converted
        return dcm2niix.run(inputs, outputs, self.modality)

    def _step(self, converted: Converted) -> float:
        """The time from volume to volume in s: of the record, else what dcm2niix found, 0 where neither knows."""
        if self.geometry.step or not converted.volumes:
            return self.geometry.step
        zooms = nifti_head(converted.volumes[0]).spacing
        return zooms[3] if len(zooms) > 3 else 0.0

    def _facts(self, shape: Sequence[int], blank: Sequence[Box], *, ours: bool) -> dict[str, Json]:
        """What the sidecar says of the delivered volume, whose shape is (columns, rows, slices …)."""
        facts: dict[str, Json] = {
            "Rows": int(shape[1]),
            "Columns": int(shape[0]),
            "Resampled": bool(self.geometry.problem),
            "ConversionSoftware": "mids" if ours else "dcm2niix",
        }
        if self.geometry.problem:
            facts["ResampledReason"] = self.geometry.problem
        if self.geometry.missing:
            facts["MissingSlices"] = self.geometry.missing
        if blank:
            facts["BlankedRegions"] = [list(box) for box in blank]
        return facts

    def _provenance(self, converted: Converted, differs: str, *, ours: bool) -> dict[str, Json]:
        """What the table of conversions says."""
        if ours:
            notes: list[Json] = [f"dcm2niix: {differs}"] if differs else []
            return {"software": "mids", "version": __version__, "warnings": notes}
        warned: list[Json] = [*converted.warnings]
        version, command = dcm2niix.version(), dcm2niix.command(self.modality)
        return {"software": "dcm2niix", "version": version, "command": command, "warnings": warned}


def _decode(files: Iterable[Path]) -> None:
    for path in files:
        dcm2niix.decode(path)


def _agreeing(converted: Converted, stack: Stack) -> tuple[Path | None, str]:
    """The volume of dcm2niix's that agrees with every slice; None, and in what the first differs, where none does.

    A stack that is not on a regular grid is not compared: dcm2niix misplaces some of them by up to 30 mm.
    """
    if stack.shape.problem:
        return None, ""
    differs = converted.failure
    for path in converted.volumes:
        survey = Survey()
        found = compare(path, stack, survey)
        if not found:
            survey.check()
            return path, ""
        differs = differs or found
    return None, differs


def _derived(converted: Converted, path: Path, stack: Stack, *, ours: bool) -> dict[str, Json]:
    """What dcm2niix derived: of its own volume, or for ours of its only one, if that has our slices."""
    if not ours:
        return converted.derived(path)
    if len(converted.volumes) != 1:
        return {}
    (theirs,) = converted.volumes
    return converted.derived(theirs) if (*_shape(theirs), 1)[2] == stack.slices else {}


def _resampled(shape: Geometry) -> tuple[Issue, ...]:
    if not shape.problem:
        return ()
    return (issue("VOLUME_RESAMPLED", f"the stack is not regular ({shape.problem}), and was resampled", origin="run"),)


def _shape(path: Path) -> tuple[int, ...]:
    return nifti_head(path).shape


def _flipped(boxes: Sequence[Box], stack: Stack) -> list[tuple[slice, slice]]:
    """Boxes of source pixels as slices of columns and of rows counted from the bottom, as volumes are stored.

    Raises `DataError` ``MOSAIC_UNCUT`` for boxes of a sheet of tiles.
    """
    if boxes and stack.is_sheet:
        raise DataError("MOSAIC_UNCUT", "boxes of a sheet of tiles can't be blanked on its slices")
    rows = stack.shape.rows
    return [(slice(left, right), slice(rows - bottom, rows - top)) for top, left, bottom, right in boxes]


def _set_step(path: Path, step: float) -> None:
    """Writes the time from volume to volume (s) into the header of a NIfTI-1 of four dimensions, where it is known."""
    if step and len(_shape(path)) > 3:
        with path.open("r+b") as stream:
            stream.seek(_PIXDIM_4)
            stream.write(struct.pack("<f", step))


def _scrub(path: Path, blank: Sequence[tuple[slice, slice]]) -> None:
    """Empties the header's text fields, which hold times and comments, and blanks boxes on every slice."""
    with path.open("r+b") as stream:
        for begin, length in SCRUBBED:
            stream.seek(begin)
            stream.write(bytes(length))
    if not blank:
        return
    voxels = open_voxels(path, "r+")
    for columns, rows in blank:
        voxels[columns, rows] = voxels.min()


def _digest(path: Path) -> dict[str, Json]:
    """The digest of the voxels that are about to be packed: unpacking them again would take as long as packing."""
    try:
        return {PIXELS: pixel_digest(path)}
    except DataError:
        return {}  # voxels of a number that nobody compares


def _compress(path: Path, target: Path, compression: Compression) -> None:
    """Reads pieces into one buffer: mapping the file costs more, a page fault for every few pages."""

    def pieces() -> Iterator[memoryview]:
        buffer = memoryview(bytearray(1 << 20))
        with path.open("rb", buffering=0) as stream:
            while size := stream.readinto(buffer):
                yield buffer[:size]

    gz.write(target, pieces(), compression)
