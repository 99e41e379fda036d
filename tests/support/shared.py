"""A Tidings that several tests share: web workers, a consumer, Redis, SQLite."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.ops.embedded import EmbeddedRedis
from tests.support.databases import SqliteDatabases
from tests.support.processes import ConsumerProcess, WebServer, free_port


@dataclass(frozen=True)
class Place:
    """What runs, with which settings, in which folder."""

    web: WebServer
    consumer: ConsumerProcess
    redis_url: str
    environment: dict[str, str]
    folder: Path


@contextmanager
def running(
    databases: SqliteDatabases, folder: Path, secret: str, **settings: str
) -> Iterator[Place]:
    """Two web workers and a consumer, whose tokens are signed with `secret`."""
    with (
        EmbeddedRedis(folder, port=free_port(), append_only=False) as server,
        databases.fresh(folder) as database_url,
    ):
        redis_url = f"redis://127.0.0.1:{server.port}/0"
        environment = {
            "APP_ENV": "development",
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "JWT_SECRET_KEY": secret,
            "INSTANCE_PATH": str(folder / "instance"),
            **settings,
        }
        with (
            WebServer(environment, folder, workers=2) as web,
            ConsumerProcess(environment, folder) as consumer,
        ):
            yield Place(web, consumer, redis_url, environment, folder)
