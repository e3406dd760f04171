"""Single defects of names, places, sidecars and descriptions (see `mutations`)."""

from example_datasets.invented import as_json
from example_datasets.mutations import (
    BOLD,
    BOLD_KEYS,
    BOLDZ,
    CT,
    ONE,
    RX,
    RX2,
    T1W,
    TWO,
    Change,
    Defect,
    both,
    drop,
    keys,
    put,
    rename,
    swap,
)
from example_datasets.small import DERIVATIVE, DESCRIPTION

_RX = RX.rpartition("/")[2]


def _rename_image(name: str) -> tuple[str, Change]:
    """The first radiograph with another name: its new path, and the change."""
    stem = f"{ONE}/mim-rx/{name}"
    return f"{stem}.png", rename(RX, stem)


def _move_image(what: str, code: str, name: str) -> Defect:
    path, change = _rename_image(name)
    return Defect(what, code, path, "", change)


def _place_image(what: str, code: str, folder: str) -> Defect:
    return Defect(what, code, f"{folder}/{_RX}.png", "", rename(RX, f"{folder}/{_RX}"))


NAMES = [
    _move_image("a key that nobody knows", "ENTITY_UNKNOWN", "sub-S01_ses-E01_run-1_bp-chest_vp-pa_colour-red_dx"),
    _move_image("run left out", "ENTITY_MISSING", "sub-S01_ses-E01_bp-chest_vp-pa_dx"),
    _move_image("the same key twice", "ENTITY_DUPLICATED", "sub-S01_ses-E01_run-1_bp-chest_vp-pa_vp-ap_dx"),
    _move_image("a key without a value", "ENTITY_EMPTY", "sub-S01_ses-E01_run-1_bp-chest_vp-_dx"),
    _move_image("two underscores in a row", "ENTITY_EMPTY", "sub-S01_ses-E01_run-1__bp-chest_vp-pa_dx"),
    _move_image("keys in another order", "ENTITY_MISORDERED", "sub-S01_ses-E01_bp-chest_run-1_vp-pa_dx"),
    _move_image("a view outside its list", "ENTITY_VALUE", "sub-S01_ses-E01_run-1_bp-chest_vp-sideways_dx"),
    _move_image("a run that is no number", "ENTITY_VALUE", "sub-S01_ses-E01_run-one_bp-chest_vp-pa_dx"),
    _move_image("an unknown suffix", "SUFFIX_UNKNOWN", "sub-S01_ses-E01_run-1_bp-chest_vp-pa_photo"),
    _move_image("an old spelling of a body part", "LEGACY_NAME", "sub-S01_ses-E01_run-1_bp-thorax_vp-pa_dx"),
    _move_image("a value joined by an underscore", "LEGACY_NAME", "sub-S01_ses-E01_run-1_bp-chest_vp_pa_dx"),
    _move_image("another subject in the name", "FOLDER_MISMATCH", "sub-S02_ses-E01_run-1_bp-chest_vp-pa_dx"),
    _move_image("another session in the name", "FOLDER_MISMATCH", "sub-S01_ses-E02_run-1_bp-chest_vp-pa_dx"),
    _move_image("a date in the name", "PRIVACY_PATH", "sub-S01_ses-E01_acq-20200317_run-1_bp-chest_vp-pa_dx"),
    _place_image("an unknown folder", "FOLDER_UNKNOWN", f"{ONE}/pictures"),
    _place_image("the folder of another modality", "FOLDER_WRONG", f"{ONE}/mim-us"),
    _place_image("a folder of older datasets", "LEGACY_FOLDER", f"{ONE}/mod-rx"),
    _place_image("no folder of a modality", "FOLDER_WRONG", ONE),
    Defect(
        "a wrong extension",
        "EXTENSION_WRONG",
        f"{ONE}/mim-rx/{_RX.replace('run-1', 'run-3')}.tiff",
        "",
        put(f"{ONE}/mim-rx/{_RX.replace('run-1', 'run-3')}.tiff", b"II*\0"),
    ),
    Defect(
        "a gap in the runs",
        "RUN_GAP",
        f"{RX2.replace('run-2', 'run-4')}.png",
        "",
        rename(RX2, RX2.replace("run-2", "run-4")),
    ),
    Defect(
        "a text among the images",
        "NAME_UNPARSEABLE",
        f"{ONE}/mim-rx/notes.txt",
        "",
        put(f"{ONE}/mim-rx/notes.txt", b"made up\n"),
    ),
    Defect("an unknown file at the top", "TOP_LEVEL_UNKNOWN", "notes.doc", "", put("notes.doc", b"made up\n")),
    Defect("a leftover of the system", "FILE_STRAY", "derivatives/Thumbs.db", "", put("derivatives/Thumbs.db", b"x")),
    Defect(
        "an archive among the derivatives", "PRIVACY_FILE", "derivatives/all.zip", "", put("derivatives/all.zip", b"PK")
    ),
    Defect(
        "a session without images",
        "SUBJECT_EMPTY",
        "sub-S02/ses-E03",
        "",
        put("sub-S02/ses-E03/notes.txt", b"made up\n"),
    ),
]

