"""A database that is away for a while, whichever it is."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from app import database


@contextmanager
def database_away(url: str) -> Iterator[None]:
    """Nobody can write to the database at `url`; this process gives up waiting for it at once.

    SQLite is locked by somebody else. PostgreSQL ends every session and lets nobody connect.
    """
    if url.startswith("sqlite"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(database, "LOCK_WAIT_SECONDS", 0.05)
            with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as other:
                other.execute("BEGIN IMMEDIATE")
                yield
    else:
        _allow_connections(url, False)
        try:
            yield
        finally:
            _allow_connections(url, True)


def _allow_connections(url: str, allowed: bool) -> None:
    name = str(conninfo_to_dict(url)["dbname"])
    with psycopg.connect(make_conninfo(url, dbname="postgres"), autocommit=True) as connection:
        connection.execute(
            sql.SQL("ALTER DATABASE {} WITH ALLOW_CONNECTIONS {}").format(
                sql.Identifier(name), sql.Literal(allowed)
            )
        )
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
        )
