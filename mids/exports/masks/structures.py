"""The masks of a dataset as RT Structure Sets (PS3.3 A.19): outlines along the edges of pixels, so that filling the
pixels whose centre lies inside gives the mask back.

On a plane where a region has a hole its contours are CLOSEDPLANAR_XOR, as PS3.3 C.8.8.6.3 has them, else CLOSED_PLANAR.
"""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, RTStructureSetStorage

from mids.dataset import Dataset as Data
from mids.exports.masks.drawn import Drawn, Region, write_masks

Point = tuple[int, int]
"""Row and column of a corner of pixels, counted from the upper left corner of the first."""
_COLOURS = ((230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (204, 121, 167), (213, 94, 0), (0, 114, 178))


def write_rtstruct(dataset: Data, output: Path) -> list[Path]:
    """A structure set for each mask of a volume; raises and returns what `write_masks` does."""
    return write_masks(dataset, output, make_structures)


def make_structures(drawn: Drawn) -> Dataset:
    """The mask as a structure set with a region for each value."""
    first, names = drawn.images[0], drawn.names
    seed = f"{drawn.reader}/{names.filename}/rtstruct"
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID = RTStructureSetStorage
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID = names.uid(seed, "instance")
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.file_meta.ImplementationClassUID = names.uid("implementation")
    for keyword in ("SpecificCharacterSet", "PatientName", "PatientID", "PatientBirthDate", "PatientSex",
                    "PatientIdentityRemoved", "DeidentificationMethod", "StudyInstanceUID", "StudyID", "StudyDate",
                    "StudyTime", "AccessionNumber", "ReferringPhysicianName", "FrameOfReferenceUID",
                    "PositionReferenceIndicator", "Manufacturer"):  # fmt: skip
        setattr(made, keyword, first.get(keyword))
    made.Modality, made.SeriesInstanceUID, made.SeriesNumber = "RTSTRUCT", names.uid(seed, "series"), 901
    made.InstanceNumber, made.StructureSetLabel = 1, drawn.reader[:16]
    made.StructureSetDate = made.StructureSetTime = made.OperatorsName = None
    made.SeriesDescription = f"Regions of {drawn.reader}"[:64]
    made.ReferencedFrameOfReferenceSequence = [_frame_of_reference(drawn)]
    numbered = list(enumerate(drawn.regions, start=1))
    made.StructureSetROISequence = [_region(number, region, drawn) for number, region in numbered]
    made.ROIContourSequence = [_outlined(number, region, drawn) for number, region in numbered]
    made.RTROIObservationsSequence = [_observed(number, region) for number, region in numbered]
    return made


def _item(**values: object) -> Dataset:
    item = Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return item


def _image(image: Dataset) -> Dataset:
    return _item(ReferencedSOPClassUID=image.SOPClassUID, ReferencedSOPInstanceUID=image.SOPInstanceUID)


def _frame_of_reference(drawn: Drawn) -> Dataset:
    first = drawn.images[0]
    series = _item(
        SeriesInstanceUID=first.SeriesInstanceUID, ContourImageSequence=[_image(image) for image in drawn.images]
    )
    study = _item(
        ReferencedSOPClassUID="1.2.840.10008.3.1.2.3.1", ReferencedSOPInstanceUID=first.StudyInstanceUID,
        RTReferencedSeriesSequence=[series],
    )  # fmt: skip
    return _item(FrameOfReferenceUID=first.FrameOfReferenceUID, RTReferencedStudySequence=[study])


def _region(number: int, region: Region, drawn: Drawn) -> Dataset:
    return _item(
        ROINumber=number, ROIName=region.name[:64], ROIGenerationAlgorithm="MANUAL",
        ReferencedFrameOfReferenceUID=drawn.images[0].FrameOfReferenceUID,
    )  # fmt: skip


def _observed(number: int, region: Region) -> Dataset:
    made = _item(ObservationNumber=number, ReferencedROINumber=number, RTROIInterpretedType="", ROIInterpreter=None)
    if region.code:
        code = _item(CodeValue=region.code, CodingSchemeDesignator="UMLS", CodeMeaning=region.name[:64])
        made.RTROIIdentificationCodeSequence = [code]
    return made


def _outlined(number: int, region: Region, drawn: Drawn) -> Dataset:
    contours = []
    for k, plane in enumerate(region.area):
        found = list(loops(plane))
        kind = "CLOSEDPLANAR_XOR" if any(_is_hole(points) for points in found) else "CLOSED_PLANAR"
        for points in found:
            contours.append(
                _item(
                    ContourImageSequence=[_image(drawn.images[k])], ContourGeometricType=kind,
                    NumberOfContourPoints=len(points), ContourData=_millimetres(points, k, drawn),
                )
            )  # fmt: skip
    colour = list(_COLOURS[(number - 1) % len(_COLOURS)])
    return _item(ReferencedROINumber=number, ROIDisplayColor=colour, ContourSequence=contours)


def _millimetres(points: list[Point], k: int, drawn: Drawn) -> list[float]:
    """x, y, z of corners of pixels: half a pixel before the centre of the pixel behind them."""
    grid, corner = drawn.grid, drawn.grid.corner(k)
    at = [corner + grid.down * (row - 0.5) + grid.across * (column - 0.5) for row, column in points]
    return [float(f"{value:.10g}") + 0.0 for point in at for value in point]


def _is_hole(points: list[Point]) -> bool:
    """Whether a loop runs against the clock (rows count downwards), as loops around holes do."""
    pairs = zip(points, [*points[1:], points[0]], strict=True)
    return sum((b[1] - a[1]) * (b[0] + a[0]) for a, b in pairs) > 0


def loops(plane: npt.NDArray[np.bool_]) -> Iterator[list[Point]]:
    """The borders of a plane's pixels as closed loops of corners, with the pixels on the right of each step.

    Pixels that touch at a corner only are in loops of their own.
    """
    steps: dict[Point, list[Point]] = defaultdict(list)
    rows, columns = plane.shape
    for row, column in np.argwhere(plane).tolist():
        if row == 0 or not plane[row - 1, column]:
            steps[row, column].append((row, column + 1))
        if column == columns - 1 or not plane[row, column + 1]:
            steps[row, column + 1].append((row + 1, column + 1))
        if row == rows - 1 or not plane[row + 1, column]:
            steps[row + 1, column + 1].append((row + 1, column))
        if column == 0 or not plane[row, column - 1]:
            steps[row + 1, column].append((row, column))
    while steps:
        start = min(steps)
        yield _straightened(_walk(start, steps))


def _walk(start: Point, steps: dict[Point, list[Point]]) -> list[Point]:
    """Goes along the steps from `start` back to it, and takes them away; where two go on, the one to the right."""
    path, before, at = [start], (0, 0), start
    while True:
        following = steps[at]
        right = (at[0] + before[1], at[1] - before[0])
        to = right if len(following) > 1 and right in following else following[0]
        following.remove(to)
        if not following:
            del steps[at]
        before, at = (to[0] - at[0], to[1] - at[1]), to
        if at == start:
            return path
        path.append(at)


def _straightened(path: list[Point]) -> list[Point]:
    """A loop without corners that lie on a straight line."""
    around = zip([path[-1], *path[:-1]], path, [*path[1:], path[0]], strict=True)
    return [at for a, at, b in around if (at[0] - a[0], at[1] - a[1]) != (b[0] - at[0], b[1] - at[1])]
