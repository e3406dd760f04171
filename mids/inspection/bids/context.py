"""A file as the expressions of BIDS's schema see it: its name, its sidecar, what belongs to it, its header."""

import gzip
import io
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mids.dataset.disk.heads import NiftiHead
from mids.inspection.bids import headers
from mids.inspection.once import once
from mids.readers.tables import tsv
from mids.vocabulary.bids.names import Parts, split_name
from mids.vocabulary.bids.schema import Bids, Node

if TYPE_CHECKING:
    from mids.inspection.views import FileView

MOST = 1 << 26
"""Bytes of a compressed table that are looked at."""


_OF_PEOPLE = ("sub", "ses")


class Entities(dict[str, str]):
    """The entities of a name, by their keys (`acq`) and their long names (`acquisition`)."""

    def __init__(self, pairs: Mapping[str, str], bids: Bids) -> None:
        super().__init__(pairs)
        self.update({long: pairs[key] for long, key in bids.entities.items() if key in pairs})


class Context(dict[str, Any]):
    """The context of a file: parts are made when an expression asks for them; what there is not is None."""

    def __init__(self, file: "FileView") -> None:
        super().__init__()
        shape = file.shape
        self.file: FileView = file
        self.bids: Bids = file.dataset.facts.bids
        self.datatype, self.suffix = shape.datatype, shape.parts.suffix
        self.extension = shape.parts.extension + ("/" if file.is_folder else "")

    def __missing__(self, name: str) -> Any:
        part = self[name] = getattr(self, name) if name in PARTS else None
        return part

    @once
    def parts(self) -> Parts:
        """The name in parts."""
        return self.file.shape.split(self.file.path, self.file.alike)

    # --- itself ---

    @property
    def schema(self) -> Node:
        """The schema of BIDS."""
        return self.bids.content

    @property
    def dataset(self) -> Mapping[str, Any]:
        """The dataset that it is a part of."""
        return self.file.dataset.described

    @property
    def path(self) -> str:
        """Where it is, from the top of the dataset."""
        return f"/{self.file.path}"

    @property
    def size(self) -> int:
        """Its size in bytes."""
        return self.file.size

    @once
    def entities(self) -> Entities:
        """The entities of its name."""
        return Entities(self.parts.entities, self.bids)

    @once
    def sidecar(self) -> Mapping[str, Any]:
        """The keys of all JSON files that apply to it."""
        return self.file.metadata

    @property
    def json(self) -> Mapping[str, Any]:
        """Its own keys, where it is a JSON file."""
        return self.file.keys

    @once
    def nifti_header(self) -> headers.Header | None:
        """Its header, where it is a NIfTI file."""
        file = self.file
        is_nifti = file.kind == "image" and self.extension.startswith(".nii") and not file.is_empty
        return headers.Header(file.head) if is_nifti and isinstance(file.head, NiftiHead) else None

    @once
    def tiff(self) -> Mapping[str, Any] | None:
        """Its header, where it is a TIFF file."""
        file = self.file
        is_tiff = self.extension.endswith((".tif", ".btf")) and not file.is_empty
        return headers.tiff(file.dataset.tree.root / file.path) if is_tiff else None

    @once
    def shape(self) -> tuple[Any, ...]:
        """What its name has in common with those of other subjects and sessions: pairs and suffix."""
        pairs = self.file.shape.parts.pairs
        return (*((key, "" if key in _OF_PEOPLE else value) for key, value in pairs), self.suffix)

    @property
    def modality(self) -> str:
        """The modality of its folder, "" for none."""
        return self.bids.modalities.get(self.datatype, "")

    # --- other files ---

    @once
    def associations(self) -> Mapping[str, Any]:
        """What belongs to it, by the names of the schema: each with its path, and what rules ask of it."""
        found = {}
        for rule in self.bids.associations:
            if all(selector.holds(self) for selector in rule.selectors):
                target = rule.body["target"]
                wanted = target.get("extension", ())
                levels = self.file.dataset.heritage.above(
                    self.file.path,
                    (wanted,) if isinstance(wanted, str) else tuple(wanted),
                    suffix=target.get("suffix", ""),
                    inherit=rule.body["inherit"],
                    also=frozenset(target.get("entities", ())),
                )
                nearest = next(levels, None)
                if nearest is not None:
                    found[rule.name] = self._associated(rule.name, nearest.paths, nearest.path or nearest.paths[0])
        return found

    def _associated(self, name: str, paths: Sequence[str], path: str) -> Mapping[str, Any]:
        view = self.file.dataset.view
        make = _ASSOCIATED.get(name)
        return {"path": f"/{path}", **(make(view(path), [view(each) for each in paths]) if make else {})}

    def exists(self, paths: Any, place: str = "dataset") -> int:
        """How many of some paths there are, relative to the dataset, the subject, the file or the stimuli.

        URIs of BIDS (`bids:…`) count as there where they are asked for: other checks look them up.
        """
        listed = [str(path) for path in (paths if isinstance(paths, list | tuple) else [paths]) if path is not None]
        if place == "bids-uri":
            return sum(path.startswith("bids:") for path in listed)
        folder = {
            "stimuli": "stimuli/", "subject": f"sub-{self['entities'].get('sub')}/",
            "file": f"{self.file.folder}/" if self.file.folder else "",
        }.get(place, "")  # fmt: skip
        exists = self.file.dataset.exists
        return sum(exists(folder + path.removeprefix("/").removesuffix("/")) for path in listed)

    # --- content ---

    @once
    def columns(self) -> Mapping[str, list[str]]:
        """Its columns as lists of texts, where it is a table and can be read."""
        rows = self.rows
        return {name: list(rows.column(name)) for name in rows.header} if rows else {}

    @once
    def rows(self) -> tsv.Rows | None:
        """Its table; the columns of one without a header are named by `Columns` of its sidecar, or by channels.tsv."""
        if self.file.is_absent:
            return None
        if self.file.kind == "table":
            return self.file.rows
        if self.extension == ".tsv.gz":
            names = self["sidecar"].get("Columns")
        elif self.extension == ".tsv":
            names = self.associations.get("channels", {}).get("name")
        else:
            return None
        data = self.unpacked
        if not isinstance(names, list) or not names or not data:
            return None
        return _headerless(data, tuple(map(str, names)))

    @once
    def unpacked(self) -> bytes | None:
        """What a table without a header holds; None where it is named .gz and can't be unpacked."""
        data = self.file.read()
        if self.extension != ".tsv.gz" or not data:
            return data
        try:
            return gzip.GzipFile(fileobj=io.BytesIO(data)).read(MOST)
        except (OSError, EOFError, zlib.error):
            return None


