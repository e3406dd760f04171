"""Lists of labels inside the cells of BIMCV's tables, in the five ways in which they were published.

* Python's repr: ``['pneumonia', ' loc basal', '']``, lists in lists included;
* numpy's repr, which has no commas: ``['pneumonia' ' loc basal']``, ``[list(['pneumonia']) list(['normal'])]``;
* a bare list: ``[C0205307,C1282378]``, its brackets stripped or not;
* Python's repr without its outer brackets and quotes: ``pneumonia', ' loc basal``;
* joined by tabs or semicolons: ``pneumonia<TAB> loc basal``, ``pneumonia; loc basal``.

A missing value is ``nan`` or ``None``, as a cell or in a list without quotes: it is no label.

Some cells were cut in the middle of a text. Blanks in front of a label mean something, so `parse` keeps them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

Entry: TypeAlias = "str | tuple[str, ...]"

LOCALIZATION = "loc "
"""What stands in front of a localization in a cell, and not in the tree."""

_TOKEN = re.compile(r"""'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|([\[\]])|(['"])""", re.DOTALL)
_BETWEEN = re.compile(r"""['"]\]?(?:\s*,\s*|\s+)\[?['"]""")
"""What stands between two texts of a list."""

_MISSING = ("nan", "none")
_QUOTED = re.compile(r"""^[\s\[(]*(?:(?:nan|none)[\s,]+)*(?:(?:list|array)\([\s\[]*)?['"]""", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Cell:
    """What a cell holds: texts, and for a list of sentences a tuple of texts each; `truncated` if it breaks off."""

    entries: tuple[Entry, ...]
    truncated: bool = False

    @property
    def flat(self) -> tuple[str, ...]:
        """The texts without outer blanks, empty ones left out, each once, in order."""
        texts = (text.strip() for entry in self.entries for text in ((entry,) if isinstance(entry, str) else entry))
        return tuple(dict.fromkeys(text for text in texts if text))

    @property
    def sentences(self) -> tuple[tuple[str, ...], ...]:
        """The texts sentence by sentence, repetitions among them (published tables count these); empty ones left out.

        In a list without lists a text with a leading blank, and any localization, goes on with the sentence.
        """
        groups: list[list[str]] = []
        for entry in self.entries:
            if isinstance(entry, tuple):
                groups.append(list(entry))
            elif groups and (entry[:1].isspace() or not entry or is_localization(entry)):
                groups[-1].append(entry)
            else:
                groups.append([entry])
        stripped = (tuple(text.strip() for text in group if text.strip()) for group in groups)
        return tuple(group for group in stripped if group)


def is_localization(text: str) -> bool:
    """Whether a text is a localization, in whatever case it is written."""
    return text.lower().startswith(LOCALIZATION)


def parse(cell: str) -> Cell:
    """The list in a cell, in whichever way it was written; what is whole of one that breaks off.

    >>> parse("['a' ' loc b']").sentences
    (('a', 'loc b'),)
    """
    text = _restore_ends(cell.strip("\r\n"))
    if _QUOTED.match(text):
        return _quoted(text)
    is_open = text.strip().startswith("[") and not text.strip().endswith("]")
    bare = text.replace("[", "").replace("]", "")
    separator = next((one for one in "\t;" if one in bare), ",")  # no label of the tree has one of these
    items = bare.split(separator) if bare.strip() else []
    if is_open and items:
        items = items[:-1]
    return Cell(tuple(item for item in items if item.strip().lower() not in _MISSING), is_open)


def _restore_ends(text: str) -> str:
    """A cell with the outer brackets and quotes that were stripped from it, if they were."""
    if _QUOTED.match(text) or not _BETWEEN.search(text):
        return text
    quotes = re.findall("['\"]", text)
    depth = 2 if re.search(r"\]\s*,?\s*\[", text) else 1
    return f"{'[' * depth}{quotes[0]}{text}{quotes[-1]}{']' * depth}"


def _quoted(text: str) -> Cell:
    """A list of quoted texts: commas, and the words list and array, say nothing."""
    top: list[Entry] = []
    inner: list[str] | None = None
    depth = 0
    has_brackets = text.lstrip().startswith("[")
    for kind, value in _tokens(text):
        if kind == "broken":
            return Cell((*top, *([tuple(inner)] if inner else [])), truncated=True)
        if kind == "text":
            (top if inner is None else inner).append(value)
        elif value == "[":
            depth += 1
            inner = [] if depth == 2 else inner
        else:
            if depth == 2 and inner is not None:
                top.append(tuple(inner))
                inner = None
            depth -= 1
    if inner is not None:
        top.append(tuple(inner))
    return Cell(tuple(top), truncated=has_brackets and depth != 0)


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    """("text", …), ("bracket", …), and ("broken", "") for a quote that never ends."""
    for match in _TOKEN.finditer(text):
        single, double, bracket, lone = match.groups()
        if lone:
            yield "broken", ""
            return
        if bracket:
            yield "bracket", bracket
        else:
            yield "text", _unescaped(single if single is not None else double)


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda match: {"n": "\n", "t": "\t"}.get(match[1], match[1]), text)
