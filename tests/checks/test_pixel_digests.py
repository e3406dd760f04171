"""Digests of pixels: the same whatever file they stand in, another as soon as a pixel or its place is another."""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image
from places import EXAMPLES

from mids.dataset.disk.fingerprint import likeness, pixel_digest
from mids.validation.runner import validate

GOLDEN = EXAMPLES / "sources" / "covid19-ct" / "mids"
PICTURES = EXAMPLES / "sources" / "covid-chestxray" / "mids"
AFFINE = np.diag([-2.0, 2.0, 3.0, 1.0])
FLIP = np.array([[-1, 0, 0, 5], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
VOXELS = np.random.default_rng(3).integers(-1000, 1000, (6, 5, 4)).astype(np.int16)


def volume(path: Path, voxels: np.ndarray = VOXELS, affine: np.ndarray = AFFINE, kind: str = "int16") -> Path:
    image = nib.Nifti1Image(voxels.astype(kind), affine)
    image.header.set_data_dtype(kind)
    nib.save(image, path)
    return path


def picture(path: Path, pixels: np.ndarray) -> Path:
    Image.fromarray(pixels).save(path)
    return path


def test_the_digest_is_that_of_the_documented_bytes(tmp_path: Path) -> None:
    upright = VOXELS[::-1].astype("<f4")  # the affine's first axis runs to the left
    wanted = hashlib.sha256(b"volume 6 5 4\n" + upright.tobytes(order="F")).hexdigest()
    assert pixel_digest(volume(tmp_path / "a.nii.gz")) == wanted
    grey = np.arange(12, dtype=np.uint16).reshape(3, 4) * 1000
    wanted = hashlib.sha256(b"picture 3 4\n" + grey.astype("<u2").tobytes()).hexdigest()
    assert pixel_digest(picture(tmp_path / "a.png", grey)) == wanted


@pytest.mark.parametrize(
    "other",
    [
        lambda path: volume(path, kind="float32"),
        lambda path: volume(path, kind="int32"),
        lambda path: volume(path, VOXELS[::-1], AFFINE @ FLIP),
        lambda path: volume(path, VOXELS.transpose(2, 0, 1), AFFINE[:, [2, 0, 1, 3]]),
        lambda path: volume(path, VOXELS + 0, AFFINE + np.array([[0, 0, 0, 7]] * 3 + [[0] * 4])),
    ],
    ids=["float32", "int32", "stored from the right", "axes in another order", "elsewhere"],
)  # fmt: skip
def test_the_same_voxels_have_the_same_digest(other: Callable[[Path], Path], tmp_path: Path) -> None:
    assert pixel_digest(other(tmp_path / "b.nii")) == pixel_digest(volume(tmp_path / "a.nii.gz"))


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (2, 0, 1)])
@pytest.mark.parametrize("signs", [(1, 1, 1), (-1, 1, 1), (-1, -1, -1)])
@pytest.mark.parametrize(("slope", "intercept"), [(1, 0), (1, -1024), (1, 0.25), (0.5, 3), (1, -1e8)])
def test_a_digest_is_that_of_nibabels_canonical_volume(
    order: tuple[int, ...], signs: tuple[int, ...], slope: float, intercept: float, tmp_path: Path
) -> None:
    turned = np.zeros((4, 4))
    turned[order, range(3)], turned[3, 3] = np.multiply(signs, (1.5, 2, 3)), 1
    image = nib.Nifti1Image(np.repeat(VOXELS[..., None], 2, axis=3), turned)
    image.header.set_slope_inter(slope, intercept)
    nib.save(image, tmp_path / "a.nii.gz")
    upright = nib.as_closest_canonical(nib.load(tmp_path / "a.nii.gz")).get_fdata().astype("<f4")
    head = f"volume {' '.join(map(str, upright.shape))}\n".encode()
    assert pixel_digest(tmp_path / "a.nii.gz") == hashlib.sha256(head + upright.tobytes(order="F")).hexdigest()


def test_a_slope_is_applied(tmp_path: Path) -> None:
    path = volume(tmp_path / "b.nii", VOXELS)
    image = nib.Nifti1Image.from_filename(path)
    halves = nib.Nifti1Image(np.asarray(image.dataobj) * 0.5, AFFINE)
    halves.header.set_data_dtype(np.int16)
    halves.header.set_slope_inter(0.5, 0)
    nib.save(halves, tmp_path / "c.nii")
    data = bytearray(path.read_bytes())
    data[112:116] = np.float32(0.5).tobytes()
    (tmp_path / "d.nii").write_bytes(data)
    assert pixel_digest(tmp_path / "d.nii") != pixel_digest(path)
    assert pixel_digest(tmp_path / "d.nii") == pixel_digest(volume(tmp_path / "e.nii", VOXELS * 0.5, kind="float32"))


CHANGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "flipped": lambda v: v[::-1],
    "shifted by a voxel": lambda v: np.roll(v, 1, axis=0),
    "windowed": lambda v: np.clip(v, -160, 240),
    "one grey value": lambda v: np.concatenate(([v.flat[0] + 1], v.ravel()[1:])).reshape(v.shape),
    "resampled": lambda v: v[::2, ::2],
    "turned": lambda v: v.swapaxes(0, 1),
    "smoothed": lambda v: (v + np.roll(v, 1, 0)) / 2,
}


@pytest.mark.parametrize("how", CHANGES)
def test_what_was_done_to_a_converted_volume_is_found(how: str, tmp_path: Path) -> None:
    dataset = Path(shutil.copytree(GOLDEN, tmp_path / "dataset"))
    path = min(dataset.glob("sub-*/**/*.nii.gz"))
    image = nib.Nifti1Image.from_filename(path)
    changed = nib.Nifti1Image(CHANGES[how](np.asarray(image.dataobj)).astype(np.int16), image.affine, image.header)
    nib.save(changed, path)
    found = validate(dataset, deep=True, select=frozenset({"PIXELS_CHANGED"}))
    assert [issue.path for issue in found] == [path.relative_to(dataset).as_posix()]


def test_exchanged_images_name_each_other_and_saving_again_is_no_change(tmp_path: Path) -> None:
    dataset = Path(shutil.copytree(PICTURES, tmp_path / "dataset"))
    one, other, *rest = sorted(dataset.glob("sub-*/**/*.png"))
    for path in rest[:2]:
        with Image.open(path) as image:
            image.load()
        image.save(path, compress_level=1)
    data = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(data)
    found = validate(dataset, deep=True, select=frozenset({"PIXELS_CHANGED"}))
    names = [path.relative_to(dataset).as_posix() for path in (one, other)]
    assert [(issue.path, issue.expected) for issue in found] == [(names[0], names[1]), (names[1], names[0])]


def test_a_digest_that_is_cut_or_whose_row_is_gone_is_told(tmp_path: Path) -> None:
    dataset = Path(shutil.copytree(PICTURES, tmp_path / "dataset"))
    table = dataset / "derivatives" / "provenance" / "conversions.tsv"
    *lines, cut, gone = table.read_text("utf-8").splitlines()
    table.write_text("\n".join([*lines, cut[:-30], ""]), "utf-8")
    found = list(validate(dataset, select=frozenset({"PROVENANCE_CONTRADICTED"})))
    place = f"row {len(lines) + 1}, column pixels_sha256"
    assert {(issue.path, issue.where) for issue in found} == {
        (gone.split("\t")[0], ""),
        (table.relative_to(dataset).as_posix(), place),
    }


# --- the same pixels in other files ----------------------------------------------------------------------

GREY = (np.random.default_rng(5).integers(100, 4000, (12, 16)) * 16).astype(np.uint16)


COPIES: dict[str, tuple[Callable[[Path], Path], str]] = {
    "other filters": (lambda folder: picture(folder / "b.png", GREY), "the same pixels"),
    "12 bits": (lambda folder: picture(folder / "b.png", GREY // 16), "the same pixels with other numbers"),
    "mirrored": (lambda folder: picture(folder / "b.png", GREY[:, ::-1]), "the same pixels, flipped or turned"),
    "turned": (lambda folder: picture(folder / "b.png", GREY.T), "the same pixels, flipped or turned"),
    "a volume": (
        lambda folder: volume(folder / "b.nii.gz", GREY.T[:, ::-1, None], kind="uint16"),
        "the same pixels, flipped or turned",
    ),
    "signed": (
        lambda folder: volume(folder / "b.nii", GREY[:, :, None] - 1024.0, kind="float32"),
        "the same pixels with other numbers",
    ),
    "one step": (lambda folder: picture(folder / "b.png", GREY + (GREY > 30000).astype(np.uint16)), ""),
    "rolled": (lambda folder: picture(folder / "b.png", np.roll(GREY, 1, axis=1)), ""),
    "SUV": (lambda folder: volume(folder / "b.nii", GREY[:, :, None] * 0.37, kind="float32"), ""),
}


@pytest.mark.parametrize("name", COPIES)
def test_the_same_pixels_are_known_again(name: str, tmp_path: Path) -> None:
    make, how = COPIES[name]
    assert likeness(picture(tmp_path / "a.png", GREY), make(tmp_path)) == how


def test_eight_bits_in_sixteen_are_the_same(tmp_path: Path) -> None:
    few = (GREY >> 8).astype(np.uint8)
    one, other = picture(tmp_path / "a.png", few), picture(tmp_path / "b.png", few.astype(np.uint16) * 257)
    assert likeness(one, other) == "the same pixels with other numbers"
    assert pixel_digest(one) == pixel_digest(other)
