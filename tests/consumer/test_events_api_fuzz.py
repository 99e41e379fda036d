"""Whatever is posted is answered; and what is accepted no consumer parks."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.extensions import db
from tests.conftest import TokenFor
from tests.consumer.producing import BATCH, JSON, ONE, Json, Producer, entries
from tests.support.consuming import consumer, dead_letters, event, finish

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

MANY = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

# Lone surrogates too: json.dumps() writes them as escapes.
TEXT = st.text(st.characters(), max_size=20)
NASTY: st.SearchStrategy[Any] = st.sampled_from(
    ["", "\0", "\ud800", "\x7f", "\u2028", "grace", "a/b", "x" * 300, "story.assigned",
     0, -1, 1.5, 2**63, 10**400, float("nan"), float("inf"), True, None, [], {}, [[]], {"": {}}]
)  # fmt: skip
VALUE = st.recursive(
    NASTY | TEXT | st.floats() | st.integers(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=10,
)

SPOTS = (
    *(("specversion",), ("id",), ("source",), ("type",), ("time",), ("subject",), ("extension",)),
    *(("datacontenttype",), ("data",), ("data", "recipients"), ("data", "title")),
    *(("data", "data"), ("data", "actor"), ("data", "subject"), ("data", "url"), ("data", "kind")),
    *(("data", "group_key"), ("data", "story"), ("data", "assignee_id"), ("data", "comment")),
    *(("data", "watcher_ids"), ("data", "mentioned_ids"), ("data", "actor", "id")),
    *(("data", "subject", "id"), ("data", "story", "title"), ("data", "story", "id")),
)

STARTS = (
    event("grace", id="requested"),
    event(
        type="notification.requested",
        data={
            "recipients": {"followers_of": "story/1"},
            "title": "t",
            "actor": {"id": "ada"},
            "subject": {"type": "story", "id": "1"},
        },
    ),
    event(
        type="story.commented",
        data={
            "story": {"id": "1", "title": "One"},
            "comment": "Hello!",
            "actor": {"id": "ada"},
            "watcher_ids": ["grace"],
        },
    ),
    event(type="story.assigned", data={"story": {"id": "1"}, "assignee_id": "grace"}),
)


def changed(start: Json, changes: list[tuple[tuple[str, ...], Any]]) -> Json:
    """The event, with something else in some places."""
    copy: Json = json.loads(json.dumps(start))
    for spot, value in changes:
        place = copy
        for name in spot[:-1]:
            inner = place.get(name)
            place = inner if isinstance(inner, dict) else {}
        place[spot[-1]] = value
    return copy


ONE_EVENT = st.builds(
    changed,
    st.sampled_from(STARTS),
    st.lists(st.tuples(st.sampled_from(SPOTS), VALUE), max_size=2),
)
EVENTS = ONE_EVENT | st.lists(ONE_EVENT | VALUE, max_size=4)


@pytest.fixture
def producer(app: Flask, token_for: TokenFor) -> Iterator[Producer]:
    """A backend that may produce; an error that nobody expected is a 500 here, as it would be."""
    app.testing = False
    with app.app_context():
        yield Producer(app, token_for("backend", "events:write"))


def post(producer: Producer, client: redis.Redis, body: bytes, **options: str) -> int:
    """Post it; the status, which is one of the documented. Refused, it leaves nothing."""
    before = entries(client)
    answer = producer.send(body, **options)
    assert answer.status_code in (200, 202, 400, 413, 415, 422), answer.get_data(as_text=True)
    if answer.status_code >= 400:
        assert answer.content_type == "application/problem+json"
        assert answer.get_json()["status"] == answer.status_code
    if answer.status_code != 202:
        assert entries(client) == before
    return answer.status_code


@MANY
@given(events=EVENTS, dry=st.booleans())
def test_what_is_accepted_no_consumer_parks(
    producer: Producer, redis_client: redis.Redis, events: Any, dry: bool
) -> None:
    body = json.dumps(events).encode()
    status = post(producer, redis_client, body, dry_run="true" if dry else "false")
    if status == 202:
        finish(consumer(redis_client))
        assert dead_letters(redis_client) == []
    db.session.remove()


@MANY
@given(
    body=st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode())
    | VALUE.map(lambda value: json.dumps(value).encode()),
    content_type=st.sampled_from([JSON, ONE, BATCH, f"{JSON}; charset=x", "a/b", ""]),
    dry_run=st.sampled_from(["true", "false", "", "\0"]),
)  # fmt: skip
def test_whatever_is_sent_is_answered(
    producer: Producer, redis_client: redis.Redis, body: bytes, content_type: str, dry_run: str
) -> None:
    post(producer, redis_client, body, content_type=content_type, dry_run=dry_run)
