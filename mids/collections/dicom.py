"""Any DICOM: a folder, a file or an archive, nested, with or without suffixes."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from mids.readers.dicom.contradictions import find_contradictions
from mids.readers.dicom.scan import PLAIN, Scanner, left_out
from mids.readers.dicom.series import records
from mids.records import About, Item

ABOUT = About(
    name="dicom",
    title="A DICOM collection",
    description="Medical images converted from DICOM.",
    limitations=(
        "The conversion knows nothing of how the images were chosen.",
        "View positions come from headers and descriptions; scans.tsv says which (view_source).",
    ),
    expected="DICOM files in a folder, a file or an archive (zip, tar, 7z, RAR), nested, in any order, with or without "
    "suffixes; what a file is, its headers say.",
)


def read(root: Path, scanner: Scanner = PLAIN) -> Iterator[Sequence[Item]]:
    """Everything below `root`: first what belongs to no patient, then the items patient by patient."""
    with scanner.scan(root) as found:
        wrong = find_contradictions(root, found)
        yield [*found.issues(), *left_out(found.others()), *wrong.items]
        for instances in filter(None, map(wrong.without, found.by_subject())):
            yield list(records(root, instances))
