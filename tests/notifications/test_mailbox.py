"""GET /mailbox and PUT /mailbox/seen: the counts, and the watermark of what was seen."""

import json
from typing import Any

import pytest

from app import bus
from tests.notifications.conftest import Heard
from tests.notifications.world import Caller, World


def test_who_was_never_told_anything_has_an_empty_mailbox(grace: Caller) -> None:
    nothing = {"seq": 0, "unread": 0, "unseen": 0}
    assert grace.json("/mailbox") == nothing
    assert grace.see(5).get_json() == nothing
    assert grace.json("/mailbox") == nothing


def test_seeing_the_list_clears_the_badge_and_marks_nothing_read(
    world: World, grace: Caller, heard: Heard
) -> None:
    world.tell("grace", 3)
    assert grace.see(3).get_json() == {"seq": 4, "unread": 3, "unseen": 0}

    [payload] = heard()
    assert payload.startswith(b'{"seq":4,')
    assert bus.seq_and_event(payload) == (4, "mailbox")
    assert json.loads(payload) == {
        "seq": 4,
        "unread": 3,
        "unseen": 0,
        "read_through": 0,
        "seen_through": 3,
    }
    assert grace.json("/mailbox") == {"seq": 4, "unread": 3, "unseen": 0}
    assert world.mailbox("grace")["seen_seq"] == 3


def test_what_came_after_the_person_looked_stays_unseen(world: World, grace: Caller) -> None:
    world.tell("grace", 5)
    assert grace.see(3).get_json()["unseen"] == 2
    world.tell("grace")
    assert grace.json("/mailbox")["unseen"] == 3
    world.mailbox("grace")


def test_the_watermark_never_moves_back(world: World, grace: Caller, heard: Heard) -> None:
    world.tell("grace", 3)
    grace.see(2)
    heard()
    for up_to in (2, 1, 0):
        assert grace.see(up_to).get_json() == {"seq": 4, "unread": 3, "unseen": 1}
    assert heard() == []
    assert world.mailbox("grace")["seen_seq"] == 2


def test_nobody_has_seen_what_has_not_happened(world: World, grace: Caller) -> None:
    world.tell("grace", 2)
    assert grace.see(2**63 - 1).get_json() == {"seq": 3, "unread": 2, "unseen": 0}
    world.tell("grace")
    assert world.mailbox("grace") == {"last_seq": 4, "unread": 3, "unseen": 1, "seen_seq": 2}
    assert grace.see(4).get_json() == {"seq": 5, "unread": 3, "unseen": 0}


def test_the_same_request_again_is_no_change_so_open_panels_dont_ring_each_other(
    world: World, grace: Caller, heard: Heard
) -> None:
    """An open panel answers each `mailbox` frame with the seq it now shows."""
    [notification_id] = world.tell("grace")
    grace.see(2**63 - 1)
    grace.patch(notification_id, read=True)
    settled = grace.json("/mailbox")
    heard()
    for up_to in (2, 3, 2**63 - 1):
        assert grace.see(up_to).get_json() == settled
    assert heard() == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"up_to": None},
        {"up_to": -1},
        {"up_to": 2**63},
        {"up_to": 1.5},
        {"up_to": 1.0},
        {"up_to": "1"},
        {"up_to": True},
        {"up_to": 10**400},
        {"up_to": 1, "seq": 1},
        {"upto": 1},
        [1],
        1,
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_watermark_that_is_no_seq_is_refused(world: World, grace: Caller, body: Any) -> None:
    world.tell("grace")
    answer = grace.request("PUT", "/mailbox/seen", json=body)
    assert answer.status_code == 422
    assert answer.get_json()["errors"]
    assert grace.json("/mailbox")["unseen"] == 1
