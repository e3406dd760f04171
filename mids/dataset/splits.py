"""Parts for machine learning: subjects go to them as wholes, the same on every machine."""

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from fractions import Fraction
from math import lcm
from pathlib import Path
from typing import Any

import pandas as pd

from mids.dataset.disk.door import Door
from mids.dataset.selection import check_known
from mids.dataset.tables import add_id_prefixes, frame, read_table
from mids.errors import DataError, MidsError
from mids.vocabulary.schema import Schema

PARTITIONS = "derivatives/partitions.tsv"
COLUMNS = ("participant_id", "session_id", "filename", "split")
DEFAULT: Mapping[str, float] = {"train": 0.7, "validation": 0.1, "test": 0.2}


def deal_images(
    images: pd.DataFrame, shares: Mapping[str, float], seed: int, by: str, stratify: Sequence[str]
) -> dict[str, str]:
    """The part of each subject of some images; see `Dataset.splits`. Raises `MidsError`."""
    if by == "participant":
        people = [str(subject) for subject in images["participant_id"].unique()]
        return parts(people, shares, seed, _values(images, stratify))
    if stratify:
        raise MidsError("a split by a column can't be stratified: remove one of the two")
    kept = {subject: value or subject for subject, value in _values(images, [by]).items()}
    of_group = groups(Counter(kept.values()), shares, seed)
    return {subject: of_group[group] for subject, group in kept.items()}


def _values(images: pd.DataFrame, columns: Sequence[str]) -> dict[str, str]:
    """What some columns say of each subject, the first value that is known, "" where none is."""
    for column in columns:
        if column not in images.columns:
            raise MidsError(f"unknown column {column}: choose a column of the images")
    if not columns:
        return {}
    firsts = images.groupby("participant_id")[list(columns)].first().astype("string").fillna("")
    return {str(subject): "\t".join(map(str, row)).strip("\t") for subject, *row in firsts.itertuples()}


def group_people(people: "pd.Series[Any]", together: Iterable[Iterable[str]]) -> "pd.Series[Any]":
    """For each of `people` the name of their group: the first, in the order of names, of all that belong together."""
    heads: dict[str, str] = {}

    def head(one: str) -> str:
        while heads.get(one, one) != one:
            one = heads[one]
        return one

    for group in together:
        found = sorted({head(one) for one in group})
        for one in found[1:]:
            heads[one] = found[0]
    return people.map({one: head(one) for one in map(str, people.unique())})


def check_groups(together: object, known: Iterable[str]) -> list[list[str]]:
    """Groups of subjects of one dataset, as IDs or (dataset, participant_id); raises `MidsError` for anything else."""
    if isinstance(together, str | pd.DataFrame) or not isinstance(together, Iterable):
        raise MidsError("together: give groups of subjects, such as [('sub-01', 'sub-02')]")
    groups = []
    for group in together:
        if isinstance(group, str) or not isinstance(group, Iterable):
            raise MidsError("together: give groups of subjects, such as [('sub-01', 'sub-02')]")
        names = [each[1] if isinstance(each, tuple | list) and len(each) == 2 else each for each in group]
        people = [f"sub-{str(name).removeprefix('sub-')}" for name in names]
        check_known("subject", people, known)
        groups.append(people)
    return groups


def describe_split(shares: Mapping[str, float], seed: int, by: str, stratify: Sequence[str]) -> str:
    """How a split was made, in words that are enough to make it again."""
    given = ", ".join(f"{part} {value:g}" for part, value in shares.items())
    also = f", stratified by {', '.join(stratify)}" if stratify else ""
    return f"subjects split by {by} with seed {seed} ({given}){also}"


