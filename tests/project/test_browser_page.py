"""The page that validates in a browser: dropped examples give the issues of the command line, and nothing leaves.

Needs the extra `browser`, a Chromium or Chrome of the system, and npm with its registry; skipped where one is absent.
"""

import functools
import http.server
import json
import re
import shutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from places import EXAMPLES, ROOT

from mids.report.json import line
from mids.validation.runner import validate

sys.path.insert(0, str(ROOT / "docs"))

import make_browser

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

playwright = pytest.importorskip("playwright.sync_api", reason="the extra `browser` is not installed")

UNSEEN = {"SUBJECT_EMPTY", "SUBJECTS_MISSING"}
"""Codes of empty folders, which a browser does not pass on."""
EVERY = sorted(p for p in (EXAMPLES / "broken").iterdir() if p.is_dir() and p.name not in UNSEEN)
WAIT = 300_000
"""Milliseconds that a busy machine may take to start Python in the page."""


CATCH = """() => new Promise((done) => {
  const [make, click] = [URL.createObjectURL, HTMLAnchorElement.prototype.click];
  URL.createObjectURL = (blob) => { blob.text().then(done); return ""; };
  HTMLAnchorElement.prototype.click = () => {};
  document.getElementById("save").click();
  [URL.createObjectURL, HTMLAnchorElement.prototype.click] = [make, click];
})"""
"""What the button would save, without saving it: Chromium stops a page after some dozens of files."""


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves files without a word."""

    extensions_map = {  # noqa: RUF012 - as its base has it
        **http.server.SimpleHTTPRequestHandler.extensions_map, ".mjs": "text/javascript", ".wasm": "application/wasm",
    }  # fmt: skip

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("browser") / "page"
    shutil.copytree(ROOT / "docs" / "browser", folder)
    if not make_browser.bundle(folder):
        pytest.skip(f"npm can't fetch {make_browser.PYODIDE}")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def _sorted(issues: list[dict[str, Any]]) -> list[str]:
    return sorted(json.dumps(issue, sort_keys=True) for issue in issues)


class Opened:
    """The page, ready to take folders, with what it asked for and what it complained of."""

    def __init__(self, browser: Any, address: str) -> None:
        self.page = browser.new_page()
        self.asked: list[str] = []
        self.complaints: list[str] = []
        self.page.context.on("request", lambda request: self.asked.append(request.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.goto(f"{address}index.html")
        self.wait_for("Ready")

    def wait_for(self, state: str) -> None:
        """Waits until the line of state begins so, or says what failed; the page allows no scripts of others."""
        playwright.expect(self.page.locator("#state")).to_have_text(re.compile(f"^({state}|It failed)"), timeout=WAIT)
        assert not self.page.inner_text("#state").startswith("It failed")

    def issues(self) -> list[str]:
        """What the page found, sorted."""
        self.wait_for("Done")
        return _sorted(json.loads(self.page.evaluate(CATCH))["issues"])

    def saved(self) -> list[str]:
        """What the button saves, sorted."""
        with self.page.expect_download() as saved:
            self.page.click("#save")
        return _sorted(json.loads(Path(saved.value.path()).read_text("utf-8"))["issues"])

    def choose(self, folder: Path) -> list[str]:
        """What the page finds in a folder that is chosen."""
        self.page.evaluate("document.getElementById('state').textContent = ''")  # of the folder before
        self.page.set_input_files("#folder", folder)
        return self.issues()

    def drop(self, folder: Path) -> list[str]:
        """What the page finds in a folder that is dropped, as a file manager does it."""
        session = self.page.context.new_cdp_session(self.page)
        box = self.page.locator("#drop").bounding_box()
        data = {"items": [], "files": [str(folder)], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            place = {"x": box["x"] + 20, "y": box["y"] + 20}
            session.send("Input.dispatchDragEvent", {"type": kind, **place, "data": data})
        return self.issues()


@pytest.fixture(scope="module")
def page(browser: Any, address: str) -> Opened:
    return Opened(browser, address)


def command_line(folder: Path) -> list[str]:
    """The issues of `mids-validate`, sorted."""
    return _sorted([json.loads(line(issue)) for issue in validate(folder)])


@pytest.mark.parametrize("examples", [EVERY[::6], pytest.param(EVERY, marks=pytest.mark.nightly)], ids=["some", "all"])
def test_chosen_examples_give_the_issues_of_the_command_line(page: Opened, examples: list[Path]) -> None:
    different = [path.name for path in examples if page.choose(path) != command_line(path)]
    assert different == []
    assert page.complaints == []


def test_a_dropped_folder_gives_them_too(page: Opened) -> None:
    folder = EXAMPLES / "broken" / "CELL_TYPE"
    assert page.drop(folder) == page.saved() == command_line(folder) != []


def test_a_whole_dataset_is_silent(page: Opened) -> None:
    assert page.choose(EXAMPLES / "valid") == []


def test_nothing_is_asked_of_anybody_but_the_site(page: Opened, address: str) -> None:
    before = len(page.asked)
    assert page.choose(EXAMPLES / "valid") == []
    assert [url for url in page.asked[before:] if not url.startswith("blob:")] == []
    assert all(url.startswith((address, "blob:")) for url in page.asked)
