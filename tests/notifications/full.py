"""A mailbox that is as full as one likes, and what the database does for each query of it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import event, text
from uuid_utils import uuid7

from app.extensions import db
from app.notifications.models import NewNotification
from tests.notifications.test_indexes import Executed, plan
from tests.notifications.world import NOW, SOURCE

GRACE = "grace"
OTHERS = 40
UNTIL = NOW + timedelta(days=1)
# So many of what there is everywhere are of a rare kind, about one subject, or of a group.
ONE_IN = 250

COUNT = text(
    """
    UPDATE mailboxes SET seen_seq = last_seq / 2, read_seq = 0, wide_seq = 0, pruned_seq = 0,
        unread = (SELECT count(*) FROM notifications n WHERE n.user_id = mailboxes.user_id
            AND n.archived_at IS NULL AND n.snoozed_until IS NULL AND n.read_at IS NULL),
        unseen = (SELECT count(*) FROM notifications n WHERE n.user_id = mailboxes.user_id
            AND n.archived_at IS NULL AND n.snoozed_until IS NULL
            AND n.surfaced_seq > mailboxes.last_seq / 2)
    """
)


def fill(heavy: int) -> None:
    """Give Grace `heavy` notifications, and others a hundred each: of every ten, six are in the
    inbox (three of them unread), two archived, two snoozed.

    Needs an application context.
    """
    boxes = {GRACE: heavy, **{f"user-{number}": 100 for number in range(OTHERS)}}
    rows = [_row(user, seq) for user, count in boxes.items() for seq in range(1, count + 1)]
    joined = [
        {"event_id": f"j-{n}", "source": SOURCE, "user_id": GRACE, "notification_id": UUID(row.id)}
        for n, row in enumerate(rows)
    ]
    tables: dict[str, list[dict[str, Any]]] = {
        "mailboxes": [{"user_id": user, "last_seq": count} for user, count in boxes.items()],
        "notifications": [vars(row) | {"id": UUID(row.id)} for row in rows],
        "grouped_events": joined,
        "follows": [{"subject": f"s/{n % 300}", "user_id": f"u-{n}"} for n in range(3_000)],
        # PostgreSQL reads a smaller table whole, and is right.
        "mutes": [{"user_id": f"u-{n}", "what": "kind", "value": "k"} for n in range(20_000)],
    }
    with db.engine.begin() as connection:
        for name, values in tables.items():
            connection.execute(db.metadata.tables[name].insert(), values)
        connection.execute(COUNT)
    with db.engine.connect() as connection:
        connection.execute(text("ANALYZE"))
        connection.commit()


def _row(user: str, seq: int) -> NewNotification:
    part = seq % 10
    rare = seq % ONE_IN == 0
    return NewNotification(
        id=str(uuid7()),
        user_id=user,
        seq=seq,
        created_seq=seq,
        surfaced_seq=seq,
        source=SOURCE,
        event_id=f"e-{user}-{seq}",
        kind="rare" if rare else "usual",
        reason="following",
        title=f"Notification {seq}",
        body="What was said. " * 10,
        url=f"/stories/{seq}",
        actor={"id": "ada", "name": "Ada"},
        subject_type="story",
        subject_id="42" if rare else str(1_000 + seq % 500),
        subject_title="A story",
        data={},
        group_key=f"group-{seq // ONE_IN}" if rare else None,
        count=1,
        created_at=NOW,
        read_at=NOW if part in (3, 4, 5) else None,
        archived_at=NOW if part in (6, 7) else None,
        snoozed_until=UNTIL + timedelta(seconds=seq) if part in (8, 9) else None,
    )


@contextmanager
def executed() -> Iterator[list[Executed]]:
    """What is read and changed within, with its parameters."""
    statements: list[Executed] = []

    def note(_c: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        # A change of single rows, as the ORM writes it, is by their keys.
        many = statement.startswith("UPDATE") and ".id = " not in statement
        if (statement.startswith("SELECT") and "FROM" in statement) or many:
            statements.append((statement, parameters))

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


def plans(query: Callable[[], object], table: str) -> list[str]:
    """The plans of what `query` reads from `table`, and changes there."""
    with executed() as statements:
        query()
    words = (f"FROM {table}", f"JOIN {table}", f"UPDATE {table}")
    found = [each for each in statements if any(word in each[0] for word in words)]
    assert found, statements
    return [plan(each) for each in found]
