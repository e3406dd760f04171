"""Sidecars in the DICOM JSON Model (PS3.18 annex F): the keys that come from an attribute, under its tag."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydicom import Dataset as Attributes
from pydicom.datadict import dictionary_VM, dictionary_VR, tag_for_keyword

from mids.dataset import Dataset
from mids.dataset.disk.progress import watched
from mids.exports.writing import write_json
from mids.records import Json
from mids.vocabulary.schema import Field, Schema, load

_TEXTS = frozenset({"AE", "AS", "CS", "DA", "DT", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT"})
_INTEGERS = frozenset({"IS", "SL", "SS", "SV", "UL", "US", "UV"})
_NUMBERS = frozenset({"DS", "FL", "FD"})


def dicom_sidecars(dataset: Dataset) -> Iterator[tuple[str, dict[str, Any]]]:
    """The path of each image's sidecar, and its content; an image without a sidecar has none here.

    Raises `DataError` (JSON_INVALID).
    """
    schema = load()
    images = dataset.images[["filename", "extension"]]
    for name, extension in watched(images.itertuples(index=False), "sidecars written", len(images)):
        content = attributes(dataset.sidecar(str(name)), schema)
        if content:
            yield f"{str(name).removesuffix(str(extension))}.json", content


def write_sidecars(dataset: Dataset, folder: Path) -> list[Path]:
    """Writes each image's sidecar to its place below `folder`. Raises `DataError` (JSON_INVALID)."""
    return [write_json(folder / path, content) for path, content in dicom_sidecars(dataset)]


def attributes(sidecar: Mapping[str, Json], schema: Schema) -> dict[str, Any]:
    """The attributes of a sidecar by their tags, in DICOM's units (times in ms), ordered by tag.

    A key that is no attribute, a value that varies over slices, and one that its VR or VM does not allow are left out.
    """
    found = Attributes()
    for key, value in sidecar.items():
        field = schema.fields.get(key)
        if field and field.dicom and tag_for_keyword(field.dicom) is not None:
            values = _values(field, value)
            if values:
                setattr(found, field.dicom, values[0] if len(values) == 1 else values)
    content: dict[str, Any] = found.to_json_dict()
    return dict(sorted(content.items()))


def _values(field: Field, value: Json) -> list[Any]:
    """The values of an attribute as its VR wants them; none where they do not fit."""
    given = value if isinstance(value, list) else [value]
    if field.type.count("array") == 0 and isinstance(value, list):
        return []
    if any(isinstance(item, (list, dict, bool)) or item is None for item in given) or not _fits(field, len(given)):
        return []
    representation = dictionary_VR(field.dicom)
    numbers = [item for item in given if isinstance(item, (int, float))]
    if representation in _TEXTS:
        return [str(item) for item in given] if not numbers else []
    if len(numbers) < len(given):
        return []
    scaled = [float(f"{item / field.scale:.10g}") for item in numbers]
    if representation in _INTEGERS:
        return [int(item) for item in scaled] if all(item.is_integer() for item in scaled) else []
    return scaled if representation in _NUMBERS else []


def _fits(field: Field, count: int) -> bool:
    """Whether an attribute may have so many values (PS3.6: 1, 3, 1-n, 2-2n)."""
    low, _, high = dictionary_VM(field.dicom).partition("-")
    if not high:
        return count == int(low)
    if high.endswith("n"):
        step = int(high[:-1] or 1)
        return count >= int(low) and count % step == 0
    return int(low) <= count <= int(high)
