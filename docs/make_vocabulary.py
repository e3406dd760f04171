"""Makes `schemas/sidecars/*.json` and `docs/vocabulary.md` from the vocabulary.

Run it after a change of `schemas/`; a test fails while a generated file is stale.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from mids.vocabulary.mr_rules import Rule
from mids.vocabulary.schema import CodeList, Entity, Field, Group, Schema, Suffix, Table, load
from mids.vocabulary.sidecars import sidecar_schema

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Writes every generated file."""
    for path, text in generate_page().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def generate_page() -> dict[Path, str]:
    """The content of every generated file, by path."""
    schema = load()
    sidecars = {
        ROOT / "schemas" / "sidecars" / f"{group}.json": json.dumps(sidecar_schema(group, schema), indent=1) + "\n"
        for group in ("common", *schema.groups)
    }
    return {**sidecars, ROOT / "docs" / "vocabulary.md": page(schema)}


# --- the page --------------------------------------------------------------------------------------------


def page(schema: Schema) -> str:
    """The whole vocabulary as one Markdown page."""
    parts = [
        "# Vocabulary",
        "Everything that names, folders, tables and sidecars may hold. This page is made of `schemas/` by "
        "`docs/make_vocabulary.py`; a new word is one entry there.",
        *_entities(schema.entities.values()),
        *_groups(schema.groups.values()),
        *_suffixes(schema.suffixes.values()),
        *_tables(schema.tables.values()),
        *_sidecars(schema.fields.values()),
        *_rules(schema.mr_rules),
        *_code_lists(schema.code_lists.values()),
    ]
    return "\n\n".join(parts) + "\n"


_PLACES = {"any": "everywhere", "mids": "in `mim-*`"}


def _entities(entities: Iterable[Entity]) -> Iterator[str]:
    yield "## Entities"
    yield (
        "In the order of file names. A label has `[0-9a-zA-Z]` only, an index digits only; a code is a "
        "value of a list below."
    )
    yield table(
        ("key", "name", "value", "must be", "meaning", "source"),
        (
            (
                f"`{e.key}`",
                e.name,
                _list_link(e.code_list) or e.kind,
                ", ".join(_PLACES.get(place, f"`{place}`") for place in e.required),
                e.description,
                e.source,
            )
            for e in entities
        ),
    )


def _groups(groups: Iterable[Group]) -> Iterator[str]:
    yield "## Groups"
    yield table(
        ("folder", "read also", "holds"),
        ((f"`{g.folder}`", _code_words(g.aliases), g.description) for g in groups),
    )


def _suffixes(suffixes: Iterable[Suffix]) -> Iterator[str]:
    yield "## Suffixes"
    yield (
        "Where a BIDS folder is given and the required keys are known, a file with the header's body part "
        "head lies there; otherwise it lies in the folder of its group."
    )
    yield table(
        ("suffix", "group", "BIDS folder", "files", "DICOM Modality", "keys BIDS requires", "meaning", "source"),
        (
            (
                _code_words((s.suffix, *s.aliases)),
                {"": "table", "*": "any"}.get(s.group, f"`mim-{s.group}`"),
                _code_words((s.datatype, *s.other_datatypes)) if s.bids else "",
                _code_words(s.extensions),
                ", ".join(s.modalities),
                ", ".join(s.required),
                s.description,
                s.source,
            )
            for s in suffixes
        ),
    )


def _tables(tables: Iterable[Table]) -> Iterator[str]:
    yield "## Tables"
    for t in tables:
        yield f"### {t.name}"
        more = "may be added" if t.additional_columns == "allow" else "need a description in the JSON file beside it"
        yield f"`{t.file}`: {t.description} Key: {_code_words(t.key)}. Other columns {more}."
        yield table(
            ("column", "type", "unit", "required", "range", "meaning", "source"),
            (
                (
                    f"`{c.name}`",
                    c.type if not c.code_list else f"{c.type} {_list_link(c.code_list)}",
                    c.unit,
                    "yes" if c.required else "",
                    _range(c.minimum, c.maximum),
                    c.description,
                    c.source,
                )
                for c in t.columns.values()
            ),
        )


def _sidecars(fields: Iterable[Field]) -> Iterator[str]:
    yield "## Sidecar keys"
    yield (
        "An allow-list: what is not here never leaves a header. Values are in DICOM's unit, but times are in "
        "seconds, as in BIDS, unless the keyword names its unit. A key marked per slice is an array where it "
        "varies from slice to slice."
    )
    yield table(
        ("key", "DICOM keyword", "type", "unit", "range or values", "groups", "meaning", "source"),
        (
            (
                f"`{f.key}`",
                f"{f.dicom} × {f.scale:g}" if f.scale != 1 else f.dicom,
                f.type + (", per slice" if f.per_slice else "") + (f", {f.length} values" if f.length else ""),
                f.unit,
                _range(f.minimum, f.maximum) or _code_words(f.enum),
                ", ".join(f.groups) or "all",
                f.description,
                f.source,
            )
            for f in fields
        ),
    )


def _rules(rules: Iterable[Rule]) -> Iterator[str]:
    yield "## MR: from header to suffix"
    yield "The first rule that holds decides. Numbers are in DICOM's units (milliseconds)."
    yield table(
        ("suffix", "where", "meaning"),
        (
            (
                f"`{r.suffix}`",
                " and ".join(f"{c.keyword.replace('|', ' or ')} {c.test} `{c.operand}`" for c in r.when),
                r.description,
            )
            for r in rules
        ),
    )


def _code_lists(lists: Iterable[CodeList]) -> Iterator[str]:
    yield "## Code lists"
    yield "Spellings are compared without accents, case, blanks and punctuation."
    for words in lists:
        yield f"### List {words.name}"
        yield f"{words.description} Source: {words.source}."
        yield table(
            ("code", "meaning", "other spellings", "source"),
            ((f"`{c.code}`", c.definition, ", ".join(c.synonyms), c.source) for c in words.codes.values()),
        )


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _code_words(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words if word)


def _list_link(name: str) -> str:
    return f"[{name}](#list-{name})" if name else ""


def _range(minimum: float | None, maximum: float | None) -> str:
    if minimum is None and maximum is None:
        return ""
    low = "" if minimum is None else f"≥ {minimum:g}"
    high = "" if maximum is None else f"≤ {maximum:g}"
    return ", ".join(filter(None, (low, high)))


if __name__ == "__main__":
    main()
