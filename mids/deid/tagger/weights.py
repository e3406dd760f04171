"""The weights of the recogniser: a linear-chain CRF as two tables of numbers, by attribute and label."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mids.resources import schemas

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Weights:
    """`rows` gives the row of an attribute in `states` (attributes x labels); row 0 is that of unknown ones.

    `moves` is from label to label (rows to columns). Labels are ``O`` and ``B-`` and ``I-`` of each kind.
    """

    labels: tuple[str, ...]
    rows: Mapping[str, int]
    states: Floats
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
    rows = {attribute: at for at, attribute in enumerate(attributes, 1)}
    return Weights(labels, rows, np.vstack([np.zeros((1, len(labels)), np.float32), states]), moves)


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
