"""Where a pattern can begin: trying it there alone takes a fraction of searching it at every character."""

import re
from bisect import bisect_left
from collections.abc import Iterator
from functools import lru_cache
from typing import Literal, get_args

Begins = Literal["digit", "letter", "word", "either", "mail", "anywhere"]
"""With a digit or a bracket or plus before one, with a word, with a word that has a number behind it, with a digit or
such a word, with an address before its sign, anywhere."""

BEGINS: tuple[Begins, ...] = get_args(Begins)

NEAR = 120
"""Characters behind the beginning of a word within which its number begins."""

_DIGIT = re.compile(r"(?<!\d)\d|[(+]")
_WORD = re.compile(r"(?<![^\W\d_])[^\W\d_]")
_SIGN = re.compile(r"@|\(at\)|\[at\]|(?<= )(?:arroba|arrova|arobase|at)(?= )")
_LOCAL = re.compile(r"[\w.+-]{1,64} ?$")


@lru_cache(maxsize=32)
def find_starts(plain: str, begins: Begins) -> tuple[int, ...]:
    """The places of a folded text where patterns of a sort can begin, in order."""
    if begins == "digit":
        return tuple(match.start() for match in _DIGIT.finditer(plain))
    if begins == "letter":
        return tuple(match.start() for match in _WORD.finditer(plain))
    if begins == "word":
        digits, starts = find_starts(plain, "digit"), find_starts(plain, "letter")
        return tuple(at for at in starts if (to := bisect_left(digits, at)) < len(digits) and digits[to] - at < NEAR)
    if begins == "either":
        return tuple(sorted((*find_starts(plain, "digit"), *find_starts(plain, "word"))))
    return tuple(dict.fromkeys(_find_local_parts(plain)))


def _find_local_parts(plain: str) -> Iterator[int]:
    """Where the part of an address before each sign begins."""
    for sign in _SIGN.finditer(plain):
        first = max(sign.start() - 66, 0)
        if local := _LOCAL.search(plain[first : sign.start()]):
            yield first + local.start()


def find_matches(pattern: re.Pattern[str], plain: str, begins: Begins) -> Iterator[re.Match[str]]:
    """What `pattern.finditer` would find, tried only where the pattern can begin."""
    if begins == "anywhere":
        yield from pattern.finditer(plain)
        return
    end = 0
    for start in find_starts(plain, begins):
        if start >= end and (match := pattern.match(plain, start)):
            yield match
            end = match.end()
