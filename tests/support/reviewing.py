"""The program `mids review`, and a person at its page in a browser."""

import re
import signal
import subprocess
from pathlib import Path
from typing import Any

from browsing import Seen
from trees import COMMANDS


class Review:
    """The program, and a person at its page."""

    def __init__(self, place: Path, *flags: str | Path) -> None:
        typed = [COMMANDS / "mids", "review", place, *flags]
        self.process = subprocess.Popen([*map(str, typed)], stdout=-1, stderr=-1, text=True)
        assert self.process.stdout is not None
        lines = [self.process.stdout.readline() for _ in range(2)]
        self.address = lines[1].strip()
        assert self.address.startswith("http://127.0.0.1:"), lines

    def open(self, browser: Any, who: str, *, judge: bool = False) -> Any:
        seen = Seen(browser, self.address, viewport={"width": 1280, "height": 800})
        page: Any = seen.page
        page.complaints = seen.complaints
        page.wait_for_selector("#items [aria-current=true]")
        page.fill("#who", who)
        if judge:
            page.check("#judge")
        return page

    def kill(self, number: int = signal.SIGKILL) -> int:
        self.process.send_signal(number)
        self.process.communicate(timeout=60)
        return self.process.returncode


def choose(page: Any, part: str) -> None:
    """Opens the item whose line holds a text, and waits for its picture."""
    with page.expect_response(re.compile("api/pixels")):
        page.locator("#items button", has_text=part).first.click()
    page.wait_for_timeout(200)


def press(page: Any, key: str) -> None:
    """A key that decides; the answer of the program is waited for."""
    page.locator("#canvas").focus()
    with page.expect_response(re.compile("api/(decide|undo)")) as answer:
        page.keyboard.press(key)
    assert answer.value.ok
    page.wait_for_timeout(100)


def draw(page: Any, box: tuple[int, int, int, int]) -> None:
    """A box over rows and columns of the source image."""
    page.locator("#canvas").focus()
    if page.get_attribute("[data-act=draw]", "aria-pressed") != "true":
        page.keyboard.press("2")
        page.wait_for_timeout(800)
    edge = page.locator("#canvas").bounding_box()
    columns, rows = page.evaluate("[document.querySelector('#canvas').width, document.querySelector('#canvas').height]")
    top, left, bottom, right = box
    page.mouse.move(edge["x"] + left * edge["width"] / columns, edge["y"] + top * edge["height"] / rows)
    page.mouse.down()
    page.mouse.move(edge["x"] + right * edge["width"] / columns, edge["y"] + bottom * edge["height"] / rows)
    with page.expect_response(re.compile("api/decide")):
        page.mouse.up()
    page.wait_for_timeout(200)
