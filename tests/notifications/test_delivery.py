"""deliver(): a batch is stored whole or not at all, and everybody is told once."""

import json
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from app import database
from app.notifications.delivery import Delivery
from tests.notifications.world import World, draft


def told(delivery: Delivery) -> list[tuple[str, int, int]]:
    """(user, seq, unread) of each push, in order."""
    payloads = [(push.user_id, json.loads(push.payload)) for push in delivery.pushes]
    return [(user, value["seq"], value["unread"]) for user, value in payloads]


def test_each_mailbox_counts_by_itself_from_one(world: World) -> None:
    first = world.deliver(draft("ada", "e1"), draft("grace", "e1"), draft("grace", "e2"))
    second = world.deliver(draft("grace", "e3"), draft("ada", "e3"))

    assert (first.created, second.created) == (3, 2)
    assert told(first) == [("ada", 1, 1), ("grace", 1, 1), ("grace", 2, 2)]
    assert told(second) == [("grace", 3, 3), ("ada", 2, 2)]
    for user, count in (("ada", 2), ("grace", 3)):
        assert [row.seq for row in world.rows(user)] == list(range(1, count + 1))
        assert world.mailbox(user) == {
            "last_seq": count,
            "unread": count,
            "unseen": count,
            "seen_seq": 0,
        }


def test_an_event_that_was_delivered_before_makes_no_second_notification(world: World) -> None:
    before = world.deliver(draft("grace", "e1"), draft("grace", "e2"))
    again = world.deliver(draft("grace", "e2"), draft("grace", "e3"), draft("grace", "e1"))

    assert (again.created, again.repeated) == (1, 2)
    assert [row.event_id for row in world.rows("grace")] == ["e1", "e2", "e3"]
    # The process may have died between commit and publish: what is stored is published again, in
    # its order, and before what is new.
    assert [seq for _, seq, _ in told(again)] == [1, 2, 3]
    for was, is_now in zip(before.pushes, again.pushes, strict=False):
        assert json.loads(is_now.payload) == json.loads(was.payload) | {"unread": 2, "unseen": 2}


def test_pushes_of_a_repeat_are_in_order_however_many_statements_find_them(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "CHUNK", 2)
    drafts = [draft("grace", event_id) for event_id in ("e5", "e3", "e1", "e4", "e2")]
    world.deliver(*drafts)

    assert [seq for _, seq, _ in told(world.deliver(*drafts))] == [1, 2, 3, 4, 5]


def test_an_event_that_is_twice_in_a_batch_is_told_once(world: World) -> None:
    done = world.deliver(draft("grace", "e1"), draft("grace", "e1"), draft("grace", "e2"))

    assert (done.created, done.repeated) == (2, 1)
    assert told(done) == [("grace", 1, 1), ("grace", 2, 2)]
    assert world.mailbox("grace")["unread"] == 2


def test_source_event_and_recipient_together_make_it_the_same(world: World) -> None:
    done = world.deliver(
        draft("grace", "e1"),
        draft("grace", "e1", source="/wiki"),
        draft("grace", "e2"),
        draft("ada", "e1"),
    )
    assert done.created == 4


def test_a_repeat_tells_what_has_become_of_the_notification(world: World) -> None:
    [notification_id] = world.tell("grace", title="Look", source="/wiki")
    world.caller("grace").patch(notification_id, read=True)

    [row] = world.rows("grace")
    again = world.deliver(draft("grace", row.event_id, source="/wiki", title="Look"))

    [push] = again.pushes
    payload = json.loads(push.payload)
    assert (payload["seq"], payload["unread"]) == (2, 0)
    assert payload["read_at"] is not None
    assert again.created == 0


def test_an_empty_batch_is_no_work(world: World) -> None:
    assert world.deliver() == Delivery([], 0, 0)


def test_a_batch_of_more_people_and_events_than_fit_in_a_statement(world: World) -> None:
    people = [f"user-{number}" for number in range(2_500)]
    drafts = [draft(user, f"e-{number}") for number, user in enumerate(people)]

    assert world.deliver(*drafts).created == 2_500
    assert world.deliver(*drafts, draft("user-7", "more")).created == 1
    assert [row.seq for row in world.rows("user-7")] == [1, 2]
    assert [row.seq for row in world.rows("user-2499")] == [1]


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        ({"title": None}, DBAPIError),
        ({"data": {"share": float("nan")}}, ValueError),
    ],
    ids=["the database refuses it", "it can't be encoded"],
)
def test_a_batch_that_fails_changes_nothing(
    world: World, bad: dict[str, Any], error: type[Exception]
) -> None:
    world.tell("grace", 2)
    before = (world.mailbox("grace"), world.rows("grace"))

    with pytest.raises(error):
        world.deliver(
            draft("grace", "good"), draft("newcomer", "good"), draft("grace", "bad", **bad)
        )

    assert (world.mailbox("grace"), world.rows("grace")) == before
    assert world.rows("newcomer") == []
    # and nothing is in the way of the next batch: no lock, no seq that is lost.
    assert told(world.deliver(draft("grace", "good"))) == [("grace", 3, 3)]


