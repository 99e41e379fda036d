"""A dry run says who would be told what, and who not and why; it writes nothing, nowhere."""

from collections.abc import Iterator
from typing import Any

import pytest
import redis
from flask import Flask
from sqlalchemy import func, select

from app.consumer import dry_run
from app.database import reading
from app.extensions import Base
from app.notifications.following import follow
from app.notifications.preferences import set_preferences
from tests.conftest import TokenFor
from tests.consumer.producing import Json, Producer, faults
from tests.support.consuming import consumer, event, finish, told
from tests.support.outage import database_away

STORY = {"id": "42", "title": "Fix login", "url": "/stories/42"}
ADA = {"id": "ada", "name": "Ada"}


@pytest.fixture
def producer(app: Flask, token_for: TokenFor) -> Iterator[Producer]:
    """A backend that may produce; the test runs in the application's context."""
    with app.app_context():
        yield Producer(app, token_for("backend", "events:write"))


def story_event(what: str, **data: Any) -> Json:
    """An event of story 42, by Ada."""
    return event(type=f"story.{what}", data={"story": STORY, "actor": ADA, **data})


def commented(**data: Any) -> Json:
    """Ada commented on story 42."""
    return story_event("commented", comment="Hello!", **data)


def users(outcome: Json) -> list[str]:
    """Who would be told."""
    return [one["user_id"] for one in outcome["told"]]


def why_not(outcome: Json) -> dict[str, str]:
    """Who would not, and why."""
    return {one["user_id"]: one["why"] for one in outcome["not_told"]}


def everything(client: redis.Redis) -> tuple[dict[str, int], list[Any]]:
    """How many rows each table has, and all that is in Redis, but for the counts of requests."""
    with reading() as session:
        counts = {
            name: session.scalar(select(func.count()).select_from(table)) or 0
            for name, table in Base.metadata.tables.items()
        }
    keys = sorted(key for key in client.scan_iter() if not bytes(key).startswith(b"LIMITS:"))
    assert keys
    return counts, [(key, client.dump(key)) for key in keys]


def test_who_would_be_told_what(producer: Producer) -> None:
    posted = story_event("assigned", assignee_id="grace")
    [outcome] = producer.dry_run(posted)
    assert outcome == {
        "id": posted["id"],
        "source": "/tests",
        "type": "story.assigned",
        "problem": None,
        "told_count": 1,
        "told": [
            {
                "user_id": "grace",
                "reason": "assigned",
                "kind": "story.assigned",
                "title": "Ada assigned you “Fix login”",
                "body": "",
                "url": "/stories/42",
                "group_key": None,
            }
        ],
        "not_told_count": 0,
        "not_told": [],
    }


def test_followers_would_be_told(producer: Producer) -> None:
    follow("grace", "story/42")
    follow("ada", "story/42")
    [outcome] = producer.dry_run(commented())
    assert users(outcome) == ["grace"]
    assert outcome["told"][0]["group_key"] == "story:42:comments"
    assert why_not(outcome) == {"ada": "own-action"}


def test_why_everyone_else_would_not(producer: Producer) -> None:
    set_preferences("bob", ["story.commented"], None)
    set_preferences("carol", None, ["story/42"])
    posted = commented(watcher_ids=["ada", "bob", "carol", "grace"], assignee_id="ada")
    [outcome] = producer.dry_run(posted)
    assert users(outcome) == ["grace"]
    assert why_not(outcome) == {"ada": "own-action", "bob": "muted", "carol": "muted"}
    assert (outcome["told_count"], outcome["not_told_count"]) == (1, 3)


