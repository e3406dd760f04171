"""What is said of a source that does not prove to be the collection it was called."""

from pathlib import Path

from mids.errors import MidsError


def make_stranger(root: Path, name: str, missing: str) -> MidsError:
    """The refusal of a source: `missing` is what was looked for and not found."""
    return MidsError(
        f"{root} does not prove to be {name}: {missing}: check SOURCE, or use dicom, which takes any DICOM"
    )
