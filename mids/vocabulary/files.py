"""The YAML files of a vocabulary: finding, checking and merging them."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from mids.errors import MidsError
from mids.resources import read_yaml, schemas

_FILES = ("entities", "suffixes", "groups", "fields", "mr_suffixes")
_FOLDERS = ("code_lists", "tables")


def vocabulary_files(folder: Path) -> list[tuple[str, Path]]:
    """Every vocabulary file of a folder laid out like `schemas/`, with its kind (an entry of `meta.json`)."""
    single = [(kind, folder / f"{kind}.yaml") for kind in _FILES if (folder / f"{kind}.yaml").is_file()]
    return single + [(kind, path) for kind in _FOLDERS for path in sorted((folder / kind).glob("*.yaml"))]


def pieces(folder: Path, *, checked: bool = False) -> dict[str, Any]:
    """The content of every vocabulary file of a folder by kind; a kind without files is absent.

    Raises `MidsError` with file and line where it is to be `checked` and not as `schemas/meta.json` says.
    """
    found: dict[str, Any] = {}
    for kind, path in vocabulary_files(folder):
        content = _read_checked(kind, path) if checked else read_yaml(path)
        if kind in _FOLDERS:
            found.setdefault(kind, {})[path.stem] = content
        else:
            found[kind] = content
    return found


def merge(into: dict[str, Any], extra: Mapping[str, Any]) -> None:
    """Adds the entries of `extra` to `into`: new MR rules come first, new codes and columns join the old ones."""
    for kind, entries in extra.items():
        if kind == "mr_suffixes":
            into[kind] = [*entries, *into[kind]]
        elif kind in _FOLDERS:
            for name, content in entries.items():
                old = into[kind].get(name)
                inner = "codes" if kind == "code_lists" else "columns"
                into[kind][name] = {**old, **content, inner: {**old[inner], **content[inner]}} if old else content
        else:
            into[kind] = {**into[kind], **entries}


def check(kind: str, content: object) -> list[str]:
    """What is wrong with the content of one vocabulary file: `place: problem`, empty when it is right."""
    return sorted(f"{place}: {message}" for _, place, message in _problems(kind, content))


def find_place(folder: Path, kind: str, keys: Iterable[str | int]) -> str:
    """File and line of an entry in a folder of vocabulary files; the folder where none of them has it."""
    way = tuple(keys)
    for found, path in vocabulary_files(folder):
        if found == kind and (found not in _FOLDERS or path.stem == way[0]):
            line = _line(path, way[1:] if found in _FOLDERS else way, whole=True)
            if line:
                return f"{path}, line {line}"
    return str(folder)


def _problems(kind: str, content: object) -> list[tuple[tuple[str | int, ...], str, str]]:
    """(keys, place as JSON path, message) of everything that the meta-schema says."""
    import jsonschema  # heavy, and vocabularies of users only are checked

    meta = json.loads((schemas() / "meta.json").read_bytes())
    rules = jsonschema.Draft202012Validator({"$ref": f"#/$defs/{kind}", "$defs": meta["$defs"]})
    return [(tuple(e.absolute_path), e.json_path, e.message) for e in rules.iter_errors(content)]


def _read_checked(kind: str, path: Path) -> Any:
    """The content of a user's vocabulary file, after a check."""
    try:
        content = read_yaml(path)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise MidsError(f"{path}{f', line {mark.line + 1}' if mark else ''}: not YAML: correct it") from error
    except OSError as error:
        raise MidsError(f"can't read {path} ({error.strerror}): check its path and permissions") from error
    # The most specific problem first: the others often follow from it.
    for keys, place, message in sorted(_problems(kind, content), key=lambda problem: (-len(problem[0]), problem[1])):
        raise MidsError(f"{path}, line {_line(path, keys)}, {place}: {message}")
    return content


def _line(path: Path, keys: Iterable[str | int], *, whole: bool = False) -> int:
    """The line, from 1, of what `keys` lead to in a YAML file, or of as much of the way as there is.

    With `whole` 0 where the way ends early.
    """
    node = yaml.compose(path.read_bytes(), Loader=yaml.SafeLoader)
    line = 1
    for key in keys:
        step = _step(node, key)
        if step is None:
            return 0 if whole else line
        line, node = step
    return line


def _step(node: yaml.Node | None, key: str | int) -> tuple[int, yaml.Node] | None:
    """Line and value of one key of a mapping or one item of a list."""
    if isinstance(node, yaml.MappingNode):
        return next(((at.start_mark.line + 1, value) for at, value in node.value if at.value == str(key)), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
        return node.value[key].start_mark.line + 1, node.value[key]
    return None
