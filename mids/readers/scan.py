"""Reads the DICOM headers of a source, file by file or archive by archive, on any worker."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from mids.errors import DataError
from mids.issues import Issue, issue
from mids.readers.dicom import NAMING, Instance, PrivateTag, read_instance
from mids.readers.files import archive_kind, base, batched, contents, first_volume, open_source, walk
from mids.records import Map, Skipped, Source
from mids.schema import load

CHUNK = 128
"""Files that one worker reads at a time."""

_IMAGE_NAMES = (".dcm", ".dicom", ".ima")


@dataclass(slots=True)
class Scan:
    """What reading some files found: instances, issues, and the files that are not DICOM."""

    instances: list[Instance] = field(default_factory=list)
    issues: list[Issue] = field(default_factory=list)
    others: list[Source] = field(default_factory=list)


def keywords() -> tuple[str, ...]:
    """The attributes that are taken out of a header: what naming needs, and the sidecar's allow-list."""
    allowed = (field.dicom for field in load().fields.values() if field.dicom)
    return tuple(dict.fromkeys((*NAMING, *allowed)))


def scan_all(root: Path, mapped: Map = map, private: tuple[PrivateTag, ...] = ()) -> Scan:
    """Reads the headers of everything below `root`; `mapped` may spread the work over processes."""
    everything = Scan()
    for found in mapped(partial(scan, root=root, private=private), batched(walk(root), CHUNK)):
        everything.instances += found.instances
        everything.issues += found.issues
        everything.others += found.others
    return everything


def scan(
    sources: Sequence[Source], root: Path, private: tuple[PrivateTag, ...] = (), wanted: tuple[str, ...] = ()
) -> Scan:
    """Reads the headers of `sources` (files or archives), and of private elements those that are asked for.

    `wanted` are the keywords of other attributes than `keywords`.
    """
    found = Scan()
    wanted = wanted or keywords()
    for source in sources:
        try:
            if archive_kind(source.path):
                for member, stream in contents(root, source):
                    _take(found, member, read_instance(member, stream, wanted, private))
            else:
                with open_source(root, source) as stream:
                    instance = read_instance(source, stream, wanted, private)
                _take(found, source, instance)
                if instance is None and (first := first_volume(source.path)) and not (base(root) / first).is_file():
                    found.others.remove(source)
                    raise DataError("ARCHIVE_UNREADABLE", "the first volume of the archive is not there")
        except DataError as error:
            found.issues.append(issue(error.code, error.message, source.name, origin="read"))
    return found


def left_out(others: Sequence[Source]) -> list[Skipped]:
    """The files that are not DICOM, with the reasons why they are not converted."""
    groups: dict[str, list[Source]] = {}
    for source in others:
        is_volume = not source.member and bool(first_volume(source.path))
        groups.setdefault("a volume of an archive, read with its first one" if is_volume else "not DICOM", []).append(
            source
        )
    return [Skipped(tuple(sources), reason) for reason, sources in groups.items()]


def _take(found: Scan, source: Source, instance: Instance | None) -> None:
    if instance is not None:
        found.instances.append(instance)
    elif source.size == 0 and source.name.lower().endswith(_IMAGE_NAMES):
        found.issues.append(issue("FILE_EMPTY", "the file is empty", source.name, origin="read"))
    else:
        found.others.append(source)
