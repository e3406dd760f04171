"""What checks look at: the dataset and each of its files, read when asked for and once."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Literal

from mids.checks.documents import Document, Layout, entries, keywords, layout_of, read_json, schema_errors
from mids.checks.tree import Tree
from mids.errors import DataError
from mids.names import Name, Parsed, Problem, parse
from mids.readers import tsv
from mids.readers.heads import NiftiHead, PngHead, check_nifti, check_png, nifti_head, png_head
from mids.records import Json
from mids.schema import Schema, Suffix, Table

Kind = Literal["image", "sidecar", "gradient", "table", "description", "json", "other"]

IMAGES = (".nii.gz", ".nii", ".png")
DESCRIPTION = "dataset_description.json"
OPEN_DERIVATIVES = ("derivatives/rois/", "derivatives/labels/", "derivatives/ehr/")


class DatasetView:
    """A dataset, or one subject of it: `tree` is what it holds, `schema` the vocabulary."""

    def __init__(self, tree: Tree, schema: Schema) -> None:
        self.tree = tree
        self.schema = schema
        self._views: dict[str, FileView] = {}

    def view(self, path: str) -> "FileView":
        """The view of one file, always the same object."""
        if path not in self._views:
            self._views[path] = FileView(path, self)
        return self._views[path]

    def has(self, path: str) -> bool:
        """Whether there is such a file."""
        return path in self.tree.files

    def find(self, kind: Kind) -> Iterator["FileView"]:
        """Every file of a kind."""
        return (view for view in map(self.view, self.tree.files) if view.kind == kind)

    @cached_property
    def stems(self) -> Mapping[str, frozenset[str]]:
        """The extensions of the files that share a path up to the first dot of their name."""
        found: dict[str, set[str]] = {}
        for path in self.tree.files:
            stem, extension = split(path)
            found.setdefault(stem, set()).add(extension)
        return {stem: frozenset(extensions) for stem, extensions in found.items()}

    @cached_property
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

    @cached_property
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
        self.kind = kind_of(path)
        self.subject = subject_of(path)
        self.stem, self.extension = split(path)

    @property
    def folder(self) -> str:
        """The folder it lies in, "" for the dataset's own."""
        return self.path.rpartition("/")[0]

    @cached_property
    def parsed(self) -> Parsed:
        """Its name by the grammar."""
        return parse(self.path, self.dataset.schema)

    @property
    def name(self) -> Name | None:
        """Its name, where it can be parsed."""
        return self.parsed.name

    @cached_property
    def name_problems(self) -> tuple[Problem, ...]:
        """What is wrong with the name; said once for an image and the files beside it that share its stem."""
        others = self.dataset.stems[self.stem]
        is_companion = self.kind in ("sidecar", "gradient") and any(e in others for e in IMAGES)
        return () if is_companion else self.parsed.problems

    @property
    def legacy(self) -> bool:
        """Whether its name or folder is one of those of published datasets that are no longer written."""
        return any(problem.code.startswith("LEGACY_") for problem in self.parsed.problems)

    @cached_property
    def suffix(self) -> Suffix | None:
        """The vocabulary's entry for its suffix."""
        return self.dataset.schema.suffixes.get(self.name.suffix) if self.name else None

    # --- JSON ---

    @cached_property
    def document(self) -> Document:
        """Its content as JSON."""
        return read_json((self.dataset.tree.root / self.path).read_bytes())

    @cached_property
    def layout(self) -> Layout:
        """Which of the published layouts of sidecars this one has."""
        return layout_of(self.document.content, self.dataset.schema)

    @cached_property
    def keys(self) -> Mapping[str, Json]:
        """Keyword to value of a sidecar in any layout; of the published ones only what checks compare."""
        content = self.document.content
        if self.layout in ("mids", "text"):
            assert isinstance(content, dict)
            return content
        return keywords(content)

    @cached_property
    def entries(self) -> tuple[tuple[str, str, Json], ...]:
        """(place, keyword or tag, value) of everything in a sidecar; empty for any other file."""
        return tuple(entries(self.document.content, self.layout)) if self.kind == "sidecar" else ()

    @cached_property
    def schema_errors(self) -> tuple[tuple[str, str, str], ...]:
        """What the JSON Schema says of it: (keyword of the schema, place, message)."""
        content = self.document.content
        if self.kind == "description":
            name = "dataset_description"
        elif self.layout == "mids" and self.suffix:
            name = self.suffix.sidecar
        else:
            return ()
        return schema_errors(content, name) if name and isinstance(content, dict) else ()

    # --- images ---

    @property
    def sidecar(self) -> "FileView | None":
        """The JSON file beside an image, with the same stem."""
        path = f"{self.stem}.json"
        return self.dataset.view(path) if self.dataset.has(path) else None

    @property
    def metadata(self) -> Mapping[str, Json]:
        """The keys of an image's sidecar; empty where there is none."""
        return self.sidecar.keys if self.sidecar else {}

    @cached_property
    def head(self) -> NiftiHead | PngHead | DataError:
        """The head of an image, or what is wrong with it."""
        path = self.dataset.tree.root / self.path
        try:
            return png_head(path) if self.extension == ".png" else nifti_head(path)
        except DataError as error:
            return error

    @cached_property
    def whole(self) -> tuple[str, ...] | DataError:
        """Reads all of an image: the text chunks of a PNG, or what is wrong with its data."""
        path = self.dataset.tree.root / self.path
        try:
            if isinstance(self.head, NiftiHead):
                check_nifti(path, self.head)
            elif isinstance(self.head, PngHead) and self.head.complete:
                return check_png(path, self.head)
        except DataError as error:
            return error
        return ()

    # --- tables ---

    @cached_property
    def rows(self) -> tsv.Rows:
        """Its content as a table."""
        return tsv.read(self.dataset.tree.root / self.path)

    @cached_property
    def described_columns(self) -> frozenset[str]:
        """The columns that JSON files describe: the one beside the table, and those above it that apply."""
        paths = (path for path in self.dataset.tree.files if path.endswith(".json") and applies(path, self.path))
        contents = (self.dataset.view(path).document.content for path in paths)
        return frozenset(key for content in contents if isinstance(content, dict) for key in content)

    @cached_property
    def table(self) -> Table | None:
        """The vocabulary's entry for this table."""
        return self.dataset.schema.table_of(self.path)


