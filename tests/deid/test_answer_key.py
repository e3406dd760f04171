"""The answer key: its scorer knows right from wrong, and the policy ``mids`` does what it asks for."""

import shutil
from dataclasses import replace
from pathlib import Path

import pydicom
import pytest

from benchmarks.answer_key.scoring import ACTIONS, score
from benchmarks.answer_key.studies import Row, make, read
from mids.deid.keys import create
from mids.deid.policy import chosen
from mids.deidentification import deidentify

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Row]]:
    """The studies of nine patients, which hold every kind of instance, and their key."""
    folder = tmp_path_factory.mktemp("answers") / "key"
    return folder, make(folder, patients=9, seed=5)


def test_the_key_is_read_as_it_was_written_and_has_all_ten_actions(answers: tuple[Path, list[Row]]) -> None:
    folder, rows = answers
    assert read(folder) == rows
    assert {row.action for row in rows} == set(ACTIONS)


def test_what_nobody_touched_keeps_all_and_hides_nothing(answers: tuple[Path, list[Row]]) -> None:
    folder, rows = answers
    done = score(rows, folder / "input", folder / "input")
    for action in ("tag retained", "text notnull", "text retained", "pixels retained", "uid consistent"):
        assert done.right[action] == done.rows[action]
    for action in ("text removed", "date shifted", "pixels hidden", "patid consistent", "uid changed"):
        assert done.right[action] == 0


def test_an_empty_output_is_wrong_throughout(answers: tuple[Path, list[Row]], tmp_path: Path) -> None:
    folder, rows = answers
    done = score(rows, folder / "input", tmp_path)
    assert done.right.total() == 0
    assert len(done.missing) == len(list((folder / "input").iterdir()))


def test_one_shared_id_and_one_date_of_its_own_are_found(answers: tuple[Path, list[Row]], tmp_path: Path) -> None:
    folder, rows = answers
    shutil.copytree(folder / "input", tmp_path / "out")
    for path in (tmp_path / "out").iterdir():
        dataset = pydicom.dcmread(path)
        dataset.PatientID = "ANON"
        dataset.StudyDate = "20500101"
        dataset.save_as(path)
    wrong = {(row.element, row.action) for row in score(rows, folder / "input", tmp_path / "out").wrong}
    assert ("PatientID", "patid consistent") in wrong
    assert ("StudyDate", "date shifted") in wrong


def test_the_policy_mids_does_what_the_key_asks_for(answers: tuple[Path, list[Row]], tmp_path: Path) -> None:
    folder, rows = answers
    create(tmp_path / "key")
    policy = replace(chosen("mids"), burned_in="blank", detect="glyphs")
    deidentify(folder / "input", tmp_path / "out", key=tmp_path / "key", policy=policy)
    done = score(rows, folder / "input", tmp_path / "out")
    assert not done.missing
    assert not done.wrong
