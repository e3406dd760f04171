"""The command ``mids verify``: its arguments; the work is done in `mids.releases.verification`."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from mids.cli.shared import former_flag, jobs_argument, show

if TYPE_CHECKING:
    from mids.releases.verification import Verification

TEXT = "check that a copy of a release is complete"
EXAMPLES = (
    ("mids verify ~/download", "compare every file with the dataset's own manifest"),
    ("mids verify ~/download --manifest manifest.tsv --jobs 4", "compare with a manifest from elsewhere, faster"),
    ("mids verify ~/download --format json", "print the result for a program"),
)
NOTES = (
    "A check that was stopped goes on where it was, as long as size and time of the files are the same; --reread reads "
    "all of them. mids release writes the manifest: docs/verify.md."
)
CODES = {
    0: "the copy is complete", 1: "files are missing, changed, unreadable or too many", 2: "wrong usage or environment",
}  # fmt: skip


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments to its parser."""
    add = parser.add_argument
    add("dataset", type=Path, metavar="DATASET", help="folder of the dataset")
    add("--manifest", type=Path, metavar="FILE", help="table of the release (default: the dataset's own)")
    add("--reread", action="store_true", help="read all files, those too that a stopped check has found right")
    former_flag(add, "--again", "--reread", dest="reread", switch=True)
    add = parser.add_argument_group("output").add_argument
    add("--format", choices=["text", "json"], default="text", help="format of the output (default: text)")
    jobs_argument(parser, default=2)
    parser.set_defaults(run=run)


def run(namespace: argparse.Namespace) -> int:
    """Compares, prints, and returns the exit code."""
    from mids.releases.verification import verify

    a = namespace
    found = verify(a.dataset, a.manifest, threads=a.jobs, again=a.reread)
    show(json.dumps(_as_json(found), indent=2, ensure_ascii=False) + "\n" if a.format == "json" else _as_text(found))
    return int(not found.is_complete)


def _as_json(found: "Verification") -> dict[str, object]:
    differences = [asdict(one) for one in found.differences]
    return {
        "release": asdict(found.release), "complete": found.is_complete, "differences": differences,
        "read": found.read, "known": found.known,
    }  # fmt: skip


def _as_text(found: "Verification") -> str:
    lines = [f"{one.kind}: {one.path}{f' ({one.what})' if one.what else ''}" for one in found.differences]
    release = found.release
    said = ", ".join(word for word in (release.name, release.version, release.doi) if word)
    kinds = ("missing", "changed", "unreadable", "extra")
    counts = ", ".join(f"{sum(d.kind == kind for d in found.differences)} {kind}" for kind in kinds)
    before = f", {found.known} of them before" if found.known else ""
    lines.append(f"{said or 'the manifest'}: {found.read + found.known} files compared{before}; {counts}")
    return "\n".join(lines) + "\n"
