"""Every slice of a volume lies at its place with its values, or the series is refused by the name of its cause."""

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import dcm2niix
import numpy as np
import pytest
from image2d import lut_item
from known_slices import COLUMNS, CORNER, ROWS, SLICES, STEP, converted, picture, placed, slice_of, volume
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_fragments
from pydicom.tag import Tag
from pydicom.uid import ImplicitVRLittleEndian, RLELossless

from mids import Conversion


def _facts(done: Conversion) -> dict[str, Any]:
    (path,) = (path for path in done.dataset.glob("sub-*/**/*_ct.json"))
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


def _with_text(dataset: Dataset, keyword: str, text: bytes) -> Dataset:
    dataset[Tag(keyword)] = RawDataElement(Tag(keyword), "DS", len(text), text, 0, False, True)
    return dataset


def _in_upper_bits(k: int) -> tuple[Dataset, Any]:
    values = picture(k, "<u2")
    return slice_of(k, values << 4, BitsStored=12, HighBit=15, RescaleIntercept=-1024), values - 1024.0


def _tiny_slopes(k: int) -> tuple[Dataset, Any]:
    slope = 7.5e-9 * (k + 1)
    return slice_of(k, picture(k), "PT", RescaleSlope=slope, Units="CNTS"), picture(k) * slope


def _huge_slopes(k: int) -> tuple[Dataset, Any]:
    return slice_of(k, picture(k), "PT", RescaleSlope=1e9 + k, Units="BQML"), picture(k) * (1e9 + k)


def _modality_lut(k: int) -> tuple[Dataset, Any]:
    table = (np.arange(512)[::-1] * 7).astype(np.uint16)
    dataset = slice_of(k, picture(k, "<u2"), RescaleSlope=None, RescaleIntercept=None)
    dataset.ModalityLUTSequence = [lut_item(table, 0, 16)]
    return dataset, table[picture(k)].astype(float)


def _commas(k: int) -> tuple[Dataset, Any]:
    dataset = _with_text(slice_of(k, picture(k)), "RescaleSlope", b"0,5 ")
    dataset = _with_text(dataset, "RescaleIntercept", b"-1024,25")
    return dataset, picture(k) * 0.5 - 1024.25


def _implicit(k: int) -> tuple[Dataset, Any]:
    dataset = slice_of(k, picture(k), RescaleSlope=-0.37, RescaleIntercept=11.5)
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    return dataset, picture(k) * -0.37 + 11.5


def _signed_with_foreign_bits(k: int) -> tuple[Dataset, Any]:
    values = picture(k) - 200
    marked = (values.astype(np.int16).view(np.uint16) & 0x0FFF | 0x2000).view(np.int16)
    return slice_of(k, marked, BitsStored=12), values.astype(float)


