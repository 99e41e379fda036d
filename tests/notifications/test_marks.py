"""Many are marked read by a mark in the mailbox, which goes into the rows afterwards, unseen."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from app.database import reading
from app.extensions import db
from app.notifications import bulk, inbox, marks, settling
from app.notifications.inbox import Wanted, list_notifications
from app.notifications.mailboxes import mailbox_of, read_mailbox
from app.notifications.models import Mailbox
from tests.conftest import StartConsumer
from tests.notifications.conftest import Heard
from tests.notifications.full import executed
from tests.notifications.world import NOW, Caller, World, draft, told
from tests.notifications.writers import (
    Writers,
    deliver_and_number,
    live_with_it,
    settle_again_and_again,
)
from tests.support.processes import run_flask
from tests.support.waiting import wait_for

MANY = 12
WRITTEN = text("SELECT count(*) FROM notifications WHERE user_id = 'grace' AND read_at IS NOT NULL")


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer than MANY are many here."""
    monkeypatch.setattr(bulk, "MOST_SINGLY", 2)
    monkeypatch.setattr(bulk, "MOST_WRITTEN", 4)
    monkeypatch.setattr(settling, "BATCH", 5)


@pytest.fixture
def context(app: Flask) -> Iterator[None]:
    """The application's context for the whole test."""
    with app.app_context():
        yield


@pytest.fixture
def marked(world: World, grace: Caller, context: None) -> list[str]:
    """The ids of MANY that were marked read by a mark, oldest first."""
    ids = world.tell("grace", MANY)
    done = grace.bulk("read", filter={}).get_json()
    assert (done["updated"], done["unread"]) == (MANY, 0)
    assert (read_mailbox("grace").marked_seq, written()) == (MANY, 0)
    return ids


def written() -> int:
    """How many rows say by themselves that they are read."""
    with reading() as session:
        return session.scalar(WRITTEN) or 0


def shown(grace: Caller) -> list[Any]:
    """The lists and the counts."""
    pages = [grace.json("/notifications", status=s) for s in ("inbox", "unread", "archived")]
    return [*pages, world_of(grace)]


def world_of(grace: Caller) -> Any:
    return grace.json("/mailbox")


def test_marking_many_read_writes_to_none_of_them(world: World, grace: Caller) -> None:
    world.tell("grace", MANY)
    before = datetime.now(UTC)
    with world.app.app_context(), executed() as statements:
        grace.bulk("read", filter={})
        changes = [each for each, _ in statements if each.startswith("UPDATE notifications")]
        # What changed since has an index of its own, in which nothing is above the mark.
        assert len(changes) == 1
        assert "notifications.seq > " in changes[0]
        assert written() == 0
    items = grace.json("/notifications")["items"]
    [read_at] = {item["read_at"] for item in items}
    assert before <= datetime.fromisoformat(read_at) <= datetime.now(UTC)
    assert grace.titles(status="unread") == []


def test_what_surfaced_before_and_changed_since_is_marked_read_too(
    world: World, grace: Caller
) -> None:
    ids = world.tell("grace", MANY)
    for one in ids[:3]:
        grace.patch(one, archived=True)
        grace.patch(one, archived=False)
    world.tell("grace", 2, title="late")
    done = grace.bulk("read", filter={}, up_to=MANY).get_json()
    assert (done["updated"], done["unread"]) == (MANY, 2)
    assert grace.titles(status="unread") == ["late", "late"]
    world.mailbox("grace")


def test_what_comes_afterwards_is_unread_and_so_is_what_is_marked_unread(
    world: World, grace: Caller, marked: list[str]
) -> None:
    world.tell("grace", title="new")
    grace.patch(marked[3], read=False)
    grace.patch(marked[1], read=False)
    unread = [item["id"] for item in grace.json("/notifications", status="unread")["items"]]
    assert unread[1:] == [marked[3], marked[1]]
    pages = [list_notifications("grace", Wanted("unread"), cursor, 1) for cursor in (None, 13, 4)]
    assert [str(row.id) for page in pages for row in page.rows] == [unread[0], *unread[1:]]
    assert [page.next_cursor for page in pages] == [14, 4, None]
    assert world.mailbox("grace")["unread"] == 3


