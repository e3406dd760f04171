"""Regions of interest: what is drawn on a slice lies on the same tissue in the delivered volume."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import cos, radians, sin
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from pydicom.uid import CTImageStorage

from example_datasets.generators.dicomfile import axis, encode, instance, uid, with_pixels
from mids.actions.mask import Mask, filled, inside
from mids.actions.volumes.volume import Volume
from mids.deid import keys
from mids.deid.headers.rules import resolve
from mids.deid.labels import Labels
from mids.deid.policy import preset
from mids.deid.pseudonyms import Pseudonyms
from mids.errors import DataError
from mids.plan import Context, Options, build
from mids.plan.job import Job
from mids.plan.privacy import Privacy
from mids.readers.dicom.geometry import affine, positions
from mids.readers.dicom.grouping.series import records
from mids.readers.dicom.scan import PLAIN
from mids.records import About, Geometry, Item, MaskFile, Outline, Record, Regions, Source
from mids.vocabulary.names import parse
from mids.vocabulary.schema import load

POLICY = preset("mids")
ROWS, COLUMNS, PIXEL = 20, 26, (1.5, 2.0)
INSIDE, OUTSIDE = 500, -500
JSON = Source("annotations.json", "", 10, 1)
_LEAN = (0.0, round(cos(radians(15)), 9), round(-sin(radians(15)), 9))
_EVEN = list(axis(9, 4.0))


@dataclass(frozen=True)
class Case:
    """A series: LPS positions of slices along z, the direction of columns, in which order the files come."""

    z: Sequence[float]
    column: tuple[float, float, float] = (0.0, 1.0, 0.0)
    row: tuple[float, float, float] = (1.0, 0.0, 0.0)
    order: Sequence[int] = ()
    is_regular: bool = True


CASES = {
    "straight": Case(_EVEN),
    "reversed": Case(_EVEN[::-1]),
    "shuffled": Case(_EVEN, order=[4, 0, 7, 2, 8, 1, 6, 3, 5]),
    "prone": Case(_EVEN, row=(-1.0, 0.0, 0.0), column=(0.0, -1.0, 0.0)),
    "tilted": Case(_EVEN, column=_LEAN, is_regular=False),
    "tilted and reversed": Case(_EVEN[::-1], column=_LEAN, is_regular=False),
    "uneven": Case([-20, -16, -12, -8, 0, 4, 8, 20, 24], is_regular=False),
}


def corner(case: Case, index: int) -> NDArray[np.float64]:
    """LPS mm of the centre of a slice's first pixel."""
    middle = np.array([3.0, -5.0, case.z[index]])
    row, column = np.array(case.row), np.array(case.column)
    return middle - row * PIXEL[1] * (COLUMNS - 1) / 2 - column * PIXEL[0] * (ROWS - 1) / 2


def place(case: Case, index: int) -> NDArray[np.float64]:
    """LPS mm of every pixel of a slice, straight from PS3.3 equation C.7.6.2.1-1: (rows, columns, 3)."""
    i, j = np.arange(COLUMNS)[None, :, None], np.arange(ROWS)[:, None, None]
    return corner(case, index) + i * PIXEL[1] * np.array(case.row) + j * PIXEL[0] * np.array(case.column)


def blob(case: Case, index: int) -> NDArray[np.bool_]:
    """The lesion of the phantom: a box of tissue, off the centre in every direction, on every slice that it meets."""
    x, y, z = np.moveaxis(place(case, index), 2, 0)
    return (x > -6) & (x < 12) & (y > -11) & (y < -1) & (z > -14.5) & (z < 9.5)


def outline(mask: NDArray[np.bool_]) -> tuple[tuple[float, float], ...]:
    """The rectangle around a rectangular mask, on the edges of its pixels (column, row)."""
    rows, columns = np.nonzero(mask.any(axis=1))[0], np.nonzero(mask.any(axis=0))[0]
    assert mask.sum() == len(rows) * len(columns)
    left, right, top, bottom = columns[0] - 0.5, columns[-1] + 0.5, rows[0] - 0.5, rows[-1] + 0.5
    return ((left, top), (right, top), (right, bottom), (left, bottom))


