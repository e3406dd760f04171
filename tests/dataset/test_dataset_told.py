"""What of tables, rows and names is wrong is told or refused, and never used in silence."""

import tarfile
from pathlib import Path

import pytest
from by_hand import written
from PIL import Image

import mids
from mids.dataset import Dataset
from mids.errors import MidsError
from mids.exports.targets import write

H = "participant_id\tsession_id\tfilename\tsplit\n"


def image(number: int, run: int = 1) -> str:
    return f"sub-{number}/ses-A/mim-rx/sub-{number}_ses-A_run-{run}_bp-chest_vp-pa_dx.png"


def build(folder: Path, **texts: str) -> Dataset:
    """Four subjects with two images each; a text for each table by its name."""
    places = {"participants": "participants.tsv", "partitions": "derivatives/partitions.tsv"}
    files = {image(number, run): "" for number in range(1, 5) for run in (1, 2)}
    return Dataset(written(folder, files | {places[name]: text for name, text in texts.items()}))


def tell(dataset: Dataset) -> list[tuple[str, str]]:
    return [(issue.code, issue.path.rpartition("/")[2]) for issue in dataset.issues]


# --- partitions ---


def test_a_subject_on_two_sides_is_told(tmp_path: Path) -> None:
    rows = f"sub-1\tses-A\t{image(1)}\ttrain\nsub-1\tses-A\t{image(1, 2)}\ttest\nsub-2\tn/a\tn/a\ttest\n"
    dataset = build(tmp_path, partitions=H + rows)
    dataset.select(split="train")
    assert tell(dataset) == [("SPLIT_LEAK", "partitions.tsv, participant_id")]
    assert "sub-1" not in dataset.issues[0].message


def test_the_first_of_two_rows_counts_and_is_told(tmp_path: Path) -> None:
    rows = f"sub-1\tses-A\t{image(1)}\ttrain\nsub-1\tses-A\t{image(1)}\ttest\n" * 2
    dataset = build(tmp_path, partitions=H + rows)
    assert dataset.partitions["split"].dropna().tolist() == ["train"]
    assert tell(dataset) == [("KEY_DUPLICATED", "partitions.tsv, split")]


def test_rows_of_other_spellings_are_found_and_those_of_no_image_told(tmp_path: Path) -> None:
    rows = f"sub-1\tses-A\t{Path(image(1)).name}\ttrain\nsub-2\tses-A\t./{image(2)}\ttest\n"
    dataset = build(tmp_path / "a", partitions=H + rows)
    assert dataset.partitions.dropna(subset="split")["filename"].tolist() == [image(1), image(2)]
    assert tell(dataset) == []
    dataset = build(tmp_path / "b", partitions=H + rows + "sub-9\tses-A\tsub-9/x.png\ttrain\n")
    assert len(dataset.select(split="train")) == 1
    assert tell(dataset) == [("TABLE_INVALID", "partitions.tsv, filename")]


def test_a_written_split_tells_nothing(tmp_path: Path) -> None:
    dataset = build(tmp_path)
    dataset.splits(write=True)
    assert dataset.partitions["split"].notna().all()
    assert tell(dataset) == []


# --- participants ---


def test_a_table_without_its_key_is_told(tmp_path: Path) -> None:
    dataset = build(tmp_path, participants="patient\tage\nsub-1\t50\n")
    assert dataset.images["age"].dropna().tolist() == [50, 50]
    assert tell(dataset) == [("COLUMN_MISSING", "participants.tsv")]


def test_a_key_that_is_not_the_first_column_is_one(tmp_path: Path) -> None:
    dataset = build(tmp_path, participants="age\tparticipant_id\n50\tsub-1\n")
    assert dataset.images["age"].dropna().tolist() == [50, 50]
    assert tell(dataset) == []


def test_a_table_of_nobody_here_is_told(tmp_path: Path) -> None:
    dataset = build(tmp_path, participants="participant_id\tage\nsub-001\t50\nsub-002\t51\n")
    assert dataset.images["age"].isna().all()
    assert tell(dataset) == [("PARTICIPANT_WITHOUT_FOLDER", "participants.tsv")]


