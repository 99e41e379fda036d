"""Fixtures of this room: tabs of a browser, on a page that is as strict as a page can be."""

import itertools
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext

from app.ops.embedded import EmbeddedRedis
from tests.browser.tab import Site
from tests.conftest import JWT_SECRET_KEY, StartConsumer, StartWeb
from tests.support.databases import SqliteDatabases
from tests.support.processes import ConsumerProcess, WebServer, free_port

_numbers = itertools.count(1)

# The sweep is too far away to come to the rescue of what the client should have done.
SETTINGS = {"KEEPALIVE_SECONDS": "1", "SWEEP_SECONDS": "3600"}

# A server and its Redis.
Place = tuple[WebServer, str]


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """One profile: its tabs share cookies, locks and channels."""
    with browser.new_context() as context:
        yield context


@pytest.fixture
def web(start_web: StartWeb) -> WebServer:
    """A web server as it is deployed, with two workers."""
    return start_web(workers=2, **SETTINGS)


@pytest.fixture
def site(
    context: BrowserContext, web: WebServer, start_consumer: StartConsumer, redis_url: str
) -> Site:
    """A Tidings of the test's own, and pages on its origin."""
    start_consumer()
    return Site(context, web, redis_url)


@pytest.fixture(scope="package")
def place(
    sqlite_databases: SqliteDatabases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    """A Tidings that tests share: two web workers, a consumer, Redis."""
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
            yield web, redis_url


@pytest.fixture
def shared(context: BrowserContext, place: Place) -> Site:
    """That Tidings, and pages on its origin; each test has users and a profile of its own."""
    web, redis_url = place
    return Site(context, web, redis_url)


@pytest.fixture
def user() -> str:
    """Somebody of whom nobody has heard yet."""
    return f"grace-{next(_numbers)}"
