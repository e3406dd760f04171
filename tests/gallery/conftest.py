"""The phantom's page in a browser."""

from collections.abc import Iterator
from typing import Any

import pytest
from browsing import Seen

from mids.conversion import Conversion
from mids.gallery import write_page


@pytest.fixture(scope="module")
def shown(phantom: Conversion, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of the page."""
    path = tmp_path_factory.mktemp("page") / "page.html"
    write_page([phantom.dataset], path)
    return path.as_uri()


@pytest.fixture
def seen(browser: Any, shown: str) -> Iterator[Seen]:
    found = Seen(browser, shown, viewport={"width": 1280, "height": 800})
    yield found
    found.check()
    found.context.close()