def source(case: Case, folder: Path) -> None:
    """Writes the series, its files named in `case.order`."""
    count = len(case.z)
    for name, index in enumerate(case.order or range(count)):
        values = {
            "PatientID": "P1", "StudyInstanceUID": uid("regions"), "SeriesInstanceUID": uid("regions", "series"),
            "StudyDate": "20200101", "Modality": "CT", "SeriesNumber": 1, "BodyPartExamined": "CHEST",
            "InstanceNumber": name + 1, "ImagePositionPatient": [round(float(v), 6) for v in corner(case, index)],
            "ImageOrientationPatient": [*case.row, *case.column], "PixelSpacing": list(PIXEL), "SliceThickness": 4,
            "RescaleSlope": 1, "RescaleIntercept": -1024, "FrameOfReferenceUID": uid("regions", "frame"),
            "Manufacturer": "CALCULATED PHANTOMS", "PatientPosition": "HFS",
        }  # fmt: skip
        dataset = instance(CTImageStorage, f"regions-{index}", values)
        pixels = np.where(blob(case, index), INSIDE, OUTSIDE) + 1024
        (folder / f"{name:03}").write_bytes(encode(with_pixels(dataset, pixels.astype(np.uint16), "MONOCHROME2", 12)))


def scan_folder(folder: Path) -> Record:
    (record,) = (item for item in records(folder, list(PLAIN.scan(folder).instances())) if isinstance(item, Record))
    return record


def drawn(case: Case, record: Record) -> tuple[Outline, ...]:
    """The lesion's outlines, found by SOPInstanceUID as a reader of annotations finds them."""
    uids = [str(value) for value in record.per_slice["SOPInstanceUID"]]
    masks = {uid("instance", f"regions-{index}"): blob(case, index) for index in range(len(case.z))}
    return tuple(Outline("lesion", outline(mask), uids.index(sop)) for sop, mask in masks.items() if mask.any())


def context(contours: str = "corner") -> Context:
    labels = Labels(Pseudonyms(keys.Key(b"5" * 32)), About("x", "x", "x", ids="public"))
    return Context(load(), Privacy(labels, POLICY, resolve(POLICY)), Options(contours=contours))  # type: ignore[arg-type]


def plan_items(items: Sequence[Item], contours: str = "corner") -> list[Job]:
    return list(build([items], context(contours)).jobs)


def run_job(job: Job, root: Path, scratch: Path) -> nib.Nifti1Image:
    scratch.mkdir()
    return nib.load(scratch / job.action.make(root, scratch).files[0])


