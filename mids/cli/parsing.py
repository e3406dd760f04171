"""How a command explains itself: examples first, then its flags in groups; no word is broken at any width."""

import argparse
import re
import shutil
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from mids.errors import advise, nearest
from mids.resources import waits_for_another

OTHER_WORDS: Mapping[str, str] = {
    "anonymise": "deidentify", "anonymize": "deidentify", "de-identify": "deidentify", "deid": "deidentify",
    "check": "validate", "lint": "validate", "import": "convert", "dcm2niix": "convert", "view": "report",
    "show": "report", "count": "stats", "compare": "diff", "split": "splits", "dedup": "duplicates",
    "delete": "withdraw", "remove": "withdraw", "summary": "info", "status": "info", "find": "where",
    "--out": "--output", "--outdir": "--output", "--threads": "--jobs", "--workers": "--jobs", "--n-jobs": "--jobs",
    "--nproc": "--jobs", "-n": "--dry-run", "-j": "--jobs", "--anonymize": "--policy",
    "--simulate": "--dry-run", "--silent": "--quiet", "--subject": "--include", "--deface": "--faces",
}  # fmt: skip
"""What other programs call a command or flag, and what it is called here."""
WIDEST = 100
"""Columns; longer lines are hard to read on wide terminals."""
EXIT_CODES: Mapping[int, str] = {
    0: "done", 1: "something is wrong with the data", 2: "wrong usage or environment", 3: "a fault of this program",
    130: "stopped by Ctrl-C",
}  # fmt: skip


PLACES = frozenset({"-i", "-o", "-d", "-s", "--in", "--input", "--source", "--dest", "--out", "--output", "--outdir"})
"""Flags by which other programs take what stands in its place here, where the command has no such flag."""
_NUMBER = re.compile(r"(argument \S+): invalid int value: ('.*')")


def _command_for(word: str, commands: Sequence[str]) -> str:
    """What to type where a path or a collection stands in the place of a command."""
    if Path(word).exists():
        return (
            f"{word} is not a command: type mids info {word}, or mids convert auto {word} DEST (commands: mids --help)"
        )
    from mids import collections

    return f"{word} is a collection: type mids convert {word} SOURCE DEST" if word in collections.names() else ""


