"""What several commands share: flags, messages and progress."""

import argparse
import atexit
import logging
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from mids.dataset.disk.progress import is_watched
from mids.errors import MidsError, put

if TYPE_CHECKING:
    from mids.deid.policy import Policy
    from mids.issues import Issue
    from mids.run.done import Done

UNREAD = 20
"""Entries that could not be read of which a command tells one by one."""


def machine_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags that say how many processes work, and where."""
    add = jobs_argument(parser)
    add("--dask", default="", metavar="ADDRESS", help="work on the cluster of this Dask scheduler (docs/scaling.md)")


def jobs_argument(parser: argparse.ArgumentParser, *, default: int = 1) -> Callable[..., argparse.Action]:
    """The flag that says how many processes or threads work; gives `add_argument` of its group."""
    add = parser.add_argument_group("machine").add_argument
    add(
        "--jobs", type=parse_jobs, default=default, metavar="N",
        help=f"number of workers, or auto: as many as this machine has processors (default: {default})",
    )  # fmt: skip
    return add


def parse_jobs(text: str) -> int:
    """The number that --jobs asks for; raises `argparse.ArgumentTypeError`."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if text == "auto":
        return processors
    most = max(64, 4 * processors)
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= most):
        raise argparse.ArgumentTypeError(f"give a whole number from 1 to {most}, or auto")
    return int(text)


class _Former(argparse.Action):
    """A flag under its former name, which does what the new one does, and says so."""

    def __init__(self, *, new: str, **more: Any) -> None:
        super().__init__(help=argparse.SUPPRESS, default=argparse.SUPPRESS, **more)
        self.new = new

    def __call__(self, parser: Any, namespace: argparse.Namespace, values: Any, option_string: Any = None) -> None:
        warn_of_former(option_string, self.new)
        setattr(namespace, self.dest, self.const if self.nargs == 0 else values)


def former_flag(add: Callable[..., argparse.Action], old: str, new: str, *, dest: str, switch: bool = False) -> None:
    """Takes a flag under its former name too, without showing it."""
    add(old, action=_Former, new=new, dest=dest, **({"nargs": 0, "const": True} if switch else {}))


def plan_argument(add: Callable[..., argparse.Action]) -> None:
    """The flag that names the table of a plan."""
    add(
        "--plan", type=Path, metavar="FILE",
        help="table of the plan, a row for each image: written if the file does not exist, else followed (see "
        "docs/curation.md)",
    )  # fmt: skip


def given_file(text: str) -> Path:
    """A file that a person gives; raises `argparse.ArgumentTypeError` for a device, which may have no end."""
    path = Path(text)
    if path.is_char_device() or path.is_block_device():
        raise argparse.ArgumentTypeError("it is a device: give a file")
    return path


def issuer_argument(add: Callable[..., argparse.Action]) -> None:
    """The flag that tells two hospitals apart."""
    add(
        "--issuer", metavar="NAME",
        help="issuer of the PatientIDs whose headers name none: equal IDs of two issuers are two patients",
    )  # fmt: skip


def remove_argument(add: Callable[..., argparse.Action]) -> None:
    """The flag that lets images go of which the source has vanished."""
    add(
        "--remove", nargs="?", type=_parse_removable, const=None, default=0, metavar="N",
        help="remove images whose source files vanished, at most N of them: without it they are kept and listed",
    )  # fmt: skip


def _parse_removable(text: str) -> int:
    try:
        return parse_count(text)
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(f"{error}, or --remove alone for all") from None


def parse_count(text: str) -> int:
    """A number of things; raises `argparse.ArgumentTypeError`."""
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise argparse.ArgumentTypeError("give a whole number of 0 or more")
    return int(text)


