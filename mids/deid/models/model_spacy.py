"""spaCy as a recogniser. This module is imported only when it is asked for: spaCy is not among our dependencies."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

from mids.deid.text.spans import KINDS, Kind, Span
from mids.errors import MidsError

spacy: Any = import_module("spacy")

PIECE = 100_000
"""Characters that are given to a model at once: spaCy refuses a million."""

LABELS: Mapping[str, Kind] = {
    "PER": "NAME", "PERSON": "NAME", "LOC": "LOC", "GPE": "LOC", "FAC": "INST", "ORG": "INST", "DATE": "FECHA",
    **{kind: kind for kind in KINDS},
}  # fmt: skip
"""Labels of spaCy's models by our classes; our classes are those of DisMed's. Others are left out."""


@dataclass(frozen=True, slots=True)
class Spacy:
    """The entities of one model, by its name or folder; the model is loaded once in each process."""

    name: str

    def find(self, text: str) -> Iterator[Span]:
        """Entities of the labels in `LABELS`."""
        pipeline = _load(self.name)
        for start in range(0, len(text), PIECE):
            for entity in pipeline(text[start : start + PIECE]).ents:
                kind = LABELS.get(entity.label_)
                if kind is not None:
                    yield Span(start + entity.start_char, start + entity.end_char, kind, f"spaCy {entity.label_}")


def recogniser(name: str) -> Spacy:
    """The recogniser of a model."""
    found = Spacy(name)
    _load(name)
    return found


@cache
def _load(name: str) -> Any:
    try:
        return spacy.load(name)
    except (OSError, ValueError) as error:
        raise MidsError(f"spaCy has no model {name!r}: python -m spacy download {name}") from error
