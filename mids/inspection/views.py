"""What checks look at: the dataset and each of its files, read when asked for and once."""

import os
from collections.abc import Iterator, Mapping
from typing import Any

from mids.dataset.disk.listing import Stems
from mids.dataset.disk.tree import Tree
from mids.inspection.facts import Facts, gather
from mids.inspection.file_view import FileView
from mids.inspection.heritage import Heritage
from mids.inspection.once import once
from mids.inspection.parsing import Shapes
from mids.inspection.paths import IMAGES, Kind, are_companions, classify_path, split
from mids.vocabulary.bids import schema as bids_schema
from mids.vocabulary.schema import Schema

__all__ = ["DatasetView", "FileView"]


class DatasetView:
    """A dataset, or one subject of it: `tree` is what it holds, `schema` the vocabulary.

    `common` is a view of the files that apply to all subjects, so that they are read once; `facts` are what is known of
    the whole dataset, by default gathered from this view; `raw` is the dataset of which these are derivatives that no
    part of MIDS describes.
    """

    def __init__(
        self,
        tree: Tree,
        schema: Schema,
        common: "DatasetView | None" = None,
        facts: Facts | None = None,
        raw: "DatasetView | None" = None,
    ) -> None:
        self.tree = tree
        self.schema = schema
        if facts or common:
            self.facts = facts or common.facts  # type: ignore[union-attr]
        self.raw: DatasetView | None = raw or (common.raw if common else None)
        self._root = str(tree.root)
        self.asked: dict[str, bool] = {}
        self._views: dict[str, FileView] = {}
        self._common = common
        self.shapes: Shapes = common.shapes if common else Shapes(self)

    @once
    def facts(self) -> Facts:
        """What is known of the whole dataset."""
        return gather(self, bids_schema.load(), plain=False, missing="report")

    @once
    def notes(self) -> dict[str, Any]:
        """What checks share."""
        return {}

    @once
    def heritage(self) -> Heritage:
        """Which of its files apply to which."""
        return Heritage(self.tree.near)

    @once
    def described(self) -> Mapping[str, Any]:
        """The dataset as the expressions of BIDS's schema see it."""
        bids, facts = self.facts.bids, self.facts
        kind = "derivative" if facts.derived else "raw"
        return {
            "dataset_description": {"DatasetType": kind, **facts.description},
            "datatypes": sorted(facts.datatypes),
            "modalities": sorted({bids.modalities[folder] for folder in facts.datatypes if folder in bids.modalities}),
            # Of a subject nothing is asked that depends on which others there are.
            "subjects": {"sub_dirs": list(facts.subjects), "participant_id": sorted(self.participants)}
            if self._common is None
            else {},
        }

    def forget(self) -> None:
        """Drops all that was read: views and their dataset refer to each other, and would stay for long."""
        self.__dict__.clear()

    def forget_files(self) -> None:
        """Drops what was read of files, and what was worked out of that; what is asked for later is read again."""
        for name in self.__dict__.keys() - _LASTING:
            del self.__dict__[name]
        self._views = {}

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

    def exists(self, path: str) -> bool:
        """Whether anything lies at a path of the dataset, in folders that are not looked into too.

        `asked` keeps the answers: a result that was kept holds as long as they do.
        """
        if path in self.tree.files:
            return True
        found = self.asked[path] = os.path.lexists(self.place(path))
        return found

    def find(self, kind: Kind) -> Iterator["FileView"]:
        """Every file of a kind."""
        return iter(self._by_kind.get(kind, ()))

    @once
    def _by_kind(self) -> Mapping[Kind, list["FileView"]]:
        found: dict[Kind, list[FileView]] = {}
        for path in self.tree.near:
            view = self.view(path)
            found.setdefault(view.kind, []).append(view)
        return found

    @once
    def stems(self) -> Stems:
        """The extensions of the files that share a path up to the first dot of their name."""
        return Stems(self.tree.near)

    @once
    def images(self) -> tuple[str, ...]:
        """The images below subjects, without segmentations; their views are not made."""
        paths = self.tree.near
        return tuple(path for path in paths if path.endswith(IMAGES) and path.startswith("sub-") and "/" in path)

    @once
    def pictured(self) -> Mapping[tuple[str, frozenset[tuple[str, str]]], "FileView"]:
        """The images of the raw data by folder and entities: what a mask of `derivatives/rois` can be of."""
        found = (image for image in self.find("image") if image.name and not image.is_mask)
        return {(image.folder, frozenset(image.name.entities)): image for image in found if image.name}

    @once
    def sidecars(self) -> tuple[str, ...]:
        """The JSON files that can apply to images."""
        return tuple(path for path in self.tree.near if path.endswith(".json"))

    @once
    def loose(self) -> tuple[str, ...]:
        """The JSON files beside no file of their stem, from which other files can inherit."""
        stems = self.stems
        # By paths alone: views of all sidecars of a large dataset would fill the memory.
        return tuple(
            path
            for path in self.sidecars
            if are_companions(stems[split(path)[0]]) and classify_path(path) in ("sidecar", "json")
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
    def participants(self) -> frozenset[str]:
        """The subjects that participants.tsv names."""
        if not self.has("participants.tsv"):
            return frozenset()
        return frozenset(self.view("participants.tsv").rows.column("participant_id"))


_LASTING = frozenset({"tree", "schema", "facts", "asked", "shapes", "raw", "_root", "_common"})
"""What a view keeps when it forgets its files."""
