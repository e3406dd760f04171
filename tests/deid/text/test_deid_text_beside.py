"""What belongs to the name of a place, person or institution goes with it; so does whose child or spouse one is."""

import pytest

from mids.deid.keys import Key
from mids.deid.text.redact import RULES, Redactor

PLAIN = Redactor(recognisers=RULES)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("con residencia en EE. UU., acude", "con residencia en [LOC]., acude"),
        ("cercana a la Ciudad de Guatemala, acude", "cercana a la [LOC], acude"),
        ("Localidad: Bogotá.\nCP: 110151.\nCP: 28.", "Localidad: [LOC].\nCP: [NUM].\nCP: [NUM]."),
        ("C/ Nunca 5-5º izquierda 33012 Oviedo", "[DIR] [NUM] [LOC]"),
        ("Av. de los Nadies 22, portal F, 1ºA 28042 Madrid", "[DIR] [NUM] [LOC]"),
        ("Médico: M.a Mengana Nunca Nadie NºCol: 29", "Médico: [NAME] NºCol: 29"),
        ("Apellidos: Fulánez Masa.\nEdad: 40", "Apellidos: [NAME].\nEdad: 40"),
        ("clasificación de la Sociedad Inventada para el Estudio de Nadie] y", "clasificación de la [INST]] y"),
        ("Asociación para Evitar la Nada en Nunca. Sin derrame.", "[INST]. Sin derrame."),
        ("en el Hospital La Nada-Sin neumotórax", "en el [INST]-Sin neumotórax"),
        ("a la edad de 18 años (1938). Sin", "a la edad de 18 años ([FECHA]). Sin"),
        ("Cirugía c/Santa Nunca, 22 31200 Estella", "Cirugía [DIR] [LOC]"),
        ("medias (Zutánez et al. 1993, y", "medias (Zutánez et al. [FECHA], y"),
        ("Localidad: Nuncalandia.\nVive en casa, en Nuncalandia.", "Localidad: [LOC].\nVive en casa, en [LOC]."),
    ],
)
def test_what_belongs_to_a_place_person_or_institution_goes_with_it(text: str, expected: str) -> None:
    assert PLAIN.clean(text).text == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Paciente de 42 años, casada, con tos.", "Paciente de 42 años, [LOC], con tos."),
        ("Es la mayor de tres hermanos.", "Es [LOC]."),
        ("el menor de una familia de 8 hermanos", "[LOC]"),
        ("Se trata de un hijo único, sin fiebre", "Se trata de un [LOC], sin fiebre"),
        ("cadette d'une fratrie de trois, toux", "[LOC], toux"),
        ("the youngest of five siblings, cough", "the [LOC], cough"),
    ],
)
def test_of_whom_married_and_which_of_how_many_children(text: str, expected: str) -> None:
    assert PLAIN.clean(text).text == expected
    assert Redactor("surrogates", RULES, Key(b"k" * 32)).clean(text).text == expected  # no town stands for a family


@pytest.mark.parametrize(
    "text",
    [
        "lesión mayor de 2 cm", "la menor de las adenopatías", "fragmento separado, nódulo menor de tres milímetros",
        "primer hallazgo", "portal F", "derrame (1500)", "Sociedad", "Masa Pulmonar izquierda",
    ],
)  # fmt: skip
def test_measures_and_findings_stay(text: str) -> None:
    assert PLAIN.clean(text).text == text
