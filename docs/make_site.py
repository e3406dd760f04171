"""Builds the documentation site: ``python docs/make_site.py`` writes ``build/site/index.html``.

The pages are put together below ``build/source`` as they lie in the repository, so that every link leads to the same
place here and there; the page of the Python API is made of what `mids` offers. A warning, such as a link or an anchor
that leads nowhere, ends the build. The page that validates in a browser gets its engine from npm; without npm the site
is built, and that page says that it lacks it. Needs ``pip install '.[docs]'``.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import make_browser

import mids

ROOT = Path(__file__).resolve().parents[1]
_FIRST = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "benchmarks/README.md")
_LINK = re.compile(r"\]\((?![a-z]+:|#)([^)#\s]+)")


def main() -> None:
    """Builds the site of this checkout, or says what is wrong with it."""
    sys.exit(build(ROOT).returncode)


def build(folder: Path) -> "subprocess.CompletedProcess[str]":
    """Writes ``build/source`` and ``build/site`` into a folder; the result holds what the builder printed."""
    if folder != ROOT:
        shutil.copyfile(ROOT / "mkdocs.yml", folder / "mkdocs.yml")
    gather(folder / "build" / "source")
    done = generate(folder)
    page = folder / "build" / "site" / "docs" / "browser"
    shutil.copytree(ROOT / "docs" / "browser", page, dirs_exist_ok=True)
    if done.returncode == 0 and not make_browser.bundle(page):
        print(f"npm can't fetch {make_browser.PYODIDE}: the page that validates in the browser is without its engine")
    return done


def generate(folder: Path) -> "subprocess.CompletedProcess[str]":
    """Makes ``build/site`` of the ``build/source`` of a folder."""
    command = [str(Path(sys.executable).with_name("zensical")), "build", "--strict", "--clean"]
    done = subprocess.run(command, cwd=folder, check=False, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    print(done.stdout)
    return done


def gather(target: Path) -> None:
    """Puts every page, and every file that a page links to, below a folder that is made anew."""
    shutil.rmtree(target, ignore_errors=True)
    for path in files():
        place = target / path.relative_to(ROOT)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)
    (target / "api.md").write_text(api(), encoding="utf-8")


def files() -> list[Path]:
    """The pages, and the files of the repository that they link to."""
    found: dict[Path, None] = {}
    left = [*(ROOT / name for name in _FIRST), *sorted((ROOT / "docs").rglob("*.md"))]
    while left:
        path = left.pop()
        if path not in found:
            found[path] = None
            left += find_linked(path) if path.suffix == ".md" else ()
    return sorted(found)


def find_linked(page: Path) -> Iterator[Path]:
    """The files of the repository that a page links to."""
    for target in _LINK.findall(page.read_text(encoding="utf-8")):
        place = (page.parent / target).resolve()
        if place.is_file() and place.is_relative_to(ROOT):
            yield place


def api() -> str:
    """The page of what `import mids` offers: functions first, then classes."""
    offered = [name for name in mids.__all__ if not name.startswith("_")]
    lines = ["# Python API", "", "What `import mids` offers. Other modules may change without notice."]
    for name in sorted(offered, key=lambda name: (name[0].isupper(), name.lower())):
        lines += ["", f"::: mids.{name}"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
