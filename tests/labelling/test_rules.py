"""What the rules make of ways of speaking: requests, history, doubt, coordination, misspellings, sections, changes."""

from typing import Literal

import pandas as pd
import pytest

from example_datasets.generators import reports_written
from mids.analysis.evaluation import evaluate
from mids.labelling.labeller import label, label_rows, lexicon
from mids.labelling.rules import read_report

# Written by hand: a text, and the labels that a reader gives it.
CASES = (
    ("Solicitud: descartar COVID.", ""),
    ("Solicitud: descartar COVID", ""),
    ("Descartar COVID", "COVID 19 uncertain"),
    ("PCR negativa para COVID-19", ""),
    ("PCR COVID-19 negativa. Neumonía.", "pneumonia"),
    ("Contacto con caso COVID-19 positivo.", ""),
    ("Contacto de caso confirmado de SARS-CoV-2", ""),
    ("Paciente vacunado contra COVID-19", ""),
    ("Vacunación COVID completa. Neumonía lobar.", "pneumonia"),
    ("Hallazgos poco probables de COVID-19", "COVID 19 uncertain"),
    ("COVID-19: poco probable", "COVID 19 uncertain"),
    ("Neumonía poco probable.", "pneumonia"),
    ("No se puede descartar COVID", "COVID 19 uncertain"),
    ("Sin poder descartar COVID-19", "COVID 19 uncertain"),
    ("Patrón atípico para COVID-19", "COVID 19 uncertain"),
    ("Neumonía atípica", "atypical pneumonia"),
    ("Neumonía atípica por COVID-19", "atypical pneumonia; COVID 19"),
    ("COVID 19 probable", "COVID 19"),
    ("Probable COVID-19", "COVID 19"),
    ("Posible COVID-19", "COVID 19 uncertain"),
    ("Alta probabilidad de COVID-19", "COVID 19"),
    ("Sospecha de neumonía por COVID-19.", "pneumonia; COVID 19"),
    ("Alta sospecha de COVID-19", "COVID 19"),
    ("Hallazgos sospechosos de COVID-19", "COVID 19"),
    ("PCR positiva para COVID-19", "COVID 19"),
    ("PCR + SARS CoV 2. Infiltrados bilaterales", "COVID 19; infiltrates"),
    ("Motivo de consulta: tos. Sospecha COVID. Rx tórax: infiltrados bilaterales.", "infiltrates"),
    ("Test de antígenos COVID negativo. Condensación LSD", "consolidation"),
    ("COVID negativo. Condensación LSD", "consolidation"),
    ("Covid +", "COVID 19"),
    ("Indicación: fiebre. Infiltrado en LID.", "infiltrates"),
    ("Indicación: neumonía\nHallazgos: infiltrado en LID\nConclusión: neumonía LID", "infiltrates; pneumonia"),
    ("INDICACION\nDescartar neumonia\nHALLAZGOS\nSin infiltrados\nCONCLUSION\nNormal", "normal"),
    ("Derrame pleural resuelto", ""),
    ("Derrame pleural que ha desaparecido", ""),
    ("No derrame ni neumotórax. Cardiomegalia", "cardiomegaly"),
    ("Sin derrame, neumotórax ni condensación", ""),
    ("Infiltrado intersticial y alveolar", "interstitial pattern; alveolar pattern"),
    ("Patrón alvéolo-intersticial", "alveolar pattern; interstitial pattern"),
    ("Derrame y engrosamiento pleural", "pleural effusion; pleural thickening"),
    ("Cardiomegalia y elongación aórtica", "cardiomegaly; aortic elongation"),
    ("Ateromatosis y elongación aórtica", "aortic atheromatosis; aortic elongation"),
    ("Elongación y calcificación aórtica", "aortic elongation; aortic atheromatosis"),
    ("Aorta elongada y calcificada", "aortic elongation; aortic atheromatosis"),
    ("Fractura de clavícula y húmero", "clavicle fracture; humeral fracture"),
    ("Engrosamiento y calcificación pleural", "pleural thickening; calcified pleural thickening"),
    ("TOT y SNG normoposicionados", "endotracheal tube; NSG tube"),
    ("VVC yugular", "central venous catheter via jugular vein"),
    ("DP bilateral", "pleural effusion"),
    ("Dr. García. DP", "pleural effusion"),
    ("Superponible a previo", "unchanged"),
    ("Sin cambios con respecto a Rx previa", "unchanged"),
    ("No cambios", "unchanged"),
    ("No se observan cambios significativos respecto al estudio previo", "unchanged"),
    ("Ha aumentado el derrame", "pleural effusion"),
    ("Menor derrame que en el previo", "pleural effusion"),
    ("Neumonectomía izquierda", "surgery lung"),
    ("Sin derrame. Sonda vesical.", ""),
    ("Silueta cardiaca normal", ""),
    ("Opacidad en vidrio deslustrado", "ground glass pattern"),
    ("Consolidación en LID que impresiona de neumonía", "consolidation; pneumonia"),
    ("Infiltrado que no sugiere neumonía", "infiltrates"),
    ("No se identifica claro infiltrado, aunque no se puede descartar neumonía incipiente", "pneumonia"),
    ("Neumonía COVID previa. Actualmente resuelta.", "pneumonia; COVID 19"),
    ("En contexto de COVID, opacidades bilaterales", "COVID 19; increased density"),
    ("CO-RADS 5", "COVID 19"),
    ("CORADS 3", "COVID 19 uncertain"),
    ("CO-RADS 1", ""),
    ("No se descarta COVID-19", "COVID 19 uncertain"),
    ("Se descarta COVID-19", ""),
    ("COVID-19 descartado", ""),
    ("COVID descartada por PCR", ""),
    ("No COVID", ""),
    ("Hallazgos no compatibles con COVID-19", ""),
    ("No compatible con COVID-19", ""),
    ("Sin hallazgos sugestivos de COVID", ""),
    ("Sin neumotórax tras retirada de drenaje pleural", ""),
    ("Tras retirada de tubo endotraqueal persiste derrame", "pleural effusion"),
    ("Infiltrados bilaterales (PCR negativa para COVID).", "infiltrates"),
    ("Se recomienda PCR para descartar COVID.", ""),
    ("Hallazgos inespecíficos, indeterminados para COVID-19", "COVID 19 uncertain"),
    ("Valorar COVID", "COVID 19 uncertain"),
    ("Dudosa imagen de infiltrado en LID", "infiltrates"),
    ("Infección por SARS-CoV-2 confirmada. Sin infiltrados.", "COVID 19"),
    ("Hijo con COVID. Rx normal.", "normal"),
    ("Exposición a COVID. Rx normal", "normal"),
    ("Trabaja con pacientes COVID. No infiltrados.", ""),
    ("Sospecha clínica de COVID. No se ven infiltrados.", ""),
    ("Diagnóstico de presunción: COVID. Informe: sin hallazgos.", "normal"),
    ("CARDIOMEGALIA. HTP. NO DERRAME.", "cardiomegaly; pulmonary hypertension"),
    ("neumonia bilateral por covid-19 . no se observa derrame .", "pneumonia; COVID 19"),
    ("Infitrado en base dcha.", "infiltrates"),
    ("Cardiomegália. No derame.", "cardiomegaly"),
    ("Atelectacia laminar.", "laminar atelectasis"),
    ("Pinsamiento del seno costofrénico.", "costophrenic angle blunting"),
    ("Paciente hipertenso.", ""),
    ("Fractura de metatarsiano.", "fracture"),
    ("Información clínica: neumonía. Infiltrado en LID. Derrame.", "infiltrates; pleural effusion"),
    ("Fracturas costales en fase de consolidación.", "rib fracture"),
    ("Quiste renal. Cáncer de colon.", ""),
    ("Aorta no elongada. Hilios no aumentados de tamaño.", ""),
    ("Senos costofrénicos no pinzados", ""),
    ("Pulmones libres de infiltrados, nódulos, consolidaciones.", ""),
    ("Neumonía previa: resolución radiológica.", ""),
    ("Edema no cardiogénico (SDRA)", "pulmonary edema; respiratory distress"),
    ("Adenopatías hiliares de tamaño no significativo.", ""),
    ("Marcapasos DDD y válvula mitral metálica", "dual chamber device; artificial mitral heart valve"),
    ("Interposición de asas de colon bajo el diafragma.", "Chilaiditi sign"),
    ("Silueta cardiaca no valorable", ""),
    ("Tubo de Covidien. Natural de Covida. Comentado con Bulal Orrdès.", ""),
    ("Bulas en LSD. Covid19.", "bullas; COVID 19"),
)


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_what_a_reader_would_label(text: str, expected: str) -> None:
    found = {name for said in label(text, lexicon()) for name in said.labels}
    assert found == set(filter(None, expected.split("; ")))


