"""For every code about names, places, sidecars and images the smallest dataset that raises only it."""

import math
import os
import struct
import zlib
from collections.abc import Callable

from example_datasets.invented import as_json, as_tsv, chunk, gz, nifti, png
from example_datasets.small import (
    ABOUT,
    CT,
    CT_KEYS,
    DESCRIPTION,
    DSEG,
    DWI,
    MASK,
    PARTICIPANTS,
    RX,
    RX_KEYS,
    SCANS,
    SCANS_HEADER,
    SES,
    SESSIONS,
    Files,
    add_segmentation,
    added,
    bold,
    changed,
    chest,
    diffusion,
    drop_files,
    labels,
    move_file,
    page,
    phantom,
    picture,
    radiograph,
    rename_first,
    set_keys,
    shared,
    sidecar,
    twice,
    two,
    volume,
)

LEFT = RX.replace("_vp", "_lat-L_vp")
NAME = "sub-S01_ses-E01_run-1_bp-chest_vp-pa_dx"
BINARY = nifti((4, 4, 3), values=(0, 0, 1))


def describe_dataset(**changes: object) -> Files:
    """The radiograph with keys of its description changed; None removes one."""
    return added({DESCRIPTION: set_keys(ABOUT, **changes)})


def bright() -> bytes:
    """A picture whose first row is a ramp, and all else white."""
    whole = png(8, 6)
    lines = b"\0" + bytes(range(16)) + (b"\0" + b"\xff" * 16) * 5
    return whole[:33] + chunk(b"IDAT", zlib.compress(lines, 0)) + whole[-12:]


