"""What is delivered breaks no more rules of the standard than the source did, as dciodvfy (dicom3tools) judges."""

import re
import shutil
import subprocess
import warnings
from datetime import timedelta
from pathlib import Path

import pydicom
import pytest
from places import SOURCES
from pydicom.data import get_testdata_files
from pydicom.uid import DeflatedExplicitVRLittleEndian

from mids.actions.deidentify import Texts
from mids.deid.headers.engine import Replacements, deidentify
from mids.deid.headers.rules import resolve
from mids.deid.keys import draw
from mids.deid.policy import chosen
from mids.deid.pseudonyms import Pseudonyms
from mids.deid.text.redact import redactor
from mids.errors import DataError

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy of dicom3tools is not installed"),
]
LARGEST = 3_000_000


def inputs() -> dict[str, list[Path]]:
    """pydicom's files, and those of the invented sources."""
    golden = (path for name in ("dicom", "fidac", "bimcv-covid19-raw") for path in (SOURCES / name).rglob("*"))
    found = {"pydicom": map(Path, get_testdata_files()), "golden": golden}
    return {
        name: [path for path in paths if path.is_file() and path.stat().st_size < LARGEST]
        for name, paths in found.items()
    }


def errors(path: Path) -> set[str]:
    """The errors of a file, without the values that they quote."""
    done = subprocess.run(["dciodvfy", "-new", path], capture_output=True, check=False)
    lines = done.stderr.decode("latin-1").splitlines()
    return {re.sub(r"<[^/>][^>]*>", "<>", line) for line in lines if line.startswith("Error")}


def read(path: Path) -> pydicom.Dataset | None:
    """A file that says what it is; None for others, and for deflated ones, which dciodvfy takes for broken."""
    try:
        dataset = pydicom.dcmread(path)
        is_deflated = dataset.file_meta.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian
    except Exception:  # whatever is broken on purpose
        return None
    is_listing = "DirectoryRecordSequence" in dataset
    return dataset if dataset.get("SOPClassUID") and not is_listing and not is_deflated else None


@pytest.mark.parametrize("policy", ["mids", "basic"])
@pytest.mark.parametrize("name", ["pydicom", "golden"])
def test_nothing_that_is_delivered_has_an_error_that_its_source_had_not(name: str, policy: str, tmp_path: Path) -> None:
    key, chosen_policy, judged = draw(), chosen(policy), 0
    rules, pseudonyms, texts = resolve(chosen_policy), Pseudonyms(key), redactor(chosen_policy, key)
    for path in inputs()[name]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            old = read(path)
            if old is None:
                continue
            known = Texts(old, "S42ABC", timedelta(weeks=-5600), texts)
            new = Replacements("S42ABC", known.shift, pseudonyms.uid, known, known.tells, known.label, known.forget)
            try:
                deidentify(old, rules, new).dataset.save_as(tmp_path / "new.dcm", enforce_file_format=True)
                old.save_as(tmp_path / "old.dcm", enforce_file_format=True)
            except (DataError, ValueError, AttributeError):
                continue
        judged += 1
        assert errors(tmp_path / "new.dcm") <= errors(tmp_path / "old.dcm"), path.name
    assert judged > 30
