"""Fixtures: real servers on free ports and in temporary folders, each stopped at the end."""

import itertools
import os
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import pytest
import redis
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from app import create_app
from app.extensions import db
from app.ops.embedded import EmbeddedRedis
from tests.support.browser import EXPECT_MS, PATIENCE_MS, chromium, save_screenshot
from tests.support.databases import PostgresDatabases, PostgresServer, SqliteDatabases
from tests.support.processes import ConsumerProcess, WebServer, free_port
from tests.support.tokens import sign_token

# Where Python may not keep what it has compiled, each of the hundreds of processes that are started
# here would compile the application again, which takes a quarter of its start.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Redis has 16 numbered databases. A test gets the next, so that what a process of an earlier test
# still writes does not reach it. The first is for servers that many tests share, and which run
# meanwhile.
REDIS_DATABASES = itertools.cycle(range(1, 16))

JWT_SECRET_KEY = secrets.token_urlsafe(48)


class StartRedis(Protocol):
    """Starts a Redis server of the test's own."""

    def __call__(self, *extra: str) -> EmbeddedRedis: ...


class StartWeb(Protocol):
    """Starts a web server; settings are given as keywords in their own upper-case names."""

    def __call__(self, workers: int = 1, **settings: str) -> WebServer: ...


class StartConsumer(Protocol):
    """Starts a consumer; arguments are those of `flask consumer run`."""

    def __call__(self, *arguments: str, **settings: str) -> ConsumerProcess: ...


class TokenFor(Protocol):
    """Signs a token for a user."""

    def __call__(self, user: str, *scopes: str, ttl_seconds: float = 3600) -> str: ...


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    """One Redis server for all tests, on a TCP port as in production, that keeps no files."""
    folder = tmp_path_factory.mktemp("redis")
    with EmbeddedRedis(folder, port=free_port(), append_only=False) as server:
        yield server


@pytest.fixture
def redis_url(redis_server: EmbeddedRedis) -> str:
    """The URL of an empty database on that server. (Pub/Sub channels are the whole server's.)"""
    url = f"redis://127.0.0.1:{redis_server.port}/{next(REDIS_DATABASES)}"
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    return url


@pytest.fixture
def redis_client(redis_url: str) -> Iterator[redis.Redis]:
    """A client of that database, for a look from outside; it speaks bytes."""
    with redis.Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def start_redis(tmp_path: Path) -> Iterator[StartRedis]:
    """Starts Redis servers that the test may stop, pause or fill, as it likes."""
    with ExitStack() as running:
        folders = (tmp_path / f"redis-{number}" for number in itertools.count())

        def start(*extra: str) -> EmbeddedRedis:
            return running.enter_context(
                EmbeddedRedis(next(folders), port=free_port(), extra=extra)
            )

        yield start


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One PostgreSQL server for all tests."""
    server = PostgresServer()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def sqlite_databases(tmp_path_factory: pytest.TempPathFactory) -> SqliteDatabases:
    """Makes SQLite databases for tests."""
    return SqliteDatabases(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(scope="session")
def postgres_databases(
    postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> PostgresDatabases:
    """Makes PostgreSQL databases for tests."""
    return PostgresDatabases(postgres_server, tmp_path_factory.mktemp("postgres"))


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty, migrated database; a test that uses it runs on both engines.

    To run on one: `@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)`.
    """
    databases: SqliteDatabases | PostgresDatabases = request.getfixturevalue(
        "sqlite_databases" if request.param == "sqlite" else "postgres_databases"
    )
    with databases.fresh(tmp_path) as url:
        yield url


@pytest.fixture
def environment(database_url: str, redis_url: str, tmp_path: Path) -> dict[str, str]:
    """The settings of one Tidings, to be changed before anything is started with them."""
    return {
        "APP_ENV": "development",
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "JWT_SECRET_KEY": JWT_SECRET_KEY,
        "INSTANCE_PATH": str(tmp_path / "instance"),
        "EVENT_STREAM": "events",
    }


@pytest.fixture
def app(environment: dict[str, str]) -> Iterator[Flask]:
    """The application on that database and Redis; a test pushes the context that it needs."""
    application = create_app(environment)
    yield application
    with application.app_context():
        db.engine.dispose()


@pytest.fixture
def token_for() -> TokenFor:
    """Signs tokens that the `environment` accepts."""

    def sign(user: str, *scopes: str, ttl_seconds: float = 3600) -> str:
        return sign_token(JWT_SECRET_KEY, user, *scopes, ttl_seconds=ttl_seconds)

    return sign


@pytest.fixture
def start_web(environment: dict[str, str], tmp_path: Path) -> Iterator[StartWeb]:
    """Starts web servers, ready when it returns."""
    with ExitStack() as running:

        def start(workers: int = 1, **settings: str) -> WebServer:
            server = WebServer({**environment, **settings}, tmp_path, workers=workers)
            return running.enter_context(server)

        yield start


@pytest.fixture
def start_consumer(environment: dict[str, str], tmp_path: Path) -> Iterator[StartConsumer]:
    """Starts consumer processes."""
    with ExitStack() as running:

        def start(*arguments: str, **settings: str) -> ConsumerProcess:
            process = ConsumerProcess({**environment, **settings}, tmp_path, *arguments)
            return running.enter_context(process)

        yield start


@pytest.fixture
def web(start_web: StartWeb) -> WebServer:
    """One web server with one worker."""
    return start_web()


@pytest.fixture
def consumer(start_consumer: StartConsumer) -> ConsumerProcess:
    """One consumer."""
    return start_consumer()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests."""
    expect.set_options(timeout=EXPECT_MS)
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page in a profile of its own: no cookie and no storage of another test."""
    with browser.new_context() as context:
        context.set_default_timeout(PATIENCE_MS)
        yield context.new_page()


@pytest.fixture
def screenshot(tmp_path: Path) -> Callable[[Page, str], Path]:
    """Saves what a page shows, under a name: in docs/images only if UPDATE_SCREENSHOTS=1."""
    return lambda page, name: save_screenshot(page, name, tmp_path)
