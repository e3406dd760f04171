"""Clean Descriptors (PS3.15 E.3.5): of a description only words of a list stay, so that nothing else can.

The list (`schemas/deid/descriptor_words.yaml`) names modalities, parts of the body, planes, views, contrast, kernels,
sequences and phases in English, Spanish, Catalan and French; names of parts of the body come from the code list too.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from mids.resources import read_yaml, schemas

_TOKEN = re.compile(r"\d+(?:[.,]\d+)?|[^\W\d_]+|[+]")
_NUMBER = re.compile(r"\d{1,3}(?:[.,]\d{1,2})?", re.ASCII)


def clean_description(text: str) -> str:
    """The words of a description that the list holds, in their order; empty where there are none.

    A number stays only before a unit (``3 mm``, ``120kV``) or as part of a listed word (``T1``, ``Br38``): alone it
    may be a room, a bed or part of a date.
    """
    words = list(_keep_listed_words(text))
    return " ".join(words) if any(normalise_word(word) not in listed_words().joining for word in words) else ""


def _keep_listed_words(text: str) -> Iterator[str]:
    listed = listed_words()
    tokens = list(_TOKEN.finditer(text))
    place = 0
    while place < len(tokens):
        word, taken = _compound(tokens, place, listed.joined)
        if not word:
            word, taken = _measure(tokens, place, listed.units)
        if not word and normalise_word(tokens[place][0]) in listed.plain:
            word = tokens[place][0]
        if word:
            yield word
        place += taken


def _compound(tokens: list[re.Match[str]], place: int, joined: frozenset[str]) -> tuple[str, int]:
    """A listed word of letters and digits, such as ``T1`` or ``B70f``, and how many tokens it takes."""
    for taken in (3, 2):
        run = tokens[place : place + taken]
        adjacent = all(left.end() == right.start() for left, right in pairwise(run))
        text = "".join(token[0] for token in run)
        if len(run) == taken and adjacent and normalise_word(text) in joined and _ends(tokens, place + taken):
            return text, taken
    return "", 1


def _measure(tokens: list[re.Match[str]], place: int, units: frozenset[str]) -> tuple[str, int]:
    """A number of at most three digits with its unit."""
    run = tokens[place : place + 2]
    if len(run) < 2 or not _NUMBER.fullmatch(run[0][0]) or run[1].start() - run[0].end() > 1:
        return "", 1
    if normalise_word(run[1][0]) not in units or not _ends(tokens, place + 2):
        return "", 1
    return run[0].string[run[0].start() : run[1].end()], 2


def _ends(tokens: list[re.Match[str]], place: int) -> bool:
    """Whether no further letter or digit is joined to what stands before this place."""
    return not 0 < place < len(tokens) or tokens[place].start() > tokens[place - 1].end()


def normalise_word(word: str) -> str:
    """A word in lower case without accents."""
    return "".join(c for c in unicodedata.normalize("NFKD", word.casefold()) if not unicodedata.combining(c))


@dataclass(frozen=True, slots=True)
class Listed:
    """Words that may stay: of letters alone, with digits, units; those that say nothing alone (``de``, ``with``)."""

    plain: frozenset[str]
    joined: frozenset[str]
    units: frozenset[str]
    joining: frozenset[str]


@cache
def listed_words() -> Listed:
    """The words of the list and of the parts of the body, without accents and in lower case."""
    content = read_yaml(schemas() / "deid" / "descriptor_words.yaml")
    parts = read_yaml(schemas() / "code_lists" / "body_parts.yaml")["codes"]
    texts = [text for name, entry in parts.items() for text in (name, entry["definition"], *entry.get("synonyms", ()))]
    listed = [str(word) for words in content["words"].values() for word in words]
    plain = {normalise_word(word) for text in (*texts, *listed) for word in text.split()}
    words = {word.strip(",.()") for word in plain} - {normalise_word(str(name)) for name in content["names"]}
    joined = {word for word in words if re.search(r"\d", word)}
    units = frozenset(map(normalise_word, map(str, content["units"])))
    joining = frozenset(map(normalise_word, content["words"]["joining"]))
    return Listed(frozenset(words - joined), frozenset(joined), units, joining)
