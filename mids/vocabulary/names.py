"""File names: the one grammar by which they are built and read.

`build` makes only right names; `parse` reads right ones and those of published datasets too, and says what
is wrong with them. The suffix decides the modality, never the folder. Values stay text: `run-01` is not
`run-1`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from mids.vocabulary.schema import Entity, Schema, Suffix, load


@dataclass(frozen=True, slots=True)
class Name:
    """The place and name of one file; `entities` are in the order of the schema.

    `group` is "" in plain BIDS folders and for tables; `datatype` is the BIDS folder or ""; `root` is the
    folder in front of the subject's ("derivatives/rois") or "".
    """

    entities: tuple[tuple[str, str], ...]
    suffix: str
    extension: str
    datatype: str
    group: str
    root: str = ""

    def get(self, key: str) -> str | None:
        """The value of an entity, None where the name has none."""
        return dict(self.entities).get(key)

    @property
    def stem(self) -> str:
        """The file name without its extension."""
        return "_".join([*(f"{key}-{value}" for key, value in self.entities), self.suffix])

    @property
    def path(self) -> str:
        """The path below the dataset, POSIX."""
        values = dict(self.entities)
        folders = (
            self.root,
            f"sub-{values['sub']}",
            f"ses-{values['ses']}" if "ses" in values else "",
            f"mim-{self.group}" if self.group else "",
            self.datatype,
        )
        return "/".join([*filter(None, folders), self.stem + self.extension])

    def with_extension(self, extension: str) -> "Name":
        """The file beside this one: the sidecar of an image, the gradients of a diffusion series."""
        return replace(self, extension=extension)

    def with_entity(self, key: str, value: str) -> "Name":
        """The same name with one entity set, in its place.

        Raises `ValueError` for a value or a key that `build` refuses.
        """
        entities = {**dict(self.entities), key: value}
        return build(entities, self.suffix, self.extension, group=self.group, datatype=self.datatype, root=self.root)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a path; `expected` is the right path or value, where it is known."""

    code: str
    message: str
    expected: str = ""


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a path says, in modern terms, and everything in which it differs from the grammar."""

    name: Name | None
    problems: tuple[Problem, ...]


def label(text: str) -> str:
    """`text` with nothing but `[0-9a-zA-Z]`, as labels must be; may be empty."""
    return re.sub(r"[^0-9a-zA-Z]", "", text)


def build(
    entities: Mapping[str, str],
    suffix: str,
    extension: str,
    *,
    group: str = "",
    datatype: str = "",
    root: str = "",
    schema: Schema | None = None,
) -> Name:
    """The name of a file; without group and datatype it goes to the folder of its suffix's group.

    Raises `ValueError`, which says what is wrong and names the entity, for anything that the grammar forbids.
    """
    schema = schema or load()
    for key, value in entities.items():
        if key not in schema.entities:
            raise ValueError(f"entity {key}: not in the vocabulary")
        problem = _value_problem(schema, schema.entities[key], value)
        if problem:
            raise ValueError(problem.message)
    if suffix not in schema.suffixes:
        raise ValueError(f"suffix {suffix}: not in the vocabulary")
    if not group and not datatype:
        group = schema.suffixes[suffix].group.strip("*")
    if "sub" not in entities:
        raise ValueError("entity sub: missing")
    ordered = tuple((key, entities[key]) for key in schema.entities if key in entities)
    name = Name(ordered, suffix, extension, datatype, group, root)
    # The reader is the judge: what it takes without a word is right, and nothing else is.
    parsed = parse(name.path, schema)
    if parsed.problems:
        raise ValueError(parsed.problems[0].message)
    if parsed.name != name:
        raise ValueError(f"{name.path}: not what was asked for")
    return name


def parse(path: str, schema: Schema | None = None) -> Parsed:
    """What a dataset-relative POSIX path means, legacy forms included; never raises.

    `name` is None where the path has no readable subject or suffix. A value outside its code list stays in
    the name; unknown, empty and malformed entities do not.
    """
    schema = schema or load()
    *folders, filename = path.split("/")
    stem, dot, rest = filename.partition(".")
    problems: list[Problem] = []
    *tokens, last = stem.split("_")
    if not tokens:
        return Parsed(None, (Problem("NAME_UNPARSEABLE", "the name is not key-value pairs and a suffix"),))
    suffix = _suffix(schema, last, problems)
    values = _entities(schema, tokens, problems)
    if suffix is None or values is None:
        return Parsed(None, tuple(problems))
    extension = _extension(suffix, dot + rest, problems)
    root, place = _folders(folders, values, problems)
    group, datatype, code = _resolve(schema, suffix.suffix, place)
    if code:
        problems.append(Problem(code, _FOLDER_TEXTS[code].format(place=place or "no folder", suffix=last)))
    foreign = [key for key in values if not schema.entities[key].bids]
    if suffix.bids and not group and not root and foreign:
        problems.append(Problem("FOLDER_WRONG", f"{place}: BIDS does not define the entity {foreign[0]}"))
        group = suffix.group
    if suffix.group == "*" and not root:
        problems.append(Problem("FOLDER_WRONG", f"suffix {suffix.suffix}: belongs below derivatives/"))
    problems.extend(_find_missing_entities(schema, suffix, values, group, datatype))
    ordered = tuple((key, values[key]) for key in schema.entities if key in values)
    if "sub" not in values:
        return Parsed(None, tuple(problems))
    name = Name(ordered, suffix.suffix, extension, datatype, group, root)
    return Parsed(name, tuple(_add_expected(problem, name) for problem in problems))


# --- pieces of a file name -------------------------------------------------------------------------------

_LABEL = re.compile(r"[0-9a-zA-Z]+")
_INDEX = re.compile(r"[0-9]+")

_RENAMED = frozenset(
    {
        "ENTITY_DUPLICATED",
        "ENTITY_EMPTY",
        "ENTITY_MISORDERED",
        "EXTENSION_WRONG",
        "FOLDER_MISMATCH",
        "FOLDER_UNKNOWN",
        "FOLDER_WRONG",
        "LEGACY_FOLDER",
        "LEGACY_NAME",
    }
)
"""Problems that a renaming repairs: their `expected` is the right path."""


def _add_expected(problem: Problem, name: Name) -> Problem:
    if problem.expected or problem.code not in _RENAMED:
        return problem
    return replace(problem, expected=name.path)


def _suffix(schema: Schema, word: str, problems: list[Problem]) -> Suffix | None:
    """The suffix that the last word is, in another spelling too."""
    if word in schema.suffixes:
        return schema.suffixes[word]
    if "-" in word or not _LABEL.fullmatch(word):
        problems.append(Problem("NAME_UNPARSEABLE", "the name does not end in a suffix"))
        return None
    folded = word.casefold()
    for suffix in schema.suffixes.values():
        if folded in {spelling.casefold() for spelling in (suffix.suffix, *suffix.aliases)}:
            problems.append(Problem("LEGACY_NAME", f"suffix {word}: write {suffix.suffix}"))
            return suffix
    problems.append(Problem("SUFFIX_UNKNOWN", f"suffix {word}: not in the vocabulary"))
    return None


def _pairs(schema: Schema, tokens: list[str], problems: list[Problem]) -> Iterator[tuple[str, str]]:
    """The key-value pairs of a name, `vp_ap` for `vp-ap` included; ends at what is no pair at all."""
    rest = iter(tokens)
    for token in rest:
        key, dash, value = token.partition("-")
        if not token:
            problems.append(Problem("ENTITY_EMPTY", "nothing follows an underscore"))
        elif dash:
            yield key, value
        elif key in schema.entities and (value := next(rest, "")):
            problems.append(Problem("LEGACY_NAME", f"entity {key}: an underscore joins it to its value, not a hyphen"))
            yield key, value
        else:
            problems.append(Problem("NAME_UNPARSEABLE", f"{token}: neither an entity nor the suffix"))


def _entities(schema: Schema, tokens: list[str], problems: list[Problem]) -> dict[str, str] | None:
    """The entities of a name in modern terms; None where a part of it is no entity."""
    values: dict[str, str] = {}
    order: list[int] = []
    rank = {key: i for i, key in enumerate(schema.entities)}
    for key, value in _pairs(schema, tokens, problems):
        if key not in schema.entities:
            problems.append(Problem("ENTITY_UNKNOWN", f"entity {key}: not in the vocabulary"))
            continue
        if key in values:
            problems.append(Problem("ENTITY_DUPLICATED", f"entity {key}: occurs twice"))
            key = _find_meant_entity(schema, key, value, values)
            if key in values:
                continue
        order.append(rank[key])
        problem = _value_problem(schema, schema.entities[key], value)
        if problem:
            problems.append(problem)
        modern = _modern(schema, schema.entities[key], value, problem)
        if modern:
            values[key] = modern
    if order != sorted(order):
        problems.append(Problem("ENTITY_MISORDERED", "the entities are not in the order of the vocabulary"))
    return None if any(p.code == "NAME_UNPARSEABLE" for p in problems) else values


def _find_meant_entity(schema: Schema, key: str, value: str, values: Mapping[str, str]) -> str:
    """The entity that the second value of `key` means: `bp-thorax_bp-ap` has a view in it."""
    codes = (e for e in schema.entities.values() if e.kind == "code" and e.key not in values)
    return next((e.key for e in codes if value in schema.code_lists[e.code_list].codes), key)


def _value_problem(schema: Schema, entity: Entity, value: str) -> Problem | None:
    """What is wrong with one value, None for a right one."""
    key = entity.key
    if not value:
        return Problem("ENTITY_EMPTY", f"entity {key}: without a value")
    if entity.kind == "index":
        right = _INDEX.fullmatch(value)
        return None if right else Problem("ENTITY_VALUE", f"entity {key}: its index is not a number")
    if not _LABEL.fullmatch(value):
        text = f"entity {key}: a label has letters a-z, A-Z and digits only"
        return Problem("ENTITY_VALUE", text, label(value))
    if entity.kind == "label" or value in schema.code_lists[entity.code_list].codes:
        return None
    code = schema.code_lists[entity.code_list].find(value)
    if code is not None:
        return Problem("LEGACY_NAME", f"entity {key}: write {code} for {value}")
    return Problem("ENTITY_VALUE", f"entity {key}: {value} is not in the code list {entity.code_list}")


def _modern(schema: Schema, entity: Entity, value: str, problem: Problem | None) -> str:
    """The value to go on with: today's spelling, "" where nothing can be made of it."""
    if problem is None:
        return value
    if problem.code == "LEGACY_NAME":
        return schema.code_lists[entity.code_list].find(value) or value
    return "" if entity.kind == "index" else label(value)


