"""``mids deidentify``: DICOM in, DICOM out; ids, resuming, what is left out, what is told."""

import csv
import hashlib
import json
import re
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont
from trees import COMMANDS, another, chest, codes, command, fill_folder, put, radiographs, stamps, tree

from example_datasets.generators.dicomfile import encode, instance, uid, with_pixels
from mids.conversion import convert
from mids.deid.keys import Key
from mids.deid.labels import Labels
from mids.deid.policy import chosen, preset
from mids.deid.pseudonyms import Pseudonyms
from mids.deidentification import ABOUT, FACTS, Deidentification, deidentify
from mids.errors import MidsError
from mids.plan.instances import Context, build
from mids.readers.dicom.headers import Instance
from mids.readers.dicom.scan import Scan
from mids.readers.given.embedding import read as read_embedding
from mids.records import Source

PDF = "1.2.840.10008.5.1.4.1.1.104.1"
DIRECTORY = "1.2.840.10008.1.3.10"
RAW = "1.2.840.10008.5.1.4.1.1.66"
REPORT = "1.2.840.10008.5.1.4.1.1.88.11"
PATH = re.compile(r"S[A-Z2-7]{10}/E[A-Z2-7]{10}/[A-Z2-7]{10}/(\d{5}-)?[A-Z2-7]{10}\.dcm")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Two patients, three radiographs, under names that tell."""
    return fill_folder(tmp_path / "Perez Garcia", radiographs())


@pytest.fixture
def dest(tmp_path: Path) -> Path:
    return tmp_path / "dest"


def headers(dest: Path) -> dict[str, pydicom.Dataset]:
    """The headers in a destination, by path."""
    return {
        path.relative_to(dest).as_posix(): pydicom.dcmread(path, stop_before_pixels=True)
        for path in sorted(dest.rglob("*.dcm"))
    }


def sources(dest: Path) -> list[dict[str, str]]:
    with Path(f"{dest}.mids/sources.tsv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))


# What comes out


def test_every_file_comes_out_under_a_name_that_says_nothing(source: Path, dest: Path, key: Path) -> None:
    done = deidentify(source, dest, key=key)
    assert done.exit_code == 0
    found = headers(dest)
    assert len(found) == 3
    assert all(PATH.fullmatch(path) for path in found)
    assert {header.PatientID for header in found.values()} == {path.split("/")[0] for path in found}
    assert {header.PatientIdentityRemoved for header in found.values()} == {"YES"}
    assert {path: header.SOPInstanceUID for path, header in found.items()} == {
        path: header.file_meta.MediaStorageSOPInstanceUID for path, header in found.items()
    }
    assert {row["status"] for row in sources(dest)} == {"converted"}
    assert {row["filename"] for row in sources(dest)} == {*found}
    assert stat.S_IMODE(Path(f"{dest}.mids").stat().st_mode) == 0o700


def test_nothing_of_the_source_is_in_names_messages_or_log(source: Path, dest: Path, key: Path, tmp_path: Path) -> None:
    put(source, "broken García.dcm", b"\0" * 128 + b"DICM" + b"\x02\0\0\0UL")
    put(source, "empty García.dcm", b"")
    done = command("mids", "deidentify", source, dest, "--key", key, "-v", "--log", tmp_path / "log")
    assert done.returncode == 1
    said = done.stdout + done.stderr + (tmp_path / "log").read_text(encoding="utf-8")
    for word in ("Perez", "Garc", "000123", str(source.name)):
        assert word not in said
        assert not any(word in path for path in tree(dest))
    assert "source:" in said
    assert len(tree(dest)) == 4
    lost = {row["source"]: row["reason"] for row in sources(dest) if row["status"] == "lost"}
    assert sorted(lost) == ["broken García.dcm", "empty García.dcm"]


def _volumes(dataset: Path) -> list[tuple[tuple[int, ...], str, list[float]]]:
    """Shape, digest of the voxels, and affine of every volume."""
    found = []
    for path in sorted(dataset.rglob("*.nii.gz")):
        image = nib.load(path)
        voxels = np.asarray(image.dataobj)
        digest = hashlib.sha256(np.ascontiguousarray(voxels).tobytes()).hexdigest()
        found.append((voxels.shape, digest, [round(float(v), 3) for v in image.affine.ravel()]))
    return sorted(found)


def test_a_conversion_of_the_result_has_the_same_voxels(tmp_path: Path, key: Path) -> None:
    source = fill_folder(tmp_path / "source", {**chest(), **radiographs()})
    deidentify(source, tmp_path / "clean", key=key)
    before = convert("dicom", source, tmp_path / "before", key=key)
    after = convert("dicom", tmp_path / "clean", tmp_path / "after", key=key)
    assert after.exit_code == 0
    assert _volumes(after.dataset) == _volumes(before.dataset) != []
    pictures = [
        sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in done.dataset.rglob("*.png"))
        for done in (before, after)
    ]
    assert pictures[0] == pictures[1] != []


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_an_archive_gives_what_its_files_give(source: Path, tmp_path: Path, key: Path, kind: str) -> None:
    archive = shutil.make_archive(str(tmp_path / "archive"), kind, source)
    deidentify(source, tmp_path / "one", key=key)
    deidentify(archive, tmp_path / "other", key=key)
    assert tree(tmp_path / "other") == tree(tmp_path / "one")


# Ids


def test_the_same_key_gives_the_same_files_anywhere_and_another_key_others(
    source: Path, tmp_path: Path, key: Path
) -> None:
    moved = shutil.copytree(source, tmp_path / "elsewhere" / "x")
    shutil.copy(key, tmp_path / "copied")
    (tmp_path / "other").write_text("77" * 32)
    one = deidentify(source, tmp_path / "1", key=key).dataset
    same = deidentify(moved, tmp_path / "2", key=tmp_path / "copied", jobs=2).dataset
    other = deidentify(source, tmp_path / "3", key=tmp_path / "other").dataset
    assert tree(same) == tree(one)
    ids = [
        {str(header[name].value) for header in headers(dest).values() for name in ("PatientID", "StudyInstanceUID")}
        for dest in (one, other)
    ]
    assert len(ids[0]) == len(ids[1]) == 4
    assert not ids[0] & ids[1]
    with pytest.raises(MidsError, match="another key"):
        deidentify(source, one, key=tmp_path / "other")


def test_random_ids_leave_no_key_and_no_link(source: Path, dest: Path, tmp_path: Path) -> None:
    policy = chosen("mids", ids="random")
    done = deidentify(source, dest, policy=policy)
    other = deidentify(source, tmp_path / "other", policy=policy)
    assert done.exit_code == 0
    assert done.is_sealed
    outputs = {*headers(dest)}
    assert len(outputs) == 3
    assert not {path.split("/")[0] for path in outputs} & {path.split("/")[0] for path in headers(other.dataset)}
    state = Path(f"{dest}.mids")
    assert sorted(path.name for path in state.iterdir()) == ["journal.sqlite", "sources.tsv"]
    assert [(row["source"], row["status"], row["filename"]) for row in sources(dest)] == [
        ("a/1", "converted", "n/a"), ("a/2", "converted", "n/a"), ("b/1", "converted", "n/a"),
    ]  # fmt: skip
    kept = b"".join(path.read_bytes() for path in state.iterdir())
    for path in outputs:
        assert not any(part.encode() in kept for part in Path(path).with_suffix("").parts)
    assert b"a/1" not in (state / "journal.sqlite").read_bytes()


def test_a_finished_destination_with_random_ids_is_refused(source: Path, dest: Path, tmp_path: Path) -> None:
    deidentify(source, dest, policy=chosen("mids", ids="random"))
    before = tree(dest)
    left = Path(f"{dest}.mids/random-key")
    left.write_text("5d" * 32)  # as a kill between the seal and the key's end leaves it
    for ids in ("random", "keyed"):
        again = command("mids", "deidentify", source, dest, "--ids", ids, "-q", home=tmp_path)
        assert again.returncode == 2
        assert "is finished" in again.stderr
        assert again.stderr.count("\n") == 1
    assert not left.exists()
    assert tree(dest) == before


def test_random_ids_have_neither_key_nor_map(source: Path, dest: Path, key: Path, tmp_path: Path) -> None:
    policy = chosen("mids", ids="random")
    with pytest.raises(MidsError, match="no key"):
        deidentify(source, dest, policy=policy, key=key)
    with pytest.raises(MidsError, match="mapped back"):
        deidentify(source, dest, policy=policy, map_file=tmp_path / "map.csv")
    assert not dest.exists()


def test_real_ids_are_kept_if_asked_for(source: Path, dest: Path, key: Path) -> None:
    deidentify(source, dest, policy=chosen("mids", ids="keep"), key=key)
    assert {path.split("/")[0]: header.PatientID for path, header in headers(dest).items()} == {
        "000123": "000123", "123": "123",
    }  # fmt: skip


def test_two_patients_are_never_merged(tmp_path: Path, dest: Path, key: Path) -> None:
    files = {
        str(number): another(
            f"n{number}", PatientID=patient, IssuerOfPatientID="", StudyInstanceUID=uid("study", number)
        )
        for number, patient in enumerate(("A-1", "A1", "B"))
    }
    done = deidentify(fill_folder(tmp_path / "s", files), dest, policy=chosen("mids", ids="keep"), key=key)
    assert codes(done.issues) == ["SUBJECT_COLLISION", "SUBJECT_COLLISION"]
    assert done.exit_code == 1
    assert [header.PatientID for header in headers(dest).values()] == ["B"]
    assert [row["status"] for row in sources(dest)] == ["lost", "lost", "converted"]


def test_labels_come_from_a_table(source: Path, dest: Path, key: Path, tmp_path: Path) -> None:
    table = tmp_path / "ids.csv"
    table.write_text("id_old,id_new\n000123,P1\n")
    done = deidentify(source, dest, policy=chosen("mids", ids="table"), key=key, id_table=table)
    assert codes(done.issues) == ["PATIENT_UNLISTED"]
    assert {(path.split("/")[0], header.PatientID) for path, header in headers(dest).items()} == {("P1", "P1")}
    table.write_text("id_old,id_new\n000123,P1\n123,P2\n")
    again = deidentify(source, dest, policy=chosen("mids", ids="table"), key=key, id_table=table)
    assert again.exit_code == 0
    assert {path.split("/")[0] for path in headers(dest)} == {"P1", "P2"}
    table.write_text("id_old,id_new\n000123,P1\n123,p1\n")
    with pytest.raises(MidsError, match="line 3"):
        deidentify(source, dest, policy=chosen("mids", ids="table"), key=key, id_table=table)
    with pytest.raises(MidsError, match="go together"):
        deidentify(source, dest, policy=chosen("mids", ids="table"), key=key)


def test_the_map_says_who_is_who_and_only_its_owner_can_read_it(
    source: Path, dest: Path, key: Path, tmp_path: Path
) -> None:
    place = tmp_path / "map.csv"
    deidentify(source, dest, key=key, map_file=place)
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    with place.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    new = {(row["kind"], row["id_old"]): row["id_new"] for row in rows}
    for row in sources(dest):
        before = pydicom.dcmread(source / row["source"])
        after = pydicom.dcmread(dest / row["filename"])
        assert new["patient", before.PatientID] == after.PatientID
        for keyword in ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID"):
            assert new["uid", before[keyword].value] == after[keyword].value
    assert not any(row["id_old"].startswith("1.2.840.10008.") for row in rows)
    with pytest.raises(MidsError, match="exists"):
        deidentify(source, dest, key=key, map_file=place)
    with pytest.raises(MidsError, match="inside DEST"):
        deidentify(source, dest, key=key, map_file=dest / "map.csv")


# What is left out


def test_one_instance_twice_is_delivered_once_and_told(source: Path, dest: Path, key: Path) -> None:
    shutil.copy(source / "a/1", source / "a/1 copy")
    done = deidentify(source, dest, key=key)
    assert done.exit_code == 0
    assert len(headers(dest)) == 3
    reasons = {row["source"]: row["reason"] for row in sources(dest) if row["status"] == "skipped"}
    assert [*reasons] == ["a/1 copy"]
    assert "duplicate" in reasons["a/1 copy"]


def test_one_uid_with_two_contents_is_an_error_and_both_are_named(source: Path, dest: Path, key: Path) -> None:
    other = pydicom.dcmread(source / "a/1")
    other.PixelData = bytes(len(other.PixelData))
    other.save_as(source / "a/9")
    done = deidentify(source, dest, key=key)
    assert codes(done.issues) == ["DUPLICATE_DIFFERS"]
    assert done.exit_code == 1
    assert {row["source"]: row["status"] for row in sources(dest)}["a/9"] == "lost"
    assert len(headers(dest)) == 3


@pytest.mark.parametrize(
    ("sop_class", "code"),
    [(PDF, ["DEID_WITHHELD"]), (RAW, ["DEID_WITHHELD"]), (REPORT, ["DEID_WITHHELD"]), (DIRECTORY, [])],
)
def test_what_cannot_be_cleaned_is_not_delivered(
    source: Path, dest: Path, key: Path, sop_class: str, code: list[str]
) -> None:
    ids = {"PatientID": "000123", "StudyInstanceUID": uid("s"), "SeriesInstanceUID": uid("e"), "Modality": "OT"}
    put(source, "object", instance(sop_class, "object", ids))
    done = deidentify(source, dest, policy=preset("basic"), key=key)
    assert codes(done.issues) == code
    assert done.exit_code == 0
    assert len(headers(dest)) == 3
    row = next(row for row in sources(dest) if row["source"] == "object")
    assert row["status"] == "skipped"
    assert row["reason"] != "n/a"


def test_other_files_and_broken_ones_are_listed_with_a_reason(source: Path, dest: Path, key: Path) -> None:
    put(source, "notes.txt", b"call the patient")
    whole = (source / "a/1").read_bytes()
    put(source, "cut", whole[: len(whole) - 3000])
    done = deidentify(source, dest, key=key)
    assert codes(done.issues) == ["DUPLICATE_DIFFERS"]  # the cut one has the UID of a/1
    (source / "a/1").unlink()
    done = deidentify(source, dest, key=key)
    assert codes(done.issues) == ["FILE_TRUNCATED"]
    assert {row["source"]: row["status"] for row in sources(dest)} == {
        "a/2": "converted", "b/1": "converted", "cut": "lost", "notes.txt": "skipped",
    }  # fmt: skip


def test_pictures_that_may_show_a_name_are_held_back_until_released(tmp_path: Path, dest: Path, key: Path) -> None:
    source = fill_folder(tmp_path / "s", {"1": another("burned", BurnedInAnnotation="YES"), **radiographs()})
    held = deidentify(source, dest, key=key)
    assert codes(held.issues) == ["PRIVACY_HELD_BACK"]
    assert len(headers(dest)) == 3
    released = deidentify(source, dest, key=key, policy=chosen("mids", burned_in="release"))
    assert released.issues == ()
    assert len(headers(dest)) == 4


def test_text_in_pixels_is_blanked_and_the_place_recorded(tmp_path: Path, dest: Path, key: Path) -> None:
    burned = another("burned", BurnedInAnnotation="YES")
    pixels = burned.pixel_array.copy()
    canvas = Image.new("L", (pixels.shape[1], pixels.shape[0]))
    ImageDraw.Draw(canvas).text((20, 10), "PEREZ GARCIA", fill=255, font=ImageFont.load_default(size=16))
    shown = np.asarray(canvas) > 128
    top, left = (int(axis.min()) for axis in np.nonzero(shown))
    bottom, right = (int(axis.max()) + 1 for axis in np.nonzero(shown))
    assert burned.PhotometricInterpretation == "MONOCHROME1"
    pixels[: bottom + 8, : right + 20] = (1 << burned.BitsStored) - 1
    pixels[shown] = 0
    with_pixels(burned, pixels, "MONOCHROME1", burned.BitsStored)
    policy = chosen("mids", burned_in="blank", detect="glyphs")
    done = deidentify(fill_folder(tmp_path / "s", {"1": burned}), dest, policy=policy, key=key)
    assert codes(done.issues) == ["PRIVACY_TEXT_BLANKED"]
    (path,) = dest.rglob("*.dcm")
    after = pydicom.dcmread(path)
    assert after.BurnedInAnnotation == "NO"
    assert len(np.unique(after.pixel_array[top:bottom, left:right])) == 1
    (boxes,) = json.loads((dest / FACTS).read_text())["BlankedRegions"].values()
    assert any(t <= top and b >= bottom for t, _, b, _ in boxes)
    assert min(box[1] for box in boxes) <= left
    assert max(box[3] for box in boxes) >= right
    report = deidentify(tmp_path / "s", dest, policy=chosen("mids", burned_in="report"), key=key)
    assert codes(report.issues) == ["PRIVACY_TEXT_KEPT"]
    assert len(headers(dest)) == 1


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.text("AB-01 ", max_size=3), st.sampled_from(["", "1.2.3", "1.2.4"]), st.sampled_from(["", "1.5", "1.6"]),
            st.one_of(st.none(), st.integers(-5, 10**12)),
        ),
        max_size=12,
    )
)  # fmt: skip
def test_every_file_is_accounted_for_and_no_name_holds_an_id(files: list[tuple[str, str, str, int | None]]) -> None:
    instances = [
        Instance(
            Source(f"{number:02}"),
            {key: value for key, value in {
                "PatientID": patient.strip(), "StudyInstanceUID": study, "SeriesInstanceUID": series,
                "InstanceNumber": given, "SOPInstanceUID": f"1.9.{number}", "Modality": "CT",
            }.items() if value not in ("", None)},
            has_pixels=True,
        )
        for number, (patient, study, series, given) in enumerate(files)
    ]  # fmt: skip
    context = Context(Labels(Pseudonyms(Key(b"k" * 32)), ABOUT), preset("basic"))
    plan = build(Scan(instances), Path(), context)
    paths = [job.path for job in plan.jobs]
    assert sorted(job.action.sources[0].path for job in plan.jobs) == [f"{n:02}" for n in range(len(files))]
    assert len({*paths}) == len(paths)
    assert all(PATH.fullmatch(path) for path in paths)


# Embedding


def test_values_of_a_table_go_into_a_private_block(source: Path, dest: Path, key: Path, tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    table.write_text(
        "PatientID,Region,Indication,Report\n"
        f"000123,Île-de-France,low symptoms,{'word ' * 20}\n"
        "999,Other,none,none\n", encoding="utf-8",
    )  # fmt: skip
    embed = read_embedding(table, group=0x0C19, creator="HOSPITAL TRIAL")
    done = deidentify(source, dest, key=key, embed=embed)
    assert done.exit_code == 0
    found = {path: header for path, header in headers(dest).items() if (0x0C19, 0x0010) in header}
    assert len(found) == 2
    for header in found.values():
        block = header.private_block(0x0C19, "HOSPITAL TRIAL")
        assert [block[element].value for element in (0x10, 0x11)] == ["Île-de-France", "low symptoms"]
        assert block[0x12].value.split() == ["word"] * 20
        assert [block[element].VR for element in (0x10, 0x11, 0x12)] == ["LO", "LO", "UT"]
    said = json.loads((dest / FACTS).read_text(encoding="utf-8"))["PrivateBlock"]
    assert said["PrivateCreator"] == "HOSPITAL TRIAL"
    assert {place: entry["Name"] for place, entry in said["Elements"].items()} == {
        "(0C19,1010)": "Region", "(0C19,1011)": "Indication", "(0C19,1012)": "Report",
    }  # fmt: skip


def test_a_value_that_looks_like_an_identifier_is_not_embedded(
    source: Path, dest: Path, key: Path, tmp_path: Path
) -> None:
    table = tmp_path / "labels.csv"
    table.write_text("id,mail,copy,code\n000123,ana.perez@example.org,see 000123,7\n", encoding="utf-8")
    done = deidentify(source, dest, key=key, embed=read_embedding(table, group=0x0C19, creator="X"))
    assert [(found.code, found.where) for found in done.issues] == [
        ("EMBED_REFUSED", "line 2, column 2"), ("EMBED_REFUSED", "line 2, column 3"),
    ]  # fmt: skip
    assert done.exit_code == 1
    block = next(h for h in headers(dest).values() if (0x0C19, 0x0010) in h).private_block(0x0C19, "X")
    assert 0x10 not in block
    assert 0x11 not in block
    assert block[0x12].value == "7"


@pytest.mark.parametrize(
    ("group", "content", "said"),
    [
        (0x0C18, "id,a\n1,2\n", "odd"), (0x0007, "id,a\n1,2\n", "odd"), (0x0C19, "id\n1\n", "first line"),
        (0x0C19, "id,a,a\n1,2,3\n", "first line"), (0x0C19, "id,a\n1\n", "line 2"),
        (0x0C19, "id,a\n1,2\n1,3\n", "line 3"), (0x0C19, "id," + ",".join(f"c{n}" for n in range(241)) + "\n", "240"),
    ],
)  # fmt: skip
def test_a_table_to_embed_is_checked(tmp_path: Path, group: int, content: str, said: str) -> None:
    (tmp_path / "t.csv").write_text(content)
    with pytest.raises(MidsError, match=said):
        read_embedding(tmp_path / "t.csv", group=group, creator="X")


# Again, and after an end


def test_a_second_run_changes_nothing_and_another_policy_redoes_all(source: Path, dest: Path, key: Path) -> None:
    deidentify(source, dest, key=key)
    before = stamps(dest)
    again = deidentify(source, dest, key=key)
    assert again.outcome is not None
    assert (again.outcome.made, again.outcome.removed, len(again.outcome.kept)) == ((), (), 3)
    assert stamps(dest) == before
    deidentify(source, dest, key=key, policy=preset("basic"))
    after = stamps(dest)
    assert {*after} == {*before}
    assert not {*after.items()} & {*before.items()}


def test_what_left_the_source_leaves_the_destination(source: Path, dest: Path, key: Path) -> None:
    deidentify(source, dest, key=key)
    before = tree(dest)
    put(source, "b/2", another("more", PatientID="123", IssuerOfPatientID=""))
    deidentify(source, dest, key=key)
    assert len(tree(dest)) == len(before) + 1
    (source / "b/2").unlink()
    deidentify(source, dest, key=key)
    assert tree(dest) == before


def test_a_dry_run_writes_nothing(source: Path, dest: Path, key: Path) -> None:
    done = command("mids", "deidentify", source, dest, "--key", key, "--dry-run")
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == "3 new"
    assert not dest.exists()
    assert not Path(f"{dest}.mids").exists()


def _start(*arguments: str | Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [COMMANDS / "mids", "deidentify", *map(str, arguments), "-v"],
        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, start_new_session=True,
    )  # fmt: skip


def _killed(lines: int, *arguments: str | Path) -> None:
    """The real program, killed after some lines of progress."""
    process = _start(*arguments)
    assert process.stderr is not None
    progress: Iterator[str] = iter(process.stderr)
    for _ in range(lines):
        next(progress, None)
    process.kill()
    process.wait()
    process.stderr.close()


def test_killed_at_any_point_it_goes_on_to_the_same_bytes(tmp_path: Path, key: Path) -> None:
    source = fill_folder(tmp_path / "source", {**chest(), **radiographs()})
    whole = tree(deidentify(source, tmp_path / "whole", key=key).dataset)
    for lines in (1, 4, 9):
        _killed(lines, source, tmp_path / "dest", "--key", key, "--jobs", "2")
        there = tree(tmp_path / "dest") if (tmp_path / "dest").exists() else {}
        assert {path for path, content in there.items() if whole.get(path) != content} == set()
    deidentify(source, tmp_path / "dest", key=key)
    assert tree(tmp_path / "dest") == whole
    assert sorted(path.name for path in Path(f"{tmp_path / 'dest'}.mids").iterdir()) == [
        "journal.sqlite",
        "sources.tsv",
    ]


def test_a_killed_run_with_random_ids_goes_on_with_them(tmp_path: Path) -> None:
    source, dest = fill_folder(tmp_path / "source", chest()), tmp_path / "dest"
    _killed(4, source, dest, "--ids", "random")
    place = Path(f"{dest}.mids/random-key")
    first = {*headers(dest)}
    if place.exists():  # else it was killed before or after all
        assert stat.S_IMODE(place.stat().st_mode) == 0o600
        deidentify(source, dest, policy=chosen("mids", ids="random"))
    assert first <= {*headers(dest)}
    assert len(headers(dest)) == len(chest())
    assert len({path.split("/")[0] for path in headers(dest)}) == 1
    assert not place.exists()


# Use


def test_the_command_says_what_a_profile_does(tmp_path: Path) -> None:
    texts = {name: command("mids", "deidentify", "--policy", name, "--describe").stdout for name in ("basic", "mids")}
    assert len({*texts.values()}) == 2
    assert all(text for text in texts.values())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "SOURCE and DEST"),
        (["{s}", "{d}", "--policy", "basik"], "basic"),
        (["{s}", "{d}", "--option", "retain_uid"], "retain_uids"),
        (["{s}", "{d}", "--option", "retain_full_dates", "--option", "retain_modified_dates"], "exclude"),
        (["{s}", "{d}", "--key", "{d}x/none"], "does not exist"),
        (["{s}", "{s}/in"], "inside SOURCE"),
        (["{s}/none", "{d}"], "does not exist"),
        (["{s}", "{d}", "--jobs", "0"], "--jobs"),
        (["{s}", "{d}", "--embed", "{s}/none"], "can't read"),
        (["{s}", "{d}", "--policy", "{s}/none.yaml"], "can't read"),
        (["{s}", "{d}", "--policy", "mids", "--profile", "basic"], "--policy only"),
        (["{s}", "{d}", "--option", "retain_uids", "--without", "retain-uids"], "both added and taken away"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(source: Path, dest: Path, arguments: list[str], said: str) -> None:
    given = [text.format(s=source, d=dest) for text in arguments]
    done = command("mids", "deidentify", *given, home=dest.parent)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not dest.exists()


def test_an_override_of_an_unknown_attribute_is_told_before_anything_is_read(source: Path, dest: Path) -> None:
    policy = dest.parent / "policy.yaml"
    policy.write_text("overrides: [{attribute: StationNaem, action: X, reason: a}]\n")
    done = command("mids", "deidentify", str(source), str(dest), "--policy", str(policy), home=dest.parent)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "did you mean StationName" in done.stderr
    assert not dest.exists()
    assert not dest.with_name(dest.name + ".mids").exists()


@pytest.mark.shared
def test_real_files_come_out_or_are_named(shared: Path, tmp_path: Path, key: Path) -> None:
    done: Deidentification = deidentify(shared / "dicom", tmp_path / "dest", key=key, jobs=2)
    assert done.outcome is not None
    assert done.outcome.crashes == ()
    rows = sources(tmp_path / "dest")
    assert {row["filename"] for row in rows if row["status"] == "converted"} == {*headers(tmp_path / "dest")}
    assert all(row["reason"] != "n/a" for row in rows if row["status"] != "converted")


def test_an_image_cut_inside_its_header_is_told_and_not_delivered(tmp_path: Path, dest: Path, key: Path) -> None:
    whole, other = (encode(dataset) for dataset in list(radiographs().values())[:2])
    source = fill_folder(tmp_path / "cut", {"a": whole, "b": other[: other.index(b"\x28\x00\x10\x00")]})
    done = deidentify(source, dest, key=key)
    assert done.exit_code == 1
    assert [found.code for found in done.issues if found.level == "error"] == ["FILE_TRUNCATED"]
    assert done.outcome is not None
    assert len(done.outcome.made) == 1


def test_texts_as_they_are_contradict_cleaning(tmp_path: Path, dest: Path, key: Path) -> None:
    source = fill_folder(tmp_path / "s", {"a": b"x"})
    with pytest.raises(MidsError, match="contradicts"):
        deidentify(source, dest, policy=chosen("mids", texts="keep"), key=key)


def test_a_short_text_that_repeats_the_name_goes(tmp_path: Path, dest: Path, key: Path) -> None:
    dataset = next(iter(radiographs().values()))
    dataset.PatientName, dataset.PatientID = "Quintanilla^Rosaura", "PATID777"
    dataset.ManufacturerModelName, dataset.ConvolutionKernel = "for Rosaura", "B40f"
    dataset.AcquisitionDeviceProcessingCode = "PATID777"
    done = deidentify(fill_folder(tmp_path / "s", {"a": dataset}), dest, key=key)
    assert done.outcome is not None
    found = pydicom.dcmread(dest / done.outcome.made[0])
    assert "ManufacturerModelName" not in found
    assert "AcquisitionDeviceProcessingCode" not in found
    assert found.ConvolutionKernel == "B40f"
    assert ("DEID_VALUE_REMOVED", "ManufacturerModelName") in {(one.code, one.where) for one in done.issues}
