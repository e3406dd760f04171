"""Recordings and what goes with them: tables of events and channels, and the files that a header names."""

import re
from collections.abc import Mapping
from pathlib import PurePosixPath

from mids.inspection.cells import is_number
from mids.inspection.registry import Finding, Found, check, only_if
from mids.inspection.views import DatasetView, FileView
from mids.issues import Level
from mids.vocabulary.bids.names import Parts, split_name

Pairs = frozenset[tuple[str, str]]

GUESTS = frozenset({"events", "channels", "aslcontext", "physio", "physioevents", "stim", "blood"})
"""Suffixes of tables that say something of one recording; in `beh/` they may stand for themselves."""
_OF_GUESTS = re.compile(rf"(?:^|[/_])(?:{'|'.join(sorted(GUESTS))})(?=\.|$)")
_COMPANIONS = (".json", ".bval", ".bvec")
BESIDE = GUESTS | {"scans", "sessions", "electrodes", "optodes", "coordsystem", "photo", "markers", "headshape"}
"""Suffixes of files that are no recordings."""


def _pairs(parts: Parts) -> Pairs:
    """The entities by which a table and its recording agree: a recording has none of the devices beside it."""
    return frozenset(pair for pair in parts.pairs if pair[0] != "recording")


@check("TABLE_ORPHAN", per="subject", level=Level.WARNING)
def table_orphan(subject: DatasetView) -> Found:
    """A table of events, channels, physiology or the like belongs to no recording of its folder.

    Why: A recording is missing, or one of the two names is misspelt; programs read the recording without its events.

    Fix: Restore the recording, or give both the same subject, session, task, acquisition and run.
    """
    if subject.facts.derived:
        return
    guests: list[tuple[str, Pairs]] = []
    recorded: dict[str, set[Pairs]] = {}
    recordings = [path for path in subject.tree.files if path.startswith("sub-") and not path.endswith(_COMPANIONS)]
    if not any(map(_OF_GUESTS.search, recordings)):
        return
    for path in recordings:
        folder, _, name = path.rpartition("/")
        if folder:
            parts = split_name(name)
            if parts.suffix in GUESTS and folder.rpartition("/")[2] in subject.facts.bids.datatypes:
                guests.append((path, _pairs(parts)))
            elif parts.suffix not in BESIDE:
                recorded.setdefault(folder, set()).add(_pairs(parts))
    for path, pairs in guests:
        folder = path.rpartition("/")[0]
        there = recorded.get(folder, set())
        alone = folder.endswith("/beh") or subject.facts.leaves_out(path)
        if not alone and pairs not in there and not any(pairs <= other for other in there):
            yield Finding("no recording beside it has these entities", path=path)


# --- BrainVision -----------------------------------------------------------------------------------------

HEADERS = (".vhdr", ".vmrk")
MOST = 1 << 20
"""Bytes of a header that are looked at: the rest are notes of the amplifier."""
_FIELD = re.compile(r"(DataFile|MarkerFile|NumberOfChannels|SamplingInterval)\s*=\s*(.*?)\s*")


@only_if(lambda file: file.extension in HEADERS)
def _has_fields(file: FileView) -> bool:
    return file.extension in HEADERS and not file.is_without_content and not file.is_ignored


def _fields(file: FileView) -> Mapping[str, tuple[int, str]]:
    """The fields of a BrainVision header that other files can contradict: line and value of each."""
    lines = file.read()[:MOST].decode("utf-8", "replace").splitlines()
    found = ((at, _FIELD.fullmatch(line)) for at, line in enumerate(lines, start=1))
    return {match[1]: (at, match[2]) for at, match in found if match and match[2]}


PARTS = {".ome.zarr": (".zattrs", "zarr.json"), ".ds": ("{name}.meg4",)}
"""For recordings that are folders, the files of which programs open one (NGFF 0.4 and 0.5; CTF, MEG file formats)."""


@only_if(lambda file: file.extension in (*HEADERS, *PARTS))
def _leads_on(file: FileView) -> bool:
    return _has_fields(file) or (file.extension in PARTS and file.is_folder and not file.is_ignored)


@check("RECORDING_LINK_BROKEN", per="bids", when=_leads_on)
def recording_link_broken(file: FileView) -> Found:
    """A BrainVision header names a file that is not beside it, or a recording that is a folder lacks the file by which
    it is opened: the metadata of an OME-Zarr, or a .meg4 with the name of its .ds.

    Why: The recording was renamed without its header: programs can't open it, or open that of another subject.

    Fix: Rename the files with a program that corrects their headers too, or correct the line.
    """
    if file.extension in PARTS:
        names = [part.format(name=PurePosixPath(file.stem).name) for part in PARTS[file.extension]]
        if not any(file.dataset.exists(f"{file.path}/{name}") for name in names):
            yield Finding("the folder lacks the file by which it is opened", expected=" or ".join(names))
        return
    fields = _fields(file)
    for name in ("DataFile", "MarkerFile"):
        line, said = fields.get(name, (0, ""))
        meant = said.replace("$b", PurePosixPath(file.stem).name)
        if said and not file.dataset.has(f"{file.folder}/{meant}"):
            expected = f"{PurePosixPath(file.stem).name}{PurePosixPath(meant).suffix}"
            yield Finding(f"{name} is not beside the header", f"line {line}", "", expected)


@check("RECORDING_CONTRADICTED", per="bids", level=Level.WARNING, when=_has_fields)
def recording_contradicted(file: FileView) -> Found:
    """A BrainVision header has another sampling rate than the sidecar, or another number of channels than channels.tsv.

    Why: Times and frequencies that are computed from the sidecar are wrong; channels stand under others' names.

    Fix: Correct SamplingFrequency, or the rows of channels.tsv.
    """
    fields = _fields(file)
    line, said = fields.get("NumberOfChannels", (0, ""))
    names = file.context["associations"].get("channels", {}).get("name")
    if names and said.isdecimal() and int(said) not in (0, len(names)):
        yield Finding("channels.tsv has another number of channels", f"line {line}", said, str(len(names)))
    line, said = fields.get("SamplingInterval", (0, ""))  # microseconds
    rate = file.metadata.get("SamplingFrequency")
    if is_number(said) and float(said) > 0 and isinstance(rate, int | float) and rate > 0:
        stored = 1e6 / float(said)
        if abs(stored - rate) > 0.01 * rate:
            yield Finding("SamplingFrequency of the sidecar differs", f"line {line}", f"{stored:g} Hz", f"{rate:g} Hz")
