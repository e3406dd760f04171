"""Segmentations and structure sets of any grid: each pixel's own place, by the standard's equation, has its label."""

import json
import zlib
from collections.abc import Sequence
from itertools import permutations, product
from pathlib import Path

import highdicom
import numpy as np
import pytest
from drawn import (
    BIG,
    SMALL,
    Grid,
    Ring,
    Shown,
    area,
    at,
    axial,
    codes,
    done,
    frames_of,
    mask,
    ring,
    segmentation,
    series,
    square,
    structures,
    tilted,
)  # fmt: skip
from highdicom.seg import Segmentation, SegmentDescription
from highdicom.sr.coding import CodedConcept
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.tag import BaseTag
from pydicom.uid import JPEGBaseline8Bit
from trees import table

from example_datasets.generators.dicomfile import encode, uid
from mids.conversion import Conversion

RNG = np.random.default_rng(12)


def sidecar(result: Conversion) -> dict[str, object]:
    found: dict[str, object] = json.loads(
        mask(result).with_name(mask(result).name.replace(".nii.gz", ".json")).read_text("utf-8")
    )
    return found


def blobs(shape: tuple[int, int, int]) -> NDArray[np.bool_]:
    """A region without any symmetry."""
    found = RNG.random(shape) > 0.8
    found[1, 2:5, 3:9] = True
    return found


# --- segmentations ---------------------------------------------------------------------------------------


TURNS = [(axes, flips) for axes in permutations(range(3)) for flips in product((False, True), repeat=3)]


@pytest.mark.parametrize(("axes", "flips"), [TURNS[n] for n in (1, 2, 4, 11, 19, 27, 37, 46)])
def test_a_segmentation_in_any_direction(axes: Sequence[int], flips: Sequence[bool], tmp_path: Path, key: Path) -> None:
    grid = tilted()
    region = blobs(grid.shape)
    own, shown = frames_of(region, grid, axes, flips)
    shown = [shown[n] for n in RNG.permutation(len(shown))]
    result = done(series(tmp_path / "in", grid), key, segmentation(shown, own))
    assert codes(result) == {}
    assert np.array_equal(at(mask(result), grid), region)
    assert "Resampled" not in sidecar(result)


@pytest.mark.parametrize("kind", ["BINARY", "PROBABILITY", "OCCUPANCY", "LABELMAP"])
@pytest.mark.filterwarnings("ignore")
def test_what_highdicom_writes_and_reads(kind: str, tmp_path: Path, key: Path) -> None:
    grid = tilted()
    source = series(tmp_path / "in", grid)
    shares = RNG.random((*grid.shape, 2))
    shares[..., 1] *= shares[..., 0] < 0.4  # no overlap: the second where the first is not
    segments = shares > 0.5
    pixels = {"BINARY": segments, "LABELMAP": segments[..., 0] + 2 * segments[..., 1]}.get(kind, shares)
    fractional = kind in ("PROBABILITY", "OCCUPANCY")
    code = CodedConcept("10200004", "SCT", "Liver")
    images = [dcmread(path) for path in sorted((source / "ct").iterdir())]
    for image in images:
        image.StudyTime = image.PatientBirthDate = image.PatientSex = image.AccessionNumber = image.StudyID = None
        image.ReferringPhysicianName = image.PositionReferenceIndicator = None
    written = Segmentation(
        source_images=images, pixel_array=pixels.astype(np.float32 if fractional else np.uint8),
        segmentation_type="FRACTIONAL" if fractional else kind,
        fractional_type=kind if fractional else "PROBABILITY", max_fractional_value=200,
        segment_descriptions=[
            SegmentDescription(n, name, code, code, algorithm_type="MANUAL")
            for n, name in enumerate(("Liver", "Spleen"), start=1)
        ],
        series_instance_uid=uid("hd"), series_number=9, sop_instance_uid=uid("hd", "seg"), instance_number=1,
        manufacturer="x", manufacturer_model_name="x", software_versions="1", device_serial_number="1",
    )  # fmt: skip
    result = done(source, key, written)
    assert codes(result) == ({"REGION_FRACTIONAL": "info"} if fractional else {})
    read = highdicom.seg.segread(tmp_path / "in/drawn/0").get_volume(combine_segments=False, rescale_fractional=True)
    theirs = np.asarray(read.array) >= 0.5
    inverse = np.linalg.inv(read.affine)
    found = at(mask(result), grid)
    for index in np.ndindex(grid.shape):
        place = np.rint(inverse[:3, :3] @ grid.place(*index) + inverse[:3, 3]).astype(int)
        inside = all(0 <= p < n for p, n in zip(place, theirs.shape, strict=False))
        label = theirs[tuple(place)] if inside else (False, False)
        assert found[index] == (2 if label[1] else 1 if label[0] else 0)
    rows = table(mask(result).with_name(mask(result).name.replace(".nii.gz", ".tsv")))
    assert [row["name"] for row in rows] == ["Liver", "Spleen"]
    assert ("FractionalThreshold" in sidecar(result)) == fractional


