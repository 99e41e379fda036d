"""Without its database the API says so and the consumer waits; both work again once it is back."""

import os
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
import redis
from flask import Flask
from psycopg import sql
from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError
from werkzeug.test import TestResponse

from app import database
from app.consumer.consumer import MOST_FAILURES
from app.database import reading, writing
from app.errors import DatabaseUnavailable
from tests.notifications.world import Caller, World
from tests.support.consuming import consumer, dead_letters, event, finish, pending, send, told
from tests.support.databases import PostgresServer
from tests.support.processes import free_port


def end_sessions(server: PostgresServer, name: str) -> None:
    """End every session with the database of this name."""
    server.execute(
        sql.SQL(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = {}"
        ).format(sql.Literal(name))
    )


class Link:
    """The only way from the application to PostgreSQL: a socket's name that can be taken away."""

    def __init__(self, server: PostgresServer, url: str, folder: Path) -> None:
        self._server = server
        self._name = str(make_url(url).database)
        [self._socket] = Path(str(make_url(url).query["host"])).glob(".s.PGSQL.*[0-9]")
        self._link = folder / self._socket.name
        self.url = f"postgresql://postgres@/{self._name}?host={quote(str(folder), safe='')}"
        self.restore()

    def restore(self) -> None:
        """PostgreSQL is there."""
        self._link.symlink_to(self._socket)

    def cut(self) -> None:
        """PostgreSQL is gone, and with it all connections."""
        self._link.unlink()
        self.drop_connections()

    def drop_connections(self) -> None:
        """PostgreSQL has restarted: every connection is dead, and new ones are welcome."""
        end_sessions(self._server, self._name)


@pytest.fixture
def link(
    environment: dict[str, str],
    postgres_server: PostgresServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Link:
    """The way to the database; the application takes it."""
    folder = tmp_path_factory.mktemp("pg", numbered=True)
    link = Link(postgres_server, environment["DATABASE_URL"], folder)
    environment["DATABASE_URL"] = link.url
    return link


class Failover:
    """PostgreSQL becomes read-only, or stops being so, for sessions that begin from then on."""

    def __init__(self, server: PostgresServer, url: str) -> None:
        self._server = server
        self._name = str(make_url(url).database)

    def to_read_only(self) -> None:
        """A standby answers now; sessions with the old primary have ended."""
        self._set("on")
        end_sessions(self._server, self._name)

    def to_primary(self) -> None:
        """A primary answers who connects now; sessions with the standby go on, read-only."""
        self._set("off")

    def _set(self, value: str) -> None:
        self._server.execute(
            sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = {}").format(
                sql.Identifier(self._name), sql.SQL(value)
            )
        )


@pytest.fixture
def failover(postgres_server: PostgresServer, database_url: str) -> Failover:
    """Makes the test's database read-only."""
    return Failover(postgres_server, database_url)


def assert_unavailable(answer: TestResponse) -> None:
    problem = answer.get_json()
    assert answer.status_code == problem["status"] == 503
    assert answer.content_type == "application/problem+json"
    assert problem["type"] == "urn:tidings:problem:database-unavailable"
    assert int(answer.headers["Retry-After"]) > 0


