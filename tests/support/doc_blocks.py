"""The shell and Python blocks of the documentation: how they are found, run, and compared with what pages show.

HTML comments right before a block say how it is run:

* ``<!-- not run: REASON -->``: not at all;
* ``<!-- exits 1: REASON -->``: some of its commands end with that exit code, and no other but 0;
* ``<!-- from FILE -->``: not at all, it is a part of that file, word for word;
* ``<!-- file FILE -->``: it is that file, which the reader writes, in any language;
* ``<!-- output -->`` before a block of text: that is what the block before it prints, standard error included. A line
  `…` stands for any lines, `…` in a line for any text; versions are not compared.

``pip install -e .`` in a block installs what the page has made into a folder of its own, without a network.

A Python block whose first line names a file (``# by_site.py``) is that file; one that defines tests is run by pytest.

``python tests/support/doc_blocks.py PAGE FOLDER`` runs every block of a page, those that the tests leave out
too, one after the other in FOLDER, with the programs of its `.venv`, as a reader would who follows the page.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

TIMEOUT = 300
"""Seconds that a block may take."""
SHELL = frozenset({"sh", "bash", "shell", "console"})
_FENCE = re.compile(
    r"(?P<marks>(?:^<!--[^\n]*-->\n\s*)*)^```(?P<language>\w*)\n(?P<code>.*?)^```$", re.DOTALL | re.MULTILINE
)
_FILED = re.compile(r"<!-- file (\S+) -->")
_PIP = "pip install -e ."
_SITE = ".site"
"""Where what a page has made is installed."""
_NOT_RUN = re.compile(r"<!-- not run: (.+?) -->")
_FROM = re.compile(r"<!-- from (\S+) -->")
_EXITS = re.compile(r"<!-- exits (\d): .+? -->")
_FILE = re.compile(r'(?:"""|# )(\w+\.py)\b')
_VERSION = re.compile(r"\b\d+\.\d+\.\d+[\w.+-]*")
_STRICT = "failed=; trap 'failed=\"$failed $?\"' ERR\n{code}\ntrap - ERR\nprintf '%s' \"$failed\" > {file}\n"


@dataclass(frozen=True, slots=True)
class Block:
    """One block: where its fence stands (a line, from 1), its code, why it is not run, and what it is to print."""

    line: int
    language: str
    code: str
    not_run: str = ""
    exits: int = 0
    output: str = ""
    file: str = ""


def blocks(text: str) -> list[Block]:
    """The shell and Python blocks of a page, in order."""
    found: list[Block] = []
    for match in _FENCE.finditer(text):
        marks, language, code = match["marks"], match["language"], match["code"]
        if "<!-- output -->" in marks:
            last = found.pop()
            found.append(Block(last.line, last.language, last.code, last.not_run, last.exits, code))
        elif _FROM.search(marks):
            continue
        elif named := _FILED.search(marks):
            found.append(Block(_line_of(text, match), language, code, file=named[1]))
        elif language in SHELL or language == "python":
            reason, exits = _NOT_RUN.search(marks), _EXITS.search(marks)
            code_of_exit = int(exits[1]) if exits else 0
            found.append(Block(_line_of(text, match), language, code, reason[1] if reason else "", code_of_exit))
    return found


def _line_of(text: str, match: re.Match[str]) -> int:
    return text.count("\n", 0, match.start("language")) + 1


def quotes(text: str) -> list[tuple[str, str]]:
    """The files that a page quotes, and the blocks in which it does."""
    found = ((_FROM.search(match["marks"]), match["code"]) for match in _FENCE.finditer(text))
    return [(mark[1], code) for mark, code in found if mark]


def run(block: Block, folder: Path, programs: Path) -> list[str]:
    """Runs a block in `folder`, which is HOME too, with the programs of `programs` first; says what was wrong."""
    if block.file:
        (folder / block.file).parent.mkdir(parents=True, exist_ok=True)
        (folder / block.file).write_text(block.code, encoding="utf-8")
        return []
    path = os.pathsep.join((str(programs), os.environ["PATH"]))
    state = folder / ".block"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "PYTEST_", "MIDS_"))}
    places = os.pathsep.join(filter(None, (str(folder / _SITE), os.environ.get("PYTHONPATH", ""))))
    environment = {**kept, "HOME": str(folder), "PATH": path, "PYTHONPATH": places, "PYTHONUNBUFFERED": "1"}
    if block.language == "python":
        command = [str(programs / "python"), *_module(block, folder)]
    else:
        code = block.code.replace(_PIP, f"{_PIP[:-4]}-q --no-index --no-deps --no-build-isolation --target {_SITE} .")
        command = ["bash", "-c", _STRICT.format(code=code, file=state)]
    last, printed = _finish_command(command, folder, environment)
    codes = [int(code) for code in state.read_text().split()] if block.language in SHELL and state.exists() else []
    state.unlink(missing_ok=True)
    wrong = [f"exit code {code}" for code in (*codes, last) if code not in (0, block.exits)]
    if block.exits and block.exits not in codes:
        wrong.append(f"nothing ended with exit code {block.exits}")
    if block.output and not matches(block.output, printed):
        wrong.append("the output is another one than the page shows")
    return [f"line {block.line}: {problem}\n{block.code}\n{printed}" for problem in wrong]


def _finish_command(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> tuple[int, str]:
    """Exit code and output of a command; whatever it left running in the background ends with it."""
    with tempfile.TemporaryFile() as printed:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=printed, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            code = process.wait(timeout=TIMEOUT)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        printed.seek(0)
        return code, printed.read().decode("utf-8", "replace")


def _module(block: Block, folder: Path) -> list[str]:
    """The arguments of Python that run a block."""
    named = _FILE.match(block.code)
    name = named[1] if named else f"block_{block.line}.py"
    (folder / name).write_text(block.code, encoding="utf-8")
    if re.search(r"^def test_", block.code, re.MULTILINE):
        return ["-m", "pytest", "-q", "-p", "no:cacheprovider", name]
    return ["-W", "error", name]


def matches(shown: str, printed: str) -> bool:
    """Whether a text is what a page shows, versions and `…` set aside."""
    lines = [_VERSION.sub("VERSION", line.rstrip()) for line in shown.strip().splitlines()]
    parts = (r"(?:[^\n]*\n)*?" if line == "…" else ".*".join(map(re.escape, line.split("…"))) + "\n" for line in lines)
    text = "".join(_VERSION.sub("VERSION", line.rstrip()) + "\n" for line in printed.strip().splitlines())
    return re.fullmatch("".join(parts), text) is not None


def follow(page: Path, folder: Path) -> Iterator[str]:
    """Runs every block of a page as a reader would, with the environment that the page makes; says what was wrong."""
    for block in blocks(page.read_text(encoding="utf-8")):
        print(f"--- line {block.line}", block.code, sep="\n", flush=True)
        yield from run(block, folder, folder / ".venv" / "bin")


def reasons(pages: Mapping[str, str]) -> dict[str, list[str]]:
    """Why blocks of pages are not run, by the page's name."""
    found = {name: [block.not_run for block in blocks(text) if block.not_run] for name, text in pages.items()}
    return {name: texts for name, texts in found.items() if texts}


if __name__ == "__main__":
    problems = list(follow(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()))
    sys.exit("\n".join(problems) or 0)
