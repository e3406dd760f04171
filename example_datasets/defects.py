"""Every single defect that a test applies to one of two valid datasets, and `benchmarks/` shows to others."""

from collections.abc import Callable, Mapping

from example_datasets.defects_bids import BIDS
from example_datasets.defects_images import IMAGES
from example_datasets.defects_leaks import PRIVACY
from example_datasets.defects_names import DATASET, NAMES, SIDECARS
from example_datasets.defects_tables import REFERENCES, TABLES
from example_datasets.mutations import Defect, Files, dataset
from example_datasets.recordings import recordings

FAMILIES = {
    "names and places": NAMES,
    "sidecars": SIDECARS,
    "images and segmentations": IMAGES,
    "tables": TABLES,
    "references and labels": REFERENCES,
    "privacy": PRIVACY,
    "the dataset": DATASET,
    "recordings of BIDS": BIDS,
}


def _recordings() -> Files:
    return {path: content for path, content in recordings().items() if isinstance(content, bytes)}


BASES: Mapping[str, Callable[[], Files]] = {"mids": dataset, "bids": _recordings}
"""The valid datasets that defects are put into."""

DEFECTS: tuple[Defect, ...] = tuple(defect for family in FAMILIES.values() for defect in family)
