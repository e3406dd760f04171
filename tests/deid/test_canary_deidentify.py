"""The probe test of ``mids deidentify``: a study with a canary in every place comes out without any.

What a policy keeps is read off PS3.15 Table E.1-1 (`Canary.may_survive`), not asked of the program.
"""

import os
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pydicom
import pytest
from canaries import Source, leaks, run, source
from pydicom.dataset import Dataset
from trees import command, tree

from example_datasets import canary_broken
from example_datasets.canary import Canary
from mids.deid.policy import OPTIONS, Policy, chosen, presets

pytestmark = pytest.mark.slow

RELEASED = ("--burned-in", "release")
OFTEN = ("clean_descriptors", "clean_structured_content", "retain_full_dates")
"""The options with which most is kept, or is kept in another form."""
POLICIES = [
    ("basic", ()),
    *((p, ()) for p in presets() if p != "basic"),
    *(pytest.param("basic", (name,), marks=[] if name in OFTEN else pytest.mark.nightly) for name in OPTIONS),
]


def _flags(profile: str, options: tuple[str, ...]) -> list[str]:
    """Everything is delivered: attributes of secondary captures stand in every file, which would be withheld."""
    return ["--profile", profile, *(f"--option={option}" for option in options), *RELEASED]


def _instances(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.dcm"))


@pytest.mark.parametrize(
    ("profile", "options"), POLICIES, ids=lambda value: value if isinstance(value, str) else "-".join(value) or "alone"
)
def test_no_canary_comes_out(study: Source, tmp_path: Path, key: Path, profile: str, options: tuple[str, ...]) -> None:
    policy, dest = chosen(profile, options), tmp_path / "out"
    keyed = [] if policy.ids == "random" else ["--key", key]
    done = run("deidentify", study.folder, dest, *_flags(profile, options), *keyed, dest=dest)
    found = done.found(study.seeker)
    assert leaks(found, policy) == []
    assert leaks(done.kept(study.seeker), policy) == []
    assert done.code in (0, 1)  # documents can't be cleaned, and are not delivered
    assert len(_instances(dest)) >= 10
    _keeps_what_it_should(study, policy, {c for one in found for c in (one.canary, *one.others)})


def _keeps_what_it_should(study: Source, policy: Policy, found: set[Canary]) -> None:
    """Some of what the policy keeps is there, of each kind: whoever looks can find."""
    for kind in {c.kind for c in study.cage.all if c.may_survive(policy) and len(c.path) == 1 and c.file != "a/pdf"}:
        is_banded = kind == "small" and policy.ages == "bands"  # of small numbers only ages stay, as other ones
        assert is_banded or any(one.kind == kind and one.may_survive(policy) for one in found), kind


# --- ids and dates -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shifted(study: Source, tmp_path_factory: pytest.TempPathFactory, key: Path) -> Path:
    """The study under the default policy, which shifts dates."""
    dest = tmp_path_factory.mktemp("shifted") / "out"
    run("deidentify", study.folder, dest, "--key", key, *RELEASED, dest=dest)
    return dest


def _days(dataset: Dataset, *path: int) -> Iterator[tuple[tuple[int, ...], date]]:
    """Every DA and DT at any depth."""
    for element in dataset:
        here = (*path, int(element.tag))
        if element.VR == "SQ":
            for item in element.value:
                yield from _days(item, *here)
        elif element.VR in ("DA", "DT") and element.value:
            text = str(element.value)
            yield here, date(int(text[:4]), int(text[4:6]), int(text[6:8]))


def test_dates_differ_from_the_source_by_one_constant_per_subject(study: Source, shifted: Path) -> None:
    """Files are told by the Manufacturer, which the table does not name and the policy keeps."""
    files = {c.form: c.file for c in study.cage.all if c.kept}
    before: dict[tuple[str, tuple[int, ...]], date] = {}
    for c in study.cage.all:
        if c.kind == "day" and c.vr in ("DA", "DT"):
            before[c.file, c.path] = date(int(c.form[:4]), int(c.form[4:6]), int(c.form[6:]))
    differences: defaultdict[str, list[int]] = defaultdict(list)
    for path in _instances(shifted):
        dataset = pydicom.dcmread(path)
        file = files[str(dataset.Manufacturer).split()[-1].lower()]
        for where, day in _days(dataset):
            if original := before.get((file, where)):
                differences[file[0]].append((day - original).days)
    assert differences.keys() == {"a", "b"}
    for found in differences.values():
        assert len(found) > 100
        assert len(set(found)) == 1
        assert found[0] < -365
        assert found[0] % 7 == 0
    assert len({found[0] for found in differences.values()}) == 2


def _ids(folder: Path) -> set[str]:
    return {str(pydicom.dcmread(path, stop_before_pixels=True).PatientID) for path in _instances(folder)}


def test_one_key_gives_the_same_files_wherever_it_runs(study: Source, shifted: Path, tmp_path: Path, key: Path) -> None:
    home = tmp_path / "elsewhere"
    home.mkdir()
    dest, copy = home / "other", home / "copy.key"
    copy.write_bytes(key.read_bytes())
    copy.chmod(0o600)
    settings = {"LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8", "TZ": "Pacific/Kiritimati", "PYTHONHASHSEED": "7"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        done = command(
            "mids", "deidentify", study.folder, dest, "--key", copy, "--jobs", "2", *RELEASED, home=home, cwd=home
        )
    assert done.returncode in (0, 1), done.stderr
    assert tree(dest) == tree(shifted)
    assert len(_ids(dest)) == 2


def test_another_key_gives_other_ids(study: Source, shifted: Path, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("6e" * 32 + "\n", encoding="ascii")
    key.chmod(0o600)
    run("deidentify", study.folder, tmp_path / "out", "--key", key, *RELEASED, dest=tmp_path / "out")
    assert len(_ids(tmp_path / "out")) == 2
    assert not _ids(tmp_path / "out") & _ids(shifted)
    assert not _uids(tmp_path / "out") & _uids(shifted)


def _uids(folder: Path) -> set[str]:
    keywords = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID")
    found = [pydicom.dcmread(path, stop_before_pixels=True) for path in _instances(folder)]
    return {str(dataset[keyword].value) for dataset in found for keyword in keywords if keyword in dataset}


# --- what can't be read --------------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", ["basic", "mids"])
def test_damaged_files_name_nobody(tmp_path: Path, key: Path, profile: str) -> None:
    broken = source(tmp_path / "in", canary_broken.files)
    dest = tmp_path / "out"
    done = run("deidentify", broken.folder, dest, *_flags(profile, ()), "--key", key, dest=dest)
    assert leaks(done.found(broken.seeker), chosen(profile)) == []
    assert leaks(done.kept(broken.seeker), chosen(profile)) == []
    assert done.code == 1, os.linesep.join(done.said.values())
    assert _instances(dest)
