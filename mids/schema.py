"""The vocabulary of `schemas/`: entities, suffixes, groups, code lists, tables, sidecar fields, MR rules.

Nothing here knows a word of MIDS: adding one is one YAML entry. The files that ship with the package are
checked against `schemas/meta.json` by the tests; those that a user adds are checked when they are loaded.
"""

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import jsonschema
import yaml
from jsonschema.protocols import Validator

from mids.errors import MidsError
from mids.mr_rules import Rule, rule
from mids.resources import read_yaml, schemas


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """One `key-value` pair of file names.

    `kind` is "label", "index" or "code" (a value of `code_list`). `required` are the places where it must be:
    "any", "mids" (below `mim-*` folders) or a BIDS folder. `bids`: whether BIDS has it too.
    """

    key: str
    name: str
    kind: str
    code_list: str = ""
    required: tuple[str, ...] = ()
    bids: bool = True
    description: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Suffix:
    """The last word of a file name, which decides the modality.

    `group` is "" for tables and "*" where any group may hold it (masks). `datatype` is the BIDS folder,
    `other_datatypes` those that it shares. `required` are sidecar keys without which a file cannot go to a
    plain BIDS folder, `entities` must be in the name there. `modalities` are DICOM Modality values.
    """

    suffix: str
    group: str
    datatype: str = ""
    other_datatypes: tuple[str, ...] = ()
    extensions: tuple[str, ...]
    modalities: tuple[str, ...] = ()
    sidecar: str = ""
    bids: bool = False
    required: tuple[str, ...] = ()
    entities: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    description: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A family of modalities and its folder; `aliases` are the folders of published datasets."""

    name: str
    folder: str
    aliases: tuple[str, ...] = ()
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """One value of a code list."""

    code: str
    definition: str
    source: str
    synonyms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeList:
    """Allowed values, each with the spellings seen for it."""

    name: str
    description: str
    source: str
    codes: Mapping[str, Code]
    _index: dict[str, str] = field(default_factory=dict, init=False, repr=False, compare=False)

    def find(self, text: str) -> str | None:
        """The code that `text` means: a code or one of its synonyms, else None.

        Accents, case, blanks, punctuation and a leading number ("2- TORAX") do not matter; `?` stands for one
        character that an encoding lost, and gives None where it fits several codes.
        """
        if text in self.codes:
            return text
        if not self._index:
            self._index.update(_index(self.codes.values()))
        word = _squeeze(text)
        if "?" not in word:
            return self._index.get(word)
        pattern = re.compile(word.replace("?", "."))
        found = {code for spelling, code in self._index.items() if pattern.fullmatch(spelling)}
        return found.pop() if len(found) == 1 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a table; `unit` follows UCUM, limits are inclusive."""

    name: str
    type: str
    unit: str = ""
    required: bool = False
    code_list: str = ""
    minimum: float | None = None
    maximum: float | None = None
    description: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One kind of TSV file.

    `file` is its place: `{subject}` stands for a label, `[...]` for what may be missing. `additional_columns`
    is "allow" or "warn".
    """

    name: str
    file: str
    key: tuple[str, ...]
    additional_columns: str
    description: str
    columns: Mapping[str, Column]

    def match(self, path: str) -> bool:
        """Whether a dataset-relative POSIX path is such a table."""
        return _place(self.file).fullmatch(path) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One key of a sidecar.

    `dicom` is the keyword it comes from ("" when made by the conversion); the written value is DICOM's times
    `scale`, in `unit`. `groups` is empty when every group may carry it. `per_slice`: kept as an array, one
    value for each slice, where it varies. Limits are inclusive.
    """

    key: str
    dicom: str = ""
    type: str
    unit: str = ""
    scale: float = 1
    groups: tuple[str, ...] = ()
    per_slice: bool = False
    minimum: float | None = None
    maximum: float | None = None
    enum: tuple[str, ...] = ()
    description: str
    source: str


