"""Canaries: a unique word, day, time, number or UID for every place of a file where a patient could be named.

A `Cage` hands them out and remembers where each was put; `Canary.may_survive` says by PS3.15 Table E.1-1 alone, not
by the program's rules, whether a policy lets one out.
"""

import csv
import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Any, Literal, get_args

from pydicom.datadict import DicomDictionary, keyword_for_tag
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from mids.deid.policy import Option, Policy
from mids.resources import schemas

WORD = "CANARY"
ROOT = "1.2.826.0.1.3680043.10.777."
"""Of the UIDs."""

NAME = "name of "
"""How the place of a canary begins that is the name of a file, a folder or an archive."""

Kind = Literal["text", "uid", "number", "day", "time", "small"]
"""`small`: too short to be looked for but in its own attribute (ages, 16-bit numbers)."""

CLOCK = frozenset({"DA", "TM", "DT"})
_TEXT = frozenset({"LO", "SH", "CS", "AE", "ST", "LT", "UT", "UC"})
_BYTES = frozenset({"OB", "OW", "UN"})


@dataclass(frozen=True, slots=True)
class Row:
    """A row of Table E.1-1: what the profile and each option do with one attribute."""

    tag: int
    vr: str
    basic: str
    options: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Canary:
    """One canary: `form` as it is looked for, `file` and `path` (tags, the last its own) where it was put.

    `path` is empty outside of DICOM. `kept` is set where nothing but an override may remove it, such as what others
    published: it shows that whoever searches can find. `safe` is set in private elements of Table E.3.10-1.
    """

    form: str
    kind: Kind
    file: str
    path: tuple[int, ...] = ()
    vr: str = ""
    kept: bool = False
    safe: bool = False

    @property
    def place(self) -> str:
        """File and attributes, to be read by people."""
        return f"{self.file}: {' > '.join(keyword_for_tag(tag) or str(Tag(tag)) for tag in self.path)}"

    def may_survive(self, policy: Policy) -> bool:
        """Whether the policy keeps the attribute: its own action is K, and what it is nested in stays."""
        if not self.path:
            return self.kept
        overridden = {entry.attribute: entry.action for entry in policy.overrides}
        if own := overridden.get(keyword_for_tag(self.path[-1])):
            return own == "K"
        if not all(_stays(code(tag, policy.options)) for tag in self.path[:-1]):
            return False
        if self.kept:
            return True
        if self.safe:
            return "retain_safe_private" in policy.options
        if self.path[-1] == 0x00100020 and policy.ids == "keep":
            return True
        if self.kind == "time" and policy.dates == "shift":
            return policy.times == "keep"
        action = code(self.path[-1], policy.options)
        if action is None:
            return self.vr in CLOCK and policy.dates == "keep"
        return action == "K"


def _stays(action: str | None) -> bool:
    """Whether a sequence of this action keeps its items, cleaned."""
    return action in (None, "K", "C", "U", "X/Z/U*")


@cache
def table() -> Mapping[int, Row]:
    """The rows of Table E.1-1 that name one attribute, by tag."""
    rows: dict[int, Row] = {}
    lines = (schemas() / "deid" / "table_e1_1.tsv").read_text(encoding="utf-8").splitlines()
    for row in csv.DictReader((line for line in lines if not line.startswith("#")), delimiter="\t"):
        if re.fullmatch("[0-9A-Fa-f]{4},[0-9A-Fa-f]{4}", row["tag"].strip("()")):
            tag = int(row["tag"].strip("()").replace(",", ""), 16)
            options = {name: row[name] for name in get_args(Option) if row.get(name)}
            rows[tag] = Row(tag, row["vr"] or "LO", row["basic"], options)
    return rows


def code(tag: int, options: Iterable[str]) -> str | None:
    """The table's code for an attribute under the options, None outside of the table."""
    group, element = tag >> 16, tag & 0xFFFF
    if group & 1 or group >> 8 == 0x50 or (group >> 8 == 0x60 and element in (0x3000, 0x4000)):
        return "X"
    row = table().get(tag)
    if row is None:
        return None
    by_option = [row.options[option] for option in options if option in row.options]
    return "K" if "K" in by_option else by_option[0] if by_option else row.basic


