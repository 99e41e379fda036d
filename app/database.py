"""How the database is reached: engine options, and one transaction as a `with` block.

A transaction's session ends with its block, so that nobody holds a pooled connection while
waiting for something else.
"""

import sqlite3
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import orjson
from flask import Flask
from sqlalchemy import Connection, Engine, ExceptionContext, TextClause, event, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from app.config import Settings
from app.errors import DatabaseUnavailable
from app.extensions import db
from app.json_values import json_value

POOL_SIZE = 10
POOL_OVERFLOW = 10
POOL_WAIT_SECONDS = 10
POOL_RECYCLE_SECONDS = 600
CONNECT_TIMEOUT_SECONDS = 3
STATEMENT_TIMEOUT_MS = 15_000
# How long a writer waits for another one: SQLite has one writer at a time.
LOCK_WAIT_SECONDS = 10.0
LOCK_RETRY_FIRST_SECONDS = 0.001
LOCK_RETRY_MOST_SECONDS = 0.05

READ_ONLY = "tidings_read_only"

# What PostgreSQL can't do for anybody now is not the fault of who asked. Most of that comes as an
# OperationalError (by the classes of SQLSTATE: 08 connections, 40 deadlocks and serialization,
# 53 resources, 55 locks, 57 shutdown, 58 the system; and all that SQLite has); these do not.
# undefined_table, undefined_column:
NOT_MIGRATED = ("42P01", "42703")
# insufficient_privilege: the role lacks a grant.
NOT_GRANTED = "42501"
# read_only_sql_transaction: after a failover this server is a standby, or somebody made it
# read-only. Its sessions stay so, also when the address leads to another server by now.
NOT_WRITABLE = "25006"

# Values in one statement; SQLite takes 32,766 parameters, PostgreSQL 65,535, and a mailbox has six.
CHUNK = 1_000


def init_app(app: Flask, settings: Settings) -> None:
    """Configure and bind Flask-SQLAlchemy. No connection is opened."""
    options: dict[str, Any] = {
        "pool_size": POOL_SIZE,
        "max_overflow": POOL_OVERFLOW,
        "pool_timeout": POOL_WAIT_SECONDS,
        "json_deserializer": json_value,
    }
    if not settings.is_sqlite:
        options["pool_pre_ping"] = True  # a restarted server costs no failed request
        # Who only reads would not notice a server that another one has replaced.
        options["pool_recycle"] = POOL_RECYCLE_SECONDS
        # A prepared query is planned for what is asked and for how large its tables are by now:
        # one plan for all would be kept while a table grows.
        options["connect_args"] = {
            "connect_timeout": CONNECT_TIMEOUT_SECONDS,
            "options": f"-c statement_timeout={STATEMENT_TIMEOUT_MS} "
            f"-c lock_timeout={int(LOCK_WAIT_SECONDS * 1000)} -c timezone=UTC "
            "-c plan_cache_mode=force_custom_plan",
            "application_name": "tidings",
            "keepalives_idle": 30,
            "tcp_user_timeout": STATEMENT_TIMEOUT_MS,
        }
    app.config["SQLALCHEMY_DATABASE_URI"] = settings.database_url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = options
    db.init_app(app)
    with app.app_context():
        if settings.is_sqlite:
            event.listen(db.engine, "connect", _set_up_sqlite)
            event.listen(db.engine, "begin", _begin_sqlite)
        else:
            event.listen(db.engine, "handle_error", _leave_what_is_not_writable)
            event.listen(db.engine, "do_execute", _copy)


def close() -> None:
    """Close what the pool holds, as a process ends: the last one leaves SQLite in one file.

    What Python leaves to the collector it does not close by itself, and that was told to look no
    more at what a running process has.
    """
    db.engine.dispose()


def _set_up_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # BEGIN is ours, see _begin_sqlite
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {int(LOCK_WAIT_SECONDS * 1000)}")
    cursor.execute("PRAGMA journal_mode = WAL")  # readers and the writer don't wait for each other
    cursor.execute("PRAGMA synchronous = FULL")  # what is committed survives a power cut
    cursor.execute("PRAGMA foreign_keys = ON")
    # From here on nothing may wait inside SQLite: it would stop every greenlet of the process.
    cursor.execute("PRAGMA busy_timeout = 0")
    cursor.close()


def _leave_what_is_not_writable(context: ExceptionContext) -> None:
    """Have the pool close its connections to a read-only server, as to one that went away."""
    if getattr(context.original_exception, "sqlstate", None) == NOT_WRITABLE:
        context.is_disconnect = True


def _copy(cursor: Any, statement: str, parameters: Any, _context: object) -> bool:
    """Have a `COPY … FROM STDIN`, whose one parameter are the rows, send them as they are made.

    Below SQLAlchemy, so that its errors are those of any other statement.
    """
    if not statement.startswith("COPY "):
        return False
    with cursor.copy(statement) as copy:
        for row in parameters[0]:
            copy.write_row(row)
    return True


