"""Safe repairs of a dataset: they delete nothing, and change no pixel, no value and no name of a file.

`plan` looks and changes nothing; each `Fix` says what it will do and shows it as a unified diff; `apply` writes,
each file whole or not at all. A second plan after `apply` is empty.
"""

import json
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from difflib import unified_diff
from pathlib import Path

from mids.dataset.disk.folder import require_folder
from mids.dataset.disk.tree import Tree, walk
from mids.errors import MidsError
from mids.inspection.paths import classify_path
from mids.inspection.views import DatasetView
from mids.plan.texts.files import BIDSIGNORE, as_json, dictionary
from mids.vocabulary.schema import Schema, Table, load

BOM = b"\xef\xbb\xbf"
HEAD = 1 << 16
"""Bytes within which the header of a gzip file must end to be repaired."""
FHCRC, FEXTRA, FNAME, FCOMMENT = 2, 4, 8, 16
"""Flags of a gzip header (RFC 1952, 2.3.1)."""


@dataclass(frozen=True, slots=True)
class Fix:
    """The repair of one file: `what` says in words what is done, `codes` which codes of the validator it settles.

    `before` becomes `after`. None as `before` is a file that does not exist yet; where not `whole`, both are only
    the beginning of the file, and the rest of it stays. `codes` is empty where no check asks for the repair.
    """

    root: Path = field(repr=False)
    path: str
    what: tuple[str, ...]
    codes: tuple[str, ...] = ()
    before: bytes | None = field(default=None, repr=False)
    after: bytes = field(default=b"", repr=False)
    whole: bool = True

    @property
    def diff(self) -> str:
        """The change as a unified diff, what can't be seen escaped; what a gzip header held is not shown."""
        old, new = (
            "/dev/null" if self.before is None else f"a/{_escape_invisible(self.path)}",
            f"b/{_escape_invisible(self.path)}",
        )
        if not self.whole:
            return f"--- {old}\n+++ {new}\n{self.what[0]} ({len(self.before or b'')} bytes become {len(self.after)})\n"
        lines = unified_diff(_lines(self.before or b""), _lines(self.after), old, new, lineterm="")
        return "".join(line + "\n" for line in lines)


def plan(dataset: Path | str, *, select: frozenset[str] = frozenset(), schema: Schema | None = None) -> tuple[Fix, ...]:
    """The repairs that the dataset in the folder `dataset` needs, sorted by path; nothing is written.

    `select` holds codes: only repairs of these are planned, all where it is empty. Links are left alone, and so is
    what `.midsignore` names. Raises `MidsError` where `dataset` is no folder.
    """
    root = Path(dataset)
    require_folder(root)
    schema = schema or load()
    tree = walk(root)
    if not DatasetView(tree, schema).facts.mids:  # BIDS's tables are not those of the vocabulary
        schema = replace(schema, tables={})
    fixes = [*_plan_files(tree, schema), *_dictionaries(tree, schema), *_bidsignore(tree)]
    wanted = (fix for fix in fixes if not select or not select.isdisjoint(fix.codes))
    return tuple(sorted(wanted, key=lambda fix: fix.path))


def apply(fixes: Iterable[Fix]) -> None:
    """Writes every repair: a new file beside the old one takes its place when it is complete.

    Raises `MidsError` where a file is no longer as it was when the repairs were planned, or can't be written; the
    repairs before it stand, and those after it were not begun.
    """
    for fix in fixes:
        try:
            _write(fix)
        except OSError as error:
            raise MidsError(f"can't write {fix.path} ({error.strerror}): earlier repairs are kept") from error


def _write(fix: Fix) -> None:
    target = fix.root / fix.path
    if not _is_as_planned(fix, target):
        raise MidsError(f"{fix.path} changed since the repair was planned: run again")
    scratch = target.with_name(f".{target.name}.{os.getpid()}.fix")
    try:
        with scratch.open("wb") as stream:
            stream.write(fix.after)
            if not fix.whole:
                with target.open("rb") as source:
                    source.seek(len(fix.before or b""))
                    shutil.copyfileobj(source, stream)
            stream.flush()
            os.fsync(stream.fileno())
        if fix.before is not None:
            shutil.copymode(target, scratch)
        scratch.replace(target)
    finally:
        scratch.unlink(missing_ok=True)


def _is_as_planned(fix: Fix, target: Path) -> bool:
    if fix.before is None:
        return not os.path.lexists(target)
    if target.is_symlink() or not target.is_file():
        return False
    with target.open("rb") as stream:
        return stream.read() == fix.before if fix.whole else stream.read(len(fix.before)) == fix.before


# --- what is done to which file --------------------------------------------------------------------------

Step = tuple[str, str]
"""The code that is settled and what is done, in words."""


