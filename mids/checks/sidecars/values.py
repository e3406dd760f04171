"""Sidecars: what they inherit from files above them, and values that stand in another unit."""

from collections.abc import Iterator
from typing import Any

from mids.inspection.documents import NUMBERS
from mids.inspection.paths import applies, are_companions
from mids.inspection.registry import Finding, Found, check
from mids.inspection.views import FileView
from mids.issues import Level
from mids.records import Json


def _inherits(file: FileView) -> bool:
    """Whether the subject or the dataset has sidecars that lie beside no image."""
    return bool(file.dataset.loose)


def _find_inherited_sidecars(file: FileView) -> Iterator[FileView]:
    """The sidecars beside no image that apply to this file."""
    return (file.dataset.view(path) for path in file.dataset.loose if applies(path, file.path))


@check("SIDECAR_CONFLICT", per="image", level=Level.WARNING, when=_inherits)
def sidecar_conflict(image: FileView) -> Found:
    """A sidecar and a sidecar above it give different values for the same key of an image.

    Why: BIDS uses the nearer one; programs that read only one of the two files disagree.

    Fix: Remove the key from the file above, or correct the wrong value.
    """
    nearer = image.metadata
    for above in sorted(_find_inherited_sidecars(image), key=lambda view: -view.path.count("/")):
        content = above.document.content
        for key, value in content.items() if isinstance(content, dict) else ():
            if key in nearer and nearer[key] != value:
                where = image.sidecar.path if image.sidecar else image.path
                message = "the value differs from that in a sidecar above"
                yield Finding(message, f"$.{key}", _short(nearer[key]), _short(value), where)
        nearer = {**content, **nearer} if isinstance(content, dict) else nearer


def _short(value: Json) -> str:
    """A value as a report shows it; texts are not shown."""
    return str(value)[:40] if isinstance(value, int | float) else ""


def _may_be_ambiguous(file: FileView) -> bool:
    return _inherits(file) and not are_companions((file.extension,))


@check("SIDECAR_AMBIGUOUS", per="file", when=_may_be_ambiguous)
def sidecar_ambiguous(file: FileView) -> Found:
    """Several JSON files in one folder apply to a file, and none of them has its stem.

    Why: BIDS allows one for each folder; it does not say which of them applies.

    Fix: Merge them, or give each an entity that the other's files do not have.
    """
    folders: dict[str, list[str]] = {}
    for view in _find_inherited_sidecars(file):
        if not (file.sidecar and view.folder == file.folder):
            folders.setdefault(view.folder, []).append(view.path)
    for paths in folders.values():
        if len(paths) > 1:
            yield Finding("several sidecars in one folder apply", value=" ".join(sorted(paths))[:200])


USUAL: dict[str, tuple[float, float, str]] = {
    "EchoTime": (1e-5, 1, "s"),
    "RepetitionTime": (5e-4, 30, "s"),
    "InversionTime": (5e-4, 20, "s"),
    "ExposureTime": (1e-6, 60, "s"),
    "MagneticFieldStrength": (0.01, 15, "T"),
    "ImagingFrequency": (0.4, 700, "MHz"),
    "KVP": (10, 400, "kV"),
    "XRayTubeCurrent": (0.1, 2500, "mA"),
    "PixelSpacing": (0.005, 50, "mm"),
    "ImagerPixelSpacing": (0.005, 10, "mm"),
    "SliceThickness": (0.02, 200, "mm"),
    "SpacingBetweenSlices": (0.02, 200, "mm"),
    "DistanceSourceToDetector": (50, 5000, "mm"),
    "DistanceSourceToPatient": (50, 5000, "mm"),
    "ReconstructionDiameter": (5, 1200, "mm"),
}
"""What machines do: least and greatest usual value in the unit of docs/vocabulary.md. A value a thousand times too
large or too small (ms for s, m or um for mm, V for kV, gauss for T) lies outside. 0 means unknown."""


@check("SIDECAR_UNIT", per="sidecar", level=Level.WARNING, keys=USUAL)
def sidecar_unit(file: FileView) -> Found:
    """A number in a sidecar is possible but very unusual; it is probably in another unit.

    Why: Results computed from it are wrong, often by a factor of a thousand.

    Fix: Convert it to the unit that the message names, as docs/vocabulary.md says.
    """
    for key in USUAL.keys() & file.keys.keys() if file.layout == "mids" else ():
        low, high, unit = USUAL[key]
        value: Any = file.keys[key]
        for number in value if type(value) is list else (value,):
            if type(number) in NUMBERS and number and not low <= abs(number) <= high and not _is_wrong(file, key):
                expected = f"{low:g} to {high:g} {unit}"
                yield Finding("the number is unusual for its unit", f"$.{key}", str(value)[:40], expected)
                break


def _is_wrong(file: FileView, key: str) -> bool:
    """Whether the JSON Schema has said something of a key."""
    return any(where.startswith(f"$.{key}") for _, where, _ in file.schema_errors)
