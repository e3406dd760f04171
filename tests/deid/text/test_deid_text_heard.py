"""What was dictated, read by a machine or written in a hurry: numbers in words, letters for digits, small letters."""

from datetime import date

import pytest

from mids.deid.known.known import Known
from mids.deid.text.dates import move_date
from mids.deid.text.redact import Redactor

BARE, TAGS = Redactor(recognisers=()), Redactor()
ONE = Known(
    ("Arrizabala Toral^Mikel",), ("2045118",), (date(1962, 7, 24),), ("Saint Bride Hospital",),
    institutions=("Saint Bride Hospital",),
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "gone", "kept"),
    [
        ("historia dos cero cuatro cinco uno uno ocho, con fiebre", "cuatro cinco", "con fiebre"),
        ("dossier deux zéro quatre cinq un un huit, scanner normal", "quatre cinq", "scanner normal"),
        ("number two oh four five double one eight. no fracture", "four five", "no fracture"),
        ("història dos zero quatre cinc u u vuit coma sense vessament", "quatre cinc", "coma sense vessament"),
        ("teléfono seis cinco cinco doce treinta y cuatro", "treinta", "teléfono"),
        ("grado dos, tres nódulos de uno a cuatro cm", "", "grado dos, tres nódulos de uno a cuatro cm"),
        ("llit C-12, estable", "C-12", "estable"),
        ("Moved to bed D7 overnight", "D7", "overnight"),
        ("seen on 3rd Nov with cough", "3rd Nov", "with cough"),
        ("Fecha: l2.O3.2O19 TC craneal", "2O19", "TC craneal"),
        ("le 14 févr1er 2021, scanner", "2021", "scanner"),
        ("el 3l de enero de 2O22, eco", "3l", "eco"),
        ("ratio 2.5/1.2 l/min, T1/T2", "", "ratio 2.5/1.2 l/min, T1/T2"),
        ("[21/05/23 08:10] Txema: rx hecha", "Txema", "rx hecha"),
        ("[08:10] Hallazgos: normal", "", "Hallazgos: normal"),
        ("su hija lucia la acompaña", "lucia", "su hija"),
        ("vue avec sa fille camille, tousse", "camille", "vue avec sa fille"),
    ],
)  # fmt: skip
def test_numbers_days_and_names_as_they_are_heard_and_read(text: str, gone: str, kept: str) -> None:
    cleaned = TAGS.clean(text).text
    assert kept in cleaned
    assert not gone or gone not in cleaned


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Historia 2O45ll8. TC normal", "Historia [NUM]. TC normal"),
        ("N hist: 2 O45 118", "N hist: [NUM]"),
        ("Nacido el 24/O7/l962 en casa", "Nacido el [FECHA] en casa"),
        ("seen saint bride today", "seen [INST] today"),
    ],
)
def test_what_the_header_knows_as_a_machine_read_it(text: str, expected: str) -> None:
    assert BARE.clean(text, ONE).text == expected


def test_a_day_with_letters_for_digits_is_not_moved() -> None:
    assert move_date("24/O7/l962", date(2020, 1, 8) - date(2020, 1, 1)) is None