def test_a_repeat_what_joins_and_what_is_new_go_through_in_one_batch(world: World) -> None:
    world.deliver(draft("grace", "e1"), draft("grace", "e2", group_key="g"))
    done = world.deliver(
        draft("grace", "e3", group_key="g"),
        draft("newcomer", "e3", group_key="g"),
        draft("grace", "e1"),
        draft("newcomer", "e4", group_key="g"),
        draft("grace", "e4"),
    )

    assert (done.created, done.grouped, done.repeated) == (2, 2, 1)
    assert told(done) == [
        ("grace", 1, 2),
        ("grace", 3, 2),
        ("newcomer", 1, 1),
        ("newcomer", 2, 1),
        ("grace", 4, 3),
    ]
    assert [(row.seq, row.event_id) for row in world.rows("grace")] == [
        (1, "e1"),
        (3, "e2"),
        (4, "e4"),
    ]
    assert [(row.seq, row.title) for row in world.rows("newcomer")] == [(2, "Told of e4 (2)")]
    assert (world.mailbox("grace")["unread"], world.mailbox("newcomer")["unread"]) == (3, 1)


# What COPY, an array and JSON each write in another way.
AWKWARD = [
    "\\N",
    "\\.",
    "\\",
    "a\\tb",
    "a\tb",
    "a\nb",
    "a\r\nb",
    '"',
    "{}",
    "NULL",
    ",",
    "'",
    "%s",
    "",
]


def test_text_is_kept_whatever_it_looks_like(world: World) -> None:
    world.deliver(*(draft("grace", f"e{n}", body=body) for n, body in enumerate(AWKWARD)))

    items = world.caller("grace").json("/notifications")["items"]
    assert [item["body"] for item in reversed(items)] == AWKWARD


def test_an_event_and_a_group_are_found_again_whatever_their_names_look_like(
    world: World,
) -> None:
    drafts = [draft("grace", f"e{text}", source=f"/{text}") for text in AWKWARD]
    world.deliver(*drafts)
    again = world.deliver(*drafts)
    assert (again.created, again.repeated) == (0, len(AWKWARD))

    in_groups = [draft("grace", f"g{text}", group_key=f"g{text}") for text in AWKWARD]
    later = [draft("grace", f"h{text}", group_key=f"g{text}") for text in AWKWARD]
    assert world.deliver(*in_groups).created == len(AWKWARD)
    assert world.deliver(*later).grouped == len(AWKWARD)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_what_postgresql_cannot_hold_is_refused_and_leaves_the_connection_usable(
    world: World,
) -> None:
    with pytest.raises(DBAPIError):
        world.deliver(draft("grace", "e1"), draft("grace", "e2", body="a\0b"))
    assert told(world.deliver(draft("grace", "e3"))) == [("grace", 1, 1)]


def test_everything_that_a_draft_says_is_kept(world: World) -> None:
    world.deliver(
        draft(
            "grace",
            "e1",
            kind="story.commented",
            reason="mentioned",
            title="Ada → Grace “…”  🎉",
            body="line one\nline two",
            url="/stories/42?x=1#c",
            actor={"id": "ada", "name": "Ada"},
            subject={"type": "story", "id": "42", "title": "Fix login"},
            data={"deep": [1, {"a": None}], "big": 2**53, "huge": 10**30, "line": "\u2028"},
        )
    )
    [item] = world.caller("grace").json("/notifications")["items"]
    assert item.pop("id")
    assert next(iter(item)) == "seq"
    assert item == {
        "seq": 1,
        "kind": "story.commented",
        "reason": "mentioned",
        "title": "Ada → Grace “…”  🎉",
        "body": "line one\nline two",
        "url": "/stories/42?x=1#c",
        "actor": {"id": "ada", "name": "Ada"},
        "subject": {"type": "story", "id": "42", "title": "Fix login"},
        "data": {"deep": [1, {"a": None}], "big": 2**53, "huge": 10**30, "line": "\u2028"},
        "count": 1,
        "created_at": "2026-03-01T12:30:15.250000Z",
        "read_at": None,
        "archived_at": None,
        "snoozed_until": None,
    }


def test_the_push_is_the_notification_as_the_api_shows_it_with_the_counts(world: World) -> None:
    done = world.deliver(draft("grace", "e1"))

    [item] = world.caller("grace").json("/notifications")["items"]
    [push] = done.pushes
    assert push.payload.startswith(b'{"seq":1,"id":')
    assert b"\n" not in push.payload
    assert json.loads(push.payload) == {**item, "unread": 1, "unseen": 1}
