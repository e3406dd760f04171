"""Rules that are read from BIDS's schema: how files of one recording go together, and columns of tables."""

from collections.abc import Iterator, Sequence

from mids.inspection.bids import tables
from mids.inspection.bids.rules import Broken, broken_rules
from mids.inspection.cells import is_number
from mids.inspection.guards import is_of_bids
from mids.inspection.registry import Finding, Found, check, only_if
from mids.inspection.views import FileView
from mids.issues import Level
from mids.readers.tables.tsv import NA


def is_bids(file: FileView) -> bool:
    """Whether BIDS's rules are for a file, and its content is there."""
    return file.is_bids and not file.is_companion and not file.is_ignored


@only_if(is_of_bids)
def _breaks_rules(file: FileView) -> bool:
    return is_bids(file) and bool(_broken(file))


def _broken(file: FileView) -> tuple[Broken, ...]:
    """The rules that a file breaks and that nothing else says."""
    if "broken" not in file.notes:
        file.notes["broken"] = tuple(broken_rules(file.context))
    broken: tuple[Broken, ...] = file.notes["broken"]
    return broken


def _finding(file: FileView, rule: Broken) -> Finding:
    """What is wrong by a rule: with the nearest sidecar that has its keys, where it reads nothing but them."""
    said = (sidecar.path for sidecar in file.sidecars if not rule.keys.isdisjoint(sidecar.keys)) if rule.keys else ()
    return Finding(f"{rule.code}: {rule.message}", path=next(iter(said), ""))


@check("BIDS_RULE", per="bids", when=_breaks_rules)
def bids_rule(file: FileView) -> Found:
    """A file breaks a rule of BIDS, of its schema or its text; the message gives code and words.

    Why: The rule says how files, keys and headers of a recording go together; BIDS tools refuse the dataset.

    Fix: Do what the message says; the code leads to the rule in BIDS's schema or in schemas/bids_checks.yaml.
    """
    return (_finding(file, rule) for rule in _broken(file) if rule.is_error)


@check("BIDS_ADVICE", per="bids", level=Level.WARNING, when=_breaks_rules)
def bids_advice(file: FileView) -> Found:
    """A file does not follow an advice of BIDS, of its schema or its text; the message gives code and words.

    Why: What is there is possible but unusual, and often a mistake.

    Fix: See whether the message is right, and correct the file; or waive the issue with a reason.
    """
    return (_finding(file, rule) for rule in _broken(file) if not rule.is_error)


HEADERLESS = (".tsv.gz", "_motion.tsv")
"""Ends of the names of tables whose columns another file names."""


@only_if(lambda file: file.path.endswith(HEADERLESS))
def _is_headerless(file: FileView) -> bool:
    return file.path.endswith(HEADERLESS) and is_bids(file) and not file.is_without_content and file.size > 0


@check("TABLE_COLUMNS_CONTRADICTED", per="bids", when=_is_headerless)
def table_columns_contradicted(file: FileView) -> Found:
    """A table without a header has another number of columns than its sidecar or channels.tsv names, or has a header
    all the same, or is no gzip.

    Why: Every value stands under the name of another column, or can't be read; a header is read as values.

    Fix: Correct Columns of the sidecar, or the rows of channels.tsv; remove the header; compress the table again.
    """
    if file.context.unpacked is None:
        yield "the file is named .gz but can't be unpacked"
    rows = file.context.rows
    wrong = [problem for problem in rows.problems if problem.kind in ("ragged", "encoding")] if rows else []
    if rows and wrong:
        more = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        message = f"the row has not the {len(rows.header)} columns that are named{more}"
        yield Finding(message, where=f"row {wrong[0].line}", expected=str(len(rows.header)))
    if rows and _is_header(rows.rows[:2]):
        yield Finding("the row is a header, which BIDS does not allow here", where=f"row {rows.lines[0]}")


def _is_header(first: Sequence[Sequence[str]]) -> bool:
    """Whether the first of two rows holds words alone and the second holds numbers."""
    is_word = [[not is_number(cell.strip()) and cell.strip() not in ("", NA) for cell in row] for row in first]
    return len(first) > 1 and all(is_word[0]) and not any(is_word[1])


@only_if(is_of_bids)
def _is_bids_table(table: FileView) -> bool:
    return table.is_bids and table.rule is not None and table.size > 0


@check("BIDS_COLUMN", per="table", when=_is_bids_table)
def bids_column(table: FileView) -> Found:
    """A table of BIDS has its first columns in another order, or columns that BIDS wants described or not at all.

    Why: Programs read the first columns by their place, and can't know what the others mean.

    Fix: Move the column, describe it in the JSON file of the table, or remove it.
    """
    assert table.rule is not None
    header = table.rows.header
    for name, place in tables.misplaced(table.rule, header):
        yield Finding(f"BIDS requires this column at position {place}", where=f"column {name}", value=name)
    yield from _undefined(table, table.rule)


def _undefined(table: FileView, rule: tables.Rule) -> Iterator[Finding]:
    if rule.others == tables.OPEN:
        return
    for name, forbidden in tables.undefined(rule, table.rows.header, table.described):
        message = "BIDS allows no other columns here" if forbidden else "no JSON file describes this column"
        yield Finding(message, where=f"column {name[:40]}")
