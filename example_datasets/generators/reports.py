"""Invented radiological reports in Spanish with known labels, for measuring a labeller.

No sentence comes from a real report. Each is put together from a way of speaking (found, denied, doubted, removed,
past) and phrases for findings and places; the labels are known by construction, in the words of BIMCV-COVID19+'s
label tree. Some sentences are hard on purpose: misspelt words, abbreviations, lists of denials, things that were
removed or are of the past, doubts that are no denials. Phrases are not those of `schemas/lexicon`.

As in that collection, a doubted finding counts as found, but doubted COVID-19 is a label of its own.
"""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

FINDINGS: dict[str, tuple[str, ...]] = {
    "infiltrates": ("un infiltrado", "infiltrados pulmonares", "infiltrado parcheado", "infiltrdo"),
    "consolidation": (
        "una consolidación",
        "consolidaciones parenquimatosas",
        "área de condensación",
        "foco de consolidacion",
    ),
    "ground glass pattern": (
        "opacidades en vidrio deslustrado",
        "áreas de vidrio esmerilado",
        "tenue aumento de atenuación en vidrio deslustrado",
    ),
    "interstitial pattern": ("patrón intersticial", "afectación intersticial", "un aumento de la trama intersticial"),
    "alveolar pattern": ("patrón alveolar", "ocupación alveolar", "opacidades alveolares"),
    "increased density": ("aumento de densidad", "una opacidad mal definida", "aumentos de densidad parcheados"),
    "pneumonia": ("una neumonía", "foco neumónico", "proceso neumónico", "NAC"),
    "pleural effusion": ("derrame pleural", "un pequeño derrame pleural", "mínimo derrame", "líquido pleural"),
    "pneumothorax": ("neumotórax", "una cámara de neumotórax", "neumotorax"),
    "atelectasis": ("atelectasia", "colapso pulmonar parcial", "atelectasias"),
    "laminar atelectasis": ("atelectasia laminar", "atelectasias laminares", "bandas de atelectasia laminar"),
    "cardiomegaly": ("cardiomegalia", "aumento del índice cardiotorácico", "silueta cardiaca aumentada de tamaño"),
    "aortic elongation": ("elongación aórtica", "aorta elongada", "aorta desenrollada"),
    "costophrenic angle blunting": (
        "pinzamiento del seno costofrénico",
        "borramiento del seno costofrénico",
        "obliteración del ángulo costofrénico",
    ),
    "nodule": ("un nódulo pulmonar", "nódulo de 8 mm", "lesión nodular"),
    "mass": ("una masa", "lesión de aspecto tumoral"),
    "pulmonary fibrosis": ("signos de fibrosis pulmonar", "fibrosis"),
    "fibrotic band": ("tractos fibrosos", "una banda fibrosa", "tractos fibrocicatriciales"),
    "chronic changes": ("cambios pulmonares crónicos", "signos crónicos"),
    "emphysema": ("enfisema", "cambios enfisematosos"),
    "bronchiectasis": ("bronquiectasias", "bronquiectasias cilíndricas"),
    "air bronchogram": ("broncograma aéreo",),
    "hilar enlargement": ("aumento hiliar", "hilios prominentes", "aumento de tamaño de los hilios"),
    "adenopathy": ("adenopatías", "ganglios aumentados de tamaño"),
    "pleural thickening": ("engrosamiento pleural", "paquipleuritis"),
    "kyphosis": ("cifosis", "hipercifosis dorsal"),
    "scoliosis": ("escoliosis", "desviación escoliótica"),
    "rib fracture": ("fractura costal", "fracturas costales antiguas"),
    "hiatal hernia": ("hernia de hiato", "hernia hiatal"),
    "hemidiaphragm elevation": ("elevación del hemidiafragma", "hemidiafragma elevado"),
    "pulmonary edema": ("edema agudo de pulmón", "edema pulmonar"),
    "vascular redistribution": ("redistribución vascular",),
    "vertebral degenerative changes": ("cambios degenerativos vertebrales", "espondilosis", "espondiloartrosis"),
}

DEVICES: dict[str, tuple[str, ...]] = {
    "endotracheal tube": ("tubo endotraqueal", "TET", "tubo orotraqueal"),
    "NSG tube": ("sonda nasogástrica", "SNG"),
    "central venous catheter": ("vía central", "catéter venoso central", "CVC"),
    "pacemaker": ("marcapasos", "marcapasos definitivo"),
    "sternotomy": ("cerclajes de esternotomía", "suturas de esternotomía"),
    "chest drain tube": ("drenaje pleural", "tubo de tórax"),
}

