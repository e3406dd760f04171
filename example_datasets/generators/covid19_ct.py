"""The example source of the `covid19-ct` collection: an archive of each kind for each invented patient.

Patients' fields are removed from the headers, as the collection's are; only UIDs, dates and the scanner are left.
"""

import tarfile
import zipfile
from collections.abc import Iterator
from io import BytesIO

from example_datasets.generators.chest import Scan, slices
from example_datasets.generators.dicomfile import encode, fill, uid
from example_datasets.generators.rar5 import Member, archive, volumes

Files = list[tuple[str, bytes]]

NOTE = b"exported by the workstation\r\n"
SCANS = {
    "1": (Scan("mashhad-1", {}, {}, {}, slices=8, thickness=3.0, shift=1.0),),
    "2": (Scan("mashhad-2", {}, {}, {}, slices=9, thickness=1.5, shift=3.0),),
    "3": (
        Scan("mashhad-3", {}, {}, {}, slices=7, step=26.0, thickness=3.0, shift=5.0),
        Scan("mashhad-3b", {}, {}, {"SeriesDescription": "thin"}, slices=9, thickness=1.5, shift=5.0, number=3),
    ),
    "4": (Scan("mashhad-4", {}, {}, {}, slices=8, thickness=3.0, shift=7.0),),
    "5": (Scan("mashhad-5", {}, {}, {}, slices=8, thickness=1.5, shift=9.0),),
}
"""The series of each patient, by the patient's number."""


def members(number: str) -> Files:
    """One patient's files; a note lies among them."""
    found: Files = [("Note.TXT", NOTE)]
    for scan in SCANS[number]:
        folder = f"CT_{scan.number}" if len(SCANS[number]) > 1 else "DICOM/S1"
        for index, dataset in enumerate(slices(scan)):
            fill(dataset, {
                "StudyInstanceUID": uid("study", "mashhad", number), "StudyDate": "20200412", "StudyTime": "093000",
                "AcquisitionDate": "20200412", "AcquisitionTime": "093200", "Manufacturer": "Neusoft Medical Systems",
                "ManufacturerModelName": "NeuViz 16",
            })  # fmt: skip
            found.append((f"{folder}/IM{index:05d}.DCM" if number != "5" else f"{folder}/{index}", encode(dataset)))
    return found


def files() -> Iterator[tuple[str, bytes]]:
    """Every file of the source, sorted by path."""
    found: Files = [
        ("Patient (1).rar", archive(Member(f"Patient (1)/{path}", content) for path, content in members("1"))),
        ("Patient (3).ZIP", as_zip(members("3"))),
        ("part 2/Patient (4).tar", _tar(members("4"))),
        *((f"part 2/Patient (5)/{path}", content) for path, content in members("5")),
        ("README.txt", b"COVID19-CT, an invented example.\n"),
    ]
    parts = volumes([Member(*file) for file in members("2")], 12_000)
    found += [(f"Patient (2).part{number}.rar", part) for number, part in enumerate(parts, start=1)]
    yield from sorted(found)


def as_zip(found: Files) -> bytes:
    """An archive of the files, uncompressed and without clock time."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        for path, content in found:
            packed.writestr(zipfile.ZipInfo(path), content)
    return buffer.getvalue()


def _tar(found: Files) -> bytes:
    buffer = BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as packed:
        for path, content in found:
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            packed.addfile(entry, BytesIO(content))
    return buffer.getvalue()
