"""Browsers for the tests of pages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.web.browsing import Visits


@pytest.fixture(scope="module")
def browser(server: Any) -> Iterator[Browser]:
    """One Chromium for a module; it is gone before a module that needs the event loop."""
    from tests.web.browsing import running_browser

    with running_browser() as found:
        yield found


@pytest.fixture
def visits(browser: Browser, server: Any) -> Iterator[Visits]:
    """Pages for one test. At its end no script has failed and no other host was asked."""
    from tests.web.browsing import Visits

    made = Visits(browser, server)
    yield made
    made.end()
