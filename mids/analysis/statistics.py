"""Counts over a dataset: each table of the papers of the five source collections has its function here.

Every function takes a `Dataset`, or `Tables` without any file behind them, and returns a table of pandas. Its
docstring names the paper's table and says what the counts are shares of. Values are those of the vocabulary; what is
unknown is counted nowhere, except where that is said.
"""

from collections.abc import Mapping, Sequence
from warnings import warn

import pandas as pd

from mids.analysis.counting import (  # fmt: skip
    LABELS,
    Data,
    assign_bands,
    bands,
    collect_patient_values,
    days,
    distribution,
    get_tables,
    moments,
    numbers,
    views,
    words,
)
from mids.dataset import Dataset
from mids.dataset.tables import add_missing_columns
from mids.vocabulary import clinical
from mids.vocabulary.schema import load

DECADES = ("0-9", "10-19", "20-29", "30-39", "40-49", "50-59", "60-69", "70-79", "80+")
"""Bands of age, both ends included."""

DELAYS = ("<3", "3-7", "8-21", ">21")
"""Bands of days from onset, both ends included (FIDAC, section 2.1)."""

_VIEWS = ("pa", "ap", "ap supine", "lateral", "ax", "cor")
"""Views in the order of the tables of papers; others follow by name."""


_EARLIER = {"AGES": "age", "DELAYS": "days_from_onset"}


def __getattr__(name: str) -> tuple[str, ...]:
    """Constants of earlier versions: the bands of one collection by its name in capitals."""
    collection, _, kind = name.lower().rpartition("_")
    if kind.upper() not in _EARLIER or not clinical.promises(collection):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    column = _EARLIER[kind.upper()]
    warn(f"{name} is now bands({collection!r}, {column!r})", DeprecationWarning, stacklevel=2)
    return bands(collection, column)


# --- how much there is -----------------------------------------------------------------------------------


def size_counts(data: Data) -> "pd.Series[int]":
    """Patients, studies, series, images and slices.

    MIDRC-RICORD-1A at TCIA, "Detailed Description" (110 patients, 120 studies, 229 series, 31,856 images: DICOM files,
    so our `slices`); BIMCV-COVID19+, table 2 and "Technical Validation". Patients and studies are those with an image.
    Series are volumes, the parts of one (`chunk`) counted once, and single images, because the series of a radiograph
    is not kept. A single image counts as one slice; a volume that was resampled may have more slices than its source.
    """
    given = get_tables(data, facts=True)
    scans = given.scans
    series = scans["filename"].str.replace(r"_chunk-\d+", "", regex=True)
    slices = scans[["filename"]].merge(given.facts, on="filename", how="left")["slices"]
    counts = {
        "patients": scans["participant_id"].nunique(),
        "studies": len(scans[["participant_id", "session_id"]].drop_duplicates()),
        "series": series.nunique(),
        "images": len(scans),
        "slices": int(pd.to_numeric(slices).fillna(1).sum()),
    }
    return pd.Series(counts, name="count", dtype="int64")


def studies_per_patient(data: Data) -> "pd.Series[float]":
    """Mean, SD, smallest and largest number of studies of a patient, of those with an image.

    BIMCV-COVID19+, "Technical Validation" (1.9) and figure 5, middle.
    """
    visits = get_tables(data).scans[["participant_id", "session_id"]].drop_duplicates()
    return moments(visits["participant_id"].value_counts())


def modality_counts(data: Data) -> pd.DataFrame:
    """Images and studies by DICOM modality, lower case.

    BIMCV-COVID19+, "Technical Validation" (1,380 CR, 885 DX, 163 CT studies) and table 2 (images). A study with two
    modalities counts for both, so the studies may sum to more than there are.
    """
    scans = get_tables(data).scans
    studies = scans[["participant_id", "session_id", "modality"]].drop_duplicates()
    images = distribution(scans["modality"])["count"]
    counts = distribution(studies["modality"])["count"].reindex(images.index)
    return pd.DataFrame({"images": images, "studies": counts})


def view_counts(data: Data) -> pd.DataFrame:
    """Images by view, "ap supine" apart from "ap", of the images whose view is known.

    COVID-19 image data collection, table 1, without its findings.
    """
    return distribution(views(get_tables(data).scans))


# --- patients --------------------------------------------------------------------------------------------


