"""COVID19-CT-dataset (Mashhad): chest CT, one archive for each patient, patients' fields removed from the headers.

How the archives are named and what they look like inside is published nowhere: the patient is the archive's name, at
any depth, and what is inside is known by its headers alone.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

from mids.issues import issue
from mids.readers.archives.files import walk
from mids.readers.archives.kinds import without_suffix
from mids.readers.archives.volumes import first_volume
from mids.readers.dicom.grouping.contradictions import tell_shared
from mids.readers.dicom.grouping.series import by_subject, records
from mids.readers.dicom.headers import Instance
from mids.readers.dicom.index import Index
from mids.readers.dicom.scan import PLAIN, Scanner, left_out
from mids.readers.evidence import make_stranger
from mids.records import About, Entry, Item, PatientKey, Person, Record, Skipped, Source
from mids.resources import read_yaml, schemas
from mids.vocabulary.schema import load

ABOUT = About(
    name="covid19-ct",
    title="COVID19-CT-dataset",
    description=(
        "Unenhanced chest CT of more than 1000 patients with confirmed COVID-19, from two general university hospitals "
        "in Mashhad, Iran, March 2020 to January 2021. All patients had a positive RT-PCR and clinical symptoms; all "
        "scans were made at the point of care of inpatients, supine, at the end of inspiration, from apex to base of "
        "the lungs, in helical mode on a Neusoft NeuViz 16, with slices of 1.5 or 3 mm. These are facts of the "
        "collection as its paper states them, and were recorded of no single patient."
    ),
    authors=(
        "Shokouh Shakouri", "Mohammad Amin Bakhshali", "Parvaneh Layegh", "Behzad Kiani", "Farid Masoumi",
        "Saeedeh Ataei Nakhaei", "Sayyed Mostafa Mostafavi",
    ),
    how_to_cite=(
        "Shakouri S, Bakhshali MA, Layegh P, Kiani B, Masoumi F, Ataei Nakhaei S, Mostafavi SM. COVID19-CT-dataset: an "
        "open-access chest CT image repository of 1000+ patients with confirmed COVID-19 diagnosis. BMC Research "
        "Notes, 2021."
    ),
    funding=("Mashhad University of Medical Sciences, 991315",),
    ethics=("Mashhad University of Medical Sciences, IR.MUMS.MEDICAL.REC.1399.594",),
    doi="doi:10.7910/DVN/6ACUZI",
    url="https://doi.org/10.7910/DVN/6ACUZI",
    limitations=(
        "A small number of images shows noise, such as the bed, or motion.",
        "Only two hospitals of one city took part; the population is mostly Iranian.",
        "Age and sex were removed from the headers, and no table gives them.",
        "Which CT patterns a patient has is published nowhere: the tables for them are empty, to be filled.",
    ),
    commercial_use="unknown",
    redistribution="unknown",
    attribution="unknown",
    agreement="not_required",
    ids="public",
    access="Free, from Harvard Dataverse.",
    expected="The folder that holds the archives of the patients (RAR, 7z, zip, tar), or one archive. A patient "
    "is an archive, or a folder of DICOM beside them; nothing has to be unpacked.",
    dates="real",  # those of the scanner, if the headers still have them
)  # fmt: skip

_MAKER = re.compile(r"neusoft|neuviz|\bNMS\b", re.IGNORECASE)
"""Neusoft Medical Systems and its scanners, as they write themselves."""

_TAGS = ("ContrastBolusAgent", "PatientPosition")
_NO_AGENT = frozenset({"", "NO", "NONE", "N", "NOT GIVEN", "NO CONTRAST", "NO IV CONTRAST"})

LOOSE = ""
"""The name of the group of files that lie beside archives, in no folder of their own."""


@cache
def _facts() -> Mapping[str, Mapping[str, str]]:
    """What the paper states of the whole collection, by table."""
    content: Mapping[str, Any] = read_yaml(schemas() / "collections" / "covid19-ct.yaml")
    facts: Mapping[str, Mapping[str, str]] = content["facts"]
    return facts


def read(root: Path, scanner: Scanner = PLAIN) -> Iterator[Sequence[Item]]:
    """The items patient by patient; one archive is open at a time for each process that reads.

    A sequence that belongs to no patient follows each archive or folder from which something was left out. Raises
    `MidsError` for a source whose headers are not those of the collection: names of its folders would be published.
    """
    with scanner.scan(root) as found:
        if missing := _missing(found.instances()):
            raise make_stranger(root, ABOUT.name, missing)
        named = patients(root, walk(root), found.archives())
        names = {source.path: name for name, sources in named for source in sources}
        bundles = _bundles(found, (name for name, _ in named))
        if told := list(tell_shared(found, lambda source: bundles.name(source, names.get(source.path, "")))):
            yield told
        for name, sources in named:
            yield from _read(root, name, found, sources, bundles)


def recognise(root: Path, scanner: Scanner = PLAIN, sources: Iterable[Source] | None = None) -> str:
    """What is missing for `root` to be the collection; empty if nothing is."""
    with scanner.scan(root, sources=sources) as found:
        return "it holds no DICOM" if next(found.instances(), None) is None else _missing(found.instances())


def _missing(instances: Iterable[Instance]) -> str:
    """What headers lack that are not the collection's: patients' fields were removed, and a Neusoft made all scans."""
    is_any = is_neusoft = False
    for instance in instances:
        is_any = True
        name = instance.text("PatientName").strip("^ ")
        if instance.text("PatientBirthDate") or (name and not name.lower().startswith("anon")):
            return "its headers name patients or their birth dates, which the collection removed"
        made_by = f"{instance.text('Manufacturer')} {instance.text('ManufacturerModelName')}".strip()
        if made_by and not _MAKER.search(made_by):
            return "a scanner other than the collection's Neusoft made an image of it"
        is_neusoft |= bool(made_by)
    return "" if is_neusoft or not is_any else "no header names the collection's scanner (Neusoft)"


def patients(root: Path, sources: Iterable[Source], archives: Collection[str]) -> list[tuple[str, tuple[Source, ...]]]:
    """The files of each patient by the patient's name: that of the archive, or of the folder.

    A folder is a patient if it holds no archive at any depth and the folder above it does, or is `root`. Files in
    `root` itself are the patient that `root` is, unless there are archives beside them.
    """
    places: dict[str, list[Source]] = defaultdict(list)
    everything = list(sources)
    containers = {str(parent) for path in archives for parent in PurePosixPath(path).parents} | {"."}
    for source in everything:
        places[_place(source.path, archives, containers)].append(source)
    own = LOOSE if archives else root.name
    names = {place: _name(place) for place in places if place != LOOSE}
    counted = Counter(name.casefold() for name in names.values())
    full = {place: name if counted[name.casefold()] == 1 else without_suffix(place) for place, name in names.items()}
    return [(full.get(place, own), tuple(found)) for place, found in sorted(places.items())]


def _place(path: str, archives: Collection[str], containers: set[str]) -> str:
    """The archive or folder that stands for the patient of a file."""
    first = first_volume(path)
    if path in archives or first in archives:
        return path if path in archives else first
    parents = [str(parent) for parent in reversed(PurePosixPath(path).parents)]
    return next((parent for parent in parents if parent not in containers), LOOSE)


def _name(place: str) -> str:
    """The name of an archive without what says its kind, or of a folder."""
    return without_suffix(PurePosixPath(place).name)


@dataclass(frozen=True, slots=True)
class _Bundles:
    """The archives that hold archives: for each of them the folders in it that do, and the names of its patients."""

    holding: Mapping[str, frozenset[str]]
    names: Mapping[tuple[str, str], str]

    def place(self, source: Source) -> str | None:
        """The archive or folder in a bundle that stands for the patient of a member; None for what is in no bundle."""
        return _inner_place(source, self.holding)

    def name(self, source: Source, own: str) -> str:
        """The name of a file's patient; `own` is that of its archive or folder."""
        place = self.place(source)
        return own if place is None else self.names.get((source.path, place), LOOSE)


