"""The commands ``mids export`` and ``mids splits``: their arguments; the work is done in `mids.exports`, `Dataset`."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mids.errors import DataError, MidsError

if TYPE_CHECKING:
    from mids.dataset import Dataset

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
TEXT_SPLITS = "deal subjects out to train, validation and test"
EXAMPLES_SPLITS = """\
examples:
  mids splits ~/dataset                                       print 70 % train, 10 % validation, 20 % test
  mids splits ~/dataset --fraction train=0.8 --fraction test=0.2 --seed 7
  mids splits ~/dataset --stratify sex --write                into derivatives/partitions.tsv
  mids splits ~/dataset --by site                             subjects of one site stay together
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


def splits_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of ``mids splits`` to its parser."""
    add = parser.add_argument
    add("dataset", type=Path, metavar="DATASET", help="the dataset's folder")
    add("--fraction", action="append", default=[], metavar="PART=NUMBER", help="share of subjects (repeatable)")
    add("--seed", type=int, default=0, metavar="N", help="another number, another split (0)")
    add("--by", default="participant", metavar="COLUMN", help="whose subjects stay together (participant)")
    add("--stratify", action="append", default=[], metavar="COLUMN", help="in equal shares for each value (repeatable)")
    add("--write", action="store_true", help="write derivatives/partitions.tsv instead of printing")
    add("--overwrite", action="store_true", help="with --write: replace the table that is there")
    parser.set_defaults(run=run_splits)


def run(namespace: argparse.Namespace) -> int:
    """Runs ``mids export``; exit code 1 where the data is wrong."""
    from mids.exports import targets  # noqa: PLC0415 - pandas would slow the start of every command

    a = namespace
    if a.output is None and a.to in targets.FOLDERS:
        raise MidsError(f"{a.to} is many files: give --output FOLDER")
    try:
        dataset = _opened(a.dataset, a.field)
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


def run_splits(namespace: argparse.Namespace) -> int:
    """Runs ``mids splits``; exit code 1 where the data is wrong."""
    from mids.dataset.splits import DEFAULT  # noqa: PLC0415 - pandas would slow the start of every command

    a = namespace
    try:
        given = {part: float(number) for part, _, number in (text.partition("=") for text in a.fraction)}
    except ValueError as error:
        raise MidsError("--fraction wants PART=NUMBER, such as train=0.8") from error
    try:
        dataset = _opened(a.dataset, [])
        table = dataset.splits(
            fractions=given or DEFAULT, seed=a.seed, by=a.by, stratify=a.stratify, write=a.write, overwrite=a.overwrite
        )
    except DataError as error:
        print(f"error: {error.code}: {error}", file=sys.stderr)
        return 1
    if not a.write:
        print(table.to_csv(sep="\t", index=False, na_rep="n/a", lineterminator="\n"), end="")
    counts = table.drop_duplicates("participant_id")["split"].value_counts()
    told = ", ".join(f"{part} {counts[part]}" for part in ("train", "validation", "test") if part in counts)
    print(f"subjects: {told or 'none'}", file=sys.stdout if a.write else sys.stderr)
    return 0


def _opened(path: Path, fields: list[str]) -> "Dataset":
    from mids.dataset import Dataset  # noqa: PLC0415 - pandas would slow the start of every command

    return Dataset(path, fields=fields)