def test_who_was_told_before_would_not_be_told_again(
    producer: Producer, redis_client: redis.Redis
) -> None:
    """Also of what joined a group; and a recipient who is new to the event would be."""
    posted = commented(watcher_ids=["grace"])
    producer.accepted([posted, again := commented(watcher_ids=["grace"])])
    finish(consumer(redis_client))
    for each in (posted, again):
        each["data"]["watcher_ids"] = ["grace", "bob"]
        [outcome] = producer.dry_run(each)
        assert (users(outcome), why_not(outcome)) == (["bob"], {"grace": "duplicate"})
        [other] = producer.dry_run({**each, "source": "/elsewhere"})
        assert users(other) == ["bob", "grace"]


def test_the_same_event_twice_in_a_batch_would_be_told_once(producer: Producer) -> None:
    posted = event("grace", "ada")
    distant = [event("bob") for _ in range(dry_run.EVENTS_AT_A_TIME)]
    first, *_, second = producer.dry_run([posted, *distant, posted])
    assert (users(first), why_not(first)) == (["ada", "grace"], {})
    assert (users(second), why_not(second)) == ([], {"ada": "duplicate", "grace": "duplicate"})


def test_an_unknown_type_is_part_of_the_report(producer: Producer) -> None:
    unknown, known = producer.dry_run([event(type="story.deleted"), event("grace")])
    assert (unknown["problem"], unknown["told"], unknown["not_told"]) == ("unknown-type", [], [])
    assert (known["problem"], users(known)) == (None, ["grace"])
    [single] = producer.dry_run(event(type="story.deleted"))
    assert single["problem"] == "unknown-type"


def test_any_other_fault_is_refused_as_without_it(producer: Producer) -> None:
    answer = producer.post([event(), event(data={})], dry_run="true")
    assert set(faults(answer)) == {"body.1.data.recipients", "body.1.data.title"}
    assert producer.post([], dry_run="true").status_code == 422


def test_nothing_is_written_anywhere(producer: Producer, redis_client: redis.Redis) -> None:
    producer.accepted(event("grace"))
    finish(consumer(redis_client))
    before = everything(redis_client)
    posted = story_event("assigned", assignee_id="grace", mentioned_ids=["bob"])
    producer.dry_run([posted, commented(watcher_ids=["grace"]), event(type="x")])
    assert everything(redis_client) == before


def test_what_it_says_is_what_then_happens(producer: Producer, redis_client: redis.Redis) -> None:
    set_preferences("bob", ["story.commented"], None)
    follow("carol", "story/42")
    old = event("grace")
    producer.accepted(old)
    finish(consumer(redis_client))
    people = ["ada", "bob", "carol", "grace"]
    before = {each: told(each) for each in people}
    posted = [
        commented(watcher_ids=people),
        old,
        story_event("completed", watcher_ids=["bob"], assignee_id="grace"),
        event("ada", "bob"),
    ]
    promised = {each: list(before[each]) for each in people}
    for outcome in producer.dry_run(posted):
        for user in users(outcome):
            promised[user].append(outcome["id"])
    producer.accepted(posted)
    finish(consumer(redis_client))
    assert {each: told(each) for each in people} == promised


def test_a_report_names_so_many_people_and_counts_all(
    producer: Producer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dry_run, "MAX_PEOPLE", 3)
    outcomes = producer.dry_run([event("ada", "bob"), event("carol", "dan"), event("grace")])
    assert [users(each) for each in outcomes] == [["ada", "bob"], ["carol"], []]
    assert [each["told_count"] for each in outcomes] == [2, 2, 1]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_without_the_database_it_says_so(producer: Producer, environment: dict[str, str]) -> None:
    with database_away(environment["DATABASE_URL"]):
        answer = producer.post(event(), dry_run="true")
    assert answer.status_code == 503
    assert answer.get_json()["type"] == "urn:tidings:problem:database-unavailable"
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_it_needs_no_redis(environment: dict[str, str], request: pytest.FixtureRequest) -> None:
    environment["REDIS_URL"] = "unix:///nonexistent"
    producer: Producer = request.getfixturevalue("producer")
    assert users(producer.dry_run(event("grace"))[0]) == ["grace"]
