"""Every single defect that a test applies to the valid dataset of `mutations`, and `benchmarks/` shows to others."""

from example_datasets.defects_images import IMAGES
from example_datasets.defects_leaks import PRIVACY
from example_datasets.defects_names import DATASET, NAMES, SIDECARS
from example_datasets.defects_tables import REFERENCES, TABLES
from example_datasets.mutations import Defect

FAMILIES = {
    "names and places": NAMES,
    "sidecars": SIDECARS,
    "images and segmentations": IMAGES,
    "tables": TABLES,
    "references and labels": REFERENCES,
    "privacy": PRIVACY,
    "the dataset": DATASET,
}

DEFECTS: tuple[Defect, ...] = tuple(defect for family in FAMILIES.values() for defect in family)
