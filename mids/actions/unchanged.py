"""Whether sources are still what their headers said when they were read: another may have been put in their place."""

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import BinaryIO

from mids.errors import DataError
from mids.readers.archives.files import base, open_source, watching
from mids.readers.dicom.headers import read_instance
from mids.records import Source

_HEAD = 1 << 16
"""Bytes at the begin of a file in which ids nearly always stand."""


def check_stamps(sources: Iterable[Source], root: Path) -> None:
    """Raises `DataError` ``SOURCE_CHANGED`` where a file has another size or time than when its header was read."""
    stamps: dict[str, tuple[int, int]] = {}
    for source in sources:
        if not source.mtime_ns:
            continue  # nobody said what it was like
        if source.path not in stamps:
            status = (base(root) / source.path).stat()
            stamps[source.path] = status.st_size, status.st_mtime_ns
        size, time = stamps[source.path]
        if time != source.mtime_ns or (size != source.size and not source.member):
            raise _changed()


def check_identity(sources: Iterable[Source], root: Path, identity: Mapping[str, str]) -> None:
    """Raises `DataError` ``SOURCE_CHANGED`` where a DICOM file has other ids (by keyword) than its header had.

    A copy can keep size and time of what it replaces. Members of archives are looked at as they are unpacked
    (`watching_identity`).
    """
    for source in sources:
        if not source.member and identity:
            with open_source(root, source) as stream:
                _check_ids(source, stream, identity)


def watching_identity(sources: Iterable[Source], identity: Mapping[str, str]) -> AbstractContextManager[None]:
    """Has members of archives among `sources` checked as `check_identity` does, while they are unpacked."""
    members = {(source.path, source.member) for source in sources if source.member and identity}

    def watch(source: Source, stream: BinaryIO) -> None:
        if (source.path, source.member) in members:
            _check_ids(source, stream, identity)

    return watching(watch) if members else nullcontext()


def _check_ids(source: Source, stream: BinaryIO, identity: Mapping[str, str]) -> None:
    head = stream.read(_HEAD)
    if all(value.encode("ascii", "replace") in head for value in identity.values()):
        return
    stream.seek(0)
    found = read_instance(source, stream, tuple(identity))
    if found is None or any(found.text(key) not in ("", value) for key, value in identity.items()):
        raise _changed()


def _changed() -> DataError:
    return DataError("SOURCE_CHANGED", "the source was changed after its header was read: run again")
