"""An answer key in the manner of MIDI-B: invented studies, what must become of each element, and a scorer.

    python -m benchmarks.answer_key make KEY
    (de-identify KEY/input with any program)
    python -m benchmarks.answer_key score KEY OUTPUT --wrong wrong.tsv
    python -m benchmarks.answer_key peers --python OTHER/bin/python

`make` writes DICOM files with planted identifiers (`plants.yaml`) and `answer_key.tsv`, with one row for each expected
action. `score` says how many rows are right. `peers` fills the table in benchmarks/README.md with our figures and those
of the programs that the interpreter OTHER finds.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.answer_key.scoring import ACTIONS, Score, score
from benchmarks.answer_key.studies import make, read
from benchmarks.deidentification import PEERS, installed, run_script
from benchmarks.measuring import write

OURS = """
import sys
from dataclasses import replace
from pathlib import Path
import mids
from mids.deid.keys import create
from mids.deid.policy import chosen
output = Path(sys.argv[2])
create(output / "key")
policy = replace(chosen("mids"), burned_in="blank", detect="glyphs")
mids.deidentify(sys.argv[1], output / "made", key=output / "key", policy=policy)
"""
"""The policy ``mids``, with text in the pixels looked for and made black."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    making = commands.add_parser("make", help="make the studies and their key")
    making.add_argument("key", type=Path, help="a new folder")
    making.add_argument("--patients", type=int, default=12)
    making.add_argument("--seed", type=int, default=0)
    scoring = commands.add_parser("score", help="score what a program made of KEY/input")
    scoring.add_argument("key", type=Path)
    scoring.add_argument("output", type=Path, help="a folder with DICOM files at any depth")
    scoring.add_argument("--wrong", type=Path, help="write the rows that are wrong to this file, with their values")
    others = commands.add_parser("peers", help="fill the table of programs in benchmarks/README.md")
    others.add_argument("--python", type=Path, action="append", default=[])
    a = parser.parse_args()
    if a.command == "make":
        rows = make(a.key, a.patients, a.seed)
        print(f"{len(rows)} expected actions in {len({row.file for row in rows})} files")
    elif a.command == "score":
        done = score(read(a.key), a.key / "input", a.output)
        print(_table({a.output.name: done}))
        if a.wrong:
            a.wrong.write_text("".join(f"{row}\n" for row in done.wrong), encoding="utf-8")
    else:
        write("answer_key", "peers", peers(a.python))


def peers(pythons: Sequence[Path]) -> str:
    """The table of programs, each as it is delivered; a program that fails on a file loses that file's rows."""
    with tempfile.TemporaryDirectory() as scratch:
        key = Path(scratch) / "key"
        rows = make(key)
        found = {"mids": score(rows, key / "input", run_script(Path(sys.executable), OURS, key / "input")[1])}
        for name, script in PEERS.items():
            if there := installed(pythons, name):
                output = run_script(there[0], script, key / "input")[1]
                found[f"{name} {there[1]}"] = score(rows, key / "input", output)
        files = len({row.file for row in rows})
    return f"{_table(found)}\n\n{len(rows)} expected actions in {files} files of 12 invented patients."


def _table(scores: dict[str, Score]) -> str:
    first = next(iter(scores.values()))
    lines = [f"| action | rows | {' | '.join(scores)} |", "|---" * (len(scores) + 2) + "|"]
    for action in ACTIONS:
        shares = [f"{100 * one.right[action] / one.rows[action]:.1f} %" for one in scores.values()]
        lines.append(f"| {action} | {first.rows[action]} | {' | '.join(shares)} |")
    totals = [f"**{100 * one.share():.2f} %**" for one in scores.values()]
    lines.append(f"| **all** | {first.rows.total()} | {' | '.join(totals)} |")
    lines.append(f"| files without an output | | {' | '.join(str(len(one.missing)) for one in scores.values())} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
