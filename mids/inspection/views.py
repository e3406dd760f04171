"""What checks look at: the dataset and each of its files, read when asked for and once."""

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Literal

from mids.dataset.disk.contents import Tail, Whole
from mids.dataset.disk.door import DESCRIPTION
from mids.dataset.disk.heads import NiftiHead, PngHead, nifti_head, png_head
from mids.dataset.disk.tree import ROIS, Tree, find_subject
from mids.dataset.disk.whole import check_length, read_nifti, read_png
from mids.errors import DataError
from mids.inspection.cells import Fault, faults
from mids.inspection.documents import Document, Layout, detect_layout, entries, keywords, read_json, schema_errors
from mids.inspection.identifiers import Found, find_in_cells, find_in_entries, find_in_lines, is_suspicious
from mids.inspection.once import once
from mids.inspection.parsing import parsed
from mids.readers.tables import tsv
from mids.records import Json
from mids.vocabulary.names import Name, Parsed, Problem
from mids.vocabulary.schema import Schema, Suffix, Table

Kind = Literal["image", "sidecar", "gradient", "table", "description", "json", "document", "other"]

IMAGES = (".nii.gz", ".nii", ".png")
_IMAGES = frozenset(IMAGES)
DOCUMENTS = ("README", "CHANGES", "LICENSE", "LICENCE")
OPEN_DERIVATIVES = (ROIS, "derivatives/labels/", "derivatives/ehr/")


class DatasetView:
    """A dataset, or one subject of it: `tree` is what it holds, `schema` the vocabulary.

    `common` is a view of the files that apply to all subjects, so that they are read once.
    """

    def __init__(self, tree: Tree, schema: Schema, common: "DatasetView | None" = None) -> None:
        self.tree = tree
        self.schema = schema
        self._root = str(tree.root)
        self._views: dict[str, FileView] = {}
        self._common = common

    def forget(self) -> None:
        """Drops all that was read: views and their dataset refer to each other, and would stay for long."""
        self.__dict__.clear()

    def place(self, path: str) -> str:
        """Where a file is on disk."""
        return f"{self._root}/{path}"

    def view(self, path: str) -> "FileView":
        """The view of one file, always the same object."""
        found = self._views.get(path)
        if found is None:
            shared = self._common is not None and self._common.has(path)
            found = self._common.view(path) if shared and self._common else FileView(path, self)
            self._views[path] = found
        return found

    def has(self, path: str) -> bool:
        """Whether there is such a file."""
        return path in self.tree.files

    def find(self, kind: Kind) -> Iterator["FileView"]:
        """Every file of a kind."""
        return iter(self._by_kind.get(kind, ()))

    @once
    def _by_kind(self) -> Mapping[Kind, list["FileView"]]:
        found: dict[Kind, list[FileView]] = {}
        for path in self.tree.files:
            view = self.view(path)
            found.setdefault(view.kind, []).append(view)
        return found

    @once
    def stems(self) -> Mapping[str, frozenset[str]]:
        """The extensions of the files that share a path up to the first dot of their name."""
        found: dict[str, set[str]] = {}
        for path in self.tree.files:
            stem, extension = split(path)
            found.setdefault(stem, set()).add(extension)
        return {stem: frozenset(extensions) for stem, extensions in found.items()}

    @once
    def images(self) -> tuple[str, ...]:
        """The images below subjects, without segmentations; their views are not made."""
        paths = self.tree.files
        return tuple(path for path in paths if path.endswith(IMAGES) and path.startswith("sub-") and "/" in path)

    @once
    def pictured(self) -> Mapping[tuple[str, frozenset[tuple[str, str]]], "FileView"]:
        """The images of the raw data by folder and entities: what a mask of `derivatives/rois` can be of."""
        found = (image for image in self.find("image") if image.name and not image.is_mask)
        return {(image.folder, frozenset(image.name.entities)): image for image in found if image.name}

    @once
    def sidecars(self) -> tuple[str, ...]:
        """The JSON files that can apply to images."""
        return tuple(path for path in self.tree.files if path.endswith(".json"))

    @once
    def loose(self) -> tuple[str, ...]:
        """The JSON files beside no image that images can inherit from."""
        stems, suffixes = self.stems, self.schema.suffixes
        return tuple(
            path
            for path in self.sidecars
            if (suffix := suffixes.get((stem := split(path)[0]).rpartition("_")[2].rpartition("/")[2]))
            and suffix.group
            and _IMAGES.isdisjoint(stems[stem])
            and self.view(path).kind in ("sidecar", "json")
        )

    @once
    def subjects(self) -> Mapping[str, frozenset[str]]:
        """The session folders (`ses-…`) of every subject folder (`sub-…`)."""
        found: dict[str, set[str]] = {}
        for folder in self.tree.folders:
            subject, _, rest = folder.partition("/")
            if subject.startswith("sub-"):
                sessions = found.setdefault(subject, set())
                if rest.startswith("ses-") and "/" not in rest:
                    sessions.add(rest)
        return {subject: frozenset(sessions) for subject, sessions in sorted(found.items())}

    @once
    def shifted(self) -> bool:
        """Whether the dates of the dataset are shifted: any of its first sessions lies in or before 1925."""
        if self._common is not None:
            return self._common.tree.shifted
        tables = islice((path for path in self.tree.files if path.endswith("_sessions.tsv")), 20)
        times = (time for path in tables for time in self.view(path).rows.column("acq_time"))
        return any(re.match(r"1[0-8]\d\d-|19([01]\d|2[0-5])-", time) for time in times)

    @once
    def participants(self) -> frozenset[str]:
        """The subjects that participants.tsv names."""
        if not self.has("participants.tsv"):
            return frozenset()
        return frozenset(self.view("participants.tsv").rows.column("participant_id"))


