"""From POST /events to the people: told once, on both databases, over real processes."""

import json
from collections.abc import Iterator

import httpx
import pytest
import redis
from flask import Flask

from app.consumer.routes import MAX_POST_BYTES
from tests.conftest import StartConsumer, TokenFor
from tests.consumer.producing import BATCH, JSON, Producer
from tests.support.consuming import STREAM, consumer, dead_letters, event, finish, told
from tests.support.processes import WebServer


@pytest.fixture
def producer(app: Flask, token_for: TokenFor) -> Producer:
    """A backend that may produce."""
    return Producer(app, token_for("backend", "events:write"))


def test_a_posted_batch_is_told_in_its_order(producer: Producer, redis_client: redis.Redis) -> None:
    posted = [event("grace"), event("ada", "grace"), event("ada")]
    producer.accepted(posted, BATCH)
    with producer.app.app_context():
        finish(consumer(redis_client))
        assert told("grace") == [posted[0]["id"], posted[1]["id"]]
        assert told("ada") == [posted[1]["id"], posted[2]["id"]]
    assert dead_letters(redis_client) == []


def test_what_is_posted_twice_is_told_once(producer: Producer, redis_client: redis.Redis) -> None:
    first, second = event("grace"), event("grace")
    assert len(producer.accepted([first, second, first])) == 3
    producer.accepted(first)
    with producer.app.app_context():
        finish(consumer(redis_client))
        producer.accepted([second, first])
        finish(consumer(redis_client))
        assert told("grace") == [first["id"], second["id"]]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_over_a_real_server_to_an_open_stream(
    web: WebServer, start_consumer: StartConsumer, token_for: TokenFor
) -> None:
    start_consumer()
    posted = [event("grace"), event("ada", "grace")]
    with (
        web.stream(token_for("grace")) as stream,
        web.http(token_for("backend", "events:write")) as http,
    ):
        stream.wait_for_frames(1)
        answer = http.post(
            "/api/v1/events", content=json.dumps(posted), headers={"Content-Type": BATCH}
        )
        assert (answer.status_code, answer.json()["accepted"]) == (202, 2)
        _, *told_of = stream.wait_for_frames(3)
        assert [frame.json()["title"] for frame in told_of] == [each["id"] for each in posted]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_body_without_an_end_is_cut_off_by_a_real_server(
    web: WebServer, token_for: TokenFor, redis_client: redis.Redis
) -> None:
    def chunks(size: int) -> Iterator[bytes]:
        yield json.dumps([event()]).encode().ljust(size)

    def post(size: int) -> int:
        with web.http(token_for("backend", "events:write")) as http:
            headers = {"Content-Type": JSON}
            answer: httpx.Response = http.post(
                "/api/v1/events", content=chunks(size), headers=headers
            )
            return answer.status_code

    assert post(MAX_POST_BYTES + 1) == 413
    assert redis_client.xlen(STREAM) == 0
    assert post(MAX_POST_BYTES - 1) == 202
