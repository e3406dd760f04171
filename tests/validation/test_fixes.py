"""Repairs: the defect is gone, nothing else is changed, and what can't be undone is never done."""

import gzip
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from places import EXAMPLES

from mids import testing
from mids.errors import MidsError
from mids.testing import Change
from mids.validation import fixes
from mids.validation.runner import validate

FROM_EXAMPLES = (
    "BIDSIGNORE_MISSING",
    "CELL_BLANKS",
    "TABLE_BLANK_LINE",
    "TABLE_BYTE_ORDER_MARK",
    "TABLE_LINE_ENDS",
)
LABELS = "derivatives/labels/labels.tsv"
SECRET = b"Nobody_Invented.nii"


def contents(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def mend_code(root: Path, code: str) -> dict[str, tuple[bytes | None, bytes]]:
    """The files that repairing a code changes: before and after."""
    before = contents(root)
    fixes.apply(fixes.plan(root, select=frozenset({code})))
    after = contents(root)
    assert after.keys() >= before.keys()
    return {path: (before.get(path), data) for path, data in after.items() if before.get(path) != data}


@pytest.mark.parametrize("code", FROM_EXAMPLES)
def test_the_code_is_gone_and_no_other_file_changed(code: str, tmp_path: Path) -> None:
    root = tmp_path / "dataset"
    shutil.copytree(EXAMPLES / "broken" / code, root)
    planned = fixes.plan(root, select=frozenset({code}))
    assert {path for fix in planned for path in [fix.path]} == mend_code(root, code).keys() != set()
    assert code not in {issue.code for issue in validate(root, deep=True)}
    assert fixes.plan(root, select=frozenset({code})) == ()


CUIS = "participant_id\tlabels\tlabel_cuis\nsub-S1\t{}\t{}\n"
DEFECTS: Mapping[str, Mapping[str, Change]] = {
    "GZIP_TIME": {f"{testing.VOLUME}.nii.gz": testing.gz(testing.nifti((4, 4, 3)), time=1579000000)},
    "PRIVACY_GZIP_NAME": {f"{testing.VOLUME}.nii.gz": testing.gz(testing.nifti((4, 4, 3)), name=SECRET)},
    "LABEL_BLANKS": {LABELS: CUIS.format('["nodule "]', '["C0028259"]')},
    "LABEL_DUPLICATED": {LABELS: CUIS.format('["nodule", "nodule"]', '["C0028259", "C0028259"]')},
}


@pytest.mark.parametrize("code", DEFECTS)
def test_the_validator_no_longer_finds_what_was_mended(code: str, tmp_path: Path) -> None:
    root = testing.dataset(tmp_path, DEFECTS[code])
    before = {issue.code for issue in validate(root, deep=True)}
    assert code in before
    assert mend_code(root, code).keys() == DEFECTS[code].keys()
    assert {issue.code for issue in validate(root, deep=True)} == before - {code}


@pytest.mark.slow
def test_every_broken_example_keeps_what_it_says(tmp_path: Path) -> None:
    """All repairs on all examples: no file goes, no image changes but in its gzip header, no code comes."""
    for example in sorted(path for path in (EXAMPLES / "broken").iterdir() if path.is_dir()):
        root = tmp_path / example.name
        shutil.copytree(example, root)
        before, codes = contents(root), {issue.code for issue in validate(root)}
        planned = fixes.plan(root)
        assert contents(root) == before, "planning writes nothing"
        fixes.apply(planned)
        after = contents(root)
        headers = {fix.path for fix in planned if not fix.whole}
        assert all(gzip.decompress(after[path]) == gzip.decompress(before[path]) for path in headers)
        images = {path for path in before if path.endswith((".png", ".nii", ".gz"))} - headers
        assert all(after[path] == before[path] for path in images)
        assert after.keys() >= before.keys()
        assert {issue.code for issue in validate(root)} <= codes
        assert fixes.plan(root) == ()


def test_a_dataset_that_lacks_nothing_is_left_alone(tmp_path: Path) -> None:
    root = testing.dataset(tmp_path)
    fixes.apply(fixes.plan(root))
    assert fixes.plan(root) == ()
    assert validate(root, deep=True).issues == ()


# --- text ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "codes"),
    [
        (b"a\tb\r\n1\t2\r\n", b"a\tb\n1\t2\n", {"TABLE_LINE_ENDS"}),
        (b"a\tb\r1\t2\r", b"a\tb\n1\t2\n", {"TABLE_LINE_ENDS"}),
        (b"\xef\xbb\xbfa\tb\r\n1\t2", b"a\tb\n1\t2", {"TABLE_LINE_ENDS", "TABLE_BYTE_ORDER_MARK"}),
        (b"a\tb\n\n1\t2\n  \n", b"a\tb\n1\t2\n", {"TABLE_BLANK_LINE"}),
        # What one column of missing values means is not ours to decide, nor is a carriage return inside a cell.
        (b"a\n\n1\n", None, set()),
        (b"a\tb\n1\r\t2\n", None, set()),
        (b"a\tb\n\t\n", None, set()),
        ("a\tb\r\n1\t2\r\n".encode("utf-16"), None, set()),
        (b"a\tb\r\n1\tM\xe1laga\r\n", None, set()),
        (b"", None, set()),
    ],
)
def test_text_of_a_table(old: bytes, new: bytes | None, codes: set[str], tmp_path: Path) -> None:
    root = testing.dataset(tmp_path, {"phenotype/smoking.tsv": old})
    found = [fix for fix in fixes.plan(root) if fix.path == "phenotype/smoking.tsv"]
    fixes.apply(found)
    assert (root / "phenotype" / "smoking.tsv").read_bytes() == (old if new is None else new)
    assert {code for fix in found for code in fix.codes} == codes