def _inner_place(source: Source, holding: Mapping[str, frozenset[str]]) -> str | None:
    if source.path not in holding:
        return None
    archive, is_inside, _ = source.member.partition("!")
    if is_inside:
        return archive
    parents = [str(parent) for parent in reversed(PurePosixPath(source.member).parents)]
    return next((parent for parent in parents if parent not in holding[source.path]), LOOSE)


def _bundles(found: Index, outer: Iterable[str]) -> _Bundles:
    """What archives that hold archives hold: each archive in them is a patient, and each folder beside these.

    Of one name, also of an `outer` one, all patients are named with their folders and archives.
    """
    holding: dict[str, set[str]] = defaultdict(set)
    for source in (instance.source for instance in found.instances()):
        archive, is_inside, _ = source.member.partition("!")
        if is_inside:
            holding[source.path] |= {str(parent) for parent in PurePosixPath(archive).parents}
    frozen = {path: frozenset(folders) for path, folders in holding.items()}
    places = {
        (instance.source.path, place)
        for instance in (found.instances() if frozen else ())
        if (place := _inner_place(instance.source, frozen))
    }
    counted = Counter(name.casefold() for name in (*outer, *(_name(place) for _, place in places)))
    names = {
        (path, place): _name(place) if counted[_name(place).casefold()] == 1 else without_suffix(f"{path}/{place}")
        for path, place in places
    }
    return _Bundles(frozen, names)


