"""Numbers and days in texts however they are written, with a wrong check letter or in words."""

import re
from datetime import timedelta

import pytest

from mids.deid.known.known import Known
from mids.deid.text.dates import move_date
from mids.deid.text.redact import Redactor
from mids.deid.text.rules import Rules

TAGS = Redactor()


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("DNI 12345678A", "12345678A"), ("Paciente 12345678A visto", "12345678"), ("NIE X1234567A", "1234567"),
        ("NIR;2 55 08 14 168 025 99", "99"), ("NHS number: 111 222 3333", "3333"), ("ring 07700 900000", "900000"),
        ("H. clínica 1.234.567", "1.234.567"), ("SIP 1.234.567", "567"), ("colegiado 12.345", "12.345"),
        ("Habitación 999-B", "999-B"), ("control 02.II.2020", "II"), ("ver III/2013", "III"), ("el 11 nov", "11 nov"),
        ("le trois mars vingt-neuf", "trois"), ("22 de octubre de dos mil diecinueve", "diecinueve"),
        ("el uno de mayo de 2019", "uno"), ("septiembre del 21", "21"), ("the third of March 2019", "third"),
        ("en el hospital general de castellón", "castell"), ("| Radiólogo | Fulana Nadie |", "Nadie"),
        ("la enfermera Zutana", "Zutana"), ("|DNI|18934567-X|", "X"), ("Nº SS: 46/1234567812", "46"),
        ("Tlf: +34 96 123 45 67/600.11.22.33", "600"), ("CIP: CARO 9 881130 00 4", "00 4"),
        ("TIS BBBB570309SL", "BBBB"), ("14 Nil Close, Nowhere, SK17 6QT", "6QT"),
        ("Calle Nula^^Nada^^12500|1", "12500"),
        ("desde hace dos martes", "martes"), ("fell on Sat 22nd", "22nd"), ("ingresada el día 3, con", "3"),
        ('{"nhc": "4512-A", "mrn":"A-4512"}', "4512"), ("{'nhc':'AB4512'}", "AB4512"), ("<nhc>4512-A</nhc>", "4512"),
        ('"numeroHistoria":"4512-A"', "4512"), ("<patientId>45123-B</patientId>", "45123"),
        ("acct 55-1234-99", "1234"), ("Dra. Nadie (46/12.345)", "12.345"), ("edad 93 años", "93"), ("Edad: 97", "97"),
        ("en la clinique des cèdres", "cèdres"), ("por el doctor nunca y la doctora nadie, sin", "nadie"),
        ("vue par le docteur guillaumin, pas", "guillaumin"), ("seen by doctor nadie, no", "nadie"),
        ("vist pel doctor vilardell", "vilardell"),
    ],
)  # fmt: skip
def test_numbers_and_days_in_any_notation(text: str, gone: str) -> None:
    assert gone not in TAGS.clean(text).text


@pytest.mark.parametrize(
    "text",
    [
        "nódulo de 12 mm en LSD", "edad 63 años", "TA 46/12", "IPA 90 años-paquete",
        "segmentos III y IV", "factor V de Leiden", "grado II/IV", "TSH 1.2 mU",
        "dos nódulos", "tres de marcada densidad", "T4 N2 M0", "L4-L5", "BI-RADS 4", "sis nòduls", "one may see a line",
        "sat 96, FC 80", "el día 3 de vida", "segmentos S5, L4 5th", "hace dos meses", "FE 45/600 ml",
    ],
)  # fmt: skip
def test_measures_and_grades_are_no_days(text: str) -> None:
    assert TAGS.clean(text).text == text


def test_a_day_with_a_roman_month_is_moved_in_its_notation() -> None:
    assert move_date("02.II.2020", timedelta(days=30)) == "03.III.2020"


@pytest.mark.parametrize(
    "text", ["NADIE F.", "F. Nadie", "nadieoehler", "Oehler", "oehler nadie", "Öhler, Fulana", "FULANAÖHLER"]
)
def test_known_names_joined_with_initials_and_umlauts_spelt_out(text: str) -> None:
    known = Known(("Nadie Öhler^Fulana^^Dr",))
    assert Redactor(recognisers=()).clean(f"visto {text} hoy", known).text in (
        "visto [NAME] hoy",
        "visto [NAME], [NAME] hoy",
    )


@pytest.mark.parametrize(
    "text",
    [
        "Responsable clínico: Dr. Silvino Gil Barbón. Acacias, 30. 33423 Soto de Llanera.",
        "Hospital Costa del Sol. A7, km. 187. 29602 Marbella.",
        "Dra. Nerea Izco Ruiz. C/ Hnos. Falcó, 37 E-02006 Albacete",
        "Fernando Ugarriza. c/ Castillo de Rena 43. Puerta 2. 6006 Badajoz.",
    ],
)
def test_numbers_between_the_parts_of_an_address_go_with_it(text: str) -> None:
    cleaned = Redactor().clean(text).text
    assert not re.search(r"\d", cleaned), cleaned


@pytest.mark.parametrize(
    "text", ["Dr. Gil, nódulo de 12 mm. Ver TC del 3/4/2020", "Hospital de Alcoy: 3 nódulos en Alcoy"]
)
def test_numbers_of_findings_between_names_stay(text: str) -> None:
    cleaned = Redactor().clean(text).text
    assert "nódulo" in cleaned
    assert re.search(r"\d", cleaned)


def test_postal_codes_of_letters_and_digits_go_behind_their_word() -> None:
    assert Redactor().clean("Rosario. CP: S2000.").text.endswith("CP: [NUM].")


@pytest.mark.parametrize(
    "text",
    [
        "N° 1 8 5 7 4 6 9 1 3 0 8 3 3 7 9",
        "1 60 04 25 311 114 26",
        "Date de naissance 21|05|1956",
        "résecté en 07 2002 pour papillome",
        "Prélever le Sept 01,2026",
        "rendez-vous fixé le 23avr",
    ],
)
def test_numbers_and_days_of_forms_go(text: str) -> None:
    assert not re.search(r"\d", TAGS.clean(text).text)


@pytest.mark.parametrize("text", ["Niveles L4 L5 S1 conservados", "1 2 3 nódulos", "nódulo de 2 3 mm", "grado 2 de 4"])
def test_few_digits_apart_stay(text: str) -> None:
    assert TAGS.clean(text).text == text


MESSAGE = """MSH|^~\\&|RIS|NULLHOSP|PACS|DESTHOSP|20200304101500||ORU^R01|Q77|P|2.5
PID|1|A9|NIL7||NADIE NUNCA^ZUTANA^^^MRS||19510203|F|||3 NIL STREET^^NOWHERE||555x12
PV1|1|O|WARD9||||QX^HOUSE
OBX|1|TX|CHEST||No pneumothorax. Heart size normal.||||||F"""


def test_fields_of_hl7_messages_go_and_findings_stay() -> None:
    found = Redactor(recognisers=(Rules(),)).clean(MESSAGE.replace("\\\\", "\\")).text
    gone = "NULLHOSP DESTHOSP 20200304 Q77 A9 NIL7 NADIE ZUTANA 1951 STREET NOWHERE 555 WARD9 QX".split()
    assert [word for word in gone if word in found] == []
    assert found.splitlines()[3] == MESSAGE.splitlines()[3]
    assert found.startswith("MSH|^~\\&|RIS|[INST]|PACS|[INST]|")
