"""Reads what a publisher says of a dataset: a YAML file with the keys of `About`, laid over the collection's own."""

from collections.abc import Mapping
from dataclasses import fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import yaml

from mids.errors import MidsError
from mids.readers.given.binary import refuse_binary
from mids.records import About
from mids.resources import read_yaml, waits_for_another

_FIXED = frozenset({"name", "ids", "dates", "access", "expected"})
"""What only a collection can know."""


def lay_over(about: About, values: Mapping[str, Any]) -> About:
    """`about` with values of a file in place of its own."""
    content: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
    return replace(about, **content)


def read(path: Path) -> dict[str, Any]:
    """The values of the file by the fields of `About`: texts, and lists of texts.

    Raises `MidsError` where the file can't be read, a key is unknown, or a value is none of those allowed.
    """
    if not path.exists():
        raise MidsError(f"there is no file {path}: check the path")
    if waits_for_another(path):
        raise MidsError(f"{path} is a named pipe: give a file")
    refuse_binary(path, "description")
    try:
        content = read_yaml(path)
    except (OSError, UnicodeDecodeError) as error:
        raise MidsError(f"can't read {path} ({type(error).__name__}): check its path and permissions") from error
    except yaml.YAMLError as error:
        line = getattr(getattr(error, "problem_mark", None), "line", -1) + 1
        raise MidsError(f"{path} is not YAML: correct line {line}") from error
    if not isinstance(content, dict):
        raise MidsError(f"{path} must hold keys and values, such as  title: My dataset")
    types = get_type_hints(About)
    known = [entry.name for entry in fields(About) if entry.name not in _FIXED]
    values: dict[str, Any] = {}
    for key, value in content.items():
        if key not in known:
            near = get_close_matches(str(key), known, 1) or known
            raise MidsError(f"{path} has an unknown key {key}: did you mean {', '.join(near)}?")
        values[key] = _checked(path, key, value, types[key])
    return values


def _checked(path: Path, key: str, value: object, kind: object) -> object:
    if get_origin(kind) is Literal:
        if value not in get_args(kind):
            raise MidsError(f"{path}: {key} must be one of {', '.join(get_args(kind))}")
        return value
    if get_origin(kind) is tuple:
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise MidsError(f"{path}: {key} must be a list of strings")
        return value
    if not isinstance(value, str):
        raise MidsError(f"{path}: {key} must be a string")
    return value