BROKEN: dict[str, Callable[[], Files]] = {
    # names
    "NAME_UNPARSEABLE": lambda: added({f"{SES}/mim-rx/made-up.txt": b"made up\n"}),
    "ENTITY_UNKNOWN": lambda: rename_first("sub-S01_ses-E01_run-1_bp-chest_vp-pa_colour-red_dx"),
    "ENTITY_MISSING": lambda: rename_first("sub-S01_ses-E01_bp-chest_vp-pa_dx"),
    "ENTITY_DUPLICATED": lambda: rename_first("sub-S01_ses-E01_run-1_bp-chest_vp-pa_vp-pa_dx"),
    "ENTITY_EMPTY": lambda: rename_first("sub-S01_ses-E01_run-1_bp-chest_vp-_dx"),
    "ENTITY_MISORDERED": lambda: rename_first("sub-S01_ses-E01_bp-chest_run-1_vp-pa_dx"),
    "ENTITY_VALUE": lambda: rename_first("sub-S01_ses-E01_run-1_bp-chest_vp-sideways_dx"),
    "SUFFIX_UNKNOWN": lambda: rename_first("sub-S01_ses-E01_run-1_bp-chest_vp-pa_photo"),
    "EXTENSION_WRONG": lambda: added({RX.replace("run-1", "run-2") + ".tiff": b"II*\0"}),
    "FOLDER_UNKNOWN": lambda: rename_first(NAME, "pictures"),
    "FOLDER_WRONG": lambda: rename_first(NAME, "mim-us"),
    "FOLDER_MISMATCH": lambda: rename_first("sub-S02_ses-E01_run-1_bp-chest_vp-pa_dx"),
    "LEGACY_NAME": lambda: rename_first("sub-S01_ses-E01_run-1_bp-thorax_vp-pa_dx"),
    "LEGACY_FOLDER": lambda: rename_first(NAME, "mod-rx"),
    "RUN_GAP": lambda: rename_first("sub-S01_ses-E01_run-2_bp-chest_vp-pa_dx"),
    # layout
    "LINK_BROKEN": lambda: added({"code": "nowhere"}),
    "LINK_LOOP": lambda: added({"sub-S01/all": ".."}),
    "LINK_OUTSIDE": lambda: added({"CHANGES": "../outside"}),
    "LINK_FOLDER": lambda: added({"sub-S02": "sub-S01"}),
    "FILE_SPECIAL": lambda: added({"CHANGES": None}),
    "NAME_ENCODING": lambda: added({os.fsdecode(b"CHANGES\xff"): b"made up\n"}),
    "NAMES_COLLIDE": lambda: added({"derivatives/CHANGES": b"a\n", "derivatives/changes": b"b\n"}),
    "ZERO_BYTES": lambda: added({f"{RX}.json": b""}),
    "TOP_LEVEL_UNKNOWN": lambda: added({"notes.doc": b"made up\n"}),
    "SUBJECTS_MISSING": lambda: {
        **{path: content for path, content in radiograph().items() if "/" not in path and ".tsv" not in path},
        "participants.tsv": as_tsv(PARTICIPANTS, "n/a n/a n/a n/a n/a"),
    },
    "SUBJECT_EMPTY": lambda: changed(
        SESSIONS,
        b"40\n",
        b"40\nses-E02\tn/a\t41\n",
        added({"sub-S01/ses-E02/sub-S01_ses-E02_scans.tsv": as_tsv(SCANS_HEADER, "n/a " * 8)}),
    ),
    "README_MISSING": lambda: drop_files("README.md"),
    "BIDSIGNORE_MISSING": lambda: drop_files(".bidsignore"),
    "DESCRIPTION_MISSING": lambda: drop_files(DESCRIPTION),
    "DESCRIPTION_INVALID": lambda: changed(DESCRIPTION, b'"Name": "An', b'"Title": "An'),
    "FILE_STRAY": lambda: added({"derivatives/Thumbs.db": b"made up\n"}),
    "DESCRIPTION_INCOMPLETE": lambda: describe_dataset(DatasetType=None),
    "LICENSE_MISSING": lambda: describe_dataset(License=None),
    "DESCRIPTION_TYPE": lambda: added(
        {f"derivatives/labels/{DESCRIPTION}": as_json(ABOUT)}, labels("sub-S01 ses-E01 []")
    ),
    "GENERATED_BY_MISSING": lambda: describe_dataset(GeneratedBy=None),
    "DERIVATIVE_DESCRIPTION_MISSING": lambda: drop_files(
        f"derivatives/labels/{DESCRIPTION}", files=labels("sub-S01 ses-E01 []")
    ),
    # sidecars
    "JSON_INVALID": lambda: changed(f"{RX}.json", b'"DX",', b'"DX"'),
    "JSON_KEY_DUPLICATED": lambda: changed(f"{RX}.json", b'"Rows": 6,', b'"Rows": 6,\n  "Rows": 6,'),
    "SIDECAR_MISSING": lambda: drop_files(f"{RX}.json"),
    "SIDECAR_SHARED": lambda: shared(),
    "SIDECAR_ORPHAN": lambda: added({f"{RX[:-2]}cr.json": set_keys(RX_KEYS, Modality="CR")}),
    "SIDECAR_NOT_AN_OBJECT": lambda: added({f"{RX}.json": b"[]\n"}),
    "SIDECAR_LEGACY": lambda: added(
        {f"{RX}.json": as_json([{"tag1": "(0008,0060)", "vr": "CS", "value": "DX", "tag2": "", "desc": "Modality"}])}
    ),
    "SIDECAR_KEY_MISSING": lambda: added({f"{RX}.json": set_keys(RX_KEYS, PhotometricInterpretation=None)}),
    "SIDECAR_VALUE": lambda: added({f"{RX}.json": set_keys(RX_KEYS, PixelSpacing="0.1")}),
    "BIDS_KEY_MISSING": lambda: bold({"TaskName": "rest"}),
    "SIDECAR_CONFLICT": lambda: bold(
        {"TaskName": "rest", "RepetitionTime": 2.0}, {"task-rest_bold.json": as_json({"RepetitionTime": 3.0})}
    ),
    "SIDECAR_AMBIGUOUS": lambda: bold(
        None, {"task-rest_bold.json": as_json({"TaskName": "rest"}), "bold.json": as_json({"RepetitionTime": 2.0})}
    ),
    "SIDECAR_UNIT": sidecar(DistanceSourceToDetector=1.8),
    "VIEW_CONTRADICTED": lambda: added({f"{RX}.json": set_keys(RX_KEYS, ViewPosition="AP")}),
    "BODY_PART_CONTRADICTED": lambda: added({f"{RX}.json": set_keys(RX_KEYS, BodyPartExamined="HEAD")}),
    "LATERALITY_CONTRADICTED": lambda: added(
        {f"{LEFT}.json": set_keys(RX_KEYS, ImageLaterality="R")}, move_file(RX, LEFT)
    ),
    "MODALITY_CONTRADICTED": lambda: added({f"{RX}.json": set_keys(RX_KEYS, Modality="CR")}),
    "TASK_CONTRADICTED": lambda: bold({"TaskName": "finger tapping", "RepetitionTime": 2.0}),
    # images
    "GZIP_INVALID": lambda: volume(nifti((4, 4, 3))),
    "NIFTI_INVALID": lambda: volume(gz(b"made up " * 99)),
    "PNG_INVALID": picture(b"\xff\xd8\xff\xe0made up"),
    "PNG_TRUNCATED": picture(png(8, 6)[:-12]),
    "PNG_FORMAT": picture(png(8, 6, bits=8, colour=4)),
    "PNG_COLOUR_CONTRADICTED": picture(png(8, 6, bits=8, colour=2)),
    "IMAGE_SHAPE_CONTRADICTED": lambda: changed(SCANS, b"\t6\t", b"\t5\t", added({f"{RX}.png": png(8, 5)})),
    "IMAGE_SPACING_CONTRADICTED": lambda: volume(
        gz(nifti((4, 4, 3), spacing=(0.6, 0.6, 2.0), affine=(-0.6, 0, 0, 1, 0, 0.6, 0, 2, 0, 0, 2.0, 3)))
    ),
    "PNG_MONOCHROME1": sidecar(PhotometricInterpretation="MONOCHROME1"),
    "NIFTI_TRUNCATED": lambda: volume(gz(nifti((4, 4, 30)))[:-40]),
    "GZIP_TIME": lambda: volume(gz(nifti((4, 4, 3)), time=1)),
    "NIFTI_UNITS": lambda: volume(gz(nifti((4, 4, 3), units=1))),
    "NIFTI_SCALING": lambda: volume(gz(nifti((4, 4, 3), scaling=(math.inf, 0)))),
    "NIFTI_FORMS_DISAGREE": lambda: volume(
        gz(nifti((4, 4, 3), qform=1, quaternion=(0, 0, 1, 1, 2, 3), affine=(-0.5, 0, 0, 1, 0, 0.5, 0, 2, 0, 0, 2.0, 3)))
    ),
    "NIFTI_SHEARED": lambda: volume(
        gz(nifti((4, 4, 3), spacing=(0.5, 0.5, 2.0616), affine=(-0.5, 0, 0, 1, 0, 0.5, 0.5, 2, 0, 0, 2.0, 3)))
    ),
    "IMAGE_SLICES_CONTRADICTED": lambda: added({f"{CT}.json": set_keys(CT_KEYS, SpacingBetweenSlices=3.0)}, volume()),
    "IMAGE_ORIENTATION_CONTRADICTED": lambda: added(
        {f"{CT}.json": set_keys(CT_KEYS, ImageOrientationPatientDICOM=[0.8, 0.6, 0, -0.6, 0.8, 0])}, volume()
    ),
    "REPETITION_TIME_CONTRADICTED": lambda: bold({"TaskName": "rest", "RepetitionTime": 2.5}),
    "NIFTI_AFFINE": lambda: volume(gz(nifti((4, 4, 3), affine=(0.0,) * 12))),
    "NIFTI_ORIENTATION_UNKNOWN": lambda: volume(gz(nifti((4, 4, 3), sform=0))),
    "NIFTI_SPACING": lambda: volume(gz(nifti((4, 4, 3), spacing=(0.5, 0.5, 0.0)))),
    "GRADIENTS_MISSING": lambda: drop_files(f"{DWI}.bvec", files=diffusion()),
    "GRADIENTS_CONTRADICTED": lambda: added({f"{DWI}.bval": b"0 1000 1000\n"}, diffusion()),
    "IMAGE_TWICE": lambda: twice(),
    "IMAGE_CORRUPT": lambda: volume(gz(nifti((4, 4, 30)))[:-8] + bytes(4) + struct.pack("<I", 1312)),
    "NIFTI_SIZE": lambda: volume(gz(nifti((4, 4, 3), missing=2))),
    "IMAGE_BLANK": picture(png(8, 6, value=7)),
    "IMAGE_SATURATED": picture(bright()),
    "CT_NOT_HU": lambda: volume(gz(nifti((4, 4, 3), values=(24, 24, 174, 1064, 1084, 1424)))),
    "IMAGE_DUPLICATED": lambda: two(png(8, 6)),
    "RADIOGRAPH_INVERTED": lambda: phantom(negative=True),
    "RADIOGRAPH_UPSIDE_DOWN": lambda: phantom(down=True),
    "RADIOGRAPH_NOT_CHEST": lambda: chest(page()),
    "RADIOGRAPH_MIRRORED": lambda: phantom(mirrored=True),
    "VIEW_UNLIKELY": lambda: phantom("lateral"),
    # segmentations
    "MASK_WITHOUT_IMAGE": lambda: add_segmentation(BINARY, MASK.replace("run-1", "run-2")),
    "MASK_GRID": lambda: add_segmentation(nifti((4, 4, 2), values=(0, 0, 1))),
    "MASK_VALUES": lambda: add_segmentation(nifti((4, 4, 3), values=(0, 0, 2))),
    "MASK_EMPTY": lambda: add_segmentation(nifti((4, 4, 3), values=(0,))),
    "DSEG_LOOKUP_MISSING": lambda: add_segmentation(BINARY, DSEG),
    "DSEG_VALUE_UNKNOWN": lambda: add_segmentation(
        nifti((4, 4, 3), values=(0, 1, 2)), DSEG, {f"{DSEG}.tsv": as_tsv("index name", "1 lung")}
    ),
}
