"""What of a dataset can't be read is told by every command, counted, and never taken for absent."""

import gzip
import os
import resource
import shutil
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from mids.conversion import Conversion
from mids.dataset import Dataset
from mids.dataset.joined import concat
from mids.errors import DataError, MidsError
from mids.releases.images import difference

PROGRAM = Path(sys.executable).parent / "mids"
COMMANDS = {
    "report": lambda whole, part, out: ["report", part, "-o", out / "page.html"],
    "diff": lambda whole, part, out: ["diff", whole, part],
    "risk": lambda whole, part, out: ["risk", part, "--shared-images"],
    "export": lambda whole, part, out: ["export", part, "--to", "croissant"],
    "splits": lambda whole, part, out: ["splits", part],
}  # fmt: skip
Arguments = Callable[[Path, Path, Path], list[str | Path]]


def plain_user() -> tuple[str, ...]:
    """What takes root's right to read everything away."""
    if os.getuid():
        return ()
    tool = shutil.which("setpriv") or pytest.skip("root reads everything")
    return (tool, "--bounding-set=-all", "--inh-caps=-all")


def run(*command: str | Path) -> tuple[int, str]:
    """Exit code and messages, with 3 GB of addresses."""
    limit = (3 << 30, 3 << 30)
    done = subprocess.run(
        [*map(str, command)], capture_output=True, text=True, check=False, timeout=300,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, limit),
    )  # fmt: skip
    return done.returncode, done.stderr


@pytest.fixture
def copy(phantom: Conversion, tmp_path: Path) -> Path:
    return Path(shutil.copytree(phantom.dataset, tmp_path / "dataset"))


@pytest.mark.parametrize("name", COMMANDS)
def test_a_subject_that_can_not_be_entered_is_told(name: str, phantom: Conversion, copy: Path, tmp_path: Path) -> None:
    subject = sorted(copy.glob("sub-*"))[0]
    subject.chmod(0)
    try:
        code, said = run(*plain_user(), PROGRAM, *COMMANDS[name](phantom.dataset, copy, tmp_path))
    finally:
        subject.chmod(0o755)
    assert code == 1
    assert f"FILE_UNREADABLE {'NEW/' if name == 'diff' else ''}{subject.name}" in said
    assert "Traceback" not in said


def claiming_png(path: Path) -> None:
    """A PNG of a few bytes whose header says 50,000 x 50,000 pixels of 16 bits."""
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", 50_000, 50_000, 16, 0, 0, 0, 0)), (b"IDAT", zlib.compress(bytes(99)))]
    parts = [
        struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in [*chunks, (b"IEND", b"")]
    ]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))


def claiming_nifti(path: Path) -> None:
    """A volume whose header says more voxels than 64 bits can count."""
    data = bytearray(gzip.decompress(path.read_bytes()))
    struct.pack_into("<8h", data, 40, 7, *[32767] * 7)
    path.write_bytes(gzip.compress(data))


CLAIMS = {".png": (claiming_png, "PNG_INVALID"), ".nii.gz": (claiming_nifti, "NIFTI_INVALID")}


@pytest.mark.parametrize("suffix", CLAIMS)
def test_what_a_header_claims_is_checked_before_memory_is_taken(suffix: str, copy: Path) -> None:
    path = next(copy.glob(f"sub-*/**/*{suffix}"))
    make, code = CLAIMS[suffix]
    make(path)
    with pytest.raises(DataError) as caught:
        Dataset(copy).load(path.relative_to(copy).as_posix())
    assert caught.value.code == code


@pytest.mark.parametrize("suffix", CLAIMS)
@pytest.mark.parametrize("name", ["report", "diff", "risk"])
def test_no_command_believes_a_header(name: str, suffix: str, phantom: Conversion, copy: Path, tmp_path: Path) -> None:
    path = next(copy.glob(f"sub-*/**/*{suffix}"))
    CLAIMS[suffix][0](path)
    code, said = run(PROGRAM, *COMMANDS[name](phantom.dataset, copy, tmp_path))
    assert code in (0, 1)
    assert name == "risk" or (code == 1 and path.name in said)


