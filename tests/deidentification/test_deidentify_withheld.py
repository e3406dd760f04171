"""``mids deidentify``: what is not delivered, which files are broken, and that every file is accounted for."""

import json
import shutil
from pathlib import Path

import numpy as np
import pydicom
import pytest
from deidentified import PATH, headers
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont
from trees import another, codes, fill_folder, put, radiographs, source_rows

from example_datasets.generators.dicomfile import encode, instance, uid, with_pixels
from mids.deid.keys import Key
from mids.deid.labels import Labels
from mids.deid.policy import chosen, preset
from mids.deid.pseudonyms import Pseudonyms
from mids.deidentification import ABOUT, FACTS, deidentify
from mids.plan.instances import Context, build
from mids.readers.dicom.headers import Instance
from mids.readers.dicom.scan import Scan
from mids.records import Source

PDF = "1.2.840.10008.5.1.4.1.1.104.1"
DIRECTORY = "1.2.840.10008.1.3.10"
RAW = "1.2.840.10008.5.1.4.1.1.66"
REPORT = "1.2.840.10008.5.1.4.1.1.88.11"


def test_one_instance_twice_is_delivered_once_and_told(source: Path, dest: Path, key: Path) -> None:
    shutil.copy(source / "a/1", source / "a/1 copy")
    done = deidentify(source, dest, key=key)
    assert done.exit_code == 0
    assert len(headers(dest)) == 3
    reasons = {row["source"]: row["reason"] for row in source_rows(dest) if row["status"] == "skipped"}
    assert [*reasons] == ["a/1 copy"]
    assert "duplicate" in reasons["a/1 copy"]


def test_one_image_of_two_patients_is_delivered_once_and_told(source: Path, dest: Path, key: Path) -> None:
    other = pydicom.dcmread(source / "a/1")
    other.PatientID += "B"
    other.save_as(source / "a/9")
    done = deidentify(source, dest, key=key)
    assert (codes(done.issues), done.exit_code) == (["IMAGE_OF_TWO_PATIENTS"], 0)
    assert {row["source"]: row["status"] for row in source_rows(dest)}["a/9"] == "skipped"
    assert len(headers(dest)) == 3


@pytest.mark.parametrize(
    ("keyword", "code"),
    [("PatientID", "SERIES_OF_TWO_PATIENTS"), ("StudyInstanceUID", "SERIES_OF_TWO_STUDIES")],
)
def test_one_series_of_two_patients_or_studies_is_told(
    source: Path, dest: Path, key: Path, keyword: str, code: str
) -> None:
    other = pydicom.dcmread(source / "a/1")
    other.SOPInstanceUID = other.file_meta.MediaStorageSOPInstanceUID = uid("another")
    other[keyword].value += "1"
    other.save_as(source / "a/9")
    done = deidentify(source, dest, key=key)
    assert (codes(done.issues), done.exit_code) == ([code], 0)
    assert len(headers(dest)) == 4


def test_one_uid_with_two_contents_is_an_error_and_both_are_named(source: Path, dest: Path, key: Path) -> None:
    other = pydicom.dcmread(source / "a/1")
    other.PixelData = bytes(len(other.PixelData))
    other.save_as(source / "a/9")
    done = deidentify(source, dest, key=key)
    assert codes(done.issues) == ["DUPLICATE_DIFFERS"]
    assert done.exit_code == 1
    assert {row["source"]: row["status"] for row in source_rows(dest)}["a/9"] == "lost"
    assert len(headers(dest)) == 3


@pytest.mark.parametrize(
    ("sop_class", "code"),
    [(PDF, ["DEID_WITHHELD"]), (RAW, ["DEID_WITHHELD"]), (REPORT, ["DEID_WITHHELD"]), (DIRECTORY, [])],
)
def test_what_cannot_be_cleaned_is_not_delivered(
    source: Path, dest: Path, key: Path, sop_class: str, code: list[str]
) -> None:
    ids = {"PatientID": "000123", "StudyInstanceUID": uid("s"), "SeriesInstanceUID": uid("e"), "Modality": "OT"}
    put(source, "object", instance(sop_class, "object", ids))
    done = deidentify(source, dest, policy=preset("basic"), key=key)
    assert codes(done.issues) == code
    assert done.exit_code == 0
    assert len(headers(dest)) == 3
    row = next(row for row in source_rows(dest) if row["source"] == "object")
    assert row["status"] == "skipped"
    assert row["reason"] != "n/a"


def test_other_files_and_broken_ones_are_listed_with_a_reason(source: Path, dest: Path, key: Path) -> None:
    put(source, "notes.txt", b"call the patient")
    whole = (source / "a/1").read_bytes()
    put(source, "cut", whole[: len(whole) - 3000])
    done = deidentify(source, dest, key=key)
    assert codes(done.issues) == ["DUPLICATE_DIFFERS"]  # the cut one has the UID of a/1
    (source / "a/1").unlink()
    done = deidentify(source, dest, key=key)
    assert codes(done.issues) == ["FILE_TRUNCATED", "SOURCE_VANISHED"]
    assert len(headers(dest)) == 3  # what was made of the vanished one is kept until a person decides
    done = deidentify(source, dest, key=key, remove=1)
    assert codes(done.issues) == ["FILE_TRUNCATED"]
    assert len(headers(dest)) == 2
    assert {row["source"]: row["status"] for row in source_rows(dest)} == {
        "a/2": "converted", "b/1": "converted", "cut": "lost", "notes.txt": "skipped",
    }  # fmt: skip


