"""An exercise of an hour for data managers: 100 studies of invented people, 12 of them with a problem.

    python -m example_datasets.hour STUDIES        writes the studies (about 20 s)
    python -m example_datasets.hour check DATASET  says which problems are settled in a dataset made from them
    python -m example_datasets.hour answers        lists the problems: look when you are done

docs/review.md says what to do in between.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset

from example_datasets.generators import hospital_day as day
from example_datasets.generators.dicomfile import encode, fill, uid
from mids.dataset import Dataset as Mids
from mids.run.decided.choices import load_choices, read_rows
from mids.run.sources import read_sources

Files = Iterator[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class Problem:
    """A study that a person has to settle: its files by name, what is wrong, and what settles it.

    `file` is the one that matters. `settled` holds decisions (exclude, release, acknowledge), fields with a value
    (`view=lateral`), and `covered`: the name that begins at row and column `corner` is covered in the delivered image.
    """

    name: str
    folder: str
    make: Callable[[int], Mapping[str, Dataset | bytes]]
    file: str
    what: str
    settled: tuple[str, ...]
    corner: tuple[int, int] | None = None


def _cut(number: int) -> bytes:
    whole = encode(day.chest(number))
    return whole[: len(whole) * 6 // 10]


def _twice(number: int) -> dict[str, Dataset | bytes]:
    again = fill(day.chest(number), {"SOPInstanceUID": uid("again", number), "SeriesInstanceUID": uid("anew", number)})
    again.file_meta.MediaStorageSOPInstanceUID = again.SOPInstanceUID
    return {"1.dcm": day.chest(number), "2.dcm": again}


def _gap(number: int) -> dict[str, Dataset | bytes]:
    return {f"{at:02d}.dcm": one for at, one in enumerate(day.chest_ct(number)) if at not in (11, 12)}


PROBLEMS = (
    Problem("named ultrasound", "ECO", lambda n: {"1.dcm": day.echo(n, day.name_of(n))}, "1.dcm",
            "an ultrasound that was withheld shows a name", ("covered", "exclude"), (3, 6)),
    Problem("clean ultrasound", "ECO", lambda n: {"1.dcm": day.echo(n)}, "1.dcm",
            "an ultrasound that was withheld shows nobody", ("release",)),
    Problem("lateral called PA", "RX", lambda n: {"1.dcm": day.chest(n, "LL", ViewPosition="PA")}, "1.dcm",
            "a lateral view is named PA", ("view=lateral", "view=ll", "view=rl")),
    Problem("upside down", "RX", lambda n: {"1.dcm": day.chest(n, change=np.flipud)}, "1.dcm",
            "a chest stands on its head", ("exclude",)),
    Problem("wrong side", "MG", lambda n: {"1.dcm": day.breast(n, "L", ImageLaterality="R")}, "1.dcm",
            "a left mammogram is named right", ("laterality=L",)),
    Problem("hand", "RX", lambda n: {"1.dcm": day.chest(n, BodyPartExamined="HAND")}, "1.dcm",
            "a chest is named hand", ("body_part=chest",)),
    Problem("negative", "RX", lambda n: {"1.dcm": day.chest(n, change=lambda values: 4200 - values)}, "1.dcm",
            "the grey values are the wrong way round", ("exclude",)),
    Problem("form", "RX", lambda n: {"1.dcm": day.chest(n, change=day.paper)}, "1.dcm",
            "a photographed form is filed as a chest", ("exclude",)),
    Problem("name at the edge", "RX", lambda n: {"1.dcm": day.chest(n, change=day.with_text(day.name_of(n)))}, "1.dcm",
            "a radiograph shows a name", ("covered", "exclude"), (6, 40)),
    Problem("cut off", "RX", lambda n: {"1.dcm": day.chest(n, "AP", "b"), "2.dcm": _cut(n)}, "2.dcm",
            "a file is cut off", ("acknowledge", "exclude")),
    Problem("two UIDs", "RX", _twice, "2.dcm", "one image came twice, under two UIDs", ("exclude",)),
    Problem("gap", "TC", _gap, "00.dcm", "a CT lacks two slices in its middle", ("exclude", "acknowledge")),
)  # fmt: skip

PLAIN = (("chest", 52), ("two views", 12), ("breast", 6), ("ct", 8), ("mr", 5), ("echo", 5))
"""How many studies of each kind are as they should be."""


def _plain(kind: str, number: int) -> tuple[str, dict[str, Dataset]]:
    """The folder and the files of a study without a problem."""
    match kind:
        case "chest":
            return "RX", {"1.dcm": day.chest(number, "AP" if number % 5 == 3 else "PA")}
        case "two views":
            return "RX", {"1.dcm": day.chest(number), "2.dcm": day.chest(number, "LL", "b")}
        case "breast":
            return "MG", {f"{side}.dcm": day.breast(number, side) for side in "LR"}
        case "ct":
            slices = {f"{at:02d}.dcm": one for at, one in enumerate(day.chest_ct(number))}
            return "TC", {**slices, "dosis.dcm": day.dose_page(number)} if number % 3 == 0 else slices
        case "mr":
            return "RM", {f"{at:02d}.dcm": one for at, one in enumerate(day.brain(number))}
    return "ECO", {"1.dcm": day.echo(number, BurnedInAnnotation="NO")}


def studies() -> Iterator[tuple[int, Problem | str]]:
    """Which study is what; problems lie anywhere among the others."""
    kinds: list[Problem | str] = [*PROBLEMS, *(kind for kind, count in PLAIN for _ in range(count))]
    order = np.random.RandomState(12).permutation(len(kinds))
    return ((number, kinds[at]) for number, at in enumerate(order, 1))


def files() -> Files:
    """Every file of the hundred studies."""
    for number, kind in studies():
        folder, found = _plain(kind, number) if isinstance(kind, str) else (kind.folder, kind.make(number))
        for name, content in found.items():
            yield f"{number:03d}/{folder}/{name}", content if isinstance(content, bytes) else encode(content)


def write(root: Path) -> None:
    """Writes the studies into a folder, which is made."""
    for path, content in files():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def planted() -> dict[str, Problem]:
    """The problems, by the file that matters."""
    found = {number: kind for number, kind in studies() if isinstance(kind, Problem)}
    return {f"{number:03d}/{problem.folder}/{problem.file}": problem for number, problem in found.items()}


def check(dataset: Path) -> tuple[dict[str, str], list[str]]:
    """By problem, what settled it (empty: nothing did); and files of other studies that were changed or left out."""
    names = {row["source"]: row["filename"] for row in read_sources(dataset)}
    rows = [row for row in read_rows(load_choices(dataset).values.get("curation")) if row.file in names]
    images = Mids(dataset).select().set_index("filename").to_dict("index")
    settled = {}
    for file, problem in planted().items():
        said = {row.field for row in rows if _study(row.file) == _study(file)}
        name = names.get(file, "")
        if image := images.get(name):
            columns = (("view", "view_position"), ("body_part", "body_part"), ("laterality", "laterality"))
            said |= {f"{field}={image[column]}" for field, column in columns}
            if problem.corner and _is_covered(dataset / name, int(_study(file)), *problem.corner):
                said.add("covered")
        settled[problem.name] = ", ".join(sorted(said & set(problem.settled)))
    touched = set(map(_study, planted()))
    others = {
        row.file for row in rows
        if row.field != "acknowledge" and _study(row.file) not in touched
        and not (row.field == "exclude" and row.file.endswith("/dosis.dcm"))  # a page of doses is no image
    }  # fmt: skip
    return settled, sorted(others)


def _study(file: str) -> str:
    return file.partition("/")[0]


def _is_covered(path: Path, number: int, top: int, left: int) -> bool:
    """Whether nothing is left of a patient's name: letters of 14 rows, a letter every 12 columns."""
    place = np.asarray(Image.open(path))[top : top + 14, left : left + 12 * len(day.name_of(number)) - 2]
    return not bool(np.ptp(place))


def main(arguments: list[str]) -> int:
    """Writes, checks or tells."""
    match arguments:
        case ["answers"]:
            for file, problem in planted().items():
                print(f"{file}: {problem.what}")
        case ["check", dataset]:
            settled, spoilt = check(Path(dataset))
            for name, how in settled.items():
                print(f"{'settled' if how else 'open':8} {name}{f' ({how})' if how else ''}")
            print(f"{sum(map(bool, settled.values()))} of {len(settled)} settled")
            print(f"{len(spoilt)} others changed or left out{': ' if spoilt else ''}{', '.join(spoilt)}")
            return int(not all(settled.values()) or bool(spoilt))
        case [root] if not root.startswith("-"):
            if Path(root).exists():
                print(f"{root} exists: give a folder that is absent", file=sys.stderr)
                return 2
            write(Path(root))
            print(f"100 studies in {root}")
        case _:
            print(__doc__)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
