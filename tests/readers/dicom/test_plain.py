"""The reader of plain files: what it reads is what pydicom reads, to the bit, or it leaves the file to pydicom."""

from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from plain_files import CT, EXPLICIT, IMPLICIT, KEYWORDS, PRIVATE, ct_slice, element, is_plain, nested, outcome, written
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from example_datasets.generate import INPUT
from mids.readers.archives.kinds import looks_like_dicom
from mids.readers.dicom.headers import read_any, read_instance, read_plain
from mids.records import Source


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
def test_the_values_that_were_written_come_back(syntax: str) -> None:
    content = written(ct_slice(), syntax)
    assert is_plain(content)
    found = read_plain(Source("x", size=len(content)), BytesIO(content), KEYWORDS, PRIVATE)
    assert {key: found.header[key] for key in sorted(found.header)} == {
        "CTDIvol": 12.5,
        "Columns": 4,
        "ImagePositionPatient": [-125.0, 10.0, -0.5],
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "InstanceNumber": 7,
        "PatientName": "Müller^Jürgen",
        "PixelPaddingValue": "-2000",
        "PixelRepresentation": 1,
        "Rows": 4,
        "SOPClassUID": CT,
        "SOPInstanceUID": "1.2.3.7",
        "SliceThickness": 1.25,
        "StudyDate": "20200102",
        "StudyTime": "112233.5",
        "TransferSyntaxUID": syntax,
        "region": "Bretagne",
    }
    assert (found.has_pixels, found.truncated, found.per_frame) == (True, False, {})


@pytest.mark.parametrize("syntax", [uid.ExplicitVRBigEndian, uid.DeflatedExplicitVRLittleEndian])
def test_other_encodings_are_left_to_pydicom(syntax: str) -> None:
    content = written(ct_slice(), syntax)
    assert not is_plain(content)
    found = read_instance(Source("x", size=len(content)), BytesIO(content), KEYWORDS, PRIVATE)
    assert found is not None
    assert (found.text("PatientName"), found.text("region")) == ("Müller^Jürgen", "Bretagne")


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize(("depth", "plain"), [(1, True), (3, True), (20, False)])
def test_sequences_that_nobody_wants_are_passed_over(syntax: str, undefined: bool, depth: int, plain: bool) -> None:
    dataset = ct_slice()
    dataset.update(nested(depth, undefined=undefined))
    assert is_plain(written(dataset, syntax)) is (plain or not undefined)


@pytest.mark.parametrize("undefined", [False, True])
def test_a_sequence_that_is_wanted_is_read(undefined: bool) -> None:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "R-10206", "SRT", "antero-posterior"
    dataset = ct_slice()
    dataset.add(element("ViewCodeSequence", "SQ", Sequence([code]), undefined=undefined))
    content = written(dataset)
    assert is_plain(content)
    found = read_instance(Source("x", size=len(content)), BytesIO(content), KEYWORDS)
    assert found is not None
    assert found.header["ViewCodeSequence"] == [
        {"CodeValue": "R-10206", "CodeMeaning": "antero-posterior", "CodingSchemeDesignator": "SRT"}
    ]


@pytest.mark.parametrize("size", [40_000, 600_000, 20_000_000])
def test_large_values_before_the_pixels_are_passed_over_up_to_a_bound(size: int) -> None:
    dataset = ct_slice()
    dataset.add_new(0x00091001, "OB", b"\0" * size)
    assert is_plain(written(dataset)) is (size < 8_000_000)


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
def test_a_file_cut_off_anywhere_is_read_as_by_pydicom(syntax: str) -> None:
    dataset = ct_slice()
    dataset.update(nested(2, undefined=True))
    content = written(dataset, syntax)
    plain = [is_plain(content[:size]) for size in range(132, len(content) + 1)]
    assert plain[-1]
    assert plain.count(True) > 20  # between two elements, and in the pixels
    assert not plain[0]


# Files of others


def _plain_and_all(folder: Path) -> tuple[int, int]:
    """How many files of a folder count as plain, and how many are DICOM; each plain one reads as by pydicom."""
    plain = every = 0
    for path in sorted(folder.rglob("*")):
        content = path.read_bytes() if path.is_file() else b""
        if looks_like_dicom(content[:132]) and outcome(read_any, content) is not None:
            every += 1
            plain += is_plain(content)
    return plain, every


@pytest.mark.parametrize(("folder", "share"), [(Path(pydicom.__file__).parent / "data/test_files", 0.6), (INPUT, 0.9)])
def test_files_of_others_are_mostly_plain(folder: Path, share: float) -> None:
    plain, every = _plain_and_all(folder)
    assert plain > every * share


@pytest.mark.shared
@pytest.mark.parametrize("folder", ["dcm_qa_ct", "lung_pet_ct_dx"])
def test_real_files(folder: str, shared: Path) -> None:
    plain, every = _plain_and_all(shared / "dicom" / folder)
    assert plain > every * 0.9
