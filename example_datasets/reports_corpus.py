"""Radiology reports of invented patients with known truth: where which identifier stands.

Templates lie in `reports/<language>.yaml`. Those under `tuning` were looked at while the rules were written; those
under `held_out` were written before any rule and nothing was ever tuned on them; `clean` ones hold no identifier.
`{slot}` is drawn, `{KIND=words}` stands for itself. `python -m example_datasets.reports_corpus 3` prints reports.
"""

import random
import re
import sys
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

FOLDER = Path(__file__).parent / "reports"
LANGUAGES = ("es", "ca", "fr", "en")
Set = Literal["tuning", "held_out", "clean", "clean_held_out"]

MONTHS: Mapping[str, tuple[str, ...]] = {
    "es": tuple("enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre".split()),
    "ca": tuple("gener febrer març abril maig juny juliol agost setembre octubre novembre desembre".split()),
    "fr": tuple("janvier février mars avril mai juin juillet août septembre octobre novembre décembre".split()),
    "en": tuple("January February March April May June July August September October November December".split()),
}


@dataclass(frozen=True, slots=True)
class Truth:
    """One identifier: text[start:end]."""

    start: int
    end: int
    kind: str


@dataclass(frozen=True, slots=True)
class Report:
    """A report, what stands in it, and what the study's header says of its patient."""

    text: str
    truth: tuple[Truth, ...]
    language: str
    template: int
    names: tuple[str, ...]
    ids: tuple[str, ...]
    dates: tuple[date, ...]
    places: tuple[str, ...] = ()


@cache
def load(name: str) -> Any:
    return yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))


def names(language: str) -> Mapping[str, list[str]]:
    """The lists of a language: first, last, town, province, street, hospital …"""
    lists: Mapping[str, list[str]] = load("names")[language]
    return lists


# --- what is drawn ---------------------------------------------------------------------------------------


def dni(number: int) -> str:
    return f"{number:08}" + "TRWAGMYFPDXBNJZSQVHLCKE"[number % 23]


def nir(draw: random.Random, born: date) -> str:
    digits = (
        f"{draw.choice('12')}{born:%y%m}{draw.randrange(1, 96):02}{draw.randrange(1, 990):03}{draw.randrange(999):03}"
    )
    key = f"{97 - int(digits) % 97:02}"
    parts = (digits[0], digits[1:3], digits[3:5], digits[5:7], digits[7:10], digits[10:], key)
    return draw.choice(("", " ")).join(parts)


def day(draw: random.Random, language: str, moment: date) -> str:
    """A date in one of the notations of a language."""
    month = MONTHS[language][moment.month - 1]
    numeric = [
        f"{moment:%d/%m/%Y}",
        f"{moment:%d-%m-%Y}",
        f"{moment.day}/{moment.month}/{moment:%y}",
        f"{moment:%d.%m.%Y}",
    ]
    numeric.append(f"{moment:%Y-%m-%d}")
    of = "d'" if month[0] in "ao" else "de "
    words = {
        "es": [f"{moment.day} de {month} de {moment.year}", f"{moment.day} de {month.upper()} del {moment.year}"],
        "ca": [f"{moment.day} {of}{month} de {moment.year}", f"{moment.day} {of}{month} del {moment.year}"],
        "fr": [f"{moment.day} {month} {moment.year}", f"{moment.day:02} {month.upper()} {moment.year}"],
        "en": [f"{month} {moment.day}, {moment.year}", f"{moment.day} {month[:3]} {moment.year}"],
    }[language]
    return draw.choice(numeric + words * 2)


def month_year(draw: random.Random, language: str, moment: date) -> str:
    month = MONTHS[language][moment.month - 1]
    between = {"es": " de ", "ca": " de ", "fr": " ", "en": " "}[language]
    return draw.choice((f"{month}{between}{moment.year}", f"{month} {moment.year}", f"{moment:%m/%Y}"))


def plain(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))


