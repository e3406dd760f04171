"""The canaries are where they should be, and whoever looks for them finds them, however they are packed."""

import base64
import gzip
import io
import struct
import zlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from canaries import Seeker, Source, views
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian

from example_datasets.canary import Cage, code, table
from example_datasets.canary_study import ct, write_dataset
from example_datasets.generators.dicomfile import encode
from mids.deid.policy import Policy


@pytest.mark.slow
def test_every_canary_is_another(study: Source) -> None:
    counts = Counter((c.kind, c.form) for c in study.cage.all if c.kind != "small")
    assert max(counts.values()) == 1
    assert len(counts) > 30_000


@pytest.mark.slow
def test_every_canary_is_in_the_source_and_is_found_there(study: Source) -> None:
    found = {one.canary for one in study.seeker.everywhere(study.folder)}
    assert [c.place for c in set(study.cage.all) - found if c.kind != "small"] == []


def test_every_row_of_the_table_is_planted_at_the_top_and_three_sequences_deep(study: Source) -> None:
    """But for those of messages, of the file meta and of a DICOMDIR; Patient's Sex is real at the top."""
    wanted = {tag for tag in table() if tag >> 16 > 4}
    assert len(wanted) == 649
    assert {c.path[0] for c in study.cage.all if c.path} >= wanted - {0x00100040}
    assert {c.path[3] for c in study.cage.all if len(c.path) > 3} >= wanted


def test_the_table_says_what_an_option_keeps() -> None:
    """PS3.15 Table E.1-1: Patient's Age, Institution Name, Study Date, SOP Instance UID."""
    assert code(0x00101010, {"retain_patient_characteristics"}) == "K"
    assert code(0x00080080, {"clean_descriptors"}) == "X/Z/D"
    assert code(0x00080020, {"retain_modified_dates"}) == "C"
    assert code(0x00080018, ()) == "U"
    assert code(0x00080070, ()) is None
    assert code(0x00190010, ()) == code(0x50020010, ()) == code(0x60023000, ()) == "X"


def test_the_table_is_that_of_edition_2026d() -> None:
    """Counted by another transcription of PS3.15 Table E.1-1, without its four rows for groups of attributes."""
    basic = {"X": 413, "D": 93, "U": 55, "Z": 42, "X/D": 23, "X/Z": 11, "X/Z/D": 8, "Z/D": 6, "X/Z/U*": 2}
    assert Counter(row.basic for row in table().values()) == basic
    assert Counter(pair for row in table().values() for pair in row.options.items()) == {
        ("retain_uids", "K"): 60, ("retain_device_identity", "K"): 48, ("retain_device_identity", "C"): 11,
        ("retain_institution_identity", "K"): 10, ("retain_patient_characteristics", "K"): 14,
        ("retain_patient_characteristics", "C"): 5, ("retain_full_dates", "K"): 169,
        ("retain_modified_dates", "C"): 169,
        ("clean_descriptors", "C"): 141, ("clean_structured_content", "C"): 4, ("clean_graphics", "C"): 1,
    }  # fmt: skip


def test_what_may_survive_follows_the_table_and_its_ancestors() -> None:
    cage = Cage()
    cage.word("f", 0x00080082, 0x00080080)  # Institution Name in Institution Code Sequence
    basic, retained = Policy(), Policy(options=frozenset({"retain_institution_identity"}))
    assert not cage.all[0].may_survive(basic)
    assert cage.all[0].may_survive(retained)
    cage.word("f", 0x00101002, 0x00080080)  # in Other Patient IDs Sequence, which always goes
    assert not cage.all[1].may_survive(retained)


# --- the seeker ------------------------------------------------------------------------------------------------


def _forms() -> tuple[Seeker, str, str]:
    cage = Cage()
    return Seeker(cage.all), cage.word("f", 0x00100010), cage.day("f", 0x00100030)


def _find_canaries(content: bytes) -> set[str]:
    cage = Cage()
    cage.word("f", 0x00100010), cage.day("f", 0x00100030)
    seeker = Seeker(cage.all)
    return {one.canary.form for view, part in views(content) for one in seeker.search(view, part)}


WORD, DAY = _forms()[1:]


@pytest.mark.parametrize(
    "content",
    [
        WORD.encode(), WORD.lower().encode(), f"ñ{WORD}€".encode("utf-16-le"), f"x{WORD}".encode("utf-16"),
        WORD.encode("utf-32"), gzip.compress(WORD.encode(), mtime=0), f'{{"a": "{WORD}"}}'.encode(),
        f'{{"a": "\\u0043{WORD[1:]}"}}'.encode(),
    ],
)  # fmt: skip
def test_words_are_found_in_every_encoding(content: bytes) -> None:
    assert WORD.lower() in _find_canaries(content)


@pytest.mark.parametrize("offset", range(3))
def test_words_are_found_in_base64_and_in_hexadecimal_digits(offset: int) -> None:
    packed = base64.b64encode(b"abc"[:offset] + WORD.encode() + b"abcd")
    for content in (packed, WORD.encode().hex().encode(), WORD.encode().hex().upper().encode()):
        assert _find_canaries(b"<" + content + b">"), content


@pytest.mark.parametrize(
    "form",
    ["{y}{m}{d}", "{y}-{m}-{d}", "{d}/{m}/{y}", "{m}/{d}/{y}", "{d}.{m}.{y}", "{y}{m}{d}101112.5", "{y}:{m}:{d} "],
)
def test_days_are_found_in_every_notation(form: str) -> None:
    text = form.format(y=DAY[:4], m=DAY[4:6], d=DAY[6:])
    assert DAY in _find_canaries(text.encode())
    assert DAY not in _find_canaries(f"7{text}".encode())


def test_words_are_found_in_the_chunks_and_in_the_scan_lines_of_a_png() -> None:
    for kind, data in (
        (b"zTXt", b"Title\0\0" + zlib.compress(WORD.encode())),
        (b"iTXt", b"Title\0\1\0\0\0" + zlib.compress(WORD.encode())),
        (b"IDAT", zlib.compress(b"\0" + WORD.encode())),
    ):
        chunk = struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        assert WORD.lower() in _find_canaries(b"\x89PNG\r\n\x1a\n" + chunk), kind


def test_words_are_found_in_a_deflated_file_and_above_bits_stored() -> None:
    cage = Cage()
    dataset = dcmread(io.BytesIO(write_dataset(cage, ct(cage, "f", {}, 0), "f", rich=False)))
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dataset.PatientComments = WORD
    assert WORD.lower() in _find_canaries(encode(dataset))
    text = np.frombuffer(WORD.encode(), np.uint8)
    values = np.stack([text >> 4, text & 15], 1).reshape(-1).astype("<u2") << 12 | 77
    hidden = Dataset()
    hidden.file_meta = dataset.file_meta
    hidden.BitsAllocated, hidden.PixelData = 16, values.tobytes()
    assert WORD.lower() in _find_canaries(encode(hidden))
    assert WORD.lower() in _find_canaries(bytes(344) + b"n+1\0" + bytes(4) + values.tobytes())


def test_other_texts_are_no_canaries(tmp_path: Path) -> None:
    (tmp_path / "canary.txt").write_text("canary CANARYXX 2.25.123 20260101 1777 12:13:14", encoding="utf-8")
    cage = Cage()
    for number in range(1000):
        cage.value(("LO", "DA", "DS", "UI", "TM")[number % 5], "f", number)
    assert not list(Seeker(cage.all).everywhere(tmp_path))
