"""What de-identification does to what leaves headers and tables: decided here and nowhere else in the plan."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mids.deid.labels import Labels
from mids.deid.policy import Policy
from mids.deid.pseudonyms import age, dicom_datetime, shifted
from mids.deid.rules import Rules
from mids.plan.job import Row
from mids.records import Json
from mids.schema import Column, Schema

OTHER = "other"
"""What stands in place of a region of few patients (FIDAC, Diagnostic and Interventional Imaging 2022, 2.1)."""

_BAND = 10
_LAST_BAND = 80
"""The last band of ages is open, so that nobody above 89 stands out."""


@dataclass(frozen=True, slots=True)
class Privacy:
    """A policy with everything that it needs to be applied to a conversion."""

    labels: Labels
    policy: Policy
    rules: Rules

    def shift(self, patient: str) -> timedelta:
        """What the dates of a patient are moved by."""
        return timedelta(0) if self.policy.dates == "keep" else self.labels.shift(patient)

    def acquired(self, moment: datetime | None, patient: str) -> str:
        """A moment as acq_time says it: shifted, perhaps in whole hours or at midnight; ``n/a`` without dates."""
        if moment is None or self.policy.dates == "remove":
            return "n/a"
        if self.policy.times == "hour":
            moment = moment.replace(minute=0, second=0)
        elif self.policy.times == "remove":
            moment = moment.replace(hour=0, minute=0, second=0)
        return shifted(moment, self.shift(patient))

    def age(self, patient_age: str, birth_date: str, study_date: str) -> str:
        """The age in whole years (`mids.deid.pseudonyms.age`), as far as the policy caps it."""
        return age(patient_age, birth_date, study_date, capped=self.policy.ages != "keep")

    def sidecar(self, fields: Mapping[str, Json], schema: Schema) -> dict[str, Json]:
        """The keys of a sidecar that the policy keeps."""
        kept: dict[str, Json] = {}
        for key, value in fields.items():
            field = schema.fields.get(key)
            if field is None or not field.dicom or self.rules.of(field.dicom) in ("K", "C"):
                kept[key] = value
        return kept

    def row(self, values: Row, columns: Mapping[str, Column], patient: str) -> dict[str, str]:
        """The cells of a row as the policy lets them out, by what their columns hold."""
        cells = {name: self._cell(value, columns.get(name), patient) for name, value in values.items()}
        ages = [name for name in cells if (column := columns.get(name)) and column.holds == "age"]
        return {**cells, **_banded({name: cells[name] for name in ages})} if self.policy.ages == "bands" else cells

    def _cell(self, value: str, column: Column | None, patient: str) -> str:
        if column is None or value in ("", "n/a"):
            return value
        if column.holds == "date" or column.type in ("date", "datetime"):
            return self._date(value, column, patient)
        is_kept = {
            "age": self.rules.of("PatientAge") in ("K", "C"),
            "sex": self.rules.of("PatientSex") in ("K", "C"),
            "device": self.rules.of("ManufacturerModelName") in ("K", "C"),
            "site": self.labels.are_public or self.rules.of("InstitutionName") in ("K", "C"),
            "free_text": self.policy.texts != "remove",
        }
        return value if is_kept.get(column.holds, True) else "n/a"

    def _date(self, value: str, column: Column, patient: str) -> str:
        """A date, moved as the patient's are; one that can't be read is kept only where no date is changed."""
        if self.policy.dates == "remove":
            return "n/a"
        shift = self.shift(patient)
        moment = dicom_datetime(value)
        if column.type == "datetime" and moment is not None:
            return self.acquired(moment, patient)
        if not shift:
            return value
        return "n/a" if moment is None else shifted(moment, shift)[:10]


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


def _banded(ages: Mapping[str, str]) -> dict[str, str]:
    """Ages as bands of ten years: age_min and age_max in place of age; a spelling nobody understood goes."""
    numbers = {name: float(value) for name, value in ages.items() if value.replace(".", "", 1).isdigit()}
    low, high = numbers.get("age_min", numbers.get("age")), numbers.get("age_max", numbers.get("age"))
    banded = dict.fromkeys(ages, "n/a")
    if low is not None:
        banded["age_min"] = str(min(int(low) // _BAND * _BAND, _LAST_BAND))
    if high is not None:
        top = (int(high) // _BAND + 1) * _BAND - 1
        banded["age_max"] = str(top) if top < _LAST_BAND else "n/a"
    return banded
