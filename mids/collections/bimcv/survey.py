"""What a published MIDS dataset holds, in folders or inside its archives: images with their headers, tables as bytes.

Archives are read once, member by member, and nothing of them is unpacked to disk.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

from mids.collections.bimcv import legacy
from mids.errors import DataError
from mids.issues import Issue, issue
from mids.readers.archives.files import batched, contents, walk
from mids.records import Json, Map, Source
from mids.vocabulary.names import Name, parse

CHUNK = 128
"""Files that one worker reads at a time."""

LARGEST = 256 * 1024**2
"""Bytes of a table that are read; the published ones have a few megabytes."""

IMAGES = (".png", ".nii.gz", ".nii")
_TEXTS = (".tsv", ".csv", ".txt", ".xml")
_PLACE = re.compile(r"(?:^|/)((?:derivatives|sub-[0-9A-Za-z]+)/.+|(?i:participants\.tsv))$")
BROKEN_PICTURE = (OSError, UnidentifiedImageError, ValueError, SyntaxError, Image.DecompressionBombError)


@dataclass(frozen=True, slots=True)
class Found:
    """One file: `place` is its path in the published dataset, empty for what lies outside.

    `data` is a table's content, `header` a sidecar's, `size` (rows, columns) a picture's.
    """

    place: str
    source: Source
    data: bytes = b""
    header: Mapping[str, Json] = field(default_factory=dict)
    size: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class Picture:
    """An image of the published dataset with the best header that there is for it.

    `described_by` says whose the header is: "own" (by its name, or by the number that it carries), "series" (another
    file's of the same series, of which only what holds for the series is taken) or "none". `siblings` counts the
    files of its series.
    """

    found: Found
    name: Name
    header: Mapping[str, Json]
    described_by: str
    siblings: int

    @property
    def is_view_its_own(self) -> bool:
        """Whether the view in the name is this image's: names took it from the one sidecar of a series."""
        return self.siblings == 1 or _is_numbered(self.name, self.header)

    @property
    def subject(self) -> str:
        """The subject's label."""
        return self.name.get("sub") or ""

    @property
    def session(self) -> str:
        """The session's label."""
        return self.name.get("ses") or ""

    @property
    def series(self) -> str:
        """What the files of one series share: the path without its extension and its `acq`."""
        return _series(self.found.place)


def survey(root: Path, mapped: Map = map) -> tuple[list[Found], list[Issue]]:
    """Every file below `root`, archives entered, and what could not be read."""
    files: list[Found] = []
    issues: list[Issue] = []
    for found, problems in mapped(partial(_read, root=root), batched(walk(root), CHUNK)):
        files += found
        issues += problems
    return files, issues


def _read(sources: Sequence[Source], root: Path) -> tuple[list[Found], list[Issue]]:
    files: list[Found] = []
    issues: list[Issue] = []
    for source in sources:
        try:
            files += _files(root, source, issues)
        except DataError as error:
            issues.append(issue(error.code, error.message, source.name, origin="read"))
    return files, issues


def _files(root: Path, source: Source, issues: list[Issue]) -> Iterator[Found]:
    """A file, or those in an archive; each once it is known to be whole."""
    last: Found | None = None
    for one, stream in contents(root, source):
        if last:
            yield last
        last = _file(one, stream, issues)
    if last:
        yield last


def _file(source: Source, stream: BinaryIO, issues: list[Issue]) -> Found:
    match = _PLACE.search(source.name.replace("!", "/").replace("\\", "/"))
    found = Found(match[1] if match else "", source)
    lower = found.place.lower()
    try:
        if lower.endswith(".json"):
            return replace(found, header=legacy.header(stream.read(LARGEST)))
        if lower.endswith(_TEXTS):
            return replace(found, data=stream.read(LARGEST))
        if lower.endswith(".png"):
            with Image.open(stream) as image:
                return replace(found, size=(image.height, image.width))
    except DataError as error:
        issues.append(issue(error.code, error.message, source.name, origin="read"))
    except BROKEN_PICTURE:
        pass  # its conversion will say so
    return found


def pictures(files: Iterable[Found]) -> Iterator[Picture]:
    """The images below the subjects' folders, each with its header, in the order of their places."""
    inside = [found for found in files if found.place.startswith("sub-")]
    sidecars = {_stem(found.place): found.header for found in inside if found.place.endswith(".json")}
    series: dict[str, list[Found]] = defaultdict(list)
    for found in sorted(inside, key=lambda found: found.place):
        if found.place.endswith(IMAGES):
            series[_series(found.place)].append(found)
    of_series = {_series(f"{stem}.json"): header for stem, header in sorted(sidecars.items()) if header}
    counts = Counter(_series(f"{stem}.json") for stem, header in sidecars.items() if header)
    for key, images in series.items():
        for found in images:
            name = parse(found.place).name
            if name is None or not name.get("ses"):
                continue
            whole = of_series.get(key, {})
            named = sidecars.get(_stem(found.place))
            is_shared = len(images) > 1 and counts[key] == 1 and str(whole.get("InstanceNumber", "")).isdigit()
            own = (named if not is_shared else None) or (whole if _is_numbered(name, whole) else None)
            shared = legacy.of_series(whole)
            by = "own" if own else "series" if shared else "none"
            yield Picture(found, name, own or shared, by, len(images))


def _is_numbered(name: Name, header: Mapping[str, Json]) -> bool:
    """Whether a header carries the image's number: the sidecar of a series is that of the file which it numbers."""
    number, acq = str(header.get("InstanceNumber", "")), name.get("acq") or ""
    return number.isdigit() and acq.isdigit() and int(number) == int(acq)


def _stem(place: str) -> str:
    folder, _, name = place.rpartition("/")
    return f"{folder}/{name.partition('.')[0]}"


def _series(place: str) -> str:
    folder, _, name = _stem(place).rpartition("/")
    return f"{folder}/" + "_".join(part for part in name.split("_") if part and not part.startswith("acq-"))
