"""What docs/deidentify-text.md says beside its table of classes."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from mids.deid.known.known import Known
from mids.deid.text.redact import RECOGNISERS, Redactor
from mids.deid.text.spans import Kind, Span

TAGS = Redactor()


@dataclass(frozen=True, slots=True)
class Everything:
    """A recogniser of another package, which takes a whole text for one thing."""

    kind: Kind

    def find(self, text: str) -> Iterator[Span]:
        if text:
            yield Span(0, len(text), self.kind, "other")


def test_days_that_only_their_neighbours_date_go() -> None:
    assert TAGS.clean("Ingresa el 12/03/2020; alta el martes 17.").text == "Ingresa el [FECHA]; alta el [FECHA]."


def test_months_without_a_year_go_behind_their_word() -> None:
    assert TAGS.clean("Operado en marzo, sin incidencias.").text == "Operado en [FECHA], sin incidencias."


def test_short_texts_are_searched_by_the_rules_alone() -> None:
    text = "Hola Zoraida, la placa de Quiñonero"
    assert "Quiñonero" not in TAGS.clean(text).text
    assert "Quiñonero" in TAGS.clean_label(text)
    assert TAGS.clean_label("Dra. Zutánez") == "Dra. [NAME]"


@pytest.mark.parametrize("kind", ["CAB", "NAME"])
def test_another_recogniser_adds_to_the_rules_and_uncovers_nothing(kind: Kind) -> None:
    text = "Paciente: Fulana Nadie\nDNI 12345678Z, sin derrame"
    cleaned = Redactor(recognisers=(*RECOGNISERS, Everything(kind))).clean(text).text
    assert not {"Fulana", "Nadie", "12345678Z"} & set(cleaned.replace(",", " ").split())


def test_what_the_header_holds_word_for_word_goes_in_any_case() -> None:
    known = Known(places=("Clínica Sin Derrame",))
    assert TAGS.clean("Clínica Sin Derrame. Sin derrame.", known).text == "[INST]. Sin derrame."


def test_a_department_names_nobody_but_in_the_head_of_a_letter() -> None:
    assert TAGS.clean("visto en el Servicio de Radiología.").text == "visto en el Servicio de Radiología."
    assert "Radiología" not in TAGS.clean("Servicio de Radiología\n\nTórax normal.").text


def test_a_heading_stays() -> None:
    assert TAGS.clean("Conclusión: normal.").text == "Conclusión: normal."