def _find_missing_entities(
    schema: Schema, suffix: Suffix, values: Mapping[str, str], group: str, datatype: str
) -> Iterator[Problem]:
    """The entities that a file at such a place must have and has not."""
    here = {"any", "mids" if group else datatype}
    for entity in schema.entities.values():
        needed = not here.isdisjoint(entity.required) or (not group and entity.key in suffix.entities)
        if needed and entity.key not in values:
            yield Problem("ENTITY_MISSING", f"entity {entity.key}: missing")


def _extension(suffix: Suffix, extension: str, problems: list[Problem]) -> str:
    """The extension to go on with: `.nii.json` is `.json`, `.PNG` is `.png`, another wrong one stays."""
    allowed = (*suffix.extensions, ".json")
    if extension in allowed:
        return extension
    folded = ".json" if extension.casefold().endswith(".json") else extension.casefold()
    text = f"extension {extension or '(none)'}: {suffix.suffix} allows {' '.join(allowed)}"
    if folded in allowed:
        problems.append(Problem("EXTENSION_WRONG", text))
        return folded
    problems.append(Problem("EXTENSION_WRONG", text, suffix.extensions[0]))
    return extension


# --- folders ---------------------------------------------------------------------------------------------

_ROOT = re.compile(r"(derivatives(/[0-9a-zA-Z][0-9a-zA-Z_.-]*)+)?")

