"""Values of closed lists of the standard: a code is never taken for a name, whatever the patient is called."""

from functools import cache

from mids.resources import read_yaml, schemas


def is_listed(value: str) -> bool:
    """Whether a value is a defined term of PS3.3 (`schemas/deid/terms.yaml`) or a body part (PS3.16 table L-1)."""
    return value.strip().casefold() in _terms()


@cache
def _terms() -> frozenset[str]:
    listed = read_yaml(schemas() / "deid" / "terms.yaml")["terms"]
    parts = read_yaml(schemas() / "code_lists" / "body_parts.yaml")["codes"]
    return frozenset(str(term).casefold() for terms in (*listed.values(), parts) for term in terms)
