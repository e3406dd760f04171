"""FIDAC, the French Imaging Database Against Coronavirus: chest CT with its metadata in private data elements."""

import json
import re
from collections import defaultdict
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

from mids.deid.pseudonyms import AGE_CAP
from mids.errors import DataError
from mids.issues import Issue, issue
from mids.readers.archives.files import open_source
from mids.readers.dicom.grouping.contradictions import find_contradictions
from mids.readers.dicom.grouping.series import records, study_key, subject_key
from mids.readers.dicom.headers import Instance, PrivateTag, private_creators
from mids.readers.dicom.scan import PLAIN, Scanner, left_out
from mids.readers.evidence import make_stranger
from mids.readers.tables.ranges import span
from mids.records import About, Entry, Item, Person, Record, Source, Visit
from mids.resources import read_yaml, schemas
from mids.vocabulary import clinical

ABOUT = About(
    name="fidac",
    title="FIDAC: French Imaging Database Against Coronavirus",
    description=(
        "Chest CT of patients suspected of COVID-19 pneumonia during the first wave of the epidemic, from 22 French "
        "radiology centres, with region, indication, time from onset, normalized report and RT-PCR result. Collected "
        "from 1 April to 5 August 2020 by the French Society of Radiology, the French College of Radiology and NEHS "
        "Digital."
    ),
    authors=("French Society of Radiology (SFR)", "French College of Radiology (CERF)", "NEHS Digital"),
    how_to_cite="Cite the description of FIDAC in Diagnostic and Interventional Imaging, 2022.",
    ethics=(
        "Compliant with the GDPR and the reference methodology MR-004 of the French data protection authority (CNIL); "
        "all patients were informed.",
    ),
    url="https://cerf.radiologie.fr/contact",
    limitations=(
        "Regions of the north and east of France and older people are overrepresented.",
        "The time from onset of symptoms is known for 58 % of the patients only.",
        "Patients were not collected consecutively in each centre, and no biological data was recorded.",
        "Ages are bands that overlap at their limits; manufacturer and model were removed.",
        "The test result is the final one of the patient, of an unknown day.",
    ),
    commercial_use="forbidden",
    redistribution="unknown",
    attribution="unknown",
    agreement="required",
    ids="pseudonymous",
    access="By request to the French Society of Radiology, on the site of CERF-SFR.",
    expected="The folder, or an archive of it, as it was delivered, in any order of folders: DICOM whose private data "
    "elements (creator NEHS-COVID 19) hold the clinical facts.",
    dates="real",  # the paper says nothing of dates: treated as those of the patients
)

_AGE = re.compile(r"\d{3}[DWMY]")
"""PatientAge as DICOM has it (PS3.5 6.2, AS)."""


@cache
def _settings() -> Mapping[str, Any]:
    content: Mapping[str, Any] = read_yaml(schemas() / "collections" / "fidac.yaml")
    return content


@cache
def private_tags() -> tuple[PrivateTag, ...]:
    """FIDAC's private data elements, by the names of `schemas/collections/fidac.yaml`."""
    known = _settings()
    return tuple(
        PrivateTag(name, known["group"], known["creator"], element) for name, element in known["elements"].items()
    )


def read(root: Path, scanner: Scanner = PLAIN) -> Iterator[Sequence[Item]]:
    """First what belongs to no patient, then the items patient by patient.

    Raises `MidsError` where no DICOM file has FIDAC's private data elements.
    """
    with scanner.scan(root, private_tags()) as found:
        if missing := _missing(root, found.instances()):
            raise make_stranger(root, ABOUT.name, missing)
        wrong = find_contradictions(root, found)
        yield [*found.issues(), *left_out(found.others(), found.archives()), *wrong.items]
        for instances in filter(None, map(wrong.without, found.by_subject())):
            yield list(_patient(root, instances))


def recognise(root: Path, scanner: Scanner = PLAIN, sources: Iterable[Source] | None = None) -> str:
    """What is missing for `root` to be FIDAC; empty if nothing is."""
    with scanner.scan(root, private_tags(), sources) as found:
        return "it holds no DICOM" if next(found.instances(), None) is None else _missing(root, found.instances())


def _missing(root: Path, instances: Iterator[Instance]) -> str:
    """What headers lack that are not FIDAC's, with the nearest name of a creator that they do have."""
    first = next(instances, None)
    if first is None or any(one.text(tag.name) for one in chain((first,), instances) for tag in private_tags()):
        return ""
    wanted, group = _settings()["creator"], _settings()["group"]
    try:
        with open_source(root, first.source) as stream:
            creators = private_creators(stream, group)
    except DataError:
        creators = []
    near = get_close_matches(wanted, creators, 1, 0) or ["none"]
    return (
        f"no DICOM file has values of the private creator {wanted!r} in group {group:04X} (nearest: {near[0]!r}); "
        "give the folder of FIDAC as it was delivered"
    )


