"""Any DICOM: a folder, a file or an archive, nested, with or without suffixes."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from mids.errors import DataError
from mids.issues import Issue, issue
from mids.readers.dicom import NAMING, Instance, read_instance
from mids.readers.files import archive_kind, batched, contents, open_source, walk
from mids.readers.series import records, subject_key
from mids.records import About, Item, Map, Skipped, Source
from mids.schema import load

ABOUT = About(
    name="dicom",
    title="A DICOM collection",
    description="Medical images converted from DICOM.",
    limitations=(
        "The conversion knows nothing of how the images were chosen.",
        "View positions come from headers and descriptions; scans.tsv says which (view_source).",
    ),
)

CHUNK = 128
"""Files that one worker reads at a time."""

_IMAGE_NAMES = (".dcm", ".dicom", ".ima")


def keywords() -> tuple[str, ...]:
    """The attributes that are taken out of a header: what naming needs, and the sidecar's allow-list."""
    allowed = (field.dicom for field in load().fields.values() if field.dicom)
    return tuple(dict.fromkeys((*NAMING, *allowed)))


@dataclass(slots=True)
class Scan:
    """What reading some files found: instances, issues, and the files that are not DICOM."""

    instances: list[Instance] = field(default_factory=list)
    issues: list[Issue] = field(default_factory=list)
    others: list[Source] = field(default_factory=list)


def scan(sources: Sequence[Source], root: Path) -> Scan:
    """Reads the headers of `sources` (files or archives); picklable, so that it can run on any worker."""
    found = Scan()
    wanted = keywords()
    for source in sources:
        try:
            if archive_kind(source.path):
                for member, stream in contents(root, source):
                    _take(found, member, read_instance(member, stream, wanted))
            else:
                with open_source(root, source) as stream:
                    _take(found, source, read_instance(source, stream, wanted))
        except DataError as error:
            found.issues.append(issue(error.code, error.message, source.name, origin="read"))
    return found


def _take(found: Scan, source: Source, instance: Instance | None) -> None:
    if instance is not None:
        found.instances.append(instance)
    elif source.size == 0 and source.name.lower().endswith(_IMAGE_NAMES):
        found.issues.append(issue("FILE_EMPTY", "the file is empty", source.name, origin="read"))
    else:
        found.others.append(source)


def read(root: Path, mapped: Map = map) -> Iterator[Sequence[Item]]:
    """Everything below `root`: first what belongs to no patient, then the items patient by patient.

    `mapped` works like `map` and may spread the reading of headers over processes.
    """
    instances: list[Instance] = []
    issues: list[Item] = []
    others: list[Source] = []
    for found in mapped(partial(scan, root=root), batched(walk(root), CHUNK)):
        instances += found.instances
        issues += found.issues
        others += found.others
    yield [*issues, Skipped(tuple(others), "not DICOM")] if others else issues
    groups: dict[str, list[Instance]] = defaultdict(list)
    for instance in instances:
        groups[subject_key(instance)].append(instance)
    for key in sorted(groups):
        yield list(records(root, groups[key]))
