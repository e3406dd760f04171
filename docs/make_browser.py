"""Puts what the page that validates in a browser needs beside it: ``python docs/make_browser.py FOLDER``.

Pyodide (Python as WebAssembly) comes from npm, by name and version, and is kept in ``build/``; nothing of it is in the
repository. The packages are the pure Python ones of this environment, in one archive, with stand-ins for compiled ones.
`docs/make_site.py` calls it, and builds the site without the page's engine where npm is absent.
"""

import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from importlib.metadata import files
from pathlib import Path

from mids.resources import read_yaml

ROOT = Path(__file__).resolve().parents[1]
PYODIDE = "pyodide@314.0.7"
ENGINE = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json")
"""The files of the npm package that a browser loads."""
PURE = ("attrs", "bidsschematools", "jsonschema", "jsonschema-specifications", "platformdirs", "referencing")
"""Distributions that quick validation imports and that need no compiler."""
LEFT = ("tests", "render", "benchmarks", "metaschema", "__pycache__")
"""Folders of them that are not imported."""


def main() -> None:
    """Fills a folder, or says why not."""
    if len(sys.argv) != 2:
        sys.exit("python docs/make_browser.py FOLDER: give the folder of the page")
    if not bundle(Path(sys.argv[1])):
        sys.exit(f"npm can't fetch {PYODIDE}: install Node.js, and see that its registry can be reached")


def bundle(folder: Path) -> bool:
    """Writes `engine/` and `packages.zip` into the folder of the page; False where npm can't fetch Pyodide."""
    kept = ROOT / "build" / PYODIDE
    if not all((kept / name).is_file() for name in ENGINE) and not _fetch(kept):
        return False
    shutil.copytree(kept, folder / "engine", dirs_exist_ok=True)
    with zipfile.ZipFile(folder / "packages.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path, name in sorted(packages(), key=lambda pair: pair[1]):
            is_yaml = path.suffix == ".yaml"  # a literal of Python is read in a hundredth of the time
            archive.writestr(name, repr(read_yaml(path)) if is_yaml else path.read_bytes())
    return True


def _fetch(engine: Path) -> bool:
    npm = shutil.which("npm")
    if npm is None:
        return False
    with tempfile.TemporaryDirectory() as scratch:
        command = [npm, "pack", "--silent", PYODIDE]
        if subprocess.run(command, cwd=scratch, check=False, capture_output=True).returncode:
            return False
        engine.mkdir(parents=True, exist_ok=True)
        with tarfile.open(next(Path(scratch).glob("*.tgz"))) as archive:
            for name in ENGINE:
                source = archive.extractfile(f"package/{name}")
                assert source is not None
                (engine / name).write_bytes(source.read())
    return True


def packages() -> Iterator[tuple[Path, str]]:
    """Every file of the archive, with its name there."""
    for distribution in PURE:
        for file in files(distribution) or ():
            path = Path(str(file.locate()))
            is_data = path.suffix == ".json" or file.name in ("METADATA", "VERSION")
            if (path.suffix == ".py" or is_data) and not set(LEFT) & set(file.parts) and ".." not in file.parts:
                yield path, file.as_posix()
    for path in (ROOT / "docs" / "browser" / "stand_ins").glob("*.py"):
        yield path, path.name
    for path in (ROOT / "mids").rglob("*.py"):
        yield path, path.relative_to(ROOT).as_posix()
    for path in (ROOT / "schemas").rglob("*"):
        if path.suffix in (".yaml", ".json", ".tsv", ".txt"):
            yield path, f"mids/{path.relative_to(ROOT).as_posix()}"


if __name__ == "__main__":
    main()
