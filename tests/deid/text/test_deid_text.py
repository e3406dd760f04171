"""Texts after de-identification: which class each identifier is given, what stays, and what stands instead."""

import pickle
import re
import stat
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from example_datasets.layouts_corpus import layouts
from example_datasets.reports_corpus import MONTHS, dni, reports
from mids.deid.keys import Key
from mids.deid.known.known import Known
from mids.deid.policy import preset
from mids.deid.text.dates import find_dates, move_date
from mids.deid.text.gazetteers import Gazetteers
from mids.deid.text.models import model
from mids.deid.text.numbers import is_dni
from mids.deid.text.redact import RULES, Redactor, redactor
from mids.deid.text.review import rows, write_review
from mids.deid.text.spans import KINDS, Kind, Span, settle_spans
from mids.deid.text.surrogates import Surrogates
from mids.deid.text.words import compose_text, fold_text
from mids.errors import MidsError

TAGS = Redactor()
KEY = Key(b"k" * 32)
PEOPLE = Redactor("surrogates", key=KEY, dates="shift")
WEEKS = timedelta(weeks=-5_700)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("DNI 12345678Z", "DNI [NUM]"),  # the example of the Spanish police
        ("consta 12345678-Z en ficha", "consta [NUM] en ficha"),
        ("NIE: X1234567L.", "NIE: [NUM]."),
        ("NIR 2 55 08 14 168 025 38", "NIR [NUM]"),  # the example of INSEE
        ("NHC: 48213 SIP 10293847", "NHC: [NUM] SIP [NUM]"),
        ("nº colegiado 28/28/10293", "nº colegiado [NUM]"),
        ("NASS 26 37482910 04", "NASS [NUM]"),
        ("Tel. 963 000 000, móvil 600000000", "Tel. [NUM], móvil [NUM]"),
        ("Tél. : 04 72 00 00 00", "Tél. : [NUM]"),
        ("nadie.nunca@example.org, https://example.org/a?b=1", "[NUM], [NUM]"),
        ("Estudio 1.2.826.0.1.3680043.8.498.123456", "Estudio [NUM]"),
        ("5 de MARZO de 2014", "[FECHA]"),
        ("el 29 d'agost de 1968", "el [FECHA]"),
        ("el 12/3/20 y el 2020-03-17", "el [FECHA] y el [FECHA]"),
        ("en marzo de 2014 y en 2011", "en [FECHA] y en [FECHA]"),
        ("le 1er mai 2019", "le [FECHA]"),
        ("on March 3rd, 2019", "on [FECHA]"),
        ("del 3 al 12 de abril de 2015", "del [FECHA]"),
        ("Comentado con la Dra. Inventada Nadie.", "Comentado con la Dra. [NAME]."),
        ("D. Fulano de la Nada, de 71 años", "D. [NAME], de 71 años"),
        ("Paciente: NADIE INVENTADO, FULANO  Sexo: M", "Paciente: [NAME]  Sexo: M"),
        ("PRIMER APELLIDO NADIE\nSEGUNDO APELLIDO NUNCADEZ", "PRIMER APELLIDO [NAME]\nSEGUNDO APELLIDO [NAME]"),
        ("Fdo.: Mengana Nunca", "Fdo.: [NAME]"),
        ("dr. nadie", "dr. [NAME]"),
        ("Docteur Nulle-Part", "Docteur [NAME]"),
        ("Acude con su hija Zutana.", "Acude con su hija [NAME]."),
        ("vive en C/ Falsa, 123, 2º B", "vive en [DIR]"),
        ("12 rue des Inventions", "[DIR]"),
        ("12 Nowhere Street", "[DIR]"),
        ("natural de Ningunaparte", "natural de [LOC]"),
        ("en Castellón", "en [LOC]"),
        ("46000 Ningunaparte", "[NUM] [LOC]"),
        ("ingresó en el Hospital Universitario 12 de Nunca", "ingresó en el [INST]"),
        ("from Nowhere General Hospital", "from [INST]"),
    ],
)
def test_each_class(text: str, expected: str) -> None:
    assert TAGS.clean(text).text == expected


@pytest.mark.parametrize(
    "text",
    [
        "Polígono de Willis permeable. Agujeros de Luschka. Líneas B de Kerley. Signo de Chilaiditi.",
        "Catéter de Swan-Ganz. 65 unidades Hounsfield. Signo de Murphy. Espacio de Morrison. Ángulo de Cobb de 12º.",
        "Nódulo de 8 x 6 mm (12/15 ganglios), L4-L5, T12, BI-RADS 4, 1.5 T, 120 kV, 350 mg/ml, control en 3-6 meses.",
        "en el servicio de urgencias se realiza TC craneal con 2.5 mm de grosor",
        "SIN HALLAZGOS SIGNIFICATIVOS. SILUETA CARDIACA NORMAL. NO DERRAME PLEURAL.",
        "Varón de 67 años, paciente con disnea. El paciente refiere dolor.",
        "Hallazgos:\nTécnica:\nConclusión:",
        "",
        " \n",
    ],
)
def test_what_stays(text: str) -> None:
    assert TAGS.clean(text).text == text


