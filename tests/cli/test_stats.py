"""``mids stats``: counts, tables of papers, figures."""

import json
import shutil
import xml.etree.ElementTree as ElementTree
from base64 import b64decode
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from places import SOURCES

import mids
from example_datasets import twin_folders
from example_datasets.generators import twins
from mids import cli

EXAMPLE = SOURCES / "bimcv-covid19" / "mids"


def stats(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    assert cli.main(["stats", *map(str, words)]) == 0
    return capsys.readouterr().out


def test_counts_have_bars(capsys: pytest.CaptureFixture[str]) -> None:
    lines = stats(capsys, EXAMPLE).splitlines()
    assert "  images                5" in lines
    modality = lines[lines.index("Modality (images)") + 1 :][:3]
    assert [line.split() for line in modality] == [["cr", "█" * 30, "2"], ["dx", "█" * 30, "2"], ["ct", "█" * 15, "1"]]


def test_several_datasets_as_tsv_json_and_markdown(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    other = SOURCES / "covid19-ct" / "mids"
    rows = [line.split("\t") for line in stats(capsys, EXAMPLE, other, "--format", "tsv").splitlines()]
    assert {len(row) for row in rows} == {5}
    assert ["BIMCV-COVID19+", "modalities", "cr", "n/a", "2"] in rows
    assert len({row[0] for row in rows[1:]}) == 2
    (first, second) = json.loads(stats(capsys, EXAMPLE, other, "--format", "json"))
    assert first["statistics"]["modalities"]["rows"][0] == {"category": "cr", "series": "", "number": 2.0}
    assert second["lines"]["images by modality"].startswith("ct ")
    stats(capsys, EXAMPLE, "--format", "markdown", "--output", tmp_path / "page.md")
    assert "| cr | 2 |" in (tmp_path / "page.md").read_text(encoding="utf-8")


def test_a_papers_table_stands_beside_the_dataset(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    folder = twin_folders.write(twins.covid_chestxray(), tmp_path / "twin")
    lines = stats(capsys, folder, "--table", "covid-chestxray-1").splitlines()
    assert "  of: paper 122; here 124 images with a row in labels.tsv" in lines
    rows = [line.split() for line in lines if line.startswith(("  COVID-19, ", "  SARS, PA"))]
    assert [row[-3:] for row in rows] == [["76", "76", "0"], ["11", "11", "0"], ["13", "13", "0"], ["11", "11", "0"]]
    found = json.loads(stats(capsys, folder, "--table", "covid-chestxray", "--format", "json"))[0]["tables"]
    assert [table["key"] for table in found] == ["covid-chestxray-1", "covid-chestxray-2", "covid-chestxray-abstract"]
    assert found[2]["rows"] == [{"name": "frontal radiographs", "paper": 123, "here": 123, "difference": 0}]


def test_scores_are_compared_with_a_reference(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    predicted, reference = twins.labeller()
    folder = twin_folders.write(predicted, tmp_path / "twin")
    reference.to_csv(tmp_path / "right.tsv", sep="\t", index=False, quoting=3)
    words = (folder, "--table", "bimcv-7", "--reference", tmp_path / "right.tsv", "--format", "tsv")
    rows = [line.split("\t") for line in stats(capsys, *words).splitlines()]
    assert [row[2:] for row in rows if row[2] == "COVID-19, F-score"] == [
        ["COVID-19, F-score", "0.943", "64", "0.943", "64", "0"]
    ]


@pytest.mark.parametrize("figure", ["age", "studies", "delays", "demographics", "devices"])
def test_figures_are_svg_and_png(figure: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for kind in ("svg", "png"):
        stats(capsys, EXAMPLE, "--figure", figure, "--output", tmp_path / f"figure.{kind}")
    page = ElementTree.fromstring((tmp_path / "figure.svg").read_text(encoding="utf-8"))
    texts = [element.text for element in page.iter("{http://www.w3.org/2000/svg}text")]
    assert len(texts) > 3
    with Image.open(tmp_path / "figure.png") as image:
        assert image.size == (2 * int(page.attrib["width"]), 2 * int(page.attrib["height"]))
        assert len(np.unique(np.asarray(image).reshape(-1, 3), axis=0)) > 3


def test_bars_are_as_long_as_their_numbers(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Four images have a test before them, one behind."""
    stats(capsys, EXAMPLE, "--figure", "delays", "--output", tmp_path / "d.svg")
    page = ElementTree.fromstring((tmp_path / "d.svg").read_text(encoding="utf-8"))
    boxes = [float(box.attrib["width"]) for box in page.iter("{http://www.w3.org/2000/svg}rect")][1:]
    assert boxes == [420.0, 105.0]


def test_the_strip_shows_every_study_of_the_patient_by_day(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    stats(capsys, EXAMPLE, "--figure", "longitudinal", "--output", tmp_path / "strip.svg")
    page = ElementTree.fromstring((tmp_path / "strip.svg").read_text(encoding="utf-8"))
    texts = [element.text for element in page.iter("{http://www.w3.org/2000/svg}text")]
    assert texts == ["sub-S90001: 3 studies", "day 0: cr, pa", "day 4: dx", "day 9: ct, ax"]
    images = list(page.iter("{http://www.w3.org/2000/svg}image"))
    assert len(images) == 3
    with Image.open(BytesIO(b64decode(images[0].attrib["href"].partition(",")[2]))) as small:
        assert np.asarray(small.convert("L")).std() > 20


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([EXAMPLE, "--table", "nothing"], "no paper has a table"),
        ([EXAMPLE, "--figure", "age"], "--output"),
        ([EXAMPLE, "--figure", "age", "--output", "x.pdf"], "svg or"),
        ([EXAMPLE, "--figure", "age", "--output", "x.png", "--format", "tsv"], "the suffix of --output"),
        ([EXAMPLE, "--figure", "age", "--output", "x.png", "--subject", "Z9"], "--subject is the patient of"),
        ([EXAMPLE, "--reference", "labels.tsv"], "--reference is for tables of scores"),
        ([EXAMPLE, "--figure", "longitudinal", "--subject", "Z9", "--output", "x.png"], "sub-Z9 has no dated image"),
        ([], "give a dataset"),
    ],
)
def test_wrong_use_is_one_line(words: list[object], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["stats", *map(str, words)]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1


def test_an_existing_file_stays(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "a.svg").write_text("mine", encoding="utf-8")
    assert cli.main(["stats", str(EXAMPLE), "--figure", "age", "--output", str(tmp_path / "a.svg")]) == 2
    assert (tmp_path / "a.svg").read_text(encoding="utf-8") == "mine"


def test_the_list_names_tables_and_figures(capsys: pytest.CaptureFixture[str]) -> None:
    text = stats(capsys, "--list")
    assert "  bimcv-6 " in text
    assert "  longitudinal " in text


def test_images_and_sexes_are_those_of_the_dataset_in_python(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """No scans.tsv names the images, and participants.tsv spells in its own way."""
    copy = Path(shutil.copytree(EXAMPLE, tmp_path / "copy"))
    whole = stats(capsys, copy)
    for path in copy.rglob("*_scans.tsv"):
        path.unlink()
    people = copy / "participants.tsv"
    people.write_text(people.read_text("utf-8").replace("\tF\t", "\tmujer\t").replace("\tM\t", "\tHombre\t"), "utf-8")
    assert "mujer" in people.read_text("utf-8")
    dataset = mids.Dataset(copy)
    text = stats(capsys, copy)
    assert f"images                {len(dataset)}" in text
    sexes = dataset.images.drop_duplicates("participant_id")["sex"].value_counts()
    assert "sex of patients       " + ", ".join(f"{sex} {sexes[sex]}" for sex in ("F", "M")) in text
    assert text.partition("Missing values")[0] == whole.partition("Missing values")[0]


def test_an_age_that_nobody_has_is_told(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    copy = Path(shutil.copytree(EXAMPLE, tmp_path / "copy"))
    people = copy / "participants.tsv"
    rows = [line.split("\t") for line in people.read_text("utf-8").splitlines()]
    for row in rows[1:]:
        row[rows[0].index("age")] = "inf"
    people.write_text("".join("\t".join(row) + "\n" for row in rows), "utf-8")
    assert cli.main(["stats", str(copy)]) == 1
    printed = capsys.readouterr()
    assert "participants.tsv, age" in printed.err
    assert "sex of patients" in printed.out
    assert "age (years)" not in printed.out.partition("Age by sex")[0]
