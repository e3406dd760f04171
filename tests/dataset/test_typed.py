"""Columns come as what they are: numbers, times, categories, text; and missing stays missing."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from by_hand import written
from places import SOURCES

from mids import testing
from mids.analysis import statistics
from mids.dataset import Dataset
from mids.dataset.frames.harmonised import FRAME
from mids.dataset.frames.typed import typed
from mids.dataset.joined import concat
from mids.errors import MidsError

BIMCV = SOURCES / "bimcv-covid19" / "mids"
SCANS = "sub-1/ses-A/sub-1_ses-A_scans.tsv"
IMAGE = "sub-1/ses-A/mim-rx/sub-1_ses-A_run-01_bp-chest_vp-pa_dx.png"


def read(folder: Path, participants: str, scans: str = "filename\n") -> Dataset:
    texts = {IMAGE: "", "participants.tsv": participants, SCANS: scans}
    return Dataset(written(folder, texts))


def test_columns_of_the_vocabulary_have_its_kinds(tmp_path: Path) -> None:
    scans = f"filename\tacq_time\trows\n{Path(IMAGE).parent.name}/{Path(IMAGE).name}\t1921-03-04T05:06:07\t96\n"
    dataset = read(tmp_path, "participant_id\tage\tsex\nsub-1\t61.5\tF\nsub-2\tn/a\tM\n", scans)
    people, image = dataset.participants, dataset.images.iloc[0]
    assert people["age"].tolist()[0] == 61.5
    assert people["age"].isna().tolist() == [False, True]
    assert people["sex"].cat.categories.tolist() == ["F", "M"]
    assert image["acq_time"] == pd.Timestamp(1921, 3, 4, 5, 6, 7)
    assert (image["rows"], image["run"]) == (96, "01")
    assert dataset.images["age"].dtype == "Float64"


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1", "-2", "0"], "Int64"), (["1.5", "2"], "Float64"), (["007", "8"], "string"), (["1e5", "2"], "string"),
        (["1234567890123456"], "string"), (["2020-01-02", "1999-12-31T10:00:00"], "datetime64[us]"),
        (["2020-01-02", "soon"], "string"), (["n/a"], "string"), (["+7"], "string"),
    ],
)  # fmt: skip
def test_other_columns_are_what_all_their_values_are(tmp_path: Path, cells: list[str], kind: str) -> None:
    rows = "".join(f"sub-{number}\t{cell}\n" for number, cell in enumerate(cells))
    dataset = read(tmp_path, f"participant_id\tfound\n{rows}")
    assert str(dataset.participants.get("found", pd.Series(dtype="string")).dtype) == kind


def test_a_value_of_another_kind_is_missing_and_told_once(tmp_path: Path) -> None:
    dataset = read(tmp_path, "participant_id\tage\nsub-1\tabout 50\nsub-2\t44\n")
    assert dataset.participants["age"].isna().tolist() == [True, False]
    assert [(issue.code, issue.path) for issue in dataset.issues] == [("TABLE_INVALID", "participants.tsv, age")]
    assert "50" not in dataset.issues[0].message
    assert dataset.text.participants["age"].tolist() == ["about 50", "44"]


@pytest.mark.parametrize("cell", ["inf", "-inf", "nan", "-1", "-0.5", "131", "999", "44,5", "0x20"])
def test_an_age_that_nobody_has_is_missing_and_told_by_its_file(cell: str, tmp_path: Path) -> None:
    dataset = read(tmp_path, f"participant_id\tage\nsub-1\t{cell}\n")
    for known in (dataset.images, concat([dataset]).images, dataset.participants):
        assert known[[name for name in known if name.startswith("age")]].isna().all(axis=None)
    assert {issue.path for issue in Dataset(dataset.path).issues} == set()
    assert [issue.path for issue in dataset.issues] == ["participants.tsv, age"]
    joined = concat([dataset.path])
    assert [issue.path for issue in joined.issues] == [f"{dataset.path.name}/participants.tsv, age"]
    assert statistics.age_moments(dataset)["number"] == 0


@pytest.mark.parametrize("cell", ["0", "0.5", "89", "95", "101"])
def test_an_age_that_somebody_has_stays(cell: str, tmp_path: Path) -> None:
    dataset = read(tmp_path, f"participant_id\tage\nsub-1\t{cell}\n")
    assert dataset[0]["age"] == float(cell)
    assert dataset.issues == ()


@pytest.mark.parametrize("cell", ["2020", "202001", "2020-01", "9999-12-31", "yesterday"])
def test_a_time_that_is_no_day_is_missing_and_told(cell: str, tmp_path: Path) -> None:
    scans = f"filename\tacq_time\n{Path(IMAGE).parent.name}/{Path(IMAGE).name}\t{cell}\n"
    dataset = read(tmp_path, "participant_id\n", scans)
    assert pd.isna(dataset[0]["acq_time"])
    assert [issue.path for issue in dataset.issues] == ["*_scans.tsv, acq_time"]


def test_a_column_without_values_stays_in_its_table(tmp_path: Path) -> None:
    scans = f"filename\tempty\n{Path(IMAGE).parent.name}/{Path(IMAGE).name}\tn/a\n"
    dataset = read(tmp_path, "participant_id\tfound\nsub-1\tn/a\n", scans)
    for images in (dataset, concat([dataset]), dataset.text):
        assert images.participants["found"].isna().tolist() == [True]
        assert images.scans["empty"].isna().tolist() == [True]


def test_what_no_table_says_is_known_by_the_name(tmp_path: Path) -> None:
    row = read(tmp_path, "participant_id\n")[0]
    assert (row["modality"], row["view_position"], row["body_part"]) == ("dx", "pa", "chest")


def test_times_with_an_offset_become_utc() -> None:
    column = pd.DataFrame({"acq_time": pd.array(["2020-01-01T01:00:00+02:00", "2020-01-01T05:00:00"], dtype="string")})
    found = typed(column, lambda *_: None)["acq_time"]
    assert found.tolist() == [pd.Timestamp(2019, 12, 31, 23), pd.Timestamp(2020, 1, 1, 5)]


def test_one_and_several_datasets_have_the_same_columns(tmp_path: Path) -> None:
    one = Dataset(testing.dataset(tmp_path / "one"))
    both = concat({"one": one, "two": testing.dataset(tmp_path / "two")})
    assert one.images.columns.tolist()[: len(FRAME)] == list(FRAME)
    assert set(both.images.columns) == set(one.images.columns)
    assert both.images.dtypes.astype(str).to_dict() == one.images.dtypes.astype(str).to_dict()
    assert len(both) == 2 * len(one) == len(list(both))
    pd.testing.assert_series_equal(both[0], both.images.iloc[0])
    assert len(both[1:]) == len(both) - 1


def test_a_dataset_says_what_is_inside(tmp_path: Path) -> None:
    folder = testing.dataset(tmp_path)
    assert repr(Dataset(folder)).startswith(f"<Dataset {folder}: 2 images (")
    assert "of 2 subjects" in repr(concat([folder]))


# --- selecting ---


def test_select_by_sex_and_age(tmp_path: Path) -> None:
    changes = {testing.PARTICIPANTS: testing.cells({"age": "30", "sex": "F"}),
               testing.SESSIONS: testing.cells({"age": "30"})}  # fmt: skip
    folder = testing.dataset(tmp_path, changes)
    for images in (Dataset(folder), concat([folder])):
        assert set(images.select(sex="female")["participant_id"]) == {"sub-S1"}
        assert set(images.select(age=(None, 40))["participant_id"]) == {"sub-S1"}
        assert set(images.select(age=(40, None))["participant_id"]) == {"sub-S2"}
        assert len(images.select(age=30)) == 1
        assert len(images.select(age=(31, 32))) == 0
        with pytest.raises(MidsError, match="give the lower age first"):
            images.select(age=(50, 40))


@pytest.mark.parametrize(
    ("wanted", "near"),
    [
        ({"vp": "pq"}, "pa"), ({"bp": "chets"}, "chest"), ({"suffix": "dxx"}, "dx"), ({"subject": "S11"}, "S1"),
        ({"session": "E9"}, "E1"), ({"sex": "x"}, "F"), ({"modality": "radio"}, "rx"), ({"split": "trainn"}, "train"),
        ({"modality": "xr"}, "did you mean rx"), ({"modality": ""}, "rx"),
    ],
)  # fmt: skip
def test_an_unknown_value_is_an_error_that_names_the_nearest(tmp_path: Path, wanted: dict[str, str], near: str) -> None:
    folder = testing.dataset(tmp_path)
    for images in (Dataset(folder), concat([folder])):
        with pytest.raises(MidsError, match=rf"^unknown [^\n]*\b{near}\b"):
            images.select(**wanted)  # type: ignore[arg-type]


def test_absent_is_apart_from_not_looked_for(tmp_path: Path) -> None:
    table = (
        "participant_id\tsession_id\tfilename\tlabels\n"
        f'sub-S1\tses-E1\t{testing.PICTURE}.png\t["pneumonia"]\nsub-S1\tses-E1\tn/a\t["nodule"]\n'
    )
    folder = testing.dataset(tmp_path, {"derivatives/labels/labels.tsv": table})
    for images in (Dataset(folder), concat([folder])):
        people = images.images["participant_id"].tolist()
        said = dict(zip(people, images.has_label("nodule").astype("object"), strict=True))
        assert (said["sub-S1"], said["sub-S2"]) == (True, pd.NA)
        assert images.select(label=["pneumonia", "nodule"])["participant_id"].tolist() == ["sub-S1"]
        assert len(images.select(without_label="pneumonia")) == 0
        with pytest.raises(MidsError, match="did you mean pneumonia"):
            images.has_label("pneumona")


def test_a_value_that_one_of_two_datasets_has_is_known(tmp_path: Path) -> None:
    table = 'participant_id\tsession_id\tfilename\tlabels\nsub-S1\tses-E1\tn/a\t["nodule"]\n'
    one = testing.dataset(tmp_path / "one", {"derivatives/labels/labels.tsv": table})
    joined = concat({"one": one, "two": testing.dataset(tmp_path / "two")})
    found = joined.select(label="nodule")
    assert found[["dataset", "participant_id"]].to_numpy().tolist() == [["one", "sub-S1"]]


@pytest.mark.parametrize("wanted", ["modality", "suffix", "bp", "vp", "subject", "session", "sex", "label", "split"])
def test_a_choice_is_one_text_or_more(wanted: str) -> None:
    for images in (Dataset(BIMCV), concat([BIMCV])):
        with pytest.raises(MidsError, match="the list is empty: give at least one value"):
            images.select(**{wanted: []})  # type: ignore[arg-type]
        for wrong in (1, ["pa", None], [pd.NA]):
            with pytest.raises(MidsError, match=r"give a text, or a list of texts"):
                images.select(**{wanted: wrong})  # type: ignore[arg-type]


def test_a_choice_may_be_any_collection() -> None:
    dataset = Dataset(BIMCV)
    for views in ({"pa", "ap"}, np.array(["pa", "ap"]), pd.Series(["pa", "ap"]), ("pa", "ap")):
        assert len(dataset.select(vp=views)) == 2  # type: ignore[arg-type]


def test_a_dataset_of_texts_selects_as_one_of_numbers_does(tmp_path: Path) -> None:
    dataset = Dataset(BIMCV)
    for wanted in ({"sex": "female"}, {"age": (58, None)}, {"age": 57}, {"label": "pneumonia"}, {"split": "train"}):
        found = dataset.text.select(**wanted)  # type: ignore[arg-type]
        assert found["filename"].tolist() == dataset.select(**wanted)["filename"].tolist()  # type: ignore[arg-type]
    bare = read(tmp_path, "participant_id\n").text
    assert len(bare.select(sex="F")) == len(bare.select(age=(0, None))) == 0


# --- splits of several datasets ---


def test_one_person_of_two_datasets_is_on_one_side(tmp_path: Path) -> None:
    joined = concat({name: testing.dataset(tmp_path / name) for name in "abcdef"})
    same = [[(name, "sub-S1") for name in "abcdef"], [("a", "sub-S1"), ("b", "sub-S2")]]
    for seed in range(5):
        table = joined.splits(seed=seed, together=same)
        assert len(table) == len(joined)
        assert table.groupby(["dataset", "participant_id"])["split"].nunique().eq(1).all()
        linked = table[(table["participant_id"] == "sub-S1") | (table["dataset"] == "b")]
        assert linked["split"].nunique() == 1
    assert joined.splits(fractions={"train": 0.5, "test": 0.5})["split"].nunique() == 2


@pytest.mark.parametrize("age", ["60", "60-80", (60,), ("60", None), (float("nan"), None), (1, 2, 3), True])
def test_an_age_that_is_none_is_one_line(age: Any) -> None:
    with pytest.raises(MidsError, match="give one age in years"):
        Dataset(BIMCV).select(age=age)


@pytest.mark.parametrize("label", ["", " "])
def test_an_empty_label_is_unknown(label: str) -> None:
    with pytest.raises(MidsError, match="unknown label"):
        Dataset(BIMCV).select(label=label)


@pytest.mark.parametrize(
    ("cell", "age", "low"), [("89+", 89, 89), ("89.0", 89, 89), (">89", 89, 89), ("90+", 89, 89), ("60+", None, 60)]
)
def test_an_age_above_a_limit_keeps_the_limit(tmp_path: Path, cell: str, age: int | None, low: int) -> None:
    dataset = read(tmp_path, f"participant_id\tage\nsub-1\t{cell}\n")
    row = dataset[0]
    assert row["age_min"] == low
    assert pd.isna(row["age_max"])
    assert row["age"] == age or (age is None and pd.isna(row["age"]))
    assert len(dataset.select(age=(low, None))) == 1


def test_an_image_is_meant_by_its_row_or_name() -> None:
    joined = concat([BIMCV, SOURCES / "fidac" / "mids"])
    for images in (Dataset(BIMCV), joined):
        for wrong in (0, None, ["a"]):
            with pytest.raises(MidsError, match="by its filename or by its row"):
                images.load(wrong)  # type: ignore[arg-type]
    with pytest.raises(MidsError, match="unknown dataset zz"):
        joined.load("zz")


@pytest.mark.parametrize(
    "group", [[("zz", "sub-S90001")], [("bimcv-covid19", "S0")], ["ab", "cd"], [("bimcv-covid19",)]]
)
def test_people_that_belong_together_are_known(group: Any) -> None:
    with pytest.raises(MidsError, match=r"unknown|give groups of subjects"):
        concat([BIMCV]).splits(together=[group])


def test_people_that_belong_together_may_lack_their_prefix() -> None:
    joined = concat([BIMCV])
    for seed in range(8):
        parts = joined.splits(
            fractions={"train": 0.5, "test": 0.5}, seed=seed,
            together=[[("bimcv-covid19", "S90001"), ("bimcv-covid19", "sub-S90002")], []],
        )["split"]  # fmt: skip
        assert parts.nunique() == 1


def test_wrong_lists_of_datasets_are_one_line() -> None:
    for wrong in (str(BIMCV), [concat([BIMCV])]):
        with pytest.raises(MidsError, match=r"give a list|can't be joined again"):
            concat(wrong)  # type: ignore[arg-type]


def test_a_person_with_two_rows_is_told(tmp_path: Path) -> None:
    same = read(tmp_path / "same", "participant_id\tsex\nsub-1\tF\nsub-1\tF\n")
    other = read(tmp_path / "other", "participant_id\tsex\nsub-1\tF\nsub-1\tM\n")
    assert [dataset.images["sex"].tolist() for dataset in (same, other)] == [["F"], ["F"]]
    assert same.issues == ()
    (issue,) = other.issues
    assert (issue.code, issue.path) == ("KEY_DUPLICATED", "participants.tsv")
    assert "the first is used" in issue.message


def test_a_name_with_slashes_is_found_in_the_name_of_an_image() -> None:
    joined = concat({"a": BIMCV, "a/b": BIMCV})
    for name in joined.datasets:
        image = f"{name}/{joined[0]['filename']}"
        assert joined.locate(image)[1] == image
