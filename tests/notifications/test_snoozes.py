"""A snoozed notification comes back by itself: at its time, on top, unread, and exactly once."""

from datetime import UTC, datetime, timedelta

import pytest

from app.notifications import snoozes
from tests.conftest import StartConsumer, StartWeb, TokenFor
from tests.notifications.world import Caller, World, told
from tests.notifications.writers import Writers, wake_all
from tests.support.waiting import wait_for

HOUR = timedelta(hours=1)


def snooze(caller: Caller, notification_id: str, after: timedelta = HOUR) -> None:
    answer = caller.patch(notification_id, snoozed_until=(datetime.now(UTC) + after).isoformat())
    assert answer.status_code == 200


def test_it_comes_back_unread_on_top_and_to_every_tab(world: World, grace: Caller) -> None:
    [one] = world.tell("grace", title="snoozed")
    grace.patch(one, read=True)
    snooze(grace, one)
    world.tell("grace", title="meanwhile")
    grace.see(4)
    assert grace.titles() == ["meanwhile"]

    assert world.wake(datetime.now(UTC)) == []  # not before its time
    [push] = world.wake(datetime.now(UTC) + 2 * HOUR)
    [(event, value)] = told([push.payload])
    assert (push.user_id, event) == ("grace", "updated")
    shown = grace.json(f"/notifications/{one}")
    assert value == {**shown, "unread": 2, "unseen": 1}
    assert (shown["seq"], shown["read_at"], shown["snoozed_until"]) == (6, None, None)
    assert grace.titles(status="unread") == grace.titles() == ["snoozed", "meanwhile"]
    assert grace.titles(status="snoozed") == []
    assert world.replay("grace", 5) == [(event, value)]
    assert world.mailbox("grace")["unseen"] == 1
    # And that was it.
    assert world.wake(datetime.now(UTC) + 9 * HOUR) == []


def test_only_what_is_due_comes_in_the_order_of_its_time(world: World, grace: Caller) -> None:
    ids = world.tell("grace", 4)
    for number, hours in ((0, 3), (1, 1), (2, 2), (3, 9)):
        snooze(grace, ids[number], hours * HOUR)
    world.wake(datetime.now(UTC) + 4 * HOUR)
    assert [item["id"] for item in grace.json("/notifications")["items"]] == [
        ids[0],
        ids[2],
        ids[1],
    ]
    assert world.mailbox("grace")["last_seq"] == 11


def test_many_come_back_in_small_transactions_and_none_is_left(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snoozes, "BATCH", 3)
    for user in ("ada", "grace", "linus", "mary"):
        caller = world.caller(user)
        for each in world.tell(user, 2):
            snooze(caller, each)
    due = datetime.now(UTC) + 2 * HOUR
    counts = [len(world.wake(due)) for _ in range(4)]
    assert counts == [3, 3, 2, 0]
    for user in ("ada", "grace", "linus", "mary"):
        box = world.mailbox(user)
        assert (box["last_seq"], box["unread"]) == (6, 2)


def test_a_snooze_outlives_retention(world: World, grace: Caller) -> None:
    """Told in spring, to come back in autumn."""
    [one] = world.tell("grace")
    snooze(grace, one)
    result = world.app.test_cli_runner().invoke(args=["prune", "--older-than", "0"])
    assert result.exit_code == 0, result.output
    assert len(world.wake(datetime.now(UTC) + 2 * HOUR)) == 1
    assert [item["id"] for item in grace.json("/notifications")["items"]] == [one]


def test_each_comes_back_once_however_many_look_for_it(
    world: World, environment: dict[str, str]
) -> None:
    people = [f"user-{number}" for number in range(12)]
    for user in people:
        caller = world.caller(user)
        for each in world.tell(user, 5):
            snooze(caller, each)
    due = datetime.now(UTC) + 2 * HOUR
    with Writers(environment, *[(wake_all, due)] * 3) as writers:
        written = writers.answers()
    for user in people:
        seqs = sorted(seq for one in written for who, seq in one if who == user)
        assert seqs == list(range(11, 16))
        box = world.mailbox(user)
        assert (box["last_seq"], box["unread"], box["unseen"]) == (15, 5, 5)


def test_it_comes_back_to_an_open_stream_while_no_consumer_runs(
    world: World, start_web: StartWeb, token_for: TokenFor
) -> None:
    first, second = world.tell("grace", 2)
    # The sweep is too far away to be the one that brings it.
    web = start_web(workers=2, SWEEP_SECONDS="3600")
    token = token_for("grace")
    with web.stream(token) as stream, web.http(token) as device:
        stream.wait_for_event(lambda frame: frame.event == "connected")
        until = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
        for each in (first, second):
            path = f"/api/v1/notifications/{each}"
            assert device.patch(path, json={"snoozed_until": until}).status_code == 200
        frames = stream.wait_for_frames(5, deadline_seconds=20)
    assert [(frame.event, frame.id) for frame in frames[1:]] == [
        ("updated", str(seq)) for seq in range(3, 7)
    ]
    back = [frame.json() for frame in frames[3:]]
    assert {one["id"] for one in back} == {first, second}
    assert [(one["snoozed_until"], one["unread"]) for one in back] == [(None, 1), (None, 2)]
    world.mailbox("grace")


def test_it_comes_back_while_no_web_worker_runs(
    world: World, grace: Caller, start_consumer: StartConsumer
) -> None:
    [one] = world.tell("grace")
    snooze(grace, one, timedelta(seconds=0.5))
    start_consumer()
    wait_for(lambda: grace.titles(), 30, "its coming back")
    box = world.mailbox("grace")
    assert (box["last_seq"], box["unread"]) == (3, 1)
