"""Small series of CT with what is drawn on them: DICOM segmentations of any grid, and structure sets."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, RTStructureSetStorage, SegmentationStorage
from trees import put

from example_datasets.generators.dicomfile import Values, encode, instance, uid, with_pixels
from mids.conversion import Conversion, convert

Array = NDArray[np.float64]
LABEL_MAP = "1.2.840.10008.5.1.4.1.1.66.7"
BIG, SMALL = (1.5, 11.5), (4.5, 8.5)
STUDY, FRAME = uid("drawn"), uid("drawn", "frame")


@dataclass(frozen=True)
class Grid:
    """Slices in the patient: their unit vectors, the centre of the first pixel of the first, and spacings in mm."""

    x: Array
    y: Array
    corner: Array
    spacing: tuple[float, float, float]
    shape: tuple[int, int, int]
    """Slices, rows, columns."""
    lean: float = 0.0
    """How far each slice lies in mm along y from where the normal puts it, as with a tilted gantry."""

    @property
    def steps(self) -> Array:
        """What one slice, row and column add to a place (3 × 3, LPS mm)."""
        step, row, column = self.spacing
        return np.array([np.cross(self.x, self.y) * step + self.y * self.lean, self.y * row, self.x * column])

    def place(self, *index: float) -> Array:
        """Where a pixel lies by its slice, row and column."""
        return self.corner + np.array(index) @ self.steps

    def values(self) -> Values:
        """The attributes that all slices share."""
        return {"ImageOrientationPatient": [*self.x, *self.y], "PixelSpacing": list(self.spacing[1:])}


def axial(shape: tuple[int, int, int] = (6, 24, 32), step: float = 3.0) -> Grid:
    """Slices from the feet to the head."""
    return Grid(np.array([1.0, 0, 0]), np.array([0, 1.0, 0]), np.array([-20.0, -15, 0]), (step, 1.0, 1.0), shape)


def common(modality: str, series: str, **more: object) -> dict[str, object]:
    """What every object of the study states."""
    return {
        "PatientID": "P1", "PatientName": "DOE^JANE", "StudyInstanceUID": STUDY, "StudyDate": "20200101",
        "SeriesInstanceUID": uid("drawn", series), "Modality": modality, "SeriesNumber": 1, "InstanceNumber": 1,
        "BodyPartExamined": "CHEST", "FrameOfReferenceUID": FRAME, **more,
    }  # fmt: skip


def image_uid(k: int, series: str = "ct") -> str:
    """The SOPInstanceUID of a slice."""
    return uid("instance", f"drawn-{series}-{k}")


def series(folder: Path, grid: Grid, name: str = "ct", skip: Sequence[int] = (), **more: object) -> Path:
    """Writes the slices of a grid, without some; each pixel tells its slice, row and column."""
    for k in (k for k in range(grid.shape[0]) if k not in skip):
        place = [round(float(value), 6) for value in grid.place(k, 0, 0)]
        values = common("CT", name, InstanceNumber=k + 1, RescaleSlope=1, RescaleIntercept=-1024, **more)
        values |= {"SliceThickness": grid.spacing[0], "ImagePositionPatient": place, **grid.values(), **more}
        dataset = instance(CTImageStorage, f"drawn-{name}-{k}", values)
        rows, columns = grid.shape[1:]
        pixels = (np.arange(rows * columns).reshape(rows, columns) + 50 * k).astype(np.uint16)
        target = folder / name / f"{k:03}.dcm"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(encode(with_pixels(dataset, pixels % 4000, "MONOCHROME2", 12)))
    return folder


@dataclass(frozen=True)
class Shown:
    """A frame of a segmentation: its pixels, where its first one lies, its segment, and the slice that it names."""

    pixels: NDArray[np.integer]
    place: Array | None
    segment: int = 1
    names: int | None = None


def frames_of(
    region: NDArray[np.bool_], grid: Grid, axes: Sequence[int], flips: Sequence[bool]
) -> tuple[Grid, list[Shown]]:
    """A region of a grid as frames along other axes, some of them walked backwards."""
    turned = region.transpose(axes)
    steps = grid.steps[list(axes)]
    spacing = np.array(grid.spacing)[list(axes)]
    corner = grid.corner.copy()
    for axis, flip in enumerate(flips):
        if flip:
            turned = np.flip(turned, axis)
            corner = corner + steps[axis] * (turned.shape[axis] - 1)
            steps[axis] = -steps[axis]
    own = Grid(steps[2] / spacing[2], steps[1] / spacing[1], corner, tuple(spacing), turned.shape)
    return own, [Shown(plane, corner + steps[0] * n) for n, plane in enumerate(turned) if plane.any()]


def segmentation(
    frames: Sequence[Shown], grid: Grid, names: Sequence[str] = ("Liver",), kind: str = "BINARY", **more: object
) -> Dataset:
    """A segmentation on planes of a grid's directions and spacing; `more` are attributes of the object."""
    bits = {"BINARY": 1, "FRACTIONAL": 8, "LABELMAP": 16}[kind]
    groups = []
    for frame in frames:
        group: dict[str, object] = {}
        if frame.place is not None:
            group["PlanePositionSequence"] = [{"ImagePositionPatient": [round(float(v), 6) for v in frame.place]}]
        if kind != "LABELMAP":
            group["SegmentIdentificationSequence"] = [{"ReferencedSegmentNumber": frame.segment}]
        if frame.names is not None:
            source = {"ReferencedSOPClassUID": CTImageStorage, "ReferencedSOPInstanceUID": image_uid(frame.names)}
            group["DerivationImageSequence"] = [{"SourceImageSequence": [source]}]
        groups.append(group)
    shared = {
        "PlaneOrientationSequence": [{"ImageOrientationPatient": [*grid.x, *grid.y]}],
        "PixelMeasuresSequence": [{"PixelSpacing": list(grid.spacing[1:]), "SliceThickness": grid.spacing[0]}],
    }
    values: dict[str, object] = {
        "SegmentationType": kind, "ImageType": ["DERIVED", "PRIMARY"],
        "SegmentSequence": [
            {"SegmentNumber": n, "SegmentLabel": name, "SegmentAlgorithmType": "MANUAL"}
            for n, name in enumerate(names, start=1)
        ],
        "ReferencedSeriesSequence": [{"SeriesInstanceUID": uid("drawn", "ct")}],
        "SharedFunctionalGroupsSequence": [shared], "PerFrameFunctionalGroupsSequence": groups,
        "NumberOfFrames": len(frames), "SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2",
        "Rows": frames[0].pixels.shape[0], "Columns": frames[0].pixels.shape[1], "PixelRepresentation": 0,
        "BitsAllocated": bits, "BitsStored": bits, "HighBit": bits - 1, "LossyImageCompression": "00",
    }  # fmt: skip
    if kind == "FRACTIONAL":
        values |= {"SegmentationFractionalType": "PROBABILITY", "MaximumFractionalValue": 255}
    sop = LABEL_MAP if kind == "LABELMAP" else SegmentationStorage
    dataset = instance(sop, "drawn-seg", common("SEG", "seg"), values, more)
    pixels = np.stack([frame.pixels for frame in frames])
    if bits == 1:
        data = np.packbits((pixels > 0).reshape(-1), bitorder="little").tobytes()
    else:
        data = pixels.astype(f"<u{bits // 8}").tobytes()
    dataset.PixelData = data + b"\0" * (len(data) % 2)
    dataset["PixelData"].VR = "OW" if bits == 16 else "OB"
    return dataset


