"""For every code about parts of BIDS the smallest dataset that raises only it."""

from collections.abc import Callable

from example_datasets.invented import as_json, as_tsv, gz, nifti
from example_datasets.recordings import SUB, recordings
from example_datasets.small import ABOUT, DESCRIPTION, RX, SES, Files, added, changed, drop_files

VISION = f"{SUB}/eeg/{SUB}_task-nod_eeg"
ANAT = "sub-01/anat/sub-01_T1w"
EEG = f"{SES}/eeg/sub-S01_ses-E01_task-rest_eeg"
PHYSIO = "sub-01/beh/sub-01_task-rest_physio"
RECORDED = {"SamplingFrequency": 10, "StartTime": 0, "Columns": ["cardiac", "respiratory"]}
EVENTS_ROWS = as_tsv("onset duration", "1.0 2.0")
EVENTS = "sub-01/beh/sub-01_task-rest_events.tsv"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 12345\n"
README = b"# An invented dataset of BIDS\n\n" + b"Made-up pixels that show what the validator looks for. " * 3 + b"\n"


def plain() -> Files:
    """A dataset of plain BIDS: one subject with one T1w."""
    return {
        DESCRIPTION: as_json({**ABOUT, "Authors": ["Nobody", "Somebody"]}),
        "README.md": README,
        "participants.tsv": as_tsv("participant_id age sex", "sub-01 40 F"),
        f"{ANAT}.nii.gz": gz(nifti((4, 4, 3))),
        f"{ANAT}.json": as_json({"Manufacturer": "Made up"}),
    }


def renamed(stem: str) -> Files:
    """The T1w with another stem."""
    files = plain()
    return {path.replace(ANAT, stem): content for path, content in files.items()}


BROKEN: dict[str, Callable[[], Files]] = {
    "BIDS_RULE": lambda: added({f"{ANAT}.nii.gz": gz(nifti((4, 4, 3, 2)))}, plain()),
    "BIDS_ADVICE": lambda: added({"README.md": b"# An invented dataset\n"}, plain()),
    "BIDS_COLUMN": lambda: added({EVENTS: as_tsv("duration onset", "1.0 2.0")}, plain()),
    "TABLE_COLUMNS_CONTRADICTED": lambda: added(
        {f"{PHYSIO}.tsv.gz": gz(b"1\t2\n3\n"), f"{PHYSIO}.json": as_json(RECORDED), EVENTS: EVENTS_ROWS}, plain()
    ),
    "BIDS_KEY_ABSENT": lambda: added(
        {
            f"{EEG}.edf": b"0       " + b" " * 248,
            f"{EEG}.json": as_json({"TaskName": "rest", "SamplingFrequency": 250, "EEGReference": "Cz"}),
        }
    ),
    "ENTITY_FORBIDDEN": lambda: renamed("sub-01/anat/sub-01_hemi-L_T1w"),
    "CONTENT_MISSING": lambda: added({f"{RX}.png": POINTER}),
    "DATASET_HOLLOW": lambda: added(dict.fromkeys((f"{ANAT}.nii.gz", f"{ANAT[:-3]}T2w.nii.gz"), b""), plain()),
    "PRIVACY_PLACE": lambda: added({f"{ANAT}.json": as_json({"InstitutionName": "Made up"})}, plain()),
    "TABLE_ORPHAN": lambda: added({EVENTS.replace("beh", "func"): EVENTS_ROWS}, plain()),
    "SESSIONS_MIXED": lambda: added(
        {"sub-01/ses-1/anat/sub-01_ses-1_T2w.nii.gz": gz(nifti((4, 4, 3), values=(1, 2)))}, plain()
    ),
    "RECORDING_LINK_BROKEN": lambda: changed(f"{VISION}.vhdr", b"DataFile=sub-A+1", b"DataFile=sub-B", recordings()),
    "RECORDING_CONTRADICTED": lambda: changed(f"{VISION}.json", b"250", b"500", recordings()),
    "COLUMN_ABSENT": lambda: added({"participants.json": as_json({"ages": {"Description": "Age"}})}, plain()),
    "SIDECAR_ORPHAN_ABOVE": lambda: added({"task-rest_bold.json": as_json({"RepetitionTime": 2.0})}),
}


def valid() -> Files:
    """The dataset of plain BIDS without its sidecar: BIDS asks a T1w for none."""
    return drop_files(f"{ANAT}.json", files=plain())
