"""Events of one group are one notification as long as it is unread: how many, and the latest."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis

from app.notifications.delivery import Delivery, deliver
from app.notifications.draft import MAX_TITLE_CHARS, Draft
from tests.notifications.test_retention import prune, tell_later
from tests.notifications.world import Caller, Json, World, draft, told
from tests.notifications.writers import Writers, deliver_all
from tests.support import consuming


def comment(user: str, event_id: str, by: str = "ada", group: str = "g", **changes: Any) -> Draft:
    """Somebody's comment on what the group is about."""
    said: Json = {
        "kind": f"kind.{event_id}",
        "reason": "following",
        "title": f"{by} commented",
        "body": f"body {event_id}",
        "url": f"/stories/42#{event_id}",
        "actor": {"id": by, "name": by.title()},
        "subject": {"type": "story", "id": "42", "title": f"as of {event_id}"},
        "data": {"event": event_id},
        "group_key": group,
    }
    return draft(user, event_id, **(said | changes))


def shown(delivery: Delivery) -> list[tuple[str | None, int, int]]:
    """(event, seq, count) of each push."""
    pushes = told(push.payload for push in delivery.pushes)
    return [(event, value["seq"], value["count"]) for event, value in pushes]


def the_only(grace: Caller) -> Json:
    [item] = grace.json("/notifications")["items"]
    return dict(item)


def test_it_tells_of_the_latest_and_how_many_on_top_of_the_list(
    world: World, grace: Caller
) -> None:
    world.deliver(comment("grace", "1"))
    first = the_only(grace)
    world.tell("grace", title="between")
    done = world.deliver(comment("grace", "2", "linus"), comment("grace", "3", "mary"))

    assert (done.created, done.grouped, done.repeated) == (0, 2, 0)
    assert shown(done) == [("updated", 3, 2), ("updated", 4, 3)]
    assert grace.titles() == ["mary commented (3)", "between"]
    now = grace.json("/notifications")["items"][0]
    assert now == {
        **first,
        "seq": 4,
        "kind": "kind.3",
        "title": "mary commented (3)",
        "body": "body 3",
        "url": "/stories/42#3",
        "actor": {"id": "mary", "name": "Mary"},
        "subject": {"type": "story", "id": "42", "title": "as of 3"},
        "data": {"event": "3"},
        "count": 3,
    }
    assert json.loads(done.pushes[-1].payload) == {**now, "unread": 2, "unseen": 2}
    assert world.mailbox("grace")["unread"] == 2


def test_the_latest_decides_also_where_it_says_nothing(world: World, grace: Caller) -> None:
    world.deliver(comment("grace", "1"))
    world.deliver(draft("grace", "2", group_key="g", title="Plain", reason="following"))
    now = the_only(grace)
    assert (now["actor"], now["subject"], now["url"], now["body"]) == (None, None, None, "")
    assert (now["data"], now["title"]) == ({}, "Plain (2)")
    # It is found by what it tells of now.
    assert grace.titles(subject="story/42") == []


def test_a_title_that_leaves_no_room_for_the_number_is_cut(world: World, grace: Caller) -> None:
    for number in range(2):
        world.deliver(comment("grace", f"{number}", title="x" * MAX_TITLE_CHARS))
    title = the_only(grace)["title"]
    assert (len(title), title[-5:]) == (MAX_TITLE_CHARS, "x (2)")


def test_what_had_been_seen_is_unseen_again(world: World, grace: Caller) -> None:
    world.deliver(comment("grace", "1"))
    assert grace.see(1).get_json()["unseen"] == 0
    done = world.deliver(comment("grace", "2"), comment("grace", "3"))
    values = [value for _, value in told(push.payload for push in done.pushes)]
    assert [(value["unread"], value["unseen"]) for value in values] == [(1, 1), (1, 1)]
    assert world.mailbox("grace")["unseen"] == 1


