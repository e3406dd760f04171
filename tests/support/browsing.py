"""A page in a real browser, as tests drive it: with what it complained of and what it asked for."""

from collections.abc import Iterator
from typing import Any

import pytest

from benchmarks.browser import chromium, find_chromium

WEBGL = ("--use-angle=swiftshader", "--enable-unsafe-swiftshader")
"""WebGL without a graphics card."""


def open_browser() -> Iterator[Any]:
    """Chromium, for a fixture; skips where it, or the extra `browser`, is absent."""
    pytest.importorskip("playwright.sync_api", reason="the extra `browser` is not installed")
    if find_chromium() is None:
        pytest.skip("no Chromium is installed: .ci/install-browser")
    with chromium(*WEBGL) as found:
        yield found


class Seen:
    """A page in the browser, with what it complained of and what it asked for."""

    def __init__(self, browser: Any, address: str, **options: Any) -> None:
        self.context = browser.new_context(**options)
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.complaints.append(dialog.message), dialog.dismiss()))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(address)

    def check(self) -> None:
        """Nothing was complained of, and nothing was asked for but the page itself."""
        assert not self.complaints
        assert len([url for url in self.asked if not url.startswith(("data:", "blob:"))]) == 1
