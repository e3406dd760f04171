"""One patient's rows as items."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from mids.collections.covid_chestxray.annotations import Annotations, build_annotation_items
from mids.collections.covid_chestxray.metadata import METADATA, Row, country, day, findings, words
from mids.issues import Issue
from mids.records import Entry, Item, Json, Kind, Person, Record, Source, Visit

Shape = tuple[int, int]
"""Rows and columns."""


def items_of(rows: Sequence[Row], shapes: Mapping[str, Shape | None], annotations: Annotations) -> Iterator[Item]:
    """All items of one patient; `shapes` are those of the files that are there."""
    yield from _person(rows)
    for study in dict.fromkeys(row.study for row in rows):
        yield Visit(rows[0].patient, study, _onset(next(row for row in rows if row.study == study)))
    for row in rows:
        if row.source is not None:
            yield from _image(row, row.source, shapes[row.file])
            yield from _labels(row)
        yield from build_annotation_items(row, shapes.get(row.file), annotations)


# --- the patient -------------------------------------------------------------------------------------------


def _person(rows: Sequence[Row]) -> Iterator[Item]:
    """What the rows say of the patient as a whole: one value each, or an Issue where they contradict each other."""
    patient = rows[0].patient
    said: dict[str, set[str]] = defaultdict(set)
    course: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        for table, into in (("participants", said), ("clinical_course", course)):
            found, problems = row.values(table)
            yield from problems
            for name, value in found.items():
                into[name].add(value)
        place, problems = country(row)
        yield from problems
        said["country"] |= {place} - {""}
    if len({row.sex for row in rows if row.sex}) > 1:
        yield rows[0].issue("PATIENT_AMBIGUOUS", "the patient's rows say M and F", "sex")
    tests = said.pop("covid_test", set())
    columns, problems = _merge_values(rows[0], said)
    yield from problems
    if tests:
        columns["covid_test"] = "positive" if "positive" in tests else min(tests)
    yield Person(patient, {**columns, **_age_limits({row.age for row in rows if row.age is not None})})
    events, problems = _merge_values(rows[0], course)
    yield from problems
    if events:
        yield Entry("clinical_course", patient, events)
    for result in sorted(tests):
        yield Entry("laboratory_tests", patient, {"date": "n/a", "test": "PCR", "result": result})


def _merge_values(row: Row, said: Mapping[str, set[str]]) -> tuple[dict[str, str], list[Issue]]:
    """The values that stand alone, and an Issue for each column that has several."""
    issues = [
        row.issue("VALUE_CONTRADICTED", f"the patient's rows say {len(values)} things of {name}", name)
        for name, values in said.items()
        if len(values) > 1
    ]
    return {name: min(values) for name, values in said.items() if len(values) == 1}, issues


def _age_limits(ages: set[int]) -> dict[str, str]:
    if not ages:
        return {}
    high = {"age_max": str(max(ages))} if max(ages) < 89 else {}
    return {"age_min": str(min(*ages, 89)), **high}


def _onset(row: Row) -> dict[str, str]:
    """The columns of a session; 5 days may be the collection's own guess, so nothing is said of these."""
    if row.offset is None:
        return {}
    imputed = {} if row.offset == 5 else {"onset_imputed": "no"}
    days = {"days_from_onset_min": str(row.offset), "days_from_onset_max": str(row.offset)}
    return {**days, "onset_reference": "symptoms or hospitalization", **imputed}


# --- an image ----------------------------------------------------------------------------------------------


def _image(row: Row, source: Source, shape: Shape | None) -> Iterator[Item]:
    """The record of a row and its notes, and what is wrong with its values."""
    columns, problems = row.values("scans")
    yield from (*problems, *_report_strange_cells(row))
    acquired, problems_of_day = day(row)
    yield from problems_of_day
    view = words()["views"].get(row.known("view").lower(), {})
    implausible = [found.where.rpartition(" ")[2] for found in problems if found.code == "VALUE_IMPLAUSIBLE"]
    more = {
        "source_file": row.file,
        "usage_terms": words()["licences"].get(row.known("license").lower(), ""),
        "implausible": ";".join(implausible),
        "patient_position": view.get("position", ""),
    }
    header = _header(row, shape, acquired)
    kind: Kind = "nifti" if row.file.lower().endswith((".nii", ".nii.gz")) else "picture"
    yield Record(
        row.patient, row.study, row.file, kind, str(header["Modality"]), (source,), header,
        columns=columns | {key: value for key, value in more.items() if value},
        view=view.get("view", ""), view_source="source" if view else "",
    )  # fmt: skip
    notes, _ = row.values("image_notes")
    if notes:
        yield Entry("image_notes", row.patient, notes, row.study, row.image)