@pytest.mark.parametrize(
    "away",
    [
        {"read": True},
        {"archived": True},
        {"snoozed_until": (datetime.now(UTC) + timedelta(hours=1)).isoformat()},
    ],
    ids=["read", "archived", "snoozed"],
)
def test_what_was_dealt_with_is_left_alone_and_a_new_one_begins(
    world: World, grace: Caller, away: Json
) -> None:
    world.deliver(comment("grace", "1"), comment("grace", "2"))
    one = the_only(grace)["id"]
    dealt_with = grace.patch(one, **away).get_json()
    done = world.deliver(comment("grace", "3"))
    assert (done.created, shown(done)) == (1, [(None, 4, 1)])
    shown_now = grace.json(f"/notifications/{one}")
    assert {**dealt_with, "unread": 1, "unseen": 1} == {**shown_now, "unread": 1, "unseen": 1}
    # Once it is in the inbox and unread again, the latest of the two goes on.
    grace.patch(one, read=False, archived=False, snoozed_until=None)
    assert shown(world.deliver(comment("grace", "4"))) == [("updated", 6, 2)]
    assert grace.json(f"/notifications/{one}")["count"] == 2
    assert world.mailbox("grace")["unread"] == 2


def test_back_from_a_snooze_it_goes_on(world: World, grace: Caller) -> None:
    world.deliver(comment("grace", "1"))
    grace.patch(the_only(grace)["id"], snoozed_until="2098-01-01T00:00:00Z")
    assert world.wake(datetime(2099, 1, 1, tzinfo=UTC))
    assert shown(world.deliver(comment("grace", "2"))) == [("updated", 4, 2)]
    world.mailbox("grace")


def test_several_in_one_batch_are_one_from_the_start(world: World, grace: Caller) -> None:
    done = world.deliver(*(comment("grace", str(n)) for n in range(1, 4)), comment("ada", "3"))
    assert (done.created, done.grouped) == (2, 2)
    assert shown(done)[:3] == [(None, 1, 1), ("updated", 2, 2), ("updated", 3, 3)]
    assert (the_only(grace)["count"], the_only(grace)["body"]) == (3, "body 3")
    assert world.mailbox("grace") == {"last_seq": 3, "unread": 1, "unseen": 1, "seen_seq": 0}
    assert world.replay("grace", 2) == [("updated", json.loads(done.pushes[2].payload))]
    # To who knew nothing it is one new notification.
    assert [event for event, _ in world.replay("grace", 0)] == [None]


def test_groups_people_and_what_has_no_group_are_independent(world: World, grace: Caller) -> None:
    for number in range(2):
        world.deliver(
            comment("grace", f"a-{number}", group="a"),
            comment("grace", f"b-{number}", group="b"),
            comment("grace", f"c-{number}", group="a b"),
            comment("ada", f"a-{number}", group="a"),
            comment("ada", f"e-{number}", group="%"),
            draft("grace", f"d-{number}"),
        )
    items = grace.json("/notifications")["items"]
    assert [(item["data"].get("event"), item["count"]) for item in items] == [
        (None, 1),
        ("c-1", 2),
        ("b-1", 2),
        ("a-1", 2),
        (None, 1),
    ]
    assert [row.seq for row in world.rows("ada")] == [3, 4]
    assert (world.mailbox("grace")["unread"], world.mailbox("ada")["unread"]) == (5, 2)


def test_the_reason_stays_the_strongest(world: World, grace: Caller) -> None:
    for number, (reason, shown_as) in enumerate(
        [
            ("following", "following"),
            ("author", "author"),
            ("following", "author"),
            ("requested", "requested"),
            ("mentioned", "mentioned"),
            ("assigned", "mentioned"),
        ]
    ):
        world.deliver(comment("grace", str(number), reason=reason))
        assert the_only(grace)["reason"] == shown_as


