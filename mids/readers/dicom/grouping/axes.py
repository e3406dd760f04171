"""What tells slices at one place apart: `schemas/axes.yaml` says what is not time, and what puts the rest in order."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from itertools import pairwise
from typing import Any, Literal

import numpy as np

from mids.readers.dicom.grouping.places import is_even
from mids.readers.dicom.grouping.slices import Slice, grouped
from mids.records import Json
from mids.resources import read_yaml, schemas
from mids.vocabulary.names import label

Place = tuple[int, int]
AxisName = Literal["", "time", "b", "inversion"]

_DAY = 86400
"""Seconds."""

_LIKE = 0.01
"""Relative difference of numbers (echo times, flip angles) up to which they are one."""


@dataclass(frozen=True, slots=True)
class Part:
    """Slices of one kind, each with its place, and the entities that tell them from others of their series."""

    slices: tuple[Slice, ...]
    places: tuple[Place, ...]
    entities: Mapping[str, str] = field(default_factory=dict)

    @property
    def repeats(self) -> bool:
        """Whether several slices lie at one place."""
        return len(set(self.places)) < len(self.places)


@dataclass(frozen=True, slots=True)
class Ordered:
    """Slices volume by volume, each in order of depth, and what the order of the volumes is.

    `named` is false where only the numbers of the images give the order.
    """

    slices: tuple[Slice, ...]
    volumes: int
    axis: AxisName = ""
    times: tuple[float, ...] = ()
    named: bool = True


@cache
def rules(part: str) -> list[dict[str, Any]]:
    """The rules of `schemas/axes.yaml` under ``apart`` or ``order``."""
    found: list[dict[str, Any]] = read_yaml(schemas() / "axes.yaml")[part]
    return found


def split(part: Part, modality: str) -> list[Part]:
    """The slices by all that is not time; see `schemas/axes.yaml`."""
    found = [part]
    for rule in rules("apart"):
        if modality in rule.get("modalities", [modality]):
            found = [one for whole in found for one in _split_by(whole, rule)]
    return found


def _split_by(part: Part, rule: Mapping[str, Any]) -> list[Part]:
    values = _values(part.slices, rule) if rule.get("always") or part.repeats else [None]
    if not part.repeats and None in values:
        return [part]
    if len(set(values)) < 2:
        alone = next((code for code in rule.get("alone", ()) if values[0] == (code,)), "")
        return [replace(part, entities={**part.entities, rule["entity"]: alone})] if alone else [part]
    names = _names(values, rule)
    indices = grouped(range(len(values)), lambda index: values[index])
    parts = []
    for group in sorted(indices, key=lambda group: _rank(values[group[0]])):
        entities = dict(part.entities)
        entity = rule["entity"]
        if entity and (name := names[values[group[0]]]):
            entities[entity] = entities.get(entity, "") + name if entity == "rec" else name
        parts.append(replace(chosen(part, group), entities=entities))
    is_complete = all(is_even(one.places) for one in parts)
    return parts if rule.get("always") or is_complete else [part]


_Value = tuple[str, ...] | float | None


def _rank(value: _Value) -> tuple[int, float, tuple[str, ...]]:
    return (0, value, ()) if isinstance(value, float) else (1, 0.0, value or ())


def _values(slices: Sequence[Slice], rule: Mapping[str, Any]) -> list[_Value]:
    """What a rule compares: for each slice a number, words, or None where it says nothing."""
    raw = [next((v for key in rule["keywords"] if (v := _said(plane, key)) is not None), None) for plane in slices]
    if rule.get("number"):
        return _clustered(raw)
    texts = [tuple(str(item) for item in (value if isinstance(value, list) else [value])) for value in raw]
    if "words" in rule:
        found = [_word(words, rule) for words in texts]
        return [(word,) if word else None for word in found]
    without = [re.compile(pattern, re.IGNORECASE) for pattern in rule.get("without", {}).values()]
    kept = (tuple(word for word in words if not any(p.search(word) for p in without)) for words in texts)
    return [None if value is None else words for value, words in zip(raw, kept, strict=True)]


def _said(plane: Slice, keyword: str) -> Json:
    value = plane.get(keyword)
    if keyword in ("ImageType", "FrameType"):  # the first two say no more than original and primary
        return value[2:] or None if isinstance(value, list) else None
    return value


def _word(words: Sequence[str], rule: Mapping[str, Any]) -> str:
    for code, pattern in rule["words"].items():
        if any(re.search(pattern, word, re.IGNORECASE) for word in words):
            return str(code)
    return str(rule.get("else", "")) if words != ("None",) else ""


def _clustered(raw: Sequence[Json]) -> list[_Value]:
    """Numbers, each replaced by the smallest of those that are hardly different from their neighbours."""
    firsts = [value[0] if isinstance(value, list) and value else value for value in raw]
    numbers = [float(value) if isinstance(value, int | float) else None for value in firsts]
    leaders: dict[float, float] = {}
    leader = 0.0
    for number in sorted({number for number in numbers if number is not None}):
        if not leaders or number - leader > _LIKE * max(abs(number), abs(leader)):
            leader = number
        leaders[number] = leader
    return [None if number is None else leaders[number] for number in numbers]


def _names(values: Sequence[_Value], rule: Mapping[str, Any]) -> dict[_Value, str]:
    """What each value is called in a name."""
    every = sorted(set(values), key=_rank)
    if rule.get("number"):
        unit = rule.get("unit")
        numbers = [value for value in every if isinstance(value, float)]
        named = (str(n) if unit is None else f"{label(f'{number:g}')}{unit}" for n, number in enumerate(numbers, 1))
        return {**dict.fromkeys(every, ""), **dict(zip(numbers, named, strict=True))}
    words = {value: value for value in every if isinstance(value, tuple)}
    shared = set.intersection(*(set(value) for value in words.values())) if len(words) > 1 else set()
    names = dict.fromkeys(every, "")
    shared |= {"NONE"}  # it stands where nothing is to be said (PS3.3 C.8.13.1.1.1)
    return names | {value: label("".join(word for word in value if word not in shared)) for value in words}


def order(part: Part) -> Ordered | None:
    """The slices volume by volume; None where nothing tells slices at one place apart, or not at every place."""
    volumes = len(part.places) // len(set(part.places))
    if volumes == 1:
        return Ordered(_sorted(part, [0.0] * len(part.places)), 1)
    if not is_even(part.places):
        return None
    inversion = numbers(part.slices, {"keyword": "InversionTime"})
    if inversion and _is_distinct(part, inversion):  # of every slice its own, as Look-Locker has it
        return Ordered(_sorted(part, inversion), volumes, "inversion")
    keys = {rule["keyword"]: numbers(part.slices, rule) for rule in rules("order")}
    keyword = next((key for key, values in keys.items() if values and _is_whole(part, values)), "")
    keyword = keyword or next((key for key, values in keys.items() if values and _is_distinct(part, values)), "")
    dimensions = [] if keyword else _by_dimensions(part)
    values = _unmixed(part, keys.get(keyword) or dimensions or _by_number(part))
    if not values:
        return None
    slices = _sorted(part, values)
    is_time = keyword or part.slices[0].number("NumberOfTemporalPositions") == volumes
    axis: AxisName = "b" if is_diffusion(part.slices) else "time" if is_time else ""
    times = _times(slices, volumes, keyword) if axis == "time" else ()
    return Ordered(slices, volumes, axis, times, named=bool(axis or dimensions))


def chosen(part: Part, indices: Sequence[int]) -> Part:
    """Some slices of a part."""
    slices, places = tuple(part.slices[index] for index in indices), tuple(part.places[index] for index in indices)
    return Part(slices, places, part.entities)


def _is_whole(part: Part, values: Sequence[float]) -> bool:
    """Whether each value has every place exactly once."""
    count = len(set(part.places))
    groups = grouped(range(len(values)), lambda index: values[index])
    return len(groups) > 1 and all(len(group) == count == len({part.places[i] for i in group}) for group in groups)


def _is_distinct(part: Part, values: Sequence[float]) -> bool:
    """Whether values differ at every place."""
    return len(set(zip(part.places, values, strict=True))) == len(values)


def _unmixed(part: Part, values: list[float]) -> list[float]:
    """The values, or the b-values where each has every place once and the values would mix them, or are none.

    Numbers of images in no order would put slices of several b-values into one volume.
    """
    weights = numbers(part.slices, {"keyword": "DiffusionBValue"})
    if not weights or not _is_whole(part, weights):
        return values
    ordered = [plane.number("DiffusionBValue") for plane in _sorted(part, values)] if values else []
    count = len(set(part.places))
    is_mixed = any(len(set(ordered[first : first + count])) > 1 for first in range(0, len(ordered), count))
    return weights if is_mixed or not values else values


def _by_dimensions(part: Part) -> list[float]:
    """The rank of each frame by its dimension indices (PS3.3 C.7.6.17), empty where they don't tell frames apart."""
    indices = [plane.get("DimensionIndexValues") for plane in part.slices]
    known = [tuple(map(str, index)) for index in indices if isinstance(index, list)]
    if (
        len(known) < len(indices)
        or len({len(index) for index in known}) > 1
        or not all("".join(i).isdecimal() for i in known)
    ):
        return []
    ranks = {index: float(n) for n, index in enumerate(sorted(set(known), key=lambda index: [*map(int, index)]))}
    values = [ranks[index] for index in known]
    return values if _is_distinct(part, values) else []


