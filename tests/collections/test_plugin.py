"""The package of `example_datasets/plugin` adds a collection through its entry point, and its own tests pass."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from places import EXAMPLES

PLUGIN = EXAMPLES / "plugin"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An environment in which the package counts as installed: its code and its metadata are on the path."""
    project = tomllib.loads((PLUGIN / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    metadata = tmp_path / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    metadata.mkdir()
    head = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    (metadata / "METADATA").write_text(head, encoding="utf-8")
    groups = [f"[{group}]\n" + "".join(f"{name} = {module}\n" for name, module in entries.items())
              for group, entries in project["entry-points"].items()]  # fmt: skip
    (metadata / "entry_points.txt").write_text("\n".join(groups), encoding="utf-8")
    paths = (str(tmp_path), str(PLUGIN), str(PLUGIN.parents[1]))
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "HOME": str(tmp_path)}


def test_its_own_tests_pass(environment: dict[str, str], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(PLUGIN)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 passed" in done.stdout


def test_the_command_knows_it(environment: dict[str, str]) -> None:
    command = [str(Path(sys.executable).with_name("mids-convert")), "--list"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert "\ntown-clinic\tRadiographs of patients" in done.stdout


def test_the_example_source_is_what_its_maker_makes(tmp_path: Path) -> None:
    code = (
        f"import make_input; from pathlib import Path; make_input.INPUT = Path({str(tmp_path)!r}); make_input.write()"
    )
    subprocess.run([sys.executable, "-c", code], cwd=PLUGIN, check=True)
    for path in sorted((PLUGIN / "example" / "input").rglob("*")):
        if path.is_file():
            assert (tmp_path / path.relative_to(PLUGIN / "example" / "input")).read_bytes() == path.read_bytes()
