"""Labels of radiological reports by rules: words of a lexicon, what denies or doubts them, sentence by sentence.

It says what a reader would find in the text with a list of words in hand: no more (docs/labeller.md says how well).
A model of your own takes its place as an entry point of the group ``mids.labellers``: a function of a list of report
texts that returns, for each, its `Sentence` s.
"""

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, TypeAlias

from mids.errors import MidsError
from mids.resources import read_yaml, schemas

GROUP = "mids.labellers"
LOCALIZATION = "loc "
"""What stands in front of a localization among the labels of a sentence (BIMCV-COVID19+)."""
ALONE = frozenset({"normal", "exclude"})
"""Labels of a whole report, which stand beside no finding."""
BESIDE = frozenset({"unchanged", "suboptimal study"})
"""Labels that are no finding."""
NEAR = 12
"""Characters between a term and a cue that stands behind it."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """What one sentence of a report says is there."""

    labels: tuple[str, ...]
    localizations: tuple[str, ...] = ()


Model: TypeAlias = Callable[[Sequence[str]], Iterable[Sequence[Sentence]]]


@dataclass(frozen=True, slots=True)
class Term:
    """A term of the label tree: its CUI, the patterns that mean it, the label that it has where it is doubted."""

    name: str
    cui: str
    patterns: tuple[re.Pattern[str], ...]
    doubted: str = ""


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The words of one language; `cues` are patterns by what they do."""

    language: str
    findings: tuple[Term, ...]
    localizations: tuple[Term, ...]
    cues: Mapping[str, tuple[re.Pattern[str], ...]]

    def cui(self, name: str) -> str:
        """The CUI of a term, "" where it has none or is unknown."""
        return next((term.cui for term in (*self.findings, *self.localizations) if term.name == name), "")


@dataclass(frozen=True, slots=True, order=True)
class Hit:
    """A term, or a cue, at its place in a sentence."""

    start: int
    end: int
    name: str = ""
    doubted: str = ""


# --- the lexicon -----------------------------------------------------------------------------------------


@cache
def lexicon(language: str = "es") -> Lexicon:
    """The lexicon of a language of `schemas/lexicon`, or in a YAML file of the same form.

    Raises `MidsError` where there is none, or a part of it is wrong.
    """
    known = sorted(path.stem for path in (schemas() / "lexicon").glob("*.yaml"))
    path = schemas() / "lexicon" / f"{language}.yaml" if language in known else Path(language)
    if not path.is_file():
        raise MidsError(f"unknown lexicon {language}: give a YAML file or one of {', '.join(known)}")
    content: dict[str, Any] = read_yaml(path)
    try:
        cues = {name: tuple(map(_pattern, words)) for name, words in content["cues"].items()}
        findings, places = (_terms(content[name]) for name in ("findings", "localizations"))
        return Lexicon(content["language"], findings, places, {**dict.fromkeys(_CUES, ()), **cues})
    except (KeyError, TypeError, AttributeError, re.error) as error:
        raise MidsError(
            f"{path.name} is not a lexicon ({type(error).__name__}: {error}): see schemas/lexicon for examples"
        ) from None


_CUES = ("denied_after", "denied_before", "doubted_after", "doubted_before", "ends", "through")


def _terms(entries: Mapping[str, Any]) -> tuple[Term, ...]:
    return tuple(
        Term(name, entry.get("cui", ""), tuple(map(_pattern, entry.get("words", ()))), entry.get("doubted", ""))
        for name, entry in entries.items()
    )


def _pattern(words: str) -> re.Pattern[str]:
    """The pattern of a lexicon's entry, for text as `plain` makes it."""
    found = ""
    for word in words.split():
        if word in ("...", "...?"):
            found += r"(?:[^\w,:]+\w+){0,4}?"
            continue
        is_optional = word.endswith("?")
        choices = "|".join(re.escape(choice).replace(r"\*", r"\w*") for choice in word.rstrip("?").split("|"))
        token = f"(?:{choices})" if not found else rf"[^\w,:]+(?:{choices})"
        found += f"(?:{token})?" if is_optional else token
    edge = "" if words.startswith(":") else r"\b"
    return re.compile(rf"{edge}{found}\b")


