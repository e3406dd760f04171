"""What other people's CI copies: snippets, the action, the hooks, the recipes of containers."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from places import ROOT

from mids.report.formats import outputs

BIN = Path(sys.executable).parent
PAGE = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
DOCKER = (ROOT / "containers" / "Dockerfile").read_text(encoding="utf-8")
APPTAINER = (ROOT / "containers" / "mids.def").read_text(encoding="utf-8")


def snippet(heading: str) -> str:
    """The YAML under a heading of docs/ci.md."""
    part = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"^```yaml\n(.*?)^```$", part, re.DOTALL | re.MULTILINE)[0]


@pytest.mark.parametrize(("heading", "schema"), [("GitHub", "vendor.github-workflows"), ("GitLab", "vendor.gitlab-ci")])
def test_snippets_are_what_the_forges_take(tmp_path: Path, heading: str, schema: str) -> None:
    file = tmp_path / "snippet.yml"
    file.write_text(snippet(heading), encoding="utf-8")
    command = [BIN / "check-jsonschema", "--builtin-schema", schema, file]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_formats_of_the_snippets_exist() -> None:
    named = re.findall(r"--format (\S+)", snippet("GitLab"))
    assert len(outputs(named)) == len(named) == 4


def test_the_snippet_of_the_action_gives_inputs_that_it_has() -> None:
    steps = yaml.safe_load(snippet("GitHub"))["jobs"]["validate"]["steps"]
    step = next(step for step in steps if "mids" in step["uses"])
    assert set(step["with"]) <= set(yaml.safe_load((ROOT / "action.yml").read_text())["inputs"])


def test_the_snippet_of_the_hooks_names_hooks_that_there_are(tmp_path: Path) -> None:
    file = tmp_path / ".pre-commit-config.yaml"
    file.write_text(snippet("pre-commit"), encoding="utf-8")
    done = subprocess.run([BIN / "pre-commit", "validate-config", file], capture_output=True, check=False)
    assert done.returncode == 0, done.stdout
    hooks = {hook["id"] for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}
    assert {hook["id"] for repo in yaml.safe_load(file.read_text())["repos"] for hook in repo["hooks"]} <= hooks


# --- containers -----------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not (BIN / "hadolint").exists(), reason="there is no hadolint for this system")
def test_hadolint_finds_nothing() -> None:
    done = subprocess.run([BIN / "hadolint", ROOT / "containers" / "Dockerfile"], capture_output=True, check=False)
    assert done.returncode == 0, done.stdout


def sections(recipe: str) -> dict[str, str]:
    """The sections of an Apptainer recipe, and its header under ""."""
    parts = re.split(r"^%(\w+)$", recipe, flags=re.MULTILINE)
    return {"": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}


def test_both_recipes_start_from_one_image_that_can_run_it() -> None:
    image = re.findall(r"^FROM (\S+)$", DOCKER, re.MULTILINE)
    assert image == re.findall(r"^From: (\S+)$", sections(APPTAINER)[""], re.MULTILINE)
    major, minor = re.findall(r"python:(\d+)\.(\d+)", image[0])[0]
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert (int(major), int(minor)) >= tuple(map(int, wanted.removeprefix(">=").split(".")))


@pytest.mark.parametrize("name", ["post", "environment", "runscript", "test"])
def test_the_scripts_of_the_apptainer_recipe_are_shell(name: str) -> None:
    subprocess.run(["bash", "-n"], input=sections(APPTAINER)[name], text=True, check=True)


def test_the_recipes_start_commands_that_there_are() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    started = [*re.findall(r'ENTRYPOINT \["(\S+)"\]', DOCKER), *re.findall(r"exec (\S+)", APPTAINER)]
    started += re.findall(r"^ +(mids\S*) ", sections(APPTAINER)["test"], re.MULTILINE)
    assert len(started) == 4
    assert set(started) <= set(scripts)


def test_an_image_is_no_one_with_rights_and_gets_the_wheel_only() -> None:
    assert re.search(r"^USER (?!root|0)", DOCKER, re.MULTILINE)
    copied = re.findall(r"^COPY (\S+) ", DOCKER, re.MULTILINE)
    assert copied == ["dist/mids-*.whl"]
    assert (ROOT / ".dockerignore").read_text().split() == ["*", f"!{copied[0]}"]
    assert copied[0] in sections(APPTAINER)["files"]


@pytest.mark.parametrize(("extras", "wanted"), [("", ""), ("dask,seg", "[dask,seg]")])
def test_the_image_installs_the_wheel_with_its_extras(tmp_path: Path, extras: str, wanted: str) -> None:
    (tmp_path / "mids-1.2.3-py3-none-any.whl").touch()
    script = re.findall(r'wheel="\$\(.*?\)".*?"(\$\{wheel\}[^"]*)"', DOCKER, re.DOTALL)[0]
    line = f'EXTRAS="{extras}"; wheel="$(echo {tmp_path}/mids-*.whl)"; echo "{script}"'
    said = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=True).stdout
    assert said == f"{tmp_path}/mids-1.2.3-py3-none-any.whl{wanted}\n"
