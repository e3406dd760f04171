"""Labels of radiological reports by rules: words of a lexicon, what denies or doubts them, sentence by sentence.

It says what a reader would find in the text with a list of words in hand: no more (docs/labeller.md says how well).
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mids.labelling.lexicon import Lexicon, Pattern, Term
from mids.labelling.places import tie_places
from mids.labelling.plain import Part, parts
from mids.labelling.sentence import Sentence, Why
from mids.labelling.stems import fitting

ALONE = frozenset({"normal", "exclude"})
"""Labels of a whole report, which stand beside no finding."""
BESIDE = frozenset({"unchanged", "suboptimal study"})
"""Labels that are no finding."""
NEAR = 42
"""Characters between a term and a cue that stands behind it: about five words."""
STATUSES = ("found", "doubted", "denied", "aside")
"""What the rules make of a term, the surest that it is there first: `aside` is asked for, or of the past."""
ASIDE = frozenset({"request", "history"})
"""Sections that say why an image was made, or what was before."""


@dataclass(frozen=True, slots=True, order=True)
class Hit:
    """A term, or a cue, at its place in a sentence."""

    start: int
    end: int
    name: str = ""
    doubted: str = ""
    words: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rules make of one term: `status` is one of `STATUSES`.

    `places` are the localizations that the sentence ties to it.
    """

    label: str
    status: str
    start: int
    end: int
    words: str
    places: tuple[str, ...] = ()

    @property
    def said(self) -> str:
        """The words, and the status where it is another than found."""
        return self.words if self.status == "found" else f"{self.words}, {self.status}"


@dataclass(frozen=True, slots=True)
class Reading:
    """A sentence with what the rules make of its terms.

    `places` are the localizations that are not denied, `scopes` what cues reach: kind, begin and end in the sentence.
    """

    part: Part
    verdicts: tuple[Verdict, ...]
    places: tuple[str, ...]
    scopes: tuple[tuple[str, int, int], ...] = ()

    @property
    def sentence(self) -> Sentence:
        """What the rules say is there."""
        there = [one for one in self.verdicts if one.status in ("found", "doubted")]
        why = tuple(
            Why(one.label, *self.part.span(one.start, one.end), f"rule {one.said}", one.places)
            for one in there
        )  # fmt: skip
        labels = tuple(dict.fromkeys(one.label for one in there))
        return Sentence(labels, self.places if there else (), why)


# --- what a report says ----------------------------------------------------------------------------------


def label(text: str, words: Lexicon) -> tuple[Sentence, ...]:
    """What a report says, by its sentences; those that say nothing are left out.

    A term that is denied, asked for, or of the past is not there. One that is doubted counts as found, unless the
    lexicon has another label for its doubt (COVID 19 uncertain). Localizations are those of a sentence that says
    something. `normal` and `exclude` are left out beside findings.
    """
    return drop_normal([reading.sentence for reading in read_report(text, words)])


def drop_normal(said: Iterable[Sentence]) -> tuple[Sentence, ...]:
    """The sentences that say something; labels of a whole report are left out beside findings."""
    found = [one for one in said if one.labels]
    if not any(set(one.labels) - ALONE - BESIDE for one in found):
        return tuple(found)
    rest = (
        Sentence(
            tuple(n for n in one.labels if n not in ALONE), one.localizations,
            tuple(why for why in one.why if why.label not in ALONE),
        )
        for one in found
    )  # fmt: skip
    return tuple(one for one in rest if one.labels)


def read_report(text: str, words: Lexicon) -> list[Reading]:
    """The sentences of a report with what the rules make of each."""
    fit = fitting(words, text)
    return [_read_part(part, fit) for part in parts(text, fit)]


def _read_part(part: Part, words: Lexicon) -> Reading:
    """What one sentence says."""
    text, starts = part.text, part.starts
    ignored = [Hit(m.start(), m.end()) for p in words.ignored if p.can_be_in(starts) for m in p.regex.finditer(text)]
    found = _longest([*_hits(text, words.findings, starts), *ignored], text, words.joins)
    terms = [hit for hit in found if hit.name]
    cues = {kind: _cues(text, patterns, starts) for kind, patterns in words.cues.items()}
    scope = _Scope(text, terms, cues, words.joins)
    near = _longest(_hits(text, words.localizations, starts), text, words.joins)
    places = [hit for hit in near if not scope.is_denied(hit)]
    bearers = [hit for hit in terms if hit.name not in ALONE | BESIDE]
    tied = dict(zip(bearers, tie_places(text, bearers, [(p.name, p) for p in places], words.joins), strict=True))
    verdicts = []
    for hit in terms:
        status = "aside" if part.section in ASIDE else scope.status(hit)
        name = hit.doubted if status == "doubted" and hit.doubted else hit.name
        verdicts.append(Verdict(name, status, hit.start, hit.end, hit.words, tied.get(hit, ())))
    names = tuple(dict.fromkeys(hit.name for hit in places))
    return Reading(part, tuple(verdicts), names, scope.reach(part.section))