def _patient(root: Path, instances: Sequence[Instance]) -> Iterator[Item]:
    """Everything that one patient's files hold, and what their private data elements say."""
    patient = subject_key(instances[0])
    studies: dict[str, list[Instance]] = defaultdict(list)
    for instance in instances:
        studies[study_key(instance)].append(instance)
    for item in records(root, instances):
        yield _drop_age_range(item) if isinstance(item, Record) else item
    person = yield from _merge_rows("participants", instances, "the files of one patient")
    yield Person(patient, {"country": "France", **person})
    if "covid_test" in person:
        test = {"date": "n/a", "test": "PCR", "result": person["covid_test"]}
        yield Entry("laboratory_tests", patient, test)
    for study, group in studies.items():
        values = yield from _merge_rows("sessions", group, "the slices of one study")
        if {"days_from_onset_min", "days_from_onset_max"} & values.keys():
            values |= {"onset_reference": "symptoms", "onset_imputed": "no"}
        yield Visit(patient, study, values)
        if "ct_class" in values:
            yield Entry("labels", patient, _label(values["ct_class"]), study)
        absent = [name for name in _settings()["expected"] if not any(instance.text(name) for instance in group)]
        if absent:
            message = f"no value of {', '.join(absent)} in a study, which the collection has for all"
            yield issue("VALUE_MISSING", message, group[0].source.name, origin="read")


def _drop_age_range(record: Record) -> Record:
    """The record without a PatientAge that is no age, and without what an age could be reckoned from."""
    if _AGE.fullmatch(str(record.header.get("PatientAge", ""))):
        return record
    dropped = {"PatientAge", "PatientBirthDate"}
    return replace(
        record,
        header={key: value for key, value in record.header.items() if key not in dropped},
        per_slice={key: value for key, value in record.per_slice.items() if key not in dropped},
    )


def _row(instance: Instance) -> dict[str, str]:
    """What one file says, as a row of a table; ranges by their lower and upper ends."""
    row = {tag.name: instance.text(tag.name) for tag in private_tags()}
    text = instance.text("PatientAge")
    row["age_low"], row["age_high"] = ("", "") if _AGE.fullmatch(text) else _ages(text)
    row["onset_low"], row["onset_high"] = _days(row["onset"])
    return row


def _ages(text: str) -> tuple[str, str]:
    """The ends of a range of ages in whole years, capped as all ages are; a text that is no range as it is."""
    found = span(text)
    if found is None:
        return text, ""
    low = found.low if found.low is not None else 0
    high = "" if found.high is None or found.high > AGE_CAP else str(found.high)
    return str(min(low, AGE_CAP)), high


def _days(text: str) -> tuple[str, str]:
    """The ends of a range of days, both included ("<3" is 0 to 2, ">21" from 22 on); a text that is none as it is."""
    found = span(text)
    if found is None:
        return text, ""
    low = 0 if found.low is None else found.low + found.low_excluded
    return str(low), "" if found.high is None else str(found.high - found.high_excluded)


def _merge_rows(table: str, instances: Sequence[Instance], what: str) -> Generator[Issue, None, dict[str, str]]:
    """Yields what is wrong with the values that files give to one row of a table, and returns the row.

    A column of which the files say different things is left out.
    """
    vocabulary = clinical.load(ABOUT.name)
    said: dict[str, set[tuple[str, str]]] = defaultdict(set)
    problems: dict[clinical.Problem, str] = {}
    for row, first in _distinct((_row(instance), instance) for instance in instances):
        values, wrong = vocabulary.values(table, row)
        problems |= {problem: problems.get(problem, first.source.name) for problem in wrong}
        for name, value in values.items():
            said[name.removesuffix("_raw")].add((name, value))
    for problem, path in problems.items():
        message = f"a value of {problem.column} is not in the vocabulary"
        yield issue(problem.code, message, path, where=f"column {problem.column}", value=problem.value, origin="read")
    contradicted = sorted(name for name, values in said.items() if len(values) > 1)
    if contradicted:
        message = f"{what} say different things of {', '.join(contradicted)}"
        yield issue("VALUE_CONTRADICTED", message, instances[0].source.name, origin="read")
    return dict(next(iter(values)) for values in said.values() if len(values) == 1)


def _distinct(rows: Iterable[tuple[dict[str, str], Instance]]) -> list[tuple[dict[str, str], Instance]]:
    """Each different row with the first file that has it."""
    seen: dict[tuple[str, ...], tuple[dict[str, str], Instance]] = {}
    for row, instance in rows:
        seen.setdefault(tuple(row.values()), (row, instance))
    return list(seen.values())


def _label(found: str) -> dict[str, str]:
    """The row of the label table for a class of the CT report, with the nearest class of RICORD."""
    crosswalk = _settings()["crosswalk"]
    near = [crosswalk["scheme"], crosswalk["terms"][found]["label"], crosswalk["match"]]
    return {
        "reader": "centre",
        "source": "normalized report by a senior radiologist of the centre",
        "labels": json.dumps([found]),
        "crosswalk": json.dumps([near]),
    }