@dataclass(frozen=True, slots=True, eq=False)
class Schema:
    """The whole vocabulary; `entities` is in the order of file names, `mr_rules` in the order of trial."""

    entities: Mapping[str, Entity]
    suffixes: Mapping[str, Suffix]
    groups: Mapping[str, Group]
    code_lists: Mapping[str, CodeList]
    tables: Mapping[str, Table]
    fields: Mapping[str, Field]
    mr_rules: tuple[Rule, ...]

    def suffix_of(self, modality: str) -> Suffix | None:
        """The suffix of a DICOM Modality; None for MR (see `mr_rules`) and for non-images."""
        return next((s for s in self.suffixes.values() if modality in s.modalities and s.group != "mr"), None)

    def table_of(self, path: str) -> Table | None:
        """The table that a dataset-relative POSIX path is, if any."""
        return next((table for table in self.tables.values() if table.match(path)), None)


@cache
def load(extra: Path | None = None) -> Schema:
    """The vocabulary, with the entries of the folder `extra` (laid out like `schemas/`) added or replaced.

    Raises `MidsError` with file and place where a file of `extra` is not as `schemas/meta.json` says.
    """
    pieces = _pieces(schemas())
    if extra is not None:
        if not vocabulary_files(extra):
            raise MidsError(f"{extra}: no folder of vocabulary files")
        _merge(pieces, _pieces(extra, checked=True))
    schema = Schema(
        entities=_entries(Entity, "key", pieces["entities"]),
        suffixes=_entries(Suffix, "suffix", pieces["suffixes"]),
        groups=_entries(Group, "name", pieces["groups"]),
        code_lists=_entries(CodeList, "name", pieces["code_lists"]),
        tables=_entries(Table, "name", pieces["tables"]),
        fields=_entries(Field, "key", pieces["fields"]),
        mr_rules=tuple(rule(entry) for entry in pieces["mr_suffixes"]),
    )
    for problem in dangling(schema) if extra is not None else ():
        raise MidsError(f"{extra}: {problem}")
    return schema


def sidecar_schema(group: str) -> dict[str, Any]:
    """The JSON Schema of a group's sidecars ("rx", "ct", …), of "common" or of "dataset_description".

    Raises `KeyError` for a name without one.
    """
    found = {path.stem: path for path in (schemas() / "sidecars").glob("*.json")}
    content: dict[str, Any] = json.loads(found[group].read_bytes())
    return content


@cache
def validator(name: str) -> Validator:
    """The compiled validator of `sidecar_schema(name)`."""
    return jsonschema.Draft202012Validator(sidecar_schema(name))


# --- reading ---------------------------------------------------------------------------------------------

_FILES = ("entities", "suffixes", "groups", "fields", "mr_suffixes")
_FOLDERS = ("code_lists", "tables")


def vocabulary_files(folder: Path) -> list[tuple[str, Path]]:
    """Every vocabulary file of a folder laid out like `schemas/`, with its kind (an entry of `meta.json`)."""
    single = [(kind, folder / f"{kind}.yaml") for kind in _FILES if (folder / f"{kind}.yaml").is_file()]
    return single + [(kind, path) for kind in _FOLDERS for path in sorted((folder / kind).glob("*.yaml"))]


def _pieces(folder: Path, *, checked: bool = False) -> dict[str, Any]:
    """The content of every vocabulary file of a folder by kind; a kind without files is absent."""
    pieces: dict[str, Any] = {}
    for kind, path in vocabulary_files(folder):
        content = _checked(kind, path) if checked else read_yaml(path)
        if kind in _FOLDERS:
            pieces.setdefault(kind, {})[path.stem] = content
        else:
            pieces[kind] = content
    return pieces


def _checked(kind: str, path: Path) -> Any:
    """The content of a user's vocabulary file, after a check."""
    try:
        content = read_yaml(path)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise MidsError(f"{path}{f', line {mark.line + 1}' if mark else ''}: not YAML") from error
    for problem in check(kind, content):
        raise MidsError(f"{path}, {problem}")
    return content


def check(kind: str, content: object) -> list[str]:
    """What is wrong with the content of one vocabulary file: `place: problem`, empty when it is right."""
    meta = json.loads((schemas() / "meta.json").read_bytes())
    rules = jsonschema.Draft202012Validator({"$ref": f"#/$defs/{kind}", "$defs": meta["$defs"]})
    return sorted(f"{problem.json_path}: {problem.message}" for problem in rules.iter_errors(content))


