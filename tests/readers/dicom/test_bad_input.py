"""Broken, odd and hostile sources: each is told by its code, the rest is converted, nothing crashes."""

import os
import random
import tarfile
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGBaseline8Bit
from trees import another, codes, error_codes, fill_folder, images, put, scans, source_rows, source_status, table, tree

from example_datasets.generate import INPUT
from example_datasets.generators import ct, mr, radiograph
from example_datasets.generators.dicomfile import encode, fill, uid
from mids.conversion import Conversion, convert

WHOLE = encode(radiograph.cr_pa())


def _convert_files(tmp_path: Path, key: Path, files: dict[str, pydicom.Dataset | bytes]) -> Conversion:
    return convert("dicom", fill_folder(tmp_path / "source", files), tmp_path / "dest", key=key)


# Files


@pytest.mark.parametrize(
    ("path", "content", "code", "status"),
    [
        ("x.dcm", b"", "FILE_EMPTY", "lost"),
        ("x", WHOLE[: len(WHOLE) // 2], "FILE_TRUNCATED", "lost"),
        ("x", WHOLE[:140], "FILE_TRUNCATED", "lost"),
        ("x", WHOLE[:420], "FILE_TRUNCATED", "lost"),
        ("x", WHOLE[:450], "DICOM_UNREADABLE", "lost"),
        ("x", WHOLE[:-1000], "FILE_TRUNCATED", "lost"),
        ("x.dcm", WHOLE[:200], None, None),
        ("x.txt", b"Call JANE DOE", None, "skipped"),
        ("x.dcm", b"Call JANE DOE", None, "skipped"),
        ("Thumbs.db", bytes(range(256)) * 8, None, "skipped"),
        ("empty", b"", None, "skipped"),
        ("x.zip", b"PK no archive", "ARCHIVE_UNREADABLE", "lost"),
        ("x.tar.gz", b"\x1f\x8b no archive", "ARCHIVE_UNREADABLE", "lost"),
        ("x.gz", b"no archive", "ARCHIVE_UNREADABLE", "lost"),
    ],
)
def test_one_bad_file_is_told_and_the_rest_is_converted(
    tmp_path: Path, key: Path, path: str, content: bytes, code: str | None, status: str | None
) -> None:
    done = _convert_files(tmp_path, key, {"good": radiograph.dx_pa(), path: content})
    assert len(images(done.dataset)) == 1
    if status is not None:
        assert error_codes(done.issues) == ([code] if code else [])
        assert done.exit_code == (1 if code else 0)
        assert source_status(done.dataset) == {"good": "converted", path: status}


@pytest.mark.slow
@settings(
    max_examples=25, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(data=st.data())
def test_no_damage_to_a_file_is_a_crash(tmp_path: Path, key: Path, data: st.DataObject) -> None:
    """Bytes changed, cut or inserted anywhere: the program says something of the file and converts the other."""
    content = bytearray(WHOLE[:6000] + WHOLE[-2000:])
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, 1500))
        content[place : place + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=40))
    put(tmp_path, "source/good", radiograph.dx_pa())
    put(tmp_path, "source/bad.dcm", bytes(content))
    done = convert("dicom", tmp_path / "source", tmp_path / "dest", key=key)
    assert done.exit_code in (0, 1)
    assert any(path.endswith("vp-pa_dx.png") for path in images(done.dataset))
    assert set(source_status(done.dataset)) == {"good", "bad.dcm"}


def test_pixels_that_no_decoder_reads_lose_one_image(tmp_path: Path, key: Path) -> None:
    broken = another("cr-broken")
    broken.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    broken.PixelData = encapsulate([b"\xff\xd8\xff" + random.Random(1).randbytes(2000)])
    broken["PixelData"].VR = "OB"
    done = _convert_files(tmp_path, key, {"bad": broken, "good": radiograph.dx_pa()})
    assert error_codes(done.issues) == ["PIXELS_UNREADABLE"]
    assert done.exit_code == 1
    assert source_status(done.dataset) == {"bad": "lost", "good": "converted"}
    assert scans(done.dataset) == images(done.dataset)


def test_a_source_without_images(tmp_path: Path, key: Path) -> None:
    (tmp_path / "source/empty").mkdir(parents=True)
    for files in ({}, {"notes.txt": b"nothing"}):
        done = _convert_files(tmp_path, key, files)
        assert error_codes(done.issues) == ["SOURCE_EMPTY"]
        assert done.exit_code == 1
        assert tree(done.dataset) == {}


# Archives