@pytest.mark.parametrize("name", CASES)
def test_a_region_lies_on_its_tissue(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    folder = tmp_path / "source"
    folder.mkdir()
    source(case, folder)
    record = scan_folder(folder)
    regions = Regions("P1", record.study, record.image, "reader", drawn(case, record), {"lesion": 7}, JSON)
    image_job, mask_job = plan_items([record, regions])
    image, mask = run_job(image_job, folder, tmp_path / "image"), run_job(mask_job, folder, tmp_path / "mask")
    assert np.allclose(image.affine, mask.affine, atol=1e-3)
    assert image.shape == mask.shape
    voxels, values = np.asarray(mask.dataobj), np.asarray(image.dataobj)
    assert set(np.unique(voxels)) == {0, 7}
    if case.is_regular:
        assert np.array_equal(voxels == 7, values == INSIDE)
    else:  # interpolation mixes the tissues at the border, where half of a voxel decides
        assert values[voxels == 7].min() >= (INSIDE + OUTSIDE) / 2
        assert values[voxels == 0].max() <= (INSIDE + OUTSIDE) / 2
    # Independently of how the volume was made: each source pixel's place, by the standard's equation, in the label map.
    inverse = np.linalg.inv(mask.affine)
    for index in range(len(case.z)):
        expected = blob(case, index)
        ras = place(case, index) * (-1, -1, 1)
        found = ras @ inverse[:3, :3].T + inverse[:3, 3]
        nearest = np.rint(found).astype(int)
        label = voxels[tuple(np.moveaxis(nearest, 2, 0))] == 7
        if case.is_regular:
            assert np.abs(found - nearest).max() < 1e-3
            assert np.array_equal(label, expected)
        else:
            core = expected & ~_border(expected)
            rim = expected | _border(expected)
            assert label[core].all()
            assert not label[~rim].any()


def _border(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The pixels on both sides of a mask's edge."""
    edge = np.zeros(mask.shape, bool)
    for axis_ in (0, 1):
        for step in (1, -1):
            edge |= np.roll(mask, step, axis_) != mask
    return edge


def test_the_positions_of_slices_are_those_of_the_headers(tmp_path: Path) -> None:
    for name, case in CASES.items():
        folder = tmp_path / name
        folder.mkdir()
        source(case, folder)
        shape = scan_folder(folder).geometry
        assert shape is not None
        normal = np.cross(case.row, case.column)
        corners = sorted((corner(case, index) for index in range(len(case.z))), key=lambda point: float(point @ normal))
        assert np.allclose(positions(shape), corners, atol=1e-4)


def test_the_convention_is_a_choice_and_is_recorded() -> None:
    geometry = Geometry(ROWS, COLUMNS, 1, 1, (1, 0, 0, 0, 1, 0), (0, 0, 0), PIXEL)
    record = Record("P1", "1", "s", "volume", "CT", (JSON,), {"Modality": "CT"}, geometry=geometry)
    square = (Outline("a", ((2.4, 2.4), (6.4, 2.4), (6.4, 6.4), (2.4, 6.4))),)
    regions = Regions("P1", "1", record.image, "r", square, {"a": 1}, JSON, convention="unknown")
    filled_by = {}
    for contours in ("corner", "centre"):
        _, job = plan_items([record, regions], contours)
        assert isinstance(job.action, Mask)
        values, _, _ = filled(job.action.outlines, {"a": 1}, geometry)
        filled_by[contours] = {(int(r), int(c)) for r, c, _ in np.argwhere(values)}
        note = str(job.sidecar["ContourConvention"])
        assert ("corners of pixels" in note) == (contours == "corner")
    assert filled_by["corner"] == {(r, c) for r in range(2, 6) for c in range(2, 6)}
    assert filled_by["centre"] == {(r, c) for r in range(3, 7) for c in range(3, 7)}
    stated = replace(regions, convention="centre")
    assert plan_items([record, stated], "corner")[1].sidecar == plan_items([record, stated], "centre")[1].sidecar


def test_names_lookups_and_contours_stand_beside_the_map(tmp_path: Path) -> None:
    folder = tmp_path / "source"
    folder.mkdir()
    case = CASES["uneven"]
    source(case, folder)
    record = scan_folder(folder)
    regions = Regions("P1", record.study, record.image, "Group 1 U_x", drawn(case, record), {"lesion": 7}, JSON)
    image, job = plan_items([record, regions])
    assert job.path.startswith("derivatives/rois/sub-P1/")
    assert job.path.endswith("_desc-Group1Ux_dseg.nii.gz")
    assert [parse(path).problems for path in job.outputs] == [(), ()]
    assert job.sidecar["Sources"] == [f"bids::{image.path}"]
    contours = job.sidecar["Contours"]
    assert isinstance(contours, list)
    assert [c["Slice"] for c in contours] == [o.slice for o in regions.outlines]  # type: ignore[index,call-overload]
    geometry = job.sidecar["ContourGeometry"]
    assert isinstance(geometry, dict)
    assert [round(point[2], 3) for point in geometry["ImagePositionPatient"]] == sorted(case.z)  # type: ignore[index,union-attr]
    assert json.dumps(job.sidecar)
    (tmp_path / "made").mkdir()
    done = job.action.make(folder, tmp_path / "made")
    assert (tmp_path / "made" / done.files[1]).read_text("utf-8") == "index\tname\n7\tlesion\n"


def test_a_circle_has_the_area_that_it_encloses() -> None:
    for radius in (3.0, 10.0, 40.0):
        angles = np.linspace(0, 2 * np.pi, 400, endpoint=False)
        circle = [(64.3 + radius * np.cos(a), 63.6 + radius * np.sin(a)) for a in angles]
        area = np.count_nonzero(inside(circle, 128, 128))
        assert abs(area - np.pi * radius**2) < 3.5 * radius**0.7  # the error of counting lattice points


@given(
    st.lists(st.tuples(st.integers(-40, 400), st.integers(-40, 400)), min_size=3, max_size=9),
    st.integers(1, 24), st.integers(1, 30),
)  # fmt: skip
def test_a_pixel_is_inside_by_the_even_odd_rule(tenths: list[tuple[int, int]], rows: int, columns: int) -> None:
    points = [(x / 10 + 0.013, y / 10 + 0.017) for x, y in tenths]  # no edge runs through a centre
    found = inside(points, rows, columns)
    for row, column in ((0, 0), (rows - 1, columns - 1), (rows // 2, columns // 2), (rows // 3, columns - 1)):
        crossings = 0
        for (x0, y0), (x1, y1) in zip(points, [*points[1:], points[0]], strict=True):
            if (y0 > row) != (y1 > row):
                crossings += x0 + (row - y0) / (y1 - y0) * (x1 - x0) > column
        assert found[row, column] == (crossings % 2 == 1)


def test_unions_overlaps_and_what_is_wrong_with_outlines() -> None:
    shape = Geometry(10, 10, 2)

    def square(label: str, low: float, high: float, k: int = 0) -> Outline:
        return Outline(label, ((low, low), (high, low), (high, high), (low, high)), k)

    drawing = (
        square("a", -0.5, 3.5), square("a", 2.5, 5.5), square("b", 4.5, 6.5), square("b", 0.5, 1.5, 1),
        Outline("a", ((1, 1), (2, 2))), square("a", 8.5, 14.5), square("b", 7.1, 7.2),
        Outline("b", ((0.5, 0.5), (3.5, 0.5), (3.5, 3.5), (0.5, 0.5)), 1),
    )  # fmt: skip
    values, overlap, issues = filled(drawing, {"a": 1, "b": 2}, shape)
    assert np.count_nonzero(values[:, :, 0] == 1) == 16 + 9 - 1 - 1 + 1  # a union, less what b took, plus the corner
    assert np.count_nonzero(values[:, :, 0] == 2) == 4
    assert overlap == 1
    assert values[1, 1, 1] == 2
    assert sorted(found.message for found in issues) == [
        "1 outlines around no pixel's centre", "1 outlines of fewer than 3 points", "1 outlines that leave the image",
        "1 outlines that repeat their first point",
    ]  # fmt: skip


def test_a_picture_gets_a_picture_of_labels(tmp_path: Path) -> None:
    record = Record("P1", "1", "s", "picture", "DX", (Source("x.png"),), {"Modality": "DX", "Rows": 6, "Columns": 8})
    regions = Regions(
        "P1", "1", record.image, "r", (Outline("a", ((1.5, 0.5), (4.5, 0.5), (4.5, 2.5), (1.5, 2.5))),), {"a": 3}, JSON
    )
    _, job = plan_items([record, regions])
    done = job.action.make(tmp_path, tmp_path)
    pixels = np.asarray(Image.open(tmp_path / done.files[0]))
    assert pixels.shape == (6, 8)
    assert np.array_equal(np.argwhere(pixels == 3), [(r, c) for r in (1, 2) for c in (2, 3, 4)])


def test_regions_of_an_image_that_is_not_there_are_an_issue() -> None:
    record = Record("P1", "1", "s", "picture", "DX", (Source("x.png"),), {"Modality": "DX", "Rows": 6, "Columns": 8})
    lost = Regions("P1", "1", "gone|0|", "r", (Outline("a", ((0, 0), (2, 0), (2, 2))),), {"a": 1}, JSON)
    plan = build([[record, lost]], context())
    assert len(list(plan.jobs)) == 1
    (found,) = plan.subjects[0].issues
    assert (found.code, found.path) == ("REGION_UNMATCHED", JSON.name)


def test_a_mask_of_another_size_is_refused(tmp_path: Path) -> None:
    Image.fromarray(np.full((5, 8), 255, np.uint8)).save(tmp_path / "mask.png")
    record = Record("P1", "1", "s", "picture", "DX", (Source("x.png"),), {"Modality": "DX", "Rows": 6, "Columns": 8})
    mask = MaskFile("P1", "1", record.image, "model", Source("mask.png"), {"lung": 1})
    _, job = plan_items([record, mask])
    with pytest.raises(DataError, match="8 × 5"):
        job.action.make(tmp_path, tmp_path)
    Image.fromarray(np.full((6, 8), 255, np.uint8)).save(tmp_path / "mask.png")
    made_files = job.action.make(tmp_path, tmp_path).files
    assert np.all(np.asarray(Image.open(tmp_path / made_files[0])) == 1)


def test_outlines_on_an_image_without_a_place_are_refused(tmp_path: Path) -> None:
    shape = Geometry(4, 4, 2, problem="unknown")
    assert affine(shape) is None
    action = Mask(JSON, shape, is_picture=False, outlines=(), lookup=(("a", 1),))
    with pytest.raises(DataError) as caught:
        action.make(tmp_path, tmp_path)
    assert caught.value.code == "REGION_MISMATCH"


@pytest.mark.shared
def test_regions_lie_right_on_real_tilted_slices(shared: Path, tmp_path: Path) -> None:
    """On a head CT of 18.5° tilt and uneven spacing, a box of one slice lies where the header puts it."""
    folder = shared / "dicom" / "dcm_qa_ct" / "GE"
    found = [item for item in records(folder, list(PLAIN.scan(folder).instances())) if isinstance(item, Record)]
    record = max(found, key=lambda item: len(item.sources))
    assert record.geometry is not None
    assert record.geometry.problem
    volume = Volume(record.sources, record.geometry, "CT")
    (tmp_path / "image").mkdir()
    image = nib.load(tmp_path / "image" / volume.make(folder, tmp_path / "image").files[0])
    k = record.geometry.slices // 2
    box = (Outline("box", ((199.5, 149.5), (299.5, 149.5), (299.5, 299.5), (199.5, 299.5)), k),)
    mask_action = Mask(JSON, record.geometry, is_picture=False, outlines=box, lookup=(("box", 1),))
    (tmp_path / "mask").mkdir()
    mask = nib.load(tmp_path / "mask" / mask_action.make(folder, tmp_path / "mask").files[0])
    assert mask.shape == image.shape
    assert np.allclose(mask.affine, image.affine, atol=1e-3)
    where = np.argwhere(np.asarray(mask.dataobj)).mean(axis=0)
    centre = mask.affine[:3, :3] @ where + mask.affine[:3, 3]
    x, y = np.array(record.geometry.orientation[:3]), np.array(record.geometry.orientation[3:])
    rows, columns = record.geometry.spacing[:2]
    expected = np.array(record.geometry.positions[k]) + x * columns * 249 + y * rows * 224
    apart, normal = centre * (-1, -1, 1) - expected, np.cross(x, y)
    assert np.abs(apart - normal * (apart @ normal)).max() < 0.6
    assert abs(apart @ normal) < 7.4 / 2  # the gaps on both sides differ, and each side gives half of its gap


def test_regions_on_a_picture_of_unknown_size_are_an_issue() -> None:
    record = Record("P1", "1", "s", "picture", "DX", (Source("x.png"),), {})
    outline = Outline("a", ((0, 0), (2, 0), (2, 2)))
    drawn = Regions("P1", "1", record.image, "r", (outline,), {"a": 1}, JSON)
    mask = MaskFile("P1", "1", record.image, "other", Source("m.png"), {"a": 1})
    plan = build([[record, drawn, mask]], context())
    assert [job.action.sources for job in plan.jobs] == [(Source("x.png"),)]
    found = [(one.code, one.path) for one in plan.subjects[0].issues]
    assert found == [("REGION_MISMATCH", JSON.name), ("REGION_MISMATCH", "m.png")]
