"""The command ``mids splits``: its arguments; the work is done in `mids.dataset.splits`."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mids.cli.shared import say, say_unread
from mids.errors import DataError, MidsError, put

if TYPE_CHECKING:
    from mids.dataset import Dataset

TEXT = "split subjects into train, validation and test"
EXAMPLES = (
    ("mids splits ~/dataset", "print a split of 70 % train, 10 % validation, 20 % test"),
    ("mids splits ~/dataset --fraction train=0.8 --fraction test=0.2 --seed 7", "use your own fractions and seed"),
    ("mids splits ~/dataset --stratify sex --write", "write derivatives/partitions.tsv"),
    ("mids splits ~/dataset --by site", "keep the subjects of a site together"),
    (
        "mids splits ~/dataset --together pairs.tsv",
        "keep those together whose images mids duplicates found to be the same",
    ),
)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of ``mids splits`` to its parser."""
    add = parser.add_argument
    add("dataset", type=Path, metavar="DATASET", help="folder of the dataset")
    add = parser.add_argument_group("split").add_argument
    add("--fraction", action="append", default=[], metavar="PART=NUMBER", help="share of subjects (repeatable)")
    add("--seed", type=int, default=0, metavar="N", help="seed: another number makes another split (default: 0)")
    add(
        "--by", default="participant", metavar="COLUMN",
        help="keep together what has the same value in this column (default: participant)",
    )  # fmt: skip
    add(
        "--stratify", action="append", default=[], metavar="COLUMN",
        help="give each part an equal share of each value of this column (repeatable)",
    )  # fmt: skip
    add(
        "--together", type=Path, metavar="PAIRS",
        help="keep subjects with the same image together: the table that mids duplicates writes",
    )  # fmt: skip
    add = parser.add_argument_group("output").add_argument
    add("--write", action="store_true", help="write derivatives/partitions.tsv instead of printing")
    add("--force", action="store_true", help="with --write: replace an existing table")
    add("--overwrite", dest="force", action="store_true", help=argparse.SUPPRESS)
    parser.set_defaults(run=run)


def run(namespace: argparse.Namespace) -> int:
    """Runs ``mids splits``; exit code 1 where the data is wrong."""
    from mids.dataset import Dataset
    from mids.dataset.splits import DEFAULT

    a = namespace
    try:
        given = {part: float(number) for part, _, number in (text.partition("=") for text in a.fraction)}
    except ValueError as error:
        raise MidsError("--fraction is not PART=NUMBER: write it like train=0.8") from error
    try:
        dataset = Dataset(a.dataset)
        table = dataset.splits(
            fractions=given or DEFAULT, seed=a.seed, by=a.by, stratify=a.stratify,
            together=_groups(a.together, dataset) if a.together else (),
            write=a.write, overwrite=a.force,
        )  # fmt: skip
    except DataError as error:
        say(f"error: {error.code}: {error}\n")
        return 1
    if not a.write:
        put(table.to_csv(sep="\t", index=False, na_rep="n/a", lineterminator="\n"))
    counts = table.drop_duplicates("participant_id")["split"].value_counts()
    told = ", ".join(f"{part} {counts[part]}" for part in ("train", "validation", "test") if part in counts)
    print(f"subjects: {told or 'none'}", file=sys.stdout if a.write else sys.stderr)
    return say_unread(dataset.issues)


def _groups(pairs: Path, dataset: "Dataset") -> list[set[str]]:
    """The subjects of a dataset that a table of pairs joins, directly or through those of another dataset.

    The table calls a dataset as `mids.concat` does, or by its path where two have one name; tables of earlier versions
    by its folder.
    """
    from mids.analysis.duplicates import list_groups, read_pairs

    groups: list[set[tuple[str, str]]] = []
    for pair in list_groups(read_pairs(pairs)):
        joined = [group for group in groups if group & set(pair)]
        groups = [group for group in groups if group not in joined] + [set(pair).union(*joined)]
    root = dataset.path.resolve()
    named = {name for group in groups for name, _ in group}
    mine = {next((name for name in (dataset.short_name, root.name) if name in named), "")}
    mine |= {name for name in named if Path(name).resolve() == root}
    own = [{person for name, person in group if name in mine} for group in groups]
    if groups and not any(own):
        raise MidsError(
            f"{pairs} names no dataset {dataset.short_name}: give the table that mids duplicates wrote for it"
        )
    return [group for group in own if len(group) > 1]
