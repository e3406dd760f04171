"""Views from pixels: how many of a table's radiographs a model gets right that had not seen their patients.

``python -m benchmarks.views TABLE IMAGES [--lateral]``: a CSV with the columns image, patient and view (PA, AP,
AP Supine, L); with ``--lateral`` lateral against frontal.
"""

import argparse
import csv
import json
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from mids.learned.views import read_view_model, train_views

VIEWS = {"PA": "pa", "AP": "ap", "AP Supine": "ap", "L": "lateral"}


def main() -> None:
    """Trains, and prints metrics and times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", type=Path)
    parser.add_argument("images", type=Path)
    parser.add_argument("--lateral", action="store_true")
    given = parser.parse_args()
    with given.table.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    for row in rows:
        row["participant_id"] = row["patient"]
        row["view"] = VIEWS[row["view"]]
        if given.lateral and row["view"] != "lateral":
            row["view"] = "frontal"

    def load(name: str) -> np.ndarray:
        with Image.open(given.images / name) as picture:
            return np.asarray(picture)

    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "views.model"
        start = time.process_time()
        head = train_views(rows, load, output)
        trained = time.process_time() - start
        model, pictures = read_view_model(output), [load(row["image"]) for row in rows[:100]]
        start = time.process_time()
        for picture in pictures:
            model.tell(picture)
        told = (time.process_time() - start) / len(pictures)
        print(json.dumps(head["metrics"], indent=1))
        print(f"trained in {trained:.1f} s, {1000 * told:.1f} ms an image, {output.stat().st_size} bytes")


if __name__ == "__main__":
    main()
