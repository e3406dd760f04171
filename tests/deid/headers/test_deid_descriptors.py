"""Descriptions of listed words only."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mids.deid.headers.descriptors import clean_description

SURNAMES = (
    "Garcia Rodriguez Gonzalez Fernandez Lopez Martinez Sanchez Perez Gomez Martin Jimenez Hernandez Ruiz Diaz "
    "Moreno Muñoz Alvarez Romero Gutierrez Alonso Navarro Torres Dominguez Ramos Vazquez Ramirez Gil Serrano "
    "Morales Molina Blanco Suarez Castro Ortega Delgado Ortiz Marin Rubio Nuñez Medina Sanz Castillo Iglesias "
    "Cortes Garrido Santos Guerrero Lozano Cano Cruz Mendez Flores Prieto Herrera Peña Leon Marquez Cabrera "
    "Gallego Calvo Vidal Campos Reyes Vega Fuentes Carrasco Diez Aguilar Caballero Nieto Santana Vargas Pascual "
    "Gimenez Herrero Hidalgo Montero Lorenzo Santiago Benitez Duran Ibañez Arias Mora Ferrer Carmona Vicente "
    "Rojas Soto Crespo Roman Pastor Velasco Parra Saez Moya Bravo Rivera Gallardo Smith Jones Brown Taylor "
    "Martin Bernard Dubois Petit Durand Leroy Moreau Izquierdo Rojo Lobo Bello Ciego Recto Angel "
).split()
NAMES = (
    "Garcia Rodriguez Gonzalez Fernandez Lopez Martinez Sanchez Perez Gomez Martin Jimenez Hernandez Ruiz Diaz "
    "Moreno Muñoz Alvarez Romero Gutierrez Alonso Navarro Torres Dominguez Ramos Vazquez Ramirez Gil Serrano "
    "Morales Molina Blanco Suarez Castro Ortega Delgado Ortiz Marin Rubio Nuñez Medina Sanz Castillo Iglesias "
    "Cortes Garrido Santos Guerrero Lozano Cano Cruz Mendez Flores Prieto Herrera Peña Leon Marquez Cabrera "
    "Gallego Calvo Vidal Campos Reyes Vega Fuentes Carrasco Diez Aguilar Caballero Nieto Santana Vargas Pascual "
    "Gimenez Herrero Hidalgo Montero Lorenzo Santiago Benitez Duran Ibañez Arias Mora Ferrer Carmona Vicente "
    "Rojas Soto Crespo Roman Pastor Velasco Parra Saez Moya Bravo Rivera Gallardo Smith Jones Brown Taylor "
    "Martin Bernard Dubois Petit Durand Leroy Moreau Izquierdo Rojo Lobo Bello Ciego Recto Angel "
).split()


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("TC TORAX SIN CIV 15/03/1954 García Pérez", "TC TORAX SIN CIV"),
        ("Thorax  1.25mm B70f", "Thorax 1.25mm B70f"),
        ("RX TÓRAX PA Y LAT HAB 312", "RX TÓRAX PA Y LAT"),
        ("t1_mprage_sag_p2_iso", "t1 mprage sag iso"),
        ("AXIAL 3 mm JUAN", "AXIAL 3 mm"),
        ("DWI b1000 ADC", "DWI b1000 ADC"),
        ("Radiographie du thorax de face", "Radiographie du thorax de face"),
        ("Ressonància crani amb contrast", "Ressonància crani amb contrast"),
        ("12345678Z", ""),
        ("SIP 1234567", ""),
        ("de la", ""),
        ("3mmGarcia", ""),
        ("", ""),
    ],
)
def test_only_listed_words_stay(text: str, kept: str) -> None:
    assert clean_description(text) == kept


@pytest.mark.parametrize("name", SURNAMES + NAMES)
def test_common_names_are_not_listed(name: str) -> None:
    assert clean_description(f"TC {name}") == "TC"


@given(st.text(max_size=40))
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    assert clean_description(clean_description(text)) == clean_description(text)


@given(st.integers(min_value=0, max_value=10**9))
def test_no_bare_number_stays(number: int) -> None:
    assert clean_description(f"TC {number}") == "TC"
