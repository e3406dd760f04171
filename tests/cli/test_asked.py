"""``mids-convert --about NAME`` and ``--tools``: what a user asks before the first conversion."""

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from pydicom.uid import HEVCMP51, JPEG2000Lossless, JPEGBaseline8Bit, JPEGLSLossless, RLELossless

from mids import collections
from mids.actions.tools import Tool, tools
from mids.cli import convert_main

FOUND = {tool.name: tool for tool in tools()}


@pytest.mark.parametrize("name", collections.names())
def test_about_says_access_terms_and_layout(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert convert_main(["--about", name]) == 0
    text = capsys.readouterr().out
    about = collections.find(name).ABOUT
    said = " ".join(text.split())
    assert text.startswith(f"{name}: {about.title}\n")
    assert f"commercial use {about.commercial_use}" in said
    assert " ".join(about.expected.split()) in said
    assert about.expected
    assert name == "dicom" or (about.access and about.access in said)
    assert f"mids-convert {name} SOURCE DEST" in said
    assert max(len(line) for line in text.splitlines() if "http" not in line) <= 100


def test_a_collection_that_there_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    assert convert_main(["--about", "fidca"]) == 2
    assert "did you mean fidac" in capsys.readouterr().err


def test_what_is_asked_stands_in_no_dataset(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`access` and `expected` are a collection's own: a publisher's file can't give them."""
    file = tmp_path / "about.yaml"
    file.write_text("access: Here.\n", encoding="utf-8")
    (tmp_path / "source").mkdir()
    assert convert_main(["dicom", str(tmp_path / "source"), str(tmp_path / "dest"), "--about", str(file)]) == 2
    assert "unknown key access" in capsys.readouterr().err


def test_tools_say_their_versions(capsys: pytest.CaptureFixture[str]) -> None:
    assert convert_main(["--tools"]) == 0
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert {len(row) for row in rows} == {3}
    said = {row[0]: row[1] for row in rows}
    assert said["pydicom"] == version("pydicom")
    assert said["dcm2niix"].startswith("1.0.")
    assert said["7-Zip"][0].isdigit()


@pytest.mark.parametrize("syntax", [JPEGBaseline8Bit, JPEGLSLossless, JPEG2000Lossless, RLELossless])
def test_decoders_that_conversions_need_are_there(syntax: str) -> None:
    assert FOUND[getattr(syntax, "name", "")].version.startswith("pylibjpeg ")


def test_video_has_no_decoder() -> None:
    assert HEVCMP51.name not in FOUND
    assert [tool.version for tool in FOUND.values() if "other transfer syntaxes" in tool.name] == [""]


def test_what_is_not_there_says_how_to_get_it(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mids", "convert", "--tools"]
    done = subprocess.run(
        command, env={**os.environ, "PATH": str(tmp_path)}, capture_output=True, text=True, check=True
    )
    row = next(line for line in done.stdout.splitlines() if line.startswith("Tesseract"))
    assert row == "Tesseract\tmissing\t--detect ocr: reads text in images: install tesseract-ocr"
    assert all(tool.missing or tool.version for tool in FOUND.values())


def test_names_are_unique() -> None:
    found: list[Tool] = list(tools())
    assert len(found) == len(FOUND)
