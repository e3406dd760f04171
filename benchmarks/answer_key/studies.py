"""Invented DICOM studies with planted identifiers, and the table of what must become of each element."""

import csv
import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass, fields
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from pydicom import Dataset
from pydicom.datadict import dictionary_VR
from pydicom.sequence import Sequence

from example_datasets.generators.dicomfile import instance, uid, with_pixels

PLANTS = Path(__file__).with_name("plants.yaml")
STUDIES = 3
SIDE = 256
"""Rows and columns of each image."""
BOX = (4, 4, 252, 28)
"""Left, top, right, bottom of burned-in text, in pixels."""
_MARK = re.compile(r"\{(-?)(\w+)\}|<([^<>]+)>")
_COLOUR = frozenset({"us", "sc"})


@dataclass(frozen=True, slots=True)
class Row:
    """One expected action: the file, the element (``Sequence/Keyword``), what it held, the words that go or stay."""

    file: str
    element: str
    action: str
    value: str
    words: str


def make(folder: Path, patients: int = 12, seed: int = 0) -> list[Row]:
    """Writes ``input/*.dcm`` and ``answer_key.tsv`` into a folder that is new or empty."""
    content = yaml.safe_load(PLANTS.read_text("utf-8"))
    draw, rows = random.Random(seed), []
    (folder / "input").mkdir(parents=True)
    for number, (slots, kind) in enumerate(_instances(draw, content, patients)):
        name = f"{number:04}.dcm"
        dataset, found = _instance(name, number, slots, kind, content)
        dataset.save_as(folder / "input" / name, enforce_file_format=True)
        rows += found
    with (folder / "answer_key.tsv").open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream, delimiter="\t", lineterminator="\n")
        table.writerow(field.name for field in fields(Row))
        table.writerows(map(astuple, rows))
    return rows


def read(folder: Path) -> list[Row]:
    """The table of expected actions that `make` wrote."""
    with (folder / "answer_key.tsv").open(encoding="utf-8", newline="") as stream:
        return [Row(**line) for line in csv.DictReader(stream, delimiter="\t")]


# --- people ----------------------------------------------------------------------------------------------------


def _instances(draw: random.Random, content: Mapping[str, Any], patients: int) -> Iterator[tuple[dict[str, str], str]]:
    """The slots and the kind of each instance: every patient has a few studies of two series each."""
    kinds, languages = list(content["kinds"]), list(content["people"])
    for number in range(patients):
        person = _person(draw, content["people"][languages[number % len(languages)]], number)
        day = date(2011, 1, 3) + timedelta(days=draw.randrange(3600))
        for study in range(STUDIES):
            day += timedelta(days=draw.randrange(2, 300))
            frame, first = uid("frame", number, study), ""
            for place in range(2):
                kind = kinds[(number + 3 * study + place) % len(kinds)]
                name = f"{number}/{study}/{place}"
                slots = {**person, **_days(day), "number": str(study * 10 + place + 1), "frame_uid": frame}
                slots |= {"study_uid": uid("study", number, study), "series_uid": uid("series", name)}
                slots |= {"name": name, "other_uid": first or uid("instance", name)}
                first = uid("instance", name)
                yield slots, kind


def _person(draw: random.Random, lists: Mapping[str, list[str]], number: int) -> dict[str, str]:
    last, mother, doctor, reader, operator = draw.sample(lists["last"], 5)
    first, relative, doctor_first, reader_first = draw.sample(lists["first"], 4)
    birth = date(1931, 1, 1) + timedelta(days=draw.randrange(25_000))
    digits = f"{draw.randrange(10**8, 10**9)}"
    return {
        "last": last, "first": first, "mother": mother, "relative": relative, "operator": operator,
        "doctor_last": doctor, "doctor_first": doctor_first, "reader_last": reader, "reader_first": reader_first,
        "id": f"{digits[:7]}", "dni": f"{digits[1:]}{'TRWAGMYFPDXBNJZSQVHLCKE'[int(digits[1:]) % 23]}",
        "phone": f"6{digits[:2]} {digits[2:5]} {digits[5:8]}", "email": f"contact{digits[:4]}@example.org",
        "policy": f"P{digits[3:]}", "accession": f"A{digits[2:]}", "admission": f"{digits[::-1]}",
        "station": f"ROOM{digits[:3]}X", "serial": f"{digits[4:]}-{digits[:3]}", "room": f"H{digits[:3]}",
        "street": draw.choice(lists["street"]), "town": draw.choice(lists["town"]),
        "hospital": draw.choice(lists["hospital"]), "birth": f"{birth:%Y%m%d}", "birth_words": f"{birth:%d/%m/%Y}",
        "creator_uid": uid("creator", number), "code": "241540006", "meaning": "Magnetic resonance imaging",
    }  # fmt: skip


def _days(day: date) -> dict[str, str]:
    earlier, calibrated = day - timedelta(days=41), day - timedelta(days=11)
    return {
        "day": f"{day:%Y%m%d}", "day_words": f"{day:%d/%m/%Y}", "earlier": f"{earlier:%Y%m%d}",
        "earlier_words": f"{earlier:%d-%m-%Y}", "calibrated": f"{calibrated:%Y%m%d}", "age": f"{day.year - 1960}",
    }  # fmt: skip