def test_blanks_in_cells_and_in_names_of_columns(tmp_path: Path) -> None:
    table = b"participant_id\t age\tsex\tmodalities\tbody_parts\tnote\nsub-S1\t40\t F \tdx\tchest\t as said \n"
    root = testing.dataset(tmp_path, {testing.PARTICIPANTS: table})
    [fix] = [fix for fix in fixes.plan(root) if fix.path == testing.PARTICIPANTS]
    assert fix.codes == ("CELL_BLANKS", "COLUMN_NAME")
    assert fix.after == b"participant_id\tage\tsex\tmodalities\tbody_parts\tnote\nsub-S1\t40\tF\tdx\tchest\t as said \n"


def test_columns_of_one_name_are_both_kept(tmp_path: Path) -> None:
    table = b"participant_id\tsex\tsex\r\nsub-S1\t F\tM\r\n"
    root = testing.dataset(tmp_path, {testing.PARTICIPANTS: table})
    assert mend_code(root, "TABLE_LINE_ENDS") == {testing.PARTICIPANTS: (table, table.replace(b"\r", b""))}


def test_a_byte_order_mark_makes_json_invalid_and_goes(tmp_path: Path) -> None:
    path = f"{testing.PICTURE}.json"
    changes: Mapping[str, Change] = {path: lambda data: b"\xef\xbb\xbf" + data}
    testing.expect(tmp_path, changes, "JSON_INVALID")
    root = tmp_path / "dataset"
    assert mend_code(root, "JSON_INVALID") == {path: (b"\xef\xbb\xbf" + testing.files()[path], testing.files()[path])}


# --- labels ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("labels", "cuis", "new", "codes"),
    [
        ('["nodule", " nodule"]', '["C1", "C1"]', ('["nodule"]', '["C1"]'), {"LABEL_BLANKS", "LABEL_DUPLICATED"}),
        ('["a", "b", "a"]', '["C1", "C2", "C1"]', ('["a", "b"]', '["C1", "C2"]'), {"LABEL_DUPLICATED"}),
        ('[" opacidad lobar ", "ñ"]', '["C1", "C2"]', ('["opacidad lobar", "ñ"]', '["C1", "C2"]'), {"LABEL_BLANKS"}),
        ('["nodule", "nodule"]', "n/a", ('["nodule"]', "n/a"), {"LABEL_DUPLICATED"}),
        # Two CUIs for one term, lists that do not fit, and no list at all: a person must look.
        ('["nodule", "nodule "]', '["C1", "C2"]', None, set()),
        ('["nodule", "nodule "]', '["C1"]', None, set()),
        ("[nodule, nodule ]", '["C1", "C1"]', None, set()),
        ('["nodule", ["nodule"]]', '["C1", "C1"]', None, set()),
        ('["Nodule", "nodule"]', '["C1", "C1"]', None, set()),
        ("[]", "[]", None, set()),
    ],
)
def test_labels_that_are_the_same_without_blanks(
    labels: str, cuis: str, new: tuple[str, str] | None, codes: set[str], tmp_path: Path
) -> None:
    root = testing.dataset(tmp_path, {LABELS: CUIS.format(labels, cuis)})
    found = [fix for fix in fixes.plan(root) if fix.path == LABELS]
    fixes.apply(found)
    assert (root / LABELS).read_text(encoding="utf-8") == CUIS.format(*(new or (labels, cuis)))
    assert {code for fix in found for code in fix.codes} == codes


