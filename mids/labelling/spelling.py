"""Common misspellings: a word that is one of a finding but for one wrong, missing, doubled or swapped letter.

Words of cues are not mended: a wrong guess there would turn what a sentence says.
"""

from collections.abc import Iterator
from functools import cache

from mids.labelling.lexicon import Lexicon

SHORTEST = 7
"""Letters of the words that are mended: among shorter ones too many right words differ by one letter."""
ALIKE = (frozenset("scz"), frozenset("bv"), frozenset("gj"), frozenset("ie"), frozenset("iy"), frozenset("mn"))
"""Letters that are taken for each other: any other change makes another word ("hipertenso", "hiperdenso")."""
_KEPT: dict[int, "tuple[Lexicon, _Index]"] = {}


class _Index:
    """The words of a lexicon by what is left of them without one letter (Garbe, "symmetric delete")."""

    def __init__(self, words: Lexicon) -> None:
        stems = {word for word in words.vocabulary if word.endswith("*")}
        self.exact = words.vocabulary - stems
        self.stems = {word[:-1] for word in stems}
        self.ordinary = frozenset(word for word in words.ordinary if not word.endswith("*"))
        self.known = tuple(word[:-1] for word in words.ordinary - self.ordinary)
        self.lengths = sorted({len(stem) for stem in self.stems})
        long = sorted(word for word in self.exact | self.stems if len(word) >= SHORTEST)
        self.near: dict[str, list[str]] = {}
        for word in long:
            for less in {word, *_less(word)}:
                self.near.setdefault(less, []).append(word)

    def knows(self, word: str) -> bool:
        """Whether a word is right: in the lexicon, or the begin of it, or an ordinary word."""
        is_known = word in self.exact or word in self.ordinary
        return (
            is_known
            or word.startswith(self.known)
            or any(word[:length] in self.stems for length in self.lengths if length <= len(word))
        )

    @cache  # noqa: B019 -- an index lives as long as its lexicon, which is kept too
    def mend(self, word: str) -> str:
        """The word of the lexicon that is meant, or the word itself."""
        if self.knows(word):
            return word
        for length in (len(word), *self.lengths):
            for size in (length, length + 1, length - 1):
                begin, rest = word[:size], word[size:]
                if len(begin) == size >= SHORTEST - 1 and (meant := self._meant(begin, is_whole=not rest)):
                    return meant + rest
        return word

    def _meant(self, begin: str, *, is_whole: bool) -> str:
        for less in {begin: None, **dict.fromkeys(_less(begin))}:
            for word in self.near.get(less, ()):
                fits = word in self.stems or (is_whole and word in self.exact)
                if fits and word[0] == begin[0] and word[-1] == begin[-1] and _is_near(begin, word):
                    return word
        return ""


def _less(word: str) -> Iterator[str]:
    """A word without one of its inner letters."""
    return (word[:at] + word[at + 1 :] for at in range(1, len(word) - 1))


def _is_near(one: str, other: str) -> bool:
    """Whether two words differ by one letter: one like it, one more, one less, or two that are swapped."""
    if len(one) == len(other):
        places = [at for at, (a, b) in enumerate(zip(one, other, strict=True)) if a != b]
        if len(places) == 2:
            first, second = places
            return second == first + 1 and one[first] == other[second] and one[second] == other[first]
        return len(places) == 1 and any({one[places[0]], other[places[0]]} <= group for group in ALIKE)
    short, long = sorted((one, other), key=len)
    return len(long) == len(short) + 1 and short in (long[:at] + long[at + 1 :] for at in range(len(long)))


def mend(word: str, words: Lexicon) -> str:
    """A word as the lexicon spells it, where it is misspelt by one inner letter; else the word itself."""
    if len(word) < SHORTEST - 1 or not word.isalpha():
        return word
    return _index(words).mend(word)


def knows(word: str, words: Lexicon) -> bool:
    """Whether a word is one of a finding, the begin of which the lexicon has, or one of its ordinary words."""
    return _index(words).knows(word)


def _index(words: Lexicon) -> _Index:
    kept = _KEPT.get(id(words))
    if kept is None or kept[0] is not words:
        kept = _KEPT[id(words)] = (words, _Index(words))
    return kept[1]