def test_a_label_map_of_many_segments(tmp_path: Path, key: Path) -> None:
    grid = axial()
    region = RNG.integers(0, 301, grid.shape)
    shown = [Shown(plane, grid.place(k, 0, 0), names=k) for k, plane in enumerate(region)]
    drawn = segmentation(shown, grid, [f"s{n}" for n in range(1, 301)], "LABELMAP")
    result = done(series(tmp_path / "in", grid), key, drawn)
    assert codes(result) == {}
    assert np.array_equal(at(mask(result), grid), region)


def test_frames_of_a_part_of_the_image(tmp_path: Path, key: Path) -> None:
    grid = axial()
    region = np.zeros(grid.shape, bool)
    region[1, 5:9, 7:20] = region[4, 6:8, 9:10] = True
    shown = [Shown(region[k, 4:10, 6:22], grid.place(k, 4, 6)) for k in (4, 1)]
    result = done(series(tmp_path / "in", grid), key, segmentation(shown, grid))
    assert codes(result) == {}
    assert np.array_equal(at(mask(result), grid), region)


def test_slices_that_overlap_do_not_thicken_a_frame(tmp_path: Path, key: Path) -> None:
    grid = axial(step=1.5)
    thick = Grid(grid.x, grid.y, grid.corner, (5.0, 1, 1), grid.shape)
    region = np.zeros(grid.shape, bool)
    region[2, 5:9, 7:20] = region[5, 5:9, 7:20] = True
    shown = [Shown(region[k], grid.place(k, 0, 0)) for k in (2, 5)]
    result = done(series(tmp_path / "in", grid), key, segmentation(shown, thick))
    assert np.array_equal(at(mask(result), grid), region)


def test_another_pixel_spacing_is_resampled_and_marked(tmp_path: Path, key: Path) -> None:
    grid = axial((6, 24, 32))
    coarse = Grid(grid.x, grid.y, grid.place(0, 0.5, 0.5), (3.0, 2.0, 2.0), (6, 12, 16))
    region = blobs(coarse.shape)
    shown = [Shown(plane, coarse.place(k, 0, 0), names=k) for k, plane in enumerate(region)]
    result = done(series(tmp_path / "in", grid), key, segmentation(shown, coarse))
    assert codes(result) == {"REGION_RESAMPLED": "info"}
    assert np.array_equal(at(mask(result), grid), region.repeat(2, axis=1).repeat(2, axis=2))
    assert (sidecar(result)["Resampled"], sidecar(result)["ResampledReason"]) == (True, "grid")


def test_thicker_frames_fill_the_slices_that_they_cover(tmp_path: Path, key: Path) -> None:
    grid = axial((6, 24, 32), 2.0)
    coarse = Grid(grid.x, grid.y, grid.place(0.5, 0, 0), (4.0, 1.0, 1.0), (3, 24, 32))
    region = blobs(coarse.shape)
    shown = [Shown(plane, coarse.place(k, 0, 0)) for k, plane in enumerate(region)]
    result = done(series(tmp_path / "in", grid), key, segmentation(shown, coarse))
    assert codes(result) == {"REGION_RESAMPLED": "info"}
    assert np.array_equal(at(mask(result), grid), region.repeat(2, axis=0))


def test_segments_that_overlap(tmp_path: Path, key: Path) -> None:
    grid = axial()
    region = np.zeros((2, 24, 32), bool)
    region[0, 4:12, 4:20], region[1, 8:16, 10:30] = True, True
    shown = [Shown(region[n], grid.place(2, 0, 0), n + 1, 2) for n in (1, 0)]
    result = done(series(tmp_path / "in", grid), key, segmentation(shown, grid, ("Liver", "Spleen")))
    assert codes(result) == {"REGION_OVERLAP": "info"}
    assert "40 pixels" in next(issue.message for issue in result.issues)
    assert np.array_equal(at(mask(result), grid)[2], np.where(region[1], 2, region[0]))


