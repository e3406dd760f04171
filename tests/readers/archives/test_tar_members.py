"""Members of tar archives: whatever order they are asked for in, each is what was packed."""

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mids.errors import DataError
from mids.readers.archives.files import archive_order, open_source
from mids.records import Source

MEMBERS = {f"{letter}/{number}": f"{letter}{number}".encode() * 50 for letter in "ba" for number in (2, 10, 1)}


def pack_members(folder: Path, name: str, members: Mapping[str, bytes]) -> Path:
    mode = "w:gz" if name.endswith("gz") else "w"
    with tarfile.open(folder / name, mode) as archive:  # type: ignore[call-overload]
        for path, content in members.items():
            info = tarfile.TarInfo(path)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return folder / name


@given(st.lists(st.tuples(st.sampled_from(["x.tar", "y.tar.gz"]), st.sampled_from(sorted(MEMBERS))), max_size=15))
def test_members_in_any_order(asked: list[tuple[str, str]]) -> None:
    with TemporaryDirectory() as folder:
        for name in ("x.tar", "y.tar.gz"):
            pack_members(Path(folder), name, MEMBERS)
        for name, member in asked:
            with open_source(Path(folder), Source(name, member)) as stream:
                assert stream.read() == MEMBERS[member]


def test_the_place_of_each_member(tmp_path: Path) -> None:
    pack_members(tmp_path, "x.tar.gz", MEMBERS)
    assert archive_order(tmp_path, "x.tar.gz") == {name: number for number, name in enumerate(MEMBERS)}
    (tmp_path / "broken.tar").write_bytes(b"no tar at all")
    (tmp_path / "plain.png").write_bytes(b"")
    assert archive_order(tmp_path, "broken.tar") == archive_order(tmp_path, "plain.png") == {}


def test_a_member_that_is_not_there_and_one_after_it(tmp_path: Path) -> None:
    pack_members(tmp_path, "x.tar", MEMBERS)
    for member in ("c/1", "c/1"):
        with pytest.raises(DataError) as caught:
            open_source(tmp_path, Source("x.tar", member))
        assert caught.value.code == "SOURCE_UNREADABLE"
    with open_source(tmp_path, Source("x.tar", "a/1")) as stream:
        assert stream.read() == MEMBERS["a/1"]


def test_an_archive_that_changed_is_read_anew(tmp_path: Path) -> None:
    for content in (b"old", b"new"):
        path = pack_members(tmp_path, "x.tar", {"a": b"", "b": content})
        source = Source("x.tar", "b", mtime_ns=path.stat().st_mtime_ns)
        with open_source(tmp_path, source) as stream:
            assert stream.read() == content
