"""What is old goes; what is left, the counts and the streams stay true."""

import json
import time
from datetime import UTC, datetime
from uuid import UUID

import pytest

from app.bus import Push
from app.notifications import retention
from app.notifications.changes import Changes, changes_since
from tests.notifications.world import Caller, World
from tests.support.waiting import wait_for


def made_at(notification_id: str) -> datetime:
    """The millisecond in which a notification was made: the time in its UUIDv7."""
    return datetime.fromtimestamp((UUID(notification_id).int >> 80) / 1000, UTC)


def tell_later(world: World, user: str, count: int) -> datetime:
    """Tell somebody of new events, in a later millisecond than anything before; that moment."""
    began = time.time_ns() // 1_000_000
    wait_for(lambda: time.time_ns() // 1_000_000 > began, what="the next millisecond")
    return made_at(world.tell(user, count)[0])


def prune(world: World, before: datetime) -> tuple[list[int], list[Push]]:
    """Prune; how many went in each transaction, and what was published."""
    published: list[Push] = []
    with world.app.app_context():
        return list(retention.prune(before, published.extend)), published


def changes(world: World, after: int) -> Changes:
    """What a stream at that position is sent."""
    with world.app.app_context():
        return changes_since("grace", after, 500)


def test_old_notifications_go_and_newer_ones_stay(world: World, grace: Caller) -> None:
    world.tell("grace", 3, title="old")
    before = tell_later(world, "grace", 2)
    assert prune(world, before)[0] == [3]
    assert [row.seq for row in world.rows("grace")] == [4, 5]
    assert prune(world, before)[0] == []


def test_counts_are_those_of_what_is_left_and_every_tab_is_told(
    world: World, grace: Caller
) -> None:
    read, *_ = world.tell("grace", 3)
    grace.patch(read, read=True)
    grace.see(2)
    before = tell_later(world, "grace", 2)
    seq = world.mailbox("grace")["last_seq"]
    _, [push] = prune(world, before)
    box = world.mailbox("grace")  # which compares the counts with the rows
    assert (box["unread"], box["unseen"], box["last_seq"]) == (2, 2, seq + 1)
    told = json.loads(push.payload)
    assert (push.user_id, told["seq"], told["unread"]) == ("grace", seq + 1, 2)


def test_pruning_what_changes_no_count_is_no_change_of_the_mailbox(
    world: World, grace: Caller
) -> None:
    [only] = world.tell("grace")
    grace.patch(only, read=True)
    grace.see(1)
    before = tell_later(world, "ada", 1)
    seq = world.mailbox("grace")["last_seq"]
    assert prune(world, before) == ([1], [])
    assert world.mailbox("grace")["last_seq"] == seq


def test_a_stream_from_before_the_pruned_part_is_told_so(world: World) -> None:
    world.tell("grace", 3)
    before = tell_later(world, "grace", 2)
    prune(world, before)
    for position in (0, 1, 2):
        assert (changes(world, position).reset, changes(world, position).seq) == ("pruned", 6)
    after_it = changes(world, 3)
    assert after_it.reset is None
    assert [json.loads(payload)["seq"] for payload in after_it.payloads] == [4, 5, 6]


def test_large_mailboxes_go_in_small_transactions(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 4)
    world.tell("grace", 7)
    world.tell("ada", 3)
    before = tell_later(world, "grace", 1)
    counts, _ = prune(world, before)
    assert sum(counts) == 10
    assert max(counts) <= 4
    assert (len(world.rows("grace")), len(world.rows("ada"))) == (1, 0)
    world.mailbox("grace")
    world.mailbox("ada")


def test_the_command_says_how_many_it_deleted(world: World) -> None:
    world.tell("grace", 3)
    result = world.app.test_cli_runner().invoke(args=["prune", "--older-than", "1"])
    assert (result.exit_code, result.stdout.split(" from ")[0]) == (0, "deleted 0 notifications")
    before = tell_later(world, "ada", 1)
    wait_for(lambda: datetime.now(UTC) > before)
    result = world.app.test_cli_runner().invoke(args=["prune", "--older-than", "0"])
    assert result.exit_code == 0, result.output
    assert len(world.rows("grace")) == 0
