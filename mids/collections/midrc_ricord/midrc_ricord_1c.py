"""MIDRC-RICORD-1C: chest radiographs of patients with COVID-19, labelled by radiologists."""

from mids.collections.midrc_ricord.description import describe
from mids.collections.midrc_ricord.release import Release

_RELEASE = Release(describe("c"))
ABOUT, read, recognise = _RELEASE.about, _RELEASE.read, _RELEASE.recognise