def _plan_files(tree: Tree, schema: Schema) -> Iterator[Fix]:
    """The repairs of files that are there."""
    for path in tree.files:
        if not (tree.root / path).is_symlink():
            # A file that can't be read is an issue of the validator, not a reason to stop.
            with suppress(OSError):
                yield from _plan_file(tree.root, path, schema)


def _plan_file(root: Path, path: str, schema: Schema) -> Iterator[Fix]:
    kind = classify_path(path)
    if kind == "table":
        yield from _text(root, path, schema.table_of(path), _mend_table)
    elif kind in ("json", "sidecar", "description"):
        yield from _text(root, path, None, _mend_json)
    elif kind == "image" and path.endswith(".gz"):
        yield from _gzip(root, path)


def _text(
    root: Path, path: str, table: Table | None, mend: Callable[[bytes, Table | None], tuple[bytes, list[Step]]]
) -> Iterator[Fix]:
    data = (root / path).read_bytes()
    after, steps = mend(data, table)
    if after != data:
        codes = tuple(sorted({code for code, _ in steps}))
        yield Fix(root, path, tuple(what for _, what in steps), codes, data, after)


def _mend_json(data: bytes, _: Table | None) -> tuple[bytes, list[Step]]:
    """JSON without a byte order mark, which is no JSON (RFC 8259, 8.1)."""
    if data.startswith(BOM):
        return data.removeprefix(BOM), [("JSON_INVALID", "remove the byte order mark")]
    return data, []


def _dictionaries(tree: Tree, schema: Schema) -> Iterator[Fix]:
    """The JSON files that describe the columns of tables which the vocabulary defines, where there are none."""
    tables = [path for path in tree.files if path.endswith(".tsv")]
    for table in schema.tables.values():
        if "{measure}" in table.file or not any(map(table.match, tables)):
            continue
        # A table that every subject has is described once, at the top (BIDS inheritance principle).
        name = table.file.rpartition("_")[2] if "{" in table.file else table.file
        path = name.removesuffix(".tsv") + ".json"
        others = "_" + path if "{" in table.file else path
        if not any(other == path or other.endswith(others) for other in tree.files):
            text = as_json(dictionary(table, schema)).encode()
            yield Fix(tree.root, path, (f"describe the columns of {name}",), after=text)


def _bidsignore(tree: Tree) -> Iterator[Fix]:
    """The line that hides `mim-` folders from BIDS tools."""
    path = tree.root / ".bidsignore"
    if path.is_symlink() or not any("/mim-" in folder for folder in tree.folders):
        return
    before = path.read_bytes() if path.is_file() else None
    text = before or b""
    if BIDSIGNORE.strip().encode() not in (line.strip() for line in text.splitlines()):
        gap = b"" if not text or text.endswith(b"\n") else b"\n"
        what = ("add the line that hides mim- folders from BIDS tools",)
        yield Fix(tree.root, ".bidsignore", what, ("BIDSIGNORE_MISSING",), before, text + gap + BIDSIGNORE.encode())


# --- gzip ------------------------------------------------------------------------------------------------


def _gzip(root: Path, path: str) -> Iterator[Fix]:
    """A gzip header without time, without comment and without another file's name; the compressed data stay."""
    with (root / path).open("rb") as stream:
        data = stream.read(HEAD)
    header = _header(data)
    if header is None:
        return
    end, name, comment = header
    own = path.rpartition("/")[2].encode()
    codes = ["GZIP_TIME"] if data[4:8] != bytes(4) else []
    if comment or name not in (b"", own, own.removesuffix(b".gz")):
        codes.append("PRIVACY_GZIP_NAME")
    if codes:
        flags = data[3]
        extra = data[10 : 12 + int.from_bytes(data[10:12], "little")] if flags & FEXTRA else b""
        after = data[:3] + bytes([flags & ~(FHCRC | FNAME | FCOMMENT)]) + bytes(4) + data[8:10] + extra
        what = ("clear file name, comment and time of the gzip header",)
        yield Fix(root, path, what, tuple(codes), data[:end], after, whole=False)


def _header(data: bytes) -> tuple[int, bytes, bytes] | None:
    """Where the compressed data begin, file name and comment (RFC 1952, 2.3); None where there is no whole header."""
    if len(data) < 10 or not data.startswith(b"\x1f\x8b\x08"):
        return None
    end = 10
    if data[3] & FEXTRA:
        end += 2 + int.from_bytes(data[10:12], "little")
    texts = []
    for flag in (FNAME, FCOMMENT):
        start = end
        if data[3] & flag:
            end = data.find(b"\0", start) + 1
            if not end:
                return None
        texts.append(data[start : max(start, end - 1)])
    if data[3] & FHCRC:
        end += 2
    return (end, texts[0], texts[1]) if end < len(data) else None


# --- tables ----------------------------------------------------------------------------------------------

