"""De-identifies one DICOM dataset by rules: DICOM PS3.15 Annex E, in one pass over all attributes at every depth.

What stays unchanged is not decoded: its bytes are looked at and passed on. What is not of its VR does not stay. The
attributes that the tables leave open, and how they are handled, are data (`schemas/deid/rules.yaml`).
"""

import struct
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from pydicom import Dataset, config
from pydicom.dataelem import DataElement, RawDataElement, convert_raw_data_element
from pydicom.errors import BytesLengthException
from pydicom.sequence import Sequence
from pydicom.uid import MediaStorageDirectoryStorage

from mids.deid.headers import codes, elements, terms
from mids.deid.headers.descriptors import clean_description
from mids.deid.headers.elements import DEFAULT, Charset, Element
from mids.deid.headers.markers import UNSEEN, PixelFacts, mark, new_meta
from mids.deid.headers.notices import report_repeated_identity, report_unreadable
from mids.deid.headers.private import Blocks
from mids.deid.headers.prose import clean_prose
from mids.deid.headers.rules import Rules, types
from mids.deid.headers.tables import extra, find_vr, safe_private
from mids.deid.pixels.pixeldata import clear_comments, clear_unused_bits, cut_excess
from mids.deid.policy import Code
from mids.deid.text.rules import is_identifying
from mids.errors import DataError
from mids.issues import Issue, issue

DEPTH = 70
"""The deepest nesting of sequences that is read; a real file has less than ten."""

BROKEN = (
    ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, NotImplementedError, OSError,
    RecursionError, TypeError, ValueError, struct.error, BytesLengthException,
)  # fmt: skip
"""What pydicom raises for bytes that it can't make sense of."""

_TEXTS = frozenset({"LO", "SH", "ST", "LT", "UT", "UC"})
_NUMBERS = frozenset({"FL", "FD", "US", "SS", "UL", "SL", "UV", "SV"})
_PIXELS = frozenset({0x0028, 0x7FE0})
_REMOVED = "REMOVED"
_HIDDEN = "pixel bits beyond BitsStored were set; they could hide text, and were cleared"
_UNREAD = "encrypted attributes were removed, because their content can't be checked"
_LONGER = "PixelData is longer than its header says; the surplus was removed"
_PATIENT_ID, _SOP_CLASS, _SOP_INSTANCE = 0x00100020, 0x00080016, 0x00080018
_ENCRYPTED, _CHARSET, _CONCEPT, _TEXT_VALUE = 0x04000500, 0x00080005, 0x0040A043, 0x0040A160
_MEASURED, _NUMERIC = 0x0040A300, 0x0040A30A
_VALUES_OF_CONTENT = (0x0040A160, 0x0040A120, 0x0040A121, 0x0040A122, 0x0040A123, 0x0040A124)
"""TextValue, DateTime, Date, Time, PersonName and UID of a content item (PS3.3 table C.17.3-7)."""


