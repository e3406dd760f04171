"""What several commands share: the flags of de-identification, messages, progress."""

import argparse
import logging
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mids.deid.policy import Policy
    from mids.issues import Issue

UNREAD = 20
"""Entries that could not be read of which a command tells one by one."""


def common_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags that say how much is told, and where to."""
    parser.add_argument("--log", type=Path, metavar="FILE", help="also write messages to this file")
    loud = parser.add_mutually_exclusive_group()
    loud.add_argument("-v", "--verbose", action="store_true", help="print infos and progress of each item too")
    loud.add_argument("-q", "--quiet", action="store_true", help="print errors only")


def policy_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags that choose de-identification, for every command that de-identifies."""
    add = parser.add_argument
    add("--policy", default="mids", metavar="NAME|FILE", help="basic, mids, bimcv, fidac-cnil, or a YAML file (mids)")
    add("--option", action="append", default=[], metavar="NAME", help="an option of PS3.15 E.3 more (repeatable)")
    add("--without", action="append", default=[], metavar="NAME", help="an option of the policy less (repeatable)")
    add("--ids", choices=["keyed", "random", "table", "keep"], help="what people are called (the policy's)")
    add("--id-table", type=Path, metavar="FILE", help="CSV id_old,id_new: the labels of --ids table")
    add(
        "--burned-in",
        choices=["hold", "blank", "report", "release"],
        help="pictures that may show a name: keep back, blacken, deliver and say so, deliver (the policy's)",
    )
    add(
        "--detect",
        choices=["none", "glyphs", "ocr"],
        help="look for text in pictures: by its look, or with Tesseract (the policy's)",
    )
    add(
        "--texts",
        choices=["tags", "surrogates", "remove", "keep"],
        help="names, places, numbers and dates in free text: tag them, replace them, drop the text, leave it",
    )
    add(
        "--reports",
        choices=["hold", "clean"],
        help="reports that nobody has de-identified yet: leave out, or clean as --texts says (the policy's)",
    )
    add("--lists", default="", metavar="FOLDER", help="lists of names and places to look for in texts")
    add("--model", default="", metavar="NAME", help="a model that looks at texts too, such as spacy:es_core_news_sm")
    add("--describe", action="store_true", help="say what the policy does, and stop")


def chosen_policy(arguments: argparse.Namespace) -> "Policy":
    """The policy that the flags of `policy_arguments` ask for; raises `MidsError`."""
    from mids.deid import policy

    a = arguments
    return policy.chosen(
        a.policy, a.option, without=a.without, ids=a.ids, burned_in=a.burned_in, detect=a.detect, texts=a.texts,
        reports=a.reports, lists=a.lists, model=a.model,
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


def say(text: str) -> None:
    """Prints a message on standard error, and into the log."""
    print(text, end="", file=sys.stderr)
    if text:
        logging.getLogger("mids").info(text.rstrip())


class Progress:
    """Progress on standard error: a bar on a terminal, a line now and then elsewhere."""

    def __init__(self, *, quiet: bool, verbose: bool) -> None:
        self._verbose, self._quiet, self._last = verbose, quiet, -1
        self._is_terminal = sys.stderr.isatty()

    def step(self, done: int, total: int, path: str) -> None:
        """One more item is done."""
        logging.getLogger("mids").info("%d/%d %s", done, total, path)
        tenth = 10 * done // total
        if self._quiet:
            return
        if self._is_terminal and not self._verbose:
            filled = 30 * done // total
            print(f"\r[{'#' * filled:<30}] {done}/{total}", end="", file=sys.stderr, flush=True)
        elif self._verbose or tenth != self._last:
            print(f"{done}/{total} {path}", file=sys.stderr)
        self._last = tenth

    def end(self) -> None:
        """Ends the bar's line."""
        if self._is_terminal and self._last >= 0 and not self._quiet and not self._verbose:
            print(file=sys.stderr)
