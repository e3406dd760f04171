"""The weights of the recogniser: a linear-chain CRF as two tables of numbers, by attribute and label."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mids.deid.tagger.features import JOINED, OFFSETS, PLACES, Value
from mids.resources import schemas

_OF_WORD = re.compile(r"(-?\d)(.*)")
"""An attribute of a word at a distance."""

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Weights:
    """The weights of attributes by label; labels are ``O`` and ``B-`` and ``I-`` of each kind.

    `rows` gives, for each column of a sheet, the row of a value in `states` (attributes x labels); `words` the row of
    an attribute of a word in `seen` (for each of `PLACES`, attributes x distances x labels). Row 0 is that of unknown
    ones. `moves` is from label to label (rows to columns).
    """

    labels: tuple[str, ...]
    rows: Mapping[str, Mapping[Value, int]]
    states: Floats
    words: Mapping[str, int]
    seen: tuple[Floats, ...]
    moves: Floats


def default_path() -> Path:
    """Where the weights lie that ship with the package, with their card and licence."""
    return schemas() / "deid" / "tagger" / "weights.npz"


@cache
def load_weights(path: Path) -> Weights:
    """The weights of a file, read once in each process."""
    with np.load(path, allow_pickle=False) as content:
        attributes = content["attributes"].tobytes().decode("utf-8").split("\n")
        labels = tuple(content["labels"].tobytes().decode("ascii").split())
        states = content["states"].astype(np.float32) * np.float32(content["scale"])
        moves = content["moves"].astype(np.float32)
    states = np.vstack([np.zeros((1, len(labels)), np.float32), states])
    rows: dict[str, dict[Value, int]] = {}
    words: dict[str, int] = {}
    places: list[tuple[int, int, int]] = []
    for at, attribute in enumerate(attributes, 1):
        if is_of_word := _OF_WORD.fullmatch(attribute):
            places.append((words.setdefault(is_of_word[2], len(words) + 1), OFFSETS.index(int(is_of_word[1])), at))
        else:
            name, _, value = attribute.partition("=")
            rows.setdefault(name, {})[tuple(value.split(" ")) if name in JOINED else value] = at
    seen = np.zeros((len(words) + 1, len(OFFSETS), len(labels)), np.float32)
    row, place, state = np.array(places, np.int64).reshape(-1, 3).T
    seen[row, place] = states[state]
    return Weights(labels, rows, states, words, tuple(seen[:, one] for one in PLACES), moves)


def write_weights(
    path: Path,
    labels: tuple[str, ...],
    states: Mapping[tuple[str, str], float],
    moves: Mapping[tuple[str, str], float],
    smallest: float = 0.02,
) -> None:
    """Writes weights as numbers of eight bits; attributes whose weights are all small are left out."""
    column = {label: at for at, label in enumerate(labels)}
    table: dict[str, Any] = {}
    for (attribute, label), weight in sorted(states.items()):
        if "\n" not in attribute:
            table.setdefault(attribute, np.zeros(len(labels)))[column[label]] = weight
    kept = {name: row for name, row in table.items() if np.abs(row).max() >= smallest}
    values = np.array(list(kept.values()))
    scale = np.abs(values).max() / 127
    matrix = np.zeros((len(labels), len(labels)), np.float32)
    for (before, after), weight in moves.items():
        matrix[column[before], column[after]] = weight
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        path,
        attributes=np.frombuffer("\n".join(kept).encode("utf-8"), np.uint8),
        labels=np.frombuffer(" ".join(labels).encode("ascii"), np.uint8),
        states=np.rint(values / scale).astype(np.int8),
        scale=np.float32(scale),
        moves=matrix,
    )
