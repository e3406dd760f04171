"""Scores validators on the conformance suite (`example_datasets/conformance.py`), and writes the table of the README.

    python -m benchmarks.conformance
    python -m benchmarks.conformance --suite FOLDER --validator 'mytool --json {dataset}'

Without `--validator`: `mids-validate`, bids-validator as it is, and bids-validator with the schema that
`mids-validate --export-schema bids` makes (of copies without `.bidsignore`, so that it looks into `mim-` folders).
Another validator prints JSON lines with `code` and `path`; its score is printed, and the README stays.
"""

import argparse
import json
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from example_datasets.conformance import make
from mids.exports import export_schema
from mids.validation.runner import validate
from mids.vocabulary.schema import load

README = Path(__file__).parent / "README.md"
BIDS = str(Path(sys.executable).parent / "bids-validator-deno")
AT_ONCE = 4
"""Datasets that another validator looks at together: it waits for its start most of the time."""

Said = frozenset[tuple[str, str]]
"""(code, path) of everything that a validator says of a dataset."""
About = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Validator:
    """A validator by its name for readers, and what it says of a dataset in a folder."""

    name: str
    says: Callable[[Path], Said]
    at_once: int = AT_ONCE


def main() -> None:
    """Makes the suite where there is none, runs the validators, prints the scores."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suite", type=Path, help="the folder of the suite; made where it is empty")
    parser.add_argument("--validator", help="a command with {dataset} that prints JSON lines with code and path")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        suite = arguments.suite or Path(scratch) / "suite"
        if not (suite / "manifest.json").exists():
            make(suite)
        manifest: list[About] = json.loads((suite / "manifest.json").read_text("utf-8"))
        if arguments.validator:
            validators = [Validator(arguments.validator.split()[0], _command(arguments.validator))]
        else:
            validators = ours_and_theirs(Path(scratch))
        said = {validator.name: run(validator, manifest, suite) for validator in validators}
    text = table(manifest, said)
    print(text)
    if not arguments.validator:
        part = re.compile(r"(<!-- made by benchmarks/conformance\.py -->\n).*?(<!-- end -->)", re.DOTALL)
        README.write_text(part.sub(lambda m: f"{m[1]}\n{text}\n\n{m[2]}", README.read_text("utf-8")), encoding="utf-8")


def run(validator: Validator, manifest: Sequence[About], suite: Path) -> dict[str, Said]:
    """What a validator says of every case, by its id."""
    names = [str(about["id"]) for about in manifest]
    with ThreadPoolExecutor(validator.at_once) as pool:
        return dict(zip(names, pool.map(lambda name: validator.says(suite / "datasets" / name), names), strict=True))


# --- validators ------------------------------------------------------------------------------------------


def ours_and_theirs(scratch: Path) -> list[Validator]:
    """mids-validate, bids-validator, and bids-validator with our schema."""
    schema = scratch / "mids_schema.json"
    schema.write_text(json.dumps(export_schema("bids", load())), encoding="utf-8")
    return [
        Validator("`mids-validate`", lambda root: ours(root, deep=True), at_once=1),
        Validator("bids-validator", lambda root: theirs(root)),
        Validator("bids-validator with our schema", lambda root: theirs(root, schema)),
    ]


def ours(root: Path, *, deep: bool) -> Said:
    """What this validator says."""
    return frozenset((issue.code, issue.path) for issue in validate(root, deep=deep))


def theirs(root: Path, schema: Path | None = None) -> Said:
    """What the official validator says; with our schema of a copy without `.bidsignore`."""
    with tempfile.TemporaryDirectory() as scratch:
        if schema:
            root = Path(shutil.copytree(root, Path(scratch) / "dataset"))
            (root / ".bidsignore").unlink(missing_ok=True)
        options = ["--schema", schema.as_uri()] if schema else []
        command = [BIDS, *options, "--recursive", "--format", "json", str(root)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        issues = json.loads(done.stdout)["issues"]["issues"]
    except ValueError:
        return frozenset({("crash", "")})
    return frozenset((issue["code"], issue.get("location", "").strip("/")) for issue in issues)


def _command(text: str) -> Callable[[Path], Said]:
    """What any command says."""

    def says(root: Path) -> Said:
        words = [word.replace("{dataset}", str(root)) for word in shlex.split(text)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        return frozenset((line["code"], line.get("path", "").strip("/")) for line in lines if "code" in line)

    return says


# --- scores ----------------------------------------------------------------------------------------------


def new(about: About, said: Mapping[str, Said]) -> Said:
    """What a validator says of a case and not of its base."""
    return said[about["id"]] - said.get(about["base"], frozenset()) if about["base"] else frozenset()


def flag(about: About, said: Mapping[str, Said]) -> str:
    """The code by which a broken case is found, that for its file first; "" where it is not found."""
    found = sorted(new(about, said), key=lambda pair: (pair[0] != about["mids"], pair[1] != about["path"], pair))
    return found[0][0] if found else ""


def table(manifest: Sequence[About], said: Mapping[str, Mapping[str, Said]]) -> str:
    """The scores, by standard, then every broken case and who reports it."""
    broken = [about for about in manifest if not about["valid"]]
    valid = [about for about in manifest if about["valid"] and about["base"]]
    names = list(said)
    rows = [f"| | cases | {' | '.join(names)} |", "|---|---|" + "---|" * len(names)]
    for standard in ("BIDS", "MIDS", "formats", "privacy", ""):
        of = [about for about in broken if not standard or about["standard"] == standard]
        counts = [sum(bool(flag(about, said[name])) for about in of) for name in names]
        title = f"found, {standard}" if standard else "**found, all**"
        rows.append(f"| {title} | {len(of)} | {' | '.join(map(str, counts))} |")
    named = [sum(any(path == a["path"] for _, path in new(a, said[name])) for a in broken) for name in names]
    rows.append(f"| of them with the right file | {len(broken)} | {' | '.join(map(str, named))} |")
    silent = [sum(not new(about, said[name]) for about in valid) for name in names]
    rows.append(f"| valid, and silent | {len(valid)} | {' | '.join(map(str, silent))} |")
    rows += ["", f"| defect | standard | {' | '.join(names)} |", "|---|---|" + "---|" * len(names)]
    for about in broken:
        flags = [flag(about, said[name]) for name in names]
        cells = [f"`{code}`" if code else "–" for code in flags]
        rows.append(f"| {about['what']} | {about['standard']} | {' | '.join(cells)} |")
    return "\n".join(rows)


if __name__ == "__main__":
    main()
