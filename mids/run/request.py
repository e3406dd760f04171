"""What every way in is asked, and the checks of it before anything is read or written."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from mids.deid import keys
from mids.deid.headers.rules import Rules, resolve
from mids.deid.labels import read_table
from mids.deid.policy import Policy, preset, to_json
from mids.deid.text.redact import redactor
from mids.errors import MidsError
from mids.issues import issue
from mids.plan import Plan
from mids.readers.images import learned, ocr
from mids.records import Json
from mids.run.decided.choices import (
    EDITS,
    POLICY,
    Choices,
    Leave,
    add_source,
    bound_rows,
    drop_rows,
    keep_default,
    load_choices,
    make_leave,
    read_rows,
    recorded_policy,
    settle_choices,
    settle_source,
)
from mids.run.run import Progress
from mids.run.state import State, check_key_place

KEPT = "choices"
"""The fact of the journal that says whether anything was decided that a later run would miss."""

MOST_JOBS = 4096
"""Processes that one run may have: more are a slip of the finger, and would take the machine with them."""


def _say_nothing(done: int, total: int, path: str) -> None:
    """Progress for nobody."""


def _give_nothing(known: Choices, source: Path) -> Mapping[str, Json]:
    """The choices of a way in that has none of its own."""
    return {}


@dataclass(frozen=True, slots=True)
class Request:
    """What a way in is asked: from where to where, under which policy, with how many workers.

    `id_table` are subject IDs by PatientID, `choices` what was decided in this and earlier runs.
    `issuer` gave out the PatientIDs whose headers name no issuer; everybody in the source is of the `site`.
    At most `removes` images go whose source vanished, all where it is None. `forgets_edits` lets go of what a person
    changed in tables and descriptions. `assumes_policy` says that nothing is known of the policy: it is this version's
    default.
    `source` is absolute (workers of a cluster start elsewhere), `dataset` without links. `dask` is the address of a
    scheduler, or a cluster object of Dask. `show_paths` puts real paths of the source into messages.
    """

    source: Path
    dataset: Path
    policy: Policy
    key: Path | None = None
    id_table: Mapping[str, str] | None = None
    choices: Choices = field(default_factory=Choices)
    jobs: int = 1
    dask: Any = ""
    dry_run: bool = False
    show_paths: bool = False
    issuer: str = ""
    site: str = ""
    removes: int | None = 0
    forgets_edits: bool = False
    assumes_policy: bool = False
    leave: Leave = field(default_factory=Leave)
    progress: Progress = _say_nothing


def make_request(
    source: str | Path, dataset: str | Path, *,
    policy: Policy | None, key: str | Path | None, id_table: str | Path | None, dask: Any = "",
    change: Iterable[str] = (), forget: Iterable[str] = (), collection: str = "",
    issuer: str | None = None, site: str | None = None,
    given: Callable[[Choices, Path], Mapping[str, Json]] = _give_nothing,
    defaults: Callable[[], Mapping[str, Json]] = dict, **others: Any,
) -> Request:  # fmt: skip
    """The request that the arguments of a public function make; `others` are fields of `Request`.

    What is not given is as an earlier run on `dataset` recorded it; `given` tells the choices of one way in by what is
    recorded and the source, `defaults` what holds for a new dataset where nothing is given. Raises `MidsError` where
    an argument can't be meant, where it would undo a choice for which `change` and `forget` give no leave, or where
    source or destination are not to be used so.
    """
    if not 1 <= others.get("jobs", 1) <= MOST_JOBS:
        raise MidsError(f"--jobs must be a whole number from 1 to {MOST_JOBS}")
    if not str(source) or not str(dataset):
        raise MidsError("SOURCE and DEST must not be empty: give a path")
    root, target = Path(source).absolute(), _resolve(Path(dataset))
    leave, known = make_leave(change, forget), load_choices(target)
    shared: dict[str, Json] = {
        "policy": to_json(policy) if policy else None,
        "key": str(Path(key).absolute()) if key else None,
        "id-table": dict(read_table(Path(id_table))) if id_table else None,
    }
    if policy and policy.ids == "random":
        leave = replace(leave, forget=leave.forget | {"key"})
    choices = settle_choices(known, {**given(known, root), **shared}, leave, collection=collection)
    choices = keep_default(choices, POLICY, to_json(preset("mids")))
    if not known.collection or leave.forget:  # what an earlier version had no default for stays without
        for name, value in defaults().items():
            if not known.collection or name in leave.forget:
                choices = keep_default(choices, name, value)
    choices = settle_source(choices, root, {"issuer": issuer, "site": site}, leave)
    values: Mapping[str, Any] = choices.values
    own: Mapping[str, Any] = choices.sources.get(str(root), {})
    decided = recorded_policy(choices) or preset("mids")
    own_key = Path(values["key"]) if values.get("key") else None
    return Request(
        root, target, decided, own_key, values.get("id-table"), choices, dask=dask,
        issuer=own.get("issuer") or own.get("site") or "", site=own.get("site") or "",
        forgets_edits=EDITS in leave.forget, **others,
        leave=leave, assumes_policy=not (policy or recorded_policy(known) or POLICY in leave.forget),
    )  # fmt: skip


def _resolve(dataset: Path) -> Path:
    """The path without links; raises `MidsError` for links that lead to themselves."""
    try:
        return dataset.resolve()
    except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links, before Python 3.13
        raise MidsError("DEST can't be followed, such as a link to itself: give another DEST") from error


def check_policy(policy: Policy, *, key: Path | None, id_table: Mapping[str, str] | None) -> Rules:
    """The rules of a policy, before anything is read or written.

    Raises `MidsError` for an override of an attribute that nobody knows, for lists, models or programs that are not
    there, for a table without use or its absence, and for a key where ids are random.
    """
    if (policy.ids == "table") != (id_table is not None):
        raise MidsError("--ids table and --id-table FILE need each other: give both or neither")
    if policy.ids == "random" and key:
        raise MidsError("random IDs use no key: remove --key, or choose --ids keyed")
    if policy.detect == "ocr":
        ocr.version()
    if policy.detect == "learned":
        learned.version()
    redactor(policy, keys.draw())
    return resolve(policy)


def find_key(policy: Policy, key: Path | None, target: Path) -> tuple[keys.Key | None, Path | None]:
    """The key that ids are made with, and where it is if it was made just now; none where ids are random."""
    if policy.ids == "random":
        return None, None
    secret, place, is_new = keys.find(key)
    check_key_place(place, target)
    return secret, place if is_new else None


def join_source(plan: Plan, state: State, source: str, request: Request, *, keep: bool) -> Plan:
    """The plan, which removes nothing where the dataset holds another source too; `keep` records this one.

    Raises `MidsError` where the other source was de-identified under another policy (docs/decisions.md), and where
    nobody says a policy for a dataset that was made with another one than this version's default.
    """
    plain = replace(request.policy, name="", options=frozenset())  # a set has no order that lasts
    digest = sha256(repr((plain, sorted(request.policy.options))).encode()).hexdigest()
    joins = state.journal.joined(source, keep=keep)
    if joins or (request.assumes_policy and state.journal.fact(POLICY)):
        held = "DEST holds another source that" if joins else "DEST"
        complaint = f"{held} was de-identified with another policy: give that policy, or another DEST"
        state.journal.settle(POLICY, digest, complaint)
    elif keep:
        state.journal.note(POLICY, digest)
    if not joins:
        return plan
    found = issue("SOURCE_ADDED", "DEST also holds another source: nothing is removed", origin="plan")
    return replace(plan, complete=False, adds=True, issues=(*plan.issues, found))


def record_choices(request: Request, plan: Plan, state: State) -> None:
    """Keeps what was decided for the next run, and which rows of the curation table this source had images for."""
    decided = {row.decision for row in read_rows(request.choices.values.get("curation"))} - plan.dropped
    images = {row: found for row, found in bound_rows(request.choices, request.source).items() if row in decided}
    for row, found in plan.applied.items():
        images[row] = images.get(row, frozenset()) | found
    applied: list[Json] = [[*row, *sorted(found)] for row, found in sorted(images.items())]
    choices = drop_rows(add_source(request.choices, request.source, {"curation": applied}), plan.dropped)
    choices.save(state.folder)
    state.journal.note(KEPT, "yes" if choices.is_decided else "")
