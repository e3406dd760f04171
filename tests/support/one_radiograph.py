"""The smallest dataset that pages are made of."""

from pathlib import Path

import numpy as np
from PIL import Image


def one_radiograph(root: Path, texts: dict[str, str]) -> Path:
    """A dataset of one radiograph with these files more."""
    image = root / "sub-01" / "ses-01" / "mim-rx" / "sub-01_ses-01_run-1_bp-chest_vp-pa_dx.png"
    image.parent.mkdir(parents=True)
    Image.fromarray(np.arange(64 * 48, dtype=np.uint16).reshape(64, 48)).save(image)
    image.with_suffix(".json").write_text('{"Modality": "DX"}', encoding="utf-8")
    files = {"dataset_description.json": '{"Name": "One", "BIDSVersion": "1.10.1"}', "participants.tsv": ""} | texts
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root