def message_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags that say how much is printed, and where."""
    messages = parser.add_argument_group("messages")
    messages.add_argument("--log", type=Path, metavar="FILE", help="also write messages to this file")
    loud = messages.add_mutually_exclusive_group()
    loud.add_argument("-v", "--verbose", action="store_true", help="also print infos, and the progress of each item")
    loud.add_argument("-q", "--quiet", action="store_true", help="print errors only")


def policy_arguments(parser: argparse.ArgumentParser) -> "argparse._ArgumentGroup":
    """The group of flags that choose de-identification, for every command that de-identifies."""
    group = parser.add_argument_group("privacy")
    add = group.add_argument
    add(
        "--policy", metavar="NAME|FILE",
        help="basic, mids, bimcv, fidac-cnil, or a YAML file (default: mids)",
    )  # fmt: skip
    add("--option", action="append", default=[], metavar="NAME", help="add an option of PS3.15 E.3 (repeatable)")
    add("--without", action="append", default=[], metavar="NAME", help="drop an option of the policy (repeatable)")
    add(
        "--ids", choices=["keyed", "random", "table", "keep"],
        help="how subject IDs are assigned (default: set by the policy)",
    )  # fmt: skip
    add("--id-table", type=given_file, metavar="FILE", help="CSV id_old,id_new: the subject IDs of --ids table")
    add("--key", type=Path, metavar="FILE", help="key of the pseudonyms (default: your own key, made once)")
    add(
        "--burned-in",
        choices=["hold", "blank", "report", "release"],
        help="images that may show a name: withhold them, redact them, deliver them with a warning, deliver them "
        "(default: set by the policy)",
    )
    add(
        "--detect",
        choices=["none", "glyphs", "ocr", "learned"],
        help="how text in images is found: not at all, by its shapes, by Tesseract, or by a trained network "
        "(default: set by the policy)",
    )
    add(
        "--faces", choices=["keep", "warn", "withhold", "deface"],
        help="images that may show a face: deliver them, count them in a warning, withhold them, remove the face from "
        "CT and MR of the head and withhold the others (default: set by the policy)",
    )  # fmt: skip
    _text_arguments(add)
    add("--describe", action="store_true", help="describe what the policy does, and stop")
    return group


def _text_arguments(add: Callable[..., argparse.Action]) -> None:
    """The flags about names in free texts."""
    add(
        "--texts",
        choices=["tags", "surrogates", "remove", "keep"],
        help="names, places, numbers and dates in free text: tag them, replace them, remove the whole text, keep "
        "them (default: set by the policy)",
    )
    add(
        "--reports",
        choices=["hold", "clean"],
        help="reports that nobody has de-identified yet: withhold them, or clean them as --texts says "
        "(default: set by the policy)",
    )
    add("--lists", default="", metavar="FOLDER", help="folder of lists of names and places to find in texts")
    help_text = "model that also checks texts, such as spacy:es_core_news_sm"
    add("--text-model", dest="model", default="", metavar="NAME", help=help_text)
    former_flag(add, "--model", "--text-model", dest="model")


def chosen_policy(arguments: argparse.Namespace) -> "Policy | None":
    """The policy that the flags of `policy_arguments` ask for, None where there is none of them; raises `MidsError`.

    Flags without --policy change the policy that was recorded for the destination.
    """
    from mids.deid import policy
    from mids.run.decided.choices import load_choices, recorded_policy

    a = arguments
    own = (a.option, a.without, a.ids, a.burned_in, a.detect, a.faces, a.texts, a.reports, a.lists, a.model)
    if not any((a.policy, *own)):
        return None
    known = recorded_policy(load_choices(Path(a.dest).resolve())) if a.dest else None
    return policy.chosen(
        a.policy or "", a.option, without=a.without, ids=a.ids, burned_in=a.burned_in, detect=a.detect, faces=a.faces,
        texts=a.texts, reports=a.reports, lists=a.lists, model=a.model,
        base=None if "policy" in a.forget else known,
    )  # fmt: skip


def choice_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags that undo what was decided for a destination."""
    add = parser.add_argument_group("choices of earlier runs").add_argument
    add(
        "--change", action="append", default=[], metavar="NAME",
        help="use the new value of this choice, although DEST was made with another one (repeatable)",
    )  # fmt: skip
    add(
        "--forget", action="append", default=[], metavar="NAME",
        help="drop a decision, such as curation or policy (repeatable)",
    )  # fmt: skip


def say_unread(issues: Iterable["Issue"]) -> int:
    """Says what of a dataset could not be read, each once, and how much; the exit code that this asks for."""
    from mids.issues import Level

    found = list(dict.fromkeys(issues))
    shown = [f"{each.level} {each.code} {each.path}: {each.message}\n" for each in found[:UNREAD]]
    if len(found) > UNREAD:
        shown.append(f"… and {len(found) - UNREAD} more\n")
    if found:
        shown.append(f"{len(found)} entries of the dataset could not be read and are not counted: see mids validate\n")
    say("".join(shown))
    return int(any(each.level is Level.ERROR for each in found))


def say_done(
    arguments: argparse.Namespace, done: "Done", *, what: str = "images", holds: Sequence[str] = (),
    commands: Sequence[str] = (),
) -> None:  # fmt: skip
    """Prints what a run planned or did, and what is wrong.

    `what` is the word for its outputs, `holds` counts what is in the destination, `commands` go on from here.
    """
    from mids.issues import Level, escape_lines
    from mids.report import plan as report
    from mids.run.journal import state_folder

    a = arguments
    if done.key_made:
        say(f"made a pseudonym key: {done.key_made} (keep it: without it a later run assigns other IDs)\n")
    if done.outcome is None and a.dry_run:
        show(report.dry_run(done.plan, done.comparison, done.references, done.changes))
    say(report.issue_lines(done.issues, least=Level.ERROR if a.quiet else Level.INFO if a.verbose else Level.WARNING))
    for crash in done.outcome.crashes if done.outcome else ():
        say(crash + "\n")
    if not a.dry_run and not a.quiet:
        text = report.summary(
            done.plan, done.outcome, done.issues, str(state_folder(done.dataset)), what=what, linked=not done.is_sealed,
            acknowledged=done.acknowledged, holds=holds, commands=commands,
        )  # fmt: skip
        put(report.colour(escape_lines(text)) if wants_colour() else escape_lines(text))
        logging.getLogger("mids").info(text)