@dataclass(frozen=True)
class Ring:
    """A contour: points in mm (LPS), the name of its region, its type, and the slice that it names."""

    points: Sequence[Array]
    kind: str = "CLOSED_PLANAR"
    names: int | None = None
    region: str = "Liver"


def structures(rings: Sequence[Ring], **more: object) -> Dataset:
    """A structure set of some contours."""
    regions = list(dict.fromkeys(ring.region for ring in rings))
    contours: dict[str, list[Values]] = {region: [] for region in regions}
    for ring in rings:
        data = [round(float(value), 6) for point in ring.points for value in point]
        contour: dict[str, object] = {
            "ContourGeometricType": ring.kind, "NumberOfContourPoints": len(ring.points), "ContourData": data,
        }  # fmt: skip
        if ring.names is not None:
            named = {"ReferencedSOPClassUID": CTImageStorage, "ReferencedSOPInstanceUID": image_uid(ring.names)}
            contour["ContourImageSequence"] = [named]
        contours[ring.region].append(contour)
    values = {
        "StructureSetLabel": "DOE",
        "StructureSetROISequence": [
            {"ROINumber": n, "ROIName": name, "ReferencedFrameOfReferenceUID": FRAME}
            for n, name in enumerate(regions, start=1)
        ],
        "ROIContourSequence": [
            {"ReferencedROINumber": n, "ContourSequence": contours[name]} for n, name in enumerate(regions, start=1)
        ],
    }
    header = common("RTSTRUCT", "rt")
    del header["FrameOfReferenceUID"]
    return instance(RTStructureSetStorage, "drawn-rt", header, values, more)


