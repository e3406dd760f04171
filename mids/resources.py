"""Where the files that ship with the package are found."""

import marshal
import os
import sys
from contextlib import suppress
from functools import cache
from importlib.resources import files
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any

import yaml

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@cache
def schemas() -> Path:
    """The `schemas` folder: inside an installed wheel, else beside the package in a checkout."""
    package = Path(str(files("mids")))
    inside = package / "schemas"
    return inside if inside.is_dir() else package.parent / "schemas"


def layout_names() -> tuple[str, ...]:
    """The layouts that a dataset can be written in: ours, and those of `schemas/layouts` by name."""
    return ("mids", *sorted(path.stem for path in (schemas() / "layouts").glob("*.yaml")))


def read_yaml(path: Path) -> Any:
    """The content of one YAML file (safe loader, libyaml where it is built in), an object of the caller's own.

    Of a file that ships with the package a compiled copy is kept where Python keeps those of modules, and read
    instead as long as size and time of the file are those of then: parsing takes thirty times as long.
    """
    if not path.is_relative_to(schemas()):
        return _parse(path)
    stamp, compiled = _stamp(path), Path(cache_from_source(str(path))).with_suffix(".marshal")
    with suppress(OSError, EOFError, ValueError, TypeError):
        stamped, content = marshal.loads(compiled.read_bytes())
        if stamped == stamp:
            return content
    content = _parse(path)
    if not sys.dont_write_bytecode:
        with suppress(OSError, ValueError):  # a folder that is read-only, or a value that has no compiled form
            _replace(compiled, marshal.dumps((stamp, content)))
    return content


def _parse(path: Path) -> Any:
    with path.open("rb") as stream:
        return yaml.load(stream, Loader=_Loader)


def _stamp(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns


def _replace(path: Path, content: bytes) -> None:
    """Writes a file that other processes read and write too."""
    path.parent.mkdir(exist_ok=True)
    half = path.with_name(f"{path.name}.{os.getpid()}")
    half.write_bytes(content)
    half.replace(path)


def waits_for_another(path: Path) -> bool:
    """Whether opening a path waits until another program opens it too: a named pipe, but none that is open already."""
    return not path.as_posix().startswith(("/dev/", "/proc/")) and path.is_fifo()
