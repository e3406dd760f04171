"""The names and places of BIDS's files, judged by the file rules of its schema."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise

from mids.vocabulary.bids.schema import HERITABLE, Bids, FileRule
from mids.vocabulary.names import Problem

TOPS = ("sub", "tpl")
"""Keys of the folders that hold data: subjects, and templates of derivative datasets."""
_INNER = {"sub": "ses", "tpl": "cohort"}
_SUFFIX = re.compile("[0-9a-zA-Z]+")


@dataclass(frozen=True, slots=True)
class Parts:
    """A file name in parts: key-value pairs in their order, suffix ("" for none), extension from the first dot."""

    pairs: tuple[tuple[str, str], ...]
    suffix: str
    extension: str

    @property
    def entities(self) -> dict[str, str]:
        """The pairs as a mapping; of a key that comes twice the last value."""
        return dict(self.pairs)


@lru_cache(maxsize=1 << 12)
def split_name(name: str) -> Parts:
    """The parts of a file name, whether it is right or not; never raises."""
    stem, dot, rest = name.partition(".")
    *tokens, last = stem.split("_")
    suffix = last if tokens or _SUFFIX.fullmatch(last) else ""
    pairs = [token.partition("-") for token in (tokens if suffix else [*tokens, last])]
    return Parts(tuple((key, value) for key, _, value in pairs), suffix, dot + rest)


@lru_cache(maxsize=1 << 12)
def is_recording(name: str, datatype: str, bids: Bids) -> bool:
    """Whether a folder of this name, in a folder `datatype`, is one recording (CTF, MEF3, OME-Zarr, BTi)."""
    parts = split_name(name)
    if not (parts.pairs and parts.suffix) or parts.extension not in bids.folders or datatype not in bids.datatypes:
        return False
    return any(f"{parts.extension}/" in rule.extensions for rule in bids.file_rules.get(parts.suffix, ()))


def judge(path: str, bids: Bids, *, derived: bool, folder: bool = False) -> tuple[Problem, ...]:
    """What BIDS's file rules say against a file below a subject or a template, by dataset-relative POSIX path.

    `derived` says that the dataset is a derivative, `folder` that the recording is a folder.
    """
    *folders, name = path.split("/")
    parts = split_name(name)
    if not parts.pairs or not _SUFFIX.fullmatch(parts.suffix):
        return (Problem("NAME_UNPARSEABLE", "the name is not key-value pairs and a suffix"),)
    place = tuple(_places(folders, parts.entities))
    datatype, *surplus = [*folders[_depth(folders) :], ""]
    if (surplus and surplus[0]) or (datatype and datatype not in bids.datatypes):
        homes = sorted({folder for rule in bids.file_rules.get(parts.suffix, ()) for folder in rule.datatypes})
        unknown = "/".join(folders[_depth(folders) :])
        return (*place, Problem("FOLDER_UNKNOWN", f"{unknown}: BIDS does not define this folder", " or ".join(homes)))
    extension = parts.extension + ("/" if folder else "")
    return (*place, *_words(parts, bids), *_rules(parts, extension, datatype, bids, derived=derived))


def _depth(folders: list[str]) -> int:
    """How many folders lead to those of datatypes."""
    top = folders[0].partition("-")[0]
    return 1 + (len(folders) > 1 and folders[1].startswith(f"{_INNER.get(top, '')}-"))


def _places(folders: list[str], entities: dict[str, str]) -> Iterator[Problem]:
    """Subject and session (template and cohort) of a name against its folders."""
    top = folders[0].partition("-")[0]
    inner = _INNER[top]
    if entities.get(top) != folders[0].removeprefix(f"{top}-"):
        yield Problem("FOLDER_MISMATCH", f"the name has another {top}- than its folder")
    session = folders[1].removeprefix(f"{inner}-") if _depth(folders) == 2 else None
    if top == "sub" and entities.get(inner) != session:
        yield Problem("FOLDER_MISMATCH", f"the name has another {inner}- than its folder")


def _words(parts: Parts, bids: Bids) -> Iterator[Problem]:
    """What is wrong with the pairs of a name by themselves."""
    rank = {key: at for at, key in enumerate(bids.entities.values())}
    keys = [key for key, _ in parts.pairs]
    for key, value in dict.fromkeys(parts.pairs):
        if keys.count(key) > 1 and key:
            yield Problem("ENTITY_DUPLICATED", f"entity {key}: occurs twice")
        if not value:
            yield Problem("ENTITY_EMPTY", f"entity {key}: without a value" if key else "nothing follows an underscore")
        elif key not in rank:
            yield Problem("ENTITY_UNKNOWN", f"entity {key}: BIDS does not define it")
        elif not _pattern(bids.patterns[key]).fullmatch(value):
            yield Problem("ENTITY_VALUE", f"entity {key}: its value is not of the form {bids.patterns[key]}")
    if any(one > other for one, other in pairwise(rank[key] for key in dict.fromkeys(keys) if key in rank)):
        ordered = sorted(dict.fromkeys(parts.pairs), key=lambda pair: rank.get(pair[0], -1))
        name = "_".join([*(f"{key}-{value}" for key, value in ordered), parts.suffix + parts.extension])
        yield Problem("ENTITY_MISORDERED", "the entities are not in the order of BIDS", name)


_pattern = cache(re.compile)


def _rules(parts: Parts, extension: str, datatype: str, bids: Bids, *, derived: bool) -> tuple[Problem, ...]:
    """What the rules of the suffix say against folder, extension and entities: the objections of the mildest rule."""
    suffix = parts.suffix
    rules = [rule for rule in bids.file_rules.get(suffix, ()) if derived or not rule.derived]
    if not rules:
        return (Problem("SUFFIX_UNKNOWN", f"suffix {suffix}: BIDS does not define it"),)
    above = not datatype and extension in HERITABLE
    here = [rule for rule in rules if above or not rule.datatypes or datatype in rule.datatypes]
    if not datatype and not above:
        here = [rule for rule in here if not rule.datatypes]
    if not here:
        homes = " or ".join(sorted({folder for rule in rules for folder in rule.datatypes}))
        return (Problem("FOLDER_WRONG", f"{datatype or 'no folder'}: not the folder of suffix {suffix}", homes),)
    fitting = [rule for rule in here if _allows(rule, extension)]
    if not fitting:
        allowed = " ".join(sorted({word for rule in here for word in rule.extensions}))
        return (Problem("EXTENSION_WRONG", f"extension {extension or '(none)'}: {suffix} allows {allowed}"),)
    return min((tuple(_entities(rule, parts, above=above)) for rule in fitting), key=len)


def _allows(rule: FileRule, extension: str) -> bool:
    return extension in rule.extensions or (".*" in rule.extensions and len(extension) > 1)


def _entities(rule: FileRule, parts: Parts, *, above: bool) -> Iterable[Problem]:
    """What a rule says of the entities; a file above what it describes need not have any of them."""
    entities = parts.entities
    for key, level in rule.entities.items():
        if level == "required" and key not in entities and not above:
            yield Problem("ENTITY_MISSING", f"entity {key}: missing")
        if key in rule.values and key in entities and entities[key] not in rule.values[key]:
            words = " or ".join(sorted(rule.values[key]))
            yield Problem("ENTITY_VALUE", f"entity {key}: its value is none that {parts.suffix} may have", words)
    for key, value in parts.pairs:
        if key and value and key not in rule.entities:
            yield Problem("ENTITY_FORBIDDEN", f"entity {key}: BIDS does not allow it for {parts.suffix}")
