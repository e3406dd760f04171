"""Splits: nobody is in two parts, fractions are met within one, and the same is dealt everywhere."""

import json
import shutil
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from places import SOURCES

from mids.cli import main
from mids.dataset import Dataset
from mids.dataset.joined import concat
from mids.dataset.splits import groups, parse_fractions, parts
from mids.errors import MidsError
from mids.validation.runner import validate

PARTS = ("train", "validation", "test")

people = st.lists(st.text("abc0123456789", min_size=1, max_size=6), unique=True, max_size=120)
tenths = st.tuples(*[st.integers(0, 20)] * 3).filter(any)


def shares_of(weights: tuple[int, ...]) -> dict[str, float]:
    return {part: weight / sum(weights) for part, weight in zip(PARTS, weights, strict=True)}


@given(people, tenths, st.integers(0, 99))
def test_every_part_has_its_fraction_within_one(ids: list[str], weights: tuple[int, ...], seed: int) -> None:
    shares = shares_of(weights)
    found = parts(ids, shares, seed)
    assert set(found) == set(ids)
    counts = Counter(found.values())
    for part, share in shares.items():
        assert abs(counts[part] - share * len(ids)) < 1 + 1e-9
        assert share or not counts[part]


@given(people, tenths, st.integers(0, 9), st.data())
def test_every_stratum_has_its_fractions_within_two(
    ids: list[str], weights: tuple[int, ...], seed: int, data: st.DataObject
) -> None:
    strata = {one: data.draw(st.sampled_from("FMX")) for one in ids}
    shares = shares_of(weights)
    found = parts(ids, shares, seed, strata)
    for part, share in shares.items():
        assert abs(sum(found[one] == part for one in ids) - share * len(ids)) < 1 + 1e-9
        for stratum in "FMX":
            own = [one for one in ids if strata[one] == stratum]
            assert abs(sum(found[one] == part for one in own) - share * len(own)) < 2 + 1e-9


@given(people, st.integers(0, 9), st.randoms())
def test_the_order_of_people_plays_no_part(ids: list[str], seed: int, random: object) -> None:
    shuffled = sorted(ids, key=lambda _: random.random())  # type: ignore[attr-defined]
    assert parts(ids, shares_of((7, 1, 2)), seed) == parts(shuffled, shares_of((7, 1, 2)), seed)


def test_what_is_dealt_never_changes() -> None:
    """A change of these would make every published split another one."""
    ids = [f"sub-{number:02}" for number in range(10)]
    dealt = parts(ids, {"train": 0.6, "validation": 0.2, "test": 0.2}, 7)
    assert "".join(dealt[one][1] for one in ids) == "raearrerrr"


def test_a_seed_is_another_split() -> None:
    ids = [f"sub-{number}" for number in range(40)]
    assert len({tuple(sorted(parts(ids, shares_of((5, 0, 5)), seed).items())) for seed in range(5)}) == 5


@given(st.dictionaries(st.text("ab", min_size=1), st.integers(1, 9), min_size=1), st.integers(0, 9))
def test_groups_stay_within_the_largest_of_their_share(sizes: dict[str, int], seed: int) -> None:
    shares = shares_of((6, 2, 2))
    found = groups(sizes, shares, seed)
    counts: Counter[str] = Counter()
    for one, part in found.items():
        counts[part] += sizes[one]
    assert set(found) == set(sizes)
    for part, share in shares.items():
        assert counts[part] <= share * sum(sizes.values()) + max(sizes.values())


@pytest.mark.parametrize(
    "fractions", [{}, {"train": 0.5}, {"train": 1.5, "test": -0.5}, {"train": float("nan")}, {"train": float("inf")}]
)
def test_fractions_sum_to_one(fractions: dict[str, float]) -> None:
    with pytest.raises(MidsError, match="sum to 1"):
        parse_fractions(fractions)


def test_thirds_are_fractions() -> None:
    assert sum(parse_fractions({"train": 1 / 3, "validation": 1 / 3, "test": 1 / 3}).values()) == 1


# --- of a dataset ---


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return Dataset(shutil.copytree(SOURCES / "fidac" / "mids", tmp_path / "fidac"))


def test_no_participant_is_in_two_parts_and_every_image_in_one(dataset: Dataset) -> None:
    table = dataset.splits(fractions={"train": 0.4, "test": 0.6}, seed=3, stratify="sex")
    assert table["filename"].tolist() == dataset.images["filename"].tolist()
    assert set(table.groupby("participant_id")["split"].nunique()) == {1}
    assert set(table["split"]) == {"train", "test"}


def test_subjects_of_one_site_stay_together() -> None:
    dataset = Dataset(SOURCES / "bimcv-covid19" / "mids")
    table = dataset.splits(fractions={"train": 0.5, "test": 0.5}, by="region")
    assert table["split"].nunique() == 1  # all are of one region
    assert dataset.splits(fractions={"tr": 0.5, "te": 0.5})["split"].nunique() == 2


