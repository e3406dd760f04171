"""Texts without names, places, numbers and dates: tags, surrogates or nothing in their place."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from mids.deid.keys import Key
from mids.deid.known.known import Known
from mids.deid.policy import Policy, Texts
from mids.deid.tagger.tagger import Tagger
from mids.deid.text.addresses import complete_spans
from mids.deid.text.gazetteers import Gazetteers
from mids.deid.text.guards import guard_spans
from mids.deid.text.models import model
from mids.deid.text.rules import Rules
from mids.deid.text.spans import Masked, Recogniser, Span, joined, settle_spans, spare_tags
from mids.deid.text.surrogates import Surrogates
from mids.deid.text.words import compose_text
from mids.errors import MidsError

RULES: tuple[Recogniser, ...] = (Rules(),)
"""The rules alone."""

RECOGNISERS: tuple[Recogniser, ...] = (*RULES, Tagger())
"""The recognisers that need nothing but the text: the rules, and the one that was trained."""

NOTHING = Known()

LONGEST_AGAIN = 100_000
"""Characters of the longest text that is searched again; a longer one is no report."""

ROUNDS = 4
"""How often at most a text is searched again with tags in place of what was found."""


@dataclass(frozen=True, slots=True)
class Redacted:
    """A text after de-identification; `removed` are places in the composed text before (see `words.composed`)."""

    text: str
    removed: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Redactor:
    """What is done with texts: frozen and picklable, one for a whole run.

    `texts` is the mode of the policy: ``tags`` puts ``[NAME]`` and the like, ``surrogates`` invented ones of the same
    sort (needs `key`), ``remove`` gives ``n/a`` for every text, ``keep`` changes nothing. `dates` counts with
    surrogates: ``shift`` moves them by the shift of the patient, ``keep`` leaves all but known ones, ``remove`` tags.
    """

    texts: Texts = "tags"
    recognisers: tuple[Recogniser, ...] = RECOGNISERS
    key: Key | None = None
    dates: Literal["keep", "shift", "remove"] = "remove"

    def __post_init__(self) -> None:
        if self.texts == "surrogates" and self.key is None:
            raise MidsError("surrogates in texts need a key: use --key FILE, or texts: tags")

    def find(self, text: str, known: Known = NOTHING) -> tuple[Span, ...]:
        """What identifies in a composed text, and its headings (CAB): in order, none overlapping."""
        # a heading is what the rules say is one: what another recogniser calls so would uncover a name below it
        found = ((one, span) for one in (known, *self.recognisers) for span in one.find(text))
        spans = [span for one, span in found if span.kind != "CAB" or isinstance(one, Rules)]
        settled = settle_spans(text, spare_tags(text, guard_spans(text, spans)))
        return joined(text, settle_spans(text, (*settled, *complete_spans(text, settled))))

    def find_all(self, text: str, known: Known = NOTHING) -> tuple[Span, ...]:
        """The same, and what is found when tags stand for it, until nothing more is: masking twice changes nothing."""
        found = self.find(text, known)
        for _ in range(ROUNDS if len(text) <= LONGEST_AGAIN else 0):
            places = [span for span in found if span.kind != "CAB"]
            masked = Masked(text, places)
            again = self.find(masked.text, known) if places else ()
            more = [masked.unmask(span) for span in again if span.kind != "CAB"]
            if not more:
                break
            found = settle_spans(text, (*found, *more))
        return found

    def clean(self, text: str, known: Known = NOTHING) -> Redacted:
        """The text without what identifies, and what was removed; headings stay, they identify nobody.

        Give the text as it was written: in small letters, or without accents or punctuation, less is found.
        """
        if self.texts == "keep" or not text.strip():
            return Redacted(text, ())
        if self.texts == "remove":
            return Redacted("n/a", ())
        text = compose_text(text)
        removed, pieces, at = [], [], 0
        for span in self.find_all(text, known) if self.texts == "tags" else self.find(text, known):
            new = self._instead(text[span.start : span.end], span, known)
            if new is not None:
                pieces += [text[at : span.start], new]
                removed.append(span)
                at = span.end
        return Redacted("".join((*pieces, text[at:])), tuple(removed))

    def clean_label(self, text: str, known: Known = NOTHING) -> str:
        """A short text, such as an LO or SH of a header, without what identifies; in every mode but ``keep`` searched.

        Where texts are kept, only what the header itself tells goes.
        """
        others = (one for one in self.recognisers if not isinstance(one, Rules | Tagger))
        recognisers = (Rules(label=True), *others)
        texts: Texts = "surrogates" if self.texts == "surrogates" else "tags"
        short = replace(self, texts=texts, recognisers=() if self.texts == "keep" else recognisers)
        return short.clean(text, known).text

    def _instead(self, original: str, span: Span, known: Known) -> str | None:
        """What stands for a span; None for what stays."""
        if span.kind == "CAB":
            return None
        if self.texts == "tags" or self.key is None:
            return f"[{span.kind}]"
        if span.kind == "FECHA":
            if self.dates == "keep" and span.source != "known":
                return None
            shift = known.shift if self.dates == "shift" else None
            return Surrogates.date(original, shift)
        return Surrogates(self.key, known.subject).of(original, span.kind, span.source)


def redactor(policy: Policy, key: Key | None = None, more: Iterable[Recogniser] = ()) -> Redactor:
    """The redactor of a policy: the rules, its lists and its model, and recognisers besides these.

    Raises `MidsError` where surrogates are wanted and there is no key, and where lists or model can't be had.
    """
    own: list[Recogniser] = []
    if policy.lists:
        own.append(Gazetteers(Path(policy.lists)))
    if policy.model:
        own.append(model(policy.model))
    for one in own:
        next(iter(one.find("")), None)  # a bad folder is told before anything is read
    return Redactor(policy.texts, (*RECOGNISERS, *own, *more), key, policy.dates)
