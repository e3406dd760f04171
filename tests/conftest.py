"""What many tests share: a fixed key, the real data where it is present, and the converted phantom."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the commands do; NumPy reads it when it is first loaded

import pytest
from browsing import open_browser
from hypothesis import HealthCheck, settings
from places import REAL
from trees import fill_folder, radiographs

from example_datasets.generate import INPUT
from mids.conversion import Conversion, convert

# How long an example takes says more of what else the machine does than of the program.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more worker than there are processors: tests of pages wait for their browser more than they compute."""
    return (os.cpu_count() or 1) + 1


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What commands keep for a later run is kept for the tests alone, and so are the folders of tests in tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        # A pytest that a test starts would close the folder of all temporary folders to other users.
        patch.setenv("PYTEST_DEBUG_TEMPROOT", str(tmp_path_factory.mktemp("pytest")))
        yield


@pytest.fixture(scope="session")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fixed key, so that labels are the same in every run."""
    path = tmp_path_factory.mktemp("key") / "key"
    path.write_text("5d" * 32 + "\n", encoding="ascii")
    path.chmod(0o600)
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium; tests that need it are skipped without."""
    yield from open_browser()


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real DICOM, tables and annotations beside the project; tests that need them are skipped without."""
    if not REAL.is_dir():
        pytest.skip("the real data is not beside the project")
    return REAL


@pytest.fixture(scope="session")
def phantom(tmp_path_factory: pytest.TempPathFactory, key: Path) -> Conversion:
    """The example source of the `dicom` collection, converted."""
    return convert("dicom", INPUT, tmp_path_factory.mktemp("phantom") / "out", key=key, jobs=2)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Two patients, three radiographs."""
    return fill_folder(tmp_path / "source", radiographs())


@pytest.fixture
def dest(tmp_path: Path) -> Path:
    """Where a result is to go; not there yet."""
    return tmp_path / "dest"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
