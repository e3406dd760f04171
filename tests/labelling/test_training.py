"""Models of labels: better than the rules on people they have not seen, safe to read, and used as an entry point is."""

import contextlib
import io
import json
import os
import re
import shlex
import zipfile
from pathlib import Path

import pandas as pd
import pytest
from places import ROOT

from example_datasets.generators import reports_noisy
from mids.analysis.cells import parse_labels
from mids.cli.commands import main
from mids.errors import MidsError
from mids.labelling.labeller import label, lexicon
from mids.labelling.model import read_label_model
from mids.labelling.training import Example, train_labels

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder in which the page's three commands ran, and what they printed."""
    folder = tmp_path_factory.mktemp("trained")
    reports_noisy.write_tables(folder)
    page = (ROOT / "docs" / "labeller.md").read_text(encoding="utf-8")
    block = next(text for text in re.findall(r"```sh\n(.*?)```", page, re.S) if "mids train labels" in text)

    printed = io.StringIO()
    before = Path.cwd()
    os.chdir(folder)
    try:
        with contextlib.redirect_stdout(printed):
            for line in block.splitlines():
                assert main(shlex.split(line)[1:]) == 0, line
    finally:
        os.chdir(before)
    return folder, printed.getvalue()


def test_three_commands_show_the_gain_on_the_page(trained: tuple[Path, str]) -> None:
    _, printed = trained
    page = (ROOT / "docs" / "labeller.md").read_text(encoding="utf-8")
    assert printed.split(" rows: ")[0].rsplit("\n", 1)[0] in page, printed
    scores = {
        name: float(value)
        for name, value in re.findall(
            r"^  (rules alone|model alone|model with the rules): .*micro F1 ([\d.]+)", printed, re.M
        )
    }
    assert scores["model with the rules"] >= 0.93
    assert scores["model with the rules"] > max(scores["rules alone"], scores["model alone"])
    assert "95 % intervals: precision" in printed


def test_a_model_says_what_it_is_and_why(trained: tuple[Path, str]) -> None:
    folder, _ = trained
    head = read_label_model(folder / "labels.model").head
    assert (head["data"], head["licence"]) == ("1,200 reports of our hospital", "CC-BY-4.0")
    assert {"labels", "metrics", "limits", "refused", "lexicon", "participants"} <= set(head)
    rows = pd.read_csv(folder / "new_labels.tsv", sep="\t", dtype=str)
    texts = pd.read_csv(folder / "new.csv", dtype=str)["report"]
    for text, row in zip(texts, rows.itertuples(), strict=True):
        evidence = json.loads(row.label_evidence)
        assert len(evidence) == len(json.loads(row.labels))
        for one in evidence:
            start, end = map(int, one.split(" ")[0].split("-"))
            assert 0 <= start < end <= len(text)
    assert rows["source"].str.fullmatch("model [0-9a-f]{12}").all()


def test_no_word_of_a_report_is_in_the_file(trained: tuple[Path, str]) -> None:
    folder, _ = trained
    with zipfile.ZipFile(folder / "labels.model") as archive:
        assert not any(name.endswith(".pkl") for name in archive.namelist())
        content = b"".join(archive.read(name) for name in archive.namelist()).lower()
    assert b"espondiloartrosis" not in content
    assert b"sub-1" not in content


def test_a_changed_file_is_refused(trained: tuple[Path, str], tmp_path: Path) -> None:
    folder, _ = trained
    changed = tmp_path / "changed.model"
    with zipfile.ZipFile(folder / "labels.model") as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace(b"CC-BY-4.0", b"CC0-1.0-x"))
    with pytest.raises(MidsError, match="was changed"):
        read_label_model(changed)


def examples() -> list[Example]:
    """Fifteen people: an unknown word that readers call a mass, and one thing that only the rules know."""
    texts = {"Zarzamora en LID": {"mass"}, "Derrame pleural": {"pleural effusion"}, "No hay zarzamora": set()}
    return [Example(f"p{n}", text, frozenset(names)) for n in range(15) for text, names in texts.items()]


def test_the_same_table_gives_the_same_file_and_the_rest_is_for_the_rules(tmp_path: Path) -> None:
    first, second = tmp_path / "first.model", tmp_path / "second.model"
    train_labels(examples(), first)
    train_labels(list(reversed(examples())), second)
    assert read_label_model(first).labels == ("mass", "pleural effusion") == read_label_model(second).labels
    third = tmp_path / "third.model"
    train_labels(examples(), third)
    assert first.read_bytes() == third.read_bytes()
    model = read_label_model(first)
    found, denied, unknown = model.label(["Zarzamora en LID.", "No hay zarzamora", "Cifosis."])
    assert [one.labels for one in found] == [("mass",)]
    assert denied == ()
    assert unknown == label("Cifosis.", lexicon())


