"""Invented reports in Spanish, each written by hand as radiologists write, to measure a labeller on what it was not
made with: words and turns of phrase that neither `reports` nor the lexicon was made from. The lexicon was not changed
after these were first labelled."""

import json

import pandas as pd

REPORTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "Opacidades parcheadas periféricas en ambos hemitórax, de predominio en LLII, altamente sugestivas "
        "de infección COVID.",
        ("increased density", "COVID 19"),
    ),
    ("Torax sin lesiones pleuropulmonares agudas.", ("normal",)),
    (
        "Control evolutivo. Leve mejoría de los infiltrados previos, persistiendo tenue opacidad en campo "
        "inferior derecho.",
        ("infiltrates", "increased density"),
    ),
    (
        "Se coloca TOT a 3 cm de carina. SNG en estómago. CVC por yugular derecha con extremo en VCS. No hay "
        "neumotórax yatrógeno.",
        ("endotracheal tube", "NSG tube", "central venous catheter via jugular vein"),
    ),
    (
        "Pinzamiento de ambos senos costodiafragmáticos en relación con pequeño derrame.",
        ("costophrenic angle blunting", "pleural effusion"),
    ),
    (
        "Hilios algo engrosados de aspecto vascular. Botón aórtico calcificado.",
        ("vascular hilar enlargement", "aortic atheromatosis"),
    ),
    ("No imágenes sugestivas de neumonía.", ()),
    ("Sin claras imágenes de condensación.", ()),
    ("Dudosa imagen de aumento de densidad retrocardiaca, valorar con lateral.", ("increased density",)),
    (
        "Cardiomegalia global. Signos de ICC con líneas B de Kerley y derrame en cisuras.",
        ("cardiomegaly", "heart insufficiency", "kerley lines", "loculated fissural effusion"),
    ),
    (
        "Cambios postquirúrgicos de lobectomía superior derecha, con pérdida de volumen.",
        ("surgery lung", "volume loss"),
    ),
    ("Rx AP portátil en decúbito, muy rotada, no valorable adecuadamente.", ("suboptimal study",)),
    ("Paciente con PCR positiva para SARS-CoV-2. Rx sin infiltrados.", ("COVID 19",)),
    (
        "Neumonía bilateral por COVID19, con empeoramiento radiológico respecto a la previa.",
        ("pneumonia", "COVID 19"),
    ),
    ("Parénquima pulmonar de características normales, sin consolidaciones ni derrames.", ()),
    ("Granuloma calcificado en LSD. Resto sin hallazgos.", ("calcified granuloma",)),
    ("Tractos pleuroparenquimatosos biapicales residuales.", ("fibrotic band",)),
    ("Engrosamiento apical pleural bilateral.", ("apical pleural thickening",)),
    (
        "Escoliosis dorsal de convexidad derecha y osteoporosis difusa con acuñamiento de D8.",
        ("scoliosis", "osteoporosis", "vertebral compression"),
    ),
    (
        "Patrón intersticial reticular bibasal compatible con fibrosis ya conocida, sin cambios.",
        ("reticular interstitial pattern", "pulmonary fibrosis", "unchanged"),
    ),
    ("Nódulo en LSI de 12 mm a estudiar mediante TC.", ("nodule",)),
    ("Imagen nodular que podría corresponder al pezón.", ("nodule", "nipple shadow")),
    ("Desaparición completa del derrame pleural izquierdo que presentaba previamente.", ()),
    ("Hallazgos no concluyentes de infección por COVID-19, correlacionar con PCR.", ("COVID 19 uncertain",)),
    ("Sin datos radiológicos de neumonía COVID.", ()),
    (
        "Afectación multifocal bilateral sugerente de neumonitis vírica (COVID-19 como primera posibilidad).",
        ("viral pneumonia", "COVID 19"),
    ),
    ("Broncopatía crónica con engrosamientos peribronquiales.", ("chronic changes", "bronchovascular markings")),
    (
        "Hiperinsuflación pulmonar y aplanamiento diafragmático en relación con EPOC.",
        ("hyperinflated lung", "flattened diaphragm", "COPD signs"),
    ),
    ("Marcapasos bicameral con electrodos en AD y VD.", ("dual chamber device",)),
    ("Portadora de prótesis mamarias. Senos libres.", ("mammary prosthesis",)),
    (
        "Sutura metálica de esternotomía media y prótesis valvular aórtica.",
        ("sternotomy", "artificial aortic heart valve"),
    ),
    ("Atelectasia subsegmentaria en base izda.", ("segmental atelectasis",)),
    ("Colapso completo del LII.", ("lobar atelectasis",)),
    ("Hemidiafragma derecho elevado, ya presente en estudios anteriores.", ("hemidiaphragm elevation",)),
    (
        "No se visualiza claramente el SCF izquierdo, que podría estar ocupado por derrame.",
        ("costophrenic angle blunting", "pleural effusion"),
    ),
    (
        "Vidrio deslustrado bilateral y engrosamiento septal en patrón en empedrado.",
        ("ground glass pattern", "interstitial pattern"),
    ),
    ("Sin evidenciarse infiltrados, derrames ni otras alteraciones.", ()),
    ("Resto del estudio sin alteraciones valorables.", ()),
    ("Masa hiliar derecha con adenopatías mediastínicas.", ("mass", "adenopathy")),
    (
        "Múltiples nódulos de distribución aleatoria sugestivos de metástasis.",
        ("multiple nodules", "lung metastasis"),
    ),
    ("Elongación y ateromatosis aórtica.", ("aortic elongation", "aortic atheromatosis")),
    ("Fracturas de 5º y 6º arcos costales izquierdos, consolidadas.", ("callus rib fracture",)),
    ("Luxación acromioclavicular antigua. Pulmones sin hallazgos.", ()),
    (
        "Redistribución vascular hacia campos superiores y borrosidad perihiliar, en contexto de edema.",
        ("vascular redistribution", "pulmonary edema"),
    ),
    ("Se retira drenaje torácico, persiste pequeña cámara apical de neumotórax.", ("pneumothorax",)),
    (
        "Enfisema subcutáneo en región cervical y axilar izquierda. Neumomediastino.",
        ("subcutaneous emphysema", "pneumomediastinum"),
    ),
    ("Ausencia de signos de TBC activa. Lesiones residuales tuberculosas en LSD.", ("tuberculosis sequelae",)),
    ("Gran hernia de hiato con nivel hidroaéreo retrocardiaco.", ("hiatal hernia", "air fluid level")),
    (
        "Mínimos cambios inflamatorios en base pulmonar derecha, no pudiendo excluirse foco neumónico incipiente.",
        ("pneumonia",),
    ),
    ("Radiografía superponible a la previa de fecha 12/03.", ("unchanged",)),
)


def corpus() -> tuple[pd.DataFrame, pd.DataFrame]:
    """The reports and the label table that is right for them."""
    ids = [f"U{number}" for number in range(len(REPORTS))]
    texts = pd.DataFrame({"report_id": ids, "report": [text for text, _ in REPORTS]}, dtype="string")
    truth = pd.DataFrame({"report_id": ids, "labels": [json.dumps(labels) for _, labels in REPORTS]}, dtype="string")
    return texts, truth
