"""Labels, tests, segmentations, terms and timelines of a dataset, on tables written by hand and on golden pairs."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from by_hand import written
from PIL import Image, ImageCms
from places import SOURCES

import mids
from mids.dataset import Dataset, Picture
from mids.dataset.terms import derive_terms
from mids.errors import MidsError

A = "sub-1/ses-A/mim-rx/sub-1_ses-A_run-1_bp-chest_vp-pa_dx.png"
B = "sub-1/ses-B/mim-rx/sub-1_ses-B_run-1_bp-chest_vp-pa_dx.png"
B2 = "sub-1/ses-B/mim-rx/sub-1_ses-B_run-1_bp-chest_vp-ll_dx.png"
C = "sub-2/ses-A/mim-ct/sub-2_ses-A_run-1_bp-chest_vp-ax_ct.nii.gz"
LABELS = (
    "participant_id\tsession_id\tfilename\treader\tlabels\tlabel_cuis\n"
    'sub-1\tses-A\tn/a\tn/a\t["viral pneumonia", "nodes"]\t["C1", "C8"]\n'
    f'sub-1\tses-B\t{B2}\tr1\t["Nodes"]\t[""]\n'
    'sub-2\tses-A\tn/a\tr1\t["nodes"]\t["C9"]\n'
    "sub-2\tses-A\tn/a\tr2\tnodes|normal\tn/a\n"
)
TREE = (
    "label\tcui\tparent\ttree\tcount\tcount_with_descendants\tnode\tparent_node\n"
    "finding\tn/a\tn/a\tfinding\t0\t1\t1\tn/a\n"
    "nodes\tC8\tfinding\tfinding\t1\t1\t2\t1\n"
    "diagnosis\tn/a\tn/a\tdiagnosis\t0\t1\t3\tn/a\n"
    "pneumonia\tC0\tdiagnosis\tdiagnosis\t0\t1\t4\t3\n"
    "viral pneumonia\tC1\tpneumonia\tdiagnosis\t1\t1\t5\t4\n"
    "nodes\tC9\tdiagnosis\tdiagnosis\t1\t1\t6\t3\n"
)
TESTS = (
    "participant_id\tdate\ttest\tresult\nsub-1\t1920-01-01\tPCR\tnegative\nsub-1\t1920-01-05\tIGG\tpositive\n"
    "sub-1\tn/a\tPCR\tpositive\nsub-2\t1920-02-01\tPCR\tpositive\n"
)
SCANS = {
    "sub-1/ses-A/sub-1_ses-A_scans.tsv": f"filename\tacq_time\n{A[12:]}\t1920-01-03T09:00:00\n",
    "sub-1/ses-B/sub-1_ses-B_scans.tsv": f"filename\tacq_time\n{B[12:]}\tn/a\n{B2[12:]}\tn/a\n",
    "sub-1/sub-1_sessions.tsv": "session_id\tacq_time\nses-A\t1920-01-03\nses-B\t1920-01-10T12:00:00\n",
}


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """Two subjects, four images without content, labels, a tree and tests."""
    tables = {
        "derivatives/labels/labels.tsv": LABELS,
        "derivatives/labels/label_tree.tsv": TREE,
        "derivatives/ehr/laboratory_tests.tsv": TESTS,
    }
    return written(tmp_path / "made", {**dict.fromkeys([A, B, B2, C], ""), **SCANS, **tables})


# --- labels ---


def test_labels_are_one_row_each_and_what_is_no_list_is_left_out_and_said(
    made: Path, caplog: pytest.LogCaptureFixture
) -> None:
    labels = Dataset(made).labels
    assert labels["label"].tolist() == ["viral pneumonia", "nodes", "Nodes", "nodes"]
    assert labels["cui"].fillna("").tolist() == ["C1", "C8", "", "C9"]
    assert labels["filename"].fillna("").tolist() == ["", "", B2, ""]
    assert "labels.tsv" in caplog.text


@pytest.mark.parametrize(
    ("label", "found"),
    [
        ("viral pneumonia", [A]),
        ("Pneumonia", [A]),  # a label above, which nobody wrote
        ("C0", [A]),
        ("diagnosis", [A, B2, C]),  # "Nodes" without a CUI may be those below it
        ("finding", [A, B2]),  # the nodes of sub-2 are those of the other branch
        ("C9", [B2, C]),
        (["viral-pneumonia", "C9"], [A, B2, C]),
    ],
)
def test_a_label_stands_for_all_below_it(made: Path, label: str | list[str], found: list[str]) -> None:
    assert Dataset(made).select(label=label)["filename"].tolist() == found


def test_a_tree_without_numbers_is_descended_by_its_words(made: Path) -> None:
    lines = [line.split("\t")[:6] for line in TREE.splitlines()]
    written(made, {"derivatives/labels/label_tree.tsv": "\n".join("\t".join(line) for line in lines) + "\n"})
    assert Dataset(made).select(label="pneumonia")["filename"].tolist() == [A]
    assert Dataset(made).select(label="finding")["filename"].tolist() == [A, B2]


def test_a_tree_that_runs_in_a_circle_ends(made: Path) -> None:
    circle = "label\tcui\tparent\ttree\nnodes\tn/a\tother\tt\nother\tn/a\tnodes\tt\n"
    written(made, {"derivatives/labels/label_tree.tsv": circle})
    assert Dataset(made).select(label="other")["filename"].tolist() == [A, B2, C]


def test_an_unknown_label_is_wrong_use(made: Path, tmp_path: Path) -> None:
    with pytest.raises(MidsError, match=r"unknown label pneumona: did you mean pneumonia"):
        Dataset(made).select(label="pneumona")
    with pytest.raises(MidsError, match="the dataset has no labels"):
        Dataset(written(tmp_path / "bare", {A: ""})).select(label="nodes")


def test_criteria_are_all_met(made: Path) -> None:
    assert Dataset(made).select(modality="ct", bp="TÓRAX", label="nodes")["filename"].tolist() == [C]
    assert Dataset(made).select(modality="ct", label="pneumonia").empty


# --- tests and days ---


def test_the_nearest_test_is_the_earlier_of_two_equally_near(made: Path) -> None:
    nearest = Dataset(made).text.nearest_tests().set_index("filename")
    assert nearest.loc[A, ["date", "test", "result", "days"]].tolist() == ["1920-01-01", "PCR", "negative", -2]
    assert nearest.loc[B, ["date", "days"]].tolist() == ["1920-01-05", -5]  # its day is that of the session
    assert nearest.loc[C].isna()[["date", "test", "result", "days"]].all()  # nobody knows its day
    assert str(nearest["days"].dtype) == "Int64"


def test_tests_of_one_kind_or_result(made: Path) -> None:
    dataset = Dataset(made)
    assert dataset.nearest_tests(test="pcr").set_index("filename").loc[B, "days"] == -9
    assert dataset.nearest_tests(result="positivo").set_index("filename").loc[A, "days"] == 2
    assert dataset.nearest_tests(test="ACT")["days"].isna().all()


def test_a_timeline_is_in_the_order_of_days(made: Path) -> None:
    line = Dataset(made).timeline("1")
    days = [None if pd.isna(day) else int(day) for day in line["day"]]
    assert list(zip(days, line["kind"], line["name"], line["value"], strict=True)) == [
        (-2, "test", "PCR", "negative"),
        (0, "study", "rx chest", "1"),
        (0, "finding", "viral pneumonia", "1"),
        (0, "finding", "nodes", "1"),
        (2, "test", "IGG", "positive"),
        (7, "study", "rx chest", "2"),
        (7, "finding", "Nodes", "1"),
        (None, "test", "PCR", "positive"),
    ]
    assert Dataset(made).timeline("sub-2")["day"].isna().tolist() == [False, True, True]
    with pytest.raises(MidsError, match="unknown participant"):
        Dataset(made).timeline("3")


# --- terms of use ---


@pytest.mark.parametrize(
    ("licence", "use"),
    [
        ("CC-BY-4.0", "allowed"), ("CC BY-SA 3.0", "allowed"), ("CC0-1.0", "allowed"), ("Apache-2.0", "allowed"),
        ("LicenseRef-CC-BY", "allowed"), ("CC-BY-NC-4.0", "forbidden"), ("CC BY-NC-SA", "forbidden"),
        ("LicenseRef-Ours", None), ("", None), ("free for research", None),
    ],
)  # fmt: skip
def test_what_a_licence_says_by_its_name(licence: str, use: str | None) -> None:
    assert derive_terms(licence).get("CommercialUse") == use


@pytest.mark.parametrize(
    ("whole", "found"),
    [
        ('{"UsageTerms": {"CommercialUse": "allowed"}}', [A, B2]),
        ('{"UsageTerms": {"CommercialUse": "forbidden"}}', [A]),
        ('{"License": "CC-BY-4.0"}', [A, B2]),
        ("{}", [A]),
    ],
)
def test_the_licence_of_an_image_goes_before_that_of_its_dataset(tmp_path: Path, whole: str, found: list[str]) -> None:
    scans = f"filename\tusage_terms\n{B[12:]}\tCC-BY-NC-4.0\n{B2[12:]}\tn/a\n"
    texts = {
        "dataset_description.json": whole, A: "", B: "", B2: "", C: "",
        "sub-1/ses-A/sub-1_ses-A_scans.tsv": f"filename\tlicense\n{A[12:]}\tCC BY 3.0\n",
        "sub-1/ses-B/sub-1_ses-B_scans.tsv": scans,
        "sub-2/ses-A/sub-2_ses-A_scans.tsv": f"filename\tlicense\n{C[12:]}\tours\n",
    }  # fmt: skip
    dataset = Dataset(written(tmp_path, texts))
    assert dataset.select(commercial=True)["filename"].tolist() == found
    assert dataset.select(commercial=False)["filename"].tolist() == [x for x in (A, B2, B, C) if x not in found]


def test_no_image_of_ricord_may_be_used_commercially() -> None:
    dataset = Dataset(SOURCES / "midrc-ricord-1a" / "mids")
    assert len(dataset.images) > 0
    assert dataset.select(commercial=True).empty


# --- segmentations ---


@pytest.mark.parametrize("name", sorted(path.name for path in SOURCES.iterdir()))
def test_every_segmentation_has_the_shape_of_its_image(name: str) -> None:
    dataset = Dataset(SOURCES / name / "mids")
    on_disk = [path for path in (dataset.path / "derivatives").rglob("*dseg.*") if path.suffix in (".png", ".gz")]
    assert sorted(dataset.rois["filename"]) == sorted(p.relative_to(dataset.path).as_posix() for p in on_disk)
    for _, roi in dataset.rois.iterrows():
        size = 2 if roi["extension"] == ".png" else 3
        assert dataset.load(roi).data.shape[:size] == dataset.load(roi["image"]).data.shape[:size]
        assert set(np.unique(dataset.load(roi).data)) - {0} <= set(dataset.structures(roi))
        assert roi["reader"] == roi["desc"]


def test_the_folder_may_be_given_in_any_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    roi = "derivatives/rois/" + A.replace("_dx", "_desc-r1_dseg")
    root = written(tmp_path / "made", {A: "", roi: "", A.replace(".png", ".json"): '{"KVP": 1}'})
    monkeypatch.chdir(root)
    for given in (root, f"{root}/", ".", "../made", "./"):
        dataset = Dataset(given, fields="KVP")
        assert dataset.images[["filename", "KVP"]].to_numpy().tolist() == [[A, 1]]
        assert dataset.rois[["filename", "image"]].to_numpy().tolist() == [[roi, A]]


def test_a_relative_folder_stays_the_same_when_the_program_changes_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = written(tmp_path / "made", {})
    place = root / A
    place.parent.mkdir(parents=True)
    Image.new("L", (3, 2), 7).save(place)
    monkeypatch.chdir(tmp_path)
    dataset = Dataset("made")
    monkeypatch.chdir("/")
    assert dataset.load(A).data.tolist() == [[7, 7, 7]] * 2
    assert dataset.monai() == [{"image": str(place)}]
    assert dataset.text.images["filename"].tolist() == [A]
    assert repr(dataset).startswith("<Dataset made: 1 images")


def test_a_dataset_without_derivatives_has_empty_tables(tmp_path: Path) -> None:
    dataset = Dataset(written(tmp_path, {A: ""}))
    for table in (dataset.labels, dataset.tests, dataset.rois):
        assert len(table) == 0
        assert "participant_id" in table
    assert dataset.partitions["split"].isna().all()
    assert dataset.nearest_tests()["days"].isna().all()


# --- sidecars, pybids, many datasets ---


def test_fields_of_sidecars_are_columns_as_texts(made: Path) -> None:
    texts = {
        "dx.json": '{"Manufacturer": "root", "KVP": 1}',
        A.replace(".png", ".json"): '{"KVP": 110.0, "ImageType": ["A", "B"], "Grid": null}',
        B.replace(".png", ".json"): '{"KVP": ',
    }
    dataset = Dataset(written(made, texts), fields=["KVP", "ImageType", "Manufacturer", "Grid"])
    images = dataset.text.images.set_index("filename")
    assert images.loc[A, ["KVP", "ImageType", "Manufacturer"]].tolist() == ["110.0", '["A", "B"]', "root"]
    assert images.loc[B2, ["KVP", "Manufacturer"]].tolist() == ["1", "root"]
    assert images.loc[B, ["KVP", "Manufacturer"]].isna().all()
    assert images["Grid"].isna().all()


@pytest.mark.parametrize("name", ["dicom", "bimcv-covid19"])
def test_fields_are_what_sidecars_say(name: str) -> None:
    keys = ["KVP", "ImageType", "EchoTime", "Manufacturer", "Rows"]
    dataset = Dataset(SOURCES / name / "mids", fields=keys)
    for _, row in dataset.text.images.iterrows():
        sidecar = dataset.sidecar(row)
        for key in keys:
            text = sidecar.get(key)
            assert (None if pd.isna(row[key]) else row[key]) == (
                text if text is None or isinstance(text, str) else mids.dataset.frames.images.format_cell(text)
            )


def test_pybids_finds_the_same_images(phantom: mids.Conversion) -> None:
    dataset = Dataset(phantom.dataset)
    found = dataset.bids_layout().get(bodypart="chest", extension=".png", return_type="filename")
    expected = dataset.select(bp="chest")
    expected = expected[expected["extension"] == ".png"]
    assert len(found) == len(expected) > 0


def test_a_joined_row_is_loaded_from_its_dataset() -> None:
    joined = mids.concat([SOURCES / "covid-chestxray" / "mids", SOURCES / "bimcv-covid19" / "mids"])
    rows = joined.images[joined.images["group"] == "rx"]
    assert set(rows["dataset"]) == {"covid-chestxray", "bimcv-covid19"}
    for _, row in rows.iterrows():
        picture = joined.load(row)
        assert isinstance(picture, Picture)
        assert picture.data.shape[:2] == (int(row["rows"]), int(row["columns"]))


def test_a_picture_with_a_profile_of_colours_is_read_without_a_word(
    made: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    grey = np.arange(96, dtype=np.uint8).reshape(8, 12)
    Image.fromarray(grey).save(made / A, icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    picture = Dataset(made).load(A)
    assert isinstance(picture, Picture)
    assert np.array_equal(picture.data, grey)
    assert capfd.readouterr().err == ""