def test_a_model_says_what_the_rules_deny_that_it_gives(tmp_path: Path) -> None:
    texts = {"No hay derrame pleural": {"pleural effusion"}, "Sin cambios": set(), "Cifosis": {"kyphosis"}}
    table = [Example(f"p{n}", text, frozenset(names)) for n in range(15) for text, names in texts.items()]
    train_labels(table, tmp_path / "labels.model")
    [found] = read_label_model(tmp_path / "labels.model").label(["No hay derrame pleural."])
    [why] = [one for said in found for one in said.why]
    assert (why.label, why.start, why.end, why.places) == ("pleural effusion", 7, 22, ())
    assert re.fullmatch(r"model [01]\.\d\d, derrame.*, denied", why.reason)


def test_a_model_brings_the_words_of_a_file_of_ones_own(tmp_path: Path) -> None:
    words, model = tmp_path / "words.yaml", tmp_path / "labels.model"
    words.write_text(
        "language: la\ncues: {denied_after: [sine]}\nlocalizations: {}\n"
        "findings: {mass: {words: [massa*]}, kyphosis: {words: [gibbus*]}}\n",
        encoding="utf-8",
    )
    texts = {"Massa magna": {"mass"}, "Sine massa": set[str]()}
    train_labels(
        [Example(f"p{n}", text, frozenset(names)) for n in range(15) for text, names in texts.items()], model,
        language=str(words),
    )  # fmt: skip
    words.unlink()
    lexicon.cache_clear()
    found = read_label_model(model)
    assert str(tmp_path) not in json.dumps(dict(found.head))
    assert [[one.labels for one in said] for said in found.label(["Massa. Gibbus.", "Sine massa."])] == [
        [("mass",), ("kyphosis",)], [],
    ]  # fmt: skip


def test_corrections_come_back_as_training_rows(tmp_path: Path) -> None:
    """The rules label; a person renames one label, adds one, drops one; the model trained on that does as they did."""
    rows = ("Cardiomegalia. Masa.", "Sin derrame. Zarzamora.", "Cardiomegalia y cifosis. Zarzamora.", "Cifosis. Masa.")
    reports, draft, corrected = tmp_path / "reports.csv", tmp_path / "draft.tsv", tmp_path / "corrected.tsv"
    pd.DataFrame(
        [(f"p{n}", f"R{n}-{at}", text) for n in range(20) for at, text in enumerate(rows)],
        columns=["participant_id", "report_id", "report"],
    ).to_csv(reports, index=False)
    assert main(["label", str(reports), "-o", str(draft)]) == 0
    table = pd.read_csv(draft, sep="\t", dtype=str, keep_default_na=False)
    table["labels"] = [
        json.dumps([
            name.replace("mass", "my mass") for name in [*json.loads(cell), *["bramble"] * (at % 4 in (1, 2))]
            if name != "kyphosis"
        ])
        for at, cell in enumerate(table["labels"])
    ]  # fmt: skip
    table.to_csv(corrected, sep="\t", index=False)
    better = tmp_path / "better.model"
    assert main(["train", "labels", str(reports), "--labels", str(corrected), "-o", str(better)]) == 0
    found = read_label_model(better).label(rows)
    assert [{name for one in said for name in one.labels} for said in found] == [
        {"cardiomegaly", "my mass"}, {"bramble"}, {"cardiomegaly", "bramble"}, {"my mass"},
    ]  # fmt: skip


def test_too_few_people_are_said(tmp_path: Path) -> None:
    with pytest.raises(MidsError, match="10 or more participants"):
        train_labels(examples()[:9], tmp_path / "x.model")


@pytest.mark.parametrize(
    ("cell", "labels"),
    [
        ('["a", "b"]', {"a", "b"}), ("['a', 'b']", {"a", "b"}), ("a', 'b", {"a", "b"}), ("a; b", {"a", "b"}),
        ("", set()),
        ("n/a", set()), ('[["a", "loc right"], ["b"]]', {"a", "b"}), ("covid 19", {"covid 19"}),
    ],
)  # fmt: skip
def test_cells_of_labels(cell: str, labels: set[str]) -> None:
    assert parse_labels(cell) == labels


def test_what_a_table_leaves_open_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Names between commas are one label, a blank cell is no finding, a report of nobody is on its own."""
    rows = ["report,labels", *(f'Derrame y cardiomegalia {n},"pleural effusion, cardiomegaly"' for n in range(12))]
    rows += [f"Sin derrame {n}," for n in range(12)] + ["COVID dudoso,COVID 19 uncertain", "Cifosis,kyphosis,more"]
    (tmp_path / "reports.csv").write_text("\n".join(rows), encoding="utf-8")
    assert main(["train", "labels", str(tmp_path / "reports.csv"), "-o", str(tmp_path / "labels.model")]) == 0
    assert capsys.readouterr().err.splitlines() == [
        "reports.csv, row 27: the row has 3 cells, the header 2",
        "no column participant_id says whose a report is: each text counts as a participant",
        "12 reports have an empty cell of labels: they count as reports that find nothing",
        "labels that the rules don't know: pleural effusion, cardiomegaly",
    ]


def test_reports_that_all_say_the_same_teach_nothing(tmp_path: Path) -> None:
    table = [Example(f"p{n}", text, frozenset({"mass"})) for n in range(15) for text in ("Masa", "Sin masa")]
    with pytest.raises(MidsError, match="every report has the same labels"):
        train_labels(table, tmp_path / "labels.model")
