"""However full a mailbox is, each query of the inbox reads what it needs from an index."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from app import create_app
from app.database import writing
from app.extensions import db
from app.notifications import bulk, marks
from app.notifications.audience import resolve
from app.notifications.bulk import Action, Filter, change_many
from app.notifications.changes import changes_since
from app.notifications.delivery import deliver
from app.notifications.draft import Audience
from app.notifications.inbox import Wanted, list_notifications
from app.notifications.mailboxes import lock_mailboxes, mark_seen
from app.notifications.snoozes import wake_due
from tests.notifications.full import GRACE, UNTIL, executed, fill, plans
from tests.notifications.test_indexes import plan
from tests.notifications.world import NOW, draft
from tests.support.databases import PostgresDatabases, SqliteDatabases

HEAVY = 5_000
# How far bulk changes go here: few enough that the next one finds nearly all as it was.
UP_TO = 300
SORTED = ("Sort", "TEMP B-TREE")

Query = Callable[[], object]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"], autouse=True)
def full(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """The context of an application whose database is full; nothing here changes much of it."""
    folder = tmp_path_factory.mktemp(f"full-{request.param}")
    databases: SqliteDatabases | PostgresDatabases = request.getfixturevalue(
        "sqlite_databases" if request.param == "sqlite" else "postgres_databases"
    )
    with databases.fresh(folder) as url:
        app = create_app(
            {
                "DATABASE_URL": url,
                "REDIS_URL": "unix:///nonexistent",
                "JWT_SECRET_KEY": "s" * 64,
                "INSTANCE_PATH": str(folder / "instance"),
            }
        )
        with app.app_context():
            fill(HEAVY)
            yield
            db.engine.dispose()


def check(query: Query, table: str, *indexes: str, in_order: bool = False) -> None:
    """Every row of `table` that `query` looks at is found by one of `indexes`."""
    for told in plans(query, table):
        assert any(name in told for name in indexes), told
        assert f"Seq Scan on {table}" not in told
        assert f"SCAN {table}" not in told
        if in_order:
            # The index gives the order: a page costs the same on a full mailbox as on an empty one.
            assert not any(word in told for word in SORTED), told


# The name that SQLite gives to the index of a table's own key, and PostgreSQL's.
def key_of(table: str) -> tuple[str, str]:
    return f"sqlite_autoindex_{table}_1", f"{table}_pkey"


ABOUT = ("story", "42")


@pytest.mark.parametrize("cursor", [None, HEAVY // 2], ids=["first page", "next page"])
@pytest.mark.parametrize(
    ("wanted", "indexes"),
    [
        (Wanted(), ["inbox"]),
        (Wanted("unread"), ["unread"]),
        (Wanted("archived"), ["archived"]),
        (Wanted("snoozed"), ["snoozed"]),
        (Wanted(kind="rare"), ["kind"]),
        (Wanted("unread", kind="rare"), ["kind"]),
        (Wanted("archived", kind="rare"), ["kept_kind"]),
        (Wanted(subject=ABOUT), ["subject"]),
        (Wanted("unread", subject=ABOUT), ["subject"]),
        (Wanted("archived", subject=ABOUT), ["subject"]),
        (Wanted("unread", kind="rare", subject=ABOUT), ["subject", "kind"]),
    ],
    ids=lambda value: repr(value) if isinstance(value, Wanted) else "",
)
def test_a_page_is_read_in_order_from_its_own_index(
    wanted: Wanted, indexes: list[str], cursor: int | None
) -> None:
    names = [f"ix_notifications_{name}" for name in indexes]
    check(
        lambda: list_notifications(GRACE, wanted, cursor, 20),
        "notifications",
        *names,
        in_order=True,
    )


@pytest.mark.parametrize("seconds", [0, 20], ids=["nothing", "a few"])
def test_what_is_due_is_found_by_its_time(seconds: int) -> None:
    """Nearly always there is nothing, and every process looks each second."""
    due = UNTIL + timedelta(seconds=seconds)
    check(lambda: wake_due(due), "notifications", "ix_notifications_due")


def test_who_is_far_behind_costs_no_more_than_is_replayed() -> None:
    check(
        lambda: changes_since(GRACE, 0, 50),
        "notifications",
        "ix_notifications_changes",
        in_order=True,
    )


def test_open_groups_are_found_by_recipient_and_group() -> None:
    drafts = [
        draft(user, f"new-{user}-{number}", group_key=f"group-{number}")
        for user in (GRACE, "user-1")
        for number in range(1, 4)
    ]
    found = plans(lambda: deliver(drafts, NOW), "notifications")
    # Told before, as an event of its own or within a group; and the groups.
    before, groups = found
    assert any(name in before for name in ("autoindex", "uq_notifications_event")), before
    assert any(name in before for name in key_of("grouped_events")), before
    assert "ix_notifications_group" in groups, groups
    for told in found:
        for table in ("notifications", "grouped_events"):
            assert f"Seq Scan on {table}" not in told, told
            assert f"SCAN {table}" not in told, told


def test_the_badge_is_counted_in_the_index_of_the_inbox() -> None:
    check(lambda: mark_seen(GRACE, HEAVY - 100), "notifications", "ix_notifications_inbox")


@pytest.mark.parametrize(
    ("action", "which", "indexes"),
    [
        ("read", Filter(), ["unread"]),
        ("read", Filter(kind="rare"), ["kind", "unread"]),
        ("read", Filter(subject=ABOUT), ["subject"]),
        ("unread", Filter(), ["inbox"]),
        ("archive", Filter(), ["inbox"]),
        ("unarchive", Filter(), ["archived"]),
        ("archive", Filter("snoozed"), ["snoozed"]),
    ],
    ids=str,
)
@pytest.mark.parametrize("most_singly", [0, 100], ids=["as a whole", "singly"])
def test_a_bulk_change_finds_what_it_changes_by_an_index(
    monkeypatch: pytest.MonkeyPatch,
    action: Action,
    which: Filter,
    indexes: list[str],
    most_singly: int,
) -> None:
    monkeypatch.setattr(bulk, "MOST_SINGLY", most_singly)
    monkeypatch.setattr(bulk, "MOST_WRITTEN", HEAVY)
    names = [f"ix_notifications_{name}" for name in indexes]
    found = plans(lambda: change_many(GRACE, action, which, UP_TO, NOW), "notifications")
    # Which they are; and if they are changed as a whole, the change, and what is counted then.
    assert len(found) in (1, 3, 4)
    for told in found[:2]:
        assert any(name in told for name in names), told
    for told in found[2:]:
        assert "ix_notifications_unread" in told or "ix_notifications_inbox" in told, told
    for told in found:
        assert not any(word in told for word in ("Seq Scan", "SCAN")), told


@pytest.fixture
def marked() -> Iterator[None]:
    """All that Grace has was marked read, and nothing is settled."""
    _mark(HEAVY, NOW)
    yield
    _mark(0, None)


def _mark(seq: int, at: datetime | None) -> None:
    with writing() as session:
        mailbox = lock_mailboxes(session, [GRACE])[GRACE]
        mailbox.marked_seq, mailbox.marked_at = seq, at


@pytest.mark.parametrize("wanted", [Wanted("unread"), Wanted("unread", kind="usual")], ids=repr)
@pytest.mark.usefixtures("marked")
def test_a_page_of_the_unread_does_not_pass_over_what_is_under_a_mark(wanted: Wanted) -> None:
    above, changed = plans(lambda: list_notifications(GRACE, wanted, None, 20), "notifications")
    assert "Seq Scan" not in above + changed
    assert re.search(r"surfaced_seq ?>", above), above
    assert any(f"ix_notifications_{name}" in above for name in ("unread", "kind")), above
    assert "ix_notifications_changes" in changed, changed
    assert re.search(r"\bseq ?>", changed), changed


@pytest.mark.usefixtures("marked")
def test_a_settler_finds_what_is_under_a_mark_in_the_index_of_the_unread() -> None:
    with writing() as session:
        mailbox = lock_mailboxes(session, [GRACE])[GRACE]
        with executed() as statements:
            marks.settle_some(session, mailbox, 20)
        session.rollback()
    [told] = [plan(each) for each in statements if each[0].startswith("UPDATE notifications")]
    assert "ix_notifications_unread" in told, told
    assert not any(word in told for word in ("Seq Scan", "SCAN")), told


def test_followers_and_mutes_are_found_by_their_keys() -> None:
    told: dict[str, Any] = {"subject": {"type": "s", "id": "7", "title": "T"}}
    audiences = [Audience([draft("u-1", "e", **told)], {"s/7": draft("", "e", **told)})]
    check(lambda: resolve(audiences), "follows", *key_of("follows"))
    check(lambda: resolve(audiences), "mutes", *key_of("mutes"))
