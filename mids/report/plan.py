"""Renders what a conversion will do, and what it did, for a terminal."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from mids.deid.burned.evidence import UNFOUND
from mids.deid.references import References
from mids.issues import Issue, Level, count, escape_controls
from mids.plan import Comparison, Outcome, Plan
from mids.plan.job import Job
from mids.readers.dicom.scan import NOT_DICOM
from mids.records import Skipped
from mids.run.sources import fates
from mids.run.texts import Change


def dry_run(plan: Plan, comparison: Comparison, references: References, changes: Sequence[Change] = ()) -> str:
    """The plan as a table: state, how many sources, the first of them, the output; then what is skipped and why.

    Of small files those that change or go are listed, new ones are counted.
    """
    states = {
        **dict.fromkeys(comparison.done, "done"),
        **dict.fromkeys(comparison.new, "new"),
        **dict.fromkeys(comparison.stale, "stale"),
        **dict.fromkeys(comparison.blocked, "blocked"),
    }
    lines = ["state\tfiles\tsource\toutput"]
    lines += [f"{states[job.path]}\t{_format_sources(job, references)}\t{job.path}" for job in plan.jobs]
    lines += [f"removed\t0\t-\t{path}" for path in comparison.superseded]
    lines += [f"kept\t0\t-\t{path}\t(its source is gone or can't be read)" for path in comparison.vanished]
    lines += [f"damaged\t0\t-\t{path}" for path in comparison.damaged]
    lines += [f"foreign\t0\t-\t{escape_controls(path)}" for path in (*comparison.foreign, *comparison.changed)]
    for skipped in _iterate_skipped(plan):
        if skipped.reason != NOT_DICOM:
            first = escape_controls(references.shown(skipped.sources[0].name))
            lines.append(f"{skipped.status}\t{len(skipped.sources)}\t{first}\t({skipped.reason})")
    lines += [
        f"{change.state}\t0\t-\t{change.path}" + (f"\t({change.what})" if change.what else "")
        for change in changes
        if change.state != "new"
    ]
    made = Counter(change.path.rpartition(".")[2] for change in changes if change.state == "new")
    if others := made.total() - made["tsv"]:
        lines.append(f"new\t0\t-\t({count(made['tsv'], 'table')}, {count(others, 'other small file')})")
    counts = Counter(states.values())
    lines.append(
        ", ".join(f"{counts[state]} {state}" for state in ("new", "stale", "done", "blocked") if counts[state])
        or "nothing to do"
    )
    return "\n".join(lines) + "\n"


def _format_sources(job: Job, references: References) -> str:
    sources = job.action.sources
    return f"{len(sources)}\t{escape_controls(references.shown(sources[0].name))}"


def _iterate_skipped(plan: Plan) -> Iterator[Skipped]:
    yield from plan.skipped
    for subject in plan.subjects:
        yield from subject.skipped


def summary(
    plan: Plan,
    outcome: Outcome | None,
    issues: Iterable[Issue],
    state: str,
    *,
    what: str = "images",
    linked: bool = True,
    acknowledged: int = 0,
    holds: Sequence[str] = (),
    commands: Sequence[str] = (),
) -> str:
    """What a run did, on one screen: what needs a person first, then what was made, what was left out, what is next.

    `what` was made; `linked` says that the source table names the outputs; `acknowledged` errors are known; `holds`
    counts what is in the destination; `commands` are what can be typed next.
    """
    reasons = Counter[tuple[str, str]]()
    for skipped in _iterate_skipped(plan):
        reasons[skipped.status, skipped.reason] += len(skipped.sources)
    others = reasons.pop(("skipped", NOT_DICOM), 0)
    left = [
        f"{number} {status}: {reason.removeprefix(f'{status}: ')}"
        for (status, reason), number in sorted(reasons.items())
    ]
    left += [f"{count(others, 'file')} not DICOM"] if others else []
    levels = Counter(found.level for found in issues)
    told = "which source became which file" if linked else "what became of each source (its key is destroyed)"
    groups = {
        "needs you": [*_format_withheld(reasons, issues), *_format_lost(plan, outcome, issues)],
        "done": [*_format_made(outcome, what), ", ".join(count(levels[level], level) for level in Level)],
        "left out": left,
        "known": [f"{count(acknowledged, 'error')} of the source acknowledged in the curation table"]
        if acknowledged
        else [],
        "holds": list(holds),
        "look at": [f"{told}: {state}/sources.tsv"],
        "next": list(commands),
    }
    return "".join(
        f"{title if number == 0 else '':<{_MARGIN}}{line}\n"
        for title, lines in groups.items()
        for number, line in enumerate(lines)
    )


_MARGIN = 11
"""Columns of the titles on the last screen."""


def colour(text: str) -> str:
    """The last screen with its titles in colour (ECMA-48): yellow what needs a person, green what was made."""
    colours = {"needs you": 33, "done": 32}
    lines = (
        f"\x1b[1;{colours.get(line[:_MARGIN].strip(), 36)}m{line[:_MARGIN]}\x1b[0m{line[_MARGIN:]}"
        for line in text.splitlines()
    )
    return "".join(f"{line}\n" for line in lines)


def _format_made(outcome: Outcome | None, what: str) -> Iterator[str]:
    if outcome is not None:
        withheld = len(outcome.withheld)
        more = f", {withheld} withheld" if withheld else ""
        more += f", {len(outcome.removed)} removed" if outcome.removed else ""
        lost = len(outcome.lost) - withheld
        yield f"{count(len(outcome.made), what[:-1])} made, {len(outcome.kept)} kept, {lost} lost{more}"


def _format_lost(plan: Plan, outcome: Outcome | None, issues: Iterable[Issue]) -> Iterator[str]:
    """What of the source is wrong or not in the dataset."""
    if unread := sum(found.origin == "read" and found.level is Level.ERROR for found in issues):
        yield f"{count(unread, 'error')} in the source: see the messages above"
    if lost := Counter(status for _, status, _, _ in fates(plan, outcome))["lost"]:
        yield f"{count(lost, 'file')} of the source lost: the table of sources says why"


LOOKS = {
    "PRIVACY_UNSEEN": "--detect glyphs --change detect looks at them, unless --burned-in is release",
    "PRIVACY_FACE_KEPT": "--faces withhold --change faces withholds them; "
    "deface in place of withhold removes it from CT and MR",
}
"""What to add to the command where nobody has looked."""


def _format_withheld(reasons: Mapping[tuple[str, str], int], issues: Iterable[Issue]) -> Iterator[str]:
    """What was withheld because of its header or of text in its pixels, and how to get it."""
    withheld = {reason: number for (status, reason), number in reasons.items() if status == "withheld"}
    by_face = sum(number for reason, number in withheld.items() if "may show a face" in reason)
    by_header = sum(withheld.values()) - by_face
    if by_face:
        yield (
            f"{count(by_face, 'file')} withheld that may show a face: look at them, then release them one by one "
            "in --curation, or use --faces deface for CT and MR"
        )
    if by_header:
        yield (
            f"{count(by_header, 'file')} withheld that may show a patient's name: look at them "
            "with mids review, or deliver all with --burned-in release"
        )
    by_pixels = [found for found in issues if found.code == "PRIVACY_TEXT_FOUND"]
    unfound = sum(found.message.endswith(UNFOUND) for found in by_pixels)
    if found_in := len(by_pixels) - unfound:
        yield (
            f"{count(found_in, 'image')} withheld because of text in the pixels: look at them, then use "
            "--burned-in blank or release, or release them one by one in --curation"
        )
    if unfound:
        yield (
            f"{count(unfound, 'image')} withheld in which {UNFOUND}: look at them, then release them one by one "
            "in --curation, or redact boxes there"
        )
    for code, command in LOOKS.items():
        yield from (f"{found.message}: {command}" for found in issues if found.code == code)


def issue_lines(issues: Iterable[Issue], *, least: Level) -> str:
    """One line for each Issue of at least a level, worst first."""
    order = list(Level)
    chosen = [found for found in issues if order.index(found.level) <= order.index(least)]
    chosen.sort(key=lambda found: (order.index(found.level), found.code, found.path, found.where))
    return "".join(f"{_line(found)}\n" for found in _gather(chosen))


_OF_SERIES = frozenset({"PRIVACY_FACE_DOUBTFUL"})
"""Codes that say the same of every slice of a series."""


def _gather(issues: Sequence[Issue]) -> Iterator[Issue]:
    """The Issues, those of the slices of a series that say the same as one of their folder."""
    folders = [found.path.rpartition("/")[0] for found in issues]
    keys = [(found.code, found.message, found.where, folder) for found, folder in zip(issues, folders, strict=True)]
    number, seen = Counter(keys), set[tuple[str, str, str, str]]()
    for found, key in zip(issues, keys, strict=True):
        if found.code not in _OF_SERIES or number[key] == 1:
            yield found
        elif key not in seen:
            seen.add(key)
            yield replace(found, path=key[3], message=f"{number[key]} files: {found.message}")


def _line(found: Issue) -> str:
    place = escape_controls(" ".join(part for part in (found.path, found.where) if part))
    fix = f" → {found.fix}" if found.level is not Level.INFO and found.fix else ""
    return f"{found.level} {found.code} {place}: {found.message}{fix}"
