"""The trained recogniser: labels the tokens of a text with a linear-chain CRF, in NumPy, the same on every machine."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate, chain, pairwise, repeat
from pathlib import Path

import numpy as np

from mids.deid.tagger.features import OFFSETS, PLACES, TOKEN, Sheet, describe_word, listed_names, read_sheet
from mids.deid.tagger.weights import Floats, Weights, default_path, load_weights
from mids.deid.text.dates import months, weekdays
from mids.deid.text.rules import Rules
from mids.deid.text.spans import KINDS, Span
from mids.deid.text.words import ambiguous, fold_text, titles

CARE = 4.0
"""What ``O`` must have more than a label for a capitalised word: above 0 more is found, and more is found wrongly."""

REMEMBERED = 50_000
"""Words whose scores are kept from one text to the next."""


@dataclass(frozen=True, slots=True)
class Tagger:
    """The recogniser of a file of weights; picklable, the weights are read at the first text of a process."""

    path: Path = field(default_factory=default_path)
    care: float = CARE

    def find(self, text: str) -> Iterator[Span]:
        """What the recogniser takes for names, places, numbers, dates and institutions."""
        if not TOKEN.search(text):
            return
        sheet = read_sheet(text, Rules().find(text))
        weights = load_weights(self.path)
        scores = _score(weights, sheet)
        scores[:, weights.labels.index("O")] -= self.care * _find_capitalised(sheet)
        labels = [weights.labels[label] for label in _find_best(weights, scores, sheet)]
        yield from (cut for span in _build_spans(sheet, labels) if (cut := trim_span(text, span)) is not None)


def _find_capitalised(sheet: Sheet) -> Floats:
    """1 for words that are written as names, 0 for others: abbreviations, and all words of a line in capitals."""
    cases = zip(sheet.words, sheet.columns["case"], strict=True)
    found = [w[0].isupper() and case[0] != "u" and not (len(w) < 5 and w.isupper()) for w, case in cases]
    return np.array(found, np.float32)


_KNOWN: dict[tuple[int, str], Floats] = {}


def _score(weights: Weights, sheet: Sheet) -> Floats:
    """The sum of the weights of each token's attributes, tokens x labels."""
    numbers: dict[str, int] = {}
    ids = np.array([numbers.setdefault(word, len(numbers)) for word in sheet.words])
    seen = np.concatenate(_score_words(weights, numbers))
    scores = np.zeros((len(ids), len(weights.labels)), np.float32)
    for place, offset in enumerate(OFFSETS):
        first, last = max(-offset, 0), len(ids) - max(offset, 0)
        if first < last:
            scores[first:last] += seen[:, place].take(ids[first + offset : last + offset], 0)
    for name, values in sheet.columns.items():
        scores += weights.states.take(list(map(weights.rows[name].get, values, repeat(0))), 0)
    return scores


def _score_words(weights: Weights, words: Iterable[str]) -> list[Floats]:
    """What each word gives to the tokens at each distance, each 1 x distances x labels."""
    keys = [(id(weights), word) for word in words]
    new = [key for key in keys if key not in _KNOWN]
    if len(_KNOWN) + len(new) > REMEMBERED:
        _KNOWN.clear()
        new = keys
    if new:
        described = [describe_word(word) for _, word in new]
        sums = np.empty((len(new), 1, len(OFFSETS), len(weights.labels)), np.float32)
        for places, states, attributes in zip(PLACES, weights.seen, zip(*described, strict=True), strict=True):
            rows = list(map(weights.words.get, chain.from_iterable(attributes), repeat(0)))
            starts = [0, *accumulate(map(len, attributes[:-1]))]
            sums[:, 0, places] = np.add.reduceat(states.take(rows, 0), starts)
        _KNOWN.update(zip(new, sums, strict=True))
    return [_KNOWN[key] for key in keys]


def _find_best(weights: Weights, scores: Floats, sheet: Sheet) -> list[int]:
    """The best sequence of labels of each line (Viterbi), all lines at once, the longest first."""
    cuts = np.array([0, *sheet.cuts])
    lengths = np.diff(cuts)
    order = np.argsort(-lengths, kind="stable")
    begins, lengths = cuts[:-1][order], lengths[order]
    counts = np.searchsorted(-lengths, -np.arange(lengths[0]))  # lines that have a token at each step
    at = np.concatenate([begins[:count] + step for step, count in enumerate(counts)])
    steps = np.split(scores[at], np.cumsum(counts)[:-1])
    moves, came = weights.moves[:, None], np.ascontiguousarray(weights.moves.T)
    for before, here in pairwise(steps):
        here += (before[: len(here)].T[:, :, None] + moves).max(0)
    found = [steps[-1].argmax(1)]
    for here in steps[-2::-1]:
        here[: len(found[-1])] += came.take(found[-1], 0)
        found.append(here.argmax(1))
    labels = np.empty(len(scores), np.int64)
    labels[at] = np.concatenate(found[::-1])
    return labels.tolist()


def _build_spans(sheet: Sheet, labels: list[str]) -> Iterator[Span]:
    """Neighbouring tokens of one label as spans."""
    start, kind = 0, ""
    for at, label in enumerate([*labels, "O"]):
        if kind and label != f"I-{kind}":
            yield Span(sheet.starts[start], sheet.ends[at - 1], next(one for one in KINDS if one == kind), "trained")
            kind = ""
        if label != "O" and not kind:
            start, kind = at, label[2:]


_HAS_DIGIT = re.compile(r"[^\W_]*\d[^\W_]*|[\w.+-]+@[\w.-]+|[\w-]+(?:\.[\w-]+)+")
_WORD = re.compile(r"[^\W\d_]+")
_NO_NAME = re.compile(r"(?<=\w)(?:,| (?:la|las|le|les|lo|los|me|se) )")
"""What goes on behind a name in small letters, if no listed name follows: lucia la acompaña."""


def trim_span(text: str, span: Span) -> Span | None:
    """A stretch that training found, cut to what can be of its kind: digits of a number, capitals of a name."""
    part = text[span.start : span.end]
    if span.kind == "NUM":
        pieces = list(_HAS_DIGIT.finditer(part))
        return _cut(span, pieces[0].start(), pieces[-1].end()) if pieces else None
    names = list(_WORD.finditer(part))
    if span.kind == "FECHA":
        dated = {fold_text(word[0]) for word in names} & {*months().number, *weekdays()}
        return span if dated or re.search(r"\d", part) else None
    if not names:
        return span if span.kind == "DIR" else None
    while span.kind == "NAME" and len(names) > 1 and fold_text(names[0][0]) in titles():
        del names[0]
    part_start = names[0].start()
    capitals = [word for word in names if word[0][0].isupper()]
    if not capitals:
        plain = {fold_text(word[0]) for word in names if len(word[0]) > 1} - ambiguous()
        is_word = not plain or (span.kind in ("NAME", "LOC") and plain.isdisjoint(listed_names()))
        if span.kind == "NAME" and (link := _NO_NAME.search(part)):
            is_end = {fold_text(word[0]) for word in names if word.start() >= link.end()}.isdisjoint(listed_names())
            part = part[: link.start()] if is_end else part
        return None if is_word and span.kind != "DIR" else _cut(span, part_start, len(part))
    last = max(m.end() for m in (capitals[-1], *re.finditer(r"\d+[^\W_]*", part)))
    return (
        _cut(span, part_start, last)
        if span.kind == "NAME"
        else _cut(span, 0, last if span.kind != "DIR" else len(part))
    )


def _cut(span: Span, start: int, end: int) -> Span:
    return Span(span.start + start, span.start + end, span.kind, span.source)
