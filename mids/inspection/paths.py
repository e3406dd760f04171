"""What a path says of a file: its kind, and to which other files it applies."""

from collections.abc import Iterable, Mapping
from typing import Literal

from mids.dataset.disk.folder import DESCRIPTION
from mids.dataset.disk.tree import ROIS, TOPS

Kind = Literal["image", "sidecar", "gradient", "table", "description", "json", "document", "other"]

IMAGES = (".nii.gz", ".nii", ".png")
DOCUMENTS = ("README", "CHANGES", "LICENSE", "LICENCE")
OPEN_DERIVATIVES = (ROIS, "derivatives/labels/", "derivatives/ehr/")
HEADERLESS = "_motion.tsv"
"""The end of the names of tables without a header, whose columns channels.tsv names (BIDS, motion)."""


def classify_path(path: str) -> Kind:
    """What a file is, by its place and extension alone; "other" is not looked into."""
    top, _, rest = path.partition("/")
    inside = top.startswith(TOPS) and bool(rest)
    if inside and path.endswith(HEADERLESS):
        return "other"
    if inside or path.startswith("derivatives/rois/sub-"):
        if path.endswith(IMAGES):
            return "image"
        return _KINDS.get(path.rpartition(".")[2], "other")
    name = path.rpartition("/")[2]
    if name == DESCRIPTION:
        return "description" if path.count("/") in (0, 2) else "other"
    if name.startswith(DOCUMENTS) and (not rest or top == "derivatives"):
        return "document"
    ours = (
        not rest
        or top == "phenotype"
        or path.startswith(OPEN_DERIVATIVES)
        or path.startswith("derivatives/partitions.")
    )
    if ours and path.endswith(".tsv"):
        return "table"
    return "json" if ours and path.endswith(".json") else "other"


def classify_derived(path: str) -> Kind:
    """What a file of derivatives is that no part of MIDS describes, by its name alone."""
    name = path.rpartition("/")[2]
    if name.endswith(IMAGES):
        return "image"
    if name.endswith(".json"):
        return "json"
    if name.endswith(".tsv"):
        return "other" if name.endswith(HEADERLESS) else "table"
    return "document" if name.startswith(DOCUMENTS) else "other"


_KINDS: Mapping[str, Kind] = {"json": "sidecar", "tsv": "table", "bval": "gradient", "bvec": "gradient"}


def applies(companion: str, image: str) -> bool:
    """Whether a sidecar is one of an image's by BIDS inheritance (its own one included).

    It lies in a folder of the image's path, has its suffix, and no entity that the image has not.
    """
    folder, slash, _ = companion.rpartition("/")
    if not image.startswith(folder + slash):
        return False
    own, other = (split(path)[0].rpartition("/")[2].split("_") for path in (companion, image))
    return own[-1] == other[-1] and set(own) <= set(other)


def split(path: str) -> tuple[str, str]:
    """The path up to the first dot of its name, and the rest."""
    folder, slash, name = path.rpartition("/")
    stem, dot, extension = name.partition(".")
    return folder + slash + stem, dot + extension


def are_companions(extensions: Iterable[str]) -> bool:
    """Whether the extensions of the files of one stem are those of sidecars and gradients alone."""
    return all(map(_is_companion, extensions))


def _is_companion(extension: str) -> bool:
    return extension.endswith((".json", ".bval", ".bvec"))
