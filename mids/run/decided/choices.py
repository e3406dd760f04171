"""What was decided for a dataset, kept beside it (``<DEST>.mids/choices.json``) and used again where it is not given.

A run that gives another value, or leaves out a part of what an earlier run gave, stops: a choice is undone only on
request.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, cast

from mids.deid.policy import Policy, from_json
from mids.errors import MidsError
from mids.readers.given.curation import LABELS, Correction
from mids.records import About, Json
from mids.run.journal import state_folder

FILE = "choices.json"

Decision = tuple[str, str, str]
"""What a row of the curation table decides: file, field, new value (`Correction.decision`)."""

_ANEW = "everything that was decided (--curation, --policy …) and --change policy"

LOOSE = frozenset({"key"})
"""Choices of which another value changes nothing that is published: the journal knows the key itself."""

EDITS = "edits"
"""What a person changed in small files of the dataset: not recorded here, and dropped under this name."""

POLICY = "policy"
POLICY_FLAGS = frozenset(
    {"ids", "burned-in", "detect", "faces", "texts", "reports", "lists", "model", "text-model", "option", "without"}
)
"""Flags that change the policy; a change of it may be asked for under their names too."""

NAMES = frozenset({
    "about", "compression", "contours", "curation", "embed", "id-table", "issuer", "key", "layout", "cine",
    "pixels", POLICY, "publish-sources", "site", "view-model",
})  # fmt: skip

_KINDS: Mapping[str, type | tuple[type, ...]] = {
    "about": dict, "curation": list, "embed": dict, "id-table": dict, POLICY: dict, "publish-sources": bool,
    "view-model": dict,
}  # fmt: skip
"""Kinds of values in JSON; others are texts."""

_SHOWN = frozenset({"compression", "contours", "cine", "layout", "pixels", "publish-sources"})
"""Choices whose values can't say who a patient is, or where."""


