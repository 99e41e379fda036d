"""The story board: what it keeps, what it tells Tidings, whom it lets in."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from flask import Flask
from werkzeug.test import TestResponse

from app import create_app
from app.board.events import story_event
from app.board.people import mentioned_in
from app.board.store import StoryStore, connect
from app.board.story import Story
from app.consumer.envelope import Event, decode
from app.consumer.handlers import audience_of
from app.errors import ServiceUnavailable
from tests.support.databases import SqliteDatabases
from tests.support.processes import free_port

STORY = "42"
Call = Callable[..., TestResponse]


@pytest.fixture
def database_url(sqlite_databases: SqliteDatabases, tmp_path: Path) -> Iterator[str]:
    """The board never looks into Tidings' database; whoever calls it is looked up there."""
    with sqlite_databases.fresh(tmp_path) as url:
        yield url


@pytest.fixture
def ada(app: Flask) -> Call:
    """Calls the board's API as Ada: `ada("POST", "/stories/42/assign", {"assignee": "grace"})`."""
    client = app.test_client()
    token = client.post("/board/api/login", json={"user": "ada"}).get_json()["token"]

    def call(method: str, path: str, body: Any = None) -> TestResponse:
        return client.open(
            f"/board/api{path}",
            method=method,
            json=body,
            headers={"Authorization": f"Bearer {token}"},
        )

    return call


def entries(redis_client: redis.Redis) -> list[dict[bytes, bytes]]:
    """The fields of every entry on the stream."""
    found: Any = redis_client.xrange("events")
    return [fields for _, fields in found]


def written(redis_client: redis.Redis) -> list[Event]:
    """Every event on the stream, as the consumer reads it."""
    return [decode(fields) for fields in entries(redis_client)]


def told(event: Event) -> dict[str, str]:
    """Who is told of an event, and why."""
    return {draft.user_id: draft.reason for draft in audience_of(event).drafts}


def story_of(ada: Call) -> dict[str, Any]:
    stories = ada("GET", "/stories").get_json()["stories"]
    return next(story for story in stories if story["id"] == STORY)


def test_assigning_writes_exactly_one_valid_event(ada: Call, redis_client: redis.Redis) -> None:
    answer = ada("POST", f"/stories/{STORY}/assign", {"assignee": "grace"})

    assert answer.status_code == 200
    assert answer.get_json()["story"]["assignee"] == {"id": "grace", "name": "Grace"}
    [event] = written(redis_client)
    assert event.type == "story.assigned"
    assert event.data["actor"] == {"id": "ada", "name": "Ada"}
    assert event.data["assignee_id"] == "grace"
    assert event.data["story"] == {
        "id": STORY,
        "title": "Sign in with a passkey",
        "url": f"/inbox?story={STORY}",
    }
    assert told(event) == {"grace": "assigned"}


def test_an_entry_has_the_one_field_event(ada: Call, redis_client: redis.Redis) -> None:
    ada("POST", f"/stories/{STORY}/complete")

    [fields] = entries(redis_client)
    assert list(fields) == [b"event"]


def test_what_changes_nothing_tells_nothing(ada: Call, redis_client: redis.Redis) -> None:
    for _ in range(2):
        assert ada("POST", f"/stories/{STORY}/assign", {"assignee": "grace"}).status_code == 200
    for _ in range(2):
        assert ada("POST", f"/stories/{STORY}/complete").status_code == 200
    for _ in range(2):
        assert ada("POST", f"/stories/{STORY}/reopen").status_code == 200

    types = [event.type for event in written(redis_client)]
    assert types == ["story.assigned", "story.completed", "story.updated"]


def test_a_comment_is_kept_and_tells_whom_it_mentions(ada: Call, redis_client: redis.Redis) -> None:
    text = "Can you look at this, @grace?"
    ada("POST", f"/stories/{STORY}/comment", {"text": f"  {text} "})

    [comment] = story_of(ada)["comments"]
    assert (comment["author"]["id"], comment["text"]) == ("ada", text)
    [event] = written(redis_client)
    assert event.data["mentioned_ids"] == ["grace"]
    assert event.data["comment"] == text
    assert told(event) == {"grace": "mentioned"}


def test_everybody_who_touched_a_story_watches_it(ada: Call, redis_client: redis.Redis) -> None:
    ada("POST", f"/stories/{STORY}/comment", {"text": "I have an idea"})
    ada("POST", f"/stories/{STORY}/assign", {"assignee": "grace"})
    ada("POST", f"/stories/{STORY}/assign", {"assignee": "linus"})

    last = written(redis_client)[-1]
    assert last.data["watcher_ids"] == ["ada", "grace", "linus"]
    assert told(last) == {"grace": "following", "linus": "assigned"}


@pytest.mark.parametrize(
    ("text", "mentioned"),
    [
        ("@grace and @linus", ["grace", "linus"]),
        ("@Grace, @grace!", ["grace"]),
        ("(@ada)", ["ada"]),
        ("nobody@grace.example", []),
        ("@gracehopper @eve", []),
        ("@@grace", []),
        ("", []),
    ],
)
def test_mentions(text: str, mentioned: list[str]) -> None:
    assert mentioned_in(text) == mentioned


