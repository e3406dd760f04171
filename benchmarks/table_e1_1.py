"""A CT that holds every row of DICOM PS3.15 Table E.1-1, and what the standard says of each row.

What is right is worked out from the table alone (`Oracle`), with none of the engine's code.
"""

import csv
import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from pydicom import Dataset
from pydicom.dataelem import DataElement
from pydicom.dataset import FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from mids.deid.policy import Option
from mids.resources import schemas

TABLES = schemas() / "deid"
SHIFT = timedelta(weeks=-5555)
MARK = "CANARY"
NEST = 0x52009229
"""SharedFunctionalGroupsSequence, which stands in no table and is kept: what it holds is nested."""


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


def options() -> list[Option | None]:
    """No option, and each that has a column."""
    lines = (TABLES / "table_e1_1.tsv").read_text(encoding="utf-8").splitlines()
    columns: list[Any] = next(line for line in lines if line.startswith("tag\t")).split("\t")[6:]
    return [None, *columns]


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
    for tag, vr, value in PATTERNS:
        dataset.add(DataElement(tag, vr, value))
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = CTImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    return dataset


PATTERNS: tuple[tuple[int, str, Any], ...] = (
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
