"""MIDRC-RICORD-1A: chest CT of patients with COVID-19, labelled and outlined by radiologists."""

from mids.collections.midrc_ricord.description import describe
from mids.collections.midrc_ricord.release import Release

_RELEASE = Release(describe("a"))
ABOUT, read, recognise = _RELEASE.about, _RELEASE.read, _RELEASE.recognise
