"""Screens, dose pages and reports are known by their descriptions in seven languages; acquisitions are none."""

import pytest

from mids.deid.burned.evidence import decide_by_header
from mids.deid.burned.pages import name_page
from mids.deid.policy import Policy

SCREENS = """
Screen Save|Screenshot|Captura|CAPTURA DE PANTALLA|Pantallazo 2|Pantalla guardada|Capturas de pantalla|
Imatge desada|Capture d'écran|Copie d’écran|Ecran 1|Captura de tela|Ecrã guardado|Tela salva|Schermata|
Cattura schermo|Bildschirmfoto|Bildschirmkopie|captura_pantalla|SCREENCAP|Impressão de tela|Imagem da tela
"""
DOSE = """
Dose Report|Informe de dosis|Hoja de dosis|HOJA_DOSIS|Resumen de la dosis|Informe dosimétrico|
Registro de dosis de radiación|Dosis|Dosis total|INF. DOSIS|Pàgina de dosi|Rapport de dose|
Relevé dosimétrique|Fiche de dose|Relatório de dose|Folha de dose|Página de dose|Rapporto di dose|
Scheda dosimetrica|Foglio dose|Dosisbericht|Dosis-Protokoll|Dosisübersicht|Strahlendosisbericht|
Dossier dose|Relazione dosimetrica|Cuadro de dosis
"""
REPORTS = (
    "Informe|Full de dosi|Compte rendu|Relatório|Referto|Befund|Protocolo del paciente|Patientenprotokoll|"
    "Dati paziente|Exam Summary|Dose Rep|DoseRpt|Hoja resumen|Resumen de exposición|Parámetros de exposición|"
    "Patientendosis"
)
ACQUISITIONS = """
TC TORAX BAJA DOSIS|Protocolo de baja dosis|LOW DOSE CHEST|Full dose PET|THORAX DOSE REDUITE|CT Niedrigdosis|
T1 TSE|Lung 1.0 B60f|Screening mammography|FULL BODY|tela subcutanea|TELE RX TORAX|Abdomen sin contraste|
Nachsorge|DOSE REDUCTION|Reconstruccion MPR|Exposición 2|Rep 2
"""


def split(text: str) -> list[str]:
    return [part.strip() for part in text.split("|")]


@pytest.mark.parametrize(
    ("words", "page"),
    [
        (word, page)
        for words, page in ((SCREENS, "screen"), (DOSE, "dose"), (REPORTS, "report"))
        for word in split(words)
    ],
)
def test_pages_are_named(words: str, page: str) -> None:
    assert name_page({"SeriesDescription": words}) == page
    assert name_page({"SeriesDescription": words.upper()}) == page
    header = {"Modality": "CT", "ImageType": ["DERIVED", "SECONDARY", "OTHER"], "ProtocolName": words}
    assert decide_by_header(header, Policy()).outcome == "hold"


@pytest.mark.parametrize("words", split(ACQUISITIONS))
def test_acquisitions_are_not(words: str) -> None:
    assert name_page({"SeriesDescription": words, "StudyDescription": words, "ProtocolName": words}) == ""


def test_a_study_may_be_called_a_report_but_no_screen() -> None:
    assert name_page({"StudyDescription": "TC torax, informe urgente"}) == ""
    assert name_page({"StudyDescription": "Hoja de dosis"}) == "dose"
    assert name_page({"AcquisitionProtocolDescription": "Riepilogo dose"}) == "dose"
    assert name_page({"ImageType": ["DERIVED", "SECONDARY", "DOSIS_INFO"]}) == "dose"
