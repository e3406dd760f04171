"""The hundred studies that people try the review on: what is planted is open until right decisions settle it."""

from pathlib import Path

import pytest
from trees import command

from example_datasets import hour
from mids.conversion import convert

pytestmark = [pytest.mark.slow, pytest.mark.nightly]

RIGHT = {
    "named ultrasound": [("redact", "", "3,4,18,164"), ("release", "", "")],
    "clean ultrasound": [("release", "", "")],
    "lateral called PA": [("view", "pa", "lateral")],
    "upside down": [("exclude", "", "")],
    "wrong side": [("laterality", "R", "L")],
    "hand": [("body_part", "hand", "chest")],
    "negative": [("exclude", "", "")],
    "form": [("exclude", "", "")],
    "name at the edge": [("redact", "", "5,39,21,180")],
    "cut off": [("acknowledge", "FILE_TRUNCATED", "")],
    "two UIDs": [("exclude", "", "")],
    "gap": [("exclude", "", "")],
}


def test_what_is_planted_is_open_until_it_is_settled(tmp_path: Path, key: Path) -> None:
    studies, dest = tmp_path / "studies", tmp_path / "dest"
    assert hour.main([str(studies)]) == 0
    assert len(list(studies.iterdir())) == 100
    convert("dicom", studies, dest, key=key)
    settled, others = hour.check(dest)
    assert len(settled) == 12
    assert not any(settled.values())
    rows = [
        "\t".join((file, *decision, "A", "seen"))
        for file, problem in hour.planted().items()
        for decision in RIGHT[problem.name]
    ]
    spoilt = next(number for number, kind in hour.studies() if kind == "echo")
    rows.append(f"{spoilt:03d}/ECO/1.dcm\texclude\t\t\tA\tby mistake")
    rows += [f"{name}\texclude\t\t\tA\ta page of doses" for name in ("021/TC/dosis.dcm", "033/TC/dosis.dcm")]
    table = tmp_path / "curation.tsv"
    table.write_text("\n".join(["file\tfield\told\tnew\twho\twhy", *rows]) + "\n", "utf-8")
    done = command("mids-convert", "dicom", studies, dest, "--key", key, "--curation", table)
    assert done.returncode == 0, done.stderr
    settled, others = hour.check(dest)
    assert all(settled.values()), settled
    assert others == [f"{spoilt:03d}/ECO/1.dcm"]
