"""What de-identification does to what leaves headers and tables: decided here and nowhere else in the plan."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache

from mids.deid.headers.descriptors import clean_description
from mids.deid.headers.rules import Rules
from mids.deid.headers.terms import is_listed, is_statement
from mids.deid.known.known import IDS, PLACES, Known, names_in
from mids.deid.labels import Labels
from mids.deid.policy import Policy
from mids.deid.pseudonyms import AGE_CAP, age, dicom_datetime, shift_moment
from mids.deid.text.redact import Redactor
from mids.deid.text.review import Row as Removed
from mids.deid.text.review import rows
from mids.deid.text.rules import is_identifying
from mids.plan.job import Row
from mids.plan.naming import Described
from mids.records import ORIGINAL_REPORT, Json, PatientKey, Record
from mids.vocabulary.clinical import promises
from mids.vocabulary.schema import Column, Schema

_NAMES = (
    "PatientName OtherPatientNames PatientBirthName PatientMotherBirthName ResponsiblePerson ReferringPhysicianName "
    "PerformingPhysicianName NameOfPhysiciansReadingStudy RequestingPhysician OperatorsName "
    "PhysiciansOfRecord ConsultingPhysicianName ContentCreatorName"
).split()
_DAYS = ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate")

OTHER = "other"
"""What stands in place of a region of few patients (FIDAC, Diagnostic and Interventional Imaging 2022, 2.1)."""

_BAND = 10
_LAST_BAND = 80
"""The last band of ages is open, so that nobody above 89 stands out."""


FREE_TEXT = "DeidentificationMethod"
"""The one key of a sidecar whose text a person may have typed."""


@dataclass(frozen=True, slots=True)
class Privacy:
    """A policy with everything that it needs to be applied to a conversion.

    `known` is what the headers say of the patient at hand: none of it may stand in a text. `removed` gathers what is
    taken out of texts, for a person to review.
    """

    labels: Labels
    policy: Policy
    rules: Rules
    redactor: Redactor = field(default_factory=Redactor)
    known: Known = field(default_factory=Known)
    removed: list[Removed] = field(default_factory=list, repr=False, compare=False)

    def of(self, patient: PatientKey, records: Iterable[Record]) -> "Privacy":
        """The same, knowing what the headers of a patient say; of public collections there is nothing to know."""
        return self if self.labels.are_public else replace(self, known=_known(self, patient, list(records)))

    def shift(self, patient: PatientKey) -> timedelta:
        """What the dates of a patient are moved by."""
        return timedelta(0) if self.policy.dates == "keep" else self.labels.shift(patient, self.policy.shifts)

    def acquired(self, moment: datetime | None, patient: PatientKey) -> str:
        """A moment as acq_time says it: shifted, perhaps in whole hours or at midnight; ``n/a`` without dates."""
        if moment is None or self.policy.dates == "remove":
            return "n/a"
        if self.policy.times == "hour":
            moment = moment.replace(minute=0, second=0)
        elif self.policy.times == "remove":
            moment = moment.replace(hour=0, minute=0, second=0)
        return shift_moment(moment, self.shift(patient))

    def age(self, patient_age: str, birth_date: str, study_date: str) -> str:
        """The age in whole years (`mids.deid.pseudonyms.age`), as far as the policy caps it."""
        return age(patient_age, birth_date, study_date, capped=self.policy.ages != "keep")

    def sidecar(self, fields: Mapping[str, Json], schema: Schema) -> dict[str, Json]:
        """The keys of a sidecar that the policy keeps."""
        kept: dict[str, Json] = {}
        for key, value in fields.items():
            field = schema.fields.get(key)
            is_kept = field is None or not field.dicom or self.rules.of(field.dicom) in ("K", "C")
            if key == FREE_TEXT and isinstance(value, list) and not self.labels.are_public:
                value = [self._state(str(text)) for text in value]
            if isinstance(value, list):
                texts = [part for part in value if not self._tells(part)]
                value = texts if all(isinstance(part, str) for part in value) or texts == value else []
                is_kept = is_kept and bool(value or not fields[key])
            if is_kept and not self._tells(value):
                kept[key] = value
        return kept

    def _state(self, text: str) -> str:
        """What was typed of a de-identification, cleaned; the recogniser of reports takes Annex E for a place."""
        is_standard = self.policy.texts != "remove" and is_statement(text)
        return text if is_standard else self.redactor.clean(text, self.known).text

    def _tells(self, value: object) -> bool:
        """Whether a text or a number repeats what is known of the patient; a code of a closed list never does.

        A text is told too where it holds a day, a labelled number or a name behind a title.
        """
        if isinstance(value, bool) or not isinstance(value, str | int | float) or is_listed(str(value)):
            return False
        is_said = isinstance(value, str) and not self.labels.are_public and is_identifying(value)
        return is_said or self.known.is_told(str(value))

    def named(self, described: Described | None, header: Mapping[str, Json]) -> Described | None:
        """How a record is named, without what was typed into its header of the patient: a kernel may be anything."""
        if described is None or not described.rec:
            return described
        kernel = header.get("ConvolutionKernel")
        said = any(map(self._tells, kernel if isinstance(kernel, list) else [kernel]))
        is_told = said or (not is_listed(described.rec) and names_in(described.rec, self.known))
        return replace(described, rec="") if is_told else described

    def region(self, word: str) -> str:
        """The name that somebody gave to a region, as far as the policy lets it out (ROIName, PS3.15 Table E.1-1)."""
        action = self.rules.of("ROIName")
        kept = word if action == "K" else clean_description(word) if action == "C" else ""
        return "" if self._tells(kept) else kept

    def row(self, values: Row, columns: Mapping[str, Column], patient: PatientKey) -> dict[str, str]:
        """The cells of a row as the policy lets them out, by what their columns hold."""
        cells = {name: self._cell(value, columns.get(name), patient) for name, value in values.items()}
        original = cells.pop(ORIGINAL_REPORT, "")
        if original and self.policy.reports == "clean":
            cells["report"] = self._cleaned(original, "report", patient)
        ages = [name for name in cells if (column := columns.get(name)) and column.holds == "age"]
        if self.policy.ages != "bands":
            return cells
        return {**cells, **_banded({name: cells[name] for name in ages}, _source_bands(self.labels.about.name))}

    def _cell(self, value: str, column: Column | None, patient: PatientKey) -> str:
        if column is None or value in ("", "n/a"):
            return value
        if column.holds == "date" or column.type in ("date", "datetime"):
            return self._date(value, column, patient)
        if column.holds == "free_text" and self.labels.about.ids == "real":
            return self._cleaned(value, column.name, patient)
        if column.type == "string" and not column.holds and self._tells(value):
            return "n/a"
        is_kept = {
            "age": self.rules.of("PatientAge") in ("K", "C"),
            "sex": self.rules.of("PatientSex") in ("K", "C"),
            "device": self.rules.of("ManufacturerModelName") in ("K", "C"),
            "site": self.labels.are_public or self.rules.of("InstitutionName") in ("K", "C"),
            "free_text": self.policy.texts != "remove",
        }
        return value if is_kept.get(column.holds, True) else "n/a"

    def _cleaned(self, text: str, column: str, patient: PatientKey) -> str:
        redacted = self.redactor.clean(text, self.known)
        self.removed.extend(rows(f"sub-{self.labels.subject(patient)} {column}", text, redacted))
        return redacted.text

    def _date(self, value: str, column: Column, patient: PatientKey) -> str:
        """A date, moved as the patient's are; one that can't be read is kept only where no date is changed."""
        if self.policy.dates == "remove":
            return "n/a"
        shift = self.shift(patient)
        moment = dicom_datetime(value)
        if column.type == "datetime" and moment is not None:
            return self.acquired(moment, patient)
        if not shift:
            return value
        return "n/a" if moment is None else shift_moment(moment, shift)[:10]


def _known(privacy: Privacy, patient: PatientKey, records: Sequence[Record]) -> Known:
    def values(keywords: Iterable[str]) -> tuple[str, ...]:
        found = (value for record in records for key in keywords for value in _texts(record, key))
        return tuple(dict.fromkeys(found))

    born = (dicom_datetime(text) for text in values(("PatientBirthDate",)))
    return Known(
        names=values(_NAMES),
        ids=(*values(IDS), patient.id),
        dates=tuple(moment.date() for moment in born if moment),
        places=values(PLACES),
        subject=patient.text,
        shift=privacy.shift(patient),
        days=tuple({moment.date() for text in values(_DAYS) if (moment := dicom_datetime(text))}),
        institutions=values(("InstitutionName",)),
    )


def _texts(record: Record, keyword: str) -> list[str]:
    """Every value of an attribute of a record's headers, as texts."""
    values = [record.header.get(keyword), *record.per_slice.get(keyword, ())]
    parts = (part for value in values for part in (value if isinstance(value, list) else [value]))
    return [str(part) for part in parts if part not in (None, "")]