def test_headings_are_found_and_stay() -> None:
    found = TAGS.find("Hallazgos: normal.\nCONCLUSIÓN: normal.")
    assert [span.kind for span in found] == ["CAB", "CAB"]


@given(st.integers(0, 99_999_999), st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
def test_without_context_a_dni_needs_its_letter(number: int, letter: str) -> None:
    text = f"valor {number:08}{letter} medido"
    right = dni(number).endswith(letter)
    assert right == any(span.source == "dni" for span in TAGS.find(text))


def test_a_name_found_once_is_found_everywhere() -> None:
    text = "Dr. Inventadez. Se avisa.\nNormal.\nRevisado con Inventadez."
    assert "nventadez" not in TAGS.clean(text).text


@pytest.mark.parametrize("hidden", ["Inven\u00adtada", "Inven\u200btada", "Inventa\u0301da"])
def test_characters_that_are_not_seen_hide_no_name(hidden: str) -> None:
    known = Known(("INVENTADA^NADIE",))
    assert TAGS.clean(f"visto en {hidden} ayer", known).text == "visto en [NAME] ayer"


# --- how spans are settled -------------------------------------------------------------------------------

TEXT = "abcdefghij " * 6
SPANS = st.builds(
    lambda start, length, kind: Span(start, min(start + length, len(TEXT)), kind, "x"),
    st.integers(0, len(TEXT) - 1), st.integers(1, 20), st.sampled_from(KINDS),
)  # fmt: skip


@given(st.lists(SPANS, max_size=12))
def test_settled_spans_overlap_nowhere_and_uncover_nothing(spans: list[Span]) -> None:
    found = settle_spans(TEXT, spans)
    assert all(a.end <= b.start for a, b in pairwise(found))
    before = {at for span in spans for at in range(span.start, span.end) if TEXT[at] != " "}
    assert before == {at for span in found for at in range(span.start, span.end) if TEXT[at] != " "}


def test_the_longest_span_wins() -> None:
    kinds: list[tuple[int, int, Kind]] = [(0, 6, "NAME"), (3, 16, "DIR")]
    spans = [Span(*kind, "x") for kind in kinds]
    assert settle_spans("abcdefghijklmnopq", spans) == (Span(0, 3, "NAME", "x"), Span(3, 16, "DIR", "x"))


# --- dates -----------------------------------------------------------------------------------------------

DAYS = st.dates(date(1941, 1, 1), date(2039, 12, 31))


@given(DAYS, st.sampled_from(("es", "ca", "fr", "en")), st.integers(0, 6))
def test_dates_of_all_notations(day: date, language: str, form: int) -> None:
    month = MONTHS[language][day.month - 1]
    notations = (
        f"{day:%d/%m/%Y}", f"{day.day}/{day.month}/{day:%y}", f"{day:%Y-%m-%d}", f"{day:%d.%m.%Y}",
        f"{day.day} de {month} de {day.year}", f"{day.day} {month.upper()} {day.year}",
        f"{month} {day.day}, {day.year}",
    )  # fmt: skip
    text = f"visto {notations[form]}."
    assert any(text[f.start : f.end] == notations[form] and f.value == day for f in find_dates(text))


@given(DAYS, st.integers(0, 3))
def test_a_moved_date_keeps_notation_and_interval(day: date, form: int) -> None:
    month = MONTHS["es"]
    forms = ("{:%d/%m/%Y}", "{:%Y-%m-%d}", "{:%d.%m.%Y}")
    new = day + WEEKS
    if form < 3:
        assert move_date(forms[form].format(day), WEEKS) == forms[form].format(new)
    else:
        text = f"{day.day} de {month[day.month - 1].upper()} de {day.year}"
        assert move_date(text, WEEKS) == f"{new.day} de {month[new.month - 1].upper()} de {new.year}"


def test_the_month_comes_first_where_the_text_says_so() -> None:
    assert {f.value for f in find_dates("03/04/2019, 03/25/2019")} == {date(2019, 3, 4), date(2019, 3, 25)}
    assert {f.value for f in find_dates("03/04/2019, 25/03/2019")} == {date(2019, 4, 3), date(2019, 3, 25)}


def test_impossible_dates_are_hidden_and_not_moved() -> None:
    assert PEOPLE.clean("el 32/13/2019", Known(shift=WEEKS)).text == "el [FECHA]"


# --- surrogates and modes --------------------------------------------------------------------------------

NOTE = (
    "Paciente: Fulana Inventada. Visto el 12/03/2020 por la Dra. Mengana Nunca. Inventada vuelve el 26/03/2020."
    " DNI 12345678Z"
)
ONE = Known(subject="S1", shift=WEEKS)


def test_surrogates_are_consistent_for_subject_and_key() -> None:
    first = PEOPLE.clean(NOTE, ONE).text
    assert first == PEOPLE.clean(NOTE, ONE).text
    assert first != PEOPLE.clean(NOTE, replace(ONE, subject="S2")).text
    assert first != Redactor("surrogates", key=Key(b"j" * 32), dates="shift").clean(NOTE, ONE).text
    assert not re.search("Fulana|Inventada|Mengana|Nunca|2020|12345678", first)
    surname = re.search(r"Paciente: \S+ (\w+)\.", first)
    assert surname
    assert first.count(surname[1]) == 2


def test_surrogate_dates_keep_their_interval() -> None:
    found = re.findall(r"\d\d/\d\d/\d{4}", PEOPLE.clean(NOTE, ONE).text)
    days = [date(int(text[6:]), int(text[3:5]), int(text[:2])) for text in found]
    assert days == [date(2020, 3, 12) + WEEKS, date(2020, 3, 26) + WEEKS]


@given(st.integers(0, 99_999_999))
def test_a_surrogate_number_has_the_shape_and_is_nobodys(number: int) -> None:
    old = dni(number)
    new = Surrogates(KEY, "S1").of(old, "NUM")
    assert re.fullmatch(r"\d{8}[A-Z]", new)
    assert not is_dni(new[:8], new[8])
    spaced = Surrogates(KEY, "S1").of(f"{old[:8]}", "NUM")
    assert len(spaced) == 8


def test_modes() -> None:
    assert Redactor("keep").clean(NOTE).text == NOTE
    assert Redactor("remove").clean(NOTE).text == "n/a"
    assert Redactor("remove").clean("").text == ""
    kept = Redactor("surrogates", key=KEY, dates="keep").clean(NOTE, Known(dates=(date(2020, 3, 12),))).text
    assert "26/03/2020" in kept
    assert "12/03/2020" not in kept
    with pytest.raises(MidsError, match="need a key"):
        Redactor("surrogates")
    assert redactor(preset("mids")).texts == "tags"


def test_a_redactor_can_be_sent_to_a_process() -> None:
    assert pickle.loads(pickle.dumps(PEOPLE)).clean(NOTE, ONE) == PEOPLE.clean(NOTE, ONE)
    assert "secret" not in repr(PEOPLE)
    assert "kkkk" not in repr(PEOPLE)


# --- lists and models ------------------------------------------------------------------------------------


def test_lists_of_the_user(tmp_path: Path) -> None:
    (tmp_path / "apellidos.csv").write_text("Apellido,Total\nINVENTADEZ,7\nBLANCO,9\n", encoding="utf-8")
    (tmp_path / "municipios.txt").write_text("Villa Ninguna\n", encoding="utf-8")
    listed = Redactor(recognisers=(*RULES, Gazetteers(tmp_path)))
    text = "Revisado con Inventadez en Villa Ninguna. Nódulo blanco. Blanco."
    assert listed.clean(text).text == "Revisado con [NAME] en [LOC]. Nódulo blanco. Blanco."
    assert pickle.loads(pickle.dumps(listed)) == listed


def test_lists_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(MidsError, match="holds no list"):
        Redactor(recognisers=(Gazetteers(tmp_path),)).clean("Texto")
    (tmp_path / "nombres.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(MidsError, match="UTF-8"):
        Redactor(recognisers=(Gazetteers(tmp_path),)).clean("Texto")


def test_a_model_that_is_not_there() -> None:
    with pytest.raises(MidsError, match="unknown recogniser 'nothing'"):
        model("nothing:at-all")
    with pytest.raises(MidsError, match="spacy"):
        model("spacy:a_model_that_nobody_made")


# --- the reviewer's list ---------------------------------------------------------------------------------


def test_the_list_of_what_was_removed(tmp_path: Path) -> None:
    path = tmp_path / "removed.tsv"
    text = "Fdo.: Mengana\u00ad Nunca\nel 12/03/2020"
    write_review(path, rows("source:ABC", text, TAGS.clean(text)), tmp_path / "dataset")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    lines = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
    assert lines[0] == ["reference", "kind", "start", "text"]
    assert [line[:2] + line[3:] for line in lines[1:]] == [
        ["source:ABC", "NAME", "Mengana Nunca"],
        ["source:ABC", "FECHA", "12/03/2020"],
    ]
    with pytest.raises(MidsError, match="already exists"):
        write_review(path, ())
    with pytest.raises(MidsError, match="lies in the dataset"):
        write_review(tmp_path / "dataset" / "sub" / "removed.tsv", (), tmp_path / "dataset")


# --- the generated corpus --------------------------------------------------------------------------------


@pytest.mark.parametrize(("which", "most"), [("tuning", 0.002), ("held_out", 0.03)])
def test_identifiers_of_generated_reports_are_hidden(which: str, most: float) -> None:
    leaked = wanted = 0
    for report in reports(which, 6):  # type: ignore[arg-type]
        hidden = {at for span in TAGS.find(report.text) if span.kind != "CAB" for at in range(span.start, span.end)}
        for truth in report.truth:
            for token in re.finditer(r"\w+", report.text[truth.start : truth.end]):
                wanted += truth.kind != "CAB"
                leaked += truth.kind != "CAB" and truth.start + token.start() not in hidden
    assert wanted > 1_000
    assert leaked <= most * wanted


def test_what_the_header_knows_is_hidden_in_generated_reports() -> None:
    for report in reports("held_out", 6):
        known = Known(report.names, report.ids, report.dates)
        text = fold_text(TAGS.clean(report.text, known).text)
        for name in (part for person in report.names for part in re.split(r"[\^ ]", fold_text(person))):
            if len(name) > 3:
                assert not re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text), report.template
        assert not any(fold_text(number) in text for number in report.ids)


def test_reports_without_identifiers_stay() -> None:
    for report in (*reports("clean", 2), *reports("clean_held_out", 2)):
        assert TAGS.clean(report.text).text == report.text


# --- anything at all -------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    "piece", ["A", "A ", "1", "1 ", " ", "\n", "Dr. Aa ", "1.", "1/1/20 ", "a@a.", "A-", "d'", "H. A ", "Xa Yb\n"]
)
def test_a_hundred_thousand_characters_of_one_sort_end(piece: str) -> None:
    text = (piece * 100_000)[:100_000]
    known = Known(("INVENTADA LARGUISIMA^NADIE",), ("0012345", "12345678Z"), (date(1950, 3, 4),))
    found = TAGS.find(text, known)
    assert found == settle_spans(compose_text(text), found)


