"""A map of patients by region or site, drawn over shapes that a user gives as GeoJSON (RFC 7946)."""

import json
import math
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mids.analysis.counting import Tables, collect_patient_values
from mids.errors import MidsError

COLUMNS = ("region", "site", "country")
"""The columns of patients that places are looked for in, the first that fits."""

WIDTH = 640
"""Width of the map, in units of its SVG."""

LARGEST = 20_000
"""Points of a shape that are drawn."""

Point = tuple[float, float]
Rings = list[list[Point]]


@dataclass(frozen=True, slots=True)
class Place:
    """One shape of the map: its name, its patients, the path of its outline and where its number stands.

    `shade` is from 0 (no patient) to 1 (the most of all).
    """

    name: str
    number: int
    shade: float
    path: str
    at: Point


@dataclass(frozen=True, slots=True)
class Map:
    """A map; `elsewhere` are places of patients that no shape has, with their numbers."""

    column: str
    height: int
    places: tuple[Place, ...]
    elsewhere: tuple[tuple[str, int], ...]


def read(path: Path) -> list[Mapping[str, Any]]:
    """The features of a GeoJSON file that have an area.

    Raises `MidsError` where it can't be read, is no FeatureCollection, or holds no polygon in degrees.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise MidsError(f"can't read the map {path} as GeoJSON ({type(error).__name__}): give another file") from error
    features = content.get("features") if isinstance(content, dict) else None
    if not isinstance(features, list):
        raise MidsError(f"the map {path} is not a GeoJSON FeatureCollection: give another file")
    found: list[Mapping[str, Any]] = [each for each in features if isinstance(each, dict) and _rings(each)]
    if not found:
        raise MidsError(f"the map {path} has no polygons in degrees of longitude and latitude (EPSG:4326)")
    return found


def draw_map(features: Sequence[Mapping[str, Any]], given: Tables) -> Map | None:
    """Patients by place on the map; None where no place of the dataset is on it.

    A shape is a place's where any of its properties, or its id, is spelled as the place is, whatever the case,
    accents and punctuation.
    """
    for column in COLUMNS:
        counts = collect_patient_values(given, column).dropna().value_counts()
        by_word = {_word(str(name)): (str(name), int(number)) for name, number in counts.items()}
        matches = [_match(feature, by_word) for feature in features]
        if any(matches):
            return _map(column, features, matches, by_word)
    return None


def _map(
    column: str, features: Sequence[Mapping[str, Any]], matches: Sequence[str], by_word: Mapping[str, tuple[str, int]]
) -> Map:
    rings = [_rings(feature) for feature in features]
    every = [point for each in rings for ring in each for point in ring]
    west, east = min(p[0] for p in every), max(p[0] for p in every)
    south, north = min(p[1] for p in every), max(p[1] for p in every)
    squeeze = math.cos(math.radians((south + north) / 2))  # degrees of longitude are shorter than those of latitude
    scale = min(WIDTH / max((east - west) * squeeze, 1e-9), WIDTH / max(north - south, 1e-9))
    most = max((by_word[word][1] for word in matches if word), default=1)

    def placed(point: Point) -> Point:
        return (point[0] - west) * squeeze * scale, (north - point[1]) * scale

    places = []
    for feature, own, word in zip(features, rings, matches, strict=True):
        name, number = by_word.get(word, (_name(feature), 0))
        shape = [[placed(point) for point in ring] for ring in own]
        places.append(Place(name, number, number / most, "".join(map(_outline, shape)), _centre(max(shape, key=_area))))
    missed = tuple(by_word[word] for word in by_word if word not in matches)
    return Map(column, math.ceil((north - south) * scale), tuple(places), missed)


def _match(feature: Mapping[str, Any], by_word: Mapping[str, tuple[str, int]]) -> str:
    """The word of the place that a shape is, or ""."""
    properties = feature.get("properties") or {}
    values = [feature.get("id"), *(properties.values() if isinstance(properties, dict) else ())]
    spelled = (_word(str(value)) for value in values if isinstance(value, (str, int)))
    return next((word for word in spelled if word in by_word), "")


def _name(feature: Mapping[str, Any]) -> str:
    """What a shape without patients is called."""
    properties = feature.get("properties") or {}
    words = [str(properties[key]) for key in properties if str(key).casefold() in ("name", "nom", "nombre", "title")]
    return words[0] if words else ""


def _word(text: str) -> str:
    """A name without case, accents and punctuation."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in plain if character.isalnum())


# --- shapes ----------------------------------------------------------------------------------------------


def _rings(feature: Mapping[str, Any]) -> Rings:
    """The outlines of a Polygon or MultiPolygon in degrees; none where anything else stands there."""
    geometry = feature.get("geometry")
    if not isinstance(geometry, dict):
        return []
    shapes: Any = geometry.get("coordinates")
    if geometry.get("type") == "Polygon":
        shapes = [shapes]
    elif geometry.get("type") != "MultiPolygon":
        return []
    try:
        rings = [[(float(p[0]), float(p[1])) for p in ring] for shape in shapes for ring in shape]
    except (TypeError, ValueError, IndexError, KeyError):
        return []
    is_in_degrees = all(abs(x) <= 180 and abs(y) <= 90 for ring in rings for x, y in ring)
    return [_thin_ring(ring) for ring in rings if len(ring) > 3] if is_in_degrees else []


def _thin_ring(ring: list[Point]) -> list[Point]:
    return ring[:: 1 + len(ring) // LARGEST]


def _outline(ring: Sequence[Point]) -> str:
    """A ring as part of an SVG path, in tenths of a unit, without points that repeat."""
    points = dict.fromkeys((round(x, 1), round(y, 1)) for x, y in ring)
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in points) + "Z"


def _edges(ring: Sequence[Point]) -> Iterator[tuple[Point, Point, float]]:
    for (x, y), (u, v) in zip(ring, [*ring[1:], ring[0]], strict=True):
        yield (x, y), (u, v), x * v - u * y


def _area(ring: Sequence[Point]) -> float:
    return abs(sum(part for _, _, part in _edges(ring))) / 2


def _centre(ring: Sequence[Point]) -> Point:
    """The centroid of a ring (Bourke 1988); its first point where it has no area."""
    double = sum(part for _, _, part in _edges(ring))
    if abs(double) < 1e-9:
        return ring[0]
    x = sum((a[0] + b[0]) * part for a, b, part in _edges(ring)) / (3 * double)
    y = sum((a[1] + b[1]) * part for a, b, part in _edges(ring)) / (3 * double)
    return round(x, 1), round(y, 1)
