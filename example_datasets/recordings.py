"""A dataset of BIDS with a recording of every kind that is no ordinary image: invented, and right by BIDS's rules."""

from example_datasets.invented import as_json, as_tsv, gz, nifti
from example_datasets.small import ABOUT, DESCRIPTION, Files

SUB = "sub-A+1"


def _stem(datatype: str, rest: str) -> str:
    return f"{SUB}/{datatype}/{SUB}_{rest}"


def _tsv(*rows: str) -> bytes:
    """A table of rows with `|` between the cells, which may hold blanks."""
    return "".join("\t".join(row.split("|")) + "\n" for row in rows).encode()


FILTERS = {"PowerLineFrequency": 50, "SoftwareFilters": "n/a"}
REST = {"TaskName": "rest", "SamplingFrequency": 250}
EVENTS = as_tsv("onset duration trial_type", "1.0 2.0 go")


def _electric() -> Files:
    """EEG, iEEG in a folder of MEF3, EMG."""
    eeg, ieeg, emg = (_stem(kind, "task-rest") for kind in ("eeg", "ieeg", "emg"))
    channels = _tsv("name|type|units", "Fz|EEG|uV", "Cz|EEG|uV")
    places = _tsv("name|x|y|z", "Fz|1.0|2.0|n/a", "Cz|1.5|2.5|3.5")
    return {
        f"{eeg}_eeg.edf": b"0       " + b" " * 248,
        f"{eeg}_eeg.json": as_json({**REST, **FILTERS, "EEGReference": "Cz", "EEGChannelCount": 2}),
        f"{eeg}_channels.tsv": channels,
        f"{eeg}_events.tsv": EVENTS,
        f"{eeg}_events.json": as_json({"trial_type": {"Levels": {"go": "Go"}}}),
        f"{_stem('eeg', 'electrodes')}.tsv": places,
        f"{_stem('eeg', 'coordsystem')}.json": as_json({"EEGCoordinateSystem": "CapTrak", "EEGCoordinateUnits": "mm"}),
        f"{ieeg}_ieeg.mefd/{SUB}_task-rest_ieeg.timd/x.tmet": b"made up",
        f"{ieeg}_ieeg.json": as_json({**REST, **FILTERS, "iEEGReference": "n/a"}),
        f"{ieeg}_channels.tsv": _tsv("name|type|units|low_cutoff|high_cutoff", "LT1|SEEG|uV|0.1|n/a"),
        f"{_stem('ieeg', 'electrodes')}.tsv": _tsv("name|x|y|z|size", "LT1|1.0|2.0|3.0|5.0"),
        f"{_stem('ieeg', 'coordsystem')}.json": as_json(
            {"iEEGCoordinateSystem": "Other", "iEEGCoordinateUnits": "mm", "iEEGCoordinateSystemDescription": "own"}
        ),
        f"{emg}_emg.bdf": b"\xffBIOSEMI" + b" " * 248,
        f"{emg}_emg.json": as_json(
            {
                **REST, **FILTERS, "EMGReference": "wrist", "EMGGround": "elbow", "EMGPlacementScheme": "Measured",
                "RecordingType": "continuous", "RecordingDuration": 10.0,
            }
        ),
        f"{emg}_channels.tsv": _tsv("name|type|units", "EMG1|EMG|mV"),
    }  # fmt: skip


def _vision() -> Files:
    """EEG in the three files of BrainVision."""
    stem = _stem("eeg", "task-nod_eeg")
    name = stem.rpartition("/")[2]
    head = f"Brain Vision Data Exchange Header File Version 1.0\n\n[Common Infos]\nDataFile={name}.eeg\n"
    marks = f"Brain Vision Data Exchange Marker File, Version 1.0\n\n[Common Infos]\nDataFile={name}.eeg\n"
    return {
        f"{stem}.vhdr": f"{head}MarkerFile={name}.vmrk\nNumberOfChannels=2\nSamplingInterval=4000\n".encode(),
        f"{stem}.vmrk": marks.encode(),
        f"{stem}.eeg": bytes(range(1, 17)),
        f"{stem}.json": as_json({**REST, **FILTERS, "TaskName": "nod", "EEGReference": "Cz"}),
        _stem("eeg", "task-nod_events.tsv"): EVENTS,
        _stem("eeg", "task-nod_events.json"): as_json({"trial_type": {"Levels": {"go": "Go"}}}),
    }


