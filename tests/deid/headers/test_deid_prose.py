"""Comments and histories in headers: ordinary clinical words, measures and tags stay, a mark stands for the rest."""

import pytest
from deid_datasets import clean_dataset, ct
from hypothesis import given
from hypothesis import strategies as st
from test_deid_descriptors import NAMES

from mids.deid.headers.prose import MARK, clean_prose


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Sin derrame pleural ni neumotórax.", "Sin derrame pleural ni neumotórax."),
        ("No change of the pneumothorax", "No change of the pneumothorax"),
        ("Pas d'épanchement. Nodule de 12 mm.", "Pas d'épanchement. Nodule de 12 mm."),
        ("Sense consolidacions. Peso 71 kg, talla 163 cm", "Sense consolidacions. Peso 71 kg, talla 163 cm"),
        ("Fractura de Colles, signo de Chilaiditi", "Fractura de Colles, signo de Chilaiditi"),
        ("Dolor; lo ve Xyzzyx mañana", f"Dolor; lo ve {MARK} mañana"),
        ("Disnea, avisar a [NAME] el [FECHA]", f"Disnea, {MARK} a [NAME] el [FECHA]"),
        ("Fiebre desde 2020-03-17 12:30", f"Fiebre desde {MARK}"),
        ("Fiebre. Habitación 312", f"Fiebre. {MARK}"),
        ("Tos_Zubizarreta", f"Tos{MARK}"),
        ("12345678Z", ""),
        ("de la", ""),
        ("", ""),
    ],
)
def test_ordinary_words_stay_and_a_mark_stands_for_others(text: str, kept: str) -> None:
    assert clean_prose(text) == kept


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"Izquierdo", "Recto", "Petit"}))
def test_common_names_do_not_stay(name: str) -> None:
    assert name not in clean_prose(f"Dolor torácico {name}")


@pytest.mark.parametrize(
    "cue", ["niega", "no se identifica", "descarta", "ausencia de", "denies", "aucun", "tampoc", "sin"]
)
def test_what_denies_a_finding_stays(cue: str) -> None:
    assert clean_prose(f"Xyzzyx {cue} neumotórax") == f"{MARK} {cue} neumotórax"


@given(st.text(max_size=60))
def test_cleaning_prose_twice_changes_nothing_more(text: str) -> None:
    assert clean_prose(clean_prose(text)) == clean_prose(text)


@given(st.integers(min_value=1000))
def test_no_long_number_stays_in_prose(number: int) -> None:
    assert str(number) not in clean_prose(f"Dolor {number} cm")


def test_comments_keep_their_findings_with_the_negation() -> None:
    comment = "Sin neumotórax. Garcia, repetida por movimiento. 12 mm."
    old = ct(SpecificCharacterSet="ISO_IR 100", ImageComments=comment)
    old.AdmittingDiagnosesDescription = "Masa hiliar, Garcia"
    new = clean_dataset(old, "clean_descriptors").dataset
    assert new.ImageComments == f"Sin neumotórax. {MARK}, repetida por movimiento. 12 mm."
    assert new.AdmittingDiagnosesDescription == f"Masa hiliar, {MARK}"
