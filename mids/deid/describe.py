"""What a policy does, in plain words: the text of ``--describe``, which the documentation quotes."""

from collections import Counter
from collections.abc import Iterator, Mapping
from textwrap import fill

from mids.deid.headers.rules import resolve
from mids.deid.headers.tables import attributes, edition, extra, safe_private
from mids.deid.policy import OPTIONS, Code, Policy

WIDTH = 100

_ACTIONS: Mapping[Code, str] = {
    "X": "removed",
    "Z": "emptied",
    "D": "replaced by a dummy",
    "U": "UIDs replaced",
    "C": "cleaned",
    "K": "kept",
}
_IDS = {
    "keyed": "Subjects and sessions get pseudonyms made with a secret key; the same key gives the same pseudonyms.",
    "random": "Subjects and sessions get random pseudonyms; no key is kept, so nobody can reverse them.",
    "table": "Subjects get the subject IDs of a table that the user gives.",
    "keep": "Subjects keep their IDs, which must already be pseudonyms.",
}
_DATES = {
    "shift": "All dates of a subject are moved by the same number of whole weeks, one of {:,}, to before 1925; "
    "intervals are kept.",
    "keep": "Dates are kept.",
    "remove": "Dates are removed, or become 1900-01-01 where a date is required.",
}
_TIMES = {
    "keep": "Times of day that belong to dates are kept.",
    "hour": "Times of day that belong to dates become whole hours.",
    "remove": "Times of day are removed, or become 00:00 where a time is required.",
}
_AGES = {
    "cap": "Ages are kept up to 89; higher ages become 89.",
    "bands": "Ages become bands of ten years; 80 and above is one band.",
    "keep": "Ages are kept.",
}
_TEXTS = {
    "tags": "In free text, names, places, institutions, numbers and dates become the names of their classes.",
    "surrogates": "In free text, names, places, institutions and numbers become invented ones, and dates are shifted.",
    "remove": "Free text is removed.",
    "keep": "Free text is kept.",
}
_REPORTS = {
    "hold": "Reports that nobody has de-identified yet are withheld.",
    "clean": "Reports are cleaned in the same way.",
}
_BURNED_IN = {
    "hold": "Images that may show a name are withheld and listed.",
    "blank": "Text in images is redacted; an image whose text can't be redacted is withheld.",
    "report": "Images that may show a name are delivered and listed.",
    "release": "Images are delivered, whatever text they show.",
}
_DETECT = {
    "none": "Pixels are not searched for text.",
    "glyphs": "Pixels are searched for text by the contrast of its strokes.",
    "learned": "Pixels are searched for text by a trained network (RapidOCR), which reads what it finds.",
    "ocr": "Pixels are searched for text by text recognition (Tesseract).",
}
_FACES = {
    "keep": "Images that may show a face are delivered.",
    "warn": "Faces are not removed: images that may show one are delivered and counted.",
    "withhold": "Faces are not removed: images that may show one are withheld.",
    "deface": "Faces are removed from CT and MR of the head; other images that may show one, and doubtful ones, are "
    "withheld.",
}


def describe(policy: Policy) -> str:
    """A text of one paragraph for each thing that a policy does, in lines of at most `WIDTH` characters."""
    return (
        "\n".join(
            fill(line, WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
            for line in _lines(policy)
        )
        + "\n"
    )


def _lines(policy: Policy) -> Iterator[str]:
    profile = "Basic Application Level Confidentiality Profile"
    yield f"Policy {policy.name}: DICOM PS3.15 {edition().name}, Annex E, {profile}."
    names = [extra().method[option][1].removesuffix(" Option") for option in OPTIONS if option in policy.stated]
    yield f"Options: {'; '.join(names) or 'none'}."
    yield _counts(policy)
    yield "Attributes that are in neither that table nor the DICOM dictionary are removed, at any depth."
    yield _private(policy)
    keeps_uids = "retain_uids" in policy.options
    yield f"{_IDS[policy.ids]} UIDs are {'kept' if keeps_uids else 'replaced in the same way'}."
    yield _DATES[policy.dates].format(policy.shifts)
    if policy.dates != "remove":
        yield _TIMES[policy.times]
    has_ages = "retain_patient_characteristics" in policy.options
    yield _AGES[policy.ages] if has_ages else "Ages, sex, size and weight are removed or emptied."
    if policy.region_minimum:
        yield f'Regions of {policy.region_minimum} patients or fewer are called "other".'
    if "clean_descriptors" in policy.options:
        kinds = "modality, body part, plane, view, contrast, kernel, sequence, phase"
        yield f"Descriptions keep only listed words: {kinds}."
        yield "Comments and histories keep ordinary clinical words; a mark, [...], stands for every other one."
    yield _TEXTS[policy.texts]
    yield _REPORTS[policy.reports]
    yield f"{_BURNED_IN[policy.burned_in]} {_DETECT[policy.detect]}"
    yield _FACES[policy.face_rule]
    yield "Overlays and curves are always removed, because they may show text."
    for override in policy.overrides:
        yield f"{override.attribute}: {_ACTIONS[override.action]} ({override.reason.rstrip('.')})."


def _counts(policy: Policy) -> str:
    """How many attributes of Table E.1-1 have each action, as optional attributes at the top level."""
    rules = resolve(policy)
    counts = Counter(rules.action(tag, "3") for tag in attributes())
    parts = ", ".join(f"{counts[code]} {words}" for code, words in _ACTIONS.items() if counts[code])
    return f"Of the {len(attributes())} attributes of Table E.1-1, where an image need not have them: {parts}."


def _private(policy: Policy) -> str:
    own = [f"{safe.creator} ({safe.group:04X},xx{safe.element & 0xFF:02X})" for safe in policy.safe_private]
    more = f"{', '.join(own)}" if own else ""
    if "retain_safe_private" in policy.options:
        kept = f"the {len(safe_private())} of Table E.3.10-1" + (f" and {more}" if more else "")
        return f"Private attributes are removed, except {kept}."
    return f"Private attributes are removed{f' but for {more}' if more else ''}."
