"""What checks of one file must know of the whole dataset: gathered once, handed to every process."""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from os import PathLike
from typing import TYPE_CHECKING, Literal

from mids.dataset.disk.folder import DESCRIPTION
from mids.dataset.disk.heads import nifti_head
from mids.dataset.disk.tree import TOPS, Ignore, Tree
from mids.errors import DataError
from mids.inspection.paths import HEADERLESS
from mids.records import Json
from mids.vocabulary.bids.names import is_recording, split_name
from mids.vocabulary.bids.schema import HERITABLE, Bids
from mids.vocabulary.schema import Schema

if TYPE_CHECKING:
    from mids.inspection.views import DatasetView

MissingContent = Literal["report", "allow"]
HOLLOW = 2
"""Bytes of a file that holds nothing: no byte, or a line end."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Facts:
    """`mids`: whether MIDS's rules are asked of its parts; `shifted`: whether its dates are; `ignored`: the lines of
    `.bidsignore`; `missing`: what is to be done about files whose content is not there; `hollow`: whether
    its recordings have no content, as in published examples of structure; `bare`: the ends
    of names (`_T1w.nii.gz`) of recordings of which none has; `hidden`: folders and links that can't be
    looked into.
    """

    bids: Bids
    mids: bool = True
    shifted: bool = False
    description: Mapping[str, Json] = field(default_factory=dict)
    subjects: tuple[str, ...] = ()
    datatypes: frozenset[str] = frozenset()
    ignored: tuple[str, ...] = ()
    missing: MissingContent = "report"
    hollow: bool = False
    bare: frozenset[str] = frozenset()
    hidden: tuple[str, ...] = ()

    def hides(self, path: str) -> bool:
        """Whether a path is that of a folder or link that can't be looked into, or lies below it: others say so."""
        return any(path == folder or path.startswith(f"{folder}/") for folder in self.hidden)

    def may_be_empty(self, path: str) -> bool:
        """Whether a recording may be without content."""
        return self.missing == "allow" or self.hollow or (bool(self.bare) and _end_of(path) in self.bare)

    def leaves_out_top(self, path: str) -> bool:
        """Whether `.bidsignore` names what lies at the top, or all that is in it: MIDS knows no such files."""
        return not self.mids and (self.leaves_out(path) or self.leaves_out(f"{path}/_"))

    @property
    def derived(self) -> bool:
        """Whether the dataset is a derivative (or, by BIDS's rule, names a program and no type)."""
        kind = self.description.get("DatasetType") or ("derivative" if self.description.get("GeneratedBy") else "raw")
        return kind == "derivative"

    def leaves_out(self, path: str) -> bool:
        """Whether `.bidsignore` names a file, or a folder above it."""
        return bool(self.ignored) and _leaves_out(self.ignored, path)


@lru_cache(maxsize=8)
def _ignore(lines: tuple[str, ...]) -> Ignore:
    return Ignore(lines)


def _leaves_out(lines: tuple[str, ...], path: str) -> bool:
    folder = path.rpartition("/")[0]
    return (folder != "" and _leaves_out_folder(lines, folder)) or _ignore(lines)(path, False)


@lru_cache(maxsize=1 << 12)
def _leaves_out_folder(lines: tuple[str, ...], path: str) -> bool:
    above = path.rpartition("/")[0]
    return (above != "" and _leaves_out_folder(lines, above)) or _ignore(lines)(path, True)


def recordings(bids: Bids, tree_path: str) -> bool:
    """Whether a folder is one recording, by its dataset-relative path."""
    folder, _, name = tree_path.rpartition("/")
    return tree_path.startswith(TOPS) and is_recording(name, folder.rpartition("/")[2], bids)


def gather(view: "DatasetView", bids: Bids, *, plain: bool, missing: MissingContent) -> Facts:
    """The facts of a dataset, from a view of all of it; `plain` asks of it what BIDS asks, and nothing of MIDS."""
    tree = view.tree
    content = None
    with suppress(OSError):  # the checks that read it say so
        content = view.view(DESCRIPTION).document.content if view.has(DESCRIPTION) else None
    description = content if isinstance(content, dict) else {}
    path = tree.root / ".bidsignore"
    lines: tuple[str, ...] = ()
    with suppress(OSError):
        lines = tuple(path.read_text("utf-8", "replace").splitlines()) if path.is_file() else ()
    mids = not plain and (is_mids(tree, view.schema, description) or MARK in map(str.strip, lines))
    # What says nothing of itself is taken for a dataset of MIDS.
    mids = mids or (not plain and not isinstance(content, dict))
    return Facts(
        bids=bids,
        mids=mids,
        shifted=_is_shifted(view),
        description=description,
        subjects=tuple(sorted(folder for folder in tree.folders if folder.startswith("sub-") and "/" not in folder)),
        datatypes=_list_datatypes(tree, bids),
        ignored=lines,
        missing=missing,
        hollow=_is_hollow(tree),
        bare=frozenset() if mids else _find_bare(tree),
        hidden=tuple(odd.path for odd in tree.odd if odd.kind in HIDING),
    )


def is_mids(tree: Tree, schema: Schema, description: Mapping[str, Json]) -> bool:
    """Whether a dataset has parts of MIDS: folders of its groups, older ones too, or the version that it follows."""
    if "MIDSVersion" in description:
        return True
    names = _mids_folders(schema)
    return any(
        folder.startswith("sub-") and folder.count("/") <= 2 and folder.rpartition("/")[2] in names
        for folder in tree.folders
    )


