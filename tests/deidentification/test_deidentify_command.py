"""``mids deidentify``: DICOM in, DICOM out; ids, resuming, what is left out, what is told."""

import hashlib
import shutil
import stat
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest
from deidentified import PATH, headers
from trees import chest, command, fill_folder, put, radiographs, source_rows, tree

from mids.conversion import convert
from mids.deid.policy import chosen
from mids.deidentification import Deidentification, deidentify
from mids.errors import MidsError

# What comes out


def test_every_file_comes_out_under_a_name_that_says_nothing(source: Path, dest: Path, key: Path) -> None:
    done = deidentify(source, dest, key=key)
    assert done.exit_code == 0
    found = headers(dest)
    assert len(found) == 3
    assert all(PATH.fullmatch(path) for path in found)
    assert {header.PatientID for header in found.values()} == {path.split("/")[0] for path in found}
    assert {header.PatientIdentityRemoved for header in found.values()} == {"YES"}
    assert {path: header.SOPInstanceUID for path, header in found.items()} == {
        path: header.file_meta.MediaStorageSOPInstanceUID for path, header in found.items()
    }
    assert {row["status"] for row in source_rows(dest)} == {"converted"}
    assert {row["filename"] for row in source_rows(dest)} == {*found}
    assert stat.S_IMODE(Path(f"{dest}.mids").stat().st_mode) == 0o700


def test_nothing_of_the_source_is_in_names_messages_or_log(source: Path, dest: Path, key: Path, tmp_path: Path) -> None:
    put(source, "broken García.dcm", b"\0" * 128 + b"DICM" + b"\x02\0\0\0UL")
    put(source, "empty García.dcm", b"")
    done = command("mids", "deidentify", source, dest, "--key", key, "-v", "--log", tmp_path / "log")
    assert done.returncode == 1
    said = done.stdout + done.stderr + (tmp_path / "log").read_text(encoding="utf-8")
    for word in ("Perez", "Garc", "000123", str(source.name)):
        assert word not in said
        assert not any(word in path for path in tree(dest))
    assert "source:" in said
    assert len(tree(dest)) == 4
    lost = {row["source"]: row["reason"] for row in source_rows(dest) if row["status"] == "lost"}
    assert sorted(lost) == ["broken García.dcm", "empty García.dcm"]


def _volumes(dataset: Path) -> list[tuple[tuple[int, ...], str, list[float]]]:
    """Shape, digest of the voxels, and affine of every volume."""
    found = []
    for path in sorted(dataset.rglob("*.nii.gz")):
        image = nib.load(path)
        voxels = np.asarray(image.dataobj)
        digest = hashlib.sha256(np.ascontiguousarray(voxels).tobytes()).hexdigest()
        found.append((voxels.shape, digest, [round(float(v), 3) for v in image.affine.ravel()]))
    return sorted(found)


def test_a_conversion_of_the_result_has_the_same_voxels(tmp_path: Path, key: Path) -> None:
    source = fill_folder(tmp_path / "source", {**chest(), **radiographs()})
    deidentify(source, tmp_path / "clean", key=key)
    before = convert("dicom", source, tmp_path / "before", key=key)
    after = convert("dicom", tmp_path / "clean", tmp_path / "after", key=key)
    assert after.exit_code == 0
    assert _volumes(after.dataset) == _volumes(before.dataset) != []
    pictures = [
        sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in done.dataset.rglob("*.png"))
        for done in (before, after)
    ]
    assert pictures[0] == pictures[1] != []


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_an_archive_gives_what_its_files_give(source: Path, tmp_path: Path, key: Path, kind: str) -> None:
    archive = shutil.make_archive(str(tmp_path / "archive"), kind, source)
    deidentify(source, tmp_path / "one", key=key)
    deidentify(archive, tmp_path / "other", key=key)
    assert tree(tmp_path / "other") == tree(tmp_path / "one")


# Use


@pytest.mark.slow
def test_the_command_says_what_a_profile_does(tmp_path: Path) -> None:
    texts = {name: command("mids", "deidentify", "--profile", name, "--describe").stdout for name in ("basic", "mids")}
    assert len({*texts.values()}) == 2
    assert all(text for text in texts.values())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "SOURCE and DEST"),
        (["{s}", "{d}", "--policy", "basik"], "basic"),
        (["{s}", "{d}", "--option", "retain_uid"], "retain_uids"),
        (["{s}", "{d}", "--option", "retain_full_dates", "--option", "retain_modified_dates"], "exclude"),
        (["{s}", "{d}", "--key", "{d}x/none"], "does not exist"),
        (["{s}", "{s}/in"], "inside SOURCE"),
        (["{s}/none", "{d}"], "does not exist"),
        (["{s}", "{d}", "--jobs", "0"], "--jobs"),
        (["{s}", "{d}", "--embed", "{s}/none"], "can't read"),
        (["{s}", "{d}", "--policy", "{s}/none.yaml"], "can't read"),
        (["{s}", "{d}", "--policy", "mids", "--profile", "basic"], "--policy only"),
        (["{s}", "{d}", "--option", "retain_uids", "--without", "retain-uids"], "--option and --without"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(source: Path, dest: Path, arguments: list[str], said: str) -> None:
    given = [text.format(s=source, d=dest) for text in arguments]
    done = command("mids", "deidentify", *given, home=dest.parent)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not dest.exists()


def test_an_override_of_an_unknown_attribute_is_told_before_anything_is_read(source: Path, dest: Path) -> None:
    policy = dest.parent / "policy.yaml"
    policy.write_text("overrides: [{attribute: StationNaem, action: X, reason: a}]\n")
    done = command("mids", "deidentify", str(source), str(dest), "--policy", str(policy), home=dest.parent)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "did you mean StationName" in done.stderr
    assert not dest.exists()
    assert not dest.with_name(dest.name + ".mids").exists()


@pytest.mark.shared
def test_real_files_come_out_or_are_named(shared: Path, tmp_path: Path, key: Path) -> None:
    done: Deidentification = deidentify(shared / "dicom", tmp_path / "dest", key=key, jobs=2)
    assert done.outcome is not None
    assert done.outcome.crashes == ()
    rows = source_rows(tmp_path / "dest")
    assert {row["filename"] for row in rows if row["status"] == "converted"} == {*headers(tmp_path / "dest")}
    assert all(row["reason"] != "n/a" for row in rows if row["status"] != "converted")


def test_texts_as_they_are_contradict_cleaning(tmp_path: Path, dest: Path, key: Path) -> None:
    source = fill_folder(tmp_path / "s", {"a": b"x"})
    with pytest.raises(MidsError, match="contradicts"):
        deidentify(source, dest, policy=chosen("mids", texts="keep"), key=key)


def test_a_short_text_loses_what_it_repeats_of_the_header(tmp_path: Path, dest: Path, key: Path) -> None:
    dataset = next(iter(radiographs().values()))
    dataset.PatientName, dataset.PatientID = "Quintanilla^Rosaura", "PATID777"
    dataset.ManufacturerModelName, dataset.ConvolutionKernel = "for Rosaura", "B40f"
    dataset.AcquisitionDeviceProcessingCode = "PATID777"
    done = deidentify(fill_folder(tmp_path / "s", {"a": dataset}), dest, key=key)
    assert done.outcome is not None
    made = dest / done.outcome.made[0]
    found = pydicom.dcmread(made)
    assert found.ManufacturerModelName == "for"
    assert found.AcquisitionDeviceProcessingCode == "[NUM]"
    assert found.ConvolutionKernel == "B40f"
    assert not [word for word in (b"rosaura", b"quintanilla", b"patid777") if word in made.read_bytes().lower()]
