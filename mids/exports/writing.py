"""What exports share in writing: JSON, the list of what is left out, and no remains of what failed."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

LEFT_OUT = "left_out.tsv"
"""In the folder of an export of masks: those that could not be written, and why."""

PICTURE = "the mask lies on a picture, which has no place in the patient"
"""Why masks of radiographs are left out, which nobody expects in objects of volumes."""


def format_json(content: Mapping[str, Any]) -> str:
    """A document as it is written."""
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def write_json(path: Path, content: Mapping[str, Any]) -> Path:
    """Writes a document, with the folders above it, and returns its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(format_json(content), encoding="utf-8")
    return path


def clear(output: Path, *, keep: bool) -> None:
    """Removes what an export wrote that did not come to its end; an empty folder that was there before stays."""
    if output.is_dir():
        shutil.rmtree(output, ignore_errors=True)
        if keep:
            output.mkdir(parents=True, exist_ok=True)
    else:
        output.unlink(missing_ok=True)
