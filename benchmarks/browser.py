"""Chromium without a window, as benchmarks, the pictures of the documentation and tests start it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


def find_chromium() -> str | None:
    """The program that is installed here, if any."""
    return next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def chromium(*flags: str) -> Iterator[Any]:
    """A browser of Playwright, which needs the extra `browser`. Raises `SystemExit` where no Chromium is installed."""
    path = find_chromium()
    if path is None:
        raise SystemExit("no Chromium is installed: .ci/install-browser")
    with import_module("playwright.sync_api").sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=path, args=["--no-sandbox", *flags])
        yield found
        found.close()
