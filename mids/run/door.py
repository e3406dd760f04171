"""What a conversion and a de-identification share: their use is checked, their key is had, their end is told alike."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from mids.deid import keys
from mids.deid.headers.rules import Rules, resolve
from mids.deid.labels import read_table
from mids.deid.policy import Policy
from mids.deid.references import References
from mids.deid.text.redact import redactor
from mids.errors import MidsError
from mids.issues import Issue, Level, issue
from mids.plan import Comparison, Outcome, Plan
from mids.readers.images import ocr
from mids.run.state import State, check_key_place


@dataclass(frozen=True, slots=True)
class Done:
    """What a run planned, did and found wrong.

    `outcome` is None for a dry run. Source files in `issues` stand under references that ``<DEST>.mids/sources.tsv``
    resolves, unless real paths were asked for. `is_sealed` says that random ids were given, and that nothing links them
    to the source any more.
    """

    dataset: Path
    plan: Plan
    comparison: Comparison
    outcome: Outcome | None
    issues: tuple[Issue, ...]
    references: References
    key_made: Path | None = None
    is_sealed: bool = False

    @property
    def exit_code(self) -> int:
        """0: everything done or rightly left out; 1: something was lost or is wrong; 3: a fault of ours."""
        if self.outcome is not None and self.outcome.crashes:
            return 3
        return int(any(found.level is Level.ERROR for found in self.issues))


def checked(policy: Policy, *, key: Path | None, id_table: Path | None) -> tuple[Rules, Mapping[str, str]]:
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


def lasting_key(policy: Policy, key: Path | None, target: Path) -> tuple[keys.Key | None, Path | None]:
    """The key that ids are made with, and where it is if it was made just now; none where ids are random."""
    if policy.ids == "random":
        return None, None
    secret, place, is_new = keys.find(key)
    check_key_place(place, target)
    return secret, place if is_new else None


def joined(plan: Plan, state: State, source: str, policy: Policy, *, keep: bool) -> Plan:
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


def told(plan: Plan, outcome: Outcome | None, references: References) -> tuple[Issue, ...]:
    """Everything that is wrong, source files under their references."""
    return tuple(references.masked(found) for found in _issues(plan, outcome))


def _issues(plan: Plan, outcome: Outcome | None) -> Iterator[Issue]:
    yield from plan.issues
    for subject in plan.subjects:
        yield from subject.issues
    yield from outcome.issues if outcome else ()
