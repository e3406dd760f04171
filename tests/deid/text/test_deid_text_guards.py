"""Meaning survives: what reports say of the patient's state is the same with identifiers and after their removal."""

import random
import re
from itertools import cycle

import pytest

from example_datasets.generators.reports import report
from mids.deid.known.known import Known
from mids.deid.text.redact import Redactor
from mids.labelling.labeller import label, lexicon

TAGS = Redactor()

FOLLOWED = (
    "Hospital La Nada.", "HOSPITAL LA NADA.", "Procede del Hospital General de Ningunaparte.", "Clínica Inventada.",
    "Valorado en el Centro de Salud de Nunca.", "Hosp. Sta. Nada de Nunca.", "Remitida del C.S. Nunca.",
    "Natural de Ningunaparte.", "Vive en C/ Falsa, 123, 2º B.", "Dra. Inventada Nadie.", "Firmado: Zutana Nadie.",
    "Transferred from Nowhere General Hospital.", "Hôpital Nulle Part.", "Hospital 12 de Nunca.",
)  # fmt: skip
SAID = (
    "Sin neumotórax.", "No se aprecia derrame pleural.", "Ningún signo de neumonía.", "Niega disnea.",
    "No pneumothorax.", "Sense vessament.", "Pas d'épanchement.", "Nódulo de 12 mm.", "Líneas B de Kerley.",
    "Signo de Chilaiditi.", "Masa de 3,5 x 4 cm.", "Cardiomegalia.",
)  # fmt: skip


@pytest.mark.parametrize("first", FOLLOWED)
@pytest.mark.parametrize("said", SAID)
def test_a_removed_span_takes_nothing_of_the_next_sentence(first: str, said: str) -> None:
    cleaned = TAGS.clean(f"{first} {said}").text
    assert cleaned.endswith(said)
    assert not {"Nada", "NADA", "Nunca", "Nadie"} & set(re.findall(r"\w+", cleaned))


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("HOSPITAL LA NADA SIN NEUMOTORAX", "SIN NEUMOTORAX"),
        ("hospital de la nada. sin neumotórax", "sin neumotórax"),
        ("Hospital La Nada - Neumotórax izquierdo", "Neumotórax izquierdo"),
        ("nódulo de 12.10.20 mm", "12.10.20 mm"),
        ("Paciente: Neumonía bilateral", "Neumonía bilateral"),
    ],
)
def test_negations_findings_and_measures_are_in_no_span(text: str, kept: str) -> None:
    assert kept in TAGS.clean(text).text


@pytest.mark.parametrize(
    "text",
    [
        "Índice de Pearl.", "Arco de Riolano.", "Sin hallazgos. Triángulo de Calot.",
        "Artefacto por prótesis de Harrington.",
        "Clips de Yasargil.", "Tubo de Guedel.", "Prótesis Starr-Edwards normofuncionante.", "Couinaud segment VII.",
        "Hounsfield units -20 HU, Couinaud segment VII.", "Arc de Riolan perméable.",
        "Stent ureteral doble J. Anillo de Schatzki. Índice de Haller 3,2.", "Maladie de Crohn, signe de Golden.",
        "enf. de Castleman, sx de Loeffler", "grid Bucky", "examen clinique des articulations",
        "El doctor piensa que mejora.", "par le docteur traitant", "con el doctor encargado", "Sd. de Lynch",
        "comentado con el doctor hoy",
    ],
)  # fmt: skip
def test_what_is_called_after_somebody_stays(text: str) -> None:
    assert TAGS.clean(text).text == text


@pytest.mark.parametrize("text", ["Quiste. Dra. Zutana Nadie", "Fractura de Carmen García", "hernia. Sr. Nunca Nadie"])
def test_a_person_behind_a_finding_goes(text: str) -> None:
    assert not {"Nadie", "García", "Carmen"} & set(re.findall(r"\w+", TAGS.clean(text).text))


def test_tissues_stay_whatever_the_colour_of_the_doctors_name() -> None:
    known = Known(("BROWN^TAMSIN", "WHITE^GRAHAM"))
    text = "White matter normal. Brown tumour not excluded."
    assert TAGS.clean(text, known).text == text
    assert TAGS.clean("Seen by White, Brown.", known).text == "Seen by [NAME]."
    known = Known(("BLANCA GRIS^PILAR", "BLANCHE^ANNE", "BLANC^PAU"))
    text = "Sustancia blanca y sustancia gris normales. Substance blanche normale. Substància blanca normal."
    assert TAGS.clean(text, known).text == text
    assert TAGS.clean("Vista por Blanca.", known).text == "Vista por [NAME]."


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("Hosp. Clínico de Nunca, igual", "Nunca"),
        ("Instituto del Cáncer de Nunca", "Nunca"),
        ("Dra. Masa Nadie", "Nadie"),
    ],
)
def test_abbreviations_and_names_that_look_like_findings_go_whole(text: str, gone: str) -> None:
    assert gone not in TAGS.clean(text).text


