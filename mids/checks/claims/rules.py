"""How each promise of a paper is compared with a dataset: one small function for each word of `paper: promises`."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any, Literal

from mids.checks.claims.evidence import Evidence, Row
from mids.vocabulary.schema import load

Verdict = Literal["met", "not met", "not checkable"]


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of one promise, and why."""

    verdict: Verdict
    message: str


Rule = Callable[[Evidence, Any], Judged]

RADIOGRAPHS = frozenset({"cr", "dx", "rg", "xa"})
CAP = 89
"""Ages from here on are written so."""


def judge(evidence: Evidence, key: str, promised: object) -> Judged:
    """What became of one promise; one whose word has no rule is not checkable."""
    rule = RULES.get(key)
    return rule(evidence, promised) if rule else _open(f"nothing in a dataset says {key}")


# --- ways to judge ---------------------------------------------------------------------------------------


def _open(message: str) -> Judged:
    return Judged("not checkable", message)


def _number(what: str, found: float, promised: float) -> Judged:
    return Judged("met" if found == promised else "not met", f"{found:g} {what}")


def _every(what: str, values: Sequence[str | None], is_right: Callable[[str], bool]) -> Judged:
    """Whether it holds for all of `values`, None where nothing is known."""
    known = [value for value in values if value is not None]
    wrong = Counter(value for value in known if not is_right(value))
    unknown = len(values) - len(known)
    if wrong:
        shown = ", ".join(f"{value} ({count})" for value, count in wrong.most_common(3))
        return Judged("not met", f"it fails for {wrong.total()} of {len(values)} {what}: {shown}")
    if not known:
        return _open(f"it is unknown for all {len(values)} {what}")
    if unknown:
        return _open(f"it holds for {len(known)} {what}, and is unknown for {unknown}")
    return Judged("met", f"it holds for all {len(values)} {what}")


def _counts(found: Mapping[str, int], promised: Mapping[Any, int]) -> Judged:
    """Whether each promised value is there as often as promised."""
    if not found:
        return _open("it is unknown")
    wrong = [
        f"{value} {found.get(str(value), 0)} of {count}"
        for value, count in promised.items()
        if found.get(str(value), 0) != count
    ]
    text = "; ".join(wrong[:6]) + ("; …" if len(wrong) > 6 else "")
    return Judged("not met", text) if wrong else Judged("met", f"all {len(promised)} counts are as promised")


# --- how much there is -----------------------------------------------------------------------------------


def _patients(evidence: Evidence, promised: int) -> Judged:
    return _number("patients", len(evidence.participants), promised)


def _patients_min(evidence: Evidence, promised: int) -> Judged:
    count = len(evidence.participants)
    return Judged("met" if count >= promised else "not met", f"{count} patients")


def _studies(evidence: Evidence, promised: int) -> Judged:
    studies = {(scan["participant_id"], scan["session_id"]) for scan in evidence.scans}
    return _number("studies with an image", len(studies), promised)


def _series(evidence: Evidence, promised: int) -> Judged:
    if not all(".nii" in scan["filename"] for scan in evidence.scans):
        return _open("a dataset does not say which series its single images belonged to")
    names = {re.sub(r"_chunk-\d+", "", scan["filename"]) for scan in evidence.scans}
    return _number("series", len(names), promised)


def _images(evidence: Evidence, promised: int) -> Judged:
    """Papers count files of either kind, so both counts are looked at."""
    files, slices = len(evidence.scans), evidence.slices()
    message = f"{files} images, {slices} slices"
    return Judged("met" if promised in (files, slices) else "not met", message)


def _frontal(evidence: Evidence, promised: int) -> Judged:
    """Radiographs whose view is PA or AP, in whatever position: neither lateral ones nor CT."""
    found = sum(
        scan.get("modality") in RADIOGRAPHS and scan.get("view_position") in ("pa", "ap") for scan in evidence.scans
    )
    return _number(f"frontal radiographs among {len(evidence.scans)} images", found, promised)


def _distinct(column: str, what: str) -> Rule:
    def rule(evidence: Evidence, promised: int) -> Judged:
        values = set(evidence.of_patients(column).values())
        return _number(what, len(values), promised) if values else _open(f"the column {column} has no values")

    return rule


# --- patients --------------------------------------------------------------------------------------------


def _ages(evidence: Evidence) -> list[float | None]:
    """One age for each patient, of a range its lower end."""
    known = evidence.of_patients("age", "age_min")
    return [_float(known.get(subject)) for subject in evidence.participants]


