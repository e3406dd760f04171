"""Checks every row of DICOM PS3.15 Table E.1-1 against what the standard says, for us and for other programs.

    python -m benchmarks.deidentification conformity
    python -m benchmarks.deidentification peers --python OTHER/bin/python

Both fill their table in benchmarks/README.md. The first de-identifies a synthetic CT that holds every row, at the top
level and in a nested item, by the Basic Profile and with each option. The second does the same by the Basic Profile
with the programs that the interpreter OTHER finds (``pip install dicognito dicom-anonymizer deid``, and in an
environment of its own, given by another ``--python``, ``rsna-anonymizer``, without its window).

What is right is worked out from the table alone (`Oracle`), with none of the engine's code.
"""

import argparse
import csv
import platform
import re
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pydicom
from pydicom import Dataset
from pydicom.data import get_testdata_file
from pydicom.dataelem import DataElement
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

from mids.deid.headers.engine import Replacements, deidentify
from mids.deid.headers.rules import resolve
from mids.deid.policy import Option, Policy

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "benchmarks" / "README.md"
TABLES = ROOT / "schemas" / "deid"
SHIFT = timedelta(weeks=-5555)
MARK = "CANARY"
FILES = 100
NEST = 0x52009229
"""SharedFunctionalGroupsSequence, which stands in no table and is kept: what it holds is nested."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["conformity", "peers"])
    parser.add_argument("--python", type=Path, action="append", help="the interpreter that finds the other programs")
    arguments = parser.parse_args()
    text = conformity() if arguments.what == "conformity" else peers(arguments.python)
    head = re.escape(f"<!-- made by benchmarks/deidentification.py: {arguments.what} -->\n")
    part = re.compile(rf"({head}).*?(<!-- end -->)", re.DOTALL)
    README.write_text(part.sub(lambda m: f"{m[1]}\n{text}\n\n{m[2]}", README.read_text("utf-8")), encoding="utf-8")
    print(text)


# --- a CT that holds every row -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table: an attribute, its VR, and its actions by column."""

    tag: int
    keyword: str
    vr: str
    codes: dict[str, str]


def rows() -> list[Row]:
    """The rows of one attribute each, read without the code of the engine."""
    lines = (TABLES / "table_e1_1.tsv").read_text(encoding="utf-8").splitlines()
    table = csv.DictReader((line for line in lines if not line.startswith("#")), delimiter="\t")
    return [_row(line) for line in table if "x" not in line["tag"] and line["tag"] != "odd"]


def _row(line: dict[str, str]) -> Row:
    codes = {key: value for key, value in line.items() if key not in ("tag", "keyword", "vr", "vm", "name") and value}
    return Row(int(line["tag"][1:5] + line["tag"][6:10], 16), line["keyword"], line["vr"] or "LO", codes)


def full(number: int = 0) -> Dataset:
    """A CT image with a value of its own in every row of the table, at the top level and in a nested item."""
    dataset = _filled(number)
    dataset.SOPClassUID = CTImageStorage
    dataset.add(DataElement(NEST, "SQ", [_filled(number + 10_000)]))
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = 128, 128, 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 0
    dataset.PixelData = bytes(128 * 128 * 2)
    block = dataset.private_block(0x0019, "SIEMENS MR HEADER", create=True)
    block.add_new(0x0C, "IS", "1000")  # B value, on the safe list
    block.add_new(0x99, "LO", f"{MARK} private")
    for tag, vr, value in _PATTERNS:
        dataset.add(DataElement(tag, vr, value))
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = CTImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    return dataset


_PATTERNS: tuple[tuple[int, str, Any], ...] = (
    (0x50003000, "OB", f"{MARK} curve!".encode()),
    (0x60003000, "OW", f"{MARK} overlay".encode()),
    (0x60004000, "LT", f"{MARK} overlay"),
)


def _filled(number: int) -> Dataset:
    dataset = Dataset()
    for place, row in enumerate(rows(), start=number * 1000):
        if row.tag >> 16 >= 8:
            dataset.add(DataElement(row.tag, row.vr, value(row, place)))
    return dataset