def _header(row: Row, shape: Shape | None, acquired: str) -> dict[str, Json]:
    """The image as DICOM keywords would say it."""
    modality = row.known("modality")
    header: dict[str, Json] = {
        "Modality": words()["modalities"].get(modality.lower(), modality.upper()),
        "BodyPartExamined": "CHEST",
        "PatientAge": "" if row.age is None else f"{row.age:03}Y",
        "PatientSex": row.sex,
        "AcquisitionDate": acquired,
    }
    sizes: dict[str, Json] = {} if shape is None else {"Rows": shape[0], "Columns": shape[1]}
    return {key: value for key, value in header.items() if value} | sizes | {"Modality": header["Modality"]}


def _report_strange_cells(row: Row) -> Iterator[Issue]:
    """An Issue for each cell that holds something which is not understood."""
    tests = (
        ("view", "the view is not in the vocabulary", row.known("view").lower() in words()["views"]),
        ("license", "the licence is not in the vocabulary", row.known("license").lower() in words()["licences"]),
        ("offset", "the offset is not a whole number", row.offset is not None),
        ("age", "the age is not a number of years below 130", row.age is not None),
        ("sex", "the sex is neither M nor F", bool(row.sex)),
    )
    for column, message, is_right in tests:
        if row.known(column) and not is_right:
            yield row.issue("VALUE_UNKNOWN", message, column)


def _labels(row: Row) -> Iterator[Item]:
    """The findings of an image as labels, which are n/a where the source has not annotated it."""
    values = {"source": METADATA, "finding": " ".join(row.cells["finding"].split())}
    found, problems = _paths(row)
    yield from problems
    entries = findings()[1]
    lists = {
        "labels": [_label(path) for path in found],
        "label_cuis": [entries[path].get("cui", "") for path in found],
        "finding_paths": found,
    }
    values |= {name: json.dumps(items, ensure_ascii=False) for name, items in lists.items() if found}
    yield Entry("labels", row.patient, values, row.study, row.image)


def _paths(row: Row) -> tuple[list[str], list[Issue]]:
    """The findings of a row as paths of the hierarchy."""
    index, _ = findings()
    words_of_row = row.known("finding").split(",") if row.known("finding") else []
    paths = [index.get(word.strip().lower(), "") for word in words_of_row]
    message = "the finding is not in the vocabulary"
    return list(dict.fromkeys(filter(None, paths))), [] if all(paths) else [
        row.issue("VALUE_UNKNOWN", message, "finding")
    ]


def _label(path: str) -> str:
    """The name of a finding when it stands alone."""
    return str(findings()[1][path].get("label", path.rpartition("/")[2]))


def label_tree(rows: Sequence[Row]) -> Iterator[Entry]:
    """The hierarchy of findings, with how many images that are there have each finding, or one below it."""
    own = [_paths(row)[0] for row in rows if row.source is not None]
    numbers = {path: number for number, path in enumerate(findings()[1], start=1)}
    for path, number in numbers.items():
        parent = path.rpartition("/")[0]
        below = sum(any(f"{found}/".startswith(f"{path}/") for found in paths) for paths in own)
        values = {
            "node": str(number), "label": _label(path), "cui": findings()[1][path].get("cui", ""),
            "parent": _label(parent) if parent else "", "parent_node": str(numbers[parent]) if parent else "",
            "tree": _label(path.split("/")[0]), "count": str(sum(path in paths for paths in own)),
            "count_with_descendants": str(below),
        }  # fmt: skip
        yield Entry("label_tree", "", values)