def test_an_event_told_within_a_group_is_not_told_again_but_published_again(
    world: World, grace: Caller
) -> None:
    events = [comment("grace", str(number)) for number in range(3)]
    first = world.deliver(*events)
    before = (the_only(grace), world.mailbox("grace"))

    for again in (events, events[1:2], [events[2], events[2]]):
        repeat = world.deliver(*again)
        assert (repeat.created, repeat.grouped, repeat.repeated) == (0, 0, len(again))
        assert [push.payload for push in repeat.pushes] == [first.pushes[-1].payload]
        assert (the_only(grace), world.mailbox("grace")) == before
    # Nor after it was read, when a new event would make a new notification.
    grace.patch(before[0]["id"], read=True)
    mixed = world.deliver(events[1], comment("grace", "new"))
    assert (mixed.created, mixed.repeated) == (1, 1)
    assert shown(mixed) == [("updated", 4, 3), (None, 5, 1)]


def test_an_event_of_a_group_is_told_to_each_person_and_source_by_itself(world: World) -> None:
    world.deliver(comment("grace", "0"), comment("ada", "0"))
    done = world.deliver(
        comment("grace", "1"), comment("ada", "1"), comment("grace", "1", source="/wiki")
    )
    assert (done.grouped, done.repeated) == (3, 0)


def test_what_told_of_something_since_outlives_retention(world: World, grace: Caller) -> None:
    """The first comment is old; the group is on top of the list because of today's."""
    world.deliver(comment("grace", "1"))
    cut = tell_later(world, "grace", 1)
    with world.app.app_context():
        deliver([comment("grace", "2")], datetime.now(UTC))
    assert prune(world, cut)[0] == []
    assert grace.json("/notifications")["items"][0]["count"] == 2
    # In its turn it goes, and the counts with it.
    assert sum(prune(world, tell_later(world, "ada", 1))[0]) == 2
    assert world.mailbox("grace")["unread"] == 0


def test_what_joined_goes_with_its_notification_and_the_table_does_not_grow_for_ever(
    world: World,
) -> None:
    world.deliver(*(comment("grace", str(number)) for number in range(3)))
    result = world.app.test_cli_runner().invoke(args=["prune", "--older-than", "0"])
    assert result.exit_code == 0, result.output
    assert world.rows("grace") == []
    # The database knows nothing of them any more.
    assert world.deliver(comment("grace", "2")).created == 1


def test_consumers_at_once_count_each_event_of_a_group_once(
    world: World, environment: dict[str, str]
) -> None:
    """Each of two consumers has all the events, as after a claim from one that lives."""
    people = [f"user-{number}" for number in range(4)]
    batches = [[comment(user, f"e-{number}") for user in people] for number in range(25)]
    with Writers(environment, (deliver_all, batches), (deliver_all, batches[::-1])) as writers:
        writers.answers()
    for user in people:
        [item] = world.caller(user).json("/notifications")["items"]
        assert (item["count"], item["seq"]) == (25, 25)
        assert world.mailbox(user) == {"last_seq": 25, "unread": 1, "unseen": 1, "seen_seq": 0}


def said(event_id: str, actor: str, **data: Any) -> Json:
    return consuming.event(
        id=event_id,
        type="story.commented",
        data={
            "story": {"id": "42", "title": "Fix login"},
            "actor": {"id": actor, "name": actor.title()},
            "watcher_ids": ["grace"],
            "comment": f"{actor} says {event_id}",
            **data,
        },
    )


def test_comments_on_a_story_are_one_notification_and_a_mention_stands_for_itself(
    world: World, grace: Caller, redis_client: redis.Redis
) -> None:
    with world.app.app_context():
        worker = consuming.consumer(redis_client, batch=2)
        consuming.send(
            redis_client,
            said("1", "ada"),
            said("2", "linus"),
            said("3", "ada", mentioned_ids=["grace"]),
            said("4", "mary"),
            said("4", "mary"),  # the producer sent it twice
        )
        consuming.finish(worker)
    items = grace.json("/notifications")["items"]
    assert [(i["title"], i["count"], i["reason"], i["body"]) for i in items] == [
        ("3 new comments on “Fix login”, the latest by Mary", 3, "following", "mary says 4"),
        ("Ada mentioned you in a comment on “Fix login”", 1, "mentioned", "ada says 3"),
    ]
    # Reading the story's page clears both.
    done = grace.bulk("read", filter={"subject": "story/42"}).get_json()
    assert (done["updated"], done["unread"]) == (2, 0)
    world.mailbox("grace")