_FOLDER_TEXTS = {
    "FOLDER_UNKNOWN": "{place}: the vocabulary does not define this folder",
    "FOLDER_WRONG": "{place}: not the folder of suffix {suffix}",
    "LEGACY_FOLDER": "{place}: a folder name of older datasets",
}


def _folders(folders: list[str], values: Mapping[str, str], problems: list[Problem]) -> tuple[str, str]:
    """The root in front of the subject's folder and the place inside the session's."""
    first = next((i for i, folder in enumerate(folders) if folder.startswith("sub-")), None)
    if first is None:
        problems.append(Problem("FOLDER_MISMATCH", "the file is in no subject's folder"))
        return "", "/".join(folders)
    root, rest = "/".join(folders[:first]), folders[first + 1 :]
    if not _ROOT.fullmatch(root):
        problems.append(Problem("FOLDER_UNKNOWN", f"{root}: no place for subjects"))
    if folders[first] != f"sub-{values.get('sub')}":
        problems.append(Problem("FOLDER_MISMATCH", "the name has another subject than its folder"))
    session = rest.pop(0) if rest and rest[0].startswith("ses-") else ""
    if session != (f"ses-{values['ses']}" if "ses" in values else ""):
        problems.append(Problem("FOLDER_MISMATCH", "the name has another session than its folder"))
    return root, "/".join(rest)


