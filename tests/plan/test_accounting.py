"""What became of each source is a fact of its own: lost files are counted, and a header's history travels along."""

import json
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from trees import another, chest, images, put, table

from mids.conversion import Conversion, convert
from mids.report.plan import summary


def _status(done: Conversion) -> dict[str, str]:
    return {row["source"]: row["status"] for row in table(Path(f"{done.dataset}.mids/sources.tsv"))}


def _summary(done: Conversion) -> str:
    return summary(done.plan, done.outcome, done.issues, "")


def test_every_file_of_a_lost_series_is_lost(tmp_path: Path, key: Path) -> None:
    files = chest()
    for path, dataset in files.items():
        assert isinstance(dataset, Dataset)
        del dataset.ImagePositionPatient
        put(tmp_path, f"source/{path}", dataset)
    done = convert("dicom", tmp_path / "source", tmp_path / "dest", key=key)
    assert done.exit_code == 1
    assert _status(done) == dict.fromkeys(files, "lost")
    assert f"{len(files)} files of the source lost" in _summary(done)
    assert "skipped" not in _summary(done)


def test_every_file_of_an_unknown_modality_is_lost(tmp_path: Path, key: Path) -> None:
    names = ("1", "2")
    for name in names:
        put(tmp_path, f"source/{name}", another(name, Modality="ZZ"))
    put(tmp_path, "source/3", b"a text")
    done = convert("dicom", tmp_path / "source", tmp_path / "dest", key=key)
    assert _status(done) == {"1": "lost", "2": "lost", "3": "skipped"}
    assert "2 files of the source lost" in _summary(done)
    assert "1 file not DICOM" in _summary(done)


def test_how_a_header_was_deidentified_travels_along(tmp_path: Path, key: Path) -> None:
    codes = []
    for values in (("113100", "DCM", "Basic Application Confidentiality Profile"), ("7", "99ACME", "by JANE DOE")):
        item = Dataset()
        item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = values
        codes.append(item)
    method = ["DICOM PS3.15 Annex E", "Anonymized 12/03/2021 by JANE DOE"]
    dataset = another("1", DeidentificationMethod=method, DeidentificationMethodCodeSequence=Sequence(codes))
    put(tmp_path, "source/1", dataset)
    done = convert("dicom", tmp_path / "source", tmp_path / "dest", key=key)
    (image,) = images(done.dataset)
    text = (done.dataset / image).with_suffix(".json").read_text(encoding="utf-8")
    sidecar = json.loads(text)
    assert "DOE" not in text
    assert "2021" not in str(sidecar.get("DeidentificationMethod"))
    assert sidecar["DeidentificationMethod"][0] == "DICOM PS3.15 Annex E"
    assert sidecar["DeidentificationMethodCodeSequence"] == [
        {
            "CodeValue": "113100",
            "CodingSchemeDesignator": "DCM",
            "CodeMeaning": "Basic Application Confidentiality Profile",
        },
        {"CodeValue": "7", "CodingSchemeDesignator": "99ACME"},
    ]


@pytest.mark.parametrize(
    ("method", "kept"),
    [
        ("Per DICOM PS 3.15 AnnexE. Details in 0012,0064", True),
        ("DICOM PS3.15 2026c Annex E", True),
        ("RSNA CTP", True),
        ("Basic Application Confidentiality Profile", True),
        ("RSNA CTP by Bernardo Villacorta", False),
        ("Anonymized 12/03/2021", False),
    ],
)
def test_statements_in_words_of_the_standard_stay_whole(method: str, kept: bool, tmp_path: Path, key: Path) -> None:
    put(tmp_path, "source/1", another("1", DeidentificationMethod=method))
    done = convert("dicom", tmp_path / "source", tmp_path / "dest", key=key)
    (image,) = images(done.dataset)
    said = json.loads((done.dataset / image).with_suffix(".json").read_text(encoding="utf-8"))
    told = said.get("DeidentificationMethod", [])
    assert (told == [method]) == kept
    assert not any(secret in str(told) for secret in ("Bernardo", "Villacorta", "12/03/2021"))
