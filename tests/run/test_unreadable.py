"""What can't be read is not gone: folders, files, links and archives of one night, also where images may be removed."""

import subprocess
import sys
import tarfile
from pathlib import Path

import pydicom
import pytest
from places import plain_user
from pydicom.encaps import encapsulate
from trees import codes, fill_folder, images, put, tree

from example_datasets.generators import ct, radiograph
from mids.conversion import convert
from mids.deid.policy import chosen

PROGRAM = Path(sys.executable).parent / "mids-convert"


def night(source: Path, dest: Path, key: Path, *flags: str) -> tuple[int, str]:
    """Exit code and messages of a run by a user without special rights."""
    command = [*plain_user(), PROGRAM, "dicom", source, dest, "--key", key, *flags]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False, timeout=120)
    return done.returncode, done.stderr


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A radiograph on top, one in a folder, and one in a folder of that."""
    files = {"top": radiograph.dx_pa(), "x/inner": radiograph.cr_pa(), "x/y/deep": radiograph.dx_lateral()}
    return fill_folder(tmp_path / "source", files)


@pytest.mark.parametrize(
    ("shut", "mode", "flags"),
    [("x/y", 0, ("--remove",)), ("x", 0o400, ()), ("x/y", 0o100, ("--remove", "3")), ("x/inner", 0, ("--remove",))],
)
def test_what_is_shut_for_a_night_stays_also_where_images_may_go(
    shut: str, mode: int, flags: tuple[str, ...], source: Path, dest: Path, key: Path
) -> None:
    """A folder that can't be entered, one whose files can't be asked for, and a file."""
    assert night(source, dest, key)[0] == 0
    whole = tree(dest)
    (source / shut).chmod(mode)
    try:
        code, said = night(source, dest, key, *flags)
        shown = images(dest)
    finally:
        (source / shut).chmod(0o700)
    assert code == 1, said
    assert "SOURCE_UNREADABLE" in said
    assert shown == [path for path in whole if path.endswith(".png")]
    assert night(source, dest, key)[0] == 0
    assert tree(dest) == whole


@pytest.mark.parametrize("emptied", ["x", "x/y"])
def test_a_mount_that_is_empty_for_a_night_stays_also_where_images_may_go(
    emptied: str, source: Path, dest: Path, key: Path, tmp_path: Path
) -> None:
    convert("dicom", source, dest, key=key)
    whole = tree(dest)
    (source / emptied).rename(tmp_path / "away")
    (source / emptied).mkdir()
    done = convert("dicom", source, dest, key=key, remove=9)
    assert codes(done.issues) == ["SOURCE_VANISHED"]
    assert images(dest) == [path for path in whole if path.endswith(".png")]
    (source / emptied).rmdir()
    assert convert("dicom", source, dest, key=key, remove=9).exit_code == 0
    assert len(images(dest)) == (1 if emptied == "x" else 2)


def test_a_source_above_which_nothing_may_be_entered_is_one_line(source: Path, dest: Path, key: Path) -> None:
    (source / "x").chmod(0)
    code, said = night(source / "x" / "y", dest, key)
    (source / "x").chmod(0o700)
    assert (code, said.count("\n")) == (2, 1), said


def test_a_link_that_leads_nowhere_is_a_mount_that_is_away(source: Path, dest: Path, key: Path) -> None:
    (source / "x").rename(source.parent / "mount")
    (source / "x").symlink_to(source.parent / "mount")
    convert("dicom", source, dest, key=key)
    before = images(dest)
    (source.parent / "mount").rename(source.parent / "away")
    (source / "round").symlink_to("round")
    again = convert("dicom", source, dest, key=key, remove=None)
    assert codes(again.issues) == ["SOURCE_UNREADABLE", "SOURCE_UNREADABLE", "SOURCE_VANISHED"]
    assert images(dest) == before


def test_a_file_that_became_zeros_is_told_and_costs_no_image(source: Path, dest: Path, key: Path) -> None:
    convert("dicom", source, dest, key=key)
    whole, path = tree(dest), source / "top"
    content = path.read_bytes()
    path.write_bytes(bytes(len(content)))
    broken = convert("dicom", source, dest, key=key)
    assert broken.exit_code == 1
    assert images(dest) == [path for path in whole if path.endswith(".png")]
    path.write_bytes(content)
    assert convert("dicom", source, dest, key=key).exit_code == 0
    assert tree(dest) == whole


def test_a_slice_that_became_zeros_costs_no_slice(tmp_path: Path, dest: Path, key: Path) -> None:
    files = {f"{number}": dataset for number, dataset in enumerate(ct.slices(ct.SOFT))}
    source = fill_folder(tmp_path / "ct", files)
    convert("dicom", source, dest, key=key)
    whole = tree(dest)
    put(source, "2", bytes((source / "2").stat().st_size))
    assert convert("dicom", source, dest, key=key).exit_code == 1
    shown = tree(dest)
    assert {path: shown[path] for path in images(dest)} == {path: whole[path] for path in whole if path in images(dest)}


def test_a_tar_that_is_half_written_costs_no_image(source: Path, tmp_path: Path, dest: Path, key: Path) -> None:
    """What lies whole before the cut is read; what lies behind is kept."""
    packed = tmp_path / "packed"
    packed.mkdir()
    with tarfile.open(packed / "night.tar", "w") as archive:
        archive.add(source / "top", "top")
        archive.add(source / "x", "x")
    convert("dicom", packed, dest, key=key)
    whole, path = tree(dest), packed / "night.tar"
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    half = convert("dicom", packed, dest, key=key, remove=None)
    assert half.exit_code == 1
    assert images(dest) == [path for path in whole if path.endswith(".png")]
    path.write_bytes(content)
    assert convert("dicom", packed, dest, key=key).exit_code == 0
    assert tree(dest) == whole


def test_a_slice_that_came_does_not_replace_one_that_vanished(tmp_path: Path, dest: Path, key: Path) -> None:
    files = {f"{number}": each for number, each in enumerate(ct.slices(ct.SOFT))}
    last = files.popitem()
    source = fill_folder(tmp_path / "ct", files)
    convert("dicom", source, dest, key=key)
    whole = {path: tree(dest)[path] for path in images(dest)}
    (source / "1").unlink()
    fill_folder(source, dict([last]))
    done = convert("dicom", source, dest, key=key)
    assert (done.exit_code, "SOURCE_VANISHED" in codes(done.issues)) == (1, True)
    assert {path: tree(dest)[path] for path in images(dest)} == whole


@pytest.mark.parametrize("flags", [{}, {"remove": None}])
@pytest.mark.parametrize("kept", [140, 400, 0.5, 0.95])
def test_a_picture_that_is_half_written_costs_no_image(
    kept: float, flags: dict[str, None], source: Path, dest: Path, key: Path
) -> None:
    """Cut in its header, and in its pixels."""
    convert("dicom", source, dest, key=key)
    whole, path = tree(dest), source / "x/inner"
    content = path.read_bytes()
    path.write_bytes(content[: int(kept if kept > 1 else len(content) * kept)])
    half = convert("dicom", source, dest, key=key, **flags)
    assert half.exit_code == 1
    assert "SOURCE_VANISHED" in codes(half.issues)
    assert pictures(tree(dest)) == pictures(whole)
    path.write_bytes(content)
    assert convert("dicom", source, dest, key=key).exit_code == 0
    assert tree(dest) == whole


def pictures(files: dict[str, bytes]) -> dict[str, bytes]:
    return {path: content for path, content in files.items() if path.endswith((".png", ".nii.gz"))}


def test_a_slice_that_is_half_written_costs_no_slice(tmp_path: Path, dest: Path, key: Path) -> None:
    source = fill_folder(tmp_path / "ct", {f"{number}": each for number, each in enumerate(ct.slices(ct.SOFT))})
    convert("dicom", source, dest, key=key)
    before = pictures(tree(dest))
    content = (source / "2").read_bytes()
    put(source, "2", content[: len(content) // 2])
    half = convert("dicom", source, dest, key=key)
    assert half.exit_code == 1
    assert pictures(tree(dest)) == before


def broken_pixels(path: Path) -> None:
    """A header that is right, of pixels that are no JPEG: noticed when the image is made."""
    dataset = pydicom.dcmread(path)
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.70"
    dataset.PixelData = encapsulate([b"no image" * 400])
    dataset["PixelData"].is_undefined_length = True
    dataset.save_as(path)


def test_an_image_that_fails_one_night_stays_and_is_told(source: Path, dest: Path, key: Path) -> None:
    convert("dicom", source, dest, key=key)
    whole, content = tree(dest), (source / "top").read_bytes()
    broken_pixels(source / "top")
    for _ in range(2):
        night = convert("dicom", source, dest, key=key)
        assert night.exit_code == 1
        (told,) = [found for found in night.issues if found.code == "PIXELS_UNREADABLE"]
        assert told.message.endswith("the image that an earlier run made is kept")
        assert pictures(tree(dest)) == pictures(whole)
    put(source, "top", content)
    assert convert("dicom", source, dest, key=key).exit_code == 0
    assert tree(dest) == whole


def test_an_image_that_fails_under_another_choice_does_not_stay(source: Path, dest: Path, key: Path) -> None:
    """What an earlier policy let out must not stay because tonight's could not be made."""
    convert("dicom", source, dest, key=key)
    broken_pixels(source / "top")
    policy = chosen("mids", detect="glyphs")
    night = convert("dicom", source, dest, key=key, policy=policy, change=["detect"])
    assert night.exit_code == 1
    assert len(images(dest)) == 2
