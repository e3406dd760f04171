"""Reports in many layouts with known truth, which the recogniser of names is trained on.

Fields, sentences and clinical phrases (`reports/layouts.yaml`) are put together as forms, tables, HL7 v2, letters,
e-mails, dictation and notes, in small letters, without accents, in capitals or as OCR reads them. Names come from
`schemas/deid/text/lists` and, one in three, are invented letter by letter, so that training does not trust the lists
alone. `python -m example_datasets.layouts_corpus 3` prints reports.
"""

import random
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import cache
from typing import Any

from example_datasets.reports_corpus import LANGUAGES, Report, Truth, day, dni, load, month_year, names, plain
from mids.deid.text.words import vocabulary
from mids.resources import schemas

Piece = tuple[str, str]
"""A stretch of text and its kind, empty for what identifies nobody."""

KINDS: Mapping[str, str] = {
    **dict.fromkeys(("patient", "first", "last", "surnames", "doctor"), "NAME"),
    **dict.fromkeys(("number", "phone", "email"), "NUM"),
    **dict.fromkeys(("date", "birth", "month_year", "compact"), "FECHA"),
    "town": "LOC",
    "place": "LOC",
    "street": "DIR",
    "hospital": "INST",
    "centre": "INST",
}

HEADS: Mapping[str, tuple[str, ...]] = {
    "es": ("Hospital", "Hospital General de", "Hospital Universitario", "Clínica", "Hosp.", "Complejo Hospitalario"),
    "ca": ("Hospital", "Hospital Comarcal de", "Hospital Universitari", "Clínica", "Consorci Sanitari de"),
    "fr": ("Hôpital", "Centre Hospitalier de", "CHU de", "Clinique", "CH de"),
    "en": ("Royal {} Hospital", "{} General Hospital", "{} Infirmary", "St {}'s Hospital", "{} Medical Center"),
}
CENTRES: Mapping[str, tuple[str, ...]] = {
    "es": ("Centro de Salud", "C.S.", "Consultorio de", "Ambulatorio de"),
    "ca": ("CAP", "Centre de Salut", "Consultori de"),
    "fr": ("Cabinet médical de", "Maison de santé de"),
    "en": ("{} Surgery", "{} Health Centre"),
}