def value(row: Row, number: int) -> Any:
    """A value of the row's VR that nothing but itself can be."""
    text = f"{MARK}{number % 100_000_000}"
    if row.keyword == "TimezoneOffsetFromUTC":
        return "+0437"
    if "clean_descriptors" in row.codes and row.vr in ("LO", "SH", "ST", "LT", "UT", "CS"):
        return f"CT {text[:13]}"
    of_vr: dict[str, Any] = {
        "AS": "045Y", "DA": "20200317", "TM": "101112", "DT": "20200317101112", "DS": "77.5", "IS": "77", "US": 4242,
        "UI": f"1.2.276.{number + 7}", "OB": f"{text} ".encode()[: 2 * (len(text) // 2)], "UN": text.encode(),
        "UR": f"https://{text}.example", "SQ": [_inner(text)],
    }  # fmt: skip
    return of_vr.get(row.vr, text)


def _inner(text: str) -> Dataset:
    """An item with something that no profile keeps."""
    item = Dataset()
    item.PatientID = text
    return item


# --- what is right ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Oracle:
    """What the standard says of each row, by the profile and one option or none."""

    option: Option | None
    types: dict[str, str]

    def code(self, row: Row, *, nested: bool) -> set[str]:
        """The actions that are right: of a compound code that of the type in the IOD, in a nested item each of them."""
        code = row.codes.get(self.option, row.codes["basic"]) if self.option else row.codes["basic"]
        parts = code.replace("*", "").split("/")
        if len(parts) == 1 or nested:
            return set(parts)
        kind = self.types.get(row.keyword, "3")[0]
        weakest = {"3": "XZDU", "2": "ZDU", "1": "DU"}[kind]
        return {next((part for part in weakest if part in parts), parts[-1])}

    def is_right(self, row: Row, old: DataElement, new: Dataset, *, nested: bool = False) -> bool:
        """Whether a row was handled as one of the right actions says."""
        kept = new.get(row.tag)
        return any(self._is(action, row, old, kept) for action in self.code(row, nested=nested))

    def _is(self, action: str, row: Row, old: DataElement, new: DataElement | None) -> bool:
        if action == "X" or new is None:
            return new is None and (action == "X" or (action == "C" and "X" in row.codes["basic"]))
        is_gone = MARK not in content(new) and not (row.vr in ("OB", "UN") and new.value == old.value)
        if action == "K":
            return new.VR == old.VR and (is_gone if row.vr == "SQ" else new.value == old.value)
        if action == "Z":
            return is_gone and new.value != old.value
        if action == "U":
            is_uid = re.fullmatch(r"[\d.]{1,64}", str(new.value)) is not None
            return is_gone and (row.vr == "SQ" or (is_uid and new.value != old.value))
        if action == "C":
            return self._is_clean(row, old, new) and is_gone
        return is_gone and not new.is_empty and new.value != old.value and row.vr == new.VR

    def _is_clean(self, row: Row, old: DataElement, new: DataElement) -> bool:
        if row.vr in ("DA", "DT") and self.option == "retain_modified_dates":
            moved = date(2020, 3, 17) + SHIFT
            return str(new.value) == f"{moved:%Y%m%d}" + str(old.value)[8:]
        return True


def content(element: DataElement) -> str:
    """All that an element holds, at any depth, as text."""
    return "\n".join(map(str, element.value)) if element.VR == "SQ" else str(element.value)


def iod_types() -> dict[str, str]:
    """The types of CT Image's attributes that are not 3."""
    lines = (TABLES / "iod_types.tsv").read_text(encoding="utf-8").splitlines()
    line = next(line.split("\t") for line in lines if line.startswith("ct-image\t"))
    return dict(entry.split("=") for entry in line[2].split())


def wrong(option: Option | None, old: Dataset, new: Dataset) -> tuple[list[str], list[str]]:
    """The keywords of the rows that were not handled as the standard says, at the top level and nested."""
    oracle, known = Oracle(option, iod_types()), [row for row in rows() if row.tag >> 16 >= 8]
    top = [row.keyword for row in known if not oracle.is_right(row, old[row.tag], new)]
    inner, kept = old[NEST].value[0], new[NEST].value[0] if NEST in new and new[NEST].value else Dataset()
    return top, [row.keyword for row in known if not oracle.is_right(row, inner[row.tag], kept, nested=True)]


def wrong_patterns(option: Option | None, old: Dataset, new: Dataset) -> list[str]:
    """Which of the rows that are patterns, or no part of a dataset, are not as the standard says."""
    groups = [tag.group for tag in list(new.keys())]
    checks = {
        "(50xx,xxxx)": not any(group & 0xFF01 == 0x5000 for group in groups),
        "(60xx,3000)": 0x60003000 not in new,
        "(60xx,4000)": 0x60004000 not in new,
        "private": f"{MARK} private" not in str(new) and (0x0019100C in new) == (option == "retain_safe_private"),
        "groups 0000 to 0006": min(groups) >= 8,
        "MediaStorageSOPInstanceUID": new.file_meta.MediaStorageSOPInstanceUID == new.SOPInstanceUID,
    }
    return [name for name, is_right in checks.items() if not is_right]


# --- us ------------------------------------------------------------------------------------------------------


def replacements() -> Replacements:
    """Stand-ins for what a key makes."""
    return Replacements("S000", SHIFT, lambda uid: f"2.25.{int(sha256(uid.encode()).hexdigest()[:30], 16)}", str)


def options() -> list[Option | None]:
    """No option, and each that has a column."""
    lines = (TABLES / "table_e1_1.tsv").read_text(encoding="utf-8").splitlines()
    columns: list[Any] = next(line for line in lines if line.startswith("tag\t")).split("\t")[6:]
    return [None, *columns]


def cleaned(option: Option | None, old: Dataset) -> Dataset:
    """The dataset after the Basic Profile with one option or none."""
    policy = Policy("benchmark", frozenset([option] if option else []))
    return deidentify(old, resolve(policy), replacements()).dataset


def conformity() -> str:
    """The table of rows that are handled as the standard says, by option."""
    heads = ["| Basic Profile and | rows it changes | at the top level | in a nested item |", "|---|---|---|---|"]
    old, lines = full(), heads
    total = len(rows()) + len(_PATTERNS) + 1
    for option in options():
        new = cleaned(option, old)
        top, nested = wrong(option, old, new)
        top += wrong_patterns(option, old, new)
        changed = sum(option in row.codes for row in rows()) if option else len(rows())
        count = len([row for row in rows() if row.tag >> 16 >= 8])
        name = (option or "nothing").replace("_", " ")
        lines.append(f"| {name} | {changed} | {total - len(top)} of {total} | {count - len(nested)} of {count} |")
        for keyword in (*top, *nested):
            print("wrong:", option, keyword)
    return "\n".join(lines)


# --- others ----------------------------------------------------------------------------------------------------

PEERS = {
    "dicom-anonymizer": """
import sys
from pathlib import Path
from dicomanonymizer import anonymize
for path in sorted(Path(sys.argv[1]).iterdir()):
    anonymize(str(path), str(Path(sys.argv[2]) / path.name), {}, True)
""",
    "dicognito": """
import sys
from pathlib import Path
import pydicom
from dicognito.anonymizer import Anonymizer
one = Anonymizer()
for path in sorted(Path(sys.argv[1]).iterdir()):
    dataset = pydicom.dcmread(path)
    one.anonymize(dataset)
    dataset.save_as(Path(sys.argv[2]) / path.name)
""",
    "deid": """
import sys
from pathlib import Path
from deid.dicom import get_identifiers, replace_identifiers
paths = [str(path) for path in sorted(Path(sys.argv[1]).iterdir())]
replace_identifiers(paths, ids=get_identifiers(paths), save=True, output_folder=sys.argv[2], overwrite=True)
""",
    "rsna-anonymizer": """
import gettext, os, sys
from pathlib import Path
import pydicom
gettext.install("anonymizer")
import anonymizer
from anonymizer.controller.anonymizer import AnonymizerController
from anonymizer.model.project import ProjectModel
script = Path(anonymizer.__file__).parent / "assets/scripts/default-anonymizer.script"
project = ProjectModel(storage_dir=Path(sys.argv[2]) / "project", anonymizer_script_path=script)
for folder in (project.images_dir(), project.private_dir()):
    folder.mkdir(parents=True, exist_ok=True)
one = AnonymizerController(project)
for path in sorted(Path(sys.argv[1]).iterdir()):
    dataset = pydicom.dcmread(path)
    if one.anonymize(str(path), dataset) is None:
        dataset.save_as(Path(sys.argv[2]) / path.name)
sys.stdout.flush()
os._exit(0)
""",
}
"""How each program de-identifies the files of one folder into another, as it is delivered."""

OURS = """
import sys
from pathlib import Path
import pydicom
from benchmarks.deidentification import replacements
from mids.deid.engine import deidentify
from mids.deid.policy import preset
from mids.deid.rules import resolve
rules, new = resolve(preset("basic")), replacements()
for path in sorted(Path(sys.argv[1]).iterdir()):
    dataset = deidentify(pydicom.dcmread(path), rules, new).dataset
    dataset.save_as(Path(sys.argv[2]) / path.name, enforce_file_format=True)
"""


def peers(pythons: Sequence[Path]) -> str:
    """The table of programs: rows that are right (any part of a compound code), values gone, files per second."""
    names = (
        "program | right | value gone | value gone in a nested item | full files per second | CT of 39 KB per second"
    )
    heads = [f"| {names} |", "|---|---|---|---|---|---|"]
    with tempfile.TemporaryDirectory() as scratch:
        folders = _inputs(Path(scratch))
        lines = [_line("mids", Path(sys.executable), OURS, folders)]
        for name, script in PEERS.items():
            there = next(((python, found) for python in pythons if (found := _version(python, name))), None)
            lines += [_line(f"{name} {there[1]}", there[0], script, folders)] if there else []
    where = (
        f"{platform.system()}, {FILES} files each, by second of processor time in one process, its start not counted."
    )
    return "\n".join([*heads, *lines, "", where])


def _inputs(scratch: Path) -> tuple[Path, Path, Path]:
    """One file that holds every row, as many of them as are timed, and plain CT images of 39 KB."""
    one, many, plain = (scratch / name for name in ("one", "many", "plain"))
    for folder in (one, many, plain):
        folder.mkdir()
    full().save_as(one / "0.dcm", enforce_file_format=True)
    template = pydicom.dcmread(str(get_testdata_file("CT_small.dcm")))
    for number in range(FILES):
        full(number).save_as(many / f"{number}.dcm", enforce_file_format=True)
        template.SOPInstanceUID = template.file_meta.MediaStorageSOPInstanceUID = UID(f"1.2.276.{number}")
        template.save_as(plain / f"{number}.dcm")
    return one, many, plain


def _line(name: str, python: Path, script: str, folders: Sequence[Path]) -> str:
    seconds, made = zip(*(_run(python, script, folder) for folder in folders), strict=True)
    output = made[0] / "0.dcm"
    if not output.exists():
        return f"| {name} | fails | fails | fails | – | – |"
    old, new, oracle = full(), pydicom.dcmread(output), Oracle(None, {})
    known = [row for row in rows() if row.tag >> 16 >= 8]
    inner = new[NEST].value[0] if NEST in new and new[NEST].value else Dataset()
    counts = (
        sum(not oracle.is_right(row, old[row.tag], new, nested=True) for row in known),
        sum(_stayed(row, old, new) for row in known),
        sum(_stayed(row, old[NEST].value[0], inner) for row in known),
    )
    rates = [FILES / max(total - seconds[0], 1e-6) for total in seconds[1:]]
    shares = [f"{100 * (1 - count / len(known)):.1f} %" for count in counts]
    return f"| {name} | {' | '.join(shares)} | {rates[0]:.0f} | {rates[1]:.0f} |"


def _stayed(row: Row, old: Dataset, new: Dataset) -> bool:
    """Whether a value is still there."""
    if row.tag not in new:
        return False
    return MARK in content(new[row.tag]) or (row.vr != "SQ" and new[row.tag].value == old[row.tag].value)


def _run(python: Path, script: str, folder: Path) -> tuple[float, Path]:
    """Seconds of processor time that a script took, and where its files are."""
    output = Path(tempfile.mkdtemp(dir=folder.parent))
    start = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([python, "-W", "ignore", "-c", script, folder, output], cwd=ROOT, capture_output=True, check=False)
    end = resource.getrusage(resource.RUSAGE_CHILDREN)
    return end.ru_utime + end.ru_stime - start.ru_utime - start.ru_stime, output


def _version(python: Path, name: str) -> str:
    script = f"from importlib.metadata import version; print(version({name!r}))"
    return subprocess.run([python, "-c", script], capture_output=True, text=True, check=False).stdout.strip()


if __name__ == "__main__":
    main()
