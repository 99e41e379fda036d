"""The shipped nginx before a web server that knows of it, which the tests of a file share."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.ops.embedded import EmbeddedRedis
from tests.conftest import JWT_SECRET_KEY
from tests.deploy.shipped import ShippedNginx, in_front_of
from tests.support.databases import SqliteDatabases
from tests.support.processes import WebServer, free_port


@pytest.fixture(scope="module")
def deployed(
    sqlite_databases: SqliteDatabases,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[WebServer, ShippedNginx]]:
    """A web server that believes one proxy, whose workers hold few connections; and that proxy."""
    folder = tmp_path_factory.mktemp("deployed")
    with _deployed(sqlite_databases, folder, {"RATE_LIMIT_FACTOR": "0"}) as both:
        yield both


@pytest.fixture(scope="module")
def deployed_by_unix_socket(
    sqlite_databases: SqliteDatabases,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[WebServer, ShippedNginx]]:
    """The same with a Unix socket between them, and few failed attempts for each address."""
    folder = tmp_path_factory.mktemp("deployed")
    # With a short name: the path of a Unix socket has a limit.
    with (
        tempfile.TemporaryDirectory(prefix="tidings-") as short,
        _deployed(
            sqlite_databases, folder, {"RATE_LIMIT_FACTOR": "0.01"}, Path(short, "web.sock")
        ) as both,
    ):
        yield both


@contextmanager
def _deployed(
    sqlite_databases: SqliteDatabases,
    folder: Path,
    own_settings: Mapping[str, str],
    unix_socket: Path | None = None,
) -> Iterator[tuple[WebServer, ShippedNginx]]:
    with (
        EmbeddedRedis(folder / "redis", port=free_port(), append_only=False) as redis_server,
        sqlite_databases.fresh(folder) as database_url,
    ):
        settings = {
            "APP_ENV": "development",
            "DATABASE_URL": database_url,
            "REDIS_URL": f"redis://127.0.0.1:{redis_server.port}/0",
            "JWT_SECRET_KEY": JWT_SECRET_KEY,
            "INSTANCE_PATH": str(folder / "instance"),
            "TRUSTED_PROXIES": "1",
            "MAX_STREAMS": "200",
            **own_settings,
        }
        with (
            WebServer(settings, folder, unix_socket=unix_socket) as web,
            in_front_of(web, folder) as server,
        ):
            yield web, server


@pytest.fixture
def behind(deployed: tuple[WebServer, ShippedNginx]) -> WebServer:
    """That web server, running: a test may have stopped it."""
    web, _ = deployed
    if not web.alive:
        web.start()
    return web


@pytest.fixture
def nginx(behind: WebServer, deployed: tuple[WebServer, ShippedNginx]) -> ShippedNginx:
    """nginx before it."""
    _, server = deployed
    return server
