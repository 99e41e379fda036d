"""POST /events while Redis is away, full, hung or in disorder: 503, and a retry is safe."""

import json
import signal

import pytest
import redis
from flask import Flask
from werkzeug.test import TestResponse

import app as application
from app.ops.embedded import EmbeddedRedis
from tests.conftest import StartRedis, TokenFor
from tests.consumer.producing import Producer, events_on
from tests.support.consuming import STREAM, consumer, event, finish, told
from tests.support.waiting import wait_for

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def server(start_redis: StartRedis, environment: dict[str, str]) -> EmbeddedRedis:
    """A Redis of this test's own, which the application takes."""
    server = start_redis()
    environment["REDIS_URL"] = f"redis://127.0.0.1:{server.port}/0"
    return server


@pytest.fixture
def look(server: EmbeddedRedis) -> redis.Redis:
    """A look at it from outside."""
    return redis.Redis(port=server.port)


@pytest.fixture
def producer(
    server: EmbeddedRedis,
    monkeypatch: pytest.MonkeyPatch,
    token_for: TokenFor,
    request: pytest.FixtureRequest,
) -> Producer:
    """A backend that may produce, and need not wait for long."""
    monkeypatch.setattr(application, "REQUEST_REDIS_TIMEOUT_SECONDS", 0.3)
    app: Flask = request.getfixturevalue("app")
    return Producer(app, token_for("backend", "events:write"))


def assert_unavailable(answer: TestResponse) -> str:
    """It is a 503 as it should be; its detail."""
    problem = answer.get_json()
    assert answer.status_code == problem["status"] == 503
    assert answer.content_type == "application/problem+json"
    assert problem["type"] == "urn:tidings:problem:service-unavailable"
    assert int(answer.headers["Retry-After"]) > 0
    detail: str = problem["detail"]
    return detail


@SQLITE
def test_while_redis_is_away_nothing_is_accepted_and_then_it_is(
    producer: Producer, server: EmbeddedRedis, look: redis.Redis
) -> None:
    server.stop()
    assert "Send them again" in assert_unavailable(producer.post([event(), event()]))
    server.start()
    assert events_on(look) == []
    posted = [event(), event()]
    producer.accepted(posted)
    assert events_on(look) == posted


@SQLITE
def test_a_full_redis_takes_all_of_a_batch_or_nothing(
    producer: Producer, look: redis.Redis
) -> None:
    """However much of the batch there would be room for."""
    padded = [event(padding="x" * 20_000) for _ in range(40)]
    producer.accepted(event())
    used = look.info("memory")["used_memory"]
    refused = 0
    for room in range(100_000, 10_000_000, 100_000):
        look.config_set("maxmemory", used + room)
        before = look.xinfo_stream(STREAM)["last-generated-id"], events_on(look)
        answer = producer.post(padded)
        if answer.status_code == 202:
            break
        refused += 1
        assert "nothing was accepted" in assert_unavailable(answer)
        # No consumer has seen any of it, either.
        assert (look.xinfo_stream(STREAM)["last-generated-id"], events_on(look)) == before
    assert refused > 2
    look.config_set("maxmemory", 0)
    assert len(producer.accepted(padded)) == len(padded)


@SQLITE
def test_a_key_that_is_no_stream_is_refused_as_a_whole(
    producer: Producer, look: redis.Redis
) -> None:
    look.set(STREAM, "somebody else's")
    assert "nothing was accepted" in assert_unavailable(producer.post([event(), event()]))
    assert look.get(STREAM) == b"somebody else's"


@SQLITE
def test_what_was_written_before_redis_refused_the_rest_is_taken_back(
    producer: Producer, look: redis.Redis
) -> None:
    """EXEC does not roll back. This stream has one id left, and two events come."""
    look.xadd(STREAM, {"event": json.dumps(event(id="first"))}, id=f"{2**64 - 1}-{2**64 - 2}")
    assert "nothing was accepted" in assert_unavailable(producer.post([event(), event()]))
    assert [each["id"] for each in events_on(look)] == ["first"]


@SQLITE
def test_a_redis_that_takes_no_writes_takes_nothing(
    producer: Producer, look: redis.Redis, start_redis: StartRedis
) -> None:
    """A primary that became a replica."""
    look.replicaof("127.0.0.1", start_redis().port)
    assert "nothing was accepted" in assert_unavailable(producer.post([event(), event()]))


def test_a_retry_after_a_time_out_tells_everybody_once(
    producer: Producer, server: EmbeddedRedis, look: redis.Redis
) -> None:
    """Redis hangs with the batch in its socket, and works it off later: the 503 was too early."""
    producer.accepted(event("ada"))  # over a connection that then stays open
    posted = [event("grace") for _ in range(3)]
    assert server.process is not None
    server.process.send_signal(signal.SIGSTOP)
    try:
        assert "Send them again" in assert_unavailable(producer.post(posted))
    finally:
        server.process.send_signal(signal.SIGCONT)
    wait_for(lambda: len(events_on(look)) == 1 + len(posted), what="what was not accepted")
    producer.accepted(posted)
    assert len(events_on(look)) == 1 + 2 * len(posted)
    with producer.app.app_context():
        finish(consumer(look))
        assert told("grace") == [each["id"] for each in posted]
