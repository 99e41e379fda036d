"""All marked read at once is, for everybody and at any moment, as if each had been written to."""

import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from app.bus import Push
from app.database import reading, writing
from app.errors import NotFound
from app.notifications import bulk, inbox, marks
from app.notifications.changes import changes_since
from app.notifications.delivery import deliver
from app.notifications.draft import Draft
from app.notifications.inbox import Wanted, change_notification, list_notifications
from app.notifications.mailboxes import lock_mailboxes, mark_seen, read_mailbox
from app.notifications.models import Mailbox, Notification
from app.notifications.representation import notification_json
from app.notifications.retention import prune
from app.notifications.snoozes import wake_due
from app.notifications.states import Change
from tests.notifications.world import NOW, Json, World, draft

STATUSES: tuple[inbox.Status, ...] = ("inbox", "unread", "archived", "snoozed")
NEVER = 10**9


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two are many here, and are marked read by a mark."""
    monkeypatch.setattr(bulk, "MOST_SINGLY", 1)
    monkeypatch.setattr(bulk, "MOST_WRITTEN", 1)


@pytest.fixture
def context(app: Flask) -> Iterator[None]:
    """The application's context for the whole test."""
    with app.app_context():
        yield


def marked_seq(user: str) -> int:
    """The seq of that person's mark. Needs an application context."""
    return read_mailbox(user).marked_seq


def settle(user: str, most: int) -> None:
    """Settle as one transaction does it."""
    with writing() as session:
        mailbox = lock_mailboxes(session, [user])[user]
        if mailbox.marked_seq:
            marks.settle_some(session, mailbox, most)


def own_read_times(user: str) -> list[datetime | None]:
    """What stands in the rows, whatever the mark says, oldest first."""
    query = select(Notification.read_at).where(Notification.user_id == user)
    with reading() as session:
        return list(session.scalars(query.order_by(Notification.created_seq)))


INDEX = st.integers(0, 11)
SEQ_BACK = st.integers(0, 6)
CHANGES = st.one_of(
    st.builds(Change, read=st.booleans()),
    st.builds(Change, archived=st.booleans()),
    st.builds(Change, read=st.booleans(), archived=st.booleans()),
)
ABOUT = st.builds(
    bulk.Filter,
    status=st.sampled_from([None, None, "inbox", "unread", "archived", "snoozed"]),
    kind=st.sampled_from([None, None, "a", "b"]),
    subject=st.sampled_from([None, None, ("s", "1")]),
)
ACTIONS = st.sampled_from(["read", "read", "unread", "archive", "unarchive"])
STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("arrive"),
            st.integers(1, 4),
            st.sampled_from("ab"),
            st.sampled_from([None, "g"]),
        ),
        st.tuples(st.just("again"), INDEX),
        st.tuples(st.just("patch"), INDEX, CHANGES),
        st.tuples(st.just("snooze"), INDEX, st.integers(0, 3)),
        st.tuples(st.just("wake")),
        st.tuples(st.just("see"), SEQ_BACK),
        st.tuples(st.just("all"), st.just("read"), st.none() | SEQ_BACK),
        st.tuples(st.just("all"), st.just("read"), st.none() | SEQ_BACK),
        st.tuples(st.just("all"), st.sampled_from(["unread", "archive"]), st.none() | SEQ_BACK),
        st.tuples(st.just("some"), ACTIONS, ABOUT, st.none() | SEQ_BACK),
        st.tuples(st.just("ids"), ACTIONS, st.lists(INDEX, min_size=1, max_size=8)),
        st.tuples(st.just("settle"), st.integers(1, 4)),
        st.tuples(st.just("prune")),
    ),
    min_size=1,
    max_size=16,
)
NUMBERS = itertools.count()