def _fields() -> Files:
    """MEG in a folder of CTF, NIRS, motion without a header, behaviour, physiology, eye tracking."""
    meg, nirs, motion = _stem("meg", "task-rest"), _stem("nirs", "task-rest"), _stem("motion", "task-rest_tracksys-imu")
    return {
        f"{meg}_meg.ds/{SUB}_task-rest_meg.meg4": b"made up",
        f"{meg}_meg.json": as_json({**REST, **FILTERS, "DewarPosition": "upright", "DigitizedLandmarks": True,
                                    "DigitizedHeadPoints": False}),
        f"{meg}_channels.tsv": _tsv("name|type|units", "MLC11|MEGGRADAXIAL|T"),
        f"{_stem('meg', 'coordsystem')}.json": as_json(
            {"MEGCoordinateSystem": "CTF", "MEGCoordinateUnits": "cm", "HeadCoilCoordinates": {"nas": [1, 2, 3]},
             "HeadCoilCoordinateSystem": "CTF", "HeadCoilCoordinateUnits": "cm"}
        ),
        f"{nirs}_nirs.snirf": b"made up",
        f"{nirs}_nirs.json": as_json({**REST, "NIRSChannelCount": 1, "NIRSSourceOptodeCount": 1,
                                      "NIRSDetectorOptodeCount": 1}),
        f"{nirs}_channels.tsv": _tsv(
            "name|type|source|detector|wavelength_nominal|units", "S1-D1|NIRSCWAMPLITUDE|S1|D1|760|V"
        ),
        f"{_stem('nirs', 'optodes')}.tsv": _tsv("name|type|x|y|z", "S1|source|1.0|2.0|3.0", "D1|detector|1.0|2.0|4.0"),
        f"{_stem('nirs', 'coordsystem')}.json": as_json(
            {"NIRSCoordinateSystem": "CapTrak", "NIRSCoordinateUnits": "mm", "NIRSCoordinateProcessingDescription": ""}
        ),
        f"{motion}_motion.tsv": _tsv("1.0|2.0", "1.5|2.5"),
        f"{motion}_motion.json": as_json({**REST}),
        f"{motion}_channels.tsv": _tsv(
            "name|component|type|tracked_point|units", "a_x|x|ACCEL|head|m/s^2", "a_y|y|ACCEL|head|m/s^2"
        ),
        f"{_stem('beh', 'task-rest')}_beh.tsv": as_tsv("trial response_time", "1 0.5"),
        f"{_stem('beh', 'task-rest')}_beh.json": as_json({"TaskName": "rest", "trial": {"Description": "Number"}}),
        f"{_stem('beh', 'task-rest')}_physio.tsv.gz": gz(_tsv("1|2", "3|4")),
        f"{_stem('beh', 'task-rest')}_physio.json": as_json(
            {"SamplingFrequency": 10, "StartTime": 0, "Columns": ["cardiac", "respiratory"]}
        ),
    }  # fmt: skip


PET = {
    "TaskName": "rest", "Manufacturer": "Made up", "ManufacturersModelName": "One", "Units": "Bq/mL",
    "TracerName": "FDG", "TracerRadionuclide": "F18", "InjectedRadioactivity": 200, "InjectedRadioactivityUnits": "MBq",
    "InjectedMass": "n/a", "InjectedMassUnits": "n/a", "SpecificRadioactivity": "n/a",
    "SpecificRadioactivityUnits": "n/a", "ModeOfAdministration": "bolus", "TimeZero": "10:00:00", "ScanStart": 0,
    "InjectionStart": 0, "FrameTimesStart": [0, 60], "FrameDuration": [60, 60], "AcquisitionMode": "list mode",
    "ImageDecayCorrected": True, "ImageDecayCorrectionTime": 0, "ReconMethodName": "made up",
    "ReconMethodParameterLabels": ["none"], "ReconFilterType": "none", "AttenuationCorrection": "made up",
}  # fmt: skip
ASL = {
    "ArterialSpinLabelingType": "PCASL", "PostLabelingDelay": 1.8, "BackgroundSuppression": False, "M0Type": "Included",
    "RepetitionTimePreparation": 4.0, "LabelingDuration": 1.8, "TotalAcquiredPairs": 1, "MagneticFieldStrength": 3,
    "MRAcquisitionType": "3D", "EchoTime": 0.01, "FlipAngle": 90, "NonlinearGradientCorrection": False,
}  # fmt: skip
MRS = {
    "ResonantNucleus": ["1H"], "SpectrometerFrequency": [127.7], "SpectralWidth": 2000, "EchoTime": 0.03,
    "RepetitionTime": 2.0, "NumberOfSpectralPoints": 4, "NumberOfTransients": 1,
}  # fmt: skip