# --- gzip ------------------------------------------------------------------------------------------------


def test_name_and_time_leave_a_gzip_header_and_the_data_stay(tmp_path: Path) -> None:
    volume = testing.nifti((4, 4, 3))
    path = f"{testing.VOLUME}.nii.gz"
    root = testing.dataset(tmp_path, {path: testing.gz(volume, name=SECRET, time=1579000000)})
    [fix] = [fix for fix in fixes.plan(root) if fix.path == path]
    assert fix.codes == ("GZIP_TIME", "PRIVACY_GZIP_NAME")
    assert SECRET.decode() not in fix.diff + repr(fix)
    fixes.apply([fix])
    assert (root / path).read_bytes() == testing.gz(volume)
    assert gzip.decompress((root / path).read_bytes()) == volume


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=60)
@given(
    flags=st.integers(0, 31),
    time=st.binary(min_size=4, max_size=4),
    extra=st.binary(max_size=40),
    texts=st.lists(st.binary(max_size=20).map(lambda text: text.replace(b"\0", b"")), min_size=2, max_size=2),
    data=st.binary(max_size=2000),
)
def test_every_gzip_header_unpacks_to_the_same(
    flags: int, time: bytes, extra: bytes, texts: list[bytes], data: bytes, tmp_path: Path
) -> None:
    parts = {4: len(extra).to_bytes(2, "little") + extra, 8: texts[0] + b"\0", 16: texts[1] + b"\0"}
    optional = b"".join(part for flag, part in parts.items() if flags & flag)
    head = b"\x1f\x8b\x08" + bytes([flags & ~2]) + time + b"\0\xff" + optional
    file = head + testing.gz(data)[10:]
    path = f"{testing.VOLUME}.nii.gz"
    root = testing.dataset(tmp_path, {path: file})
    fixes.apply(fix for fix in fixes.plan(root) if fix.path == path)
    after = (root / path).read_bytes()
    assert gzip.decompress(after) == data
    assert after[4:8] == bytes(4)
    says_something = time != bytes(4) or any(flags & flag and text for flag, text in ((8, texts[0]), (16, texts[1])))
    assert (after != file) is says_something
    assert after == file or after[3] & (2 | 8 | 16) == 0
    assert [fix for fix in fixes.plan(root) if fix.path == path] == []


def test_a_name_that_is_the_file_s_own_tells_nothing(tmp_path: Path) -> None:
    path = f"{testing.VOLUME}.nii.gz"
    own = path.rpartition("/")[2].removesuffix(".gz").encode()
    root = testing.dataset(tmp_path, {path: testing.gz(testing.nifti((4, 4, 3)), name=own)})
    assert [fix for fix in fixes.plan(root) if fix.path == path] == []


def test_what_is_no_gzip_file_is_left_alone(tmp_path: Path) -> None:
    for data in (
        b"",
        b"\x1f\x8b",
        b"\x1f\x8b\x08\x08" + b"\1" * 6 + b"a name without an end",
        testing.nifti((2, 2, 2)),
    ):
        root = testing.dataset(tmp_path, {f"{testing.VOLUME}.nii.gz": data})
        assert not any(fix.path.endswith(".gz") for fix in fixes.plan(root))


# --- files that are missing ------------------------------------------------------------------------------


def test_a_line_is_added_to_bidsignore(tmp_path: Path) -> None:
    root = testing.dataset(tmp_path, {".bidsignore": "extra/"})
    assert mend_code(root, "BIDSIGNORE_MISSING") == {".bidsignore": (b"extra/", b"extra/\n**/mim-*\n")}


