"""Count-true twins of the five collections: rows without pixels that have exactly the marginals of each paper.

Nothing but the counts is true: which value stands beside which is drawn. Where a paper leaves a count open, or
contradicts itself (docs/errata.md), the twin says here what it takes. Rows that must not be counted are there too:
sessions without an image, tests of subjects without one, values that are missing, labels in several sentences.
"""

import json
import random
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta

import pandas as pd

from example_datasets.generators.moments import whole_numbers
from mids.analysis.counting import FACTS, Tables

# --- the counts of the papers ------------------------------------------------------------------------------

FIDAC_REGIONS = {
    "grand_est": 1577, "auvergne_rhone_alpes": 1216, "occitanie": 1412, "ile_de_france": 900, "hauts_de_france": 284,
    "bretagne": 249, "provence_alpes_cote_d_azur": 102, "other": 204,
}  # fmt: skip
FIDAC_AGES = {
    "18-20": 17, "20-30": 912, "30-40": 407, "40-50": 587, "50-60": 853, "60-70": 1011, "70-80": 987, "80-90": 848,
    ">90": 321,
}  # fmt: skip
FIDAC_DELAYS = {"<3": 1128, "3-7": 916, "8-21": 1158, ">21": 251}
FIDAC_INDICATIONS = {"low_symptoms": 2329, "oxygen_dependent": 667, "follow_up": 162, "other": 2786}
FIDAC_CLASSES = {"classic_probable": 1931, "intermediate": 1156, "non_covid": 697, "normal": 2160}
FIDAC_TESTS = {"positive": 2486, "negative": 3088}
FIDAC_PATIENTS = 5944
FIDAC_SEX_KNOWN = 5251

BIMCV_PATIENTS = 1311
BIMCV_FEMALE = 602
BIMCV_STUDIES = {"cr": 1380, "dx": 885, "ct": 163}
BIMCV_IMAGES = {"radiographs": 3141, "ct": 2239}
BIMCV_DEVICES = {
    "KONICA MINOLTA 0862": 342, "GMM ACCORD DR": 255, "SIEMENS SIEMENS FD-X": 247, "Agfa DR 14e C - 1200ms": 161,
    "Agfa DX-M": 161, "GE Healthcare Thunder Platform": 150, "Philips Medical Systems DigitalDiagnost": 133,
    "Philips Medical Systems PCR Eleva": 113, "Agfa 3543EZE": 112, "Carestream Health DRX-1": 87,
    "KONICA MINOLTA CS-7": 77, "SIEMENS SOMATOM go.Up": 69, "Agfa Pixium_4343E_CSI": 59, "Agfa CR30-X": 39,
    "Canon Inc. CXDI Control Software NE": 37, "TOSHIBA Aquilion": 36, "Philips DigitalDiagnost": 34,
    "KONICA MINOLTA 0110": 23, "Philips Brilliance 16": 23, "Philips Medical Systems Essenta DR": 21,
}  # fmt: skip
BIMCV_CT_DEVICES = ("SIEMENS SOMATOM go.Up", "TOSHIBA Aquilion", "Philips Brilliance 16")
BIMCV_PHOTOMETRIC = {"MONOCHROME2": 2427, "MONOCHROME1": 751}
BIMCV_TESTS = {
    ("PCR", "positive"): 1773, ("PCR", "negative"): 622, ("PCR", "indeterminate"): 30,
    # Only the sums over the antibody tests are published: 29 IGM, 29 IGG, 35 ACT; 44 positive, 32 negative, 17 neither.
    ("IGM", "positive"): 14, ("IGM", "negative"): 10, ("IGM", "indeterminate"): 5,
    ("IGG", "positive"): 14, ("IGG", "negative"): 10, ("IGG", "indeterminate"): 5,
    ("ACT", "positive"): 16, ("ACT", "negative"): 12, ("ACT", "indeterminate"): 7,
}  # fmt: skip
BIMCV_FINDINGS = {
    "COVID 19": 802, "increased density": 657, "pneumonia": 605, "unchanged": 494, "consolidation": 357,
    "infiltrates": 346, "interstitial pattern": 317, "alveolar pattern": 291, "normal": 284,
    "ground glass pattern": 240, "cardiomegaly": 166, "pleural effusion": 149, "laminar atelectasis": 88,
    "costophrenic angle blunting": 83,
    "suboptimal study": 82, "viral pneumonia": 62, "endotracheal tube": 59, "aortic elongation": 58, "nodule": 54,
    "central venous catheter": 54,
}  # fmt: skip
BIMCV_UNPUBLISHED = {"FUJIFILM Corporation": 144}
"""A device of more than 15 studies that table 5 lacks: its headers name no model."""
BIMCV_REPEATED = {"increased density": 22}
"""Appearances beyond the first in a report: half of them in one sentence, half in another."""
BIMCV_SECOND_REPORTS = 200
"""Sessions with a second report, which table 6 does not count."""