def database_state(app: Flask) -> str:
    """What /readyz says of the database."""
    answer = app.test_client().get("/readyz")
    checks: dict[str, str] = answer.get_json()["checks"]
    assert checks["redis"] == "ok"
    assert (answer.status_code == 503) or checks["database"] == "ok"
    return checks["database"]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_the_api_recovers_by_itself_when_postgresql_comes_back(
    link: Link, world: World, grace: Caller
) -> None:
    [notification_id] = world.tell("grace")
    assert database_state(world.app) == "ok"

    link.cut()
    assert_unavailable(grace.get("/notifications"))
    assert_unavailable(grace.get(f"/notifications/{notification_id}"))
    assert_unavailable(grace.patch(notification_id, read=True))
    assert_unavailable(grace.get("/mailbox"))
    assert_unavailable(grace.see(1))
    assert database_state(world.app) != "ok"

    link.restore()
    assert grace.json("/mailbox") == {"seq": 1, "unread": 1, "unseen": 1}
    assert grace.patch(notification_id, read=True).status_code == 200
    assert database_state(world.app) == "ok"


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_restart_of_postgresql_costs_no_request(link: Link, world: World, grace: Caller) -> None:
    [notification_id] = world.tell("grace")
    link.drop_connections()
    assert grace.patch(notification_id, read=True).status_code == 200
    link.drop_connections()
    assert grace.json("/mailbox")["unread"] == 0


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_port_where_nobody_listens(
    environment: dict[str, str], request: pytest.FixtureRequest
) -> None:
    environment["DATABASE_URL"] = f"postgresql://postgres:s3cret@127.0.0.1:{free_port()}/tidings"
    world: World = request.getfixturevalue("world")
    answer = world.caller("grace").get("/mailbox")
    assert_unavailable(answer)
    assert "s3cret" not in answer.get_data(as_text=True)
    assert "s3cret" not in database_state(world.app)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_sqlite_file_that_cannot_be_opened(
    environment: dict[str, str], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    path = tmp_path / "later" / "tidings.db"
    good = environment["DATABASE_URL"]
    environment["DATABASE_URL"] = f"sqlite:///{path}"
    world: World = request.getfixturevalue("world")
    grace = world.caller("grace")
    assert_unavailable(grace.get("/mailbox"))
    assert database_state(world.app) != "ok"

    path.parent.mkdir()
    os.link(str(make_url(good).database), path)
    assert grace.json("/mailbox")["seq"] == 0
    assert database_state(world.app) == "ok"


def test_a_database_without_the_tables_is_unavailable_and_says_what_to_do(
    environment: dict[str, str], request: pytest.FixtureRequest, postgres_server: PostgresServer
) -> None:
    """A process that is newer than the database's tables waits for the migration."""
    url = make_url(environment["DATABASE_URL"])
    if url.get_backend_name() == "sqlite":
        environment["DATABASE_URL"] = f"{environment['DATABASE_URL']}.empty"
    else:
        environment["DATABASE_URL"] = postgres_server.url("postgres")
    world: World = request.getfixturevalue("world")
    assert_unavailable(world.caller("grace").get("/mailbox"))
    assert "mailboxes" in database_state(world.app)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_mailbox_locked_for_too_long_is_unavailable_and_unchanged(
    environment: dict[str, str],
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(database, "LOCK_WAIT_SECONDS", 0.2)
    world: World = request.getfixturevalue("world")
    grace = world.caller("grace")
    [notification_id] = world.tell("grace")
    with psycopg.connect(environment["DATABASE_URL"]) as other:
        other.execute("SELECT 1 FROM mailboxes WHERE user_id = 'grace' FOR UPDATE")
        assert_unavailable(grace.patch(notification_id, read=True))
        assert_unavailable(grace.see(1))
        # Readers don't wait, and neither does anybody else.
        assert grace.json("/mailbox") == {"seq": 1, "unread": 1, "unseen": 1}
        assert len(world.tell("ada")) == 1
    assert grace.patch(notification_id, read=True).get_json()["seq"] == 2


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_postgresql_that_is_read_only_still_shows_what_there_is(
    failover: Failover, world: World, grace: Caller
) -> None:
    [notification_id] = world.tell("grace")
    failover.to_read_only()
    assert grace.json("/mailbox") == {"seq": 1, "unread": 1, "unseen": 1}
    for _ in range(2):
        assert_unavailable(grace.patch(notification_id, read=True))

    # Its pooled connections would lead to the standby for ever.
    failover.to_primary()
    assert grace.patch(notification_id, read=True).status_code == 200


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_the_consumer_waits_for_a_postgresql_that_is_read_only_and_parks_nothing(
    failover: Failover, app: Flask, redis_client: redis.Redis
) -> None:
    with app.app_context():
        worker = consumer(redis_client)
        send(redis_client, event(id="before"))
        finish(worker)
        failover.to_read_only()
        ids = send(redis_client, event(id="1"), event(id="2"))
        for _ in range(MOST_FAILURES + 1):
            with pytest.raises(DatabaseUnavailable, match="read-only"):
                worker.turn(None)
        assert pending(redis_client) == ids
        failover.to_primary()
        finish(worker)
        assert told("grace") == ["before", "1", "2"]
        assert worker.waiting == 0
    assert pending(redis_client) == []
    assert dead_letters(redis_client) == []


def raise_in_database(sqlstate: str) -> None:
    """Have PostgreSQL itself report this error, in a transaction of ours."""
    with writing() as session:
        session.execute(text(f"DO $$ BEGIN RAISE 'tried' USING ERRCODE = '{sqlstate}'; END $$"))


NOBODYS_FAULT = {
    "08006": "connection_failure",
    "25006": "read_only_sql_transaction",
    "40001": "serialization_failure",
    "40P01": "deadlock_detected",
    "42501": "insufficient_privilege",
    "42P01": "undefined_table",
    "42703": "undefined_column",
    "53100": "disk_full",
    "53200": "out_of_memory",
    "53300": "too_many_connections",
    "55P03": "lock_not_available",
    "57014": "query_canceled",
    "57P01": "admin_shutdown",
    "57P02": "crash_shutdown",
    "57P03": "cannot_connect_now",
    "58030": "io_error",
}
THE_EVENTS_FAULT = {
    "22001": "string_data_right_truncation",
    "22P05": "untranslatable_character",
    "23502": "not_null_violation",
    "23505": "unique_violation",
    "23514": "check_violation",
}


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_which_errors_of_postgresql_pass_and_which_are_the_fault_of_what_was_written(
    app: Flask,
) -> None:
    with app.app_context():
        for sqlstate in NOBODYS_FAULT:
            with pytest.raises(DatabaseUnavailable, match="tried"):
                raise_in_database(sqlstate)
        for sqlstate in THE_EVENTS_FAULT:
            with pytest.raises(DBAPIError, match="tried"):
                raise_in_database(sqlstate)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_no_connection_stays_in_the_pool_for_ever(
    environment: dict[str, str], request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def backend() -> int:
        with reading() as session:
            return int(session.scalar(text("SELECT pg_backend_pid()")))

    monkeypatch.setattr(database, "POOL_RECYCLE_SECONDS", 0)
    app: Flask = request.getfixturevalue("app")
    with app.app_context():
        assert backend() != backend()