@cache
def _entries(name: str) -> tuple[str, ...]:
    lines = (schemas() / "deid" / "text" / "lists" / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return tuple(line for line in lines if not line.startswith("#"))


@cache
def _held_out() -> frozenset[str]:
    """The names of the layouts that are held out: training never draws them."""
    lists = load("layouts_held_out")["names"].values()
    return frozenset(entry for one in lists for key in ("first", "last", "town") for entry in one[key])


def _name(draw: random.Random, kind: str) -> str:
    """A listed name, or one of the halves of two, which no list holds."""
    while True:
        name = draw.choice(_entries(kind))
        if draw.random() < 0.33 and len(name) > 4:
            other = draw.choice(_entries(kind))
            name = name[: len(name) // 2] + other[len(other) // 2 :].lower()
        if name not in _held_out():
            return name


def _person(draw: random.Random, language: str) -> tuple[str, str]:
    first = _name(draw, "given")
    if draw.random() < 0.2:
        first += " " + _name(draw, "given")
    last = _name(draw, "surnames")
    if language in ("es", "ca") and draw.random() < 0.8:
        last += draw.choice((" ", " ", " ", " de ", "-", " i ")) + _name(draw, "surnames")
    return first, last


def _ordered(draw: random.Random, first: str, last: str) -> str:
    """A name in one of the orders in use."""
    return draw.choice(
        (
            f"{first} {last}",
            f"{first} {last}",
            f"{last}, {first}",
            f"{last.upper()}, {first.upper()}",
            f"{last} {first}",
            f"{first[0]}. {last}",
            f"{first} {last.split()[0]}",
        )
    )


def _institution(draw: random.Random, heads: tuple[str, ...]) -> str:
    head = draw.choice(heads)
    name = draw.choice((_name(draw, "towns"), "San " + _name(draw, "given"), "La " + _name(draw, "surnames")))
    return head.format(name) if "{}" in head else f"{head} {name}"


def _street(draw: random.Random, language: str) -> str:
    lists = names(language)
    name = draw.choice((_name(draw, "surnames"), _name(draw, "towns"), draw.choice(lists["street"])))
    form: str = draw.choice(lists["street_form"])
    return form.format(
        type=draw.choice(lists["street_type"]), name=name, number=draw.randrange(1, 180), floor=draw.randrange(1, 9)
    )


def _number(draw: random.Random) -> str:
    digits = str(draw.randrange(10 ** draw.randrange(4, 9), 10 ** draw.randrange(9, 11)))
    letters = "".join(draw.choice("ABCDEGHJKLMNP") for _ in range(draw.randrange(1, 4)))
    number = draw.randrange(10**7, 10**8)
    return draw.choice(
        (
            digits,
            digits[:6],
            f"{letters}{digits[:7]}",
            f"{letters}-{digits[:6]}",
            dni(number),
            f"{digits[:2]}/{digits[2:9]}/{digits[:2]}",
            f"{digits[:3]} {digits[3:6]} {digits[6:]}",
        )
    )


def _slots(draw: random.Random, language: str) -> dict[str, str]:
    first, last = _person(draw, language)
    doctor, doctor_last = _person(draw, language)
    then = date(1990, 1, 1) + timedelta(days=draw.randrange(12_500))
    born = date(1925, 1, 1) + timedelta(days=draw.randrange(32_000))
    phone = "".join(str(draw.randrange(10)) for _ in range(8))
    phone = draw.choice("6967") + phone if language != "fr" else "06" + phone
    size = f"{draw.randrange(2, 60)} mm"
    return {
        "patient": _ordered(draw, first, last),
        "first": first,
        "last": last.split()[0],
        "surnames": last,
        "doctor": _ordered(draw, doctor, doctor_last),
        "number": _number(draw),
        "date": day(draw, language, then),
        "birth": day(draw, language, born),
        "compact": f"{then:%Y%m%d}",
        "month_year": month_year(draw, language, then),
        "phone": draw.choice(
            (phone, f"{phone[:3]} {phone[3:6]} {phone[6:]}", f"{phone[:3]} {phone[3:5]} {phone[5:7]} {phone[7:]}")
        ),
        "email": f"{plain(first.split()[0].lower())}.{plain(last.split()[0].lower())}@example.org",
        "town": _name(draw, "towns"),
        "place": _name(draw, "towns"),
        "street": _street(draw, language),
        "hospital": _institution(draw, HEADS[language]),
        "centre": _institution(draw, CENTRES[language]),
        "eponym": draw.choice(sorted(vocabulary()["eponyms"])).capitalize(),
        "size": draw.choice((size, f"{size[:-3]} x {size}", f"{draw.randrange(1, 9)},{draw.randrange(9)} cm")),
    }


# --- pieces ----------------------------------------------------------------------------------------------


def _fill(template: str, slots: Mapping[str, str]) -> list[Piece]:
    pieces, at = [], 0
    for match in re.finditer(r"\{(\w+)\}", template):
        pieces += [(template[at : match.start()], ""), (slots[match[1]], KINDS.get(match[1], ""))]
        at = match.end()
    return [*pieces, (template[at:], "")]


def _sentences(draw: random.Random, language: str) -> list[list[Piece]]:
    """Clinical phrases with some sentences among them that identify, each somebody else."""
    content = load("layouts")[language]
    found = [_fill(text, _slots(draw, language)) for text in draw.choices(content["clinical"], k=draw.randrange(1, 8))]
    for text in draw.choices(content["sentences"], k=draw.randrange(0, 4)):
        found.insert(draw.randrange(len(found) + 1), _fill(text, _slots(draw, language)))
    return found


def _fields(draw: random.Random, content: Mapping[str, Any], slots: Mapping[str, str]) -> list[tuple[str, Piece]]:
    """Labels with their values, in any order."""
    labels: Mapping[str, list[str]] = content["fields"]
    chosen = draw.sample([key for key in labels if key != "plain"], draw.randrange(2, 8))
    found = [(draw.choice(labels[key]), (slots[key], KINDS[key])) for key in chosen]
    label, _, value = draw.choice(labels["plain"]).partition(":")
    return [*found, (label.strip(), (value.strip(), ""))]


def _form(draw: random.Random, fields: list[tuple[str, Piece]]) -> list[Piece]:
    """A form in one of the ways in which systems print it."""
    between, after = draw.choice(
        (
            (": ", "\n"),
            (": ", "   "),
            (":\t", "\n"),
            (".....: ", "\n"),
            (" | ", " |\n"),
            (";", ";"),
            ("=", ";"),
            (": ", ". "),
            (":", "\n"),
            ("\n", "\n"),
            (" ", "\n"),
            (" : ", "     "),
            ("\t", "\n"),
            ("; ", "   "),
            (": ", ", "),
        )
    )
    upper = draw.random() < 0.2
    edge = "| " if between == " | " else ""
    pieces = []
    for label, value in fields:
        pieces += [(edge + (label.upper() if upper else label) + between, ""), value, (after, "")]
    return [*pieces, ("\n", "")]


def _table(draw: random.Random, fields: list[tuple[str, Piece]]) -> list[Piece]:
    """Heads in one line and values in the next."""
    bar = draw.choice((" | ", "\t", ";", ","))
    heads = bar.join(label for label, _ in fields)
    pieces: list[Piece] = [(heads + "\n", "")]
    for _, value in fields:
        pieces += [value, (bar, "")]
    return [*pieces, ("\n", "")]


def _hl7(draw: random.Random, slots: Mapping[str, str], body: list[list[Piece]]) -> list[Piece]:
    text = (
        "MSH|^~\\&|RIS|{hospital}|HIS|{centre}|{compact}||ORU^R01|{number}|P|2.5\nPID|1||{number}^^^HIS||{surnames}^{first}"
        "||||||{street}^^{town}||{phone}\nOBR|1|||RX|||{date}|||||||||{last}^{first}\n"
    )
    pieces = _fill(text, slots)
    for number, sentence in enumerate(body, 1):
        pieces += [(f"OBX|{number}|TX|||", ""), *sentence, ("||||||F\n", "")]
    return pieces


def _prose(draw: random.Random, body: list[list[Piece]]) -> list[Piece]:
    between = draw.choice((" ", " ", "\n", "\n\n", ", ", " - "))
    return [piece for sentence in body for piece in (*sentence, (between, ""))]


# --- noise -----------------------------------------------------------------------------------------------

_OCR = str.maketrans({"l": "1", "o": "0", "i": "l", "e": "c", "m": "n", "u": "v", "a": "o", "s": "5"})


def _noise(draw: random.Random) -> Callable[[str], str]:
    """As people and machines write: small letters, capitals, no accents, as OCR reads; no character moves."""

    def ocr(char: str) -> str:
        return char.translate(_OCR) if draw.random() < 0.02 else char

    chosen: list[Callable[[str], str]] = [
        str,
        str,
        str,
        str,
        str.lower,
        lambda char: plain(char).lower(),
        str.upper,
        plain,
        lambda char: plain(char).upper(),
        ocr,
    ]
    return draw.choice(chosen)


def _short(draw: random.Random, language: str) -> list[Piece]:
    """A clinical phrase or some words of one, which identifies nobody."""
    text = "".join(
        piece for piece, _ in _fill(draw.choice(load("layouts")[language]["clinical"]), _slots(draw, language))
    )
    parts = text.split()
    first = draw.randrange(len(parts)) if draw.random() < 0.4 else 0
    return [(" ".join(parts[first : first + draw.randrange(1, 9)]).strip(draw.choice(("", "."))), "")]


def _arrange(draw: random.Random, language: str) -> list[Piece]:
    """The pieces of a report in a layout of any sort."""
    if draw.random() < 0.15:
        return _short(draw, language)
    content, slots, body = load("layouts")[language], _slots(draw, language), _sentences(draw, language)
    fields = _fields(draw, content, slots)
    note = " ".join(("{patient}", draw.choice(("nhc", "hc", "sip", "ipp", "mrn")), "{number}", "{date} "))
    layout = draw.choice(("form", "form", "table", "hl7", "prose", "end", "signed", "note"))
    if layout == "hl7":
        return _hl7(draw, slots, body)
    if layout == "end":
        return [*_prose(draw, body), *_form(draw, fields)]
    if layout == "signed":
        return [*_prose(draw, body[:1]), (slots["patient"], "NAME")]
    heads = {
        "form": lambda: _form(draw, fields),
        "table": lambda: _table(draw, fields),
        "note": lambda: _fill(note, slots),
    }
    return [*(heads[layout]() if layout in heads else ()), *_prose(draw, body)]


def make(language: str, number: int) -> Report:
    """The report of a number; the same arguments give the same report on every machine."""
    draw = random.Random(f"layout {language} {number}")
    pieces, noise = _arrange(draw, language), _noise(draw)
    text, truth = "", []
    for piece, kind in pieces:
        changed = "".join(noise(char) if len(noise(char)) == 1 else char for char in piece)
        if kind:
            truth.append(Truth(len(text), len(text) + len(changed), kind))
        text += changed
    return Report(text, tuple(truth), language, number, (), (), ())


def plant(draw: random.Random, sentences: Iterable[str], templates: Sequence[str], language: str = "es") -> str:
    """A report with a sentence that identifies somebody, of `templates`, before, between or behind those given."""
    text = ""
    for sentence in (*sentences, ""):
        while draw.random() < 0.5:
            planted = "".join(piece for piece, _ in _fill(draw.choice(templates), _slots(draw, language)))
            text += planted + draw.choice(("\n", " ", "\n\n") if planted[-1] in ".:" else ("\n", ". "))
        text += f"{sentence}. " if sentence else ""
    return text


def layouts(each: int, languages: tuple[str, ...] = LANGUAGES, first: int = 0) -> Iterator[Report]:
    """`each` reports of every language, from a number on."""
    for language in languages:
        for number in range(first, first + each):
            yield make(language, number)


if __name__ == "__main__":
    for made in layouts(int(sys.argv[1]) if len(sys.argv) > 1 else 1):
        print(made.text, end="\n---\n")
