"""Random series (`benchmarks.voxels`) that once went wrong, and some that nobody has seen before."""

from pathlib import Path

import pytest

from benchmarks.voxels import run

FOUND = {
    4: "more frames stated than described stopped the program",
    18: "pixel data shorter than the header says cost the whole series, by the name of PIXELS_UNREADABLE",
    36: "HighBit 15 of deflated files was applied twice",
    38: "a grid of uneven slices ended before the last slice",
    291: "HighBit 15 of deflated PET was applied twice",
    447: "positions of few digits: the distance of the first two slices was taken for that of all, over time",
    7017: "numbers of images that restart: b-values did not tell the volumes apart",
    10060: "shuffled frames: slices of several b-values became one volume",
    20005: "random numbers of images: slices of several b-values became one volume",
    933: "the same, of one volume",
    80087: "single slices of two materials, 0.004 mm apart, became one volume of two slices",
    300096: "noise of one place over three times became three places, and a grid between them",
    302392: "positions of few digits: slices drifted off by a fiftieth of their distance",
    300157: "deflated files with frames were lost, for NumberOfFrames was not read a second time",
}
"""Seeds, and what was wrong."""


@pytest.mark.slow
def test_faults_that_were_found_stay_mended(tmp_path: Path) -> None:
    _, wrong = run(sorted(FOUND), tmp_path / "run")
    assert not {seed: (FOUND[seed], texts) for seed, texts in wrong.items() if texts}


@pytest.mark.slow
def test_random_series_are_delivered_voxel_by_voxel_or_refused_by_name(tmp_path: Path) -> None:
    _, wrong = run(range(7000, 7040), tmp_path / "run")
    assert not {seed: texts for seed, texts in wrong.items() if texts}