class Parser(argparse.ArgumentParser):
    """A parser whose help begins with `examples`: pairs of a command line and what it does.

    `notes` are paragraphs that follow the flags. Wrong use is one line and exit code 2, as every `MidsError`.
    """

    def __init__(
        self,
        prog: str | None = None,
        *,
        examples: Sequence[tuple[str, str]] = (),
        notes: str = "",
        exit_codes: Mapping[int, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(prog, formatter_class=_Formatter, **more)
        self.examples, self.notes, self.exit_codes = examples, notes, exit_codes or {}
        self._positionals.title, self._optionals.title = "arguments", "print and stop"

    def error(self, message: str) -> NoReturn:
        """Ends the program; argparse would print its usage first."""
        from mids.issues import escape_lines  # its schemas are loaded with it, and --help needs none

        if lacking := message.partition("following arguments are required: ")[2]:
            message = (
                f"{lacking.replace('-o/', '')} is missing: type {' '.join(self._usage()).replace(' [options]', '')}"
            )
        message = _NUMBER.sub(r"\1: give a whole number, not \2", message)
        line = f"{self.prog}: {message}{'' if message.endswith('?') else ':'} see {self.prog} --help\n"
        self.exit(2, escape_lines(line))

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """What was typed; a flag that the command does not have is refused with the nearest that it has."""
        first = next(iter(sys.argv[1:] if args is None else args), "")
        if first.startswith("-") and self._subparsers is not None and first not in self._option_string_actions:
            self._refuse([first])
        known, rest = self.parse_known_args(args, namespace)
        if rest:
            _chosen(self, known)._refuse(rest)
        for value in vars(known).values():
            for path in value if isinstance(value, list) else [value]:
                if isinstance(path, Path):
                    self._check_path(path, known)
        return known

    def _check_path(self, path: Path, known: Any) -> None:
        try:
            is_pipe = waits_for_another(path)
        except OSError as error:  # a name that is too long, or a folder that may not be looked into
            _chosen(self, known).error(f"can't look at {path} ({error.strerror}): check the path")
        if is_pipe:
            _chosen(self, known).error(f"{path} is a named pipe: give a file")

    def _refuse(self, rest: Sequence[str]) -> NoReturn:
        flags = [word.partition("=")[0] for word in rest if word.startswith("-")]
        if not flags:
            self.error(f"unexpected argument {rest[0]!r}: quote a path that holds spaces")
        hint = did_you_mean(flags[0], list(self._option_string_actions))
        if flags[0] in PLACES and not any(action.required for action in self._actions if action.option_strings):
            hint = f"type {' '.join(self._usage()).replace(' [options]', '')}, without a flag before a path"
        self.error(f"unknown flag {flags[0]}" + (f": {hint}" if hint else ""))

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is None or value in action.choices:
            return
        choices = [str(choice) for choice in action.choices]
        hint = did_you_mean(str(value), choices) or advise(str(value), choices)
        if isinstance(action, argparse._SubParsersAction):
            self.error(_command_for(str(value), choices) or f"unknown command {value!r}: {hint}")
        raise argparse.ArgumentError(action, f"unknown value {value!r}: {hint}")

    def format_help(self) -> str:
        """The help text; flags that nobody put into a group come last."""
        parts = [
            f"usage: {' '.join(self._usage())}\n",
            _fill(self.description or ""),
            *self._examples(),
            self._flags(),
            _fill(self.notes),
            *self._exit_codes(),
        ]
        return "\n".join(part for part in parts if part)

    def _usage(self) -> Iterator[str]:
        yield from (self.prog, "[options]")
        for action in self._actions:
            name = action.metavar if isinstance(action.metavar, str) else f"{{{','.join(action.choices or ())}}}"
            if action.option_strings and action.required:
                yield f"{action.option_strings[-1]} {name}"
            elif not action.option_strings:
                yield name + {"+": f" [{name} ...]", argparse.PARSER: " ..."}.get(str(action.nargs), "")

    def _examples(self) -> Iterator[str]:
        """Each command with its meaning beside it, or below it where the line is too short for both."""
        if not self.examples:
            return
        edge = max(len(command) for command, _ in self.examples) + 4
        fits = all(edge + len(meaning) <= _width() for _, meaning in self.examples)
        lines = (
            f"  {command:<{edge - 2}}{meaning}" if fits else f"  {command}\n{textwrap.indent(_fill(meaning), ' ' * 6)}"
            for command, meaning in self.examples
        )
        yield "examples:\n" + "\n".join(line.rstrip() for line in lines) + "\n"

    def _flags(self) -> str:
        formatter = self._get_formatter()
        groups = [group for group in self._action_groups if group is not self._optionals]
        for group in (*groups, self._optionals):
            formatter.start_section(group.title)
            formatter.add_arguments(group._group_actions)
            formatter.end_section()
        return formatter.format_help()

    def _exit_codes(self) -> Iterator[str]:
        if self.exit_codes:
            yield "exit codes:\n" + "".join(f"  {code}  {meaning}\n" for code, meaning in self.exit_codes.items())


def did_you_mean(word: str, choices: Sequence[str]) -> str:
    """A question that names the choices nearest to a word, by its letters or as other programs call them."""
    other = OTHER_WORDS.get(word.casefold(), "")
    return f"did you mean {other}?" if other in choices and other else nearest(word, choices)


def _chosen(parser: Parser, namespace: argparse.Namespace) -> Parser:
    """The parser of the command that was typed, the innermost."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            inner = action.choices.get(str(getattr(namespace, action.dest, "")))
            return _chosen(inner, namespace) if isinstance(inner, Parser) else parser
    return parser


class _Formatter(argparse.HelpFormatter):
    """Lines of help that break between words only, not at hyphens either: flags and commands hold some."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=26, width=_width())

    def _format_action(self, action: argparse.Action) -> str:
        if isinstance(action, argparse._SubParsersAction):
            return "".join(super(_Formatter, self)._format_action(command) for command in action._get_subactions())
        return super()._format_action(action)

    def _split_lines(self, text: str, width: int) -> list[str]:
        return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)


def _width() -> int:
    return min(shutil.get_terminal_size().columns, WIDEST) - 2


def _fill(text: str) -> str:
    """Paragraphs, which blank lines part, in lines of the terminal's width."""
    paragraphs = (
        textwrap.fill(" ".join(paragraph.split()), _width(), break_long_words=False, break_on_hyphens=False)
        for paragraph in text.split("\n\n")
    )
    return "\n\n".join(paragraphs) + "\n" if text else ""