def test_a_group_that_the_mark_has_read_is_not_joined(world: World, grace: Caller) -> None:
    with world.app.app_context():
        world.tell("grace", MANY)
        [first] = world.tell("grace", title="g", group_key="g")
        grace.bulk("read", filter={})
        [second] = world.tell("grace", title="g", group_key="g")
        [third] = world.tell("grace", title="g", group_key="g")
    assert first != second == third
    assert grace.titles(status="unread") == ["g (2)"]
    assert grace.json(f"/notifications/{first}")["count"] == 1
    world.mailbox("grace")


def test_out_of_the_inbox_and_back_it_is_as_read_as_it_was(
    world: World, grace: Caller, marked: list[str]
) -> None:
    read_at = grace.json(f"/notifications/{marked[0]}")["read_at"]
    until = datetime.now(UTC) + timedelta(hours=1)
    for there, back in (
        ({"archived": True}, {"archived": False}),
        ({"snoozed_until": until.isoformat()}, {"snoozed_until": None}),
    ):
        assert grace.patch(marked[0], **there).get_json()["read_at"] == read_at
        assert grace.patch(marked[0], **back).get_json()["read_at"] == read_at
    grace.bulk("archive", filter={})
    assert {item["read_at"] for item in grace.json("/notifications", status="archived")["items"]}
    grace.bulk("unarchive", filter={})
    assert {item["read_at"] for item in grace.json("/notifications")["items"]} == {read_at}
    assert world.mailbox("grace")["unread"] == 0


def test_what_was_unread_in_the_archive_is_unread_when_it_comes_back_under_a_mark(
    world: World, grace: Caller
) -> None:
    ids = world.tell("grace", MANY, title="archived")
    grace.bulk("archive", ids=ids)
    world.tell("grace", MANY)
    grace.bulk("read", filter={})
    assert grace.bulk("unarchive", filter={}).get_json()["unread"] == MANY
    assert set(grace.titles(status="unread")) == {"archived"}
    world.mailbox("grace")


def test_marking_all_unread_again_takes_the_mark_away_and_writes_to_nobody(
    world: World, grace: Caller, marked: list[str]
) -> None:
    done = grace.bulk("unread", filter={}).get_json()
    assert (done["updated"], done["unread"]) == (MANY, MANY)
    assert (read_mailbox("grace").marked_seq, written()) == (0, 0)
    assert len(grace.titles(status="unread")) == MANY
    world.mailbox("grace")


def test_read_again_while_there_is_a_mark_each_keeps_the_time_at_which_it_was_read(
    world: World, grace: Caller, marked: list[str]
) -> None:
    early = grace.json(f"/notifications/{marked[0]}")["read_at"]
    late = world.tell("grace", MANY)
    assert grace.bulk("read", filter={}).get_json()["updated"] == MANY
    assert {grace.json(f"/notifications/{one}")["read_at"] for one in marked} == {early}
    assert early not in {grace.json(f"/notifications/{one}")["read_at"] for one in late}
    world.mailbox("grace")


def test_a_repeated_event_is_told_again_as_read_as_its_notification_is(
    world: World, grace: Caller, context: None
) -> None:
    drafts = [draft("grace", f"r-{number}") for number in range(MANY)]
    world.deliver(*drafts)
    grace.bulk("read", filter={})
    [(_, again)] = told(push.payload for push in world.deliver(drafts[0]).pushes)
    assert again["read_at"] == grace.json("/notifications")["items"][0]["read_at"]
    assert again["read_at"] is not None


def test_settling_is_seen_by_nobody_however_far_it_has_come(
    world: World, grace: Caller, marked: list[str], heard: Heard
) -> None:
    world.tell("grace", 1)
    grace.patch(marked[5], read=False)
    heard()
    before, replayed = shown(grace), world.replay("grace", 0)
    counts = []
    while read_mailbox("grace").marked_seq:
        settling.settle_for(0)
        counts.append(written())
        assert shown(grace) == before
        assert world.replay("grace", 0) == replayed
        world.mailbox("grace")
    assert counts == [5, 10, 11]
    assert heard() == []
    assert settling.settle_for(0) == 0


