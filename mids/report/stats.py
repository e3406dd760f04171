"""What ``mids stats`` prints: counts with bars, and tables of papers beside a dataset, as text, TSV, JSON, Markdown."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mids.analysis.papers import PaperTable, Row
from mids.analysis.plots import Plot
from mids.issues import escape_controls

WIDTH = 30
"""Characters of the longest bar."""
_EIGHTHS = " ▏▎▍▌▋▊▉"


@dataclass(frozen=True, slots=True)
class Counts:
    """One dataset: its `name`, `lines` of sizes and shares, and `plots`; `tables` of papers where asked for."""

    name: str
    lines: Mapping[str, str]
    plots: Sequence[Plot] = ()
    tables: Sequence[PaperTable] = ()


def write(found: Sequence[Counts], form: str) -> str:
    """The page in one of the forms text, tsv, json, markdown."""
    return "".join(_FORMS[form](found))


# --- text ------------------------------------------------------------------------------------------------


def _text(found: Sequence[Counts]) -> Iterator[str]:
    for number, each in enumerate(found):
        yield from ["\n"] if number else []
        yield f"{each.name}\n"
        wide = max(map(len, each.lines), default=0)
        yield from (f"  {name:<{wide}}  {value}\n" for name, value in each.lines.items())
        for plot in each.plots:
            yield f"\n{plot.title} ({plot.measure})\n"
            yield from _bars(plot)
            yield from [f"  {plot.note}\n"] if plot.note else []
        for table in each.tables:
            yield from _compared(table)


def _bars(plot: Plot) -> Iterator[str]:
    """A bar for each row that counts something."""
    rows = [(f"{category}, {series}" if series else category, number) for category, series, number in plot.rows]
    rows = [(name, number) for name, number in rows if number]
    wide, most = max((len(name) for name, _ in rows), default=0), max((number for _, number in rows), default=1)
    for name, number in rows:
        yield f"  {name:<{wide}}  {_bar(number / most)} {_number(number)}\n"


def _bar(share: float) -> str:
    """A bar as wide as the share says, to an eighth of a character, with blanks behind it."""
    eighths = max(1, round(share * WIDTH * 8))
    bar = "█" * (eighths // 8) + (_EIGHTHS[eighths % 8] if eighths % 8 else "")
    return f"{bar:<{WIDTH}}"


def _compared(table: PaperTable) -> Iterator[str]:
    """A paper's table: a line for each number, with the dataset's beside it and the difference."""
    yield f"\n{table.key}  {table.title}\n"
    if table.note:
        yield f"  {table.note}\n"
        return
    yield f"  {_denominators(table)}\n"
    cells = [("", "paper", "here", "difference"), *map(_cells, table.rows)]
    wide = [max(len(row[column]) for row in cells) for column in range(4)]
    for name, *numbers in cells:
        shown = (f"{text:>{width}}" for text, width in zip(numbers, wide[1:], strict=True))
        yield f"  {name:<{wide[0]}}  {'  '.join(shown)}\n"
    yield from (f"  erratum: {text}\n" for text in table.errata)


def _denominators(table: PaperTable) -> str:
    paper = f"{table.paper_of:,}" if table.paper_of else "not stated"
    here = f"{table.here_of:,} {table.unit}" if table.here_of is not None else table.unit or "the whole dataset"
    return f"of: paper {paper}; here {here}"


def _cells(row: Row) -> tuple[str, str, str, str]:
    difference = (
        "not in the paper" if row.paper is None else "n/a" if row.difference is None else _signed(row.difference)
    )
    return row.name, _known(row.paper), _known(row.here), difference


def _known(number: float | None) -> str:
    return "n/a" if number is None else _number(number)


def _signed(number: float) -> str:
    return f"{'+' if number > 0 else ''}{_number(number)}"


def _number(number: float) -> str:
    return f"{int(number):,}" if (float(number).is_integer() and abs(number) >= 1) or number == 0 else f"{number:g}"


# --- other forms -----------------------------------------------------------------------------------------


def _tsv(found: Sequence[Counts]) -> Iterator[str]:
    """One row for each number."""
    if any(each.tables for each in found):
        yield "dataset\ttable\trow\tpaper\tpaper_of\there\there_of\tdifference\n"
        for each in found:
            for table in each.tables:
                yield from (_line(each.name, table.key, row.name, *_exact(row, table)) for row in table.rows)
        return
    yield "dataset\tstatistic\tcategory\tseries\tnumber\n"
    for each in found:
        yield from (_line(each.name, "lines", name, "", value) for name, value in each.lines.items())
        for plot in each.plots:
            yield from (_line(each.name, plot.key, *row[:2], f"{row[2]:.10g}") for row in plot.rows)


def _exact(row: Row, table: PaperTable) -> Iterator[str]:
    numbers = row.paper, table.paper_of, row.here, table.here_of, row.difference
    yield from ("n/a" if number is None else f"{number:.10g}" for number in numbers)


def _line(*cells: str) -> str:
    return "\t".join(" ".join(cell.split()) or "n/a" for cell in cells) + "\n"


def _json(found: Sequence[Counts]) -> Iterator[str]:
    yield json.dumps([_as_object(each) for each in found], indent=2, ensure_ascii=False) + "\n"


def _as_object(each: Counts) -> dict[str, Any]:
    plots = {
        plot.key: {
            "title": plot.title, "measure": plot.measure, "note": plot.note,
            "rows": [{"category": c, "series": s, "number": n} for c, s, n in plot.rows],
        }
        for plot in each.plots
    }  # fmt: skip
    tables = [
        {**asdict(table), "rows": [{**asdict(row), "difference": row.difference} for row in table.rows]}
        for table in each.tables
    ]
    return {"dataset": each.name, "lines": dict(each.lines), "statistics": plots, "tables": tables}


def _markdown(found: Sequence[Counts]) -> Iterator[str]:
    for each in found:
        yield f"# {_plain_text(each.name)}\n\n"
        if each.lines:
            yield from _table(("what", "value"), each.lines.items())
        for plot in each.plots:
            yield f"## {plot.title} ({plot.measure})\n\n"
            head = (plot.category, *([plot.series] if plot.series else []), plot.measure)
            rows = ((c, *([s] if plot.series else []), _number(n)) for c, s, n in plot.rows if n)
            yield from _table(head, rows)
            yield from [f"{plot.note}\n\n"] if plot.note else []
        for table in each.tables:
            yield f"## {table.key}: {table.title}\n\n"
            if table.note:
                yield f"{table.note}\n\n"
                continue
            yield f"{_denominators(table)}\n\n"
            yield from _table(("", "paper", "here", "difference"), map(_cells, table.rows))
            yield from (f"- erratum: {text}\n" for text in table.errata)
            yield from ["\n"] if table.errata else []


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(map(_plain_text, head))} |\n|{' --- |' * len(head)}\n"
    yield from (f"| {' | '.join(map(_plain_text, row))} |\n" for row in rows)
    yield "\n"


def _plain_text(text: str) -> str:
    """Text that Markdown shows as it is."""
    return "".join(f"&#{ord(c)};" if c in "\\`*_[]<>|" else c for c in escape_controls(text))


_FORMS = {"text": _text, "tsv": _tsv, "json": _json, "markdown": _markdown}
