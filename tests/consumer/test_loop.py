"""`flask consumer run` as a real process: told to stop, left alone by its services, shared out."""

import re
import signal
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
import redis
from click.testing import Result
from flask import Flask
from pydantic import BaseModel

from app.consumer import consumer as consumer_module
from app.consumer.consumer import MOST_FAILURES
from app.consumer.envelope import Event
from app.consumer.loop import StopFlag
from app.consumer.registry import handles
from app.notifications.draft import Draft
from app.notifications.mailboxes import last_seqs
from app.ops.embedded import EmbeddedRedis
from tests.conftest import StartConsumer, StartRedis
from tests.support.consuming import (
    GROUP,
    STREAM,
    dead_letters,
    event,
    pending,
    send,
    send_fields,
    told,
)
from tests.support.databases import PostgresServer
from tests.support.outage import database_away
from tests.support.processes import ConsumerProcess, free_port
from tests.support.waiting import wait_for

on_one_database = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

WAITING, WORKING = "waiting, and trying again", "working again"


def arrives(user_id: str, *event_ids: str) -> None:
    """Wait until the user is told of these events, and of nothing else before them."""
    wait_for(lambda: last_seqs([user_id]).get(user_id, 0) >= len(event_ids), what=str(event_ids))
    assert told(user_id) == list(event_ids)


def says(process: ConsumerProcess, text: str, count: int = 1) -> None:
    """Wait until it has logged `text` so often."""
    wait_for(lambda: times(process, text) >= count, what=f"{text!r}, {count} times")


def times(process: ConsumerProcess, text: str) -> int:
    return process.output().count(text)


@pytest.fixture
def own_redis(start_redis: StartRedis, environment: dict[str, str]) -> EmbeddedRedis:
    """A Redis of the test's own, which the consumers and the application use."""
    server = start_redis("--appendfsync", "always")
    environment["REDIS_URL"] = f"redis://127.0.0.1:{server.port}/0"
    return server


@pytest.fixture
def own_client(own_redis: EmbeddedRedis) -> Iterator[redis.Redis]:
    """A client of that Redis."""
    with redis.Redis(port=own_redis.port) as client:
        yield client


def crash(server: EmbeddedRedis) -> None:
    assert server.process is not None
    server.process.kill()
    server.process.wait()


def hang_up(port: int, attempts: int) -> None:
    """Be no Redis: hang up on those who connect to `port`, so often."""
    with socket.create_server(("127.0.0.1", port)) as server:
        server.settimeout(10)
        for _ in range(attempts):
            server.accept()[0].close()


@on_one_database
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.usefixtures("in_app")
def test_a_signal_stops_it_between_two_batches(
    redis_client: redis.Redis, start_consumer: StartConsumer, signum: signal.Signals
) -> None:
    events = [event() for _ in range(3_000)]
    send(redis_client, *events)
    process = start_consumer("--batch", "10")
    wait_for(lambda: last_seqs(["grace"]))
    process.send(signum)
    assert process.wait() == 0
    assert "Traceback" not in process.output()
    done = told("grace")
    assert 0 < len(done) < len(events), "it was not stopped in the middle"
    assert len(done) % 10 == 0
    assert done == [sent["id"] for sent in events[: len(done)]]
    # Nothing is in its hands, and it has left the group; the rest is for the next one.
    assert pending(redis_client) == []
    assert redis_client.xinfo_consumers(STREAM, GROUP) == []
    groups: Any = redis_client.xinfo_groups(STREAM)
    last = groups[0]["last-delivered-id"].decode()
    waiting: Any = redis_client.xrange(STREAM, min=f"({last}")
    assert len(waiting) == len(events) - len(done)


@pytest.fixture
def burst(app: Flask, in_app: None, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Result]:
    """Runs `flask consumer run --burst`, in this process, to its end."""
    monkeypatch.setattr(StopFlag, "listen", lambda _self: None)
    return lambda: app.test_cli_runner().invoke(args=["consumer", "run", "--burst", "--batch=7"])