def test_a_settler_that_dies_leaves_all_as_it_was(
    world: World, grace: Caller, marked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = shown(grace)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    settling.settle_for(0)
    with monkeypatch.context() as patch:
        patch.setattr(marks, "take_away", die)
        with pytest.raises(KeyboardInterrupt):
            settling.settle_for(60)
    assert (written(), read_mailbox("grace").marked_seq) == (10, MANY)
    assert shown(grace) == before
    settling.settle_for(60)
    assert (written(), read_mailbox("grace").marked_seq) == (MANY, 0)
    assert shown(grace) == before


def test_a_consumer_settles_between_its_turns(
    world: World, grace: Caller, marked: list[str], start_consumer: StartConsumer
) -> None:
    before = shown(grace)
    start_consumer()
    wait_for(lambda: read_mailbox("grace").marked_seq == 0, 30, "the settling")
    assert (written(), shown(grace)) == (MANY, before)


def test_retention_takes_what_the_mark_has_read_for_read(
    world: World, grace: Caller, marked: list[str]
) -> None:
    world.tell("grace", 2)
    wait_for(lambda: datetime.now(UTC) > NOW)
    result = world.app.test_cli_runner().invoke(args=["prune", "--older-than", "0"])
    assert result.exit_code == 0, result.output
    assert world.mailbox("grace")["unread"] == 0
    settling.settle_for(60)
    assert read_mailbox("grace").marked_seq == 0


def test_a_page_shows_one_moment_of_its_mailbox_and_its_rows(
    world: World, grace: Caller, context: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was never read comes back from the archive while somebody reads the list: with the mark
    of before it would look read."""
    archived = world.tell("grace", 3, title="archived")
    grace.bulk("archive", ids=archived)
    world.tell("grace", MANY)
    grace.bulk("read", filter={})

    def meanwhile(session: Any, user_id: str) -> Mailbox:
        mailbox = mailbox_of(session, user_id)
        bulk.change_many("grace", "unarchive", bulk.Filter(), None, NOW)
        return mailbox

    with monkeypatch.context() as patch:
        patch.setattr(inbox, "mailbox_of", meanwhile)
        page = list_notifications("grace", Wanted(), None, 100)
    assert [row.title for row in page.rows if row.read_at is None] == []
    assert len(page.rows) == MANY
    assert grace.titles(status="unread") == ["archived"] * 3


def test_marks_settling_and_everything_else_at_once_leave_every_count_right(
    world: World, environment: dict[str, str]
) -> None:
    people = ["ada", "grace"]
    for user in people:
        world.tell(user, 40)
    batches = [
        [draft(user, f"{n}-{m}", kind="k", group_key="g") for m in range(3) for user in people]
        for n in range(20)
    ]
    with Writers(
        environment,
        (deliver_and_number, batches),
        (live_with_it, (people, 1, 60)),
        (live_with_it, (people, 2, 60)),
        (settle_again_and_again, (200, 3)),
    ) as writers:
        published = [each for one in writers.answers() for each in one]
    for user in people:
        box = world.mailbox(user)  # compares the counts with the rows
        seqs = sorted(seq for who, seq in published if who == user)
        assert seqs == list(range(41, box["last_seq"] + 1))


def test_the_migration_keeps_what_a_mark_says_when_it_is_taken_back(
    grace: Caller, marked: list[str], environment: dict[str, str]
) -> None:
    grace.patch(marked[2], read=False)
    before = shown(grace)
    db.engine.dispose()
    for command in (["db", "downgrade", "0004"], ["db", "upgrade"]):
        done = run_flask(environment, *command)
        assert done.returncode == 0, done.stderr
    assert (written(), read_mailbox("grace").marked_seq) == (MANY - 1, 0)
    assert shown(grace) == before