def sex_counts(data: Data) -> pd.DataFrame:
    """Patients by sex, of those whose sex is known.

    FIDAC, section 3 (5,251 known, 0.55 male); BIMCV-COVID19+, "Technical Validation" (602 female, 45.92 %);
    COVID19-CT-dataset, "Data description" (60.9 % male).
    """
    return distribution(add_missing_columns(get_tables(data).participants, "sex")["sex"])


def age_moments(data: Data) -> "pd.Series[float]":
    """Mean, SD, smallest and largest age in years, of the patients whose age is known; 89 stands for 89 and more.

    BIMCV-COVID19+, "Technical Validation" (63.11 ± 16.75); COVID19-CT-dataset, "Data description" (47.18 ± 16.32, 6 to
    89).
    """
    return moments(numbers(get_tables(data).participants, "age"))


def age_counts(data: Data, bands: Sequence[str] = DECADES) -> pd.DataFrame:
    """Patients by band of age, of those whose age or lower limit is known.

    With ``bands("fidac", "age")``: FIDAC, section 3 (17 to 1,011 patients, which sum to 5,943). A patient known by a
    range is in the band that holds its lower limit. Bands are half-open: an age belongs to the last band that begins at
    or below it.
    """
    participants = get_tables(data).participants
    ages = numbers(participants, "age").fillna(numbers(participants, "age_min"))
    return distribution(assign_bands(ages, bands).rename("age"), bands)


def demographics(data: Data, bands: Sequence[str] = DECADES) -> pd.DataFrame:
    """Images by age at the session, or else of the patient, and sex; of the frontal radiographs with both.

    COVID-19 image data collection, figure 2 (a plot without numbers). Images, not patients: one with ten radiographs
    counts ten times.
    """
    given = get_tables(data)
    frontal = given.scans[given.scans["view_position"].isin(["pa", "ap"])]
    patients = add_missing_columns(given.participants, "age", "sex")[["participant_id", "age", "sex"]]
    visits = add_missing_columns(given.sessions, "age")[["participant_id", "session_id", "age"]]
    found = frontal[["participant_id", "session_id"]].merge(patients, on="participant_id", how="left")
    found = found.merge(visits, on=["participant_id", "session_id"], how="left", suffixes=("_patient", ""))
    ages = numbers(found, "age").fillna(numbers(found, "age_patient"))
    return pd.crosstab(assign_bands(ages, bands).rename("age"), found["sex"]).reindex(list(bands), fill_value=0)


def delay_counts(data: Data, bands: Sequence[str] = DELAYS) -> pd.DataFrame:
    """Patients by days from onset to their first session that says, of those for which that is known.

    FIDAC, section 3 (3,453 known: 1,128, 916, 1,158, 251).
    """
    found = pd.to_numeric(collect_patient_values(get_tables(data), "days_from_onset_min"), errors="coerce")
    return distribution(assign_bands(found, bands).rename("days_from_onset"), bands)


def region_counts(data: Data) -> pd.DataFrame:
    """Patients by region, of those whose region is known.

    FIDAC, section 3 (8 regions, 102 to 1,577 patients, mean 743 ± 603.3).
    """
    return distribution(add_missing_columns(get_tables(data).participants, "region")["region"])


def patient_counts(data: Data, column: str) -> pd.DataFrame:
    """Patients by the value of a column of the participants or sessions table, of those for which it is known.

    FIDAC, section 3: `indication` (5,944 known) and `ct_class`, the normalized report (5,944 known). Of several
    sessions the first that says counts.
    """
    return distribution(collect_patient_values(get_tables(data), column))


def covid_test_counts(data: Data) -> pd.DataFrame:
    """Patients by the summary of their tests, of those who were tested: `not_performed` is left out.

    FIDAC, section 3 (5,574 known: 2,486 positive, 3,088 negative).
    """
    tests = add_missing_columns(get_tables(data).participants, "covid_test")["covid_test"]
    return distribution(tests.mask(tests.eq("not_performed").fillna(False)), ("positive", "negative"))


