"""From the annotations of an MD.ai export to what they say of one patient: label rows, outlines, marks.

Every reader keeps a row and a label map of their own; nobody is outvoted. An annotation that names a series or an
image which is not there is an Issue.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mids.errors import DataError
from mids.issues import Issue, issue
from mids.readers.annotations.mdai import Annotation, joined
from mids.readers.dicom.headers import Instance
from mids.records import Entry, Item, Outline, PatientKey, Record, Regions, Source
from mids.vocabulary.names import label


@dataclass(frozen=True, slots=True)
class Term:
    """What a label of the schema means: a finding or a region (`index` in label maps), or a value of a column."""

    name: str
    kind: str
    column: str = ""
    value: str = ""
    index: int = 0
    cui: str = ""


@dataclass(frozen=True, slots=True)
class Drawing:
    """The annotations of one export, its file, the terms of its schema, and the lookup of its label maps."""

    source: Source
    annotations: tuple[Annotation, ...]
    terms: Mapping[str, Term]
    lookup: Mapping[str, int]


@dataclass(slots=True)
class Places:
    """Where a patient's images are: records by series, and the record and slice of each SOPInstanceUID."""

    series: dict[str, list[Record]] = field(default_factory=lambda: defaultdict(list))
    slices: dict[str, tuple[Record, int]] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Placed:
    """An annotation on an image; `slice` counts the record's sources from 0, None where it is about the whole."""

    annotation: Annotation
    record: Record
    slice: int | None = None


def terms(entries: Mapping[str, Mapping[str, Any]]) -> dict[str, Term]:
    """The terms of a collection's vocabulary file, by name, then by their other spellings (``also``)."""
    fields = {name: {key: value for key, value in entry.items() if key != "also"} for name, entry in entries.items()}
    found = {name: Term(name, **given) for name, given in fields.items()}
    return found | {other: found[name] for name, entry in entries.items() for other in entry.get("also", ())}


def spelled(annotations: Iterable[Annotation], schema: Mapping[str, Term]) -> tuple[Annotation, ...]:
    """The annotations with labels as the schema spells them, whatever their case and blanks."""
    names = {_folded(name): name for name in schema}
    return tuple(
        replace(found, label=replace(found.label, name=names.get(_folded(found.label.name), found.label.name)))
        for found in annotations
    )


def _folded(name: str) -> str:
    return " ".join(name.split()).casefold()


def lookup(schema: Mapping[str, Term], annotations: Iterable[Annotation]) -> dict[str, int]:
    """The value of each region in label maps: the schema's, then whatever else was drawn, by name."""
    known = {name: term.index for name, term in schema.items() if term.kind == "region"}
    drawn = {found.label.name for found in annotations if found.shape in ("polygon", "mask")}
    first = max(known.values(), default=0) + 1
    return {**known, **{name: first + n for n, name in enumerate(sorted(drawn - set(known)))}}


def together(drawings: Sequence[Drawing]) -> tuple[list[Drawing], list[Issue]]:
    """The exports such that all that a reader says of a study is in one of them, and what several of them hold.

    A reader has one row and one label map, however many files the publisher made of what was said.
    """
    homes: dict[tuple[str, str], int] = {}
    said: list[list[Annotation]] = [[] for _ in drawings]
    seen: set[Annotation] = set()
    issues: list[Issue] = []
    for number, drawing in enumerate(drawings):
        again = 0
        bare = [replace(found, id="", where="") for found in drawing.annotations]
        for found, content in zip(drawing.annotations, bare, strict=True):
            home = homes.setdefault((found.reader, found.study), number)
            if home == number:
                said[home].append(found)
            elif content in seen:
                again += 1
            else:
                said[home].append(replace(found, where=f"{drawing.source.name} {found.where}"))
        seen |= {*bare}
        if again:
            message = f"{again} annotations also occur in another export: they are used once"
            issues.append(issue("ANNOTATION_REPEATED", message, drawing.source.name, origin="read"))
    found_in = [
        replace(drawing, annotations=tuple(own), lookup=lookup(drawing.terms, own))
        for drawing, own in zip(drawings, said, strict=True)
    ]
    return found_in, issues


