"""BIDS's schema as objects: file rules, rules for keys, columns and values, and what the words in them mean."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

from mids.errors import MidsError
from mids.resources import read_yaml, schemas
from mids.vocabulary.bids.expressions import Expression, compiled

Node = Mapping[str, Any]

HERITABLE = frozenset({".json", ".tsv", ".bval", ".bvec"})
"""Extensions of files that may lie above what they describe (the inheritance principle)."""
_WORD = re.compile(r"""sidecar\.(\w+) (?:==|!=) (["'])(\w+)\2""")
"""A key of a sidecar compared with a word."""


@dataclass(frozen=True, slots=True)
class FileRule:
    """Which files there may be: `entities` are levels by key, `values` the words that a key may have.

    No `datatypes` means any place; `derived` rules hold in derivative datasets only.
    """

    name: str
    suffixes: frozenset[str]
    extensions: frozenset[str]
    datatypes: frozenset[str]
    entities: Mapping[str, str]
    values: Mapping[str, frozenset[str]]
    derived: bool


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """A rule of one of the families sidecars, json, tabular_data and checks; it holds where all `selectors` do."""

    name: str
    selectors: tuple[Expression, ...]
    body: Node
    checks: tuple[Expression, ...] = ()


class Bids:
    """The schema in `content`, which is bidsschematools' `schema.json`, read from `path` (None: the installed one)."""

    def __init__(self, content: Node, path: Path | None = None) -> None:
        self.content, self._path = content, path
        self.objects: Node = content["objects"]
        self._rules: Node = content["rules"]

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles the call that reads the schema, not its content."""
        return load, (self._path,)

    @property
    def version(self) -> str:
        """The version of the schema."""
        return str(self.content["schema_version"])

    @cached_property
    def entities(self) -> Mapping[str, str]:
        """The keys of names by their long names, in the order of names."""
        return {long: str(self.objects["entities"][long]["name"]) for long in self._rules["entities"]}

    @cached_property
    def patterns(self) -> Mapping[str, str]:
        """The pattern that the values of each key of names must have."""
        formats = self.objects["formats"]
        return {e["name"]: str(formats[e["format"]]["pattern"]) for e in self.objects["entities"].values()}

    @cached_property
    def datatypes(self) -> frozenset[str]:
        """The names of folders that hold files of one kind."""
        return frozenset(self.objects["datatypes"])

    @cached_property
    def modalities(self) -> Mapping[str, str]:
        """The modality of each datatype."""
        return {datatype: name for name, m in self._rules["modalities"].items() for datatype in m["datatypes"]}

    @cached_property
    def folders(self) -> frozenset[str]:
        """The extensions of folders that are one recording each, without the slash ("" for folders without one)."""
        values = (entry["value"] for entry in self.objects["extensions"].values())
        return frozenset(value[:-1] for value in values if value.endswith("/"))

    @cached_property
    def file_rules(self) -> Mapping[str, tuple[FileRule, ...]]:
        """The rules for names, by suffix."""
        found: dict[str, list[FileRule]] = {}
        for family in ("common", "raw", "deriv"):
            for group in self._rules["files"][family].values():
                for name, node in group.items():
                    if "suffixes" in node:
                        rule = self._file_rule(name, node, derived=family == "deriv")
                        for suffix in rule.suffixes:
                            found.setdefault(suffix, []).append(rule)
        return {suffix: tuple(rules) for suffix, rules in found.items()}

    def _file_rule(self, name: str, node: Node, *, derived: bool) -> FileRule:
        levels: dict[str, str] = {}
        values: dict[str, frozenset[str]] = {}
        for long, level in node.get("entities", {}).items():
            key, entry = self.objects["entities"][long]["name"], self.objects["entities"][long]
            own = level if isinstance(level, dict) else {}
            levels[key] = own.get("level", level)
            words = own.get("enum", entry.get("enum"))
            if words:
                values[key] = frozenset(word if isinstance(word, str) else word["name"] for word in words)
        return FileRule(
            name, frozenset(node["suffixes"]), frozenset(node["extensions"]), frozenset(node.get("datatypes", ())),
            levels, values, derived,
        )  # fmt: skip

    @cached_property
    def associations(self) -> tuple[Rule, ...]:
        """Which other files belong to a file, by name."""
        more = read_yaml(schemas() / "bids_associations.yaml")
        return tuple(self.tree({**self.content["meta"]["associations"], **more}, ""))

    def rules(self, family: str) -> tuple[Rule, ...]:
        """The rules of a family: sidecars, json, tabular_data or checks."""
        return _family(self, family)

    def column(self, key: str) -> Node:
        """The definition of a column."""
        found: Node = self.objects["columns"][key]
        return found

    def key(self, key: str) -> Node:
        """The definition of a key of JSON files."""
        found: Node = self.objects["metadata"][key]
        return found

    def tree(self, node: Node, path: str) -> Iterator[Rule]:
        """Every rule of a tree of rules."""
        for name, entry in node.items():
            if not isinstance(entry, dict):
                continue
            if "selectors" in entry:
                texts = (map(self._spelled, entry.get(key, ())) for key in ("selectors", "checks"))
                selectors, checks = (tuple(map(compiled, each)) for each in texts)
                yield Rule(f"{path}{name}", selectors, entry, checks)
            else:
                yield from self.tree(entry, f"{path}{name}.")

    def _spelled(self, text: str) -> str:
        """An expression whose words are spelled as the values of their keys are.

        Rules of BIDS 1.11 ask whether M0Type is "absent" where only "Absent" is a value, and so never apply.
        """

        def spell(match: re.Match[str]) -> str:
            words = {word.casefold(): word for word in self._words.get(match[1], ())}
            return match[0].replace(match[3], words.get(match[3].casefold(), match[3]))

        return _WORD.sub(spell, text)

    @cached_property
    def _words(self) -> Mapping[str, tuple[str, ...]]:
        """The values that keys of JSON files may have, where the schema lists texts."""
        entries = self.objects["metadata"].values()
        return {e["name"]: tuple(filter(lambda word: isinstance(word, str), e["enum"])) for e in entries if "enum" in e}

    @cached_property
    def metadata(self) -> frozenset[str]:
        """The names of all keys that JSON files may have."""
        return frozenset(str(entry["name"]) for entry in self.objects["metadata"].values())


@cache
def _family(bids: Bids, family: str) -> tuple[Rule, ...]:
    more = read_yaml(schemas() / "bids_checks.yaml") if family == "checks" else {}
    return tuple(bids.tree({**bids.content["rules"][family], **more}, ""))


@cache
def load(path: Path | None = None) -> Bids:
    """The schema in `path`, by default that of the installed bidsschematools; raises `MidsError` where there is none.

    The same path gives the same object.
    """
    try:
        place = path or files("bidsschematools").joinpath("data", "schema.json")
        return Bids(json.loads(place.read_text(encoding="utf-8")), path)
    except ModuleNotFoundError as error:
        raise MidsError("the BIDS schema is in the package bidsschematools: pip install bidsschematools") from error
    except OSError as error:
        raise MidsError(f"can't read the BIDS schema {path or ''} ({error.strerror})") from error
    except (ValueError, KeyError, TypeError) as error:
        raise MidsError(f"{path or 'bidsschematools'}: not a BIDS schema: give the schema.json of a release") from error