def wants_colour() -> bool:
    """Colour on a terminal, unless its user says no (https://no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def refuse_exchange(first: str, dataset: Path, command: str) -> None:
    """Raises `MidsError` where the folder of the dataset stands first, and something else in its place."""
    if Path(first).is_dir() and not dataset.exists():
        raise MidsError(f"the folder of the dataset comes last: type {command} {dataset} {first}")


def warn_of_former(former: str, now: str) -> None:
    """Warns that a flag was given by its former name, which still works."""
    say(f"warning: {former} is now called {now}: use {now}\n")


def show(text: str) -> None:
    """Prints an answer on standard output; names in it can't steer the terminal."""
    from mids.issues import escape_lines

    put(escape_lines(text))


def write_new(output: Path, text: str) -> None:
    """Writes an answer into a file that is not there yet; raises `MidsError`."""
    try:
        with output.open("x", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
    except FileExistsError as error:
        raise MidsError(f"{output} already exists: give another name, or remove it") from error
    except OSError as error:
        raise MidsError(f"can't write {output} ({error.strerror}): give another file to --output") from error


def say(text: str) -> None:
    """Prints a message on standard error, and into the log; names in it can't steer the terminal."""
    from mids.issues import escape_lines

    print(escape_lines(text), end="", file=sys.stderr)
    if text:
        logging.getLogger("mids").info(text.rstrip())


class Progress:
    """Progress on standard error where no live line tells it: a line now and then."""

    def __init__(self, *, quiet: bool, verbose: bool) -> None:
        self._verbose, self._quiet, self._last = verbose, quiet or is_watched(), -1

    def step(self, done: int, total: int, path: str) -> None:
        """One more item is done."""
        logging.getLogger("mids").info("%d/%d %s", done, total, path)
        tenth = 10 * done // total
        if not self._quiet and (self._verbose or tenth != self._last):
            print(f"{done}/{total} {path}", file=sys.stderr)
        self._last = tenth


class LiveLine:
    """One line on a terminal that says how far a phase is, how fast it goes and how long it will take."""

    _EVERY = 0.1
    """Seconds between two looks of the line."""

    def __init__(self) -> None:
        self._what, self._began, self._told, self._wide = "", 0.0, 0.0, 0

    def tell(self, done: int, total: int, what: str, problems: int = 0) -> None:
        """So many of so many (0: nobody knows) are done, and so many problems were found."""
        now = time.monotonic()
        if what != self._what or done == 1:
            self._what, self._began, self._told = what, now, 0.0
        if now - self._told < self._EVERY and done != total:
            return
        self._told = now
        rate = done / max(now - self._began, self._EVERY)
        columns = shutil.get_terminal_size().columns - 1
        wrong = f", {problems:,} problem{'s' if problems > 1 else ''}" if problems else ""
        line = f"{done:,} {what}, {rate:,.0f}/s{wrong}"
        if total >= done:
            left = timedelta(seconds=round((total - done) / rate))
            line = f"{done:,} of {total:,} {what}, {rate:,.1f}/s, {left} left{wrong}"
            if (width := min(30, columns - len(line) - 3)) > 5:
                line = f"[{'#' * (width * done // total):<{width}}] {line}"
        self._print(line[:columns])

    def clear(self) -> None:
        """Takes the line away: what comes next stands in its place."""
        if self._wide:
            self._print("")
            print(end="\r", file=sys.stderr, flush=True)

    def _print(self, line: str) -> None:
        print(f"\r{line:<{self._wide}}", end="", file=sys.stderr, flush=True)
        self._wide = len(line)


class Interrupts:
    """Has Ctrl-C stop a command with a `line`, and a second one end it at once, without what Python says of that.

    The first waits for the jobs under way. The second leaves what a kill leaves: the next run goes on from there.
    """

    def __init__(self, line: str) -> None:
        self._line, self._count, self._told = line, 0, False
        self._process = os.getpid()

    def __enter__(self) -> Self:
        is_main = threading.current_thread() is threading.main_thread()
        now = signal.getsignal(signal.SIGINT)
        self._is_ours = is_main and (now is signal.default_int_handler or getattr(now, "is_of_loading", False))
        if self._is_ours:
            signal.signal(signal.SIGINT, self._stop)
        return self

    def __exit__(self, *_: object) -> None:
        if self._is_ours and not self._count:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def tell(self) -> None:
        """Says the line, once."""
        if not self._told:
            self._told = True
            with suppress(OSError):
                os.write(2, self._line.encode())  # a signal may come while a print is under way

    def _stop(self, number: int, frame: object) -> None:
        if os.getpid() != self._process:
            return  # a worker that was forked just now: the coordinator ends it
        self._count += 1
        if self._count == 1:
            atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)  # Python's own end takes handlers away
            raise KeyboardInterrupt
        self.tell()
        os._exit(130)
