"""The vocabulary of `schemas/`: entities, suffixes, groups, code lists, tables, sidecar fields, MR rules.

Nothing here knows a word of MIDS: adding one is one YAML entry. The files that ship with the package are
checked against `schemas/meta.json` by the tests; those that a user adds are checked when they are loaded.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, SupportsIndex, TypeVar

from mids.errors import MidsError
from mids.resources import schemas
from mids.vocabulary.files import find_place, merge, pieces, vocabulary_files
from mids.vocabulary.mr_rules import Rule, rule


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


PICTURES = frozenset({"rx", "us", "light"})
"""Groups whose files are 2D images, or frames made like them: their sidecars must say how the pixels were made."""


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
    """One column of a table; `unit` follows UCUM, limits are inclusive.

    `holds` is what a value may tell of a person (age, sex, region, country, site, date, free_text, device, sensitive):
    de-identification and the report on risks go by it.
    """

    name: str
    type: str
    unit: str = ""
    required: bool = False
    code_list: str = ""
    minimum: float | None = None
    maximum: float | None = None
    holds: str = ""
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
    value for each slice, where it varies. `either`: one value or an array, as in BIDS. Limits are inclusive;
    `length` is how many values an array has, 0 for any number.
    """

    key: str
    dicom: str = ""
    type: str
    unit: str = ""
    scale: float = 1
    groups: tuple[str, ...] = ()
    per_slice: bool = False
    either: bool = False
    minimum: float | None = None
    maximum: float | None = None
    length: int = 0
    enum: tuple[str, ...] = ()
    description: str
    source: str


@dataclass(frozen=True, slots=True, eq=False)
class Schema:
    """The whole vocabulary; `entities` is in the order of file names, `mr_rules` in the order of trial.

    `extra` is the folder of a user's additions. Another process gets the same vocabulary once, not a copy each time.
    """

    entities: Mapping[str, Entity]
    suffixes: Mapping[str, Suffix]
    groups: Mapping[str, Group]
    code_lists: Mapping[str, CodeList]
    tables: Mapping[str, Table]
    fields: Mapping[str, Field]
    mr_rules: tuple[Rule, ...]
    extra: Path | None = None

    def __reduce_ex__(self, protocol: SupportsIndex) -> str | tuple[Any, ...]:
        """Pickles what `load` gave as the call that gives it; a vocabulary made otherwise by its content."""
        return (load, (self.extra,)) if load(self.extra) is self else object.__reduce_ex__(self, protocol)

    def suffix_of(self, modality: str) -> Suffix | None:
        """The suffix of a DICOM Modality; None for MR (see `mr_rules`) and for non-images."""
        return next((s for s in self.suffixes.values() if modality in s.modalities and s.group != "mr"), None)

    def table_of(self, path: str) -> Table | None:
        """The table that a dataset-relative POSIX path is, if any."""
        return next((table for table in self.tables.values() if table.match(path)), None)


def load(extra: Path | None = None) -> Schema:
    """The vocabulary, with the entries of the folder `extra` (laid out like `schemas/`) added or replaced.

    The same folder gives the same object. Raises `MidsError` with file and line where a file of `extra` is not as
    `schemas/meta.json` says.
    """
    return _load(extra)


@cache
def _load(extra: Path | None) -> Schema:
    found = pieces(schemas())
    if extra is not None:
        if not vocabulary_files(extra):
            raise MidsError(f"{extra}: not a folder of vocabulary files")
        merge(found, pieces(extra, checked=True))
    schema = Schema(
        entities=_entries(Entity, "key", found["entities"]),
        suffixes=_entries(Suffix, "suffix", found["suffixes"]),
        groups=_entries(Group, "name", found["groups"]),
        code_lists=_entries(CodeList, "name", found["code_lists"]),
        tables=_entries(Table, "name", found["tables"]),
        fields=_entries(Field, "key", found["fields"]),
        mr_rules=tuple(rule(entry) for entry in found["mr_suffixes"]),
        extra=extra,
    )
    if extra is not None:
        for kind, keys, message in _find_dangling(schema):
            raise MidsError(f"{find_place(extra, kind, keys)}, {'.'.join(keys)}: {message}")
    return schema


# --- references ------------------------------------------------------------------------------------------


def report_dangling(schema: Schema) -> list[str]:
    """The references between entries that lead nowhere."""
    return [f"{'.'.join(keys)}: {message}" for _, keys, message in _find_dangling(schema)]


def _find_dangling(schema: Schema) -> list[tuple[str, tuple[str, ...], str]]:
    """(kind of file, keys down to the reference, message) of every reference that leads nowhere."""
    lists, groups = schema.code_lists, {"", "*", *schema.groups}
    suffixes, tables, sidecars = schema.suffixes.values(), schema.tables.values(), {"", "common", *schema.groups}
    lead_to_lists = [
        *(("entities", (e.key, "code_list"), e.code_list) for e in schema.entities.values()),
        *(
            ("tables", (t.name, "columns", c.name, "code_list"), c.code_list)
            for t in tables
            for c in t.columns.values()
        ),
    ]
    return [
        *((kind, keys, f"no code list {name}") for kind, keys, name in lead_to_lists if name and name not in lists),
        *(("suffixes", (s.suffix, "group"), f"no group {s.group}") for s in suffixes if s.group not in groups),
        *(("suffixes", (s.suffix, "sidecar"), f"no group {s.sidecar}") for s in suffixes if s.sidecar not in sidecars),
        *(
            ("suffixes", (s.suffix, "entities"), f"no entity {e}")
            for s in suffixes
            for e in s.entities
            if e not in schema.entities
        ),
        *(
            ("fields", (f.key, "groups"), f"no group {g}")
            for f in schema.fields.values()
            for g in f.groups
            if g not in groups
        ),
        *(("mr_suffixes", (), f"no suffix {r.suffix}") for r in schema.mr_rules if r.suffix not in schema.suffixes),
        *(("tables", (t.name, "key"), f"no column {k}") for t in tables for k in t.key if k not in t.columns),
        *(
            ("groups", (g.name, "folder"), f"its folder is mim-{g.name}")
            for g in schema.groups.values()
            if g.folder != f"mim-{g.name}"
        ),
    ]


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