def places(records: Iterable[Record], instances: Sequence[Instance]) -> Places:
    """Where the images of a patient are; a slice that was dropped as a duplicate lies where its twin lies."""
    found = Places()
    at: dict[object, tuple[Record, int]] = {}
    points = {instance.source: _point(instance) for instance in instances}
    for record in records:
        found.series[record.series].append(record)
        uids = record.per_slice.get("SOPInstanceUID") or (record.header.get("SOPInstanceUID"),)
        for index, (uid, source) in enumerate(zip(uids, record.sources, strict=False)):
            found.slices[str(uid)] = (record, index)
            if points.get(source):
                at[points[source]] = (record, index)
    for instance in instances:
        uid = instance.text("SOPInstanceUID")
        found.known |= {uid, instance.text("SeriesInstanceUID")} - {""}
        twin = at.get(_point(instance))
        if uid not in found.slices and twin:
            found.slices[uid] = twin
    return found


def _point(instance: Instance) -> object:
    where = instance.numbers("ImagePositionPatient", 3)
    return (instance.text("SeriesInstanceUID"), where) if where else None


def items(subject: PatientKey | str, visits: Mapping[str, str], drawing: Drawing, there: Places) -> Iterator[Item]:
    """What the annotations say of one patient; `visits` gives each StudyInstanceUID its public id."""
    studies: dict[tuple[str, str], list[Annotation]] = defaultdict(list)
    images: dict[tuple[str, str], list[Placed]] = defaultdict(list)
    for found in drawing.annotations:
        if found.study not in visits:
            continue
        if found.scope == "STUDY":
            studies[found.study, found.reader].append(found)
            continue
        try:
            for placed in _place_annotation(found, there):
                images[placed.record.image, found.reader].append(placed)
        except DataError as error:
            yield _issue(error.code, error.message, found, drawing)
    for (study, reader), said in studies.items():
        yield from _contradictions(said, drawing)
        yield Entry("labels", subject, {"reader": label(reader), **row(said, drawing.terms)}, visits[study])
    for (image, reader), drawn in images.items():
        said = [placed.annotation for placed in drawn]
        study = visits[said[0].study]
        yield Entry("labels", subject, {"reader": label(reader), **row(said, drawing.terms)}, study, image)
        yield from (Entry("marks", subject, mark, study, image) for mark in _marks(drawn))
        outlines = tuple(dict.fromkeys(_outlines(drawn)))
        if outlines:
            yield Regions(
                subject, study, image, label(reader), outlines, drawing.lookup, drawing.source, convention="unknown"
            )


def row(said: Sequence[Annotation], schema: Mapping[str, Term]) -> dict[str, str]:
    """A row of the label table: what one reader said of one study or image, procedures in columns of their own."""
    rank = {name: number for number, name in enumerate(schema)}
    given = (found.label.name for found in said)
    terms_of_row = {schema[name].name if name in schema else name for name in given}
    names = sorted(terms_of_row, key=lambda name: (rank.get(name, len(rank)), name))
    labels = [name for name in names if not (name in schema and schema[name].column)]
    cuis = [schema[name].cui if name in schema else "" for name in labels]
    stated: dict[str, set[str]] = defaultdict(set)
    for term in (schema[name] for name in names if name in schema and schema[name].column):
        stated[term.column].add(term.value)
    notes = list(dict.fromkeys(found.note for found in said if found.note))
    return {
        "reader_group": said[0].label.group,
        "source": "MD.ai annotations",
        "labels": _json(labels),
        "label_cuis": _json(cuis),
        **{column: values.pop() for column, values in stated.items() if len(values) == 1},
        **({"notes": _json(notes)} if notes else {}),
    }


