"""The command ``mids deidentify``: its arguments; the work is done in `mids.deidentification`."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mids.cli.parsing import EXIT_CODES
from mids.cli.shared import (
    Progress,
    choice_arguments,
    chosen_policy,
    given_file,
    issuer_argument,
    machine_arguments,
    message_arguments,
    policy_arguments,
    remove_argument,
    say_done,
    warn_of_former,
)
from mids.errors import MidsError

if TYPE_CHECKING:
    from mids.readers.given.embedding import Embedding

TEXT = "de-identify DICOM files"
EXAMPLES = (
    ("mids deidentify ~/studies ~/clean", "de-identify a folder as a MIDS dataset needs it"),
    ("mids deidentify ~/studies ~/clean --policy basic", "apply the Basic Profile of DICOM PS3.15 Annex E"),
    ("mids deidentify export.zip ~/clean --option retain_device_identity --jobs 4", "keep the identity of devices"),
    ("mids deidentify ~/studies ~/clean --dry-run", "only print the output of each file"),
    ("mids deidentify --policy fidac-cnil --describe", "describe what a policy does"),
    ("mids deidentify ~/studies ~/clean --key study.key --write-map ids.csv", "save the old and new IDs"),
    ("mids deidentify ~/studies ~/clean --embed labels.csv", "put a table's values into a private block"),
)
NOTES = """\
Each file that can be de-identified becomes DEST/<subject>/<session>/<series>/<file>.dcm. The program names each file
that can't, and does not deliver it.

A second run on the same DEST processes only what is new or changed. DEST.mids holds the state of the runs, with
the table of which source became which file. It contains real paths, so only you can read it. With random IDs that
table names no outputs, the key is destroyed at the end, and no later run can continue.
"""
CODES = {**EXIT_CODES, 0: "done, or rightly left out", 1: "something was lost or is wrong"}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments to its parser."""
    add = parser.add_argument
    add("source", nargs="?", metavar="SOURCE", help="folder, file or archive with DICOM files")
    add("dest", nargs="?", metavar="DEST", help="output folder: absent, empty, or made by an earlier run")
    add("--compare-table", type=Path, metavar="FILE", help="list what another edition of Table E.1-1 changes, and stop")
    add = parser.add_argument_group("input and output").add_argument
    add("--dry-run", action="store_true", help="print the planned output of each file; write nothing")
    add(
        "--write-map", type=Path, metavar="FILE",
        help="write old and new IDs to this new file, which only you can read",
    )  # fmt: skip
    add(
        "--curation", type=given_file, metavar="FILE",
        help="table of corrections by a person (see docs/curation.md)",
    )  # fmt: skip
    issuer_argument(add)
    remove_argument(add)
    add = parser.add_argument_group("values to add").add_argument
    add(
        "--embed", type=given_file, metavar="TABLE",
        help="CSV with PatientID first: put its other columns into a private block of each file",
    )  # fmt: skip
    add("--embed-group", default="0C19", metavar="HEX", help="group of that block, an odd number (default: 0C19)")
    add("--embed-creator", default="MIDS", metavar="NAME", help="private creator of that block (default: MIDS)")
    add(
        "--region-counts", type=Path, metavar="FILE",
        help="patients of each region in all centres: in the embedded column region, regions of few become other",
    )  # fmt: skip
    privacy = policy_arguments(parser)
    privacy.add_argument("--profile", help=argparse.SUPPRESS)  # the former name of --policy
    choice_arguments(parser)
    machine_arguments(parser)
    message_arguments(parser)
    parser.set_defaults(run=run)


def run(namespace: argparse.Namespace) -> int:
    """Runs the command and returns its exit code."""
    a = namespace
    if a.profile and a.policy:
        raise MidsError("--profile is the former name of --policy: give --policy only")
    if a.profile:
        warn_of_former("--profile", "--policy")
    a.policy = a.policy or a.profile
    if a.describe:
        from mids.deid.describe import describe
        from mids.deid.policy import preset

        print(describe(chosen_policy(a) or preset("mids")), end="")
        return 0
    if a.compare_table:
        return _compared(a.compare_table)
    if None in (a.source, a.dest):
        raise MidsError("SOURCE and DEST are required: see mids deidentify --help for examples")
    from mids.deidentification import deidentify

    progress = Progress(quiet=a.quiet, verbose=a.verbose)
    done = deidentify(
        a.source, a.dest, policy=chosen_policy(a), key=a.key, id_table=a.id_table, embed=_embedding(a),
        curation=a.curation, map_file=a.write_map,
        jobs=a.jobs, dask=a.dask, dry_run=a.dry_run, progress=progress.step,
        issuer=a.issuer, change=a.change, forget=a.forget, remove=a.remove,
    )  # fmt: skip
    say_done(a, done, what="files")
    return done.exit_code


def _compared(path: Path) -> int:
    """Says what another edition of Table E.1-1 would change."""
    from mids.deid.headers import editions, tables

    ours, other = tables.edition(), editions.read(path)
    changes = editions.differences(ours, other)
    for change in changes:
        print(change)
    print(f"{len(changes)} differences between {ours.name} and {other.name}")
    return 0


def _embedding(namespace: argparse.Namespace) -> "Embedding | None":
    from mids.readers.given.embedding import generalise_regions, read

    if namespace.embed is None:
        if namespace.region_counts is not None:
            raise MidsError("--region-counts needs --embed: it changes the column region of that table")
        return None
    try:
        group = int(namespace.embed_group, 16)
    except ValueError:
        group = 0  # refused with the others that are not odd
    found = read(namespace.embed, group=group, creator=namespace.embed_creator)
    if namespace.region_counts is None:
        return found
    policy = chosen_policy(namespace)
    if policy is None or not policy.region_minimum:
        raise MidsError("--region-counts needs a policy that generalises regions, such as --policy fidac-cnil")
    return generalise_regions(found, namespace.region_counts, policy.region_minimum)
