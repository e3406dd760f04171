"""The command ``mids convert``: its arguments; the work is done in `mids.conversion`."""

import argparse
import logging
import sys
from pathlib import Path

from mids.cli import report as cli_report
from mids.cli.shared import Progress, chosen_policy, common_arguments, policy_arguments, say
from mids.errors import MidsError
from mids.resources import layout_names

TEXT = "convert a source collection"
EXAMPLES = """\
examples:
  mids-convert dicom ~/studies ~/dataset                      convert a folder of DICOM
  mids-convert dicom ~/studies ~/dataset --dry-run            say what would become of each file
  mids-convert dicom export.zip ~/dataset --jobs 4            read an archive, use four processes
  mids-convert dicom ~/studies ~/dataset --limit 2 -v         try two subjects first
  mids-convert dicom ~/studies ~/dataset --curation fix.tsv   apply a person's corrections
  mids-convert --list                                         the collections that it knows
  mids-convert --about fidac                                  where one is got, its terms, how it must lie on disk
  mids-convert --tools                                        what it works with, and what is not there

A second run on the same DEST converts only what is new or changed. State, with the table of which source
became which file, is kept in DEST.mids, which only you can read: it holds real paths.
exit codes: 0 done or rightly skipped, 1 something was lost or is wrong, 2 usage or environment, 3 our bug
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments to its parser."""
    add = parser.add_argument
    add("collection", nargs="?", metavar="COLLECTION", help="what the source is (see --list)")
    add("source", nargs="?", metavar="SOURCE", help="folder, file or archive to convert")
    add("dest", nargs="?", metavar="DEST", help="the dataset: absent, empty, or made by an earlier run")
    add("--list", action="store_true", help="list the collections and stop")
    add("--tools", action="store_true", help="list the programs and decoders that are used, with versions, and stop")
    add("--dry-run", action="store_true", help="print what would become of each file; write nothing")
    add("--jobs", type=int, default=1, metavar="N", help="worker processes (1)")
    add("--dask", default="", metavar="ADDRESS", help="work on the cluster of this Dask scheduler (docs/scaling.md)")
    add("--limit", type=int, metavar="N", help="convert the first N subjects")
    add("--include", action="append", default=[], metavar="ID", help="only subjects of this id or glob (repeatable)")
    add("--exclude", action="append", default=[], metavar="ID", help="no subjects of this id or glob (repeatable)")
    add("--pixels", choices=["window", "raw"], default="window", help="2D: apply the DICOM window, or keep values")
    add("--compression", choices=["fast", "small"], default="fast", help="files that are made fast, or are small")
    add("--cine", choices=["nifti", "png"], default="nifti", help="multi-frame: one NIfTI, or one PNG a frame")
    add(
        "--contours",
        choices=["corner", "centre"],
        default="corner",
        help="outlines whose source does not say: whole numbers are corners, or centres, of pixels",
    )
    add(
        "--layout",
        choices=layout_names(),
        default="mids",
        help="names and folders of images: ours, or those of a published collection",
    )
    policy_arguments(parser)
    add("--review", type=Path, metavar="FILE", help="what was taken out of texts, readable by you only; must not exist")
    add("--key", type=Path, metavar="FILE", help="key of the pseudonyms (the user's default key)")
    add("--curation", type=Path, metavar="FILE", help="corrections by a person (see docs/curation.md)")
    add(
        "--about",
        metavar="NAME|FILE",
        help="alone: access, terms and expected layout of a collection, and stop; else YAML: title, authors, licence …",
    )
    add("--publish-sources", action="store_true", help="put the source table, by reference, into the dataset")
    add("--show-paths", action="store_true", help="print real source paths, which may hold names")
    cli_report.html_argument(parser)
    common_arguments(parser)
    parser.set_defaults(run=run)


def run(namespace: argparse.Namespace) -> int:
    """Answers what is asked, or converts; returns the exit code."""
    from mids import collections, conversion
    from mids.deid.describe import describe
    from mids.issues import Level
    from mids.report import asked
    from mids.report import plan as report

    if namespace.list:
        for name in collections.names():
            print(f"{name}\t{collections.find(name).ABOUT.description}")
        return 0
    if namespace.tools or (namespace.about and not namespace.collection):
        print(asked.tools() if namespace.tools else asked.about(namespace.about), end="")
        return 0
    policy = chosen_policy(namespace)
    if namespace.describe:
        print(describe(policy), end="")
        return 0
    if None in (namespace.collection, namespace.source, namespace.dest):
        raise MidsError("COLLECTION, SOURCE and DEST are needed: see --help for examples, --list for the collections")
    progress = Progress(quiet=namespace.quiet, verbose=namespace.verbose)
    a = namespace
    done = conversion.convert(
        a.collection, a.source, a.dest, dry_run=a.dry_run, jobs=a.jobs, dask=a.dask, limit=a.limit, include=a.include,
        exclude=a.exclude, pixels=a.pixels, compression=a.compression, cine=a.cine, contours=a.contours,
        policy=policy, id_table=a.id_table, review=a.review, key=a.key, curation=a.curation, about=a.about,
        layout=a.layout,
        publish_sources=a.publish_sources, show_paths=a.show_paths, progress=progress.step,
    )  # fmt: skip
    progress.end()
    if done.key_made:
        print(
            f"made a key for pseudonyms: {done.key_made} (keep it: without it a later run gives other ids)",
            file=sys.stderr,
        )
    if done.outcome is None and a.dry_run:
        print(report.dry_run(done.plan, done.comparison, done.references), end="")
    least = Level.ERROR if a.quiet else Level.INFO if a.verbose else Level.WARNING
    say(report.issue_lines(done.issues, least=least))
    for crash in done.outcome.crashes if done.outcome else ():
        say(crash + "\n")
    if not a.dry_run and not a.quiet:
        text = report.summary(done.plan, done.outcome, done.issues, f"{done.dataset}.mids")
        if done.outcome and (done.outcome.made or done.outcome.kept):
            text += _counted(done.dataset)
        print(text, end="")
        logging.getLogger("mids").info(text)
    if done.outcome is not None:
        cli_report.write_html(a, done.dataset)
    return done.exit_code


def _counted(dataset: Path) -> str:
    """What is in the dataset, by modality, body part and view."""
    from mids.analysis import statistics  # these load pandas: not before somebody reads what they count
    from mids.dataset import Dataset

    return statistics.summary_text(Dataset(dataset))
