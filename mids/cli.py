"""The commands: parse, call, render, exit code. Nothing is decided here.

Exit codes: 0 everything done or rightly skipped; 1 something was lost or is wrong; 2 use or environment is
wrong; 3 a fault of this program. Heavy modules are imported by the command that needs them, so that --help
is quick.
"""

import argparse
import logging
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from mids import (
    cli_completion, cli_deidentify, cli_diff, cli_export, cli_label, cli_report, cli_risk, cli_scaffold,
)  # fmt: skip
from mids._version import __version__
from mids.cli_shared import Progress, chosen_policy, common_arguments, policy_arguments, say
from mids.errors import MidsError

if TYPE_CHECKING:
    from mids.exports import Kind
    from mids.schema import Schema

EXAMPLES_CONVERT = """examples:
  mids-convert dicom ~/studies ~/dataset                      convert a folder of DICOM
  mids-convert dicom ~/studies ~/dataset --dry-run            say what would become of each file
  mids-convert dicom export.zip ~/dataset --jobs 4            read an archive, use four processes
  mids-convert dicom ~/studies ~/dataset --limit 2 -v         try two subjects first
  mids-convert dicom ~/studies ~/dataset --curation fixes.tsv apply a person's corrections
  mids-convert --list                                         the collections that it knows
  mids-convert --about fidac                                  where one is got, its terms, how it must lie on disk
  mids-convert --tools                                        what it works with, and what is not there

A second run on the same DEST converts only what is new or changed. State, with the table of which source
became which file, is kept in DEST.mids, which only you can read: it holds real paths.
exit codes: 0 done or rightly skipped, 1 something was lost or is wrong, 2 usage or environment, 3 our bug
"""
EXAMPLES_VALIDATE = """examples:
  mids-validate ~/dataset                                 names, tables, sidecars, image heads
  mids-validate ~/dataset --deep --jobs 4                 every byte of every image too
  mids-validate ~/dataset --select privacy                only what may identify a patient
  mids-validate ~/dataset --format text --format sarif=out.sarif
  mids-validate ~/dataset --write-baseline known.json     what is there now is known
  mids-validate ~/dataset --baseline known.json           only new issues fail
  mids-validate ~/dataset --diff                          what --fix would mend
  mids-validate --explain SIDECAR_MISSING                 what a code means and how to mend it
  mids-validate --list-codes                              every code with its level

Waivers with reasons, levels and selection can stand in mids-validate.toml, in the current folder or beside the
dataset: see docs/validate.md.
exit codes: 0 no errors, 1 errors, 2 usage or environment, 3 a check crashed
"""


def main(argv: Sequence[str] | None = None) -> int:
    """The command ``mids``."""
    return _guarded(parsers()["mids"], argv)


def convert_main(argv: Sequence[str] | None = None) -> int:
    """The command ``mids-convert``: the same as ``mids convert``."""
    return _guarded(parsers()["mids-convert"], argv)


def validate_main(argv: Sequence[str] | None = None) -> int:
    """The command ``mids-validate``: the same as ``mids validate``."""
    return _guarded(parsers()["mids-validate"], argv)


def parsers() -> dict[str, argparse.ArgumentParser]:
    """The parser of each command that is installed, by its name."""
    mids = _parser("mids", "MIDS datasets: convert medical imaging collections into them, and validate them.", "")
    commands = mids.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _convert_arguments(_subcommand(commands, "convert", "convert a source collection", EXAMPLES_CONVERT))
    _validate_arguments(_subcommand(commands, "validate", "validate a dataset", EXAMPLES_VALIDATE))
    cli_deidentify.arguments(_subcommand(commands, "deidentify", cli_deidentify.TEXT, cli_deidentify.EXAMPLES))
    cli_label.arguments(_subcommand(commands, "label", cli_label.TEXT, cli_label.EXAMPLES))
    cli_risk.arguments(_subcommand(commands, "risk", cli_risk.TEXT, cli_risk.EXAMPLES))
    cli_report.arguments(_subcommand(commands, "report", cli_report.TEXT, cli_report.EXAMPLES))
    cli_diff.arguments(_subcommand(commands, "diff", cli_diff.TEXT, cli_diff.EXAMPLES))
    cli_scaffold.arguments(_subcommand(commands, "scaffold", cli_scaffold.TEXT, cli_scaffold.EXAMPLES))
    cli_export.arguments(_subcommand(commands, "export", cli_export.TEXT, cli_export.EXAMPLES))
    splits = _subcommand(commands, "splits", cli_export.TEXT_SPLITS, cli_export.EXAMPLES_SPLITS)
    cli_export.splits_arguments(splits)
    key = _subcommand(commands, "key", "make the key of pseudonyms", "examples:\n  mids key new ~/keys/study.key\n")
    key.add_argument("action", choices=["new"], help="make a new key")
    key.add_argument("file", type=Path, metavar="FILE", help="where to; must not exist")
    key.set_defaults(run=_key)
    completion = _subcommand(commands, "completion", cli_completion.TEXT, cli_completion.EXAMPLES)
    cli_completion.arguments(completion, parsers)
    convert = _parser("mids-convert", "Convert a source collection into a MIDS dataset.", EXAMPLES_CONVERT)
    _convert_arguments(convert)
    validate = _parser("mids-validate", "Validate a MIDS dataset.", EXAMPLES_VALIDATE)
    _validate_arguments(validate)
    return {"mids": mids, "mids-convert": convert, "mids-validate": validate}


