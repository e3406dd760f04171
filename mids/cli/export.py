"""The command ``mids export``: its arguments; the work is done in `mids.exports`."""

import argparse
import sys
from pathlib import Path

from mids.cli.shared import warn_of_former
from mids.errors import DataError, MidsError

TEXT = "write a dataset's description, lists or tables for other programs"
EXAMPLES = (
    ("mids export ~/dataset --to croissant --output croissant.json", "for search engines and loaders (JSON-LD)"),
    ("mids export ~/dataset --to datacite --output datacite.json", "for registering a DOI"),
    ("mids export ~/dataset --to monai --modality ct --output list.json", "images and masks for MONAI"),
    ("mids export ~/dataset --to monai --task classification --label pneumonia", "images and labels for MONAI"),
    (
        "mids export ~/dataset --to parquet --output tables",
        "all tables, and images with the keys of their sidecars",
    ),
    ("mids export ~/dataset --to dicom-json-sidecars --output json", "sidecars in the DICOM JSON model"),
)
NOTES = "What each export holds: docs/exports.md."
_TARGETS = ("croissant", "monai", "parquet", "dicom-json-sidecars", "datacite")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of ``mids export`` to its parser."""
    add = parser.add_argument
    add("dataset", type=Path, metavar="DATASET", help="folder of the dataset")
    add = parser.add_argument_group("output").add_argument
    add("--to", required=True, choices=_TARGETS, metavar="TARGET", help=f"what to write: {', '.join(_TARGETS)}")
    add(
        "--output", type=Path, metavar="PATH",
        help="new file, or new folder where TARGET is many files (default: print it)",
    )  # fmt: skip
    add = parser.add_argument_group("parquet").add_argument
    add("--field", action="append", default=[], metavar="KEY", help="add a key of the sidecars (repeatable)")
    add = parser.add_argument_group("monai").add_argument
    add(
        "--task", choices=["segmentation", "classification"], default="segmentation",
        help="what is learned (default: segmentation)",
    )  # fmt: skip
    add("--modality", action="append", default=[], metavar="NAME", help="only images of this modality (repeatable)")
    add(
        "--annotator", action="append", default=[], metavar="NAME",
        help="only masks of this annotator (repeatable; default: all)",
    )  # fmt: skip
    add("--reader", action="append", default=[], help=argparse.SUPPRESS)  # the former name of --annotator
    add(
        "--label", action="append", default=[], metavar="NAME",
        help="label to classify (repeatable; default: all)",
    )  # fmt: skip
    parser.set_defaults(run=run)


def run(namespace: argparse.Namespace) -> int:
    """Runs ``mids export``; exit code 1 where the data is wrong."""
    from mids.dataset import Dataset
    from mids.exports import targets

    a = namespace
    if a.output is None and a.to in targets.FOLDERS:
        raise MidsError(f"{a.to} writes many files: give a folder with --output")
    if a.reader:
        warn_of_former("--reader", "--annotator")
    try:
        dataset = Dataset(a.dataset, fields=a.field)
        if a.to in targets.FOLDERS:
            made = targets.write(dataset, a.to, a.output)
            print(f"{len(made)} files in {a.output}")
            return 0
        content = targets.document(
            dataset, a.to, task=a.task, modality=a.modality or None, readers=[*a.annotator, *a.reader], labels=a.label
        )
        if a.output is None:
            print(targets.as_text(content), end="")
        else:
            targets.write(dataset, a.to, a.output, content)
        if a.to == "croissant" and (lacking := [key for key in _ASKED if key not in content]):
            recommended = ", ".join(_ASKED[key] for key in lacking)
            print(f"Croissant recommends {recommended}: add them to dataset_description.json", file=sys.stderr)
    except DataError as error:
        print(f"error: {error.code}: {error}", file=sys.stderr)
        return 1
    return 0


_ASKED = {
    "description": "Description", "license": "License", "creator": "Authors", "citeAs": "HowToAcknowledge",
    "datePublished": "DatePublished", "url": "DatasetDOI or SourceDatasets",
}  # fmt: skip
"""What Croissant recommends, and where it comes from."""
