"""The layouts that a dataset can be written in: what names an image, what its numbers count, where it lies.

`mids` is ours. The others are those of collections as they were published: each is a file of `schemas/layouts`, which
says of which suffixes it names the images. All others are named and placed as in `mids`.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from mids.errors import MidsError
from mids.plan.naming import Described
from mids.records import Record
from mids.resources import layout_names, read_yaml, schemas
from mids.vocabulary.names import Name

_COUNTED = re.compile(r"_(run|chunk)-\d+")


@dataclass(frozen=True, slots=True)
class Published:
    """The layout of a published dataset.

    Images of `suffixes` lie in `folder`, which BIDS is to leave alone (`ignored`, a line of .bidsignore), and are
    named by `entities`. `part` is the entity that counts the files of one series; `run` counts the series that share
    the fields `run_counts` of `Described`.
    """

    description: str
    suffixes: tuple[str, ...]
    folder: str
    ignored: str
    part: str
    entities: tuple[str, ...]
    run_counts: tuple[str, ...]


@cache
def find_layout(layout: str) -> Published | None:
    """A published layout by its name, None for ours; raises `MidsError` where there is none of that name."""
    if layout == "mids":
        return None
    if layout not in layout_names():
        raise MidsError(f"there is no layout {layout!r}: give one of {', '.join(layout_names())}")
    content = read_yaml(schemas() / "layouts" / f"{layout}.yaml").items()
    fields: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in content}
    return Published(**fields)


def ignored_lines(paths: Iterable[str]) -> list[str]:
    """The lines of .bidsignore that images at these paths (relative to the dataset) need besides our own."""
    folders = {folder for path in paths for folder in path.split("/")[:-1]}
    known = filter(None, map(find_layout, layout_names()))
    return sorted({f"{one.ignored}\n" for one in known if one.folder in folders})


def is_published(suffix: str, layout: str) -> bool:
    """Whether an image of this suffix gets a published name."""
    return _of(suffix, layout) is not None


def _of(suffix: str, layout: str) -> Published | None:
    known = find_layout(layout)
    return known if known and suffix in known.suffixes else None


def counted(described: Described, layout: str) -> tuple[object, ...]:
    """What the images of a session share that `run` counts."""
    d = described
    if known := _of(d.suffix, layout):
        return tuple(getattr(d, field) for field in known.run_counts)
    return d.group, d.datatype, d.suffix, tuple(d.entities().items())


def entities(described: Described, run: int, part: int, layout: str) -> dict[str, str]:
    """The entities of an image but subject and session; `part` is its number inside the series, 0 for none."""
    numbers = {"run": str(run), **({"chunk": str(part)} if part else {})}
    known = _of(described.suffix, layout)
    if known is None:
        return {**described.entities(), **numbers}
    own = {**described.entities(), "bp": described.body_part, "vp": described.view, "run": str(run)}
    own[known.part] = str(part or "")
    return {key: own[key] for key in known.entities if own.get(key)}


def kept_name(record: Record, layout: str) -> dict[str, str]:
    """The entities, and ``suffix``, that an image keeps because it was published in this layout; none for all others.

    Its view and body part may be wrong there: the sidecar and scans.tsv have the image's own.
    """
    if record.published.get("layout") != layout or not is_published(record.published.get("suffix", ""), layout):
        return {}
    return {key: value for key, value in record.published.items() if key != "layout"}


def parts(keys: Sequence[str], earlier: Mapping[str, str], layout: str) -> dict[str, int]:
    """The numbers of a series' files by their keys, in their order; 0 for its only one.

    `earlier` are the paths that earlier runs gave: their numbers are kept, new files get those after them.
    """
    if len(keys) == 1:
        return {keys[0]: 0}
    taken: dict[str, int] = {}
    for key in keys:
        number = _part(earlier[key], layout) if key in earlier else 0
        if number and number not in taken.values():
            taken[key] = number
    following = max(taken.values(), default=0) + 1
    new = [key for key in keys if key not in taken]
    return taken | {key: number for number, key in enumerate(new, start=following)}


def _part(path: str, layout: str) -> int:
    """The number that a path has inside its series: one without any was the only one, and the first."""
    known = find_layout(layout)
    found = re.search(rf"_{known.part}-(\d+)_", path) if known else None
    return int(found[1]) if found else 1


def same_but_numbers(old: str, name: Name, layout: str) -> bool:
    """Whether an earlier path is counted among the same images: a corrected image counts anew among others."""
    known = _of(name.suffix, layout)
    numbers = re.compile(rf"_({known.part}|run)-\d+|_bp-[0-9a-zA-Z]+") if known else _COUNTED
    return numbers.sub("", old) == numbers.sub("", written(name, layout))


def written(name: Name, layout: str) -> str:
    """The path of an image in a layout, relative to the dataset; `names.parse` reads the same `name` from it."""
    known = _of(name.suffix, layout)
    return name.path.replace(f"/mim-{name.group}/", f"/{known.folder}/", 1) if known else name.path
