"""Masks as DICOM SEG and RTSTRUCT: what our own readers make of them is the mask again, voxel for voxel."""

from pathlib import Path

import nibabel as nib
import numpy as np
import numpy.typing as npt
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from places import SOURCES
from trees import table

import mids
from mids import cli
from mids.conversion import convert
from mids.errors import MidsError
from mids.exports.masks.structures import loops
from mids.exports.targets import TARGETS, write

RICORD, RAW = SOURCES / "midrc-ricord-1a" / "mids", SOURCES / "bimcv-covid19-raw" / "mids"
MIRRORED = SOURCES / "bimcv-covid19" / "mids"
"""Its volume is not laid as dcm2niix lays one."""


def by_place(path: Path) -> dict[tuple[float, ...], int]:
    """The value of each voxel of a mask that has one, by its place in mm."""
    image = nib.load(path)
    values = np.asarray(image.dataobj)
    at = np.argwhere(values)
    places = np.round(nib.affines.apply_affine(image.affine, at), 2) + 0.0
    return {tuple(map(float, place)): int(values[tuple(index)]) for place, index in zip(places, at, strict=True)}


def read_back(folder: Path, key: Path) -> list[tuple[str, dict[tuple[float, ...], str]]]:
    """The masks that a conversion finds in an export: which image's, and the name of each voxel by its place."""
    (folder / "tests_sil_reg.csv").write_text("PatientID,date,test,result\nX,02.01.2020,PCR,POSITIVO\n")
    done = convert("bimcv-covid19-raw", folder, folder.parent / "back", key=key)
    return sorted(named(done.dataset), key=lambda found: (found[0], sorted(found[1].items())))


def named(dataset: Path) -> list[tuple[str, dict[tuple[float, ...], str]]]:
    found = []
    for path in dataset.glob("derivatives/rois/**/*_dseg.nii.gz"):
        names = {int(row["index"]): row["name"] for row in table(Path(str(path).replace(".nii.gz", ".tsv")))}
        places = {place: names[value] for place, value in by_place(path).items()}
        found.append(("cor" if "vp-cor" in path.name else "ax", places))
    return found


@pytest.mark.parametrize(
    ("target", "choices"), [("dicom-seg", {"kind": "binary"}), ("dicom-seg", {"kind": "labelmap"}), ("rtstruct", {})]
)
def test_masks_come_back_exactly(target: str, choices: dict[str, str], tmp_path: Path, key: Path) -> None:
    pytest.importorskip("highdicom")
    for number, source in enumerate((RAW, MIRRORED)):
        output = tmp_path / str(number) / "out"
        write(mids.Dataset(source), target, output, **choices)
        wanted = sorted(named(source), key=lambda found: (found[0], sorted(found[1].items())))
        assert [places for _, places in read_back(output, key)] == [places for _, places in wanted]


@pytest.mark.parametrize("target", ["dicom-seg", "rtstruct"])
def test_outlines_of_annotators_come_back_for_every_orientation(target: str, tmp_path: Path, key: Path) -> None:
    """Axial, coronal, tilted and uneven series: the places of the voxels, whatever the regions are called there."""
    write(mids.Dataset(RICORD), target, tmp_path / "out")
    found = sorted(sorted(places) for _, places in read_back(tmp_path / "out", key))
    assert found == sorted(sorted(places) for _, places in named(RICORD))
    assert len(found) == 5


def test_a_segment_has_the_papers_name_and_the_datasets_code(tmp_path: Path) -> None:
    written = write(mids.Dataset(RICORD), "dicom-seg", tmp_path / "out")
    segments = {}
    for path in (path for path in written if path.name.endswith("dseg.dcm")):
        for item in pydicom.dcmread(path).SegmentSequence:
            code = item.SegmentedPropertyTypeCodeSequence[0]
            segments[item.SegmentLabel] = (code.CodeValue, code.CodingSchemeDesignator)
    assert set(segments) == {
        "Infectious opacity", "Infectious TIB/micronodules", "Infectious cavity", "Noninfectious nodule/mass",
        "Atelectasis",
    }  # fmt: skip
    assert segments["Atelectasis"] == ("C0004144", "UMLS")
    assert segments["Infectious opacity"] == ("52988006", "SCT")


def test_images_are_the_volume_again(tmp_path: Path, key: Path) -> None:
    write(mids.Dataset(RAW), "rtstruct", tmp_path / "out")
    done = convert("dicom", tmp_path / "out", tmp_path / "back", key=key)
    (new,), (old,) = (list(root.glob("sub-*/ses-*/mim-ct/*.nii.gz")) for root in (done.dataset, RAW))
    assert np.array_equal(np.asarray(nib.load(new).dataobj), np.asarray(nib.load(old).dataobj))
    assert np.allclose(nib.load(new).affine, nib.load(old).affine, atol=1e-4)


def test_headers_are_pseudonyms_and_the_same_each_time(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write(mids.Dataset(RAW), "rtstruct", tmp_path / name)
    one, two = (
        {p.relative_to(r): p.read_bytes() for p in r.rglob("*.dcm")} for r in (tmp_path / "one", tmp_path / "two")
    )
    assert one == two
    headers = [pydicom.dcmread(path) for path in (tmp_path / "one").rglob("*.dcm")]
    assert {str(header.PatientID) for header in headers} == {
        path.name.removeprefix("sub-") for path in RAW.glob("sub-*") if "S3QS" in path.name
    }
    assert {header.get("StudyDate") or "" for header in headers} == {""}


def test_what_can_not_lie_in_a_patient_is_listed(tmp_path: Path) -> None:
    write(mids.Dataset(RAW), "rtstruct", tmp_path / "out")
    (row,) = table(tmp_path / "out" / "left_out.tsv")
    assert row["filename"].endswith(".png")
    assert "picture" in row["why"]


def test_a_dataset_without_masks_is_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(MidsError, match="no mask of a volume"):
        write(mids.Dataset(SOURCES / "fidac" / "mids"), "rtstruct", tmp_path / "out")


def test_the_command_lists_its_targets(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert cli.main(["export", "--list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(TARGETS)
    assert (
        cli.main(
            ["export", str(RAW), "--to", "dicom-seg", "--segmentation", "labelmap", "--output", str(tmp_path / "s")]
        )
        == 0
    )
    kinds = {pydicom.dcmread(path).SegmentationType for path in (tmp_path / "s").rglob("*dseg.dcm")}
    assert kinds == {"LABELMAP"}
    assert cli.main(["export", str(RAW)]) == 2


@given(arrays(bool, st.tuples(st.integers(1, 7), st.integers(1, 7))))
def test_loops_enclose_the_pixels_and_nothing_else(plane: npt.NDArray[np.bool_]) -> None:
    """By the even-odd rule at each pixel's centre, counted along its row."""
    inside = np.zeros(plane.shape, int)
    for points in loops(plane):
        for (row, column), (to, _) in zip(points, [*points[1:], points[0]], strict=True):
            for y in range(min(row, to), max(row, to)):
                inside[y, column:] += 1
    assert np.array_equal(inside % 2 == 1, plane)


@pytest.mark.parametrize("option", ["--annotator", "--modality", "--label"])
def test_a_choice_that_would_change_nothing_is_refused(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["export", str(RICORD), "--to", "rtstruct", option, "Nobody", "--output", str(tmp_path / "out")]
    assert cli.main(arguments) == 2
    assert f"rtstruct takes no {option}" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
