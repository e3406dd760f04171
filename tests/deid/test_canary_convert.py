"""The probe test of ``mids-convert``: sources with a canary in every place become datasets without any.

What a policy keeps is read off PS3.15 Table E.1-1 (`Canary.may_survive`), not asked of the program.
"""

import re
from functools import partial
from pathlib import Path
from typing import Any

import nibabel as nib
import pytest
from canaries import NAME, Found, Run, Source, leaks, run, source
from trees import command, images, table, tree

from example_datasets import canary_broken, canary_sources
from mids import collections
from mids.deid.policy import chosen, presets

pytestmark = pytest.mark.slow

RELEASED = ("--burned-in", "release")
"""Attributes of secondary captures stand in every file, which would be withheld."""
REPORTS = ("text", "json", "jsonl", "sarif", "junit", "github", "gitlab", "markdown", "html")


@pytest.fixture(scope="module")
def converted(study: Source, tmp_path_factory: pytest.TempPathFactory, key: Path) -> Run:
    """The study under the default policy."""
    dest = tmp_path_factory.mktemp("converted") / "out"
    return run("convert", "dicom", study.folder, dest, *RELEASED, "--key", key, dest=dest)


def _silent(done: Run, from_: Source, policy: str) -> list[Found]:
    """Asserts that no canary is in DEST, in what was said or in the journal; returns what the policy keeps."""
    found = done.found(from_.seeker)
    assert leaks(found, chosen(policy)) == []
    assert leaks(done.kept(from_.seeker), chosen(policy)) == []
    return found


def test_bits_above_bits_stored_stay_out_of_raw_pixels(study: Source, tmp_path: Path, key: Path) -> None:
    dest = tmp_path / "out"
    done = run("convert", "dicom", study.folder, dest, *RELEASED, "--pixels", "raw", "--key", key, dest=dest)
    _silent(done, study, "mids")
    assert done.code == 0
    volumes = [nib.load(path).get_fdata() for path in dest.rglob("*_ct.nii.gz")]
    assert [(int(v.min()), int(v.max())) for v in volumes] == [(-1024, 978)] * 2  # as twelve bits say, less 1024


@pytest.mark.parametrize("policy", presets())
def test_no_canary_comes_out(study: Source, tmp_path: Path, key: Path, policy: str) -> None:
    dest = tmp_path / "out"
    keyed = [] if chosen(policy).ids == "random" else ["--key", key]
    done = run("convert", "dicom", study.folder, dest, *RELEASED, "--policy", policy, *keyed, dest=dest)
    found = _silent(done, study, policy)
    assert done.code == 0, done.said["standard error"]
    assert len(images(dest)) == 10  # two of them label maps
    assert any(one.canary.kept for one in found) == (policy != "fidac-cnil")  # Manufacturer, which that removes


def test_a_dry_run_and_real_paths_say_no_more_than_asked(study: Source, tmp_path: Path, key: Path) -> None:
    dest = tmp_path / "out"
    _silent(run("convert", "dicom", study.folder, dest, *RELEASED, "--key", key, "--dry-run", dest=dest), study, "mids")
    shown = run("convert", "dicom", study.folder, dest, *RELEASED, "--key", key, "--dry-run", "--show-paths", dest=dest)
    found = shown.found(study.seeker)
    assert found
    assert {one.canary.file[: len(NAME)] for one in found} == {NAME}


@pytest.mark.parametrize("form", REPORTS)
def test_reports_of_the_validator_name_nobody(converted: Run, study: Source, tmp_path: Path, form: str) -> None:
    made = tmp_path / "report"
    done = run("validate", converted.dest, "--deep", f"--format={form}={made}", dest=tmp_path / "none")
    said = Run(done.code, tmp_path, {**done.said, "report": made.read_text(encoding="utf-8")})
    assert leaks(said.found(study.seeker), chosen("mids")) == []


def test_the_validator_finds_no_identifier(converted: Run) -> None:
    done = run("validate", converted.dest, "--deep", "--select", "privacy", dest=converted.dest)
    # Every planted day is another, so those of a study and of its images truly lie years apart.
    assert set(re.findall(r"PRIVACY_\w+", done.said["standard output"])) == {"PRIVACY_DATE_OFFSETS"}


@pytest.mark.parametrize("form", ["text", "json", "markdown", "html"])
def test_the_privacy_impact_page_names_nobody(converted: Run, study: Source, tmp_path: Path, form: str) -> None:
    made = tmp_path / "page"
    done = run("risk", converted.dest, "--format", form, "--output", made, dest=tmp_path / "none")
    said = Run(done.code, tmp_path, {**done.said, "page": made.read_text(encoding="utf-8")})
    assert leaks(said.found(study.seeker), chosen("mids")) == []