def test_what_is_wrong_with_segmentations_has_a_name(tmp_path: Path, key: Path) -> None:
    grid, square = axial(), np.ones((24, 32), np.uint8)
    inside, far = grid.place(2, 0, 0), grid.place(2, 0, 200)
    wrong = {
        "REGION_UNMATCHED": segmentation([Shown(square, inside)], grid, ReferencedSeriesSequence=[Dataset()]),
        "REGION_ELSEWHERE": segmentation([Shown(square, inside)], grid, FrameOfReferenceUID=uid("other")),
        "REGION_OUTSIDE": segmentation([Shown(square, far)], grid),
        "REGION_CONTRADICTED": segmentation([Shown(square, inside, names=4)], grid),
        "REGION_TILED": segmentation([Shown(square, inside)], grid, TotalPixelMatrixRows=24),
        "REGION_MISMATCH": segmentation([Shown(square[:9], None, names=2)], grid),
        "FRAMES_CONTRADICTED": segmentation([Shown(square, inside)], grid, NumberOfFrames=2),
    }
    wrong["REGION_UNMATCHED"].ReferencedSeriesSequence[0].SeriesInstanceUID = uid("gone")
    for code, dataset in wrong.items():
        source = series(tmp_path / code / "in", grid)
        result = done(source, key, dataset)
        assert codes(result) == {code: "error"}
        assert result.exit_code == 1
        made = list(result.dataset.rglob("*_dseg.nii.gz"))
        assert bool(made) == (code == "REGION_CONTRADICTED")
    assert np.array_equal(
        at(mask(done(series(tmp_path / "last/in", grid), key, wrong["REGION_CONTRADICTED"])), grid)[2], square
    )


def test_a_part_that_lies_outside_is_told(tmp_path: Path, key: Path) -> None:
    grid, square = axial(), np.ones((24, 32), np.uint8)
    result = done(series(tmp_path / "in", grid), key, segmentation([Shown(square, grid.place(2, 0, 20))], grid))
    assert codes(result) == {"REGION_OUTSIDE": "error"}
    assert str(24 * 20) in next(issue.message for issue in result.issues)
    assert np.array_equal(np.nonzero(at(mask(result), grid)[2].any(axis=0))[0], np.arange(20, 32))


def test_own_words_do_not_name_anybody(tmp_path: Path, key: Path) -> None:
    grid, square = axial(), np.eye(24, 32)
    dataset = segmentation([Shown(square, grid.place(2, 0, 0))], grid, ("Doe JANE lesion 1961",))
    result = done(series(tmp_path / "in", grid), key, dataset)
    text = mask(result).with_name(mask(result).name.replace(".nii.gz", ".tsv")).read_text("utf-8")
    assert not any(word in text.casefold() for word in ("doe", "jane", "1961"))


# --- structure sets --------------------------------------------------------------------------------------


@pytest.mark.parametrize("makes", [axial, tilted])
def test_contours_without_images_lie_where_their_points_are(makes: object, tmp_path: Path, key: Path) -> None:
    grid: Grid = makes()  # type: ignore[operator]
    rings = [ring(grid, k, square(*BIG)) for k in (3, 1)]
    result = done(series(tmp_path / "in", grid), key, structures(rings))
    assert codes(result) == {}
    assert np.array_equal(at(mask(result), grid), area(*BIG, grid.shape, 1, 3))


KEYHOLE = [(1.5, 1.5), (11.5, 1.5), (11.5, 11.5), (1.5, 11.5), (1.5, 1.5),
           (4.5, 4.5), (4.5, 8.5), (8.5, 8.5), (8.5, 4.5), (4.5, 4.5), (1.5, 1.5)]  # fmt: skip


def test_holes_in_each_of_their_spellings(tmp_path: Path, key: Path) -> None:
    grid = tilted()
    both = (square(*BIG), square(*SMALL))
    spellings = {
        "xor": ([ring(grid, 2, one, kind="CLOSEDPLANAR_XOR", names=2) for one in both], {}),
        "keyhole": ([ring(grid, 2, KEYHOLE, names=2)], {}),
        "nested": ([ring(grid, 2, one, names=2) for one in both[::-1]], {"REGION_HOLE": "warning"}),
    }
    for name, (rings, told) in spellings.items():
        result = done(series(tmp_path / name / "in", grid), key, structures(rings))
        assert codes(result) == told
        assert np.array_equal(at(mask(result), grid), area(*BIG, grid.shape, 2) & ~area(*SMALL, grid.shape, 2)), name


