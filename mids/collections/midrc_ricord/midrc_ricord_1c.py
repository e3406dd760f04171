"""MIDRC-RICORD-1C: chest radiographs of patients with COVID-19, labelled by radiologists."""

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
    name="midrc-ricord-1c",
    title="MIDRC-RICORD-1C: chest radiographs of COVID-19",
    description=(
        "Chest radiographs of patients with COVID-19 from four international sites, with exam-level labels of three "
        "radiologists or more and their adjudication: release 1c of the RSNA International COVID-19 Open Radiology "
        "Database (RICORD)."
    ),
    how_to_cite=cite("Release 1c - Chest x-ray Covid+ (MIDRC-RICORD-1C)", "2021", "10.7937/91ah-v663"),
    references=("https://doi.org/10.7937/91ah-v663", *PUBLICATIONS),
    doi="doi:10.7937/91ah-v663",
    url="https://www.cancerimagingarchive.net/collection/midrc-ricord-1c/",
    limitations=(
        *LIMITATIONS,
        NO_TEST,
        READERS,
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
