"""The command ``mids validate``: its arguments; the work is done in `mids.validation`."""

import argparse
import json
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mids.cli.shared import jobs_argument, message_arguments, wants_colour
from mids.dataset.disk.folder import require_folder
from mids.errors import MidsError, put

if TYPE_CHECKING:
    from mids.exports import Kind
    from mids.vocabulary.schema import Schema

TEXT = "validate a MIDS dataset"
EXAMPLES = (
    ("mids-validate ~/dataset", "check names, tables, sidecars and image headers"),
    ("mids-validate ~/dataset --deep --jobs 4", "check every byte of every image too"),
    ("mids-validate ~/dataset --profile bids", "check the rules of BIDS only"),
    ("mids-validate ~/clone --missing-content allow", "check a DataLad or Git LFS clone without its images"),
    ("mids-validate ~/dataset --select privacy", "check only what may identify a patient"),
    ("mids-validate ~/dataset --format text --format sarif=out.sarif", "print a text and write a SARIF file"),
    ("mids-validate ~/one ~/two --format sarif={dataset}.sarif", "validate several datasets, a file for each"),
    ("mids-validate ~/dataset --write-baseline known.json", "record the present issues as known"),
    ("mids-validate ~/dataset --baseline known.json", "fail on new issues only"),
    ("mids-validate ~/dataset --diff", "show what --fix would change"),
    ("mids-validate --explain SIDECAR_MISSING", "explain what a code means and how to fix it"),
    ("mids-validate --list-codes", "list every code with its level"),
)
NOTES = """\
Waivers with reasons, levels and selections can stand in mids-validate.toml, in the current folder or beside the
dataset: see docs/validate.md.
"""
CODES = {0: "no errors", 1: "errors", 2: "wrong usage or environment", 3: "a check crashed", 130: "stopped by Ctrl-C"}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments to its parser."""
    add = parser.add_argument
    add("dataset", nargs="*", metavar="DATASET", help="folder of the dataset (several: one after the other)")
    add(
        "--export-schema",
        choices=["bids", "pybids", "jsonschema", "frictionless"],
        help="print the vocabulary for another tool, and stop",
    )
    add("--explain", metavar="CODE", help="explain what a code means and how to fix it, and stop")
    add("--list-codes", action="store_true", help="list every code, and stop")
    _add_checks(parser)
    add = parser.add_argument_group("output").add_argument
    add(
        "--format",
        action="append",
        default=[],
        metavar="NAME[=FILE]",
        help="text, json, jsonl, sarif, junit, github, gitlab, markdown or html (repeatable; default: text)",
    )
    add(
        "--max-per-code",
        type=int,
        default=20,
        metavar="N",
        help="formats for people: number of issues to show per code, 0 for all (default: 20)",
    )
    add = parser.add_argument_group("repairs").add_argument
    add("--fix", action="store_true", help="first repair what can be repaired safely, and print the changes")
    add("--diff", action="store_true", help="print what --fix would change, change nothing, and stop")
    jobs_argument(parser)
    _add_cache(parser)
    message_arguments(parser)
    parser.set_defaults(run=run)


def _add_checks(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("checks").add_argument
    add("--deep", action="store_true", help="read every byte of every image")
    add("--select", action="append", default=[], metavar="NAME", help="only checks of this code or family (repeatable)")
    add("--ignore", action="append", default=[], metavar="NAME", help="no checks of this code or family (repeatable)")
    add(
        "--profile",
        metavar="NAME",
        help="requirements to check: mids, bids or bimcv-covid19 (default: that of the configuration file, else mids)",
    )
    add(
        "--missing-content", choices=["report", "allow"], default="report",
        help="files whose content was not fetched (git-annex, DataLad, Git LFS) or is empty: report them, or count "
        "them and check names, tables and sidecars (default: report)",
    )  # fmt: skip
    add("--bids-schema", type=Path, metavar="FILE", help="the schema.json of another release of BIDS")
    add(
        "--config",
        type=Path,
        metavar="FILE",
        help="file of waivers, levels and selections (default: mids-validate.toml, if there is one)",
    )
    add(
        "--schema-extra", type=Path, metavar="FOLDER",
        help="additions to the vocabulary, in a folder laid out like schemas/",
    )  # fmt: skip
    add(
        "--fail-on",
        choices=["error", "warning", "info"],
        help="lowest level that causes exit code 1 (default: that of the configuration file, else error)",
    )
    add("--baseline", type=Path, metavar="FILE", help="take the issues in this file as known: only new ones fail")
    add(
        "--write-baseline", type=Path, metavar="FILE",
        help="write the current issues to this file as known ones; known issues do not fail",
    )  # fmt: skip


def _add_cache(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("results of earlier runs").add_argument
    add(
        "--cache-by", choices=["off", "times", "contents"], default="off", dest="cache",
        help="keep results, and skip files that did not change: by size, times and number on the disk, or by content, "
        "for checkouts whose times are new (default: off)",
    )  # fmt: skip
    add("--no-cache", action="store_const", const="off", dest="cache", help="check everything, and keep no results")
    add("--clear-cache", action="store_true", help="remove the kept results of all datasets, and stop")


def run(namespace: argparse.Namespace) -> int:
    """Explains, lists, exports, repairs or validates; returns the exit code."""
    from mids.vocabulary.schema import load

    a = namespace
    if a.clear_cache:
        from mids.validation import kept

        kept.clear()
        return 0
    if len(a.dataset) > 1:
        return _several(a)
    if a.list_codes or a.explain:
        return _explained(a.explain)
    schema = load(a.schema_extra)
    if a.export_schema:
        return _exported(a.export_schema, schema)
    if not a.dataset:
        raise MidsError("DATASET is required: see --help for examples")
    return _validate(a, Path(a.dataset[0]), schema)


def _validate(a: argparse.Namespace, dataset: Path, schema: "Schema") -> int:
    """Repairs one dataset where that is asked for, and validates it."""
    from mids import issues
    from mids.report import formats, text
    from mids.report.issue import Style, build_prefix
    from mids.validation import baseline, control
    from mids.validation import runner as validation

    rules = control.find(dataset, a.config)
    rules = control.merge_decisions(rules, profile=a.profile, select=a.select, ignore=a.ignore, fail_on=a.fail_on)
    codes = rules.codes(deep=a.deep)
    before = baseline.read(a.baseline) if a.baseline else None
    outputs = formats.outputs(a.format)
    if a.diff or a.fix:
        changes = _mended(dataset, schema, codes if rules.select or rules.ignore else frozenset(), dry=a.diff)
        if a.diff:
            return int(changes)
    style = Style(
        colour=wants_colour(), shown=max(a.max_per_code, 0), reasons=a.verbose, fail_on=rules.fail_on,
        least=issues.Level.ERROR if a.quiet else issues.Level.INFO, prefix=build_prefix(dataset), ran=codes,
    )  # fmt: skip
    with formats.Writer(outputs, style) as writer:
        keep = 0 if a.write_baseline else writer.keep
        judge = control.Judge(rules, codes, before, keep=keep, tell=writer.tell)
        extended = schema if a.schema_extra else None
        validation.spare_the_collector()
        report = validation.validate(
            dataset, jobs=a.jobs, deep=a.deep, select=codes, schema=extended, through=judge, plain=rules.plain,
            missing=a.missing_content, bids=a.bids_schema, cache=a.cache,
        )  # fmt: skip
        report = judge.add_to(report)
        writer.finish(report)
    logging.getLogger("mids").info(text.summary(report))
    if a.write_baseline:
        formats.save(a.write_baseline, [baseline.render((*report.issues, *report.known))])
        return 3 if report.crashed else 0
    return report.exit_code(rules.fail_on)


def _several(namespace: argparse.Namespace) -> int:
    """Validates several datasets, one after the other; the exit code is the worst of theirs."""
    from mids.report import formats

    a = namespace
    if a.baseline or a.write_baseline:
        raise MidsError("a baseline is of one dataset: give one DATASET")
    chosen = formats.outputs(a.format)
    if any(output.path is None and output.name not in formats.PLURAL for output in chosen):
        raise MidsError(f"of several datasets one output can be {', '.join(formats.PLURAL)}: write others to files")
    if any(output.path and "{dataset}" not in str(output.path) for output in chosen):
        raise MidsError("each of several datasets needs its own file: write --format NAME=FILE with {dataset} in FILE")
    folders = [Path(dataset).resolve().name for dataset in a.dataset]
    twice = next((name for name in folders if folders.count(name) > 1), None)
    if twice is not None and any(output.path for output in chosen):
        raise MidsError(f"{{dataset}} is {twice} for two datasets, and both need a file: validate them one by one")
    shows_text = any(output.path is None and output.name == "text" for output in chosen)
    codes = []
    for dataset, folder in zip(a.dataset, folders, strict=True):
        if shows_text:
            put(f"{dataset}\n")
        names = [word.replace("{dataset}", folder) for word in a.format]
        try:
            require_folder(Path(dataset))
        except MidsError as error:
            logging.getLogger("mids").error(str(error))
            codes.append(2)
            continue
        codes.append(run(argparse.Namespace(**{**vars(a), "dataset": [dataset], "format": names})))
    return max(codes)


def _explained(code: str | None) -> int:
    """Explains one code, or lists all."""
    from mids import issues
    from mids.report import text
    from mids.validation import runner as validation
    from mids.validation.control import check_choice

    definitions = {**issues.catalogue(), **validation.definitions()}
    if code:
        print(text.explain(definitions[check_choice("code", code, definitions)]))
    else:
        for name, definition in sorted(definitions.items()):
            print(f"{name}\t{definition.level}\t{definition.what}")
    return 0


def _exported(kind: "Kind", schema: "Schema") -> int:
    from mids import exports

    print(json.dumps(exports.export_schema(kind, schema), indent=1))
    return 0


def _mended(dataset: Path, schema: "Schema", select: frozenset[str], *, dry: bool) -> bool:
    """Shows what is safe to repair, and repairs it unless `dry`; returns whether there was anything."""
    from mids.validation import fixes

    planned = fixes.plan(dataset, select=select, schema=schema)
    for fix in planned:
        print(fix.diff, end="", file=sys.stdout if dry else sys.stderr)
    if not dry:
        fixes.apply(planned)
    return bool(planned)
