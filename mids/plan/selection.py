"""Which patients of a source are wanted: by id, subject ID or glob, and how many."""

import pickle
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from mids.errors import MidsError
from mids.plan.image import patient_of
from mids.records import Item, PatientKey

Names = frozenset[str]
"""What one patient may be called: the id, and the subject IDs."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What a user asks for: patients to take (all without `include`), patients to leave out, and how many at most."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    limit: int | None = None

    @property
    def is_everything(self) -> bool:
        """Whether nobody is left out."""
        return not (self.include or self.exclude or self.limit)

    def choose(
        self, batches: Iterable[Sequence[Item]], name: Callable[[PatientKey], Names]
    ) -> Iterator[Sequence[Item]]:
        """The batches of the wanted patients, and those that belong to none.

        Raises `MidsError` where a pattern matches nobody, or nobody is left, before the first batch is given. For that
        all batches wait in a temporary file without a name if there are patterns.
        """
        if self.include or self.exclude:
            batches = self._matching(batches, name)
        taken: set[PatientKey] = set()
        for items in batches:
            patient = patient_of(items)
            if patient is not None and patient not in taken:
                if self.limit is not None and len(taken) >= self.limit:
                    continue
                taken.add(patient)
            yield items

    def _matching(
        self, batches: Iterable[Sequence[Item]], name: Callable[[PatientKey], Names]
    ) -> Iterator[Sequence[Item]]:
        everybody: dict[PatientKey, Names] = {}
        with tempfile.TemporaryFile() as spool:
            count = 0
            for items in batches:
                count += 1
                pickle.dump(items, spool, protocol=pickle.HIGHEST_PROTOCOL)
                patient = patient_of(items)
                if patient is not None and patient not in everybody:
                    everybody[patient] = name(patient)
            wanted = self._wanted(everybody)
            spool.seek(0)
            for _ in range(count):
                items = pickle.load(spool)  # our own, from a file that nobody else can open
                patient = patient_of(items)
                if patient is None or patient in wanted:
                    yield items

    def _wanted(self, everybody: dict[PatientKey, Names]) -> set[PatientKey]:
        included = [_matched("--include", pattern, everybody) for pattern in self.include]
        excluded = [_matched("--exclude", pattern, everybody) for pattern in self.exclude]
        wanted = (set[PatientKey]().union(*included) if self.include else {*everybody}).difference(*excluded)
        if not wanted:
            given = [*(f"--include {pattern}" for pattern in self.include), *(f"--exclude {p}" for p in self.exclude)]
            raise MidsError(f"{' '.join(given)} leaves no subject: give PatientIDs, subject IDs or globs of the source")
        return wanted


def _matched(flag: str, pattern: str, everybody: dict[PatientKey, Names]) -> set[PatientKey]:
    """Who is called so; only where nobody is, whom the pattern matches as a glob."""
    found = {patient for patient, names in everybody.items() if pattern in names}
    found = found or {
        patient for patient, names in everybody.items() if any(fnmatchcase(name, pattern) for name in names)
    }
    if not found:
        raise MidsError(
            f"{flag} {pattern} matches no subject of the source: give PatientIDs, subject IDs or globs of it"
        )
    return found
