"""What a person decides about a validation: waivers, levels, selection, profile. Read from a TOML file.

Nothing is guessed: a key, code or family that does not exist is wrong use, and the advise one is named.
"""

import tomllib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

from mids.dataset.disk.tree import Ignore
from mids.errors import MidsError, advise
from mids.inspection.registry import CHECKS, is_selected
from mids.issues import Issue, Level
from mids.resources import read_yaml, schemas
from mids.validation import plugins
from mids.validation.baseline import Baseline, fingerprint
from mids.validation.outcome import CRASHED, OWN, WAIVER_UNUSED, Report, Waived

NAMES = ("mids-validate.toml", ".mids-validate.toml")
DEFAULT_PROFILE = "mids"


@dataclass(frozen=True, slots=True)
class Waiver:
    """Issues of a code at some paths that a person waives; `path` is a pattern as in `.gitignore`.

    Issues of the dataset as a whole have no path: only the pattern `**` fits them.
    """

    code: str
    reason: str
    path: str = "**"

    def fits(self, issue: Issue) -> bool:
        """Whether it waives an issue."""
        if issue.code != self.code:
            return False
        return self.path == "**" or (issue.path != "" and _matches(self.path, issue.path))


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """Every decision of a validation; `accepted` are the waivers of the profile, which are not reported.

    `plain` says that the profile asks what BIDS asks, and nothing of MIDS.
    """

    source: str = ""
    profile: str = DEFAULT_PROFILE
    select: frozenset[str] = frozenset()
    ignore: frozenset[str] = frozenset()
    fail_on: Level = Level.ERROR
    levels: Mapping[str, Level] = field(default_factory=dict)
    waivers: tuple[Waiver, ...] = ()
    accepted: tuple[Waiver, ...] = ()
    plain: bool = False

    def codes(self, *, deep: bool) -> frozenset[str]:
        """The codes of the checks that run. Raises `MidsError` where none is left."""
        codes = frozenset(
            code
            for code, check in CHECKS.items()
            if (deep or not check.deep)
            and is_selected(check, self.select)
            and self.ignore.isdisjoint((code, check.family))
        )
        if not codes:
            raise MidsError("no check is left to run: change --select, --ignore or --deep")
        return codes


# --- reading ---------------------------------------------------------------------------------------------


def find(dataset: Path, given: Path | None = None) -> Control:
    """The decisions in `given`, else in the file of the current folder, else in that beside the dataset.

    Raises `MidsError` where `given` can't be read, or a file is not as docs/validate.md says.
    """
    plugins.load()  # their codes and families can be named too
    if given is not None:
        return load(given)
    places = (folder / name for folder in (Path(), dataset.resolve().parent) for name in NAMES)
    return next((load(path) for path in places if path.is_file()), Control())


def load(path: Path) -> Control:
    """The decisions in a TOML file. Raises `MidsError`, with the advise right word, where it is wrong."""
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise MidsError(f"can't read {path} ({error.strerror}): check its path and permissions") from error
    except ValueError as error:
        raise MidsError(f"{path}: not TOML ({error}): correct it") from error
    try:
        settings = (SETTINGS[check_choice("key", key, SETTINGS)] + (value,) for key, value in content.items())
        return Control(source=path.name, **{field: read(value) for field, read, value in settings})
    except MidsError as error:
        raise MidsError(f"{path}: {error}") from error


def merge_decisions(
    control: Control,
    *,
    profile: str | None = None,
    select: Iterable[str] = (),
    ignore: Iterable[str] = (),
    fail_on: str | None = None,
) -> Control:
    """The decisions of a file with those of the command line, which replace them, and of the profile.

    Raises `MidsError` for a profile, code or family that does not exist.
    """
    profiles: Mapping[str, Any] = read_yaml(schemas() / "profiles.yaml")
    name = check_choice("profile", profile or control.profile, profiles)
    levels = {code: Level(level) for code, level in profiles[name].get("level", {}).items()}
    return replace(
        control,
        profile=name,
        select=names(select) or control.select,
        ignore=names(ignore) or control.ignore,
        fail_on=Level(fail_on) if fail_on else control.fail_on,
        levels={**levels, **control.levels},
        plain=profiles[name].get("standard") == "bids",
        accepted=tuple(Waiver(a["code"], a["reason"], a["path"]) for a in profiles[name].get("accept", ())),
    )


def names(words: Iterable[object]) -> frozenset[str]:
    """Codes and families of checks. Raises `MidsError` for a word that is neither."""
    choices = {*CHECKS, *(check.family for check in CHECKS.values())}
    return frozenset(check_choice("code or family", word, choices) for word in words)


def check_choice(kind: str, word: object, choices: Collection[str]) -> str:
    """The word, if it is one of the choices; else raises `MidsError` with the advise of them."""
    if isinstance(word, str) and word in choices:
        return word
    raise MidsError(f"unknown {kind} {word}: {advise(str(word), sorted(choices))}")


def _list(value: object) -> frozenset[str]:
    if not isinstance(value, list):
        raise MidsError("select and ignore must be lists of codes and families")
    return names(value)


def _levels(value: object) -> Mapping[str, Level]:
    if not isinstance(value, dict):
        raise MidsError('level must be a table: [level], then lines such as CELL_CODE = "warning"')
    codes = {*CHECKS, *OWN}
    return {check_choice("code", code, codes): _level(level) for code, level in value.items()}


def _level(value: object) -> Level:
    return Level(check_choice("level", value, list(Level)))


def _waivers(value: object) -> tuple[Waiver, ...]:
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise MidsError("waivers must be tables: [[waive]], then code, path and reason")
    return tuple(_waiver(entry) for entry in value)


