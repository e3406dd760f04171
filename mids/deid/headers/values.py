"""Values by their VR (PS3.5 6.2): whether they are well formed, shifted dates, coarser times and ages, dummies.

All take and give one value as text, without padding; None stands for a value that is not of its VR.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date, timedelta

from mids.deid.policy import Ages, Times
from mids.deid.pseudonyms import AGE_CAP

BAND = 10
LAST_BAND = 80
"""The last band of ages is open, so that nobody above 89 stands out."""

_DAY = re.compile(r"(\d{4})([-./]?)(\d{2})\2(\d{2})", re.ASCII)
_CLOCK = re.compile(r"(\d{2})(?::?(\d{2})(?::?(\d{2})(\.\d{1,6})?)?)?", re.ASCII)
_MOMENT = re.compile(r"(\d{4})(?:(\d{2})(?:(\d{2})(\d{2}(?:\d{2}(?:\d{2}(?:\.\d{1,6})?)?)?)?)?)?([+-]\d{4})?", re.ASCII)
_AGE = re.compile(r"(\d{1,3})([DWMY])", re.ASCII)
_YEARS = {"D": 1 / 365.25, "W": 1 / 52.18, "M": 1 / 12, "Y": 1.0}

FORMS: Mapping[str, re.Pattern[str]] = {
    "DS": re.compile(r" *[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)? *|", re.ASCII),
    "IS": re.compile(r" *[+-]?\d{1,12} *|", re.ASCII),
    "UI": re.compile(r"\d+(\.\d+)*|", re.ASCII),
    "CS": re.compile(r"[A-Z0-9_ ]{0,16}", re.ASCII),
    "AS": re.compile(r"\d{3}[DWMY]|", re.ASCII),
    "UR": re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s\\]+ *|", re.ASCII),
}
"""What one value looks like, for VRs of text that no shift or cap examines."""

ZONE = re.compile(r"[+-]\d{4}", re.ASCII)
"""Timezone Offset From UTC (0008,0201), which is text by its VR."""


def shift_date(text: str, shift: timedelta) -> str | None:
    """A DA, or a range of two, moved by whole days and written ``YYYYMMDD``; None where it is no real date."""
    return _each_side(text, lambda side: _shift_day(side, shift))


def coarse_time(text: str, times: Times) -> str | None:
    """A TM, or a range of two, as far as times are kept; None where there is no such time of day."""
    return _each_side(text, lambda side: _coarse_clock(side, times))


def shift_moment(text: str, shift: timedelta, times: Times) -> str | None:
    """A DT moved by whole days, as precise as it was or as times are kept, with its zone; None where it is none."""
    match = _MOMENT.fullmatch(text)
    if not match:
        return None
    year, month, day, clock, zone = match.groups()
    moved = _shift_day(year + (month or "01") + (day or "01"), shift)
    if moved is None:
        return None
    if not day:
        return moved[: len(year + (month or ""))] + (zone or "")
    time = "" if clock is None or times == "remove" else _coarse_clock(clock, times)
    return None if time is None else moved + time + (zone or "" if time else "")


def coarse_age(text: str, ages: Ages) -> str | None:
    """An AS as far as ages are kept: 89 years for all above, or the first year of ten, the last of them 80."""
    match = _AGE.fullmatch(text)
    if not match:
        return None
    number, unit = int(match[1]), match[2]
    years = number * _YEARS[unit]
    if ages == "bands":
        return f"{min(int(years) // BAND * BAND, LAST_BAND):03}Y"
    return f"{AGE_CAP:03}Y" if ages == "cap" and years > AGE_CAP else f"{number:03}{unit}"


def _each_side(text: str, change: Callable[[str], str | None]) -> str | None:
    """One value, or the two sides of a range ``A-B`` (PS3.5 6.2.1.1), of which one may be empty."""
    whole = change(text)
    if whole is not None or "-" not in text:
        return whole
    sides = [side.strip() for side in text.split("-")]
    changed = [change(side) if side else "" for side in sides]
    known = [side for side in changed if side is not None]
    return "-".join(known) if len(known) == 2 == len(sides) and any(known) else None


def _shift_day(text: str, shift: timedelta) -> str | None:
    match = _DAY.fullmatch(text)
    if not match:
        return None
    try:
        moved = date(int(match[1]), int(match[3]), int(match[4])) + timedelta(days=shift.days)
    except (ValueError, OverflowError):
        return None
    return f"{moved.year:04}{moved.month:02}{moved.day:02}"


def _coarse_clock(text: str, times: Times) -> str | None:
    match = _CLOCK.fullmatch(text)
    if not match or int(match[1]) > 23 or int(match[2] or 0) > 59 or int(match[3] or 0) > 60:
        return None
    return match[1] + "0000" if times == "hour" else text.replace(":", "")
