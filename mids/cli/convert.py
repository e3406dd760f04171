"""The command ``mids convert``: its arguments; the work is done in `mids.conversion`."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mids.cli import report as cli_report
from mids.cli.parsing import EXIT_CODES
from mids.cli.shared import (
    Progress,
    choice_arguments,
    chosen_policy,
    given_file,
    issuer_argument,
    machine_arguments,
    message_arguments,
    plan_argument,
    policy_arguments,
    remove_argument,
    say,
    say_done,
)
from mids.errors import MidsError, put
from mids.resources import layout_names

if TYPE_CHECKING:
    from mids.conversion import Conversion

TEXT = "convert a source collection into a MIDS dataset"
EXAMPLES = (
    ("mids-convert dicom ~/studies ~/dataset", "convert a folder of DICOM"),
    ("mids-convert auto ~/download ~/dataset", "convert a download and detect its collection"),
    ("mids-convert dicom ~/studies ~/dataset --dry-run", "only print the output of each file"),
    ("mids-convert dicom export.zip ~/dataset --jobs 4", "read an archive, with four processes"),
    ("mids-convert dicom ~/studies ~/dataset --limit 2 -v", "try two subjects first"),
    ("mids-convert dicom ~/studies ~/dataset --curation fix.tsv", "apply a person's corrections"),
    ("mids-convert dicom ~/studies ~/dataset --plan plan.tsv", "write the plan to change it, then convert by it"),
    ("mids-convert --again ~/dataset", "convert the same source again with the earlier choices"),
    ("mids-convert --list", "list the collections"),
    ("mids-convert --about fidac", "how to get a collection, its terms and its layout"),
    ("mids-convert --tools", "list the programs and decoders in use, and those that are missing"),
)
NOTES = """\
A second run on the same DEST converts only what is new or changed. Earlier choices stay in force: flags that are
not given keep their values, and a run that would change or drop a choice stops unless --change or --forget names it.

DEST.mids holds the state of the runs, with the table of which source became which file. It contains real paths, so
only you can read it.
"""
CODES = {**EXIT_CODES, 0: "done, or rightly skipped", 1: "something was lost or is wrong"}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments to its parser."""
    add = parser.add_argument
    add("collection", nargs="?", metavar="COLLECTION", help="name of the collection (see --list), or auto")
    add("source", nargs="?", metavar="SOURCE", help="folder, file or archive to convert")
    add("dest", nargs="?", metavar="DEST", help="folder of the dataset: absent, empty, or made by an earlier run")
    add("--list", action="store_true", help="list the collections and stop")
    add("--again", metavar="DEST", help="convert the sources of DEST again with its earlier choices, and stop")
    add("--tools", action="store_true", help="list the programs and decoders in use, with versions, and stop")
    _add_input_and_output(parser)
    corrections = parser.add_argument_group("corrections")
    corrections.add_argument(
        "--curation", type=given_file, metavar="FILE", help="table of corrections by a person (see docs/curation.md)"
    )
    plan_argument(corrections.add_argument)
    privacy = policy_arguments(parser)
    privacy.add_argument(
        "--review", type=Path, metavar="FILE",
        help="write what was removed from free texts to this new file, which only you can read",
    )  # fmt: skip
    _add_images(parser)
    choice_arguments(parser)
    machine_arguments(parser)
    message_arguments(parser)
    parser.set_defaults(run=run)