def _identify_nothing(text: str) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Replacements:
    """What stands for the identity of one subject: its label, the shift of its dates, its UIDs, its texts.

    `uid` gives the UID that stands for another one, the same in every file; `text` gives a free text without what
    identifies anybody, `label` a short one, `forget` one without what the same header tells. `tells` is whether a
    text, or a number, repeats a name, id or day of the same header. Only whole days of `shift` count.
    """

    subject: str
    shift: timedelta
    uid: Callable[[str], str]
    text: Callable[[str], str]
    tells: Callable[[str], bool] = _identify_nothing
    label: Callable[[str], str] = str
    forget: Callable[[str], str] = str


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A de-identified dataset, ready for ``dataset.save_as(path, enforce_file_format=True)``, and what was noticed."""

    dataset: Dataset
    issues: tuple[Issue, ...]


def deidentify(dataset: Dataset, rules: Rules, new: Replacements, pixels: PixelFacts = UNSEEN) -> Cleaned:
    """A de-identified copy of a dataset, which may share bytes with it.

    `pixels` says what is known of text in them.
    Values that are not of their VR are removed, or replaced where the attribute is required, with an Issue. Raises
    `DataError` ``DEID_IMPOSSIBLE`` where something is in doubt, so that nothing is delivered.
    """
    sop_class, sop_instance = _identity(dataset)
    known = types(sop_class)
    task = _Pass(rules, new)
    try:
        with warnings.catch_warnings(), config.disable_value_validation():
            warnings.simplefilter("ignore")
            cleaned = task.dataset(dataset, {} if known is None else known, is_known=known is not None)
            hid = clear_unused_bits(dataset, cleaned)
            is_longer = cut_excess(dataset, cleaned)
            clear_comments(dataset, cleaned)
            _complete(cleaned, task, sop_class, sop_instance)
            mark(cleaned, rules.policy, pixels)
            cleaned.file_meta = new_meta(dataset, sop_class, str(cleaned.SOPInstanceUID))
            cleaned.preamble = bytes(128)
    except BROKEN as error:
        raise DataError("DEID_IMPOSSIBLE", f"the dataset can't be parsed ({type(error).__name__})") from error
    said = [text for text, is_so in ((_HIDDEN, hid), (_LONGER, is_longer)) if is_so]
    told = [issue("DEID_VALUE_REMOVED", text, where="PixelData", origin="deid") for text in said]
    if _ENCRYPTED in dataset and _ENCRYPTED not in cleaned:
        told.append(issue("DEID_VALUE_REMOVED", _UNREAD, where=elements.name(_ENCRYPTED), origin="deid"))
    return Cleaned(cleaned, (*report_unreadable(task.removed), *report_repeated_identity(task.named), *told))


def _identity(dataset: Dataset) -> tuple[str, str]:
    """SOP class and instance; raises `DataError` where a file has none, or is a DICOMDIR."""
    meta = getattr(dataset, "file_meta", Dataset())
    try:
        sop_class = elements.text(dataset.get_item(_SOP_CLASS)) or str(meta.get("MediaStorageSOPClassUID") or "")
        instance = elements.text(dataset.get_item(_SOP_INSTANCE)) or str(meta.get("MediaStorageSOPInstanceUID") or "")
    except BROKEN as error:
        raise DataError("DEID_IMPOSSIBLE", "its SOP class and instance can't be read") from error
    sop_class, instance = sop_class.strip(" \0"), instance.strip(" \0")
    if sop_class == MediaStorageDirectoryStorage or "DirectoryRecordSequence" in dataset:
        raise DataError("DEID_IMPOSSIBLE", "a DICOMDIR lists the content of its files, so it is not delivered")
    if not elements.is_uid(sop_class) or not instance:
        raise DataError("DEID_IMPOSSIBLE", "its SOP class or SOP instance is missing")
    return sop_class, instance


def _complete(cleaned: Dataset, task: "_Pass", sop_class: str, sop_instance: str) -> None:
    """What every instance must have, where the source had it only in its file meta or not at all."""
    if "SOPClassUID" not in cleaned:
        cleaned.SOPClassUID = sop_class
    if not str(cleaned.get("SOPInstanceUID") or ""):
        cleaned.SOPInstanceUID = task.uid(sop_instance)
    if "PatientID" not in cleaned and task.rules.action(_PATIENT_ID, "2") in ("Z", "D"):
        cleaned.PatientID = task.new.subject


@dataclass(slots=True)
class _Pass:
    """The work on one dataset: its rules, what was removed, and UIDs that were seen."""

    rules: Rules
    new: Replacements
    removed: Counter[tuple[int, str]] = field(default_factory=Counter)
    named: Counter[int] = field(default_factory=Counter)
    uids: dict[str, str] = field(default_factory=dict)

    def uid(self, original: str) -> str:
        """The UID for another one; those that the standard registers stay."""
        if elements.is_registered_uid(original):
            return original
        if original not in self.uids:
            self.uids[original] = self.new.uid(original)
        return self.uids[original]

    def dataset(
        self, source: Dataset, kinds: Mapping[int, str], *, is_known: bool, depth: int = 0, encoding: Charset = DEFAULT
    ) -> Dataset:
        """A dataset or item with each of its attributes handled; `kinds` are the types that are not 3."""
        if depth > DEPTH:
            raise DataError("DEID_IMPOSSIBLE", f"sequences are nested more than {DEPTH} deep")
        encoding = elements.charset(source.get_item(_CHARSET), encoding)
        target = Dataset(parent_encoding=list(encoding or DEFAULT))
        implicit, little = elements.encoding(source)
        target.set_original_encoding(implicit, little, list(encoding or DEFAULT))
        context = _Context(source, depth, encoding)
        blocks = Blocks(source, self._is_safe)
        for tag in list(source.keys()):
            if tag.group & 1:
                kept = self._private(context, blocks, int(tag))
            else:
                kept = self._public(context, int(tag), kinds.get(tag, "3") if is_known else "")
            if kept is not None:
                target[tag] = kept
        for place, creator in blocks.creators_in_use():
            target.add_new(place, "LO", creator)
        return target

    # --- attributes --------------------------------------------------------------------------------------

    def _public(self, context: "_Context", tag: int, kind: str) -> "Element | None":
        """What stays of a public attribute."""
        group = tag >> 16
        if group < 8 or not tag & 0xFFFF or group & 0xFF01 in (0x5000, 0x6000):
            return None  # file meta, directories, group lengths, curves and overlays
        if tag == _CHARSET:
            return self._counted(tag, "CS", context.source.get_item(tag) if context.encoding else None)
        code = self.rules.action(tag, kind)
        if code == "X":
            return None
        element: Element = context.source.get_item(tag)
        vr = elements.vr(element, find_vr(tag))
        element = elements.set_vr(element, vr)
        if code == "Z" and tag not in extra().subject:
            return elements.make_empty_element(tag, vr or find_vr(tag))
        if code in ("Z", "D"):
            return self._dummy(tag, vr or find_vr(tag), element)
        if not vr:
            return self._counted(tag, find_vr(tag), None)
        if vr == "SQ":
            return self._sequence(context, tag, element)
        kept = self._value(context, tag, vr, element, code, kind)
        return kept if kept is not None else self._fallback(tag, vr, element, kind, code)

    def _fallback(self, tag: int, vr: str, element: Element, kind: str, code: Code) -> "Element | None":
        """What becomes of a value that can't be cleaned, or is not of its VR: what the Basic Profile says.

        Outside the table that depends on the type; of an unknown one a text is taken for required, a number is not.
        """
        unknown = "" if self.rules.is_explicit(tag) or vr in _TEXTS else "3"
        basic = self.rules.basic(tag, kind or unknown)
        if basic == "Z":
            return elements.make_empty_element(tag, vr)
        return self._dummy(tag, vr, element) if basic in ("D", "U") else None

    def _value(
        self, context: "_Context", tag: int, vr: str, element: Element, code: Code, kind: str = ""
    ) -> "Element | None":
        """A value that is kept, cleaned or mapped; None where that is impossible, which is counted."""
        policy = self.rules.policy
        if vr == "UI":
            return self._mapped(tag, element, code)
        if vr in ("DA", "DT", "TM"):
            shift = self.new.shift if code == "C" else timedelta(0)
            return self._counted(tag, vr, elements.shift_date_element(tag, vr, element, shift, policy.times))
        if vr == "AS":
            return self._counted(tag, vr, elements.coarsen_age_element(tag, element, policy.ages))
        if code == "C":
            return elements.clean_descriptor(tag, vr, element, context.encoding, self._descriptor(tag, vr))
        if not elements.is_well_formed(tag, vr, element, context.encoding):
            return self._counted(
                tag, vr, elements.clean_descriptor(tag, vr, element, context.encoding) if vr == "CS" else None
            )
        is_kept = self.rules.is_explicit(tag) and vr != "CS"  # a code that is kept can be a name in the wrong place
        return element if is_kept else self._searched(context, tag, vr, element, kind)

    def _descriptor(self, tag: int, vr: str) -> Callable[[str], str]:
        """How a description is cleaned; prose keeps ordinary clinical words too."""
        if vr in ("ST", "LT", "UT") or tag in extra().prose:
            search = self.new.label if tag in extra().prose else self.new.text
            return lambda value: clean_prose(search(value))
        return lambda value: clean_description(self.new.forget(value))

    def _searched(self, context: "_Context", tag: int, vr: str, element: Element, kind: str) -> "Element | None":
        """A value that no table names, without what identifies; nothing of a number or address that does."""
        if vr == "CS" or tag in extra().termed:
            return elements.rewritten(tag, vr, element, context.encoding, self._code)
        if vr in _TEXTS:
            return elements.rewritten(tag, vr, element, context.encoding, self._rewriter(context, tag, vr))
        if any(map(self.new.tells, _list_searched(tag, vr, element))):
            self.named[tag] += 1
            return self._dummy(tag, vr, element) if kind == "1" else elements.make_empty_element(tag, vr)
        return element

    def _rewriter(self, context: "_Context", tag: int, vr: str) -> Callable[[str], str]:
        """How a text is cleaned: codes of published schemes by nothing but what is surely the header's."""
        if codes.is_published(context.source, tag):
            return str if tag != codes.MEANING or codes.is_defined(context.source) else self._code
        if tag in extra().makers:
            return lambda value: _REMOVED if is_identifying(value) else self.new.forget(value)
        return self.new.label if vr in ("LO", "SH", "UC") else self.new.text

    def _code(self, value: str) -> str:
        """A code, unless it is none of a closed list and repeats what the header tells, or holds a number or day."""
        return _REMOVED if not terms.is_listed(value) and (self.new.tells(value) or is_identifying(value)) else value

    def _mapped(self, tag: int, element: Element, code: Code) -> Element:
        """UIDs, each replaced, or kept where it is one; of those that mean a class or a scheme, only public ones."""
        values = elements.values(element)
        said = list(filter(None, values))
        if code == "K" and all(map(elements.is_uid, said)) and self._may_stay(tag, said):
            return element
        return elements.made(tag, "UI", [self.uid(value) if value else "" for value in values])

    def _may_stay(self, tag: int, values: Iterable[str]) -> bool:
        """Whether UIDs that the policy keeps are no person's: in an attribute for classes anything may stand."""
        if tag not in extra().keep or self.rules.is_explicit(tag) or "retain_uids" in self.rules.policy.options:
            return True
        if tag == _SOP_CLASS:  # a private class is that of the file itself
            return not any(map(self.new.tells, values))
        return all(map(elements.is_public_uid, values))

    def _counted(self, tag: int, vr: str, kept: Element | None) -> Element | None:
        """A value itself; None, which is counted, is one that is not of its VR."""
        if kept is None:
            self.removed[tag, vr] += 1
        return kept

    def _dummy(self, tag: int, vr: str, element: Element) -> Element:
        """A value that says nothing, or the subject's label."""
        if tag in extra().subject:
            return elements.made(tag, vr, [self.new.subject])
        if vr == "UI":
            return elements.made(
                tag, vr, [self.uid(value) for value in elements.values(element) if value] or ["2.25.0"]
            )
        if vr == "SQ":
            return DataElement(tag, "SQ", Sequence([elements.item(extra().dummy_items.get(tag, {}))]))
        return DataElement(tag, vr, extra().dummies.get(vr, b"\0\0"))

    # --- sequences ---------------------------------------------------------------------------------------

    def _sequence(self, context: "_Context", tag: int, element: Element) -> Element | None:
        """A sequence with its items handled; one that can't be read goes."""
        found = self._read(context, element)
        if found is None:
            return self._counted(tag, "SQ", None)
        items = [self._item(item, context) for item in found]
        if tag == _MEASURED:  # a measurement without its number is none (PS3.3 C.18.1)
            items = [None if item is not None and elements.is_emptied(item, _NUMERIC) else item for item in items]
        return DataElement(tag, "SQ", Sequence([item for item in items if item is not None]))

    def _read(self, context: "_Context", element: Element) -> Sequence | None:
        """The items of a sequence, which may be encoded as UN; None where they can't be read."""
        if not element.value:
            return Sequence()
        if isinstance(element, RawDataElement):
            try:
                raw = element._replace(VR="SQ")
                element = convert_raw_data_element(raw, encoding=list(context.encoding or DEFAULT), ds=context.source)
            except BROKEN:
                return None
        return element.value if isinstance(element.value, Sequence) else None

    def _item(self, item: Dataset, context: "_Context") -> Dataset | None:
        """An item; a content item by its concept, a code by its coding scheme; None where it goes."""
        action = self._concept(context, item) if _CONCEPT in item else None
        if action == "X":
            return None
        cleaned = self.dataset(item, {}, is_known=False, depth=context.depth + 1, encoding=context.encoding)
        if action == "D":
            for tag in _VALUES_OF_CONTENT:
                if tag in cleaned:
                    cleaned[tag] = self._dummy(tag, find_vr(tag), item.get_item(tag))
        elif action == "K" and _TEXT_VALUE in cleaned:
            cleaned[_TEXT_VALUE] = item.get_item(_TEXT_VALUE)
        codes.clean(cleaned)
        return cleaned

    def _concept(self, context: "_Context", item: Dataset) -> Code | None:
        """The action for a content item (PS3.15 E.3.4), None where its concept is in no table."""
        names = self._read(context, item.get_item(_CONCEPT))
        return self.rules.concept(*codes.of(names[0])) if names else None

    # --- private attributes ------------------------------------------------------------------------------

    def _is_safe(self, creator: str, group: int, element: int) -> bool:
        """Whether a private attribute may stay."""
        policy = self.rules.policy
        if "retain_safe_private" in policy.options and (creator, group, element) in safe_private():
            return True
        return any(
            (safe.creator, safe.group, safe.element & 0xFF) == (creator, group, element) for safe in policy.safe_private
        )

    def _private(self, context: "_Context", blocks: Blocks, tag: int) -> "Element | None":
        """What stays of a private attribute: what is on a safe list, by its VR."""
        creator = blocks.creator_if_safe(tag)
        if not creator:
            return None
        element = context.source.get_item(tag)
        listed = safe_private().get((creator, tag >> 16, tag & 0xFF), "")
        vr = elements.vr(element, listed)
        if vr == "SQ":
            kept: Element | None = self._sequence(context, tag, element)
        elif vr in ("DA", "DT", "TM"):
            by_dates: Mapping[str, Code] = {"keep": "K", "shift": "C"}
            code = by_dates.get(self.rules.policy.dates)
            kept = self._value(context, tag, vr, element, code) if code else None
        elif vr == "PN" or not vr:
            kept = None
        else:
            kept = self._value(context, tag, vr, element, "U" if vr == "UI" else "K")
        if kept is not None:
            blocks.use(tag)
        return kept


def _list_searched(tag: int, vr: str, element: Element) -> Iterable[str]:
    """The values of a number, name or address that may repeat what the header tells; none of what pixels need."""
    if vr in ("IS", "DS", "UR", "AE", "PN"):
        return elements.values(element)
    if tag >> 16 in _PIXELS:
        return ()
    return elements.list_large_numbers(vr, element) if vr in _NUMBERS else elements.list_words(vr, element)


@dataclass(frozen=True, slots=True)
class _Context:
    """Where in a file the pass is: the dataset or item, its depth, and its character set."""

    source: Dataset
    depth: int
    encoding: Charset