PLACES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("en base derecha", ("basal", "right")),
    ("basal izquierdo", ("basal", "left")),
    ("bibasal", ("basal bilateral",)),
    ("en ambas bases", ("basal bilateral",)),
    ("bilateral", ("bilateral",)),
    ("de forma bilateral y periférica", ("bilateral", "peripheral")),
    ("de distribución periférica", ("peripheral",)),
    ("en lóbulo inferior izquierdo", ("left lower lobe",)),
    ("en LID", ("right lower lobe",)),
    ("en lóbulo superior derecho", ("right upper lobe",)),
    ("en LSI", ("left upper lobe",)),
    ("en lóbulo medio", ("middle lobe",)),
    ("en língula", ("lingula",)),
    ("perihiliar derecho", ("perihilar", "right")),
    ("retrocardiaco", ("retrocardiac",)),
    ("en ambos campos pulmonares", ("lung field", "bilateral")),
    ("en campo medio izquierdo", ("middle lung field", "left")),
    ("en hemitórax derecho", ("hemithorax", "right")),
    ("apical izquierdo", ("apical", "left")),
    ("en ambos lóbulos inferiores", ("lower lobe", "bilateral")),
    ("subpleural", ("subpleural",)),
)

HEALTHY = (
    "Senos costofrénicos libres",
    "Silueta cardiaca de tamaño normal",
    "Índice cardiotorácico dentro de límites normales",
    "Hilios y mediastino sin alteraciones",
    "Partes blandas y marco óseo conservados",
    "Mediastino centrado",
    "Vascularización pulmonar normal",
)
NORMAL = (
    "Radiografía de tórax sin hallazgos patológicos",
    "Estudio dentro de la normalidad",
    "Tórax normal",
    "Sin alteraciones pleuroparenquimatosas agudas",
    "No se aprecian alteraciones significativas",
)
UNCHANGED = (
    "Sin cambios respecto a estudio previo",
    "Estable respecto a control anterior",
    "No hay cambios significativos",
    "Similar a la placa previa",
)
POOR = ("Estudio subóptimo por falta de inspiración", "Placa poco inspirada", "Técnica subóptima, paciente rotado")
COVID: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "found": (
        ("Hallazgos compatibles con neumonía por COVID-19", ("pneumonia", "COVID 19")),
        ("Sospechoso de infección por COVID-19", ("COVID 19",)),
        ("Alta sospecha de infección COVID", ("COVID 19",)),
        ("Hallazgos muy sugestivos de infección por SARS-CoV-2", ("COVID 19",)),
        ("Neumonía COVID en evolución", ("pneumonia", "COVID 19")),
        ("Hallazgos típicos de afectación por coronavirus", ("COVID 19",)),
    ),
    "doubted": (
        ("No se puede descartar infección por COVID-19", ("COVID 19 uncertain",)),
        ("Hallazgos atípicos para COVID-19", ("COVID 19 uncertain",)),
        ("A valorar posibilidad de COVID 19", ("COVID 19 uncertain",)),
        ("Hallazgos indeterminados para infección por COVID", ("COVID 19 uncertain",)),
        ("COVID-19 poco probable", ("COVID 19 uncertain",)),
        ("Sin poder excluir infección por coronavirus", ("COVID 19 uncertain",)),
    ),
    "denied": (
        ("Sin signos de COVID-19", ()),
        ("No se observan hallazgos sugestivos de infección por COVID", ()),
        ("PCR COVID negativa", ()),
        ("Hallazgos no sugestivos de COVID-19", ()),
        ("Se descarta neumonía por SARS-CoV-2", ()),
    ),
}

