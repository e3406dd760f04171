"""PNG files by their names, and tables, in folders or archives, wherever they lie: archives are read once."""

import gzip
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from PIL import Image

from mids.collections.bimcv.survey import BROKEN_PICTURE, CHUNK, LARGEST
from mids.errors import DataError
from mids.issues import Issue, issue
from mids.readers.archives.files import batched, contents, walk
from mids.readers.tables.table import Table, parse_csv
from mids.records import Map, Source

_TABLES = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz")


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG: where it is, and (rows, columns) in pixels, (0, 0) where its header can't be read."""

    source: Source
    size: tuple[int, int]


@dataclass(slots=True)
class Files:
    """Everything of a source: pictures by file name, tables, the label tree (content, name), and the rest."""

    images: dict[str, Picture] = field(default_factory=dict)
    tables: list[Table] = field(default_factory=list)
    tree: tuple[bytes, str] | None = None
    documents: list[Source] = field(default_factory=list)
    others: list[Source] = field(default_factory=list)
    repeated: list[tuple[str, Source]] = field(default_factory=list)
    issues: list[Issue] = field(default_factory=list)


def name_of(text: str) -> str:
    """What a table and a folder call an image alike: without folders, ending in .png whatever stands there."""
    name = text.strip().replace("\\", "/").rpartition("/")[2]
    return (name[:-4] if name.lower().endswith(".png") else name) + ".png" if name else ""


def collect(root: Path, mapped: Map = map) -> Files:
    """Every file below `root`, archives entered; of two pictures of one name the first counts."""
    files = Files()
    for part in mapped(partial(_read, root=root), batched(walk(root), CHUNK)):
        for name, picture in part.images.items():
            if name in files.images:
                files.repeated.append((name, picture.source))
            else:
                files.images[name] = picture
        files.tables += part.tables
        files.tree = files.tree or part.tree
        files.documents += part.documents
        files.others += part.others
        files.repeated += part.repeated
        files.issues += part.issues
    return files


def _read(sources: Sequence[Source], root: Path) -> Files:
    files = Files()
    for source in sources:
        try:
            for _ in _take(root, source, files):
                pass
        except DataError as error:
            files.issues.append(issue(error.code, error.message, source.name, origin="read"))
    return files


def _take(root: Path, source: Source, files: Files) -> Iterator[None]:
    for one, stream in contents(root, source):
        name = one.name.replace("!", "/").rpartition("/")[2]
        lower = name.lower()
        if lower.endswith(".png"):
            size = (0, 0)
            try:
                with Image.open(stream) as image:
                    size = (image.height, image.width)
            except BROKEN_PICTURE:
                pass  # its conversion will say so
            if name_of(name) in files.images:
                files.repeated.append((name_of(name), one))
            files.images.setdefault(name_of(name), Picture(one, size))
        elif lower.endswith(_TABLES):
            data = stream.read(LARGEST)
            data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
            files.documents.append(one)
            if "tree_term" in lower:
                files.tree = (data, one.name)
            else:
                files.tables.append(parse_csv(data, one.name))
        else:
            files.others.append(one)
        yield
