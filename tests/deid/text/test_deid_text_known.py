"""What the study's own header tells: found in texts, file names and cells however it is written."""

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mids.deid.known.known import Known, names_in
from mids.deid.text.redact import Redactor
from mids.deid.text.words import fold_text

BARE = Redactor(recognisers=())
ONE = Known(
    ("Inventádez Núñez^María Fulana",), ("0012345", "AB-77 88", "2045118"), (date(1950, 3, 4),),
    ("Hospital de la Nada", "Saint Bride Hospital"), "S1", institutions=("Saint Bride Hospital",),
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("visto Inventádez hoy", "visto [NAME] hoy"),
        ("visto INVENTADEZ NUNEZ, FULANA hoy", "visto [NAME] hoy"),
        ("visto fulana inventadez hoy", "visto [NAME] hoy"),
        ("visto Inventadz hoy", "visto [NAME] hoy"),  # one letter missing
        ("visto Inventtádez hoy", "visto [NAME] hoy"),  # one too many
        ("visto Inbentádez hoy", "visto [NAME] hoy"),  # one wrong
        ("visto Núñez-Inventádez hoy", "visto [NAME] hoy"),
        ("id 12345, 00012345, 12-345", "id [NUM], [NUM], [NUM]"),
        ("id 123456, 91234", "id 123456, 91234"),
        ("id P2045118, xAB7788, AB77889", "id P[NUM], x[NUM], AB77889"),
        ("id P12345, 12345B, A123456", "id P[NUM], [NUM]B, A123456"),
        ("imagen K19500304, 19500304101112", "imagen K[FECHA], [FECHA]101112"),
        ("ab7788 y AB.77.88", "[NUM] y [NUM]"),
        ("4/3/50, 1950-03-04, 19500304, 04031950, 4 de marzo de 1950", "[FECHA], [FECHA], [FECHA], [FECHA], [FECHA]"),
        ("5/3/50", "5/3/50"),
        ("en HOSPITAL DE LA NADA", "en [INST]"),
        ("seen saint bride today", "seen [INST] today"),
        ("Historia 2O45ll8. TC normal", "Historia [NUM]. TC normal"),  # as a machine read it
        ("N hist: 2 O45 118", "N hist: [NUM]"),
        ("nacida el O4/O3/l95O en casa", "nacida el [FECHA] en casa"),
    ],
)
def test_known_identifiers_in_any_notation(text: str, expected: str) -> None:
    assert BARE.clean(text, ONE).text == expected


@pytest.mark.parametrize(
    "text",
    [
        "visto quevedo",
        "QUEVEDO",
        "Q U E V E D O",
        "q.u.e.v.e.d.o",
        "Quev3do",
        "QUEVED0",
        "Que vedo",
        "Quevedo's",
        "quevedozarzalejo",
        "Zarzalejo-Quevedo",
        "QuevedoZarzalejo",
        "Zarza-\nlejo",
        "Qeuvedo",
        "M.ª Quevedo",
        "P. M. Quevedo",
        "Quevedo, P. M.",
        "iniciales P.M.Q.Z.",
        "P. M. Q. Z.",
        "paciente P.M.Q.",
        "Strauss",
        "STRAUSS",
        "strauß",
        "Loewe",
        "Lowe",
        "Löwe",
        "LÖWE",
        "Gallosa",
        "GAL·LOSA",
        "Gal-losa",
    ],
)
def test_known_names_in_any_spelling(text: str) -> None:
    known = Known(("Quevedo Zarzalejo^Perfecta María", "Strauß^Löwe", "Gal·losa"))
    cleaned = fold_text(BARE.clean(f"hoy {text} igual", known).text)
    assert cleaned.startswith("hoy ")
    assert cleaned.endswith(" igual")
    assert re.fullmatch(r"hoy (?:(?:visto|iniciales|paciente) )?\[name\](?:'s)? igual", cleaned), cleaned


@pytest.mark.parametrize(
    "text", ["nódulo blanco", "calcificación en rosa de los vientos", "a. b. c.", "T.C. torácica", "p. ej. L. B."]
)
def test_ordinary_words_and_other_initials_stay(text: str) -> None:
    assert BARE.clean(text, Known(("BLANCO^ROSA", "Costa^Teresa"))).text == text


@pytest.mark.parametrize("text", ["sr. blanco", "paciente blanco", "dra rosa", "madame blanco", "Nombre: rosa"])
def test_an_ordinary_word_behind_a_title_is_the_known_name(text: str) -> None:
    assert "[NAME]" in BARE.clean(f"visto {text} hoy", Known(("BLANCO^ROSA",))).text


@pytest.mark.parametrize(
    "text", ["la fe", "HOSP. LA FE", "Ntra. Sra. del Rosell", "Quirón", "HOSPITAL_LA_FE_3", "hospital  la-fe"]
)
def test_institutions_however_they_are_written(text: str) -> None:
    known = Known(
        places=(
            "Hospital Universitario La Fé",
            "Clínica Quirón",
            "Hospital Nuestra Señora del Rosell",
            "Hospital General",
        )
    )
    found = BARE.clean(f"en {text} hoy. Hospital general de día.", known).text
    assert not re.search("(?i)la[ _-]fe|quir|rosell", found)
    assert found.endswith("hoy. Hospital general de día.") or "[INST] de día" in found


