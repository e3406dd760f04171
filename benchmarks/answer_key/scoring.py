"""Scores what a de-identifier made of the studies of the answer key, by the ten actions of MIDI-B.

An output is known again by what it shows (a patch in the middle of its pixels, the numbers of a report), because names
and UIDs are new. Each row of a file that was not delivered is wrong.
"""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from pathlib import Path

import numpy as np
import pydicom
from pydicom import Dataset
from pydicom.errors import InvalidDicomError

from benchmarks.answer_key.studies import Row

ACTIONS = (
    "tag retained", "text notnull", "text retained", "text removed", "date shifted", "pixels retained",
    "pixels hidden", "patid consistent", "uid changed", "uid consistent",
)  # fmt: skip
PATCH = slice(112, 144)


@dataclass(slots=True)
class Score:
    """Rows by action, how many of them are right, which are not, and the files without an output."""

    rows: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)
    wrong: list[Row] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def share(self) -> float:
        """The part of all rows that is right."""
        return self.right.total() / self.rows.total()


def score(rows: Sequence[Row], inputs: Path, output: Path) -> Score:
    """Compares every row with the output; `output` is searched at any depth for DICOM files of any name."""
    made = _outputs(output)
    pairs = {path.name: Pair(old := pydicom.dcmread(path), made.get(_shown(old))) for path in sorted(inputs.iterdir())}
    whole = _Whole(rows, pairs)
    done = Score(missing=[name for name, pair in pairs.items() if pair.new is None])
    for row in rows:
        done.rows[row.action] += 1
        pair = pairs[row.file]
        if pair.new is not None and whole.is_right(row, pair):
            done.right[row.action] += 1
        else:
            done.wrong.append(row)
    return done


def _outputs(folder: Path) -> dict[str, Dataset]:
    found = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        try:
            dataset = pydicom.dcmread(path)
            found[_shown(dataset)] = dataset
        except (InvalidDicomError, AttributeError, ValueError):
            continue
    return found


def _shown(dataset: Dataset) -> str:
    """What an instance shows and no de-identifier changes."""
    if "PixelData" in dataset:
        patch = dataset.pixel_array[PATCH, PATCH]
        return sha256(np.ascontiguousarray(patch, dtype="<u2").tobytes()).hexdigest()
    return "/".join(str(element.value) for element in dataset.iterall() if element.keyword == "NumericValue")


@dataclass(frozen=True)
class Pair:
    """An instance and its output, if there is one."""

    old: Dataset
    new: Dataset | None

    @cached_property
    def pixels(self) -> tuple[np.ndarray, np.ndarray]:
        """Both pixel arrays."""
        assert self.new is not None
        return self.old.pixel_array, self.new.pixel_array


def values(dataset: Dataset | None, element: str) -> list[str]:
    """The values of an element as text; none where it is not there, or empty."""
    found = find(dataset, element)
    if found is None or found.is_empty:
        return []
    return list(map(str, found.value)) if isinstance(found.value, pydicom.multival.MultiValue) else [str(found.value)]


def find(dataset: Dataset | None, element: str) -> pydicom.DataElement | None:
    """An element by ``Sequence/Keyword`` or ``private CREATOR gggg ee VR``."""
    if dataset is None:
        return None
    if element.startswith("private "):
        creator, group, place, _ = element.removeprefix("private ").rsplit(" ", 3)
        try:
            return dataset.private_block(int(group, 16), creator)[int(place, 16)]
        except KeyError:
            return None
    *sequences, keyword = element.split("/")
    for sequence in sequences:
        items = dataset.get(sequence)
        if not items:
            return None
        dataset = items[0]
    return dataset[keyword] if dataset.get_item(keyword) is not None else None


# --- the ten actions -------------------------------------------------------------------------------------------


@dataclass
class _Whole:
    """What rows need to know of all files: which ID and UID became which, and by how many days dates moved."""

    rows: Sequence[Row]
    pairs: Mapping[str, Pair]

    def is_right(self, row: Row, pair: Pair) -> bool:
        """Whether an output did what a row expects."""
        there = values(pair.new, row.element)
        checks: Mapping[str, Callable[[], bool]] = {
            "tag retained": lambda: find(pair.new, row.element) is not None,
            "text notnull": lambda: any(there),
            "text retained": lambda: set(words(row.words)) <= set(words(" ".join(there))),
            "text removed": lambda: not set(words(row.words)) & set(words(" ".join(there))),
            "date shifted": lambda: not there or self._is_shifted(row, there[0]),
            "pixels retained": lambda: _is_retained(pair),
            "pixels hidden": lambda: _is_hidden(pair, row.words),
            "patid consistent": lambda: there == [self._one("patid consistent", row.value)] and there != [row.value],
            "uid changed": lambda: row.value not in there,
            "uid consistent": lambda: not there or there == [self._one("uid consistent", row.value)],
        }
        return checks[row.action]()

    def _one(self, action: str, old: str) -> str:
        """What most places hold for an ID; empty where it is that of another one too."""
        new = self._became[action][old].most_common(1)
        others = {most for other, found in self._became[action].items() if other != old for most in found}
        return new[0][0] if new and new[0][0] not in others else ""

    @cached_property
    def _became(self) -> Mapping[str, Mapping[str, Counter[str]]]:
        found: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
        for row in self.rows:
            if row.action in ("patid consistent", "uid consistent"):
                found[row.action][row.value].update(values(self.pairs[row.file].new, row.element))
        return found

    def _is_shifted(self, row: Row, new: str) -> bool:
        """Whether a date is a dummy, or moved as far as most of the patient's."""
        if new[:8] < "19010101":
            return True
        days = _moved(row.value, new)
        patient = str(self.pairs[row.file].old.PatientID)
        return days not in (None, 0) and days == self._shifts[patient].most_common(1)[0][0]

    @cached_property
    def _shifts(self) -> Mapping[str, Counter[int]]:
        found: dict[str, Counter[int]] = defaultdict(Counter)
        for row in self.rows:
            pair = self.pairs[row.file]
            there = values(pair.new, row.element) if row.action == "date shifted" else []
            if there and (days := _moved(row.value, there[0])) is not None:
                found[str(pair.old.PatientID)][days] += 1
        return found


def _moved(old: str, new: str) -> int | None:
    """Days between two dates, None where one is none."""
    try:
        return (datetime.strptime(new[:8], "%Y%m%d") - datetime.strptime(old[:8], "%Y%m%d")).days
    except ValueError:
        return None


def words(text: str) -> Iterable[str]:
    """Words and numbers without case and accents; a number by its value."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    for word in re.findall(r"-?\d+\.\d+(?![.\d])|\w+(?:\.\d+){2,}|\w+", plain.replace("_", " ")):
        yield f"{float(word):g}" if re.fullmatch(r"-?\d+(\.\d+)?", word) else word


def _is_retained(pair: Pair) -> bool:
    """Whether all pixels below the text are what they were."""
    old, new = pair.pixels
    return old.shape == new.shape and bool((old[32:] == new[32:]).all())


def _is_hidden(pair: Pair, box: str) -> bool:
    """Whether nothing of the strokes is left: the bright pixels are no brighter than what is around them."""
    left, top, right, bottom = map(int, box.split())
    old, new = (pixels[top:bottom, left:right].astype(float) for pixels in pair.pixels)
    strokes = old > old.max() / 2
    return bool(new[strokes].mean() - new[~strokes].mean() < 0.05 * (old[strokes].mean() - old[~strokes].mean()))