def completion(data: Data, columns: Sequence[str]) -> pd.DataFrame:
    """For each column of the participants or sessions table: the patients for which it is `known`, and their `percent`
    of all patients; `not_performed` is not known.

    FIDAC, sections 3 and 4 (of 5,944: indication and report 100 %, RT-PCR 93.77 %, sex 88.34 %, delay 58.09 %).
    """
    given = get_tables(data)
    values = {column: collect_patient_values(given, column) for column in columns}
    known = [int((series.notna() & series.ne("not_performed").fillna(True)).sum()) for series in values.values()]
    total = len(given.participants)
    rows = [(count, total, count * 100 / total if total else 0.0) for count in known]
    return pd.DataFrame(rows, index=pd.Index(list(values), name="column"), columns=["known", "patients", "percent"])


# --- images ----------------------------------------------------------------------------------------------


def device_counts(data: Data, *, more_than: int = 0) -> "pd.Series[int]":
    """Studies by manufacturer and model as the headers spell them, those of `more_than` studies.

    BIMCV-COVID19+, table 5 (more than 15 studies). A study made with two devices counts for both, one whose device is
    unknown for none.
    """
    given = get_tables(data, facts=True)
    made = given.scans[["filename", "participant_id", "session_id"]].merge(given.facts, on="filename")
    parts = [made[key].astype("string").fillna("") for key in ("Manufacturer", "ManufacturersModelName")]
    made["device"] = parts[0].str.cat(parts[1], sep=" ").str.strip()
    studies = made[made["device"] != ""][["participant_id", "session_id", "device"]].drop_duplicates()
    counts = distribution(studies["device"])["count"]
    return counts[counts > more_than].rename("studies")


def photometric_counts(data: Data) -> pd.DataFrame:
    """Images by the PhotometricInterpretation of their source, of those whose sidecar says it.

    BIMCV-COVID19+, "Technical Validation" (2,427 MONOCHROME2, 751 MONOCHROME1, radiographs only).
    """
    return distribution(get_tables(data, facts=True).facts["SourcePhotometricInterpretation"])


def thickness_counts(data: Data) -> pd.DataFrame:
    """Volumes by slice thickness in mm, of those whose sidecar says it.

    COVID19-CT-dataset, "Data description" (1.5 or 3 mm).
    """
    thickness = pd.to_numeric(get_tables(data, facts=True).facts["SliceThickness"], errors="coerce")
    texts = [f"{value:g}" for value in thickness.dropna()]
    return distribution(pd.Series(texts, dtype="string", name="slice_thickness"))


# --- tests -----------------------------------------------------------------------------------------------


def laboratory_counts(data: Data) -> pd.DataFrame:
    """Tests by kind (PCR, IGG, IGM, IGA, ACT) and result (positive, negative, indeterminate, not_performed), with sums
    (`all`).

    BIMCV-COVID19+, "Technical Validation" (2,425 PCR: 1,773 positive, 622 negative, 30 indeterminate; 29 IGM, 29 IGG,
    35 ACT). Counts tests, not patients; those of subjects without an image too.
    """
    tests, lists = get_tables(data).tests, load().code_lists
    kinds, results = list(lists["covid_tests"].codes), list(lists["results"].codes)
    table = pd.crosstab(tests["test"], tests["result"])
    table = table.reindex(index=kinds, columns=results, fill_value=0).astype("int64")
    table["all"] = table.sum(axis="columns")
    table.loc["all"] = table.sum()
    return table


def nearest_tests(data: Data) -> pd.DataFrame:
    """For each image with a date: the test of its subject that is nearest in time, and `delay` in days.

    BIMCV-COVID19+, "Technical Validation" (mean of the absolute delays 5.03 days) and figure 5, bottom. A positive
    delay says that the test came after the image. Of two tests equally near the earlier one. Images without a date, and
    those of subjects without a dated test, are left out. Dates are shifted by a constant of each subject at most, so
    delays are right.
    """
    given = get_tables(data)
    scans = add_missing_columns(given.scans, "acq_time")[["filename", "participant_id", "acq_time"]]
    scans = scans.assign(day=days(scans["acq_time"])).dropna(subset=["day"])
    tests = given.tests[["participant_id", "date", "test", "result"]]
    tests = tests.assign(tested=days(tests["date"])).dropna(subset=["tested"])
    pairs = scans.merge(tests, on="participant_id")
    pairs["delay"] = (pairs["tested"] - pairs["day"]).dt.days.astype("int64")
    pairs["distance"] = pairs["delay"].abs()
    pairs = pairs.sort_values(["filename", "distance", "tested"], kind="stable").drop_duplicates("filename")
    return pairs[["filename", "participant_id", "test", "result", "date", "delay"]].reset_index(drop=True)