@dataclass(slots=True)
class Cage:
    """All canaries that were handed out, with where they are."""

    all: list[Canary] = field(default_factory=list)
    _next: Counter[str] = field(default_factory=Counter)

    def _number(self, kind: str) -> int:
        """How many of the kind were handed out before."""
        self._next[kind] += 1
        return self._next[kind] - 1

    def word(
        self, file: str, *path: int, part: str = "", vr: str = "LO", kept: bool = False, safe: bool = False
    ) -> str:
        """A new word of 16 capitals, which might be somebody's name."""
        digest = hashlib.sha256(f"{file} {path} {part}".encode()).digest()
        form = WORD + "".join(chr(ord("A") + digit) for byte in digest[:5] for digit in divmod(byte, 16))
        self.all.append(Canary(form.lower(), "text", file, path, vr, kept, safe))
        return form

    def day(self, file: str, *path: int, vr: str = "DA") -> str:
        """A new day, ``YYYYMMDD`` between 1930 and 2019, whose day of the month is no month."""
        count = 90 * 12 * 16
        number = self._number("day")
        assert number < count, "no day is left"
        number = number * 6151 % count  # a prime: neighbours lie far apart, and none comes twice
        form = date(1930 + number // 192, number // 16 % 12 + 1, number % 16 + 13).strftime("%Y%m%d")
        self.all.append(Canary(form, "day", file, path, vr))
        return form

    def time(self, file: str, *path: int) -> str:
        """A new time of day, ``HHMMSS.FFFFFF``."""
        number = self._number("time")
        form = f"{number % 24:02d}{number // 24 % 60:02d}{number % 60:02d}.{number * 7919 % 10**6:06d}"
        self.all.append(Canary(form, "time", file, path, "TM"))
        return form

    def number(self, file: str, *path: int, vr: str = "DS") -> str:
        """A new whole number of ten digits."""
        form = str(1_777_000_000 + self._number("number") * 6151 % 10**6)
        self.all.append(Canary(form, "number", file, path, vr))
        return form

    def uid(self, file: str, *path: int, kept: bool = False) -> str:
        """A new UID."""
        form = f"{ROOT}{self._number('uid') + 10**6}"
        self.all.append(Canary(form, "uid", file, path, "UI", kept))
        return form

    def small(self, value: object, file: str, *path: int, vr: str = "US") -> Any:
        """A value that is looked for in its own attribute only; returned as it is."""
        self.all.append(Canary(str(value), "small", file, path, vr))
        return value

    def value(self, vr: str, file: str, *path: int) -> Any:
        """A canary as a legal value of a VR (PS3.5 6.2)."""
        if vr in _TEXT:
            return self.word(file, *path, vr=vr)
        if vr in _BYTES:
            return self.word(file, *path, vr=vr).encode() + b"\x00\x01"
        if vr in ("DS", "IS"):
            return self.number(file, *path, vr=vr)
        return {
            "PN": self._name, "UR": self._address, "DA": self.day, "DT": self._moment, "TM": self.time, "UI": self.uid,
            "AS": self._age, "US": self._short, "SQ": self._items,
        }[vr](file, *path)  # fmt: skip

    def _name(self, file: str, *path: int) -> str:
        return f"{self.word(file, *path, vr='PN')}^{self.word(file, *path, part='given', vr='PN')}^^DR"

    def _address(self, file: str, *path: int) -> str:
        return f"https://{self.word(file, *path, vr='UR').lower()}.example.org/a"

    def _moment(self, file: str, *path: int) -> str:
        return f"{self.day(file, *path, vr='DT')}101112.000000+0100"

    def _age(self, file: str, *path: int) -> Any:
        number = self._number("age") % 54
        return self.small(f"0{number // 9 + 2}{number % 9 + 1}Y", file, *path, vr="AS")  # no lower end of a band

    def _short(self, file: str, *path: int) -> Any:
        return self.small(40_000 + self._number("small") % 20_000, file, *path)

    def _items(self, file: str, *path: int) -> list[Dataset]:
        """One item with a name, texts, a day and a UID; no StudyDate: dcm2niix takes a nested one for the slice's."""
        item = Dataset()
        for tag in (0x00100030, 0x00081155, 0x00100010, 0x00104000, 0x00080080):
            item.add_new(tag, table()[tag].vr, self.value(table()[tag].vr, file, *path, tag))
        return [item]

    def put(self, dataset: Dataset, tag: int, vr: str, file: str, *path: int) -> None:
        """Adds one attribute that holds a canary, unless the dataset has the attribute already."""
        if tag not in dataset:
            dataset.add_new(tag, vr, self.value(vr, file, *path, tag))

    def fill(self, dataset: Dataset, file: str, *path: int) -> Dataset:
        """Adds every attribute of the table that the dataset lacks, and every DA, TM, DT and PN outside of it."""
        for row in table().values():
            if row.tag >> 16 > 0x0004:  # the others stand in messages, in the file meta and in a DICOMDIR
                self.put(dataset, row.tag, row.vr, file, *path)
        for tag in outside():
            self.put(dataset, tag, DicomDictionary[tag][0], file, *path)
        return dataset


@cache
def outside() -> tuple[int, ...]:
    """The attributes of the dictionary that are dates, times or person names and stand outside of the table."""
    wanted = CLOCK | {"PN"}
    return tuple(
        sorted(t for t, entry in DicomDictionary.items() if entry[0] in wanted and t not in table() and t >> 16 > 4)
    )
