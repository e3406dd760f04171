"""Lists of names and places that the user gives: one entry a line, or the first column of a table."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from mids.deid.text.spans import Kind, Span
from mids.deid.text.words import Word, ambiguous, blocked, compose_text, fold_text, ordinary, particles, words
from mids.errors import MidsError

FILES: tuple[tuple[str, Kind], ...] = (
    ("given", "NAME"), ("names", "NAME"), ("nombres", "NAME"), ("surnames", "NAME"), ("apellidos", "NAME"),
    ("prenoms", "NAME"), ("noms", "NAME"), ("places", "LOC"), ("municipios", "LOC"), ("communes", "LOC"),
    ("hospitals", "INST"), ("hospitales", "INST"), ("institutions", "INST"), ("centros", "INST"),
    ("streets", "DIR"), ("calles", "DIR"),
)  # fmt: skip
"""How the name of a file begins, and of which kind its entries are."""


@dataclass(frozen=True, slots=True)
class Lists:
    """Single names, and phrases by their first word with their kind; all folded."""

    names: frozenset[str]
    phrases: dict[str, tuple[tuple[tuple[str, ...], Kind], ...]]


@dataclass(frozen=True, slots=True)
class Gazetteers:
    """The recogniser of listed names and places; `folder` holds `.txt`, `.csv` or `.tsv` files (see `FILES`).

    Raises `MidsError` where the folder holds no such file or one can't be read.
    """

    folder: Path

    def find(self, text: str) -> Iterator[Span]:
        """Listed places and institutions, and listed names that are capitalised and no ordinary words."""
        lists = _load(self.folder)
        all_words = words(text)
        yield from _phrases(all_words, lists)
        yield from _names(all_words, lists, text)


@cache
def _load(folder: Path) -> Lists:
    names: set[str] = set()
    phrases: dict[str, list[tuple[tuple[str, ...], Kind]]] = {}
    files = sorted(path for path in folder.glob("*") if _kind(path) is not None)
    if not files:
        raise MidsError(f"{folder} holds no list of names or places: name files {', '.join(n for n, _ in FILES[:8])} …")
    for path in files:
        kind = _kind(path)
        for entry in _entries(path):
            parts = tuple(word.plain for word in words(entry))
            if kind == "NAME":
                names.update(part for part in parts if len(part) > 2 and part not in particles())
            elif kind is not None and parts and (len(parts) > 1 or len(parts[0]) > 3):
                phrases.setdefault(parts[0], []).append((parts, kind))
    return Lists(frozenset(names), {k: tuple(sorted(v, key=lambda p: -len(p[0]))) for k, v in phrases.items()})


def _kind(path: Path) -> Kind | None:
    stem = path.name.casefold()
    return next((kind for name, kind in FILES if stem.startswith(name)), None)


def _entries(path: Path) -> Iterator[str]:
    """The first cell of each line, without its head where the file is a table."""
    try:
        lines = compose_text(path.read_text(encoding="utf-8-sig")).splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise MidsError(f"can't read the list {path}: save it as text in UTF-8") from error
    table = path.suffix.casefold() in (".csv", ".tsv")
    delimiter = "\t" if path.suffix.casefold() == ".tsv" else ";" if lines and ";" in lines[0] else ","
    rows = csv.reader(lines[1:], delimiter=delimiter) if table else ([line] for line in lines)
    return (row[0].strip() for row in rows if row and row[0].strip() and not row[0].startswith("#"))


def _phrases(all_words: tuple[Word, ...], lists: Lists) -> Iterator[Span]:
    for at, word in enumerate(all_words):
        if not word.is_capitalised:
            continue
        for parts, kind in lists.phrases.get(word.plain, ()):
            run = all_words[at : at + len(parts)]
            alone = len(parts) == 1 and (word.plain in ordinary() or word.plain in blocked())
            if tuple(one.plain for one in run) == parts and not alone:
                yield Span(word.start, run[-1].end, kind, "list")
                break


def _names(all_words: tuple[Word, ...], lists: Lists, text: str) -> Iterator[Span]:
    """Runs of listed names; one alone counts where it is no ordinary word."""
    at = 0
    while at < len(all_words):
        run = _run(all_words, at, lists, text)
        strong = [word for word in run if not any(word.plain in no for no in (ambiguous(), blocked(), particles()))]
        if strong and (len(run) > 1 or len(strong[0].plain) > 3):
            yield Span(run[0].start, run[-1].end, "NAME", "list")
        at += max(len(run), 1)


def _run(all_words: tuple[Word, ...], at: int, lists: Lists, text: str) -> tuple[Word, ...]:
    end = at
    last = at
    while end < len(all_words) and end - at < 8:
        word = all_words[end]
        if end > at and not re.fullmatch(r",? {1,2}|-", text[all_words[end - 1].end : word.start]):
            break
        listed = any(part in lists.names for part in (word.plain, *fold_text(word.plain).split("-")))
        if end > at and word.plain in particles():
            end += 1
            continue
        if not (listed and word.is_capitalised) or word.plain in blocked():
            break
        end += 1
        last = end
    return all_words[at:last]
