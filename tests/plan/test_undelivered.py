"""A label map never outlives the image that it lies on."""

import shutil
from pathlib import Path

from places import SOURCES

from mids.conversion import convert

INPUT = SOURCES / "midrc-ricord-1a" / "input"
HEADER = "file\tfield\told\tnew\twho\twhy\n"


def outline_dataset(dataset: Path) -> tuple[str, list[str]]:
    """An image with label maps, and its label maps."""
    maps = sorted(path.relative_to(dataset).as_posix() for path in dataset.rglob("*_dseg.nii.gz"))
    image = maps[0].removeprefix("derivatives/rois/").split("_desc-")[0] + "_ct.nii.gz"
    return image, [path for path in maps if path.split("_desc-")[0] == maps[0].split("_desc-")[0]]


def test_regions_of_an_excluded_image_are_skipped(tmp_path: Path, key: Path) -> None:
    dataset = tmp_path / "out"
    before = convert("midrc-ricord-1a", INPUT, dataset, key=key)
    image, maps = outline_dataset(dataset)
    assert (dataset / image).is_file()
    (tmp_path / "curation.tsv").write_text(f"{HEADER}{image}\texclude\tn/a\tyes\tA\tblurred\n")
    after = convert("midrc-ricord-1a", INPUT, dataset, key=key, curation=tmp_path / "curation.tsv")
    assert not any((dataset / path).exists() for path in (image, *maps))
    assert {found.code for found in after.issues} - {found.code for found in before.issues} <= {"ENTRY_UNMATCHED"}
    reasons = [item.reason for subject in after.plan.subjects for item in subject.skipped]
    assert reasons.count("regions of an image that is not delivered") == len(maps)


def test_regions_of_a_lost_image_are_lost_with_it(tmp_path: Path, key: Path) -> None:
    source, dataset = tmp_path / "in", tmp_path / "out"
    shutil.copytree(INPUT, source)
    first = convert("midrc-ricord-1a", source, dataset, key=key)
    image, maps = outline_dataset(dataset)
    job = next(job for job in first.plan.jobs if job.path == image)
    middle = source / job.action.sources[len(job.action.sources) // 2].path
    content = bytearray(middle.read_bytes())
    syntax = content.index(b"1.2.840.10008.1.2.1")
    content[syntax : syntax + 19] = b"1.2.840.10008.1.2.9"  # pixels that nothing can decode
    middle.write_bytes(bytes(content))
    after = convert("midrc-ricord-1a", source, dataset, key=key)
    assert after.outcome is not None
    assert image in after.outcome.lost
    assert set(maps) <= set(after.outcome.lost)
    assert not any((dataset / path).exists() for path in (image, *maps))