def kind_of(path: str) -> Kind:
    """What a file is, by its place and extension alone; "other" is not looked into."""
    top, _, rest = path.partition("/")
    inside = top.startswith("sub-") and bool(rest)
    if path.rpartition("/")[2] == DESCRIPTION:
        return "description" if path.count("/") in (0, 2) and not inside else "other"
    if inside or path.startswith("derivatives/rois/sub-"):
        if path.endswith(IMAGES):
            return "image"
        kinds: dict[str, Kind] = {"json": "sidecar", "tsv": "table", "bval": "gradient", "bvec": "gradient"}
        return kinds.get(path.rpartition(".")[2], "other")
    ours = (
        not rest
        or top == "phenotype"
        or path.startswith(OPEN_DERIVATIVES)
        or path.startswith("derivatives/partitions.")
    )
    if ours and path.endswith(".tsv"):
        return "table"
    return "json" if ours and path.endswith(".json") else "other"


def subject_of(path: str) -> str:
    """The `sub-…` folder that a file belongs to, in the raw data or below `derivatives/rois`; "" for none."""
    parts = path.split("/")
    if parts[:2] == ["derivatives", "rois"]:
        parts = parts[2:]
    return parts[0] if len(parts) > 1 and parts[0].startswith("sub-") else ""


def applies(companion: str, image: str) -> bool:
    """Whether a sidecar is one of an image's by BIDS inheritance (its own one included).

    It lies in a folder of the image's path, has its suffix, and no entity that the image has not.
    """
    folder, slash, _ = companion.rpartition("/")
    own, other = (split(path)[0].rpartition("/")[2].split("_") for path in (companion, image))
    return image.startswith(folder + slash) and own[-1] == other[-1] and set(own) <= set(other)


def split(path: str) -> tuple[str, str]:
    """The path up to the first dot of its name, and the rest."""
    folder, slash, name = path.rpartition("/")
    stem, dot, extension = name.partition(".")
    return folder + slash + stem, dot + extension
