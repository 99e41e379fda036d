"""Servers that many tests share, each test with users of its own; and those of one test alone."""

import itertools
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Protocol

import pytest
import redis
from flask import Flask

from app import create_app
from app.extensions import db
from app.ops.embedded import EmbeddedRedis
from app.sse import stream as stream_module
from app.sse.hub import Hub
from app.sse.tended import Tended
from tests.conftest import JWT_SECRET_KEY, StartRedis, StartWeb
from tests.sse.parts import ADA, Channels, Clock, new_hub
from tests.sse.place import Place
from tests.support.databases import PostgresDatabases, SqliteDatabases
from tests.support.processes import WebServer, free_port
from tests.support.waiting import wait_for

_numbers = itertools.count(1)

# The sweep is too far away to come to the rescue of what another part should have done.
SETTINGS = {
    "KEEPALIVE_SECONDS": "1",
    "REPLAY_LIMIT": "20",
    "SWEEP_SECONDS": "3600",
    "MAX_STREAMS_PER_USER": "1000",  # who wants one on each worker needs many tries now and then
    "CORS_ORIGINS": "https://app.example.com",
}
SWEEPING = {**SETTINGS, "SWEEP_SECONDS": "0.5"}

DATABASES = ["sqlite", "postgresql"]


class StartPlace(Protocol):
    """Starts a Tidings; settings are given as keywords in their own upper-case names."""

    def __call__(self, workers: int = 1, **settings: str) -> Place: ...


@contextmanager
def running(
    database_url: str,
    redis_url: str,
    folder: Path,
    settings: dict[str, str],
    workers: int = 1,
    unix_socket: Path | None = None,
) -> Iterator[Place]:
    """A Tidings with so many web workers, which may listen on a Unix socket, too."""
    environment = {
        "APP_ENV": "development",
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "JWT_SECRET_KEY": JWT_SECRET_KEY,
        "INSTANCE_PATH": str(folder / "instance"),
        **settings,
    }
    app = create_app(environment)
    with (
        redis.Redis.from_url(redis_url) as client,
        WebServer(environment, folder, workers=workers, unix_socket=unix_socket) as web,
        closed_connections(app),
    ):
        yield Place(web, app, client)


@contextmanager
def closed_connections(app: Flask) -> Iterator[None]:
    """Leaves no connection of `app` to its database."""
    yield
    with app.app_context():
        db.engine.dispose()


@contextmanager
def shared(
    request: pytest.FixtureRequest,
    redis_server: EmbeddedRedis,
    tmp_path_factory: pytest.TempPathFactory,
    settings: dict[str, str],
) -> Iterator[Place]:
    """A Tidings for many tests, on the database that `request.param` names."""
    folder = tmp_path_factory.mktemp(f"place-{request.param}")
    redis_url = f"redis://127.0.0.1:{redis_server.port}/0"
    with (
        databases_of(request).fresh(folder) as database_url,
        running(database_url, redis_url, folder, settings) as place,
    ):
        yield place


def databases_of(request: pytest.FixtureRequest) -> SqliteDatabases | PostgresDatabases:
    """The databases that `request.param` names, or SQLite's."""
    postgres = getattr(request, "param", "sqlite") == "postgresql"
    databases: SqliteDatabases | PostgresDatabases = request.getfixturevalue(
        "postgres_databases" if postgres else "sqlite_databases"
    )
    return databases


@contextmanager
def on_its_own(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    workers: int,
    unix_socket: Path | None = None,
    /,
    **settings: str,
) -> Iterator[Place]:
    """A Tidings for many tests, with a Redis of its own, which a test may empty."""
    folder = tmp_path_factory.mktemp("own")
    with (
        EmbeddedRedis(folder / "redis", port=free_port(), append_only=False) as server,
        databases_of(request).fresh(folder) as database_url,
    ):
        url = f"redis://127.0.0.1:{server.port}/0"
        all_settings = {**SETTINGS, **settings}
        with running(database_url, url, folder, all_settings, workers, unix_socket) as place:
            yield place


def well(place: Place, workers: int) -> Place:
    """The same, with all of its workers: a test may have killed some, or the server."""
    if not place.web.alive:
        place.web.start()
    wait_for(lambda: len(place.listeners()) == workers, 30, "all workers")
    return place


@pytest.fixture(scope="package", params=DATABASES)
def place(
    request: pytest.FixtureRequest,
    redis_server: EmbeddedRedis,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Place]:
    """A Tidings that is shared; a test that uses it runs on both databases.

    To run on one: `@pytest.mark.parametrize("place", ["sqlite"], indirect=True)`.
    """
    with shared(request, redis_server, tmp_path_factory, SETTINGS) as place:
        yield place


@pytest.fixture(scope="module", params=DATABASES)
def sweeping_place(
    request: pytest.FixtureRequest,
    redis_server: EmbeddedRedis,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Place]:
    """The same, with a sweep each half second."""
    with shared(request, redis_server, tmp_path_factory, SWEEPING) as place:
        yield place


@pytest.fixture(scope="package")
def shared_cluster(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    """Two workers on SQLite."""
    with on_its_own(request, tmp_path_factory, 2) as place:
        yield place


@pytest.fixture
def cluster(shared_cluster: Place) -> Place:
    """The same, well."""
    return well(shared_cluster, 2)


@pytest.fixture(autouse=True)
def _nothing_runs_on(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Ends what a test that failed would leave running in this process, beside the next one."""
    started: list[Tended] = []
    start = Tended.start

    def noted(tended: Tended) -> None:
        started.append(tended)
        start(tended)

    monkeypatch.setattr(Tended, "start", noted)
    yield
    for tended in started:
        tended.stop()


@pytest.fixture
def channels() -> Channels:
    """Subscriptions, of which Ada's is confirmed."""
    channels = Channels()
    channels.there.add(ADA)
    return channels


@pytest.fixture
def hub(channels: Channels) -> Hub:
    """A hub for three streams, and two of one user."""
    return new_hub(channels, max_streams=3, max_streams_per_user=2)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The streams' clock."""
    clock = Clock()
    monkeypatch.setattr(stream_module, "time", clock)
    return clock


@pytest.fixture
def no_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that is away is asked again at once."""
    monkeypatch.setattr(stream_module, "FIRST_BACKOFF_SECONDS", 0)


@pytest.fixture
def user() -> str:
    """A user of whom nobody has heard yet."""
    return f"user-{next(_numbers)}"


@pytest.fixture
def start_place(
    environment: dict[str, str], start_redis: StartRedis, start_web: StartWeb
) -> Iterator[StartPlace]:
    """Starts a Tidings for one test, with settings and a Redis of its own."""
    with ExitStack() as stack:

        def start(workers: int = 1, **settings: str) -> Place:
            url = f"redis://127.0.0.1:{start_redis().port}/0"
            client = stack.enter_context(redis.Redis.from_url(url))
            web = start_web(workers, **{**SETTINGS, "REDIS_URL": url, **settings})
            app = create_app({**environment, "REDIS_URL": url})
            stack.enter_context(closed_connections(app))
            return Place(web, app, client)

        yield start
