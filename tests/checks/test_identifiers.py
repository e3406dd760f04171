"""Numbers with check digits, addresses and names: examples of the authorities, and what must not be taken for them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mids.deid.text.numbers import is_dni, is_iranian, is_nir
from mids.inspection.identifiers import find_in_cells, find_in_entries, identify, identify_closely, is_private_column
from mids.readers.tables import tsv


def kinds(text: str) -> set[str]:
    return {kind for kind, _ in identify(text)}


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("12345678Z", "a Spanish DNI or NIE"),  # the example of the Spanish police
        ("DNI: 12345678-Z.", "a Spanish DNI or NIE"),
        ("X1234567L", "a Spanish DNI or NIE"),
        ("2 55 08 14 168 025 38", "a French NIR"),  # the example of INSEE
        ("255081416802538", "a French NIR"),
        ("078-05-1120", "a US social security number"),  # withdrawn: printed on sample cards
        ("national code: 0499370899", "an Iranian national code"),
        ("کد ملی 0499370899", "an Iranian national code"),
    ],
)
def test_national_numbers(text: str, what: str) -> None:
    assert ("national id", what) in identify(text)


@given(st.integers(0, 99_999_999))
def test_one_letter_fits_a_dni(number: int) -> None:
    assert sum(is_dni(f"{number:08}", letter) for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 1


@given(st.integers(1_000_000_000_000, 2_991_299_999_999), st.integers(0, 9))
def test_one_key_fits_a_nir(number: int, month: int) -> None:
    digits = f"{str(number)[:3]}0{month or 1}{str(number)[5:]}"
    assert sum(is_nir(digits, f"{key:02}") for key in range(100)) == 1


@given(st.integers(0, 999_999_999).filter(lambda number: len(set(f"{number:09}")) > 1))
def test_one_digit_fits_an_iranian_code(number: int) -> None:
    assert sum(is_iranian(f"{number:09}{digit}") for digit in range(10)) == 1


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("write to made.up@example.org", "e-mail"),
        ("+34 600 000 000", "phone"),
        ("tel: 963 000 000", "phone"),
        ("(555) 010-0000", "phone"),
        ("06 00 00 00 00", "phone"),
        ("Fdo.: Inventado", "person"),
        ("seen by Dra. Inventada", "person"),
        ("Paciente: Inventada Nadie", "person"),
        ("INVENTADA^NADIE", "person"),
        ("nacido el 3 de marzo de 1950", "birth date"),
        ("née le 03/03/1950", "birth date"),
        ("DOB: 1950-03-03", "birth date"),
        ("1.2.840.113619.2.55.3.2831164355.929", "uid"),
        ("2.25.329800735698586629295641978511506172918", "uid"),
    ],
)
def test_other_identifiers(text: str, kind: str) -> None:
    assert kind in kinds(text)


def test_the_maker_of_a_uid_is_told() -> None:
    assert identify("1.3.12.2.1107.5.2.30.25245.2007") == (("uid", "a UID of Siemens"),)
    assert identify("1.2.840.10008.5.1.4.1.1.2") == ()  # CT Image Storage
    assert identify("1.2.840.10008.20200317.77889911.1") == (("uid", "a UID"),)  # a vendor's misuse of the root


@pytest.mark.parametrize(
    "text",
    [
        "12345678A",  # the letter is another
        "C0205307",
        "sub-S03047",
        "LOINC 24627-2",
        "512 x 512 x 300",
        "1.2.840.10008.1.2.4.90",
        "1.2.840.10008.5.1.4.1.1.2",
        "0.0123456789012345",
        "255081416802539",
        "000-12-3456",
        "Kerley B lines and the circle of Willis",
        "ground glass pattern",
        "T1w 3.0.20260724",
        "mim-rx/sub-S0304712_ses-E0304712_run-1_bp-chest_vp-pa_dx.png",
        "0.1, 0.2, 0.35",
    ],
)
def test_what_is_none(text: str) -> None:
    assert kinds(text) == set()


def test_the_numbers_of_a_uid_are_no_national_number() -> None:
    assert kinds("1.2.276.0.7230010.255081416802538") == {"uid"}


def test_ten_digits_are_iranian_codes_only_where_all_of_a_column_are() -> None:
    def cells(*values: str) -> set[str]:
        rows = tsv.parse(("code\n" + "".join(f"{value}\n" for value in values)).encode())
        return {found.where for found in find_in_cells(rows, None)}

    assert cells("0499370899", "n/a") == {"row 2, column code"}
    assert cells("0499370899", "0499370898") == set()


def test_keys_that_are_identifiers_themselves_are_reported_once() -> None:
    assert find_in_entries([("$.PatientID", "PatientID", "12345678Z")]) == ()
    assert [found.where for found in find_in_entries([("$.Note", "Note", "12345678Z")])] == ["$.Note"]


@pytest.mark.parametrize(
    "name", ["patient_name", "Patient's Name (0010,0010)", "NHC", "fecha_nacimiento", "DNI", "dob", "participant_name"]
)
def test_private_columns(name: str) -> None:
    assert is_private_column(name)


@pytest.mark.parametrize("name", ["filename", "age", "site", "name_of_sequence", "label", "participant_id"])
def test_other_columns(name: str) -> None:
    assert not is_private_column(name)


PIECES = (
    "Fdo. Firmado por: Signed. by Juan García López 12 1987 3 de enero tel fax 612 34 56 78 +34 (91) 555-1234 a@x.es "
    "A^B 1.2.840.113619.2 2.25. 187122A12345678 12345678Z X1234567L 123-45-6789 کد ملی 0012345678 nacido el 3/4/1990 "
    "born DOB f.nac. Dr Dra. Prof Name Patient : Paciente sub-000001_ses-01 anat/ run-1 2020-01-02T10:00:00 , . - _ 0 a"
).split(" ")


@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=6), st.sampled_from([" ", "", "-", "."]))
def test_the_quick_look_at_a_text_misses_nothing(pieces: list[str], between: str) -> None:
    text = between.join(pieces)
    assert len(text) < 7 or identify(text) == identify_closely(text)