def test_an_ordinary_word_is_a_name_only_as_one() -> None:
    known = Known(("BLANCO^ROSA",))
    assert BARE.clean("nódulo en la sangre blanco", Known(("SANGRE^FULANA",))).text == "nódulo en la sangre blanco"
    assert BARE.clean("Visto Sangre hoy", Known(("SANGRE^FULANA",))).text == "Visto [NAME] hoy"
    assert "Blanco" not in BARE.clean("Rosa Blanco", known).text


def test_short_ids_are_not_searched() -> None:
    assert BARE.clean("nódulo de 12 mm", Known(ids=("12", "012"))).text == "nódulo de 12 mm"


@given(st.permutations(["maria", "fulana", "inventadez", "nunez"]), st.sampled_from([str.upper, str.title, str.lower]))
def test_parts_in_any_order_and_case(parts: list[str], case: object) -> None:
    assert callable(case)
    assert BARE.clean(f"hoy {case(' '.join(parts))}.", ONE).text == "hoy [NAME]."


@given(st.integers(1_000, 99_999_999), st.integers(0, 6), st.sampled_from(" .-/"))
def test_ids_with_zeros_and_separators(number: int, zeros: int, separator: str) -> None:
    text = separator.join(str(number))
    assert BARE.clean(f"n {text} x", Known(ids=("0" * zeros + str(number),))).text == "n [NUM] x"


@pytest.mark.parametrize(
    "text",
    ["Inventadez_Fulana_ct.dcm", "export/INVENTADEZ/1.dcm", "FulanaInventadez.dcm", "rx-12345.png", "ct_0012345_2.dcm",
     "mariainventadeznunez.zip", "nac19500304.txt", "maria fulana"],
)  # fmt: skip
def test_names_in_file_names(text: str) -> None:
    assert names_in(text, ONE)


@pytest.mark.parametrize("text", ["IM000001.dcm", "series_2/123456.dcm", "torax_pa.png", "maria.dcm"[5:], "", "n/a"])
def test_no_names_in_file_names(text: str) -> None:
    assert not names_in(text, ONE)


def test_what_is_known_is_never_shown() -> None:
    assert "nvent" not in repr(ONE)
    assert "12345" not in str(ONE)


@pytest.mark.parametrize(
    ("name", "text", "left"),
    [
        ("LE GOFFIC^MAELYS", "patiente LEGOFFIC", "patiente [NAME]"),
        ("BEN YOUSSEF^SALMA", "demandeur S. BEN YOUSSEF, lu", "demandeur [NAME], lu"),
        ("O'SHAUGHNESSY-BROWN^TAMSIN", "pt T.O.B. fell", "pt [NAME] fell"),
        ("LE GOFFIC^MAELYS", "vue: M. L. G. ce jour", "vue: [NAME] ce jour"),
        ("MÜLLER-GROß^JÖRG", "muller gross jorg dolor", "[NAME] dolor"),
    ],
)
def test_known_names_with_particles_and_hyphens(name: str, text: str, left: str) -> None:
    assert BARE.clean(text, Known((name,))).text == left


def test_a_known_institution_in_small_letters_keeps_one_of_its_heads() -> None:
    known = Known(places=("Fundació Hospital d'Olot", "Hospital General"))
    assert BARE.clean("visitada a l'hospital d'olot per dolor", known).text == "visitada a l'[INST] per dolor"
    assert BARE.clean("un hospital general", known).text in ("un [INST]", "un hospital general")


def test_the_digits_of_an_id_of_letters_are_searched() -> None:
    known = Known(ids=("HG-0045871", "AB-1234"))
    assert BARE.clean("nhc 45871, nodulo de 1234 mm3", known).text == "nhc [NUM], nodulo de 1234 mm3"
    assert BARE.clean("ver 0045871.", known).text == "ver [NUM]."


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("No^Jae", "No effusion. Seen by Jae. No mass.", "No effusion. Seen by [NAME]. No mass."),
        ("No^Jae", "Mr No came; Jae No agrees.", "Mr [NAME] came; [NAME] agrees."),
        ("Sin^Mei", "Paciente: Sin derrame. SIN MASAS. Dra. Sin", "Paciente: Sin derrame. SIN MASAS. Dra. [NAME]"),
        (
            "Masa^Rosa",
            "Masa de 12 mm. MASA DE 3 CM. Avisada Rosa Masa.",
            "Masa de 12 mm. MASA DE 3 CM. Avisada [NAME].",
        ),
        ("Derrane^Aldo", "No hay derrame. Derrame. Visto Derrane.", "No hay derrame. Derrame. Visto [NAME]."),
        ("van der Meer^Tom", "visto tom van der meer hoy", "visto [NAME] hoy"),
        ("de la Fuente^Sol", "nota de sol de la fuente: sale el sol", "nota de [NAME]: sale el sol"),
    ],
)
def test_what_says_the_state_is_a_name_beside_another_part_alone(name: str, text: str, expected: str) -> None:
    """A negation that goes with a surname turns a label round."""
    assert BARE.clean(text, Known((name,))).text == expected
