"""Several processes on one database: nothing is lost or doubled, and nobody waits for ever."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from app.notifications.changes import changes_since
from app.notifications.draft import Draft
from tests.notifications.world import World, draft
from tests.notifications.writers import (
    Writers,
    Written,
    change_all,
    deliver_all,
    deliver_in_pieces,
)

BATCHES = 40
REGULARS = [f"regular-{number:02}" for number in range(12)]


def crossed(name: str, *, backwards: bool) -> Iterator[list[Draft]]:
    """Batches to the same people, in this order or the other: to some since the first batch, to
    others, who have no mailbox yet, for the first time.

    One event in four is the same for every `name`: an entry that was claimed from a consumer that
    had not died after all.
    """
    for number in range(BATCHES):
        people = [*REGULARS, *(f"new-{number:02}-{each}" for each in range(6))]
        event_id = f"both-{number}" if number % 4 == 0 else f"{name}-{number}"
        batch = [draft(user, event_id) for user in people]
        yield batch[::-1] if backwards else batch


def seqs(written: list[Written], user: str) -> list[int]:
    """What was published to one person, by all writers."""
    return sorted(seq for one in written for who, seq in one if who == user)


def test_two_consumers_with_crossed_recipients_lose_double_and_block_nothing(
    world: World, environment: dict[str, str]
) -> None:
    forwards = list(crossed("a", backwards=False))
    backwards = list(crossed("b", backwards=True))
    with Writers(environment, (deliver_all, forwards), (deliver_all, backwards)) as writers:
        written = writers.answers()

    events = {(d.event_id, d.user_id) for batch in (*forwards, *backwards) for d in batch}
    wanted = Counter(user for _, user in events)
    for user, count in wanted.items():
        assert [row.seq for row in world.rows(user)] == list(range(1, count + 1))
        assert seqs(written, user) == list(range(1, count + 1))
        assert world.mailbox(user)["unread"] == count


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_batches_of_many_statements_never_wait_for_each_other_in_a_circle(
    environment: dict[str, str],
) -> None:
    """A batch to thousands locks them by several statements, and so for a while has only some."""
    forwards = list(crossed("a", backwards=False))[:5]
    backwards = list(crossed("b", backwards=True))[:5]
    with Writers(
        environment, (deliver_in_pieces, forwards), (deliver_in_pieces, backwards)
    ) as writers:
        written = writers.answers()  # PostgreSQL would have ended one of them: deadlock detected

    # 5 batches each, of which 2 are the same ones.
    for user in REGULARS:
        assert seqs(written, user) == list(range(1, 9))


class Follower:
    """A client that reads what changed since its position, again and again."""

    def __init__(self, app: Flask, user: str) -> None:
        self._app = app
        self._user = user
        self.position = 0
        self.items: dict[str, Any] = {}

    def catch_up(self) -> None:
        """Read once, and keep what comes as it comes."""
        with self._app.app_context():
            changes = changes_since(self._user, self.position, limit=10_000)
        assert changes.reset is None
        payloads = [json.loads(payload) for payload in changes.payloads]
        passed = [payload["seq"] for payload in payloads]
        assert passed == sorted(set(passed))
        assert not passed or (passed[0] > self.position and passed[-1] == changes.seq)
        self.position = changes.seq
        for payload in payloads:
            counts = (payload.pop("unread"), payload.pop("unseen"))
            assert counts == (changes.unread, changes.unseen)
            if "id" in payload:
                self.items[payload["id"]] = payload


def test_commit_order_is_seq_order_so_a_follower_misses_nothing(
    world: World, environment: dict[str, str]
) -> None:
    world.tell("grace", 5)
    follower = Follower(world.app, "grace")
    follower.catch_up()
    batches = [[draft("grace", f"late-{number}")] for number in range(80)]
    with Writers(environment, (deliver_all, batches), (change_all, ("grace", 80))) as writers:
        while writers.running():
            follower.catch_up()
        written = writers.answers()
    follower.catch_up()

    # Every number from 1 on was given out once.
    assert seqs(written, "grace") == list(range(6, 166))
    assert (world.mailbox("grace")["last_seq"], follower.position) == (165, 165)
    # Had a smaller seq become visible after a larger one, the follower would have passed it by.
    grace = world.caller("grace")
    for status in ("inbox", "archived"):
        query: dict[str, str] = {"status": status}
        while query:
            page = grace.json("/notifications", limit=100, **query)
            for item in page["items"]:
                assert follower.items.pop(item["id"]) == item
            cursor = page["next_cursor"]
            query = {"status": status, "cursor": cursor} if cursor else {}
    assert follower.items == {}
