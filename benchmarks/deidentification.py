"""Checks every row of DICOM PS3.15 Table E.1-1 against what the standard says, for us and for other programs.

    python -m benchmarks.deidentification conformity
    python -m benchmarks.deidentification peers --python OTHER/bin/python

Both fill their table in benchmarks/README.md. The first de-identifies a synthetic CT that holds every row, at the top
level and in a nested item, by the Basic Profile and with each option. The second does the same by the Basic Profile
with the programs that the interpreter OTHER finds (``pip install dicognito dicom-anonymizer deid``, and in an
environment of its own, given by another ``--python``, ``rsna-anonymizer``, without its window).

What is right is worked out in `benchmarks.table_e1_1`.
"""

import argparse
import platform
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import pydicom
from pydicom import Dataset
from pydicom.data import get_testdata_file
from pydicom.uid import UID

from benchmarks.measuring import write
from benchmarks.table_e1_1 import (
    MARK,
    NEST,
    PATTERNS,
    SHIFT,
    Oracle,
    Row,
    content,
    full,
    options,
    rows,
    wrong,
    wrong_patterns,
)
from mids.deid.headers.engine import Replacements, deidentify
from mids.deid.headers.rules import resolve
from mids.deid.policy import Option, Policy

ROOT = Path(__file__).resolve().parents[1]
FILES = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["conformity", "peers"])
    parser.add_argument("--python", type=Path, action="append", help="the interpreter that finds the other programs")
    arguments = parser.parse_args()
    text = conformity() if arguments.what == "conformity" else peers(arguments.python)
    write("deidentification", arguments.what, text)


# --- us ------------------------------------------------------------------------------------------------------


def replacements() -> Replacements:
    """Stand-ins for what a key makes."""
    return Replacements("S000", SHIFT, lambda uid: f"2.25.{int(sha256(uid.encode()).hexdigest()[:30], 16)}", str)


def clean_option(option: Option | None, old: Dataset) -> Dataset:
    """The dataset after the Basic Profile with one option or none."""
    policy = Policy("benchmark", frozenset([option] if option else []))
    return deidentify(old, resolve(policy), replacements()).dataset


def conformity() -> str:
    """The table of rows that are handled as the standard says, by option."""
    heads = ["| Basic Profile and | rows it changes | at the top level | in a nested item |", "|---|---|---|---|"]
    old, lines = full(), heads
    total = len(rows()) + len(PATTERNS) + 1
    for option in options():
        new = clean_option(option, old)
        top, nested = wrong(option, old, new)
        top += wrong_patterns(option, old, new)
        changed = sum(option in row.codes for row in rows()) if option else len(rows())
        count = len([row for row in rows() if row.tag >> 16 >= 8])
        name = (option or "nothing").replace("_", " ")
        lines.append(f"| {name} | {changed} | {total - len(top)} of {total} | {count - len(nested)} of {count} |")
        for keyword in (*top, *nested):
            print("wrong:", option, keyword)
    return "\n".join(lines)


# --- others ----------------------------------------------------------------------------------------------------

PEERS = {
    "dicom-anonymizer": """
import sys
from pathlib import Path
from dicomanonymizer import anonymize
for path in sorted(Path(sys.argv[1]).iterdir()):
    anonymize(str(path), str(Path(sys.argv[2]) / path.name), {}, True)
""",
    "dicognito": """
import sys
from pathlib import Path
import pydicom
from dicognito.anonymizer import Anonymizer
one = Anonymizer()
for path in sorted(Path(sys.argv[1]).iterdir()):
    dataset = pydicom.dcmread(path)
    one.anonymize(dataset)
    dataset.save_as(Path(sys.argv[2]) / path.name)
""",
    "deid": """
import sys
from pathlib import Path
from deid.dicom import get_identifiers, replace_identifiers
paths = [str(path) for path in sorted(Path(sys.argv[1]).iterdir())]
replace_identifiers(paths, ids=get_identifiers(paths), save=True, output_folder=sys.argv[2], overwrite=True)
""",
    "rsna-anonymizer": """
import gettext, os, sys
from pathlib import Path
import pydicom
gettext.install("anonymizer")
import anonymizer
from anonymizer.controller.anonymizer import AnonymizerController
from anonymizer.model.project import ProjectModel
script = Path(anonymizer.__file__).parent / "assets/scripts/default-anonymizer.script"
project = ProjectModel(storage_dir=Path(sys.argv[2]) / "project", anonymizer_script_path=script)
for folder in (project.images_dir(), project.private_dir()):
    folder.mkdir(parents=True, exist_ok=True)
one = AnonymizerController(project)
for path in sorted(Path(sys.argv[1]).iterdir()):
    dataset = pydicom.dcmread(path)
    if one.anonymize(str(path), dataset) is None:
        dataset.save_as(Path(sys.argv[2]) / path.name)
sys.stdout.flush()
os._exit(0)
""",
}
"""How each program de-identifies the files of one folder into another, as it is delivered."""

