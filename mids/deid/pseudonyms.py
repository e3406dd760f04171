"""Keyed pseudonyms and date shifts: the same patient and key give the same ones on every machine and run.

HMAC-SHA256 with a purpose in front of each message, so that a label of one kind says nothing of another.
"""

import base64
import hmac
import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256

from mids.deid.keys import Key
from mids.records import PatientKey

LABEL = 10
"""Base32 characters of a label: 50 bits, a collision among a million patients is a matter of 1 in 2,000."""

FIRST_SHIFT = 5_500
"""Weeks of the smallest shift into the past: today's dates land before 1925, as BIDS wants shifted ones."""

SHIFTS = 520
"""How many different shifts there are where a policy asks for no more: ten years of weeks."""

AGE_CAP = 89
"""Ages above are given as 89 (45 CFR 164.514(b)(2)(i)(C); BIDS says the same of participants.tsv)."""


@dataclass(frozen=True, slots=True)
class Pseudonyms:
    """What one key makes of ids and dates."""

    key: Key

    def subject(self, patient: PatientKey) -> str:
        """The subject label of a patient: ``S`` and 10 base32 characters."""
        return "S" + self._label("subject", patient.text)

    def session(self, patient: PatientKey, study: str) -> str:
        """The session label of a study: ``E`` and 10 base32 characters, never an ordinal."""
        return "E" + self._label("session", patient.text, study)

    def item(self, *ids: str) -> str:
        """A reference to a source item, for messages, tables and the journal."""
        return self._label("item", *ids)

    def uid(self, original: str) -> str:
        """The UID that stands for another one: ``2.25.`` and a UUID made of the key (PS3.5 B.2, RFC 9562 version 8)."""
        digest = bytearray(self._digest("uid", original.strip(" \x00"))[:16])
        digest[6] = digest[6] & 0x0F | 0x80
        digest[8] = digest[8] & 0x3F | 0x80
        return f"2.25.{int.from_bytes(digest, 'big')}"

    def shift(self, patient: PatientKey, shifts: int = SHIFTS) -> timedelta:
        """The shift of all dates of one patient, of so many: whole weeks, so that weekdays and intervals survive."""
        number = int.from_bytes(self._digest("shift", patient.text)[:8], "big")
        return -timedelta(weeks=FIRST_SHIFT + number % shifts)

    def _label(self, purpose: str, *parts: str) -> str:
        return base64.b32encode(self._digest(purpose, *parts)).decode("ascii")[:LABEL]

    def _digest(self, purpose: str, *parts: str) -> bytes:
        message = "\x00".join((purpose, *parts)).encode("utf-8", "surrogatepass")  # a path may be no text
        return hmac.digest(self.key.secret, message, sha256)


def dicom_datetime(day: str, time: str = "") -> datetime | None:
    """A DICOM DA (or DT) and TM as a datetime without fractions, None where the day is no real date.

    A time that is missing or impossible (hour 26) counts as midnight.
    """
    digits = re.fullmatch(r"(\d{4})[-./]?(\d{2})[-./]?(\d{2})(\d{6})?.*", day.strip())
    if not digits:
        return None
    clock = re.match(r"(\d{2}):?(\d{2})?:?(\d{2})?", time.strip() or digits[4] or "")
    try:
        start = datetime.combine(date(int(digits[1]), int(digits[2]), int(digits[3])), datetime.min.time())
        hour, minute, second = (int(part or 0) for part in clock.groups()) if clock else (0, 0, 0)
        return start.replace(hour=hour, minute=minute, second=min(second, 59))
    except ValueError:
        try:
            return datetime.combine(date(int(digits[1]), int(digits[2]), int(digits[3])), datetime.min.time())
        except ValueError:
            return None


def shift_moment(moment: datetime | None, shift: timedelta) -> str:
    """A moment after the shift as ``YYYY-MM-DDThh:mm:ss``, ``n/a`` where there is none."""
    if moment is None:
        return "n/a"
    try:
        return (moment + shift).isoformat(timespec="seconds")
    except OverflowError:
        return "n/a"


def age(patient_age: str, birth_date: str, study_date: str, *, capped: bool = True) -> str:
    """The age in whole years, capped at 89, ``n/a`` where neither PatientAge (AS) nor the dates give one."""
    cap = AGE_CAP if capped else 130
    text = re.fullmatch(r"(\d{1,3})([DWMY])", patient_age.strip().upper())
    if text:
        years = int(int(text[1]) / {"D": 365.25, "W": 52.18, "M": 12, "Y": 1}[text[2]])
        return str(min(years, cap))
    born, seen = dicom_datetime(birth_date), dicom_datetime(study_date)
    if born is None or seen is None or seen < born:
        return "n/a"
    years = seen.year - born.year - ((seen.month, seen.day) < (born.month, born.day))
    return str(min(years, cap)) if years <= 130 else "n/a"
