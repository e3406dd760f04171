"""Single defects of a dataset of plain BIDS with a recording of every kind (see `recordings`)."""

from example_datasets.invented import as_json, as_tsv, gz, nifti
from example_datasets.mutations import Change, Defect, Files, both, cell, column, drop, keys, move, put, swap
from example_datasets.recordings import SUB

PEOPLE, SAMPLES, ABOUT = "participants.tsv", "samples.tsv", "dataset_description.json"


def _at(datatype: str, rest: str) -> str:
    return f"{SUB}/{datatype}/{SUB}_{rest}"


EEG, VISION = _at("eeg", "task-rest"), _at("eeg", "task-nod")
PET, ASL, FMAP, MRS = _at("pet", "task-rest"), _at("perf", "asl"), _at("fmap", "phasediff"), _at("mrs", "svs")
BOLD, BEH = _at("func", "task-rest_part-phase_bold"), _at("beh", "task-rest_physio")
MOTION, NIRS = _at("motion", "task-rest_tracksys-imu_motion.tsv"), _at("nirs", "task-rest_channels.tsv")
CHANNELS, EVENTS = f"{EEG}_channels.tsv", f"{EEG}_events.tsv"


PAIR_ALONE = both(
    put(f"{ASL}.nii.gz", gz(nifti((4, 4, 3, 2), values=(7, 8, 9)))),
    put(_at("perf", "aslcontext.tsv"), as_tsv("volume_type", "control", "label")),
)
"""ASL of a control and a label, without an image of M0."""


def _at_the_top(sidecar: str, name: str, **changes: object) -> Change:
    """A sidecar moved to the top of the dataset, with keys changed."""

    def change(files: Files) -> Files:
        rest = {path: content for path, content in files.items() if path != sidecar}
        return keys(name, changes)({**rest, name: files[sidecar]})

    return change


def _bids(name: str, code: str, path: str, where: str, change: Change) -> Defect:
    return Defect(name, code, path, where, change, "bids")