def _volumes() -> Files:
    """PET with blood, ASL, spectroscopy, a field map, a complex series, microscopy in a folder of OME-Zarr."""
    pet, asl, mrs = _stem("pet", "task-rest"), _stem("perf", "asl"), _stem("mrs", "svs")
    blood = {"PlasmaAvail": True, "MetaboliteAvail": False, "WholeBloodAvail": False, "DispersionCorrected": False}
    fmap = _stem("fmap", "")[:-1]
    volumes = _stem("func", "task-rest_part-phase_bold")
    return {
        f"{pet}_pet.nii.gz": gz(nifti((4, 4, 3, 2))),
        f"{pet}_pet.json": as_json(PET),
        f"{pet}_recording-manual_blood.tsv": as_tsv("time plasma_radioactivity", "0.0 1.5"),
        f"{pet}_recording-manual_blood.json": as_json(
            {**blood, "plasma_radioactivity": {"Description": "Activity", "Units": "kBq/mL"}}
        ),
        f"{asl}.nii.gz": gz(nifti((4, 4, 3, 3))),
        f"{asl}.json": as_json(ASL),
        f"{_stem('perf', 'aslcontext')}.tsv": as_tsv("volume_type", "control", "label", "m0scan"),
        f"{mrs}.nii.gz": gz(nifti((1, 1, 1, 4))),
        f"{mrs}.json": as_json(MRS),
        f"{fmap}_phasediff.nii.gz": gz(nifti((4, 4, 3), values=(1, 2))),
        f"{fmap}_phasediff.json": as_json({"EchoTime1": 0.005, "EchoTime2": 0.0075, "Units": "rad",
                                           "NonlinearGradientCorrection": False,
                                           "IntendedFor": f"bids::{volumes}.nii.gz"}),
        f"{fmap}_magnitude1.nii.gz": gz(nifti((4, 4, 3), values=(3, 4))),
        "magnitude1.json": as_json({"NonlinearGradientCorrection": False}),
        f"{volumes}.nii.gz": gz(nifti((4, 4, 3, 2), values=(5, 6))),
        f"{volumes}.json": as_json(
            {"TaskName": "rest", "RepetitionTime": 2.0, "Units": "rad", "NonlinearGradientCorrection": False}
        ),
        f"{_stem('micr', 'sample-X_SEM')}.ome.zarr/.zattrs": b"{}",
        f"{_stem('micr', 'sample-X_SEM')}.ome.zarr/0/0": b"made up",
        f"{_stem('micr', 'sample-X_SEM')}.json": as_json({"PixelSize": [1, 1], "PixelSizeUnits": "um"}),
        "samples.tsv": as_tsv("sample_id participant_id sample_type", f"sample-X {SUB} tissue"),
    }  # fmt: skip


def recordings() -> Files:
    """The dataset."""
    about = {**ABOUT, "Authors": ["Nobody", "Somebody"], "DatasetType": "raw"}
    return {
        DESCRIPTION: as_json(about),
        "README": b"An invented dataset of BIDS. " * 8 + b"\n",
        "participants.tsv": as_tsv("participant_id age sex handedness", f"{SUB} 40 female RIGHT"),
        "phenotype/memory_test.tsv": as_tsv("participant_id score", f"{SUB} 3"),
        "phenotype/memory_test.json": as_json({"score": {"Description": "Points"}}),
        **_electric(),
        **_vision(),
        **_fields(),
        **_volumes(),
    }