def _telephone(draw: random.Random, language: str, first: str) -> str:
    if language == "fr":
        return draw.choice((" ", ".")).join([f"0{first}", *(f"{draw.randrange(100):02}" for _ in range(4))])
    if language == "en":
        return f"(555) {draw.randrange(100, 999)}-{draw.randrange(1000, 9999)}"
    digits = first + "".join(str(draw.randrange(10)) for _ in range(9 - len(first)))
    return draw.choice(
        (digits, f"{digits[:3]} {digits[3:6]} {digits[6:]}", f"{digits[:3]} {digits[3:5]} {digits[5:7]} {digits[7:]}")
    )


def _street(draw: random.Random, lists: Mapping[str, list[str]]) -> str:
    form = draw.choice(lists["street_form"])
    kind, name = draw.choice(lists["street_type"]), draw.choice(lists["street"])
    text: str = form.format(type=kind, name=name, number=draw.randrange(1, 180), floor=draw.randrange(1, 9))
    return text


def _numbers(draw: random.Random, language: str, born: date, first: str, last: str) -> dict[str, str]:
    def digits(count: int) -> str:
        return str(draw.randrange(10 ** (count - 1), 10**count))

    number = draw.randrange(10_000_000, 99_999_999)
    user = plain(f"{first.split()[0]}.{last.split()[-1]}".lower()).replace("'", "")
    return {
        "dni": draw.choice((dni(number), f"{dni(number)[:8]}-{dni(number)[8]}")),
        "nie": "X" + f"{number % 10**7:07}" + dni(number % 10**7)[8],
        "nhc": digits(draw.choice((6, 7))), "sip": digits(8),
        "cip": plain(last[:2].upper() + "XY") + draw.choice("01") + f"{born:%y%m%d}" + digits(3),
        "nass": f"{digits(2)} {digits(8)} {digits(2)}", "nir": nir(draw, born), "col": digits(draw.choice((5, 9))),
        "phone": _telephone(draw, language, draw.choice(("96", "95")) if language != "fr" else "4")
        if language != "es" else _telephone(draw, language, "9"),
        "mobile": _telephone(draw, language, "6"), "email": f"{user}{draw.randrange(99)}@example.org",
        "postal": f"{draw.randrange(1, 53):02}{draw.randrange(1, 999):03}",
        "accession": draw.choice(("AC-", "P", "")) + digits(8), "nhs": f"943 {digits(3)} {digits(4)}",
        "postcode": f"TR{draw.randrange(1, 9)} {draw.randrange(1, 9)}QX",
    }  # fmt: skip


KINDS: Mapping[str, str] = {
    **dict.fromkeys("patient patient_comma patient_last first last1 last2 first_relative".split(), "NAME"),
    **dict.fromkeys("doctor doctor2 doctor_last doctor_first doctor_comma".split(), "NAME"),
    **dict.fromkeys("dni nie nhc sip cip nass nir col phone mobile email postal accession".split(), "NUM"),
    **dict.fromkeys("study previous birth month_year".split(), "FECHA"),
    **dict.fromkeys("town town2 province".split(), "LOC"), **dict.fromkeys(("hospital", "centre"), "INST"),
    "street": "DIR", "doctor_first2": "NAME", "nhs": "NUM", "postcode": "NUM",
}  # fmt: skip


def _slots(
    draw: random.Random, language: str, lists: Mapping[str, list[str]]
) -> tuple[dict[str, str], tuple[date, ...]]:
    born = date(1925, 1, 1) + timedelta(days=draw.randrange(32_000))
    seen = date(2013, 1, 1) + timedelta(days=draw.randrange(4_000))
    before = seen - timedelta(days=draw.randrange(30, 1_200))
    first, relative, doctor_first = draw.sample(lists["first"], 3)
    last1, last2, doctor_last, doctor_second, other = draw.sample(lists["last"], 5)
    surnames = f"{last1} {last2}" if language in ("es", "ca") else last1
    slots = {
        "first": first, "last1": last1, "last2": last2, "patient": f"{first} {surnames}", "first_relative": relative,
        "patient_comma": f"{surnames.upper()}, {first.upper()}" if draw.random() < 0.6 else f"{surnames}, {first}",
        "patient_last": surnames, "doctor": f"{doctor_first} {doctor_last}", "doctor_first": doctor_first,
        "doctor_last": doctor_last, "doctor_comma": f"{doctor_last} {doctor_second}, {doctor_first}",
        "doctor2": f"{draw.choice(lists['first'])} {other}", "doctor_first2": draw.choice(lists["first"]),
        "town": draw.choice(lists["town"]),
        "town2": draw.choice(lists["town"]), "province": draw.choice(lists["province"]),
        "street": _street(draw, lists), "hospital": draw.choice(lists["hospital"]),
        "centre": draw.choice(lists["centre"]), "study": day(draw, language, seen),
        "previous": day(draw, language, before), "birth": day(draw, language, born),
        "month_year": month_year(draw, language, before), **_numbers(draw, language, born, first, last1),
    }  # fmt: skip
    return slots, (born, seen)


