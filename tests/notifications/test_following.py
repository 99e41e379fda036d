"""Who follows a subject is told of its events; how one comes to follow, and to stop."""

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import pytest
import redis
from sqlalchemy import event

from app.consumer.consumer import Stored
from app.extensions import db
from app.notifications.audience import resolve
from app.notifications.draft import Audience, Draft
from app.notifications.following import follow
from app.notifications.preferences import set_preferences
from tests.notifications.world import Caller, Json, World, draft
from tests.support import consuming

FOLLOWERS = 2_000


def path(subject: str, *, follow: bool = False) -> str:
    """The address of a subject, every character of its id escaped that can be."""
    subject_type, _, subject_id = subject.partition("/")
    found = f"/subjects/{quote(subject_type, safe='')}/{quote(subject_id, safe='')}"
    return f"{found}/follow" if follow else found


def put(caller: Caller, subject: str) -> Any:
    return caller.request("PUT", path(subject, follow=True))


def follows(caller: Caller, subject: str) -> bool:
    found: bool = caller.json(path(subject))["following"]
    return found


def tell(world: World, client: redis.Redis, *events: Json) -> None:
    """Have a consumer take these events."""
    with world.app.app_context():
        consuming.send(client, *events)
        consuming.finish(consuming.consumer(client))


def story(type: str, story_id: str = "42", **data: Any) -> Json:
    return consuming.event(
        type=type, data={"story": {"id": story_id}, "actor": {"id": "ada"}, **data}
    )


def to_followers(followed: str, **data: Any) -> Json:
    return consuming.event(data={"recipients": {"followers_of": followed}, "title": "t", **data})


def test_a_subject_can_be_followed_and_no_longer(
    world: World, grace: Caller, redis_client: redis.Redis
) -> None:
    assert grace.json("/subjects/story/42") == {"following": False, "muted": False}
    for _ in range(2):  # idempotent
        answer = put(grace, "story/42")
        assert (answer.status_code, answer.get_json()) == (
            200,
            {"following": True, "muted": False},
        )
        assert answer.headers["Cache-Control"] == "no-store"
    assert not follows(world.caller("linus"), "story/42")
    assert not follows(grace, "story/4")

    tell(world, redis_client, story("story.updated"), to_followers("story/42"))
    items = grace.json("/notifications")["items"]
    assert [(item["kind"], item["reason"]) for item in items] == [
        ("notification.requested", "following"),
        ("story.updated", "following"),
    ]
    for _ in range(2):
        answer = grace.request("DELETE", path("story/42", follow=True))
        assert (answer.status_code, answer.get_json()["following"]) == (200, False)
    tell(world, redis_client, story("story.updated"), to_followers("story/42"))
    assert grace.json("/mailbox")["seq"] == 2


@pytest.mark.parametrize(
    ("told", "by"),
    [
        ({"assignee_id": "grace"}, "story.assigned"),
        ({"mentioned_ids": ["grace"]}, "story.mentioned"),
        ({"mentioned_ids": ["grace"], "comment": "look"}, "story.commented"),
    ],
    ids=["assigned", "mentioned", "mentioned in a comment"],
)
def test_who_is_assigned_or_mentioned_follows_from_then_on(
    world: World, grace: Caller, redis_client: redis.Redis, told: Json, by: str
) -> None:
    tell(world, redis_client, story(by, **told), story(by, "43", **told))
    assert follows(grace, "story/42")
    tell(world, redis_client, story("story.completed"))
    assert grace.json("/notifications")["items"][0]["kind"] == "story.completed"
    # Until they say otherwise; what was delivered before is no reason to begin anew.
    grace.request("DELETE", path("story/42", follow=True))
    tell(world, redis_client, story("story.updated"))
    assert grace.json("/mailbox")["seq"] == 3
    assert follows(grace, "story/43")


def test_who_only_watches_or_is_told_by_name_does_not_follow(
    world: World, grace: Caller, redis_client: redis.Redis
) -> None:
    subject = {"type": "story", "id": "42"}
    tell(
        world,
        redis_client,
        story("story.updated", watcher_ids=["grace"]),
        consuming.event(data={"recipients": ["grace"], "title": "t", "subject": subject}),
    )
    assert not follows(grace, "story/42")


def test_an_event_that_comes_again_does_not_make_one_follow_again(
    world: World, grace: Caller, redis_client: redis.Redis
) -> None:
    once = story("story.assigned", assignee_id="grace")
    tell(world, redis_client, once)
    grace.request("DELETE", path("story/42", follow=True))
    tell(world, redis_client, once)
    assert not follows(grace, "story/42")


@pytest.mark.parametrize("what", ["story.commented", "story.updated", "story.completed"])
def test_news_for_the_assignee_do_not_make_one_follow_again(
    world: World, grace: Caller, redis_client: redis.Redis, what: str
) -> None:
    tell(world, redis_client, story("story.assigned", assignee_id="grace"))
    grace.request("DELETE", path("story/42", follow=True))
    tell(world, redis_client, story(what, assignee_id="grace", comment="look"))
    assert grace.json("/mailbox")["seq"] == 2
    assert not follows(grace, "story/42")


