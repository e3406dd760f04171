"""``mids diff``: the same dataset has no changes; edits that were made are reported, and nothing else."""

import gzip
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from edited_releases import EMPTY, Release, edited, expected_changes, picture
from hypothesis import given, settings
from hypothesis import strategies as st
from places import SOURCES

from mids.cli import main
from mids.errors import MidsError
from mids.releases.changelog import prepend
from mids.releases.compare import compare
from mids.releases.tables import Names, TableChanges
from mids.releases.texts import Counts, Keys
from mids.report import releases
from mids.testing import PARTICIPANTS, PICTURE, SCANS, VOLUME, cells, dataset, keys

SIDES = st.sampled_from(["keep", "keep", "pixels", "header", "rename", "remove", "label", "new key", "no key", "key"])
PEOPLE = st.sampled_from(["keep", "keep", "older", "remove"])


@pytest.mark.slow
@settings(max_examples=40)
@given(
    people=st.lists(PEOPLE, min_size=1, max_size=3),
    edits=st.lists(SIDES, min_size=6, max_size=6),
    newcomers=st.integers(0, 2),
    backwards=st.booleans(),
)
def test_edits_are_reported_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, people: list[str], edits: list[str], newcomers: int, *, backwards: bool
) -> None:
    root = tmp_path_factory.mktemp("releases")
    old = Release(len(people)).write(root / "old")
    release = edited(people, edits, newcomers)
    new = release.write(root / "new", backwards=backwards)
    found = compare(old, new, jobs=2)
    assert replace(found, rewritten=()) == expected_changes(release, people)
    assert compare(new, new) == compare(old, old) == EMPTY
    # Backwards: what was added is removed, and so on.
    back = compare(new, old)
    assert (back.images.added, back.images.removed) == (found.images.removed, found.images.added)
    assert back.renamed == tuple(sorted((new_name, old_name) for old_name, new_name in found.renamed))
    assert bool(back) == bool(found)


# --- one change at a time ---------------------------------------------------------------------------------


def pair(tmp_path: Path, changes: Mapping[str, Any]) -> tuple[Path, Path]:
    """The small dataset of `mids.testing`, and the same with changes."""
    return dataset(tmp_path / "1"), dataset(tmp_path / "2", changes)


def volume(change: Callable[[nib.Nifti1Image], None] = lambda image: None, level: int = 9) -> Callable[[bytes], bytes]:
    def changed(data: bytes) -> bytes:
        image = nib.Nifti1Image.from_bytes(gzip.decompress(data))
        image = nib.Nifti1Image(np.asanyarray(image.dataobj).copy(), image.affine, image.header)
        change(image)
        return gzip.compress(image.to_bytes(), level, mtime=1)

    return changed


def move_image(image: nib.Nifti1Image) -> None:
    affine = image.affine.copy()
    affine[0, 3] += 1
    image.set_sform(affine)


def brighter(image: nib.Nifti1Image) -> None:
    image.dataobj[0, 0, 0] += 1


@pytest.mark.parametrize(
    ("change", "kind"), [(move_image, "headers"), (brighter, "pixels"), (lambda image: None, "rewritten")]
)
def test_volumes(tmp_path: Path, change: Callable[[nib.Nifti1Image], None], kind: str) -> None:
    path = f"{VOLUME}.nii.gz"
    # Both through the same library, so that only `change` and the packing differ.
    old, new = dataset(tmp_path / "1", {path: volume()}), dataset(tmp_path / "2", {path: volume(change, level=1)})
    assert compare(old, new) == replace(EMPTY, **{kind: (path,)})
    assert bool(compare(old, new)) == (kind != "rewritten")
    assert not compare(old, new, quick=True).pixels or (old / path).stat().st_size != (new / path).stat().st_size


def test_a_slope_is_pixels(tmp_path: Path) -> None:
    def steeper(data: bytes) -> bytes:
        raw = bytearray(gzip.decompress(data))
        raw[112:116] = np.float32(2).tobytes()  # scl_slope (NIfTI-1)
        return gzip.compress(bytes(raw), mtime=0)

    old, new = pair(tmp_path, {f"{VOLUME}.nii.gz": steeper})
    assert compare(old, new) == replace(EMPTY, pixels=(f"{VOLUME}.nii.gz",))