def _zip_files(files: dict[str, bytes]) -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, content in files.items():
            archive.writestr(zipfile.ZipInfo(path), content)
    return buffer.getvalue()


def _tar_files(files: dict[str, bytes]) -> bytes:
    buffer = BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path, content in files.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            archive.addfile(entry, BytesIO(content))
    return buffer.getvalue()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("all.zip", _zip_files),
        ("all.tar.gz", _tar_files),
        ("outer.zip", lambda files: _zip_files({"in.tgz": _tar_files(files)})),
    ],
)
def test_an_archive_gives_what_its_folder_gives(
    phantom: Conversion, tmp_path: Path, key: Path, name: str, pack: Callable[[dict[str, bytes]], bytes]
) -> None:
    put(tmp_path, name, pack(tree(INPUT)))
    assert tree(convert("dicom", tmp_path / name, tmp_path / "dest", key=key).dataset) == tree(phantom.dataset)


def test_members_that_point_outside_stay_inside(tmp_path: Path, key: Path) -> None:
    members = {"../../escaped.dcm": WHOLE, "/tmp/escaped.dcm": encode(radiograph.dx_pa())}
    slices = {f"../ct/{index}": encode(data) for index, data in enumerate(ct.slices(ct.SOFT))}
    put(tmp_path, "deep/source/a.zip", _zip_files(members))
    put(tmp_path, "deep/source/b.tar.gz", _tar_files(slices))
    done = convert("dicom", tmp_path / "deep/source", tmp_path / "deep/dest", key=key)
    assert len(images(done.dataset)) == 3
    assert not Path("/tmp/escaped.dcm").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"deep"}
    assert {path.name for path in (tmp_path / "deep").iterdir()} == {"source", "dest", "dest.mids"}


def test_an_encrypted_archive_is_told(tmp_path: Path, key: Path) -> None:
    content = bytearray(_zip_files({"x": WHOLE}))
    for signature, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        content[content.index(signature) + offset] |= 1  # general purpose bit 0: encrypted (APPNOTE 4.4.4)
    done = _convert_files(tmp_path, key, {"secret.zip": bytes(content), "good": radiograph.dx_pa()})
    assert error_codes(done.issues) == ["ARCHIVE_UNREADABLE"]
    assert source_status(done.dataset) == {"secret.zip": "lost", "good": "converted"}


def test_of_a_broken_archive_the_readable_part_is_converted(tmp_path: Path, key: Path) -> None:
    whole = _tar_files({"1": WHOLE, "2": encode(radiograph.dx_pa()), "3": random.Random(1).randbytes(300_000)})
    done = _convert_files(tmp_path, key, {"cut.tar.gz": whole[:-150_000]})
    assert error_codes(done.issues) == ["ARCHIVE_UNREADABLE"]
    assert source_status(done.dataset) == {
        "cut.tar.gz": "lost",
        "cut.tar.gz!1": "converted",
        "cut.tar.gz!2": "converted",
    }


# Paths


@pytest.mark.parametrize(
    "name", ["with  two blanks ", "tórax ñ 胸", "a\nb", "tab\there", "back\\slash", "-dash", "%s {0}"]
)
def test_odd_paths_are_converted_and_accounted_for(tmp_path: Path, key: Path, name: str) -> None:
    files: dict[str, pydicom.Dataset | bytes] = {
        f"{name}/{name}": WHOLE,
        name + ".zip": _zip_files({name: b"no image"}),
    }
    for index, data in enumerate(ct.slices(ct.SOFT)):
        files[f"{name}/ct {index}"] = data
    done = _convert_files(tmp_path, key, files)
    assert done.exit_code == 0
    assert len(images(done.dataset)) == 2
    shown = {row["source"].encode("ascii", "backslashreplace") for row in source_rows(done.dataset)}
    wanted = name.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t").encode("ascii", "backslashreplace")
    assert wanted + b"/" + wanted in shown
    assert len(shown) == len(files)


def test_a_path_that_is_no_text_is_converted(tmp_path: Path, key: Path) -> None:
    """Discs of Windows 98 hold names in Latin-1; Linux hands them out as they are."""
    place = os.fsencode(tmp_path / "source") + b"/T\xd3RAX"
    (tmp_path / "source").mkdir()
    try:
        Path(os.fsdecode(place)).write_bytes(WHOLE)
    except OSError:
        pytest.skip("this file system takes UTF-8 only")
    done = convert("dicom", tmp_path / "source", tmp_path / "dest", key=key)
    assert done.exit_code == 0
    assert [row["source"] for row in source_rows(done.dataset)] == ["T\\udcd3RAX"]