@pytest.mark.parametrize("cell", ["89+", ">89", "90+"])
def test_an_age_of_89_and_more_is_89_everywhere(tmp_path: Path, cell: str) -> None:
    dataset = build(tmp_path, participants=f"participant_id\tage\nsub-1\t{cell}\nsub-2\t85\nsub-3\t40\n")
    assert dataset.participants["age"].tolist() == [89, 85, 40]
    assert dataset.text.participants["age"].tolist() == [cell, "85", "40"]
    assert set(dataset.select(age=(80, 95))["participant_id"]) == {"sub-1", "sub-2"}
    assert set(dataset.select(age=89)["participant_id"]) == {"sub-1"}
    assert set(dataset.select(age=(None, 88))["participant_id"]) == {"sub-2", "sub-3"}
    assert tell(dataset) == []


# --- targets ---

SCORES = "participant_id\tscore\nsub-1\t10\nsub-2\t9.5\nsub-3\t100\nsub-4\t{}\n"


@pytest.mark.parametrize("cell", ["1,5", "inf", "unknown", "nan"])
def test_a_bad_cell_makes_no_classes_of_numbers(tmp_path: Path, cell: str) -> None:
    dataset = build(tmp_path, participants=SCORES.format(cell))
    assert dataset.targets(dataset.images, "score")[::2] == [10.0, 9.5, 100.0, None]
    assert tell(dataset) == [("TABLE_INVALID", "images, score")]
    joined = mids.concat({"a": Dataset(dataset.path), "b": build(tmp_path / "b", participants=SCORES.format("1"))})
    assert joined.targets(joined.images, "score")[::2] == [10.0, 9.5, 100.0, None, 10.0, 9.5, 100.0, 1.0]
    assert [issue.path for issue in joined.issues] == ["a/images, score"]


def test_a_few_numbers_among_words_are_words(tmp_path: Path) -> None:
    dataset = build(tmp_path, participants="participant_id\tgrade\nsub-1\tlow\nsub-2\t2\nsub-3\thigh\nsub-4\tn/a\n")
    assert dataset.targets(dataset.images, "grade")[::2] == [2, 0, 1, None]
    assert tell(dataset) == []


# --- rows and names ---


def test_a_row_of_another_dataset_is_refused(tmp_path: Path) -> None:
    one, other = build(tmp_path / "one"), build(tmp_path / "other")
    Image.new("L", (4, 4)).save(one.path / image(1))
    Image.new("L", (4, 4)).save(other.path / image(1))
    row = mids.concat([one, other]).images.iloc[-8]
    assert row["dataset"] == "other"
    assert other.load(row).shape == (4, 4)
    with pytest.raises(MidsError, match="the row is of the dataset other, this one is one: load it there"):
        one.load(row)


def test_a_column_called_dataset_is_not_the_dataset(tmp_path: Path) -> None:
    dataset = build(tmp_path, participants="participant_id\tdataset\nsub-1\tMontgomery\n")
    Image.new("L", (4, 4)).save(dataset.path / image(1))
    for row in (dataset.images.iloc[0], dataset.text.images.iloc[0]):
        assert dataset.load(row).shape == dataset.text.load(row).shape == (4, 4)


@pytest.mark.parametrize("name", [1, "", None])
def test_joined_datasets_are_named_by_text(tmp_path: Path, name: object) -> None:
    with pytest.raises(MidsError, match="names of datasets are texts"):
        mids.concat({name: build(tmp_path)})  # type: ignore[dict-item]


def test_a_sample_of_webdataset_has_a_key_without_dots(tmp_path: Path) -> None:
    dataset = build(tmp_path / "set")
    odd = dataset.path / image(1).replace("run-1", "run-1.5")
    (dataset.path / image(1)).rename(odd)
    (shard,) = write(Dataset(dataset.path), "webdataset", tmp_path / "shards")
    with tarfile.open(shard) as stream:
        names = [name for name in stream.getnames() if "_run-1_5_" in name]
    assert {name.partition(".")[2] for name in names} == {"png", "json"}
