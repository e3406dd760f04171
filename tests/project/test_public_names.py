"""Names that users script against stay: Python names, commands with their flags, collections, codes, columns."""

import sys
from argparse import ArgumentParser, _SubParsersAction
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

import mids
from mids import cli, collections
from mids._renamed import MOVED
from mids.issues import catalogue
from mids.validation import definitions
from mids.vocabulary.schema import load

KEPT: Mapping[str, Any] = yaml.safe_load(Path(__file__).with_name("public_names.yaml").read_text(encoding="utf-8"))


def commands() -> Iterator[tuple[str, ArgumentParser]]:
    """Each command with its parser."""
    parsers = cli.parsers()
    yield from ((name, parser) for name, parser in parsers.items() if name != "mids")
    inner = next(action for action in parsers["mids"]._actions if isinstance(action, _SubParsersAction))
    yield from ((f"mids {name}", parser) for name, parser in inner.choices.items())


@pytest.mark.parametrize("home", KEPT["python"])
def test_python_names_are_there(home: str) -> None:
    owner = mids.Dataset if home == "mids.Dataset" else import_module(home)
    assert [name for name in KEPT["python"][home] if not hasattr(owner, name)] == []


@pytest.mark.parametrize("command", KEPT["flags"])
def test_flags_are_taken(command: str) -> None:
    parser = dict(commands())[command]
    assert set(KEPT["flags"][command]) - set(parser._option_string_actions) == set()


def test_collections_and_codes_are_there() -> None:
    assert set(KEPT["collections"]) - set(collections.names()) == set()
    assert set(KEPT["codes"]) - {*definitions(), *catalogue()} == set()


@pytest.mark.parametrize("table", KEPT["columns"])
def test_columns_are_there(table: str) -> None:
    assert set(KEPT["columns"][table]) - set(load().tables[table].columns) == set()


@pytest.mark.parametrize(("old", "new"), MOVED.items())
def test_an_old_module_is_the_new_one_and_warns(old: str, new: str) -> None:
    sys.modules.pop(old, None)
    with pytest.warns(DeprecationWarning, match=f"{old} is now {new}"):
        assert import_module(old) is import_module(new)
    assert import_module(new).__spec__.name == new
