"""Names: the grammar both ways, and every form of published datasets."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mids.vocabulary.names import Name, build, label, parse
from mids.vocabulary.schema import load

SCHEMA = load()
LABELS = st.text("0123456789abcXYZ", min_size=1, max_size=5)
INDICES = st.text("0123456789", min_size=1, max_size=3)


def codes(path: str) -> list[str]:
    return sorted(problem.code for problem in parse(path).problems)


@st.composite
def names(draw: st.DrawFn) -> Name:
    """Any name that the grammar allows, made of the vocabulary alone."""
    suffix = draw(st.sampled_from(sorted(s for s, e in SCHEMA.suffixes.items() if e.group)))
    entry = SCHEMA.suffixes[suffix]
    plain = entry.bids and draw(st.booleans())
    group = "" if plain else draw(st.sampled_from(sorted(SCHEMA.groups))) if entry.group == "*" else entry.group
    datatype = entry.datatype if plain else draw(st.sampled_from(["", entry.datatype]))
    entities = {}
    for key, entity in SCHEMA.entities.items():
        required = {"any", "mids" if group else datatype} & set(entity.required)
        if plain and not entity.bids:
            continue
        if required or (plain and key in entry.entities) or draw(st.integers(0, 3)) == 0:
            values = {"label": LABELS, "index": INDICES}.get(entity.kind)
            listed = SCHEMA.code_lists[entity.code_list].codes if values is None else ()
            entities[key] = draw(st.sampled_from(sorted(listed)) if values is None else values)
    extension = draw(st.sampled_from((*entry.extensions, ".json")))
    root = "derivatives/rois" if entry.group == "*" else draw(st.sampled_from(["", "derivatives/cleaned"]))
    return build(entities, suffix, extension, group=group, datatype=datatype, root=root)


@given(names())
def test_what_is_built_is_read_back(name: Name) -> None:
    parsed = parse(name.path)
    assert parsed.name == name
    assert not parsed.problems


@given(names(), st.data())
def test_a_damaged_path_has_a_problem_or_is_another_right_name(name: Name, data: st.DataObject) -> None:
    path = name.path
    at = data.draw(st.integers(0, len(path) - 1))
    damaged = (
        path[:at] + data.draw(st.sampled_from(["", "_", "-", "/", ".", "é", "x", "1", "\n", " "])) + path[at + 1 :]
    )
    parsed = parse(damaged)
    if not parsed.problems:
        found = parsed.name
        assert found is not None
        again = build(
            dict(found.entities),
            found.suffix,
            found.extension,
            group=found.group,
            datatype=found.datatype,
            root=found.root,
        )
        assert again.path == damaged


@given(st.text(max_size=60))
def test_any_text_can_be_parsed(text: str) -> None:
    parsed = parse(text)
    assert parsed.problems
    assert parsed.name is None or parsed.name.get("sub")


@pytest.mark.parametrize(
    ("entities", "suffix", "extension", "place", "path"),
    [
        (
            {"vp": "pa", "bp": "chest", "run": "1", "ses": "y", "sub": "x"},
            "dx",
            ".png",
            {},
            "sub-x/ses-y/mim-rx/sub-x_ses-y_run-1_bp-chest_vp-pa_dx.png",
        ),
        (
            {"sub": "x", "ses": "y", "rec": "B70f", "run": "01", "bp": "chest", "chunk": "2"},
            "ct",
            ".nii.gz",
            {},
            "sub-x/ses-y/mim-ct/sub-x_ses-y_rec-B70f_run-01_bp-chest_chunk-2_ct.nii.gz",
        ),
        (
            {"sub": "x", "ses": "y", "run": "1", "bp": "breast", "lat": "R", "vp": "mlo"},
            "mg",
            ".json",
            {},
            "sub-x/ses-y/mim-rx/sub-x_ses-y_run-1_bp-breast_lat-R_vp-mlo_mg.json",
        ),
        (
            {"sub": "x", "ses": "y", "run": "1", "bp": "lsspine", "vp": "sag", "echo": "2", "part": "phase"},
            "T2w",
            ".nii.gz",
            {"group": "mr", "datatype": "anat"},
            "sub-x/ses-y/mim-mr/anat/sub-x_ses-y_run-1_bp-lsspine_vp-sag_echo-2_part-phase_T2w.nii.gz",
        ),
        ({"sub": "x"}, "T1w", ".nii.gz", {"datatype": "anat"}, "sub-x/anat/sub-x_T1w.nii.gz"),
        (
            {"sub": "x", "task": "rest"},
            "bold",
            ".nii.gz",
            {"datatype": "func"},
            "sub-x/func/sub-x_task-rest_bold.nii.gz",
        ),
        ({"sub": "x"}, "sessions", ".tsv", {}, "sub-x/sub-x_sessions.tsv"),
        ({"sub": "x", "ses": "y"}, "scans", ".tsv", {}, "sub-x/ses-y/sub-x_ses-y_scans.tsv"),
        (
            {"sub": "x", "ses": "y", "run": "1", "bp": "chest", "label": "groundGlass", "desc": "reader1"},
            "mask",
            ".nii.gz",
            {"group": "ct", "root": "derivatives/rois"},
            "derivatives/rois/sub-x/ses-y/mim-ct/sub-x_ses-y_run-1_bp-chest_label-groundGlass_desc-reader1_mask.nii.gz",
        ),
    ],
)
def test_examples_of_the_grammar(
    entities: dict[str, str], suffix: str, extension: str, place: dict[str, str], path: str
) -> None:
    name = build(entities, suffix, extension, **place)  # type: ignore[arg-type]
    assert name.path == path
    assert parse(path).name == name


RIGHT = {"sub": "x", "ses": "y", "run": "1", "bp": "chest"}


@pytest.mark.parametrize(
    ("changes", "suffix", "extension", "place", "says"),
    [
        ({"bp": "thorax"}, "cr", ".png", {}, "bp"),
        ({"bp": "spaceship"}, "cr", ".png", {}, "bp"),
        ({"acq": "a_b"}, "cr", ".png", {}, "acq"),
        ({"acq": ""}, "cr", ".png", {}, "acq"),
        ({"run": "one"}, "cr", ".png", {}, "run"),
        ({"run": "١"}, "cr", ".png", {}, "run"),
        ({"colour": "red"}, "cr", ".png", {}, "colour"),
        ({"sub": "../../x"}, "cr", ".png", {}, "sub"),
        ({}, "CR", ".png", {}, "CR"),
        ({}, "cr", ".tif", {}, ".tif"),
        ({}, "cr", ".png", {"group": "ct"}, "mim-ct"),
        ({}, "cr", ".png", {"root": "elsewhere"}, "elsewhere"),
        ({}, "T1w", ".nii.gz", {"datatype": "anat"}, "bp"),
        ({}, "mask", ".nii.gz", {"group": "ct"}, "derivatives"),
    ],
)
def test_build_refuses_and_says_what(
    changes: dict[str, str], suffix: str, extension: str, place: dict[str, str], says: str
) -> None:
    with pytest.raises(ValueError, match=says.replace(".", r"\.")):
        build({**RIGHT, **changes}, suffix, extension, **place)  # type: ignore[arg-type]


def test_build_refuses_a_functional_image_without_a_task() -> None:
    with pytest.raises(ValueError, match="entity task: missing"):
        build({"sub": "x"}, "bold", ".nii.gz", datatype="func")


@pytest.mark.parametrize("missing", ["sub", "ses", "run"])
def test_build_refuses_a_name_without_a_required_entity(missing: str) -> None:
    entities = {key: value for key, value in RIGHT.items() if key != missing}
    with pytest.raises(ValueError, match=f"entity {missing}: missing"):
        build(entities, "cr", ".png")


S = "sub-S1/ses-E1"
N = "sub-S1_ses-E1"


@pytest.mark.parametrize(
    ("path", "modern", "wrong"),
    [
        # BIMCV-COVID19+: everything in mod-rx, CT included; acq counts the files of a series.
        (
            f"{S}/mod-rx/{N}_acq-2_run-1_bp-chest_vp-ap_cr.png",
            f"{S}/mim-rx/{N}_acq-2_run-1_bp-chest_vp-ap_cr.png",
            ["LEGACY_FOLDER"],
        ),
        (f"{S}/mod-rx/{N}_run-1_bp-chest_ct.nii.gz", f"{S}/mim-ct/{N}_run-1_bp-chest_ct.nii.gz", ["LEGACY_FOLDER"]),
        # MIDS 2019, bare folders, misspelt ones, folders of later tools.
        (f"{S}/mod-ct/{N}_run-1_ct.json", f"{S}/mim-ct/{N}_run-1_ct.json", ["LEGACY_FOLDER"]),
        (f"{S}/ct/{N}_run-1_ct.nii.gz", f"{S}/mim-ct/{N}_run-1_ct.nii.gz", ["LEGACY_FOLDER"]),
        (f"{S}/rx/{N}_run-1_dx.png", f"{S}/mim-rx/{N}_run-1_dx.png", ["LEGACY_FOLDER"]),
        (f"{S}/rm/anat/{N}_run-1_T2w.nii.gz", f"{S}/mim-mr/anat/{N}_run-1_T2w.nii.gz", ["LEGACY_FOLDER"]),
        (f"{S}/mr-anat/{N}_run-1_T2w.nii.gz", f"{S}/mim-mr/anat/{N}_run-1_T2w.nii.gz", ["LEGACY_FOLDER"]),
        (f"{S}/mim-light/{N}_run-1_cr.png", f"{S}/mim-rx/{N}_run-1_cr.png", ["LEGACY_FOLDER"]),
        (f"{S}/mim-light/dx/{N}_run-1_dx.png", f"{S}/mim-rx/{N}_run-1_dx.png", ["LEGACY_FOLDER"]),
        (f"{S}/mim-ligth/{N}_run-1_cr.png", f"{S}/mim-rx/{N}_run-1_cr.png", ["LEGACY_FOLDER"]),
        (f"{S}/mim-rx/ct/{N}_run-1_ct.nii.gz", f"{S}/mim-ct/{N}_run-1_ct.nii.gz", ["LEGACY_FOLDER"]),
        (f"{S}/mim-rx/cr/{N}_run-1_cr.png", f"{S}/mim-rx/{N}_run-1_cr.png", ["LEGACY_FOLDER"]),
        # The example sets: spellings of values and suffixes, order, joints.
        (f"{S}/mim-rx/{N}_run-1_bp-thorax_cr.png", f"{S}/mim-rx/{N}_run-1_bp-chest_cr.png", ["LEGACY_NAME"]),
        (f"{S}/mim-rx/{N}_run-1_vp-LAT_cr.png", f"{S}/mim-rx/{N}_run-1_vp-lateral_cr.png", ["LEGACY_NAME"]),
        (f"{S}/mim-rx/{N}_run-1_vp_ap_dx.png", f"{S}/mim-rx/{N}_run-1_vp-ap_dx.png", ["LEGACY_NAME"]),
        (f"{S}/mim-rx/{N}_run-1_CR.png", f"{S}/mim-rx/{N}_run-1_cr.png", ["LEGACY_NAME"]),
        (f"{S}/mim-mr/{N}_run-2_Stir.nii.gz", f"{S}/mim-mr/{N}_run-2_STIR.nii.gz", ["LEGACY_NAME"]),
        (
            f"{S}/mim-rx/{N}_run-1_bp-chest_bp-ap_cr.png",
            f"{S}/mim-rx/{N}_run-1_bp-chest_vp-ap_cr.png",
            ["ENTITY_DUPLICATED"],
        ),
        (
            f"{S}/mim-mr/{N}_bp-lsspine_acq-1_run-4_T2w.nii.gz",
            f"{S}/mim-mr/{N}_acq-1_run-4_bp-lsspine_T2w.nii.gz",
            ["ENTITY_MISORDERED"],
        ),
        (f"{S}/mim-rx/{N}_run-4__vp-ap_cr.png", f"{S}/mim-rx/{N}_run-4_vp-ap_cr.png", ["ENTITY_EMPTY"]),
        (f"{S}/mim-rx/{N}_run-4_vp-_cr.png", f"{S}/mim-rx/{N}_run-4_cr.png", ["ENTITY_EMPTY"]),
        (f"{S}/mim-rx/{N}_run-1_dx.nii.json", f"{S}/mim-rx/{N}_run-1_dx.json", ["EXTENSION_WRONG"]),
        (f"{S}/mim-rx/{N}_run-1_dx.PNG", f"{S}/mim-rx/{N}_run-1_dx.png", ["EXTENSION_WRONG"]),
        # Places.
        (f"{S}/mim-mr/{N}_run-1_cr.png", f"{S}/mim-rx/{N}_run-1_cr.png", ["FOLDER_WRONG"]),
        (f"{S}/{N}_run-1_cr.png", f"{S}/mim-rx/{N}_run-1_cr.png", ["FOLDER_WRONG"]),
        (f"{S}/anat/{N}_run-1_bp-head_T1w.json", f"{S}/mim-mr/anat/{N}_run-1_bp-head_T1w.json", ["FOLDER_WRONG"]),
        (f"{S}/xray/{N}_run-1_cr.png", f"{S}/mim-rx/{N}_run-1_cr.png", ["FOLDER_UNKNOWN"]),
        (f"sub-S2/ses-E1/mim-rx/{N}_run-1_cr.png", f"{S}/mim-rx/{N}_run-1_cr.png", ["FOLDER_MISMATCH"]),
        (f"sub-S1/ses-E2/mim-rx/{N}_run-1_cr.png", f"{S}/mim-rx/{N}_run-1_cr.png", ["FOLDER_MISMATCH"]),
        (f"sub-S1/mim-rx/{N}_run-1_cr.png", f"{S}/mim-rx/{N}_run-1_cr.png", ["FOLDER_MISMATCH"]),
    ],
)
def test_other_forms_are_read_and_renamed(path: str, modern: str, wrong: list[str]) -> None:
    parsed = parse(path)
    assert parsed.name is not None
    assert parsed.name.path == modern
    assert codes(path) == wrong
    assert {problem.expected for problem in parsed.problems} == {modern}
    assert parse(modern).problems == ()


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        (f"{S}/mim-rx/notes.txt", ["NAME_UNPARSEABLE"]),
        (f"{S}/mim-rx/{N}_something_cr.png", ["NAME_UNPARSEABLE"]),
        (f"{S}/mim-rx/{N}_run-1.png", ["NAME_UNPARSEABLE"]),
        (f"{S}/mim-rx/{N}_run-1_xyz.png", ["SUFFIX_UNKNOWN"]),
        (f"{S}/mim-rx/ses-E1_run-1_cr.png", ["ENTITY_MISSING", "FOLDER_MISMATCH"]),
    ],
)
def test_what_has_no_subject_or_suffix_has_no_name(path: str, wrong: list[str]) -> None:
    assert parse(path).name is None
    assert codes(path) == wrong


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        (f"{S}/mim-rx/{N}_run-1_bp-spaceship_cr.png", ["ENTITY_VALUE"]),
        (f"{S}/mim-rx/{N}_run-one_cr.png", ["ENTITY_MISSING", "ENTITY_VALUE"]),
        (f"{S}/mim-rx/{N}_run-1_colour-red_cr.png", ["ENTITY_UNKNOWN"]),
        (f"{S}/mim-rx/{N}_bp-chest_cr.png", ["ENTITY_MISSING"]),
        (f"{S}/mim-rx/{N}_run-1_cr.tif", ["EXTENSION_WRONG"]),
        (f"{S}/func/{N}_bold.nii.gz", ["ENTITY_MISSING"]),
    ],
)
def test_problems_that_no_renaming_mends(path: str, wrong: list[str]) -> None:
    assert parse(path).name is not None
    assert codes(path) == wrong


def test_a_body_part_outside_the_list_stays_in_the_name() -> None:
    name = parse(f"{S}/mim-rx/{N}_run-1_bp-spaceship_cr.png").name
    assert name is not None
    assert name.get("bp") == "spaceship"


def test_values_stay_text() -> None:
    name = parse("sub-007/ses-010/mim-rx/sub-007_ses-010_run-01_cr.png").name
    assert name is not None
    assert (name.get("sub"), name.get("ses"), name.get("run")) == ("007", "010", "01")


def test_names_beside_a_name() -> None:
    name = build(RIGHT, "cr", ".png")
    assert name.with_extension(".json").path == name.path.replace(".png", ".json")
    assert name.with_entity("vp", "pa").path.endswith("_run-1_bp-chest_vp-pa_cr.png")
    assert name.with_entity("run", "2").get("run") == "2"
    assert name.get("vp") is None
    with pytest.raises(ValueError, match="vp"):
        name.with_entity("vp", "sideways")


@given(st.text(max_size=20))
def test_a_label_has_letters_and_digits_in_their_order(text: str) -> None:
    assert label(text) == "".join(c for c in text if c.isascii() and c.isalnum())


@pytest.mark.shared
def test_every_file_of_the_published_examples_gets_a_modern_name(shared: Path) -> None:
    folder = shared / "mids-examples"
    paths = [p.relative_to(folder).as_posix().split("/", 1)[1] for p in folder.rglob("sub-*") if p.is_file()]
    assert len(paths) > 50
    for path in paths:
        name = parse(path).name
        assert name is not None, path
        # What only a person or another program can mend is left: a missing run, a CSV, a NIfTI radiograph.
        assert set(codes(name.path)) <= {"ENTITY_MISSING", "EXTENSION_WRONG"}, path
