"""Agreement of label tables, on numbers that are known from the paper or by hand."""

import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest
from places import SOURCES

import mids
from mids.analysis.evaluation import format_evaluation
from mids.cli.commands import main
from mids.errors import MidsError


def labels(rows: Sequence[Sequence[str]]) -> pd.DataFrame:
    return pd.DataFrame({"report_id": [f"r{i}" for i in range(len(rows))], "labels": [json.dumps(row) for row in rows]})


def test_table_7_of_bimcv() -> None:
    # 64 sentences: 27 affirm, 13 doubt, 24 deny (paper 001, "Technical Validation"); the counts of hits are those
    # that give the published precision and recall.
    truth = [["COVID-19"]] * 27 + [["COVID-19 uncertain"]] * 13 + [[]] * 24
    said = [["COVID-19"]] * 25 + [[]] * 2 + [["COVID-19 uncertain"]] * 11 + [[]] * 2 + [["COVID-19"]] + [[]] * 23
    found = mids.evaluate(labels(said), labels(truth))
    scores = found.labels[["precision", "recall", "f1"]].round(3)
    assert list(scores.loc["COVID-19"]) == [0.962, 0.926, 0.943]
    assert list(scores.loc["COVID-19 uncertain"]) == [1.0, 0.846, 0.917]
    assert found.micro_f1 == pytest.approx(72 / 77)
    assert found.weighted_f1 == pytest.approx((27 * 50 / 53 + 13 * 22 / 24) / 40)
    assert found.accuracy == pytest.approx(59 / 64)


def test_itself_is_right_and_nothing_is_missed() -> None:
    reference = SOURCES / "bimcv-covid19" / "mids" / "derivatives" / "labels" / "labels.tsv"
    found = mids.evaluate(reference, mids.Dataset(SOURCES / "bimcv-covid19" / "mids"))
    assert (found.micro_f1, found.weighted_f1, found.accuracy) == (1, 1, 1)
    assert found.missing == found.surplus == 0
    assert found.rows > 1


def test_rows_that_were_not_predicted_count_as_missed() -> None:
    truth = labels([["nodule"], ["nodule"], ["mass"]])
    found = mids.evaluate(truth.iloc[[0]], truth)
    assert (found.missing, found.surplus, found.rows) == (2, 0, 3)
    assert found.recall == pytest.approx(1 / 3)
    assert found.precision == 1
    assert pd.isna(found.labels.loc["mass", "precision"])
    assert mids.evaluate(truth, truth.iloc[[0]]).surplus == 2
    assert "2 rows without a prediction" in format_evaluation(found)
    assert "mass (1): precision n/a, recall 0.000" in format_evaluation(found)


def test_rows_of_one_key_count_as_one() -> None:
    truth = pd.DataFrame({"session_id": ["a", "a"], "labels": ['["nodule"]', '["mass", "nodule"]']})
    said = pd.DataFrame({"session_id": ["a"], "labels": ['["mass", "nodule"]'], "report_id": ["r1"]})
    found = mids.evaluate(said, truth)
    assert (found.rows, found.micro_f1) == (1, 1)


def test_wrong_use_is_one_line(tmp_path: Path) -> None:
    truth = labels([["nodule"]])
    with pytest.raises(MidsError, match="none of the columns"):
        mids.evaluate(truth.rename(columns={"report_id": "session_id"}), truth)
    with pytest.raises(MidsError, match="lacks the column localizations"):
        mids.evaluate(truth, truth, column="localizations")
    with pytest.raises(MidsError, match="no such file"):
        mids.evaluate(tmp_path / "labels.tsv", truth)
    with pytest.raises(MidsError, match="has no rows"):
        mids.evaluate(truth, truth.iloc[:0])


def test_tables_of_people_are_read_from_python_as_from_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found, truth = tmp_path / "found.tsv", tmp_path / "truth.csv"
    found.write_text('report_id\tlabels\nr1\t["nodule"]\nr2\t[]\n', encoding="utf-8")
    truth.write_text("Report_ID;Labels\nr1;nodule|mass\nr2;n/a\n", encoding="utf-8-sig")
    told = mids.evaluate(found, truth)
    assert (told.rows, told.precision, told.recall) == (2, 1, 0.5)
    assert main(["evaluate", str(found), str(truth)]) == 0
    assert capsys.readouterr().out.startswith(format_evaluation(told))


@pytest.mark.parametrize(
    ("rows", "said"), [("r1,nodule,x\n", r"truth\.csv, row 2: the row has 3 cells"), ("", "has no rows")]
)
def test_a_table_that_is_not_read_whole_is_not_measured(tmp_path: Path, rows: str, said: str) -> None:
    truth = tmp_path / "truth.csv"
    truth.write_text(f"report_id,labels\n{rows}", encoding="utf-8")
    with pytest.raises(MidsError, match=said):
        mids.evaluate(labels([["nodule"]]).assign(report_id="r1"), truth)
