"""Applies a person's corrections: rows of curation.tsv that override what the headers say of one image."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from mids.deid.burned.evidence import Decision
from mids.deid.labels import Labels
from mids.errors import MidsError
from mids.issues import Issue, issue
from mids.plan.layouts import written
from mids.plan.naming import Described
from mids.readers.given.curation import GUARDS, LABELS, VALUES, Correction, read_box, written_alike
from mids.records import WITHDRAWN, Box, Item, Json, Record, Skipped
from mids.vocabulary.names import Name
from mids.vocabulary.schema import Schema

EXCLUDED = "excluded by curation.tsv"
"""Why a source is left out that a person excludes."""

BINDING = GUARDS | {*VALUES}
"""Fields whose rows stay with the image on which they were decided."""

FIELDS = {"view": "view_positions", "body_part": "body_parts", "laterality": "laterality"}
"""The code list of each field with values."""


@dataclass(slots=True)
class Corrections:
    """The rows, and which of them (by number) have found their image.

    `elsewhere` is what rows decide (`Correction.decision`) that are about another source of the same dataset; `bound`
    are the images (`identify`) on which earlier runs applied them: such a row follows these images under any name, and
    does not touch another image that has the name now. `strangers` are rows that met only such an image;
    `withdrawn` are the numbers of rows about patients who were withdrawn: nothing of them is kept.
    """

    rows: Sequence[Correction] = ()
    elsewhere: frozenset[tuple[str, str, str]] = frozenset()
    bound: Mapping[tuple[str, str, str], frozenset[str]] = field(default_factory=dict)
    matched: set[int] = field(default_factory=set)
    withdrawn: set[int] = field(default_factory=set)
    strangers: set[int] = field(default_factory=set)
    _met: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set), init=False, repr=False)
    _following: dict[str, list[int]] | None = field(default=None, init=False, repr=False)
    _named: dict[str, list[int]] | None = field(default=None, init=False, repr=False)
    _reused: frozenset[str] | None = field(default=None, init=False, repr=False)
    _known: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set), init=False, repr=False)

    def of(self, paths: Mapping[str, frozenset[str]], record: Record, frame: int | None = None) -> list[Correction]:
        """The rows about one image, which has these `paths` (`list_paths`); no new names of subjects and sessions.

        The image is one `frame` of the record, or all of it.

        Raises `MidsError` for a row that gives a path by which two subjects or sessions are called.
        """
        if not self.rows:
            return []
        for path, used in paths.items():
            rows = [] if self._find_reused().isdisjoint(used) else self._naming({path})
            if row := next((row for row in rows if row.field not in LABELS), None):
                raise MidsError(
                    f"{row.place} ({row.field}) gives a path under file whose subject or "
                    "session is another one's new name: give the source file or the SOPInstanceUID"
                )
        names = {*paths, record.instance, *(source.name for source in record.sources)}
        found = self._naming(names, identify(record, frame))
        return [row for row in found if row.field not in LABELS]

    def _find_reused(self) -> frozenset[str]:
        """The former names of subjects (`S1`) and sessions (`S1/E1`) that rows give to others."""
        if self._reused is None:
            moved = {
                row.old: "".join((*row.old.rpartition("/")[:2], row.new)) for row in self.rows if row.field in LABELS
            }
            moved = {old: new for old, new in moved.items() if old != new}
            self._reused = frozenset(moved) & frozenset(moved.values())
        return self._reused

    def acknowledge(self, names: Iterable[str], rows: Iterable[Correction]) -> None:
        """Notes that errors of an image of these names are known, as far as its `rows` say so."""
        for row in (row for row in rows if row.field == "acknowledge"):
            for name in names:
                self._known[name].update({row.old})

    def note(self, items: Iterable[Item]) -> None:
        """Marks rows about what is not delivered: they have nothing to do, and lose nothing."""
        if not self.rows:
            return
        for item in items:
            if isinstance(item, Record):
                self._naming({item.instance, *(source.name for source in item.sources)}, identify(item), binds=False)
            elif isinstance(item, Issue):
                self._naming({item.path})
            elif isinstance(item, Skipped):
                names = {*item.instances, *(source.name for source in item.sources)}
                is_gone = item.reason == WITHDRAWN
                rows = self._naming(names, told_only=item.status == "skipped" and not is_gone)
                self.withdrawn.update(row.row for row in rows if is_gone)

    def released(self, names: set[str], decision: Decision, identity: str) -> Decision:
        """What becomes of an image of these names (source files, SOPInstanceUID) after a person has looked at it.

        Regions that are known are still redacted; the person says that the image names nobody and shows no face. Raises
        `MidsError` where a row says which image it was, and it is not this one: names of files come again.
        """
        rows = [row for row in self._naming(names, identity) if row.field == "release"]
        if not rows:
            return decision
        for row in rows:
            if row.old not in {"", "n/a", *names}:
                raise MidsError(
                    f"{row.place} (release) was written for another image than this file holds "
                    "now: look at it, then correct old (SOPInstanceUID) or remove the row"
                )
        if decision.outcome == "blank":
            return replace(decision, certain=False, certified=True, face="")
        return Decision("release", certified=True)

    def excludes(self, names: set[str], identity: str) -> bool:
        """Whether a person leaves out an image of these names, which would be withheld."""
        return any(row.field == "exclude" for row in self._naming(names, identity))

    def decide(self, names: set[str], decision: Decision, header: Mapping[str, Json], identity: str) -> Decision | None:
        """What becomes of a file that stays DICOM, after `release` and `redact`; None where a person excludes it.

        Other rows change what a conversion says of an image, and nothing here. Raises `MidsError` for a box outside.
        """
        rows = self._naming(names, identity)
        if any(row.field == "exclude" for row in rows):
            return None
        boxes = tuple(box for row in rows if (box := _box_of(row, header)))
        decided = self.released(names, decision, identity)
        return replace(decided, boxes=(*decided.boxes, *boxes))

    def acknowledged(self) -> dict[str, frozenset[str]]:
        """Files of the source whose errors a person knows of, with their codes (none: all)."""
        for row in self.rows:
            self.acknowledge([row.file], [row])
        return {name: frozenset(codes - {"", "n/a"}) for name, codes in self._known.items()}

    def applied(self) -> dict[tuple[str, str, str], frozenset[str]]:
        """What the rows that have found their image decide, with the images (`identify`)."""
        found: dict[tuple[str, str, str], frozenset[str]] = {}
        for place, row in enumerate(self.rows):
            if row.row in self.matched - self.withdrawn:
                found[row.decision] = found.get(row.decision, frozenset()) | self._met.get(place, set())
        return found

    def dropped(self) -> frozenset[tuple[str, str, str]]:
        """What the rows decide that are about patients who were withdrawn."""
        return frozenset(row.decision for row in self.rows if row.row in self.withdrawn)

    def unmatched(self) -> Iterator[Issue]:
        """An Issue for each row that has found nothing; raises `MidsError` where it decides what may be seen."""
        for row in self.rows:
            if row.row in self.matched or (row.decision in self.elsewhere and row.row not in self.strangers):
                continue
            if row.field in GUARDS and row.row in self.strangers and row.decision not in self.elsewhere:
                raise MidsError(
                    f"{row.place} ({row.field}) was decided on another image than the one that has this name now: look "
                    "at it, then give the SOPInstanceUID under file, or remove the row (--change curation)"
                )
            if row.field in GUARDS and row.row not in self.strangers:
                raise MidsError(
                    f"{row.place} ({row.field}) names no image of the source: correct the row, or remove it"
                )
            where = f"row {row.row}, column file"
            message = "the plan holds no image of this name"
            if row.row in self.strangers:
                message = (
                    "the row was decided on another image, and was not applied to the one of this name: look at it, "
                    "and give the SOPInstanceUID under file"
                )
            yield issue("CURATION_UNMATCHED", message, "curation.tsv", where=where, origin="plan")

    def _naming(
        self, names: set[str], identity: str = "", *, told_only: bool = False, binds: bool = True
    ) -> list[Correction]:
        """The rows about an image, which are marked; with `told_only` only those that acknowledge.

        They give one of these names, or follow the image (`identify`); with `binds` they will follow it from now on.
        """
        if not self.rows:
            return []
        if self._named is None:  # a table may have as many rows as the source has files
            self._named = defaultdict(list)
            for place, row in enumerate(self.rows):
                self._named[written_alike(row.file)].append(place)
        alike = {written_alike(name) for name in names} - {""}
        places = {at for name in alike for at in self._named.get(name, ())}
        strange = {at for at in places if identity and self._is_strange(self.rows[at], identity)}
        self.strangers.update(self.rows[at].row for at in strange)
        places = (places - strange) | {*self._find_following().get(identity, ())}
        for place in places if binds and identity else ():
            self._met[place].add(identity)
        found = [self.rows[place] for place in sorted(places)]
        self.matched.update(row.row for row in found if row.field == "acknowledge" or not told_only)
        return found

    def _is_strange(self, row: Correction, identity: str) -> bool:
        """Whether a row was applied on other images, and gives the name that this one merely has now."""
        if row.field not in BINDING or row.file == identity.partition("#")[0]:
            return False
        whole = {one.partition("#")[0] for one in self.bound.get(row.decision, ())}
        return bool(whole) and identity.partition("#")[0] not in whole

    def _find_following(self) -> dict[str, list[int]]:
        """The rows that follow an image, by the image."""
        if self._following is None:
            self._following = defaultdict(list)
            for place, row in enumerate(self.rows):
                for identity in self.bound.get(row.decision, ()) if row.field in BINDING else ():
                    self._following[identity].append(place)
        return self._following


def identify(record: Record, frame: int | None = None) -> str:
    """What an image is under any file name: SOPInstanceUID and frame, of a volume SeriesInstanceUID and part.

    Empty where the source gives none.
    """
    own, part = (record.series, str(record.part)) if record.kind == "volume" else (record.instance, "")
    return f"{own}#{part if frame is None else frame}" if own else ""


def list_paths(name: Name, record: Record, labels: Labels, layout: str) -> dict[str, frozenset[str]]:
    """The paths that may name an image in a table of corrections, each with the names by which it calls somebody.

    Subject and session stand in them as a person calls them (in `name`), or as they are called without corrections.
    """
    if not labels.renamed:
        return {written(name, layout): frozenset()}
    label, visit = name.get("sub") or "", name.get("ses") or ""
    former, visited = labels.propose(record.patient, record.study)
    apart = label.removeprefix(labels.subject(record.patient))
    return {
        written(_called(name, sub=sub, ses=ses), layout): frozenset({sub, f"{former}/{ses}"})
        for sub in {label, former + apart}
        for ses in {visit, visited}
    }


def _called(name: Name, **values: str) -> Name:
    return replace(name, entities=tuple((key, values.get(key, value)) for key, value in name.entities))


def is_acknowledged(found: Issue, names: Iterable[str], known: Mapping[str, frozenset[str]]) -> bool:
    """Whether a person knows of an Issue of files with these names."""
    codes = [known[name] for name in names if name in known]
    return any(not listed or found.code in listed for listed in codes)


def corrected(
    described: Described, rows: Sequence[Correction], record: Record, schema: Schema
) -> tuple[Described | None, tuple[Box, ...]]:
    """What is said of an image after its corrections (None where it is excluded), and the boxes to redact.

    Raises `MidsError` where a row gives a value that is none, an old value that the image does not have, or a box that
    would redact nothing.
    """
    blank: list[Box] = []
    for row in rows:
        if row.field in ("release", "acknowledge"):
            continue
        if row.field == "exclude":
            return None, ()
        if box := _box_of(row, record.header, is_nifti=record.kind == "nifti"):
            blank.append(box)
            continue
        _check(described, row, schema)
        source = "curation" if row.field == "view" else described.view_source
        described = replace(described, **{row.field: _filled(row.new)}, view_source=source)
    return described, tuple(blank)


def _filled(value: str) -> str:
    return "" if value == "n/a" else value


def _box_of(row: Correction, header: Mapping[str, Json], *, is_nifti: bool = False) -> Box | None:
    """The box that a row redacts, None where it redacts none.

    Refuses one that nothing could be redacted in: what it should hide would be delivered.
    """
    box = read_box(row.new) if row.field == "redact" else None
    if box is None:
        return None
    place = row.place
    if is_nifti:
        raise MidsError(f"{place}: an image that comes as NIfTI can't be redacted: exclude it")
    sizes = [header.get(name) for name in ("Rows", "Columns")]
    if any(isinstance(size, int) and 0 < size <= start for size, start in zip(sizes, box, strict=False)):
        raise MidsError(f"{place}: the box lies outside the image: correct it")
    return box


def _check(described: Described, row: Correction, schema: Schema) -> None:
    place = row.place
    if _filled(row.new) and row.new not in schema.code_lists[FIELDS[row.field]].codes:
        raise MidsError(f"{place}: new is not a value of {row.field}: docs/vocabulary.md lists them")
    present = str(getattr(described, row.field))
    if _filled(row.old) != present:
        raise MidsError(
            f"{place}: the old {row.field} is {row.old or 'n/a'}, the image has {present or 'n/a'}: "
            "look at the image again and correct the row"
        )
