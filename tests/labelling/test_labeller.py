"""The rule labeller: what it says of sentences, how well it does, and the model that can take its place."""

import argparse
import json
import re
from collections.abc import Callable, Sequence
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import Literal

import pandas as pd
import pytest
from places import ROOT

from example_datasets.generators import reports, reports_unseen, reports_written
from mids.analysis.evaluation import evaluate, format_evaluation
from mids.cli.models import label as cli_label
from mids.errors import MidsError
from mids.labelling.labeller import Sentence, label, label_rows, lexicon, sentences
from mids.labelling.languages import guess_languages
from mids.labelling.stems import fitting

PAGE = ROOT / "docs" / "labeller.md"


def label_text(text: str) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    return [(found.labels, found.localizations) for found in label(text, lexicon())]


def labels(text: str) -> list[str]:
    return [name for found, _ in label_text(text) for name in found]


# --- sentences ---------------------------------------------------------------------------------------------


def test_the_example_of_the_paper() -> None:
    # BIMCV-COVID19+, "Assigning CUI labels to images".
    text = (
        "Cambio pulmonar crónico severo. Signos de fibrosis bibasal. Sutil infiltrado pseudonodular milimétrico en "
        "vidrio deslustrado localizado en bases. Cifosis severa."
    )
    assert label_text(text) == [
        (("chronic changes",), ()),
        (("pulmonary fibrosis",), ("basal bilateral",)),
        (("infiltrates", "pseudonodule", "ground glass pattern"), ("basal bilateral",)),
        (("kyphosis",), ()),
    ]


def test_the_first_table_of_the_paper() -> None:
    text = (
        "opacidades de aspecto intersticioalveolar parcheadas y bilaterales que predominan en ambos lobulos inferiores "
        "sospechosas de infeccion por COVID-19 . senos costofrenicos libres ."
    )
    ((found, places),) = label_text(text)
    assert {"COVID 19", "alveolar pattern", "interstitial pattern"} <= set(found)
    assert {"bilateral", "lower lobe"} <= set(places)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("No se observa derrame pleural.", []),
        ("Sin derrame ni neumotórax.", []),
        ("No se aprecian infiltrados, condensaciones ni derrame.", []),
        ("Derrame pleural: no.", []),
        ("No derrame, infiltrado basal derecho.", ["infiltrates"]),
        ("No hay derrame, pero sí un infiltrado.", ["infiltrates"]),
        ("Infiltrado sin derrame.", ["infiltrates"]),
        ("Sin hallazgos compatibles con neumonía.", []),
        ("Posible neumonía.", ["pneumonia"]),
        ("No se puede descartar neumonía.", ["pneumonia"]),
        ("Neumonía por COVID-19.", ["pneumonia", "COVID 19"]),
        ("No se puede descartar infección por COVID-19.", ["COVID 19 uncertain"]),
        ("COVID-19 poco probable.", ["COVID 19 uncertain"]),
        ("Diagnóstico diferencial: COVID-19 vs edema.", ["COVID 19 uncertain", "pulmonary edema"]),
        ("Sin signos de COVID-19.", []),
        ("Hallazgos no sugestivos de SARS-CoV-2.", []),
        ("Sin cambios respecto al estudio previo.", ["unchanged"]),
        ("No hay cambios enfisematosos.", []),
        ("Nódulo de 1.5 cm.", ["nodule"]),
        ("Patrón reticulonodular.", ["reticulonodular interstitial pattern"]),
        ("Se retira el tubo endotraqueal.", []),
    ],
)
def test_denial_and_doubt(text: str, expected: list[str]) -> None:
    assert labels(text) == expected


def test_places_belong_to_their_sentence() -> None:
    assert label_text("Infiltrado en base derecha. Nódulo apical izquierdo.") == [
        (("infiltrates",), ("basal", "right")),
        (("nodule",), ("apical", "left")),
    ]
    assert label_text("Consolidación en LID, sin derrame izquierdo.") == [(("consolidation",), ("right lower lobe",))]


def test_normal_stands_beside_no_finding() -> None:
    assert labels("Senos libres. Sin hallazgos patológicos.") == ["normal"]
    assert labels("Cifosis. Resto sin hallazgos patológicos.") == ["kyphosis"]
    assert labels("Placa rotada. Tórax normal.") == ["suboptimal study", "normal"]


def test_a_point_between_figures_ends_no_sentence() -> None:
    assert sentences("Nódulo de 1.5 cm. Masa;derrame") == ["nodulo de 1.5 cm", "masa", "derrame"]


def test_a_sentence_without_an_end_is_cut_between_words() -> None:
    text = "palabra " * 1500 + "con derrame pleural"
    found = sentences(text)
    assert max(map(len, found)) <= 2000
    assert " ".join(found) == text
    assert labels(text) == ["pleural effusion"]
    assert max(map(len, sentences("a" * 5000))) == 2000