def test_an_image_that_is_broken_counts_as_other_pixels(tmp_path: Path) -> None:
    old, new = pair(tmp_path, {f"{VOLUME}.nii.gz": b"\x1f\x8bnothing", f"{PICTURE}.png": b"\x89PNG\r\n"})
    assert set(compare(old, new).pixels) == {f"{VOLUME}.nii.gz", f"{PICTURE}.png"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({PARTICIPANTS: cells({"site": "A"}, row=0)},
         {"tables": {PARTICIPANTS: TableChanges(Names(added=("site",)))}}),
        ({PARTICIPANTS: cells({"age": "n/a"})},
         {"tables": {PARTICIPANTS: TableChanges(rows_changed=1, cells={"age": 1})}}),
        ({SCANS: cells({"view_position": "ap"})},
         {"tables": {"*_scans.tsv": TableChanges(rows_changed=1, cells={"view_position": 1})}}),
        ({"phenotype/visits.tsv": "participant_id\tvisit\nsub-S1\t1\nsub-S1\t2\n"},
         {"tables": {"phenotype/visits.tsv": TableChanges(rows_added=2)}}),
        ({"dataset_description.json": keys({"License": "CC-BY-4.0", "Funding": ["x"], "Authors": None})},
         {"descriptions": {"dataset_description.json": Keys(("Funding",), ("Authors",), ("License",))}}),
        ({f"{PICTURE}.json": keys({"Rows": 6.0, "Columns": True})}, {"sidecars": {"Columns": Counts(0, 0, 1),
         "Rows": Counts(0, 0, 1)}}),
        ({"LICENSE": b"CC0", "README.md": b"# Another\n"},
         {"files": Names(added=("LICENSE",)), "changed": ("README.md",)}),
        ({".bidsignore": None}, {"files": Names(removed=(".bidsignore",))}),
        ({".git/config": b"x", "sub-S1/.DS_Store": b"x"}, {}),
        ({f"{PICTURE}.json": b"{"}, {"changed": (f"{PICTURE}.json",)}),
        ({PARTICIPANTS: lambda data: data + b"sub-S9\t1\n"}, {"changed": (PARTICIPANTS,)}),
        ({PARTICIPANTS: lambda data: data.replace(b"\n", b"\r\n")}, {"rewritten": (PARTICIPANTS,)}),
    ],
)  # fmt: skip
def test_one_change(tmp_path: Path, changes: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    assert compare(*pair(tmp_path, changes)) == replace(EMPTY, **expected)


def test_rows_of_one_key_are_counted(tmp_path: Path) -> None:
    path, head = "derivatives/labels/labels.tsv", "participant_id\tlabels\n"
    old = dataset(tmp_path / "1", {path: head + 'sub-S1\t["a"]\nsub-S1\t["a"]\nsub-S1\t["b"]\n'})
    new = dataset(tmp_path / "2", {path: head + 'sub-S1\t["b"]\nsub-S1\t["c", "a"]\n'})
    found = compare(old, new)
    assert found.tables == {path: TableChanges(rows_removed=1, rows_changed=1, cells={"labels": 1})}
    assert found.labels == {"a": (2, 1), "c": (0, 1)}


def test_files_that_were_not_fetched_are_known_by_their_links(tmp_path: Path) -> None:
    old, new = pair(tmp_path, {})
    for number, root in enumerate((old, new)):
        for path, key in ((f"{PICTURE}.png", "same"), (f"{VOLUME}.nii.gz", f"other{number}")):
            (root / path).unlink()
            (root / path).symlink_to(f"../.git/annex/objects/{number}/{key}")
    assert compare(old, new) == replace(EMPTY, pixels=(f"{VOLUME}.nii.gz",))


@pytest.mark.parametrize("name", ["dicom", "midrc-ricord-1a"])
def test_a_golden_dataset_has_not_changed_from_itself(tmp_path: Path, name: str) -> None:
    copy = shutil.copytree(SOURCES / name / "mids", tmp_path / "copy")
    assert compare(SOURCES / name / "mids", copy) == EMPTY


# --- the command ------------------------------------------------------------------------------------------


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = map(str, pair(tmp_path, {PARTICIPANTS: cells({"age": "77"}), f"{PICTURE}.png": picture(1)}))
    assert main(["diff", old, new]) == 0
    text = capsys.readouterr().out
    assert "table participants.tsv: 1 row changed (age 1)" in text
    assert f"  ~ {PICTURE}.png" in text
    assert "77" not in text
    assert main(["diff", old, new, "--exit-code"]) == 1
    assert main(["diff", old, old, "--exit-code"]) == 0
    assert capsys.readouterr().out.endswith("nothing changed\n")
    assert main(["diff", old, new, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["pixels"] == [f"{PICTURE}.png"]


def test_long_lists_are_cut(tmp_path: Path) -> None:
    many = replace(EMPTY, files=Names(added=tuple(f"extra/{number}" for number in range(30))))
    assert "  and 10 more" in releases.text(many)
    assert len(releases.text(many, shown=0).splitlines()) == 31


def test_an_entry_goes_in_front_of_changes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    added = {"sub-S3/mim-rx/sub-S3_dx.png": picture(3), PARTICIPANTS: lambda data: data + b"sub-S3\t1\tF\tdx\tchest\n"}
    old, new = pair(tmp_path, {**added, "CHANGES": b"1.0.0\n  - First version.\n"})
    assert (
        main(["diff", str(old), str(new), "--write-changes", "1.1.0", "--date", "2026-11-02", "--format", "changes"])
        == 0
    )
    entry = "1.1.0 2026-11-02\n  - Added 1 subject and 1 image.\n  - participants.tsv: 1 row added.\n"
    assert capsys.readouterr().out == entry
    assert (new / "CHANGES").read_text() == entry + "\n1.0.0\n  - First version.\n"
    assert main(["diff", str(old), str(new), "--write-changes", "1.0.0"]) == 2
    assert (new / "CHANGES").read_text().count("1.0.0") == 1
    assert not list(new.glob(".CHANGES*"))


def test_an_entry_names_everything() -> None:
    changes = replace(
        EMPTY, renamed=(("a", "b"),), headers=("c",), pixels=("d", "e"), sidecars={"KVP": Counts(1, 0, 3)},
        labels={"pneumonia": (1, 2)}, changed=("CHANGES", "README"), files=Names(("LICENSE", "x"), ()),
        descriptions={"dataset_description.json": Keys(("Funding",), (), ("License",))}, images=Names((), ("f",)),
        tables={"participants.tsv": TableChanges(Names(("site",), ("ward",)), cells={})},
    )  # fmt: skip
    assert releases.entry(changes, "2.0.0").splitlines() == [
        "2.0.0",
        "  - Removed 1 image.",
        "  - Renamed 1 image.",
        "  - Changed the pixels of 2 images.",
        "  - Changed the header, not the pixels, of 1 image.",
        "  - participants.tsv: added the column site; removed the column ward.",
        "  - Sidecars: added KVP (to 1).",
        "  - Sidecars: changed KVP (in 3).",
        "  - dataset_description.json: added Funding; changed License.",
        "  - Label pneumonia: in 2 rows, before in 1.",
        "  - Added the files LICENSE and x.",
        "  - Changed the file README.",
    ]
    assert releases.entry(EMPTY, "2.0.1").splitlines() == ["2.0.1", "  - No change of content."]


@pytest.mark.parametrize("version", ["", "1 0", "a\nb", "- x"])
def test_what_is_no_version_is_refused(tmp_path: Path, version: str) -> None:
    with pytest.raises(MidsError, match="not a version"):
        prepend(dataset(tmp_path), version, "x\n")


@pytest.mark.parametrize("flags", [["--date", "yesterday"], ["--format", "changes"], ["--write-changes", "a b"]])
def test_wrong_use(tmp_path: Path, flags: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    root = str(dataset(tmp_path))
    assert main(["diff", root, root, *flags]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert main(["diff", root, str(tmp_path)]) == 2