def _headerless(data: bytes, names: tuple[str, ...]) -> tsv.Rows:
    """A table of which only the rows are written; their lines count from 1."""
    found = tsv.parse("\t".join(names).encode() + b"\n" + data)
    problems = tuple(tsv.Problem(p.kind, p.message, max(0, p.line - 1)) for p in found.problems)
    return tsv.Rows(found.header, found.rows, tuple(line - 1 for line in found.lines), problems)


PARTS = frozenset(
    {
        "schema", "dataset", "path", "size", "entities", "datatype", "modality", "suffix", "extension", "sidecar",
        "associations", "columns", "json", "nifti_header", "tiff", "exists",
    }
)  # fmt: skip
"""The parts of a context that there are (`meta.context` of the schema)."""
HEADERS = frozenset({"nifti_header", "tiff", "ome", "gzip"})
"""Parts that are of the content of an image: rules that ask for one that there is not are not asked."""


# --- what belongs to a file ------------------------------------------------------------------------------

Loader = Callable[["FileView", Iterable["FileView"]], Mapping[str, Any]]


def _gradient(file: "FileView", _: object) -> Mapping[str, Any]:
    lines = [line.split() for line in file.read().decode("latin-1").splitlines() if line.strip()]
    return {"n_cols": len(lines[0]) if lines else 0, "n_rows": len(lines), "values": lines[0] if lines else []}


def _channels(file: "FileView", _: object) -> Mapping[str, Any]:
    names = ("type", "short_channel", "sampling_frequency", "name")
    return {name: list(file.rows.column(name)) if name in file.rows.header else None for name in names}


def _aslcontext(file: "FileView", _: object) -> Mapping[str, Any]:
    types = list(file.rows.column("volume_type"))
    return {"volume_type": types, "n_rows": len(types)}


def _coordsystems(_: "FileView", files: Iterable["FileView"]) -> Mapping[str, Any]:
    found = list(files)
    parents = (file.keys.get("ParentCoordinateSystem") for file in found)
    spaces = (split_name(file.path.rpartition("/")[2]).entities.get("space") for file in found)
    return {
        "paths": [f"/{file.path}" for file in found],
        "spaces": [space for space in spaces if space],
        "ParentCoordinateSystems": [parent for parent in parents if parent],
    }


def _events(file: "FileView", _: object) -> Mapping[str, Any]:
    return {"onset": list(file.rows.column("onset")), "sidecar": file.metadata}


def _physio(file: "FileView", _: object) -> Mapping[str, Any]:
    return {"sidecar": file.metadata}


_ASSOCIATED: Mapping[str, Loader] = {
    "events": _events, "physio": _physio, "aslcontext": _aslcontext, "bval": _gradient, "bvec": _gradient,
    "channels": _channels, "coordsystems": _coordsystems,
}  # fmt: skip
"""What rules ask of files that belong to another one, besides their path."""
