"""The language of each report of a table, by the words that each lexicon knows."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from mids.labelling.lexicon import Lexicon, languages, lexicon
from mids.labelling.plain import normalise_text
from mids.labelling.spelling import knows
from mids.labelling.stems import stems_known

AUTO = "auto"
"""The name that asks for the language of each report, instead of one language."""

FIRST = "es"
"""The language of reports that tell none, in a table that tells none."""


ACCENTS = frozenset("àáâæçèéêëíîïñòóôœùúûü·")
"""Letters that not all of the languages have."""

LEAD = 2
"""Words that a language must know more of a text than any other, so that the text tells what most others are in."""


ALMOST_ALL = 0.9
"""The share of the texts that tell a language, above which a table is taken for one of that language."""


def guess_languages(texts: Sequence[str]) -> list[str]:
    """The language of each text, a name of `schemas/lexicon`.

    It is that whose lexicon knows most of its words and letters. Where several know as many ("normal"), it is the one
    that most of the other texts are in; where almost all are in that one, another must know more by two words.
    """
    known = [lexicon(name) for name in languages()]
    scores = [_count_words(text, known) for text in texts]
    sure = Counter(name for score in scores for name in score if _leads(score, name))
    most = min(languages(), key=lambda name: (-sure[name], name != FIRST))
    lead = LEAD - 1 if sure[most] >= ALMOST_ALL * sure.total() else 0
    return [max(score, key=lambda name: (score[name] + lead * (name == most), name == most)) for score in scores]


def _leads(score: Mapping[str, int], name: str) -> bool:
    return all(score[name] >= other + LEAD for key, other in score.items() if key != name)


def _count_words(text: str, known: Sequence[Lexicon]) -> dict[str, int]:
    """How many words of a text each lexicon knows, or their stems, less the letters that its language lacks.

    Its most frequent words count twice.
    """
    found = re.findall(r"[^\W\d_]+", normalise_text(text))
    accents = [letter for letter in text.lower() if letter in ACCENTS]
    return {
        each.language: sum((word in each.small) + (knows(word, each) or word in stems_known(each)) for word in found)
        - sum(letter not in each.letters for letter in accents)
        for each in known
    }  # fmt: skip