SIDECARS = [
    Defect(
        "one number for the size of a pixel",
        "SIDECAR_VALUE",
        f"{CT}.json",
        "$.PixelSpacing",
        keys(f"{CT}.json", {"PixelSpacing": [0.5]}),
    ),
    Defect(
        "a window of negative width",
        "SIDECAR_VALUE",
        f"{RX}.json",
        "$.WindowWidth",
        keys(f"{RX}.json", {"WindowCenter": 3, "WindowWidth": -5}),
    ),
    Defect("a missing comma", "JSON_INVALID", f"{RX}.json", "line 3", swap(f"{RX}.json", b'"DX",', b'"DX"')),
    Defect("not a number", "JSON_INVALID", f"{BOLD}.json", "", swap(f"{BOLD}.json", b"2.0", b"NaN")),
    Defect(
        "a key twice in the JSON",
        "JSON_KEY_DUPLICATED",
        f"{RX}.json",
        "Rows",
        swap(f"{RX}.json", b'"Rows": 6,', b'"Rows": 6, "Rows": 7,'),
    ),
    Defect("a JSON list for an object", "SIDECAR_NOT_AN_OBJECT", f"{RX}.json", "", put(f"{RX}.json", b"[]\n")),
    Defect("an image without sidecar", "SIDECAR_MISSING", f"{RX}.png", "", drop(f"{RX}.json")),
    Defect("a sidecar without image", "SIDECAR_ORPHAN", f"{RX}.json", "", drop(f"{RX}.png")),
    Defect("an empty sidecar", "ZERO_BYTES", f"{RX}.json", "", put(f"{RX}.json", b"")),
    Defect("a required key left out", "SIDECAR_KEY_MISSING", f"{RX}.json", "$", keys(f"{RX}.json", {"Rows": None})),
    Defect("a number as text", "SIDECAR_VALUE", f"{CT}.json", "$.KVP", keys(f"{CT}.json", {"KVP": "120"})),
    Defect(
        "a value outside its list",
        "SIDECAR_VALUE",
        f"{RX}.json",
        "$.VOILUTFunction",
        keys(f"{RX}.json", {"VOILUTFunction": "CUBIC"}),
    ),
    Defect(
        "a flip angle of 700 degrees",
        "SIDECAR_VALUE",
        f"{T1W}.json",
        "$.FlipAngle",
        keys(f"{T1W}.json", {"FlipAngle": 700}),
    ),
    Defect(
        "an echo time in milliseconds",
        "SIDECAR_UNIT",
        f"{BOLD}.json",
        "$.EchoTime",
        keys(f"{BOLD}.json", {"EchoTime": 3.0}),
    ),
    Defect(
        "the layout of an XNAT dump",
        "SIDECAR_LEGACY",
        f"{RX}.json",
        "",
        put(
            f"{RX}.json",
            as_json(
                {
                    "ResultSet": {
                        "Result": [{"tag1": "(0008,0060)", "tag2": "", "vr": "CS", "value": "DX", "desc": "Modality"}]
                    }
                }
            ),
        ),
    ),
    Defect(
        "bare rows of an XNAT dump",
        "SIDECAR_LEGACY",
        f"{RX}.json",
        "",
        put(
            f"{RX}.json", as_json([{"tag1": "(0008,0060)", "tag2": "", "vr": "CS", "value": "DX", "desc": "Modality"}])
        ),
    ),
    Defect(
        "the DICOM JSON model",
        "SIDECAR_LEGACY",
        f"{RX}.json",
        "",
        put(f"{RX}.json", as_json({"00080060": {"vr": "CS", "Value": ["DX"]}})),
    ),
    Defect(
        "all numbers as text", "SIDECAR_LEGACY", f"{RX}.json", "", keys(f"{RX}.json", {"Rows": "6", "Columns": "8"})
    ),
    Defect(
        "no RepetitionTime of a bold series",
        "BIDS_KEY_MISSING",
        f"{BOLD}.json",
        "",
        keys(f"{BOLD}.json", {"RepetitionTime": None}),
    ),
    Defect(
        "another value in a sidecar above",
        "SIDECAR_CONFLICT",
        f"{BOLD}.json",
        "$.FlipAngle",
        put("task-rest_bold.json", as_json({"FlipAngle": 90.0})),
    ),
    Defect(
        "two sidecars above that both apply",
        "SIDECAR_AMBIGUOUS",
        BOLDZ,
        "",
        both(drop(f"{BOLD}.json"), put("task-rest_bold.json", as_json(BOLD_KEYS)), put("bold.json", as_json({}))),
    ),
    Defect(
        "another view in the sidecar",
        "VIEW_CONTRADICTED",
        f"{RX}.png",
        "$.ViewPosition",
        keys(f"{RX}.json", {"ViewPosition": "AP"}),
    ),
    Defect(
        "another body part in the sidecar",
        "BODY_PART_CONTRADICTED",
        f"{RX}.png",
        "$.BodyPartExamined",
        keys(f"{RX}.json", {"BodyPartExamined": "KNEE"}),
    ),
    Defect(
        "another modality in the sidecar",
        "MODALITY_CONTRADICTED",
        f"{RX}.png",
        "$.Modality",
        keys(f"{RX}.json", {"Modality": "US"}),
    ),
    Defect(
        "another task in the sidecar",
        "TASK_CONTRADICTED",
        BOLDZ,
        "$.TaskName",
        keys(f"{BOLD}.json", {"TaskName": "motor"}),
    ),
]

