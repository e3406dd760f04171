"""The recogniser that was trained: what it finds beside the rules, and that it can be trained again."""

import pickle
from pathlib import Path

import pytest

from benchmarks.labels_kept import compare
from benchmarks.tagger import PARAMETERS, train
from benchmarks.texts import Tally, add, brat
from example_datasets.layouts_corpus import layouts
from example_datasets.reports_corpus import KINDS, layouts_held_out
from mids.deid.tagger.tagger import Tagger
from mids.deid.tagger.weights import default_path
from mids.deid.text.redact import RULES, Redactor

BOTH = Redactor()


def measured(reports: object) -> Tally:
    tally = Tally()
    for report in reports:  # type: ignore[attr-defined]
        add(tally, report, BOTH)
    return tally


def leak(tally: Tally) -> float:
    kinds = set(KINDS.values())
    return 1 - sum(tally.covered[kind] for kind in kinds) / sum(tally.wanted[kind] for kind in kinds)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Hola Zoraida, ¿puedes mirar la placa de Quiñonero? Gracias, Wenceslao", "Quiñonero"),
        ("ZPI|1||123456^^^HIS||Barrenechea^Eulogia||||||", "Barrenechea"),
        ("hi ngozi, could you re-read the film? thanks, desmond", "desmond"),
    ],
)
def test_names_that_no_rule_finds(text: str, name: str) -> None:
    assert name in Redactor(recognisers=RULES).clean(text).text
    assert name not in BOTH.clean(text).text


@pytest.mark.parametrize(
    "text", ["soft tissue", "no acute disease", "sin cambios", "poumons clairs", "L4-L5", "hernia de hiato"]
)
def test_a_few_words_in_small_letters_are_no_name(text: str) -> None:
    assert BOTH.clean(text).text == text


def test_the_same_text_gives_the_same_spans() -> None:
    text = "\n".join(report.text for report in layouts(3))
    first = list(Tagger().find(text))
    assert first == list(pickle.loads(pickle.dumps(Tagger())).find(text))
    assert all(span.source == "trained" and text[span.start : span.end].strip() for span in first)


def test_weights_are_small_and_say_where_they_come_from() -> None:
    assert default_path().stat().st_size < 10_000_000
    card = (default_path().parent / "CARD.md").read_text(encoding="utf-8")
    assert all(word in card for word in ("CC BY 4.0", "MEDDOCAN", "SEAD", "Faker", "GeoNames"))


@pytest.mark.slow
def test_layouts_that_training_never_saw() -> None:
    tally = measured(layouts_held_out(4))
    assert leak(tally) <= 0.08
    assert tally.lost <= 0.01 * tally.kept


@pytest.mark.slow
@pytest.mark.shared
def test_meddocan_which_training_never_saw(shared: Path) -> None:
    tally = measured(brat(shared / "meddocan" / "dev"))
    real = {kind for kind in tally.wanted if kind not in ("", "CAB")}
    covered, masked = (sum(count[kind] for kind in real) for count in (tally.covered, tally.found))
    assert leak(tally) <= 0.01
    assert tally.leaking <= 0.12 * tally.reports
    assert covered >= 0.93 * masked


@pytest.mark.slow
def test_it_can_be_trained_again(tmp_path: Path) -> None:
    pytest.importorskip("pycrfsuite", reason="python-crfsuite is needed to train")
    train(layouts(60), tmp_path / "weights.npz", {**PARAMETERS, "max_iterations": 40}, verbose=False)
    found = list(Tagger(tmp_path / "weights.npz").find("Paciente: Nadie Inventada\nComentado con el Dr. Nunca."))
    assert [span.kind for span in found if span.start == 10] == ["NAME"]


@pytest.mark.slow
def test_reports_say_the_same_with_and_without_identifiers() -> None:
    assert not [cleaned for _, cleaned, _, _ in compare(150)]
