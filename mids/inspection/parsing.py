"""Names, looked at once for all subjects and sessions whose files are named alike."""

from typing import TYPE_CHECKING, Any, NamedTuple

from mids.dataset.disk.tree import ROIS
from mids.inspection.facts import is_bids_part
from mids.inspection.once import once
from mids.inspection.paths import classify_derived, classify_path, split
from mids.vocabulary.bids.names import Parts, judge, split_name
from mids.vocabulary.names import Name, Parsed, Problem, parse
from mids.vocabulary.schema import Suffix, Table

if TYPE_CHECKING:
    from mids.inspection.views import DatasetView

ANYBODY, ANY_SESSION = "X0", "X1"
SHAPES = 1 << 12
"""How many kinds of names are remembered."""


class Alike(NamedTuple):
    """A path with the same labels for every subject and session in place of its own, `common`; "" where they are not
    plain, or stand elsewhere than once in the folders and once in the name.
    """

    common: str
    subject: str = ""
    session: str = ""


NOBODY = Alike("")


def alike(path: str) -> Alike:
    """What a path has in common with those of other subjects and sessions."""
    parts = path.removeprefix(ROIS).split("/", 2)
    if len(parts) < 2 or not parts[0].startswith("sub-"):
        return NOBODY
    subject = parts[0][4:]
    if not _is_label(subject):
        return NOBODY
    session = parts[1][4:] if len(parts) > 2 and parts[1].startswith("ses-") and _is_label(parts[1][4:]) else ""
    common = _replaced(path, f"sub-{subject}", f"sub-{ANYBODY}")
    common = _replaced(common, f"ses-{session}", f"ses-{ANY_SESSION}") if session else common
    return Alike(common, subject, session) if common.count(ANYBODY) == 2 else NOBODY


def _replaced(path: str, old: str, new: str) -> str:
    """A path with another folder and pair in place of one; longer labels that begin alike stay."""
    return path.replace(f"{old}/", f"{new}/").replace(f"{old}_", f"{new}_")


def _is_label(text: str) -> bool:
    return text.isascii() and text.isalnum()


class Shape:
    """What the paths of files that are named alike say: all but the labels of subject and session.

    `path` is that of any of them, with the labels of nobody where `is_shared`; `answers` keep what checks share.
    """

    def __init__(self, path: str, dataset: "DatasetView", *, is_shared: bool) -> None:
        self.path, self.dataset, self.is_shared = path, dataset, is_shared
        self.kind = classify_derived(path) if dataset.raw else classify_path(path)
        self.extension = split(path)[1]
        self.answers: dict[Any, Any] = {}

    @once
    def parsed(self) -> Parsed:
        """The name by the grammar."""
        return parse(self.path, self.dataset.schema)

    @once
    def parts(self) -> Parts:
        """The name in parts, whether it is right or not."""
        return split_name(self.path.rpartition("/")[2])

    @once
    def datatype(self) -> str:
        """The folder of BIDS that the files lie in, "" for none."""
        folder = self.path.rpartition("/")[0].rpartition("/")[2]
        return folder if folder in self.dataset.facts.bids.datatypes else ""

    @once
    def is_bids(self) -> bool:
        """Whether they are parts that BIDS's rules are for, not those of MIDS."""
        return is_bids_part(self.path, self.dataset.facts, self.dataset.schema)

    @once
    def is_above(self) -> bool:
        """Whether they lie directly in the folder of a subject or session, as files do that images inherit from."""
        parent = self.path.rpartition("/")[0].rpartition("/")[2]
        return self.kind in ("sidecar", "gradient") and parent.startswith(("sub-", "ses-"))

    @once
    def suffix(self) -> Suffix | None:
        """The vocabulary's entry for the suffix."""
        name = self.parsed.name
        return self.dataset.schema.suffixes.get(name.suffix) if name else None

    @once
    def table(self) -> Table | None:
        """The vocabulary's entry for tables of the kind."""
        return None if self.is_bids else self.dataset.schema.table_of(self.path)

    @once
    def _is_plain(self) -> bool:
        """Whether the labels of nobody stand for those of subject and session alone."""
        others = (value for key, value in self.parts.pairs if key not in _PEOPLE)
        return not any(ANYBODY in value or ANY_SESSION in value for value in others)

    @once
    def _objections(self) -> tuple[Problem, ...]:
        facts = self.dataset.facts
        return judge(self.path, facts.bids, derived=facts.derived)

    @once
    def _objections_to_folders(self) -> tuple[Problem, ...]:
        facts = self.dataset.facts
        return judge(self.path, facts.bids, derived=facts.derived, folder=True)

    def is_doubtful(self, *, folder: bool) -> bool:
        """Whether anything may be wrong with the name of one of them, which is a `folder` or not."""
        if self.parsed.problems or not self.is_shared:
            return True
        return self.is_bids and bool(self._objections_to_folders if folder else self._objections)

    # --- of one of the files ---

    def parse(self, path: str, own: Alike) -> Parsed:
        """The name of one of them by the grammar."""
        found = self.parsed
        if not self.is_shared:
            return found
        if not found.name or found.problems:
            return parse(path, self.dataset.schema)
        name = found.name
        entities = _relabelled(name.entities, own)
        return Parsed(Name(entities, name.suffix, name.extension, name.datatype, name.group, name.root), ())

    def split(self, path: str, own: Alike) -> Parts:
        """The name of one of them in parts."""
        parts = self.parts
        if not self.is_shared:
            return parts
        if not self._is_plain:
            return split_name(path.rpartition("/")[2])
        return Parts(_relabelled(parts.pairs, own), parts.suffix, parts.extension)

    def judge(self, path: str, *, folder: bool) -> tuple[Problem, ...]:
        """What BIDS's file rules say against one of them, which is a `folder` or not."""
        found = self._objections_to_folders if folder else self._objections
        if not found or not self.is_shared:
            return found
        facts = self.dataset.facts
        return judge(path, facts.bids, derived=facts.derived, folder=folder)


def _relabelled(pairs: tuple[tuple[str, str], ...], own: Alike) -> tuple[tuple[str, str], ...]:
    """Pairs with the labels of one subject and session in place of nobody's."""
    labels = {ANYBODY: own.subject, ANY_SESSION: own.session}
    return tuple([(key, labels.get(value, value) if key in _PEOPLE else value) for key, value in pairs])


_PEOPLE = ("sub", "ses")


class Shapes:
    """The shapes of a dataset, each made once."""

    def __init__(self, dataset: "DatasetView") -> None:
        self._dataset = dataset
        self._known: dict[str, Shape] = {}

    def of(self, path: str, own: Alike) -> Shape:
        """The shape of a file: the same for all that are named alike."""
        found = self._known.get(own.common)
        if found is None:
            if not own.common:
                return Shape(path, self._dataset, is_shared=False)
            if len(self._known) >= SHAPES:
                self._known.clear()
            found = self._known[own.common] = Shape(own.common, self._dataset, is_shared=True)
        return found
