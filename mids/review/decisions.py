"""What people decided: a log to which every act is added at once, and the table of corrections that follows from it."""

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mids.errors import MidsError
from mids.readers.given.curation import LABELS, Correction, read_box
from mids.review.items import VALUES, Item
from mids.run.decided.reviewed import REVIEW_LOG, add_act, check_writable, read_acts, write_reviewed
from mids.run.journal import state_folder
from mids.vocabulary.names import label

FIELDS = ("release", "exclude", "redact", "acknowledge", "looked", *VALUES, *LABELS)
"""What an act may say; `looked`: a person saw the item and leaves it as it is."""

_TRUE = "true"
_LOOKED_AT = "looked at in mids review"

State = dict[str, dict[str, dict[str, Any]]]
"""By file and by person: fields with their values; `redact` holds a list of boxes."""


@dataclass(frozen=True, slots=True)
class Dispute:
    """A field of a file on which people differ: what each said (empty: nothing)."""

    file: str
    field: str
    said: Mapping[str, str]


class Decisions:
    """The log of one dataset, or of a plan (`log`). Every act is on disk before `add` returns; undoing is one too."""

    def __init__(self, dataset: Path, items: Iterable[Item], log: Path | None = None) -> None:
        self._folder = state_folder(dataset)
        self._items = {item.file: item for item in items}
        self._log = log or self._folder / REVIEW_LOG
        self._acts: list[dict[str, Any]] = []
        check_writable(self._log)
        self.read()

    def read(self) -> None:
        """Reads the log anew: another program may have added to it. Raises `MidsError` where it is damaged."""
        self._acts = list(read_acts(self._log))

    def add(self, who: str, file: str, field: str, new: Any, why: str = "", *, judge: bool = False) -> None:
        """Adds what a person decides; None takes it back. Raises `MidsError` for what can't be meant."""
        self.read()
        if not who.strip():
            raise MidsError("say who you are first")
        if file not in self._items:
            raise MidsError("the dataset holds no such item")
        if field not in FIELDS:
            raise MidsError(f"unknown decision {field}")
        if field == "redact" and any(read_box(_as_text(box)) is None for box in new or ()):
            raise MidsError("a box needs top, left, bottom and right in pixels, with an area")
        if field in LABELS and new is not None:
            self._check_name(self._items[file], field, str(new))
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self._append(
            {"when": now, "who": who.strip(), "judge": judge, "file": file, "field": field, "new": new, "why": why}
        )

    def _check_name(self, item: Item, field: str, new: str) -> None:
        """Raises `MidsError` for a name that is none, or another subject's or session's."""
        if not new or label(new) != new:
            raise MidsError(f"a {field} is called by letters and digits")
        others = (
            each.before[field] for each in self._items.values()
            if field in each.before and (field == "subject" or each.before["subject"] == item.before["subject"])
        )  # fmt: skip
        given = (
            str(own[field]) for file, people in self.state().items() for own in people.values()
            if field in own and file != item.file and field == "subject"
        )  # fmt: skip
        if new.lower() in {other.lower() for other in (*others, *given)} - {item.before[field].lower()}:
            raise MidsError(f"another {field} is called {new}: images of two can't become those of one here")

    def undo(self, who: str) -> str:
        """Takes back a person's last act; the file that it was about, empty where there is none."""
        self.read()
        acts = [act for act in self._alive() if act["who"] == who.strip()]
        if not acts:
            return ""
        self._append({"undo": acts[-1]["number"], "who": who.strip()})
        return str(acts[-1]["file"])

    def state(self, *, judges: bool = False) -> State:
        """What holds now of people who read, or of those who judge between them."""
        found: State = {}
        for act in self._alive():
            if act["judge"] == judges:
                own = found.setdefault(act["file"], {}).setdefault(act["who"], {})
                own.pop(act["field"], None)
                own.pop(f"why {act['field']}", None)
                if act["new"] is not None:
                    own[act["field"]] = act["new"]
                    own[f"why {act['field']}"] = act["why"]
        return found

    def disputes(self) -> list[Dispute]:
        """Where people differ and nobody has judged."""
        judged = self.state(judges=True)
        found = []
        for file, field, said in self._said():
            if len(set(said.values())) > 1 and not any(_settles(own, field) for own in judged.get(file, {}).values()):
                found.append(Dispute(file, field, said))
        return found

    def corrections(self) -> Iterator[Correction]:
        """The rows on which people agree, and those that were judged."""
        judged = self.state(judges=True)
        for file, field, said in self._said():
            judge = next(((who, own) for who, own in judged.get(file, {}).items() if _settles(own, field)), None)
            if judge and field in judge[1]:
                yield from self._rows(file, field, judge[1][field], [judge[0]], judge[1].get(f"why {field}", ""))
            elif judge and field == "redact" and "exclude" not in judge[1]:  # what a reader covered stays so
                drawn = {_as_text(box): box for text in said.values() if text for box in json.loads(text)}
                yield from self._rows(file, field, drawn.values(), [who for who in said if said[who]], "")
            elif judge:
                continue
            elif len(set(said.values())) == 1 and (text := next(iter(said.values()))):
                readers = self.state()[file]
                why = "; ".join(filter(None, dict.fromkeys(readers[who].get(f"why {field}", "") for who in said)))
                yield from self._rows(file, field, json.loads(text), list(said), why)

    def merge(self, others: Iterable[Correction]) -> list[Correction]:
        """The rows that hold: those of `others` of which nobody decided otherwise here, then what was decided."""
        open_still = {(found.file, found.field) for found in self.disputes()}  # an earlier row holds until it is judged
        touched = {(file, field) for file, field, _ in self._said()} - open_still
        return [row for row in others if (row.file, row.field) not in touched] + list(self.corrections())

    def save(self, others: Iterable[Correction]) -> Path:
        """Writes the table of corrections beside the dataset, with rows of `others` that are about other files.

        Its owner alone can read it. Raises `MidsError` where it can't be written.
        """
        return write_reviewed(self._folder, self.merge(others))

    def _said(self) -> Iterator[tuple[str, str, dict[str, str]]]:
        """Each file and field of which somebody says something, with what everyone who looked at the file says."""
        readers = self.state()
        for file in {**readers, **self.state(judges=True)}:
            people = {who: own for who, own in readers.get(file, {}).items() if own}
            judges = self.state(judges=True).get(file, {})
            fields = {name for own in (*people.values(), *judges.values()) for name in own if name in FIELDS}
            for field in sorted(fields - {"looked"}):
                yield file, field, {who: self._opinion(file, field, own) for who, own in people.items()}

    def _opinion(self, file: str, field: str, own: Mapping[str, Any]) -> str:
        """What a person says in one field; empty for what the dataset has always said."""
        item = self._items.get(file)
        if field not in own or (
            item and field in item.before and own[field] == item.values.get(field, "") == item.before.get(field, "")
        ):
            return ""
        return json.dumps(own[field])

    def _rows(self, file: str, field: str, new: Any, who: list[str], why: str) -> Iterator[Correction]:
        item, people = self._items.get(file), "; ".join(who)
        why = why or _LOOKED_AT
        if field == "redact":
            yield from (Correction(file, field, "", _as_text(box), people, why, 0) for box in new)
        elif field in LABELS and item:
            before = item.before[field]
            old = before if field == "subject" else f"{item.before['subject']}/{before}"
            if new != before:
                yield Correction(file, field, old, new, people, why, 0)
        elif field in VALUES:
            old = item.before.get(field, "") if item else ""
            if new != old:
                yield Correction(file, field, old or "n/a", new or "n/a", people, why, 0)
        elif new == _TRUE:
            old = item.code if item and field == "acknowledge" else ""
            yield Correction(file, field, old, "", people, why, 0)

    def _real(self) -> Iterator[dict[str, Any]]:
        return (act for act in self._acts if "undo" not in act)

    def _alive(self) -> list[dict[str, Any]]:
        undone = {(act["who"], act["undo"]) for act in self._acts if "undo" in act}
        return [act for act in self._real() if (act["who"], act["number"]) not in undone]

    def _append(self, act: dict[str, Any]) -> None:
        add_act(self._log, act)
        self.read()


def _settles(own: Mapping[str, Any], field: str) -> bool:
    """Whether a judge has decided a field: by a value, or by what holds for the whole item."""
    return field in own or bool({"looked", "release", "acknowledge", "exclude"} & own.keys())


def _as_text(box: Iterable[int]) -> str:
    return ",".join(str(int(number)) for number in box)