def _read(
    root: Path, name: str, found: Index, sources: Sequence[Source], bundles: _Bundles
) -> Iterator[Sequence[Item]]:
    """What one archive or folder holds; of archives in an archive each is a patient."""
    patients_of: dict[str, list[Instance]] = defaultdict(list)
    for instance in found.instances(sources):
        patients_of[bundles.name(instance.source, name)].append(instance)
    for instances in by_subject(patients_of.pop(LOOSE, [])):
        yield list(_patient(root, "", instances))
    for patient, instances in sorted(patients_of.items()):
        yield list(_patient(root, patient, instances))
    rest: list[Item] = [*found.issues(sources), *left_out(found.others(sources), found.archives())]
    if rest:
        yield rest


def _patient(root: Path, name: str, instances: Sequence[Instance]) -> Iterator[Item]:
    """Everything that one patient's files hold, and what the paper states of all patients."""
    ids = {instance.text("PatientID") for instance in instances} - {""}
    if len(ids) > 1:
        message = f"{len(ids)} different values of PatientID in what should be one patient"
        yield issue("PATIENT_AMBIGUOUS", message, instances[0].source.name, origin="read")
    subject: PatientKey | str = ""
    for item in records(root, instances):
        if isinstance(item, Record):
            subject = name or item.subject
            contradicted = list(_find_contradictions(item))
            if contradicted:
                message = f"the headers of a scan say another {', '.join(contradicted)} than the paper of all scans"
                yield issue("VALUE_CONTRADICTED", message, item.sources[0].name, origin="read")
            yield replace(item, subject=subject, columns=_mark_facts("scans", without=contradicted))
        elif isinstance(item, Skipped):
            yield replace(item, subject=name or item.subject)
        else:
            yield item
    if subject:
        yield Person(subject, _mark_facts("participants"))
        yield Entry("laboratory_tests", subject, _facts()["laboratory_tests"])
        yield Entry("collection_facts", subject, _facts()["collection_facts"])
        yield Entry("ct_patterns", subject, {})
        yield Entry("comorbidities", subject, {})


def _find_contradictions(record: Record) -> Iterator[str]:
    """The facts of the paper that a scan's headers contradict."""
    said = {
        key: {str(value) for value in (record.header.get(key), *record.per_slice.get(key, ())) if value}
        for key in _TAGS
    }
    if {agent.strip().upper() for agent in said["ContrastBolusAgent"]} - _NO_AGENT:
        yield "contrast"
    positions = load().code_lists["patient_position"]
    found = {positions.find(text) for text in said["PatientPosition"]} - {None}
    if found - {_facts()["collection_facts"]["patient_position"]}:
        yield "patient_position"


def _mark_facts(table: str, *, without: Sequence[str] = ()) -> dict[str, str]:
    """The facts of a table, and which columns they are."""
    facts = {key: value for key, value in _facts()[table].items() if key not in without}
    return {**facts, "collection_facts": ";".join(sorted(facts))}
