"""covid-chestxray: the numbers of its paper, and its real tables and images."""

import csv
import shutil
from collections import Counter
from collections.abc import Mapping
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from chestxray import GOLDEN, NAME, converted, row
from PIL import Image
from trees import codes, count_codes, put, scans, table

from mids.analysis.statistics import finding_view_counts
from mids.collections.covid_chestxray import read
from mids.conversion import convert
from mids.dataset import Dataset
from mids.errors import DataError
from mids.issues import Issue
from mids.readers.annotations.coco import read_coco
from mids.records import Entry, Person, Record, Source
from mids.resources import read_yaml, schemas
from mids.validation.runner import validate
from mids.vocabulary import clinical

# --- the paper ---------------------------------------------------------------------------------------------

PAPER = read_yaml(schemas() / "collections" / f"{NAME}.yaml")["paper"]["promises"]["images_by_finding_and_view"]


def test_the_table_of_the_paper_comes_out_of_a_twin_of_its_images(tmp_path: Path, key: Path) -> None:
    cells = [(finding, view) for finding, views in PAPER.items() for view, n in views.items() for _ in range(n)]
    assert len(cells) == 122
    rows = [row(number, finding=finding, view=view) for number, (finding, view) in enumerate(cells)]
    rows += [row(900, view="L"), row(901, view="Axial", modality="CT"), row(902, finding="todo"), row(903, view="")]
    done = converted(tmp_path, key, rows)
    assert codes(done.issues) == []
    counts = finding_view_counts(Dataset(done.dataset))
    names = {"PA": "pa", "AP": "ap", "AP Supine": "ap supine"}
    assert {
        finding: {view: int(counts.loc[finding, name]) for view, name in names.items()} for finding in counts.index
    } == PAPER
    assert list(counts.index) == ["COVID-19", "SARS", "Streptococcus", "ARDS", "Pneumocystis"]
    # The one without a view in the table is called frontal by the model that comes with the program.
    assert counts.loc["COVID-19"].to_dict() == {
        "pa": 76,
        "ap": 11,
        "ap supine": 13,
        "lateral": 1,
        "ax": 1,
        "frontal": 1,
    }


def test_an_image_with_two_findings_counts_for_both() -> None:
    counts = finding_view_counts(Dataset(GOLDEN))
    assert counts.loc["ARDS", "ap supine"] == counts.loc["COVID-19", "ap supine"] == 1


def test_labels_that_are_no_list_are_told(tmp_path: Path) -> None:
    shutil.copytree(GOLDEN, tmp_path / "copy")
    path = tmp_path / "copy/derivatives/labels/labels.tsv"
    path.write_text(path.read_text().replace('["COVID-19", "ARDS"]', "COVID-19"))
    with pytest.raises(DataError, match="not a JSON list"):
        finding_view_counts(Dataset(tmp_path / "copy"))


def test_every_term_has_one_label_and_every_word_one_term() -> None:
    findings = read_yaml(schemas() / "collections" / f"{NAME}.yaml")["findings"]
    spellings = [word.lower() for path, entry in findings.items() for word in (path, *(entry or {}).get("earlier", ()))]
    assert [word for word, count in Counter(spellings).items() if count > 1] == []
    assert all(path.rpartition("/")[0] in {"", *findings} for path in findings)
    assert clinical.load(NAME).sources("scans") >= {"temperature", "view", "license"}


# --- the real tables and images ------------------------------------------------------------------------------


def _real(shared: Path, root: Path, name: str) -> tuple[list[Mapping[str, str]], Path]:
    """A source of one version of the real table with the real images and annotations that are there."""
    data = shared / NAME
    text = (data / name).read_text(encoding="utf-8")
    put(root, "metadata.csv", text.encode())
    for folder in ("images", "annotations"):
        (root / folder).symlink_to(data / folder)
    return list(csv.DictReader(StringIO(text))), root


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "rows", "images", "shared_files"),
    [
        ("metadata_2020-06-22_584034a.csv", 751, 75, 5),
        ("metadata_2020-06-24_hannover_07c5dad.csv", 768, 75, 0),
    ],
)
def test_every_row_of_the_real_tables_is_accounted_for(
    name: str, rows: int, images: int, shared_files: int, shared: Path, tmp_path: Path
) -> None:
    expected, root = _real(shared, tmp_path / "source", name)
    batches = list(read(root))
    items = [item for batch in batches for item in batch]
    records = [item for item in items if isinstance(item, Record)]
    issues = Counter(item.code for item in items if isinstance(item, Issue))
    missing = [item.path for item in items if isinstance(item, Issue) and item.code == "IMAGE_MISSING"]
    assert (len(expected), len(records)) == (rows, images)
    assert len(records) + issues["IMAGE_MISSING"] + issues["IMAGE_SHARED"] == rows
    named = {f"{r['folder']}/{r['filename']}" for r in expected}
    assert {*missing, *(record.series for record in records)} == named
    assert issues["IMAGE_SHARED"] == shared_files
    assert issues["ROW_INVALID"] == issues["ROW_REPEATED"] == 0
    assert {item.subject for item in items if isinstance(item, Person)} == {r["patientid"] for r in expected} - (
        {"339", "340"} if shared_files else set()
    )
    assert issues["TABLE_INVALID"] == issues["ANNOTATIONS_INVALID"] == issues["VALUE_UNKNOWN"] == 0


@pytest.mark.shared
def test_the_real_images_become_a_valid_dataset(shared: Path, tmp_path: Path, key: Path) -> None:
    done = convert(NAME, shared / NAME, tmp_path / "dest", key=key, jobs=2)
    assert done.outcome is not None
    assert len(scans(done.dataset)) == 75
    assert count_codes(done.issues)["IMAGE_MISSING"] == count_codes(done.issues)["IMAGE_SHARED"] == 2
    assert count_codes(done.issues)["REGION_INVALID"] == 2
    assert [issue for issue in validate(done.dataset, deep=True).issues if issue.level == "error"] == []
    for path in done.dataset.glob("sub-*/*/*_scans.tsv"):
        for scan in table(path):
            with (
                Image.open(shared / NAME / scan["source_file"]) as given,
                Image.open(path.parent / scan["filename"]) as made,
            ):
                assert given.size == made.size
                if given.mode in ("L", "RGB"):
                    assert np.array_equal(np.asarray(given), np.asarray(made))


@pytest.mark.shared
def test_the_real_annotations_are_all_read(shared: Path) -> None:
    items = [item for batch in read(shared / NAME) for item in batch]
    scored = {item.image for item in items if isinstance(item, Entry) and item.table == "chest_severity"}
    unmatched = [item for item in items if isinstance(item, Issue) and item.code == "ENTRY_UNMATCHED"]
    assert len(scored) + len(unmatched) == 94
    boxes = read_coco(shared / NAME, Source("annotations/imageannotation_ai_lung_bounding_boxes.json"))
    assert (len(boxes.images), sum(len(image.boxes) for image in boxes.images)) == (167, 332)
