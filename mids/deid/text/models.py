"""Models as recognisers: spaCy, Presidio, or any that another distribution brings (entry points `mids.recognisers`)."""

from collections.abc import Callable
from importlib import import_module
from importlib.metadata import entry_points

from mids.deid.text.spans import Recogniser
from mids.errors import MidsError

GROUP = "mids.recognisers"
"""Entry points: each is a function from a model's name to a `Recogniser`."""

BUILT_IN = {"spacy": "mids.deid.models.model_spacy", "presidio": "mids.deid.models.model_presidio"}


def model(text: str) -> Recogniser:
    """The recogniser ``backend:model``, such as ``spacy:es_core_news_md`` or ``presidio:es_core_news_md``.

    Raises `MidsError` where there is no such backend, its package is not installed, or it has no such model.
    """
    backend, _, name = text.partition(":")
    found: Recogniser = _backend(backend)(name)
    found.find("")  # a model that is not there is said now, not in the middle of a run
    return found


def _backend(name: str) -> Callable[[str], Recogniser]:
    for entry in entry_points(group=GROUP, name=name):
        function: Callable[[str], Recogniser] = entry.load()
        return function
    if name not in BUILT_IN:
        known = sorted({*BUILT_IN, *(entry.name for entry in entry_points(group=GROUP))})
        raise MidsError(f"unknown recogniser {name!r}: choose from {', '.join(known)}")
    try:
        module = import_module(BUILT_IN[name])
    except ImportError as error:
        package = "presidio-analyzer" if name == "presidio" else name
        raise MidsError(f"{name} is not installed: pip install {package}") from error
    recogniser: Callable[[str], Recogniser] = module.recogniser
    return recogniser
