"""MIDRC-RICORD-1B: chest CT of patients without COVID-19, the negatives of 1A, which nobody annotated."""

from mids.collections.midrc_ricord.description import describe
from mids.collections.midrc_ricord.release import Release

_RELEASE = Release(describe("b"), is_annotated=False)
ABOUT, read, recognise = _RELEASE.about, _RELEASE.read, _RELEASE.recognise