def _float(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None


def _age_min(evidence: Evidence, promised: float) -> Judged:
    ages = [None if age is None else f"{age:g}" for age in _ages(evidence)]
    return _every("patients", ages, lambda age: float(age) >= promised)


def _age_max(evidence: Evidence, promised: float) -> Judged:
    """An age of 89 may be above it."""
    ages = [None if age is None or (age >= CAP >= promised) else f"{age:g}" for age in _ages(evidence)]
    return _every("patients", ages, lambda age: float(age) <= promised)


def _moment(of: Callable[[Sequence[float]], float], what: str) -> Rule:
    def rule(evidence: Evidence, promised: float) -> Judged:
        ages = [age for age in _ages(evidence) if age is not None]
        if len(ages) < 2:
            return _open("ages are not known")
        digits = len(str(promised).partition(".")[2])
        return _number(f"years is the {what} of {len(ages)} known ages", round(of(ages), digits), promised)

    return rule


def _tested(evidence: Evidence, promised: object) -> Judged:
    """A negative patient has no other result; any other promise is kept by one positive test among others."""
    results = evidence.results()
    is_negative = promised == "negative"

    def judge(found: set[str]) -> str:
        return ("negative" if found == {"negative"} else "another result") if is_negative else (
            "positive" if "positive" in found else "no positive test"
        )  # fmt: skip

    values = [judge(results[subject]) if subject in results else None for subject in evidence.participants]
    return _every("patients", values, lambda value: value in ("positive", "negative"))


def _female(evidence: Evidence, promised: int) -> Judged:
    return _counts(Counter(evidence.of_patients("sex").values()), {"F": promised})


def _sex_share(evidence: Evidence, promised: Mapping[str, float]) -> Judged:
    known = Counter(evidence.of_patients("sex").values())
    if not known:
        return _open("no patient's sex is known")
    digits = max(len(str(share).partition(".")[2]) for share in promised.values())
    found = {sex: round(known[sex] / known.total(), digits) for sex in promised}
    text = ", ".join(f"{sex} {share:g}" for sex, share in found.items())
    message = f"{text} of {known.total()} patients whose sex is known"
    return Judged("met" if found == dict(promised) else "not met", message)


def _completeness(evidence: Evidence, promised: Mapping[str, int]) -> Judged:
    found = {}
    for column in promised:
        values = evidence.of_patients(column, f"{column}_min").values()
        found[column] = sum(value != "not_performed" for value in values)
    return _counts(found, promised)


def _values(evidence: Evidence, promised: Mapping[str, Mapping[Any, int]]) -> Judged:
    """Patients by value of each column; bands of ages and days by their lower ends."""
    found: dict[str, int] = {}
    wanted: dict[str, int] = {}
    for column, counts in promised.items():
        values: Iterable[str] = evidence.of_patients(column, f"{column}_min").values()
        if column in ("age", "days_from_onset"):
            values = [_band(value, counts) for value in values]
        found |= {f"{column} {value}": count for value, count in Counter(values).items()}
        wanted |= {f"{column} {value}": count for value, count in counts.items()}
    return _counts(found, wanted)


def _band(text: str, bands: Collection[Any]) -> str:
    """The last band whose lower end is not above a number; of ">90" that is the cap of ages."""
    number = _float(text)
    if number is None:
        return ""
    return next((band for start, band in sorted(map(_start, bands), reverse=True) if number >= start), "")


def _start(band: object) -> tuple[int, str]:
    text = str(band)
    first = int(re.findall(r"\d+", text)[0])
    return (0 if text.startswith("<") else min(first + 1, CAP) if text.startswith(">") else first), text


# --- images ----------------------------------------------------------------------------------------------


def _make_scans_rule(column: str, *, list_name: str = "") -> Rule:
    """Every image has one of the promised values in a column of its scans table, or of its session."""

    def rule(evidence: Evidence, promised: object) -> Judged:
        items = promised if isinstance(promised, list) else [promised]
        allowed = {_code(str(item), list_name) for item in items}
        visits = {(row["participant_id"], row.get("session_id")): row.get(column) for row in evidence.sessions}
        values = [
            scan.get(column) or visits.get((scan["participant_id"], scan["session_id"])) for scan in evidence.scans
        ]
        return _every("images", values, lambda value: value in allowed)

    return rule


def _code(word: str, list_name: str) -> str:
    """The code that a paper's word means."""
    return (load().code_lists[list_name].find(word) if list_name else None) or word


def _modalities(evidence: Evidence, promised: object) -> Judged:
    items = promised if isinstance(promised, list) else [promised]
    allowed = {str(item).lower() for item in items}
    if allowed & {"x-ray", "radiograph"}:
        allowed |= RADIOGRAPHS
    return _every("images", [scan.get("modality") for scan in evidence.scans], lambda value: value in allowed)


def _make_sidecars_rule(key: str) -> Rule:
    """Every image's sidecar has one of the promised numbers."""

    def rule(evidence: Evidence, promised: list[float] | float) -> Judged:
        allowed = promised if isinstance(promised, list) else [promised]
        found = (evidence.sidecar(scan, key) for scan in evidence.scans)
        values = [f"{value:g}" if isinstance(value, int | float) else None for value in found]
        return _every("images", values, lambda value: any(abs(float(value) - one) < 0.01 for one in allowed))

    return rule


def _make_modality_rule(*, studies: bool) -> Rule:
    def rule(evidence: Evidence, promised: Mapping[str, int]) -> Judged:
        if studies:
            keys = {(s["participant_id"], s["session_id"], s.get("modality", "")) for s in evidence.scans}
            found = Counter(modality for _, _, modality in keys)
        else:
            found = Counter(scan.get("modality", "") for scan in evidence.scans)
        both = found + Counter(radiograph=sum(found[modality] for modality in RADIOGRAPHS))
        return _counts(both, promised)

    return rule


def _photometric(evidence: Evidence, promised: Mapping[str, int]) -> Judged:
    values = (evidence.sidecar(scan, "SourcePhotometricInterpretation") for scan in evidence.scans)
    return _counts(Counter(str(value) for value in values if value), promised)


def _finding_views(evidence: Evidence, promised: Mapping[str, Mapping[str, int]]) -> Judged:
    views = {scan["filename"]: _view(scan) for scan in evidence.scans}
    found = Counter(f"{label} {views[image]}" for image, label in evidence.findings() if image in views)
    wanted = {f"{label} {_supine(view)}": count for label, counts in promised.items() for view, count in counts.items()}
    return _counts(found, wanted)


def _view(scan: Row) -> str:
    view = scan.get("view_position", "")
    return "ap supine" if view == "ap" and scan.get("patient_position") == "supine" else view


def _supine(word: str) -> str:
    return "ap supine" if word.lower() == "ap supine" else _code(word, "view_positions")


def _dates(evidence: Evidence, promised: Sequence[str]) -> Judged:
    days = [scan.get("acq_time", "")[:10] or None for scan in evidence.scans]
    if any(day and day < "1926" for day in days):
        return _open("the dates of the dataset are shifted")
    return _every("images", days, lambda day: promised[0] <= day <= promised[1])


# --- the rest --------------------------------------------------------------------------------------------


def _tests(evidence: Evidence, promised: Mapping[str, int]) -> Judged:
    return _counts(Counter(row.get("test", "") for row in evidence.tests), promised)


def _terms(evidence: Evidence, promised: int) -> Judged:
    return _number("terms", evidence.terms, promised) if evidence.terms else _open("there is no label tree")


def _judge_drawn(evidence: Evidence, promised: int) -> Judged:
    return _number("images with regions", evidence.drawn, promised)


RULES: Mapping[str, Rule] = {
    "patients": _patients, "patients_min": _patients_min, "studies": _studies, "series": _series, "images": _images,
    "frontal_radiographs": _frontal,
    "sites": _distinct("site", "sites"), "regions": _distinct("region", "regions"),
    "age_min": _age_min, "age_max": _age_max, "age_mean": _moment(fmean, "mean"), "age_sd": _moment(stdev, "SD"),
    "covid_test": _tested, "positive_test": _tested, "female": _female, "sex_share": _sex_share,
    "completeness": _completeness, "counts": _values, "tests": _tests,
    "modality": _modalities, "modalities": _modalities,
    "view_position": _make_scans_rule("view_position", list_name="view_positions"),
    "views": _make_scans_rule("view_position", list_name="view_positions"),
    "patient_position": _make_scans_rule("patient_position", list_name="patient_position"),
    "contrast": _make_scans_rule("contrast", list_name="yes_no"),
    "rows": _make_scans_rule("rows"), "columns": _make_scans_rule("columns"),
    "bits": _make_sidecars_rule("BitsAllocated"), "slice_thickness": _make_sidecars_rule("SliceThickness"),
    "images_by_modality": _make_modality_rule(studies=False), "studies_by_modality": _make_modality_rule(studies=True),
    "photometric": _photometric, "images_by_finding_and_view": _finding_views, "study_dates": _dates,
    "label_terms": _terms, "images_with_rois": _judge_drawn,
}  # fmt: skip
"""The words of `paper: promises` in `schemas/collections/<name>.yaml`, and what each asks of a dataset."""
