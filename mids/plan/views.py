"""Views from a user's own model, for projections whose headers and source say none.

A model is an entry point of the group ``mids.views``: a function of a `Record` and a function that opens one of its
sources, which returns a code of the list view_positions, or an empty text where it can't tell.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path
from typing import BinaryIO, TypeAlias

from mids.errors import MidsError
from mids.plan.naming import describe
from mids.readers.archives.files import open_source
from mids.records import Item, Record, Source
from mids.vocabulary.schema import Schema

GROUP = "mids.views"
Model: TypeAlias = Callable[[Record, Callable[[Source], BinaryIO]], str]

_PROJECTIONS = frozenset({"CR", "DX", "RG", "RF"})


def modelled(batches: Iterable[Sequence[Item]], root: Path, schema: Schema) -> Iterator[Sequence[Item]]:
    """The items, records of radiographs without a view given the one that the first model names that names any.

    Raises `MidsError` where a model can't be loaded or returns what is no view.
    """
    models = {entry.name: _loaded(entry.name, entry.load) for entry in entry_points(group=GROUP)}
    opened = partial(open_source, root)
    for items in batches:
        if not models:
            yield items
            continue
        yield [_seen(item, models, opened, schema) if isinstance(item, Record) else item for item in items]


def _loaded(name: str, load: Callable[[], Model]) -> Model:
    try:
        return load()
    except (ImportError, AttributeError) as error:
        raise MidsError(f"can't load the view model {name} ({type(error).__name__}): install it again") from error


def _seen(record: Record, models: dict[str, Model], opened: Callable[[Source], BinaryIO], schema: Schema) -> Record:
    described = describe(record, schema)
    if record.modality not in _PROJECTIONS or described is None or described.view:
        return record
    for name, model in models.items():
        view = model(record, opened)
        if view and view not in schema.code_lists["view_positions"].codes:
            raise MidsError(f"the view model {name} returned {view!r}, not a view position: see docs/vocabulary.md")
        if view:
            return replace(record, view=view, view_source="model")
    return record
