"""The example source is the same on every run, and holds what its constants say, where they say it."""

import zipfile
from functools import cache
from io import BytesIO
from itertools import pairwise
from math import degrees

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.pixels.processing import apply_modality_lut
from pydicom.uid import DeflatedExplicitVRLittleEndian

from example_datasets import generate
from example_datasets.generators import anatomy, ct, mr, nuclear, radiograph, us
from example_datasets.generators.anatomy import Marker
from example_datasets.generators.dicomfile import uid
from example_datasets.generators.patients import CANARIES, PATIENT_A, PATIENT_B

DEFECTIVE = "defectuosos/"


@cache
def files() -> dict[str, bytes]:
    return dict(generate.files())


@cache
def readable() -> list[Dataset]:
    contents = [content for path, content in files().items() if not path.startswith(DEFECTIVE)]
    with zipfile.ZipFile(BytesIO(files()[generate.ARCHIVE])) as archive:
        contents += [archive.read(name) for name in archive.namelist()]
    contents.remove(files()[generate.ARCHIVE])
    return [dcmread(BytesIO(content)) for content in contents]


def series(name: str) -> list[Dataset]:
    """The series' instances, each once, in the order of their names in the generator."""
    found = {d.SOPInstanceUID: d for d in readable() if d.get("SeriesInstanceUID") == uid("series", name)}
    return sorted(found.values(), key=lambda dataset: tuple(dataset.get("ImagePositionPatient", ())))


def world(dataset: Dataset) -> NDArray[np.float64]:
    """LPS mm of every pixel: (3, rows, columns), by the equation of PS3.3 C.7.6.2.1.1."""
    position = np.array(dataset.ImagePositionPatient, dtype=float)
    orientation = np.array(dataset.ImageOrientationPatient, dtype=float)
    row, column = np.mgrid[0 : dataset.Rows, 0 : dataset.Columns]
    right = np.multiply.outer(orientation[:3], column * dataset.PixelSpacing[1])
    down = np.multiply.outer(orientation[3:], row * dataset.PixelSpacing[0])
    return np.asarray(position[:, None, None] + right + down)


def centroid(datasets: list[Dataset], value: float, tolerance: float = 0.5) -> NDArray[np.float64]:
    """Mean LPS position of the pixels that have the value after the modality LUT."""
    points = []
    for dataset in datasets:
        pixels = np.asarray(apply_modality_lut(dataset.pixel_array, dataset), dtype=float)
        points.append(world(dataset)[:, np.abs(pixels - value) <= tolerance])
    return np.asarray(np.hstack(points).mean(axis=1))


def water(dataset: Dataset) -> NDArray[np.float64]:
    """Stored values with polarity undone: bright is dense, whatever the photometric interpretation."""
    pixels = dataset.pixel_array.astype(float)
    top = 2.0**dataset.BitsStored - 1
    return top - pixels if dataset.PhotometricInterpretation == "MONOCHROME1" else pixels


def test_two_runs_give_the_same_bytes() -> None:
    again = list(generate.files())
    assert [path for path, _ in again] == sorted(files())
    assert dict(again) == files()


def test_committed_files_are_what_the_generator_makes() -> None:
    committed = {path for path in generate.INPUT.rglob("*") if path.is_file()}
    assert {path.relative_to(generate.INPUT).as_posix() for path in committed} == set(files())
    for path, content in files().items():
        stored = (generate.INPUT / path).read_bytes()
        if path == generate.ARCHIVE:
            assert _members(stored) == _members(content)
        elif path.startswith(DEFECTIVE) or not _deflate_bytes(content):
            assert stored == content, path
        else:
            assert dcmread(BytesIO(stored)) == dcmread(BytesIO(content)), path


