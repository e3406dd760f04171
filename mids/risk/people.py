"""One row for each person of a dataset: what may tell people apart, and what nobody should learn of them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from mids.dataset import Dataset
from mids.errors import MidsError
from mids.risk.columns import KINDS
from mids.risk.values import Found, columns, people


@dataclass(frozen=True, slots=True, eq=False)
class People:
    """The people of one dataset.

    `frame` has a row for each person (index: participant_id) and a column of strings for each quasi-identifier, NA for
    what is unknown; several values of one person are joined by ";". `kinds` says what each of these columns holds (see
    `columns.KINDS`). `sensitive` has for each sensitive column the set of each person's values, empty for unknown.
    `lines` are the lines of participants.tsv (0: the person stands only in a folder). `left_out` are columns that are
    neither, `direct` such as name a record of the source or a publication. `problems` say what could not be read,
    without any value of it.
    """

    name: str
    frame: pd.DataFrame
    kinds: Mapping[str, str]
    sensitive: Mapping[str, Sequence[frozenset[str]]]
    lines: Sequence[int]
    left_out: Sequence[str] = ()
    direct: Sequence[str] = ()
    problems: Sequence[str] = ()

    @property
    def quasi(self) -> list[str]:
        """The quasi-identifiers."""
        return [str(name) for name in self.frame.columns]


def read_people(
    dataset: Dataset, *, name: str = "", quasi: Iterable[str] = (), sensitive: Iterable[str] = (), k: int = 5
) -> People:
    """The people of a dataset, called `name` or as it says.

    `quasi` and `sensitive` name columns; where they name none, all that are known to matter are taken. Labels of fewer
    than `k` people make the quasi-identifier `rare_labels`. Raises `MidsError` for a column that the dataset does not
    have, and where it has nobody.
    """
    dataset = dataset.text
    ids = people(dataset)
    if not ids:
        raise MidsError(f"{dataset.name} has no participants: give a dataset with participants.tsv")
    problems: list[str] = []
    known = columns(dataset, problems, k)
    told = _chosen(known, quasi, lambda column: column.kind in KINDS)
    secret = _chosen(known, sensitive, lambda column: column.kind == "sensitive")
    values = {column.name: column.values() for column in {*told, *secret}}
    told = sorted((column for column in told if values[column.name]), key=_rank)
    frame = {
        column.name: pd.array([";".join(sorted(values[column.name].get(i, ()))) or None for i in ids], dtype="string")
        for column in told
    }
    rest = [column for column in known if column.is_listed and column not in told and column not in secret]
    lines = {str(person): line for line, person in enumerate(dataset.participants["participant_id"], start=2)}
    return People(
        name or dataset.name,
        pd.DataFrame(frame, index=pd.Index(ids, name="participant_id")),
        {column.name: column.kind for column in told},
        {c.name: [frozenset(values[c.name].get(person, ())) for person in ids] for c in secret if values[c.name]},
        [lines.get(person, 0) for person in ids],
        [column.name for column in rest if column.kind != "id"],
        [column.name for column in rest if column.kind == "id"],
        list(dict.fromkeys(problems)),
    )


def _chosen(known: Sequence[Found], names: Iterable[str], usual: Callable[[Found], bool]) -> list[Found]:
    """The columns of these names, or the usual ones where none is named."""
    by_name = {column.name: column for column in known}
    wanted = list(dict.fromkeys(names))
    for name in wanted:
        if name not in by_name:
            raise MidsError(f"unknown column {name}: choose from {', '.join(sorted(by_name))}")
    return [by_name[name] for name in wanted] or [column for column in known if usual(column)]


def _rank(column: Found) -> int:
    """Where a column stands among others: by how soon somebody may know it."""
    return KINDS.index(column.kind) if column.kind in KINDS else len(KINDS)
