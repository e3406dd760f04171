"""The command ``mids deidentify``: its arguments; the work is done in `mids.deidentification`."""

import argparse
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from mids.cli.shared import Progress, chosen_policy, common_arguments, policy_arguments, say
from mids.errors import MidsError

if TYPE_CHECKING:
    from mids.readers.given.embedding import Embedding

TEXT = "de-identify DICOM files"
EXAMPLES = """\
examples:
  mids deidentify ~/studies ~/clean                            as a MIDS dataset needs it
  mids deidentify ~/studies ~/clean --profile basic            the Basic Profile of DICOM PS3.15 Annex E
  mids deidentify export.zip ~/clean --option retain_device_identity --jobs 4
  mids deidentify ~/studies ~/clean --dry-run                  say what would become of each file; write nothing
  mids deidentify --profile fidac-cnil --describe              say what a profile does
  mids deidentify ~/studies ~/clean --key study.key --write-map ids.csv
  mids deidentify ~/studies ~/clean --embed labels.csv         a table's values into a private block

Every file that can be de-identified becomes DEST/<subject>/<session>/<series>/<file>.dcm; what can't is not delivered
and said. A second run on the same DEST does only what is new or changed. State, with the table of which source became
which file, is kept in DEST.mids, which only you can read: it holds real paths. With random ids that table names no
output, the key is destroyed at the end, and no later run goes on.
exit codes: 0 done or rightly left out, 1 something was lost or is wrong, 2 usage or environment, 3 our bug
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments to its parser."""
    add = parser.add_argument
    add("source", nargs="?", metavar="SOURCE", help="folder, file or archive with DICOM files")
    add("dest", nargs="?", metavar="DEST", help="where to: absent, empty, or made by an earlier run")
    add("--profile", metavar="NAME", help="the same as --policy")
    policy_arguments(parser)
    parser.set_defaults(policy=None)
    add("--key", type=Path, metavar="FILE", help="key of the pseudonyms (the user's default key)")
    add("--jobs", type=int, default=1, metavar="N", help="worker processes (1)")
    add("--dask", default="", metavar="ADDRESS", help="work on the cluster of this Dask scheduler (docs/scaling.md)")
    add("--dry-run", action="store_true", help="print what would become of each file; write nothing")
    add("--write-map", type=Path, metavar="FILE", help="old and new ids, readable by you only; must not exist")
    add("--embed", type=Path, metavar="TABLE", help="CSV, PatientID first: its other columns go into a private block")
    add("--embed-group", default="0C19", metavar="HEX", help="the group of that block, odd (0C19)")
    add("--embed-creator", default="MIDS", metavar="NAME", help="the private creator of that block (MIDS)")
    add("--compare-table", type=Path, metavar="FILE", help="say what another edition of Table E.1-1 changes, and stop")
    common_arguments(parser)
    parser.set_defaults(run=run)


def run(namespace: argparse.Namespace) -> int:
    """Runs the command and returns its exit code."""
    from mids.deid.describe import describe
    from mids.deidentification import deidentify
    from mids.issues import Level
    from mids.report import plan as report

    a = namespace
    if a.profile and a.policy:
        raise MidsError("--profile and --policy say the same: give one of them")
    a.policy = a.policy or a.profile or "mids"
    policy = chosen_policy(a)
    if a.describe:
        print(describe(policy), end="")
        return 0
    if a.compare_table:
        return _compared(a.compare_table)
    if None in (a.source, a.dest):
        raise MidsError("SOURCE and DEST are needed: see mids deidentify --help for examples")
    progress = Progress(quiet=a.quiet, verbose=a.verbose)
    done = deidentify(
        a.source, a.dest, policy=policy, key=a.key, id_table=a.id_table, embed=_embedding(a), map_file=a.write_map,
        jobs=a.jobs, dask=a.dask, dry_run=a.dry_run, progress=progress.step,
    )  # fmt: skip
    progress.end()
    if done.key_made:
        say(f"made a key for pseudonyms: {done.key_made} (keep it: without it a later run gives other ids)\n")
    if a.dry_run:
        print(report.dry_run(done.plan, done.comparison, done.references), end="")
    say(report.issue_lines(done.issues, least=Level.ERROR if a.quiet else Level.INFO if a.verbose else Level.WARNING))
    for crash in done.outcome.crashes if done.outcome else ():
        say(crash + "\n")
    if not a.dry_run and not a.quiet:
        state = f"{done.dataset}.mids"
        text = report.summary(done.plan, done.outcome, done.issues, state, what="files", linked=not done.is_sealed)
        print(text, end="")
        logging.getLogger("mids").info(text)
    return done.exit_code


def _compared(path: Path) -> int:
    """Says what another edition of Table E.1-1 would change."""
    from mids.deid.headers import editions, tables

    ours, other = tables.edition(), editions.read(path)
    changes = editions.differences(ours, other)
    for change in changes:
        print(change)
    print(f"{len(changes)} differences from {ours.name} to {other.name}")
    return 0


def _embedding(namespace: argparse.Namespace) -> "Embedding | None":
    from mids.readers.given.embedding import read

    if namespace.embed is None:
        return None
    try:
        group = int(namespace.embed_group, 16)
    except ValueError:
        group = 0  # refused with the others that are not odd
    return read(namespace.embed, group=group, creator=namespace.embed_creator)
