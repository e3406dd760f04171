"""MIDRC-RICORD-1A: chest CT of patients with COVID-19, labelled and outlined by radiologists."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from mids.collections.midrc_ricord import release
from mids.collections.midrc_ricord.description import (
    COMMON,
    LIMITATIONS,
    NO_TEST,
    PUBLICATIONS,
    READERS,
    TERMS,
    cite,
)
from mids.readers.dicom.scan import PLAIN, Scanner
from mids.records import About, Item, Source

ABOUT: About = replace(
    COMMON,
    name="midrc-ricord-1a",
    title="MIDRC-RICORD-1A: chest CT of COVID-19",
    description=(
        "Chest CT of patients with COVID-19 from four international sites, with exam-level labels and outlines of "
        "affected regions by thoracic radiologists: release 1a of the RSNA International COVID-19 Open Radiology "
        "Database (RICORD)."
    ),
    how_to_cite=cite("Release 1a - Chest CT Covid+ (MIDRC-RICORD-1A)", "2020", "10.7937/VTW4-X588"),
    references=("https://doi.org/10.7937/VTW4-X588", *PUBLICATIONS),
    doi="doi:10.7937/VTW4-X588",
    url="https://www.cancerimagingarchive.net/collection/midrc-ricord-1a/",
    limitations=(
        *LIMITATIONS,
        NO_TEST,
        READERS,
        "MD.ai does not say whether whole numbers of an outline are corners or centres of pixels.",
        *TERMS,
    ),
)

_RELEASE = release.Release(ABOUT)


def read(root: Path, scanner: Scanner = PLAIN) -> Iterator[Sequence[Item]]:
    """The items of the release; raises what `release.read` raises."""
    return release.read(_RELEASE, root, scanner)


def recognise(root: Path, scanner: Scanner = PLAIN, sources: Iterable[Source] | None = None) -> str:
    """What is missing for `root` to be the release; empty if nothing is."""
    return release.recognise(_RELEASE, root, scanner, sources)
