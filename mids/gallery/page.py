"""The HTML page: one file with all that it shows, which loads nothing from anywhere."""

import hashlib
import json
import os
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from mids._version import __version__
from mids.analysis import comparison
from mids.dataset import Dataset
from mids.errors import DataError, MidsError
from mids.gallery import facts, maps, viewer
from mids.gallery.contents import Contents, contents
from mids.gallery.facets import LETTERS, pack
from mids.issues import escape_controls
from mids.plan.curation import FIELDS
from mids.readers.given.curation import COLUMNS
from mids.records import Map
from mids.report.html import CSS, worst
from mids.report.issue import build_docs_url, find_definition, format_place, groups, sentence, verdict
from mids.run.pool import executor, mapping
from mids.vocabulary.schema import load

HERE = Path(__file__).parent

SCRIPTS = (
    "data.js", "plots.js", "wall.js", "facets.js", "images.js", "people.js", "marks.js", "stage.js", "original.js",
    "lightbox.js", "left.js", "start.js",
)  # fmt: skip
"""The scripts of the page, in this order one program."""

KEYS = ("filename", "participant_id")
"""Columns of images that the page has even for a dataset without any."""

ISSUES = 20
"""Issues that are listed of each code."""

REASONS = 50
"""Reasons that are listed of what was left out."""

MARK = '<meta name="generator" content="mids report">'
"""The mark of our own pages, which may be overwritten."""