@pytest.mark.parametrize("text", ["", " \n", "....", "¿?¡!", "a" * 5000, "no " * 500, "\t;:,("])
def test_any_text_is_taken(text: str) -> None:
    assert label(text, lexicon()) == ()


# --- the lexicon -------------------------------------------------------------------------------------------


LANGUAGES = ("es", "en", "ca", "fr")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_lexicon_is_sound(language: str) -> None:
    words = lexicon(language)
    assert words.language == language
    assert set(words.joins) == {"and", "or", "with", "at", "not"}
    terms = [*words.findings, *words.localizations]
    names = [term.name for term in terms]
    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"(C\d{7})?", term.cui) for term in terms)
    assert {term.doubted for term in terms} - {""} <= set(names)
    assert all(term.patterns or any(other.doubted == term.name for other in terms) for term in terms)


@pytest.mark.parametrize("language", LANGUAGES)
def test_terms_and_cuis_are_those_of_the_tree(shared: Path, language: str) -> None:
    words = lexicon(language)
    tree = json.loads((shared / "bimcv" / "bimcv_label_tree.json").read_text(encoding="utf-8"))
    text = json.dumps(tree)
    for term in (*words.findings, *words.localizations):
        assert json.dumps(term.name) in text, term.name
        assert not term.cui or term.cui in text, term.name
    rows = pd.read_csv(shared / "bimcv" / "bimcv_label_tree.tsv", sep="\t", dtype="string")
    known = rows.groupby("term")["cui"].agg(lambda cuis: set(cuis.dropna()))
    places = set(rows[rows["root"] == "localization"]["term"])
    for term in words.findings:
        assert term.cui in known[term.name] or (not term.cui and not known[term.name]), term.name
        assert term.name not in places or term.name == "localization"
    for term in words.localizations:
        assert term.cui in known[term.name] or (not term.cui and not known[term.name]), term.name
        assert term.name in places


def test_a_lexicon_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "fr.yaml"
    path.write_text(
        "language: fr\ncues: {denied_after: [pas de, sans]}\nfindings: {pleural effusion: {words: [epanchement*]}}\n"
        "localizations: {}\n",
        encoding="utf-8",
    )
    words = lexicon(str(path))
    assert [found.labels for found in label("Épanchement pleural.", words)] == [("pleural effusion",)]
    assert label("Pas d'épanchement. Sans épanchement.", words)[0].labels == ("pleural effusion",)  # "d" stands between
    with pytest.raises(MidsError, match="unknown lexicon xx"):
        lexicon("xx")
    path.write_text("language: fr\n", encoding="utf-8")
    lexicon.cache_clear()
    with pytest.raises(MidsError, match=r"fr\.yaml is not a lexicon"):
        lexicon(str(path))


# --- how well it does --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make",
    [
        reports.corpus,
        reports_unseen.corpus,
        lambda: reports_written.corpus("tuning"),
        lambda: reports_written.corpus("held_out"),
        lambda: reports_written.corpus("held_out_2"),
        lambda: reports_written.corpus_as_published("padchest"),
        lambda: reports_written.corpus_as_published("padchest", stems=True),
        lambda: reports_written.corpus_as_published("bimcv"),
        lambda: reports_written.corpus_as_published("bimcv", stems=True),
    ],
    ids=["patterns", "unseen", "tuning", "held_out", "held_out_2", "padchest", "stems", "bimcv", "bimcv_stems"],
)
def test_the_measured_quality_is_what_the_page_says(make: Callable[[], tuple[pd.DataFrame, pd.DataFrame]]) -> None:
    texts, truth = make()
    predicted = pd.DataFrame(label_rows(texts.to_dict("records"), lexicon()))
    summary = format_evaluation(evaluate(predicted, truth)).splitlines()[0]
    assert summary in PAGE.read_text(encoding="utf-8"), summary


@pytest.mark.parametrize("language", ["en", "ca", "fr"])
def test_the_quality_in_other_languages_is_what_the_page_says(language: Literal["en", "ca", "fr"]) -> None:
    texts, truth = reports_written.corpus_of(language)
    found = evaluate(pd.DataFrame(label_rows(texts.to_dict("records"), lexicon(language))), truth)
    assert format_evaluation(found).splitlines()[0] in PAGE.read_text(encoding="utf-8"), found


