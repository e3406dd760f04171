"""MIDRC-RICORD-1A: truths of the invented source, in known places; real CT with outlines."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from trees import count_codes, table

from example_datasets.generators import midrc_ricord_1a as source
from mids.collections import find
from mids.collections.midrc_ricord import readings
from mids.conversion import Conversion, convert
from mids.dataset.layout import bids_layout
from mids.readers.annotations.mdai import read_export
from mids.records import Entry, Record, Regions, Source
from mids.validation.runner import validate

NAME = "midrc-ricord-1a"
EXPORT = "MIDRC-RICORD-1a_annotations_labelgroup_all_2020-Dec-8.json"


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, key: Path) -> Conversion:
    root = tmp_path_factory.mktemp("ricord")
    for path, content in source.files():
        (root / "in" / path).parent.mkdir(parents=True, exist_ok=True)
        (root / "in" / path).write_bytes(content)
    return convert(NAME, root / "in", root / "out", key=key)


def labels(done: Conversion) -> list[dict[str, str]]:
    return table(done.dataset / "derivatives/labels/labels.tsv")


def session(study: source.Study) -> str:
    return f"ses-{study.uid[-5:]}"


def pairs(done: Conversion) -> Iterator[tuple[Path, Path]]:
    """Each label map with its image."""
    for mask in sorted(done.dataset.glob("derivatives/rois/**/*_dseg.nii.gz")):
        sidecar = json.loads(mask.with_name(mask.name.replace(".nii.gz", ".json")).read_text("utf-8"))
        yield mask, done.dataset / sidecar["Sources"][0].removeprefix("bids::")


# --- what stands where -----------------------------------------------------------------------------------


def test_patients_and_studies_have_their_public_ids(done: Conversion) -> None:
    rows = {row["source_id"]: row for row in table(done.dataset / "participants.tsv")}
    assert set(rows) == {study.patient for study in (source.FIRST, source.SECOND, source.BARE)}
    first = rows[source.FIRST.patient]
    assert first["participant_id"] == "sub-MIDRCRICORD1A419639000901"
    assert (first["age"], first["age_min"], first["age_max"]) == ("67", "67", "67")
    assert (first["sex"], first["site"], first["covid_test"]) == ("F", "419639", "positive")
    second = rows[source.SECOND.patient]
    assert (second["age"], second["age_min"], second["age_max"]) == ("89", "89", "n/a")  # 91 is not told
    folders = {path.name for path in done.dataset.glob("sub-*/ses-*")}
    assert folders == {session(s) for s in (source.FIRST, source.LATER, source.SECOND, source.BARE)}


def test_dates_are_the_publishers(done: Conversion) -> None:
    rows = table(next(done.dataset.glob("sub-*000901/*_sessions.tsv")))
    assert [row["acq_time"][:10] for row in rows] == ["2002-08-02", "2002-08-09"]


def test_every_reader_keeps_a_row(done: Conversion) -> None:
    rows = {
        row["reader"]: row
        for row in labels(done)
        if row["session_id"] == session(source.FIRST) and row["filename"] == "n/a"
    }
    assert {reader: json.loads(row["labels"]) for reader, row in rows.items()} == {
        "PurpleGroup1Uinv1": ["Typical", "Effusion"],
        "GreenGroup2Uinv2": ["Indeterminate"],
        "AdjudicationUinv3": ["Typical"],
    }
    assert json.loads(rows["PurpleGroup1Uinv1"]["label_cuis"]) == ["", "C2073625"]
    assert rows["PurpleGroup1Uinv1"]["iv_contrast"] == "no"
    assert rows["GreenGroup2Uinv2"]["qa_motion"] == "yes"
    assert json.loads(rows["GreenGroup2Uinv2"]["notes"]) == ["lower lobes, motion at the bases"]
    assert rows["AdjudicationUinv3"]["reader_group"] == "Adjudication"


def test_procedures_are_columns_and_a_reader_who_contradicts_himself_says_nothing(done: Conversion) -> None:
    rows = {row["reader"]: row for row in labels(done) if row["session_id"] == session(source.SECOND)}
    green = rows["GreenGroup2Uinv2"]
    assert (green["pacemaker"], green["endotracheal_tube"], green["iv_contrast"]) == ("yes", "yes", "n/a")
    assert json.loads(green["labels"]) == ["Typical"]
    assert count_codes(done.issues)["VALUE_CONTRADICTED"] == 1


def test_sessions_say_what_readers_and_headers_agree_on(done: Conversion) -> None:
    rows = {row["session_id"]: row for path in done.dataset.glob("sub-*/*_sessions.tsv") for row in table(path)}
    assert rows[session(source.FIRST)]["contrast"] == "no"
    assert rows[session(source.SECOND)]["contrast"] == "yes"  # one reader, and the agent in the header
    first = rows[session(source.FIRST)]
    assert (first["quality"], first["quality_source"]) == (
        "suboptimal",
        "QA- inadequate motion/breathing (GreenGroup2Uinv2)",
    )
    assert first["image_count"] == "18"
    assert {row["usage_terms"] for row in rows.values()} == {"CC-BY-NC-4.0"}
    assert rows[session(source.SECOND)]["test_result_raw"] == "Detected (weak)"


def test_a_patients_test_counts_once(done: Conversion) -> None:
    (row,) = table(done.dataset / "derivatives/ehr/laboratory_tests.tsv")
    assert (row["test"], row["result"], row["date"]) == ("PCR", "positive", "n/a")
    assert row["specimen_source"] == "Nasopharyngeal swab; Sputum, induced"


def test_outlines_lie_on_the_markers_that_they_were_drawn_around(done: Conversion) -> None:
    seen = Counter()
    for mask, image in pairs(done):
        voxels, values = np.asarray(nib.load(mask).dataobj), np.asarray(nib.load(image).dataobj)
        if any(session(study) in image.name for study in (source.LATER, source.SECOND)):
            continue  # resampled: see test_regions
        opacity = values == source.DENSE.value
        assert np.array_equal(voxels == 1, opacity), mask.name
        seen["opacity"] += int(opacity.any())
        for index in (2, 3):
            if (voxels == index).any():
                assert np.array_equal(voxels == index, values == source.SOFT.value)
                seen[index] += 1
    assert seen == {"opacity": 3, 2: 1, 3: 1}


def test_a_mask_with_a_hole_has_one(done: Conversion) -> None:
    (mask,) = (mask for mask, _ in pairs(done) if "GreenGroup2" in mask.name)
    plane = np.asarray(nib.load(mask).dataobj)[:, ::-1, 0].T
    expected = np.zeros(plane.shape, bool)
    expected[4:12, 4:12] = True
    expected[6:10, 6:10] = False
    assert np.array_equal(plane == 5, expected)


def test_an_outline_on_a_slice_that_lay_there_twice_is_kept(done: Conversion) -> None:
    (mask,) = (mask for mask, image in pairs(done) if session(source.SECOND) in image.name)
    sidecar = json.loads(mask.with_name(mask.name.replace(".nii.gz", ".json")).read_text("utf-8"))
    assert {contour["Label"]: contour["Slice"] for contour in sidecar["Contours"]}["Noninfectious nodule/mass"] == 2
    assert (np.asarray(nib.load(mask).dataobj) == 4).any()


def test_marks_that_enclose_nothing_stand_in_a_table(done: Conversion) -> None:
    rows = table(done.dataset / "derivatives/rois/marks.tsv")
    assert {(row["label"], row["slice"], row["shape"]) for row in rows} == {
        ("Infectious opacity", "4", "box"),
        ("Other noninfectious opacity", "4", "point"),
        ("Atelectasis", "2", "none"),
    }
    assert json.loads(rows[1]["points"])[0] == [10.5, 8.0]


def test_every_annotation_is_accounted_for(done: Conversion) -> None:
    """Each is a word of a label row, an outline, a mark, or has an Issue of its own."""
    assert done.exit_code == 1
    assert count_codes(done.issues) == {
        "ANNOTATION_INVALID": 2, "ANNOTATION_ORPHAN": 10, "ANNOTATION_REPEATED": 1, "COUNT_MISMATCH": 1,
        "ENTRY_UNMATCHED": 2, "IMAGE_MISSING": 1, "REGION_INVALID": 1, "REGION_MISMATCH": 1, "REGION_UNMATCHED": 1,
        "ROW_INVALID": 1, "SERIES_GAP": 1, "VALUE_CONTRADICTED": 1, "VALUE_UNKNOWN": 1, "VOLUME_RESAMPLED": 2,
    }  # fmt: skip
    with (done.dataset.parent / "in" / EXPORT).open("rb") as stream:
        export = read_export(stream, "x")
    items = [item for items in find(NAME).read(done.dataset.parent / "in") for item in items]
    outlines = sum(len(item.outlines) for item in items if isinstance(item, Regions))
    marks = sum(isinstance(item, Entry) and item.table == "marks" for item in items)
    exam = Counter(found.scope for found in export.annotations)
    elsewhere = 2  # one names an image that is not there, one was drawn on another size
    told = outlines + marks + exam["STUDY"] + exam["SERIES"] + elsewhere
    assert told == len(export.annotations) == export.count - count_codes(done.issues)["ANNOTATION_INVALID"]


def test_the_dataset_is_clean_and_opens_in_pybids(done: Conversion) -> None:
    report = validate(done.dataset, deep=True)
    assert [issue for issue in report.issues if issue.level != "info"] == []
    layout = bids_layout(done.dataset)
    assert len(layout.get(suffix="ct", extension=".nii.gz")) == 5


# --- real CT ---------------------------------------------------------------------------------------------


@pytest.mark.shared
def test_real_ct_with_outlines_of_two_readers(shared: Path, tmp_path: Path, key: Path) -> None:
    root = tmp_path / "in"
    root.mkdir()
    (root / "Lung-PET-CT-Dx").symlink_to(shared / "dicom/lung_pet_ct_dx/Lung-PET-CT-Dx")
    (root / "metadata.csv").symlink_to(shared / "dicom/lung_pet_ct_dx/metadata.csv")
    (root / "ann.json").symlink_to(shared / "ricord/SYNTHETIC_ricord1a_like_annotations.json")
    result = convert(NAME, root, tmp_path / "out", key=key)
    assert count_codes(result.issues) == {"IMAGE_MISSING": 1, "ANNOTATION_REPEATED": 1, "TABLE_ABSENT": 1}
    masks = {mask.name.split("desc-")[1]: mask for mask, _ in pairs(result)}
    assert sorted(masks) == ["GreenGroup2UsynB_dseg.nii.gz", "PurpleGroup1UsynA_dseg.nii.gz"]
    for mask in masks.values():
        voxels = np.asarray(nib.load(mask).dataobj)
        assert [k for k in range(voxels.shape[2]) if voxels[:, :, k].any()] == [*range(20, 30), 31]
        assert (voxels == 2).sum() == 400  # a square of 20 pixels


@pytest.mark.shared
def test_all_annotations_of_the_real_export_are_accounted_for_where_no_image_is(shared: Path) -> None:
    (path,) = (shared / "ricord").glob("1c_mdai*.json")
    with path.open("rb") as stream:
        export = read_export(stream, path.name)
    drawing = readings.Drawing(Source(path.name), export.annotations, {}, {})
    assert sum(1 for _ in readings.report_unmatched(drawing, ())) == 5440
    visits = {study: str(number) for number, study in enumerate({found.study for found in export.annotations})}
    rows = [item for item in readings.items("P", visits, drawing, readings.Places()) if isinstance(item, Entry)]
    assert len(rows) == len({(found.study, found.reader) for found in export.annotations}) == 3178
    said = sum(len(json.loads(row.values["labels"])) for row in rows)
    assert said == 5440 - 12


def test_seg_holds_the_outlines_of_each_reader(tmp_path: Path) -> None:
    highdicom = pytest.importorskip("highdicom")
    seg = pytest.importorskip("mids.exports.seg")
    for path, content in source.files():
        (tmp_path / "in" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / path).write_bytes(content)
    subjects = [list(items) for items in find(NAME).read(tmp_path / "in")]
    written = seg.write_segmentations(tmp_path / "in", subjects, tmp_path / "seg")
    assert len(written) == sum(isinstance(item, Regions) for items in subjects for item in items) == 5
    records = {item.series: item for items in subjects for item in items if isinstance(item, Record)}
    found = highdicom.seg.segread(written[0])
    assert [found.get_segment_description(n).segment_label for n in found.segment_numbers] == [
        "Infectious opacity",
        "Infectious TIB/micronodules",
    ]
    record = records[source.AXIAL.uid]
    uids = [str(uid) for uid in record.per_slice["SOPInstanceUID"]]
    pixels = found.get_pixels_by_source_instance(uids, assert_missing_frames_are_empty=True)
    for number, dataset in enumerate(source.slices(source.AXIAL)):
        stored = dataset.pixel_array.astype(int) - 1024
        at = uids.index(dataset.SOPInstanceUID)
        assert np.array_equal(pixels[at, :, :, 0] > 0, stored == source.DENSE.value), number
        assert np.array_equal(pixels[at, :, :, 1] > 0, stored == source.SOFT.value), number
