"""Fixtures of this room: tabs of a browser, on a page that is as strict as a page can be."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext

from app.ops.embedded import EmbeddedRedis
from tests.browser.tab import Site
from tests.conftest import JWT_SECRET_KEY
from tests.support.browser import PATIENCE_MS
from tests.support.databases import SqliteDatabases
from tests.support.processes import ConsumerProcess, WebServer, free_port

_numbers = itertools.count(1)

# The sweep is too far away to come to the rescue of what the client should have done.
SETTINGS = {"KEEPALIVE_SECONDS": "1", "SWEEP_SECONDS": "3600"}


@dataclass(frozen=True)
class Place:
    """A Tidings: two web workers, a consumer, Redis."""

    web: WebServer
    redis_url: str
    environment: dict[str, str]
    folder: Path


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
    with (
        EmbeddedRedis(folder, port=free_port(), append_only=False) as server,
        sqlite_databases.fresh(folder) as database_url,
    ):
        redis_url = f"redis://127.0.0.1:{server.port}/0"
        environment = {
            "APP_ENV": "development",
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "JWT_SECRET_KEY": JWT_SECRET_KEY,
            "INSTANCE_PATH": str(folder / "instance"),
            **SETTINGS,
        }
        with (
            WebServer(environment, folder, workers=2) as web,
            ConsumerProcess(environment, folder),
        ):
            yield Place(web, redis_url, environment, folder)


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