RICORD = {"patients": 110, "studies": 120, "series": 229, "slices": 31856}

CHESTXRAY_VIEWS = {
    "COVID-19": (76, 11, 13), "SARS": (11, 0, 0), "Streptococcus": (6, 0, 0), "Pneumocystis": (1, 0, 0),
    "ARDS": (4, 0, 0),
}  # fmt: skip
"""Images by finding: PA, AP, AP supine."""


# --- the twins ---------------------------------------------------------------------------------------------


def fidac(seed: int = 0) -> Tables:
    """5,944 patients with one CT each; 370 without a test result, 200 of them said not to have been tested."""
    draw = random.Random(seed)
    count = FIDAC_PATIENTS
    starts = {"18-20": "18", ">90": "89", **{f"{age}-{age + 10}": str(age) for age in range(20, 90, 10)}}
    delays = {"<3": "0", "3-7": "3", "8-21": "8", ">21": "22"}
    bands = _values(FIDAC_AGES, count, draw)
    male = round(0.55 * FIDAC_SEX_KNOWN)
    days = [delays.get(band or "") for band in _values(FIDAC_DELAYS, count, draw)]
    subjects = _subjects(count)
    sessions = [f"ses-E{i}" for i in range(count)]
    participants = {
        "participant_id": subjects,
        "sex": _values({"M": male, "F": FIDAC_SEX_KNOWN - male}, count, draw),
        "age_min": [starts.get(band or "") for band in bands],
        "region": _values(FIDAC_REGIONS, count, draw),
        "covid_test": _values({**FIDAC_TESTS, "not_performed": 200}, count, draw),
    }
    visits = {
        "participant_id": subjects,
        "session_id": sessions,
        "days_from_onset_min": days,
        "indication": _values(FIDAC_INDICATIONS, count, draw),
        "ct_class": _values(FIDAC_CLASSES, count, draw),
    }
    # A second session of some patients, which must not count again.
    again = {
        "participant_id": subjects[:100],
        "session_id": [f"ses-F{i}" for i in range(100)],
        "ct_class": ["normal"] * 100,
    }
    scans = [_scan(subject, session, "ct", "ax") for subject, session in zip(subjects, sessions, strict=True)]
    return _tables(participants, pd.concat([_frame(visits), _frame(again)], ignore_index=True), scans)


def bimcv_covid19(seed: int = 0) -> Tables:
    """1,311 patients, 2,428 studies with 5,380 images, a study without an image, and 60 subjects with tests only."""
    draw = random.Random(seed)
    subjects = _subjects(BIMCV_PATIENTS)
    studies = [modality for modality, count in BIMCV_STUDIES.items() for _ in range(count)]
    draw.shuffle(studies)
    owners = [*subjects, *(draw.choice(subjects) for _ in range(len(studies) - len(subjects)))]
    visits = [(owner, f"ses-E{i}", modality) for i, (owner, modality) in enumerate(zip(owners, studies, strict=True))]
    radiographs = [visit for visit in visits if visit[2] != "ct"]
    volumes = [visit for visit in visits if visit[2] == "ct"]
    images = [*_spread(radiographs, BIMCV_IMAGES["radiographs"]), *_spread(volumes, BIMCV_IMAGES["ct"])]
    begin = date(1920, 2, 26)
    made = {visit: begin + timedelta(draw.randrange(52)) for visit in visits}
    scans = [
        _scan(visit[0], visit[1], visit[2], "ax" if visit[2] == "ct" else "pa", run, made[visit].isoformat())
        for visit, run in images
    ]
    sex = _values({"F": BIMCV_FEMALE, "M": BIMCV_PATIENTS - BIMCV_FEMALE}, BIMCV_PATIENTS, draw)
    ages = whole_numbers(BIMCV_PATIENTS, 63.11, 16.75, 1, 89)
    draw.shuffle(ages)
    participants = {"participant_id": subjects, "sex": sex, "age": [str(age) for age in ages]}
    rows = {"participant_id": [*owners, subjects[0]], "session_id": [*(v[1] for v in visits), "ses-EMPTY"]}
    facts = _devices(radiographs, volumes, scans)
    return _tables(
        participants, _frame(rows), scans, _tests(subjects, begin, draw), _labels([v[:2] for v in visits], draw), facts
    )