# --- labels ----------------------------------------------------------------------------------------------


def label_counts(data: Data, *, by_sentence: bool = False) -> "pd.Series[int]":
    """Rows of the label table (reports, readings or images) by label; each row counts once for a label.

    `by_sentence` counts every sentence with the label instead.
    """
    column = "labels_localizations_by_sentence" if by_sentence else "labels"
    cells = add_missing_columns(get_tables(data).labels, column)[column].dropna()
    found = [word for cell in cells for word in words(str(cell))]
    return distribution(pd.Series(found, dtype="string", name="label"))["count"]


def finding_counts(data: Data) -> "pd.Series[int]":
    """Appearances of each label in the first row of each session, repetitions inside a sentence included.

    BIMCV-COVID19+, table 6, follows this rule: 20 of its 20 numbers come from the published table of labels, in which
    a session may have several rows and a label may stand twice, the second time behind a blank. Rows without a session
    count each. Raises `DataError` (TABLE_INVALID) where a cell is no JSON list.
    """
    column = "labels_localizations_by_sentence"
    labels = add_missing_columns(get_tables(data).labels, "session_id", column)
    is_later = labels.duplicated(["participant_id", "session_id"]) & labels["session_id"].notna()
    cells = labels[~is_later][column].dropna()
    found = [word for cell in cells for word in words(str(cell), repeated=True)]
    return distribution(pd.Series(found, dtype="string", name="label"))["count"]


def finding_view_counts(data: Data) -> pd.DataFrame:
    """How many images of each view have each finding: one row for each label of labels.tsv, the most frequent first.

    Columns are the codes of the view, with the position behind it where that is supine, and ``n/a`` where no view is
    known. Counted are images that a row of labels.tsv names; one with several labels counts in the row of each, one
    without labels in none. Raises `MidsError` where the dataset has no labels.tsv, `DataError` (TABLE_INVALID) where
    a cell of it is no JSON list.

    For covid-chestxray the columns pa, ap and ap supine are Table 1 of Cohen et al. 2020 (arXiv:2003.11597), as far as
    the images are those of 25 March 2020.
    """
    if isinstance(data, Dataset):
        data.table(LABELS)
    given = get_tables(data)
    named = add_missing_columns(given.labels, "filename", "labels").dropna(subset=["filename", "labels"])
    lists = [words(str(cell)) for cell in named["labels"]]
    labelled = pd.DataFrame({"filename": named["filename"].to_list(), "label": lists}, dtype=object)
    labelled = labelled.explode("label").dropna()
    images = given.scans[["filename"]].astype(object).assign(view=views(given.scans).fillna("n/a"))
    found = labelled.drop_duplicates().merge(images, on="filename")
    counts = pd.crosstab(found["label"], found["view"])
    order = counts.assign(total=counts.sum(axis=1)).reset_index()
    order = order.sort_values(["total", "label"], ascending=[False, True])
    columns = [*(view for view in _VIEWS if view in counts), *sorted(map(str, set(counts) - set(_VIEWS)))]
    return counts.loc[order["label"], columns]


# --- all of it -------------------------------------------------------------------------------------------


def summary(data: Data) -> Mapping[str, Mapping[str, int]]:
    """What there is, for the end of a conversion: sizes, images by modality and view, patients by sex and age, tests.

    Counts of 0 are left out.
    """
    given = get_tables(data, facts=True)
    counted = {
        "size": size_counts(given),
        "modality": modality_counts(given)["images"],
        "view": view_counts(given)["count"],
        "sex": sex_counts(given)["count"],
        "age": age_counts(given)["count"],
        "covid_test": covid_test_counts(given)["count"],
        "tests": laboratory_counts(given)["all"].drop("all"),
    }
    return {name: {str(key): int(count) for key, count in found.items() if count} for name, found in counted.items()}


def summary_text(data: Data) -> str:
    """The summary for reading: a line for each thing that is counted, nothing for what is not known."""
    lines = [
        f"{name}: " + ", ".join(f"{key} {count}" for key, count in found.items())
        for name, found in summary(data).items()
        if found
    ]
    return "\n".join(lines) + "\n"
