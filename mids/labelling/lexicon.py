"""The lexicon (`schemas/lexicon`): which words mean which term of the label tree, and which deny or doubt them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from mids.errors import MidsError
from mids.records import Json
from mids.resources import read_yaml, schemas

STEM = 3
"""Letters of a pattern's first word by which patterns are found quickly."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """An entry of the lexicon as it is written (`words`), and compiled; `starts` are the first letters that it can
    begin with, none where any."""

    words: str
    regex: re.Pattern[str]
    starts: frozenset[str]

    def can_be_in(self, starts: frozenset[str]) -> bool:
        """Whether a text whose words begin so can have the pattern."""
        return not self.starts or not self.starts.isdisjoint(starts)


@dataclass(frozen=True, slots=True)
class Term:
    """A term of the label tree: its CUI, the patterns that mean it, the label that it has where it is doubted."""

    name: str
    cui: str
    patterns: tuple[Pattern, ...]
    doubted: str = ""


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The words of one language.

    `cues` are patterns by what they do, `sections` patterns of headings by the kind of section, `ignored` phrases that
    mean no term though they hold words of one; `joins` words that tie parts of a sentence, by kind, as alternatives of
    an expression; `vocabulary` has the words of the findings, with "*" where any ending is meant, and `ordinary` those
    that are right though a word of the lexicon is spelled much like them. `small` are the most frequent words of the
    language but for denials, `letters` those that it has beside a to z; `stemmer` is the Snowball algorithm that
    published stems were made with, or "".
    """

    language: str
    findings: tuple[Term, ...]
    localizations: tuple[Term, ...]
    cues: Mapping[str, tuple[Pattern, ...]]
    sections: Mapping[str, tuple[Pattern, ...]]
    joins: Mapping[str, str]
    ignored: tuple[Pattern, ...]
    vocabulary: frozenset[str]
    ordinary: frozenset[str]
    small: frozenset[str] = frozenset()
    letters: frozenset[str] = frozenset()
    stemmer: str = ""

    def cui(self, name: str) -> str:
        """The CUI of a term, "" where it has none or is unknown."""
        return next(
            (term.cui for term in (*self.findings, *self.localizations) if term.name == name), _cuis().get(name, "")
        )


_CUES = (
    "denied_after", "denied_through", "denied_before", "doubted_after", "doubted_before", "ends", "through",
    "likely_after", "aside_after", "aside",
    "kept",
)  # fmt: skip
_SECTIONS = ("request", "history", "findings")
JOINS: Mapping[str, str] = dict.fromkeys(("and", "or", "with", "at", "not"), "(?!)")
"""Expressions of kinds that a lexicon has no words for: they match nothing."""


_GAP = r"[^\w,:]+"
"""What stands between the words of a pattern."""


@cache
def lexicon(language: str = "es") -> Lexicon:
    """The lexicon of a language of `schemas/lexicon`, or in a YAML file of the same form.

    Raises `MidsError` where there is none, or a part of it is wrong.
    """
    path = _path(language)
    return _read(read_yaml(path), path.name)


def languages() -> list[str]:
    """The names of the lexica of `schemas/lexicon`."""
    return sorted(path.stem for path in (schemas() / "lexicon").glob("*.yaml"))


def describe_lexicon(language: str) -> dict[str, Json]:
    """What a model says of its words: the name of a language of `schemas/lexicon`, or all that is in a user's file."""
    path = _path(language)
    is_ours = path.is_relative_to(schemas())
    return {"lexicon": language} if is_ours else {"lexicon": path.name, "words": read_yaml(path)}


def described_lexicon(head: Mapping[str, Json]) -> Lexicon:
    """The lexicon that `describe_lexicon` described; raises `MidsError` as `lexicon` does, `KeyError` without any."""
    name = str(head["lexicon"])
    return _read(head["words"], name) if "words" in head else lexicon(name)


