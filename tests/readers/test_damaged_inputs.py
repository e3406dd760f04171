"""Whatever stands in what a user or a program hands over: a value or one clear line, never a fault of the program."""

from pathlib import Path

import pytest

from benchmarks.fuzzing import fuzz, fuzz_journal, kinds


@pytest.mark.parametrize("name", [*kinds()])
def test_whole_examples_are_read(name: str, tmp_path: Path) -> None:
    kind = kinds()[name]
    for example in kind.examples:
        assert kind.read(example, tmp_path)


@pytest.mark.parametrize("name", [*kinds()])
def test_damage_is_told(name: str, tmp_path: Path) -> None:
    assert [*fuzz(name, 60, 0, tmp_path)] == []


@pytest.mark.slow
def test_a_damaged_journal_is_told(tmp_path: Path) -> None:
    assert [*fuzz_journal(12, 0, tmp_path)] == []
