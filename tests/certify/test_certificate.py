"""A certificate holds for what it was made of: one byte, cell or pixel changed voids it and is named."""

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
from lettering import NAME, lettered, radiograph
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian
from trees import fill_folder, radiographs

from mids.certify.certificate import place
from mids.cli import main
from mids.cli.releases.selftest import find_leaks, find_missed
from mids.conversion import convert
from mids.deid.burned.network import Weights, load_weights
from mids.deid.policy import Detect, chosen
from mids.deidentification import deidentify


@pytest.fixture
def dataset(tmp_path: Path, key: Path) -> Path:
    return convert("dicom", fill_folder(tmp_path / "s", radiographs()), tmp_path / "d", key=key).dataset


def rewrite(path: Path, old: str, new: str) -> Path:
    """Puts `new` for the first `old`, which has to be there."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    return path


def change_byte(dataset: Path) -> Path:
    return rewrite(dataset / "dataset_description.json", "\n", " \n")


def change_cell(dataset: Path) -> Path:
    return rewrite(dataset / "participants.tsv", "\tF\t", "\tM\t")


def rename_key(dataset: Path) -> Path:
    return rewrite(sorted(dataset.glob("sub-*/**/*_cr.json"))[0], '"Modality"', '"modality"')


def add_blank_to_certificate(dataset: Path) -> Path:
    return rewrite(place(dataset), "\n", " \n")


def say_key_twice(dataset: Path) -> Path:
    return rewrite(place(dataset), '{\n "Made"', '{\n "Findings": 7,\n "Made"')


def edit_certificate(dataset: Path) -> Path:
    return rewrite(place(dataset), '"Findings": 0', '"Findings": 1')


def edit_page(dataset: Path) -> Path:
    return rewrite(place(dataset).with_suffix(".html"), "proves nothing", "proves everything")


def append_byte(dataset: Path) -> Path:
    path = sorted(dataset.glob("sub-*/**/*.png"))[0]
    path.write_bytes(path.read_bytes() + b"x")
    return path


def change_pixel(dataset: Path) -> Path:
    path = sorted(dataset.glob("sub-*/**/*.png"))[0]
    values = np.array(Image.open(path))
    values[3, 4] ^= 1
    Image.fromarray(values).save(path)
    return path


def add_file(dataset: Path) -> Path:
    path = dataset / "sub-new.txt"
    path.write_text("x")
    return path


def add_hidden_file(dataset: Path) -> Path:
    path = dataset / "__pycache__" / ".DS_Store"
    path.parent.mkdir()
    path.write_text("Maria Lopez")
    return path


def add_link(dataset: Path) -> Path:
    (dataset.parent / "elsewhere").mkdir()
    (dataset / "sourcedata").symlink_to(dataset.parent / "elsewhere")
    return dataset / "sourcedata"


def replace_by_link(dataset: Path) -> Path:
    path = dataset / "participants.tsv"
    (dataset.parent / "same.tsv").write_bytes(path.read_bytes())
    path.unlink()
    path.symlink_to(dataset.parent / "same.tsv")
    return path


def remove_file(dataset: Path) -> Path:
    path = sorted(dataset.glob("sub-*/**/*.png"))[1]
    path.unlink()
    return path


def add_empty_folder(dataset: Path) -> Path:
    path = dataset / "LOPEZ_MARIA"
    path.mkdir()
    return path


CHANGES = [
    change_byte, change_cell, change_pixel, add_file, add_hidden_file, add_link, replace_by_link, remove_file,
    add_empty_folder, rename_key, append_byte, edit_page, add_blank_to_certificate, say_key_twice,
]  # fmt: skip


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a dataset and its certificate, to copy."""
    folder = tmp_path_factory.mktemp("certified")
    main(["key", "new", str(folder / "key")])
    dataset = convert("dicom", fill_folder(folder / "s", radiographs()), folder / "d", key=folder / "key").dataset
    assert main(["certify", str(dataset)]) == 0
    assert main(["certify", str(dataset), "--check"]) == 0
    return folder


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_voids_the_certificate_and_is_named(
    certified: Path, tmp_path: Path, change: Callable[[Path], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(certified, tmp_path / "copy")
    dataset = tmp_path / "copy" / "d"
    path = change(dataset)
    capsys.readouterr()
    assert main(["certify", str(dataset), "--check"]) == 1
    said = capsys.readouterr().err.splitlines()
    inside = path.relative_to(dataset).as_posix() if dataset in path.parents else path.name
    inside += "/" * (path.is_dir() and not path.is_symlink())
    assert [line.split(": ")[1] for line in said] == [inside]


def test_an_edited_certificate_is_named(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["certify", str(dataset)])
    path = edit_certificate(dataset)
    assert main(["certify", str(dataset), "--check"]) == 1
    assert path.name in capsys.readouterr().err
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), "Pixels": {}}), "utf-8")
    assert main(["certify", str(dataset), "--check"]) == 1
    path.write_text("[]")
    assert main(["certify", str(dataset), "--check"]) == 2