def _path(language: str) -> Path:
    known = languages()
    path = schemas() / "lexicon" / f"{language}.yaml" if language in known else Path(language)
    if not path.is_file():
        raise MidsError(f"unknown lexicon {language}: give a YAML file or one of {', '.join(known)}")
    return path


def _read(content: Any, name: str) -> Lexicon:
    try:
        return _lexicon(content)
    except (KeyError, TypeError, AttributeError, re.error) as error:
        raise MidsError(
            f"{name} is not a lexicon ({type(error).__name__}: {error}): see schemas/lexicon for examples"
        ) from None


def _lexicon(content: Mapping[str, Any]) -> Lexicon:
    cues = {name: _patterns(words) for name, words in content["cues"].items()}
    sections = {name: _patterns(words) for name, words in content.get("sections", {}).items()}
    findings, places = (_terms(content[name]) for name in ("findings", "localizations"))
    ignored = _patterns(content.get("ignored", ()))
    joins = {kind: "|".join(map(re.escape, given)) for kind, given in content.get("joins", {}).items()}
    return Lexicon(
        content["language"], findings, places,
        {**dict.fromkeys(_CUES, ()), **cues}, {**dict.fromkeys(_SECTIONS, ()), **sections}, {**JOINS, **joins},
        ignored,
        frozenset(word for term in findings for pattern in term.patterns for word in _choices(pattern.words)),
        frozenset(content.get("ordinary", ())), frozenset(content.get("small", ())),
        frozenset(content.get("letters", "")), content.get("stemmer", ""),
    )  # fmt: skip


def _terms(entries: Mapping[str, Any]) -> tuple[Term, ...]:
    return tuple(
        Term(name, entry.get("cui", _cuis().get(name, "")), _patterns(entry.get("words", ())), entry.get("doubted", ""))
        for name, entry in entries.items()
    )


@cache
def _cuis() -> dict[str, str]:
    """The CUIs of the terms, which the Spanish lexicon has for all languages."""
    content = read_yaml(schemas() / "lexicon" / "es.yaml")
    terms = content["findings"] | content["localizations"]
    return {name: entry["cui"] for name, entry in terms.items() if "cui" in entry}


def _patterns(entries: Iterable[str]) -> tuple[Pattern, ...]:
    return tuple(map(make_pattern, entries))


def _choices(words: str) -> list[str]:
    """The single words of an entry."""
    return [
        choice for word in words.lstrip("=").split() for choice in word.rstrip("?").split("|") if choice[:1].isalpha()
    ]


def make_pattern(words: str) -> Pattern:
    """The pattern of a lexicon's entry, for text as `plain.normalise` makes it."""
    found = ""
    is_first = True  # nothing that must be there stands before
    for word in words.lstrip("=").split():
        if word in ("...", "...?"):
            found += rf"(?:{_GAP}\w+){{0,4}}?"
            continue
        choices = "|".join(re.escape(choice).replace(r"\*", r"\w*") for choice in word.rstrip("?").split("|"))
        if word.endswith("?"):
            found += f"(?:(?:{choices}){_GAP})?" if is_first else f"(?:{_GAP}(?:{choices}))?"
        else:
            found += f"(?:{choices})" if is_first else f"{_GAP}(?:{choices})"
            is_first = False
    edge, end = ("", r"\b") if words.startswith(":") else (r"\A", r"\W*\Z") if words.startswith("=") else (r"\b", r"\b")
    regex = re.compile(rf"{edge}{found}{end}")
    if is_first:
        raise TypeError(f"nothing of {words!r} must be there")
    return Pattern(words, regex, _starts(words))


def _starts(words: str) -> frozenset[str]:
    first = words.lstrip("=").split()[0]
    choices = first.split("|")
    is_sure = not first.endswith("?") and all(choice[:1].isalnum() for choice in choices)
    if not is_sure or any("*" in choice[:STEM] for choice in choices):
        return frozenset()
    return frozenset(choice[:STEM] for choice in choices)
