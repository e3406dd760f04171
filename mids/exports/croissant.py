"""A dataset as Croissant metadata (MLCommons, version 1.0): JSON-LD that search engines and loaders read.

https://docs.mlcommons.org/croissant/docs/croissant-spec.html
"""

import hashlib
import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mids.dataset import Dataset
from mids.dataset.masks import ROIS
from mids.exports.description import is_organisation, read_description
from mids.vocabulary.schema import Schema, load

CONFORMS = "http://mlcommons.org/croissant/1.0"
CONTEXT: Mapping[str, Any] = {
    "@language": "en", "@vocab": "https://schema.org/", "citeAs": "cr:citeAs", "column": "cr:column",
    "conformsTo": "dct:conformsTo", "cr": "http://mlcommons.org/croissant/", "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"}, "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/", "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"}, "extract": "cr:extract",
    "field": "cr:field", "fileProperty": "cr:fileProperty", "fileObject": "cr:fileObject", "fileSet": "cr:fileSet",
    "format": "cr:format", "includes": "cr:includes", "isLiveDataset": "cr:isLiveDataset", "jsonPath": "cr:jsonPath",
    "key": "cr:key", "md5": "cr:md5", "parentField": "cr:parentField", "path": "cr:path", "recordSet": "cr:recordSet",
    "references": "cr:references", "regex": "cr:regex", "repeated": "cr:repeated", "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/", "separator": "cr:separator", "source": "cr:source", "subField": "cr:subField",
    "transform": "cr:transform",
}  # fmt: skip
"""The context that the specification gives, word for word."""

FORMATS = {".nii.gz": "application/gzip", ".nii": "application/octet-stream", ".png": "image/png"}
_log = logging.getLogger("mids.exports")
_TSV = "text/tab-separated-values"


def croissant(dataset: Dataset, beside: Path | None = None) -> dict[str, Any]:
    """The JSON-LD of a dataset: its files, and a record set for each table.

    Paths are relative to the dataset's folder: the file belongs there, or beside the published data; with `beside` to
    that folder, so that a file there finds the dataset where it lies. A warning is logged where the dataset is not
    below it, for sets of files are found only below. Every column is text, as in the tables: 007 is no number.
    """
    if lost := find_lost(dataset, beside):
        _log.warning("%s", lost)
    said = read_description(dataset)
    schema = load()
    tables = sorted(set(_tables(dataset.path, schema)))
    way = Path(os.path.relpath(dataset.path, beside)).as_posix() if beside else "."
    top = "" if way == "." else f"{way}/"
    content: dict[str, Any] = {
        "@context": CONTEXT, "@type": "sc:Dataset", "conformsTo": CONFORMS, "name": said.name,
        "description": said.description, "version": _semantic(said.version),
        "license": said.licence_url or said.licence, "url": said.url, "citeAs": said.citation,
        "datePublished": said.published,
        "creator": [_agent(author) for author in said.authors],
        "publisher": [_agent(said.publisher, is_known=True)] if said.publisher else [],
        "keywords": list(dict.fromkeys((*said.keywords, *said.modalities))),
        "identifier": f"https://doi.org/{said.doi}" if said.doi else "",
        "rai:dataLimitations": list(said.limitations),
    }  # fmt: skip
    return {
        **{key: value for key, value in content.items() if value},
        "distribution": [*(_table(dataset.path, path, top) for path in tables), *_sets(dataset, top)],
        "recordSet": [
            *(_records(path, {"fileObject": {"@id": path}}, dataset.table(path).columns, schema) for path in tables),
            *(
                _records(path, {"fileSet": {"@id": name}}, columns, schema)
                for name, path, _, columns in _find_repeated_tables(dataset)
            ),
        ],
    }


def find_lost(dataset: Dataset, beside: Path | None) -> str:
    """What readers of a file in the folder `beside` do not find, as a sentence; "" where they find all."""
    if beside is None or dataset.path.resolve().is_relative_to(beside.resolve()):
        return ""
    return (
        "in this place readers of Croissant find the tables that a dataset has once, but no images, scans and "
        f"sessions: write it to {dataset.path} or to a folder above"
    )


def _agent(name: str, *, is_known: bool = False) -> dict[str, str]:
    return {"@type": "sc:Organization" if is_known or is_organisation(name) else "sc:Person", "name": name}


def _semantic(version: str) -> str:
    """A version with three numbers, as the specification recommends."""
    return ".".join([*version.split("."), "0", "0"][:3]) if version else ""


