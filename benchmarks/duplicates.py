"""Near duplicates: how many changed copies of radiographs are found, and how many pairs of others are called the same.

``python -m benchmarks.duplicates IMAGES``: a folder of PNG. Each picture gets a copy with one to three changes (window,
crop of up to 8 % a side, border, JPEG, flip, quarter turns), all in one dataset, which ``find_duplicates`` searches.
"""

import argparse
import io
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from mids.analysis.duplicates import find_duplicates
from mids.dataset.joined import concat

CHANGES = ("window", "crop", "border", "jpeg", "flip", "turn")


def change(picture: np.ndarray, kind: str, rng: np.random.Generator) -> np.ndarray:
    """A picture after one change."""
    rows, columns = picture.shape
    if kind == "window":
        low, high = np.percentile(picture, [rng.uniform(0, 10), rng.uniform(85, 100)])
        scaled = np.clip((picture - low) / max(high - low, 1), 0, 1) ** rng.uniform(0.6, 1.6)
        return np.asarray(scaled * 255, np.uint8)
    if kind == "crop":
        top, bottom, left, right = (int(side * rng.uniform(0, 0.08)) for side in (rows, rows, columns, columns))
        return picture[top : rows - bottom, left : columns - right]
    if kind == "border":
        return np.pad(picture, rng.integers(2, 24, (2, 2)), constant_values=int(rng.choice([0, 255])))
    if kind == "jpeg":
        stream = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(picture)).save(stream, "JPEG", quality=int(rng.integers(20, 80)))
        with Image.open(stream) as again:
            return np.asarray(again)
    return picture[:, ::-1] if kind == "flip" else np.rot90(picture, int(rng.integers(1, 4)))


def main() -> None:
    """Plants, searches, prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("images", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    rng = np.random.default_rng(given.seed)
    made: dict[str, list[str]] = {}
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        (root / "dataset_description.json").write_text('{"Name": "planted", "BIDSVersion": "1.10.0"}')
        for path in sorted(given.images.glob("*.png")):
            with Image.open(path) as image:
                picture = np.asarray(image.convert("L"))
            kinds = [str(kind) for kind in rng.permutation(CHANGES)[: rng.integers(1, 4)]]
            copy = picture
            for kind in kinds:
                copy = change(copy, kind, rng)
            made[path.stem] = kinds
            for subject, shown in ((f"a{path.stem}", picture), (f"b{path.stem}", copy)):
                folder = root / f"sub-{subject}" / "ses-1" / "mim-rx"
                folder.mkdir(parents=True)
                file = folder / f"sub-{subject}_ses-1_run-1_bp-chest_vp-pa_dx.png"
                Image.fromarray(np.ascontiguousarray(shown)).save(file)
        start = time.perf_counter()
        found = find_duplicates(concat({"planted": root}))
        took = time.perf_counter() - start
    pairs = found[["participant_id", "other_participant_id", "similarity"]].itertuples(index=False)
    said = [(one.removeprefix("sub-"), other.removeprefix("sub-"), value) for one, other, value in pairs]
    right = {one[1:] for one, other, _ in said if one[1:] == other[1:]}
    others = [(one, other, value) for one, other, value in said if one[1:] != other[1:]]
    print(f"{len(right)} of {len(made)} changed copies found in {took:.0f} s; {len(others)} further pairs:")
    for pair in sorted({tuple(sorted((one[1:], other[1:]))) for one, other, _ in others}):
        print("  ", *pair)
    for lost in sorted(set(made) - right):
        print("   lost:", lost, *made[lost])


if __name__ == "__main__":
    main()
