"""Answers of ``mids-convert`` to questions about itself: a collection, the tools it works with."""

import textwrap

from mids import collections
from mids.actions.tools import tools as found_tools

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