def _add_input_and_output(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("input and output").add_argument
    add("--dry-run", action="store_true", help="print the planned output of each file; write nothing")
    add("--limit", type=int, metavar="N", help="convert only the first N subjects")
    add("--include", action="append", default=[], metavar="ID", help="only subjects of this ID or glob (repeatable)")
    add("--exclude", action="append", default=[], metavar="ID", help="no subjects of this ID or glob (repeatable)")
    add(
        "--layout",
        choices=layout_names(),
        help="names and folders of images: MIDS, or those of a published collection (default: mids)",
    )
    add(
        "--about",
        metavar="FILE|NAME",
        help="YAML file with title, authors, licence and so on of the dataset; without COLLECTION: print the access, "
        "terms and expected layout of the collection NAME, and stop",
    )
    issuer_argument(add)
    remove_argument(add)
    add("--site", metavar="NAME", help="site of everybody in SOURCE, a column of participants.tsv; also the issuer")
    add("--publish-sources", action="store_true", help="put the table of sources, by reference, into the dataset")
    add("--show-paths", action="store_true", help="print real source paths, which may contain names of patients")
    cli_report.html_argument(add)


def _add_images(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("images").add_argument
    add(
        "--pixels",
        choices=["window", "raw"],
        help="2D images: apply the DICOM window, or keep the stored values (default: window)",
    )
    add(
        "--compression",
        choices=["fast", "small"],
        help="fast: less time, larger files; small: more time, smaller files (default: fast)",
    )
    add(
        "--cine",
        choices=["nifti", "png"],
        help="multi-frame images: one NIfTI file, or one PNG file per frame (default: nifti)",
    )
    add(
        "--view-model",
        type=given_file,
        metavar="FILE",
        help="model of mids train views, for radiographs whose headers and source state no view; shipped: the one "
        "for chests that comes with the program; none: no model (default: shipped)",
    )
    add(
        "--contours",
        choices=["corner", "centre"],
        help="outlines whose source doesn't say: whole numbers mean the corners, or the centres, of pixels "
        "(default: corner)",
    )


def run(namespace: argparse.Namespace) -> int:
    """Answers what is asked, or converts; returns the exit code."""
    if (answer := _answer_question(namespace)) is not None:
        put(answer)
        return 0
    if namespace.again:
        return _convert_again(namespace)
    if None in (namespace.collection, namespace.source, namespace.dest):
        raise MidsError(_lacking(namespace.collection, namespace.source))
    from mids import collections

    if namespace.collection not in {*(known := collections.names()), "auto"} and Path(namespace.collection).exists():
        name = namespace.dest if namespace.dest in known else "auto"
        raise MidsError(f"COLLECTION comes first: type mids-convert {name} {namespace.collection} {namespace.source}")
    if namespace.collection == "auto":
        namespace.collection = collections.recognise_source(Path(namespace.source))
        print(f"collection: {namespace.collection}")
    return _convert_source(namespace)


def _lacking(first: str | None, second: str | None) -> str:
    """What is missing of COLLECTION, SOURCE and DEST."""
    if first and Path(first).exists():
        places = f"{first} {second or 'DEST'}"
        return f"COLLECTION is missing: type mids-convert auto {places}, or name it (mids-convert --list)"
    if first in ("list", "tools", "help", "again", "about"):
        return f"{first} is a flag: type mids-convert --{first}"
    if second:
        return f"DEST is missing: type mids-convert {first} {second} DEST, with the folder of the dataset"
    return "COLLECTION, SOURCE and DEST are required: see --help for examples, --list for collections"


def _convert_again(namespace: argparse.Namespace) -> int:
    """Converts every source of a dataset once more; the worst of the exit codes."""
    from mids.run.decided.choices import load_choices
    from mids.run.decided.reviewed import REVIEWED
    from mids.run.journal import state_folder

    if namespace.collection or namespace.source or namespace.dest:
        raise MidsError("--again DEST needs no COLLECTION, SOURCE and DEST: omit them")
    namespace.dest = namespace.again
    known = load_choices(Path(namespace.dest).resolve())
    if not known.collection or not known.sources:
        raise MidsError(f"nothing is recorded of {namespace.dest}: give COLLECTION, SOURCE and DEST once")
    namespace.collection = known.collection
    reviewed = state_folder(Path(namespace.dest).resolve()) / REVIEWED
    if namespace.curation is None and reviewed.is_file():
        namespace.curation = reviewed  # it holds every earlier row that nobody decided otherwise on the page
        namespace.change = [*namespace.change, "curation"]
    codes, refused = [0], None
    for namespace.source in known.sources:
        try:
            codes.append(_convert_source(namespace))
        except MidsError as error:  # one source that is not there keeps no other waiting
            refused = refused or error
    if refused:
        raise refused
    return max(codes)


def _convert_source(a: argparse.Namespace) -> int:
    """Converts one source and says what was done."""
    from mids import conversion

    progress = Progress(quiet=a.quiet, verbose=a.verbose)
    is_planning = a.plan is not None and not a.plan.exists()
    a.dry_run = a.dry_run or is_planning
    done = conversion.convert(
        a.collection, a.source, a.dest, dry_run=a.dry_run, jobs=a.jobs, dask=a.dask, limit=a.limit, include=a.include,
        exclude=a.exclude, pixels=a.pixels, compression=a.compression, cine=a.cine, contours=a.contours,
        policy=chosen_policy(a), id_table=a.id_table, review=a.review, key=a.key, curation=a.curation, about=a.about,
        layout=a.layout, publish_sources=a.publish_sources, show_paths=a.show_paths, progress=progress.step,
        issuer=a.issuer, site=a.site, change=a.change, forget=a.forget, remove=a.remove,
        view_model=a.view_model, plan=None if is_planning else a.plan,
    )  # fmt: skip
    if is_planning:
        return _say_plan(a, done)
    is_told = not a.dry_run and not a.quiet and done.outcome and (done.outcome.made or done.outcome.kept)
    commands = _next(done.dataset) if (done.dataset / "dataset_description.json").is_file() else ()
    say_done(a, done, holds=_counted(done.dataset) if is_told else (), commands=commands)
    if done.outcome is not None:
        cli_report.write_html(a, done.dataset)
    return done.exit_code


def _say_plan(a: argparse.Namespace, done: "Conversion") -> int:
    """Writes the plan, and says how to go on."""
    from mids.issues import Level
    from mids.report.plan import issue_lines
    from mids.run.decided.planned import write_plan

    say(issue_lines(done.issues, least=Level.WARNING))
    rows = write_plan(done.plan, a.plan)
    put(
        f"plan       {rows} rows in {a.plan}, which names source files: keep it to yourself\n"
        "change     subject, session, view, body_part, laterality, redact or decision, with who and why\n"
        f"           by hand, or on a page: mids review {a.source} --plan {a.plan}\n"
        "next       run the same command again\n"
    )
    return done.exit_code


def _next(dataset: Path) -> tuple[str, ...]:
    return f"mids-validate {dataset}", f"mids report {dataset}", f"mids-convert --again {dataset}"


def _answer_question(namespace: argparse.Namespace) -> str | None:
    """The answer to a flag that asks something; None where a conversion is wanted. Each loads what it needs only."""
    if namespace.list:
        from mids import collections

        return "".join(f"{name}\t{collections.find(name).ABOUT.description}\n" for name in collections.names())
    if namespace.tools or (namespace.about and not (namespace.collection or namespace.again)):
        from mids.report import asked

        return asked.tools() if namespace.tools else asked.about(namespace.about)
    if namespace.describe:
        from mids.deid.describe import describe
        from mids.deid.policy import preset

        return describe(chosen_policy(namespace) or preset("mids"))
    return None


def _counted(dataset: Path) -> list[str]:
    """What is in the dataset, by modality, body part and view."""
    from mids.analysis import statistics  # these load pandas: not before somebody reads what they count
    from mids.dataset import Dataset

    return statistics.summary_text(Dataset(dataset)).splitlines()
