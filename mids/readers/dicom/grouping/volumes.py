"""From the slices of one series to volumes: what belongs together, what repeats, and what can't be put together."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from mids.issues import Issue, issue
from mids.readers.dicom.geometry import even_slices, find_rounding, geometry
from mids.readers.dicom.grouping.axes import Ordered, Part, Place, order, split
from mids.readers.dicom.grouping.incomplete import complete
from mids.readers.dicom.grouping.makers import completed
from mids.readers.dicom.grouping.places import is_even, places
from mids.readers.dicom.grouping.slices import Slice, grouped, is_direction, stacks
from mids.readers.dicom.grouping.strangers import strangers, tell_frames
from mids.readers.dicom.grouping.twins import without_copies
from mids.readers.dicom.mosaic import is_sheet
from mids.readers.dicom.pixels import RESCALE
from mids.records import Geometry, Item, Json, Kind, PatientKey, Record, Skipped

LOST = "lost with its series: "
"""How the reason begins why the other files of a series are lost."""

_CLASSIC = {"EffectiveEchoTime": "EchoTime", "InversionTimes": "InversionTime"}
"""Keywords of enhanced MR (PS3.3 C.8.13.5) and those of classic MR that say the same, in the same unit."""

_CLOCK = 0.05
"""Relative difference up to which the time between volumes is the repetition time, read from a clock."""

_FAR = 4
"""Usual distances of slices from which on a distance is one between slabs."""

_DEPTHS = ("SpacingBetweenSlices", "SliceThickness")

_SCALED = frozenset({"CT", "PT"})
"""Modalities whose images must state RescaleSlope and RescaleIntercept (PS3.3 C.8.2.1, C.8.9.4)."""

Ids = tuple[PatientKey, str, str]
"""Subject, study and modality."""


def volumes(root: Path, ids: Ids, slices: Sequence[Slice], part: int) -> Iterator[Item]:
    """The records of the slices of one series, numbered from `part`, and what is skipped or wrong."""
    found = stacks(slices)
    if len(found) > 1:
        what = "orientation, size, pixel spacing or frame of reference"
        message = f"{len(found)} sets of slices of different {what} in one series"
        yield issue("SERIES_MIXED", message, slices[0].source.name, origin="read")
    yield from tell_frames(slices)
    for stack in found:
        number, what = strangers(stack, [other for other in found if other is not stack])
        if number:
            message = f"{number} slices beside the {len(stack)} of a volume differ from them in {what}"
            yield issue("SLICE_DIFFERS", message, stack[0].source.name, origin="read")
        items = list(_stack(root, ids, stack))
        missing = sum(one.geometry.missing for one in items if isinstance(one, Record) and one.geometry)
        for item in items:
            if isinstance(item, Issue) and item.code == "SERIES_GAP" and missing <= number:
                continue  # nothing is missing but what differs
            if isinstance(item, Record):
                item = replace(item, part=part)
                part += 1
            yield item


def _stack(root: Path, ids: Ids, stack: list[Slice]) -> Iterator[Item]:
    """The volumes of slices of one direction and size."""
    # Each sheet of tiles is a volume: where its corner lies moves with a correction of motion, and tells none apart.
    is_one_place = len(stack) == 1 or all(is_sheet(plane.instance.header) for plane in stack)
    if wrong := _misplaced(stack, is_one_place=is_one_place):
        yield from _refused(*wrong, ids, stack)
        return
    where = [(0, 0)] * len(stack) if is_one_place else places(stack)
    if beside := _beside(stack, where):
        yield from _refused("GEOMETRY_IRREGULAR", beside, ids, stack)
        return
    kept, copies = without_copies(root, stack, where)
    for index in copies:
        reason = "a duplicate: same position, time and pixels as another slice"
        yield Skipped((stack[index].source,), reason, ids[0], stack[index].instance.text("SeriesInstanceUID"))
    slices, spots = [stack[index] for index in kept], [where[index] for index in kept]
    if ids[2] == "MR":
        slices = completed(root, slices, spots)
    sides = grouped(range(len(slices)), lambda index: spots[index][1])
    if len(sides) > 1:
        message = f"{len(sides)} sets of slices lie side by side; each became a volume"
        yield issue("SERIES_MIXED", message, stack[0].source.name, origin="read")
    for side in sides:
        whole = Part(tuple(slices[index] for index in side), tuple(spots[index] for index in side))
        parts = split(whole, ids[2])
        if len(parts) > 1:
            kinds = sorted({entity for one in parts for entity in one.entities})
            message = (
                f"the series has {len(parts)} sets of slices that are not time points ({', '.join(kinds) or 'kernel'})"
            )
            yield issue("SERIES_MIXED", message, stack[0].source.name, origin="read")
        for one in parts:
            yield from _part(ids, one)


def _misplaced(stack: Sequence[Slice], *, is_one_place: bool) -> tuple[str, str] | None:
    """The code and message of what keeps slices from being placed at all."""
    said = [plane.orientation for plane in stack]
    if any(cosines and not is_direction(cosines) for cosines in said):
        zero = (
            "zero"
            if any(cosines and not any(cosines) for cosines in said)
            else "not two axes of length 1 at right angles"
        )
        return "ORIENTATION_INVALID", f"ImageOrientationPatient is {zero}; the direction of the slices is unknown"
    if is_one_place:
        return None
    for what, known in (("position", [plane.position for plane in stack]), ("orientation", said)):
        if absent := sum(not one for one in known):
            of = f"{absent} of {len(stack)} {'frames' if stack[0].frame is not None else 'slices'}"
            return "SERIES_UNSTACKABLE", f"{of} have no {what} in numbers, and can't be stacked into a volume"
    return _equal(stack)


def _equal(stack: Sequence[Slice]) -> tuple[str, str] | None:
    """The code and message where slices have one position, or fewer than locations for want of digits."""
    points = np.array(sorted({plane.position for plane in stack}))
    varying = points[:, np.ptp(points, axis=0) > 0]
    said = [abs(value) for keyword in _DEPTHS if (value := stack[0].number(keyword))]
    for keyword in ("SliceLocation", "InStackPositionNumber"):
        count = len({plane.number(keyword) for plane in stack})
        if count <= len(points):
            continue
        if len(points) == 1:
            message = f"{len(stack)} slices have the same ImagePositionPatient, but {count} different {keyword}s"
            return "POSITIONS_EQUAL", message
        if 2 * find_rounding(varying) > min(said, default=np.inf):
            message = f"positions have too few digits: {len(points)} are different, and {count} {keyword}s"
            return "POSITIONS_EQUAL", message
    return None


def _beside(stack: Sequence[Slice], where: Sequence[Place]) -> str:
    """What is wrong where all slices lie side by side, though their locations say that they are stacked; else empty."""
    locations = {plane.number("SliceLocation") for plane in stack}
    if len({depth for depth, _ in where}) > 1 or len({side for _, side in where}) < 2 or len(locations) < 2:
        return ""
    return f"{len(stack)} slices lie side by side, but have {len(locations)} different SliceLocations"


def _part(ids: Ids, part: Part) -> Iterator[Item]:
    """The volumes of slices that only time, or something like it, tells apart."""
    parts = [part] if is_even(part.places) else complete(part)
    if len(parts) > 1 and any(set(one.places) - set(parts[0].places) for one in parts):
        message = f"{len(parts)} sets of slices overlap in space, but differ in time"
        yield issue("SERIES_MIXED", message, part.slices[0].source.name, origin="read")
    elif len(parts) > 1:
        message = f"{len(parts) - 1} time points lack slices; each became a volume of its own"
        yield issue("TIME_INCOMPLETE", message, part.slices[0].source.name, origin="read")
    ordered = [order(one) for one in parts]
    if not parts or None in ordered:
        uneven = "positions occur unequally often, and nothing says which time points lack slices"
        message = "slices repeat positions, and no attribute explains why" if is_even(part.places) else uneven
        yield from _refused("SERIES_UNSTACKABLE", message, ids, part.slices)
        return
    for one in ordered:
        if one is not None:
            yield from _volume(ids, one, part.entities)


def _volume(ids: Ids, ordered: Ordered, entities: Mapping[str, str]) -> Iterator[Item]:
    """The record of one volume, of several where slabs lie far apart, or none where most of it would be invented."""
    slices, name = ordered.slices, ordered.slices[0].source.name
    found = record(*ids, "volume", slices, 0, ordered, entities)
    shape = found.geometry
    assert shape is not None
    absent = even_slices(shape) - shape.slices
    if absent > shape.slices:
        message = f"only {shape.slices} slices exist; {absent} slices between them would have to be invented"
        slabs = _slabs(ordered, shape)
        if not slabs:
            yield from _refused("SERIES_SPARSE", message, ids, slices)
            return
        counts = " and ".join(str(len(slab.slices) // slab.volumes) for slab in slabs)
        yield issue("SLABS_APART", f"slabs of {counts} slices lie apart; each became a volume", name, origin="read")
        for slab in slabs:
            yield from _volume(ids, slab, entities)
        return
    if shape.missing:
        message = f"{shape.missing} slices are missing between the {shape.slices} that exist"
        yield issue("SERIES_GAP", message, name, origin="read")
    if ids[2] == "NM" and shape.frames and shape.slices > 1 and slices[0].number("SpacingBetweenSlices") is None:
        message = "SpacingBetweenSlices is missing; the slices were stacked along their normal"
        yield issue("SPACING_ASSUMED", message, name, origin="read")
    if shape.slices == 1 and shape.first and not any(map(slices[0].number, _DEPTHS)):
        message = "the one slice does not say how thick it is (SliceThickness); its voxels were made 1 mm deep"
        yield issue("SPACING_ASSUMED", message, name, origin="read")
    yield from _tell_scale(slices, ids[2])
    if not ordered.named:
        message = f"{ordered.volumes} volumes at one place were ordered by the numbers of their images, not by time"
        yield issue("ORDER_ASSUMED", message, name, origin="read")
    yield found


def _tell_scale(slices: Sequence[Slice], modality: str) -> Iterator[Issue]:
    """An Issue for slices whose header does not say what stored values mean, though CT, PET or the others must.

    Where the others do not state the usual 1 and 0, nothing is delivered (``RESCALE_CONTRADICTED``).
    """
    if any(plane.get("ModalityLUTSequence") for plane in slices):
        return
    lacking = {}
    for keyword in RESCALE:
        without = sum(plane.get(keyword) is None for plane in slices)
        if without and (without < len(slices) or modality in _SCALED):
            lacking[keyword] = without
    if lacking:
        said = " and ".join(f"{count} of {len(slices)} slices have no {keyword}" for keyword, count in lacking.items())
        message = f"{said}; their stored values were taken as they are"
        yield issue("RESCALE_MISSING", message, slices[0].source.name, origin="read")


def _slabs(ordered: Ordered, shape: Geometry) -> list[Ordered]:
    """The slabs into which far larger distances than the usual one divide the slices; none where one is a lone slice.

    The larger distances can't be the usual one: there would be no gap.
    """
    points = np.array(shape.positions)
    distances = np.linalg.norm(np.diff(points, axis=0), axis=1)
    begins = np.flatnonzero(distances > _FAR * np.median(distances)) + 1
    edges = [0, *map(int, begins), len(points)]
    if len(edges) < 3 or min(np.diff(edges)) < 2:
        return []
    depths = [range(first, last) for first, last in pairwise(edges)]
    return [
        replace(ordered, slices=tuple(one for n, one in enumerate(ordered.slices) if n % len(points) in depth))
        for depth in depths
    ]


def _refused(code: str, message: str, ids: Ids, slices: Sequence[Slice]) -> Iterator[Item]:
    """One Issue for the series; its other files are accounted for as lost with it."""
    sources = list(dict.fromkeys(plane.source for plane in slices))
    yield issue(code, message, sources[0].name, origin="read")
    if len(sources) > 1:
        yield Skipped(tuple(sources[1:]), LOST + message, ids[0], slices[0].instance.text("SeriesInstanceUID"), "lost")


def record(
    subject: PatientKey, study: str, modality: str, kind: Kind, slices: Sequence[Slice], part: int,
    ordered: Ordered | None = None, entities: Mapping[str, str] | None = None,
) -> Record:  # fmt: skip
    """The record of slices in order, or of one picture or loop."""
    header, per_slice = _folded(slices)
    first = slices[0].instance
    shape = _shape(slices, ordered) if kind == "volume" else None
    return Record(
        subject=subject,
        study=study,
        series=first.text("SeriesInstanceUID") or first.source.name,
        kind=kind,
        modality=modality,
        sources=tuple(dict.fromkeys(plane.source for plane in slices)),
        header=header,
        per_slice=per_slice,
        geometry=shape,
        part=part,
        instance=first.text("SOPInstanceUID"),
        entities=entities or {},
    )


def _shape(slices: Sequence[Slice], ordered: Ordered | None) -> Geometry:
    if ordered is None:
        return geometry(slices)
    shape = geometry(slices, ordered.volumes)
    step = round(float(np.diff(ordered.times).mean()), 6) if len(ordered.times) > 1 else 0.0
    repetition = (slices[0].number("RepetitionTime") or 0.0) / 1000  # stated in ms, and more exact than clocks
    if abs(repetition - step) < _CLOCK * step:
        step = repetition
    return replace(shape, axis=ordered.axis, times=ordered.times, step=step)


def _folded(slices: Sequence[Slice]) -> tuple[Mapping[str, Json], Mapping[str, tuple[Json, ...]]]:
    """Attributes that are constant over the slices, and the varying ones per slice."""
    instances = {id(plane.instance): plane.instance for plane in slices}.values()
    keywords = dict.fromkeys(key for one in instances for key in (*one.header, *one.per_frame))
    constant: dict[str, Json] = {}
    varying: dict[str, tuple[Json, ...]] = {}
    for keyword in keywords:
        values = tuple(plane.get(keyword) for plane in slices)
        if all(value == values[0] for value in values):
            constant[keyword] = values[0]
        else:
            varying[keyword] = values
    for enhanced, classic in _CLASSIC.items():
        if enhanced in constant:
            constant.setdefault(classic, constant[enhanced])
        elif enhanced in varying:
            varying.setdefault(classic, varying[enhanced])
    return constant, varying
