"""GET and PATCH of one notification, and whose it is."""

import json
import uuid
from typing import Any

import pytest

from app import bus
from tests.notifications.conftest import Heard
from tests.notifications.world import Caller, World
from tests.support.processes import free_port


def test_one_is_as_the_list_shows_it(world: World, grace: Caller) -> None:
    [notification_id] = world.tell("grace", subject={"type": "story", "id": "42", "title": "T"})
    [listed] = grace.json("/notifications")["items"]
    answer = grace.get(f"/notifications/{notification_id}")
    assert answer.get_json() == listed
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_what_is_not_ones_own_is_answered_like_what_does_not_exist(
    world: World, grace: Caller, method: str
) -> None:
    [adas] = world.tell("ada")
    others = [
        adas,
        adas.upper(),
        str(uuid.uuid4()),
        "00000000-0000-0000-0000-000000000000",
        "f" * 32,
        "1",
        "-1",
        "subscribe" if method == "PATCH" else "subscriber",
        adas + "0",
        adas[:-1],
        "%00",
        "x" * 5_000,
        "’",
        "{" + adas + "}",
    ]
    answers = {
        (answer.status_code, answer.get_data())
        for each in others
        for answer in [grace.request(method, f"/notifications/{each}", json={"read": True})]
    }
    [(status, body)] = answers
    assert status == 404
    assert json.loads(body)["detail"] == "There is no such notification."
    # and nothing happened to Ada's, nor does Grace have a mailbox now.
    assert world.mailbox("ada")["unread"] == 1
    assert grace.json("/mailbox") == {"seq": 0, "unread": 0, "unseen": 0}


def test_marking_read_and_unread_takes_the_next_seq_each_time(world: World, grace: Caller) -> None:
    first, _, _ = world.tell("grace", 3)

    read = grace.patch(first, read=True).get_json()
    assert (read["seq"], read["unread"], read["unseen"]) == (4, 2, 3)
    assert read["read_at"].endswith("Z")
    shown = grace.json(f"/notifications/{first}")
    assert {**shown, "unread": 2, "unseen": 3} == read

    unread = grace.patch(first, read=False).get_json()
    assert (unread["seq"], unread["unread"], unread["read_at"]) == (5, 3, None)
    assert world.mailbox("grace")["last_seq"] == 5


def test_asking_for_what_is_so_already_changes_nothing(
    world: World, grace: Caller, heard: Heard
) -> None:
    [notification_id] = world.tell("grace")
    as_it_was = grace.patch(notification_id, read=False, archived=False).get_json()
    assert (as_it_was["seq"], as_it_was["read_at"]) == (1, None)
    assert heard() == []

    once = grace.patch(notification_id, read=True, archived=True)
    assert len(heard()) == 1
    again = grace.patch(notification_id, read=True, archived=True)
    # The first moment stays, and so does the seq.
    assert again.get_json() == once.get_json()
    assert again.status_code == 200
    assert grace.patch(notification_id, archived=True).get_json() == once.get_json()
    assert heard() == []
    assert world.mailbox("grace")["last_seq"] == 2


@pytest.mark.parametrize(
    ("steps", "unread"),
    [
        ([{"archived": True}], 1),  # out of the inbox, out of the count
        ([{"archived": True}, {"archived": False}], 2),
        ([{"archived": True}, {"read": True}], 1),
        ([{"archived": True}, {"read": True}, {"archived": False}], 1),
        ([{"read": True}, {"archived": True}], 1),
        ([{"read": True}, {"archived": True}, {"read": False}], 1),
        ([{"read": True, "archived": True}, {"read": False, "archived": False}], 2),
        ([{"read": True}, {"read": False, "archived": True}], 1),
    ],
)
def test_only_what_is_neither_read_nor_archived_counts_as_unread(
    world: World, grace: Caller, steps: list[dict[str, bool]], unread: int
) -> None:
    notification_id, _ = world.tell("grace", 2)
    for step in steps:
        answer = grace.patch(notification_id, **step).get_json()
    assert answer["unread"] == unread
    # Read is not seen; but the badge announces nothing that the list does not show.
    assert answer["unseen"] == (1 if answer["archived_at"] else 2)
    box = world.mailbox("grace")  # compares the counts with the rows
    assert (box["unread"], box["last_seq"]) == (unread, 2 + len(steps))


def test_a_change_is_published_as_updated_with_its_seq_first(
    world: World, grace: Caller, heard: Heard
) -> None:
    notification_id, _ = world.tell("grace", 2)
    answers = [
        grace.patch(notification_id, read=True).get_json(),
        grace.patch(notification_id, archived=True).get_json(),
    ]
    payloads = heard()
    assert [json.loads(payload) for payload in payloads] == answers
    for seq, payload in enumerate(payloads, start=3):
        assert payload.startswith(b'{"seq":%d,' % seq)
        assert bus.seq_and_event(payload) == (seq, "updated")


def test_a_change_stands_although_redis_is_away(
    environment: dict[str, str], request: pytest.FixtureRequest
) -> None:
    """The sweep brings it to the streams later; whoever made it need not know."""
    environment["REDIS_URL"] = f"redis://127.0.0.1:{free_port()}/0"
    world: World = request.getfixturevalue("world")
    [notification_id] = world.tell("grace")
    grace = world.caller("grace")

    assert grace.patch(notification_id, read=True).status_code == 200
    assert grace.see(1).status_code == 200
    assert world.mailbox("grace") == {"last_seq": 3, "unread": 0, "unseen": 0, "seen_seq": 1}


@pytest.mark.parametrize(
    ("body", "loc"),
    [
        ({}, ["body"]),
        ({"read": None}, ["body", "read"]),
        ({"read": "true"}, ["body", "read"]),
        ({"read": 1}, ["body", "read"]),
        ({"archived": []}, ["body", "archived"]),
        ({"raed": True}, ["body", "raed"]),
        ({"read": True, "seq": 9}, ["body", "seq"]),
        ([], ["body"]),
        ("read", ["body"]),
        (None, ["body"]),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_patch_that_is_not_understood_is_refused_whole(
    world: World, grace: Caller, body: Any, loc: list[str]
) -> None:
    [notification_id] = world.tell("grace")
    answer = grace.request(
        "PATCH",
        f"/notifications/{notification_id}",
        data=json.dumps(body),
        content_type="application/json",
    )
    assert answer.status_code == 422
    assert [error["loc"] for error in answer.get_json()["errors"]] == [loc]
    assert world.mailbox("grace")["last_seq"] == 1


def test_a_merge_patch_is_what_a_patch_is(world: World, grace: Caller) -> None:
    [notification_id] = world.tell("grace")
    path = f"/notifications/{notification_id}"
    kind = "application/merge-patch+json"
    answer = grace.request("PATCH", path, data='{"read": true}', content_type=kind)
    assert answer.status_code == 200
    assert answer.get_json()["read_at"] is not None
