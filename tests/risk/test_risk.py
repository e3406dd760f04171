"""Re-identification: figures that are known beforehand, and laws that hold on any table."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from places import SOURCES

from example_datasets.generators import twins
from mids import cli
from mids.dataset import Dataset
from mids.errors import MidsError
from mids.risk.assess import assess
from mids.risk.changes import LEVELS, USUAL, alone, levels, plan_changes
from mids.risk.classes import classes, diversity, smallest_anything
from mids.risk.columns import KINDS, kind
from mids.risk.links import link_people
from mids.risk.people import read_people
from mids.vocabulary.schema import load

CROWD = """participant_id age sex region modalities covid_test
sub-A1 30 F north ct positive
sub-A2 30 F north ct positive
sub-A3 30 F north ct positive
sub-B1 41 M south cr positive
sub-B2 42 M south cr negative
sub-C1 58 F south ct negative
"""
"""A group of three with one result; two men who are alike but for a year; a woman who is alone."""


def make_dataset(root: Path, rows: str, name: str = "Invented", **more: str) -> Path:
    """A dataset of a participants.tsv and other files, given with blanks for tabs."""
    files = {"participants.tsv": rows, **more}
    root.mkdir(parents=True)
    (root / "dataset_description.json").write_text(json.dumps({"Name": name, "BIDSVersion": "1.10.1"}))
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text.replace(" ", "\t"), encoding="utf-8")
    return root


# --- a crowd whose groups are known ------------------------------------------------------------------------


def test_groups_of_the_crowd(tmp_path: Path) -> None:
    risk = assess([make_dataset(tmp_path / "d", CROWD)], k=3).risks[0]
    assert risk.columns == ("sex", "age", "region", "modalities")
    assert (risk.classes.groups, risk.classes.smallest, risk.classes.alone, risk.classes.below) == (4, 1, 3, 3)
    assert [(band.least, band.people) for band in risk.classes.bands] == [(1, 3), (3, 3)]
    assert {(person.line, person.participant_id) for person in risk.few} == {
        (5, "sub-B1"),
        (6, "sub-B2"),
        (7, "sub-C1"),
    }
    assert [(known.columns[-1], known.alone) for known in risk.growing] == [
        ("sex", 0), ("age", 3), ("region", 3), ("modalities", 3),
    ]  # fmt: skip
    assert {known.columns: known.alone for known in risk.each} == {
        ("sex",): 0, ("age",): 3, ("region",): 0, ("modalities",): 0,
    }  # fmt: skip


def test_what_the_crowd_gives_away(tmp_path: Path) -> None:
    found = assess([make_dataset(tmp_path / "d", CROWD)]).risks[0].diversity[0]
    # Each of the four groups has one result: everything can be guessed; three share theirs in a group of three.
    assert (found.column, found.known, found.values, found.distinct, found.shared) == ("covid_test", 6, 2, 1, 3)
    assert (found.guess_before, found.guess_after, found.entropy) == (4 / 6, 1.0, 1.0)
    # All are negative in a group where two of six are: the shares differ by 4/6.
    assert found.closeness == pytest.approx(4 / 6)


def test_bands_join_the_two_men(tmp_path: Path) -> None:
    risk = assess([make_dataset(tmp_path / "d", CROWD)], k=2).risks[0]
    banded = next(change for change in risk.changes if change.words == "in bands of five years")
    assert (banded.column, banded.smallest, banded.alone, banded.below) == ("age", 1, 1, 1)
    last = risk.plan.steps[-1]
    assert (last.smallest >= 2, last.below) == (True, 0)
    assert {change.below for change in risk.plan.enough} == {0}
    assert len(risk.plan.enough) <= len({change.column for change in risk.plan.steps})


def test_fewer_than_k_people_have_no_plan(tmp_path: Path) -> None:
    risk = assess([make_dataset(tmp_path / "d", CROWD)], k=7).risks[0]
    assert risk.plan.steps == risk.plan.enough == ()
    assert risk.classes.below == 6


def test_a_list_of_labels_is_shared_where_one_label_is() -> None:
    values = [frozenset(own.split()) for own in ("a b", "a c", "b", "c", "")]
    found = diversity("labels", values, np.array([0, 0, 1, 1, 1]))
    # The first two differ, and yet both have a; the others share nothing, and who is unknown does not count.
    assert (found.known, found.values, found.distinct, found.shared, found.closeness) == (4, 3, 2, 2, None)


def test_named_columns_are_taken(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path / "d", CROWD)
    risk = assess([dataset], quasi=["covid_test"], sensitive=["age"]).risks[0]
    assert risk.columns == ("covid_test",)
    assert [found.column for found in risk.diversity] == ["age"]
    assert risk.classes.smallest == 2
    with pytest.raises(MidsError, match=r"unknown column income: choose from .*covid_test"):
        assess([dataset], quasi=["income"])


def test_k_of_one_and_nobody_are_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(MidsError, match="k must be at least 2"):
        assess([make_dataset(tmp_path / "d", CROWD)], k=1)
    with pytest.raises(MidsError, match="has no participants"):
        assess([make_dataset(tmp_path / "e", "participant_id age\n")])


# --- where values come from --------------------------------------------------------------------------------


def test_intervals_survive_a_shift_and_months_do_not(tmp_path: Path) -> None:
    rows = "participant_id\nsub-A\nsub-B\nsub-C\n"
    sessions = "session_id acq_time age\nses-1 {}-03-05T10:00:00 40\nses-2 {}-03-19T08:00:00 40\n"
    dataset = make_dataset(
        tmp_path / "d", rows,
        **{
            "sub-A/sub-A_sessions.tsv": sessions.format(1910, 1910),
            "sub-B/sub-B_sessions.tsv": sessions.format(2020, 2020),
            "sub-C/ses-1/sub-C_ses-1_scans.tsv": "filename acq_time\nmim-ct/x_ct.nii.gz 2020-04-01T00:00:00\n",
        },
    )  # fmt: skip
    frame = read_people(Dataset(dataset)).frame
    assert list(frame["study_days"]) == ["+00000;+00014", "+00000;+00014", "+00000"]
    assert list(frame["study_month"].fillna("n/a")) == ["n/a", "2020-03", "2020-04"]
    assert list(frame["age"].fillna("n/a")) == ["40", "40", "n/a"]


def test_ranges_of_ages(tmp_path: Path) -> None:
    rows = "participant_id age age_min age_max\n1 n/a 60 70\n2 n/a 80 n/a\n3 57 57 57\n4 n/a n/a 18\n5 n/a 30 30\n"
    people = read_people(Dataset(make_dataset(tmp_path / "d", rows)))
    assert list(people.frame["age"]) == ["60-70", "80+", "57", "0-18", "30"]
    tens = LEVELS["age"][1].apply(people.frame["age"], 5)
    assert list(tens) == ["60-69", "80-89", "50-59", "0-9", "30-39"]


def test_labels_of_few_people_tell_them_apart(tmp_path: Path) -> None:
    rows = "participant_id\n" + "".join(f"sub-{i}\n" for i in range(6))
    labels = "participant_id labels\n" + "".join(f'sub-{i} ["normal"]\n' for i in range(5)) + 'sub-5 ["plague"]\n'
    people = read_people(Dataset(make_dataset(tmp_path / "d", rows, **{"derivatives/labels/labels.tsv": labels})), k=2)
    assert list(people.frame["rare_labels"].fillna("n/a")) == ["n/a"] * 5 + ["plague"]
    assert people.sensitive["labels"] == [frozenset({"normal"})] * 5 + [frozenset({"plague"})]


def test_a_measure_that_cannot_be_read_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dataset = make_dataset(tmp_path / "d", CROWD)
    (dataset / "phenotype").mkdir()
    (dataset / "phenotype" / "smoking.tsv").write_bytes(b"participant_id\tsmoker\nsub-A1\t\xff\n")
    assert assess([dataset]).risks[0].problems == ("phenotype/smoking.tsv is not UTF-8",)
    assert cli.main(["risk", str(dataset)]) == 1
    assert "Not read: phenotype/smoking.tsv is not UTF-8" in capsys.readouterr().out


def test_what_would_make_figures_too_good_is_told(tmp_path: Path) -> None:
    rows = CROWD + "sub-D1 30 F north ct positive more\n"
    broken = {"sub-A1/mim-ct/sub-A1_ct.nii.gz": "", "sub-A1/mim-ct/sub-A1_ct.json": "{"}
    dataset = make_dataset(tmp_path / "d", rows, **broken)
    ragged, sidecar = assess([dataset]).risks[0].problems
    assert ragged.startswith("participants.tsv, line 8: more cells")
    assert sidecar == "sidecars that can't be read, whose devices are not counted: 1"


def test_devices_are_those_of_all_images(tmp_path: Path) -> None:
    stem = "sub-A1/mim-ct/sub-A1_run-{}_bp-chest_vp-ax_ct"
    models = {1: "Old;one", 2: "New"}
    files = {f"{stem.format(run)}.nii.gz": "" for run in models}
    files |= {f"{stem.format(run)}.json": json.dumps({"ManufacturersModelName": m}) for run, m in models.items()}
    people = read_people(Dataset(make_dataset(tmp_path / "d", CROWD, **files)))
    assert people.frame["model"].fillna("n/a").to_list() == ["New;Old,one", *["n/a"] * 5]
    assert people.kinds["model"] == "model"


@pytest.mark.parametrize(
    ("path", "column", "held"),
    [
        ("participants.tsv", "sex", "sex"),
        ("participants.tsv", "postcode", "region"),
        ("participants.tsv", "hospital_name", "site"),
        ("participants.tsv", "ethnicity", "background"),
        ("participants.tsv", "source_id", "id"),
        ("participants.tsv", "modalities", "parts"),
        ("participants.tsv", "hiv_status", "sensitive"),
        ("participants.tsv", "bandage", ""),
        ("phenotype/lungs.tsv", "lobes_affected", "sensitive"),
        ("sub-X/sub-X_scans.tsv", "rows", ""),
    ],
)
def test_what_a_column_holds(path: str, column: str, held: str) -> None:
    assert kind(load(), path, column) == held


@pytest.mark.parametrize("dataset", sorted(SOURCES.glob("*/mids")), ids=lambda path: path.parent.name)
def test_every_golden_dataset_can_be_measured(dataset: Path) -> None:
    risk = assess([dataset]).risks[0]
    rows = (dataset / "participants.tsv").read_text(encoding="utf-8").splitlines()[1:]
    assert risk.classes.people == len(rows)
    assert {"study_days", "modalities", "body_parts"} <= set(risk.columns)
    assert not {"source_id", "participant_id", "doi", "url"} & {*risk.columns, *(d.column for d in risk.diversity)}
    assert risk.problems == ()


# --- two datasets ------------------------------------------------------------------------------------------


def test_links_of_two_datasets(tmp_path: Path) -> None:
    first = make_dataset(tmp_path / "a", CROWD, "A")
    second = make_dataset(
        tmp_path / "b", "participant_id age sex region\nsub-X 30 F north\nsub-Y 41 M south\nsub-A1 77 M south\n", "B"
    )
    to, back = assess([first, second]).links
    # The three women match sub-X, who is one; B1 and sub-Y are one another's only match. A1 stands in both.
    assert (to.one, to.other, to.columns) == ("A", "B", ("sex", "age", "region"))
    assert (to.people, to.several, to.single, to.pairs, to.same_ids) == (6, 0, 4, 1, 1)
    assert (back.people, back.several, back.single, back.pairs) == (3, 1, 1, 1)


def test_an_age_is_compared_with_a_range(tmp_path: Path) -> None:
    one = read_people(Dataset(make_dataset(tmp_path / "a", "participant_id age\nsub-1 63\nsub-2 9\n")))
    other = read_people(
        Dataset(make_dataset(tmp_path / "b", "participant_id age_min age_max\nsub-3 60 70\nsub-4 0 10\n"))
    )
    assert (link_people(one, other).single, link_people(one, other).pairs) == (2, 2)


def test_an_image_under_two_names_is_found(tmp_path: Path) -> None:
    pair = [SOURCES / name / "mids" for name in ("dicom", "covid-chestxray")]
    assert assess(pair, images=True).images == ()
    image = next(pair[0].glob("sub-*/ses-*/mim-rx/*.png"))
    dataset = make_dataset(tmp_path / "d", "participant_id\nsub-A\n", "Copy")
    place = dataset / "sub-A" / "ses-1" / "mim-rx" / "sub-A_ses-1_run-1_bp-chest_vp-pa_dx.png"
    place.parent.mkdir(parents=True)
    place.write_bytes(image.read_bytes())
    (same,) = assess([pair[0], dataset], images=True).images or ()
    assert same.people == (("A DICOM collection", image.name.split("_")[0]), ("Copy", "sub-A"))


# --- laws --------------------------------------------------------------------------------------------------

CELL = st.sampled_from(["a", "b", "c", "other", None])
ROWS = st.lists(st.tuples(CELL, CELL, CELL), min_size=1, max_size=25)
ORDINARY = settings(max_examples=60)


def make_frame(rows: list[tuple[str | None, ...]], names: str = "xyz") -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(names), dtype="string")


@ORDINARY
@given(ROWS, st.integers(2, 6))
def test_k_is_what_counting_gives(rows: list[tuple[str | None, ...]], k: int) -> None:
    counts = Counter(rows)
    found = classes(make_frame(rows), k)
    assert found.smallest == min(counts.values())
    assert found.groups == len(counts)
    assert found.alone == sum(count == 1 for count in counts.values())
    assert found.below == sum(count for count in counts.values() if count < k)
    assert sum(band.people for band in found.bands) == len(rows)
    assert sum(band.groups for band in found.bands) == len(counts)


@ORDINARY
@given(ROWS)
def test_unknown_that_may_be_anything_only_joins(rows: list[tuple[str | None, ...]]) -> None:
    def may_be_one(one: tuple[str | None, ...], other: tuple[str | None, ...]) -> bool:
        return all(a == b or a is None or b is None for a, b in zip(one, other, strict=True))

    expected = min(sum(may_be_one(row, other) for other in rows) for row in rows)
    assert smallest_anything(make_frame(rows)) == expected >= classes(make_frame(rows), 2).smallest


VALUES = {
    "age": st.one_of(st.integers(0, 89).map(str), st.sampled_from(["60-70", "80+", "adult"])),
    "days": st.lists(st.integers(0, 400), max_size=3).map(
        lambda days: ";".join(f"+{day:05d}" for day in sorted({0, *days}))
    ),
    "month": st.lists(st.sampled_from(["2020-01", "2020-03", "2020-04", "2021-12"]), min_size=1, max_size=2).map(
        lambda months: ";".join(sorted(set(months)))
    ),
}
FEW = st.sampled_from(["a", "b", "other"])


@st.composite
def tables(draw: st.DrawFn) -> tuple[pd.DataFrame, dict[str, str]]:
    kinds = draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=4, unique=True))
    count = draw(st.integers(1, 20))
    cells = {name: st.one_of(st.none(), VALUES.get(name, FEW)) for name in kinds}
    columns = {name: draw(st.lists(cell, min_size=count, max_size=count)) for name, cell in cells.items()}
    return pd.DataFrame(columns, dtype="string"), dict(zip(kinds, kinds, strict=True))


@pytest.mark.slow
@ORDINARY
@given(tables(), st.integers(2, 6))
def test_coarser_never_splits_a_group(table: tuple[pd.DataFrame, dict[str, str]], k: int) -> None:
    frame, kinds = table
    before = classes(frame, k)
    for name in frame.columns:
        for level in levels(kinds[name]):
            changed = frame.assign(**{name: level.apply(frame[name], k)})
            pairs = pd.DataFrame({"before": frame[name].fillna("n/a"), "after": changed[name].fillna("n/a")})
            assert pairs.groupby("before")["after"].nunique().max() == 1
            after = classes(changed, k)
            assert (after.smallest >= before.smallest, after.below <= before.below) == (True, True)


@ORDINARY
@given(tables(), st.integers(2, 6))
def test_a_plan_leaves_nobody_where_there_are_k_people(table: tuple[pd.DataFrame, dict[str, str]], k: int) -> None:
    frame, kinds = table
    before, plan = classes(frame, k), plan_changes(frame, kinds, k)
    if len(frame) < k or not before.below:
        assert plan.steps == ()
        return
    assert plan.steps[-1].below == 0
    assert plan.steps[-1].smallest >= k
    # What is said of the changes that are enough is what making them gives.
    done = frame.copy()
    for change in plan.enough:
        words = {level.words.format(k=k): level for level in levels(kinds[change.column])}
        done[change.column] = words[change.words].apply(frame[change.column], k)
    after = classes(done, k)
    assert {(c.smallest, c.alone, c.below) for c in plan.enough} == {(after.smallest, after.alone, after.below)}
    assert after.below == 0


@ORDINARY
@given(tables(), st.integers(2, 6))
def test_each_change_counts_what_making_it_gives(table: tuple[pd.DataFrame, dict[str, str]], k: int) -> None:
    frame, kinds = table
    for change in alone(frame, kinds, k):
        level = next(level for level in levels(kinds[change.column]) if level.words.format(k=k) == change.words)
        after = classes(frame.assign(**{change.column: level.apply(frame[change.column], k)}), k)
        assert (change.smallest, change.alone, change.below) == (after.smallest, after.alone, after.below)
        assert 0 < change.lost <= 1


def test_every_kind_can_be_left_out() -> None:
    assert all(levels(name)[-1].words == "left out" for name in KINDS)
    assert levels("device") is USUAL


# --- FIDAC, paper 000 --------------------------------------------------------------------------------------


def test_regions_of_the_paper_keep_their_names() -> None:
    """No region of the paper has 100 patients or fewer: the rule changes nothing, and one of 100 would be other."""
    regions = twins.fidac().participants["region"].astype("string")
    many = next(level for level in LEVELS["region"] if "100" in level.words)
    assert many.apply(regions, 5).equals(regions)
    fewer = regions.drop(regions.index[regions == "provence_alpes_cote_d_azur"][:2])
    assert set(many.apply(fewer, 5)) == set(regions) - {"provence_alpes_cote_d_azur"}


# --- the command -------------------------------------------------------------------------------------------


def test_exit_codes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dataset = make_dataset(tmp_path / "d", CROWD)
    assert cli.main(["risk", str(dataset)]) == 0
    assert cli.main(["risk", str(dataset), "--fail-below", "2"]) == 1
    assert cli.main(["risk", str(dataset), "--quasi", "sex", "--fail-below", "2"]) == 0
    assert cli.main(["risk", str(tmp_path)]) == 2
    assert cli.main(["risk", str(dataset), "--output", str(dataset / "risk.html")]) == 2
    assert "write it elsewhere" in capsys.readouterr().err


@pytest.mark.parametrize("style", ["text", "json", "markdown", "html"])
def test_formats(tmp_path: Path, style: str) -> None:
    rows = CROWD.replace("south", "<b>so|uth</b>").replace("sub-C1", "sub-Lonely")
    dataset, page, public = make_dataset(tmp_path / "d", rows), tmp_path / "page", tmp_path / "public"
    asked = ["risk", str(dataset), "--format", style, "--k", "3"]
    assert cli.main([*asked, "--output", str(page)]) == 0
    assert page.stat().st_mode & 0o777 == 0o600
    text = page.read_text(encoding="utf-8")
    assert "sub-Lonely" in text
    assert str(tmp_path) not in text
    if style in ("markdown", "html"):
        assert "<b>" not in text
        assert all(f"{word}" in text for word in ("Individualisation", "Correlation", "Inference", "3 (50.0%)"))
    if style == "html":
        assert not any(word in text for word in ("http:", "https:", "<script", "<link", "@import", "url("))
    if style == "json":
        content = json.loads(text)
        assert content["risks"][0]["classes"]["alone"] == 3
        assert content["risks"][0]["few"][0]["group"] == 1
    assert cli.main([*asked, "--output", str(page)]) == 2
    assert cli.main([*asked, "--output", str(public), "--without-people"]) == 0
    shown = public.read_text(encoding="utf-8")
    assert "50.0%" in shown or style == "json"
    assert not any(word in shown for word in ("sub-", "so|uth", "so&#124;uth", "north"))