@lru_cache(maxsize=4096)
def _resolve(schema: Schema, key: str, place: str) -> tuple[str, str, str]:
    """Group and datatype of a suffix in a folder, and the code of what is wrong with that, if anything."""
    suffix = schema.suffixes[key]
    modern, legacy = _places(schema, suffix)
    if place in modern:
        return *modern[place], ""
    if place in legacy:
        return *legacy[place], "LEGACY_FOLDER"
    known = place.split("/")[0] in _list_known_folders(schema) or not place
    plain = suffix.bids and place.split("/")[0] in _datatypes(schema)
    home = ("" if plain else suffix.group.strip("*"), suffix.datatype if plain else "")
    return *home, "FOLDER_WRONG" if known else "FOLDER_UNKNOWN"


def _places(schema: Schema, suffix: Suffix) -> tuple[dict[str, tuple[str, str]], dict[str, tuple[str, str]]]:
    """Folder to (group, datatype) for a suffix: those that we write, and those of older datasets."""
    if not suffix.group:
        return {"": ("", "")}, {}
    any_group = suffix.group == "*"
    groups = schema.groups.values() if any_group else [schema.groups[suffix.group]]
    datatypes = _datatypes(schema) if any_group else {suffix.datatype, *suffix.other_datatypes} - {""}
    modern = {place: ("", place) for place in datatypes if suffix.bids or any_group}
    legacy: dict[str, tuple[str, str]] = {}
    for group in groups:
        modern[group.folder] = (group.name, "")
        modern.update({f"{group.folder}/{d}": (group.name, d) for d in datatypes})
        for alias in group.aliases:
            legacy.setdefault(alias, (group.name, ""))
            for d in datatypes:
                legacy.setdefault(f"{alias}/{d}", (group.name, d))
                legacy.setdefault(f"{alias}-{d}", (group.name, d))
    return modern, legacy


@lru_cache(maxsize=8)
def _datatypes(schema: Schema) -> frozenset[str]:
    """The BIDS folders of the vocabulary."""
    return frozenset(d for s in schema.suffixes.values() for d in (s.datatype, *s.other_datatypes) if d)


@lru_cache(maxsize=8)
def _list_known_folders(schema: Schema) -> frozenset[str]:
    """The first folder of every place that any suffix may have."""
    places = (place for s in schema.suffixes.values() for part in _places(schema, s) for place in part)
    return frozenset(place.split("/")[0] for place in places)
