"""The layouts that a dataset can be written in: what names an image, what its numbers count, where it lies.

`bimcv-covid19` is that of BIMCV-COVID19+ as it was published (5,380 file names of iteration 1): radiographs and CT
below ``mod-rx``, named by ``acq run bp vp`` alone. `run` counts the series of one session, view and suffix; `acq`
counts the files of one series and is there exactly where a series gave several. What the published set does not
hold (MR, US, MG, PET …) is named and placed as in `mids`.
"""

import re
from collections.abc import Mapping, Sequence

from mids.plan.naming import Described
from mids.records import Layout
from mids.vocabulary.names import Name

PUBLISHED = frozenset({"cr", "dx", "ct"})
"""The suffixes of the published set."""
FOLDER = "mod-rx"

_COUNTED = re.compile(r"_(run|chunk)-\d+")
_COUNTED_PUBLISHED = re.compile(r"_(acq|run)-\d+|_bp-[0-9a-zA-Z]+")


def is_published(suffix: str, layout: Layout) -> bool:
    """Whether an image of this suffix gets a published name."""
    return layout == "bimcv-covid19" and suffix in PUBLISHED


def counted(described: Described, layout: Layout) -> tuple[object, ...]:
    """What the images of a session share that `run` counts."""
    d = described
    if is_published(d.suffix, layout):
        return d.suffix, d.view
    return d.group, d.datatype, d.suffix, tuple(d.entities().items())


def entities(described: Described, run: int, part: int, layout: Layout) -> dict[str, str]:
    """The entities of an image but subject and session; `part` is its chunk or acq, 0 for none.

    The published names say ``bp-chest`` of every image, of a skull too: here `bp` is the image's own, or absent.
    """
    if not is_published(described.suffix, layout):
        return {**described.entities(), "run": str(run), **({"chunk": str(part)} if part else {})}
    found = {"acq": str(part or ""), "run": str(run), "bp": described.body_part, "vp": described.view}
    return {key: value for key, value in found.items() if value}


def parts(keys: Sequence[str], known: Mapping[str, str]) -> dict[str, int]:
    """The numbers of a series' files by their keys, in their order; 0 for its only one.

    `known` are the paths that earlier runs gave: their numbers are kept, new files get those after them.
    """
    if len(keys) == 1:
        return {keys[0]: 0}
    taken: dict[str, int] = {}
    for key in keys:
        number = _acq(known[key]) if key in known else 0
        if number and number not in taken.values():
            taken[key] = number
    following = max(taken.values(), default=0) + 1
    new = [key for key in keys if key not in taken]
    return taken | {key: number for number, key in enumerate(new, start=following)}


def _acq(path: str) -> int:
    """The number that a path has inside its series: one without `acq` was the only one, and the first."""
    found = re.search(r"_acq-(\d+)_", path)
    return int(found[1]) if found else 1


def same_but_numbers(old: str, name: Name, layout: Layout) -> bool:
    """Whether an earlier path is counted among the same images: a corrected image counts anew among others."""
    numbers = _COUNTED_PUBLISHED if is_published(name.suffix, layout) else _COUNTED
    return numbers.sub("", old) == numbers.sub("", written(name, layout))


def written(name: Name, layout: Layout) -> str:
    """The path of an image in a layout, relative to the dataset; `names.parse` reads the same `name` from it."""
    if not is_published(name.suffix, layout):
        return name.path
    return name.path.replace(f"/mim-{name.group}/", f"/{FOLDER}/", 1)