def _members(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _deflate_bytes(content: bytes) -> bool:
    return DeflatedExplicitVRLittleEndian.encode() + b"\0" in content[:1000]


def test_source_stays_small() -> None:
    assert sum(map(len, files().values())) < 1.5 * 2**20


@pytest.mark.parametrize("name", ["ct-soft", "ct-lung", "ct-tilt", "ct-uneven", "ct-coronal"])
@pytest.mark.parametrize("marker", anatomy.MARKERS.values(), ids=anatomy.MARKERS)
def test_chest_markers_lie_at_their_place(name: str, marker: Marker) -> None:
    slices = series(name)
    assert centroid(slices, marker.value) == pytest.approx(marker.centre, abs=5.0)


def test_chest_markers_lie_on_the_sides_their_names_say() -> None:
    right, left = anatomy.MARKERS["right upper anterior"], anatomy.MARKERS["left lower posterior"]
    assert right.centre[0] < 0 < left.centre[0]
    assert right.centre[1] < 0 < left.centre[1]
    assert right.centre[2] > left.centre[2]


def test_organs_have_their_hounsfield_units_on_their_side() -> None:
    def seen(x: float, y: float, z: float) -> float:
        return float(anatomy.hu(x, y, z))

    assert seen(-70, 20, 60) == seen(80, 20, 60) == -850
    assert seen(*anatomy.HEART.centre) == 45
    assert seen(-anatomy.HEART.centre[0], *anatomy.HEART.centre[1:]) != 45
    assert seen(-80, 0, -90) == 60
    assert seen(80, 0, -110) != 60
    assert seen(0, 72, 0) == 400
    assert seen(0, -100, 60) == 40
    assert seen(0, -120, 0) == -1000


def test_left_lung_is_smaller() -> None:
    x = np.hstack([world(dataset)[0][dataset.pixel_array == -850 + 1024] for dataset in series("ct-soft")])
    assert 0.4 * (x < 0).sum() < (x > 0).sum() < 0.9 * (x < 0).sum()


@given(
    st.sampled_from(list(anatomy.MARKERS.values())),
    *(st.floats(-0.57, 0.57) for _ in range(3)),
)
def test_every_point_of_a_marker_has_its_value(marker: Marker, dx: float, dy: float, dz: float) -> None:
    point = (c + d * marker.radius for c, d in zip(marker.centre, (dx, dy, dz), strict=True))
    assert anatomy.hu(*point) == marker.value


def test_lung_series_is_signed_and_padded_outside_a_circle() -> None:
    for dataset in series("ct-lung"):
        pixels = dataset.pixel_array
        x, y, _ = world(dataset)
        assert dataset.RescaleIntercept == 0
        assert np.array_equal(pixels == dataset.PixelPaddingValue, np.hypot(x, y) > 196)
        assert pixels.min() == ct.PADDING


def test_tilted_series_moves_along_z_only() -> None:
    positions = np.array([d.ImagePositionPatient for d in series("ct-tilt")], dtype=float)
    assert np.ptp(positions[:, :2], axis=0).tolist() == [0, 0]
    orientation = np.array(series("ct-tilt")[0].ImageOrientationPatient, dtype=float)
    normal = np.cross(orientation[:3], orientation[3:])
    assert degrees(np.arccos(normal[2])) == pytest.approx(ct.TILT)


def test_uneven_series_lacks_one_slice() -> None:
    heights = sorted(float(d.ImagePositionPatient[2]) for d in series("ct-uneven"))
    gaps = [high - low for low, high in pairwise(heights)]
    assert sorted(gaps) == [10.0] * 9 + [20.0]
    assert gaps.index(20.0) == ct.MISSING - 1


def test_chest_study_is_one_folder_in_no_order() -> None:
    names = [path for path in files() if path.startswith(ct.FOLDER) and "copia" not in path]
    datasets = [dcmread(BytesIO(files()[name]), stop_before_pixels=True) for name in names]
    assert len({dataset.StudyInstanceUID for dataset in datasets}) == 1
    soft = [d.InstanceNumber for d in datasets if d.SeriesInstanceUID == uid("series", "ct-soft")]
    assert soft not in (sorted(soft), sorted(soft, reverse=True))
    assert not any("." in name.rsplit("/")[-1] for name in names)


def test_one_slice_lies_there_twice() -> None:
    copy = dcmread(BytesIO(files()[generate.DUPLICATE]))
    assert copy.SOPInstanceUID == ct.duplicate_uid()
    assert list(files().values()).count(files()[generate.DUPLICATE]) == 2
    instances = [dataset.SOPInstanceUID for dataset in readable() if "SOPInstanceUID" in dataset]
    assert len(instances) == len(set(instances)) + 1


def test_frontal_radiographs_show_the_patients_right_on_the_left() -> None:
    for name in ("cr-pa", "dx-pa", "dx-ap"):
        (dataset,) = series(name)
        image = water(dataset)
        letter = image[radiograph.LEAD]
        assert letter.max() == image.max()
        assert letter.max() > image[radiograph.LEAD[0], -30:].max()
        assert image[_pixel(60, -10)] > image[_pixel(-60, -10)], "heart"
        assert image[_pixel(-80, -60)] > image[_pixel(80, -60)], "liver"
        assert list(dataset.PatientOrientation) == ["L", "F"]
        marker = anatomy.MARKERS["right upper anterior"].centre
        spot = _pixel(marker[0], marker[2])
        assert image[spot] > image[spot[0], spot[1] - 12]
        assert image[spot] > image[spot[0], spot[1] + 12]


def _pixel(x: float, z: float) -> tuple[int, int]:
    return int(np.abs(radiograph.Z - z).argmin()), int(np.abs(radiograph.ACROSS - x).argmin())


def test_both_polarities_show_the_same_water() -> None:
    (inverted,), (direct,) = series("cr-pa"), series("dx-pa")
    below_letter = radiograph.LEAD[0].stop
    assert inverted.PhotometricInterpretation == "MONOCHROME1"
    left = 4000 - inverted.pixel_array[below_letter:].astype(int)
    right = direct.pixel_array[below_letter:].astype(int) - 100
    assert np.abs(left - right).max() <= 1


def test_lateral_radiograph_has_the_back_on_the_right() -> None:
    (dataset,) = series("dx-lateral")
    row = water(dataset)[_pixel(0, 80.0)[0]]
    spine = np.abs(radiograph.ACROSS - anatomy.SPINE_CENTRE[1]).argmin()
    front = np.abs(radiograph.ACROSS + anatomy.SPINE_CENTRE[1]).argmin()
    assert row[spine] > row[front]
    assert list(dataset.PatientOrientation) == ["P", "F"]
    assert "ViewPosition" not in dataset


def test_windows_are_of_every_sort() -> None:
    names = ("cr-pa", "dx-lateral", "dx-pa", "dx-ap", "mg-rmlo", "mg-lcc")
    images = {name: series(name)[0] for name in names}
    assert images["dx-lateral"].VOILUTFunction == "SIGMOID"
    assert images["dx-pa"].VOILUTFunction == "LINEAR_EXACT"
    assert "WindowCenter" not in images["dx-ap"]
    assert len(images["mg-rmlo"].WindowWidth) == 3
    assert images["mg-lcc"].VOILUTSequence[0].LUTDescriptor[0] == len(images["mg-lcc"].VOILUTSequence[0].LUTData) / 2
    for image in images.values():
        assert image.pixel_array.max() < 2**image.BitsStored


def test_mammograms_are_mirrored() -> None:
    (right,), (left,) = series("mg-rmlo"), series("mg-lcc")
    assert (right.ImageLaterality, right.ViewPosition) == ("R", "MLO")
    assert (left.ImageLaterality, left.ViewPosition) == ("L", "CC")
    assert left.pixel_array[radiograph.CALCIFICATION] == 4000
    row, column = radiograph.CALCIFICATION
    assert right.pixel_array[row, right.Columns - 1 - column] == 4000
    assert left.pixel_array[68, 0] > 0 == left.pixel_array[68, -1]


@pytest.mark.parametrize(
    ("protocol", "markers"),
    [
        (mr.T1W, anatomy.HEAD_MARKERS),
        (mr.FLAIR, anatomy.HEAD_MARKERS),
        (mr.LUMBAR_T2, anatomy.LUMBAR_MARKERS),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_mr_markers_lie_at_their_place(protocol: mr.Protocol, markers: dict[str, Marker]) -> None:
    slices = series(protocol.name)
    assert len(slices) == len(protocol.offsets)
    for marker in markers.values():
        found = centroid(slices, protocol.signal[marker.value])
        assert found == pytest.approx(marker.centre, abs=protocol.spacing / 2)


def test_pet_hot_spot_lies_in_the_liver_and_slopes_differ() -> None:
    slices = series("pt")
    found = centroid(slices, nuclear.HOT_BQML, tolerance=nuclear.HOT_BQML * 0.01)
    assert found == pytest.approx(nuclear.HOT_SPOT, abs=5.0)
    assert len({float(dataset.RescaleSlope) for dataset in slices}) == len(slices)


def test_spect_is_one_file_of_frames_from_the_feet() -> None:
    (dataset,) = series("nm")
    frames, _, columns = np.nonzero(dataset.pixel_array == nuclear.HOT_BQML // 100)
    detector = dataset.DetectorInformationSequence[0]
    z = detector.ImagePositionPatient[2] + frames.mean() * dataset.SpacingBetweenSlices
    x = detector.ImagePositionPatient[0] + columns.mean() * dataset.PixelSpacing[1]
    assert (x, z) == pytest.approx((nuclear.HOT_SPOT[0], nuclear.HOT_SPOT[2]), abs=5.0)


def test_ultrasound_shows_flow_moves_and_hides_nothing() -> None:
    (colour,), (cine,), (lettered,) = series("us-colour"), series("us-cine"), series("us-lettered")
    for name, value in (("red", us.RED), ("blue", us.BLUE)):
        assert (colour.pixel_array[us.FLOW[name]] == value).all()
    for index, frame in enumerate(cine.pixel_array):
        rows, columns = np.nonzero(frame == 255)
        assert (rows.min(), columns.min()) == us.moving_target(index)
    assert cine.FrameTime == us.FRAME_TIME
    assert colour.BurnedInAnnotation == cine.BurnedInAnnotation == "NO"
    assert "BurnedInAnnotation" not in lettered
    assert (lettered.pixel_array == 255).sum() > 100


def test_identifiers_differ_only_in_leading_zeros() -> None:
    assert int(PATIENT_A["PatientID"]) == int(PATIENT_B["PatientID"])
    assert {"000123", "123", "HC-77001/X"} == {d.PatientID for d in readable() if "PatientID" in d}


def test_every_canary_is_in_the_source() -> None:
    everything = b"".join(path.encode() + content for path, content in files().items())
    spelled = [text for text in CANARIES if not (text[:2].isdigit() and "-" in text)]
    assert len(spelled) > 30
    for text in spelled:
        assert any(text.encode(charset) in everything for charset in ("utf-8", "latin-1")), text


def test_defective_files_are_defective() -> None:
    cut = dcmread(BytesIO(files()[generate.TRUNCATED]))
    assert len(cut.PixelData) < cut.Rows * cut.Columns * 2
    for path, content in files().items():
        if path.startswith(DEFECTIVE) and path != generate.TRUNCATED:
            with pytest.raises((InvalidDicomError, EOFError)):
                dcmread(BytesIO(content))


def test_disc_index_leads_to_every_file_of_the_disc() -> None:
    index = dcmread(BytesIO(files()[f"{generate.DISC}/DICOMDIR"]))
    records = {record.seq_item_tell: record for record in index.DirectoryRecordSequence}
    pending = [index.OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity]
    found = {}
    while pending:
        if offset := pending.pop():
            record = records.pop(offset)
            pending.append(record.OffsetOfTheNextDirectoryRecord)
            pending.append(record.OffsetOfReferencedLowerLevelDirectoryEntity)
            if record.DirectoryRecordType == "IMAGE":
                found["/".join(record.ReferencedFileID)] = record.ReferencedSOPInstanceUIDInFile
    assert not records
    images = {path: content for path, content in files().items() if path.startswith(f"{generate.DISC}/IMAGES")}
    there = {path: dcmread(BytesIO(content)).SOPInstanceUID for path, content in images.items()}
    assert {f"{generate.DISC}/{path}": instance for path, instance in found.items()} == there
