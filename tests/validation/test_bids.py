"""BIDS as it is: recordings of every kind are silent, single faults in them are named, MIDS asks nothing of them."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from example_datasets.broken_bids import plain, valid
from example_datasets.recordings import SUB, recordings
from example_datasets.small import Files, radiograph, write
from mids.issues import Level
from mids.validation import Report
from mids.validation.runner import validate

HERE = Path(__file__).parent


def report(files: Files, root: Path, **options: Any) -> Report:
    write(files, root / "dataset")
    found = validate(root / "dataset", deep=True, **options)
    assert not found.crashed
    return found


def errors(found: Report) -> set[tuple[str, str, str]]:
    return {(issue.code, issue.path, issue.message) for issue in found if issue.level is Level.ERROR}


@pytest.mark.parametrize("as_bids", [False, True])
@pytest.mark.parametrize("make", [recordings, plain, valid])
def test_right_datasets_of_bids_are_silent(make: Callable[[], Files], as_bids: bool, tmp_path: Path) -> None:
    assert list(report(make(), tmp_path, plain=as_bids)) == []


def test_recordings_beside_parts_of_mids_are_no_errors(tmp_path: Path) -> None:
    old, new = SUB, "sub-S01/ses-E01"
    files = radiograph()
    for path, content in recordings().items():
        if path.startswith(f"{old}/"):
            name = path.removeprefix(f"{old}/").replace(f"{old}_", "sub-S01_ses-E01_")
            assert isinstance(content, bytes)
            linked = content.replace(f"{old}/func/{old}".encode(), f"{new}/func/sub-S01_ses-E01".encode())
            files[f"{new}/{name}"] = linked
    files["samples.tsv"] = recordings()["samples.tsv"]
    assert errors(report(files, tmp_path)) == set()


def test_the_profile_bids_leaves_parts_of_mids_to_bidsignore(tmp_path: Path) -> None:
    files = radiograph()
    assert {code for code, _, _ in errors(report(files, tmp_path, plain=True))} == set()
    files[".bidsignore"] = b""
    assert "FOLDER_UNKNOWN" in {code for code, _, _ in errors(report(files, tmp_path, plain=True))}


# --- single faults ---------------------------------------------------------------------------------------

Change = Callable[[Files], Files]


def keys(name: str, **changes: object) -> Change:
    """A JSON file with some keys changed; None removes one."""

    def change(files: Files) -> Files:
        path = f"{SUB}/{name}" if f"{SUB}/{name}" in files else name
        content = files[path]
        assert isinstance(content, bytes)
        merged = {**json.loads(content), **changes}
        text = json.dumps({key: value for key, value in merged.items() if value is not None})
        return {**files, path: text.encode()}

    return change


def text(name: str, old: str, new: str) -> Change:
    """A file with a text in it replaced."""

    def change(files: Files) -> Files:
        path = f"{SUB}/{name}" if f"{SUB}/{name}" in files else name
        content = files[path]
        assert isinstance(content, bytes)
        assert old.encode() in content
        return {**files, path: content.replace(old.encode(), new.encode())}

    return change


def moved(old: str, new: str) -> Change:
    """Every file whose path holds a text, with another text in its place."""
    return lambda files: {path.replace(old, new): content for path, content in files.items()}


def gone(*names: str) -> Change:
    return lambda files: {path: c for path, c in files.items() if path.removeprefix(f"{SUB}/") not in names}


def put(name: str, content: bytes) -> Change:
    return lambda files: {**files, name: content}


FAULTS: dict[str, tuple[Change, str, str]] = {
    "eeg without reference": (keys(f"eeg/{SUB}_task-rest_eeg.json", EEGReference=None), "BIDS_KEY_MISSING", "_eeg"),
    "eeg frequency as text": (keys(f"eeg/{SUB}_task-rest_eeg.json", SamplingFrequency="250"), "SIDECAR_VALUE", "_eeg"),
    "eeg of another count": (keys(f"eeg/{SUB}_task-rest_eeg.json", EEGChannelCount=3), "BIDS_ADVICE", "_eeg"),
    "a task misspelt": (moved("_eeg.edf", "_eg.edf"), "SUFFIX_UNKNOWN", "_eg.edf"),
    "ieeg without coordsystem": (gone(f"ieeg/{SUB}_coordsystem.json"), "BIDS_RULE", "ieeg"),
    "a coordinate system of no list": (
        keys(f"eeg/{SUB}_coordsystem.json", EEGCoordinateSystem="Mine"), "SIDECAR_VALUE", "coordsystem",
    ),
    "coordinates without unit": (
        keys(f"eeg/{SUB}_coordsystem.json", EEGCoordinateUnits=None), "BIDS_KEY_MISSING", "coordsystem",
    ),
    "a channel of no type": (text(f"eeg/{SUB}_task-rest_channels.tsv", "Cz\tEEG", "Cz\tBRAIN"), "CELL_CODE", "chan"),
    "a channel twice": (text(f"eeg/{SUB}_task-rest_channels.tsv", "Cz", "Fz"), "KEY_DUPLICATED", "channels"),
    "channels without units": (
        text(f"meg/{SUB}_task-rest_channels.tsv", "units", "unit"), "COLUMN_MISSING", "channels",
    ),
    "channels with a column nobody describes": (
        text(f"eeg/{SUB}_task-rest_channels.tsv", "units", "units\tx\n"), "BIDS_COLUMN", "channels",
    ),
    "an onset that is no number": (text(f"eeg/{SUB}_task-rest_events.tsv", "1.0", "one"), "CELL_TYPE", "events"),
    "events without duration": (
        text(f"eeg/{SUB}_task-rest_events.tsv", "duration", "length"), "COLUMN_MISSING", "events",
    ),
    "a negative duration": (text(f"eeg/{SUB}_task-rest_events.tsv", "2.0", "-2.0"), "CELL_RANGE", "events"),
    "a level that is not described": (
        text(f"eeg/{SUB}_task-rest_events.tsv", "\tgo", "\tstop"), "CELL_LEVEL", "events",
    ),
    "blood without plasma": (
        text(f"pet/{SUB}_task-rest_recording-manual_blood.tsv", "plasma_", "x_"), "COLUMN_MISSING", "blood",
    ),
    "pet without tracer": (keys(f"pet/{SUB}_task-rest_pet.json", TracerName=None), "BIDS_KEY_MISSING", "_pet"),
    "pet of other frames": (keys(f"pet/{SUB}_task-rest_pet.json", FrameDuration=[60, 60, 60]), "BIDS_RULE", "_pet"),
    "asl without labelling": (
        keys(f"perf/{SUB}_asl.json", ArterialSpinLabelingType=None), "BIDS_KEY_MISSING", "_asl",
    ),
    "asl of another context": (text(f"perf/{SUB}_aslcontext.tsv", "m0scan\n", ""), "BIDS_RULE", "_asl"),
    "a context with a second column": (
        text(f"perf/{SUB}_aslcontext.tsv", "volume_type", "volume_type\tnote"), "TABLE_RAGGED", "aslcontext",
    ),
    "motion of another width": (
        text(f"motion/{SUB}_task-rest_tracksys-imu_motion.tsv", "1.0\t", "1.0\t1.0\t"), "TABLE_COLUMNS_CONTRADICTED",
        "_motion",
    ),
    "physiology that is no gzip": (
        put(f"{SUB}/beh/{SUB}_task-rest_physio.tsv.gz", b"1\t2\n"), "TABLE_COLUMNS_CONTRADICTED", "_physio",
    ),
    "phasediff of equal echoes": (keys(f"fmap/{SUB}_phasediff.json", EchoTime2=0.005), "BIDS_RULE", "phasediff"),
    "intended for nobody": (
        keys(f"fmap/{SUB}_phasediff.json", IntendedFor="func/nobody.nii.gz"), "LINK_UNRESOLVED", "phasediff",
    ),
    "phase in an odd unit": (
        keys(f"func/{SUB}_task-rest_part-phase_bold.json", Units="degrees"), "", "bold",
    ),
    "bold without repetition time": (
        keys(f"func/{SUB}_task-rest_part-phase_bold.json", RepetitionTime=None), "BIDS_KEY_MISSING", "bold",
    ),
    "spectroscopy without nucleus": (keys(f"mrs/{SUB}_svs.json", ResonantNucleus=None), "BIDS_KEY_MISSING", "_svs"),
    "a sample that is of nobody": (text("samples.tsv", SUB, "sub-B"), "", "samples"),
    "a sample of no type": (text("samples.tsv", "tissue", "stone"), "CELL_CODE", "samples"),
    "physiology without columns": (
        keys(f"beh/{SUB}_task-rest_physio.json", Columns=None), "BIDS_KEY_MISSING", "_physio",
    ),
    "nirs with a source of no number": (
        text(f"nirs/{SUB}_task-rest_channels.tsv", "760", "red"), "CELL_TYPE", "channels",
    ),
    "a sex of no list": (text("participants.tsv", "female", "woman"), "CELL_CODE", "participants"),
    "a hand of no list": (text("participants.tsv", "RIGHT", "both"), "CELL_CODE", "participants"),
    "an age in words": (text("participants.tsv", "40", "forty"), "CELL_TYPE", "participants"),
    "a participant without sub-": (text("participants.tsv", SUB, "A+1"), "CELL_TYPE", "participants"),
    "a sidecar for nothing": (put(f"{SUB}/eeg/{SUB}_task-other_eeg.json", b"{}"), "SIDECAR_ORPHAN", "task-other"),
    "a sidecar above for nothing": (put("task-other_eeg.json", b"{}"), "SIDECAR_ORPHAN_ABOVE", "task-other"),
    "a recording without task": (moved("task-rest_eeg.edf", "eeg.edf"), "ENTITY_MISSING", "_eeg.edf"),
    "an eeg in anat": (moved(f"eeg/{SUB}_task-rest_eeg.edf", f"anat/{SUB}_task-rest_eeg.edf"), "FOLDER_WRONG", "anat"),
    "a folder of no recording": (moved("_ieeg.mefd", "_ieeg.mef"), "", "ieeg.mef"),
    "a description without version": (keys("dataset_description.json", BIDSVersion=None), "DESCRIPTION_INVALID", ""),
    "authors as text": (keys("dataset_description.json", Authors="Nobody"), "DESCRIPTION_INVALID", ""),
}  # fmt: skip
"""A change, the code that must come (any, where it is empty) and a part of the path."""


@pytest.mark.parametrize("name", FAULTS)
def test_a_single_fault_is_named(name: str, tmp_path: Path) -> None:
    change, code, part = FAULTS[name]
    found = report(change(recordings()), tmp_path)
    assert any(code in ("", issue.code) and part in issue.path for issue in found), list(found)


# --- published examples ----------------------------------------------------------------------------------

EXAMPLES = os.environ.get("BIDS_EXAMPLES", "")
KNOWN: dict[str, dict[str, str]] = yaml.safe_load((HERE / "bids_examples.yaml").read_text("utf-8"))


def _examples() -> list[str]:
    if not EXAMPLES:
        return []
    return sorted(path.parent.name for path in Path(EXAMPLES).glob("*/dataset_description.json"))


@pytest.mark.slow
@pytest.mark.skipif(not EXAMPLES, reason="BIDS_EXAMPLES does not name a checkout of bids-standard/bids-examples")
@pytest.mark.parametrize("name", _examples())
def test_published_examples_have_no_error_but_known_defects(name: str) -> None:
    found = validate(Path(EXAMPLES) / name)
    assert not found.crashed
    assert {issue.code for issue in found.errors} == set(KNOWN.get(name, ()))


def test_every_known_defect_has_a_reason() -> None:
    assert all(reason.endswith(".") for codes in KNOWN.values() for reason in codes.values())
    assert len(KNOWN) <= 15
