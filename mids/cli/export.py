"""The command ``mids export``: its arguments; the work is done in `mids.exports`."""

import argparse
import sys
from pathlib import Path

from mids.errors import DataError, MidsError

TEXT = "write a dataset's description, lists or tables for other programs"
EXAMPLES = """\
examples:
  mids export ~/dataset --to croissant --output croissant.json    for search engines and loaders (JSON-LD)
  mids export ~/dataset --to datacite --output datacite.json      what registering a DOI asks for
  mids export ~/dataset --to monai --modality ct --output list.json    images and masks for MONAI
  mids export ~/dataset --to monai --task classification --label pneumonia
  mids export ~/dataset --to parquet --output tables              all tables, with images and their sidecars' keys
  mids export ~/dataset --to dicom-json-sidecars --output json    sidecars in the DICOM JSON model

What each holds: docs/exports.md.
"""
_TARGETS = ("croissant", "monai", "parquet", "dicom-json-sidecars", "datacite")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of ``mids export`` to its parser."""
    add = parser.add_argument
    add("dataset", type=Path, metavar="DATASET", help="the dataset's folder")
    add("--to", required=True, choices=_TARGETS, help="what to write")
    add("--output", type=Path, metavar="PATH", help="file, or folder for many files; must not exist; else printed")
    add("--field", action="append", default=[], metavar="KEY", help="parquet: a key of sidecars more (repeatable)")
    add("--task", choices=["segmentation", "classification"], default="segmentation", help="monai: what is learned")
    add("--modality", action="append", default=[], metavar="NAME", help="monai: only images of this one (repeatable)")
    add("--reader", action="append", default=[], metavar="NAME", help="monai: masks of this reader (repeatable; all)")
    add("--label", action="append", default=[], metavar="NAME", help="monai: a label to classify (repeatable; all)")
    parser.set_defaults(run=run)


def run(namespace: argparse.Namespace) -> int:
    """Runs ``mids export``; exit code 1 where the data is wrong."""
    from mids.dataset import Dataset
    from mids.exports import targets

    a = namespace
    if a.output is None and a.to in targets.FOLDERS:
        raise MidsError(f"{a.to} is many files: give --output FOLDER")
    try:
        dataset = Dataset(a.dataset, fields=a.field)
        if a.to in targets.FOLDERS:
            made = targets.write(dataset, a.to, a.output)
            print(f"{len(made)} files in {a.output}")
            return 0
        content = targets.document(
            dataset, a.to, task=a.task, modality=a.modality or None, readers=a.reader, labels=a.label
        )
        if a.output is None:
            print(targets.as_text(content), end="")
        else:
            targets.write(dataset, a.to, a.output, content)
        if a.to == "croissant" and (lacking := [key for key in _ASKED if key not in content]):
            print(f"not said in dataset_description.json: {', '.join(_ASKED[key] for key in lacking)}", file=sys.stderr)
    except DataError as error:
        print(f"error: {error.code}: {error}", file=sys.stderr)
        return 1
    return 0


_ASKED = {
    "description": "Description", "license": "License", "creator": "Authors", "citeAs": "HowToAcknowledge",
    "datePublished": "DatePublished", "url": "DatasetDOI or SourceDatasets",
}  # fmt: skip
"""What Croissant recommends, and where it comes from."""