def test_dictionaries_of_known_tables(tmp_path: Path) -> None:
    own = '{"labels": {"Description": "ours"}}'
    root = testing.dataset(
        tmp_path, {LABELS: "participant_id\tlabels\nsub-S1\t[]\n", "derivatives/labels/labels.json": own}
    )
    made = {fix.path: fix for fix in fixes.plan(root)}
    assert made.keys() == {"participants.json", "sessions.json", "scans.json"}
    assert '"Units": "a"' in made["participants.json"].after.decode()
    assert "+++ b/participants.json" in made["participants.json"].diff
    assert "--- /dev/null" in made["participants.json"].diff


# --- writing ---------------------------------------------------------------------------------------------


def test_a_file_that_changed_meanwhile_is_not_written(tmp_path: Path) -> None:
    root = testing.dataset(tmp_path, {testing.PARTICIPANTS: testing.replaced(b"\n", b"\r\n"), ".bidsignore": None})
    planned = fixes.plan(root)
    (root / testing.PARTICIPANTS).write_bytes(b"participant_id\r\n")
    (root / ".bidsignore").write_bytes(b"ours\n")
    for path in (testing.PARTICIPANTS, ".bidsignore"):
        with pytest.raises(MidsError, match="changed since"):
            fixes.apply(fix for fix in planned if fix.path == path)
    assert (root / testing.PARTICIPANTS).read_bytes() == b"participant_id\r\n"
    assert (root / ".bidsignore").read_bytes() == b"ours\n"


def test_permissions_stay_and_nothing_else_is_left_behind(tmp_path: Path) -> None:
    root = testing.dataset(tmp_path, {testing.PARTICIPANTS: testing.replaced(b"\n", b"\r\n")})
    (root / testing.PARTICIPANTS).chmod(0o640)
    fixes.apply(fixes.plan(root, select=frozenset({"TABLE_LINE_ENDS"})))
    assert (root / testing.PARTICIPANTS).stat().st_mode & 0o777 == 0o640
    assert contents(root) == testing.files()


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_a_link_is_left_alone(tmp_path: Path) -> None:
    root = testing.dataset(tmp_path, {"code/participants.tsv": testing.files()[testing.PARTICIPANTS] + b"\n"})
    (root / testing.PARTICIPANTS).unlink()
    (root / testing.PARTICIPANTS).symlink_to("code/participants.tsv")
    assert testing.PARTICIPANTS not in {fix.path for fix in fixes.plan(root)}


@pytest.mark.skipif(not hasattr(os, "seteuid"), reason="permissions of Windows are others")
def test_what_cannot_be_read_is_passed_over() -> None:
    # pytest's own folder is closed to other users, so the dataset lies in one of its own.
    with tempfile.TemporaryDirectory() as folder:
        lines: Mapping[str, Change] = {testing.SESSIONS: testing.replaced(b"\n", b"\r\n")}
        root = testing.dataset(Path(folder), {testing.PARTICIPANTS: testing.replaced(b"\n", b"\r\n"), **lines})
        for path in (Path(folder), *root.rglob("*")):
            path.chmod(0o755)
        root.chmod(0o755)
        (root / testing.PARTICIPANTS).chmod(0)
        own = os.geteuid()
        if own == 0:
            os.seteuid(65534)
        try:
            planned = fixes.plan(root, select=frozenset({"TABLE_LINE_ENDS"}))
        finally:
            os.seteuid(own)
        assert [fix.path for fix in planned] == [testing.SESSIONS]


def test_no_folder_is_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(MidsError, match="no such folder"):
        fixes.plan(tmp_path / "absent")


def test_a_diff_shows_what_cannot_be_seen(tmp_path: Path) -> None:
    changes: Mapping[str, Change] = {"phenotype/smoking.tsv": b"\xef\xbb\xbfparticipant_id\tx\r\nsub-S1\t\x1b[31m\r\n"}
    [fix] = [f for f in fixes.plan(testing.dataset(tmp_path, changes)) if f.path.startswith("phenotype")]
    assert fix.diff.splitlines() == [
        "--- a/phenotype/smoking.tsv",
        "+++ b/phenotype/smoking.tsv",
        "@@ -1,2 +1,2 @@",
        "-\\ufeffparticipant_id\tx\\r",
        "-sub-S1\t\\x1b[31m\\r",
        "+participant_id\tx",
        "+sub-S1\t\\x1b[31m",
    ]
