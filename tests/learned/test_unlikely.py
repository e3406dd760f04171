"""Which images a report and a review show first: by their sides, and by the labels of their reports."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from example_datasets.generators.hospital_day import chest as radiograph
from example_datasets.invented import as_tsv
from example_datasets.small import LABELS, RX, RX_KEYS, SCANS, SCANS_HEADER, SES, Files, set_keys, volume, write
from example_datasets.small import radiograph as small
from mids.cli.commands import main
from mids.conversion import convert
from mids.review.shelves import collect_items

pytest.importorskip("jinja2")


def label_table(*rows: tuple[str, list[str], list[str]]) -> bytes:
    """Rows of labels.tsv: participant and session, labels, evidence."""
    lines = ["participant_id\tsession_id\tlabels\tlabel_evidence"]
    lines += ["\t".join([*ids.split("/"), json.dumps(labels), json.dumps(why)]) for ids, labels, why in rows]
    return ("\n".join(lines) + "\n").encode()


def read_one(folder: Path, files: Files) -> tuple[str, str]:
    """What the page of `mids report --unlikely-first` says of the one image of a dataset: number and reason."""
    write(files, folder)
    page = folder.parent / f"{folder.name}.html"
    main(["report", str(folder), "--unlikely-first", "-o", str(page)])
    found = re.search(r'<script[^>]*id="data"[^>]*>(.*?)</script>', page.read_text(encoding="utf-8"), re.S)
    assert found
    [shown] = json.loads(found[1])["datasets"]
    row: dict[str, Any] = {each["name"]: "".join(each["values"]) for each in shown["columns"]}
    assert row["filename"].count("/sub-S01_") == 1
    return row.get("unlikely", ""), row.get("unlikely_reason", "")


@pytest.mark.parametrize(
    ("evidence", "chance", "reason"),
    [
        ("8-16 model 0.53, infiltrate*", "0.47", "label pneumonia: model 0.53"),
        ("8-16 model 0.96, weight 2.10", "0.04", ""),
        ("8-16 model 0.96, infiltrate*, denied", "0.60", "label pneumonia: model 0.96, the rules find it denied"),
        ("8-16 rule infiltrate*, doubted", "0.50", "label pneumonia: the report doubts it"),
        ("8-16 rule infiltrate*", "0.00", ""),
        ("above pneumonia", "", ""),
    ],
)
def test_a_label_is_as_doubtful_as_its_evidence(tmp_path: Path, evidence: str, chance: str, reason: str) -> None:
    table = label_table(("sub-S01/ses-E01", ["pneumonia"], [evidence]), ("sub-S02/ses-E01", ["mass"], ["model 0.30"]))
    assert read_one(tmp_path / "d", {**volume(), LABELS: table}) == (chance, reason)


def test_labels_that_a_person_changed_are_not_judged(tmp_path: Path) -> None:
    table = label_table(("sub-S01/ses-E01", ["pneumonia", "mass"], ["8-16 model 0.53, infiltrate*"]))
    assert read_one(tmp_path / "d", {**volume(), LABELS: table}) == ("", "")


def sided(name: str, table: str, **keys: str) -> Files:
    """A radiograph of a hand with a side in its name, in its row and in its sidecar."""
    stem = f"{SES}/mim-rx/sub-S01_ses-E01_run-1_bp-hand_{name}vp-pa_dx"
    files = small()
    files[f"{stem}.png"] = files.pop(f"{RX}.png")
    del files[f"{RX}.json"]
    row = f"{stem[len(SES) + 1 :]}.png 1920-01-02T10:00:00 DX hand pa {table} 6 8"
    side = set_keys(RX_KEYS, BodyPartExamined="HAND", **keys)
    return {**files, f"{stem}.json": side, SCANS: as_tsv(SCANS_HEADER, row)}


def test_sides_that_contradict_each_other_are_told(tmp_path: Path) -> None:
    against = read_one(tmp_path / "name", sided("lat-L_", "L", ImageLaterality="R"))
    assert against == ("1.00", "laterality: name L, table L, ImageLaterality R")
    assert read_one(tmp_path / "table", sided("lat-L_", "R"))[1] == "laterality: name L, table R"
    both = sided("", "n/a", ImageLaterality="R", Laterality="L")
    assert read_one(tmp_path / "keys", both)[1].endswith("ImageLaterality R, Laterality L")
    assert read_one(tmp_path / "right", sided("lat-L_", "L", Laterality="left")) == ("", "")
    assert read_one(tmp_path / "unpaired", sided("", "n/a", ImageLaterality="U")) == ("", "")


def test_a_review_shows_the_most_doubtful_label_first(tmp_path: Path, key: Path) -> None:
    source, out = tmp_path / "source", tmp_path / "out"
    source.mkdir()
    for number in (1, 2, 3):
        radiograph(number).save_as(source / f"{number}.dcm", enforce_file_format=True)
    assert convert("dicom", source, out, key=key).exit_code == 0
    plain = [item for item in collect_items(out).items if item.image]
    assert len(plain) == 3
    ids = [item.image.split("/")[:2] for item in plain]
    chances = ["0.99", "0.26", "0.31"]
    rows = [("/".join(pair), ["mass"], [f"0-4 model {chance}"]) for pair, chance in zip(ids, chances, strict=True)]
    (out / LABELS).parent.mkdir(parents=True)
    (out / LABELS).write_bytes(label_table(*rows))
    found = [item for item in collect_items(out, ("unlikely",)).items if item.image]
    assert [item.image for item in found] == [plain[at].image for at in (1, 2, 0)]
    assert "label mass: model 0.26" in found[0].reason
    assert found[0].facts["unlikely"] == "0.74"
    assert "label" not in found[2].reason
