"""The documentation site builds without a warning, holds every page, and loads nothing from elsewhere."""

import re
import shutil
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml
from places import ROOT

import mids

sys.path.insert(0, str(ROOT / "docs"))

import make_site

if not Path(sys.executable).with_name("zensical").exists():
    pytest.skip("the builder of the site is not installed: pip install '.[docs]'", allow_module_level=True)

CONFIG = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = make_site.build(folder)
    assert done.returncode == 0, done.stdout
    assert "No issues found" in done.stdout
    return folder / "build" / "site"


class _Page(HTMLParser):
    """What a page loads when it is opened, and its ids."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.ids: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.ids.add(found.get("id", ""))
        if tag != "a" and found.get("rel") not in ("canonical", "edit", "next", "prev"):
            self.loaded += [found[name] for name in ("src", "href") if name in found]


def read(path: Path) -> _Page:
    page = _Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def entries(nav: object) -> list[str]:
    """The pages of a part of the navigation."""
    if isinstance(nav, str):
        return [nav]
    parts = nav.values() if isinstance(nav, dict) else nav
    assert hasattr(parts, "__iter__")
    return [entry for part in parts for entry in entries(part)]


def test_every_page_is_in_the_navigation_and_built(built: Path) -> None:
    pages = {path.relative_to(ROOT).as_posix() for path in make_site.files() if path.suffix == ".md"} | {"api.md"}
    shown = entries(CONFIG["nav"])
    assert [page for page in shown if page not in pages] == [], "mkdocs.yml names pages that are not there"
    wanted = {page for page in pages if page.startswith("docs/") or "/" not in page}
    assert sorted(wanted - set(shown)) == [], "put these pages into the navigation of mkdocs.yml"
    for page in pages:
        name = re.sub(r"(^|/)README\.md$", r"\1index.md", page)
        assert (built / name).with_suffix(".html").is_file(), page


def test_pages_load_nothing_from_elsewhere(built: Path) -> None:
    for path in built.rglob("*.html"):
        for target in read(path).loaded:
            assert not re.match(r"(https?:)?//", target), f"{path.name}: {target}"
            place = (path.parent / target.split("#")[0].split("?")[0]).resolve()
            assert target.startswith("data:") or place.exists() or path.name == "404.html", f"{path.name}: {target}"


def test_the_api_page_documents_what_is_offered(built: Path) -> None:
    ids = read(built / "api.html").ids
    assert ids >= {f"mids.{name}" for name in mids.__all__ if not name.startswith("_")}
    assert "mids.Dataset.load" in ids


def test_a_link_that_leads_nowhere_ends_the_build(built: Path, tmp_path: Path) -> None:
    shutil.copytree(built.parent / "source", tmp_path / "build" / "source")
    shutil.copyfile(ROOT / "mkdocs.yml", tmp_path / "mkdocs.yml")
    with (tmp_path / "build" / "source" / "SECURITY.md").open("a", encoding="utf-8") as stream:
        stream.write("\n[a page](docs/nowhere.md) and [a place](docs/privacy.md#nowhere)\n")
    done = make_site.generate(tmp_path)
    assert done.returncode != 0
    assert "page does not exist" in done.stdout
    assert "anchor does not exist" in done.stdout