def ring(grid: Grid, k: float, corners: Sequence[tuple[float, float]], **more: object) -> Ring:
    """A contour through (column, row) points of a slice."""
    return Ring([grid.place(k, row, column) for column, row in corners], **more)  # type: ignore[arg-type]


def square(low: float, high: float) -> list[tuple[float, float]]:
    return [(low, low), (high, low), (high, high), (low, high)]


def area(low: float, high: float, shape: tuple[int, int, int], *slices: int) -> NDArray[np.bool_]:
    rows, columns = np.mgrid[: shape[1], : shape[2]]
    found = np.zeros(shape, bool)
    found[list(slices)] = (rows > low) & (rows < high) & (columns > low) & (columns < high)
    return found


def codes(result: Conversion) -> dict[str, str]:
    """The level of each code that was told."""
    return {issue.code: issue.level for issue in result.issues}


def mask(result: Conversion) -> Path:
    (path,) = (result.dataset / "derivatives/rois").rglob("*_dseg.nii.gz")
    return path


def at(path: Path, grid: Grid) -> NDArray[np.integer]:
    """The labels (slices, rows, columns) at the places of a grid's pixels."""
    image = nib.load(path)
    index = np.stack(np.meshgrid(*(np.arange(n) for n in grid.shape), indexing="ij"), axis=-1)
    places = (index @ grid.steps + grid.corner) * (-1, -1, 1)
    inverse = np.linalg.inv(image.affine)
    found = places @ inverse[:3, :3].T + inverse[:3, 3]
    assert np.abs(found - np.rint(found)).max() < 0.02
    return np.asarray(image.dataobj)[tuple(np.moveaxis(np.rint(found).astype(int), -1, 0))]


OBLIQUE = np.linalg.qr(np.array([[0.9, 0.2, -0.1], [0.1, 0.8, 0.4], [0.3, -0.3, 0.9]]))[0]


def tilted(shape: tuple[int, int, int] = (5, 14, 18)) -> Grid:
    """Slices in no plane of the patient, of pixels that are not square."""
    return Grid(OBLIQUE[0], OBLIQUE[1], np.array([12.5, -40.25, 7.75]), (2.5, 1.2, 0.8), shape)


def done(source: Path, key: Path, *drawn: Dataset | bytes) -> Conversion:
    """The source with what is drawn on it, converted."""
    for number, dataset in enumerate(drawn):
        put(source, f"drawn/{number}", dataset)
    return convert("dicom", source, source.parent / "out", key=key)
