"""A dataset on disk is read as it is: every image a row, every value a string, published forms included."""

import logging
import re
import tempfile
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from by_hand import CT, HEAD, LATERAL, RX, TABLES, names, written
from hypothesis import given
from PIL import Image

from example_datasets.generators import anatomy, ct
from mids.conversion import Conversion
from mids.dataset import Dataset, Picture, Volume
from mids.errors import DataError, MidsError
from mids.vocabulary.names import Name
from mids.vocabulary.schema import load

# --- what is a dataset ---


def test_no_dataset_is_said_in_one_line(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent"):
        with pytest.raises(MidsError, match=r"^[^\n]+: give the [^\n]+$"):
            Dataset(path)


def test_description_and_name(made: Path) -> None:
    assert Dataset(made).name == "By hand"
    (made / "dataset_description.json").write_text("{}")
    assert Dataset(str(made)).name == "made"
    (made / "dataset_description.json").write_text("{,}")
    with pytest.raises(DataError) as caught:
        _ = Dataset(made).description
    assert caught.value.code == "JSON_INVALID"


# --- images ---


def test_every_image_is_one_row_in_order(made: Path) -> None:
    images = Dataset(made).images
    assert images["filename"].tolist() == [LATERAL, RX, CT, HEAD]
    assert images["run"].tolist() == ["01", "01", "1", "1"]
    assert images["group"].fillna("").tolist() == ["rx", "rx", "ct", ""]
    assert images["datatype"].fillna("").tolist() == ["", "", "", "anat"]
    assert images["vp"].fillna("").tolist() == ["ll", "pa", "", ""]
    assert images["suffix"].tolist() == ["dx", "dx", "ct", "T1w"]
    assert images["extension"].tolist() == [".png", ".png", ".nii.gz", ".nii.gz"]
    assert images["participant_id"].tolist() == ["sub-01", "sub-01", "sub-01", "sub-02"]
    assert images["session_id"].tolist() == ["ses-A", "ses-A", "ses-B", "ses-A"]


def test_tables_join_without_doubling_and_clashes_get_a_prefix(made: Path) -> None:
    images = Dataset(made).text.images.set_index("filename")
    assert images.loc[RX, "modality"] == "dx"
    assert images.loc[RX, "acq_time"] == "1920-01-02T10:00:00"
    assert images.loc[CT, "session_acq_time"] == "1921-01-02"
    assert (images.loc[CT, "age"], images.loc[CT, "participant_age"]) == ("61", "061")
    assert pd.isna(images.loc[HEAD, "participant_age"])
    assert pd.isna(images.loc[LATERAL, "modality"])


def test_only_n_a_and_nothing_are_missing(made: Path) -> None:
    participants = Dataset(made).text.participants
    assert participants["notes"].isna().tolist() == [False, True]
    assert participants.loc[0, "notes"] == "NA"
    assert participants.loc[0, "age"] == "061"
    assert participants["age"].isna().tolist() == [False, True]


def test_values_of_the_text_view_are_strings_whatever_they_look_like(made: Path) -> None:
    dataset = Dataset(made, text=True)
    for table in (dataset.images, dataset.participants, dataset.sessions, dataset.scans):
        assert {str(kind) for kind in table.dtypes} == {"string"}


def test_a_dataset_without_tables_has_its_images(made: Path) -> None:
    for path in TABLES:
        (made / path).unlink()
    dataset = Dataset(made)
    assert len(dataset.images) == 4
    assert dataset.participants.columns.tolist() == ["participant_id"]
    assert len(dataset.sessions) + len(dataset.scans) == 0


def test_a_dataset_without_images_has_the_columns(tmp_path: Path) -> None:
    images = Dataset(written(tmp_path, {})).images
    assert len(images) == 0
    assert {"filename", "sub", "ses", "run", "bp", "lat", "vp", "suffix", "group", "extension"} <= set(images)
    assert len(Dataset(tmp_path).select(vp="pa")) == 0


def test_what_is_no_image_of_a_subject_is_no_row(made: Path) -> None:
    other = ["sub-01/ses-A/.hidden.png", "sourcedata/sub-01/x_dx.png", "derivatives/rois/sub-01/sub-01_mask.nii.gz"]
    written(made, dict.fromkeys([*other, RX.replace(".png", ".json"), "sub-02/notes.txt"], "{}"))
    assert len(Dataset(made).images) == 4


def test_legacy_names_are_read_in_modern_terms(tmp_path: Path) -> None:
    covid = "sub-S0001/ses-E00001/mod-rx/sub-S0001_ses-E00001_acq-2_run-1_bp-chest_ct.nii.gz"
    joined = "sub-1/ses-2/rx/sub-1_ses-2_bp-thorax_bp-ap_cr.png"
    lost = "sub-1/ses-2/rx/whatever.PNG"
    images = Dataset(written(tmp_path, dict.fromkeys([covid, joined, lost], ""))).images.set_index("filename")
    assert images.loc[covid, ["suffix", "group", "acq", "bp"]].tolist() == ["ct", "ct", "2", "chest"]
    assert images.loc[joined, ["sub", "bp", "vp", "group"]].tolist() == ["1", "chest", "ap", "rx"]
    assert images.loc[lost, ["sub", "ses", "participant_id", "extension"]].tolist() == ["1", "2", "sub-1", ".PNG"]
    assert images.loc[lost, ["suffix", "bp", "group"]].isna().all()


def test_published_tables_find_their_images(tmp_path: Path) -> None:
    image = "sub-S1/ses-E1/mod-rx/sub-S1_ses-E1_run-1_bp-chest_vp-pa_cr.png"
    other = "sub-S1/ses-E2/mod-rx/sub-S1_ses-E2_run-1_bp-chest_vp-pa_cr.png"
    texts = {
        "participants.tsv": "participant\tgender\nS1\tF\n",
        "sub-S1/sub-S1_sessions.tsv": "session\tstudy_date\nE1\t20200301\n",
        "sub-S1/ses-E1/sub-S1_ses-E1_scans.tsv": f"filename\tRows\n{Path(image).name}\t10\n{Path(other).name}\t20\n",
    }
    dataset = Dataset(written(tmp_path, {image: "", other: "", **texts}))
    images = dataset.text.images.set_index("filename")
    assert images.loc[image, ["gender", "study_date", "Rows"]].tolist() == ["F", "20200301", "10"]
    assert pd.isna(images.loc[other, "Rows"])
    assert dataset.scans.loc[1, "filename"] == f"sub-S1/ses-E1/{Path(other).name}"


def test_a_broken_table_is_left_out_and_said(made: Path, caplog: pytest.LogCaptureFixture) -> None:
    with (made / "sub-01/sub-01_sessions.tsv").open("a") as stream:
        stream.write("ses-C\t1\t2\t3\n")
    with caplog.at_level(logging.WARNING, "mids.dataset"):
        dataset = Dataset(made)
        assert len(dataset.images) == 4
    assert "sub-01/sub-01_sessions.tsv, line 4" in caplog.text
    assert dataset.sessions["participant_id"].tolist() == ["sub-02"]


@pytest.mark.slow
@given(names())
def test_images_say_what_the_name_was_built_from(name: Name) -> None:
    with tempfile.TemporaryDirectory() as folder:
        images = Dataset(written(Path(folder), {name.path: ""})).images
    assert images.loc[0, "filename"] == name.path
    said = {key: images.loc[0, key] for key in load().entities if key in images and not pd.isna(images.loc[0, key])}
    assert said == dict(name.entities)
    assert (images.loc[0, "suffix"], images.loc[0, "group"]) == (name.suffix, name.group)


# --- tables ---


def test_table_keeps_every_character(made: Path) -> None:
    written(made, {"derivatives/x.tsv": '\ufeffid\tlist\tlist\r\n007\t["a", "b"]\t"x\r\n\r\n1e3\tn/a\n'})
    table = Dataset(made).table("derivatives/x.tsv")
    assert table.columns.tolist() == ["id", "list", "list.1"]
    assert table["id"].tolist() == ["007", "1e3"]
    assert table.iloc[0].tolist() == ["007", '["a", "b"]', '"x']
    assert table.iloc[1, 1:].isna().all()


@pytest.mark.parametrize("path", ["absent.tsv", "../made/participants.tsv", "sub-01"])
def test_table_outside_the_dataset_is_refused(made: Path, path: str) -> None:
    with pytest.raises(MidsError, match="is not a file of the dataset"):
        Dataset(made).table(path)


def test_broken_tables_name_their_code(made: Path) -> None:
    (made / "ragged.tsv").write_text("a\tb\n1\t2\n1\t2\t3\n")
    (made / "latin.tsv").write_bytes("a\nTÓRAX\n".encode("latin-1"))
    (made / "empty.tsv").touch()
    dataset = Dataset(made)
    for path, code in (("ragged.tsv", "TABLE_RAGGED"), ("latin.tsv", "TABLE_ENCODING")):
        with pytest.raises(DataError, match=path) as caught:
            dataset.table(path)
        assert caught.value.code == code
    assert dataset.table("empty.tsv").shape == (0, 0)


# --- selection ---


@pytest.mark.parametrize(
    ("criteria", "found"),
    [
        ({}, [LATERAL, RX, CT, HEAD]),
        ({"modality": "rx"}, [LATERAL, RX]),
        ({"modality": "DX", "vp": "PA"}, [RX]),
        ({"modality": "mr"}, [HEAD]),
        ({"modality": ["ct", "MR"]}, [CT, HEAD]),
        ({"suffix": "T1w"}, [HEAD]),
        ({"bp": "TÓRAX"}, [LATERAL, RX, CT]),
        ({"subject": "sub-01", "session": "B"}, [CT]),
        ({"vp": ("pa", "ll")}, [LATERAL, RX]),
        ({"modality": "ct", "suffix": "dx"}, []),
    ],
)
def test_select(made: Path, criteria: dict[str, str], found: list[str]) -> None:
    chosen = Dataset(made).select(**criteria)
    assert chosen["filename"].tolist() == found
    assert chosen.index.tolist() == list(range(len(found)))


def test_select_refuses_an_unknown_modality(made: Path) -> None:
    with pytest.raises(MidsError, match="modality xray"):
        Dataset(made).select(modality="xray")


# --- sidecars ---


def test_sidecars_inherit_from_less_specific_ones_above(made: Path) -> None:
    written(made, {
        "dx.json": '{"Modality": "?", "Manufacturer": "root"}',
        "T1w.json": '{"Manufacturer": "of another suffix"}',
        "sub-01/sub-01_dx.json": '{"Modality": "DX", "KVP": 1}',
        "sub-01/ses-A/mim-rx/sub-01_ses-A_vp-ll_dx.json": '{"KVP": 2}',
        RX.replace(".png", ".json"): '{"KVP": 110.0, "ImageType": ["ORIGINAL", "PRIMARY"]}',
    })  # fmt: skip
    dataset = Dataset(made)
    expected = {"Modality": "DX", "Manufacturer": "root", "KVP": 110.0, "ImageType": ["ORIGINAL", "PRIMARY"]}
    assert dataset.sidecar(RX) == expected
    assert dataset.sidecar(dataset.images.iloc[1]) == expected
    assert dataset.sidecar(LATERAL) == {"Modality": "DX", "Manufacturer": "root", "KVP": 2}
    assert dataset.sidecar(CT) == {}


def test_broken_sidecars_name_their_code(made: Path) -> None:
    for text in ("{", "[1, 2]", ""):
        written(made, {RX.replace(".png", ".json"): text})
        with pytest.raises(DataError, match=r"_dx\.json") as caught:
            Dataset(made).sidecar(RX)
        assert caught.value.code == "JSON_INVALID"


# --- pixels ---


def test_volume_is_scaled_and_has_its_affine(made: Path) -> None:
    stored = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    affine = np.array([[-2.0, 0, 0, 10], [0, 3, 0, -20], [0, 0, 5, 30], [0, 0, 0, 1]])
    image = nib.Nifti1Image(stored, affine)
    image.to_filename(made / CT)
    volume = Dataset(made).load(CT)
    assert isinstance(volume, Volume)
    np.testing.assert_array_equal(volume.data, stored)
    assert volume.data.dtype == np.int16
    np.testing.assert_allclose(volume.affine, affine)
    nib.Nifti1Image(stored * 0.5 - 1024, affine, dtype=np.int16).to_filename(made / CT)
    np.testing.assert_allclose(Dataset(made).load(CT).data, stored * 0.5 - 1024, atol=0.01)


def test_a_part_of_a_volume_is_cut_from_it_and_lies_where_it_lay(made: Path) -> None:
    stored = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
    affine = np.array([[0, 3.0, 0, 10], [-2, 0, 0, -20], [0, 0, 5, 30], [0, 0, 0, 1]])
    nib.Nifti1Image(stored, affine).to_filename(made / CT)
    part = Dataset(made).load(CT, (slice(1, 3), slice(0, 2), slice(3, 4)))
    assert isinstance(part, Volume)
    np.testing.assert_array_equal(part.data, stored[1:3, :2, 3:4])
    np.testing.assert_allclose(part.affine, nib.Nifti1Image(stored, affine).slicer[1:3, :2, 3:4].affine)
    with pytest.raises(MidsError, match=r"within \(3, 4, 5\)"):
        Dataset(made).load(CT, (slice(1, 4), slice(0, 2), slice(3, 4)))
    whole = Dataset(made).load(CT, (slice(None), slice(None), slice(3, 4)))
    np.testing.assert_array_equal(whole.data, stored[..., 3:4])
    for wrong in (
        (3, slice(0, 2), slice(0, 2)),
        (slice(0, 2), slice(0, 2)),
        (slice(0.0, 2.0), slice(0, 2), slice(0, 2)),
    ):
        with pytest.raises(MidsError, match=r"three slices|whole numbers"):
            Dataset(made).load(CT, wrong)  # type: ignore[arg-type]
    with pytest.raises(MidsError, match="is not a volume"):
        Dataset(made).load(RX, (slice(1, 4), slice(0, 2), slice(3, 4)))


@pytest.mark.parametrize(
    "pixels",
    [
        np.array([[0, 1, 65535], [256, 4095, 2]], dtype=np.uint16),
        np.array([[0, 1, 255]], dtype=np.uint8),
        np.arange(24, dtype=np.uint8).reshape(2, 4, 3),
    ],
)
def test_picture_keeps_its_values(made: Path, pixels: np.ndarray) -> None:
    Image.fromarray(pixels).save(made / RX)
    dataset = Dataset(made)
    picture = dataset.load(dataset.select(vp="pa").iloc[0])
    assert isinstance(picture, Picture)
    np.testing.assert_array_equal(picture.data, pixels)
    assert picture.data.dtype == pixels.dtype


def test_picture_resolves_palettes_and_drops_transparency(made: Path) -> None:
    colours = np.array([[[255, 0, 0], [0, 0, 255]]], dtype=np.uint8)
    Image.fromarray(colours).convert("P", palette=Image.Palette.ADAPTIVE).save(made / RX)
    np.testing.assert_array_equal(Dataset(made).load(RX).data, colours)
    Image.fromarray(np.array([[[7, 255], [9, 0]]], dtype=np.uint8)).save(made / RX)
    np.testing.assert_array_equal(Dataset(made).load(RX).data, [[7, 9]])


@pytest.mark.parametrize(("path", "code"), [(RX, "PNG_INVALID"), (CT, "NIFTI_INVALID")])
def test_broken_images_name_their_code(made: Path, path: str, code: str) -> None:
    Image.fromarray(np.random.default_rng(1).integers(0, 255, (50, 50), dtype=np.uint8)).save(made / RX)
    nib.Nifti1Image(np.random.default_rng(1).random((9, 9, 9)), np.eye(4)).to_filename(made / CT)
    whole = (made / path).read_bytes()
    for broken in (b"", b"no image at all", whole[: len(whole) // 2], whole[:40]):
        (made / path).write_bytes(broken)
        with pytest.raises(DataError, match=re.escape(path)) as caught:
            Dataset(made).load(path)
        assert caught.value.code == code


def test_only_images_of_the_dataset_can_be_loaded(made: Path) -> None:
    with pytest.raises(MidsError, match="is not a file of the dataset"):
        Dataset(made).load(RX.replace("-pa", "-ap"))
    with pytest.raises(MidsError, match="neither NIfTI nor PNG"):
        Dataset(made).load("participants.tsv")


# --- the converted phantom ---


def test_phantom_is_read_as_its_tables_say(phantom: Conversion) -> None:
    dataset = Dataset(phantom.dataset)
    on_disk = {p for p in phantom.dataset.rglob("sub-*/**/*") if p.name.endswith((".png", ".nii.gz"))}
    assert {phantom.dataset / name for name in dataset.images["filename"]} == on_disk
    assert sorted(dataset.scans["filename"]) == dataset.images["filename"].tolist()
    assert set(dataset.images["participant_id"]) == set(dataset.participants["participant_id"])
    assert set(dataset.images["session_id"]) == set(dataset.sessions["session_id"])
    for row in dataset.images.itertuples():
        sidecar = dataset.sidecar(row.filename)
        if row.extension == ".png":
            assert dataset.load(row.filename).data.shape[:2] == (int(row.rows), int(row.columns))
        assert str(row.modality).upper() == sidecar["Modality"]


def test_loaded_ct_has_the_phantoms_hounsfield_units_at_its_places(phantom: Conversion) -> None:
    dataset = Dataset(phantom.dataset)
    straight = [name for name in dataset.select(modality="ct")["filename"] if not dataset.sidecar(name)["Resampled"]]
    assert straight
    for name in straight:
        volume = dataset.load(name)
        voxels = np.argwhere(volume.data != ct.PADDING)
        x, y, z = nib.affines.apply_affine(volume.affine, voxels).T
        expected = np.round(anatomy.hu(-x, -y, z))  # the phantom is in DICOM's axes: +x left, +y posterior
        assert np.mean(volume.data[tuple(voxels.T)] == expected) > 0.999
