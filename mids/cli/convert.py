"""The command ``mids convert``: its arguments; the work is done in `mids.conversion`."""

import argparse
from pathlib import Path

from mids.cli import report as cli_report
from mids.cli.parsing import EXIT_CODES
from mids.cli.shared import Progress, chosen_policy, machine_arguments, message_arguments, policy_arguments, say_done
from mids.errors import MidsError
from mids.resources import layout_names

TEXT = "convert a source collection into a MIDS dataset"
EXAMPLES = (
    ("mids-convert dicom ~/studies ~/dataset", "convert a folder of DICOM"),
    ("mids-convert dicom ~/studies ~/dataset --dry-run", "only say what would become of each file"),
    ("mids-convert dicom export.zip ~/dataset --jobs 4", "read an archive, with four processes"),
    ("mids-convert dicom ~/studies ~/dataset --limit 2 -v", "try two subjects first"),
    ("mids-convert dicom ~/studies ~/dataset --curation fix.tsv", "apply a person's corrections"),
    ("mids-convert --list", "list the collections"),
    ("mids-convert --about fidac", "how to get a collection, its terms and its layout"),
    ("mids-convert --tools", "list the programs and decoders in use, and what is missing"),
)
NOTES = """\
A second run on the same DEST converts only what is new or changed. DEST.mids holds the state of the runs, with
the table of which source became which file. It contains real paths, so only you can read it.
"""
CODES = {**EXIT_CODES, 0: "done, or rightly skipped", 1: "something was lost or is wrong"}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments to its parser."""
    add = parser.add_argument
    add("collection", nargs="?", metavar="COLLECTION", help="what the source is (see --list)")
    add("source", nargs="?", metavar="SOURCE", help="folder, file or archive to convert")
    add("dest", nargs="?", metavar="DEST", help="folder of the dataset: absent, empty, or made by an earlier run")
    add("--list", action="store_true", help="list the collections and stop")
    add("--tools", action="store_true", help="list the programs and decoders in use, with versions, and stop")
    _add_input_and_output(parser)
    corrections = parser.add_argument_group("corrections")
    corrections.add_argument(
        "--curation", type=Path, metavar="FILE", help="table of corrections by a person (see docs/curation.md)"
    )
    privacy = policy_arguments(parser)
    privacy.add_argument(
        "--review", type=Path, metavar="FILE",
        help="write what was removed from free texts to this new file, which only you can read",
    )  # fmt: skip
    _add_images(parser)
    machine_arguments(parser)
    message_arguments(parser)
    parser.set_defaults(run=run)


def _add_input_and_output(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("input and output").add_argument
    add("--dry-run", action="store_true", help="print what would become of each file; write nothing")
    add("--limit", type=int, metavar="N", help="convert only the first N subjects")
    add("--include", action="append", default=[], metavar="ID", help="only subjects of this ID or glob (repeatable)")
    add("--exclude", action="append", default=[], metavar="ID", help="no subjects of this ID or glob (repeatable)")
    add(
        "--layout",
        choices=layout_names(),
        default="mids",
        help="names and folders of images: MIDS, or those of a published collection (default: mids)",
    )
    add(
        "--about",
        metavar="FILE|NAME",
        help="YAML file with title, authors, licence and so on of the dataset; without COLLECTION: print the access, "
        "terms and expected layout of the collection NAME, and stop",
    )
    add("--publish-sources", action="store_true", help="put the table of sources, by reference, into the dataset")
    add("--show-paths", action="store_true", help="print real source paths, which may contain names of patients")
    cli_report.html_argument(add)


def _add_images(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("images").add_argument
    add(
        "--pixels",
        choices=["window", "raw"],
        default="window",
        help="2D images: apply the DICOM window, or keep the stored values (default: window)",
    )
    add(
        "--compression",
        choices=["fast", "small"],
        default="fast",
        help="fast: less time, larger files; small: more time, smaller files (default: fast)",
    )
    add(
        "--cine",
        choices=["nifti", "png"],
        default="nifti",
        help="multi-frame images: one NIfTI file, or one PNG file per frame (default: nifti)",
    )
    add(
        "--contours",
        choices=["corner", "centre"],
        default="corner",
        help="outlines whose source doesn't say: whole numbers mean the corners, or the centres, of pixels "
        "(default: corner)",
    )


def run(namespace: argparse.Namespace) -> int:
    """Answers what is asked, or converts; returns the exit code."""
    if (answer := _answer_question(namespace)) is not None:
        print(answer, end="")
        return 0
    if None in (namespace.collection, namespace.source, namespace.dest):
        raise MidsError("COLLECTION, SOURCE and DEST are required: see --help for examples, --list for collections")
    from mids import conversion

    policy = chosen_policy(namespace)
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
    say_done(a, done)
    if not a.dry_run and not a.quiet and done.outcome and (done.outcome.made or done.outcome.kept):
        print(_counted(done.dataset), end="")
    if done.outcome is not None:
        cli_report.write_html(a, done.dataset)
    return done.exit_code


def _answer_question(namespace: argparse.Namespace) -> str | None:
    """The answer to a flag that asks something; None where a conversion is wanted. Each loads what it needs only."""
    if namespace.list:
        from mids import collections

        return "".join(f"{name}\t{collections.find(name).ABOUT.description}\n" for name in collections.names())
    if namespace.tools or (namespace.about and not namespace.collection):
        from mids.report import asked

        return asked.tools() if namespace.tools else asked.about(namespace.about)
    if namespace.describe:
        from mids.deid.describe import describe

        return describe(chosen_policy(namespace))
    return None


def _counted(dataset: Path) -> str:
    """What is in the dataset, by modality, body part and view."""
    from mids.analysis import statistics  # these load pandas: not before somebody reads what they count
    from mids.dataset import Dataset

    return statistics.summary_text(Dataset(dataset))