def dangling(schema: Schema) -> list[str]:
    """The references between entries that lead nowhere."""
    lists, groups = schema.code_lists, {"", "*", *schema.groups}
    columns = [(f"{t.name}.{c.name}", c.code_list) for t in schema.tables.values() for c in t.columns.values()]
    used = [(e.key, e.code_list) for e in schema.entities.values()] + columns
    return [
        *(f"{place}: no code list {name}" for place, name in used if name and name not in lists),
        *(f"{s.suffix}: no group {s.group}" for s in schema.suffixes.values() if s.group not in groups),
        *(
            f"{s.suffix}: no entity {e}"
            for s in schema.suffixes.values()
            for e in s.entities
            if e not in schema.entities
        ),
        *(f"{f.key}: no group {g}" for f in schema.fields.values() for g in f.groups if g not in groups),
        *(f"MR rule: no suffix {r.suffix}" for r in schema.mr_rules if r.suffix not in schema.suffixes),
        *(f"{t.name}: no column {k}" for t in schema.tables.values() for k in t.key if k not in t.columns),
        *(f"{g.name}: its folder is mim-{g.name}" for g in schema.groups.values() if g.folder != f"mim-{g.name}"),
    ]


def _merge(pieces: dict[str, Any], extra: Mapping[str, Any]) -> None:
    """Adds the entries of `extra` to `pieces`: new MR rules come first, new codes join their list."""
    for kind, entries in extra.items():
        if kind == "mr_suffixes":
            pieces[kind] = [*entries, *pieces[kind]]
        elif kind in _FOLDERS:
            for name, content in entries.items():
                old = pieces[kind].get(name)
                inner = "codes" if kind == "code_lists" else "columns"
                pieces[kind][name] = {**old, **content, inner: {**old[inner], **content[inner]}} if old else content
        else:
            pieces[kind] = {**pieces[kind], **entries}


# --- from YAML to dataclasses ----------------------------------------------------------------------------

_Made = TypeVar("_Made")
_INNER: Mapping[str, tuple[Callable[..., Any], str]] = {"codes": (Code, "code"), "columns": (Column, "name")}


def _entries(make: Callable[..., _Made], first: str, entries: Mapping[str, Any]) -> dict[str, _Made]:
    """YAML entries as dataclasses: an entry's key is its field `first`, what is absent has its default."""
    return {
        key: make(**{first: key}, **{name: _value(name, value) for name, value in entry.items()})
        for key, entry in entries.items()
    }


def _value(name: str, value: Any) -> Any:
    """A YAML value as a field: lists become tuples, codes and columns their own dataclasses."""
    if name in _INNER:
        return _entries(*_INNER[name], value)
    return tuple(value) if isinstance(value, list) else value


# --- matching --------------------------------------------------------------------------------------------


def _squeeze(text: str) -> str:
    """Lower-case letters and digits (and `?`) only, without accents and without a leading "2- "."""
    decomposed = unicodedata.normalize("NFKD", text.replace("\ufffd", "?")).casefold()
    plain = re.sub(r"^\s*\d+\s*[-.:)]+\s*", "", decomposed)
    return re.sub(r"[^0-9a-z?]", "", plain)


def _index(codes: Iterable[Code]) -> dict[str, str]:
    """Spelling to code; a code's own name wins over a synonym of another one."""
    ordered = sorted(((word, c.code) for c in codes for word in (*c.synonyms, c.code)), key=lambda w: w[0] == w[1])
    return {_squeeze(word): code for word, code in ordered}


@cache
def _place(file: str) -> re.Pattern[str]:
    """A table's place as a pattern; a placeholder that comes twice must have the same label twice."""
    seen: set[str] = set()

    def placeholder(match: re.Match[str]) -> str:
        name = match[1]
        if name in seen:
            return f"(?P={name})"
        seen.add(name)
        # A measure's name is the only one that is no label: BIDS allows questionnaire_v2.tsv.
        return f"(?P<{name}>[0-9a-zA-Z{'_-' if name == 'measure' else ''}]+)"

    pattern = file.replace(".", r"\.").replace("[", "(?:").replace("]", ")?")
    return re.compile(re.sub(r"\{(\w+)\}", placeholder, pattern))
