"""Values of closed lists of the standard: a code is never taken for a name, whatever the patient is called."""

import re
from functools import cache

from mids.resources import read_yaml, schemas


def is_listed(value: str) -> bool:
    """Whether a value is a defined term of PS3.3 (`schemas/deid/terms.yaml`) or a body part (PS3.16 table L-1)."""
    return value.strip().casefold() in _terms()


_WORD = re.compile(r"0012,?006[2-4]|\d[\d.]*[a-e]?|[^\W\d_]+", re.ASCII)
_NUMBER = re.compile(r"0012,?006[2-4]|3\.15|15|3|20\d\d[a-e]", re.ASCII)
"""Tags of de-identification, the standard's part and its editions (``2026c``); any other number may tell a day."""


def is_statement(text: str) -> bool:
    """Whether a text says with words of the standard alone how a header was de-identified (Annex E, CTP)."""
    found = _WORD.findall(text.casefold())
    return bool(found) and text.isascii() and all(word in _words() or _NUMBER.fullmatch(word) for word in found)


@cache
def _words() -> frozenset[str]:
    return frozenset(read_yaml(schemas() / "deid" / "terms.yaml")["statements"]["words"])


@cache
def _terms() -> frozenset[str]:
    listed = read_yaml(schemas() / "deid" / "terms.yaml")["terms"]
    parts = read_yaml(schemas() / "code_lists" / "body_parts.yaml")["codes"]
    return frozenset(str(term).casefold() for terms in (*listed.values(), parts) for term in terms)
