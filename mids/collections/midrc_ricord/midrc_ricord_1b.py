"""MIDRC-RICORD-1B: chest CT of patients without COVID-19, the negatives of 1A, which nobody annotated."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from mids.collections.midrc_ricord import release
from mids.collections.midrc_ricord.description import (
    COMMON,
    LIMITATIONS,
    NO_TEST,
    PUBLICATIONS,
    TERMS,
    cite,
)
from mids.readers.dicom.scan import PLAIN, Scanner
from mids.records import About, Item, Source

ABOUT: About = replace(
    COMMON,
    name="midrc-ricord-1b",
    title="MIDRC-RICORD-1B: chest CT without COVID-19",
    description=(
        "Chest CT of patients with a negative test for SARS-CoV-2 from four international sites, without annotations: "
        "release 1b of the RSNA International COVID-19 Open Radiology Database (RICORD)."
    ),
    how_to_cite=cite("Release 1b - Chest CT Covid- (MIDRC-RICORD-1B)", "2021", "10.7937/31V8-4A40"),
    references=("https://doi.org/10.7937/31V8-4A40", *PUBLICATIONS),
    doi="doi:10.7937/31V8-4A40",
    url="https://www.cancerimagingarchive.net/collection/midrc-ricord-1b/",
    limitations=(
        *LIMITATIONS,
        NO_TEST,
        *TERMS,
    ),
    expected="A folder or archive that holds, at any depth and under any names: the DICOM images, the clinical table "
    "(CSV or XLSX), NBIA's metadata.csv.",
)

_RELEASE = release.Release(ABOUT, is_annotated=False)


def read(root: Path, scanner: Scanner = PLAIN) -> Iterator[Sequence[Item]]:
    """The items of the release; raises what `release.read` raises."""
    return release.read(_RELEASE, root, scanner)


def recognise(root: Path, scanner: Scanner = PLAIN, sources: Iterable[Source] | None = None) -> str:
    """What is missing for `root` to be the release; empty if nothing is."""
    return release.recognise(_RELEASE, root, scanner, sources)
