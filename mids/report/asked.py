"""Answers to questions: what a collection is, what tools there are, what a dataset is."""

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

from mids import collections
from mids.actions.tools import tools as found_tools
from mids.issues import count
from mids.report.plan import LOOKS
from mids.run.decided.choices import load_choices
from mids.run.done import read_issues
from mids.run.sources import count_sources

if TYPE_CHECKING:
    from mids.dataset import Dataset
    from mids.records import Json

_WIDTH = 100


def about(name: str) -> str:
    """Access, terms and expected layout of a collection; raises `MidsError` where there is none of that name."""
    known = collections.find(name).ABOUT
    terms = (
        ("commercial use", known.commercial_use), ("redistribution", known.redistribution),
        ("attribution", known.attribution), ("agreement", known.agreement),
    )  # fmt: skip
    parts = (
        ("what it is", known.description),
        ("access", known.access),
        ("page", known.url),
        ("licence", known.licence),
        ("terms", ", ".join(f"{what} {value}".replace("_", " ") for what, value in terms)),
        ("how to cite", known.how_to_cite),
        ("layout", known.expected),
        ("ids", _IDS[known.ids]),
        ("dates", _DATES[known.dates]),
        *(("limitation", text) for text in known.limitations),
        ("command", f"mids-convert {known.name} SOURCE DEST"),
    )
    lines = [f"{known.name}: {known.title}", ""]
    for what, text in parts:
        if text and text != "n/a":
            lines += textwrap.wrap(
                text, _WIDTH, initial_indent=f"{what:<16}", subsequent_indent=" " * 16,
                break_long_words=False, break_on_hyphens=False,
            )  # fmt: skip
    return "\n".join(lines) + "\n"


_IDS = {
    "real": "of real patients; they become keyed pseudonyms",
    "pseudonymous": "pseudonyms of the publisher; they are kept",
    "public": "public; they are kept",
}
_DATES = {
    "real": "of real days; they are shifted",
    "pseudonymous": "shifted by the publisher; they are kept",
    "public": "public; they are kept",
}


def tools() -> str:
    """What conversions work with: name, version or how to get it, and what for, separated by tabs."""
    rows = (
        (tool.name, tool.version or "missing", tool.purpose if tool.version else f"{tool.purpose}: {tool.missing}")
        for tool in found_tools()
    )
    return "".join("\t".join(row) + "\n" for row in rows)


def info(dataset: "Dataset", counts: str) -> str:
    """What a dataset says of itself, its `counts`, what the last run left for a person, and commands that go on."""
    rows = [(name, _plain(dataset.description.get(key))) for name, key in _SHOWN.items()]
    lines = [f"{dataset.path}", *(f"{name:<10}{text}" for name, text in rows if text)]
    lines += ["", counts.rstrip("\n"), ""]
    return "\n".join([*lines, *_left(dataset), *_next(dataset)]) + "\n"


_SHOWN = {
    "title": "Name", "licence": "License", "version": "DatasetVersion", "DOI": "DatasetDOI", "authors": "Authors",
    "made by": "GeneratedBy",
}  # fmt: skip
"""Keys of dataset_description.json, and what they are called in an answer."""


def _plain(value: "Json") -> str:
    """A value of the description in one line."""
    if isinstance(value, list):
        return ", ".join(filter(None, map(_plain, value)))
    if isinstance(value, dict):
        return " ".join(_plain(value[key]) for key in ("Name", "Version") if value.get(key))
    return "" if value is None else str(value)


def _left(dataset: "Dataset") -> Iterator[str]:
    """What the last run says of its source, if it was made here."""
    if found := count_sources(dataset.path):
        yield "source files: " + ", ".join(f"{number} {status}" for status, number in sorted(found.items()))
        for status, advice in _WANTS.items():
            if found.get(status):
                yield f"{count(found[status], 'file')} {status}: {advice} (mids review {dataset.path})"
        unseen = [each for each in read_issues(dataset.path) if each.code in LOOKS]
        yield from (f"{each.message}: run again with {LOOKS[each.code]}" for each in unseen)
        yield ""


_WANTS = {
    "withheld": "look at them, and release those that name nobody",
    "lost": "get them again, or acknowledge the known ones",
}
"""What needs a decision, by the status of source files."""


def _next(dataset: "Dataset") -> Iterator[str]:
    yield "next:"
    yield f"  mids-validate {dataset.path}"
    yield f"  mids report {dataset.path}"
    if load_choices(dataset.path.resolve()).collection:
        yield f"  mids-convert --again {dataset.path}"