# Written by hand when the words were there: a language, a text, and the labels that a reader gives it.
SPOKEN = (
    ("en", "Heart is not enlarged. Aorta not tortuous.", ""),
    ("en", "The lungs are clear of focal airspace disease, pneumothorax, pleural effusion.", ""),
    ("en", "Rule out pneumonia.", ""),
    ("en", "COVID-19 cannot be excluded", "COVID 19 uncertain"),
    ("en", "Effusion has resolved", ""),
    ("en", "HISTORY: pneumonia\nFINDINGS: Small left effusion.", "pleural effusion"),
    ("fr", "Le coeur n'est pas augmenté de volume.", ""),
    ("fr", "Pas d'épanchement ni de pneumothorax. Œdème pulmonaire.", "pulmonary edema"),
    ("fr", "COVID-19 peu probable", "COVID 19 uncertain"),
    ("fr", "Vaccinée contre le COVID-19. Examen normal.", "normal"),
    ("ca", "Sol·licitud: descartar COVID.", ""),
    ("ca", "Col·lapse del lòbul superior dret.", "lobar atelectasis"),
    ("ca", "L'aorta no està elongada. Sense vessament, pneumotòrax ni condensació.", ""),
    ("ca", "Dubtós per a COVID-19", "COVID 19 uncertain"),
)


@pytest.mark.parametrize(("language", "text", "expected"), SPOKEN)
def test_what_other_languages_say(language: str, text: str, expected: str) -> None:
    found = {name for said in label(text, lexicon(language)) for name in said.labels}
    assert found == set(filter(None, expected.split("; ")))


# --- reports that were published as stems ------------------------------------------------------------------

# Each as PadChest's program would have cut it, the labels that a reader gives it, and a localization.
STEMS = (
    ("cardiomegali . derram pleural bilateral .", "cardiomegaly; pleural effusion", "bilateral"),
    ("no observ infiltr condens . sen costofren libr .", "", ""),
    ("nodul calcific lobul superior derech", "calcified granuloma", "right upper lobe"),
    ("masa hiliar derech con perd volum", "pulmonary mass; volume loss", "right"),
    ("sin cambi signific respect estudi previ", "unchanged", ""),
    ("patron intersticial bas sugest fibrosis pulmon", "interstitial pattern; pulmonary fibrosis", ""),
)


@pytest.mark.parametrize(("text", "expected", "place"), STEMS)
def test_stems_are_read(text: str, expected: str, place: str) -> None:
    found = label(text, lexicon())
    assert {name for said in found for name in said.labels} == set(filter(None, expected.split("; ")))
    assert not place or place in {name for said in found for name in said.localizations}
    assert all(text[why.start : why.end].strip() for said in found for why in said.why)


def test_plain_words_are_not_taken_for_stems() -> None:
    assert [said.labels for said in label("Patrón rotatorio de la costa.", lexicon())] == []
    assert label("Nódulo calcificado.", lexicon())[0].labels == ("calcified granuloma",)
    words = lexicon()
    for make in (reports.corpus, reports_unseen.corpus, lambda: reports_written.corpus("held_out_2")):
        for text in make()[0]["report"]:
            assert fitting(words, text) is words, text


# --- the language of each report ----------------------------------------------------------------------------


def test_each_report_of_a_mixed_table_is_labelled_in_its_language(tmp_path: Path) -> None:
    parts = {"es": reports_written.corpus("held_out")} | {
        language: reports_written.corpus_of(language) for language in ("en", "ca", "fr")
    }
    texts = pd.concat([text.assign(report_id=key + text["report_id"]) for key, (text, _) in parts.items()])
    texts.to_csv(tmp_path / "reports.tsv", sep="\t", index=False)
    assert command(str(tmp_path / "reports.tsv"), "-o", str(tmp_path / "labels.tsv")) == 0
    found = pd.read_csv(tmp_path / "labels.tsv", sep="\t", dtype="string")
    assert found["report_id"].tolist() == texts["report_id"].tolist()
    said, right = found["source"].str.removeprefix("rules "), texts["report_id"].str[:2].reset_index(drop=True)
    assert (said == right).mean() >= 0.97
    truth = pd.concat([table.assign(report_id=key + table["report_id"]) for key, (_, table) in parts.items()])
    assert evaluate(found, truth).micro_f1 >= 0.95


def test_a_table_in_spanish_is_labelled_as_with_spanish_words(tmp_path: Path) -> None:
    for number, make in enumerate((reports.corpus, reports_unseen.corpus, reports_written.corpus)):
        path = tmp_path / f"{number}.tsv"
        make()[0].to_csv(path, sep="\t", index=False)
        for name in ("auto", "es"):
            assert command(str(path), "-o", str(tmp_path / f"{number}{name}.tsv"), "--lexicon", name) == 0
        assert (tmp_path / f"{number}auto.tsv").read_bytes() == (tmp_path / f"{number}es.tsv").read_bytes()


