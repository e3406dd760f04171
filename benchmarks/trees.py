"""Makes large trees of tiny, valid images, to measure validators on."""

import argparse
import struct
import zlib
from pathlib import Path

from example_datasets.invented import as_json, as_tsv, chunk, gz, nifti, png
from example_datasets.small import ABOUT, DERIVATIVE, RX_KEYS, SCANS_HEADER

IMAGES_OF_A_SESSION = 5
SUBJECTS_HEADER = "participant_id age sex modalities body_parts"
KEYS = {
    **RX_KEYS,
    "Manufacturer": "Nobody",
    "ManufacturersModelName": "Invented 1",
    "PatientOrientation": ["L", "F"],
    "PixelSpacing": [0.1, 0.1],
    "KVP": 120.0,
    "ExposureTime": 0.011,
    "BitsStored": 12,
    "WindowCenter": 2048.0,
    "WindowWidth": 4096.0,
}
MR_KEYS = {
    "Modality": "MR",
    "Manufacturer": "Nobody",
    "MagneticFieldStrength": 1.5,
    "EchoTime": 0.0021,
    "RepetitionTime": 2.3,
    "FlipAngle": 9.0,
    "Rows": 4,
    "Columns": 4,
    "PixelSpacing": [0.5, 0.5],
}


def make(root: Path, images: int, kind: str = "mids") -> None:
    """Writes a dataset of `images` radiographs ("mids") or T1w volumes ("bids"), five to a session."""
    subjects = -(-images // IMAGES_OF_A_SESSION)
    modality, part = ("DX", "chest") if kind == "mids" else ("MR", "head")
    rows = []
    for number in range(1, subjects + 1):
        label = f"{number:06}"
        count = min(IMAGES_OF_A_SESSION, images - (number - 1) * IMAGES_OF_A_SESSION)
        rows.append(f"sub-{label} 40 F {modality} {part}")
        _subject(root, label, count, kind)
    (root / "participants.tsv").write_bytes(as_tsv(SUBJECTS_HEADER, *rows))
    (root / "dataset_description.json").write_bytes(as_json(ABOUT))
    (root / "README.md").write_text("# An invented dataset\n\nTiny images to measure validators with.\n")
    (root / ".bidsignore").write_text("**/mim-*\n")


def _subject(root: Path, label: str, images: int, kind: str) -> None:
    """One subject with one session."""
    session = root / f"sub-{label}" / f"ses-{label}"
    folder = session / ("mim-rx" if kind == "mids" else "anat")
    folder.mkdir(parents=True)
    rows = []
    for run in range(1, images + 1):
        stem = f"sub-{label}_ses-{label}_run-{run}_" + ("bp-chest_vp-pa_dx" if kind == "mids" else "T1w")
        number = int(label) * IMAGES_OF_A_SESSION + run
        extension, image = _image(number, kind)
        (folder / (stem + extension)).write_bytes(image)
        # No two images are exposed alike: a validator that remembers values must not look faster than it is.
        keys = {**KEYS, "ExposureTime": number / 1e7} if kind == "mids" else {**MR_KEYS, "EchoTime": number / 1e7}
        (folder / f"{stem}.json").write_bytes(as_json(keys))
        shown = "DX chest pa n/a 6 8" if kind == "mids" else "MR head n/a n/a 4 4"
        rows.append(f"{folder.name}/{stem}{extension} 1920-01-02T10:00:00 {shown}")
    (session / f"sub-{label}_ses-{label}_scans.tsv").write_bytes(as_tsv(SCANS_HEADER, *rows))
    table = as_tsv("session_id acq_time age", f"ses-{label} 1920-01-02T10:00:00 40")
    (session.parent / f"sub-{label}_sessions.tsv").write_bytes(table)


def make_derivatives(root: Path, files: int) -> None:
    """Writes a subject with one image, and `files` empty files of a pipeline below `derivatives/`, 50 in a folder."""
    make(root, 1, "bids")
    pipeline = root / "derivatives" / "pipeline"
    for number in range(files):
        label = f"{number // 50 + 1:06}"
        folder = pipeline / f"sub-{label}" / "func"
        if number % 50 == 0:
            folder.mkdir(parents=True, exist_ok=True)
        (folder / f"sub-{label}_task-rest_run-{number % 50 + 1}_desc-preproc_bold.nii.gz").touch()
    (pipeline / "dataset_description.json").write_bytes(as_json(DERIVATIVE))


def _image(number: int, kind: str) -> tuple[str, bytes]:
    """An image whose pixels are those of no other number."""
    mark = struct.pack(">I", number)
    if kind == "bids":
        return ".nii.gz", gz(nifti((4, 4, 3))[:-4] + mark)
    whole = png(8, 6)
    lines = b"".join(b"\0" + mark * 4 for _ in range(6))
    return ".png", whole[:33] + chunk(b"IDAT", zlib.compress(lines, 0)) + whole[-12:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path)
    parser.add_argument("--images", type=int, default=10_000, help="images, or files below derivatives/")
    parser.add_argument("--kind", choices=["mids", "bids", "derivatives"], default="mids")
    arguments = parser.parse_args()
    if arguments.kind == "derivatives":
        make_derivatives(arguments.root, arguments.images)
    else:
        make(arguments.root, arguments.images, arguments.kind)


if __name__ == "__main__":
    main()
