"""What is released: one version everywhere, wheel and sdist with all they need and nothing else, a citable source."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from email import message_from_string
from pathlib import Path

import pytest
import yaml
from places import ROOT

from mids._version import __version__

pytestmark = pytest.mark.slow

BIN = Path(sys.executable).parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LAST = "0.1.0"
"""The last release, until the next."""


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    """The output of a command, which must succeed."""
    line = [BIN / command[0] if (BIN / command[0]).exists() else command[0], *command[1:]]
    done = subprocess.run(line, cwd=cwd, capture_output=True, text=True, check=False, env=ENVIRONMENT)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


ENVIRONMENT = {
    **os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Nobody", "GIT_AUTHOR_EMAIL": "nobody@example.org",
    "GIT_COMMITTER_NAME": "Nobody", "GIT_COMMITTER_EMAIL": "nobody@example.org",
}  # fmt: skip


# --- versions -------------------------------------------------------------------------------------------------------


def test_all_places_name_the_same_release() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    releases = re.findall(r"^## \[(\d[^\]]*)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    settings = PROJECT["tool"]["versioningit"]
    checkout = (ROOT / "mids" / "_version.py").read_text(encoding="utf-8").split('"')[-2]
    assert citation["version"] == releases[0] == LAST
    assert settings["default-version"] == f"{LAST}+checkout"
    sdist = ROOT / "PKG-INFO"
    made = message_from_string(sdist.read_text(encoding="utf-8"))["Version"] if sdist.is_file() else f"{LAST}+checkout"
    assert checkout == made


def repository(folder: Path) -> Path:
    """A new repository with this project's settings."""
    folder.mkdir()
    for name in ("pyproject.toml", ".gitattributes"):
        shutil.copy(ROOT / name, folder)
    run("git", "init", "-q", cwd=folder)
    run("git", "add", "-A", cwd=folder)
    run("git", "commit", "-qm", "first", cwd=folder)
    run("git", "commit", "-qm", "second", "--allow-empty", cwd=folder)
    return folder


def test_versions_come_from_tags(tmp_path: Path) -> None:
    folder = repository(tmp_path / "project")
    said = [run("versioningit", ".", cwd=folder).strip()]
    run("git", "tag", "-m", "a release", "v3.4.0", cwd=folder)
    said.append(run("versioningit", ".", cwd=folder).strip())
    (folder / "archive").mkdir()
    run("git", "archive", "-o", "../a.tar", "v3.4.0", cwd=folder)
    with tarfile.open(tmp_path / "a.tar") as archive:  # as forges pack a tag
        archive.extractall(tmp_path / "archive", filter="data")
    said.append(run("versioningit", ".", cwd=tmp_path / "archive").strip())
    run("git", "commit", "-qm", "more", "--allow-empty", cwd=folder)
    said.append(run("versioningit", ".", cwd=folder).strip())
    shutil.rmtree(folder / ".git")
    said.append(run("versioningit", ".", cwd=folder).strip())
    assert [text.partition("+g")[0] for text in said] == [
        "0.1.0+checkout", "3.4.0", "3.4.0", "3.5.0.dev1", "0.1.0+checkout",
    ]  # fmt: skip


# --- wheel and sdist ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the sdist of this checkout, and the wheel that is built from it."""
    folder = tmp_path_factory.mktemp("built")
    run("python", "-m", "build", "--no-isolation", "--outdir", folder, ROOT)
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Iterator[zipfile.ZipFile]:
    with zipfile.ZipFile(next(built.glob("*.whl"))) as archive:
        yield archive


def list_tracked(*folders: str) -> set[str]:
    """The files of the checkout below some folders."""
    found = (path for folder in folders for path in (ROOT / folder).rglob("*"))
    return {
        path.relative_to(ROOT).as_posix()
        for path in found
        if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith(".")
    }