def test_a_report_that_tells_no_language_has_that_of_the_others() -> None:
    assert guess_languages(["Normal.", "Épanchement pleural gauche.", "Pas de pneumothorax."]) == ["fr"] * 3
    assert guess_languages(["Normal.", ""]) == ["es", "es"]


# --- tables and the command --------------------------------------------------------------------------------


def command(*texts: str) -> int:
    parser = argparse.ArgumentParser()
    cli_label.arguments(parser)
    namespace = parser.parse_args(texts)
    return int(namespace.run(namespace))


def write_lexicon(folder: Path) -> Path:
    path = folder / "reports.tsv"
    rows = ("participant_id", "session_id", "report_id", "report", "secret"), (
        "sub-1", "ses-1", "R1", "Infiltrado bibasal. Adenopatías.", "x",
    ), ("sub-2", "ses-2", "R2", "Senos libres.", "y")  # fmt: skip
    path.write_text("".join("\t".join(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_the_label_table(tmp_path: Path) -> None:
    output = tmp_path / "labels.tsv"
    assert command(str(write_lexicon(tmp_path)), "-o", str(output)) == 0
    lines = [line.split("\t") for line in output.read_text(encoding="utf-8").splitlines()]
    first, second = (dict(zip(lines[0], line, strict=True)) for line in lines[1:])
    assert first == {
        "participant_id": "sub-1", "session_id": "ses-1", "report_id": "R1", "source": "rules es",
        "labels": '["infiltrates", "adenopathy"]', "localizations": '["basal bilateral"]',
        "labels_localizations_by_sentence": '[["infiltrates", "loc basal bilateral"], ["adenopathy"]]',
        "label_evidence": '["0-10 rule infiltrado*", "20-31 rule adenopatia*"]',
        "label_cuis": '["C0277877", "C0478664"]', "localization_cuis": '[""]',
    }  # fmt: skip
    assert (second["report_id"], second["labels"]) == ("R2", "[]")


def test_the_command_compares(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, output = write_lexicon(tmp_path), tmp_path / "labels.tsv"
    command(str(path), "-o", str(output))
    capsys.readouterr()
    assert command(str(path), "--reference", str(output)) == 0
    printed = capsys.readouterr()
    assert printed.out == output.read_text(encoding="utf-8")
    assert "micro F1 1.000" in printed.err


def test_wrong_use_is_one_line(tmp_path: Path) -> None:
    path = write_lexicon(tmp_path)
    for texts, message in (
        (("nowhere.tsv",), "no such file"),
        ((str(path), "--text", "informe"), "lacks the column 'informe'"),
        ((str(path), "-o", str(path)), "exists"),
        ((str(path), "--lexicon", "xx"), "unknown lexicon xx"),
        ((str(path), "--model", "ours"), "unknown labeller ours"),
    ):
        with pytest.raises(MidsError, match=message):
            command(*texts)


def test_a_row_that_can_not_be_read_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "reports.csv"
    path.write_text("report_id,report\nR1,Cifosis.\nR2\n", encoding="utf-8")
    assert command(str(path)) == 1
    printed = capsys.readouterr()
    assert "ROW_INVALID reports.csv, row 3" in printed.err
    assert "kyphosis" in printed.out


# --- a model -----------------------------------------------------------------------------------------------


def everything_is_normal(texts: Sequence[str]) -> list[list[Sentence]]:
    return [[Sentence(("normal",))] for _ in texts]


def too_few(texts: Sequence[str]) -> list[list[Sentence]]:
    return []


def test_a_model_takes_the_place_of_the_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    names = {"ours": "everything_is_normal", "few": "too_few", "gone": "not_there"}
    points = EntryPoints(
        EntryPoint(name, f"{__name__}:{function}", "mids.labellers") for name, function in names.items()
    )
    monkeypatch.setattr("mids.labelling.labeller.entry_points", lambda group: points.select(group=group))
    (row,) = label_rows([{"report_id": "R1", "report": "Masa."}], lexicon(), model="ours")
    assert (row["labels"], row["label_cuis"], row["source"]) == ('["normal"]', '["C0205307"]', "model ours")
    with pytest.raises(MidsError, match="must return"):
        label_rows([{"report": "Masa."}], lexicon(), model="few")
    with pytest.raises(MidsError, match="can't load the labeller"):
        label_rows([{"report": "Masa."}], lexicon(), model="gone")


def test_the_rules_say_what_they_doubt_and_what_is_sure_once_is_sure() -> None:
    texts = ["Posible neumonía.", "Neumonía.", "Posible neumonía. Neumonía en LID."]
    rows = label_rows([{"report": text} for text in texts], lexicon())
    found = [json.loads(row["label_evidence"])[0].split(" ", 1)[1] for row in rows]
    assert found == ["rule neumonia*, doubted", "rule neumonia*", "rule neumonia*"]
