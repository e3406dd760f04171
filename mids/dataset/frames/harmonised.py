"""One set of columns for the images of any dataset: the same names, and the same words under them."""

from typing import Any

import pandas as pd

from mids.dataset.frames.labels import normalise_label
from mids.dataset.frames.typed import ABOVE, close_oldest, read_numbers
from mids.dataset.tables import add_missing_columns
from mids.vocabulary.schema import load

FRAME = {
    "dataset": "category", "participant_id": "text", "session_id": "text", "filename": "text", "suffix": "text",
    "group": "text", "modality": "category", "body_part": "category", "view_position": "category",
    "patient_position": "category", "laterality": "category", "acq_time": "time", "sex": "category", "age": "number",
    "age_min": "number", "age_max": "number", "days_from_onset_min": "number", "days_from_onset_max": "number",
    "onset_reference": "category", "onset_imputed": "category", "survival": "category", "site": "category",
    "region": "category", "country": "category", "covid_test": "category", "covid_label": "category",
    "contrast": "category", "quality": "category", "quality_source": "category", "usage_terms": "category",
}  # fmt: skip
"""The columns that the images of every dataset begin with, and the kind of each; those of single collections follow."""

CODES = {
    "sex": "sex", "view_position": "view_positions", "patient_position": "patient_position", "body_part": "body_parts",
    "laterality": "laterality", "covid_test": "results", "contrast": "yes_no", "survival": "yes_no",
    "onset_imputed": "yes_no",
}  # fmt: skip
"""The code lists of columns of the frame."""

COVID = {"C5203670": "COVID-19", "C5203671": "COVID-19 uncertain"}
"""The two labels by their CUIs (BIMCV-COVID19+, "Assigning CUI labels to images"), the surer first."""


def harmonise(name: str, images: pd.DataFrame, labels: pd.DataFrame, licence: str = "") -> pd.DataFrame:
    """The images of a dataset called `name` with all columns of `FRAME`, then their own; all are strings.

    What is known twice comes from the closest table: scans, then sessions, then participants. A value that is in no
    code list of its column stands in ``<column>_raw``. `licence` is that of images whose dataset has no `usage_terms`.
    """
    found = add_missing_columns(images, *FRAME)
    for column in FRAME:
        for further in (f"session_{column}", f"participant_{column}"):
            if further in found.columns:
                found[column] = found[column].fillna(found[further])
                found = found.drop(columns=further)
    found["dataset"] = pd.array([name] * len(found), dtype="string")
    found["modality"] = found["modality"].str.lower()
    found = translate_columns(_take_from_names(found))
    found["covid_label"] = _covid_labels(found, labels)
    if "usage_terms" not in images.columns and licence and " " not in licence:
        found["usage_terms"] = found["usage_terms"].fillna(licence)
    found = _fill_age_limits(found)
    return found[[*FRAME, *(column for column in found.columns if column not in FRAME)]]


def _take_from_names(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with what no table says taken from the names of the files."""
    for column, entity in (("view_position", "vp"), ("body_part", "bp"), ("laterality", "lat")):
        if entity in frame.columns:
            frame[column] = frame[column].fillna(frame[entity])
    known = load().suffixes.values()
    meant = {each.suffix: each.modalities[0].lower() if each.modalities else each.group for each in known}
    modalities = {suffix: word for suffix, word in meant.items() if word and word != "light"}
    frame["modality"] = frame["modality"].fillna(frame["suffix"].map(modalities).astype("string"))
    return frame


def translate_columns(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with the columns of `CODES` that it has in the words of their lists; others in ``<column>_raw``."""
    found = frame.copy(deep=False)
    for column, listed in CODES.items():
        if column in found.columns:
            found = _translate_column(found, column, listed)
    return found


def _translate_column(frame: pd.DataFrame, column: str, listed: str) -> pd.DataFrame:
    """The frame with a column in the words of a code list."""
    codes = load().code_lists[listed]
    meant = {value: codes.find(value) for value in frame[column].dropna().unique()}
    if None in meant.values():
        frame[f"{column}_raw"] = frame[column].where(frame[column].map(meant).isna())
    frame[column] = frame[column].map(meant).astype("string")
    return frame


def _fill_age_limits(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with the limits of ages that are known; 89 stands for 89 and more, and has no upper limit."""
    above = frame["age"].str.extract(ABOVE)[0].astype("string")
    frame["age"] = close_oldest(frame["age"])
    ages = frame["age"].where(read_numbers("age", frame["age"]).notna())
    is_open = pd.to_numeric(ages).eq(89).fillna(False).astype(bool)
    says_none = frame["age_min"].isna() & frame["age_max"].isna()
    frame["age_min"] = frame["age_min"].mask(says_none, ages.fillna(above))
    frame["age_max"] = frame["age_max"].mask(says_none & ~is_open, ages)
    return frame


def _covid_labels(images: pd.DataFrame, labels: pd.DataFrame) -> "pd.Series[Any]":
    """The label of each image: of its own rows, else of those of its session that name no image."""
    own: dict[str, str] = {}
    session: dict[tuple[str, str], str] = {}
    columns = ["filename", "participant_id", "session_id", "label", "cui"]
    for name, subject, visit, word, cui in labels[columns].fillna("").itertuples(index=False):
        label = COVID.get(cui) or _COVID_WORDS.get(normalise_label(word), "")
        if label and name:
            own[name] = _surer(label, own.get(name))
        elif label:
            session[subject, visit] = _surer(label, session.get((subject, visit)))
    keys = images[["filename", "participant_id", "session_id"]].fillna("").itertuples(index=False)
    values = [own.get(name) or session.get((subject, visit)) for name, subject, visit in keys]
    return pd.Series(values, index=images.index, dtype="string")


_COVID_WORDS = {normalise_label(label): label for label in COVID.values()}


def _surer(one: str, other: str | None) -> str:
    order = list(COVID.values())
    return one if other is None else min(one, other, key=order.index)