# --- instances -------------------------------------------------------------------------------------------------


def _instance(
    name: str, number: int, slots: Mapping[str, str], kind: str, content: Mapping[str, Any]
) -> tuple[Dataset, list[Row]]:
    entries = {**content["all"], **content["kinds"][kind]}
    burned = _filled(entries.pop("burned", ""), slots)[0]
    dataset = instance(entries.pop("sop_class"), slots["name"], {"SpecificCharacterSet": "ISO_IR 192"})
    rows: list[Row] = []
    for element, entry in entries.items():
        chosen = entry[number % len(entry)] if isinstance(entry, list) else entry
        described = chosen if isinstance(chosen, dict) else {"value": chosen}
        value, gone, kept = _filled(described.get("value", ""), slots)
        if value:
            put(dataset, element, value)
        held = value or str(dataset.get(element) or "")
        expected = [(action, held if action == "text retained" else "") for action in described.get("expect", ())]
        is_text = not {"date shifted", "uid changed", "patid consistent"} & set(described.get("expect", ()))
        gone = " ".join(word for word in gone.split() if word.strip(",").casefold() not in content["generic"])
        expected += [("text removed", gone)] if gone and is_text else []
        expected += [("text retained", kept)] if kept else []
        rows += [Row(name, element, action, held, words) for action, words in expected]
    if kind == "sr":
        measure(dataset, number)
    else:
        _draw(dataset, number, burned, colour=kind in _COLOUR)
        rows.append(Row(name, "PixelData", "pixels retained", "", ""))
    if burned:
        rows.append(Row(name, "PixelData", "pixels hidden", burned, " ".join(map(str, BOX))))
    return dataset, rows


def _filled(template: str, slots: Mapping[str, str]) -> tuple[str, str, str]:
    """A value with its slots filled, the words in it that must go, and those that must stay."""
    gone: list[str] = []
    kept: list[str] = []

    def fill(match: re.Match[str]) -> str:
        if match[3]:
            kept.append(text := re.sub(r"\{-?(\w+)\}", lambda slot: slots[slot[1]], match[3]))
            return text
        gone.append(slots[match[2]])
        return slots[match[2]]

    return _MARK.sub(fill, template), " ".join(gone), " ".join(kept)


def put(dataset: Dataset, element: str, value: str) -> None:
    """Sets an element by ``Sequence/Keyword`` or ``private CREATOR gggg ee VR``; several values by backslashes."""
    if element.startswith("private "):
        creator, group, place, vr = element.removeprefix("private ").rsplit(" ", 3)
        dataset.private_block(int(group, 16), creator, create=True).add_new(int(place, 16), vr, value)
        return
    *sequences, keyword = element.split("/")
    for sequence in sequences:
        if sequence not in dataset:
            setattr(dataset, sequence, Sequence([Dataset()]))
        dataset = getattr(dataset, sequence)[0]
    vr = dictionary_VR(keyword)
    content: Any = value.split("\\") if "\\" in value else value
    number = {"US": int, "SS": int, "UL": int, "FD": float, "FL": float}.get(vr)
    setattr(dataset, keyword, number(value) if number else content)


def measure(dataset: Dataset, number: int) -> None:
    """A measurement of its own, by which the scorer knows a report again."""
    item, unit, value = Dataset(), Dataset(), Dataset()
    item.RelationshipType, item.ValueType = "CONTAINS", "NUM"
    unit.CodeValue, unit.CodingSchemeDesignator, unit.CodeMeaning = "mm", "UCUM", "mm"
    value.NumericValue, value.MeasurementUnitsCodeSequence = f"{number}.25", [unit]
    name = Dataset()
    name.CodeValue, name.CodingSchemeDesignator, name.CodeMeaning = "410668003", "SCT", "Length"
    item.ConceptNameCodeSequence, item.MeasuredValueSequence = [name], [value]
    dataset.ContentSequence.append(item)


def _draw(dataset: Dataset, number: int, burned: str, *, colour: bool) -> None:
    """An image of its own: a smooth body in noise, with text along the top where it is burned in."""
    noise = np.random.default_rng(number)
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE - 0.5
    body = 150 * np.exp(-8 * (x**2 + 1.5 * y**2)) + noise.normal(20, 3, (SIDE, SIDE))
    picture = np.clip(body, 0, 255).astype(np.uint8)
    if burned:
        picture[: BOX[3]] = 0
        picture = _written(picture, burned)
    if colour:
        with_pixels(dataset, np.repeat(picture[..., None], 3, axis=2), "RGB", 8)
    else:
        with_pixels(dataset, picture.astype(np.uint16) * 16, "MONOCHROME2", 12)


def _written(picture: NDArray[np.uint8], text: str) -> NDArray[np.uint8]:
    image = Image.fromarray(picture)
    ImageDraw.Draw(image).text((BOX[0] + 2, BOX[1] + 2), text, fill=255, font=ImageFont.load_default(15))
    return np.asarray(image)
