"""Repeated runs: nothing is done twice, changes in the source reach the dataset, files of other origin stay."""

import shutil
from pathlib import Path

import pytest
from trees import (
    another,
    chest,
    codes,
    fill_folder,
    images,
    put,
    radiographs,
    scans,
    source_rows,
    stamps,
    table,
    tree,
)

from example_datasets.generate import INPUT
from example_datasets.generators import radiograph
from example_datasets.generators.dicomfile import encode, uid
from mids.conversion import Conversion, convert
from mids.errors import MidsError
from mids.issues import Level

# The same again


def test_a_second_run_changes_nothing(phantom: Conversion, key: Path) -> None:
    before, times = tree(phantom.dataset), stamps(phantom.dataset)
    again = convert("dicom", INPUT, phantom.dataset, key=key)
    assert again.outcome is not None
    assert (again.outcome.made, again.outcome.removed) == ((), ())
    assert sorted(again.outcome.kept) == images(phantom.dataset)
    assert tree(phantom.dataset) == before
    assert stamps(phantom.dataset) == times


def test_the_number_of_processes_changes_nothing(phantom: Conversion, tmp_path: Path, key: Path) -> None:
    shutil.copy(key, tmp_path / "copied key")
    alone = convert("dicom", INPUT, tmp_path / "alone", key=tmp_path / "copied key", jobs=1)
    assert tree(alone.dataset) == tree(phantom.dataset)


def test_another_key_gives_other_labels_and_dates(source: Path, tmp_path: Path, done: Conversion) -> None:
    other = tmp_path / "other key"
    other.write_text("77" * 32)
    other.chmod(0o600)
    second = convert("dicom", source, tmp_path / "second", key=other)
    labels = [{Path(path).parts[0] for path in images(found.dataset)} for found in (done, second)]
    assert [len(found) for found in labels] == [2, 2]
    assert not labels[0] & labels[1]
    moments = [
        {row["acq_time"] for path in found.dataset.rglob("*_sessions.tsv") for row in table(path)}
        for found in (done, second)
    ]
    assert not moments[0] & moments[1]
    with pytest.raises(MidsError, match="another key"):
        convert("dicom", source, done.dataset, key=other)


# When the source changes


def test_a_new_patient_is_added_and_nothing_else_is_made(
    source: Path, dest: Path, key: Path, done: Conversion, tmp_path: Path
) -> None:
    times = stamps(dest)
    put(source, "c/1", another("cr-c", PatientID="C", IssuerOfPatientID="", StudyInstanceUID=uid("study", "c")))
    more = convert("dicom", source, dest, key=key)
    assert more.outcome is not None
    assert len(more.outcome.made) == 1
    assert {path: stamps(dest)[path] for path in images(dest) if path in times} == {
        path: when for path, when in times.items() if path.endswith(".png")
    }
    assert len(table(dest / "participants.tsv")) == 3
    assert scans(dest) == images(dest)
    assert tree(dest) == tree(convert("dicom", source, tmp_path / "at once", key=key).dataset)


def test_runs_keep_their_numbers_when_an_earlier_image_appears(tmp_path: Path, dest: Path, key: Path) -> None:
    source = fill_folder(tmp_path / "source", {"late": another("late", AcquisitionTime="090000")})
    first = images(convert("dicom", source, dest, key=key).dataset)
    before = (dest / first[0]).stat()
    put(source, "early", another("early", AcquisitionTime="080000"))
    convert("dicom", source, dest, key=key)
    assert (dest / first[0]).stat().st_mtime_ns == before.st_mtime_ns
    assert [path.split("run-")[1][0] for path in images(dest)] == ["1", "2"]
    rows = {row["filename"].split("run-")[1][0]: row["acq_time"][11:] for row in table(*dest.rglob("*_scans.tsv"))}
    assert rows == {"1": "09:00:00", "2": "08:00:00"}
    fresh = convert("dicom", source, tmp_path / "fresh", key=key).dataset
    rows = {row["filename"].split("run-")[1][0]: row["acq_time"][11:] for row in table(*fresh.rglob("*_scans.tsv"))}
    assert rows == {"1": "08:00:00", "2": "09:00:00"}


def test_what_left_the_source_is_kept_and_told(source: Path, dest: Path, key: Path, done: Conversion) -> None:
    whole = tree(dest)
    (source / "a/2").unlink()
    shutil.rmtree(source / "b")
    after = convert("dicom", source, dest, key=key)
    assert (codes(after.issues), after.exit_code, len(after.comparison.vanished)) == (["SOURCE_VANISHED"], 1, 2)
    assert any("2 images" in found.message for found in after.issues if found.code == "SOURCE_VANISHED")
    assert tree(dest) == whole


def test_an_image_gone_from_the_source_and_from_the_disk_leaves_the_tables(
    source: Path, dest: Path, key: Path, done: Conversion
) -> None:
    gone = next(path for path in images(dest) if path.endswith("vp-ll_dx.png"))
    (source / "a/2").unlink()
    (dest / gone).unlink()
    convert("dicom", source, dest, key=key)
    assert scans(dest) == images(dest)
    assert not (dest / gone).with_suffix(".json").exists()


def test_fewer_subjects_on_request_remove_nothing(source: Path, dest: Path, key: Path, done: Conversion) -> None:
    before, known = tree(dest), source_rows(dest)
    part = convert("dicom", source, dest, key=key, limit=1)
    assert part.outcome is not None
    assert part.outcome.removed == ()
    assert tree(dest) == before
    assert source_rows(dest) == known


