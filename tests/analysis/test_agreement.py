"""Intervals of an evaluation and the agreement of readers, on tables whose values are known."""

from pathlib import Path

import pandas as pd
import pytest

from mids.analysis.agreement import bootstrap_intervals, measure_agreement
from mids.cli.commands import main
from mids.errors import MidsError


def table(rows: list[tuple[str, str, str]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["participant_id", "reader", "labels"], dtype="string")


def test_intervals_hold_the_value_and_narrow_with_more_people() -> None:
    def widths(count: int) -> tuple[float, float]:
        truth = pd.DataFrame({"participant_id": [f"p{n}" for n in range(count)], "labels": ['["a"]'] * count})
        found = truth.assign(labels=['["a"]' if n % 5 else "[]" for n in range(count)])
        limits = bootstrap_intervals(found, truth)
        assert limits["precision"] == (1.0, 1.0)
        assert limits["recall"][0] <= 0.8 <= limits["recall"][1]
        assert limits == bootstrap_intervals(found, truth)
        return limits["recall"]

    few, many = widths(50), widths(800)
    assert many[1] - many[0] < few[1] - few[0]
    # Of 800 draws with a share of 0.8, the middle 95 % are within 1.96 standard errors (0.0141).
    assert many == pytest.approx((0.8 - 0.0277, 0.8 + 0.0277), abs=0.006)


def test_kappa_is_that_of_cohens_table() -> None:
    # 20 both yes, 5 first alone, 10 second alone, 15 both no: kappa 0.4.
    votes = [("a", "a")] * 20 + [("a", "")] * 5 + [("", "a")] * 10 + [("", "")] * 15
    rows = [
        (f"p{n}", reader, f'["{vote}"]' if vote else "[]")
        for n, pair in enumerate(votes) for reader, vote in zip("AB", pair, strict=True)
    ]  # fmt: skip
    found = measure_agreement(table(rows))
    assert found.labels.loc["a", "kappa"] == pytest.approx(0.4)
    assert found.kappa == pytest.approx(0.4)
    assert found.readers == ("A", "B")
    assert len(found.disputes) == 15
    assert found.disputes.iloc[0].tolist() == ["p20", "a", "A", "B"]


def test_one_reader_has_nobody_to_agree_with() -> None:
    with pytest.raises(MidsError, match="two readers"):
        measure_agreement(table([("p1", "A", '["a"]')]))


def test_the_command_prints_all_and_lists_disputes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [("p1", "A", '["a"]'), ("p1", "B", "[]"), ("p2", "A", '["b"]'), ("p2", "B", '["b"]')]
    table(rows).to_csv(tmp_path / "truth.tsv", sep="\t", index=False)
    table(rows).drop(columns="reader").to_csv(tmp_path / "found.tsv", sep="\t", index=False)
    disputes = tmp_path / "disputes.tsv"
    assert (
        main(["evaluate", str(tmp_path / "found.tsv"), str(tmp_path / "truth.tsv"), "--disputes", str(disputes)]) == 0
    )
    printed = capsys.readouterr().out
    assert "micro F1 1.000" in printed
    assert "95 % intervals" in printed
    assert "2 readers: kappa" in printed
    assert disputes.read_text(encoding="utf-8") == "participant_id\tlabel\tgiven_by\tnot_by\np1\ta\tA\tB\n"
    assert main(["evaluate", str(tmp_path / "none.tsv"), str(tmp_path / "truth.tsv")]) == 2
    assert "no such file" in capsys.readouterr().err