def test_a_contour_drawn_twice_and_two_that_cross(tmp_path: Path, key: Path) -> None:
    grid = axial()
    again = square(*BIG)[2:] + square(*BIG)[:2]
    rings = [ring(grid, 2, square(*BIG)), ring(grid, 2, again[::-1]), ring(grid, 2, square(5.5, 15.5))]
    result = done(series(tmp_path / "in", grid), key, structures(rings))
    assert codes(result) == {"ANNOTATION_REPEATED": "info"}
    assert np.array_equal(at(mask(result), grid), area(*BIG, grid.shape, 2) | area(5.5, 15.5, grid.shape, 2))


def test_contours_between_slices_go_to_the_nearest_and_are_marked(tmp_path: Path, key: Path) -> None:
    grid = axial()
    rings = [ring(grid, k, square(*ends)) for k, ends in ((1.3, SMALL), (1.9, BIG), (2.2, SMALL), (3.0, BIG))]
    result = done(series(tmp_path / "in", grid), key, structures(rings))
    assert codes(result) == {"REGION_RESAMPLED": "info"}
    expected = area(*SMALL, grid.shape, 1) | area(*BIG, grid.shape, 2, 3)
    assert np.array_equal(at(mask(result), grid), expected)
    assert sidecar(result)["Resampled"] is True


def test_what_is_wrong_with_contours_has_a_name(tmp_path: Path, key: Path) -> None:
    grid = axial()
    good = ring(grid, 1, square(*BIG), names=1)
    sagittal = Ring([grid.place(k, row, 5) for k, row in ((0, 3), (4, 3), (4, 9), (0, 9))])
    far = ring(grid, 2, [(column + 300, row) for column, row in square(*BIG)])
    wrong = (
        ("REGION_OBLIQUE", "error", sagittal),
        ("REGION_OUTSIDE", "error", far),
        ("REGION_CONTRADICTED", "error", ring(grid, 3, square(*SMALL), names=5)),
        ("REGION_UNMATCHED", "error", ring(grid, 2, square(*BIG), names=77)),
        ("REGION_WITHOUT_AREA", "warning", ring(grid, 2, [(4, 4)], kind="POINT", names=2)),
        ("REGION_WITHOUT_AREA", "warning", ring(grid, 2, square(*BIG), kind="OPEN_PLANAR", names=2)),
        ("ANNOTATION_INVALID", "error", ring(grid, 2, square(*BIG)[:2], names=2)),
    )
    for number, (code, level, bad) in enumerate(wrong):
        result = done(series(tmp_path / f"{number}/in", grid), key, structures([good, bad]))
        assert codes(result) == {code: level}
        assert result.exit_code == (level == "error")
        expected = area(*BIG, grid.shape, 1)
        if code == "REGION_CONTRADICTED":
            expected |= area(*SMALL, grid.shape, 3)
        assert np.array_equal(at(mask(result), grid), expected)


@pytest.mark.parametrize(
    ("code", "part", "keyword", "value"),
    [
        ("REGION_MISMATCH", "PlaneOrientationSequence", "ImageOrientationPatient", [2, 0, 0, 0, 2, 0]),
        ("REGION_MISMATCH", "PixelMeasuresSequence", "PixelSpacing", [0, 0]),
        ("ANNOTATION_INVALID", "SegmentSequence", "SegmentNumber", 7),
    ],
)
def test_a_segmentation_that_is_not_described_is_refused_by_the_cause(
    code: str, part: str, keyword: str, value: object, tmp_path: Path, key: Path
) -> None:
    grid = axial()
    dataset = segmentation([Shown(np.ones((24, 32), np.uint8), grid.place(2, 0, 0))], grid)
    holder = dataset if part in dataset else dataset.SharedFunctionalGroupsSequence[0]
    setattr(holder[part].value[0], keyword, value)
    result = done(series(tmp_path / "in", grid), key, dataset)
    assert codes(result) == {code: "error"}
    assert not list(result.dataset.rglob("*_dseg.nii.gz"))