def generalised(rows: Sequence[Row], columns: Mapping[str, Column], minimum: int) -> list[Row]:
    """The rows of participants.tsv; a region of at most `minimum` people is named ``other``.

    That is FIDAC's rule: a region keeps its name "if more than 100 patients".
    """
    names = [name for name, column in columns.items() if column.holds == "region"]
    if not minimum or not names:
        return list(rows)
    changed: list[Row] = [dict(row) for row in rows]
    for name in names:
        counts: dict[str, int] = {}
        for row in rows:
            counts[row.get(name, "")] = counts.get(row.get(name, ""), 0) + 1
        changed = [
            {**row, name: OTHER} if row.get(name, "n/a") not in ("", "n/a") and counts[row[name]] <= minimum else row
            for row in changed
        ]
    return changed


@cache
def _source_bands(collection: str) -> frozenset[tuple[float, float | None]]:
    """The bands in which a collection was published, by its paper; ends above the cap of ages are open."""
    names = promises(collection).get("counts", {}).get("age", {})
    ends = [[int(number) for number in re.findall(r"\d+", str(name))] for name in names]
    pairs = ((found[0], found[1] if len(found) > 1 else None) for found in ends if found)
    return frozenset((min(low, AGE_CAP), high if high is not None and high <= AGE_CAP else None) for low, high in pairs)


def _banded(ages: Mapping[str, str], bands: frozenset[tuple[float, float | None]]) -> dict[str, str]:
    """Ages as bands of ten years: age_min and age_max in place of age; a spelling nobody understood goes.

    A range that is one of the source's own `bands` keeps its limits.
    """
    numbers = {name: float(value) for name, value in ages.items() if value.replace(".", "", 1).isdigit()}
    low, high = numbers.get("age_min", numbers.get("age")), numbers.get("age_max", numbers.get("age"))
    banded = dict.fromkeys(ages, "n/a")
    if "age" not in numbers and (low, high) in bands:
        limits = {name: ages[name] for name in ("age_min", "age_max") if name in ages}
        return {**banded, **limits}
    if low is not None:
        banded["age_min"] = str(min(int(low) // _BAND * _BAND, _LAST_BAND))
    if high is not None:
        top = (int(high) // _BAND + 1) * _BAND - 1
        banded["age_max"] = str(top) if top < _LAST_BAND else "n/a"
    return banded