class _Parser(argparse.ArgumentParser):
    """Wrong use is one line and exit code 2, as every `MidsError`; argparse puts its usage in front."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}: see {self.prog} --help\n")


def _parser(name: str, description: str, epilog: str) -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = _Parser(name, description=description, epilog=epilog, formatter_class=raw)
    parser.add_argument("--version", action="version", version=f"{name} {__version__}")
    return parser


def _subcommand(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, text: str, epilog: str
) -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    return commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".", epilog=epilog, formatter_class=raw)


def _convert_arguments(parser: argparse.ArgumentParser) -> None:
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
        choices=["mids", "bimcv-covid19"],
        default="mids",
        help="names and folders of images: ours, or those of the published BIMCV-COVID19+",
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
    parser.set_defaults(run=_convert)


def _validate_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("dataset", nargs="?", metavar="DATASET", help="the dataset's folder")
    add(
        "--format",
        action="append",
        default=[],
        metavar="NAME[=FILE]",
        help="text, json, jsonl, sarif, junit, github, gitlab, markdown, html (repeatable; without any, text)",
    )
    add("--deep", action="store_true", help="read every byte of every image")
    add("--jobs", type=int, default=1, metavar="N", help="worker processes (1)")
    add("--config", type=Path, metavar="FILE", help="waivers, levels, selection (mids-validate.toml, if there is one)")
    add("--profile", metavar="NAME", help="what is accepted: mids (unless the file says otherwise), bimcv-covid19")
    add("--select", action="append", default=[], metavar="NAME", help="only checks of this code or family (repeatable)")
    add("--ignore", action="append", default=[], metavar="NAME", help="no checks of this code or family (repeatable)")
    add(
        "--fail-on",
        choices=["error", "warning", "info"],
        help="the level that makes the exit code 1 (error, unless the file says otherwise)",
    )
    add("--baseline", type=Path, metavar="FILE", help="issues in this file are known: only new ones fail")
    add("--write-baseline", type=Path, metavar="FILE", help="write the issues that stand as known ones; none fails")
    add(
        "--max-per-code",
        type=int,
        default=20,
        metavar="N",
        help="formats for people: how many issues of a code to show, 0 for all (20)",
    )
    add("--schema-extra", type=Path, metavar="FOLDER", help="more words for the vocabulary, laid out like schemas/")
    add("--fix", action="store_true", help="first mend what is safe to mend, and say what on standard error")
    add("--diff", action="store_true", help="print what --fix would change, change nothing, and stop")
    add(
        "--export-schema",
        choices=["bids", "pybids", "jsonschema", "frictionless"],
        help="print the vocabulary for another tool, and stop",
    )
    add("--explain", metavar="CODE", help="say what a code means and how to mend it, and stop")
    add("--list-codes", action="store_true", help="list every code, and stop")
    common_arguments(parser)
    parser.set_defaults(run=_validate)


def _guarded(parser: argparse.ArgumentParser, argv: Sequence[str] | None) -> int:
    """Runs a command; the three outcomes stay apart."""
    arguments = parser.parse_args(argv)
    command: Callable[[argparse.Namespace], int] = arguments.run
    try:
        _log_to(getattr(arguments, "log", None))
        return command(arguments)
    except MidsError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{parser.prog}: stopped; what is finished is kept, run again to go on", file=sys.stderr)
        return 2
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except Exception as error:
        # The text of an unexpected exception may quote a header: only where it happened and its type are told.
        print("".join(traceback.format_tb(error.__traceback__)), type(error).__name__, file=sys.stderr)
        print(f"{parser.prog}: this is a fault of the program; please report the lines above", file=sys.stderr)
        return 3


def _log_to(path: Path | None) -> None:
    if path is None:
        return
    try:
        handler = logging.FileHandler(path, encoding="utf-8")
    except OSError as error:
        raise MidsError(f"the log {path} can't be written: {error.strerror}") from error
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logging.getLogger("mids").addHandler(handler)
    logging.getLogger("mids").setLevel(logging.INFO)


def _convert(arguments: argparse.Namespace) -> int:
    from mids import collections, conversion
    from mids.deid.describe import describe
    from mids.issues import Level
    from mids.report import asked
    from mids.report import plan as report

    if arguments.list:
        for name in collections.names():
            print(f"{name}\t{collections.find(name).ABOUT.description}")
        return 0
    if arguments.tools or (arguments.about and not arguments.collection):
        print(asked.tools() if arguments.tools else asked.about(arguments.about), end="")
        return 0
    policy = chosen_policy(arguments)
    if arguments.describe:
        print(describe(policy), end="")
        return 0
    if None in (arguments.collection, arguments.source, arguments.dest):
        raise MidsError("COLLECTION, SOURCE and DEST are needed: see --help for examples, --list for the collections")
    progress = Progress(quiet=arguments.quiet, verbose=arguments.verbose)
    a = arguments
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
    from mids import statistics  # these load pandas: not before somebody reads what they count
    from mids.dataset import Dataset

    return statistics.summary_text(Dataset(dataset))


def _validate(arguments: argparse.Namespace) -> int:
    from mids import issues, validation
    from mids.checks import baseline, control
    from mids.report import formats, text
    from mids.report.issue import Style, prefix_of
    from mids.schema import load

    a = arguments
    if a.list_codes or a.explain:
        return _explained(a.explain)
    schema = load(a.schema_extra)
    if a.export_schema:
        return _exported(a.export_schema, schema)
    if a.dataset is None:
        raise MidsError("DATASET is needed: see --help for examples")
    dataset = Path(a.dataset)
    rules = control.find(dataset, a.config)
    rules = control.decided(rules, profile=a.profile, select=a.select, ignore=a.ignore, fail_on=a.fail_on)
    codes = rules.codes(deep=a.deep)
    before = baseline.read(a.baseline) if a.baseline else None
    outputs = formats.outputs(a.format)
    if a.diff or a.fix:
        changes = _mended(dataset, schema, codes if rules.select or rules.ignore else frozenset(), dry=a.diff)
        if a.diff:
            return int(changes)
    style = Style(
        colour=_wants_colour(), shown=max(a.max_per_code, 0), reasons=a.verbose, fail_on=rules.fail_on,
        least=issues.Level.ERROR if a.quiet else issues.Level.INFO, prefix=prefix_of(dataset), ran=codes,
    )  # fmt: skip
    with formats.Writer(outputs, style) as writer:
        keep = 0 if a.write_baseline else writer.keep
        judge = control.Judge(rules, codes, before, keep=keep, tell=writer.tell)
        report = validation.validate(dataset, jobs=a.jobs, deep=a.deep, select=codes, schema=schema, through=judge)
        report = judge.add_to(report)
        writer.finish(report)
    logging.getLogger("mids").info(text.summary(report))
    if a.write_baseline:
        formats.save(a.write_baseline, [baseline.render((*report.issues, *report.known))])
        return 3 if report.crashed else 0
    return report.exit_code(rules.fail_on)


def _explained(code: str | None) -> int:
    """Explains one code, or lists all."""
    from mids import issues, validation
    from mids.checks.control import known
    from mids.report import text

    definitions = {**issues.catalogue(), **validation.definitions()}
    if code:
        print(text.explain(definitions[known("code", code, definitions)]))
    else:
        for name, definition in sorted(definitions.items()):
            print(f"{name}\t{definition.level}\t{definition.what}")
    return 0


def _exported(kind: "Kind", schema: "Schema") -> int:
    import json

    from mids import exports

    print(json.dumps(exports.export_schema(kind, schema), indent=1))
    return 0


def _mended(dataset: Path, schema: "Schema", select: frozenset[str], *, dry: bool) -> bool:
    """Shows what is safe to mend, and mends it unless `dry`; whether there was anything."""
    from mids import fixes

    planned = fixes.plan(dataset, select=select, schema=schema)
    for fix in planned:
        print(fix.diff, end="", file=sys.stdout if dry else sys.stderr)
    if not dry:
        fixes.apply(planned)
    return bool(planned)


def _wants_colour() -> bool:
    """Colour on a terminal, unless its user says no (https://no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _key(arguments: argparse.Namespace) -> int:
    from mids.deid import keys

    keys.create(arguments.file)
    print(f"made {arguments.file}: keep it outside the dataset; without it a later run gives other ids")
    return 0


if __name__ == "__main__":
    sys.exit(main())