def _by_number(part: Part) -> list[float]:
    """Numbers of the images or frames that differ at every place; empty where they don't."""
    for values in (
        [plane.number("InstanceNumber") for plane in part.slices],
        [None if plane.frame is None else float(plane.frame) for plane in part.slices],
    ):
        known = [value for value in values if value is not None]
        if len(known) == len(values) and _is_distinct(part, known):
            return known
    return []


def _sorted(part: Part, values: Sequence[float]) -> tuple[Slice, ...]:
    """The slices by their rank among those at their place, then by place."""
    ranks: dict[int, int] = {}
    for group in grouped(range(len(values)), lambda index: part.places[index]):
        ranks |= {index: rank for rank, index in enumerate(sorted(group, key=lambda index: values[index]))}
    indices = sorted(range(len(values)), key=lambda index: (ranks[index], part.places[index]))
    return tuple(part.slices[index] for index in indices)


def is_diffusion(slices: Sequence[Slice]) -> bool:
    """Whether slices differ in their b-value: by its attribute, or by the name of the sequence (Siemens)."""
    weights = {plane.number("DiffusionBValue") for plane in slices}
    named = {m[1] for plane in slices if (m := re.search(r"b(\d+)", str(plane.get("SequenceName") or "")))}
    return len(weights) > 1 or len(named) > 1