def photometric() -> Tables:
    """3,178 radiographs with a PhotometricInterpretation, as the text of BIMCV-COVID19+ has them; one CT without."""
    words = _values(BIMCV_PHOTOMETRIC, sum(BIMCV_PHOTOMETRIC.values()) + 1, random.Random(0))
    scans = [_scan(f"sub-S{i}", "ses-E1", "dx", "pa") for i in range(len(words))]
    facts = [
        {"filename": scan["filename"], "SourcePhotometricInterpretation": word}
        for scan, word in zip(scans, words, strict=True)
    ]
    return _tables({"participant_id": _subjects(len(words))}, pd.DataFrame(), scans, facts=facts)


BIMCV_DELAYS = {-5: 50, 5: 47, 6: 3}
"""Days from image to test → images: their mean distance is 5.03 days; the paper has no more of them."""


def nearest(delays: Mapping[int, int] = BIMCV_DELAYS) -> Tables:
    """Images with their nearest test so many days away (days → images), each with a later test that is farther."""
    found = [days for days, count in delays.items() for _ in range(count)]
    scans, tests = [], []
    for number, days in enumerate(found):
        day = date(1920, 3, 1)
        scans.append(_scan(f"sub-S{number}", "ses-E1", "cr", "pa", 1, day.isoformat()))
        for off in (days, days + 90):
            when = (day + timedelta(off)).isoformat()
            tests.append({"participant_id": f"sub-S{number}", "date": when, "test": "PCR", "result": "positive"})
    return _tables({"participant_id": _subjects(len(found))}, pd.DataFrame(), scans, tests)


def labeller() -> tuple[Tables, pd.DataFrame]:
    """The labels that table 7 of BIMCV-COVID19+ judges, and the right ones: 64 sentences, 27 of them with COVID-19, 13
    uncertain, 24 with neither. 25 and 11 were found, and one was found that is not there.
    """
    sure, maybe = "COVID 19", "COVID 19 uncertain"
    right = [sure] * 27 + [maybe] * 13 + [None] * 24
    said = [sure] * 25 + [None] * 2 + [maybe] * 11 + [None] * 2 + [sure] + [None] * 23
    rows = [
        [
            {"participant_id": f"sub-S{n}", "session_id": "ses-E1", "report_id": "r1",
             "labels": json.dumps([label] if label else [])}
            for n, label in enumerate(found)
        ]
        for found in (said, right)
    ]  # fmt: skip
    scans = [_scan(f"sub-S{n}", "ses-E1", "cr", "pa") for n in range(64)]
    predicted = _tables({"participant_id": _subjects(64)}, pd.DataFrame(), scans, labels=rows[0])
    return predicted, pd.DataFrame(rows[1])


def covid19_ct(seed: int = 0) -> Tables:
    """1,000 patients (the paper says 1,000+) with one CT each, of 1.5 or 3 mm; how many of which is drawn."""
    draw = random.Random(seed)
    count = 1000
    ages = whole_numbers(count, 47.18, 16.32, 6, 89)
    draw.shuffle(ages)
    subjects = _subjects(count)
    participants = {
        "participant_id": subjects,
        "sex": _values({"M": 609, "F": 391}, count, draw),
        "age": [str(age) for age in ages],
        "covid_test": ["positive"] * count,
    }
    scans = [_scan(subject, "ses-E1", "ct", "ax") for subject in subjects]
    facts = [
        {"filename": scan["filename"], "slices": 200, "SliceThickness": 1.5 if i % 3 else 3.0}
        for i, scan in enumerate(scans)
    ]
    return _tables(
        participants, _frame({"participant_id": subjects, "session_id": ["ses-E1"] * count}), scans, facts=facts
    )


