"""Any DICOM: a folder, a file or an archive, nested, with or without suffixes."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from mids.readers.scan import left_out, scan_all
from mids.readers.series import by_subject, records
from mids.records import About, Item, Map

ABOUT = About(
    name="dicom",
    title="A DICOM collection",
    description="Medical images converted from DICOM.",
    limitations=(
        "The conversion knows nothing of how the images were chosen.",
        "View positions come from headers and descriptions; scans.tsv says which (view_source).",
    ),
)


def read(root: Path, mapped: Map = map) -> Iterator[Sequence[Item]]:
    """Everything below `root`: first what belongs to no patient, then the items patient by patient.

    `mapped` works like `map` and may spread the reading of headers over processes.
    """
    found = scan_all(root, mapped)
    yield [*found.issues, *left_out(found.others)]
    for instances in by_subject(found.instances):
        yield list(records(root, instances))