def test_groups_of_subjects_stay_together_whatever_form_they_have(dataset: Dataset) -> None:
    first, second, *_ = dataset.images["participant_id"].unique()
    halves = {"train": 0.5, "test": 0.5}
    for group in ((first, second), (first.removeprefix("sub-"), second), (("fidac", first), ("fidac", second))):
        for seed in range(4):
            table = dataset.splits(fractions=halves, seed=seed, together=[group])
            assert table[table["participant_id"].isin([first, second])]["split"].nunique() == 1
    for wrong in (first, [first, second], pd.DataFrame({"participant_id": [first]}), [[first, "sub-nobody"]]):
        with pytest.raises(MidsError, match=r"groups of subjects|unknown subject"):
            dataset.splits(together=wrong)  # type: ignore[arg-type]


def test_a_part_of_datasets_of_which_one_has_none_is_an_error() -> None:
    joined = concat([SOURCES / name / "mids" for name in ("bimcv-covid19", "covid-chestxray")])
    with pytest.raises(MidsError, match=r"no image of .* has a part"):
        joined.select(split="train")


def test_commercial_is_true_or_false(dataset: Dataset) -> None:
    assert len(dataset.select(commercial=True)) + len(dataset.select(commercial=False)) == len(dataset)
    with pytest.raises(MidsError, match="commercial no: give True"):
        dataset.select(commercial="no")  # type: ignore[arg-type]


def test_wrong_use_of_splits(dataset: Dataset) -> None:
    for arguments, message in (
        ({"by": "colour"}, "unknown column"),
        ({"stratify": "colour"}, "unknown column"),
        ({"by": "region", "stratify": "sex"}, "can't be stratified"),
        ({"fractions": {"holdout": 1}}, "part holdout: give each of train, validation, test once"),
        ({"fractions": {"dev": 0.5, "validation": 0.5}}, "once"),
    ):
        with pytest.raises(MidsError, match=message):
            dataset.splits(**arguments)  # type: ignore[arg-type]


def test_a_written_split_is_valid_and_read_again(dataset: Dataset) -> None:
    assert dataset.partitions["split"].isna().all()
    before = {issue.code for issue in validate(dataset.path).issues}
    table = dataset.splits(seed=5, stratify=["sex"], write=True)
    assert dataset.partitions["split"].tolist() == table["split"].tolist()
    assert Dataset(dataset.path).partitions.equals(dataset.partitions)
    assert {issue.code for issue in validate(dataset.path).issues} == before
    described = json.loads((dataset.path / "derivatives" / "partitions.json").read_text(encoding="utf-8"))
    assert "seed 5 (train 0.7, validation 0.1, test 0.2), stratified by sex" in described["split"]["Description"]
    chosen = dataset.select(split="tr")["filename"].tolist()
    assert chosen == table.loc[table["split"] == "train", "filename"].tolist()
    with pytest.raises(MidsError, match="exists"):
        dataset.splits(write=True)
    again = dataset.splits(seed=6, write=True, overwrite=True)
    assert dataset.partitions["split"].tolist() == again["split"].tolist()
    assert not list(dataset.path.rglob("*.new"))


def test_published_partitions_may_name_sessions_or_subjects(dataset: Dataset) -> None:
    rows = dataset.images.drop_duplicates(["participant_id", "session_id"])
    subject = "sub-4F1C90A2"  # of two sessions
    one, other = rows.loc[rows["participant_id"] == subject, "session_id"]
    path = dataset.path / "derivatives" / "partitions.tsv"
    path.write_text(
        f"participant_id\tsession_id\tfilename\tsplit\n4F1C90A2\tn/a\tn/a\ttr\n{subject}\t{other}\tn/a\tdev\n"
    )
    found = dataset.partitions.set_index("session_id")["split"]
    assert (found[one], found[other]) == ("train", "validation")
    assert found.drop([one, other]).isna().all()


def test_the_command_prints_or_writes(dataset: Dataset, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["--fraction", "train=0.6", "--fraction", "test=0.4", "--seed", "2"]
    assert main(["splits", str(dataset.path), *flags]) == 0
    printed = capsys.readouterr()
    assert printed.err == "subjects: train 3, test 2\n"
    assert main(["splits", str(dataset.path), *flags, "--write"]) == 0
    assert capsys.readouterr().out == printed.err
    assert (dataset.path / "derivatives" / "partitions.tsv").read_text(encoding="utf-8") == printed.out
    assert main(["splits", str(dataset.path), *flags, "--write"]) == 2
    assert main(["splits", str(dataset.path), "--fraction", "train"]) == 2
