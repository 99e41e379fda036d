"""Fixtures of this room: tabs of a browser, on a page that is as strict as a page can be."""

import itertools
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext

from tests.browser.tab import Site
from tests.conftest import JWT_SECRET_KEY
from tests.support.browser import PATIENCE_MS
from tests.support.databases import SqliteDatabases
from tests.support.shared import Place, running

_numbers = itertools.count(1)

# The sweep is too far away to come to the rescue of what the client should have done.
SETTINGS = {"KEEPALIVE_SECONDS": "1", "SWEEP_SECONDS": "3600"}


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """One profile: its tabs share cookies, locks and channels."""
    with browser.new_context() as context:
        context.set_default_timeout(PATIENCE_MS)
        yield context


@pytest.fixture(scope="package")
def place(
    sqlite_databases: SqliteDatabases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    """A Tidings that tests share. A test that kills it starts it again."""
    folder = tmp_path_factory.mktemp("browser")
    with running(sqlite_databases, folder, JWT_SECRET_KEY, **SETTINGS) as shared:
        yield shared


@pytest.fixture
def shared(context: BrowserContext, place: Place) -> Iterator[Site]:
    """That Tidings, and pages on its origin; each test has users and a profile of its own."""
    yield Site(context, place.web, place.redis_url)
    if not place.web.alive:  # the test failed between killing it and starting it
        place.web.start()


@pytest.fixture
def user() -> str:
    """Somebody of whom nobody has heard yet."""
    return f"grace-{next(_numbers)}"
