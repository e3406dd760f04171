"""Points of time that lack slices: which slice belongs to which point."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from mids.readers.dicom.grouping.axes import Part, Place, chosen, numbers, rules
from mids.readers.dicom.grouping.slices import Floats, grouped

_SURE = 0.25
"""Share of the time between volumes that a slice may be off its usual time in a volume."""


def complete(part: Part) -> list[Part]:
    """Slices whose places occur unequally often: those of whole points of time, and each broken one by itself.

    Nothing is returned where no attribute of `order`, nor the number of the image, sets them apart.
    """
    most = max(Counter(part.places).values())
    every = [numbers(part.slices, rule) for rule in rules("order")]
    for values in every:
        groups = grouped(range(len(values)), lambda index, values=values: values[index])  # type: ignore[misc]
        spots = [frozenset(part.places[index] for index in group) for group in groups]
        if 1 < len(groups) <= most and all(len(spot) == len(group) for spot, group in zip(spots, groups, strict=True)):
            return _parts(part, groups)
    for values in (*every, numbers(part.slices, {"keyword": "InstanceNumber"})):
        if len(set(values)) > most and (groups := _by_clock(part, values, most)):
            return _parts(part, groups)
    return []


def _parts(part: Part, groups: Sequence[Sequence[int]]) -> list[Part]:
    spots = [frozenset(part.places[index] for index in group) for group in groups]
    whole = max(spots, key=lambda spot: (len(spot), spots.count(spot)))
    full = [index for spot, group in zip(spots, groups, strict=True) if spot == whole for index in group]
    rest = [group for spot, group in zip(spots, groups, strict=True) if spot != whole]
    return [chosen(part, indices) for indices in (full, *rest)]


def _by_clock(part: Part, values: Sequence[float], volumes: int) -> list[list[int]]:
    """The slices of each volume where every slice has a time of its own; empty where the times do not tell.

    Places that lack no slice say when volumes were made. The slices of another place are as late in each of their
    volumes as in the others; where that fits twice, as late as the places beside it let expect.
    """
    at: dict[Place, list[int]] = defaultdict(list)
    for index in sorted(range(len(values)), key=lambda index: values[index]):
        at[part.places[index]].append(index)
    full = {place: indices for place, indices in at.items() if len(indices) == volumes}
    if 2 * len(full) < len(at):
        return []
    times = np.array([[values[index] for index in indices] for indices in full.values()])
    begins = times.mean(axis=0)
    lateness = {place: float((row - begins).mean()) for place, row in zip(full, times, strict=True)}
    step = float(np.diff(begins).min())
    off = np.abs(times - begins - np.array(list(lateness.values()))[:, None]).max()
    if step <= 0 or off > _SURE * step or np.ptp(list(lateness.values())) >= step:
        return []
    groups = [[full[place][number] for place in full] for number in range(volumes)]
    for place, indices in at.items():
        if place in full:
            continue
        found = _fitting(np.array([values[index] for index in indices]), begins, _usual(place, lateness), _SURE * step)
        if not found:
            return []
        for number, index in zip(found, indices, strict=True):
            groups[number].append(index)
    return groups


def _usual(place: Place, lateness: Mapping[Place, float]) -> float:
    """How late a place is probably made: between those beside it, or on the line through the two nearest."""
    near = sorted(lateness, key=lambda other: abs(other[0] - place[0]))[:2]
    if len(near) < 2 or near[0][0] == near[1][0]:
        return lateness[near[0]]
    slope = (lateness[near[1]] - lateness[near[0]]) / (near[1][0] - near[0][0])
    return lateness[near[0]] + slope * (place[0] - near[0][0])


def _fitting(times: Floats, begins: Floats, usual: float, slack: float) -> list[int]:
    """For each time the volume to which it belongs; of those that fit the one nearest to what is usual."""
    fitting: list[tuple[float, list[int]]] = []
    for begin in begins:
        late = times[0] - begin
        numbers = [int(np.argmin(np.abs(begins - (time - late)))) for time in times]
        off = times - late - begins[numbers]
        if len(set(numbers)) == len(numbers) and np.abs(off - off.mean()).max() <= slack:
            fitting.append((abs(late + float(off.mean()) - usual), numbers))
    return min(fitting, default=(0.0, []))[1]