class FileView:
    """One file of a dataset. Properties read it once; they raise only `OSError`."""

    def __init__(self, path: str, dataset: DatasetView) -> None:
        self.path = path
        self.dataset = dataset
        self.size = dataset.tree.files[path]
        self.kind = classify_path(path)
        self.subject = find_subject(path)
        self.stem, self.extension = split(path)

    @property
    def folder(self) -> str:
        """The folder it lies in, "" for the dataset's own."""
        return self.path.rpartition("/")[0]

    @once
    def parsed(self) -> Parsed:
        """Its name by the grammar."""
        return parsed(self.path, self.dataset.schema)

    @property
    def name(self) -> Name | None:
        """Its name, where it can be parsed."""
        return self.parsed.name

    @once
    def name_problems(self) -> tuple[Problem, ...]:
        """What is wrong with the name; said once for an image and the files beside it that share its stem."""
        return () if self.is_companion else self.parsed.problems

    @once
    def is_companion(self) -> bool:
        """Whether it is a sidecar or a gradient file beside an image that shares its stem."""
        return self.kind in ("sidecar", "gradient") and not _IMAGES.isdisjoint(self.dataset.stems[self.stem])

    @once
    def entities(self) -> Mapping[str, str]:
        """The entities of its name."""
        return dict(self.name.entities) if self.name else {}

    @property
    def legacy(self) -> bool:
        """Whether its name or folder is one of those of published datasets that are no longer written."""
        return any(problem.code.startswith("LEGACY_") for problem in self.parsed.problems)

    @property
    def is_mask(self) -> bool:
        """Whether it lies below `derivatives/rois`."""
        return self.path.startswith(ROIS)

    @once
    def suffix(self) -> Suffix | None:
        """The vocabulary's entry for its suffix."""
        return self.dataset.schema.suffixes.get(self.name.suffix) if self.name else None

    @once
    def identifiers(self) -> tuple[Found, ...]:
        """What in its texts can identify a person: cells, values of JSON, header fields, lines of a README."""
        if self.kind in ("sidecar", "json"):
            return find_in_entries(self.entries) if is_suspicious(self.document.content) else ()
        if self.kind == "table":
            return find_in_cells(self.rows, self.table)
        if self.kind == "document":
            return find_in_lines(self._bytes().decode("utf-8", "replace"))
        if self.kind == "image" and isinstance(self.head, NiftiHead):
            return find_in_entries([(name, name, text) for name, text in self.head.texts])
        return ()

    def _bytes(self) -> bytes:
        with open(self.dataset.place(self.path), "rb", buffering=0) as stream:  # noqa: PTH123 - for every file
            return stream.read()

    # --- JSON ---

    @once
    def document(self) -> Document:
        """Its content as JSON."""
        return read_json(self._bytes())

    @once
    def layout(self) -> Layout:
        """Which of the published layouts of sidecars this one has."""
        return detect_layout(self.document.content, self.dataset.schema)

    @once
    def keys(self) -> Mapping[str, Json]:
        """Keyword to value of a sidecar in any layout; of the published ones only what checks compare."""
        content = self.document.content
        if self.layout in ("mids", "text"):
            assert isinstance(content, dict)
            return content
        return keywords(content)

    @once
    def entries(self) -> tuple[tuple[str, str, Json], ...]:
        """(place, keyword or tag, value) of everything in a JSON file but a description."""
        layout: Layout = self.layout if self.kind == "sidecar" else "mids"
        return tuple(entries(self.document.content, layout))

    @once
    def schema_errors(self) -> tuple[tuple[str, str, str], ...]:
        """What the JSON Schema says of it: (keyword of the schema, place, message)."""
        content = self.document.content
        if self.kind == "description":
            name = "dataset_description"
        elif self.layout == "mids" and self.suffix:
            name = self.suffix.sidecar
        else:
            return ()
        return schema_errors(content, name, self.dataset.schema) if name and isinstance(content, dict) else ()

    # --- images ---

    @once
    def sidecar(self) -> "FileView | None":
        """The JSON file beside an image, with the same stem."""
        path = f"{self.stem}.json"
        return self.dataset.view(path) if self.dataset.has(path) else None

    @property
    def metadata(self) -> Mapping[str, Json]:
        """The keys of an image's sidecar; empty where there is none."""
        return self.sidecar.keys if self.sidecar else {}

    @once
    def head(self) -> NiftiHead | PngHead | DataError:
        """The head of an image, or what is wrong with it."""
        path = self.dataset.place(self.path)
        try:
            return png_head(path) if self.extension == ".png" else nifti_head(path)
        except DataError as error:
            return error

    @once
    def length(self) -> Tail | DataError:
        """What follows the voxels of a volume, or that it is longer or shorter than its header says.

        It is unpacked only where its end looks wrong.
        """
        try:
            if isinstance(self.head, NiftiHead):
                return check_length(self.dataset.tree.root / self.path, self.head)
        except DataError as error:
            return error
        return Tail()

    @property
    def length_error(self) -> DataError | None:
        """Where a volume is longer or shorter than its header says."""
        return self.length if isinstance(self.length, DataError) else None

    @once
    def whole(self) -> Whole | DataError | None:
        """Reads all of an image: facts about it, or what is wrong; None where a quicker check has said it."""
        path = self.dataset.tree.root / self.path
        if self.length_error:
            return self.length_error
        try:
            if isinstance(self.head, NiftiHead):
                return read_nifti(path, self.head)
            if isinstance(self.head, PngHead) and self.head.complete:
                return read_png(path, self.head)
        except DataError as error:
            return error
        return None

    # --- tables ---

    @once
    def rows(self) -> tsv.Rows:
        """Its content as a table."""
        return tsv.parse(self._bytes())

    @once
    def dictionaries(self) -> tuple["FileView", ...]:
        """The JSON files that describe a table: the one beside it, and those above it that apply."""
        paths = (path for path in self.dataset.sidecars if applies(path, self.path))
        views = (self.dataset.view(path) for path in paths)
        return tuple(view for view in views if isinstance(view.document.content, dict))

    @once
    def faults(self) -> tuple[Fault, ...]:
        """What is wrong with its cells."""
        return faults(self.rows, self.table, self.dataset.schema)

    @once
    def by_key(self) -> Mapping[str, Mapping[str, str]]:
        """Its rows by their first column, each with its cells by column."""
        header = self.rows.header
        return {row[0]: dict(zip(header, row, strict=True)) for row in self.rows.rows}

    @once
    def table(self) -> Table | None:
        """The vocabulary's entry for this table."""
        return self.dataset.schema.table_of(self.path)


