"""What a check is, and the register of all of them.

A check is a function over a view that yields a sentence, or a `Finding`, for each thing that is wrong. Its
docstring is its documentation, in three parts::

    '''What is wrong, in one paragraph.

    Why: why it matters.

    Fix: what to do.
    '''
"""

import inspect
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from mids.issues import Definition, Level

Per = Literal["file", "bids", "image", "json", "sidecar", "table", "content", "subject", "dataset"]
"""What a check looks at: each file below a subject, each file that rules of BIDS may be for, each image, JSON file,
sidecar or table, each file with any content that is looked into, a subject, or all at once."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: `where` is the place inside the file, `path` a file other than the view's."""

    message: str
    where: str = ""
    value: str = ""
    expected: str = ""
    path: str = ""


Found = Iterable[Finding | str]


@dataclass(frozen=True, slots=True)
class Check:
    """A registered check.

    `family` is the folder of its module (of a plug-in: the module's name up to an underscore); `deep` says that it
    reads whole images; `when` is asked once of a file for all checks that have it, and where it says no they do not
    run; `keys`, where there are any, are those of which a file must say at least one: keys of an image's sidecars or of
    a JSON file, columns of a table; `mids` says that it is for datasets with parts of MIDS alone.
    """

    definition: Definition
    per: Per
    family: str
    deep: bool
    function: Callable[[Any], Found]
    when: Callable[[Any], bool] | None = None
    keys: frozenset[str] = frozenset()
    mids: bool = False


CHECKS: dict[str, Check] = {}
"""Every check by its code."""

Question = Callable[[Any], bool]
BY_NAME: dict[Question, Question] = {}
"""For questions about a file, another that its name alone answers: where it says no, so does the question."""


def only_if(condition: Question) -> Callable[[Question], Question]:
    """Says of the question below it that it is asked only where `condition` holds.

    That is asked once of all files that are named alike: it may look at nothing but their shape, and whether they are
    folders.
    """

    def mark(question: Question) -> Question:
        BY_NAME[question] = condition
        return question

    return mark


def of_name(question: Question) -> Question:
    """Says of the question below it that the name of a file alone answers it."""
    BY_NAME[question] = question
    return question


ON_REQUEST = frozenset({"claims"})
"""Families that run only where they, or codes of theirs, are selected."""


def is_selected(check: Check, select: Collection[str]) -> bool:
    """Whether `select`, codes and families, asks for a check; an empty one asks for all that need no request."""
    if select:
        code = check.definition.code
        # Dates shifted by two offsets are told by what compares tables, and are a leak all the same.
        return code in select or check.family in select or ("privacy" in select and code.startswith("PRIVACY_"))
    return check.family not in ON_REQUEST


def check(
    code: str,
    *,
    per: Per,
    level: Level = Level.ERROR,
    deep: bool = False,
    when: Callable[[Any], bool] | None = None,
    keys: Iterable[str] = (),
    mids: bool = False,
) -> Callable[[Callable[[Any], Found]], Callable[[Any], Found]]:
    """Registers the function below it as the check `code`."""

    def register(function: Callable[[Any], Found]) -> Callable[[Any], Found]:
        if code in CHECKS:
            raise ValueError(f"two checks have the name {code}")
        family = _family(function.__module__)
        described = definition(code, level, function)
        CHECKS[code] = Check(described, per, family, deep, function, when, frozenset(keys), mids)
        return function

    return register


def _family(module: str) -> str:
    """The family of the checks in a module: its folder below `mids.checks`, else its name up to an underscore."""
    if module.startswith("mids.checks."):
        return module.split(".")[2]
    return module.rpartition(".")[2].partition("_")[0]


def definition(code: str, level: Level, function: Callable[..., object]) -> Definition:
    """The definition of a code, from its check's docstring. Raises `ValueError` where a part is missing."""
    paragraphs = [" ".join(part.split()) for part in (inspect.getdoc(function) or "").split("\n\n")]
    if len(paragraphs) != 3 or not paragraphs[1].startswith("Why: ") or not paragraphs[2].startswith("Fix: "):
        raise ValueError(f"{code}: the docstring needs what, Why: and Fix:")
    what, why, fix = paragraphs
    return Definition(code, level, what, why.removeprefix("Why: "), fix.removeprefix("Fix: "))
