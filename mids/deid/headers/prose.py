"""Comments, histories and reasons in headers (Clean Descriptors, PS3.15 E.3.5): only ordinary clinical words stay.

A mark stands for each word that does not stay: without it, "no change of the pneumothorax" could become a pneumothorax.
The words are those of descriptions, of reports (`schemas/deid/text/words_*.txt`) and of the meanings of DICOM's codes,
without those that are in a list of names; `schemas/deid/prose_words.yaml` says which of these stay all the same.
"""

import re
from functools import cache

from mids.deid.headers.codes import defined_meanings
from mids.deid.headers.descriptors import listed_words, normalise_word
from mids.deid.text.guards import negations
from mids.deid.text.words import eponyms, ordinary, read_entries
from mids.resources import read_yaml, schemas

MARK = "[...]"

_TOKEN = re.compile(
    r"\[(?:NAME|DIR|LOC|NUM|FECHA|INST|\.\.\.)\]"
    r"|(?<![^\W_])(?P<measure>\d{1,3}(?:[.,]\d{1,2})?) ?(?:x ?\d{1,3}(?:[.,]\d{1,2})? ?)?"
    r"(?P<unit>[^\W\d_]+|%)(?![^\W_])"
    r"|(?P<word>[^\W\d_]+)(?![^\W_])"
    r"|(?P<space>[\s.,;:()/?!'’+-]+)"
    r"|(?P<other>[^\s.,;:()/?!'’+\[-]+|\[)"
)
_RUNS = re.compile(r"(?:\[\.\.\.\][\s,.:/'’-]*)+(?=\[\.\.\.\])")


def clean_prose(text: str) -> str:
    """The ordinary words, measures and tags (``[NAME]``) of a text, a mark for the rest; empty where no word stays."""
    pieces, stays = [], False
    for token in _TOKEN.finditer(text):
        if token["word"]:
            kept = _is_ordinary(normalise_word(token[0]))
            stays |= kept and normalise_word(token[0]) not in listed_words().joining
        else:
            is_gap = token["measure"] is None and token["other"] is None
            kept = is_gap or (bool(token["unit"]) and _is_unit(token["unit"]))
        pieces.append(token[0] if kept else MARK)
    return _RUNS.sub("", "".join(pieces)).strip() if stays else ""


def _is_ordinary(word: str) -> bool:
    """Whether a word may stay; what denies or doubts a finding always may, so that none turns round."""
    return word in _words() or _cues().fullmatch(word) is not None


@cache
def _cues() -> re.Pattern[str]:
    """The words by which `mids label` knows what Spanish denies or doubts, and the negations of all languages.

    Not the cues of other languages: some are names ("mari", the French husband).
    """
    cues = read_yaml(schemas() / "lexicon" / "es.yaml")["cues"]
    phrases = " ".join(phrase for listed in cues.values() for phrase in listed)
    stems = re.findall(r"[^\W\d_]+\*?", normalise_word(phrases))
    return re.compile("|".join(sorted({stem.replace("*", ".{0,12}") for stem in stems} | negations())))


def _is_unit(text: str) -> bool:
    return text == "%" or normalise_word(text) in listed_words().units | _prose()["units"]


@cache
def _prose() -> dict[str, frozenset[str]]:
    """Units, and words that are names too."""
    content = read_yaml(schemas() / "deid" / "prose_words.yaml")
    return {key: frozenset(map(normalise_word, content[key])) for key in ("units", "names_too")}


@cache
def _words() -> frozenset[str]:
    of_codes = {word for meaning in defined_meanings() for word in re.findall(r"[^\W\d_]+", normalise_word(meaning))}
    names = {normalise_word(part) for name in _names() for part in re.findall(r"[^\W\d_]+", name)}
    parts = {part for phrase in eponyms() for part in re.findall(r"[^\W\d_]+", phrase)}
    every = (of_codes | ordinary() | parts) - names
    return frozenset(every | _prose()["names_too"] | listed_words().plain)


def _names() -> frozenset[str]:
    return frozenset().union(*map(read_entries, ("given", "surnames", "towns", "countries")))