def classify_path(path: str) -> Kind:
    """What a file is, by its place and extension alone; "other" is not looked into."""
    top, _, rest = path.partition("/")
    inside = top.startswith("sub-") and bool(rest)
    if inside or path.startswith("derivatives/rois/sub-"):
        if path.endswith(IMAGES):
            return "image"
        return _KINDS.get(path.rpartition(".")[2], "other")
    name = path.rpartition("/")[2]
    if name == DESCRIPTION:
        return "description" if path.count("/") in (0, 2) else "other"
    if name.startswith(DOCUMENTS) and (not rest or top == "derivatives"):
        return "document"
    ours = (
        not rest
        or top == "phenotype"
        or path.startswith(OPEN_DERIVATIVES)
        or path.startswith("derivatives/partitions.")
    )
    if ours and path.endswith(".tsv"):
        return "table"
    return "json" if ours and path.endswith(".json") else "other"


_KINDS: Mapping[str, Kind] = {"json": "sidecar", "tsv": "table", "bval": "gradient", "bvec": "gradient"}


def applies(companion: str, image: str) -> bool:
    """Whether a sidecar is one of an image's by BIDS inheritance (its own one included).

    It lies in a folder of the image's path, has its suffix, and no entity that the image has not.
    """
    folder, slash, _ = companion.rpartition("/")
    if not image.startswith(folder + slash):
        return False
    own, other = (split(path)[0].rpartition("/")[2].split("_") for path in (companion, image))
    return own[-1] == other[-1] and set(own) <= set(other)


def split(path: str) -> tuple[str, str]:
    """The path up to the first dot of its name, and the rest."""
    folder, slash, name = path.rpartition("/")
    stem, dot, extension = name.partition(".")
    return folder + slash + stem, dot + extension
