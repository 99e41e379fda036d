"""POST /notifications/bulk: many at once, exactly those that were meant, and every tab told."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.notifications import bulk
from tests.notifications.conftest import Heard
from tests.notifications.world import Caller, Json, World, told

FEW = 4


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> int:
    """Above so many, a change is one of the mailbox; fewer than in earnest, for speed."""
    monkeypatch.setattr(bulk, "MOST_SINGLY", FEW)
    return FEW


def about(id: str) -> Json:
    return {"type": "story", "id": id, "title": "T"}


def titles(grace: Caller, status: str) -> list[str]:
    return sorted(grace.titles(status=status, limit=100))


def settle(grace: Caller, action: str, **which: Any) -> Json:
    """Do it; do it again, which changes nothing; the first answer."""
    first: Json = grace.bulk(action, **which).get_json()
    again = grace.bulk(action, **which).get_json()
    assert again == {**first, "updated": 0}
    return first


BACK_AND_FORTH = [
    ("read", "unread", "inbox", "unread"),
    ("archive", "unarchive", "archived", "inbox"),
]


@pytest.mark.parametrize("count", [FEW, FEW + 1], ids=["singly", "as a whole"])
@pytest.mark.parametrize(("there", "back", "status", "status_back"), BACK_AND_FORTH)
@pytest.mark.usefixtures("few")
def test_each_action_is_done_by_ids_and_undone(
    world: World,
    grace: Caller,
    heard: Heard,
    there: str,
    back: str,
    status: str,
    status_back: str,
    count: int,
) -> None:
    ids = world.tell("grace", count, title="meant")
    world.tell("grace", title="not meant")
    seq = count + 1
    for action, place in ((there, status), (back, status_back)):
        done = settle(grace, action, ids=ids)
        changes = told(heard())
        assert done["updated"] == count
        # Contiguous, up to the seq that was answered, and each with the counts of that moment.
        assert [value["seq"] for _, value in changes] == list(range(seq + 1, done["seq"] + 1))
        if count == FEW:
            assert [(event, value["id"]) for event, value in changes] == [
                ("updated", one) for one in ids
            ]
        else:
            assert [event for event, _ in changes] == ["mailbox"]
        last = changes[-1][1]
        assert (last["unread"], last["unseen"]) == (done["unread"], done["unseen"])
        assert titles(grace, place).count("meant") == count
        seq = done["seq"]
        box = world.mailbox("grace")  # compares the counts with the rows
        assert (box["unread"], box["last_seq"]) == (done["unread"], seq)
    assert box["unread"] == count + 1


FILTERS: list[tuple[Json, list[str]]] = [
    ({}, ["a", "b", "c", "d"]),
    ({"status": "inbox"}, ["a", "b", "c", "d"]),
    ({"status": "unread"}, ["a", "b", "c", "d"]),
    ({"kind": "x"}, ["a", "c"]),
    ({"subject": "story/1"}, ["a", "b"]),
    ({"kind": "x", "subject": "story/1"}, ["a"]),
    ({"kind": "y", "subject": "story/1", "status": "unread"}, ["b"]),
    ({"kind": "z"}, []),
    ({"subject": "story/3"}, []),
    ({"status": "archived"}, ["archived"]),
    ({"status": "snoozed", "kind": "x"}, ["snoozed"]),
]


@pytest.mark.parametrize("most_singly", [0, 100], ids=["as a whole", "singly"])
def test_a_filter_means_what_the_list_shows_for_it(
    world: World, monkeypatch: pytest.MonkeyPatch, most_singly: int
) -> None:
    monkeypatch.setattr(bulk, "MOST_SINGLY", most_singly)
    for number, (filter, meant) in enumerate(FILTERS):
        user = f"user-{number}"
        person = world.caller(user)
        world.tell(user, title="a", kind="x", subject=about("1"))
        world.tell(user, title="b", kind="y", subject=about("1"))
        world.tell(user, title="c", kind="x", subject=about("2"))
        world.tell(user, title="d", kind="y")
        [archived] = world.tell(user, title="archived", kind="x", subject=about("1"))
        [snoozed] = world.tell(user, title="snoozed", kind="x", subject=about("1"))
        person.patch(archived, archived=True)
        person.patch(snoozed, snoozed_until=(datetime.now(UTC) + timedelta(hours=1)).isoformat())

        done = settle(person, "read", filter=filter)
        assert done["updated"] == len(meant), filter
        shown = [i for s in ("inbox", "archived", "snoozed") for i in _items(person, s)]
        assert sorted(item["title"] for item in shown if item["read_at"]) == meant, filter
        assert world.mailbox(user)["last_seq"] == done["seq"]
        if not meant:
            assert done["seq"] == 8  # nothing to do is no change


def _items(grace: Caller, status: str) -> list[Json]:
    found: list[Json] = grace.json("/notifications", status=status)["items"]
    return found


@pytest.mark.parametrize("most_singly", [0, 100], ids=["as a whole", "singly"])
def test_archiving_what_is_snoozed_ends_the_snooze_and_unarchiving_means_the_archive(
    world: World, grace: Caller, monkeypatch: pytest.MonkeyPatch, most_singly: int
) -> None:
    monkeypatch.setattr(bulk, "MOST_SINGLY", most_singly)
    hour = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    ids = world.tell("grace", 3, subject=about("1"))
    world.tell("grace", title="other")
    for one in ids:
        grace.patch(one, snoozed_until=hour)
    assert settle(grace, "archive", filter={"status": "snoozed"})["updated"] == 3
    assert _items(grace, "snoozed") == []
    assert {item["snoozed_until"] for item in _items(grace, "archived")} == {None}
    world.mailbox("grace")
    assert settle(grace, "unarchive", filter={"subject": "story/1"})["updated"] == 3
    assert len(_items(grace, "inbox")) == world.mailbox("grace")["unread"] == 4


def test_reading_a_subject_clears_all_about_it_and_nothing_else(
    world: World, grace: Caller, heard: Heard
) -> None:
    world.tell("grace", 3, subject=about("1"))
    world.tell("grace", 2, subject=about("11"))
    world.tell("grace", 1, subject={**about("1"), "type": "page"})
    done = grace.bulk("read", filter={"subject": "story/1"}).get_json()
    assert done == {"updated": 3, "seq": 9, "unread": 3, "unseen": 6}
    assert [event for event, _ in told(heard())] == ["updated"] * 3
    assert grace.titles(subject="story/1", status="unread") == []


@pytest.mark.parametrize("count", [FEW - 1, FEW + 3], ids=["singly", "as a whole"])
@pytest.mark.usefixtures("few")
def test_what_came_after_the_person_looked_stays_as_it_is(
    world: World, grace: Caller, heard: Heard, count: int
) -> None:
    world.tell("grace", title="g", group_key="g")
    world.tell("grace", count, title="seen")
    up_to = grace.json("/notifications")["seq"]
    world.tell("grace", title="late")
    world.tell("grace", title="g", group_key="g")  # moved up: there is news in it
    heard()

    done = settle(grace, "read", filter={}, up_to=up_to)
    assert done["updated"] == count
    assert sorted(grace.titles(status="unread")) == ["g (2)", "late"]
    assert (done["unread"], world.mailbox("grace")["unread"]) == (2, 2)
    event, last = told(heard())[-1]
    assert (event, last["read_through"]) == ("mailbox", up_to)
    # By ids it protects as well.
    [late] = [item["id"] for item in _items(grace, "inbox") if item["title"] == "late"]
    assert settle(grace, "archive", ids=[late], up_to=up_to)["updated"] == 0
    # A position that nobody has yet is the present.
    assert settle(grace, "read", filter={}, up_to=2**63 - 1)["updated"] == 2


def test_reading_all_is_told_singly_and_once_for_the_mailbox(
    world: World, grace: Caller, heard: Heard
) -> None:
    world.tell("grace", 3)
    done = grace.bulk("read", filter={}, up_to=2).get_json()
    assert done == {"updated": 2, "seq": 6, "unread": 1, "unseen": 3}
    changes = told(heard())
    assert [event for event, _ in changes] == ["updated", "updated", "mailbox"]
    assert changes[-1][1] == {
        "seq": 6,
        "unread": 1,
        "unseen": 3,
        "read_through": 2,
        "seen_through": 0,
    }
    assert [value["unread"] for _, value in changes] == [2, 1, 1]
    # An older position does not take back what was said.
    world.tell("grace")
    grace.bulk("read", filter={}, up_to=3)
    assert told(heard())[-1][1]["read_through"] == 3


@pytest.mark.parametrize(
    ("there", "back"), [("read", "unread"), ("archive", "unarchive")], ids=["unread", "unarchived"]
)
@pytest.mark.usefixtures("few")
def test_a_frame_never_calls_read_what_is_unread_again(
    world: World, grace: Caller, heard: Heard, there: str, back: str
) -> None:
    """Changed as a whole, notifications keep their seqs, which are under the old watermark."""
    ids = world.tell("grace", FEW + 3)
    grace.bulk(there, ids=ids[1:])
    grace.bulk("read", filter={})
    grace.bulk(back, ids=ids[1:])
    last = told(heard())[-1][1]
    unread = grace.json("/notifications", status="unread")["items"]
    assert len(unread) == last["unread"] == FEW + 2
    assert last["read_through"] < min(item["seq"] for item in unread)


def test_more_than_a_hundred_are_one_change_of_the_mailbox(
    world: World, grace: Caller, heard: Heard
) -> None:
    world.tell("grace", 100)
    world.tell("grace", 101, kind="other")
    done = grace.bulk("archive", filter={"kind": "other"}).get_json()
    assert done == {"updated": 101, "seq": 202, "unread": 100, "unseen": 100}
    [(event, value)] = told(heard())
    assert (event, value["seq"], value["unread"]) == ("mailbox", 202, 100)
    assert world.replay("grace", 201) == [("mailbox", value)]
    world.mailbox("grace")
    done = grace.bulk("archive", filter={}).get_json()
    assert done == {"updated": 100, "seq": 302, "unread": 0, "unseen": 0}
    assert [event for event, _ in told(heard())] == ["updated"] * 100
    assert grace.titles() == []


def test_unknown_and_other_peoples_ids_are_passed_over_and_cannot_be_told_apart(
    world: World, grace: Caller
) -> None:
    adas = world.tell("ada", 3)
    [own] = world.tell("grace")
    for action in ("read", "unread", "archive", "unarchive"):
        answers = [
            (answer.status_code, answer.get_data())
            for ids in (adas, [str(uuid.uuid4()) for _ in adas])
            for answer in [grace.bulk(action, ids=ids)]
        ]
        assert answers[0] == answers[1]
        assert answers[0][0] == 200
    done = grace.bulk("read", ids=[*adas, own, str(uuid.uuid4()), own]).get_json()
    assert done == {"updated": 1, "seq": 2, "unread": 0, "unseen": 1}
    # Nor does a subject or a kind of theirs reach over.
    grace.bulk("read", filter={})
    assert world.mailbox("ada") == {"last_seq": 3, "unread": 3, "unseen": 3, "seen_seq": 0}


def test_nothing_to_do_takes_no_seq_and_rings_nobody(
    world: World, grace: Caller, heard: Heard
) -> None:
    ids = world.tell("grace", 2)
    now = {"updated": 0, "seq": 2, "unread": 2, "unseen": 2}
    nothing: list[tuple[str, Json]] = [
        ("unread", {"filter": {}}),
        ("unread", {"ids": ids}),
        ("unarchive", {"filter": {}}),
        ("unarchive", {"ids": ids}),
        ("read", {"filter": {}, "up_to": 0}),
        ("archive", {"filter": {"kind": "none such"}}),
    ]
    for action, which in nothing:
        assert grace.bulk(action, **which).get_json() == now
    assert heard() == []
    assert world.mailbox("grace")["last_seq"] == 2


def test_replay_after_a_bulk_change_tells_each_once_as_it_is_now(
    world: World, grace: Caller
) -> None:
    ids = world.tell("grace", 3)
    grace.bulk("read", ids=ids)
    grace.bulk("archive", ids=ids[:2])
    grace.bulk("unarchive", filter={})
    replayed = world.replay("grace", 3)
    assert [value["id"] for _, value in replayed] == [ids[2], ids[0], ids[1]]
    assert {event for event, _ in replayed} == {"updated"}
    for _, value in replayed:
        assert value == {
            **grace.json(f"/notifications/{value['id']}"),
            "unread": 0,
            "unseen": 3,
        }


ONE = str(uuid.UUID(int=1))


@pytest.mark.parametrize(
    ("body", "loc"),
    [
        ({"action": "read"}, ["body"]),
        ({"action": "read", "ids": [ONE], "filter": {}}, ["body"]),
        ({"action": "read", "ids": []}, ["body", "ids"]),
        ({"action": "read", "ids": [ONE] * 1_001}, ["body", "ids"]),
        ({"action": "read", "ids": [ONE, "1"]}, ["body", "ids", 1]),
        ({"action": "read", "ids": ONE}, ["body", "ids"]),
        ({"action": "delete", "filter": {}}, ["body", "action"]),
        ({"action": "snooze", "ids": [ONE]}, ["body", "action"]),
        ({"filter": {}}, ["body", "action"]),
        ({"action": "read", "filter": []}, ["body", "filter"]),
        ({"action": "read", "filter": {"status": "seen"}}, ["body", "filter", "status"]),
        ({"action": "read", "filter": {"subject": "story"}}, ["body", "filter", "subject"]),
        ({"action": "read", "filter": {"kind": ""}}, ["body", "filter", "kind"]),
        ({"action": "read", "filter": {"kind": "a\x00b"}}, ["body", "filter", "kind"]),
        ({"action": "read", "filter": {"read": True}}, ["body", "filter", "read"]),
        ({"action": "read", "filter": {}, "up_to": -1}, ["body", "up_to"]),
        ({"action": "read", "filter": {}, "up_to": 2**63}, ["body", "up_to"]),
        ({"action": "read", "filter": {}, "up_to": "3"}, ["body", "up_to"]),
        ({"action": "read", "filter": {}, "up_to": 1.5}, ["body", "up_to"]),
        ({"action": "read", "filter": {}, "up_to": True}, ["body", "up_to"]),
        ({"action": "read", "filter": {}, "upto": 1}, ["body", "upto"]),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_request_that_is_not_understood_is_refused_with_the_place_of_its_fault(
    world: World, grace: Caller, body: Json, loc: list[Any]
) -> None:
    world.tell("grace")
    answer = grace.request("POST", "/notifications/bulk", json=body)
    assert answer.status_code == 422
    assert [error["loc"] for error in answer.get_json()["errors"]] == [loc]
    assert world.mailbox("grace")["last_seq"] == 1