def test_links_are_followed_once(tmp_path: Path, key: Path) -> None:
    source = fill_folder(tmp_path / "source", {"a/1": WHOLE})
    (source / "a/loop").symlink_to(source)
    done = convert("dicom", source, tmp_path / "dest", key=key)
    assert done.exit_code == 0
    assert len(images(done.dataset)) == 1
    (source / "nowhere").symlink_to(tmp_path / "absent")
    done = convert("dicom", source, tmp_path / "dest", key=key)
    assert done.exit_code == 1
    assert len(images(done.dataset)) == 1


# Identities


def test_one_instance_with_two_different_pictures(tmp_path: Path, key: Path) -> None:
    other = radiograph.cr_pa()
    other.PixelData = bytes(reversed(other.PixelData))
    done = _convert_files(tmp_path, key, {"1": WHOLE, "2": other, "3": WHOLE})
    assert error_codes(done.issues) == ["DUPLICATE_DIFFERS"]
    assert done.exit_code == 1
    assert source_status(done.dataset) == {"1": "converted", "2": "lost", "3": "skipped"}
    assert len(images(done.dataset)) == 1


def test_patients_are_never_merged(tmp_path: Path, key: Path) -> None:
    """Leading zeros and issuers tell patients apart; blanks around an id, folders and series numbers do not."""
    ids = [("000123", "A"), ("123", "A"), ("123", "B"), ("123", ""), (" 123 ", ""), ("0123", "")]
    files: dict[str, pydicom.Dataset | bytes] = {}
    for number, (patient, issuer) in enumerate(ids):
        files[f"one/{number}"] = another(f"p{number}", PatientID=patient, IssuerOfPatientID=issuer)
    done = _convert_files(tmp_path, key, files)
    people = {path.split("/")[0] for path in images(done.dataset)}
    assert len(people) == 5
    assert len(images(done.dataset)) == 6
    assert len(table(done.dataset / "participants.tsv")) == 5


def test_patients_without_an_id_are_told_apart_by_study(tmp_path: Path, key: Path) -> None:
    files: dict[str, pydicom.Dataset | bytes] = {
        name: another(name, PatientID="", StudyInstanceUID=uid("study", name[0])) for name in ("a1", "a2", "b1")
    }
    done = _convert_files(tmp_path, key, files)
    assert sorted(path.count("/") for path in images(done.dataset)) == [3, 3, 3]
    assert len({path.split("/")[0] for path in images(done.dataset)}) == 2


def test_one_id_of_two_people_is_told(tmp_path: Path, key: Path) -> None:
    files: dict[str, pydicom.Dataset | bytes] = {"1": another("1"), "2": another("2", PatientBirthDate="19991231")}
    done = _convert_files(tmp_path, key, files)
    assert codes(done.issues) == ["PATIENT_AMBIGUOUS"]
    assert done.exit_code == 0


def test_studies_are_sessions_in_order_of_time(tmp_path: Path, key: Path) -> None:
    days = ["20210912", "20190501", "20200117", "20200116"]
    files: dict[str, pydicom.Dataset | bytes] = {
        day: another(day, StudyInstanceUID=uid("study", day), StudyDate=day, AcquisitionDate=day) for day in days
    }
    done = _convert_files(tmp_path, key, files)
    [sessions] = done.dataset.rglob("*_sessions.tsv")
    moments = [np.datetime64(row["acq_time"]) for row in table(sessions)]
    assert np.diff(moments).astype("timedelta64[D]").astype(int).tolist() == [260, 1, 604]
    assert moments[0] < np.datetime64("1925")


# Headers


@pytest.mark.parametrize(
    "values",
    [
        {"AcquisitionTime": "260000", "StudyTime": "2599"},
        {"AcquisitionDate": "2020-03-17", "StudyDate": "17/03/2020", "SeriesDate": "", "ContentDate": ""},
        {"AcquisitionDate": "99999999", "StudyDate": "00000000", "PatientBirthDate": "unknown", "PatientAge": "old"},
        {"PatientSex": "W", "PatientAge": "999Y", "BodyPartExamined": "???", "ViewPosition": "\\\\"},
        {"SeriesDescription": "\x1b[31m\x00 <script>\t", "InstanceNumber": None, "SeriesNumber": None},
        {"WindowCenter": "1e400", "WindowWidth": "0", "RescaleSlope": "0"},
        {"StudyInstanceUID": "", "SeriesInstanceUID": ""},
        {"SOPInstanceUID": "not/a/uid"},
    ],
)
def test_garbage_in_a_header_is_no_crash(tmp_path: Path, key: Path, values: dict[str, object]) -> None:
    with pydicom.config.disable_value_validation():
        content = _encode_dataset(fill(radiograph.cr_pa(), values))
    done = _convert_files(tmp_path, key, {"odd": content, "good": radiograph.dx_pa()})
    assert done.outcome is not None
    assert done.outcome.crashes == ()
    assert set(source_status(done.dataset)) == {"odd", "good"}
    assert any(path.endswith("_dx.png") for path in images(done.dataset))
    for row in (
        *table(done.dataset / "participants.tsv"),
        *(r for p in done.dataset.rglob("*_*.tsv") for r in table(p)),
    ):
        assert row.get("age", "n/a") in ("n/a", "89", "60", "61", "91")
        assert all(character.isprintable() for value in row.values() for character in value)