def report_unmatched(drawing: Drawing, studies: Iterable[str]) -> Iterator[Issue]:
    """An Issue for each annotation of a study that is not in the source."""
    known = set(studies)
    for found in drawing.annotations:
        if found.study not in known:
            code = "REGION_UNMATCHED" if found.shape else "ENTRY_UNMATCHED"
            yield _issue(code, "names a study that the source does not hold", found, drawing)


def unknown_labels(drawing: Drawing) -> Iterator[Issue]:
    """An Issue for each label that the schema of the collection does not have."""
    seen: dict[str, Annotation] = {}
    for found in drawing.annotations:
        if found.label.name not in drawing.terms:
            seen.setdefault(found.label.name, found)
    for first in seen.values():
        yield _issue("VALUE_UNKNOWN", "has a label of no known term, which is kept as it is", first, drawing)


def _issue(code: str, message: str, found: Annotation, drawing: Drawing) -> Issue:
    text = f"annotation {found.id} {message}"
    return issue(code, text, drawing.source.name, where=found.where, origin="read")


def _place_annotation(found: Annotation, there: Places) -> Iterator[Placed]:
    """The images, with the slice, that an annotation is about; raises `DataError` where there are none."""
    code = "REGION_UNMATCHED" if found.shape else "ENTRY_UNMATCHED"
    uid = found.instance or found.series
    reason = "was not converted" if uid in there.known else "the source does not hold"
    if not found.instance:
        if not there.series.get(found.series):
            raise DataError(code, f"names a series that {reason}")
        yield from (Placed(found, record) for record in there.series[found.series])
        return
    if uid not in there.slices:
        raise DataError(code, f"names an image that {reason}")
    record, index = there.slices[uid]
    shape = record.geometry
    size = tuple(record.header.get(key) for key in ("Rows", "Columns"))
    if found.shape and found.size is not None and found.size != size:
        drawn = " × ".join(map(str, found.size))
        raise DataError("REGION_MISMATCH", f"was drawn on {drawn} pixels, the image has {size[0]} × {size[1]}")
    if found.shape and shape and shape.slices * shape.volumes != len(record.sources):
        raise DataError(code, "lies on one of several frames, and which one can't be found out")
    yield Placed(found, record, index)


def _contradictions(said: Sequence[Annotation], drawing: Drawing) -> Iterator[Issue]:
    """An Issue where one reader said two things of which only one can be."""
    first: dict[str, Annotation] = {}
    for found in said:
        term = drawing.terms.get(found.label.name)
        if term is None or not term.column:
            continue
        before = first.setdefault(term.column, found)
        if drawing.terms[before.label.name].value != term.value:
            yield _issue(
                "VALUE_CONTRADICTED",
                f"contradicts another annotation of the same annotator: {term.name}",
                found,
                drawing,
            )


def _marks(drawn: Sequence[Placed]) -> Iterator[dict[str, str]]:
    """What encloses no area to fill; the same mark twice counts once."""
    seen: set[tuple[str, ...]] = set()
    for placed in drawn:
        found = placed.annotation
        if placed.slice is None or found.shape in ("polygon", "mask"):
            continue
        points = [list(point) for ring in found.shapes for part in ring for point in part]
        mark = {
            "reader": label(found.reader), "label": found.label.name, "slice": str(placed.slice),
            "shape": found.shape or "none", "points": _json(points),
        }  # fmt: skip
        if tuple(mark.values()) not in seen:
            seen.add(tuple(mark.values()))
            yield mark


def _outlines(drawn: Sequence[Placed]) -> Iterator[Outline]:
    for placed in drawn:
        found = placed.annotation
        if placed.slice is not None and found.shape in ("polygon", "mask"):
            yield from (Outline(found.label.name, joined(rings), placed.slice) for rings in found.shapes)


def _json(values: object) -> str:
    return json.dumps(values, ensure_ascii=False)
