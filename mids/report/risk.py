"""The page of ``mids risk``: how well people can be told apart, joined to other data, and what could be learned."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace

from mids.report.page import WRITERS, Block, Heading, Items, Paragraph, Table
from mids.risk.assess import Assessment, Knowledge, Risk
from mids.risk.changes import Change
from mids.risk.classes import Band, Diversity

FORMATS = ("text", "json", "markdown", "html")

SHOWN = {"text": 20, "markdown": 200, "html": 1000}
"""How many people in small groups each format lists; JSON lists all."""

LIMITS = (
    "Images: this page does not see a face in a head CT or MR, a name in pixels, an implant, a tattoo "
    "or the shape of a "
    "bone. It only compares whether two images are the same.",
    "Rare findings: a disease that only one person of the region has identifies that person, whatever the columns say. "
    "rare_labels counts labels that are rare in this dataset, not in the world.",
    "Free texts: this page does not read reports and notes.",
    "Other knowledge: somebody who knows more than these columns finds more people; somebody who knows less finds "
    "fewer. Choose the columns that a neighbour, an employer, an insurer or another hospital may know.",
    "Membership: knowing that a person is in the dataset may be enough to learn what everybody in it has.",
    "Anonymity: whether the dataset is anonymous is a judgement; these figures are only a part of it.",
)


def write(assessment: Assessment, style: str, *, people: bool = True) -> Iterator[str]:
    """The page in one of `FORMATS`; without `people` nobody is listed, and no value of a column is shown."""
    if style == "json":
        risks = assessment.risks if people else tuple(replace(risk, few=()) for risk in assessment.risks)
        images = assessment.images if people else None
        yield json.dumps(asdict(replace(assessment, risks=risks, images=images)), indent=1, ensure_ascii=False) + "\n"
    else:
        yield from WRITERS[style](list(_page(assessment, SHOWN[style] if people else 0)))


def _page(assessment: Assessment, shown: int) -> Iterator[Block]:
    k = assessment.k
    yield Heading("Risk of re-identification", 1)
    yield Paragraph(
        "Three questions about the people in a dataset (Article 29 Working Party, Opinion 05/2014): can a person be "
        "singled out, linked to other data, and can something be inferred about a person? Groups of fewer than "
        f"{k} people count as small."
    )
    if shown:
        yield Paragraph("this page lists people who stand out. Do not store it in the dataset.", "Confidential")
    for risk in assessment.risks:
        yield from _dataset(risk, k)
    if assessment.links or assessment.images is not None:
        yield from _build_links(assessment, shown)
    yield Heading("Limitations of these figures")
    yield Items(LIMITS)
    if shown:
        for risk in assessment.risks:
            yield from _people(risk, k, shown)


def _dataset(risk: Risk, k: int) -> Iterator[Block]:
    found = risk.classes
    yield Heading(risk.name)
    yield Paragraph(
        f"{_count(found.people, 'person')} in {_count(found.groups, 'group')}, by {_join_words(risk.columns)}. "
        f"The smallest group has {found.smallest} (k-anonymity with n/a as a value of its own; with n/a as any value "
        f"{found.smallest_anything})."
    )
    yield Table(("question", "answer"), tuple(_answers(risk, k)))
    yield from _individualisation(risk, k)
    yield from _correlation(risk, k)
    yield from _inference(risk)
    yield from _changes(risk, k)
    yield Heading("What was not counted", 3)
    yield Paragraph(
        f"These columns count neither as telling people apart nor as sensitive: {_join_words(risk.left_out)}."
    )
    if risk.direct:
        yield Paragraph(
            f"Somebody who has the source finds a person at once by {_join_words(risk.direct)}: remove what "
            "is not public there."
        )
    if risk.problems:
        yield Items(tuple(f"Not read: {problem}" for problem in risk.problems))


def _answers(risk: Risk, k: int) -> Iterator[tuple[str, str]]:
    """The three questions, and what the figures say."""
    found, people = risk.classes, risk.classes.people
    if found.alone:
        one = f"yes: {_share(found.alone, people)} stand alone, {_share(found.below, people)} in groups below {k}"
    elif found.below:
        one = f"nobody stands alone; {_share(found.below, people)} are in groups below {k}"
    else:
        one = f"not by these columns: everybody is in a group of {found.smallest} or more"
    yield "individualisation (singling out)", one
    worst = max(risk.each, key=lambda known: known.alone, default=None)
    if worst and worst.alone:
        yield (
            "correlation (linkability)",
            f"yes: {worst.columns[0]} alone leads to {_share(worst.alone, people)} in any other table that has it",
        )
    else:
        yield "correlation (linkability)", "no single column leads to one person; several together may (see below)"
    learned = max(risk.diversity, key=lambda column: column.shared, default=None)
    if learned is None:
        yield "inference", "no sensitive column is known"
    elif learned.shared:
        yield "inference", f"yes: {_share(learned.shared, learned.known)} share {learned.column} with their whole group"
    else:
        yield "inference", "no group of two or more shares a value; everything is known about people who stand alone"


# --- the three questions ---------------------------------------------------------------------------------


def _individualisation(risk: Risk, k: int) -> Iterator[Block]:
    found = risk.classes
    yield Heading("Individualisation: who can be singled out", 3)
    yield Paragraph(
        f"Somebody who knows all these columns of everybody identifies {found.expected:.1%} of the people correctly, "
        "and the person most at risk "
        f"{'for certain' if found.smallest == 1 else f'with a chance of 1 in {found.smallest}'}."
    )
    largest = max(band.people for band in found.bands)
    rows = [
        (
            _format_band(band),
            f"{band.groups:,}",
            _share(band.people, found.people),
            "█" * -(-20 * band.people // largest),
        )
        for band in found.bands
    ]
    yield Table(("size of group", "groups", "people", ""), tuple(rows))
    yield Paragraph("What somebody needs to know, with one more column in each line:")
    yield _knowledge(risk.growing, found.people, k, "+ ")


def _correlation(risk: Risk, k: int) -> Iterator[Block]:
    yield Heading("Correlation: what links people to other data", 3)
    yield Paragraph(
        "Each column by itself. A person who is alone in a column can be found in every other table that has this "
        "column, such as another hospital's export or an earlier release. Shifting dates keeps the intervals between "
        "studies."
    )
    yield _knowledge(risk.each, risk.classes.people, k, "")


def _inference(risk: Risk) -> Iterator[Block]:
    yield Heading("Inference: what could be learned about people", 3)
    if not risk.diversity:
        yield Paragraph("No sensitive column is known: name columns with --sensitive.")
        return
    yield Paragraph(
        "What somebody learns who knows a person's group, but not which member the person is. Shared: people in groups "
        "of two or more whose members all have the same value. Guess: how often the most frequent value is right, "
        "taken from everybody and from the group."
    )
    header = (
        "column", "people known", "values", "fewest in a group", "entropy l", "shared", "guess, all", "guess, group",
        "t-closeness",
    )  # fmt: skip
    yield Table(header, tuple(map(_build_inference_row, risk.diversity)))
    same = [found.column for found in risk.diversity if found.values == 1]
    if same:
        yield Paragraph(f"Everybody has the same {_join_words(same)}: being in the dataset reveals it.")


def _build_inference_row(found: Diversity) -> tuple[str, ...]:
    return (
        found.column,
        f"{found.known:,}",
        str(found.values),
        str(found.distinct),
        f"{found.entropy:.2f}",
        _share(found.shared, found.known),
        f"{found.guess_before:.0%}",
        f"{found.guess_after:.0%}",
        "-" if found.closeness is None else f"{found.closeness:.2f}",
    )


# --- what can be done ------------------------------------------------------------------------------------


def _changes(risk: Risk, k: int) -> Iterator[Block]:
    found = risk.classes
    yield Heading("What can be done", 3)
    if not found.below:
        yield Paragraph(f"All groups have {k} or more people: nothing needs to change.")
        return
    if found.people < k:
        yield Paragraph(f"The dataset has fewer than {k} people, so no change of columns makes groups of {k}.")
        return
    if risk.changes:
        yield Paragraph("Each change by itself, measured on this dataset:")
        yield _build_changes_table(risk.changes, risk, k)
    yield Paragraph(
        "Changes added one by one, each time the one that helps most people for what it loses. This is one way, not "
        f"always the best. After any line you may instead remove the people still below {k} from the dataset."
    )
    yield _build_changes_table(risk.plan.steps, risk, k)
    steps, enough = risk.plan.steps, risk.plan.enough
    if {(c.column, c.words) for c in enough} < {(c.column, c.words) for c in steps}:
        yield Paragraph("These changes are enough: " + "; ".join(f"{c.column} {c.words}" for c in enough) + ".")


def _build_changes_table(changes: Sequence[Change], risk: Risk, k: int) -> Table:
    before, people = risk.classes, risk.classes.people
    now = ("as it is", str(before.smallest), _share(before.alone, people), _share(before.below, people), "-")
    rows = (
        (f"{c.column} {c.words}", str(c.smallest), _share(c.alone, people), _share(c.below, people), f"{c.lost:.0%}")
        for c in changes
    )
    return Table(("change", "smallest group", "alone", f"below {k}", "loss in the column"), (now, *rows))


# --- several datasets ------------------------------------------------------------------------------------


def _build_links(assessment: Assessment, shown: int) -> Iterator[Block]:
    yield Heading("Between the datasets")
    if assessment.links:
        yield Paragraph(
            "How people of one dataset match those of another by the columns that both have. A pair: each is the "
            "other's only match; if the person is in both datasets, the two are one person. n/a matches n/a; people "
            "with n/a in all columns do not count."
        )
        header = ("from", "to", "people", "several matches", "one match", "pairs", "same participant_id", "columns")
        rows = (
            (
                link.one, link.other, f"{link.people:,}", f"{link.several:,}",
                _share(link.single, link.people), _share(link.pairs, link.people), f"{link.same_ids:,}",
                _join_words(link.columns),
            )
            for link in assessment.links
        )  # fmt: skip
        yield Table(header, tuple(rows))
    if assessment.images is not None:
        number = len(assessment.images)
        yield Paragraph(f"{_count(number, 'image')} with the same content under two or more participant_ids.")
        if shown and number:
            sets = ((" = ".join(f"{who} ({name})" for name, who in same.people)) for same in assessment.images[:shown])
            yield Items(tuple(sets))


def _people(risk: Risk, k: int, shown: int) -> Iterator[Block]:
    """Who is in a small group, with the values that are shared by so few."""
    if not risk.few:
        return
    yield Heading(f"People in groups below {k}: {risk.name}")
    yield Paragraph(
        "Smallest groups first. The line is that of participants.tsv; people of one group are listed together."
    )
    header = ("line", "participant_id", "group", *risk.columns)
    few = risk.few[:shown]
    rows = ((str(p.line or "none"), p.participant_id, str(p.group), *map(_format_value, p.values)) for p in few)
    yield Table(header, tuple(rows))
    if len(risk.few) > shown:
        yield Paragraph(f"… and {len(risk.few) - shown:,} more: the JSON format lists all.")


# --- words -----------------------------------------------------------------------------------------------


def _knowledge(known: Sequence[Knowledge], people: int, k: int, sign: str) -> Table:
    rows = (
        (
            (sign if number else "") + each.columns[-1], str(each.smallest), _share(each.alone, people),
            _share(each.below, people),
        )
        for number, each in enumerate(known)
    )  # fmt: skip
    return Table(("known", "smallest group", "alone", f"below {k}"), tuple(rows))


def _share(part: int, whole: int) -> str:
    if not whole:
        return f"{part:,}"
    return f"{part:,} (<0.1%)" if 0 < part < whole / 1000 else f"{part:,} ({part / whole:.1%})"


def _count(number: int, noun: str) -> str:
    plural = {"person": "people"}.get(noun, f"{noun}s")
    return f"{number:,} {noun if number == 1 else plural}"


def _join_words(words: Sequence[str]) -> str:
    return ", ".join(words) or "nothing"


def _format_band(band: Band) -> str:
    if band.most is None:
        return f"{band.least} or more"
    return str(band.least) if band.least == band.most else f"{band.least} to {band.most}"


def _format_value(value: str) -> str:
    """A value for reading: days without the zeros that keep them in order."""
    return re.sub(r"\+0*(\d)", r"+\1", value)
