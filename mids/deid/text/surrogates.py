"""Invented names, places and numbers that stand for removed ones: the same for the same patient and key."""

import hmac
import re
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from mids.deid.keys import Key
from mids.deid.text.dates import move_date
from mids.deid.text.numbers import is_dni
from mids.deid.text.spans import Kind
from mids.deid.text.words import fold_text, list_given_names, particles, surrogate_lists, words

_LISTS: dict[Kind, str] = {"LOC": "towns", "DIR": "streets", "INST": "institutions"}
_DNI = re.compile(r"([XYZxyz]?\d{7,8})(\W?)([A-Za-z])")


@dataclass(frozen=True, slots=True)
class Surrogates:
    """What stands for the identifiers in the texts of one subject; HMAC-SHA256 draws it from lists."""

    key: Key
    subject: str

    def of(self, original: str, kind: Kind, source: str = "") -> str:
        """What stands for a span of a kind: names word by word, numbers in their shape, others from a list."""
        if kind == "NAME":
            return self._name(original)
        if kind == "NUM":
            return self._number(original, source)
        name = _LISTS.get(kind)
        if name is None or source == "origin":  # no town is in place of a people or a family
            return f"[{kind}]"
        return _match_case(self._draw(name, " ".join(word.plain for word in words(original))), original)

    @staticmethod
    def date(original: str, shift: timedelta | None) -> str:
        """A date moved by the shift in its notation; a tag where there is no shift or no whole date."""
        new = move_date(original, shift) if shift is not None else None
        return new if new is not None else "[FECHA]"

    def _name(self, original: str) -> str:
        """Each word of a name has its own: `Juan García` and `García` agree; particles stay."""
        pieces, at = [], 0
        for word in words(original):
            pieces.append(original[at : word.start])
            sort = "given" if word.plain in list_given_names() else "surnames"
            stays = word.plain in particles() or len(word.plain) == 1
            new = word.text if word.plain in particles() else self._draw(sort, word.plain)
            pieces.append(new[:1].upper() if stays and word.plain not in particles() else _match_case(new, word.text))
            at = word.end
        return "".join((*pieces, re.sub(r"\d", "0", original[at:]))) if pieces else "[NAME]"

    def _number(self, original: str, source: str) -> str:
        """Digits for digits and letters for letters; never a right check letter, so that none is anyone's number."""
        if source == "e-mail" or "@" in original:
            return f"{self._draw('surnames', fold_text(original)).lower()}@example.org"
        if source == "url":
            return "https://example.org"
        plain = "".join(char for char in fold_text(original) if char.isalnum())
        stream = self._stream("number", plain, len(original))
        out = "".join(_draw_same_sort(char, number) for char, number in zip(original, stream, strict=True))
        number = _DNI.fullmatch(out)
        if number and len(number[1]) == 8 and is_dni(number[1], number[3]):
            out = out[:-1] + ("A" if number[3].upper() != "A" else "B")
        return out

    def _draw(self, name: str, what: str) -> str:
        entries = surrogate_lists()[name]
        at = int.from_bytes(self._digest(name, what)[:8], "big") % len(entries)
        if fold_text(entries[at]) == what:  # never itself
            at = (at + 1) % len(entries)
        return entries[at]

    def _stream(self, *parts: str | int) -> list[int]:
        """As many numbers as the last part says."""
        *names, count = parts
        found: list[int] = []
        while len(found) < int(count):
            found += self._digest(*map(str, names), str(len(found)))
        return found[: int(count)]

    def _digest(self, *parts: str) -> bytes:
        message = "\x00".join(("text", self.subject, *parts)).encode("utf-8", "surrogatepass")
        return hmac.digest(self.key.secret, message, sha256)


def _draw_same_sort(char: str, number: int) -> str:
    if char.isdigit():
        return str(number % 10)
    if char.isalpha():
        letter = "ABCDEFGHJKLMNPQRSTUVWXYZ"[number % 24]
        return letter if char.isupper() else letter.lower()
    return char


def _match_case(new: str, old: str) -> str:
    if old.isupper() and len(old) > 1:
        return new.upper()
    return new.lower() if old.islower() else new