def test_labels_are_the_same_with_and_without_identifiers() -> None:
    """Of generated reports: an identifier stands before each of their sentences, and goes."""
    words, planted, draw = lexicon(), cycle(FOLLOWED), random.Random(14)
    for _ in range(150):
        said = [sentence.text for sentence in report(draw)]
        cleaned = TAGS.clean(" ".join(f"{next(planted)} {text}." for text in said)).text
        assert [found.labels for text in said for found in label(text, words) if found.labels] == [
            found.labels for found in label(cleaned, words) if found.labels
        ]


def test_a_finding_at_the_head_of_a_sentence_is_no_institution_and_a_film_is_somebodys() -> None:
    """What `benchmarks.labels_kept` and `benchmarks.answer_key` showed."""
    text = "Procede de Ambulatorio de San Gail. Cifosis retrocardiaca dudosa."
    assert TAGS.clean(text).text == "Procede de [INST]. Cifosis retrocardiaca dudosa."
    text = "Historia 7264016 de Clínica San Nadie. Control anual."
    assert TAGS.clean(text).text == "Historia [NUM] de [INST]. Control anual."
    assert TAGS.clean("Hola, ¿puedes mirar la placa de Hickman? Gracias").text.endswith("la placa de [NAME]? Gracias")
    assert TAGS.clean("Catéter de Hickman normoposicionado.").text == "Catéter de Hickman normoposicionado."


@pytest.mark.parametrize(
    "text",
    [
        "Toma Ramipril cada 8 h",
        "Allergie à Doliprane.",
        "Ordonnance\nApixaban\nKardegic",
        "Started on Pembrolizumab.",
        "Al·lèrgia a Enantyum.",
        "Allergic to Gadovist.",
        "PERLS positif",
        "Braden 18. Norton 14.",
        "Killip II",
        "Hoehn-Yahr III, Barthel: 60",
        "Charlson 4, Rankin 2",
        "Fractura de L1 Magerl A3",
        "EF: Phalen positivo. Thomas negativo bilateral.",
        "Kibler positivo. Yocum negativo, O'Brien positivo",
        "NIHSS 9. Oswestry 28 %. T-score -1,8.",
        "Ann Arbor III, Lugano II, Lille 0,3",
        "Spetzler-Martin III. Montreal A2L3B1.",
        "SUVmax 6,7. TAPSE 19 mm. MAPSE: 12 mm.",
        "Ganglio de Sappey de 9 mm.",
        "Wilson score 3",
        "Abdomen blando, Murphy -, Blumberg -.",
        "Katz A, Los Angeles B, Evans II, Denis B2",
        "Patrick negativo. Harris 85.",
    ],
)
def test_medicines_contrast_media_stains_and_scales_are_no_names(text: str) -> None:
    assert TAGS.clean(text).text == text


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Dr. Norton Ramsay", "Norton Ramsay"),
        ("El paciente Killian Norton acude", "Killian Norton"),
        ("Signed: Fiona Rankin", "Fiona Rankin"),
        ("Vive en Lille 59000", "Lille"),
        ("Dr. Thomas. Positivo.", "Thomas"),
        ("Carmen positiva.", "Carmen"),
        ("La paciente Eva 45 años", "Eva"),
        ("Thomas, Patrick 45 ans", "Thomas Patrick"),
        ("Visto por Denis 23-10-2020", "Denis"),
        ("Wilson A. García acude por tos.", "Wilson García"),
        ("Avisado Thomas E. Norton por teléfono", "Thomas Norton"),
        ("Llamar a Patrick a las 10", "Patrick"),
        ("Parlat amb Denis i Joan", "Denis Joan"),
        ("Wilson - TC normal", "Wilson"),
        ("Hablado con Wilson - pendiente", "Wilson"),
        ("Clark V. Sanders ingresa", "Clark Sanders"),
        ("Raymond B Watson", "Raymond Watson"),
    ],
)
def test_people_called_as_scales_are_still_people(text: str, names: str) -> None:
    assert set(names.split()).isdisjoint(re.findall(r"\w+", TAGS.clean(text).text))


def test_what_is_left_of_a_town_is_no_device() -> None:
    """A "Port" of Port-La Nouvelle is no port of a catheter."""
    text = (
        "Sin cambios respecto a estudio previo. Avisada la Dra. Sales a las 12:30.\nSe observa una neumonía. Correo: "
        "axenia.nadie@example.org. Port-La Nouvelle, 21 de MARZO del 2022\nHablado con Émile (996 841 626).\n"
    )
    found = [name for said in label(TAGS.clean(text).text, lexicon()) for name in said.labels]
    assert found == ["unchanged", "pneumonia"]
    assert "real" not in TAGS.clean("INFORME - Hospital / Vila-real\nPaciente: x").text
