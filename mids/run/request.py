"""What every way in is asked, and the checks of it before anything is read or written."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from mids.deid import keys
from mids.deid.headers.rules import Rules, resolve
from mids.deid.labels import read_table
from mids.deid.policy import Policy, preset
from mids.deid.text.redact import redactor
from mids.errors import MidsError
from mids.issues import issue
from mids.plan import Plan
from mids.readers.images import ocr
from mids.run.run import Progress
from mids.run.state import State, check_key_place

MOST_JOBS = 4096
"""Processes that one run may have: more are a slip of the finger, and would take the machine with them."""


def _say_nothing(done: int, total: int, path: str) -> None:
    """Progress for nobody."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a way in is asked: from where to where, under which policy, with how many workers.

    `source` is absolute (workers of a cluster start elsewhere), `dataset` without links. `dask` is the address of a
    scheduler, or a cluster object of Dask. `show_paths` puts real paths of the source into messages.
    """

    source: Path
    dataset: Path
    policy: Policy
    key: Path | None = None
    id_table: Path | None = None
    jobs: int = 1
    dask: Any = ""
    dry_run: bool = False
    show_paths: bool = False
    progress: Progress = _say_nothing


def make_request(
    source: str | Path, dataset: str | Path, *,
    policy: Policy | None, key: str | Path | None, id_table: str | Path | None, **others: Any,
) -> Request:  # fmt: skip
    """The request that the arguments of a public function make; `others` are fields of `Request`.

    Raises `MidsError` where one of them can't be meant, or source or destination are not to be used so.
    """
    if not 1 <= others.get("jobs", 1) <= MOST_JOBS:
        raise MidsError(f"--jobs must be a whole number from 1 to {MOST_JOBS}")
    if not str(source) or not str(dataset):
        raise MidsError("SOURCE and DEST must not be empty: give a path")
    root, target = Path(source).absolute(), Path(dataset).resolve()
    own_key, table = Path(key) if key else None, Path(id_table) if id_table else None
    return Request(root, target, policy or preset("mids"), own_key, table, **others)


def check_policy(policy: Policy, *, key: Path | None, id_table: Path | None) -> tuple[Rules, Mapping[str, str]]:
    """The rules of a policy and the table of labels that it asks for, before anything is read or written.

    Raises `MidsError` for an override of an attribute that nobody knows, for lists, models or programs that are not
    there, for a table without use or its absence, and for a key where ids are random.
    """
    if (policy.ids == "table") != bool(id_table):
        raise MidsError("--ids table and --id-table FILE need each other: give both or neither")
    if policy.ids == "random" and key:
        raise MidsError("random IDs use no key: remove --key, or choose --ids keyed")
    if policy.detect == "ocr":
        ocr.version()
    redactor(policy, keys.draw())
    return resolve(policy), read_table(id_table) if id_table else {}


def find_key(policy: Policy, key: Path | None, target: Path) -> tuple[keys.Key | None, Path | None]:
    """The key that ids are made with, and where it is if it was made just now; none where ids are random."""
    if policy.ids == "random":
        return None, None
    secret, place, is_new = keys.find(key)
    check_key_place(place, target)
    return secret, place if is_new else None


def join_source(plan: Plan, state: State, source: str, policy: Policy, *, keep: bool) -> Plan:
    """The plan, which removes nothing where the dataset holds another source too; `keep` records this one.

    Raises `MidsError` where the other source was de-identified under another policy (docs/decisions.md).
    """
    plain = replace(policy, name="", options=frozenset())  # a set has no order that lasts
    digest = sha256(repr((plain, sorted(policy.options))).encode())
    if state.journal.joined(source, keep=keep):
        complaint = (
            "DEST holds another source that was de-identified with another policy: give that policy, or another DEST"
        )
        state.journal.settle("policy", digest.hexdigest(), complaint)
        found = issue("SOURCE_ADDED", "DEST also holds another source: nothing is removed", origin="plan")
        return replace(plan, complete=False, adds=True, issues=(*plan.issues, found))
    if keep:
        state.journal.note("policy", digest.hexdigest())
    return plan
