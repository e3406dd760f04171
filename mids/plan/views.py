"""Views from pixels, for projections whose headers and source say none: by the model that ships, or a user's own.

The model that ships is for radiographs of the chest; it is asked where the source says that it is one.

A model is a file that ``mids train views`` wrote, or an entry point of the group ``mids.views``: a function of a
`Record` and a function that opens one of its sources, which returns a code of the list view_positions (and, if it
likes, its probability), or an empty text where it can't tell.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import numpy.typing as npt

from mids.actions.picture import read as read_picture
from mids.errors import DataError, MidsError
from mids.learned.shipped import CHEST, tell_view
from mids.learned.shipped import model as shipped_model
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


SHIPPED, NONE = "shipped", "none"
"""Names of the model that ships with the package, and of no model at all."""


def choose_view_model(given: str | Path) -> Json:
    """A model file, or a name of one, as a choice that is recorded: by its digest, and where it lay (`name`)."""
    if str(given) == NONE:
        return {"digest": "", "name": NONE}
    if str(given) == SHIPPED:
        return {"digest": shipped_model("view").digest, "name": SHIPPED}
    return {"digest": read_view_model(Path(given)).digest, "name": str(Path(given).resolve())}


def find_view_model(choice: Json) -> ViewModel | None:
    """The model of a recorded choice, None for none; raises `MidsError` where its file is gone or another one."""
    if not isinstance(choice, dict) or choice["name"] == NONE:
        return None
    found = shipped_model("view") if choice["name"] == SHIPPED else read_view_model(Path(str(choice["name"])))
    if found.digest != choice["digest"]:
        raise MidsError(f"{choice['name']} is another model than before: give it with --change view-model")
    return found


def modelled(
    batches: Iterable[Sequence[Item]], root: Path, schema: Schema, file: ViewModel | None = None
) -> Iterator[Sequence[Item]]:
    """The items, records of radiographs without a view given the one that the first model names that names any.

    The model of a file is asked first, that which ships with the package last. Raises `MidsError` where a model can't
    be loaded or returns what is no view.
    """
    models: dict[str, Model] | None = None  # before the first radiograph nobody looks through the installed packages
    opened = partial(open_source, root)
    for items in batches:
        if not any(isinstance(item, Record) and item.modality in _PROJECTIONS for item in items):
            yield items
            continue
        models = _models(file, schema) if models is None else models
        yield [_seen(item, models, opened, schema) if isinstance(item, Record) else item for item in items]


def _models(file: ViewModel | None, schema: Schema) -> dict[str, Model]:
    is_shipped = file is not None and file is shipped_model("view")
    models: dict[str, Model] = {} if file is None or is_shipped else {"file": partial(_tell, file.tell)}
    models |= {entry.name: _loaded(entry.name, entry.load) for entry in entry_points(group=GROUP)}
    return {**models, SHIPPED: partial(_tell_chest, schema)} if is_shipped else models


def _loaded(name: str, load: Callable[[], Model]) -> Model:
    """A model of an installed package; what fails in it is a fault of that package, and names it."""
    try:
        model = load()
    except Exception as error:
        raise MidsError(f"can't load the view model {name} ({type(error).__name__}): install it again") from error

    def guarded(record: Record, opened: Callable[[Source], BinaryIO]) -> str | tuple[str, float]:
        try:
            return model(record, opened)
        except (MidsError, OSError):
            raise
        except Exception as error:
            raise MidsError(f"the view model {name} failed ({type(error).__name__}): correct or remove it") from error

    return guarded


def _seen(record: Record, models: dict[str, Model], opened: Callable[[Source], BinaryIO], schema: Schema) -> Record:
    described = describe(record, schema)
    if record.modality not in _PROJECTIONS or described is None or described.view or record.view_source:
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


def _tell_chest(schema: Schema, record: Record, opened: Callable[[Source], BinaryIO]) -> str | tuple[str, float]:
    """What the model that ships says; nothing where the source does not say that it is a chest."""
    described = describe(record, schema)
    return _tell(tell_view, record, opened) if described and described.body_part == CHEST else ""


def _tell(
    tell: Callable[[npt.NDArray[Any]], tuple[str, float]], record: Record, opened: Callable[[Source], BinaryIO]
) -> str | tuple[str, float]:
    """What a model says of a radiograph's pixels as they are displayed; nothing where they can't be read."""
    try:
        with opened(record.sources[0]) as stream:
            if record.kind == "picture":
                return tell(read_picture(stream)[0])
            return tell(render(read_dataset(stream), "window", frame=0).pixels)
    except DataError:  # the image itself is refused later, with its cause
        return ""
