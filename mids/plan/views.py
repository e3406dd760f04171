"""Views from a user's own model, for projections whose headers and source say none.

A model is a file that ``mids train views`` wrote, or an entry point of the group ``mids.views``: a function of a
`Record` and a function that opens one of its sources, which returns a code of the list view_positions (and, if it
likes, its probability), or an empty text where it can't tell.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path
from typing import BinaryIO, TypeAlias

from mids.actions.picture import read as read_picture
from mids.errors import DataError, MidsError
from mids.learned.views import ViewModel, read_view_model
from mids.plan.naming import describe
from mids.readers.archives.files import open_source
from mids.readers.dicom.decoding import read_dataset
from mids.readers.dicom.pixels import render
from mids.records import Item, Json, Record, Source
from mids.vocabulary.schema import Schema

GROUP = "mids.views"
Model: TypeAlias = Callable[[Record, Callable[[Source], BinaryIO]], str | tuple[str, float]]

_PROJECTIONS = frozenset({"CR", "DX", "RG", "RF"})


def choose_view_model(path: Path) -> Json:
    """A model file as a choice that is recorded: by its digest, and where it lay (`name`)."""
    return {"digest": read_view_model(path).digest, "name": str(path.resolve())}


def find_view_model(choice: Json) -> ViewModel | None:
    """The model of a recorded choice, None for none; raises `MidsError` where its file is gone or another one."""
    if not isinstance(choice, dict):
        return None
    found = read_view_model(Path(str(choice["name"])))
    if found.digest != choice["digest"]:
        raise MidsError(f"{choice['name']} is another model than before: give it with --change view-model")
    return found


def modelled(
    batches: Iterable[Sequence[Item]], root: Path, schema: Schema, file: ViewModel | None = None
) -> Iterator[Sequence[Item]]:
    """The items, records of radiographs without a view given the one that the first model names that names any.

    The model of a file is asked first. Raises `MidsError` where a model can't be loaded or returns what is no view.
    """
    models: dict[str, Model] | None = None  # before the first radiograph nobody looks through the installed packages
    opened = partial(open_source, root)
    for items in batches:
        if not any(isinstance(item, Record) and item.modality in _PROJECTIONS for item in items):
            yield items
            continue
        models = _models(file) if models is None else models
        yield [_seen(item, models, opened, schema) if isinstance(item, Record) else item for item in items]


def _models(file: ViewModel | None) -> dict[str, Model]:
    models: dict[str, Model] = {} if file is None else {"file": partial(_tell, file)}
    return models | {entry.name: _loaded(entry.name, entry.load) for entry in entry_points(group=GROUP)}


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
        view, chance = _parted(model(record, opened))
        if view and view not in schema.code_lists["view_positions"].codes:
            raise MidsError(f"the view model {name} returned {view!r}, not a view position: see docs/vocabulary.md")
        if view:
            columns = {**record.columns, "view_probability": f"{chance:.3f}"} if chance else record.columns
            return replace(record, view=view, view_source="model", columns=columns)
    return record


def _parted(told: str | tuple[str, float]) -> tuple[str, float]:
    """A view and its probability, 0 where the model says none."""
    return (told, 0.0) if isinstance(told, str) else told


def _tell(model: ViewModel, record: Record, opened: Callable[[Source], BinaryIO]) -> str | tuple[str, float]:
    """What a model file says of a radiograph's pixels as they are displayed; nothing where they can't be read."""
    try:
        with opened(record.sources[0]) as stream:
            if record.kind == "picture":
                return model.tell(read_picture(stream)[0])
            return model.tell(render(read_dataset(stream), "window", frame=0).pixels)
    except DataError:  # the image itself is refused later, with its cause
        return ""
