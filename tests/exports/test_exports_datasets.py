"""Exports of datasets: each opened by the program that it is for, or judged by its published schema."""

import json
import logging
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pydicom
import pytest
from datacite import schema45
from places import SOURCES
from pydicom.datadict import dictionary_VM

from mids.cli import main
from mids.dataset import Dataset
from mids.errors import MidsError
from mids.exports.croissant import croissant
from mids.exports.datacite import datacite
from mids.exports.description import find_doi, licence_url, read_changes_version
from mids.exports.dicomjson import attributes, dicom_sidecars
from mids.exports.monai import datalist
from mids.exports.targets import TARGETS, document, write
from mids.vocabulary.schema import load

NAMES = sorted(path.name for path in SOURCES.iterdir())
PUBLISHED = {
    "Name": "Invented", "BIDSVersion": "1.10.1", "Description": "Radiographs of nobody.", "License": "CC-BY-NC-4.0",
    "Authors": ["Doe, Jane", "Mary Major", "Invented University"], "Publisher": "Nobody's Archive",
    "DatePublished": "2024-05-01", "DatasetDOI": "doi:10.1234/abc.1", "HowToAcknowledge": "Doe J. Invented. 2024.",
    "Keywords": ["radiograph", "invented"], "Funding": ["Nobody"], "KnownLimitations": ["All of it is invented."],
    "ReferencesAndLinks": ["https://doi.org/10.1234/paper", "https://example.org/page (a page)", "a book"],
    "SourceDatasets": [{"URL": "https://example.org/source"}],
}  # fmt: skip


@pytest.fixture
def published(tmp_path: Path) -> Dataset:
    """A golden pair with all that can be said of a dataset."""
    root = shutil.copytree(SOURCES / "covid-chestxray" / "mids", tmp_path / "dataset")
    (root / "dataset_description.json").write_text(json.dumps(PUBLISHED), encoding="utf-8")
    return Dataset(root)


# --- the table of targets --------------------------------------------------------------------------------


def test_the_command_line_reads_the_table(tmp_path: Path, published: Dataset) -> None:
    label = ["--label", str(published.labels["label"][0])]
    for name, target in TARGETS.items():
        has_masks = "masks" in target.text
        path = SOURCES / "bimcv-covid19-raw" / "mids" if has_masks else published.path
        given = ["export", str(path), "--to", name, "--output", str(tmp_path / name)]
        given += ["--task", "classification"] if "task" in target.choices else []
        if has_masks and "readers" in target.choices:  # three readers drew on one volume
            given += ["--annotator", "reader1"]
        if "labels" not in target.choices:
            assert main([*given, *label]) == 2
            assert not (tmp_path / name).exists()
        assert main([*given, *(label if "labels" in target.choices else [])]) == 0
        assert (tmp_path / name).is_dir() == target.is_folder


def test_starting_loads_nothing_heavy() -> None:
    heavy = "('pandas', 'numpy', 'nibabel', 'pydicom', 'bids', 'PIL')"
    code = f"import sys, mids.cli.commands as c; c.parsers(); print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


# --- Croissant -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mlcroissant() -> Iterator[Any]:
    """The package of MLCommons; what it says in its log is not asked for."""
    logging.getLogger("absl").setLevel(logging.ERROR)
    yield pytest.importorskip("mlcroissant")
    logging.getLogger("absl").setLevel(logging.NOTSET)


def open_dataset(mlcroissant: Any, dataset: Dataset, folder: Path) -> Any:
    """A dataset as mlcroissant sees it: a copy with the metadata beside it."""
    copy = shutil.copytree(dataset.path, folder / "seen")
    (copy / "croissant.json").write_text(json.dumps(croissant(dataset)), encoding="utf-8")
    return mlcroissant.Dataset(jsonld=copy / "croissant.json")


@pytest.mark.filterwarnings("ignore")  # of libraries that mlcroissant loads
@pytest.mark.parametrize("name", NAMES)
def test_croissant_is_valid_and_its_records_are_the_tables(mlcroissant: Any, name: str, tmp_path: Path) -> None:
    dataset = Dataset(SOURCES / name / "mids")
    seen = open_dataset(mlcroissant, dataset, tmp_path)
    assert not seen.metadata.issues.errors
    records = {record.id: list(seen.records(record.id)) for record in seen.metadata.record_sets}
    people = [row["participants/participant_id"].decode() for row in records["participants"]]
    assert people == dataset.participants["participant_id"].tolist()
    stems = sorted(Path(row["scans/filename"].decode()).name for row in records["scans"])
    assert stems == sorted(Path(name).name for name in dataset.scans["filename"])
    assert len(records["sessions"]) == len(dataset.sessions)
    for path in dataset.path.glob("derivatives/*/*.tsv"):
        if path.parent.name != "provenance":
            assert len(records[path.stem]) == len(dataset.table(path.relative_to(dataset.path).as_posix()))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("place", ["a/croissant.json", "croissant.json", "b/croissant.json"])
