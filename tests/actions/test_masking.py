"""Whatever a check quotes, no identifier of a person reaches a report."""

from pathlib import Path

import pytest

from mids import testing
from mids.report import json as json_report
from mids.report import text
from mids.validation.runner import validate

LEAKS = ["12345678Z", "ana.perez@example.org", "+34 600 555 019", "1.2.840.113619.2.55.3.604688119.971.1"]


@pytest.mark.parametrize("leak", LEAKS)
def test_a_cell_of_another_type_that_holds_an_identifier_is_told_without_it(leak: str, tmp_path: Path) -> None:
    folder = testing.dataset(tmp_path / "dataset")
    table = folder / "participants.tsv"
    lines = table.read_text(encoding="utf-8").splitlines()
    place = lines[0].split("\t").index("sex")
    cells = lines[1].split("\t")
    cells[place] = leak
    table.write_text("\n".join([lines[0], "\t".join(cells), *lines[2:]]) + "\n", encoding="utf-8")
    report = validate(folder)
    told = [issue for issue in report.issues if issue.code == "CELL_CODE"]
    assert [issue.where for issue in told] == ["row 2, column sex"]
    assert leak not in json_report.render(report)
    assert leak not in text.render(report)
