"""Compiled copies of the package's YAML files: the same content, never that of an older file, and never in the way."""

import sys
from pathlib import Path

import pytest

from mids import resources


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(resources, "schemas", lambda: tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(sys, "pycache_prefix", None)
    (tmp_path / "a.yaml").write_text("one: [1, 2.5, true, null, x]\n2: {}\n")
    return tmp_path


WANTED = {"one": [1, 2.5, True, None, "x"], 2: {}}


def test_a_file_is_compiled_once_and_its_content_is_the_callers_own(folder: Path) -> None:
    resources.read_yaml(folder / "a.yaml")["one"].append("changed")
    (compiled,) = (folder / "__pycache__").iterdir()
    written = compiled.stat().st_mtime_ns
    assert resources.read_yaml(folder / "a.yaml") == WANTED
    assert compiled.stat().st_mtime_ns == written


def test_a_changed_file_is_read_anew(folder: Path) -> None:
    resources.read_yaml(folder / "a.yaml")
    (folder / "a.yaml").write_text("one: 3\n")
    assert resources.read_yaml(folder / "a.yaml") == {"one": 3}


@pytest.mark.parametrize("damage", [b"", b"\0", b"no marshal", b"\xe9\x02\0\0\0"])
def test_a_damaged_copy_is_made_again(damage: bytes, folder: Path) -> None:
    resources.read_yaml(folder / "a.yaml")
    (compiled,) = (folder / "__pycache__").iterdir()
    compiled.write_bytes(damage)
    assert resources.read_yaml(folder / "a.yaml") == WANTED
    assert compiled.read_bytes() != damage


def test_what_cannot_be_kept_is_read_all_the_same(folder: Path) -> None:
    (folder / "__pycache__").write_text("a file where the folder would be")
    assert resources.read_yaml(folder / "a.yaml") == WANTED
    (folder / "b.yaml").write_text("day: 2020-01-01\n")
    assert str(resources.read_yaml(folder / "b.yaml")["day"]) == "2020-01-01"


def test_files_of_users_are_not_compiled(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other") / "c.yaml"
    other.write_text("c: 1\n")
    assert resources.read_yaml(other) == {"c": 1}
    assert [path.name for path in other.parent.iterdir()] == ["c.yaml"]