Viewer = Literal["none", "link", "embed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a page is to hold: its `title` (the datasets' names), thumbnails of so many images of each dataset,
    of `large` of them a large image too, a map of the user's, and a viewer of originals that are linked, or embedded.

    `unlikely_first`: a column says how unlikely radiographs of the chest look, and the first thumbnails are theirs.
    `private`: the page has images of sources that were left out, or before redaction, and their paths; its owner alone
    can read its file.
    """

    title: str = ""
    thumbnails: int = 300
    large: int = 24
    geojson: Path | None = None
    viewer: Viewer = "none"
    unlikely_first: bool = False
    private: bool = False


def write_page(
    datasets: Sequence[Path | str], output: Path | str, wanted: Wanted | None = None, *, jobs: int = 1,
    told: Callable[[str], None] = lambda name: None,
) -> tuple[Contents, ...]:  # fmt: skip
    """Writes the page of one or more datasets to `output`, and returns what it shows of each.

    `jobs` processes read images; `told` hears the name of each dataset before it is read. A page of an earlier call is
    written over, nothing else is. Raises `MidsError` where use or environment is wrong, or a dataset can't be read.
    """
    chosen = wanted or Wanted()
    target = Path(output)
    _check(chosen, jobs)
    check_target(target, datasets)
    features = maps.read(chosen.geojson) if chosen.geojson else ()
    opened = [Dataset(path, fields=facts.FIELDS, text=True) for path in datasets]
    links = [viewer.link(target, dataset.path) if chosen.viewer == "link" else "" for dataset in opened]
    found = []
    with workers(jobs) as mapped:
        for dataset in opened:
            told(dataset.path.name)
            try:
                found.append(contents(
                    dataset, mapped, thumbnails=chosen.thumbnails, large=chosen.large, features=features,
                    jobs=jobs, unlikely_first=chosen.unlikely_first, private=chosen.private,
                ))  # fmt: skip
            except DataError as error:
                raise MidsError(f"{dataset.path}: {error.message}") from error
    originals = [
        viewer.embed_originals(dataset.path, each.images) if chosen.viewer == "embed" else {}
        for dataset, each in zip(opened, found, strict=True)
    ]
    save(target, _render_page(found, chosen, links, originals), mode=0o600 if chosen.private else 0o666)
    return tuple(found)


def _check(wanted: Wanted, jobs: int) -> None:
    if jobs < 1 or min(wanted.thumbnails, wanted.large) < 0:
        raise MidsError("--jobs must be 1 or more, and --thumbnails and --large 0 or more")


def check_target(target: Path, datasets: Iterable[str | Path]) -> None:
    """Raises `MidsError` for a file that is there and no page of ours, can't be one, or lies in one of the datasets."""
    if any(target.resolve().is_relative_to(Path(path).resolve()) for path in datasets):
        raise MidsError(f"{target} lies in the dataset, which holds no pages: give another file for --output")
    if target.is_dir():
        raise MidsError(f"{target} is a folder: give a file for --output")
    try:
        with target.open(encoding="utf-8", errors="replace") as stream:
            is_ours = MARK in stream.read(2000)
    except FileNotFoundError:
        return
    except OSError as error:
        raise MidsError(f"can't read {target} ({error.strerror}): give another file for --output") from error
    if not is_ours:
        raise MidsError(f"{target} exists and is not a page of mids report: give another file for --output")


@contextmanager
def workers(jobs: int) -> Iterator[Map]:
    """A way to do something with many things, in so many processes."""
    if jobs == 1:
        yield map
        return
    with executor(jobs) as pool:
        yield mapping(pool, jobs)


def save(target: Path, page: str, *, mode: int) -> None:
    """Writes a page whole or not at all; raises `MidsError` where it can't be written."""
    half = target.with_name(target.name + ".half-written")
    try:
        half.unlink(missing_ok=True)
        opener = partial(os.open, mode=mode)
        with open(half, "w", encoding="utf-8", errors="replace", newline="\n", opener=opener) as stream:
            stream.write(page)
        half.replace(target)
    except OSError as error:
        half.unlink(missing_ok=True)
        raise MidsError(f"can't write {target} ({error.strerror}): give another file for --output") from error


# --- HTML ------------------------------------------------------------------------------------------------


def _render_page(
    found: Sequence[Contents], wanted: Wanted, links: Sequence[str], originals: Sequence[Mapping[str, str]]
) -> str:
    program = _program()
    scripts = [(HERE / "vendor" / "plot.min.js").read_text(encoding="utf-8"), program]
    if wanted.viewer != "none":
        scripts.insert(1, viewer.program())
    data = [
        {**_data(each), "folder": link, "viewer": wanted.viewer, "originals": embedded}
        for each, link, embedded in zip(found, links, originals, strict=True)
    ]
    return environment().get_template("page.html.j2").render(
        is_private=wanted.private,
        shown_reasons=REASONS,
        title=wanted.title or ", ".join(each.name for each in found),
        mark=MARK,
        policy=build_policy(scripts, is_linked=wanted.viewer == "link", has_viewer=wanted.viewer != "none"),
        css=CSS + (HERE / "page" / "page.css").read_text(encoding="utf-8"),
        scripts=scripts,
        datasets=found,
        headers=[_header(each) for each in found],
        heroes=[_hero(each) for each in found],
        lines=comparison.names([each.lines for each in found]),
        groups=[list(groups(each.report, ISSUES)) for each in found],
        data={"datasets": data, "marks": _marks(), "letters": LETTERS},
        thumbnails=[_thumbnails(each) for each in found],
        large=[_large(each) for each in found],
        files=[frozenset(each.images["filename"]) for each in found],
        map_width=maps.WIDTH,
        version=__version__,
        licences=_licences(has_viewer=wanted.viewer != "none"),
    )  # fmt: skip


def _program() -> str:
    """The page's own scripts as one, in which nothing leaks to the page's other scripts."""
    parts = ((HERE / "page" / name).read_text(encoding="utf-8") for name in SCRIPTS)
    return '(() => {\n"use strict";\n' + "\n".join(parts) + "})();\n"


def _licences(*, has_viewer: bool) -> list[str]:
    """The licences of the programs of others in the page."""
    names = ("plot", "niivue") if has_viewer else ("plot",)
    return [(HERE / "vendor" / f"{name}.licence.txt").read_text(encoding="utf-8") for name in names]


def build_policy(scripts: Sequence[str], *, is_linked: bool, has_viewer: bool) -> str:
    """The Content Security Policy: these scripts alone run, and nothing is loaded from elsewhere."""
    hashes = (b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii") for script in scripts)
    allowed = " ".join(f"'sha256-{digest}'" for digest in hashes)
    loaded = ("'self' data: blob:" if is_linked else "data: blob:") if has_viewer else "'none'"
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:; "
        f"connect-src {loaded}; base-uri 'none'; form-action 'none'"
    ) + ("; worker-src blob:; font-src data:" if has_viewer else "")


@cache
def environment() -> Environment:
    """Every value that a template shows is escaped."""
    made = Environment(
        loader=PackageLoader("mids.gallery", "page"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    made.filters |= {
        "embedded": embedded, "plain": escape_controls, "sentence": sentence, "place": format_place,
        "definition": find_definition, "docs": build_docs_url,
        "plain_lines": lambda text: "\n".join(map(escape_controls, text.split("\n"))),
    }  # fmt: skip
    return made


def embedded(value: Any) -> Markup:
    """A value as JSON that is safe inside a script element: no `<` that could end it, no line separators."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


_LISTED = ("Authors", "Funding", "EthicsApprovals", "ReferencesAndLinks", "KnownLimitations")
_SAID = ("License", "HowToAcknowledge", "Acknowledgements", "DatasetDOI", "BIDSVersion", "MIDSVersion")


def _header(each: Contents) -> dict[str, list[str]]:
    """What dataset_description.json says, each key with its texts; DOIs as links."""
    found: dict[str, list[str]] = {}
    for key in (*_SAID, *_LISTED):
        value = each.description.get(key)
        texts = value if isinstance(value, list) else [value]
        found[key] = [str(text) for text in texts if isinstance(text, (str, int, float)) and str(text).strip()]
    doi = found["DatasetDOI"]
    found["DatasetDOI"] = [
        "https://doi.org/" + text.removeprefix("doi:") if text[:4] != "http" else text for text in doi
    ]
    terms = each.description.get("UsageTerms")
    found["UsageTerms"] = [f"{key}: {value}" for key, value in terms.items()] if isinstance(terms, dict) else []
    return found


_NUMBERS = {
    "patients": "patients", "studies": "studies", "images": "images", "slices": "slices", "different labels": "labels",
    "masks": "masks", "reports": "reports",
}  # fmt: skip
"""Lines of the table of counts that stand at the top of the page, and what they are called there."""

_USES = {"CommercialUse": "commercial use", "Redistribution": "redistribution"}
"""Terms of use that stand beside the licence."""


def _hero(each: Contents) -> dict[str, Any]:
    """What is told at a glance: numbers, the verdict of the validation, licence and terms of use."""
    terms = each.description.get("UsageTerms")
    said = terms if isinstance(terms, dict) else {}
    return {
        "numbers": [(words, each.lines[line]) for line, words in _NUMBERS.items() if line in each.lines],
        "level": worst(each.report),
        "verdict": verdict(each.report),
        "licence": (_header(each)["License"] or ["licence not stated"])[0],
        "terms": [
            f"{words} {said[key]}"
            for key, words in _USES.items()
            if isinstance(said.get(key), str) and said[key] != "unknown"
        ],
    }


# --- data ------------------------------------------------------------------------------------------------


def _data(each: Contents) -> dict[str, Any]:
    """What the scripts of the page show of a dataset."""
    return {
        "name": each.name,
        "folderName": each.folder,
        "key": hashlib.sha256("\n".join([each.name, each.folder]).encode("utf-8", "surrogatepass")).hexdigest()[:16],
        "before": dict(each.private.before or {}),
        "left": [[e.reference, e.source, e.fate, e.reason, *e.size, e.image] for e in each.private.left],
        "facets": [facet.plain() for facet in each.facets],
        "columns": [_column(column) for name, column in each.images.items() if name in KEYS or column.notna().any()],
        "plots": [
            {"key": p.key, "title": p.title, "category": p.category, "measure": p.measure, "series": p.series,
             "note": p.note, "lying": p.is_lying, "rows": p.rows}
            for p in each.plots
        ],
        "people": [
            [p.name, p.facts, p.zero, [[e.day, e.kind, e.text, e.images] for e in p.events]] for p in each.people
        ],
    }  # fmt: skip


def _column(column: "pd.Series[Any]") -> dict[str, Any]:
    """A column as its different values, and for each row the number of its value; -1 where it says nothing."""
    codes, values = pd.factorize(column)
    return {
        "name": str(column.name),
        "values": [str(value) for value in values],
        "codes": pack([int(code) for code in codes]),
    }


def _thumbnails(each: Contents) -> dict[str, Any]:
    return {
        str(row): {
            "panes": [[p.plane, p.place, p.letters, p.width, p.height, p.image, p.mask] for p in found.panes],
            "strip": [[p.place, p.width, p.height, p.image] for p in found.strip],
            "hounsfield": found.hounsfield,
            "legend": [[entry.label, entry.colour] for entry in found.legend],
            "problem": found.problem,
        }
        for row, found in each.thumbnails.items()
    }


def _large(each: Contents) -> dict[str, list[str]]:
    """The large images of panes, by the row of their image; apart, so that nobody reads them who opens none."""
    rows = ((str(row), [pane.large for pane in found.panes]) for row, found in each.thumbnails.items())
    return {row: panes for row, panes in rows if any(panes)}


def _marks() -> dict[str, Any]:
    """What can be marked: the fields of a curation table, and the codes of each."""
    lists = load().code_lists
    fields = {
        field: [[code.code, code.definition] for code in lists[name].codes.values()] for field, name in FIELDS.items()
    }
    columns = {"view": "vp", "body_part": "bp", "laterality": "lat"}
    return {"columns": COLUMNS, "fields": fields, "of": columns}
