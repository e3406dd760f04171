"""Reads the schemas, which `docs/make_browser.py` writes as literals of Python: uncompiled YAML takes seconds."""

import ast
from typing import IO, Any

YAMLError = ValueError


class SafeLoader:
    """The name that is asked for."""


def load(stream: IO[bytes] | str, Loader: object = None) -> Any:  # noqa: N803 - PyYAML calls it so
    """The value of a literal."""
    text = stream if isinstance(stream, str) else stream.read().decode()
    return ast.literal_eval(text)