BIDS = (
    _bids(
        "eeg without reference",
        "BIDS_KEY_MISSING",
        f"{EEG}_eeg.json",
        "",
        keys(f"{EEG}_eeg.json", {"EEGReference": None}),
    ),
    _bids(
        "eeg frequency as text",
        "SIDECAR_VALUE",
        f"{EEG}_eeg.json",
        "$.SamplingFrequency",
        keys(f"{EEG}_eeg.json", {"SamplingFrequency": "250"}),
    ),
    _bids("eeg of another count", "BIDS_ADVICE", f"{EEG}_eeg.edf", "", keys(f"{EEG}_eeg.json", {"EEGChannelCount": 3})),
    _bids("a suffix misspelt", "SUFFIX_UNKNOWN", f"{EEG}_eg.edf", "", move("_eeg.edf", "_eg.edf")),
    _bids(
        "ieeg without coordsystem",
        "BIDS_RULE",
        _at("ieeg", "electrodes.tsv"),
        "",
        drop(_at("ieeg", "coordsystem.json")),
    ),
    _bids(
        "a coordinate system of no list",
        "SIDECAR_VALUE",
        _at("eeg", "coordsystem.json"),
        "$.EEGCoordinateSystem",
        keys(_at("eeg", "coordsystem.json"), {"EEGCoordinateSystem": "Mine"}),
    ),
    _bids(
        "coordinates without unit",
        "BIDS_KEY_MISSING",
        _at("eeg", "coordsystem.json"),
        "",
        keys(_at("eeg", "coordsystem.json"), {"EEGCoordinateUnits": None}),
    ),
    _bids("a channel of no type", "CELL_CODE", CHANNELS, "row 3, column type", cell(CHANNELS, 3, "type", "BRAIN")),
    _bids(
        "a channel type in lower case", "CELL_CODE", CHANNELS, "row 2, column type", cell(CHANNELS, 2, "type", "eeg")
    ),
    _bids("a channel twice", "KEY_DUPLICATED", CHANNELS, "row 3", cell(CHANNELS, 3, "name", "Fz")),
    _bids(
        "channels without units",
        "COLUMN_MISSING",
        _at("meg", "task-rest_channels.tsv"),
        "column units",
        swap(_at("meg", "task-rest_channels.tsv"), b"units", b"unit"),
    ),
    _bids(
        "channels with a column nobody describes", "BIDS_COLUMN", CHANNELS, "column x", column(CHANNELS, "x", "1", "2")
    ),
    _bids("an onset that is no number", "CELL_TYPE", EVENTS, "row 2, column onset", cell(EVENTS, 2, "onset", "one")),
    _bids(
        "an onset in minutes and seconds",
        "CELL_TYPE",
        EVENTS,
        "row 2, column onset",
        cell(EVENTS, 2, "onset", "00:00:20"),
    ),
    _bids("events without duration", "COLUMN_MISSING", EVENTS, "column duration", swap(EVENTS, b"duration", b"length")),
    _bids("a negative duration", "CELL_RANGE", EVENTS, "row 2, column duration", cell(EVENTS, 2, "duration", "-2.0")),
    _bids(
        "a level that is not described",
        "CELL_LEVEL",
        EVENTS,
        "row 2, column trial_type",
        cell(EVENTS, 2, "trial_type", "stop"),
    ),
    _bids(
        "blood without plasma",
        "COLUMN_MISSING",
        f"{PET}_recording-manual_blood.tsv",
        "column plasma",
        swap(f"{PET}_recording-manual_blood.tsv", b"plasma_", b"x_"),
    ),
    _bids(
        "pet without tracer", "BIDS_KEY_MISSING", f"{PET}_pet.json", "", keys(f"{PET}_pet.json", {"TracerName": None})
    ),
    _bids(
        "pet of other frames",
        "BIDS_RULE",
        f"{PET}_pet.nii.gz",
        "",
        keys(f"{PET}_pet.json", {"FrameDuration": [60, 60, 60]}),
    ),
    _bids(
        "pet of an odd time",
        "SIDECAR_VALUE",
        f"{PET}_pet.json",
        "$.TimeZero",
        keys(f"{PET}_pet.json", {"TimeZero": "14h37"}),
    ),
    _bids(
        "asl without labelling",
        "BIDS_KEY_MISSING",
        f"{ASL}.json",
        "",
        keys(f"{ASL}.json", {"ArterialSpinLabelingType": None}),
    ),
    _bids("asl of another context", "BIDS_RULE", f"{ASL}.nii.gz", "", swap(f"{ASL}context.tsv", b"m0scan\n", b"")),
    _bids(
        "a context with a second column",
        "TABLE_RAGGED",
        f"{ASL}context.tsv",
        "line 2",
        swap(f"{ASL}context.tsv", b"volume_type", b"volume_type\tnote"),
    ),
    _bids(
        "a context of other words",
        "CELL_CODE",
        f"{ASL}context.tsv",
        "row",
        swap(f"{ASL}context.tsv", b"m0scan", b"M0"),
    ),
    _bids(
        "motion of another width", "TABLE_COLUMNS_CONTRADICTED", MOTION, "row 1", swap(MOTION, b"1.0\t", b"1.0\t1.0\t")
    ),
    _bids(
        "physiology that is no gzip", "TABLE_COLUMNS_CONTRADICTED", f"{BEH}.tsv.gz", "", put(f"{BEH}.tsv.gz", b"1\t2\n")
    ),
    _bids("physiology without columns", "BIDS_KEY_MISSING", f"{BEH}.json", "", keys(f"{BEH}.json", {"Columns": None})),
    _bids("phasediff of equal echoes", "BIDS_RULE", f"{FMAP}.json", "", keys(f"{FMAP}.json", {"EchoTime2": 0.005})),
    _bids(
        "intended for nobody",
        "LINK_UNRESOLVED",
        f"{FMAP}.json",
        "$.IntendedFor",
        keys(f"{FMAP}.json", {"IntendedFor": "func/nobody.nii.gz"}),
    ),
    _bids(
        "intended for a number",
        "SIDECAR_VALUE",
        f"{FMAP}.json",
        "$.IntendedFor",
        keys(f"{FMAP}.json", {"IntendedFor": 1}),
    ),
    _bids("phase in an odd unit", "BIDS_RULE", f"{BOLD}.json", "", keys(f"{BOLD}.json", {"Units": "degrees"})),
    _bids(
        "bold without repetition time",
        "BIDS_KEY_MISSING",
        f"{BOLD}.json",
        "",
        keys(f"{BOLD}.json", {"RepetitionTime": None}),
    ),
    _bids(
        "phase encoding from front to back",
        "SIDECAR_VALUE",
        f"{BOLD}.json",
        "$.PhaseEncodingDirection",
        keys(f"{BOLD}.json", {"PhaseEncodingDirection": "AP"}),
    ),
    _bids(
        "a wrong value in a sidecar at the top",
        "SIDECAR_VALUE",
        "task-rest_bold.json",
        "$.PhaseEncodingDirection",
        _at_the_top(f"{BOLD}.json", "task-rest_bold.json", PhaseEncodingDirection="AP"),
    ),
    _bids(
        "a frequency of text at the top",
        "SIDECAR_VALUE",
        "task-rest_eeg.json",
        "$.SamplingFrequency",
        _at_the_top(f"{EEG}_eeg.json", "task-rest_eeg.json", SamplingFrequency="250 Hz"),
    ),
    _bids(
        "another task in a sidecar at the top",
        "TASK_CONTRADICTED",
        "task-rest_bold.json",
        "$.TaskName",
        _at_the_top(f"{BOLD}.json", "task-rest_bold.json", TaskName="nback"),
    ),
    _bids(
        "times of slices below zero",
        "SIDECAR_VALUE",
        f"{BOLD}.json",
        "$.SliceTiming",
        keys(f"{BOLD}.json", {"SliceTiming": [0, -0.5, 0.5]}),
    ),
    _bids(
        "spectroscopy without nucleus",
        "BIDS_KEY_MISSING",
        f"{MRS}.json",
        "",
        keys(f"{MRS}.json", {"ResonantNucleus": None}),
    ),
    _bids("a sample that is of nobody", "REFERENCE_UNKNOWN", SAMPLES, "row 2", swap(SAMPLES, SUB.encode(), b"sub-B")),
    _bids("a sample of no type", "CELL_CODE", SAMPLES, "row 2, column sample_type", swap(SAMPLES, b"tissue", b"stone")),
    _bids(
        "nirs with a source of no number",
        "CELL_TYPE",
        NIRS,
        "row 2, column wavelength_nominal",
        swap(NIRS, b"760", b"red"),
    ),
    _bids("a sex of no list", "CELL_CODE", PEOPLE, "row 2, column sex", cell(PEOPLE, 2, "sex", "woman")),
    _bids("a hand of no list", "CELL_CODE", PEOPLE, "row 2, column handedness", cell(PEOPLE, 2, "handedness", "both")),
    _bids("an age in words", "CELL_TYPE", PEOPLE, "row 2, column age", cell(PEOPLE, 2, "age", "forty")),
    _bids("an age as a range", "CELL_TYPE", PEOPLE, "row 2, column age", cell(PEOPLE, 2, "age", "40-45")),
    _bids(
        "a participant without sub-",
        "CELL_TYPE",
        PEOPLE,
        "row 2, column participant_id",
        cell(PEOPLE, 2, "participant_id", "A+1"),
    ),
    _bids(
        "a description of no column",
        "COLUMN_ABSENT",
        "participants.json",
        "$.handednes",
        put("participants.json", as_json({"handednes": {"Description": "hand"}})),
    ),
    _bids(
        "a sidecar for nothing",
        "SIDECAR_ORPHAN",
        _at("eeg", "task-other_eeg.json"),
        "",
        put(_at("eeg", "task-other_eeg.json"), b"{}"),
    ),
    _bids(
        "a sidecar above for nothing",
        "SIDECAR_ORPHAN_ABOVE",
        "task-other_eeg.json",
        "",
        put("task-other_eeg.json", b"{}"),
    ),
    _bids(
        "events of no recording",
        "TABLE_ORPHAN",
        _at("eeg", "task-other_events.tsv"),
        "",
        put(_at("eeg", "task-other_events.tsv"), b"onset\tduration\n1.0\t2.0\n"),
    ),
    _bids(
        "channels of a misspelt task",
        "TABLE_ORPHAN",
        _at("eeg", "task-rst_channels.tsv"),
        "",
        both(move("eeg/sub-A+1_task-rest_channels", "eeg/sub-A+1_task-rst_channels")),
    ),
    _bids(
        "a recording without task", "ENTITY_MISSING", _at("eeg", "eeg.edf"), "", move("task-rest_eeg.edf", "eeg.edf")
    ),
    _bids(
        "an eeg in anat",
        "FOLDER_WRONG",
        _at("anat", "task-rest_eeg.edf"),
        "",
        move(f"eeg/{SUB}_task-rest_eeg.edf", f"anat/{SUB}_task-rest_eeg.edf"),
    ),
    _bids(
        "a subject with and without sessions",
        "SESSIONS_MIXED",
        f"{SUB}/eeg",
        "",
        move(f"{FMAP.rpartition('/')[0]}/{SUB}_", f"{SUB}/ses-1/fmap/{SUB}_ses-1_"),
    ),
    _bids(
        "a folder of no recording",
        "NAME_UNPARSEABLE",
        f"{SUB}/ieeg/{SUB}_task-rest_ieeg.mef/{SUB}_task-rest_ieeg.timd/x.tmet",
        "",
        move("_ieeg.mefd", "_ieeg.mef"),
    ),
    _bids(
        "a folder of empty files",
        "ZERO_BYTES",
        f"{SUB}/ieeg/{SUB}_task-rest_ieeg.mefd",
        "",
        put(f"{SUB}/ieeg/{SUB}_task-rest_ieeg.mefd/{SUB}_task-rest_ieeg.timd/x.tmet", b""),
    ),
    _bids(
        "a header of another subject's recording",
        "RECORDING_LINK_BROKEN",
        f"{VISION}_eeg.vhdr",
        "line",
        swap(f"{VISION}_eeg.vhdr", b"DataFile=sub-A+1", b"DataFile=sub-B"),
    ),
    _bids(
        "a header of another sampling rate",
        "RECORDING_CONTRADICTED",
        f"{VISION}_eeg.vhdr",
        "line",
        keys(f"{VISION}_eeg.json", {"SamplingFrequency": 500}),
    ),
    _bids("markers that are missing", "BIDS_RULE", f"{VISION}_eeg.vhdr", "", drop(f"{VISION}_eeg.vmrk")),
    _bids("a description without version", "DESCRIPTION_INVALID", ABOUT, "$", keys(ABOUT, {"BIDSVersion": None})),
    _bids("a dataset without a name", "DESCRIPTION_INCOMPLETE", ABOUT, "$.Name", keys(ABOUT, {"Name": ""})),
    _bids("authors as text", "DESCRIPTION_INVALID", ABOUT, "$.Authors", keys(ABOUT, {"Authors": "Nobody"})),
    _bids(
        "a type of dataset in capitals",
        "DESCRIPTION_INVALID",
        ABOUT,
        "$.DatasetType",
        keys(ABOUT, {"DatasetType": "Raw"}),
    ),
    _bids(
        "a table of patients in code/",
        "PRIVACY_NOTEBOOK",
        "code/key.csv",
        "",
        put("code/key.csv", b"subject,mrn\nA1,123\n"),
    ),
    _bids(
        "a separate M0 that is not there",
        "BIDS_RULE",
        f"{ASL}.nii.gz",
        "",
        both(keys(f"{ASL}.json", {"M0Type": "Separate"}), PAIR_ALONE),
    ),
    _bids("an included M0 that is not there", "BIDS_RULE", f"{ASL}.nii.gz", "", PAIR_ALONE),
    _bids("an absent M0 that is there", "BIDS_RULE", f"{ASL}.json", "", keys(f"{ASL}.json", {"M0Type": "Absent"})),
    _bids(
        "frames in another order",
        "BIDS_RULE",
        f"{PET}_pet.json",
        "",
        keys(f"{PET}_pet.json", {"FrameTimesStart": [60, 0]}),
    ),
    _bids(
        "spectra of another length",
        "BIDS_ADVICE",
        f"{MRS}.nii.gz",
        "",
        keys(f"{MRS}.json", {"NumberOfSpectralPoints": 9}),
    ),
    _bids("an empty name of a task", "BIDS_RULE", f"{EEG}_eeg.json", "", keys(f"{EEG}_eeg.json", {"TaskName": ""})),
)