def _tables(root: Path, schema: Schema) -> Iterator[str]:
    """The tables whose place is one for the whole dataset."""
    fixed = [table.file for table in schema.tables.values() if "{" not in table.file]
    more = [path.relative_to(root).as_posix() for path in root.glob("phenotype/*.tsv")]
    more += [path.relative_to(root).as_posix() for path in root.glob("derivatives/*/*.tsv")]
    yield from (path for path in (*fixed, *more) if (root / path).is_file() and "/provenance/" not in path)


def _table(root: Path, path: str, top: str) -> dict[str, Any]:
    content = (root / path).read_bytes()
    return {
        "@type": "cr:FileObject", "@id": path, "name": path, "contentUrl": f"{top}{path}", "encodingFormat": _TSV,
        "contentSize": f"{len(content)} B", "sha256": hashlib.sha256(content).hexdigest(),
    }  # fmt: skip


def _sets(dataset: Dataset, top: str) -> Iterator[dict[str, Any]]:
    """The images, their segmentations and sidecars, as sets of files."""
    for name, text, glob in _kinds(dataset):
        yield _set(name, text, f"{top}{glob}", FORMATS.get(glob.rpartition("*")[2].lower(), "image/tiff"))
    for name, _, glob, _ in _find_repeated_tables(dataset):
        yield _set(name, "One table for each subject or session", f"{top}{glob}", _TSV)
    yield _set("sidecars", "How each image was acquired and made", f"{top}sub-*/**/*.json", "application/json")


def _kinds(dataset: Dataset) -> Iterator[tuple[str, str, str]]:
    """Name, description and glob of the images and the segmentations of each extension."""
    given = (("images", "Images", "", dataset.images), ("rois", "Segmentations", f"{ROIS}/", dataset.rois))
    for name, text, top, table in given:
        for extension in sorted(set(map(str, table["extension"].dropna()))):
            short = extension.strip(".").replace(".", "_")
            yield f"{name}_{short}", f"{text} ({extension})", f"{top}sub-*/**/*{extension}"


def _set(name: str, text: str, glob: str, form: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileSet", "@id": name, "name": name, "description": text, "encodingFormat": form, "includes": glob,
    }  # fmt: skip


def _find_repeated_tables(dataset: Dataset) -> Iterator[tuple[str, str, str, Sequence[str]]]:
    """Name, a path, the glob and the columns that all have, of the tables that every subject, or session, has."""
    for name, places in (("sessions", ["sub-*"]), ("scans", ["sub-*", "sub-*/ses-*"])):
        for place in places:
            found: dict[str, None] | None = None
            for path in sorted(dataset.path.glob(f"{place}/*_{name}.tsv")):
                with path.open(encoding="utf-8-sig", errors="replace") as stream:
                    header = stream.readline().rstrip("\n").split("\t")
                found = {column: None for column in (header if found is None else found) if column in header}
            if found:
                yield f"{name}_tables", f"sub-x/sub-x_{name}.tsv", f"{place}/*_{name}.tsv", list(found)
                break


def _records(path: str, source: Mapping[str, Any], columns: Iterable[str], schema: Schema) -> dict[str, Any]:
    """One table, or all of one kind: a field for each column, and where a row stands if that says whose it is."""
    known = schema.table_of(path)
    name = path.removesuffix(".tsv").rpartition("/")[2].removeprefix("sub-x_")
    fields = [_field(f"{name}/{column}", {**source, "extract": {"column": column}}) for column in map(str, columns)]
    if known:
        texts = {f"{name}/{column.name}": column.description for column in known.columns.values()}
        fields = [{**field, "description": texts.get(field["@id"], field["name"])} for field in fields]
    if "fileSet" in source:
        place = _field(f"{name}/table", {**source, "extract": {"fileProperty": "fullpath"}})
        fields.append({**place, "description": "The table, whose folder says the subject and session"})
    present = {field["@id"] for field in fields}
    keys = [f"{name}/{column}" for column in (known.key if known and "fileObject" in source else ())]
    return {
        "@type": "cr:RecordSet", "@id": name, "name": name, **({"description": known.description} if known else {}),
        **({"key": [{"@id": key} for key in keys]} if keys and present.issuperset(keys) else {}), "field": fields,
    }  # fmt: skip


def _field(name: str, source: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "@type": "cr:Field", "@id": name, "name": name.partition("/")[2], "dataType": "sc:Text", "source": source,
    }  # fmt: skip