def test_every_label_says_where_it_stands() -> None:
    text = "Solicitud: control. Informe: Cardiomegália con infitrado en LID."
    why = [one for said in label(text, lexicon()) for one in said.why]
    assert [(one.label, text[one.start : one.end]) for one in why] == [
        ("cardiomegaly", "Cardiomegália"),
        ("infiltrates", "infitrado"),
    ]
    assert all(one.reason.startswith("rule ") for one in why)


def test_what_is_not_found_is_told_apart() -> None:
    statuses = {
        verdict.label: verdict.status
        for reading in read_report("Por sospecha de neumonía. Derrame, sin nódulos. COVID-19 poco probable.", lexicon())
        for verdict in reading.verdicts
    }
    assert statuses == {
        "pneumonia": "aside", "pleural effusion": "found", "nodule": "denied", "COVID 19 uncertain": "doubted",
    }  # fmt: skip


@pytest.mark.parametrize("use", ["held_out", "held_out_2"])
def test_reports_held_out_of_the_tuning(use: Literal["held_out", "held_out_2"]) -> None:
    texts, truth = reports_written.corpus(use)
    found = evaluate(pd.DataFrame(label_rows(texts.to_dict("records"), lexicon())), truth)
    assert found.micro_f1 >= 0.85
    assert found.labels.loc[["COVID 19", "COVID 19 uncertain"], "precision"].min() >= 0.9
