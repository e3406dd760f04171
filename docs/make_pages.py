"""Fills the parts of the pages of `docs/` that say what the code and the vocabulary say.

Such a part stands between two comments, ``<!-- made by docs/make_pages.py: NAME [COLLECTION] -->`` and
``<!-- end -->``.
Run it after a change of a flag, a code or `schemas/`; a test fails while a page is stale.
"""

import argparse
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mids import cli, collections
from mids.checks import CHECKS
from mids.deid.describe import describe
from mids.deid.policy import preset
from mids.issues import catalogue
from mids.readers.dicom.grouping.classes import VOLUMES
from mids.resources import read_yaml, schemas
from mids.validation.runner import definitions
from mids.vocabulary import clinical
from mids.vocabulary.schema import Suffix, load

DOCS = Path(__file__).resolve().parent
PART = re.compile(r"(<!-- made by docs/make_pages\.py: (\w+)(?: ([\w-]+))? -->\n).*?(<!-- end -->)", re.DOTALL)


def main() -> None:
    """Writes every page that has such a part."""
    for path, text in generate_pages().items():
        path.write_text(text, encoding="utf-8")


def generate_pages() -> dict[Path, str]:
    """The pages that have such parts, with these as they should be."""
    pages = {path: path.read_text(encoding="utf-8") for path in sorted(DOCS.rglob("*.md"))}
    return {path: PART.sub(_fill_block, text) for path, text in pages.items() if PART.search(text)}


def _fill_block(match: re.Match[str]) -> str:
    made = PARTS[match[2]](match[3]) if match[3] else PARTS[match[2]]()
    return f"{match[1]}\n{made}\n\n{match[4]}"


# --- commands --------------------------------------------------------------------------------------------


def parsers() -> dict[str, argparse.ArgumentParser]:
    """The parser of every command, by its name without ``mids``: convert, validate, key."""
    commands = next(a for a in cli.parsers()["mids"]._actions if isinstance(a, argparse._SubParsersAction))
    return dict(commands.choices)


def commands() -> str:
    """What each command is for."""
    rows = ((f"`mids {name}`", parser.description or "") for name, parser in parsers().items())
    return table(("command", "what it does"), rows)


def flags() -> str:
    """One table of the arguments and flags of all commands."""
    rows: dict[tuple[str, str, str, str], list[str]] = {}
    for command, parser in parsers().items():
        for action in parser._actions:
            if not isinstance(action, argparse._HelpAction) and action.help != argparse.SUPPRESS:
                rows.setdefault(_describe_action(action), []).append(f"`{command}`")
    lines = [
        (names, ", ".join(commands), values, default, text) for (names, values, default, text), commands in rows.items()
    ]
    return table(("argument or flag", "commands", "values", "default", "meaning"), lines)


def _describe_action(action: argparse.Action) -> tuple[str, str, str, str]:
    """Names, values, default and meaning of one argument."""
    default = "" if action.default in (None, False, [], argparse.SUPPRESS) else f"`{action.default}`"
    values = ", ".join(f"`{choice}`" for choice in action.choices or ())
    placeholder = f" {action.metavar}" if action.metavar and action.option_strings else ""
    name = action.metavar or action.dest
    names = ", ".join(f"`{flag}{placeholder}`" for flag in action.option_strings) or f"`{name}`"
    text = action.help or ""
    return names, values, default, re.sub(r" \(default: [^():;]*\)$", "", text) if default else text


# --- codes -----------------------------------------------------------------------------------------------


def describe_converting() -> str:
    """The codes of reading, planning and running."""
    rows = ((f"`{d.code}`", str(d.level), d.what, d.why, d.fix) for d in catalogue().values())
    return add_anchors(table(("code", "level", "what", "why", "fix"), rows))


def describe_validating() -> str:
    """The codes of the validator, family by family."""
    found = definitions()
    parts: list[str] = []
    for family in dict.fromkeys(check.family for check in CHECKS.values()):
        parts.append(f"### {family.capitalize()}")
        rows = (
            (f"`{code}`", str(check.definition.level), "`--deep` only" if check.deep else "", *_texts(code))
            for code, check in CHECKS.items()
            if check.family == family
        )
        parts.append(table(("code", "level", "runs", "what", "why", "fix"), rows))
    rest = [code for code in found if code not in CHECKS]
    parts.append("### The validator itself")
    rows = ((f"`{code}`", str(found[code].level), *_texts(code)) for code in rest)
    parts.append(table(("code", "level", "what", "why", "fix"), rows))
    return add_anchors("\n\n".join(parts))


def add_anchors(text: str) -> str:
    """Tables of codes with a place in each row that reports link to."""
    row = re.compile(r"^\| `([A-Z0-9_]+)` \| ", re.MULTILINE)
    return row.sub(lambda match: f'{match[0]}<a id="{match[1].lower()}"></a>', text)