def test_pictures_that_may_show_a_name_are_held_back_until_released(tmp_path: Path, dest: Path, key: Path) -> None:
    source = fill_folder(tmp_path / "s", {"1": another("burned", BurnedInAnnotation="YES"), **radiographs()})
    held = deidentify(source, dest, key=key)
    assert codes(held.issues) == ["PRIVACY_HELD_BACK"]
    assert len(headers(dest)) == 3
    released = deidentify(source, dest, key=key, policy=chosen("mids", burned_in="release"))
    assert codes(released.issues) == []
    assert len(headers(dest)) == 4


def test_text_in_pixels_is_blanked_and_the_place_recorded(tmp_path: Path, dest: Path, key: Path) -> None:
    burned = another("burned", BurnedInAnnotation="YES")
    pixels = burned.pixel_array.copy()
    canvas = Image.new("L", (pixels.shape[1], pixels.shape[0]))
    ImageDraw.Draw(canvas).text((20, 10), "PEREZ GARCIA", fill=255, font=ImageFont.load_default(size=16))
    shown = np.asarray(canvas) > 128
    top, left = (int(axis.min()) for axis in np.nonzero(shown))
    bottom, right = (int(axis.max()) + 1 for axis in np.nonzero(shown))
    assert burned.PhotometricInterpretation == "MONOCHROME1"
    pixels[: bottom + 8, : right + 20] = (1 << burned.BitsStored) - 1
    pixels[shown] = 0
    with_pixels(burned, pixels, "MONOCHROME1", burned.BitsStored)
    policy = chosen("mids", burned_in="blank", detect="glyphs")
    done = deidentify(fill_folder(tmp_path / "s", {"1": burned}), dest, policy=policy, key=key)
    assert codes(done.issues) == ["PRIVACY_TEXT_BLANKED"]
    (path,) = dest.rglob("*.dcm")
    after = pydicom.dcmread(path)
    assert after.BurnedInAnnotation == "YES"  # a detector certifies nothing (test_certified.py)
    assert len(np.unique(after.pixel_array[top:bottom, left:right])) == 1
    (boxes,) = json.loads((dest / FACTS).read_text())["BlankedRegions"].values()
    assert any(t <= top and b >= bottom for t, _, b, _ in boxes)
    assert min(box[1] for box in boxes) <= left
    assert max(box[3] for box in boxes) >= right
    report = deidentify(tmp_path / "s", dest, policy=chosen("mids", burned_in="report"), key=key, change=["policy"])
    assert codes(report.issues) == ["PRIVACY_TEXT_KEPT"]
    assert len(headers(dest)) == 1


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.text("AB-01 ", max_size=3), st.sampled_from(["", "1.2.3", "1.2.4"]), st.sampled_from(["", "1.5", "1.6"]),
            st.one_of(st.none(), st.integers(-5, 10**12)),
        ),
        max_size=12,
    )
)  # fmt: skip
def test_every_file_is_accounted_for_and_no_name_holds_an_id(files: list[tuple[str, str, str, int | None]]) -> None:
    instances = [
        Instance(
            Source(f"{number:02}"),
            {key: value for key, value in {
                "PatientID": patient.strip(), "StudyInstanceUID": study, "SeriesInstanceUID": series,
                "InstanceNumber": given, "SOPInstanceUID": f"1.9.{number}", "Modality": "CT",
            }.items() if value not in ("", None)},
            has_pixels=True,
        )
        for number, (patient, study, series, given) in enumerate(files)
    ]  # fmt: skip
    context = Context(Labels(Pseudonyms(Key(b"k" * 32)), ABOUT), preset("basic"))
    plan = build(Scan(instances), Path(), context)
    paths = [job.path for job in plan.jobs]
    assert sorted(job.action.sources[0].path for job in plan.jobs) == [f"{n:02}" for n in range(len(files))]
    assert len({*paths}) == len(paths)
    assert all(PATH.fullmatch(path) for path in paths)


def test_an_image_cut_inside_its_header_is_told_and_not_delivered(tmp_path: Path, dest: Path, key: Path) -> None:
    whole, other = (encode(dataset) for dataset in list(radiographs().values())[:2])
    source = fill_folder(tmp_path / "cut", {"a": whole, "b": other[: other.index(b"\x28\x00\x10\x00")]})
    done = deidentify(source, dest, key=key)
    assert done.exit_code == 1
    assert [found.code for found in done.issues if found.level == "error"] == ["FILE_TRUNCATED"]
    assert done.outcome is not None
    assert len(done.outcome.made) == 1
