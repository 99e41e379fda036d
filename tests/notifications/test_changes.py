"""changes_since(): from any position, a client arrives exactly at what is."""

import itertools
import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app import bus
from app.notifications.changes import ROWS_IN_A_ROW, Changes, changes_since
from app.notifications.delivery import deliver
from app.notifications.inbox import change_notification
from app.notifications.mailboxes import mark_seen
from app.notifications.states import Change
from tests.notifications.world import NOW, Caller, World, draft


@pytest.fixture
def context(app: Flask) -> Iterator[None]:
    """The application's context for the whole test."""
    with app.app_context():
        yield


def shown(changes: Changes) -> list[tuple[int, str | None]]:
    """(seq, name of the event) of each payload."""
    found = [bus.seq_and_event(payload) for payload in changes.payloads]
    return [each for each in found if each]


@pytest.mark.usefixtures("context")
def test_without_a_position_it_only_says_where_the_mailbox_stands(world: World) -> None:
    assert changes_since("grace", None, 10) == Changes(0, 0, 0)
    world.tell("grace", 3)
    assert changes_since("grace", None, 10) == Changes(3, 3, 3)
    assert changes_since("grace", 3, 10) == Changes(3, 3, 3)


@pytest.mark.usefixtures("context")
def test_what_is_new_to_the_client_comes_as_new_and_what_it_had_as_updated(
    world: World, grace: Caller
) -> None:
    first, second = world.tell("grace", 2)
    world.tell("grace")
    grace.patch(first, read=True)  # 4
    grace.patch(second, read=True)  # 5

    assert shown(changes_since("grace", 1, 10)) == [(3, None), (4, "updated"), (5, None)]
    assert shown(changes_since("grace", 2, 10)) == [(3, None), (4, "updated"), (5, "updated")]
    assert shown(changes_since("grace", 4, 10)) == [(5, "updated")]


@pytest.mark.usefixtures("context")
def test_a_long_replay_lets_others_have_their_turn(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses = []
    monkeypatch.setattr("app.notifications.changes.next_round", lambda: pauses.append(1))
    world.tell("grace", 2 * ROWS_IN_A_ROW)
    assert len(changes_since("grace", 1, 10 * ROWS_IN_A_ROW).payloads) == 2 * ROWS_IN_A_ROW - 1
    assert len(pauses) >= 2, "while it reads, and while it encodes"


LARGE = {"order": 10**40, "small": -(2**63), "least": -(2**63) - 1, "ratio": 0.1, "none": None}


def test_numbers_of_any_size_come_back_as_they_were_stored(world: World, grace: Caller) -> None:
    [made] = world.tell("grace", data=LARGE, actor={"id": str(10**30), "name": "Ada"})
    [(event, replayed)] = world.replay("grace", 0)
    assert event is None
    listed = grace.json(f"/notifications/{made}")
    assert replayed == {**listed, "unread": 1, "unseen": 1}
    assert listed["data"] == LARGE


@pytest.mark.usefixtures("context")
def test_a_notification_that_changed_often_comes_once_as_it_is_now(
    world: World, grace: Caller
) -> None:
    [notification_id] = world.tell("grace")
    for read in (True, False, True):
        grace.patch(notification_id, read=read)

    [payload] = changes_since("grace", 0, 10).payloads
    assert json.loads(payload) == {
        **grace.json(f"/notifications/{notification_id}"),
        "unread": 0,
        "unseen": 1,
    }
    assert bus.seq_and_event(payload) == (4, None)


@pytest.mark.usefixtures("context")
def test_the_last_payload_has_the_mailboxs_seq_also_after_a_mailbox_wide_change(
    world: World, grace: Caller
) -> None:
    world.tell("grace", 2)
    grace.see(2)
    assert shown(changes_since("grace", 0, 10)) == [(1, None), (2, None), (3, "mailbox")]
    assert shown(changes_since("grace", 2, 10)) == [(3, "mailbox")]
    world.tell("grace")
    assert shown(changes_since("grace", 2, 10)) == [(3, "mailbox"), (4, None)]


@pytest.mark.usefixtures("context")
@pytest.mark.parametrize(("after", "reset"), [(0, "too-far-behind"), (1, None), (4, None)])
def test_more_changes_than_the_limit_are_a_reset(
    world: World, after: int, reset: str | None
) -> None:
    world.tell("grace", 4)
    changes = changes_since("grace", after, 3)
    assert changes.reset == reset
    assert (changes.seq, changes.unread, changes.unseen) == (4, 4, 4)
    assert len(changes.payloads) == (0 if reset else 4 - after)


@pytest.mark.usefixtures("context")
def test_a_position_from_the_future_is_a_reset(world: World) -> None:
    # A restored backup, or another user's position.
    assert changes_since("grace", 1, 10) == Changes(0, 0, 0, reset="from-the-future")
    assert changes_since("grace", 0, 10) == Changes(0, 0, 0)
    world.tell("grace", 2)
    assert changes_since("grace", 3, 10) == Changes(2, 2, 2, reset="from-the-future")
    assert changes_since("grace", 2**63 - 1, 10).reset == "from-the-future"


# What happens to a mailbox: so many arrive; or the n-th changes; or the list is seen up to there.
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("arrive"), st.integers(1, 3)),
        st.tuples(
            st.just("patch"),
            st.tuples(st.integers(0, 9), st.sampled_from(["read", "archived"]), st.booleans()),
        ),
        st.tuples(st.just("see"), st.integers(0, 30)),
    ),
    min_size=1,
    max_size=12,
)
NUMBERS = itertools.count()