def _encode_dataset(dataset: pydicom.Dataset) -> bytes:
    buffer = BytesIO()
    pydicom.dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


def test_lead_is_white_whatever_the_polarity(tmp_path: Path, key: Path) -> None:
    """MONOCHROME1 shows its low values white: the letter of lead, 100 in 4000, is the brightest of the picture."""
    [path] = images(_convert_files(tmp_path, key, {"1": WHOLE}).dataset)
    with Image.open(tmp_path / "dest" / path) as picture:
        values = np.asarray(picture)
    rows, columns = radiograph.LEAD
    assert values[rows, columns].max() == values.max()
    assert values[0, -1] == values.min()


def test_every_slice_of_a_series_that_can_not_be_stacked_is_accounted_for(tmp_path: Path, key: Path) -> None:
    files: dict[str, pydicom.Dataset | bytes] = {"good": radiograph.dx_pa()}
    for index, data in enumerate(ct.slices(ct.SOFT)):
        del data.ImagePositionPatient
        files[f"ct/{index}"] = data
    done = _convert_files(tmp_path, key, files)
    assert error_codes(done.issues) == ["SERIES_UNSTACKABLE"]
    assert set(source_status(done.dataset)) == set(files)
    assert {status for path, status in source_status(done.dataset).items() if path != "good"} == {"lost"}


def test_every_slice_of_a_modality_without_a_name_is_accounted_for(tmp_path: Path, key: Path) -> None:
    files: dict[str, pydicom.Dataset | bytes] = {"good": radiograph.dx_pa()}
    for index, data in enumerate(mr.slices(mr.PROTOCOLS[0])):
        data.Modality = "XX"
        data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.77.1.4"
        files[f"xx/{index}"] = data
    done = _convert_files(tmp_path, key, files)
    assert set(error_codes(done.issues)) == {"MODALITY_UNKNOWN"}
    assert {status for path, status in source_status(done.dataset).items() if path != "good"} == {"lost"}
    assert set(source_status(done.dataset)) == set(files)


# Everything at once


@pytest.mark.slow
def test_the_files_that_pydicom_is_tested_with(tmp_path: Path, key: Path) -> None:
    """Some 200 files of every transfer syntax, many broken on purpose: nothing crashes, none is forgotten."""
    folder = Path(pydicom.__file__).parent / "data"
    done = convert("dicom", folder, tmp_path / "dest", key=key, jobs=2)
    assert done.outcome is not None
    assert done.outcome.crashes == ()
    assert done.exit_code == 1
    wanted = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    status = source_status(done.dataset)
    assert {path.split("!")[0] for path in status} == wanted
    assert set(status.values()) == {"converted", "skipped", "lost"}
    assert scans(done.dataset) == images(done.dataset)
    assert sorted({row["filename"] for row in source_rows(done.dataset)} - {"n/a"}) == images(done.dataset)


def test_a_single_file_is_a_source(tmp_path: Path, key: Path) -> None:
    done = convert("dicom", put(tmp_path, "one.dcm", WHOLE), tmp_path / "dest", key=key)
    assert source_status(done.dataset) == {"one.dcm": "converted"}


def test_a_folder_that_can_not_be_listed_is_one_issue(tmp_path: Path, key: Path) -> None:
    source = tmp_path / "in"
    (source / "closed").mkdir(parents=True)
    (source / "image").write_bytes(encode(radiograph.cr_pa()))
    (source / "closed").chmod(0)
    if os.access(source / "closed", os.R_OK):
        pytest.skip("this user may list everything")
    done = convert("dicom", source, tmp_path / "out", key=key)
    assert [found.code for found in done.issues] == ["SOURCE_UNREADABLE"]
    assert done.exit_code == 1
    assert done.outcome is not None
    assert len(done.outcome.made) == 1
