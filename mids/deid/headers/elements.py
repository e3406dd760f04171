"""Elements of a dataset, decoded or still as bytes: their VR, their values as text, and what they become.

A VR is that of the DICOM dictionary where the file says none or ``UN``, or says text where the dictionary says a kind
of text that can be examined; a VR that doesn't go with the dictionary's is empty, and nothing can be said of the value.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, TypeAlias

import numpy as np
from pydicom import Dataset
from pydicom._uid_dict import UID_dictionary
from pydicom.charset import convert_encodings, decode_bytes, default_encoding, encode_string, python_encoding
from pydicom.datadict import keyword_for_tag
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag
from pydicom.valuerep import TEXT_VR_DELIMS

from mids.deid.headers import descriptors
from mids.deid.headers.tables import attributes, extra, find_value_count
from mids.deid.headers.values import FORMS, ZONE, coarse_age, coarse_time, shift_date, shift_moment
from mids.deid.policy import Ages, Times

Element: TypeAlias = DataElement | RawDataElement

Charset: TypeAlias = tuple[str, ...]
"""Python's names of the character sets of a dataset; empty where its Specific Character Set is none that there is."""

DEFAULT: Charset = (default_encoding,)

_FAMILIES = (
    frozenset({"US", "SS", "UL", "SL", "SV", "UV", "AT"}),
    frozenset({"FL", "FD"}),
    frozenset({"OB", "OW", "OL", "OF", "OD", "OV", "UN"}),
    frozenset({"LO", "SH", "ST", "LT", "UT", "UC"}),
    frozenset({"DS", "IS"}),
)
_TEXTS = frozenset({"LO", "SH", "ST", "LT", "UT", "UC"})
_ONE_VALUE = frozenset({"ST", "LT", "UT", "UR"})
_EXAMINED = frozenset({"DA", "TM", "DT", "AS", "UI", "DS", "IS", "CS", "PN", "AE"})
_SIZES = {"US": 2, "SS": 2, "UL": 4, "SL": 4, "UV": 8, "SV": 8, "FL": 4, "FD": 8, "AT": 4}
_FLOATS = {"FL": "f4", "FD": "f8"}
_LEAST = 10_000
"""The least binary number that may be an id or a day."""
_LONGEST_ID = 10**12
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
"""No text holds these (PS3.5 6.1.3); ESC changes the character set."""
_UID = re.compile(r"\d+(\.\d+)+", re.ASCII)
_CHARSET = re.compile(r"ISO[ _-]?(2022)?[ _-]?IR[ _-]?\d+|UTF-?8|GB18030|GBK", re.ASCII)
_WRITTEN = re.compile(rb"(?:[A-Za-z0-9 ^,.'_=:/-]|\xc3[\x80-\xbf]){6,}")
_TIMEZONE = 0x00080201
_LONGEST = {"CS": 16, "SH": 16, "LO": 64}
_DUMMY = "REMOVED"


def name(tag: int) -> str:
    """The keyword of a public attribute, or its tag as ``(gggg,eeee)``."""
    keyword = keyword_for_tag(tag) or (attributes()[tag].keyword if tag in attributes() else "")
    return keyword or f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def vr(element: Element, known: str) -> str:
    """The VR to handle an element by; `known` is that of the dictionary, such as ``US or SS``, or empty."""
    given = element.VR
    options = known.split(" or ")
    if not given or given in ("UN", known):
        return options[0]
    if not known or given in options or any({given, options[0]} <= family for family in _FAMILIES):
        return str(given)
    return options[0] if options[0] in _EXAMINED and given in _TEXTS | _EXAMINED else ""


def get_stored_element(source: Dataset, tag: int) -> Element | None:
    """An element as the dataset holds it, decoded or not."""
    return source.get_item(tag)


def encoding(source: Dataset) -> tuple[bool | None, bool | None]:
    """Whether a dataset has implicit VR and is little endian, by its bytes rather than by what its file says."""
    for tag in list(source.keys()):  # iterating the dataset itself would decode its elements
        element = get_stored_element(source, tag)
        if isinstance(element, RawDataElement):
            return element.is_implicit_VR, element.is_little_endian
    return source.original_encoding