OURS = """
import sys
from pathlib import Path
import pydicom
from benchmarks.deidentification import replacements
from mids.deid.headers.engine import deidentify
from mids.deid.policy import preset
from mids.deid.headers.rules import resolve
rules, new = resolve(preset("basic")), replacements()
for path in sorted(Path(sys.argv[1]).iterdir()):
    dataset = deidentify(pydicom.dcmread(path), rules, new).dataset
    dataset.save_as(Path(sys.argv[2]) / path.name, enforce_file_format=True)
"""


def peers(pythons: Sequence[Path]) -> str:
    """The table of programs: rows that are right (any part of a compound code), values gone, files per second."""
    names = (
        "program | right | value gone | value gone in a nested item | full files per second | CT of 39 KB per second"
    )
    heads = [f"| {names} |", "|---|---|---|---|---|---|"]
    with tempfile.TemporaryDirectory() as scratch:
        folders = _inputs(Path(scratch))
        lines = [_line("mids", Path(sys.executable), OURS, folders)]
        for name, script in PEERS.items():
            there = installed(pythons, name)
            lines += [_line(f"{name} {there[1]}", there[0], script, folders)] if there else []
    where = (
        f"{platform.system()}, {FILES} files each, by second of processor time in one process, its start not counted."
    )
    return "\n".join([*heads, *lines, "", where])


def _inputs(scratch: Path) -> tuple[Path, Path, Path]:
    """One file that holds every row, as many of them as are timed, and plain CT images of 39 KB."""
    one, many, plain = (scratch / name for name in ("one", "many", "plain"))
    for folder in (one, many, plain):
        folder.mkdir()
    full().save_as(one / "0.dcm", enforce_file_format=True)
    template = pydicom.dcmread(str(get_testdata_file("CT_small.dcm")))
    for number in range(FILES):
        full(number).save_as(many / f"{number}.dcm", enforce_file_format=True)
        template.SOPInstanceUID = template.file_meta.MediaStorageSOPInstanceUID = UID(f"1.2.276.{number}")
        template.save_as(plain / f"{number}.dcm")
    return one, many, plain


def _line(name: str, python: Path, script: str, folders: Sequence[Path]) -> str:
    seconds, made = zip(*(run_script(python, script, folder) for folder in folders), strict=True)
    output = made[0] / "0.dcm"
    if not output.exists():
        return f"| {name} | fails | fails | fails | – | – |"
    old, new, oracle = full(), pydicom.dcmread(output), Oracle(None, {})
    known = [row for row in rows() if row.tag >> 16 >= 8]
    inner = new[NEST].value[0] if NEST in new and new[NEST].value else Dataset()
    counts = (
        sum(not oracle.is_right(row, old[row.tag], new, nested=True) for row in known),
        sum(_has_stayed(row, old, new) for row in known),
        sum(_has_stayed(row, old[NEST].value[0], inner) for row in known),
    )
    rates = [FILES / max(total - seconds[0], 1e-6) for total in seconds[1:]]
    shares = [f"{100 * (1 - count / len(known)):.1f} %" for count in counts]
    return f"| {name} | {' | '.join(shares)} | {rates[0]:.0f} | {rates[1]:.0f} |"


def _has_stayed(row: Row, old: Dataset, new: Dataset) -> bool:
    """Whether a value is still there."""
    if row.tag not in new:
        return False
    return MARK in content(new[row.tag]) or (row.vr != "SQ" and new[row.tag].value == old[row.tag].value)


def run_script(python: Path, script: str, folder: Path) -> tuple[float, Path]:
    """Seconds of processor time that a script took, and where its files are."""
    output = Path(tempfile.mkdtemp(dir=folder.parent))
    start = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([python, "-W", "ignore", "-c", script, folder, output], cwd=ROOT, capture_output=True, check=False)
    end = resource.getrusage(resource.RUSAGE_CHILDREN)
    return end.ru_utime + end.ru_stime - start.ru_utime - start.ru_stime, output


def installed(pythons: Sequence[Path], name: str) -> tuple[Path, str] | None:
    """The first interpreter that finds a program, and the program's version."""
    return next(((python, found) for python in pythons if (found := _version(python, name))), None)


def _version(python: Path, name: str) -> str:
    script = f"from importlib.metadata import version; print(version({name!r}))"
    return subprocess.run([python, "-c", script], capture_output=True, text=True, check=False).stdout.strip()


if __name__ == "__main__":
    main()
