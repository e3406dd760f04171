"""Kinds of single defects beyond those of `defects.DEFECTS`: each is reported, at its place."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from example_datasets.defects import BASES
from example_datasets.defects_bids import ASL, BEH, EEG, MOTION, NIRS, VISION
from example_datasets.invented import as_json, as_tsv, gz, nifti, png
from example_datasets.mutations import BOLD as MIDS_BOLD
from example_datasets.mutations import (
    CT,
    DSEG,
    DWI,
    MASK,
    RX,
    RX2,
    T1W,
    TWO,
    Change,
    Defect,
    both,
    cell,
    drop,
    keys,
    move,
    put,
    table,
)
from example_datasets.mutations import PEOPLE as PARTICIPANTS
from example_datasets.recordings import SUB
from example_datasets.small import write
from mids.validation.runner import validate

MARKS = "derivatives/rois/marks.tsv"
PROBABLE = MASK.replace("_desc-one_mask", "_desc-two_probseg")
RX_MASK = f"derivatives/rois/{RX.removesuffix('_dx')}_label-lung_desc-one_mask"
FREQUENCY = "SamplingFrequency"
NOTHING = as_json({"Manufacturer": "Made up"})
ABOUT_IT = {"Description": "Made up"}


def _volume(*values: int) -> bytes:
    return gz(nifti((4, 4, 3), values=values))


def _bids(name: str, code: str, path: str, where: str, *changes: object) -> Defect:
    return Defect(name, code, path, where, both(*changes), "bids")  # type: ignore[arg-type]


SIDECARS = [
    Defect(
        "two sidecars above an image with its own",
        "SIDECAR_AMBIGUOUS",
        f"{MIDS_BOLD}.nii.gz",
        "",
        both(put("bold.json", NOTHING), put("task-rest_bold.json", NOTHING)),
    ),
    _bids(
        "two sidecars above a recording",
        "SIDECAR_AMBIGUOUS",
        f"{EEG}_eeg.edf",
        "",
        put("eeg.json", NOTHING),
        put("task-rest_eeg.json", NOTHING),
    ),
]
TABLES = [
    _bids(
        "a misspelt column of a table without a header",
        "COLUMN_ABSENT",
        f"{BEH}.json",
        "$.cardiacs",
        keys(f"{BEH}.json", {"cardiacs": ABOUT_IT}),
    ),
    _bids(
        "a described column in capitals",
        "COLUMN_ABSENT",
        "participants.json",
        "$.Sex",
        put("participants.json", as_json({"sex": ABOUT_IT, "Sex": ABOUT_IT})),
    ),
    _bids(
        "a described column misspelt as well",
        "COLUMN_ABSENT",
        "participants.json",
        "$.handednes",
        put("participants.json", as_json({"handedness": ABOUT_IT, "handednes": ABOUT_IT})),
    ),
    _bids(
        "a column misspelt above its table",
        "COLUMN_ABSENT",
        "task-rest_events.json",
        "$.duraton",
        put("task-rest_events.json", as_json({"duraton": ABOUT_IT})),
    ),
]


def _mark(points: str) -> Change:
    """A mark on the first radiograph, of 8 columns and 6 rows."""
    header = "participant_id session_id filename label slice shape points"
    return table(MARKS, header, f"sub-S01 ses-E01 {RX}.png nodule n/a point {points}")


def _picture(*, colours: bool = False, rows: int = 6) -> bytes:
    """A grey ramp of 8 columns and 6 rows, of which the first are kept, in one channel or in three equal ones."""
    grey = np.arange(48, dtype=np.uint8).reshape(6, 8)
    grey[rows:] = 0
    held = BytesIO()
    Image.fromarray(np.repeat(grey[..., None], 3, axis=2) if colours else grey).save(held, "PNG")
    return held.getvalue()


SAGITTAL = {"ImageOrientationPatientDICOM": [0, 1, 0, 0, 0, -1]}
TURNED = f"{TWO}/mim-mr/anat/sub-S02_ses-E02_run-1_bp-knee_vp-sag_T2w"
LATER = CT.replace("ses-E02", "ses-E03").replace("run-1", "ce-iodine_run-1")
AGENT = {"ContrastBolusAgent": "IOPAMIDOL"}
IMAGES = [
    Defect(
        "an agent that the names of other sessions have",
        "CONTRAST_CONTRADICTED",
        f"{CT}.nii.gz",
        "$.ContrastBolusAgent",
        both(keys(f"{CT}.json", AGENT), put(f"{LATER}.nii.gz", _volume(4, 5)), put(f"{LATER}.json", as_json(AGENT))),
    ),
    Defect(
        "a grey picture in one and in three channels",
        "IMAGE_DUPLICATED",
        f"{RX2}.png",
        "",
        both(put(f"{RX}.png", _picture()), put(f"{RX2}.png", _picture(colours=True))),
    ),
    Defect("a radiograph whose end was lost", "IMAGE_BLANK", f"{RX}.png", "", put(f"{RX}.png", _picture(rows=3))),
    Defect(
        "the orientation of another plane along the axes",
        "IMAGE_ORIENTATION_CONTRADICTED",
        f"{T1W}.nii.gz",
        "$.ImageOrientationPatientDICOM",
        keys(f"{T1W}.json", SAGITTAL),
    ),
    Defect(
        "a sagittal plane transposed without an orientation",
        "IMAGE_PLANE_TRANSPOSED",
        f"{TURNED}.nii.gz",
        "$.Rows",
        both(
            put(f"{TURNED}.nii.gz", gz(nifti((3, 4, 5)))),
            put(f"{TURNED}.json", as_json({"Modality": "MR", "Rows": 4, "Columns": 5})),
        ),
    ),
]
PLACE = "row 2, column points"
PEOPLE = [
    Defect(
        "a modality without an image beside folders of BIDS",
        "PARTICIPANT_CONTRADICTED",
        PARTICIPANTS,
        "row of sub-S01, column modalities",
        cell(PARTICIPANTS, 2, "modalities", "DX;MR;NM"),
    ),
    Defect(
        "a body part without an image",
        "PARTICIPANT_CONTRADICTED",
        PARTICIPANTS,
        "row of sub-S01, column body_parts",
        both(
            *(keys(f"{stem}.json", {"BodyPartExamined": "CHEST"}) for stem in (T1W, MIDS_BOLD, DWI)),
            cell(PARTICIPANTS, 2, "body_parts", "chest;knee"),
        ),
    ),
]
VALUES = [
    Defect(
        "a negative field strength in anat",
        "SIDECAR_VALUE",
        f"{T1W}.json",
        "$.MagneticFieldStrength",
        keys(f"{T1W}.json", {"MagneticFieldStrength": -1.5}),
    ),
    Defect(
        "a negative repetition time in anat",
        "SIDECAR_VALUE",
        f"{T1W}.json",
        "$.RepetitionTime",
        keys(f"{T1W}.json", {"RepetitionTime": -2}),
    ),
    _bids("a sampling frequency of 0", "BIDS_RULE", f"{EEG}_eeg.json", "", keys(f"{EEG}_eeg.json", {FREQUENCY: 0})),
    Defect(
        "raw sources that are gone",
        "LINK_UNRESOLVED",
        f"{MASK}.json",
        "$.RawSources[0]",
        keys(f"{MASK}.json", {"RawSources": ["sub-S02/nothing.nii.gz"]}),
    ),
    Defect(
        "a field map for a folder",
        "LINK_UNRESOLVED",
        f"{T1W}.json",
        "$.IntendedFor",
        keys(f"{T1W}.json", {"IntendedFor": "bids::sub-S01/ses-E01/func"}),
    ),
]
ZARR = f"{SUB}/micr/{SUB}_sample-X_SEM.ome.zarr"
RECORDINGS = [
    _bids(
        "a physio table with a header",
        "TABLE_COLUMNS_CONTRADICTED",
        f"{BEH}.tsv.gz",
        "row 1",
        put(f"{BEH}.tsv.gz", gz(b"cardiac\trespiratory\n1\t2\n")),
    ),
    _bids("an OME-Zarr without metadata", "RECORDING_LINK_BROKEN", ZARR, "", drop(f"{ZARR}/.zattrs")),
    _bids(
        "a folder of MEG renamed without its files",
        "RECORDING_LINK_BROKEN",
        f"{SUB}/meg/{SUB}_task-rest_meg.ds",
        "",
        move(f"{SUB}_task-rest_meg.meg4", f"{SUB}_task-other_meg.meg4"),
    ),
    _bids("motion without channels", "BIDS_RULE", MOTION, "", drop(MOTION.replace("_motion", "_channels"))),
    _bids("asl without context", "BIDS_RULE", f"{ASL}.nii.gz", "", drop(ASL.replace("_asl", "_aslcontext.tsv"))),
    _bids(
        "nirs without optodes",
        "BIDS_RULE",
        NIRS.replace("_channels.tsv", "_nirs.snirf"),
        "",
        drop(f"{NIRS.rpartition('/')[0]}/{SUB}_optodes.tsv"),
    ),
    _bids(
        "a dictionary of a test that is gone",
        "SIDECAR_ORPHAN_ABOVE",
        "phenotype/moca.json",
        "",
        put("phenotype/moca.json", as_json({"score": ABOUT_IT})),
    ),
    _bids(
        "eeg of another task", "TASK_CONTRADICTED", f"{EEG}_eeg.json", "", keys(f"{EEG}_eeg.json", {"TaskName": "odd"})
    ),
    _bids(
        "a header of another number of channels",
        "RECORDING_CONTRADICTED",
        f"{VISION}_eeg.vhdr",
        "line",
        put(f"{VISION}_channels.tsv", as_tsv("name type units", "Fz EEG uV")),
    ),
]
MASKS = [
    Defect("a mask of 0, 1 and 255", "MASK_VALUES", f"{MASK}.nii.gz", "", put(f"{MASK}.nii.gz", _volume(0, 1, 255))),
    Defect(
        "probabilities up to 3",
        "MASK_VALUES",
        f"{PROBABLE}.nii.gz",
        "",
        both(put(f"{PROBABLE}.nii.gz", _volume(0, 1, 3)), put(f"{PROBABLE}.json", as_json({"Modality": "CT"}))),
    ),
    Defect(
        "a mask in colour",
        "MASK_VALUES",
        f"{RX_MASK}.png",
        "",
        both(put(f"{RX_MASK}.png", png(8, 6, bits=8, colour=2)), put(f"{RX_MASK}.json", as_json({"Modality": "DX"}))),
    ),
    Defect(
        "a value of a segmentation in two spellings",
        "DSEG_LOOKUP_INVALID",
        f"{DSEG}.tsv",
        "row 4, column index",
        put(f"{DSEG}.tsv", as_tsv("index name", "1 lung", "2 nodule", "01 heart")),
    ),
    *(
        Defect(f"a mark at {points}", "MARK_OUTSIDE", MARKS, PLACE, _mark(points))
        for points in ("lung", "[[4,4]", "[[4]]", "[[3,3,40]]", "[[9,1]]", "[[5,6.9]]")
    ),
]
DEFECTS = (*SIDECARS, *TABLES, *PEOPLE, *RECORDINGS, *VALUES, *IMAGES, *MASKS)


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_a_defect_is_found_at_its_place(defect: Defect, tmp_path: Path) -> None:
    write(defect.change(BASES[defect.base]()), tmp_path)
    report = validate(tmp_path, deep=True)
    assert not report.crashed
    places = [(issue.path, issue.where) for issue in report if issue.code == defect.code]
    assert any(path == defect.path and defect.where in where for path, where in places), sorted(
        (issue.code, issue.path, issue.where) for issue in report
    )