def set_vr(element: Element, vr: str) -> Element:
    """An element with the VR that it is handled by, where its file says another one (but for ``UN``)."""
    if vr and isinstance(element, RawDataElement) and element.VR not in (None, "UN", vr):
        return element._replace(VR=vr)
    return element


def values(element: Element) -> list[str]:
    """The values as text without padding, bytes as Latin-1; none of an empty element."""
    content = element.value
    if content is None or isinstance(content, Dataset):
        return []
    if isinstance(content, bytes):
        text = content.decode("latin-1").strip(" \0")
        return [value.strip(" \0") for value in text.split("\\")] if text else []
    many = content if isinstance(content, MultiValue | list | tuple) else [content]
    return [str(value).strip(" \0") for value in many]


def text(element: Element | None) -> str:
    """The first value as text, empty where there is none."""
    found = values(element) if element is not None else []
    return found[0] if found else ""


def list_large_numbers(vr: str, element: Element) -> Iterator[str]:
    """The binary numbers from 10,000 on, as text; of one that is rounded (FL), all that are rounded to it."""
    code = _FLOATS.get(vr) or f"{'i' if vr[0] == 'S' else 'u'}{_SIZES[vr]}"
    content = element.value
    if isinstance(content, bytes):
        order = "<" if getattr(element, "is_little_endian", True) else ">"
        numbers = np.frombuffer(content[: len(content) // _SIZES[vr] * _SIZES[vr]], f"{order}{code}").astype("f8")
    else:
        numbers = np.atleast_1d(np.array(content if content is not None else [], "f8"))
    for number in dict.fromkeys(numbers[np.isfinite(numbers) & (np.abs(numbers) >= _LEAST)].tolist()):
        half = int(np.spacing(np.float32(number)) / 2) if vr == "FL" and abs(number) < _LONGEST_ID else 0
        if half:
            yield from (str(int(number) + near) for near in range(-half, half + 1))
        else:
            yield f"{number:f}" if vr in _FLOATS else f"{number:.0f}"


def list_words(vr: str, element: Element) -> Iterator[str]:
    """What stands as text among the bytes of OB: six characters of names and numbers or more (ASCII, UTF-8)."""
    if vr == "OB" and isinstance(element.value, bytes) and (found := _WRITTEN.findall(element.value)):
        yield "\n".join(part.decode("utf-8", "replace") for part in found)


def is_uid(text: str) -> bool:
    """Whether a text is a UID (PS3.5 9.1)."""
    return len(text) <= 64 and _UID.fullmatch(text) is not None


def is_registered_uid(text: str) -> bool:
    """Whether a UID is one of the standard's registry (PS3.6 Annex A); others below its root are a vendor's misuse."""
    return text in UID_dictionary


def is_public_uid(text: str) -> bool:
    """Whether a UID is registered, or that of a published coding scheme."""
    return is_registered_uid(text) or extra().coding_scheme_uids.fullmatch(text) is not None


def charset(element: Element | None, inherited: Charset) -> Charset:
    """The character set of a dataset, that of the one around it where it says none."""
    if element is None:
        return inherited
    names = values(element)
    if not all(name in python_encoding or _CHARSET.fullmatch(name) for name in names):
        return ()
    return tuple(convert_encodings(names or [""]))


def made(tag: int, vr: str, content: Sequence[str]) -> DataElement:
    """An element of one or more values of text."""
    return DataElement(BaseTag(tag), vr, content[0] if len(content) == 1 else list(content) or None)


def make_empty_element(tag: int, vr: str) -> DataElement:
    """An element without a value; a sequence without items."""
    return DataElement(BaseTag(tag), vr, [] if vr == "SQ" else None)


def is_emptied(dataset: Dataset, tag: int) -> bool:
    """Whether an element is there without a value."""
    element = get_stored_element(dataset, tag)
    return element is not None and not values(element)


def item(content: Mapping[str, Any]) -> Dataset:
    """An item of a sequence by keywords; a mapping in it is a sequence of one item."""
    made = Dataset()
    for keyword, value in content.items():
        setattr(made, keyword, [item(value)] if isinstance(value, Mapping) else value)
    return made


# --- what elements become -----------------------------------------------------------------------------------


def is_well_formed(tag: int, vr: str, element: Element, encoding: Charset) -> bool:
    """Whether a value is of its VR as far as can be told: codes by form, numbers by their count, text by its bytes.

    A length that is wrong makes an element swallow those after it, names too: text holds no control characters then,
    and there are no more numbers than the attribute has.
    """
    if vr in FORMS:
        return all(FORMS[vr].fullmatch(value) for value in values(element))
    content = element.value
    if vr in _TEXTS:
        text = "\\".join(values(element))
        return not _CONTROL.search(text) and (bool(encoding) or text.isascii())
    if vr in _SIZES and isinstance(content, bytes) and content:
        count = find_value_count(tag)
        return len(content) == count * _SIZES[vr] if count else len(content) % _SIZES[vr] == 0
    return True


def shift_date_element(tag: int, vr: str, element: Element, shift: timedelta, times: Times) -> Element | None:
    """A DA, DT or TM moved by whole days and as precise as times are kept; None where a value is none of these."""
    changes: Mapping[str, Callable[[str], str | None]] = {
        "DA": lambda value: shift_date(value, shift),
        "DT": lambda value: shift_moment(value, shift, times),
        "TM": lambda value: coarse_time(value, times),
    }
    return _change_values(tag, vr, element, changes[vr])


def coarsen_age_element(tag: int, element: Element, ages: Ages) -> Element | None:
    """An AS as far as ages are kept; None where a value is none."""
    return _change_values(tag, "AS", element, lambda value: coarse_age(value, ages))


def _change_values(tag: int, vr: str, element: Element, change: Callable[[str], str | None]) -> Element | None:
    changed = [change(value) if value else "" for value in values(element)]
    known = [value for value in changed if value is not None]
    return made(tag, vr, known) if len(known) == len(changed) else None


def clean_descriptor(
    tag: int, vr: str, element: Element, encoding: Charset, clean: Callable[[str], str] = descriptors.clean_description
) -> Element | None:
    """A text of which only listed words stay; None where none is left, or it is no text."""
    if tag == _TIMEZONE:
        return element if ZONE.fullmatch(text(element)) else None
    if vr not in _TEXTS and vr != "CS":
        return None
    cleaned = [clean(value) for value in _parts(vr, decode_text(element, encoding))]
    fitting = [text if len(text) <= _LONGEST.get(vr, len(text)) else _DUMMY for text in cleaned]
    return made(tag, vr, [_fit_charset(text, encoding) for text in fitting]) if any(cleaned) else None


def rewritten(tag: int, vr: str, element: Element, encoding: Charset, rewrite: Callable[[str], str]) -> Element:
    """A text, each of its values without what identifies anybody; the element itself where nothing changes.

    A value that became longer than its VR allows (PS3.5 6.2) is replaced by a dummy.
    """
    before = [*_parts(vr, decode_text(element, encoding))]
    after = [rewrite(value) if value.strip() else value for value in before]
    if after == before:
        return element
    fitting = [
        new if new == old else _fit_charset(new if len(new) <= _LONGEST.get(vr, len(new)) else _DUMMY, encoding)
        for old, new in zip(before, after, strict=True)
    ]
    return made(tag, vr, fitting)


def decode_text(element: Element, encoding: Charset) -> str:
    """A text as it reads, its values joined by backslashes."""
    content = element.value
    if isinstance(content, bytes):
        return decode_bytes(content, list(encoding or DEFAULT), TEXT_VR_DELIMS).rstrip(" \0")
    return "\\".join(map(str, content)) if isinstance(content, MultiValue | list) else str(content or "")


def _parts(vr: str, text: str) -> Iterable[str]:
    return [text] if vr in _ONE_VALUE else text.split("\\")


def _fit_charset(text: str, encoding: Charset) -> str:
    """A text that the character set holds, else without accents and whatever else is not ASCII."""
    try:
        encode_string(text, list(encoding or DEFAULT))
        text.encode((encoding or DEFAULT)[0])
    except (UnicodeError, LookupError):
        return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")
    return text