ALIGNED: Mapping[str, str] = {"labels": "label_cuis", "localizations": "localization_cuis"}
"""Columns with a list of terms, and those with the CUI of each."""


def _mend_table(data: bytes, table: Table | None) -> tuple[bytes, list[Step]]:
    """A table with plain text, and with cells without outer blanks and label lists without repetitions."""
    steps: list[Step] = []
    body = data.removeprefix(BOM)
    if body != data:
        steps.append(("TABLE_BYTE_ORDER_MARK", "remove the byte order mark"))
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        # What the bytes mean is unknown, so a byte that looks like a line end may be none.
        return data, []
    # Beside Unix line ends a lone carriage return may be a part of a cell.
    unix = text.replace("\r\n", "\n") if "\n" in text else text.replace("\r", "\n")
    if unix != text:
        steps.append(("TABLE_LINE_ENDS", "change line ends to those of Unix"))
    header, *lines = unix.split("\n")
    names, fixed = _mend_header(header.split("\t"), table), []
    # Where two columns have one name it is not certain which of them the vocabulary means.
    table = table if len(set(names)) == len(names) else None
    if names != header.split("\t"):
        steps.append(("COLUMN_NAME", "remove outer spaces from names of columns"))
    for number, line in enumerate(lines):
        cells = line.split("\t")
        if not line.strip() and len(cells) != len(names) and number < len(lines) - 1:
            steps.append(("TABLE_BLANK_LINE", "remove blank lines"))
        elif len(cells) == len(names) and table:
            fixed.append("\t".join(_mend_row(dict(zip(names, cells, strict=True)), table, steps).values()))
        else:
            fixed.append(line)
    return "\n".join(["\t".join(names), *fixed]).encode(), list(dict.fromkeys(steps))


def _mend_header(names: list[str], table: Table | None) -> list[str]:
    """The names, without outer blanks where that makes one that the table should have and has not."""
    known = table.columns.keys() - set(names) if table else set()
    plain = [name.strip() if name.strip() in known else name for name in names]
    return plain if len(set(plain)) == len(set(names)) else names


def _mend_row(row: dict[str, str], table: Table, steps: list[Step]) -> dict[str, str]:
    """A row whose cells of known columns are repaired."""
    for name, value in row.items():
        plain = value.strip()
        if plain and plain != value and name in table.columns:
            row[name] = plain
            steps.append(("CELL_BLANKS", "remove outer spaces from cells"))
    for name, other in ALIGNED.items():
        column = table.columns.get(name)
        terms = _strings(row[name]) if name in row and column and column.type == "json_list" else None
        found = _drop_repetitions(terms, row.get(other)) if terms else None
        if terms and found:
            row |= {name: found[0], **({other: found[1]} if other in row else {})}
            if any(term != term.strip() for term in terms):
                steps.append(("LABEL_BLANKS", "remove outer spaces from labels"))
            if len(_strings(found[0]) or ()) < len(terms):
                steps.append(("LABEL_DUPLICATED", "remove repeated labels from lists, with their CUIs"))
    return row


def _drop_repetitions(terms: list[str], aligned: str | None) -> tuple[str, str] | None:
    """The cell of a list, stripped and without repetitions, and that of the list aligned with it.

    None where nothing changes, and where it is not certain what belongs together.
    """
    plain = [term.strip() for term in terms]
    keep = [at for at, term in enumerate(plain) if term not in plain[:at]]
    if plain == terms and len(keep) == len(terms):
        return None
    mended = json.dumps([plain[at] for at in keep], ensure_ascii=False)
    if aligned is None or aligned == "n/a" or len(keep) == len(terms):
        return mended, aligned or ""
    others = _strings(aligned)
    if others is None or len(others) != len(terms):
        return None
    # A term that stands twice with two CUIs is not the same term twice.
    if any(others[at] != others[plain.index(term)] for at, term in enumerate(plain)):
        return None
    return mended, json.dumps([others[at] for at in keep], ensure_ascii=False)


def _strings(cell: str) -> list[str] | None:
    """A JSON list of strings; None for anything else."""
    try:
        items = json.loads(cell)
    except (ValueError, RecursionError):
        return None
    return items if isinstance(items, list) and all(isinstance(item, str) for item in items) else None


# --- showing ---------------------------------------------------------------------------------------------


def _lines(data: bytes) -> list[str]:
    """The lines of a file as a diff shows them, the end of the last one included."""
    lines = data.decode("utf-8", "backslashreplace").split("\n")
    if not lines[-1]:
        lines.pop()
    return [_escape_invisible(line) for line in lines]


def _escape_invisible(text: str) -> str:
    """Text in which carriage returns, byte order marks and control characters can be seen."""
    return re.sub(r"[^\t -~]", lambda c: c[0] if c[0].isprintable() else c[0].encode("unicode_escape").decode(), text)