def _rle_in_fragments(k: int) -> tuple[Dataset, Any]:
    dataset = slice_of(k, picture(k))
    dataset.compress(RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
    _, frame = generate_fragments(dataset.PixelData)
    dataset.PixelData = encapsulate([frame], fragments_per_frame=3)
    dataset["PixelData"].is_undefined_length = True
    return dataset, picture(k).astype(float)


def _wide(k: int) -> tuple[Dataset, Any]:
    values = picture(k, "<i4") * 100_003
    return slice_of(k, values), values.astype(float)


def _counts_behind_a_palette(k: int) -> tuple[Dataset, Any]:
    dataset = slice_of(k, picture(k, "<u2"), "NM", SOPClassUID="1.2.840.10008.5.1.4.1.1.20")
    dataset.PhotometricInterpretation = "PALETTE COLOR"
    for colour in ("Red", "Green", "Blue"):
        setattr(dataset, f"{colour}PaletteColorLookupTableDescriptor", [256, 0, 16])
        setattr(dataset, f"{colour}PaletteColorLookupTableData", np.arange(256, dtype="<u2").tobytes())
    return dataset, picture(k).astype(float)


@pytest.mark.parametrize(
    "make",
    [
        _in_upper_bits, _tiny_slopes, _huge_slopes, _modality_lut, _commas, _implicit, _signed_with_foreign_bits,
        _rle_in_fragments, _wide, _counts_behind_a_palette,
    ],
)  # fmt: skip
def test_every_slice_has_its_real_values(make: Callable[[int], tuple[Dataset, Any]], tmp_path: Path, key: Path) -> None:
    made = [make(k) for k in range(SLICES)]
    done = converted([dataset for dataset, _ in made], tmp_path, key)
    found = volume(done)
    assert found.shape == (COLUMNS, ROWS, SLICES)
    for dataset, values in made:
        top = np.abs(values).max()
        assert np.allclose(placed(found, dataset.ImagePositionPatient), values, rtol=0, atol=2e-7 * top)


def _without(numbers: Sequence[int], *keywords: str) -> list[Dataset]:
    datasets = [slice_of(k, picture(k), RescaleIntercept=-1024) for k in range(SLICES)]
    for number in numbers:
        for keyword in keywords:
            del datasets[number][keyword]
    return datasets


def _unread(numbers: Sequence[int], keyword: str, text: bytes, modality: str = "CT") -> list[Dataset]:
    datasets = [slice_of(k, picture(k), modality, RescaleSlope=1.5, RescaleIntercept=-1024) for k in range(SLICES)]
    return [_with_text(dataset, keyword, text) if k in numbers else dataset for k, dataset in enumerate(datasets)]


def _frames_contradicted() -> list[Dataset]:
    dataset = slice_of(0, np.stack([picture(k) for k in range(3)]), NumberOfFrames=5)
    return [dataset]


def _bare_mosaic() -> list[Dataset]:
    kinds = ["ORIGINAL", "PRIMARY", "M", "MOSAIC"]
    return [slice_of(k, picture(k), "MR", ImageType=kinds, ImagePositionPatient=[0, 0, 0]) for k in range(3)]


@pytest.mark.parametrize(
    ("datasets", "code", "word"),
    [
        (_without([2], "RescaleSlope", "RescaleIntercept"), "RESCALE_CONTRADICTED", "1 of 6 slices"),
        (_without([2], "RescaleIntercept"), "RESCALE_CONTRADICTED", "no RescaleIntercept"),
        (_unread([2], "RescaleIntercept", b""), "RESCALE_CONTRADICTED", "no RescaleIntercept"),
        (_unread([2], "RescaleSlope", b""), "RESCALE_CONTRADICTED", "no RescaleSlope"),
        (_unread([3], "RescaleSlope", b"abc "), "RESCALE_UNREADABLE", "RescaleSlope"),
        (_unread([3], "RescaleSlope", b"nan "), "RESCALE_UNREADABLE", "RescaleSlope"),
        (_unread(range(SLICES), "RescaleSlope", b"abc "), "RESCALE_UNREADABLE", "RescaleSlope"),
        (_unread(range(SLICES), "RescaleIntercept", b"-1.024,0"), "RESCALE_UNREADABLE", "RescaleIntercept"),
        (_unread([3], "RescaleSlope", b"1.5 x ", "PT"), "RESCALE_UNREADABLE", "RescaleSlope"),
        (_without(range(SLICES), "PixelSpacing"), "SPACING_MISSING", "PixelSpacing"),
        ([slice_of(k, picture(k), PixelSpacing=[0, 0]) for k in range(4)], "SPACING_MISSING", "PixelSpacing"),
        ([slice_of(k, picture(k), PixelSpacing=[-1, 1]) for k in range(4)], "SPACING_MISSING", "PixelSpacing"),
        (_frames_contradicted(), "FRAMES_CONTRADICTED", "NumberOfFrames is 5"),
        (_bare_mosaic(), "MOSAIC_UNCUT", "Siemens mosaic"),
    ],
)
def test_what_can_not_be_made_right_is_refused_by_its_cause(
    datasets: list[Dataset], code: str, word: str, tmp_path: Path, key: Path
) -> None:
    done = converted(datasets, tmp_path, key)
    assert done.exit_code == 1
    errors = [found for found in done.issues if found.level == "error"]
    assert [(found.code, word in found.message) for found in errors] == [(code, True)]
    assert not list(done.dataset.glob("sub-*/**/*.nii.gz"))


_LIES = {
    "pixels of one slice": "data[at : at + size] = bytes(size)",
    "two slices exchanged": "data[at : at + 2 * size] = data[at + size : at + 2 * size] + data[at : at + size]",
    "a place": "data[280 + 12 : 280 + 16] = struct.pack('<f', 99)",
    "a slope": "data[112:116] = struct.pack('<f', 1.001)",
    "no volume": "data = None",
    "two volumes": "path.with_name('outa.nii').write_bytes(data)",
    "a crash": "os.kill(os.getpid(), signal.SIGSEGV)",
}


@pytest.mark.parametrize("lie", _LIES)
@pytest.mark.skipif(sys.platform == "win32", reason="a script as a program")
def test_what_dcm2niix_makes_wrongly_is_put_together_here(
    lie: str, tmp_path: Path, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "liar"
    size = ROWS * COLUMNS * 2
    script.write_text(
        f"#!{sys.executable}\nimport os, pathlib, signal, struct, subprocess, sys\n"
        f"done = subprocess.run([{dcm2niix.bin!r}, *sys.argv[1:]])\n"
        "path = pathlib.Path(sys.argv[sys.argv.index('-o') + 1], 'out.nii')\n"
        f"data, size, at = bytearray(path.read_bytes()), {size}, 352 + {size * (SLICES // 2 - 2)}\n"
        f"{_LIES[lie]}\npath.unlink()\nif data:\n    path.write_bytes(data)\n"
    )
    script.chmod(0o755)
    datasets = [slice_of(k, picture(k), RescaleIntercept=-1024) for k in range(SLICES)]
    monkeypatch.setattr("dcm2niix.bin", str(script))
    done = converted(datasets, tmp_path, key)
    assert done.exit_code == 0, done.issues
    for k in range(SLICES):
        assert np.array_equal(placed(volume(done), datasets[k].ImagePositionPatient), picture(k) - 1024)
    assert _facts(done)["ConversionSoftware"] == ("dcm2niix" if lie == "two volumes" else "mids")


def test_a_slice_that_lies_beside_the_others_is_seen(tmp_path: Path, key: Path) -> None:
    datasets = [slice_of(k, picture(k)) for k in range(SLICES)]
    moved = [CORNER[0] + 4, CORNER[1], CORNER[2] + 2 * STEP]
    datasets[2].ImagePositionPatient = moved
    done = converted(datasets, tmp_path, key)
    if done.exit_code:
        assert [found.code for found in done.issues] == ["GEOMETRY_IRREGULAR"]
    else:  # it may be moved to its place on a regular grid
        found = volume(done)
        x, _, z = (np.linalg.inv(found.affine) @ [-moved[0], -moved[1], moved[2], 1])[:3]
        assert np.asarray(found.dataobj)[round(x) + 1, -1 - 1, round(z)] != 0


def test_edges_of_a_tilted_stack_with_a_gap_are_not_mixed_with_what_lies_outside(tmp_path: Path, key: Path) -> None:
    down = np.array([0, np.cos(0.2), -np.sin(0.2)])
    row, column = np.mgrid[0:ROWS, 0:COLUMNS]
    datasets = []
    for number, z in enumerate((0, 3, 6, 12, 15)):
        x, y, height = (np.array([1.0, 0, 0]) * 1.5 * column[..., None] + down * 2 * row[..., None] + [0, 0, z]).T
        values = np.rint(10 * x + 20 * y + 30 * height + 1000).T.astype(np.int16)
        more = {"ImagePositionPatient": [0, 0, z], "ImageOrientationPatient": [1, 0, 0, *(round(v, 8) for v in down)]}
        datasets.append(slice_of(number, values, **more))
    found = volume(converted(datasets, tmp_path, key))
    data = np.asarray(found.dataobj, float)
    indices = np.moveaxis(np.indices(data.shape), 0, -1)
    x, y, z = np.moveaxis(indices @ found.affine[:3, :3].T + found.affine[:3, 3], -1, 0)
    is_right = np.abs(data - (-10 * x - 20 * y + 30 * z + 1000)) < 2
    assert (is_right | (data == data.min())).all()
    assert is_right.mean() > 0.5


@pytest.mark.parametrize(
    ("keyword", "text", "found"),
    [
        ("RescaleSlope", b"x2", ("error", "RESCALE_UNREADABLE")),
        ("RescaleIntercept", b"-1.024,0", ("error", "RESCALE_UNREADABLE")),
        ("WindowCenter", b"abc ", ("warning", "WINDOW_UNREADABLE")),
        ("WindowWidth", b"1.200,0 ", ("warning", "WINDOW_UNREADABLE")),
    ],
)
def test_a_radiograph_whose_numbers_are_no_numbers_is_refused_or_told(
    keyword: str, text: bytes, found: tuple[str, str], tmp_path: Path, key: Path
) -> None:
    dataset = slice_of(0, picture(0, "<u2"), "DX", SOPClassUID="1.2.840.10008.5.1.4.1.1.1.1")
    dataset.WindowCenter, dataset.WindowWidth = 100, 200
    done = converted([_with_text(dataset, keyword, text)], tmp_path, key)
    told = [(one.level, one.code) for one in done.issues if keyword in one.message]
    assert told == [found]
    assert len(list(done.dataset.glob("sub-*/**/*.png"))) == (found[0] == "warning")


def test_equal_times_of_all_slices_are_no_multiband(tmp_path: Path, key: Path) -> None:
    common = {"Manufacturer": "SIEMENS", "AcquisitionTime": "101010", "EchoTime": 80, "RepetitionTime": 3000}
    datasets = [slice_of(k, picture(k), "MR", ScanningSequence="EP", **common) for k in range(SLICES)]
    (sidecar,) = converted(datasets, tmp_path, key).dataset.glob("sub-*/**/*.json")
    assert "MultibandAccelerationFactor" not in json.loads(sidecar.read_text("utf-8"))
