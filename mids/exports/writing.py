"""JSON as exports write it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def format_json(content: Mapping[str, Any]) -> str:
    """A document as it is written."""
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def write_json(path: Path, content: Mapping[str, Any]) -> Path:
    """Writes a document, with the folders above it, and returns its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(format_json(content), encoding="utf-8")
    return path
