"""De-identifies one DICOM dataset by rules: DICOM PS3.15 Annex E."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from pydicom import Dataset

from mids.deid.rules import Rules
from mids.issues import Issue


@dataclass(frozen=True, slots=True)
class Replacements:
    """What stands for the identity of one subject: its label, the shift of its dates, its UIDs, its texts."""

    subject: str
    shift: timedelta
    uid: Callable[[str], str]
    text: Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A de-identified dataset, ready to be saved, and what was noticed."""

    dataset: Dataset
    issues: tuple[Issue, ...]


def deidentify(dataset: Dataset, rules: Rules, new: Replacements, *, pixels_cleaned: bool = False) -> Cleaned:
    """A de-identified copy; raises `DataError` ``DEID_IMPOSSIBLE`` where anything is in doubt."""
    raise NotImplementedError
