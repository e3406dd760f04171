"""The page of a certificate for an ethics board: what was looked at, by what, with which result, in plain words."""

import html
from collections.abc import Iterator, Mapping
from typing import Any

from mids.report.html import END, begin

_MOST = 50
"""Findings and released images that the page lists; the JSON has all."""


def render(name: str, content: Mapping[str, Any]) -> str:
    """The page: a verdict, then one table for each part; the list of files is in the JSON only."""
    bad = content["Findings"] > 0
    verdict = (
        f"{content['Findings']} findings: read them below before this dataset is passed on."
        if bad else "Nothing was found by the searches that this page names."
    )  # fmt: skip
    parts = "".join(f"<h2>{title}</h2>{_table(rows)}" for title, rows in _parts(content))
    title = f"Certificate of {_text(name)}"
    badge = f'<span class="badge {"error" if bad else "good"}">{verdict}</span>'
    about = (
        "A second look at a finished dataset, independent of the run that made it. A search that found nothing proves "
        "nothing, and no search says that nobody can be recognised. <code>mids certify --check</code> compares the "
        "dataset with this page and names what has changed."
    )
    body = f'<h1>{title}</h1>\n<p class="verdict">{badge}</p>\n<p>{about}</p>\n{parts}\n'
    return "".join([*begin(title), body, END])


def _parts(content: Mapping[str, Any]) -> Iterator[tuple[str, list[tuple[str, Any]]]]:
    yield "What this is about", [
        ("Made", content["Made"]), ("By", content["Program"]), ("Standard", content["Standard"]),
        ("Other programs", ", ".join(content["Tools"])), ("Files", len(content["Files"])),
        ("Digest of this certificate (SHA-256)", content.get("Digest", "")),
    ]  # fmt: skip
    test, headers, texts, pixels = (content[part] for part in ("SelfTest", "Headers", "Texts", "Pixels"))
    drawn = test["Pixels"]
    yield "Self-test of this installation", [
        ("Invented words that were planted in a header", test["Planted"]),
        ("Words that came out", test["Leaked"] or "none"),
        ("Invented names that were drawn into images", f"{drawn['Drawn']}, searched by {drawn['By']}"),
        ("Names that stayed in part", drawn["Missed"] or "none"),
        ("Image without text", "something was redacted" if drawn["CleanTouched"] else "left alone"),
    ]  # fmt: skip
    yield "Headers of DICOM files", [("Files read", headers["Checked"]), *_findings(headers)]
    yield "Sidecars, tables, names of files", [("Rules", texts["Rules"]), *_findings(texts)]
    searched = [(kind, f"{each['Searched']} of {each['Files']} files") for kind, each in pixels["Kinds"].items()]
    yield "Text in pixels", [("Searched by", pixels["By"]), *searched, *_findings(pixels)]
    yield "What sidecars and headers say", [*content["Certified"].items()] or [("Images", "none")]
    yield "Withheld", [*content["Withheld"].items()] or [("Sources", "none known")]
    released = content["Released"]
    yield "Released by a person", [(f"{len(released)} images", released[:_MOST] or "none")]
    risk = content["Risk"]
    yield (
        "How easily people can be singled out",
        [*risk.items()] or [("Risk", "not measured: no table of participants")],
    )


def _findings(part: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    found = part["Findings"]
    yield "Findings", found[:_MOST] or "none"
    if len(found) > _MOST:
        yield "More findings", len(found) - _MOST


def _table(rows: list[tuple[str, Any]]) -> str:
    return (
        '<table class="pairs">'
        + "".join(f'<tr><th scope="row">{_text(key)}</th><td>{_cell(value)}</td></tr>' for key, value in rows)
        + "</table>"
    )


def _cell(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "<br>".join(_cell(item) for item in value)
    if isinstance(value, Mapping):
        return "; ".join(f"{_text(key)}: {_text(item)}" for key, item in value.items() if item)
    return _text(value)


def _text(value: object) -> str:
    return html.escape(str(value))
