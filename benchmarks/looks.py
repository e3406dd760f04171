"""What the models that ship with the package say of pictures that are not in their training data.

`python -m benchmarks.looks TABLE IMAGES`: a CSV with the columns image and view (PA, AP, AP Supine, L). Each picture is
shown as it is, as a negative, head down, rotated by 180°, as a negative rotated by 180°, and mirrored. With one
folder, and no TABLE, it prints what the models say of each picture in it: PNG, JPEG or DICOM.
"""

import argparse
import csv
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom
from PIL import Image

from benchmarks.views import VIEWS
from mids.errors import DataError
from mids.learned.shipped import ASKED, LEAST, look, model, tell_view
from mids.readers.dicom.pixels import render

Picture = npt.NDArray[Any]

SHOWN: dict[str, Callable[[Picture], Picture]] = {
    "as it is": lambda picture: picture,
    "negative": lambda picture: 255 - picture,
    "head down": lambda picture: picture[::-1],
    "turned": lambda picture: picture[::-1, ::-1],
    "turned negative": lambda picture: 255 - picture[::-1, ::-1],
    "mirrored": lambda picture: picture[:, ::-1],
}


def measure_views(pictures: Sequence[Picture], truth: Sequence[str]) -> dict[str, Any]:
    """Views told at the model's threshold, and the more probable of both whatever its probability."""
    found = [tell_view(picture)[0] for picture in pictures]
    likely = [max(chances := model("view").chances(picture), key=chances.__getitem__) for picture in pictures]
    called = Counter(f"{true} called {said or 'nothing'}" for true, said in zip(truth, found, strict=True))
    right = sum(true == said for true, said in zip(truth, likely, strict=True))
    known = [(true, said) for true, said in zip(truth, found, strict=True) if said]
    return {
        "threshold": model("view").threshold, "right": f"{right} of {len(truth)}", "known": len(known),
        "right where known": sum(true == said for true, said in known), "called": dict(sorted(called.items())),
    }  # fmt: skip


def measure_checks(pictures: Sequence[Picture]) -> dict[str, dict[str, float]]:
    """For each way to show the pictures, the share that each check reports."""
    return {
        way: {
            name: round(float(np.mean([one.is_sure(name) for one in found])), 4)
            for found in [[look(turn(picture), "") for picture in pictures]]
            for name in ASKED if name != "otherwise"
        }
        for way, turn in SHOWN.items()
    }  # fmt: skip


def pictures_below(folder: Path) -> Iterator[tuple[str, Picture]]:
    """Every picture that can be read: PNG, JPEG, and the first frame of DICOM."""
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        try:
            if path.suffix.lower() in (".png", ".jpg", ".jpeg"):
                with Image.open(path) as image:
                    found = np.asarray(image.convert("L"))
            else:
                found = render(pydicom.dcmread(path, force=True), "window", frame=0).pixels
        except (DataError, OSError, ValueError, AttributeError, NotImplementedError, KeyError):
            continue
        if min(found.shape[:2]) >= LEAST:
            yield str(path.relative_to(folder)), found


def describe(folder: Path) -> None:
    """Prints what the models say of each picture of a folder."""
    for name, picture in pictures_below(folder):
        looks = look(picture, "")
        view, chance = tell_view(picture)
        said = ", ".join(f"{words} {getattr(looks, name):.2f}" for name, (_, words) in ASKED.items())
        print(f"{name}: {view or 'view unknown'} {chance:.2f}, {said}")


def main() -> None:
    """Prints all figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("given", type=Path, nargs="+", metavar="TABLE IMAGES, or FOLDER")
    given = parser.parse_args().given
    if len(given) == 1:
        describe(given[0])
        return
    with given[0].open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    truth = ["lateral" if VIEWS[row["view"]] == "lateral" else "frontal" for row in rows]
    pictures = []
    for row in rows:
        with Image.open(given[1] / row["image"]) as image:
            pictures.append(np.asarray(image.convert("L")))
    print(json.dumps(measure_views(pictures, truth), indent=1))
    print(json.dumps(measure_checks(pictures), indent=1))
    start = time.process_time()
    for picture in pictures[:100]:
        look(picture, "pa")
    print(f"{(time.process_time() - start) * 10:.1f} ms of one core an image for all models")


if __name__ == "__main__":
    main()
