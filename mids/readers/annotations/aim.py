"""Outlines from AIM XML, as XNAT's OHIF viewer writes them (Annotation and Image Markup, versions 3 and 4).

Declarations of documents and entities are refused, so that neither bombs nor other files can hide in them. What AIM
says of the patient, the person who drew and their machine is passed over by the parser: it never becomes an object.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from mids.errors import DataError

LARGEST = 64 * 1024**2
"""Bytes of one AIM file; a reader's whole study has a few hundred kilobytes."""

_PASSED_OVER = frozenset({"person", "Person", "user", "User", "equipment", "Equipment"})
_POLYLINES = frozenset({"TwoDimensionPolyline", "Polyline"})


@dataclass(frozen=True, slots=True)
class Drawn:
    """One closed outline: `points` are (column, row) as the file has them, `instance` is the SOPInstanceUID of the
    image, `frame` its frame from 0; `problem` says why it can't be used."""

    label: str
    instance: str = ""
    frame: int = 0
    points: tuple[tuple[float, float], ...] = ()
    problem: str = ""


def read(data: bytes) -> list[Drawn]:
    """Every outline of an AIM file, in its order.

    Raises `DataError` ``ANNOTATIONS_INVALID`` for what is no AIM, is cut short, or declares entities.
    """
    root = _tree(data)
    annotations = [element for element in root.iter() if element.tag == "ImageAnnotation"]
    if not annotations:
        raise DataError("ANNOTATIONS_INVALID", "the XML file holds no AIM annotation")
    return [drawn for annotation in annotations for drawn in _of_annotation(annotation)]


def _tree(data: bytes) -> Element:
    """The document without namespaces, texts and the elements that are passed over."""
    if len(data) > LARGEST:
        raise DataError("ANNOTATIONS_INVALID", f"the file has more than {LARGEST} bytes")
    builder = TreeBuilder()
    inside = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal inside
        tag = name.rpartition(":")[2]
        if inside or tag in _PASSED_OVER:
            inside += 1
        else:
            builder.start(tag, {key.rpartition(":")[2]: value for key, value in attributes.items()})

    def end(name: str) -> None:
        nonlocal inside
        if inside:
            inside -= 1
        else:
            builder.end(name.rpartition(":")[2])

    def refused(*_: object) -> None:
        raise DataError("ANNOTATIONS_INVALID", "the XML file declares a document type or entities, which is refused")

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refused
    try:
        parser.Parse(data, True)
        return builder.close()
    except (expat.ExpatError, AssertionError, LookupError, ValueError) as error:
        line = getattr(error, "lineno", 0)
        message = f"the file is not XML ({type(error).__name__}{f', line {line}' if line else ''})"
        raise DataError("ANNOTATIONS_INVALID", message) from error


def _of_annotation(annotation: Element) -> Iterator[Drawn]:
    """The outlines of one annotation; its name is their label where they have none of their own."""
    shapes = [element for element in annotation.iter() if element.tag in ("MarkupEntity", "GeometricShape")]
    name = _text(annotation, "name")
    if not shapes and not any(element.tag == "SegmentationEntity" for element in annotation.iter()):
        yield Drawn(name, problem="an annotation without an outline")
    for shape in shapes:
        label = _text(shape, "label") or name
        kind = shape.get("type", "").rpartition(":")[2]
        if kind not in _POLYLINES:
            yield Drawn(label, problem=f"a {kind or 'shape of no kind'}, which is not an outline")
            continue
        yield _outline(shape, label)


def _outline(shape: Element, label: str) -> Drawn:
    """A polyline; in version 4 values are elements, in version 3 attributes of its points."""
    places = ("TwoDimensionSpatialCoordinate", "SpatialCoordinate")
    points = [element for element in shape.iter() if element.tag in places]
    instance = _text(shape, "imageReferenceUid", "root") or (points[0].get("imageReferenceUID", "") if points else "")
    frame = _text(shape, "referencedFrameNumber") or (points[0].get("referencedFrameNumber", "") if points else "")
    try:
        numbered = sorted(
            (int(_either(p, "coordinateIndex")), float(_either(p, "x")), float(_either(p, "y"))) for p in points
        )
        number = int(frame or 1)
    except ValueError:
        return Drawn(label, instance, problem="points that are not numbers")
    if not instance:
        return Drawn(label, problem="an outline that names no image")
    if any(abs(value) > 1e6 or value != value for _, x, y in numbered for value in (x, y)):
        return Drawn(label, instance, problem="points that lie in no image")
    return Drawn(label, instance, max(number - 1, 0), tuple((x, y) for _, x, y in numbered))


def _either(point: Element, name: str) -> str:
    return point.get(name) or _text(point, name)


def _text(element: Element, child: str, attribute: str = "value") -> str:
    found = element.find(child)
    return "" if found is None else found.get(attribute, "").strip()