def test_login_refuses_who_is_not_of_the_demo(app: Flask) -> None:
    answer = app.test_client().post("/board/api/login", json={"user": "eve"})

    assert answer.status_code == 422
    assert answer.content_type == "application/problem+json"
    assert answer.get_json()["errors"][0]["loc"] == ["body", "user"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (f"/stories/{STORY}/assign", {"assignee": "eve"}),
        (f"/stories/{STORY}/assign", {"assignee": "grace", "actor": "linus"}),
        (f"/stories/{STORY}/assign", {}),
        (f"/stories/{STORY}/assign", ["grace"]),
        (f"/stories/{STORY}/comment", {"text": "   "}),
        (f"/stories/{STORY}/comment", {"text": "x" * 2001}),
        (f"/stories/{STORY}/comment", {"text": "a\0b"}),
        (f"/stories/{STORY}/comment", {"text": 7}),
        ("/burst", {}),
        ("/burst", {"to": "eve"}),
        ("/burst", {"to": "grace", "count": 51}),
        ("/burst", {"to": "grace", "count": 0}),
        ("/burst", {"to": "grace", "count": "50"}),
        ("/burst", {"to": "grace", "actor": "linus"}),
    ],
)
def test_bad_input_is_a_problem_and_writes_nothing(
    ada: Call, redis_client: redis.Redis, path: str, body: Any
) -> None:
    answer = ada("POST", path, body)

    assert answer.status_code == 422
    assert answer.content_type == "application/problem+json"
    assert answer.get_json()["errors"]
    assert written(redis_client) == []


def test_a_burst_is_fifty_valid_events_that_are_told_apart(
    ada: Call, redis_client: redis.Redis
) -> None:
    answer = ada("POST", "/burst", {"to": "grace"})

    sent = answer.get_json()
    assert (answer.status_code, sent["sent"]) == (200, 50)
    events = written(redis_client)
    assert [told(event) for event in events] == [{"grace": "requested"}] * 50
    assert [event.data["data"]["number"] for event in events] == list(range(1, 51))
    assert {event.data["data"]["of"] for event in events} == {50}
    assert {event.data["data"]["burst"] for event in events} == {sent["burst"]}
    assert len({event.id for event in events}) == 50


def test_a_burst_to_oneself_is_told_too(ada: Call, redis_client: redis.Redis) -> None:
    ada("POST", "/burst", {"to": "ada", "count": 2})

    assert [told(event) for event in written(redis_client)] == [{"ada": "requested"}] * 2


def test_an_unknown_story_is_not_found(ada: Call, redis_client: redis.Redis) -> None:
    assert ada("POST", "/stories/7/assign", {"assignee": "grace"}).status_code == 404
    assert written(redis_client) == []


def test_the_board_is_for_who_is_signed_in(app: Flask) -> None:
    client = app.test_client()
    assert client.get("/board/api/stories").status_code == 401
    assert client.post(f"/board/api/stories/{STORY}/complete").status_code == 401
    assert client.post("/board/api/burst", json={"to": "grace"}).status_code == 401


def test_a_change_made_meanwhile_is_not_lost(
    environment: dict[str, str], redis_client: redis.Redis
) -> None:
    url, stream = environment["REDIS_URL"], environment["EVENT_STREAM"]
    store, other = (StoryStore(connect(url), stream) for _ in range(2))

    def comment(text: str) -> Callable[[Story], tuple[Story, dict[str, Any]]]:
        def act(story: Story) -> tuple[Story, dict[str, Any]]:
            return story.commented("ada", text), story_event("commented", story, "ada", (), text)

        return act

    def slowly(story: Story) -> tuple[Story, dict[str, Any]]:
        if not story.comments:
            other.change(STORY, comment("first"))
        return comment("second")(story)

    left = store.change(STORY, slowly)

    assert [each.text for each in left.comments] == ["first", "second"]
    assert [event.data["comment"] for event in written(redis_client)] == ["first", "second"]


def test_without_redis_the_board_says_so() -> None:
    store = StoryStore(connect(f"redis://127.0.0.1:{free_port()}/0"), "events")

    with pytest.raises(ServiceUnavailable):
        store.all()


def test_there_is_no_demo_in_production(environment: dict[str, str]) -> None:
    client = create_app({**environment, "APP_ENV": "production"}).test_client()

    for path in ("/", "/inbox", "/board/api/people", "/static/demo/base.css"):
        assert client.get(path).status_code == 404
    assert client.post("/board/api/login", json={"user": "ada"}).status_code == 404
    assert client.post("/board/api/burst", json={"to": "ada"}).status_code == 404


def test_the_pages_run_no_foreign_code(app: Flask) -> None:
    for path in ("/", "/inbox?as=ada"):
        answer = app.test_client().get(path)
        assert answer.status_code == 200
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
        assert "<style" not in answer.text
        assert "style=" not in answer.text
        assert " onclick" not in answer.text
