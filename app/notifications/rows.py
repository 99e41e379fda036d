"""What every batch reads and writes, as plain rows.

With the ORM's objects and its unit of work a delivery took twice the time (100 and 49 µs for an
event into SQLite, on a busy machine). What only some batches need, for repeats and groups, is left
to it.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from app import bus
from app.database import among, array_literal, is_postgresql, sql, wanted
from app.notifications.models import NewNotification

# An event for one recipient: event id, source, user id.
Key = tuple[str, str, str]

_SELECT_MAILBOXES: Final = (
    "SELECT user_id, last_seq, unread, unseen, seen_seq, marked_seq FROM mailboxes"
)
_SELECT_TOLD: Final = "SELECT event_id, source, user_id FROM notifications"
_SELECT_JOINED: Final = "SELECT event_id, source, user_id FROM grouped_events"

_COLUMNS: Final = [field.name for field in fields(NewNotification)]
_INSERT: Final = (
    f"INSERT INTO notifications ({', '.join(_COLUMNS)}) "  # noqa: S608 - names of ours
    f"VALUES ({', '.join('?' * len(_COLUMNS))})"
)
# 18 µs of PostgreSQL's time for a row, which takes 33 as an INSERT of an executemany.
_COPY: Final = f"COPY notifications ({', '.join(_COLUMNS)}) FROM STDIN"

# Each in the order of the ids.
_CREATE_MAILBOXES: Final = (
    "INSERT INTO mailboxes (user_id, last_seq, unread, unseen, seen_seq, read_seq) "
)
_CREATE_IN_SQLITE: Final = _CREATE_MAILBOXES + "VALUES (?, 0, 0, 0, 0, 0) ON CONFLICT DO NOTHING"
_CREATE_IN_POSTGRESQL: Final = text(
    _CREATE_MAILBOXES + "SELECT user_id, 0, 0, 0, 0, 0 "
    'FROM unnest(CAST(:ids AS text[])) user_id ORDER BY user_id COLLATE "C" ON CONFLICT DO NOTHING'
)

_SAVE_IN_SQLITE: Final = (
    "UPDATE mailboxes SET last_seq = ?, unread = ?, unseen = ? WHERE user_id = ?"
)
_SAVE_IN_POSTGRESQL: Final = text(
    """
    UPDATE mailboxes SET last_seq = new.last_seq, unread = new.unread, unseen = new.unseen
    FROM unnest(
        CAST(:ids AS text[]), CAST(:last_seqs AS bigint[]),
        CAST(:unreads AS integer[]), CAST(:unseens AS integer[])
    ) AS new (user_id, last_seq, unread, unseen)
    WHERE mailboxes.user_id = new.user_id
    """
)


@dataclass(slots=True)
class MailboxRow:
    """What a delivery looks at and changes of a mailbox that it has locked; see `Mailbox`."""

    user_id: str
    last_seq: int
    unread: int
    unseen: int
    seen_seq: int
    marked_seq: int


def lock_mailbox_rows(session: Session, user_ids: Iterable[str]) -> dict[str, MailboxRow]:
    """Lock the mailboxes of `user_ids`, new ones created, until the transaction ends.

    In the order of `lock_mailboxes`, and as there none is created while others are locked: where
    some lack, the transaction, in which nothing may have been done yet, begins anew.
    """
    ordered = sorted(user_ids)
    locked = _lock(session, ordered)
    if len(locked) < len(ordered):
        session.rollback()
        _create(session, [user_id for user_id in ordered if user_id not in locked])
        locked = _lock(session, ordered)
    return locked


def _lock(session: Session, user_ids: Sequence[str]) -> dict[str, MailboxRow]:
    # In the order in which sorted() sorts, and SQLite.
    order = 'ORDER BY user_id COLLATE "C" FOR UPDATE' if is_postgresql(session) else ""
    query = f"{_SELECT_MAILBOXES} WHERE {among(session, 'user_id')} {order}"
    values = wanted(session, [(user_id,) for user_id in user_ids])
    return {row[0]: MailboxRow(*row) for row in session.execute(sql(query), values)}


def _create(session: Session, user_ids: Sequence[str]) -> None:
    # Another process may make the same one at this moment.
    if is_postgresql(session):
        session.execute(_CREATE_IN_POSTGRESQL, {"ids": array_literal(user_ids)})
    else:
        rows = [(user_id,) for user_id in user_ids]
        session.connection().exec_driver_sql(_CREATE_IN_SQLITE, rows)


def save_mailbox_rows(session: Session, boxes: Collection[MailboxRow]) -> None:
    """Write the seqs and counts of locked mailboxes."""
    if is_postgresql(session):
        values = {
            "ids": array_literal([box.user_id for box in boxes]),
            "last_seqs": _numbers(box.last_seq for box in boxes),
            "unreads": _numbers(box.unread for box in boxes),
            "unseens": _numbers(box.unseen for box in boxes),
        }
        session.execute(_SAVE_IN_POSTGRESQL, values)
    else:
        rows = [(box.last_seq, box.unread, box.unseen, box.user_id) for box in boxes]
        session.connection().exec_driver_sql(_SAVE_IN_SQLITE, rows)


def _numbers(values: Iterable[int]) -> str:
    return f"{{{','.join(map(str, values))}}}"


def told_keys(session: Session, event_ids: Collection[str]) -> set[Key]:
    """Of these events, who was told of which before."""
    condition = among(session, "event_id")
    query = f"{_SELECT_TOLD} WHERE {condition} UNION ALL {_SELECT_JOINED} WHERE {condition}"
    values = wanted(session, [(event_id,) for event_id in event_ids])
    return {(row[0], row[1], row[2]) for row in session.execute(sql(query), values)}


def insert_notifications(session: Session, rows: Iterable[NewNotification], now: datetime) -> None:
    """Store new notifications, all of them created `now`."""
    moment = now.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    connection = session.connection()
    if is_postgresql(session):
        # PostgreSQL stores the first ones while the last ones are made.
        connection.exec_driver_sql(_COPY, ((_stored(row, f"{moment}+00") for row in rows),))
    else:
        connection.exec_driver_sql(_INSERT, [_stored(row, moment) for row in rows])


def _stored(row: NewNotification, created_at: str) -> tuple[Any, ...]:
    """The columns' values as text and numbers, which both databases read alike."""
    # SQLite's column has a UUID without hyphens, PostgreSQL reads it with or without.
    values = vars(row) | {"id": row.id.replace("-", ""), "created_at": created_at}
    values["data"] = bus.json_text(row.data) if row.data else "{}"
    if row.actor is not None:
        values["actor"] = bus.json_text(row.actor)
    return tuple(values.values())
