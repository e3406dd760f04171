"""Whether as many slices, points of time and images are there as the headers say (`schemas/counts.yaml`)."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from mids.issues import Issue, issue
from mids.readers.dicom.grouping.slices import Slice, slices_of
from mids.readers.dicom.headers import Instance
from mids.resources import read_yaml, schemas


@cache
def _rules() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = read_yaml(schemas() / "counts.yaml")
    return found


def tell_absent(instances: Sequence[Instance]) -> Iterator[Issue]:
    """An Issue for each count of a patient's images that is smaller than their headers say.

    A larger one is none: a slice may be there twice, and several reconstructions may share an acquisition.
    """
    for rule in _rules():
        stating = [one for one in instances if rule["stated"] in one.header]
        groups: dict[tuple[str, ...], list[Instance]] = defaultdict(list)
        keywords = ("StudyInstanceUID", *(["SeriesInstanceUID"] if rule["within"] == "series" else []), rule["stated"])
        for one in stating:
            groups[tuple(map(one.text, (*keywords, *rule.get("per", ()))))].append(one)
        for group in groups.values():
            yield from _short(group, rule)


def _short(group: Sequence[Instance], rule: Mapping[str, Any]) -> Iterator[Issue]:
    stated = group[0].header[rule["stated"]]
    counted = rule["counted"]
    values = {_values(plane, counted) for one in group for plane in slices_of(one)} - {("None",) * len(counted)}
    if isinstance(stated, int) and rule.get("least", 1) <= len(values) < stated:
        message = f"{len(values)} of {stated} {rule['what']} are there ({rule['stated']})"
        yield issue("IMAGES_ABSENT", message, group[0].source.name, origin="read")


def _values(plane: Slice, keywords: Sequence[str]) -> tuple[str, ...]:
    return tuple(str(plane.get(keyword)) for keyword in keywords)
