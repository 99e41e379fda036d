"""SQLite has one writer at a time, in whatever process: others wait a little, readers never."""

import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import make_url, text

from app import database
from app.database import reading
from app.extensions import db
from tests.notifications.world import Caller, World

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

# Takes the write lock, says so, and gives it back when its standard input ends.
HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
connection.execute("UPDATE mailboxes SET last_seq = last_seq")
print("locked", flush=True)
sys.stdin.read()
connection.execute("ROLLBACK")
"""


@pytest.fixture
def path(database_url: str) -> Path:
    """The database's file."""
    return Path(make_url(database_url).database or "")


class Holder:
    """Another process that has the write lock."""

    def __init__(self, path: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._process.stdout
        assert self._process.stdout.readline() == b"locked\n"

    def release(self) -> None:
        """Let it give the lock back, and wait for that."""
        self._process.communicate()


@contextmanager
def locked(path: Path) -> Iterator[Holder]:
    """Within, another process has the write lock, unless it was released."""
    holder = Holder(path)
    try:
        yield holder
    finally:
        holder.release()


def test_the_database_is_in_wal_mode_and_syncs_each_commit(world: World, path: Path) -> None:
    world.tell("grace")
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    with world.app.app_context(), reading() as session:
        assert session.scalar(text("PRAGMA synchronous")) == 2  # FULL; a default would be per build
        assert session.scalar(text("PRAGMA foreign_keys")) == 1
        # Nothing may wait inside of SQLite, where it would stop all other greenlets.
        assert session.scalar(text("PRAGMA busy_timeout")) == 0


def test_a_writer_waits_for_another_processs_lock_and_then_succeeds(
    world: World, grace: Caller, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [notification_id] = world.tell("grace")
    waits = 0
    with locked(path) as holder:

        def sleep(seconds: float) -> None:
            nonlocal waits
            waits += 1
            if waits == 3:
                holder.release()
            time.sleep(seconds)

        # gevent replaces exactly this; that it is called shows that other greenlets run.
        clock = SimpleNamespace(sleep=sleep, monotonic=time.monotonic)
        monkeypatch.setattr(database, "time", clock)
        answer = grace.patch(notification_id, read=True)

    assert waits >= 3
    assert (answer.status_code, answer.get_json()["seq"]) == (200, 2)


def test_readers_dont_wait_for_a_writer(
    world: World, grace: Caller, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [notification_id] = world.tell("grace")
    monkeypatch.setattr(database, "LOCK_WAIT_SECONDS", 0)
    with locked(path):
        # The pool's connections are used up too: a new one must not need the lock either.
        with world.app.app_context():
            db.engine.dispose()
        assert grace.json("/mailbox")["unread"] == 1
        assert len(grace.json("/notifications")["items"]) == 1
        assert grace.json(f"/notifications/{notification_id}")["id"] == notification_id


def test_a_database_locked_for_too_long_is_unavailable_and_unchanged(
    world: World, grace: Caller, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [notification_id] = world.tell("grace")
    monkeypatch.setattr(database, "LOCK_WAIT_SECONDS", 0.05)
    with locked(path):
        for answer in (grace.patch(notification_id, read=True), grace.see(1)):
            problem = answer.get_json()
            assert (answer.status_code, problem["status"]) == (503, 503)
            assert problem["type"] == "urn:tidings:problem:database-unavailable"
            assert "locked" in problem["detail"]
            assert int(answer.headers["Retry-After"]) > 0
    assert world.mailbox("grace") == {"last_seq": 1, "unread": 1, "unseen": 1, "seen_seq": 0}
    assert grace.patch(notification_id, read=True).get_json()["seq"] == 2