def test_broken_files_are_issues_and_the_others_are_loaded(copy: Path) -> None:
    before = len(Dataset(copy).images)
    scans = next(copy.glob("sub-*/ses-*/*_scans.tsv"))
    scans.write_bytes(b"filename\n\xff\n")
    sidecar = next(copy.glob("sub-*/**/*_dx.json"))
    sidecar.write_text("[]")
    dataset = Dataset(copy, fields=["KVP"])
    assert len(dataset.images) == before
    found = {(issue.code, issue.path) for issue in dataset.issues}
    assert found == {
        ("TABLE_ENCODING", scans.relative_to(copy).as_posix()),
        ("JSON_INVALID", sidecar.relative_to(copy).as_posix()),
    }


def test_joined_datasets_tell_of_each(copy: Path, phantom: Conversion) -> None:
    next(copy.glob("sub-*/ses-*/*_scans.tsv")).write_bytes(b"\xff")
    joined = concat({"whole": phantom.dataset, "part": copy})
    assert [(issue.code, issue.path.split("/")[0]) for issue in joined.issues] == [("TABLE_ENCODING", "part")]


def test_a_kept_index_keeps_what_could_not_be_read(copy: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    sidecar = next(copy.glob("sub-*/**/*_dx.json"))
    sidecar.write_text("[]")
    told = []
    for _ in range(2):
        dataset = Dataset(copy, fields=["KVP"], index=tmp_path / "index.parquet")
        assert len(dataset.images)
        told.append(dataset.issues)
    assert told[0] == told[1]
    assert [issue.code for issue in told[0]] == ["JSON_INVALID"]


def test_a_subject_that_is_a_link_is_loaded(copy: Path, tmp_path: Path) -> None:
    before = list(Dataset(copy).images["filename"])
    subject = sorted(copy.glob("sub-*"))[0]
    shutil.move(subject, tmp_path / "elsewhere")
    subject.symlink_to(tmp_path / "elsewhere")
    dataset = Dataset(copy)
    assert list(dataset.images["filename"]) == before
    assert dataset.issues == ()


def test_a_link_that_leads_nowhere_is_named_and_told(copy: Path) -> None:
    before = list(Dataset(copy).images["filename"])
    path = next(copy.glob("sub-*/**/*.png"))
    path.unlink()
    path.symlink_to("../.git/annex/objects/aa/bb/absent.png")
    dataset = Dataset(copy)
    name = path.relative_to(copy).as_posix()
    assert list(dataset.images["filename"]) == before
    assert [(issue.code, issue.level, issue.path) for issue in dataset.issues] == [("LINK_BROKEN", "warning", name)]
    with pytest.raises(MidsError, match="not a file of the dataset"):
        dataset.load(name)


@pytest.mark.parametrize("change", ["none", "value", "nan", "slope", "order", "type"])
def test_volumes_are_compared_by_value_whatever_their_form(change: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    values = rng.normal(size=(60, 50, 40, 10)).astype(np.float32).round(2)  # more than one piece
    values[0, 0, 0, 0] = np.nan
    first = nib.nifti1.Nifti1Image(values, np.eye(4))
    nib.save(first, tmp_path / "a.nii.gz")  # type: ignore[attr-defined]
    other = values.copy()
    if change == "value":
        other[-1, -1, -1, -1] += 1
    if change == "nan":
        other[-1, -1, -1, -1] = np.nan
    second = nib.nifti1.Nifti1Image(other, np.eye(4))
    if change == "order":
        second = nib.nifti1.Nifti1Image(other, np.eye(4), nib.nifti1.Nifti1Header(endianness=">"))
    if change == "type":
        second = nib.nifti1.Nifti1Image(other.astype(np.float64), np.eye(4))
    if change == "slope":
        second.header.set_slope_inter(2, 0)
    nib.save(second, tmp_path / "b.nii.gz")  # type: ignore[attr-defined]
    one, two = (np.asarray(nib.load(tmp_path / name).dataobj) for name in ("a.nii.gz", "b.nii.gz"))  # type: ignore[attr-defined]
    is_same = np.array_equal(one, two, equal_nan=True)
    assert (difference(tmp_path / "a.nii.gz", tmp_path / "b.nii.gz")[0] == "pixels") == (not is_same)


def test_pictures_too_large_to_decode_are_compared_by_their_lines(tmp_path: Path) -> None:
    for name, last in (("a.png", 0), ("b.png", 0), ("c.png", 1)):
        picture = np.zeros((9000, 9000), np.uint8)
        picture[-1, -1] = last
        Image.fromarray(picture).save(tmp_path / name, compress_level=9 if name == "a.png" else 1)
    assert difference(tmp_path / "a.png", tmp_path / "b.png") == ("header", None)
    assert difference(tmp_path / "a.png", tmp_path / "c.png") == ("pixels", None)
