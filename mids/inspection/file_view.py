"""One file of a dataset: what it is, and what is in it, read when asked for and once."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from mids.dataset.disk.contents import Tail, Whole
from mids.dataset.disk.heads import NiftiHead, PngHead, nifti_head, png_head
from mids.dataset.disk.reading import read_whole
from mids.dataset.disk.tree import ROIS, find_subject
from mids.dataset.disk.whole import check_length, read_nifti, read_png
from mids.errors import DataError
from mids.inspection.bids import tables as bids_tables
from mids.inspection.bids.context import Context
from mids.inspection.bids.documents import errors_of
from mids.inspection.cells import Fault, faults
from mids.inspection.documents import (
    Document,
    Layout,
    detect_layout,
    entries,
    keywords,
    read_json,
    required_keys,
)
from mids.inspection.facts import HOLLOW
from mids.inspection.identifiers import Found, find_in_cells, find_in_entries, find_in_lines, is_suspicious
from mids.inspection.once import once
from mids.inspection.parsing import alike
from mids.inspection.paths import applies, are_companions
from mids.readers.tables import tsv
from mids.records import Json
from mids.vocabulary.names import Name, Parsed, Problem
from mids.vocabulary.schema import Suffix, Table

_ONLY_OF_IMAGES = frozenset({"ENTITY_MISSING", "FOLDER_WRONG", "FOLDER_UNKNOWN"})
"""What is wrong with the name of an image, but not of a file above it from which it inherits."""

if TYPE_CHECKING:
    from mids.inspection.views import DatasetView


POINTER = (40, 1024)
"""Bytes that a pointer of git-annex or Git LFS has at least and at most."""
_POINTERS = (b"version https://git-lfs.github.com/spec/", b"/annex/objects/")


class FileView:
    """One file of a dataset. Properties read it once; they raise only `OSError`."""

    def __init__(self, path: str, dataset: "DatasetView") -> None:
        self.path = path
        self.dataset = dataset
        self.size = dataset.tree.files[path]
        self.alike = own = alike(path)
        self.shape = shape = dataset.shapes.of(path, own)
        self.kind = shape.kind
        self.extension = shape.extension
        self.stem = path[: len(path) - len(shape.extension)]
        self.subject = f"sub-{own.subject}" if own.subject else find_subject(path)

    @once
    def notes(self) -> dict[str, Any]:
        """What checks share."""
        return {}

    @property
    def folder(self) -> str:
        """The folder it lies in, "" for the dataset's own."""
        return self.path.rpartition("/")[0]

    @once
    def parsed(self) -> Parsed:
        """Its name by the grammar."""
        return self.shape.parse(self.path, self.alike)

    @once
    def name(self) -> Name | None:
        """Its name, where it can be parsed."""
        return self.parsed.name

    @once
    def name_problems(self) -> tuple[Problem, ...]:
        """What is wrong with the name; said once for a file and those beside it that share its stem."""
        if self.is_companion:
            return ()
        if not self.is_bids:
            return tuple(p for p in self.parsed.problems if not (self.is_above and p.code in _ONLY_OF_IMAGES))
        facts = self.dataset.facts
        if not self.subject or facts.leaves_out(self.path):
            return ()
        found = self.shape.judge(self.path, folder=self.is_folder)
        # The vocabulary of MIDS knows more of what its own suffixes are meant to be called.
        return self.parsed.problems or found if found and facts.mids and self.suffix else found

    @once
    def is_companion(self) -> bool:
        """Whether it is a sidecar or a gradient file beside a file that shares its stem."""
        return self.kind in ("sidecar", "gradient") and not are_companions(self.dataset.stems[self.stem])

    @property
    def is_above(self) -> bool:
        """Whether it lies directly in the folder of a subject or session, as files do that images inherit from."""
        return self.shape.is_above

    @once
    def entities(self) -> Mapping[str, str]:
        """The entities of its name."""
        return dict(self.name.entities) if self.name else {}

    @once
    def is_bids(self) -> bool:
        """Whether it is a part that BIDS's rules are for, not one of MIDS."""
        return self.shape.is_bids

    @once
    def context(self) -> Context:
        """It as the expressions of BIDS's schema see it."""
        return Context(self)

    @property
    def said(self) -> Iterable[str]:
        """What it says something of: the keys of its sidecars or of its own objects, or its columns."""
        if self.kind == "image":
            return self.metadata
        if self.kind == "table":
            return self.rows.header
        return self.document.keys if self.kind in ("sidecar", "json", "description") else ()

    @property
    def is_opaque(self) -> bool:
        """Whether it lies among derivatives that no part of MIDS describes."""
        return self.path.startswith("derivatives/") and not self.dataset.facts.mids

    @property
    def is_ignored(self) -> bool:
        """Whether it is a part of BIDS that `.bidsignore` names: BIDS's rules are not asked of it."""
        return self.is_bids and self.dataset.facts.leaves_out(self.path)

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder that is one recording."""
        return self.path in self.dataset.tree.recordings

    @once
    def is_absent(self) -> bool:
        """Whether its content was not fetched."""
        return self.path in self.dataset.tree.absent or self.is_pointer

    @once
    def is_pointer(self) -> bool:
        """Whether a line of git-annex or Git LFS stands in place of its content."""
        if not POINTER[0] <= self.size <= POINTER[1] or self.path in self.dataset.tree.absent or self.is_folder:
            return False
        try:
            if self.kind == "image" and not (isinstance(self.head, DataError) and self.head.code == "CONTENT_MISSING"):
                return False
            return self._bytes.startswith(_POINTERS)
        except OSError:  # the checks that read it say so
            return False

    @property
    def is_without_content(self) -> bool:
        """Whether there is nothing to look at, and that is all right: no recording has content, or it may be absent."""
        return self._may_be_empty or self.is_absent

    @property
    def _may_be_empty(self) -> bool:
        is_data = self.kind not in ("sidecar", "table", "gradient", "json", "description")
        return self.size <= HOLLOW and is_data and not self.is_folder and self.may_lack_content

    @property
    def may_lack_content(self) -> bool:
        """Whether nearly all recordings of the dataset, or all of its kind, have no content, or it may be absent."""
        return self.dataset.facts.may_be_empty(self.path)

    @property
    def is_empty(self) -> bool:
        """Whether there is no content to look at: it was not fetched, or is nothing but a line end."""
        return (self.size <= HOLLOW and not self.is_folder) or self.is_absent

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
        return self.shape.suffix

    @once
    def identifiers(self) -> tuple[Found, ...]:
        """What in its texts can identify a person: cells, values of JSON, header fields, lines of a README."""
        if self.kind in ("sidecar", "json", "description"):
            return find_in_entries(self.entries) if is_suspicious(self.document.content) else ()
        if self.kind == "table":
            return find_in_cells(self.rows, self.table)
        if self.kind == "document":
            return find_in_lines(self.read().decode("utf-8", "replace"))
        if self.kind == "image" and isinstance(self.head, NiftiHead):
            return find_in_entries([(name, name, text) for name, text in self.head.texts])
        return ()

    def read(self) -> bytes:
        """Its bytes; none where its content was not fetched."""
        return b"" if self.is_absent else self._bytes

    @once
    def _bytes(self) -> bytes:
        return read_whole(self.dataset.place(self.path), self.size)

    # --- JSON ---

    @once
    def document(self) -> Document:
        """Its content as JSON."""
        return read_json(self.read())

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
        """(place, keyword or tag, value) of everything in a JSON file."""
        layout: Layout = self.layout if self.kind == "sidecar" else "mids"
        return tuple(entries(self.document.content, layout))

    @once
    def schema_errors(self) -> tuple[tuple[str, str, str], ...]:
        """What JSON Schema and BIDS say of its values: (keyword of the schema, place, message)."""
        return errors_of(self)

    # --- images ---

    def gradients(self, extension: str) -> str:
        """The path of the file of gradients (`.bval`, `.bvec`) that applies to a volume, "" where there is none."""
        if extension in self.dataset.stems[self.stem]:
            return self.stem + extension
        nearest = next(self.dataset.heritage.above(self.path, (extension,)), None)
        return nearest.path or nearest.paths[0] if nearest else ""

    @once
    def sidecar(self) -> "FileView | None":
        """The JSON file beside an image, with the same stem."""
        path = f"{self.stem}.json"
        return self.dataset.view(path) if self.dataset.has(path) else None

    @once
    def sidecars(self) -> tuple["FileView", ...]:
        """The JSON files that apply to it, the nearest first."""
        own = self.sidecar
        if own and not self.dataset.loose:
            return (own,)
        levels = self.dataset.heritage.above(self.path, (".json",))
        views = [self.dataset.view(p) for level in levels for p in ((level.path,) if level.path else level.paths)]
        return tuple(views) if self.is_bids else tuple(v for v in views if v is own or v.path in self.dataset.loose)

    @once
    def missing_keys(self) -> tuple[str, ...]:
        """The keys that an image of MIDS must have and that none of its sidecars has."""
        name = self.suffix.sidecar if self.suffix else ""
        if self.is_bids or not name or not self.sidecars or any(view.layout != "mids" for view in self.sidecars):
            return ()
        return tuple(key for key in required_keys(name, self.dataset.schema) if key not in self.metadata)

    @once
    def metadata(self) -> Mapping[str, Json]:
        """What JSON files say of it: the keys of all that apply; the nearest one decides."""
        if len(self.sidecars) == 1:
            return self.sidecars[0].keys
        keys: dict[str, Json] = {}
        for view in reversed(self.sidecars):
            keys.update(view.keys)
        return keys

    @once
    def head(self) -> NiftiHead | PngHead | DataError:
        """The head of an image, or what is wrong with it."""
        path = self.dataset.place(self.path)
        if self.path in self.dataset.tree.absent or self._may_be_empty:
            return DataError("CONTENT_MISSING", "the content was not fetched")
        try:
            head = png_head(path) if self.extension == ".png" else nifti_head(path)
            if self.may_lack_content and isinstance(head, NiftiHead) and head.is_stub:
                return DataError("CONTENT_MISSING", "the file ends with its header")
            return head
        except DataError as error:
            if self.size <= POINTER[1] and self._bytes.startswith(_POINTERS):
                return DataError("CONTENT_MISSING", "a pointer stands in place of the content")
            return error

    @once
    def length(self) -> Tail | DataError:
        """What follows the voxels of a volume, or that it is longer or shorter than its header says.

        It is unpacked only where its end looks wrong.
        """
        try:
            if isinstance(self.head, NiftiHead):
                return check_length(self.dataset.place(self.path), self.head)
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
        return tsv.parse(self.read())

    @once
    def dictionaries(self) -> tuple["FileView", ...]:
        """The JSON files that describe a table: the one beside it, and those above it that apply."""
        ending = f"{self.stem[max(self.stem.rfind('_'), self.stem.rfind('/')) + 1 :]}."
        paths = (path for path in self.dataset.sidecars if ending in path and applies(path, self.path))
        views = (self.dataset.view(path) for path in paths)
        return tuple(view for view in views if isinstance(view.document.content, dict))

    @once
    def faults(self) -> tuple[Fault, ...]:
        """What is wrong with its cells."""
        found = faults(self.rows, self.table, self.dataset.schema)
        if not self.is_bids:
            return found
        bids = self.dataset.facts.bids
        return found + bids_tables.faults(self.rows, self.rule, self.described, bids)

    @once
    def rule(self) -> bids_tables.Rule | None:
        """What BIDS asks of its columns, where it is a table of BIDS."""
        return bids_tables.rule_of(self.context) if self.is_bids else None

    @property
    def required_columns(self) -> tuple[str, ...]:
        """The columns that a table must have."""
        if self.rule:
            return tuple(name for name, level in self.rule.levels.items() if level == "required")
        return tuple(c.name for c in self.table.columns.values() if c.required) if self.table else ()

    @once
    def described(self) -> Mapping[str, Json]:
        """What the JSON files that apply to a table say of its columns."""
        return self.metadata

    @once
    def by_key(self) -> Mapping[str, Mapping[str, str]]:
        """Its rows by their first column, each with its cells by column."""
        header = self.rows.header
        return {row[0]: dict(zip(header, row, strict=True)) for row in self.rows.rows}

    @once
    def table(self) -> Table | None:
        """The vocabulary's entry for this table."""
        return self.shape.table