def test_a_segmentation_in_a_transfer_syntax_that_nobody_decodes_is_refused(tmp_path: Path, key: Path) -> None:
    grid = axial()
    dataset = segmentation([Shown(np.ones((24, 32), np.uint8), grid.place(2, 0, 0))], grid)
    dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    dataset.PixelData = encapsulate([zlib.compress(dataset.PixelData, wbits=-15)])
    dataset["PixelData"].is_undefined_length = True
    deflated = encode(dataset).replace(JPEGBaseline8Bit.encode(), b"1.2.840.10008.1.2.8.1\0")  # PS3.5 A.4.13
    assert codes(done(series(tmp_path / "in", grid), key, deflated)) == {"PIXELS_UNREADABLE": "error"}


def test_a_contour_of_no_numbers_does_not_take_the_others_along(tmp_path: Path, key: Path) -> None:
    grid = axial()
    dataset = structures([ring(grid, 2, square(*BIG)), ring(grid, 3, square(*BIG))])
    tag, text = BaseTag(0x30060050), b"1,5\\2,5\\3,0"
    dataset.ROIContourSequence[0].ContourSequence[1][tag] = RawDataElement(tag, "DS", 12, text + b" ", 0, False, True)
    result = done(series(tmp_path / "in", grid), key, dataset)
    assert codes(result) == {"ANNOTATION_INVALID": "error"}
    assert np.array_equal(at(mask(result), grid), area(*BIG, grid.shape, 2))


def test_equal_contours_of_exclusive_or_cancel_out(tmp_path: Path, key: Path) -> None:
    grid = axial()
    turned = (square(*BIG)[1:] + square(*BIG)[:1])[::-1]
    rings = [
        ring(grid, 2, one, kind="CLOSEDPLANAR_XOR", names=2) for one in (square(*BIG), square(*SMALL), turned)
    ]  # fmt: skip
    result = done(series(tmp_path / "in", grid), key, structures(rings))
    assert codes(result) == {"REGION_INVALID": "warning"}
    assert np.array_equal(at(mask(result), grid), area(*SMALL, grid.shape, 2))


def test_what_names_its_image_and_another_frame_of_reference_is_told(tmp_path: Path, key: Path) -> None:
    grid, square_of_ones = axial(), np.ones((24, 32), np.uint8)
    shown = Shown(square_of_ones, grid.place(2, 0, 0), names=2)
    contours = structures([ring(grid, 2, square(*BIG), names=2)])
    contours.StructureSetROISequence[0].ReferencedFrameOfReferenceUID = uid("other")
    wrong = (
        (segmentation([shown], grid, FrameOfReferenceUID=uid("other")), square_of_ones > 0),
        (contours, area(*BIG, grid.shape, 2)[2]),
    )
    for number, (dataset, expected) in enumerate(wrong):
        result = done(series(tmp_path / f"{number}/in", grid), key, dataset)
        assert codes(result) == {"REGION_CONTRADICTED": "error"}
        assert "frame of reference" in result.issues[0].message
        assert np.array_equal(at(mask(result), grid)[2], expected)


def test_coordinates_of_another_frame_of_reference_are_refused(tmp_path: Path, key: Path) -> None:
    grid = axial()
    dataset = structures([ring(grid, 2, square(*BIG))])
    dataset.StructureSetROISequence[0].ReferencedFrameOfReferenceUID = uid("other")
    result = done(series(tmp_path / "in", grid), key, dataset)
    assert codes(result) == {"REGION_ELSEWHERE": "error"}
    assert not list(result.dataset.rglob("*_dseg.nii.gz"))


def test_two_series_that_could_be_meant_are_told_apart_or_refused(tmp_path: Path, key: Path) -> None:
    grid = axial()
    head = Grid(grid.x, grid.y, grid.corner + np.array([0, 0, 400.0]), grid.spacing, grid.shape)
    source = series(series(tmp_path / "in", grid), head, "head")
    result = done(source, key, structures([ring(head, 2, square(*BIG))]))
    assert codes(result) == {}
    assert np.array_equal(at(mask(result), head), area(*BIG, grid.shape, 2))
    twice = series(series(tmp_path / "twice/in", grid), grid, "again")
    assert codes(done(twice, key, structures([ring(grid, 2, square(*BIG))]))) == {"REGION_UNMATCHED": "error"}
