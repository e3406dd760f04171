"""The folder beside a destination: who may write there, and the key that random ids have for as long as a run lasts."""

import os
import shutil
from pathlib import Path

from mids.deid import keys
from mids.errors import MidsError
from mids.run.decided.choices import FILE
from mids.run.disk import flush_files, flush_folders
from mids.run.journal import IN_MEMORY, DamagedJournalError, Journal, begin_anew, state_folder
from mids.run.lock import Lock

_TEMPORARY = frozenset({"half-written", "scratch"})
"""Names in the state folder under which something lies only while it is made."""

JOURNAL, COPY = "journal.sqlite", "journal.copy.sqlite"
"""The journal, and what it was at the end of the last run or withdrawal that ended."""

RANDOM_KEY = "random-key"
"""The name of the key of random ids in the state folder, until the run is complete."""


def check_places(root: Path, target: Path) -> None:
    """Refuses (`MidsError`) a source that is not there, and a destination that is not ours to write in."""
    try:
        _check_places(root, target)
    except OSError as error:  # a folder above that can't be entered
        raise MidsError(f"can't look at SOURCE or DEST ({error.strerror}): check their permissions") from error


def _check_places(root: Path, target: Path) -> None:
    if not root.exists():
        order = " (SOURCE comes before DEST)" if target.exists() else ""
        raise MidsError(f"{root} does not exist: give the folder, file or archive that holds the source{order}")
    if root.is_file() and root.name.upper() == "DICOMDIR":
        raise MidsError("a DICOMDIR is only an index: give the folder that holds it as SOURCE")
    if target.exists() and not target.is_dir():
        raise MidsError(f"{target} is a file: give a folder as DEST")
    is_dataset = (root / "dataset_description.json").is_file()  # de-identified DICOM is a source
    if is_dataset and is_made(root):
        raise MidsError(
            f"{root} is a dataset that mids made, not a source: SOURCE comes before DEST (to check a dataset: "
            "mids-validate)"
        )
    if target.resolve() == root.resolve() or target.resolve() in root.resolve().parents:
        raise MidsError("SOURCE lies inside DEST: give another DEST")
    if root.is_dir() and root.resolve() in target.resolve().parents:
        raise MidsError("DEST lies inside SOURCE, and the next run would read it as a source: give another DEST")
    if any((parent / "dataset_description.json").is_file() for parent in target.resolve().parents):
        raise MidsError("DEST lies inside another dataset, whose state must not hold real paths: give another DEST")
    if target.is_dir() and any(target.iterdir()) and not is_made(target):
        raise MidsError(f"{target} is not empty, and no earlier run made it: give an empty or absent folder as DEST")


def is_made(folder: Path) -> bool:
    """Whether an earlier run made what lies in a folder."""
    place = folder.resolve()
    return bool(place.name) and any((state_folder(place) / name).is_file() for name in (JOURNAL, COPY))


def check_key_place(key: Path, target: Path) -> None:
    """Refuses (`MidsError`) a key inside the destination."""
    if target.resolve() in key.resolve().parents:
        raise MidsError("the key lies inside DEST, and would be published with it: move the key elsewhere")
    if state_folder(target).resolve() in key.resolve().parents:
        raise MidsError("the key lies in the state beside DEST, and would be deleted with it: move the key elsewhere")