def _waiver(entry: Mapping[str, object]) -> Waiver:
    for key in entry:
        check_choice("key of a waiver", key, ("code", "path", "reason"))
    code = check_choice("code", entry.get("code", ""), CHECKS)
    reason, path = entry.get("reason", ""), entry.get("path", "**")
    if not isinstance(reason, str) or not reason.strip():
        raise MidsError(f"the waiver of {code} has no reason: add one")
    if not isinstance(path, str) or not path.strip() or path.lstrip().startswith(("!", "#")):
        raise MidsError(f"the waiver of {code} has an empty path: give one, or remove the key")
    return Waiver(code, reason.strip(), path.strip())


SETTINGS: Mapping[str, tuple[str, Callable[[object], Any]]] = {
    "profile": ("profile", str),
    "select": ("select", _list),
    "ignore": ("ignore", _list),
    "fail_on": ("fail_on", _level),
    "level": ("levels", _levels),
    "waive": ("waivers", _waivers),
}
"""Every key of the file: the field of `Control` that it fills, and how its value is read."""


# --- judging ---------------------------------------------------------------------------------------------


class Judge:
    """Applies decisions to issues as they come, and counts.

    `ran` are the codes of the checks that ran: a waiver of one of them that fits nothing is an issue itself. At
    most `keep` issues of a code are passed on (0: all), so that memory is bounded; `tell` is told of every issue
    that stands. A crash stays one, whatever is waived.
    """

    def __init__(
        self,
        control: Control,
        ran: Collection[str],
        baseline: Baseline | None = None,
        *,
        keep: int = 0,
        tell: Callable[[Issue], object] = bool,
    ) -> None:
        self._control, self._ran, self._keep, self._tell = control, ran, keep, tell
        self._left = Baseline(baseline)
        self._waived: list[Waived] = []
        self._known: list[Issue] = []
        self._used: set[Waiver] = set()
        self._numbers = Counter[tuple[str, str]]()

    def __call__(self, issues: Iterable[Issue]) -> Iterator[Issue]:
        """The issues that stand."""
        control = self._control
        for issue in _apply_levels(issues, control):
            waiver = _find_waiver(control.waivers, issue)
            if issue.code == CRASHED.code:
                yield from self._standing(issue)
            elif waiver is not None:
                self._used.add(waiver)
                if self._is_kept("waived", issue):
                    self._waived.append(Waived(issue, waiver.reason))
            elif _find_waiver(control.accepted, issue) is None:
                if not self._is_known(issue):
                    yield from self._standing(issue)
                elif self._is_kept("known", issue):
                    self._known.append(issue)
        for issue in _report_unused_waivers(control, self._used, self._ran):
            yield from self._standing(issue)

    def add_to(self, report: Report) -> Report:
        """The report of the issues that stand, with what became of the others."""
        numbers = Counter[str]()
        for (kind, _), number in self._numbers.items():
            numbers[kind] += number
        over = {code: number - self._keep for (kind, code), number in self._numbers.items() if kind == "stands"}
        return replace(
            report,
            waived=tuple(sorted(self._waived, key=lambda waived: waived.issue.path)),
            known=tuple(sorted(self._known, key=lambda issue: issue.path)),
            number_waived=numbers["waived"],
            number_known=numbers["known"],
            left_out={code: number for code, number in over.items() if self._keep and number > 0},
        )

    def _standing(self, issue: Issue) -> Iterator[Issue]:
        self._tell(issue)
        if self._is_kept("stands", issue):
            yield issue

    def _is_kept(self, kind: str, issue: Issue) -> bool:
        self._numbers[kind, issue.code] += 1
        return not self._keep or self._numbers[kind, issue.code] <= self._keep

    def _is_known(self, issue: Issue) -> bool:
        """Whether the baseline has one more such issue; it is used up."""
        if not self._left:
            return False
        digest = fingerprint(issue)
        is_known = self._left[digest] > 0
        self._left[digest] -= is_known
        return is_known


def _apply_levels(issues: Iterable[Issue], control: Control) -> Iterator[Issue]:
    """The issues that are not ignored, at the level that was chosen for their code."""
    for issue in issues:
        check = CHECKS.get(issue.code)
        if check and not control.ignore.isdisjoint((issue.code, check.family)):
            continue  # such as FILE_UNREADABLE, which any check raises
        level = control.levels.get(issue.code, issue.level)
        yield issue if level is issue.level else replace(issue, level=level)


def _find_waiver(waivers: Iterable[Waiver], issue: Issue) -> Waiver | None:
    return next((waiver for waiver in waivers if waiver.fits(issue)), None)


def _report_unused_waivers(control: Control, used: Collection[Waiver], ran: Collection[str]) -> Iterator[Issue]:
    definition = WAIVER_UNUSED
    level = control.levels.get(definition.code, definition.level)
    for number, waiver in enumerate(control.waivers, start=1):
        if waiver not in used and waiver.code in ran:
            message = f"waiver {number} matches no issue of {waiver.code} at {waiver.path}"
            where = f"{control.source}, waiver {number}"
            yield Issue(definition.code, level, message, where=where, fix=definition.fix, origin="control")


@lru_cache(maxsize=256)
def _pattern(glob: str) -> Ignore:
    return Ignore([glob])


@lru_cache(maxsize=65536)
def _matches(glob: str, path: str) -> bool:
    """Whether a pattern names a path, or a folder above it."""
    pattern = _pattern(glob)
    folders = list(PurePosixPath(path).parents)[:-1]
    return pattern(path, folder=False) or any(pattern(str(folder), folder=True) for folder in folders)