@dataclass
class Person:
    """Does the steps, and shows everything that can be seen of a mailbox."""

    user: str
    run: int
    with_marks: bool
    had_mark: bool = False

    def __post_init__(self) -> None:
        self.ids: list[UUID] = []
        self.events: list[Draft] = []

    def do(self, number: int, what: str, *details: Any) -> Any:
        """One step; what comes back of it, without what is different for each person."""
        bulk.MOST_WRITTEN = 1 if self.with_marks else NEVER
        self.now = NOW + timedelta(minutes=number)
        self.number = number
        answer = getattr(self, f"do_{what}")(*details)
        self.had_mark |= bool(marked_seq(self.user))
        return self._anonymous(answer)

    def do_arrive(self, count: int, kind: str, group_key: str | None) -> Any:
        drafts = [
            draft(
                self.user,
                f"{self.run}-{self.number}-{n}",
                kind=kind,
                group_key=group_key,
                subject={"type": "s", "id": str(n), "title": "S"},
            )
            for n in range(count)
        ]
        self.events += drafts
        return self._deliver(drafts)

    def do_again(self, index: int) -> Any:
        if not self.events:
            return None
        return self._deliver([self.events[index % len(self.events)]])

    def _deliver(self, drafts: Sequence[Draft]) -> Any:
        pushes = deliver(drafts, self.now).pushes
        for push in pushes:
            one = UUID(json.loads(push.payload)["id"])
            self.ids += [] if one in self.ids else [one]
        return pushes

    def do_patch(self, index: int, wanted: Change) -> Any:
        if not self.ids:
            return None
        try:
            done = change_notification(self.user, self.ids[index % len(self.ids)], wanted, self.now)
        except NotFound:
            return None
        return notification_json(done.row), done.push, counts(done.mailbox)

    def do_snooze(self, index: int, steps: int) -> Any:
        # A second of its own, so that they come back in one order.
        until = self.now + timedelta(minutes=steps, seconds=self.number)
        return self.do_patch(index, Change(snoozed_until=until))

    def do_wake(self) -> Any:
        return wake_due(self.now)

    def do_see(self, back: int) -> Any:
        mailbox, push = mark_seen(self.user, max(0, seq_before(self.user, back)))
        return push, counts(mailbox)

    def do_all(self, action: bulk.Action, back: int | None) -> Any:
        return self.do_some(action, bulk.Filter(), back)

    def do_ids(self, action: bulk.Action, indexes: Sequence[int]) -> Any:
        which = [self.ids[index % len(self.ids)] for index in indexes] if self.ids else []
        return self.do_some(action, which, None)

    def do_some(
        self, action: bulk.Action, which: bulk.Filter | Sequence[UUID], back: int | None
    ) -> Any:
        up_to = None if back is None else max(0, seq_before(self.user, back))
        done = bulk.change_many(self.user, action, which, up_to, self.now)
        return done.updated, counts(done.mailbox), done.pushes

    def do_settle(self, most: int) -> Any:
        before = self.shown()
        settle(self.user, most)
        assert self.shown() == before
        return None

    def do_prune(self) -> Any:
        pushes: list[Push] = []
        for _ in prune(datetime(2100, 1, 1, tzinfo=UTC), pushes.extend):
            pass
        return pushes

    def shown(self) -> Any:
        """Every list, each notification by itself, the counts, and what streams are told."""
        last = read_mailbox(self.user).last_seq
        replays = [changes_since(self.user, after, 1_000) for after in {0, last // 2, last}]
        return self._anonymous(
            [
                [counts(read_mailbox(self.user))],
                [list(pages(self.user, Wanted(status))) for status in STATUSES],
                list(pages(self.user, Wanted("unread", kind="a"))),
                list(pages(self.user, Wanted("unread", subject=("s", "1")))),
                [self._one(each) for each in self.ids],
                [(replay.reset, replay.payloads) for replay in replays],
            ]
        )

    def _one(self, one: UUID) -> Json | None:
        try:
            return notification_json(inbox.get_notification(self.user, one))
        except NotFound:
            return None

    def _anonymous(self, value: Any) -> Any:
        if isinstance(value, Push):
            # A step of both may tell either; each looks at its own.
            return self._anonymous(json.loads(value.payload)) if value.user_id == self.user else ""
        if isinstance(value, bytes):
            return self._anonymous(json.loads(value))
        if isinstance(value, dict) and "id" in value:
            return value | {"id": self.ids.index(UUID(value["id"]))}
        if isinstance(value, list | tuple):
            return [self._anonymous(each) for each in value]
        return value


def counts(mailbox: Mailbox) -> tuple[int, ...]:
    """What a mailbox says of itself."""
    return mailbox.last_seq, mailbox.unread, mailbox.unseen, mailbox.read_seq, mailbox.seen_seq


def seq_before(user: str, back: int) -> int:
    """A seq that a client may have."""
    return read_mailbox(user).last_seq - back


def pages(user: str, wanted: Wanted, limit: int = 3) -> Iterator[Json]:
    """A whole list, read page by page."""
    cursor: int | None = None
    while True:
        page = list_notifications(user, wanted, cursor, limit)
        yield from map(notification_json, page.rows)
        cursor = page.next_cursor
        if cursor is None:
            return


@pytest.mark.usefixtures("context")
@settings(
    deadline=None,
    max_examples=8,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=STEPS)
def test_whatever_happens_a_mark_shows_what_writing_to_each_row_shows(
    world: World, steps: list[Any]
) -> None:
    run = next(NUMBERS)
    for user in (f"plain-{run}", f"marked-{run}"):
        mark_seen(user, 0)  # which makes the mailbox
    plain, with_mark = Person(f"plain-{run}", run, False), Person(f"marked-{run}", run, True)
    for number, (what, *details) in enumerate(steps):
        if what in ("wake", "prune"):  # these are for all mailboxes; the first does both
            for person in (plain, with_mark):
                person.now = NOW + timedelta(minutes=number)
            pushes = plain.do_wake() if what == "wake" else plain.do_prune()
            told = [
                person._anonymous([p for p in pushes if p.user_id == person.user])
                for person in (plain, with_mark)
            ]
        else:
            told = [person.do(number, what, *details) for person in (plain, with_mark)]
        assert told[0] == told[1]
        assert with_mark.shown() == plain.shown()
        world.mailbox(with_mark.user)  # compares the counts with the rows
    assert not plain.had_mark
    while marked_seq(with_mark.user):
        with_mark.do(0, "settle", 3)
    assert with_mark.shown() == plain.shown()
    assert own_read_times(with_mark.user) == own_read_times(plain.user)