def normalise_text(text: str) -> str:
    """Text without accents and in lower case, with blanks for all signs but those that end sentences and parts."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)).lower()
    return re.sub(r"[^\w,.:;()\n]+", " ", bare.replace("_", " "))


def sentences(text: str) -> list[str]:
    """The sentences of a report as `plain` text; a point between figures ends none."""
    parts = re.split(r"[;\n()]|(?<!\d)\.|\.(?!\d)", normalise_text(text))
    return [" ".join(part.split()) for part in parts if part.strip()]


# --- what a report says ----------------------------------------------------------------------------------


def label(text: str, words: Lexicon) -> tuple[Sentence, ...]:
    """What a report says, by its sentences; those that say nothing are left out.

    A term that is denied is not there. One that is doubted counts as found, unless the lexicon has another label for
    its doubt (COVID 19 uncertain). Localizations are those of a sentence that says something. `normal` and `exclude`
    are left out beside findings.
    """
    found = [said for part in sentences(text) if (said := _read_sentence(part, words)).labels]
    has_finding = any(set(said.labels) - ALONE - BESIDE for said in found)
    if not has_finding:
        return tuple(found)
    rest = (Sentence(tuple(n for n in said.labels if n not in ALONE), said.localizations) for said in found)
    return tuple(said for said in rest if said.labels)


def _read_sentence(text: str, words: Lexicon) -> Sentence:
    """What one sentence says."""
    terms = _longest(_hits(text, words.findings))
    places = _longest(_hits(text, words.localizations))
    doubts = [hit for hit in _cues(text, words, "doubted_after") if not _is_inside(hit, terms)]
    behind = [hit for hit in _cues(text, words, "doubted_before") if not _is_inside(hit, terms)]
    taken = [*doubts, *behind, *terms]
    denials = [hit for hit in _cues(text, words, "denied_after") if not _is_inside(hit, taken)]
    through = _cues(text, words, "through")
    ends = [hit.start for hit in _cues(text, words, "ends") if not _is_inside(hit, through)]
    scopes = [(cue.end, _end(text, cue.end, ends)) for cue in denials]
    backward = [hit for hit in _cues(text, words, "denied_before") if not _is_inside(hit, taken)]
    unsure = [(cue.end, _end(text, cue.end, ends)) for cue in doubts]

    def is_denied(hit: Hit) -> bool:
        forward = any(start <= hit.start < end for start, end in scopes)
        return forward or any(0 <= cue.start - hit.end <= NEAR for cue in backward)

    def name_of(hit: Hit) -> str:
        is_doubted = any(start <= hit.start < end for start, end in unsure)
        is_doubted |= any(0 <= cue.start - hit.end <= NEAR for cue in behind)
        return hit.doubted if is_doubted and hit.doubted else hit.name

    there = [name_of(hit) for hit in terms if not is_denied(hit)]
    around = [hit.name for hit in places if not is_denied(hit)] if there else []
    return Sentence(tuple(dict.fromkeys(there)), tuple(dict.fromkeys(around)))


def _hits(text: str, terms: Iterable[Term]) -> Iterator[Hit]:
    for term in terms:
        for pattern in term.patterns:
            for match in pattern.finditer(text):
                yield Hit(match.start(), match.end(), term.name, term.doubted)


def _longest(hits: Iterable[Hit]) -> list[Hit]:
    """Of hits that overlap the longest, in the order of the text; several terms of one place are all kept."""
    kept: list[Hit] = []
    for hit in sorted(set(hits), key=lambda hit: (hit.start - hit.end, hit.start)):
        apart = (hit.end <= other.start or other.end <= hit.start for other in kept)
        same = ((hit.start, hit.end) == (other.start, other.end) for other in kept)
        if all(is_apart or is_same for is_apart, is_same in zip(apart, same, strict=True)):
            kept.append(hit)
    return sorted(kept)


def _cues(text: str, words: Lexicon, kind: str) -> list[Hit]:
    return _longest(Hit(m.start(), m.end()) for pattern in words.cues[kind] for m in pattern.finditer(text))


def _is_inside(hit: Hit, others: Iterable[Hit]) -> bool:
    """Whether a cue is a part of something longer: of "sin cambios", of "no se puede descartar"."""
    return any(other.start <= hit.start and hit.end <= other.end for other in others)


def _end(text: str, start: int, ends: Iterable[int]) -> int:
    """Where what a cue says ends: at a word that begins another part, or at a comma that begins no list."""
    stop = min((end for end in ends if end >= start), default=len(text))
    part = text[start:stop]
    comma = part.find(",")
    if comma < 0 or re.search(r"\b(ni|o|u)\b", part[comma:]):
        return stop
    return start + comma


# --- tables ----------------------------------------------------------------------------------------------

KEYS = ("participant_id", "session_id", "report_id")


def label_rows(
    reports: Sequence[Mapping[str, str]], words: Lexicon, *, column: str = "report", model: str = ""
) -> list[dict[str, str]]:
    """A row of the label table for each report: its ids, and its labels as labels.tsv has them.

    `column` holds the text; `model` is the name of an entry point of `mids.labellers` to use instead of the rules.
    Raises `MidsError` where the model is not there or does not do what it must.
    """
    texts = [report.get(column, "") for report in reports]
    said = _run_model(model, texts) if model else [label(text, words) for text in texts]
    source = f"model {model}" if model else f"rules {words.language}"
    return [
        {**{key: report[key] for key in KEYS if key in report}, "source": source, **_cells(found, words)}
        for report, found in zip(reports, said, strict=True)
    ]


def _cells(found: Sequence[Sentence], words: Lexicon) -> dict[str, str]:
    labels = list(dict.fromkeys(name for said in found for name in said.labels))
    places = list(dict.fromkeys(name for said in found for name in said.localizations))
    grouped = [[*said.labels, *(LOCALIZATION + name for name in said.localizations)] for said in found]
    lists = {
        "labels": labels, "localizations": places, "labels_localizations_by_sentence": grouped,
        "label_cuis": [words.cui(name) for name in labels], "localization_cuis": [words.cui(name) for name in places],
    }  # fmt: skip
    return {name: json.dumps(items, ensure_ascii=False) for name, items in lists.items()}


def _run_model(name: str, texts: Sequence[str]) -> list[Sequence[Sentence]]:
    """What a user's own model says."""
    known = {point.name: point for point in entry_points(group=GROUP)}
    if name not in known:
        raise MidsError(f"unknown labeller {name}: installed are {', '.join(known) or 'none'}")
    try:
        model: Model = known[name].load()
    except (ImportError, AttributeError) as error:
        raise MidsError(f"can't load the labeller {name} ({type(error).__name__}): install it again") from error
    said = [list(found) for found in model(texts)]
    if len(said) != len(texts) or not all(isinstance(one, Sentence) for found in said for one in found):
        raise MidsError(f"the labeller {name} must return a list of mids.labelling.labeller.Sentence for each report")
    return list(said)
