"""Makes `valid/` and `broken/<CODE>/`: for every code of the validator a small dataset that raises only it.

Run `python -m example_datasets.generate_broken` after a change of the datasets; a test compares the folders with them.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

from example_datasets import broken_bids, broken_files, broken_tables, broken_values
from example_datasets.broken_tables import UID
from example_datasets.invented import gz, nifti, png
from example_datasets.small import (
    BOLD,
    DESCRIPTION,
    RX,
    Files,
    diffusion,
    other,
    picture,
    radiograph,
    sidecar,
    valid,
    volume,
    write,
)

__all__ = [
    "BOLD",
    "BROKEN",
    "DESCRIPTION",
    "RX",
    "UID",
    "UNCOMMITTED",
    "Files",
    "diffusion",
    "gz",
    "nifti",
    "other",
    "picture",
    "png",
    "radiograph",
    "sidecar",
    "valid",
    "volume",
    "write",
]

HERE = Path(__file__).parent

UNCOMMITTED = {
    "LINK_BROKEN", "LINK_LOOP", "LINK_OUTSIDE", "LINK_FOLDER", "FILE_SPECIAL", "NAME_ENCODING",
    "NAMES_COLLIDE", "PRIVACY_HISTORY",
}  # fmt: skip
"""Made by the tests only: links, pipes, such names and histories do not survive every archive, file system and git."""

BROKEN: dict[str, Callable[[], Files]] = {
    **broken_files.BROKEN, **broken_tables.BROKEN, **broken_values.BROKEN, **broken_bids.BROKEN,
}  # fmt: skip

if __name__ == "__main__":
    write(valid(), HERE / "valid")
    for old in (HERE / "broken").glob("*/"):
        shutil.rmtree(old)
    for code in BROKEN.keys() - UNCOMMITTED:
        write(BROKEN[code](), HERE / "broken" / code)