def parts(
    people: Sequence[str], fractions: Mapping[str, float], seed: int, strata: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The part of each of `people`: within one of the fractions over all, and within two in every stratum.

    People are ordered by stratum and then by SHA-256 of seed and id, and dealt out in that order by Tijdeman's rule
    ("The chairman assignment problem", Discrete Mathematics 32, 1980), which keeps the count of every part of every
    beginning of the order within one of its share.
    """
    shares = {part: share for part, share in parse_fractions(fractions).items() if share}
    whole = lcm(*(share.denominator for share in shares.values()))
    weights = {part: int(share * whole) for part, share in shares.items()}
    known = strata or {}
    order = sorted(set(people), key=lambda one: (known.get(one, ""), _draw_lot(seed, one), one))
    least = max(2 * len(weights) - 2, 1)
    counts = dict.fromkeys(weights, 0)
    found = {}
    for number, one in enumerate(order, start=1):
        # Of the parts that may have one more now, that which must have it first; all numbers are whole for speed.
        owed = {part: least * (weight * number - counts[part] * whole) for part, weight in weights.items()}
        ready = [part for part in weights if owed[part] >= whole]
        due = [Fraction((least - 1) * whole - owed[part], weights[part]) for part in ready]
        part = ready[due.index(min(due))]
        counts[part] += 1
        found[one] = part
    return found


def groups(sizes: Mapping[str, int], fractions: Mapping[str, float], seed: int) -> dict[str, str]:
    """The part of each group of people, the largest first, each to the part that lacks most."""
    shares = parse_fractions(fractions)
    total, counts = sum(sizes.values()), Counter[str]()
    found = {}
    for one in sorted(sizes, key=lambda each: (-sizes[each], _draw_lot(seed, each), each)):
        lacking = [share * total - counts[part] for part, share in shares.items()]
        part = list(shares)[lacking.index(max(lacking))]
        counts[part] += sizes[one]
        found[one] = part
    return found


def parse_fractions(fractions: Mapping[str, float]) -> dict[str, Fraction]:
    """The fractions as they are written in decimal; `MidsError` where they are negative or do not sum to 1."""
    try:
        shares = {part: Fraction(str(value)) for part, value in fractions.items()}
    except ValueError:
        shares = {}
    total = sum(shares.values(), Fraction(0))
    if not shares or min(shares.values()) < 0 or abs(total - 1) > Fraction(1, 10**9):
        raise MidsError("the fractions of a split must be numbers from 0 that sum to 1, such as train=0.8 test=0.2")
    return {part: share / total for part, share in shares.items()}


def _draw_lot(seed: int, one: str) -> bytes:
    return hashlib.sha256(f"{seed}:{one}".encode()).digest()


# --- the table -------------------------------------------------------------------------------------------


def name_fractions(fractions: Mapping[str, float], schema: Schema) -> dict[str, float]:
    """The fractions by the words of the vocabulary (train, validation, test); `MidsError` for another part."""
    codes = schema.code_lists["split"]
    found: dict[str, float] = {}
    for part, value in fractions.items():
        code = codes.find(part)
        if code is None or code in found:
            raise MidsError(f"part {part}: give each of {', '.join(codes.codes)} once")
        found[code] = value
    return found


def read(door: Door, images: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """The part of each image by partitions.tsv, NA where it says none: its own row, its session's, its subject's.

    Of two rows for the same the first counts. Rows that contradict each other, that name no image, and subjects in
    several parts are reported to the door. Raises `DataError` (TABLE_ENCODING, TABLE_RAGGED).
    """
    found = _read_parts(door, images["filename"], schema)
    rows = []
    for name, subject, visit in images[["filename", "participant_id", "session_id"]].fillna("").itertuples(index=False):
        keys = ((name, "", ""), ("", subject, visit), ("", subject, ""))
        part = next((found[key] for key in keys if key in found), "")
        rows.append(dict(zip(COLUMNS, (subject, visit, name, part), strict=True)))
    pairs = {(row["participant_id"], row["split"]) for row in rows if row["split"]}
    counts = Counter(subject for subject, _ in pairs)
    leaking = {subject for subject, count in counts.items() if count > 1}
    _tell(door, "SPLIT_LEAK", "participant_id", leaking, "subjects in several parts of the split")
    return frame(rows, COLUMNS)


def _read_parts(door: Door, images: Iterable[str], schema: Schema) -> dict[tuple[str, str, str], str]:
    """The part by file name, subject and session; all but the first, or the first, are ""."""
    if not door.holds(PARTITIONS):
        return {}
    places: dict[str, list[str]] = {}
    for path in images:
        for name in {path, path.rpartition("/")[2]}:  # published tables leave the folder out at times
            places.setdefault(name, []).append(path)
    found: dict[tuple[str, str, str], str] = {}
    twice, lost = set(), set()
    for record in read_table(door.root / PARTITIONS, PARTITIONS).fillna("").to_dict("records"):
        row = add_id_prefixes({str(key): str(value) for key, value in record.items()})
        part, name = row.get("split", ""), row.get("filename", "").removeprefix("./")
        meant = places.get(name, [])
        name = meant[0] if len(meant) == 1 else name
        if name and not meant:
            lost.add(name)
        key = (name, *(("", "") if name else (row.get("participant_id", ""), row.get("session_id", ""))))
        part = schema.code_lists["split"].find(part) or part
        if found.setdefault(key, part) != part:
            twice.add(key)
    _tell(
        door, "KEY_DUPLICATED", "split", twice, "images, sessions or subjects whose rows differ; the first row is used"
    )
    _tell(door, "TABLE_INVALID", "filename", lost, "file names that match no image; their rows are ignored")
    return found


def _tell(door: Door, code: str, column: str, found: Collection[object], what: str) -> None:
    if found:
        message = f"column {column}: {len(found)} {what}"
        door.keep(DataError(code, message), f"{PARTITIONS}, {column}")


def write(root: Path, table: pd.DataFrame, schema: Schema, how: str, *, overwrite: bool) -> None:
    """Writes partitions.tsv with its dictionary, whose column `split` says `how` it was made.

    Raises `MidsError` where there is such a table and `overwrite` is not given, or it can't be written.
    """
    path = root / PARTITIONS
    if path.exists() and not overwrite:
        raise MidsError(
            f"{PARTITIONS} already exists: overwrite it (overwrite=True, --force), or split without writing"
        )
    columns = {
        name: {"Description": column.description} for name, column in schema.tables["partitions"].columns.items()
    }
    levels = {code: value.definition for code, value in schema.code_lists["split"].codes.items()}
    described = {**columns, "split": {"Description": f"{columns['split']['Description']}; {how}", "Levels": levels}}
    lines = ["\t".join(COLUMNS), *("\t".join(row) for row in table.fillna("n/a").itertuples(index=False))]
    try:
        path.parent.mkdir(exist_ok=True)
        _replace(path.with_suffix(".json"), json.dumps(described, indent=2, ensure_ascii=False) + "\n")
        _replace(path, "\n".join(lines) + "\n")
    except OSError as error:
        raise MidsError(f"can't write {PARTITIONS} ({error.strerror}): check its permissions") from error


def _replace(path: Path, text: str) -> None:
    """Writes a file that is whole at any moment."""
    scratch = path.with_name(f".{path.name}.new")
    scratch.write_text(text, encoding="utf-8", newline="\n")
    scratch.replace(path)