DATASET = [
    Defect("no dataset_description.json", "DESCRIPTION_MISSING", "", "", drop(DESCRIPTION)),
    Defect("no Name", "DESCRIPTION_INVALID", DESCRIPTION, "$", keys(DESCRIPTION, {"Name": None})),
    Defect(
        "a placeholder for a Name", "DESCRIPTION_INCOMPLETE", DESCRIPTION, "$.Name", keys(DESCRIPTION, {"Name": "TODO"})
    ),
    Defect("no licence", "LICENSE_MISSING", DESCRIPTION, "$.License", keys(DESCRIPTION, {"License": None})),
    Defect("no converter named", "GENERATED_BY_MISSING", DESCRIPTION, "$", keys(DESCRIPTION, {"GeneratedBy": None})),
    Defect(
        "a raw dataset that calls itself derivative",
        "DESCRIPTION_TYPE",
        DESCRIPTION,
        "$.DatasetType",
        keys(DESCRIPTION, {"DatasetType": "derivative"}),
    ),
    Defect(
        "derivatives without description",
        "DERIVATIVE_DESCRIPTION_MISSING",
        "derivatives/labels",
        "",
        drop(f"derivatives/labels/{DESCRIPTION}"),
    ),
    Defect(
        "derivatives that name no program",
        "DESCRIPTION_INVALID",
        f"derivatives/labels/{DESCRIPTION}",
        "$",
        put(
            f"derivatives/labels/{DESCRIPTION}",
            as_json({key: value for key, value in DERIVATIVE.items() if key != "GeneratedBy"}),
        ),
    ),
    Defect("no README", "README_MISSING", "", "", drop("README.md")),
    Defect("an empty README", "ZERO_BYTES", "README.md", "", put("README.md", b"")),
    Defect("no .bidsignore", "BIDSIGNORE_MISSING", "", "", drop(".bidsignore")),
    Defect(
        "two names that differ by case",
        "NAMES_COLLIDE",
        f"{TWO}/mim-ct/made_up.txt",
        "",
        both(put(f"{TWO}/mim-ct/made_up.txt", b"a"), put(f"{TWO}/mim-ct/MADE_UP.txt", b"b")),
    ),
]