@on_one_database
def test_a_burst_ends_when_the_stream_is_empty_or_not_even_there(
    burst: Callable[[], Result], redis_client: redis.Redis
) -> None:
    assert burst().exit_code == 0
    send_fields(redis_client, {b"event": b"not JSON"})
    events = [event() for _ in range(30)]
    send(redis_client, *events)
    for _ in range(2):
        assert burst().exit_code == 0
        assert told("grace") == [sent["id"] for sent in events]
        assert len(dead_letters(redis_client)) == 1
        assert pending(redis_client) == []


class NoData(BaseModel):
    """The data of an event whose handler needs none."""


@on_one_database
def test_a_burst_waits_for_the_last_try_of_an_event_whose_handler_fails(
    burst: Callable[[], Result],
    redis_client: redis.Redis,
    own_handlers: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[str] = []

    @handles("test.fails", NoData)
    def fails_once(event: Event, data: NoData) -> Iterable[Draft]:
        calls.append(event.id)
        if event.id == "poison" or calls.count(event.id) == 1:
            raise RuntimeError("not yet")
        yield Draft(user_id="grace", kind=event.type, reason="requested", title=event.id)

    monkeypatch.setattr(consumer_module, "RETRY_AFTER_SECONDS", (0.2, 0.4))
    send(redis_client, *(event(id=name, type="test.fails") for name in ("poison", "later")))
    send(redis_client, event(id="now"))
    assert burst().exit_code == 0
    assert told("grace") == ["now", "later"]
    assert calls.count("poison") == MOST_FAILURES
    assert len(dead_letters(redis_client)) == 1
    assert pending(redis_client) == []


@on_one_database
def test_a_burst_without_redis_fails_with_one_line(
    environment: dict[str, str], request: pytest.FixtureRequest
) -> None:
    environment["REDIS_URL"] = f"redis://:secret@127.0.0.1:{free_port()}/0"
    done = request.getfixturevalue("burst")()
    assert done.exit_code == 1
    [error] = [line for line in done.output.splitlines() if not line.startswith("consuming ")]
    assert error.startswith("Error: Redis does not answer at redis://127.0.0.1:")
    assert "secret" not in done.output


def test_a_burst_without_a_database_fails_with_one_line_and_keeps_the_events(
    burst: Callable[[], Result], redis_client: redis.Redis, database_url: str
) -> None:
    ids = send(redis_client, event())
    with database_away(database_url):
        done = burst()
    assert done.exit_code == 1
    [error] = [line for line in done.output.splitlines() if not line.startswith("consuming ")]
    assert error.startswith("Error: The database does not answer: ")
    assert pending(redis_client) == ids


@on_one_database
def test_entries_whose_reply_was_lost_on_the_way_are_not_left_lying(
    app: Flask, in_app: None, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = redis.Connection.read_response
    lost: list[object] = []

    def lossy(self: redis.Connection, *args: Any, **kwargs: Any) -> object:
        reply = read(self, *args, **kwargs)
        if not lost and "notification.requested" in str(reply):
            lost.append(reply)
            self.disconnect()  # type: ignore[no-untyped-call]
            raise redis.ConnectionError("reset by a proxy")
        return reply

    def done(_self: object) -> bool:
        return time.monotonic() > deadline or len(told("grace")) == 2

    monkeypatch.setattr(redis.Connection, "read_response", lossy)
    monkeypatch.setattr(StopFlag, "listen", lambda _self: None)
    monkeypatch.setattr(StopFlag, "__call__", done)
    send(redis_client, event(id="1"), event(id="2"))
    deadline = time.monotonic() + 10
    result = app.test_cli_runner().invoke(args=["consumer", "run", "--batch=1"])
    assert result.exit_code == 0
    assert lost
    # In order, too: the next entry has waited.
    assert told("grace") == ["1", "2"]


@on_one_database
@pytest.mark.usefixtures("in_app")
def test_a_redis_that_is_not_there_at_start_and_one_that_crashes_are_waited_for(
    own_redis: EmbeddedRedis, own_client: redis.Redis, start_consumer: StartConsumer
) -> None:
    crash(own_redis)
    process = start_consumer()
    for number in range(1, 4):
        says(process, WAITING, number)
        # While it is away the consumer keeps trying, and does not fill the log.
        hang_up(own_redis.port, attempts=3)
        own_redis.start()
        send(own_client, event(id=str(number)))
        arrives("grace", *map(str, range(1, number + 1)))
        says(process, WORKING, number)
        assert times(process, WAITING) == number
        crash(own_redis)
    says(process, WAITING, 4)
    assert process.terminate() == 0
    assert times(process, WORKING) == 3
    assert "Traceback" not in process.output()


@on_one_database
@pytest.mark.usefixtures("in_app")
def test_it_heals_when_the_stream_or_its_group_vanishes(
    redis_client: redis.Redis, start_consumer: StartConsumer
) -> None:
    process = start_consumer()
    send(redis_client, event(id="first"))
    arrives("grace", "first")
    faults: dict[str, Callable[[], object]] = {
        "FLUSHALL": redis_client.flushdb,
        "DEL": lambda: redis_client.delete(STREAM),
        "XGROUP DESTROY": lambda: redis_client.xgroup_destroy(STREAM, GROUP),
    }
    expected = ["first"]
    for name, fault in faults.items():
        fault()
        # At once, before the consumer has made a group again: this must not be skipped.
        send(redis_client, event(id=name))
        expected.append(name)
        arrives("grace", *expected)
    wait_for(lambda: not pending(redis_client))
    assert process.alive
    assert dead_letters(redis_client) == []


@pytest.mark.usefixtures("in_app")
def test_two_consumers_share_the_work_and_each_event_is_told_once(
    redis_client: redis.Redis, start_consumer: StartConsumer
) -> None:
    users = ("ada", "grace", "linus")
    processes = [start_consumer("--batch", "5") for _ in range(2)]
    wait_for(lambda: redis_client.exists(STREAM) and members(redis_client) == 2)
    # Each event is for two people, in crossed orders.
    events = [event(users[n % 3], users[(n + 1 + n % 2) % 3]) for n in range(300)]
    send(redis_client, *events)
    wait_for(lambda: sum(last_seqs(users).values()) == 2 * len(events), 30)
    for process in processes:
        process.send(signal.SIGTERM)
    assert [process.wait() for process in processes] == [0, 0]
    for user in users:
        expected = [sent["id"] for sent in events if user in sent["data"]["recipients"]]
        assert sorted(told(user)) == sorted(expected)
    shares = [
        sum(int(count) for count in re.findall(r"(\d+) events:", process.output()))
        for process in processes
    ]
    assert sum(shares) == len(events)
    assert min(shares) > 0
    assert pending(redis_client) == []


def members(client: redis.Redis) -> int:
    found: Any = client.xinfo_consumers(STREAM, GROUP)
    return len(found)


@on_postgresql
@pytest.mark.usefixtures("in_app")
def test_a_database_that_is_not_there_at_start_and_one_that_restarts_are_waited_for(
    postgres_server: PostgresServer, redis_client: redis.Redis, start_consumer: StartConsumer
) -> None:
    server = postgres_server._server
    server.stop()
    try:
        send(redis_client, event(id="1"))
        process = start_consumer()
        says(process, WAITING)
        server.ensure_postgres_running()
        arrives("grace", "1")
        says(process, WORKING)
        server.stop()
        send(redis_client, event(id="2"))
        says(process, WAITING, 2)
        assert process.alive
    finally:
        server.ensure_postgres_running()
    arrives("grace", "1", "2")
    says(process, WORKING, 2)
    assert process.terminate() == 0
    assert times(process, WAITING) == 2
    assert dead_letters(redis_client) == []
    assert pending(redis_client) == []
