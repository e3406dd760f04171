"""How large the page of ``mids report`` is, and how soon a browser shows it: many small radiographs, invented.

``python -m benchmarks.page FOLDER --images 10000`` makes a dataset in FOLDER, once, then its page, and opens it in
Chromium.
"""

import argparse
import json
import resource
import shutil
import time
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.browser import chromium
from mids.gallery import write_page

FIGURES = 40
"""Different images; the others are copies, each under its own name."""

SHOWN = "document.querySelectorAll('#wall .tile').length > 0"


def make_dataset(root: Path, images: int) -> None:
    """Writes a dataset with `images` radiographs, two and a half for each patient."""
    random = np.random.default_rng(0)
    folder = root.with_name(f"{root.name}-figures")
    folder.mkdir(parents=True)
    for number in range(FIGURES):
        rows, columns = np.mgrid[-1:1:160j, -1:1:144j]
        lungs = np.exp(-6 * ((abs(columns) - 0.45) ** 2 + (rows * 0.6) ** 2))
        values = 190 - 130 * lungs + random.normal(0, 6, lungs.shape) + number
        Image.fromarray(np.clip(values, 0, 255).astype(np.uint8)).save(folder / f"{number}.png")
    people = max(1, images * 2 // 5)
    scans: dict[int, list[str]] = {}
    for number in range(images):
        person = number % people
        name = f"sub-{person:05}_ses-01_run-{number // people + 1}_bp-chest_vp-{('pa', 'ap', 'll')[number % 3]}_dx.png"
        place = root / f"sub-{person:05}/ses-01/mim-rx/{name}"
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(folder / f"{number % FIGURES}.png", place)
        place.with_suffix(".json").write_text(json.dumps({"Modality": "DX", "Manufacturer": f"Maker {number % 7}"}))
        scans.setdefault(person, []).append(f"mim-rx/{name}\tDX\tchest\t{('pa', 'ap', 'll')[number % 3]}")
    _write_tables(root, people, scans)


def _write_tables(root: Path, people: int, scans: dict[int, list[str]]) -> None:
    """The tables of the dataset, and its description."""
    about = {"Name": "Many radiographs", "BIDSVersion": "1.10.1", "MIDSVersion": "1.0.0", "License": "CC0"}
    (root / "dataset_description.json").write_text(json.dumps(about))
    rows = [f"sub-{person:05}\t{'MF'[person % 2]}\t{20 + person % 70}" for person in range(people)]
    (root / "participants.tsv").write_text("\n".join(["participant_id\tsex\tage", *rows]) + "\n")
    for person, own in scans.items():
        head = "filename\tmodality\tbody_part\tview_position"
        place = root / f"sub-{person:05}/ses-01/sub-{person:05}_ses-01_scans.tsv"
        place.write_text("\n".join([head, *own]) + "\n")
    labels = [f'sub-{person:05}\tses-01\t["{("normal", "pneumonia", "nodule")[person % 3]}"]' for person in scans]
    (root / "derivatives/labels").mkdir(parents=True)
    head = "participant_id\tsession_id\tlabels"
    (root / "derivatives/labels/labels.tsv").write_text("\n".join([head, *labels]) + "\n")


def open_page(page: Path, rounds: int) -> tuple[float, float]:
    """Seconds until the first images are shown, and until a filter is applied: the medians of some rounds."""
    opened, filtered = [], []
    with chromium() as browser:
        for _ in range(rounds):
            shown = browser.new_page(viewport={"width": 1280, "height": 800})
            begun = time.perf_counter()
            shown.goto(page.resolve().as_uri())
            shown.wait_for_function(SHOWN)
            opened.append(time.perf_counter() - begun)
            begun = time.perf_counter()
            shown.fill("#search", "maker 3")
            filtered.append(time.perf_counter() - begun)
            shown.close()
    return sorted(opened)[rounds // 2], sorted(filtered)[rounds // 2]


def main() -> None:
    """Makes the dataset and the page, and prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    root, page = options.folder / f"radiographs-{options.images}", options.folder / "page.html"
    if not root.exists():
        make_dataset(root, options.images)
    begun = time.perf_counter()
    write_page([root], page, jobs=options.jobs)
    made = time.perf_counter() - begun
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    opened, filtered = open_page(page, options.rounds)
    size = page.stat().st_size / 1e6
    print(f"{options.images:,} images: made in {made:.0f} s with {memory:.0f} MB of memory, {size:.1f} MB")
    print(f"opened in {opened:.2f} s, filtered in {filtered:.2f} s")


if __name__ == "__main__":
    main()
