"""Many datasets as one frame: the same columns, the same words, the strictest terms."""

from pathlib import Path

import pandas as pd
import pytest
from places import SOURCES

import mids
from mids import testing
from mids.dataset.frames.harmonised import CODES, COVID, FRAME
from mids.dataset.joined import Joined, concat
from mids.errors import MidsError
from mids.vocabulary.schema import load

GOLDEN = sorted(SOURCES.glob("*/mids"))
CLINICAL = ("bimcv-covid19", "covid-chestxray", "covid19-ct", "fidac", "midrc-ricord-1a")


@pytest.fixture(scope="module")
def joined() -> Joined:
    return mids.concat(GOLDEN)


def test_every_image_of_every_example_is_there_once(joined: Joined) -> None:
    keys = joined.images[["dataset", "filename"]]
    expected = sum(len(mids.Dataset(path).images) for path in GOLDEN)
    assert len(keys.drop_duplicates()) == len(joined.images) == expected
    assert set(joined.images["dataset"]) == {path.parent.name for path in GOLDEN}
    assert set(CLINICAL) <= set(joined.images["dataset"])


def test_columns_and_words_are_the_same_for_all(joined: Joined) -> None:
    assert tuple(joined.images.columns[: len(FRAME)]) == tuple(FRAME)
    assert joined.images.columns.is_unique
    for column, listed in CODES.items():
        assert set(joined.images[column].dropna()) <= set(load().code_lists[listed].codes), column
        assert f"{column}_raw" not in joined.images, "an example has a value outside its code list"
    assert joined.images["modality"].dropna().str.islower().all()
    assert set(joined.images["covid_label"].dropna()) <= set(COVID.values())
    assert {str(dtype) for dtype in joined.images[list(FRAME)].dtypes} == {
        "string", "category", "Float64", "datetime64[us]"
    }  # fmt: skip


def test_what_each_collection_knows_is_under_the_common_names(joined: Joined) -> None:
    known = joined.images.groupby("dataset")[list(FRAME)].count() > 0
    assert known["covid_test"][list(CLINICAL)].all()
    assert known.loc[["covid-chestxray", "bimcv-covid19"], "covid_label"].all()
    assert known.loc["fidac", ["age_min", "days_from_onset_min", "region", "country"]].all()
    assert known.loc["midrc-ricord-1a", ["site", "quality", "contrast", "usage_terms"]].all()


def test_the_terms_are_the_strictest_of_all(joined: Joined) -> None:
    assert joined.terms == {
        "CommercialUse": "forbidden", "Redistribution": "forbidden", "Attribution": "required", "Agreement": "required",
    }  # fmt: skip
    ricord = concat([SOURCES / "midrc-ricord-1a" / "mids"])
    assert ricord.terms["Redistribution"] == "allowed"
    assert "CC-BY-NC-4.0" in ricord.licences


def test_tests_and_labels_say_their_dataset(joined: Joined) -> None:
    assert set(CLINICAL) <= set(joined.tests["dataset"])
    assert joined.labels.columns[0] == "dataset"
    subjects = joined.images[["dataset", "participant_id"]].drop_duplicates()
    tested = joined.tests[["dataset", "participant_id"]].drop_duplicates()
    assert len(tested.merge(subjects)) > len(tested) / 2


def make_dataset(folder: Path, **terms: str) -> Path:
    return testing.dataset(
        folder, {testing.DESCRIPTION: testing.keys({"UsageTerms": terms, "License": terms.pop("L")})}
    )


def test_unknown_is_stricter_than_allowed_and_a_licence_speaks_too(tmp_path: Path) -> None:
    free = {"CommercialUse": "allowed", "Redistribution": "allowed", "Attribution": "not_required"}
    one = make_dataset(tmp_path / "1", L="CC0-1.0", Agreement="not_required", **free)
    two = make_dataset(
        tmp_path / "2", L="CC-BY-NC-4.0", Agreement="not_required", **{**free, "Redistribution": "unknown"}
    )
    alone = concat({"one": one})
    assert alone.terms == {**free, "Agreement": "not_required"}
    assert set(alone.images["usage_terms"]) == {"CC0-1.0"}
    both = concat({"one": one, "two": two})
    assert both.terms == {
        "CommercialUse": "forbidden", "Redistribution": "unknown", "Attribution": "required",
        "Agreement": "not_required",
    }  # fmt: skip
    assert both.licences == ("CC-BY-NC-4.0", "CC0-1.0")


def test_words_of_others_become_ours_or_stay_raw(tmp_path: Path) -> None:
    changes = {
        testing.PARTICIPANTS: testing.cells({"sex": "mujer", "covid_test": "perhaps"}),
        testing.SCANS: testing.cells({"view_position": "antero-posterior", "modality": "DX"}),
    }
    images = concat([testing.dataset(tmp_path, changes)]).images.set_index("participant_id")
    row = images.loc["sub-S1"]
    assert (row["sex"], row["view_position"], row["modality"]) == ("F", "ap", "dx")
    assert pd.isna(row["covid_test"])
    assert row["covid_test_raw"] == "perhaps"


def test_an_age_gives_its_limits(tmp_path: Path) -> None:
    changes = {
        testing.PARTICIPANTS: testing.cells({"age": "89"}),
        testing.SESSIONS: testing.cells({"age": "89"}),
    }
    images = concat([testing.dataset(tmp_path, changes)]).images.set_index("participant_id")
    assert (images.loc["sub-S1", "age_min"], images.loc["sub-S2", "age_max"]) == (89, 71)
    assert pd.isna(images.loc["sub-S1", "age_max"])


def test_a_label_of_the_image_goes_before_one_of_its_session(tmp_path: Path) -> None:
    rows = [
        ("sub-S1", "ses-E1", "n/a", '["COVID 19"]', '["C5203670"]'),
        ("sub-S1", "ses-E1", f"{testing.PICTURE}.png", '["COVID 19 uncertain"]', "n/a"),
        ("sub-S2", "ses-E2", "n/a", '["pneumonia"]', '["C0032285"]'),
    ]
    header = ("participant_id", "session_id", "filename", "labels", "label_cuis")
    table = "".join("\t".join(row) + "\n" for row in (header, *rows))
    images = concat([testing.dataset(tmp_path, {"derivatives/labels/labels.tsv": table})]).images
    labels = images.set_index("participant_id")["covid_label"]
    assert labels["sub-S1"] == "COVID-19 uncertain"
    assert pd.isna(labels["sub-S2"])


def test_wrong_use_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(MidsError, match="no dataset to join"):
        concat([])
    with pytest.raises(MidsError, match="two datasets have the name dicom"):
        concat([SOURCES / "dicom" / "mids"] * 2)
    with pytest.raises(MidsError, match="no such folder"):
        concat([tmp_path / "nowhere"])


def test_any_table_of_all_is_there(joined: Joined) -> None:
    people = joined.table("participants.tsv")
    for name, dataset in joined.datasets.items():
        assert people["dataset"].eq(name).sum() == len(dataset.table("participants.tsv"))
    having = [name for name, dataset in joined.datasets.items() if dataset.door.holds("derivatives/ehr/reports.tsv")]
    assert 0 < len(having) < len(joined.datasets)
    assert set(joined.table("derivatives/ehr/reports.tsv")["dataset"]) == set(having)
    with pytest.raises(MidsError, match="a file of none of the datasets"):
        joined.table("nothing.tsv")