def _list_datatypes(tree: Tree, bids: Bids) -> frozenset[str]:
    """The folders of BIDS that hold files, below subjects and templates, but for what lies deeper."""
    found = (folder.split("/") for folder in tree.folders if folder.startswith(TOPS))
    return frozenset(parts[-1] for parts in found if 2 <= len(parts) <= 3 and parts[-1] in bids.datatypes)


def _is_shifted(view: "DatasetView") -> bool:
    """Whether the dates of the dataset are shifted: any of its first sessions lies in or before 1925."""
    tables = islice((path for path in view.tree.near if path.endswith("_sessions.tsv")), 20)
    for path in tables:
        with suppress(OSError):
            times = view.view(path).rows.column("acq_time")
            if any(re.match(r"1[0-8]\d\d-|19([01]\d|2[0-5])-", time) for time in times):
                return True
    return False


MARK = "**/mim-*"
"""The line of `.bidsignore` that hides folders of MIDS from BIDS tools."""
_BESIDE = (
    *(".json", ".tsv", ".bval", ".bvec", ".txt", ".md", ".vhdr", ".vmrk", ".pos", ".mrk"),
    *(".tsv.gz", ".jpg", ".dat"),
)
"""Ends of names of texts, and of what lies beside recordings, which examples of structure may have in full."""
HIDING = ("unreadable", "broken", "outside")
"""Kinds of entries behind which nothing can be looked at."""
MOST = 0.75
"""How much of a dataset is empty where only its structure was published."""
STUB = 512
"""Bytes that a NIfTI file without a voxel has at most."""
SAMPLE = 50


def _is_hollow(tree: Tree) -> bool:
    """Whether of the recordings that the dataset has here, two at least, all but a quarter are empty, or end with their
    header; a stub is told by its content.
    """
    found = [path for path in _recordings(tree) if not path.endswith(_BESIDE) or path.endswith(HEADERLESS)]
    folders = [path for path in found if path in tree.recordings]
    files = [path for path in found if path not in tree.recordings]
    empty = sum(tree.files[path] <= HOLLOW for path in files)
    small = [path for path in files if HOLLOW < tree.files[path] <= STUB and path.endswith((".nii", ".nii.gz"))]
    least = max(2, MOST * len(found))
    # Files are opened, and folders looked through, only where they decide.
    if empty + len(small) + len(folders) < least:
        return False
    if small and all(_is_stub(tree, path) for path in small[:SAMPLE]):
        empty += len(small)
    empty += sum(not holds_anything(tree.root / path) for path in folders[:SAMPLE]) + max(0, len(folders) - SAMPLE)
    return empty >= least


def _find_bare(tree: Tree) -> frozenset[str]:
    """The ends of names that two recordings or more have, of which each is empty."""
    ends: dict[str, list[bool]] = {}
    for path in _recordings(tree):
        if path not in tree.recordings and not path.endswith((".json", ".tsv")):
            ends.setdefault(_end_of(path), []).append(tree.files[path] <= HOLLOW)
    return frozenset(end for end, empty in ends.items() if len(empty) > 1 and all(empty))


def _recordings(tree: Tree) -> Iterator[str]:
    """What subjects have here."""
    return (path for path in tree.near if path.startswith(TOPS) and path not in tree.absent)


def _end_of(path: str) -> str:
    """The suffix and extension of a name, after their underscore."""
    return path[path.rfind("_") :]


def holds_anything(folder: str | PathLike[str]) -> bool:
    """Whether a folder that is one recording holds any file with content; one that can't be read counts as such."""
    try:
        with os.scandir(folder) as entries:
            found = list(entries)
        files = [entry for entry in found if not entry.is_dir(follow_symlinks=False)]
        if any(entry.is_symlink() or entry.stat().st_size for entry in files):
            return True
        return any(holds_anything(entry.path) for entry in found if entry.is_dir(follow_symlinks=False))
    except OSError:
        return True


def _is_stub(tree: Tree, path: str) -> bool:
    """Whether a NIfTI file ends with its header."""
    try:
        return nifti_head(tree.root / path).is_stub
    except (DataError, OSError):
        return False


def is_bids_part(path: str, facts: Facts, schema: Schema) -> bool:
    """Whether BIDS's rules are for a file, not those of MIDS: always where the dataset has no parts of MIDS."""
    if path.startswith("derivatives/"):
        return False
    if not facts.mids:
        return True
    *folders, name = path.split("/")
    if not folders or not path.startswith(TOPS):
        return name.endswith(".json") and _is_inheritable(name, facts.bids)
    if not _mids_folders(schema).isdisjoint(folders):
        return False
    if folders[-1] in facts.bids.datatypes:
        return True
    return len(folders) <= 2 and _is_inheritable(name, facts.bids)


def _is_inheritable(name: str, bids: Bids) -> bool:
    """Whether a name is that of a file of BIDS that may lie above what it describes."""
    parts = split_name(name)
    rules = bids.file_rules.get(parts.suffix, ())
    return parts.extension in HERITABLE and any(rule.datatypes for rule in rules)


@lru_cache(maxsize=8)
def _mids_folders(schema: Schema) -> frozenset[str]:
    """The folders of the groups of MIDS, and those that older datasets have in their place."""
    names = (name for group in schema.groups.values() for name in (group.folder, *group.aliases))
    return frozenset(name.partition("/")[0] for name in names)