def _begin_sqlite(connection: Connection) -> None:
    """Begin, and wait for the lock outside of SQLite, so that other greenlets run meanwhile.

    A writer takes the write lock at once: a transaction that begins by reading and then writes
    fails with SQLITE_BUSY_SNAPSHOT, whatever the time-out. A reader takes its snapshot at once.
    """
    if connection.get_execution_options().get(READ_ONLY):
        statements = ["BEGIN", "SELECT 1 FROM sqlite_schema LIMIT 1"]
    else:
        statements = ["BEGIN IMMEDIATE"]
    deadline = time.monotonic() + LOCK_WAIT_SECONDS
    pause = LOCK_RETRY_FIRST_SECONDS
    while statements:
        try:
            connection.exec_driver_sql(statements[0])
            del statements[0]
        except OperationalError as error:
            if not _is_locked(error) or time.monotonic() > deadline:
                raise
            time.sleep(pause)
            pause = min(pause * 2, LOCK_RETRY_MOST_SECONDS)


def _is_locked(error: OperationalError) -> bool:
    return getattr(error.orig, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY


def _engine(*, read_only: bool) -> Engine:
    return db.engine.execution_options(**{READ_ONLY: True}) if read_only else db.engine


@contextmanager
def reading(*, one_moment: bool = False) -> Iterator[Session]:
    """A session that only reads. Raises DatabaseUnavailable.

    With `one_moment` all its queries see one state, as those of SQLite always do; otherwise each
    sees what is committed by then.
    """
    engine = _engine(read_only=True)
    # No autoflush: what a query wrote by the way would stay, where no transaction is rolled back.
    with _translated(), Session(engine, expire_on_commit=False, autoflush=False) as session:
        if is_postgresql(session):
            # Where each sees what is committed by then, a transaction adds nothing but two round
            # trips, BEGIN and ROLLBACK; and at a ROLLBACK psycopg forgets all that it prepared, so
            # that PostgreSQL would plan every query anew. To ask for revocations takes 0.39 ms of
            # our CPU time instead of 0.50, and 0.05 ms of PostgreSQL's instead of 0.23.
            level = "REPEATABLE READ" if one_moment else "AUTOCOMMIT"
            session.connection(execution_options={"isolation_level": level})
        yield session


@contextmanager
def writing() -> Iterator[Session]:
    """One transaction, committed at the end of the block. Raises DatabaseUnavailable."""
    with _translated(), Session(_engine(read_only=False), expire_on_commit=False) as session:
        yield session
        session.commit()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeout) as error:
        raise DatabaseUnavailable(f"The database does not answer: {_first_line(error)}") from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise DatabaseUnavailable(
                f"The database can't be used: {_first_line(error)}"
            ) from error
        sqlstate = getattr(error.orig, "sqlstate", None)
        if sqlstate in NOT_MIGRATED:
            raise DatabaseUnavailable(
                f"The database lacks a migration (`flask db upgrade`): {_first_line(error)}"
            ) from error
        if sqlstate == NOT_GRANTED:
            raise DatabaseUnavailable(
                f"The database's role lacks a grant: {_first_line(error)}"
            ) from error
        raise


def _first_line(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error).splitlines()[0]


def chunks(values: Sequence[str]) -> Iterator[Sequence[str]]:
    """`values` in pieces that fit in one statement."""
    return (values[start : start + CHUNK] for start in range(0, len(values), CHUNK))


def is_postgresql(session: Session) -> bool:
    """Whether the session's database is PostgreSQL; else it is SQLite."""
    return session.get_bind().dialect.name == "postgresql"


@lru_cache(maxsize=64)
def sql(query: str) -> TextClause:
    """SQL as a statement, made once for each text of ours: to make it takes 11 µs."""
    return text(query)


def among(session: Session, *columns: str) -> str:
    """SQL: these columns together are one of the rows that `wanted` makes parameters of.

    However many rows, they go as one parameter for each column at most. With one for each value,
    SQLAlchemy writes the query, and the driver reads it, anew for each number of them.
    """
    # Not `= ANY(array)`: while its table is small, PostgreSQL goes for each of its rows through
    # the whole array, and keeps that plan while the table grows.
    return f"({', '.join(columns)}) IN ({wanted_rows(session, len(columns))})"


def wanted_rows(session: Session, count: int) -> str:
    """SQL: a query of the rows that `wanted` makes parameters of; columns `wanted_0` and so on."""
    columns = [f"wanted_{i}" for i in range(count)]
    if is_postgresql(session):
        arrays = ", ".join(f"CAST(:{column} AS text[])" for column in columns)
        names = ", ".join(columns)
        return f"SELECT * FROM unnest({arrays}) AS wanted ({names})"  # noqa: S608 - all of it is ours
    values = ", ".join(f"json_extract(value, '$[{i}]') AS {name}" for i, name in enumerate(columns))
    return f"SELECT {values} FROM json_each(:wanted) AS wanted"  # noqa: S608 - so is this


def wanted(session: Session, rows: Collection[Sequence[str]]) -> dict[str, str]:
    """The parameters of `among` and of `wanted_rows`."""
    if not is_postgresql(session):
        return {"wanted": orjson.dumps(list(rows)).decode()}
    columns = zip(*rows, strict=True)
    return {f"wanted_{i}": array_literal(column) for i, column in enumerate(columns)}


def array_literal(values: Collection[str]) -> str:
    """A `text[]` as PostgreSQL reads it: a tenth of the time that psycopg takes for a list."""
    quoted = (value.replace("\\", "\\\\").replace('"', '\\"') for value in values)
    inside = '","'.join(quoted)
    return f'{{"{inside}"}}' if values else "{}"