@dataclass(frozen=True, slots=True)
class Choices:
    """What was decided, by the name of its flag, and of each source (by its path) what is its own.

    `collection` is what ``--again`` converts; it is empty for files that stay DICOM. `defaults` hold where nothing was
    decided: a value given replaces them without a word, a later version's own default does not.
    """

    values: Mapping[str, Json] = field(default_factory=dict)
    sources: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)
    collection: str = ""
    defaults: Mapping[str, Json] = field(default_factory=dict)

    @property
    def is_decided(self) -> bool:
        """Whether anything was decided besides key and policy, of which the journal knows."""
        own = any(each.get(name) for each in self.sources.values() for name in ("issuer", "site"))
        return own or bool(self.values.keys() - LOOSE - {POLICY})

    def save(self, folder: Path) -> None:
        """Writes the file, readable by its owner only; raises `MidsError` where it can't."""
        half = folder / "half-written"
        try:
            half.unlink(missing_ok=True)
            half.touch(mode=0o600)
            half.write_text(json.dumps(self._content(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
            half.replace(folder / FILE)
        except OSError as error:
            raise MidsError(f"can't write {folder / FILE} ({error.strerror}): check permissions and space") from error

    def _content(self) -> dict[str, Json]:
        sources: dict[str, Json] = {name: dict(own) for name, own in self.sources.items()}
        values, defaults = dict(self.values), dict(self.defaults)
        return {"collection": self.collection, "values": values, "defaults": defaults, "sources": sources}


def load_choices(dataset: Path) -> Choices:
    """What was decided for a dataset; nothing where no run has recorded it. Raises `MidsError` for a damaged file."""
    path = state_folder(dataset) / FILE
    try:
        content = json.loads(path.read_bytes())
        values, sources = dict(content["values"]), dict(content["sources"])
        return _checked(Choices(values, sources, str(content["collection"]), dict(content.get("defaults", {}))))
    except FileNotFoundError:
        return Choices()
    except OSError as error:
        raise MidsError(f"can't read {path} ({error.strerror}): check its permissions") from error
    except (MidsError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise MidsError(f"{path} is damaged: bring it back from a backup, or delete it and run with {_ANEW}") from error


def _checked(choices: Choices) -> Choices:
    """The choices, if every value is of the kind that its name has; raises what reading it raises, or `TypeError`."""
    for name, value in (*choices.values.items(), *choices.defaults.items()):
        kinds = _KINDS.get(name, str)
        if not isinstance(value, kinds):
            raise TypeError(name)
    values: Mapping[str, Any] = choices.values
    if not {*values.get("about", {})} <= {entry.name for entry in fields(About)}:
        raise TypeError("about")
    if (policy := recorded_policy(choices)) is not None:
        hash(policy)  # a list where a word belongs has none
    rows = read_rows(values.get("curation"))
    texts = [*values.get("id-table", {}).values(), *(text for row in rows for text in row.decision)]
    for own in choices.sources.values():
        texts += [own.get("issuer") or "", own.get("site") or ""]
        texts += [text for row in cast("list[list[str]]", own.get("curation", [])) for text in row]
    if not all(isinstance(text, str) for text in texts):
        raise TypeError("a text is none")
    return choices


@dataclass(frozen=True, slots=True)
class Leave:
    """What a run may undo: `change` names choices that may get another value, `forget` those to drop."""

    change: frozenset[str] = frozenset()
    forget: frozenset[str] = frozenset()


def make_leave(change: Iterable[str], forget: Iterable[str]) -> Leave:
    """What a run may undo; raises `MidsError` for a name that no choice has."""
    leave = Leave(
        *(frozenset(name.strip().lstrip("-").replace("_", "-") for name in names) for names in (change, forget))
    )
    for flag, names, known in (
        ("--change", leave.change, NAMES | POLICY_FLAGS), ("--forget", leave.forget, NAMES | {EDITS}),
    ):  # fmt: skip
        if strange := sorted(names - known):
            raise MidsError(f"{flag} {strange[0]} is not a known choice: use one of {', '.join(sorted(known))}")
    return leave


def check_record(dataset: Path, *, was_kept: bool, leave: Leave) -> None:
    """Refuses to go on without the record of earlier runs: what it held, such as redactions, would be undone.

    Raises `MidsError` where it `was_kept`, is gone, and nobody gave leave to decide anew.
    """
    path = state_folder(dataset) / FILE
    if was_kept and not (leave.change or leave.forget) and not path.exists():
        raise MidsError(
            f"{path} is gone, with what was decided for this dataset: bring it back from a backup, or run with {_ANEW}"
        )


def settle_choices(known: Choices, given: Mapping[str, Json], leave: Leave, *, collection: str = "") -> Choices:
    """What holds for this run: what is given, else what was recorded. None stands for what is not given.

    Raises `MidsError` where a value given would drop or change what was recorded, and no leave was given for that.
    """
    values = {name: value for name, value in known.values.items() if name not in leave.forget}
    for name, value in json.loads(json.dumps({**given})).items():  # as it will be read again: lists for tuples
        if value is None:
            continue
        allowed = {name} & leave.change or (name == POLICY and leave.change & POLICY_FLAGS)
        lost = "" if name in LOOSE or allowed else _lost(name, values.get(name), value)
        if lost:
            raise MidsError(
                f"this run would change what was decided for the dataset ({name}: {lost}): "
                f"omit --{name}, or give --change {name}"
            )
        values[name] = value
    defaults = {name: value for name, value in known.defaults.items() if name not in leave.forget}
    return Choices(values, known.sources, collection or known.collection, defaults)


def recorded_policy(choices: Choices) -> Policy | None:
    """The policy that was decided, or that an earlier run took because nothing was."""
    recorded: Any = choices.values.get(POLICY) or choices.defaults.get(POLICY)
    return from_json(recorded) if recorded else None


def keep_default(choices: Choices, name: str, value: Json) -> Choices:
    """The choices with what holds where nothing is decided: an earlier run's default, whatever this version's is."""
    kept = {} if name in choices.values else {name: choices.defaults.get(name, value)}
    return replace(choices, defaults={**{key: old for key, old in choices.defaults.items() if key != name}, **kept})


def held(choices: Choices, name: str) -> Json:
    """What was decided under a name, or the default that holds for the dataset; None for neither."""
    return choices.values.get(name, choices.defaults.get(name))


def settle_source(choices: Choices, source: Path, given: Mapping[str, str | None], leave: Leave) -> Choices:
    """The choices with what is this source's own: what is given, else what was recorded of it.

    Raises `MidsError` where a value given is not the one that an earlier run on the source had: its patients would get
    other subject IDs.
    """
    known = choices.sources.get(str(source))
    own: dict[str, Json] = {}
    for name, value in given.items():
        old = known.get(name, "") if known is not None and name not in leave.forget else None
        own[name] = (old or "") if value is None else value.strip()
        if old is not None and own[name] != old and name not in leave.change:
            raise MidsError(
                f"this run would change the {name} of the source, and with it subject IDs or their rows: "
                f"omit --{name}, or give --change {name}"
            )
    return add_source(choices, source, own)


def _lost(name: str, old: Json, new: Json) -> str:
    """What of a recorded value a new one drops or changes, in words that quote nothing of a patient; empty: nothing."""
    if old is None or old == new:
        return ""
    if name == "embed":
        old, new = _entries(old), _entries(new)
    if isinstance(old, dict) and isinstance(new, dict):
        gone = sorted(key for key, value in old.items() if key != "name" and (key not in new or new[key] != value))
        if name in ("id-table", "embed"):
            return f"{len(gone)} entries differ or are missing" if gone else ""
        return ", ".join(gone)
    if name == "curation":
        missing = {row.decision for row in read_rows(old)} - {row.decision for row in read_rows(new)}
        return f"{len(missing)} rows are missing or differ" if missing else ""
    return f"{old} → {new}" if name in _SHOWN else "another value"


def _entries(embedding: Json) -> Json:
    """The rows of a table to embed, and under no name the block that they go into."""
    content = cast("dict[str, Any]", embedding)
    return {**content["rows"], "": [content["group"], content["creator"], content["columns"]]}


def add_source(choices: Choices, source: Path, own: Mapping[str, Json]) -> Choices:
    """The choices with what is one source's own."""
    sources = {**choices.sources, str(source): {**choices.sources.get(str(source), {}), **own}}
    return replace(choices, sources=sources)


def applied_rows(choices: Choices, source: Path, *, others: bool = False) -> frozenset[Decision]:
    """What rows of the curation table decided of images of a source, or of all `others`."""
    lists = (own.get("curation", []) for name, own in choices.sources.items() if (name != str(source)) == others)
    return frozenset((row[0], row[1], row[2]) for rows in lists for row in cast("list[list[str]]", rows))


def bound_rows(choices: Choices, source: Path | None = None) -> dict[Decision, frozenset[str]]:
    """The images (`mids.plan.curation.identify`) on which rows of the curation table were applied.

    They are those of one source, or of all.
    """
    lists = (own.get("curation", []) for name, own in choices.sources.items() if source is None or name == str(source))
    found: dict[Decision, frozenset[str]] = {}
    for file, what, new, *images in (row for rows in lists for row in cast("list[list[str]]", rows)):
        found[file, what, new] = found.get((file, what, new), frozenset()) | frozenset(images)
    return found


def drop_rows(choices: Choices, decided: frozenset[Decision]) -> Choices:
    """The choices without rows of the curation table that decide these."""
    if not decided:
        return choices
    rows = read_rows(choices.values.get("curation"))
    kept: list[Json] = [asdict(row) for row in rows if row.decision not in decided]
    return replace(choices, values={**choices.values, "curation": kept})


def read_rows(value: Json) -> tuple[Correction, ...]:
    """The rows of a recorded table of corrections."""
    return tuple(Correction(**row) for row in cast("list[dict[str, Any]]", value or []))


def label_rows(values: Mapping[str, Json]) -> list[Correction]:
    """The recorded corrections that call somebody, or a visit, otherwise."""
    return [row for row in read_rows(values.get("curation")) if row.field in LABELS]


def read_renamed(values: Mapping[str, Json]) -> dict[str, str]:
    """What a person calls subjects and their sessions, by what they would be called (`Labels.renamed`).

    Raises `MidsError` where two subjects, or two sessions of one, would get one name.
    """
    found = {row.old: row.new for row in label_rows(values)}
    taken = {(old.rpartition("/")[0], new.lower()) for old, new in found.items()}
    if len(taken) < len(found):
        raise MidsError("two rows of the curation table give one name to two subjects or sessions: change one")
    return found


def add_rows(recorded: Json, more: Sequence[Correction]) -> list[Json]:
    """Recorded corrections, and after them those that are new."""
    rows = read_rows(recorded)
    there = {(row.decision, row.old) for row in rows}
    return [asdict(row) for row in (*rows, *(row for row in more if (row.decision, row.old) not in there))]


def join_rows(known: Choices, source: Path, given: Sequence[Correction]) -> list[Json]:
    """A table of corrections as it is recorded: with rows that are about other sources of the dataset only."""
    others = applied_rows(known, source, others=True) - applied_rows(known, source) - {row.decision for row in given}
    kept = [row for row in read_rows(known.values.get("curation")) if row.decision in others]
    return [asdict(row) for row in (*given, *kept)]
