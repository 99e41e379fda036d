"""What the database holds, read past the application."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import psycopg

ROWS = """
    SELECT user_id, seq, created_seq, id, source, event_id, read_at IS NULL AND archived_at IS NULL
    FROM notifications ORDER BY user_id, seq
"""
MAILBOXES = "SELECT user_id, last_seq, unread, unseen FROM mailboxes"


@dataclass(frozen=True, slots=True)
class Row:
    """A notification."""

    user_id: str
    seq: int
    created_seq: int
    id: str
    source: str
    event_id: str
    unread: bool


@dataclass(frozen=True, slots=True)
class Box:
    """A mailbox."""

    user_id: str
    last_seq: int
    unread: int
    unseen: int


class Store:
    """The database at `url`, SQLite or PostgreSQL."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.is_sqlite = url.startswith("sqlite")

    def both(self) -> tuple[list[Row], dict[str, Box]]:
        """Every notification, by user and seq, and every mailbox by its user, of one moment."""
        rows, boxes = self._query(ROWS, MAILBOXES)
        return [_row(*values) for values in rows], {box[0]: Box(*box) for box in boxes}

    def rows(self) -> list[Row]:
        """Every notification, by user and seq."""
        return [_row(*values) for values in self._query(ROWS)[0]]

    def mailboxes(self) -> dict[str, Box]:
        """Every mailbox by its user."""
        return {box[0]: Box(*box) for box in self._query(MAILBOXES)[0]}

    def count(self) -> int:
        """How many notifications there are."""
        return int(self._query("SELECT count(*) FROM notifications")[0][0][0])

    def last_seqs(self) -> dict[str, int]:
        """The latest seq of each mailbox."""
        return {user: box.last_seq for user, box in self.mailboxes().items()}

    def _query(self, *statements: str) -> list[Sequence[tuple[Any, ...]]]:
        """What each finds, all of them in the state of one moment."""
        if self.is_sqlite:
            with closing(self.connect_sqlite()) as sqlite:
                sqlite.execute("BEGIN")
                return [sqlite.execute(one).fetchall() for one in statements]
        with psycopg.connect(self.url) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            return [connection.execute(one.encode()).fetchall() for one in statements]

    def connect_sqlite(self) -> sqlite3.Connection:
        """A connection of its own to the file."""
        return sqlite3.connect(urlsplit(self.url).path[1:], timeout=30, isolation_level=None)


def _row(
    user: str, seq: int, created: int, key: object, source: str, event: str, unread: object
) -> Row:
    return Row(user, seq, created, str(UUID(str(key))), source, event, bool(unread))