def test_each_person_is_told_once_for_the_strongest_reason_and_nobody_of_what_they_did(
    world: World, grace: Caller, redis_client: redis.Redis
) -> None:
    for user in ("grace", "ada", "linus"):
        put(world.caller(user), "story/42")
    put(grace, "story/43")
    tell(
        world,
        redis_client,
        story("story.assigned", assignee_id="grace", watcher_ids=["grace", "linus"]),
        consuming.event(
            data={
                "recipients": [
                    {"followers_of": "story/43"},
                    {"followers_of": "story/42"},
                    {"followers_of": "story/none"},
                    "grace",
                ],
                "title": "t",
                "actor": {"id": "ada"},
            }
        ),
    )
    items = grace.json("/notifications")["items"]
    assert [item["reason"] for item in items] == ["requested", "assigned"]
    assert world.caller("linus").json("/mailbox")["seq"] == 2
    assert world.caller("ada").json("/mailbox")["seq"] == 0


@pytest.mark.parametrize(
    "subject",
    [
        "story/a/b",
        "story/a//b",
        "story/a/",
        "story/follow",
        "story/a/follow",
        "story/a%2Fb",
        "story/é 🎉 ?#&=+%",
        "page/https://example.com/a?b=c#d",
        "t" * 100 + "/" + "i" * 128,
        "т/日本",
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_whatever_id_a_product_gives_its_things_they_can_be_followed(
    world: World, grace: Caller, redis_client: redis.Redis, subject: str
) -> None:
    answer = put(grace, subject)
    assert (answer.status_code, answer.get_json()) == (200, {"following": True, "muted": False})
    assert follows(grace, subject)
    # The very one, and not another that looks alike in an address.
    tell(world, redis_client, to_followers(subject))
    assert grace.json("/mailbox")["unread"] == 1
    answer = grace.request("DELETE", path(subject, follow=True))
    assert answer.get_json()["following"] is False


@pytest.mark.parametrize(
    "subject",
    ["story/" + "i" * 129, "t" * 101 + "/1", "story/a\nb", "st\x00ry/1", "story/\x7f"],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_no_subject_can_be_called_is_not_there(grace: Caller, subject: str) -> None:
    for method, address in (
        ("GET", path(subject)),
        ("PUT", path(subject, follow=True)),
        ("DELETE", path(subject, follow=True)),
    ):
        answer = grace.request(method, address)
        assert answer.status_code == 404, (method, address)
        assert json.loads(answer.get_data())["status"] == 404


def statements(world: World, audiences: list[Audience]) -> int:
    """How many statements it takes to say who of them is told, and to store it."""
    count = 0

    def note(*_: object) -> None:
        nonlocal count
        count += 1

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        told = [each for one in resolve(audiences) for each in one.drafts]
        world.deliver(*told)
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    return count


def test_no_person_costs_a_query(world: World) -> None:
    """Grouped, followed, muted, assigned: all of it is asked for the batch as a whole."""

    def audience(event_id: str, people: int) -> Audience:
        told: Json = {
            "subject": {"type": "story", "id": event_id, "title": "T"},
            "source": "/s",
            "event_id": event_id,
            "reason": "assigned",
            "group_key": "g",
        }
        drafts = [draft(f"user-{number:03}", **told) for number in range(people)]
        return Audience(drafts, {f"story/{event_id}": draft("", **told)})

    with world.app.app_context():
        for number in range(100):
            set_preferences(f"user-{number:03}", ["other"], ["story/none"])
        statements(world, [audience("first", 100)])
        few = statements(world, [audience("few", 2)])
        many = statements(world, [audience(f"many-{n}", 100) for n in range(3)])
    assert few < 20
    assert many == few


def test_two_thousand_followers_are_told_in_one_batch(
    world: World, redis_client: redis.Redis
) -> None:
    people = [f"user-{number:04}" for number in range(FOLLOWERS)]
    with world.app.app_context():
        with db.engine.begin() as connection:
            follows = db.metadata.tables["follows"].insert()
            connection.execute(follows, [{"subject": "s/1", "user_id": user} for user in people])
        set_preferences("user-0007", ["notification.requested"], None)
        set_preferences("user-1999", None, ["s/1"])
        follow("late", "s/1")
        turns: list[int] = []

        def store(drafts: Sequence[Draft]) -> Stored:
            turns.append(len(drafts))
            return consuming.store(drafts)

        consuming.send(
            redis_client, to_followers("s/1", subject={"type": "s", "id": "1"}, group_key="g")
        )
        consuming.finish(consuming.consumer(redis_client, deliver=store))
    assert turns == [FOLLOWERS - 1]
    assert world.mailbox("user-0000") == world.mailbox("user-1998") == world.mailbox("late")
    for user in ("user-0007", "user-1999"):
        assert world.rows(user) == []