@settings(max_examples=150)
@given(st.text(alphabet=st.sampled_from("AaZzÑñ á.,:;-/'ºª\n\t 0123456789@^_<>()[]ßİ\u0301\u200b"), max_size=400))
def test_any_text_is_cleaned(text: str) -> None:
    for one in (TAGS, PEOPLE):
        cleaned = one.clean(text, Known(("A^B", "Zz Aa"), ("0123",), subject="S1", shift=WEEKS))
        source = compose_text(text)
        assert all(0 <= span.start < span.end <= len(source) for span in cleaned.removed)
        assert len(fold_text(source)) == len(source)


def test_a_model_of_spacy(tmp_path: Path) -> None:
    spacy = pytest.importorskip("spacy", reason="spaCy is optional")
    pipeline = spacy.blank("es")
    pipeline.add_pipe("entity_ruler").add_patterns([{"label": "PER", "pattern": "Zutánez"}])
    pipeline.to_disk(tmp_path / "model")
    more = Redactor(recognisers=(*RULES, model(f"spacy:{tmp_path / 'model'}")))
    assert more.clean("revisado con zutánez y Zutánez").text == "revisado con zutánez y [NAME]"


# --- masking twice ---------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("language", ["es", "ca", "fr", "en"])
def test_masking_twice_changes_nothing(language: str) -> None:
    for report in layouts(40, (language,), first=50_000):
        once = TAGS.clean(report.text).text
        assert TAGS.clean(once).text == once


@given(
    st.lists(
        st.sampled_from([*NOTE.split(), "[NAME]", "[INST]", "Hospital", "de", "\n", "C/", "28013", "a"]), max_size=30
    )
)
def test_masking_any_words_twice_changes_nothing(parts: list[str]) -> None:
    known = Known(("A^B", "Zz Aa"), ("0123",))
    once = TAGS.clean(" ".join(parts), known).text
    assert TAGS.clean(once, known).text == once


def test_tags_of_an_earlier_pass_stay_and_what_was_found_has_its_place() -> None:
    text = "Dr. [NAME] y Dra. Mengana Nunca, ingresa en [INST]"
    found = TAGS.clean(text)
    assert found.text == "Dr. [NAME] y Dra. [NAME], ingresa en [INST]"
    assert [text[span.start : span.end] for span in found.removed] == ["Mengana Nunca"]