def test_croissant_finds_the_dataset_from_where_it_lies(
    mlcroissant: Any, place: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the dataset, above it, and beside it, where mlcroissant does not look for sets of files, which is said."""
    dataset = Dataset(shutil.copytree(SOURCES / "fidac" / "mids", tmp_path / "a"))
    (tmp_path / "b").mkdir()
    assert main(["export", str(dataset.path), "--to", "croissant", "--output", str(tmp_path / place)]) == 0
    seen = mlcroissant.Dataset(jsonld=tmp_path / place)
    assert len(list(seen.records("participants"))) == len(dataset.participants)
    is_beside = place.startswith("b")
    assert ("warning: in this place readers of Croissant find" in capsys.readouterr().err) == is_beside
    assert ("readers of Croissant find the tables that a dataset has once, but no images" in caplog.text) == is_beside
    caplog.clear()
    (tmp_path / place).unlink()
    write(dataset, "croissant", tmp_path / place)
    assert ("but no images" in caplog.text) == is_beside
    if not is_beside:
        assert len(list(seen.records("scans"))) == len(dataset.scans)


@pytest.mark.filterwarnings("ignore")
def test_croissant_of_a_described_dataset_lacks_nothing(mlcroissant: Any, published: Dataset, tmp_path: Path) -> None:
    seen = open_dataset(mlcroissant, published, tmp_path).metadata
    assert not seen.issues.errors
    assert not seen.issues.warnings
    assert seen.license == ["https://creativecommons.org/licenses/by-nc/4.0/"]
    assert [agent.name for agent in seen.creators] == PUBLISHED["Authors"]
    assert (seen.url, seen.version) == ("https://doi.org/10.1234/abc.1", "1.0.0")
    assert seen.date_published.date().isoformat() == "2024-05-01"


def test_croissant_holds_no_place_and_no_time(published: Dataset) -> None:
    text = json.dumps(croissant(published))
    assert str(published.path) not in text
    assert text == json.dumps(croissant(Dataset(published.path)))


# --- DataCite --------------------------------------------------------------------------------------------


def test_datacite_is_valid_and_says_what_the_description_says(published: Dataset) -> None:
    content = datacite(published)
    schema45.validator.validate(content)
    assert content["doi"] == "10.1234/abc.1"
    assert [entry["nameType"] for entry in content["creators"]] == ["Personal", "Personal", "Organizational"]
    assert content["creators"][0] | {"nameType": ""} == {
        "name": "Doe, Jane", "familyName": "Doe", "givenName": "Jane", "nameType": ""
    }  # fmt: skip
    assert (content["publisher"], content["publicationYear"]) == ({"name": "Nobody's Archive"}, "2024")
    assert {(r["relatedIdentifier"], r["relationType"]) for r in content["relatedIdentifiers"]} == {
        ("https://example.org/source", "IsDerivedFrom"), ("10.1234/paper", "References"),
        ("https://example.org/page", "References"),
    }  # fmt: skip
    assert content["rightsList"][0]["rightsIdentifier"] == "cc-by-nc-4.0"
    assert content["sizes"] == ["10 images", "5 subjects"]
    assert content["version"] == "1.0.0"


@pytest.mark.parametrize("name", NAMES)
def test_datacite_of_every_collection_is_valid_once_it_is_published(name: str, tmp_path: Path) -> None:
    root = shutil.copytree(SOURCES / name / "mids", tmp_path / "dataset")
    path = root / "dataset_description.json"
    said = {"Authors": ["Doe, Jane"], **json.loads(path.read_text("utf-8"))}
    path.write_text(json.dumps(said | {"Publisher": "An archive", "DatePublished": "2024"}), encoding="utf-8")
    schema45.validator.validate(datacite(Dataset(root)))


def test_datacite_says_all_that_is_lacking() -> None:
    with pytest.raises(MidsError, match="DataCite needs Authors, Publisher, DatePublished in dataset_description"):
        datacite(Dataset(SOURCES / "dicom" / "mids"))


@pytest.mark.parametrize(
    ("licence", "url"),
    [
        ("CC-BY-NC-SA-4.0", "https://creativecommons.org/licenses/by-nc-sa/4.0/"),
        ("CC0-1.0", "https://creativecommons.org/publicdomain/zero/1.0/"),
        ("https://example.org/terms", "https://example.org/terms"),
        ("ours", ""),
    ],
)
def test_licences_that_are_known_have_an_address(licence: str, url: str) -> None:
    assert licence_url(licence) == url


def test_dois_and_versions_are_found(tmp_path: Path) -> None:
    assert find_doi("https://doi.org/10.7937/VTW4-X588") == find_doi("doi:10.7937/VTW4-X588") == "10.7937/VTW4-X588"
    assert find_doi("none") == read_changes_version(tmp_path) == ""
    (tmp_path / "CHANGES").write_text("1.2.0 2024-05-01\n  - More.\n1.0.0\n  - First.\n")
    assert read_changes_version(tmp_path) == "1.2.0"


# --- MONAI -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "readers"), [("bimcv-covid19-raw", ()), ("midrc-ricord-1a", ()), ("covid-chestxray", ("lungVAE",))]
)
def test_the_list_names_each_mask_with_its_image(name: str, readers: tuple[str, ...]) -> None:
    dataset = Dataset(SOURCES / name / "mids")
    content = datalist(dataset, readers=readers)
    items = [item for part in ("training", "validation", "test") for item in content.get(part, ())]
    assert content["modality"]["0"] == "/".join(sorted(set(dataset.images["suffix"])))
    masks = dataset.rois[dataset.rois["reader"].isin(readers)] if readers else dataset.rois
    assert len(items) == len(masks) > 0
    assert len(items) == sum(content[f"num{key}"] for key in ("Training", "Validation", "Test"))
    known = {int(value) for value in content["labels"]}
    for item in items:
        image, mask = dataset.load(item["image"]).data, dataset.load(item["label"]).data
        assert image.shape[: mask.ndim] == mask.shape
        assert set(np.unique(mask).astype(int)) <= known


def test_parts_of_the_list_are_those_of_the_partitions(tmp_path: Path) -> None:
    dataset = Dataset(shutil.copytree(SOURCES / "midrc-ricord-1a" / "mids", tmp_path / "dataset"))
    assert len(datalist(dataset)["training"]) == len(dataset.rois)
    table = dataset.splits(fractions={"validation": 0.5, "test": 0.5}, write=True).set_index("filename")["split"]
    content = datalist(dataset)
    assert not content["training"]
    for part in ("validation", "test"):
        assert {table[item["image"]] for item in content[part]} <= {part}
    assert len(content["validation"]) + len(content["test"]) == len(dataset.rois)


def test_labels_to_classify_stand_for_what_is_below_them() -> None:
    dataset = Dataset(SOURCES / "bimcv-covid19" / "mids")
    content = datalist(dataset, "classification", modality="rx", labels=["increased density", "normal"])
    assert content["labels"] == {"0": "increased density", "1": "normal"}
    found = {item["image"]: item["label"] for part in ("training", "test") for item in content[part]}
    dense, normal = (
        set(dataset.select(modality="rx", label=label)["filename"]) for label in content["labels"].values()
    )
    assert found == {name: [int(name in dense), int(name in normal)] for name in found}
    assert [1, 0] in found.values()
    assert [0, 1] in found.values()
    assert set(content) >= {"name", "description", "reference", "licence", "tensorImageSize", "modality"}


def test_nothing_to_learn_is_said(tmp_path: Path) -> None:
    dataset = Dataset(SOURCES / "dicom" / "mids")
    for task in ("segmentation", "classification"):
        with pytest.raises(MidsError, match=f"nothing for {task}"):
            datalist(dataset, task)  # type: ignore[arg-type]


def test_values_that_mean_two_things_are_refused(tmp_path: Path) -> None:
    dataset = Dataset(shutil.copytree(SOURCES / "midrc-ricord-1a" / "mids", tmp_path / "dataset"))
    table = dataset.path / str(dataset.rois["lookup"].iloc[0])
    table.write_text("index\tname\n1\tsomething else\n")
    with pytest.raises(MidsError, match="the value 1 means"):
        datalist(dataset)


# --- Parquet ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_parquet_holds_the_tables_as_texts(name: str, tmp_path: Path) -> None:
    dataset = Dataset(SOURCES / name / "mids", fields=["KVP"])
    written = {path.stem: pd.read_parquet(path) for path in write(dataset, "parquet", tmp_path / "tables")}
    assert set(written) <= {"images", "participants", "sessions", "labels", "tests", "rois", "partitions"}
    for key in ("images", "participants", "sessions", "labels", "tests", "rois"):
        expected = getattr(dataset.text, key)
        assert (key in written) == (len(expected) > 0)
        if key in written:
            found = written[key].drop(columns="days_to_test", errors="ignore")
            pd.testing.assert_frame_equal(found.astype("string"), expected, check_dtype=False)
    if "tests" in written:
        assert written["images"]["days_to_test"].astype("Int64").equals(dataset.nearest_tests()["days"])


# --- sidecars as DICOM JSON ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_sidecars_are_read_by_pydicom_with_the_same_values(name: str) -> None:
    dataset, fields = Dataset(SOURCES / name / "mids"), load().fields
    seen = 0
    for path, content in dicom_sidecars(dataset):
        found = pydicom.Dataset.from_json(json.dumps(content))
        sidecar = json.loads((dataset.path / path).read_text("utf-8"))
        known = {f.dicom: (f, sidecar[f.key]) for f in fields.values() if f.dicom and f.key in sidecar}
        for element in found:
            field, value = known[element.keyword]
            wanted = value if isinstance(value, list) else [value]
            given = list(element.value) if element.VM > 1 else [element.value]
            if isinstance(wanted[0], str):
                assert [str(item) for item in given] == wanted
            else:
                np.testing.assert_allclose([float(item) for item in given], np.array(wanted) / field.scale, rtol=1e-9)
            seen += 1
        assert [element.tag for element in found] == sorted(element.tag for element in found)
    assert seen > 4 * len(dataset.images)


def test_times_are_in_the_units_of_dicom() -> None:
    content = attributes({"EchoTime": 0.0021, "RepetitionTime": 2.3, "ExposureTime": 0.011, "Rows": 4}, load())
    found = pydicom.Dataset.from_json(content)
    assert (float(found.EchoTime), float(found.RepetitionTime), found.ExposureTime, found.Rows) == (2.1, 2300, 11, 4)


def test_what_dicom_does_not_allow_is_left_out() -> None:
    sidecar = {
        "KVP": [120, 130],
        "Modality": 7,
        "Resampled": True,
        "Rows": 4.5,
        "PixelSpacing": [1.0],
        "ViewSource": "x",
    }
    assert attributes(sidecar, load()) == {}
    assert dictionary_VM("PixelSpacing") == "2"


# --- writing ---------------------------------------------------------------------------------------------


def test_documents_and_folders_are_written_once(tmp_path: Path) -> None:
    dataset = Dataset(SOURCES / "bimcv-covid19" / "mids")
    (file,) = write(dataset, "croissant", tmp_path / "croissant.json")
    assert json.loads(file.read_text("utf-8")) == document(dataset, "croissant", beside=tmp_path)
    paths = write(dataset, "dicom-json-sidecars", tmp_path / "json")
    stems = {path.relative_to(tmp_path / "json").as_posix().partition(".")[0] for path in paths}
    assert stems == {name.partition(".")[0] for name in dataset.images["filename"]}
    for target, path in (("croissant", file), ("dicom-json-sidecars", tmp_path / "json")):
        with pytest.raises(MidsError, match="exists"):
            write(dataset, target, path)  # type: ignore[arg-type]
    with pytest.raises(MidsError, match="many files, not one document"):
        document(dataset, "parquet")


def test_the_command_writes_prints_and_says_what_is_lacking(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = str(SOURCES / "bimcv-covid19" / "mids")
    assert main(["export", source, "--to", "croissant"]) == 0
    printed = capsys.readouterr()
    assert printed.err == "croissant recommends DatePublished: add them to dataset_description.json\n"
    assert main(["export", source, "--to", "croissant", "--output", str(tmp_path / "c.json")]) == 0
    written, shown = json.loads((tmp_path / "c.json").read_text("utf-8")), json.loads(printed.out)
    assert written["recordSet"] == shown["recordSet"]
    assert main(["export", source, "--to", "parquet", "--output", str(tmp_path / "p"), "--field", "KVP"]) == 0
    assert capsys.readouterr().out == f"7 files in {tmp_path / 'p'}\n"
    assert "KVP" in pd.read_parquet(tmp_path / "p" / "images.parquet")
    assert main(["export", source, "--to", "parquet"]) == 2
    assert main(["export", source, "--to", "datacite"]) == 2
    assert capsys.readouterr().err.count("\n") == 2
    assert main(["export", source, "--to", "monai", "--task", "classification", "--label", "pneumonia"]) == 0
    assert json.loads(capsys.readouterr().out)["labels"] == {"0": "pneumonia"}


@pytest.mark.parametrize(
    "options",
    [
        ["croissant", "--field", "KVP"], ["datacite", "--task", "segmentation"], ["card", "--segmentation", "labelmap"],
        ["nnunet", "--label", "pneumonia"], ["monai", "--label", "pneumonia"], ["dicom-seg", "--modality", "ct"],
        ["monai", "--task", "classification", "--annotator", "a"],
    ],
)  # fmt: skip
def test_an_option_that_a_target_would_not_heed_is_refused(
    options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, output = str(SOURCES / "bimcv-covid19" / "mids"), tmp_path / "out"
    assert main(["export", source, "--to", *options, "--output", str(output)]) == 2
    assert options[-2] in capsys.readouterr().err
    assert not output.exists()


def test_a_broken_description_is_wrong_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "dataset_description.json").write_text("[")
    assert main(["export", str(tmp_path), "--to", "croissant"]) == 1
    assert capsys.readouterr().err == "error: JSON_INVALID: dataset_description.json is not a JSON object\n"