# --- filling ---------------------------------------------------------------------------------------------


def _fill_template(template: str, slots: Mapping[str, str]) -> tuple[str, tuple[Truth, ...]]:
    text, truth, at = "", [], 0
    for match in re.finditer(r"\{([A-Z]+)=([^}]*)\}|\{(\w+)\}", template):
        text += template[at : match.start()]
        kind, value = _read_slot(match, slots)
        truth.append(Truth(len(text), len(text) + len(value), kind))
        text, at = text + value, match.end()
    return text + template[at:], tuple(truth)


def _read_slot(match: re.Match[str], slots: Mapping[str, str]) -> tuple[str, str]:
    """Kind and text of a slot: drawn, in capitals or small letters, or words that stand for themselves."""
    if match[3]:
        return KINDS[match[3]], slots[match[3]]
    if match[1] in ("UPPER", "LOWER"):
        return KINDS[match[2]], slots[match[2]].upper() if match[1] == "UPPER" else slots[match[2]].lower()
    return match[1], match[2]


def _noisy(draw: random.Random, text: str) -> str:
    """As people write: one in eight all in capitals, one in eight without accents; no character moves."""
    noise: Callable[[str], str] = draw.choice((str.upper, plain, *[str] * 6))
    changed = "".join(noise(char) if len(noise(char)) == 1 else char for char in text)
    return changed


def make(language: str, number: int, template: int, which: Set, *, noise: bool = True) -> Report:
    """The report of a number; the same arguments give the same report on every machine."""
    draw = random.Random(f"{language} {which} {template} {number}")
    slots, dates = _slots(draw, language, names(language))
    text, truth = _fill_template(load(language)[which][template], slots)
    if noise:
        text = _noisy(draw, unicodedata.normalize("NFC", text))
    return replace(_report("", slots, dates, language, template), text=text, truth=truth)


def _report(template: str, slots: Mapping[str, str], dates: tuple[date, ...], language: str, number: int) -> Report:
    """A filled template, and what the header says."""
    text, truth = _fill_template(template, slots)
    ids = tuple(slots[name] for name in ("nhc", "sip", "dni", "accession"))
    people = (f"{slots['patient_last']}^{slots['first']}", f"{slots['doctor_last']}^{slots['doctor_first']}")
    return Report(text, truth, language, number, people, ids, dates, (slots["hospital"],))


def reports(which: Set, each: int = 20, languages: tuple[str, ...] = LANGUAGES) -> Iterator[Report]:
    """`each` reports of every template of a set."""
    for language in languages:
        for template in range(len(load(language)[which])):
            for number in range(each):
                yield make(language, number, template, which)


def layouts_held_out(each: int = 20, languages: tuple[str, ...] = LANGUAGES) -> Iterator[Report]:
    """`each` reports of every layout of `reports/layouts_held_out.yaml`; KEEP marks what has to stay."""
    content = load("layouts_held_out")
    for language in languages:
        for template, text in enumerate(content["layouts"][language]):
            for number in range(each):
                draw = random.Random(f"{language} held-out layout {template} {number}")
                slots, dates = _slots(draw, language, content["names"][language])
                yield _report(text, slots, dates, language, template)


def drop_knowledge(report: Report) -> Report:
    """The same report with nothing known of its study."""
    return replace(report, names=(), ids=(), dates=(), places=())


if __name__ == "__main__":
    for made in reports("tuning", int(sys.argv[1]) if len(sys.argv) > 1 else 1):
        print(made.text, end="\n---\n")
