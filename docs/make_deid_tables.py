"""Makes the tables of `schemas/deid/` from DICOM PS3.15 Annex E.

``python docs/make_deid_tables.py FOLDER``, where FOLDER holds the standard's tables as JSON:

* ``ps3.15-e1-1.json``: Table E.1-1, rows with name, tag, keyword, vr, vm, basic_profile and options;
* ``ps3.15-e3.10-1-safe-private.json``: Table E.3.10-1;
* ``ps3.15-e3.4-1-structured-content.json``: Table E.3.4-1;
* ``compound-code-iod-types.json``: the types of the attributes with compound codes, by IOD (PS3.3).

Run it for a new edition, after `mids.deid.headers.editions.differences` has told what would change.
"""

import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mids.deid.headers.editions import OPTION_COLUMNS, as_table, read

OUTPUT = Path(__file__).resolve().parents[1] / "schemas" / "deid"
NOTICE = (
    "An excerpt of the DICOM Standard, (c) NEMA; DICOM is the registered trademark of NEMA.",
    "These are facts from the Standard and not under the licence of this project; see NOTICE.md.",
)


def main(folder: Path) -> None:
    """Writes every table."""
    for name, text in generate_tables(folder).items():
        (OUTPUT / name).write_text(text, encoding="utf-8")


def generate_tables(folder: Path) -> dict[str, str]:
    """The content of every table, by the name of its file."""
    return {
        "table_e1_1.tsv": as_table(read(folder / "ps3.15-e1-1.json"), notice=("PS3.15 Table E.1-1", *NOTICE)),
        "safe_private.tsv": _safe_private(_json(folder / "ps3.15-e3.10-1-safe-private.json")),
        "structured_content.tsv": _concepts(_json(folder / "ps3.15-e3.4-1-structured-content.json")),
        "iod_types.tsv": _iods(_json(folder / "compound-code-iod-types.json")),
    }


def _json(path: Path) -> Mapping[str, Any]:
    content: Mapping[str, Any] = json.loads(path.read_bytes())
    return content


def _text(title: str, edition: str, heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    notes = (f"# edition: {edition}", *(f"# {line}" for line in (title, *NOTICE)))
    return "\n".join([*notes, "\t".join(heads), *("\t".join(row) for row in rows)]) + "\n"


def _safe_private(content: Mapping[str, Any]) -> str:
    rows = []
    for entry in content["rows"]:
        group, element = entry["tag"].strip("()").upper().replace("XX", "").split(",")
        rows.append((entry["private_creator"], group, element, entry["vr"].split("/")[0], entry["vm"]))
    heads = ("creator", "group", "element", "vr", "vm")
    return _text("PS3.15 Table E.3.10-1 Safe Private Attributes", "2026d", heads, sorted(set(rows)))


def _concepts(content: Mapping[str, Any]) -> str:
    def cells(entry: Mapping[str, str]) -> Iterator[str]:
        yield from (entry[key] for key in ("code_value", "coding_scheme", "value_type", "code_meaning"))
        yield entry["basic_profile"]
        short = {name.replace("longitudinal_", ""): code for name, code in entry.items()}
        yield from (short.get(option, "") for option in OPTION_COLUMNS)

    heads = ("code", "scheme", "value_type", "meaning", "basic", *OPTION_COLUMNS)
    rows = [tuple(cells(entry)) for entry in content["rows"]]
    return _text("PS3.15 Table E.3.4-1 concepts of structured content", content["edition"], heads, rows)


def _iods(content: Mapping[str, Any]) -> str:
    """One line for each IOD: the SOP classes that have it, and the types that are not 3."""
    classes = defaultdict(list)
    for uid, iod in content["sop_class_to_iod"].items():
        classes[iod].append(uid)
    rows = []
    for iod, types in content["iods"].items():
        strict = " ".join(f"{keyword}={entry['type']}" for keyword, entry in types.items() if entry["type"] != "3")
        rows.append((iod, " ".join(classes[iod]), strict))
    title = "Types of the attributes with compound codes that are not 3 at the top level of each IOD (PS3.3)"
    return _text(title, "2026c", ("iod", "sop_classes", "types"), sorted(rows))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
