"""Read, archived, snoozed: each there and back again, counted, numbered, told to every tab."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.notifications.conftest import Heard
from tests.notifications.world import Caller, Json, World, told


def later(hours: float = 1) -> str:
    """A time to come, as a client writes it."""
    return (datetime.now(UTC) + timedelta(hours=hours)).isoformat()


def where(grace: Caller, notification_id: str) -> list[str]:
    """In which lists it is."""
    lists = ("inbox", "unread", "archived", "snoozed")
    pages = {status: grace.json("/notifications", status=status)["items"] for status in lists}
    return [status for status in lists if notification_id in {i["id"] for i in pages[status]}]


@pytest.mark.parametrize(
    ("there", "back", "lists"),
    [
        ({"read": True}, {"read": False}, ["inbox"]),
        ({"archived": True}, {"archived": False}, ["archived"]),
        ({"snoozed_until": later()}, {"snoozed_until": None}, ["snoozed"]),
    ],
    ids=["read", "archived", "snoozed"],
)
def test_each_state_can_be_entered_and_left(
    world: World, grace: Caller, heard: Heard, there: Json, back: Json, lists: list[str]
) -> None:
    one, _ = world.tell("grace", 2)
    before = grace.json(f"/notifications/{one}")

    entered = grace.patch(one, **there).get_json()
    assert where(grace, one) == lists
    assert (entered["seq"], entered["unread"]) == (3, 1)
    assert world.mailbox("grace")["last_seq"] == 3

    left = grace.patch(one, **back).get_json()
    assert where(grace, one) == ["inbox", "unread"]
    assert left == {**before, "seq": 4, "unread": 2, "unseen": 2}
    assert grace.titles() == ["Told of e-2", "Told of e-1"]  # not moved: nothing new happened
    assert world.mailbox("grace")["last_seq"] == 4
    # Every open tab was told of both, as the one that did it was.
    assert told(heard()) == [("updated", entered), ("updated", left)]


def test_a_time_is_answered_in_utc_whatever_zone_it_was_written_in(
    world: World, grace: Caller
) -> None:
    [one] = world.tell("grace")
    answer = grace.patch(one, snoozed_until="2099-01-01T01:30:00+02:00").get_json()
    assert answer["snoozed_until"] == "2098-12-31T23:30:00.000000Z"
    assert grace.json(f"/notifications/{one}")["snoozed_until"] == answer["snoozed_until"]


def test_archiving_ends_a_snooze_and_a_snooze_takes_out_of_the_archive(
    world: World, grace: Caller
) -> None:
    [one] = world.tell("grace")
    grace.patch(one, snoozed_until=later())
    archived = grace.patch(one, archived=True).get_json()
    assert (archived["snoozed_until"], where(grace, one)) == (None, ["archived"])
    assert world.wake(datetime.now(UTC) + timedelta(days=2)) == []  # and it stays there

    snoozed = grace.patch(one, snoozed_until=later()).get_json()
    assert (snoozed["archived_at"], where(grace, one)) == (None, ["snoozed"])
    # Out of a snooze it goes to the inbox, not back to the archive.
    grace.patch(one, snoozed_until=None)
    assert where(grace, one) == ["inbox", "unread"]
    assert world.mailbox("grace")["unread"] == 1


def test_snoozed_anew_it_waits_for_the_later_time(world: World, grace: Caller) -> None:
    [one] = world.tell("grace")
    grace.patch(one, snoozed_until=later(1))
    moved = grace.patch(one, snoozed_until=later(3)).get_json()
    assert moved["seq"] == 3
    assert world.wake(datetime.now(UTC) + timedelta(hours=2)) == []
    assert len(world.wake(datetime.now(UTC) + timedelta(hours=4))) == 1


def test_a_state_may_change_while_another_stands(world: World, grace: Caller) -> None:
    one, _ = world.tell("grace", 2)
    steps: list[Json] = [
        {"snoozed_until": later()},
        {"read": True},
        {"read": False},
        {"archived": True},
    ]
    for number, step in enumerate(steps, start=3):
        assert grace.patch(one, **step).get_json()["seq"] == number
        assert world.mailbox("grace")["unread"] == 1  # only the other one counts
    both = grace.patch(one, read=True, archived=False).get_json()
    assert (both["seq"], both["archived_at"], both["unread"]) == (7, None, 1)
    assert where(grace, one) == ["inbox"]


def test_what_was_snoozed_is_not_counted_in_the_badge_and_is_again_afterwards(
    world: World, grace: Caller
) -> None:
    one, _ = world.tell("grace", 2)
    grace.see(1)
    assert grace.patch(one, snoozed_until=later()).get_json()["unseen"] == 1
    # It had been seen, so taking it back by hand is no news.
    assert grace.patch(one, snoozed_until=None).get_json()["unseen"] == 1
    assert world.mailbox("grace")["unseen"] == 1


def test_the_badge_does_not_ring_for_what_was_archived_when_the_list_was_seen(
    world: World, grace: Caller
) -> None:
    """Archived on the phone before the panel was ever opened; then the archiving is undone."""
    [one] = world.tell("grace")
    grace.patch(one, archived=True)
    assert grace.see(2).get_json()["unseen"] == 0
    assert grace.patch(one, archived=False).get_json()["unseen"] == 0
    world.mailbox("grace")


def test_replay_tells_each_changed_notification_once_as_it_is_now(
    world: World, grace: Caller
) -> None:
    read, archived, snoozed, back, alone = world.tell("grace", 5)
    for _ in range(2):
        grace.patch(read, read=True)
        grace.patch(read, read=False)
    grace.patch(read, read=True)
    grace.patch(archived, archived=True)
    grace.patch(back, archived=True)
    grace.patch(snoozed, snoozed_until=later())
    grace.patch(back, archived=False)
    replayed = world.replay("grace", 5)
    assert [(event, value["id"]) for event, value in replayed] == [
        ("updated", read),
        ("updated", archived),
        ("updated", snoozed),
        ("updated", back),
    ]
    for _, value in replayed:
        now = grace.json(f"/notifications/{value['id']}")
        assert value == {**now, "unread": 2, "unseen": 3}
    assert alone not in {value["id"] for _, value in replayed}


@pytest.mark.parametrize(
    ("body", "loc"),
    [
        ({"archived": True, "snoozed_until": "2099-01-01T00:00:00Z"}, ["body"]),
        ({"snoozed_until": "2020-01-01T00:00:00Z"}, ["body", "snoozed_until"]),
        ({"snoozed_until": "2099-01-01T00:00:00"}, ["body", "snoozed_until"]),
        ({"snoozed_until": "2099-01-01"}, ["body", "snoozed_until"]),
        ({"snoozed_until": "2099-02-30T00:00:00Z"}, ["body", "snoozed_until"]),
        ({"snoozed_until": "9999-12-31T23:59:59-12:00"}, ["body", "snoozed_until"]),
        ({"snoozed_until": 4_070_908_800}, ["body", "snoozed_until"]),
        ({"snoozed_until": "tomorrow"}, ["body", "snoozed_until"]),
        ({"snoozed_until": True}, ["body", "snoozed_until"]),
        ({"snoozed_until": ""}, ["body", "snoozed_until"]),
        ({"archived": None, "snoozed_until": None}, ["body", "archived"]),
        ({"snoozed_untill": None}, ["body", "snoozed_untill"]),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_state_that_cannot_be_is_refused_and_nothing_is_done(
    world: World, grace: Caller, heard: Heard, body: Any, loc: list[str]
) -> None:
    [one] = world.tell("grace")
    answer = grace.patch(one, **body)
    assert answer.status_code == 422
    assert [error["loc"] for error in answer.get_json()["errors"]] == [loc]
    assert (world.mailbox("grace")["last_seq"], heard()) == (1, [])


def test_null_ends_a_snooze_and_says_nothing_where_there_is_none(
    world: World, grace: Caller, heard: Heard
) -> None:
    [one] = world.tell("grace")
    assert grace.patch(one, snoozed_until=None).get_json()["seq"] == 1
    # Archived and not snoozed do not exclude each other.
    both = grace.patch(one, archived=True, snoozed_until=None)
    assert (both.status_code, both.get_json()["seq"]) == (200, 2)
    # What is not snoozed is not taken out of the archive by not being snoozed.
    still = grace.patch(one, snoozed_until=None).get_json()
    assert (still["seq"], still["archived_at"] is None) == (2, False)
    assert len(heard()) == 1