class State:
    """The folder beside the dataset, made with safe permissions; a dry run leaves nothing behind.

    Raises `MidsError` where it can't be written, and where random ids sealed the destination.
    """

    def __init__(self, dataset: Path, *, dry_run: bool) -> None:
        self.folder = state_folder(dataset)
        self._dataset = dataset
        self._throwaway = dry_run and not self.folder.exists()
        self._dry_run = dry_run
        self.is_restored = False

    def __enter__(self) -> "State":
        try:
            if not self._dry_run:
                self._dataset.mkdir(parents=True, exist_ok=True)
                if not self.folder.is_symlink():
                    self.folder.mkdir(mode=0o700, exist_ok=True)
            self._check_links()
            if not self._dry_run:
                self.folder.chmod(0o700)
                if self._dataset.stat().st_dev != self.folder.stat().st_dev:
                    raise MidsError(f"{self._dataset} is a mount point: give a folder inside it as DEST")
        except OSError as error:
            raise MidsError(f"can't write {self._dataset} ({error.strerror}): give another DEST") from error
        self.lock = None if self._dry_run else Lock(self.folder / "lock").__enter__()
        try:
            self._open()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _check_links(self) -> None:
        """Removes links in place of temporary files, and refuses others: nothing is written through one."""
        if self.folder.is_symlink():
            raise MidsError(f"{self.folder} is a link, and nothing is written through links: remove it")
        for path in self.folder.iterdir() if self.folder.is_dir() else ():
            if not path.is_symlink():
                continue
            if path.name not in _TEMPORARY:
                raise MidsError(f"{path} is a link, and nothing is written through links: remove it")
            if not self._dry_run:
                path.unlink()

    def _open(self) -> None:
        self.journal = self._open_journal(Path(IN_MEMORY) if self._throwaway else self.folder / JOURNAL)
        if self.journal.is_sealed():
            self._destroy_key()  # a kill may have come between the seal and this
            raise MidsError(f"{self._dataset} is finished, and its random IDs can't be made again: give another DEST")

    def _open_journal(self, place: Path) -> Journal:
        """The journal; that of the last run that ended where it is damaged, empty or gone."""
        try:
            return self._journal_at(place)
        except DamagedJournalError:
            if self._dry_run or not (self.folder / COPY).is_file():
                raise
        half = self.folder / "half-written"
        try:
            shutil.copyfile(self.folder / COPY, half)
            half.chmod(0o600)
            flush_files([half])
            for log in ("-wal", "-shm"):  # they belong to what was damaged
                place.with_name(place.name + log).unlink(missing_ok=True)
            half.replace(place)
            flush_folders([self.folder])
        except OSError as error:
            raise MidsError(f"can't bring back {place} ({error.strerror}): check permissions and space") from error
        self.is_restored = True
        return self._journal_at(place)

    def _journal_at(self, place: Path) -> Journal:
        journal = Journal(place)
        if not journal.has_facts() and any(self._dataset.glob("*/*")):
            journal.close()
            raise DamagedJournalError(
                f"the journal {place} lost what it knew of the dataset: {begin_anew(self.folder)}"
            )
        return journal

    def keep_copy(self) -> None:
        """Keeps the journal as it is now, for a run that finds it damaged."""
        half = self.folder / "half-written"
        self.journal.write_copy(half)
        half.replace(self.folder / COPY)
        flush_folders([self.folder])

    def drop_copy(self) -> None:
        """Removes the copy of the journal, which holds what is going to be deleted from it."""
        (self.folder / COPY).unlink(missing_ok=True)

    def __exit__(self, *_: object) -> None:
        if hasattr(self, "journal"):
            self.journal.close()
        if self.lock is not None:
            self.lock.__exit__()

    def random_key(self) -> keys.Key:
        """The key of random ids: that of an interrupted run, else a new one; a dry run keeps none."""
        place = self.folder / RANDOM_KEY
        if place.exists():
            return keys.load(place)
        if self._dry_run:
            return keys.draw()
        half = self.folder / "half-written"
        half.unlink(missing_ok=True)
        key = keys.create(half)
        half.replace(place)  # in one step: a kill leaves no half of a key
        flush_folders([self.folder])
        return key

    def seal(self) -> None:
        """Destroys the key of random ids and what links a source to an output; no later run goes on from here."""
        self.drop_copy()
        self.journal.seal()
        for index in self.folder.glob("index-*"):
            index.unlink()
        (self.folder / FILE).unlink(missing_ok=True)
        self._destroy_key()

    def _destroy_key(self) -> None:
        place = self.folder / RANDOM_KEY
        try:
            if place.exists():
                with place.open("r+b") as stream:
                    stream.write(bytes(place.stat().st_size))
                    os.fsync(stream.fileno())
                place.unlink()
        except OSError as error:
            raise MidsError(f"can't destroy the key {place} ({error.strerror}): delete it") from error