def _texts(code: str) -> tuple[str, str, str]:
    definition = definitions()[code]
    return definition.what, definition.why, definition.fix


# --- the collection dicom --------------------------------------------------------------------------------


def modalities() -> str:
    """Which DICOM Modality becomes which suffix, in which folder and format; MR has a table of its own."""
    rows = (
        (", ".join(suffix.modalities), f"`{suffix.suffix}`", f"`{load().groups[suffix.group].folder}`", _format(suffix))
        for suffix in load().suffixes.values()
        if suffix.modalities and suffix.suffix != "mr"
    )
    return table(("Modality", "suffix", "folder", "file"), rows)


def _format(suffix: Suffix) -> str:
    if VOLUMES & set(suffix.modalities):
        return "NIfTI"
    extensions = {".png": "PNG", ".nii.gz": "NIfTI of frames"}
    return " or ".join(name for extension, name in extensions.items() if extension in suffix.extensions)


def skips() -> str:
    """What is rightly left out, and how it is recognised."""
    rules: Sequence[Mapping[str, object]] = read_yaml(schemas() / "skips.yaml")
    rows = ((str(rule["reason"]), " and ".join(_conditions(rule["when"]))) for rule in rules)
    return table(("reason", "where (regular expressions)"), rows)


def _conditions(when: object) -> Iterator[str]:
    assert isinstance(when, dict)
    return (f"{keyword} `{pattern}`" for keyword, pattern in when.items())


# --- any collection --------------------------------------------------------------------------------------


def about(name: str) -> str:
    """What a collection is: its `ABOUT`, and the criteria and contradictions of its paper."""
    known = collections.find(name).ABOUT
    terms = f"commercial use {known.commercial_use}, redistribution {known.redistribution}, "
    terms += f"attribution {known.attribution}, agreement {known.agreement}".replace("_", " ")
    paper = _list_declared(name).get("paper", {})
    rows = (
        ("title", known.title), ("what it is", known.description), ("authors", "; ".join(known.authors)),
        ("how to cite", known.how_to_cite), ("licence", known.licence), ("usage terms", terms),
        ("funding", "; ".join(known.funding)), ("ethics", "; ".join(known.ethics)), ("DOI", known.doi),
        ("page", known.url), ("access", known.access), ("expected layout", known.expected),
        ("references", "; ".join(known.references)), ("ids of the source", known.ids),
        ("dates of the source", known.dates),
        *(("limitation", text) for text in known.limitations),
        *((_criterion(entry)) for entry in paper.get("criteria", ())),
        *(("note on the paper", text) for text in paper.get("errata", ())),
    )  # fmt: skip
    return table(("", ""), [row for row in rows if row[1]])


def _criterion(entry: object) -> tuple[str, str]:
    return (str(entry["kind"]), str(entry["text"])) if isinstance(entry, dict) else ("criterion", str(entry))


def columns(name: str) -> str:
    """The columns that a collection adds to the common tables, and those of its own tables."""
    schema = clinical.load(name).schema
    rows = (
        (f"`{schema.tables[found].file}`", f"`{key}`", str(column["description"]), str(column["source"]))
        for found, entry in _list_declared(name)["tables"].items()
        for key, column in entry["columns"].items()
    )
    return table(("table", "column", "meaning", "source"), rows)


def terms(name: str) -> str:
    """The labels of a collection's annotation schema, and where each of them goes."""
    rows = ((label, *_goes(entry), entry.get("cui", "")) for label, entry in _list_declared(name)["terms"].items())
    return table(("label", "kind", "where it goes", "CUI"), rows)


def _goes(entry: Mapping[str, Any]) -> tuple[str, str]:
    if "column" in entry:
        return entry["kind"], f"`{entry['column']}` is {entry['value']}"
    return entry["kind"], f"`labels`, value {entry['index']} of label maps" if "index" in entry else "`labels`"


def _list_declared(name: str) -> Mapping[str, Any]:
    path = schemas() / "collections" / f"{name}.yaml"
    content: Mapping[str, Any] = read_yaml(path) if path.is_file() else {}
    return content


# --- Markdown --------------------------------------------------------------------------------------------


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *([_cell(text) for text in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cell(text: str) -> str:
    """A text as a cell: no bars, and `<` only inside code, for elsewhere it begins HTML."""
    pieces = text.replace("|", "\\|").split("`")
    return "`".join(piece if number % 2 else piece.replace("<", "&lt;") for number, piece in enumerate(pieces))


def policy(name: str) -> str:
    """What a preset of de-identification does, as ``--describe`` says it."""
    return f"```text\n{describe(preset(name))}```"


PARTS: Mapping[str, Callable[..., str]] = {
    "about": about,
    "columns": columns,
    "commands": commands,
    "flags": flags,
    "converting": describe_converting,
    "validating": describe_validating,
    "modalities": modalities,
    "policy": policy,
    "skips": skips,
    "terms": terms,
}
"""What can stand between the comments."""


if __name__ == "__main__":
    main()
