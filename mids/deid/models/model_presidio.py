"""Presidio as a recogniser. Imported only when it is asked for: Presidio is not among our dependencies."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

from mids.deid.text.spans import Kind, Span
from mids.errors import MidsError

analyzer: Any = import_module("presidio_analyzer")
engines: Any = import_module("presidio_analyzer.nlp_engine")
spacy_util: Any = import_module("spacy.util")

LABELS: Mapping[str, Kind] = {"PERSON": "NAME", "LOCATION": "LOC", "ORGANIZATION": "INST", "DATE_TIME": "FECHA"}
"""Entities of Presidio by our classes; every other one is a number of some kind."""

SCORE = 0.4
"""Findings that Presidio is less sure of are left out; its patterns without context give 0.3 and less."""


@dataclass(frozen=True, slots=True)
class Presidio:
    """What Presidio finds with a spaCy model; `name` is ``language`` and model, as in ``es/es_core_news_md``."""

    name: str

    def find(self, text: str) -> Iterator[Span]:
        """Entities with a score of 0.4 or more."""
        language, engine = _load(self.name)
        for found in engine.analyze(text=text, language=language, score_threshold=SCORE) if text else ():
            kind = LABELS.get(found.entity_type, "NUM")
            yield Span(found.start, found.end, kind, f"Presidio {found.entity_type}")


def recogniser(name: str) -> Presidio:
    """The recogniser of a model; without a language, Spanish."""
    found = Presidio(name)
    _load(name)
    return found


@cache
def _load(name: str) -> tuple[str, Any]:
    language, slash, model = name.partition("/")
    if not slash:
        language, model = "es", name
    if not (spacy_util.is_package(model) or spacy_util.ensure_path(model).is_dir()):  # Presidio would download it
        raise MidsError(f"Presidio needs the spaCy model {model!r}: python -m spacy download {model}")
    settings = {"nlp_engine_name": "spacy", "models": [{"lang_code": language, "model_name": model}]}
    nlp = engines.NlpEngineProvider(nlp_configuration=settings).create_engine()
    return language, analyzer.AnalyzerEngine(nlp_engine=nlp, supported_languages=[language])
