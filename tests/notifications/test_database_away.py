"""Without its database the API says so, and works again once the database is back."""

import os
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from flask import Flask
from psycopg import sql
from sqlalchemy import make_url
from werkzeug.test import TestResponse

from app.notifications import database
from tests.notifications.world import Caller, World
from tests.support.databases import PostgresServer
from tests.support.processes import free_port


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
        self._server.execute(
            sql.SQL(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = {}"
            ).format(sql.Literal(self._name))
        )


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
