"""Words that were read in an image: marks that may stay, and names of the header that must not."""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache

from mids.records import Box
from mids.resources import read_yaml, schemas

IDENTIFIERS = (
    "PatientName PatientID OtherPatientIDs OtherPatientNames PatientBirthName PatientMotherBirthName PatientBirthDate "
    "AccessionNumber ReferringPhysicianName PerformingPhysicianName OperatorsName InstitutionName"
).split()
"""Attributes whose words are looked for in images."""

_SHORTEST = 4
"""Letters of a word that is looked for; shorter ones are found everywhere."""


@cache
def marks() -> frozenset[str]:
    """Words that say side, projection or position and may stay (`schemas/deid/burned_in.yaml`)."""
    # YAML takes some bare words for values of its own, none of which is in the list.
    return frozenset(str(word) for word in read_yaml(schemas() / "deid" / "burned_in.yaml")["marks"])


def normalise_words(text: str) -> str:
    """Capital letters without accents, and digits; all else is a space."""
    bare = "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))
    return " ".join(re.sub(r"[^A-Z0-9]+", " ", bare.upper()).split())


def list_known_words(values: Iterable[str]) -> frozenset[str]:
    """The words of values of `IDENTIFIERS` that are long enough to be looked for; a date in its usual forms too."""
    words: set[str] = set()
    for value in values:
        words.update(word for word in normalise_words(value).split() if len(word) >= _SHORTEST)
        if date := re.fullmatch(r"(\d{4})(\d\d)(\d\d)", value.strip()):
            year, month, day = date.groups()
            words.update((day + month + year, month + day + year))
    return frozenset(words - marks())


def names_someone(words: Iterable[str], names: frozenset[str]) -> bool:
    """Whether a known word is among words that were read, or inside them when they are joined."""
    joined = "".join(normalise_words(word).replace(" ", "") for word in words)
    return any(name in joined for name in names)


def is_mark(words: Iterable[str], box: Box) -> bool:
    """Whether everything that was read in a box is marks, and the box has no room for more.

    A box has a margin of up to twice the height of the text at its sides, half of it above and below (`glyphs`).
    """
    parts = [part for word in words for part in normalise_words(word).split()]
    letters = sum(len(part) for part in parts) + len(parts) - 1
    high, wide = (box[2] - box[0]) / 2, box[3] - box[1]
    return bool(parts) and all(part in marks() for part in parts) and wide <= high * (3.5 + 1.1 * letters)
