"""Kinds of single defects beyond those of `defects.DEFECTS`: each is reported, at its place."""

from pathlib import Path

import pytest

from example_datasets.defects import BASES
from example_datasets.defects_bids import EEG
from example_datasets.invented import as_json
from example_datasets.mutations import BOLD as MIDS_BOLD
from example_datasets.mutations import Defect, both, put
from example_datasets.small import write
from mids.validation.runner import validate

NOTHING = as_json({"Manufacturer": "Made up"})
ABOUT_IT = {"Description": "Made up"}


def _bids(name: str, code: str, path: str, where: str, *changes: object) -> Defect:
    return Defect(name, code, path, where, both(*changes), "bids")  # type: ignore[arg-type]


SIDECARS = [
    Defect(
        "two sidecars above an image with its own",
        "SIDECAR_AMBIGUOUS",
        f"{MIDS_BOLD}.nii.gz",
        "",
        both(put("bold.json", NOTHING), put("task-rest_bold.json", NOTHING)),
    ),
    _bids(
        "two sidecars above a recording",
        "SIDECAR_AMBIGUOUS",
        f"{EEG}_eeg.edf",
        "",
        put("eeg.json", NOTHING),
        put("task-rest_eeg.json", NOTHING),
    ),
]
TABLES = [
    _bids(
        "a described column in capitals",
        "COLUMN_ABSENT",
        "participants.json",
        "$.Sex",
        put("participants.json", as_json({"sex": ABOUT_IT, "Sex": ABOUT_IT})),
    ),
    _bids(
        "a described column misspelt as well",
        "COLUMN_ABSENT",
        "participants.json",
        "$.handednes",
        put("participants.json", as_json({"handedness": ABOUT_IT, "handednes": ABOUT_IT})),
    ),
    _bids(
        "a column misspelt above its table",
        "COLUMN_ABSENT",
        "task-rest_events.json",
        "$.duraton",
        put("task-rest_events.json", as_json({"duraton": ABOUT_IT})),
    ),
]
DEFECTS = (*SIDECARS, *TABLES)


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_a_defect_is_found_at_its_place(defect: Defect, tmp_path: Path) -> None:
    write(defect.change(BASES[defect.base]()), tmp_path)
    report = validate(tmp_path, deep=True)
    assert not report.crashed
    places = [(issue.path, issue.where) for issue in report if issue.code == defect.code]
    assert any(path == defect.path and defect.where in where for path, where in places), sorted(
        (issue.code, issue.path, issue.where) for issue in report
    )
