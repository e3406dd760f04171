"""What was dictated, read by a machine or written in a hurry: numbers in words, letters for digits, small letters."""

from datetime import date

import pytest

from mids.deid.text.dates import move_date
from mids.deid.text.redact import Redactor

TAGS = Redactor()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("historia dos cero cuatro cinco uno uno ocho, con fiebre", "historia [NUM], con fiebre"),
        ("dossier deux zéro quatre cinq un un huit, scanner normal", "dossier [NUM], scanner normal"),
        ("number two oh four five double one eight. no fracture", "number [NUM]. no fracture"),
        ("number double two double three double four. no fracture", "number [NUM]. no fracture"),
        ("number two o four five one today", "number [NUM] today"),
        ("història dos zero quatre cinc u u vuit coma sense vessament", "història [NUM] coma sense vessament"),
        ("història dos zero quatre cinc u vuit", "història [NUM]"),
        ("teléfono seis cinco cinco doce treinta y cuatro", "teléfono [NUM]"),
        ("historia treinta y cinco y cuarenta y dos y once, con fiebre", "historia [NUM], con fiebre"),
        ("telèfon sis-cinc-dos-quatre-u, avui", "telèfon [NUM], avui"),
        ("llit C-12, estable", "llit [NUM], estable"),
        ("Moved to bed D7 overnight", "Moved to bed [NUM] overnight"),
        ("seen on 3rd Nov with cough", "seen on [FECHA] with cough"),
        ("Fecha: l2.O3.2O19 TC craneal", "Fecha: [FECHA] TC craneal"),
        ("le 14 févr1er 2021, scanner", "le [FECHA], scanner"),
        ("el 3l de enero de 2O22, eco", "el [FECHA], eco"),
        ("[21/05/23 08:10] Txema: rx hecha", "[[FECHA] 08:10] [NAME]: rx hecha"),
        ("su hija lucia la acompaña", "su hija [NAME] la acompaña"),
        ("vue avec sa fille camille, tousse", "vue avec sa fille [NAME], tousse"),
    ],
)  # fmt: skip
def test_numbers_days_and_names_as_they_are_heard_and_read(text: str, expected: str) -> None:
    assert TAGS.clean(text).text == expected


@pytest.mark.parametrize(
    "text",
    [
        "grado dos, tres nódulos de uno a cuatro cm",
        "una o dos o tres lesiones",
        "siete u ocho o nueve nódulos",
        "entre treinta y cinco y cuarenta y dos mm",
        "dos y tres y cuatro y cinco lesiones",
        "double two three",
        "ratio 2.5/1.2 l/min, T1/T2",
        "[08:10] Hallazgos: normal",
    ],
)
def test_counts_measures_and_times_stay(text: str) -> None:
    assert TAGS.clean(text).text == text


def test_a_day_with_letters_for_digits_is_not_moved() -> None:
    assert move_date("24/O7/l962", date(2020, 1, 8) - date(2020, 1, 1)) is None
