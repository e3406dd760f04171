"""``mids completion``: the scripts are taken by their shells, and complete what a user would press Tab for."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from mids import collections
from mids.cli import main, parsers

PROGRAMS = ("mids", "mids-convert", "mids-validate")

BASH = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
$(complete -p "$1" | sed 's/.*-F \\([^ ]*\\).*/\\1/') "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""
"""Loads a script and calls the function that it registers, as Tab does."""


def script(shell: str, folder: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> Path:
    assert main(["completion", shell, *arguments]) == 0
    path = folder / f"script.{shell}"
    path.write_text(capsys.readouterr().out, encoding="utf-8")
    return path


def press_tab(shell: Path, *words: str, cwd: Path) -> Sequence[str]:
    """What bash offers for the last of `words`."""
    command = ["bash", "--noprofile", "--norc", "-c", BASH, "bash", shell, *words]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=True)
    assert not done.stderr
    return done.stdout.split()


@pytest.mark.skipif(not shutil.which("bash"), reason="bash is not here")
def test_bash_completes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = script("bash", tmp_path, capsys)
    (tmp_path / "study-1").mkdir()
    assert set(press_tab(path, "mids", "", cwd=tmp_path)) >= {"convert", "validate", "risk", "diff", "completion"}
    assert press_tab(path, "mids", "scaf", cwd=tmp_path) == ["scaffold"]
    assert set(collections.names()) <= set(press_tab(path, "mids-convert", "", cwd=tmp_path))
    assert press_tab(path, "mids", "convert", "fid", cwd=tmp_path) == ["fidac"]
    assert "study-1" in " ".join(press_tab(path, "mids-convert", "fidac", "stu", cwd=tmp_path))
    assert press_tab(path, "mids-convert", "--dry", cwd=tmp_path) == ["--dry-run"]
    assert set(press_tab(path, "mids-convert", "--pixels", "", cwd=tmp_path)) == {"raw", "window"}
    assert set(press_tab(path, "mids-validate", "--export-schema", "", cwd=tmp_path)) >= {"bids", "frictionless"}


def test_one_program_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = script("bash", tmp_path, capsys, "--for", "mids-validate").read_text()
    assert "mids-validate" in text
    assert "mids-convert" not in text


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.skipif(not shutil.which("zsh"), reason="zsh is not here")
def test_zsh_takes_it(tmp_path: Path, capsys: pytest.CaptureFixture[str], program: str) -> None:
    path = script("zsh", tmp_path, capsys, "--for", program).rename(tmp_path / f"_{program}")
    subprocess.run(["zsh", "-f", "-n", path], capture_output=True, check=True)
    text = (
        f"fpath+=({tmp_path}); autoload -Uz compinit; compinit -u -D; autoload +X _{program}; print $_comps[{program}]"
    )
    done = subprocess.run(["zsh", "-f", "-c", text], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert (done.stdout.strip(), done.stderr) == (f"_{program}", "")


@pytest.mark.skipif(not shutil.which("fish"), reason="fish is not here")
@pytest.mark.parametrize(("line", "offered"), [("mids conv", "convert"), ("mids-convert --dr", "--dry-run")])
def test_fish_completes(tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str, offered: str) -> None:
    path = script("fish", tmp_path, capsys)
    done = subprocess.run(
        ["fish", "--no-config", "-c", f"source {path}; complete -C '{line}'"],
        capture_output=True, text=True, check=True, env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert offered in [found.split("\t")[0] for found in done.stdout.splitlines()]


def test_every_command_has_a_script() -> None:
    installed = {path.name for path in Path(sys.executable).parent.glob("mids*")}
    assert set(parsers()) == set(PROGRAMS) <= installed
