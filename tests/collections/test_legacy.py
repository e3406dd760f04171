"""Sidecars of published datasets: whatever the layout, the header is the same."""

import json
from pathlib import Path

import pytest

from mids.collections.bimcv import legacy
from mids.errors import DataError
from mids.records import Json

ROWS: list[Json] = [
    {"tag1": "(0008,0008)", "vr": "CS", "value": "ORIGINAL\\PRIMARY", "tag2": "", "desc": "Image Type"},
    {"tag1": "(0008,0060)", "vr": "CS", "value": "DX", "tag2": "", "desc": "Modality"},
    {"tag1": "(0010,0010)", "vr": "PN", "value": "DOE^JANE", "tag2": "", "desc": "Patient&rsquo;s Name"},
    {"tag1": "(0018,0060)", "vr": "DS", "value": "110.5", "tag2": "", "desc": "KVP"},
    {"tag1": "(0028,0010)", "vr": "US", "value": "2048", "tag2": "", "desc": "Rows"},
    {"tag1": "(0018,5101)", "vr": "CS", "value": "", "tag2": "", "desc": "View Position"},
    {"tag1": "(0054,0220)", "vr": "SQ", "value": "", "tag2": "", "desc": "View Code Sequence"},
    {"tag1": "(0054,0220)", "vr": "SH", "value": "R-10214", "tag2": "(0008,0100)", "desc": "Code Value"},
]
MODEL: Json = {
    "00080008": {"vr": "CS", "Value": ["ORIGINAL", "PRIMARY"]},
    "00080060": {"vr": "CS", "Value": ["DX"]},
    "00100010": {"vr": "PN", "Value": [{"Alphabetic": "DOE^JANE"}]},
    "00180060": {"vr": "DS", "Value": [110.5]},
    "00280010": {"vr": "US", "Value": [2048]},
    "00185101": {"vr": "CS"},
    "00540220": {"vr": "SQ", "Value": [{"00080100": {"vr": "SH", "Value": ["R-10214"]}}]},
}
TEXTS: Json = {
    "ImageType": "['ORIGINAL', 'PRIMARY']", "Modality": "DX", "PatientName": "DOE^JANE", "KVP": "110.5",
    "Rows": "2048", "ViewPosition": "", "ViewCodeSequence": [{"CodeValue": "R-10214"}],
}  # fmt: skip
EXPECTED: dict[str, Json] = {
    "ImageType": ["ORIGINAL", "PRIMARY"], "Modality": "DX", "KVP": 110.5, "Rows": 2048,
    "ViewCodeSequence": [{"CodeValue": "R-10214", "CodeMeaning": "", "CodingSchemeDesignator": ""}],
}  # fmt: skip


@pytest.mark.parametrize(
    "content", [{"ResultSet": {"Result": ROWS}}, ROWS, MODEL, TEXTS], ids=["xnat", "rows", "dicom", "texts"]
)
def test_every_layout_gives_the_same_typed_header(content: Json) -> None:
    assert legacy.header(json.dumps(content).encode()) == EXPECTED


@pytest.mark.parametrize("text", [b"{", b"\xff\xfe", b"3", b"null", b"[1, 2]", b"[" * 100_000])
def test_what_is_no_sidecar_is_told(text: bytes) -> None:
    with pytest.raises(DataError) as caught:
        legacy.header(text)
    assert caught.value.code == "SIDECAR_UNREADABLE"


def test_columns_with_tags_are_a_header() -> None:
    row = {"filename": "a.png", "Modality (00080060)": "CR", "kvp (0018,0060)": "90", "Rows (00280010)": "x"}
    assert legacy.of_columns(row) == {"Modality": "CR", "KVP": 90.0}


@pytest.mark.shared
def test_real_sidecars_of_the_examples(shared: Path) -> None:
    found = {}
    for path in sorted((shared / "mids-examples").rglob("sub-*.json")):
        try:
            found[path.name] = legacy.header(path.read_bytes())
        except DataError as error:
            found[path.name] = {"broken": error.code}
    modalities = {str(header.get("Modality")) for header in found.values() if "broken" not in header}
    assert modalities == {"MR", "DX", "CR"}
    assert all(isinstance(header.get("Rows", 1), int) for header in found.values())
    assert sum("broken" in header for header in found.values()) < len(found) / 2