class _Scope:
    """What the cues of a sentence reach."""

    def __init__(
        self, text: str, terms: Sequence[Hit], cues: Mapping[str, Sequence[Hit]], joins: Mapping[str, str]
    ) -> None:
        self.text, self.terms = text, terms
        self.list = re.compile(rf"\b(?:{joins['and']}|{joins['or']})\b")
        self.denied_list = re.compile(rf"\b(?:{joins['or']})\b")
        free = {kind: [hit for hit in hits if not _is_inside(hit, terms)] for kind, hits in cues.items()}
        self.doubts, self.behind = free["doubted_after"], free["doubted_before"]
        kept = [*self.doubts, *self.behind, *terms, *cues["kept"]]
        denials = [hit for hit in cues["denied_after"] if not _is_inside(hit, kept)]
        self.inner = re.compile(rf"\b(?:{joins['not']})\b")
        self.backward = [hit for hit in cues["denied_before"] if not _is_inside(hit, kept)]
        self.ends = [hit.start for hit in cues["ends"] if not _is_inside(hit, cues["through"])]
        self.is_aside = bool(cues["aside"])
        self.aside = [(cue.end, self._end(cue.end)) for cue in free["aside_after"]]
        self.denied = [(cue.end, self._end(cue.end)) for cue in denials]
        self.denied += [(cue.end, self._stop(cue.end)) for cue in cues["denied_through"] if not _is_inside(cue, kept)]
        self.likely = [(cue.end, self._end(cue.end)) for cue in cues["likely_after"]]
        self.unsure = [(cue.end, self._end(cue.end)) for cue in self.doubts]

    def reach(self, section: str) -> tuple[tuple[str, int, int], ...]:
        """What the cues reach, the strongest first."""
        if self.is_aside or section in ASIDE:
            return (("aside", 0, len(self.text)),)
        kinds = (("aside", self.aside), ("denied", self.denied), ("doubted", self.unsure), ("likely", self.likely))
        return tuple((kind, start, end) for kind, scopes in kinds for start, end in scopes)

    def status(self, hit: Hit) -> str:
        """What the sentence says of a term: found, doubted, denied or aside."""
        if self.is_aside or _is_in(hit, self.aside):
            return "aside"
        if self.is_denied(hit):
            return "denied"
        is_doubted = _is_in(hit, self.unsure) or any(self._reaches_back(cue, hit) for cue in self.behind)
        return "doubted" if is_doubted else "found"

    def is_denied(self, hit: Hit) -> bool:
        return (
            _is_in(hit, self.denied)
            or any(self._reaches_back(cue, hit) for cue in self.backward)
            or self._is_denied_within(hit)
        )

    def _is_denied_within(self, hit: Hit) -> bool:
        """Whether a denial stands among the words of a term and is none of them: "heart is not enlarged"."""
        found = self.inner.search(self.text, hit.start, hit.end)
        return found is not None and found.start() > hit.start and found[0] not in re.findall(r"\w+", hit.words)

    def _reaches_back(self, cue: Hit, hit: Hit) -> bool:
        """Whether a cue speaks of a term before it: of the last one, or of a list that ends with the last one."""
        if not 0 <= cue.start - hit.end <= NEAR or any(hit.end <= end < cue.start for end in self.ends):
            return False
        between = [other for other in self.terms if other.start >= hit.end and other.end <= cue.start]
        gap = self.text[hit.end : cue.start]
        if ":" in gap.strip().lstrip(":"):
            return False
        if not between:
            return "," not in gap
        return bool(self.list.search(gap[: between[-1].start - hit.end]))

    def _end(self, start: int) -> int:
        """Where what a cue says ends: at a word that begins another part, or at a comma that begins no list."""
        stop = self._stop(start)
        part = self.text[start:stop]
        comma = part.find(",")
        if comma < 0 or self.denied_list.search(part[comma:]):
            return stop
        return start + comma

    def _stop(self, start: int) -> int:
        return min((end for end in self.ends if end >= start), default=len(self.text))


def _is_in(hit: Hit, scopes: Iterable[tuple[int, int]]) -> bool:
    return any(start <= hit.start < end for start, end in scopes)


def _hits(text: str, terms: Iterable[Term], starts: frozenset[str]) -> Iterator[Hit]:
    for term in terms:
        for pattern in term.patterns:
            if pattern.can_be_in(starts):
                for match in pattern.regex.finditer(text):
                    yield Hit(match.start(), match.end(), term.name, term.doubted, pattern.words)


def _longest(hits: Iterable[Hit], text: str, joins: Mapping[str, str] | None = None) -> list[Hit]:
    """Of hits that overlap the longest, in the order of the text; several terms of one place are all kept.

    So is what shares its last words with a longer one, as "ateromatosis" in "elongación y ateromatosis aórtica".
    """
    kept: list[Hit] = []
    for hit in sorted(set(hits), key=lambda hit: (hit.start - hit.end, hit)):
        if all(
            hit.end <= other.start or other.end <= hit.start
            or (hit.start, hit.end) == (other.start, other.end) or (joins and _is_joined(hit, other, text, joins))
            for other in kept
        ):  # fmt: skip
            kept.append(hit)
    return sorted({(hit.start, hit.end, hit.name): hit for hit in kept}.values())


def _is_joined(hit: Hit, other: Hit, text: str, joins: Mapping[str, str]) -> bool:
    """Whether a term is one of two that share a noun or an adjective."""
    both = f"{joins['and']}|{joins['or']}"
    begin = text[other.start : hit.start]
    is_second = other.start < hit.start and re.search(rf"\b(?:{both}|{joins['with']})\s+$", begin)
    is_first = re.match(rf"\s+(?:{both})\b", text[hit.end : other.end]) is not None
    is_head = hit.start == other.start and " " not in text[hit.start : hit.end]
    return bool(is_second) or (is_first and not is_head)


def _cues(text: str, patterns: Iterable[Pattern], starts: frozenset[str]) -> list[Hit]:
    hits = (Hit(m.start(), m.end()) for p in patterns if p.can_be_in(starts) for m in p.regex.finditer(text))
    return _longest(hits, "")


def _is_inside(hit: Hit, others: Iterable[Hit]) -> bool:
    """Whether a cue is a part of something longer: of "sin cambios", of "no se puede descartar"."""
    return any(other.start <= hit.start and hit.end <= other.end for other in others)
