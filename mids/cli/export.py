"""The command ``mids export``: its arguments; the work is done in `mids.exports`."""

import argparse
import csv
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from mids.cli.shared import say, say_unread, show, warn_of_former
from mids.errors import DataError, MidsError, put
from mids.exports.targets import TARGETS, Target, document, find_target, write
from mids.exports.writing import LEFT_OUT, PICTURE, format_json

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
    ("mids export ~/dataset --to dicom-seg --output segmentations", "masks as DICOM SEG, with their images"),
    ("mids export ~/dataset --to rtstruct --output structures", "masks as RT Structure Sets, with their images"),
    ("mids export ~/dataset --to card --output card", "a data card, and a paragraph for a paper"),
    ("mids export --list", "list the targets"),
)
NOTES = "What each export holds: docs/exports.md."


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of ``mids export`` to its parser."""
    add = parser.add_argument
    add("dataset", type=Path, nargs="?", metavar="DATASET", help="folder of the dataset")
    add("--list", action="store_true", help="list the targets, and stop")
    add = parser.add_argument_group("output").add_argument
    add("--to", choices=list(TARGETS), metavar="TARGET", help=f"what to write: {', '.join(TARGETS)}")
    add(
        "-o", "--output", type=Path, metavar="PATH",
        help="new file, or new folder where TARGET is many files (default: print it)",
    )  # fmt: skip
    add = parser.add_argument_group("parquet and webdataset").add_argument
    add("--field", action="append", default=[], metavar="KEY", help="add a key of the sidecars (repeatable)")
    add = parser.add_argument_group("dicom-seg").add_argument
    add(
        "--segmentation", choices=["binary", "labelmap"],
        help="kind of the segmentation (default: binary)",
    )  # fmt: skip
    add = parser.add_argument_group("monai, nnunet and webdataset").add_argument
    add(
        "--task", choices=["segmentation", "classification"],
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
    a = namespace
    if a.list:
        show("".join(f"{name:<20} {target.text}\n" for name, target in TARGETS.items()))
        return 0
    if a.dataset is None or a.to is None:
        raise MidsError(f"give a dataset and --to TARGET ({', '.join(TARGETS)}), or --list")
    from mids.dataset import Dataset  # loads pandas
    from mids.exports.croissant import find_lost
    from mids.issues import escape_lines  # loads its schemas

    target = find_target(a.to)
    if a.output is None and target.is_folder:
        raise MidsError(f"{a.to} writes many files: give a folder with --output")
    _check_options(a, target)
    if a.reader:
        warn_of_former("--reader", "--annotator")
    try:
        dataset = Dataset(a.dataset, fields=a.field)
        if target.is_folder:
            written = write(
                dataset, a.to, a.output, kind=a.segmentation or "binary", modality=a.modality or None,
                readers=[*a.annotator, *a.reader],
            )  # fmt: skip
            print(f"{len(written)} files in {a.output}")
            return max(say_unread(dataset.issues), _say_left_out(written))
        beside = a.output and a.output.parent
        content = document(
            dataset, a.to, task=a.task or "segmentation", modality=a.modality or None,
            readers=[*a.annotator, *a.reader], labels=a.label, beside=beside,
        )  # fmt: skip
        if a.to == "croissant" and (lost := find_lost(dataset, beside)):
            print(escape_lines(f"warning: {lost}"), file=sys.stderr)  # the export has logged it
        if a.output is None:
            put(format_json(content))
        else:
            write(dataset, a.to, a.output, content)
        if lacking := [key for name, key in target.recommended.items() if name not in content]:
            recommended = ", ".join(lacking)
            print(f"{a.to} recommends {recommended}: add them to dataset_description.json", file=sys.stderr)
    except DataError as error:
        say(f"error: {error.code}: {error}\n")
        return 1
    return say_unread(dataset.issues)


def _check_options(a: argparse.Namespace, target: Target) -> None:
    """Raises `MidsError` for an option that the target would not heed."""
    annotators = [*a.annotator, *a.reader]
    for option, given, is_taken in (
        ("--annotator", annotators, "readers" in target.choices), ("--label", a.label, "labels" in target.choices),
        ("--modality", a.modality, "modality" in target.choices), ("--task", a.task, "task" in target.choices),
        ("--segmentation", a.segmentation, "kind" in target.choices), ("--field", a.field, target.has_fields),
    ):  # fmt: skip
        if given and not is_taken:
            raise MidsError(f"{a.to} takes no {option}: leave the option out")
    if "task" in target.choices and a.task != "classification" and a.label:
        raise MidsError("--label goes with --task classification only: segmentations have annotators")
    if a.task == "classification" and annotators:
        raise MidsError("--annotator goes with --task segmentation only: classes have labels")


def _say_left_out(written: Sequence[Path]) -> int:
    """Says which masks an export could not write, and why; 1 for those of volumes, which the target is for."""
    listed = next((path for path in written if path.name == LEFT_OUT), None)
    if listed is None:
        return 0
    with listed.open(encoding="utf-8", newline="") as file:
        reasons = Counter(row["why"] for row in csv.DictReader(file, delimiter="\t"))
    for why, count in reasons.items():
        level = "info" if why == PICTURE else "error: REGION_MISMATCH"
        say(f"{level}: {count} masks are left out: {why} ({listed})\n")
    return int(any(why != PICTURE for why in reasons))