def test_swapped_images_are_both_named_and_a_new_time_is_not(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["certify", str(dataset)])
    one, other = sorted(dataset.glob("sub-*/**/*.png"))[:2]
    os.utime(one, (0, 0))
    assert main(["certify", str(dataset), "--check"]) == 0
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)
    capsys.readouterr()
    assert main(["certify", str(dataset), "--check"]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_a_renamed_folder_is_named(certified: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(certified, tmp_path / "copy")
    dataset = tmp_path / "copy" / "d"
    subject = sorted(dataset.glob("sub-*"))[0]
    files = sum(path.is_file() for path in subject.rglob("*"))
    subject.rename(dataset / "sub-SAAAAAAAAAA")
    capsys.readouterr()
    assert main(["certify", str(dataset), "--check"]) == 1
    said = capsys.readouterr().err.splitlines()
    assert sum(line.startswith(f"error: {subject.name}/") and line.endswith(": missing") for line in said) == files
    assert sum(line.startswith("error: sub-SAAAAAAAAAA/") and line.endswith(": added") for line in said) == files


def test_what_was_not_looked_at_is_a_finding(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image = sorted(dataset.glob("sub-*/**/*.png"))[0]
    sidecar = image.with_suffix(".json")
    sidecar.write_bytes(sidecar.read_bytes()[:-9])
    (dataset / ".midsignore").write_text("extra/\n")
    beside = image.parent.relative_to(dataset).as_posix()
    strange = {
        "lopez.jpg", f"{beside}/notes.txt", f"{beside}/x.PNG", "extra/x.json", "derivatives/x/a.png", ".git", "SANZ/",
        "derivatives/provenance/people.tsv",
    }  # fmt: skip
    for name in strange:
        path = dataset / name.replace(".git", ".git/objects/x")
        (path if name.endswith("/") else path.parent).mkdir(parents=True, exist_ok=True)
        if not name.endswith("/"):
            path.write_bytes(image.read_bytes())
    (dataset / "elsewhere").symlink_to(dataset.parent)
    assert main(["certify", str(dataset)]) == 1
    said = {line.removeprefix("found: ") for line in capsys.readouterr().err.splitlines()}
    assert said >= {f"{name}: not looked at" for name in (*strange, "elsewhere")}
    assert f"{sidecar.relative_to(dataset).as_posix()}: JSON_INVALID" in said


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_a_name_that_is_no_utf_8_is_certified_and_missed(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = dataset / os.fsdecode(b"\xff.txt")
    path.write_text("x")
    assert main(["certify", str(dataset)]) == 1
    assert main(["certify", str(dataset), "--check"]) == 0
    path.unlink()
    capsys.readouterr()
    assert main(["certify", str(dataset), "--check"]) == 1
    assert capsys.readouterr().err.count(": missing") == 1


def test_a_dataset_without_images_is_not_certified_clean(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    description = {"Name": "x", "BIDSVersion": "1.11.0", "DatasetType": "raw"}
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "dataset_description.json").write_text(json.dumps(description))
    assert main(["certify", str(tmp_path / "d")]) == 1
    assert "holds no image" in capsys.readouterr().err


@pytest.mark.parametrize("end", [".nii.gz", ".dcm"])
def test_text_in_volumes_and_dicom_is_found(
    tmp_path: Path, key: Path, end: str, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = lettered(radiograph(1), NAME, (30, 20), 20)[0]
    if end == ".dcm":
        deidentify(fill_folder(tmp_path / "s", radiographs()), tmp_path / "d", key=key)
        path = sorted((tmp_path / "d").rglob("*.dcm"))[0]
        header = pydicom.dcmread(path)
        header.Rows, header.Columns = picture.shape
        header.BitsAllocated, header.BitsStored, header.HighBit, header.PixelData = 8, 8, 7, picture.tobytes()
        header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        header.PhotometricInterpretation, header.PixelRepresentation = "MONOCHROME2", 0
        header.save_as(path)
    else:
        convert("dicom", fill_folder(tmp_path / "s", radiographs()), tmp_path / "d", key=key)
        path = sorted((tmp_path / "d").glob("sub-*/**/*.png"))[0].with_suffix(".nii.gz")
        values = np.repeat(picture[::-1].T[:, :, None], 3, axis=2).astype(np.int16)
        nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), path)
    assert main(["certify", str(tmp_path / "d")]) == 1
    assert f"{path.relative_to(tmp_path / 'd').as_posix()}: text" in capsys.readouterr().err


def test_names_planted_in_tables_and_sidecars_are_found(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = dataset / "participants.tsv"
    header, *rows = table.read_text().splitlines()
    rows = [f"{row}\tmaria.lopez@hospital.es" for row in rows]
    table.write_text("\n".join([f"{header}\tnote", *rows]) + "\n")
    sidecar = sorted(dataset.glob("sub-*/**/*_cr.json"))[0]
    sidecar.write_text(json.dumps({**json.loads(sidecar.read_text()), "PatientName": "LOPEZ^MARIA"}))
    assert main(["certify", str(dataset)]) == 1
    said = capsys.readouterr().err
    assert "participants.tsv" in said
    assert sidecar.relative_to(dataset).as_posix() in said


def test_it_names_risk_programs_and_edition(dataset: Path) -> None:
    main(["certify", str(dataset)])
    content = json.loads(place(dataset).read_text())
    people = len((dataset / "participants.tsv").read_text().splitlines()) - 1
    assert 1 <= content["Risk"]["Smallest group"] <= people
    assert any(tool.startswith("pydicom ") for tool in content["Tools"])
    page = place(dataset).with_suffix(".html").read_text()
    assert content["Digest"] in page
    assert "How easily people can be singled out" in page


def test_it_says_what_was_looked_at_and_leaves_the_dataset_alone(dataset: Path) -> None:
    before = sorted(dataset.rglob("*"))
    main(["certify", str(dataset)])
    assert sorted(dataset.rglob("*")) == before
    content = json.loads(place(dataset).read_text())
    pictures = len(list(dataset.glob("sub-*/**/*.png")))
    assert (content["Pixels"]["Pictures"], content["Pixels"]["Searched"]) == (pictures, pictures)
    assert content["Certified"]["images"] == pictures
    assert "<h1>" in place(dataset).with_suffix(".html").read_text()


def test_text_and_names_that_are_there_are_found(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = sorted(dataset.glob("sub-*/**/*.png"))[0]
    Image.fromarray(lettered(radiograph(1), NAME, (30, 20), 20)[0]).save(path)
    assert main(["certify", str(dataset)]) == 1
    assert f"found: {path.relative_to(dataset).as_posix()}: text" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.nightly
def test_the_networks_can_be_asked_to_look(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("rapidocr")
    path = sorted(dataset.glob("sub-*/**/*.png"))[0]
    Image.fromarray(lettered(radiograph(1), NAME, (30, 20), 20)[0]).save(path)
    assert main(["certify", str(dataset), "--detect", "learned", "--sample", "1"]) == 1
    assert f"found: {path.relative_to(dataset).as_posix()}: text" in capsys.readouterr().err
    assert json.loads(place(dataset).read_text())["Pixels"]["By"].startswith("learned of mids")


def test_claims_of_headers_are_counted(tmp_path: Path, key: Path) -> None:
    policy = chosen("mids", burned_in="blank", detect="glyphs")
    source = fill_folder(tmp_path / "s", {"1": radiographs()["a/1"]})
    deidentify(source, tmp_path / "out", key=key, policy=policy)
    assert main(["certify", str(tmp_path / "out")]) == 0
    said = json.loads(place(tmp_path / "out").read_text())["Certified"]
    number = len(list((tmp_path / "out").rglob("*.dcm")))
    assert said == {"images": number, "searched": number, "certified": 0, "defaced": 0,
                    "BurnedInAnnotation NO": number}  # fmt: skip


PLANTED = {
    "PatientBirthDate": "19510203", "PatientName": "Lopez^Maria", "ReferringPhysicianName": "Garcia",
    "PatientTelephoneNumbers": "600111222",
}  # fmt: skip


def test_headers_are_read_again(tmp_path: Path, key: Path, capsys: pytest.CaptureFixture[str]) -> None:
    deidentify(fill_folder(tmp_path / "s", {"1": radiographs()["a/1"]}), tmp_path / "out", key=key)
    assert main(["certify", str(tmp_path / "out")]) == 0
    (path,) = (tmp_path / "out").rglob("*.dcm")
    changed = pydicom.dcmread(path)
    for keyword, value in PLANTED.items():
        setattr(changed, keyword, value)
    changed.save_as(path)
    capsys.readouterr()
    assert main(["certify", str(tmp_path / "out")]) == 1
    said = capsys.readouterr().err
    assert [keyword for keyword in PLANTED if f": {keyword}\n" in said] == [*PLANTED]


def test_free_texts_of_headers_are_read_at_any_depth(
    tmp_path: Path, key: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    deidentify(fill_folder(tmp_path / "s", {"1": radiographs()["a/1"]}), tmp_path / "out", key=key)
    (path,) = (tmp_path / "out").rglob("*.dcm")
    changed, item = pydicom.dcmread(path), Dataset()
    changed.SeriesDescription = "TORAX, Dra. Izco Larrea"
    item.RequestedProcedureDescription = "control, maria.lopez@hospital.es"
    changed.RequestAttributesSequence = [item]
    changed.private_block(0x0019, "SITE", create=True).add_new(1, "LO", "DNI 12345678Z")
    changed.save_as(path)
    assert main(["certify", str(tmp_path / "out")]) == 1
    said = capsys.readouterr().err
    for place_ in ("SeriesDescription", "RequestedProcedureDescription", "(0019,1001)"):
        assert f": {place_} holds " in said
    assert "Izco" not in said
    assert "lopez" not in said


def test_a_stray_file_among_dicom_files_is_a_finding(
    tmp_path: Path, key: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    deidentify(fill_folder(tmp_path / "s", {"1": radiographs()["a/1"]}), tmp_path / "out", key=key)
    (tmp_path / "out" / "maria_lopez.txt").write_text("x")
    assert main(["certify", str(tmp_path / "out")]) == 1
    assert "maria_lopez.txt: no file of mids deidentify" in capsys.readouterr().err


def test_the_installation_lets_no_planted_word_out() -> None:
    assert find_leaks() == (14, ())


@pytest.mark.parametrize("detect", ["glyphs", pytest.param("learned", marks=pytest.mark.slow)])
def test_the_installation_finds_names_that_are_drawn_into_images(detect: Detect) -> None:
    assert find_missed(detect) == ((), False)


def test_a_detector_that_finds_nothing_is_a_finding(
    dataset: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = load_weights()
    blind = Weights(*(tuple(np.zeros_like(part) for part in parts) for parts in (real.kernels, real.offsets)))
    monkeypatch.setattr("mids.deid.burned.network.load_weights", lambda: blind)
    find_missed.cache_clear()
    assert main(["certify", str(dataset)]) == 1
    find_missed.cache_clear()
    assert "self-test: glyphs misses a name drawn upright" in capsys.readouterr().err
    content = json.loads(place(dataset).read_text())
    assert content["SelfTest"]["Pixels"]["Missed"] == ["upright", "small", "faint", "turned"]
    assert "upright<br>small" in place(dataset).with_suffix(".html").read_text()