# --- ids and dates -------------------------------------------------------------------------------------------


def test_one_key_gives_the_same_dataset_wherever_it_runs(
    converted: Run, study: Source, tmp_path: Path, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "elsewhere"
    home.mkdir()
    for name, value in {"LC_ALL": "tr_TR.UTF-8", "TZ": "Pacific/Kiritimati", "PYTHONHASHSEED": "7"}.items():
        monkeypatch.setenv(name, value)
    dest = home / "other"
    done = command(
        "mids-convert", "dicom", study.folder, dest, *RELEASED, "--key", key, "--jobs", "2", home=home, cwd=home
    )
    assert done.returncode == 0, done.stderr
    assert tree(dest) == tree(converted.dest)


def _people(dest: Path) -> set[str]:
    return {row["participant_id"] for row in table(dest / "participants.tsv")}


def test_another_key_and_random_ids_give_other_ids(converted: Run, study: Source, tmp_path: Path) -> None:
    other = tmp_path / "key"
    other.write_text("6e" * 32 + "\n", encoding="ascii")
    other.chmod(0o600)
    runs = {"keyed": ["--key", other], "random": ["--ids", "random"], "again": ["--ids", "random"]}
    seen = _people(converted.dest)
    for name, flags in runs.items():
        run("convert", "dicom", study.folder, tmp_path / name, *flags, *RELEASED, dest=tmp_path / name)
        people = _people(tmp_path / name)
        assert len(people) == 2
        assert not people & seen
        seen |= people


# --- other sources -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["basic", "mids"])
def test_damaged_files_name_nobody(tmp_path: Path, key: Path, policy: str) -> None:
    broken = source(tmp_path / "in", canary_broken.files)
    done = run(
        "convert",
        "dicom",
        broken.folder,
        tmp_path / "out",
        *RELEASED,
        "--policy",
        policy,
        "--key",
        key,
        dest=tmp_path / "out",
    )
    _silent(done, broken, policy)
    assert done.code == 1, done.said["standard error"]


PUBLISHED = {0x00080020, 0x00080021, 0x00080022, 0x00080023, 0x0008002A}
"""The days of study, series, acquisition (also with time) and content: left as they are where they were published."""


def unpublished(done: Any, made: Any, collection: str) -> list[Any]:
    """What was found, without what the publisher of a collection publishes."""
    are_public = collections.find(collection).ABOUT.dates != "real"
    return [
        one
        for one in (*done.found(made.seeker), *done.kept(made.seeker))
        if not (are_public and one.canary.path and one.canary.path[-1] in PUBLISHED)
    ]


@pytest.mark.parametrize("collection", sorted(canary_sources.GENERATORS))
def test_no_canary_of_a_collection_comes_out(tmp_path: Path, key: Path, collection: str) -> None:
    made = source(tmp_path / "in", partial(canary_sources.files, collection))
    dest = tmp_path / "out"
    done = run("convert", collection, made.folder, dest, *RELEASED, "--key", key, dest=dest)
    found = unpublished(done, made, collection)
    assert leaks(found, chosen("mids")) == []
    assert done.code in (0, 1)
    assert len(images(dest)) >= 5


@pytest.mark.parametrize("collection", ["bimcv-covid19", "bimcv-covid19-raw", "covid-chestxray", "midrc-ricord-1a"])
def test_a_column_of_names_stays_in_the_source(tmp_path: Path, key: Path, collection: str) -> None:
    made = source(tmp_path / "in", partial(canary_sources.files, collection, unexpected=True))
    dest = tmp_path / "out"
    done = run("convert", collection, made.folder, dest, *RELEASED, "--key", key, dest=dest)
    assert leaks(unpublished(done, made, collection), chosen("mids")) == []
    assert "'nombre' is in no known version" in done.said["standard error"]


def test_headers_that_name_patients_disprove_a_collection_without_a_word_of_them(tmp_path: Path, key: Path) -> None:
    made = source(tmp_path / "in", partial(canary_sources.files, "covid19-ct", unexpected=True))
    dest = tmp_path / "out"
    done = run("convert", "covid19-ct", made.folder, dest, *RELEASED, "--key", key, dest=dest)
    assert leaks([*done.found(made.seeker), *done.kept(made.seeker)], chosen("mids")) == []
    assert done.code == 2
    assert len(done.said["standard error"].splitlines()) == 1