def ricord() -> Tables:
    """110 patients, 120 studies, 229 series of 31,856 slices; one series is delivered in two parts."""
    subjects = _subjects(RICORD["patients"])
    visits = [(subjects[i % len(subjects)], f"ses-E{i}") for i in range(RICORD["studies"])]
    scans = [_scan(subject, session, "ct", "ax", run) for (subject, session), run in _spread(visits, RICORD["series"])]
    slices = [RICORD["slices"] // len(scans)] * len(scans)
    slices[0] += RICORD["slices"] - sum(slices)
    first = scans[0]["filename"]
    scans[0]["filename"] = first.replace("_run-1", "_run-1_chunk-1")
    scans.append({**scans[0], "filename": first.replace("_run-1", "_run-1_chunk-2")})
    slices.append(40)
    slices[0] -= 40
    facts = [{"filename": s["filename"], "slices": count} for s, count in zip(scans, slices, strict=True)]
    sessions = _frame({"participant_id": [v[0] for v in visits], "session_id": [v[1] for v in visits]})
    participants = {"participant_id": subjects, "covid_test": ["positive"] * len(subjects)}
    return _tables(participants, sessions, scans, facts=facts)


def covid_chestxray() -> Tables:
    """The 122 images of table 1; beside them a CT, a lateral radiograph, and one without a finding."""
    scans, labels = [], []
    rows = [
        (finding, "ap" if place else "pa", "supine" if place == 2 else None)
        for finding, counts in CHESTXRAY_VIEWS.items()
        for place, count in enumerate(counts)
        for _ in range(count)
    ]
    for number, (finding, view, position) in enumerate([*rows, ("SARS", "lateral", None), (None, "pa", None)]):
        scan = _scan(f"sub-{number}", "ses-day0", "dx", view)
        scans.append({**scan, "patient_position": position})
        cell = json.dumps([finding]) if finding else None
        labels.append({**{k: scan[k] for k in ("participant_id", "session_id", "filename")}, "labels": cell})
    participants = {"participant_id": [scan["participant_id"] for scan in scans]}
    return _tables(participants, pd.DataFrame(), scans, labels=labels)


# --- rows --------------------------------------------------------------------------------------------------


def _subjects(count: int) -> list[str]:
    return [f"sub-S{i}" for i in range(count)]


def _values(counts: Mapping[str, int], total: int, draw: random.Random) -> list[str | None]:
    """Each value as often as it is counted, missing ones up to `total`, in any order."""
    values: list[str | None] = [value for value, count in counts.items() for _ in range(count)]
    values += [None] * (total - len(values))
    draw.shuffle(values)
    return values


def _spread(visits: Sequence[tuple[str, ...]], total: int) -> list[tuple[tuple[str, ...], int]]:
    """`total` images over the visits, as evenly as it goes, each with its run."""
    return [(visits[i % len(visits)], i // len(visits) + 1) for i in range(total)]


def _scan(subject: str, session: str, modality: str, view: str, run: int = 1, day: str = "") -> dict[str, str | None]:
    group, extension = ("ct", ".nii.gz") if modality == "ct" else ("rx", ".png")
    name = f"{subject}_{session}_run-{run}_bp-chest_vp-{view}_{modality}{extension}"
    return {
        "filename": f"{subject}/{session}/mim-{group}/{name}", "participant_id": subject, "session_id": session,
        "acq_time": f"{day}T12:00:00" if day else None, "modality": modality, "view_position": view,
        "patient_position": None,
    }  # fmt: skip


def _devices(
    radiographs: Sequence[tuple[str, ...]],
    volumes: Sequence[tuple[str, ...]],
    scans: Sequence[Mapping[str, str | None]],
) -> list[dict[str, object]]:
    """A device for the studies of table 5 and for those that it lacks; 15 have one too rare for it, the rest none."""
    by_study: dict[str, str] = {}
    for studies, is_ct in ((radiographs, False), (volumes, True)):
        names = [
            name for name, count in BIMCV_DEVICES.items() if (name in BIMCV_CT_DEVICES) is is_ct for _ in range(count)
        ]
        names += [] if is_ct else [name for name, count in BIMCV_UNPUBLISHED.items() for _ in range(count)]
        names += ["" if is_ct else "Rare Model"] * 15
        by_study |= {visit[1]: name for visit, name in zip(studies, names, strict=False)}
    facts: list[dict[str, object]] = []
    for scan in scans:
        device = by_study.get(str(scan["session_id"]), "")
        maker, _, model = (device, "", "") if device in BIMCV_UNPUBLISHED else device.partition(" ")
        facts.append(
            {"filename": scan["filename"], "Manufacturer": maker or None, "ManufacturersModelName": model or None}
        )
    return facts


def _tests(subjects: Sequence[str], begin: date, draw: random.Random) -> list[dict[str, str]]:
    """The tests; one in twenty is of a subject without an image."""
    rows = []
    for number, ((kind, result), count) in enumerate(BIMCV_TESTS.items()):
        for i in range(count):
            subject = f"sub-T{i % 60}" if (i + number) % 20 == 0 else draw.choice(subjects)
            when = begin + timedelta(draw.randrange(60))
            rows.append({"participant_id": subject, "date": when.isoformat(), "test": kind, "result": result})
    return rows


def _labels(visits: Sequence[tuple[str, ...]], draw: random.Random) -> list[dict[str, str]]:
    """A report for each study, some labels in it twice; behind the first reports of some studies a second one."""
    reports: list[list[list[str]]] = [[] for _ in visits]
    for label, count in BIMCV_FINDINGS.items():
        again = BIMCV_REPEATED.get(label, 0)
        chosen = draw.sample(range(len(reports)), count - again)
        for number in chosen:
            reports[number].append([label, "loc bilateral"])
        for turn, number in enumerate(chosen[:again]):
            if turn % 2:
                reports[number].append([label])
            else:
                reports[number][-1].insert(1, label)
    first = [_report(visit, "1", sentences) for visit, sentences in zip(visits, reports, strict=True)]
    second = [_report(visit, "2", [["pneumonia"], ["normal"]]) for visit in visits[:BIMCV_SECOND_REPORTS]]
    rows = [*first, *second]
    return sorted(rows, key=lambda row: (row["participant_id"], row["session_id"], row["report_id"]))


def _report(visit: tuple[str, ...], number: str, sentences: list[list[str]]) -> dict[str, str]:
    labels = dict.fromkeys(word for sentence in sentences for word in sentence if not word.startswith("loc "))
    return {
        "participant_id": visit[0], "session_id": visit[1], "report_id": f"{visit[1]}-{number}",
        "labels": json.dumps(list(labels)), "labels_localizations_by_sentence": json.dumps(sentences),
    }  # fmt: skip


def _frame(columns: Mapping[str, Sequence[str | None]]) -> pd.DataFrame:
    return pd.DataFrame({name: pd.array(list(values), dtype="string") for name, values in columns.items()})


def _rows(rows: Iterable[Mapping[str, object]], columns: Sequence[str]) -> pd.DataFrame:
    found = list(rows)
    names = [*columns, *dict.fromkeys(key for row in found for key in row if key not in columns)]
    return _frame({name: [row.get(name) for row in found] for name in names})  # type: ignore[misc]


def _tables(
    participants: Mapping[str, Sequence[str | None]],
    sessions: pd.DataFrame,
    scans: Sequence[Mapping[str, str | None]],
    tests: Sequence[Mapping[str, str]] = (),
    labels: Sequence[Mapping[str, str | None]] = (),
    facts: Sequence[Mapping[str, object]] = (),
) -> Tables:
    return Tables(
        _frame(participants),
        sessions if len(sessions) else _frame({"participant_id": [], "session_id": []}),
        _rows(scans, ["filename"]),
        _rows(tests, ["participant_id", "date", "test", "result"]),
        _rows(labels, ["participant_id", "session_id", "filename", "labels"]),
        pd.DataFrame(list(facts), columns=list(FACTS)),
    )
