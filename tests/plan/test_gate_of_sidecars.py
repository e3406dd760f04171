"""What a header tells of a patient stays out of sidecars, tables and names of files, whatever attribute repeats it."""

from pathlib import Path

import pytest
from pydicom import Dataset, config
from pydicom.datadict import dictionary_VR, tag_for_keyword
from trees import chest, fill_folder, images, tree

from mids.conversion import convert
from mids.vocabulary.schema import load

WHO = {
    "PatientName": "INVENTADEZ^FULANA", "PatientID": "HX-00778899", "PatientBirthDate": "19510203",
    "ReferringPhysicianName": "MENGANO^NADIE", "InstitutionName": "Hospital Nulo de Ningures",
    "StationName": "TAC3BX", "RequestedProcedureID": "RP665544",
}  # fmt: skip
TEXTS = (
    "de Inventadez",
    "Dr. Zutano",
    "FULANA 3/2/1951",
    "NHC 4711",
    "Nulo de Ningures",
    "K778899X",
    "TAC3BX RP665544",
)
GEOMETRY = {"Rows", "Columns", "NumberOfFrames", "InstanceNumber", "RescaleSlope", "RescaleIntercept", "SliceThickness"}


def spoil(dataset: Dataset, keywords: list[str], text: str) -> None:
    """Repeats what is told in every attribute that a sidecar can be made of."""
    with config.disable_value_validation():
        for keyword, value in WHO.items():
            setattr(dataset, keyword, value)
        for keyword in keywords:
            vr = dictionary_VR(tag_for_keyword(keyword) or 0)
            if vr in ("LO", "SH", "ST", "LT", "UT", "UC"):
                setattr(dataset, keyword, text)
            elif vr == "CS" and keyword not in dataset:
                setattr(dataset, keyword, "FULANA")
            elif vr in ("IS", "DS") and keyword not in dataset and keyword not in GEOMETRY:
                setattr(dataset, keyword, "778899")


@pytest.mark.parametrize("text", TEXTS)
def test_sidecars_tables_and_names_pass_the_gate_of_headers(tmp_path: Path, key: Path, text: str) -> None:
    fields = load().fields.values()
    keywords = [field.dicom for field in fields if field.dicom and tag_for_keyword(field.dicom)]
    files = {path: dataset for path, dataset in chest().items() if isinstance(dataset, Dataset)}
    for dataset in files.values():
        spoil(dataset, keywords, text)
    convert("dicom", fill_folder(tmp_path / "in", dict(files)), tmp_path / "out", key=key)
    assert images(tmp_path / "out")
    told = ("inventadez", "fulana", "zutano", "4711", "778899", "1951", "ningures", "mengano", "tac3bx", "665544")
    for path, content in tree(tmp_path / "out").items():
        small = f"{path} {content.decode('latin-1') if path.endswith(('.json', '.tsv')) else ''}".casefold()
        assert not [word for word in told if word in small], path


def test_a_kernel_without_a_name_is_in_the_name(tmp_path: Path, key: Path) -> None:
    files = {path: dataset for path, dataset in chest().items() if isinstance(dataset, Dataset)}
    for dataset in files.values():
        dataset.ConvolutionKernel = "B40f"
    convert("dicom", fill_folder(tmp_path / "in", dict(files)), tmp_path / "out", key=key)
    assert all("_rec-B40f" in path for path in images(tmp_path / "out"))
