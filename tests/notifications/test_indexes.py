"""Each frequent query finds its rows by an index, however full the table is."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event, text

from app.extensions import db
from app.notifications.changes import changes_since
from app.notifications.inbox import Wanted, list_notifications
from app.notifications.mailboxes import last_seqs
from app.notifications.settling import settle_for
from tests.notifications.world import World, draft

# One mailbox with most of the rows: there, sorting them all instead of reading the index's end
# would be the planner's choice if it had no other.
HEAVY, LIGHT = 3_000, 40

Executed = tuple[str, Any]


@pytest.fixture
def full(world: World) -> Iterator[World]:
    """A few thousand notifications, and statistics of them."""
    for start in range(0, HEAVY, 1_000):
        world.deliver(*(draft("grace", f"e-{n}") for n in range(start, start + 1_000)))
    world.deliver(*(draft(f"user-{n % LIGHT}", f"o-{n}") for n in range(LIGHT * 25)))
    with world.app.app_context():
        with db.engine.connect() as connection:
            connection.execute(text("ANALYZE"))
            connection.commit()
        yield world


@contextmanager
def executed() -> Iterator[list[Executed]]:
    """The SELECTs that run within, with their parameters."""
    statements: list[Executed] = []

    def note(_c: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        if statement.startswith("SELECT") and "FROM" in statement:
            statements.append((statement, parameters))

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


def plan(statement: Executed) -> str:
    """How the database runs a statement."""
    explain = "EXPLAIN QUERY PLAN" if db.engine.dialect.name == "sqlite" else "EXPLAIN"
    with db.engine.connect() as connection:
        rows = connection.exec_driver_sql(f"{explain} {statement[0]}", statement[1]).all()
    return "\n".join(str(row[-1]) for row in rows)


def plans(query: Callable[[], object], table: str) -> list[str]:
    """The plans of what `query` asks of `table`."""
    with executed() as statements:
        query()
    found = [
        each for each in statements if f"FROM {table}" in each[0] or f"JOIN {table}" in each[0]
    ]
    assert found
    return [plan(each) for each in found]


def page(cursor: int | None = None, **wanted: Any) -> Callable[[], object]:
    return lambda: list_notifications("grace", Wanted(**wanted), cursor, 20)


@pytest.mark.parametrize(
    ("query", "index", "in_order"),
    [
        (page(), "ix_notifications_inbox", True),
        (page(cursor=1_500), "ix_notifications_inbox", True),
        (page(status="unread"), "ix_notifications_unread", True),
        (lambda: changes_since("grace", HEAVY - 100, 500), "ix_notifications_changes", False),
        (lambda: changes_since("user-3", 20, 500), "ix_notifications_changes", False),
    ],
    ids=["list", "next page", "unread", "replay", "short replay"],
)
def test_the_query_uses_its_index(
    full: World, query: Callable[[], object], index: str | tuple[str, ...], in_order: bool
) -> None:
    for told in plans(query, "notifications"):
        assert any(name in told for name in ([index] if isinstance(index, str) else index)), told
        assert "Seq Scan on notifications" not in told
        assert "SCAN notifications" not in told
        if in_order:
            # The index gives the order: a page costs the same on a full mailbox as on an empty one.
            assert "Sort" not in told
            assert "TEMP B-TREE" not in told


def test_the_sweep_and_the_settler_look_mailboxes_up_by_an_index(full: World) -> None:
    for number in range(3):
        full.deliver(*(draft(f"more-{number}-{n}", "e") for n in range(1_000)))
    with db.engine.connect() as connection:
        connection.execute(text("ANALYZE"))
        connection.commit()
    [told] = plans(lambda: last_seqs(["grace", "user-1", "more-1-1"]), "mailboxes")
    assert "mailboxes_pkey" in told or "sqlite_autoindex_mailboxes" in told
    assert "Seq Scan" not in told
    # Nearly always nobody has a mark, and every consumer looks each second.
    [told] = plans(lambda: settle_for(0), "mailboxes")
    assert "ix_mailboxes_marked" in told