def numbers(slices: Sequence[Slice], rule: Mapping[str, Any]) -> list[float]:
    """The values of a rule of `order`, in seconds where they are times; empty unless every slice has one."""
    found = []
    for plane in slices:
        value = _seconds(plane, rule) if "Time" in rule["keyword"] else plane.number(rule["keyword"])
        if value is None:
            return []
        found.append(value)
    is_one_day = "date" in rule and len({plane.get(rule["date"]) for plane in slices}) == 1
    return _past_midnight(found) if is_one_day else found


def _past_midnight(seconds: list[float]) -> list[float]:
    """Times of day, those after midnight a day later where the others are of the evening before.

    No series waits for half a day; dates are absent, or of the day on which it began.
    """
    known = sorted(set(seconds))
    gap, last = max(((after - before, before) for before, after in pairwise(known)), default=(0.0, 0.0))
    return [value + _DAY * (value <= last) for value in seconds] if gap > _DAY / 2 else seconds


def _seconds(plane: Slice, rule: Mapping[str, Any]) -> float | None:
    value = plane.get(rule["keyword"])
    if isinstance(value, int | float):
        return float(value) * float(rule.get("scale", 1))
    text = str(value or "")
    if "date" in rule:
        day = str(plane.get(rule["date"]) or "20000101").replace(".", "")
        text = f"{day}{text.replace(':', '')}" if text else ""  # points and colons are ACR-NEMA's (PS3.5 6.2)
    return moment(text)


def moment(text: str) -> float | None:
    """Seconds since 1970 of a DICOM date and time (DT, PS3.5 6.2), in UTC if it has no offset; None if it is none."""
    match = re.fullmatch(r"(\d{8})(\d{2})(\d{2})?(\d{2})?(?:\.(\d{1,6}))?([+-]\d{4})? *", text)
    if match is None:
        return None
    day, hour, minute, second, fraction, offset = match.groups()
    try:
        whole = datetime.strptime(f"{day}{hour}{minute or '00'}{second or '00'}{offset or '+0000'}", "%Y%m%d%H%M%S%z")
    except ValueError:
        return None
    return whole.timestamp() + float(f"0.{fraction or 0}")


def _times(slices: Sequence[Slice], volumes: int, keyword: str) -> tuple[float, ...]:
    """When each volume began, in s after the first: by what gave the order, else by the first time that rises.

    PET states when a frame began in its acquisition time; its reference time lies inside the frame (PS3.3 C.8.9.4).
    """
    timed = [rule for rule in rules("order") if "scale" in rule]
    timed.sort(key=lambda rule: rule["keyword"] != keyword)
    if keyword == "FrameReferenceTime":
        timed.sort(key=lambda rule: rule["keyword"] != "AcquisitionTime")
    count = len(slices) // volumes
    for rule in timed:
        values = numbers(slices, rule)
        if values:
            begins = np.array(values).reshape(volumes, count).min(axis=1)
            if (np.diff(begins) > 0).all():
                return tuple(round(float(value), 6) for value in begins - begins[0])
    return ()
