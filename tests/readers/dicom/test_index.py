"""The index of headers: what it holds equals what the files say, and a second run reads only what changed."""

import os
import sqlite3
import stat
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from places import SOURCES

from mids.readers.archives.files import walk
from mids.readers.dicom.grouping.series import by_subject
from mids.readers.dicom.headers import Instance
from mids.readers.dicom.index import Index, packed
from mids.readers.dicom.scan import Scanner, scan
from mids.records import R, Source, T

INPUT = SOURCES / "dicom" / "input"


class Counting:
    """`map` that counts the files it hands out."""

    def __init__(self) -> None:
        self.paths: list[str] = []

    def __call__(self, function: object, items: Iterable[T], /) -> Iterator[R]:
        for batch in items:
            self.paths += [source.path for source in batch]  # type: ignore[attr-defined]
            yield function(batch)  # type: ignore[operator]


def read(root: Path, folder: Path | None) -> tuple[list[str], list[Instance], list[str]]:
    """The paths that were read, the instances, and the other files and issues, through the index."""
    counting = Counting()
    with Scanner(counting, folder).scan(root) as found:
        rest = [source.name for source in found.others()] + [f"{issue.code} {issue.path}" for issue in found.issues()]
        return sorted(counting.paths), list(found.instances()), sorted(rest)


def test_the_index_says_what_the_files_say() -> None:
    plain = scan(list(walk(INPUT)), INPUT)
    _, instances, rest = read(INPUT, None)
    assert instances == sorted(plain.instances, key=lambda instance: (instance.source.path, instance.source.member))
    assert rest == sorted([o.name for o in plain.others] + [f"{i.code} {i.path}" for i in plain.issues])
    with Scanner().scan(INPUT) as found:
        by_path = sorted(plain.instances, key=lambda instance: (instance.source.path, instance.source.member))
        assert list(found.by_subject()) == list(by_subject(by_path))


def test_a_second_run_reads_nothing(tmp_path: Path) -> None:
    first = read(INPUT, tmp_path)
    again = read(INPUT, tmp_path)
    assert again[1:] == first[1:]
    with_issues = {text.split(" ", 1)[1].split("!")[0] for text in first[2] if text.split(" ")[0].isupper()}
    assert len(first[0]) > 20
    assert set(again[0]) == with_issues  # what could not be read is tried again
    (index,) = tmp_path.glob("index-*.sqlite")
    assert stat.S_IMODE(index.stat().st_mode) == 0o600


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder with two instances, one of them in an archive, and a text."""
    folder = tmp_path / "source"
    folder.mkdir()
    files = sorted(path for path in INPUT.rglob("*") if path.is_file() and path.read_bytes()[128:132] == b"DICM")
    (folder / "a.dcm").write_bytes(files[0].read_bytes())
    with zipfile.ZipFile(folder / "b.zip", "w") as archive:
        archive.write(files[1], "inside.dcm")
    (folder / "c.txt").write_text("text")
    return folder


def test_only_what_changed_is_read(source: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    assert read(source, state)[0] == ["a.dcm", "b.zip", "c.txt"]
    os.utime(source / "a.dcm", ns=(5, 5))
    (source / "d.txt").write_text("new")
    paths, instances, rest = read(source, state)
    assert paths == ["a.dcm", "d.txt"]
    assert [instance.source.name for instance in instances] == ["a.dcm", "b.zip!inside.dcm"]
    assert instances[0].source.mtime_ns == 5
    assert rest == ["c.txt", "d.txt"]
    (source / "b.zip").unlink()
    (source / "c.txt").unlink()
    paths, instances, rest = read(source, state)
    assert (paths, [instance.source.name for instance in instances], rest) == ([], ["a.dcm"], ["d.txt"])


def test_an_archive_is_read_again_when_one_of_its_volumes_changed(source: Path, tmp_path: Path) -> None:
    content = (source / "b.zip").read_bytes()
    (source / "b.zip").unlink()
    (source / "b.zip.001").write_bytes(content[:700])
    (source / "b.zip.002").write_bytes(content[700:])
    state = tmp_path / "state"
    state.mkdir()
    first = read(source, state)
    assert [instance.source.name for instance in first[1]] == ["a.dcm", "b.zip.001!inside.dcm"]
    os.utime(source / "b.zip.002", ns=(5, 5))
    counting = Counting()
    with Scanner(counting, state).scan(source) as found:
        assert counting.paths == ["b.zip.002"]
        assert [instance.source.name for instance in found.instances()] == ["a.dcm", "b.zip.001!inside.dcm"]


def test_a_damaged_index_is_made_anew(source: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    first = read(source, state)
    (index,) = state.glob("index-*.sqlite")
    index.write_bytes(b"no database" * 1000)
    assert read(source, state) == first


def test_another_question_empties_the_index(source: Path, tmp_path: Path) -> None:
    with Index(tmp_path / "index.sqlite", ("PatientID",)) as index:
        found = scan(list(walk(source)), source)
        index.add(list(walk(source)), packed(found.instances, found.others, found.issues))
        index.complete()
        assert index.count() == 2
    with Index(tmp_path / "index.sqlite", ("PatientID", "Rows")) as index:
        assert index.count() == 0
    with Index(tmp_path / "index.sqlite", ("PatientID", "Rows")) as index:
        assert index.changed(list(walk(source))) == list(walk(source))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)
HEADERS = st.dictionaries(st.sampled_from(["PatientID", "SeriesInstanceUID", "Rows", "EchoTime", "ImageType"]), JSON)
FRAMES = st.dictionaries(st.sampled_from(["EchoTime", "ImagePositionPatient"]), st.tuples(JSON, JSON))
PATHS = st.text(min_size=1, max_size=8).filter(lambda text: "!" not in text)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=60)
@given(st.dictionaries(PATHS, st.tuples(HEADERS, st.booleans(), FRAMES)))
def test_what_goes_in_comes_out(files: dict[str, tuple[dict[str, object], bool, dict[str, tuple[object]]]]) -> None:
    instances = [
        Instance(Source(path, "", number, 7), header, "1.2", has, not has, frames, tuple(frames))  # type: ignore[arg-type]
        for number, (path, (header, has, frames)) in enumerate(files.items())
    ]
    with Index(None, ()) as index:
        index.add([instance.source for instance in instances], packed(instances, [], []))
        found = sorted(index.instances(), key=lambda instance: instance.source)
        wanted = sorted(instances, key=lambda instance: instance.source)
        assert [repr(one.header) for one in found] == [repr(dict(one.header)) for one in _order_found(wanted, found)]
        assert [replaced(one) for one in found] == [replaced(one) for one in wanted]


def _order_found(wanted: list[Instance], found: list[Instance]) -> list[Instance]:
    """The wanted instances with their keys in the order of those found: a mapping has no order that matters."""
    return [
        Instance(one.source, {key: one.header[key] for key in other.header})
        for one, other in zip(wanted, found, strict=True)
    ]


def replaced(one: Instance) -> tuple[object, ...]:
    return (
        one.source,
        set(one.header),
        one.transfer_syntax,
        one.has_pixels,
        one.truncated,
        repr(one.per_frame),
        one.mended,
    )


def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="can't open the index"), Index(tmp_path / "absent" / "index.sqlite", ()):
        pass


def test_the_index_is_sqlite(source: Path, tmp_path: Path) -> None:
    read(source, tmp_path)
    (index,) = tmp_path.glob("index-*.sqlite")
    with closing(sqlite3.connect(index)) as database:
        assert database.execute("SELECT count(*) FROM files").fetchone() == (4,)