def test_a_limit_is_completed_by_the_next_run(source: Path, dest: Path, key: Path, tmp_path: Path) -> None:
    convert("dicom", source, dest, key=key, limit=1)
    assert len(table(dest / "participants.tsv")) == 1
    convert("dicom", source, dest, key=key)
    assert tree(dest) == tree(convert("dicom", source, tmp_path / "at once", key=key).dataset)


def test_an_option_redoes_only_what_depends_on_it(tmp_path: Path, dest: Path, key: Path) -> None:
    source = fill_folder(tmp_path / "source", {**radiographs(), **chest()})
    convert("dicom", source, dest, key=key)
    times = stamps(dest)
    raw = convert("dicom", source, dest, key=key, pixels="raw")
    assert raw.outcome is not None
    assert all(path.endswith(".png") for path in raw.outcome.made)
    assert len(raw.outcome.made) == 3
    [volume] = raw.outcome.kept
    assert stamps(dest)[volume] == times[volume]
    assert tree(dest) == tree(convert("dicom", source, tmp_path / "raw", key=key, pixels="raw").dataset)


def test_a_source_that_breaks_leaves_its_output(source: Path, dest: Path, key: Path, done: Conversion) -> None:
    """A half-written file is told, with its image that is kept; a mended source changes nothing."""
    whole, path = tree(dest), source / "b/1"
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    broken = convert("dicom", source, dest, key=key)
    assert codes(broken.issues) == ["FILE_TRUNCATED", "SOURCE_VANISHED"]
    assert broken.exit_code == 1
    assert len(images(dest)) == 3
    assert scans(dest) == images(dest)
    path.write_bytes(content)
    assert convert("dicom", source, dest, key=key).exit_code == 0
    assert tree(dest) == whole


# Files that others made


def test_changed_and_foreign_files_are_kept_and_told(source: Path, dest: Path, key: Path, done: Conversion) -> None:
    (dest / "README.md").write_text("by hand\n")
    (dest / "notes.txt").write_text("mine\n")
    before = tree(dest)
    again = convert("dicom", source, dest, key=key)
    assert codes(again.issues) == ["FOREIGN_FILE", "FOREIGN_FILE"]
    assert {found.path for found in again.issues if found.code == "FOREIGN_FILE"} == {"README.md", "notes.txt"}
    assert again.exit_code == 0
    assert tree(dest) == before


def test_a_changed_image_is_in_the_way_and_stays(source: Path, dest: Path, key: Path, done: Conversion) -> None:
    path = images(dest)[0]
    (dest / path).write_bytes(b"retouched")
    before = tree(dest)
    for pixels in ("window", "raw"):
        again = convert("dicom", source, dest, key=key, pixels=pixels, change=["pixels"])
        assert [found.path for found in again.issues if found.level is Level.ERROR] == [path]
        assert "FOREIGN_IN_THE_WAY" in codes(again.issues)
        assert again.exit_code == 1
        assert (dest / path).read_bytes() == b"retouched"
        assert scans(dest) == images(dest)
    convert("dicom", source, dest, key=key, pixels="window", change=["pixels"])
    assert tree(dest) == before


@pytest.mark.parametrize("kind", ["file", "link"])
def test_a_foreign_file_in_the_way_is_not_touched(
    source: Path, dest: Path, key: Path, tmp_path: Path, kind: str
) -> None:
    convert("dicom", source, dest, key=key, limit=1)
    [planned] = [
        job.path
        for job in convert("dicom", source, dest, key=key, dry_run=True).plan.jobs
        if not (dest / job.path).exists()
    ]
    (dest / planned).parent.mkdir(parents=True)
    if kind == "file":
        (dest / planned).write_bytes(b"by somebody else")
    else:
        (dest / planned).symlink_to(tmp_path / "annexed")
    before = tree(dest)[planned]
    blocked = convert("dicom", source, dest, key=key)
    assert [found.code for found in blocked.issues if found.level is Level.ERROR] == ["FOREIGN_IN_THE_WAY"]
    assert blocked.exit_code == 1
    assert tree(dest)[planned] == before


def test_a_changed_file_that_is_no_longer_wanted_is_kept(source: Path, dest: Path, key: Path, done: Conversion) -> None:
    path = next(path for path in images(dest) if path.endswith("vp-ll_dx.png"))
    (dest / path).write_bytes(b"retouched")
    (source / "a/2").unlink()
    after = convert("dicom", source, dest, key=key)
    assert (dest / path).read_bytes() == b"retouched"
    assert "FOREIGN_FILE" in codes(after.issues)


def test_a_file_in_the_middle_of_a_series_leaves_the_numbers_of_the_others(tmp_path: Path, key: Path) -> None:
    source, dataset = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    for number in (1, 3):
        picture = radiograph.cr_pa(f"picture-{number}", 1)
        picture.InstanceNumber, picture.SeriesInstanceUID = number, "2.25.77"
        (source / str(number)).write_bytes(encode(picture))
    before = tree(convert("dicom", source, dataset, key=key).dataset)
    picture = radiograph.cr_pa("picture-2", 1)
    picture.InstanceNumber, picture.SeriesInstanceUID = 2, "2.25.77"
    (source / "2").write_bytes(encode(picture))
    done = convert("dicom", source, dataset, key=key)
    assert done.outcome is not None
    assert [path.split("_run-")[1][0] for path in done.outcome.made] == ["3"]
    after = tree(dataset)
    assert all(after[path] == content for path, content in before.items() if path.endswith(".png"))