class Client:
    """What a client shows: each notification as it was last told, and the counts."""

    def __init__(self) -> None:
        self.items: dict[str, Any] = {}
        self.counts = (0, 0, 0)

    def copy(self) -> "Client":
        copy = Client()
        copy.items, copy.counts = dict(self.items), self.counts
        return copy

    def take(self, payload: bytes) -> None:
        """Believe one payload; it must say rightly whether the notification is new."""
        told = json.loads(payload)
        named = bus.seq_and_event(payload)
        assert named
        assert named[0] > self.counts[0]
        self.counts = (told["seq"], told.pop("unread"), told.pop("unseen"))
        if named[1] != "mailbox":
            assert (named[1] is None) == (told["id"] not in self.items)
            self.items[told["id"]] = told


def live(user: str, steps: list[Any]) -> Iterator[bytes]:
    """Do all of that, and give every push as an open stream gets it."""
    ids: list[UUID] = []
    for what, detail in steps:
        if what == "arrive":
            drafts = [draft(user, f"e-{next(NUMBERS)}") for _ in range(detail)]
            for push in deliver(drafts, NOW).pushes:
                ids.append(UUID(json.loads(push.payload)["id"]))
                yield push.payload
        elif what == "see":
            _, pushed = mark_seen(user, detail)
            yield from [pushed.payload] if pushed else []
        elif ids:
            number, name, value = detail
            one = ids[number % len(ids)]
            pushed = change_notification(user, one, Change(**{name: value}), NOW).push
            yield from [pushed.payload] if pushed else []


@pytest.mark.usefixtures("context")
@settings(
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=STEPS)
def test_replayed_from_any_position_a_client_shows_what_an_open_stream_shows(
    steps: list[Any],
) -> None:
    user = f"user-{next(NUMBERS)}"
    always_there = Client()
    at = [always_there.copy()]
    for seq, payload in enumerate(live(user, steps), start=1):
        always_there.take(payload)
        assert always_there.counts[0] == seq  # contiguous
        at.append(always_there.copy())
    for position, client in enumerate(at):
        changes = changes_since(user, position, 1_000)
        assert changes.reset is None
        for payload in changes.payloads:
            client.take(payload)
        assert client.items == always_there.items
        assert client.counts == (changes.seq, changes.unread, changes.unseen)
        assert client.counts == always_there.counts


def test_a_change_of_the_whole_mailbox_is_told_also_when_a_notification_follows_it(
    world: World, grace: Caller
) -> None:
    world.tell("grace", 2)
    grace.see(2)
    world.tell("grace")
    with world.app.app_context():
        told = [json.loads(payload) for payload in changes_since("grace", 2, 500).payloads]
    assert [(change["seq"], change.get("seen_through")) for change in told] == [(3, 2), (4, None)]
    assert {change["unseen"] for change in told} == {1}