def test_the_wheel_holds_the_package_its_data_and_its_licence(wheel: zipfile.ZipFile) -> None:
    files = {name for name in wheel.namelist() if ".dist-info/" not in name}
    expected = list_tracked("mids") | {f"mids/{path}" for path in list_tracked("schemas")}
    assert files == expected
    assert {"mids/py.typed", "mids/scaffold/templates/reader.py.txt", "mids/schemas/tables/scans.yaml"} <= files
    rest = {name.split(".dist-info/")[1] for name in wheel.namelist() if ".dist-info/" in name}
    assert rest == {"METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE"}


def test_the_wheel_says_what_it_is(wheel: zipfile.ZipFile) -> None:
    names = {name.split(".dist-info/")[1]: name for name in wheel.namelist() if ".dist-info/" in name}
    facts = message_from_string(wheel.read(names["METADATA"]).decode())
    written = wheel.read("mids/_version.py").decode()
    assert f'__version__ = "{facts["Version"]}"' in written
    assert facts["License-Expression"] == "Apache-2.0"
    assert {"dask", "seg", "text", "test"} <= set(facts.get_all("Provides-Extra") or ())
    scripts = wheel.read(names["entry_points.txt"]).decode()
    assert all(f"{name} = mids.cli:" in scripts for name in ("mids", "mids-convert", "mids-validate"))


def test_the_wheel_works_without_the_checkout(built: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(next(built.glob("*.whl"))) as archive:
        archive.extractall(tmp_path)
    code = "import mids, mids.cli; print(mids.__file__); mids.cli.main(['scaffold', 'our-hospital', 'made'])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    assert done.stdout.startswith(str(tmp_path))
    assert "example/mids/participants.tsv" in done.stdout


def test_the_sdist_holds_what_its_tests_need(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        files = {name.partition("/")[2] for name in archive.getnames()}
    pages = {path.name for path in ROOT.glob("*.md")} | {"LICENSE", "CITATION.cff", "action.yml"}
    assert pages | {".pre-commit-hooks.yaml", "PKG-INFO", "pyproject.toml"} <= files
    assert list_tracked("mids", "schemas", "tests", "docs", "changes", "containers") <= files
    assert not [name for name in files if name.startswith((".git/", ".venv/", "dist/")) or name.endswith(".pyc")]


def test_twine_finds_nothing(built: Path) -> None:
    run("twine", "check", "--strict", *built.iterdir())


# --- papers ---------------------------------------------------------------------------------------------------------


def test_the_citation_file_is_one() -> None:
    run("check-jsonschema", "--builtin-schema", "vendor.citation-file-format", "CITATION.cff")


def test_fragments_make_a_changelog(tmp_path: Path) -> None:
    for name in ("pyproject.toml", "CHANGELOG.md"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "changes", tmp_path / "changes")
    fragments = [path for path in (tmp_path / "changes").iterdir() if path.name != "README.md"]
    kinds = {kind["directory"] for kind in PROJECT["tool"]["towncrier"]["type"]}
    assert all(re.fullmatch(rf"\+[a-z0-9-]+\.({'|'.join(kinds)})\.md", path.name) for path in fragments)
    (tmp_path / "changes" / "+this-test.fixed.md").write_text("A fault of the test.\n")
    run("towncrier", "build", "--version", "9.9.9", "--date", "2030-01-02", "--keep", cwd=tmp_path)
    text = (tmp_path / "CHANGELOG.md").read_text(encoding="utf-8")
    new, _, old = text.partition(f"## [{LAST}]")
    assert "## [9.9.9] - 2030-01-02" in new
    assert "\n- A fault of the test.\n" in new.partition("### Fixed\n")[2].partition("###")[0]
    assert all(path.read_text(encoding="utf-8").split("\n")[0] in new for path in fragments)
    assert old == (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").partition(f"## [{LAST}]")[2]


def test_what_people_look_for_is_there() -> None:
    for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "LICENSE", "CHANGELOG.md"):
        assert len((ROOT / name).read_text(encoding="utf-8")) > 500
    assert __version__.startswith(LAST) or ".dev" in __version__
