"""The command ``mids export``: its arguments; the work is done in `mids.exports`."""

import argparse
import sys
from pathlib import Path

from mids.cli.shared import say_unread
from mids.errors import DataError, MidsError
from mids.exports.targets import TARGETS, document, find_target, write
from mids.exports.writing import format_json

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


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of ``mids export`` to its parser."""
    add = parser.add_argument
    add("dataset", type=Path, metavar="DATASET", help="the dataset's folder")
    add("--to", required=True, choices=list(TARGETS), help="what to write")
    add("--output", type=Path, metavar="PATH", help="file, or folder for many files; must not exist; else printed")
    add("--field", action="append", default=[], metavar="KEY", help="parquet: a key of sidecars more (repeatable)")
    add("--task", choices=["segmentation", "classification"], default="segmentation", help="monai: what is learned")
    add("--modality", action="append", default=[], metavar="NAME", help="monai: only images of this one (repeatable)")
    add("--reader", action="append", default=[], metavar="NAME", help="monai: masks of this reader (repeatable; all)")
    add("--label", action="append", default=[], metavar="NAME", help="monai: a label to classify (repeatable; all)")
    parser.set_defaults(run=run)


def run(namespace: argparse.Namespace) -> int:
    """Runs ``mids export``; exit code 1 where the data is wrong."""
    from mids.dataset import Dataset  # loads pandas

    a, target = namespace, find_target(namespace.to)
    if a.output is None and target.is_folder:
        raise MidsError(f"{a.to} is many files: give --output FOLDER")
    try:
        dataset = Dataset(a.dataset, fields=a.field)
        if target.is_folder:
            print(f"{len(write(dataset, a.to, a.output))} files in {a.output}")
            return say_unread(dataset.issues)
        choices = {"task": a.task, "modality": a.modality or None, "readers": a.reader, "labels": a.label}
        content = document(dataset, a.to, **choices)
        if a.output is None:
            print(format_json(content), end="")
        else:
            write(dataset, a.to, a.output, content)
        if lacking := [key for name, key in target.recommended.items() if name not in content]:
            print(f"not said in dataset_description.json: {', '.join(lacking)}", file=sys.stderr)
    except DataError as error:
        print(f"error: {error.code}: {error}", file=sys.stderr)
        return 1
    return say_unread(dataset.issues)
