"""Writes the skeleton of a new collection: a package of its own with reader, vocabulary, example, golden test."""

import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import invalidate_caches
from pathlib import Path
from runpy import run_path
from string import Template

from mids import collections
from mids.errors import MidsError
from mids.vocabulary import clinical

_TEMPLATES = Path(__file__).with_name("templates")
_FILES = {
    "README.md": "README.md.txt",
    "pyproject.toml": "pyproject.toml.txt",
    "make_input.py": "make_input.py.txt",
    "make_golden.py": "make_golden.py.txt",
    "mids_{module}/__init__.py": "reader.py.txt",
    "mids_{module}/vocabulary.yaml": "vocabulary.yaml.txt",
    "tests/test_{module}.py": "test.py.txt",
}
"""What is written, and the template that it is made of."""


def write(name: str, folder: Path) -> list[str]:
    """Writes the package of a collection called `name` into `folder`, which must be absent or empty.

    The example's input is made by the package's own `make_input.py`, the golden dataset by its `make_golden.py`.
    Returns the paths of the files, relative to `folder`. Raises `MidsError` if the name is invalid or taken,
    or the folder is not empty or can't be written.
    """
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        raise MidsError(
            f"{name!r} is not a name for a collection: use lower-case letters, digits and hyphens, as in our-hospital"
        )
    if name in collections.names():
        raise MidsError(f"the collection {name} already exists: choose another name")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise MidsError(f"{folder} is not empty: give an absent or empty folder")
    module = name.replace("-", "_")
    words = {"name": name, "module": module, "title": name.replace("-", " ").capitalize()}
    try:
        for target, template in _FILES.items():
            path = folder / target.format(module=module)
            path.parent.mkdir(parents=True, exist_ok=True)
            text = Template((_TEMPLATES / template).read_text(encoding="utf-8")).substitute(words)
            path.write_text(text, encoding="utf-8", newline="\n")
        with install_temporarily(name, folder):
            for script in ("make_input.py", "make_golden.py"):
                run_path(str(folder / script), run_name="__main__")
    except OSError as error:
        raise MidsError(f"can't write {folder} ({error.strerror}): give another folder") from error
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if _is_content(path))


def _is_content(path: Path) -> bool:
    return path.is_file() and "__pycache__" not in path.parts


@contextmanager
def install_temporarily(name: str, folder: Path) -> Iterator[Path]:
    """The package in `folder` as if it were installed, in this process; yields the folder with its entry point."""
    with tempfile.TemporaryDirectory() as place:
        module = f"mids_{name.replace('-', '_')}"
        info = Path(place) / f"{module}-0.1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 0.1.0\n", encoding="utf-8")
        (info / "entry_points.txt").write_text(f"[mids.collections]\n{name} = {module}\n", encoding="utf-8")
        before, writes = list(sys.path), sys.dont_write_bytecode
        sys.path[:0] = [place, str(folder.resolve())]
        sys.dont_write_bytecode = True
        invalidate_caches()
        try:
            yield Path(place)
        finally:
            sys.path[:], sys.dont_write_bytecode = before, writes
            sys.modules.pop(module, None)
            clinical.load.cache_clear()