FOUND = (
    "Se observa {a} {p}",
    "Se aprecia {a} {p}",
    "{a} {p}",
    "Existe {a} {p}",
    "Presenta {a} {p}",
    "Persiste {a} {p}",
    "Aparición de {a} {p}",
    "Impresiona de {a} {p}",
    "{a} {p}, de nueva aparición",
    "Destaca {a} {p} en relación con control previo",
)
TWO = ("Se observa {a} {p} con {b}", "{a} y {b} {p}", "{a} {p} asociado a {b}", "{a}, {b} {p}")
DENIED = (
    "No se observa {a}",
    "Sin {a}",
    "No hay {a}",
    "Ausencia de {a}",
    "No {a}",
    "Se descarta {a}",
    "{a}: no",
    "No se identifica {a} {p}",
    "No se objetiva {a} en el momento actual",
    "Sin evidencia de {a}",
    "Ya no se visualiza {a}",
    "Resolución de {a}",
)
DENIED_LIST = (
    "No se observan {a}, {b} ni {c}",
    "Sin {a} ni {b}",
    "No hay signos de {a}, {b} o {c}",
    "Ni {a} ni {b}",
    "No se aprecia {a} y tampoco {b}",
)
DENIED_THEN_FOUND = (
    "No se observa {a}, pero sí {b} {p}",
    "{b} {p} sin {a}",
    "{b} {p}, sin {a} asociado",
    "Sin {a}, con {b} {p}",
    "Aunque no hay {a}, se aprecia {b} {p}",
)
DOUBTED = ("Posible {a} {p}", "{a} {p} dudoso", "No se puede descartar {a} {p}", "Probable {a} {p}", "Sugiere {a} {p}")
GONE = ("Se ha retirado {d}", "Retirada de {d}", "Sin {d}")
PLACED = ("Portador de {d}", "{d} normoposicionado", "{d} con extremo distal en situación correcta", "Se visualiza {d}")
PAST = ("Antecedente de {a}", "Paciente con {a} en 2015 según historia")


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence and what it says."""

    text: str
    labels: tuple[str, ...] = ()
    places: tuple[str, ...] = ()


def sentence(draw: random.Random) -> Sentence:
    """One sentence about findings, devices or COVID-19."""
    (a, x), (b, y), (_, z) = ((name, draw.choice(FINDINGS[name])) for name in draw.sample(sorted(FINDINGS), 3))
    where, places = draw.choice(PLACES) if draw.random() < 0.7 else ("", ())
    device = draw.choice(sorted(DEVICES))
    words = {"a": x, "b": y, "c": z, "p": where, "d": draw.choice(DEVICES[device])}
    ways: tuple[tuple[int, Sequence[str], tuple[str, ...], tuple[str, ...]], ...] = (
        (30, FOUND, (a,), places), (12, TWO, (a, b), places), (14, DENIED, (), ()), (9, DENIED_LIST, (), ()),
        (9, DENIED_THEN_FOUND, (b,), places), (7, DOUBTED, (a,), places), (2, GONE, (), ()), (6, PLACED, (device,), ()),
        (2, PAST, (), ()),
    )  # fmt: skip
    _, texts, labels, said = draw.choices(ways, [way[0] for way in ways])[0]
    template = draw.choice(texts)
    return Sentence(_mark_spans(template.format(**words)), labels, said if "{p}" in template else ())


def other(draw: random.Random) -> Sentence:
    """One sentence about COVID-19, what is healthy, what has not changed, or how well the image can be read."""
    kind = draw.choices(("covid", "healthy", "unchanged", "poor"), (5, 5, 2, 1))[0]
    if kind == "covid":
        text, labels = draw.choice(COVID[draw.choices(tuple(COVID), (3, 2, 2))[0]])
        return Sentence(_mark_spans(text), labels)
    if kind == "healthy":
        return Sentence(_mark_spans(draw.choice(HEALTHY)))
    if kind == "unchanged":
        return Sentence(_mark_spans(draw.choice(UNCHANGED)), ("unchanged",))
    return Sentence(_mark_spans(draw.choice(POOR)), ("suboptimal study",))


def _mark_spans(text: str) -> str:
    text = " ".join(text.split()).replace(" ,", ",")
    return text[:1].upper() + text[1:]


def report(draw: random.Random) -> list[Sentence]:
    """A report: one in ten says that all is normal."""
    if draw.random() < 0.1:
        healthy = [Sentence(_mark_spans(text)) for text in draw.sample(HEALTHY, draw.randrange(3))]
        return [*healthy, Sentence(_mark_spans(draw.choice(NORMAL)), ("normal",))]
    return [sentence(draw) if draw.random() < 0.7 else other(draw) for _ in range(draw.randrange(1, 6))]


def corpus(count: int = 600, seed: int = 2020) -> tuple[pd.DataFrame, pd.DataFrame]:
    """`count` reports and the label table that is right for them."""
    draw = random.Random(seed)
    texts, truth = [], []
    for number in range(count):
        said = report(draw)
        key = {"participant_id": f"sub-{number}", "session_id": f"ses-{number}", "report_id": f"R{number}"}
        separator = draw.choice((". ", " . ", ".\n"))
        texts.append({**key, "report": separator.join(item.text for item in said) + "."})
        found = [item for item in said if item.labels]
        truth.append({
            **key,
            "labels": json.dumps(list(dict.fromkeys(label for item in found for label in item.labels))),
            "localizations": json.dumps(list(dict.fromkeys(place for item in found for place in item.places))),
        })  # fmt: skip
    return pd.DataFrame(texts, dtype="string"), pd.DataFrame(truth, dtype="string")
