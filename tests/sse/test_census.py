"""The census writes what is so, and all of it again when Redis has forgotten."""

from collections.abc import Callable, Iterator

import gevent
import pytest
import redis

from app.sse import census as census_module
from app.sse.census import Census
from app.sse.client import Client
from app.sse.hub import Hub
from app.sse.presence import STREAMS_PREFIX, WORKERS, Presence
from app.sse.stream import no_room
from tests.sse.parts import Channels, new_client, new_hub

USERS = [f"user-{number}" for number in range(300)]


def wait_until(condition: Callable[[], bool]) -> None:
    with gevent.Timeout(10):
        while not condition():
            gevent.sleep(0.01)


@pytest.fixture
def census(redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> Iterator[Census]:
    """A census that looks often after its worker, and next to never after one user."""
    monkeypatch.setattr(census_module, "BEAT_SECONDS", 0.1)
    monkeypatch.setattr(census_module, "BEATS_OF_A_ROUND", 10**9)
    census = Census(Presence(redis_client), 2, no_room)
    yield census
    census.stop()


def joined(hub: Hub, user_id: str) -> Client:
    client = new_client(user_id)
    assert hub.join(client)
    return client


def test_everything_is_written_anew_at_once_when_redis_has_forgotten(
    census: Census, redis_client: redis.Redis
) -> None:
    hub = new_hub(Channels(), 1_000, 10, census=census)
    for user in USERS:
        joined(hub, user)
    census.start(hub)
    everybody = dict.fromkeys(USERS, 1)
    wait_until(lambda: Presence(redis_client).streams_of(USERS) == everybody)
    [name] = redis_client.hkeys(STREAMS_PREFIX + USERS[0])
    redis_client.flushdb()
    wait_until(lambda: Presence(redis_client).streams_of(USERS) == everybody)
    # Under another name: the old one is dead, as some may have been told already.
    _, dead = Presence(redis_client).beat("somebody", "begin")
    assert name in dead
    census.stop()
    assert set(Presence(redis_client).streams_of(USERS).values()) == {0}


def test_the_first_are_let_in_and_the_rest_are_told(
    census: Census, redis_client: redis.Redis
) -> None:
    hub = new_hub(Channels(), 1_000, 10, census=census)
    clients = [joined(hub, "ada") for _ in range(4)]
    assert not any(client.admitted for client in clients)
    census.start(hub)
    wait_until(lambda: all(client.admitted or client.barred for client in clients))
    assert [client.admitted for client in clients] == [True, True, False, False]
    hub.leave(clients[0])
    late = joined(hub, "ada")
    wait_until(lambda: late.admitted)


def test_what_a_dead_worker_left_is_taken_away_in_passing(
    census: Census, redis_client: redis.Redis
) -> None:
    redis_client.zadd(WORKERS, {"dead": redis_client.time()[0] - 1_000})
    redis_client.hset(STREAMS_PREFIX + "ada", "dead", "2")
    hub = new_hub(Channels(), 1_000, 10, census=census)
    client = joined(hub, "ada")
    census.start(hub)
    wait_until(lambda: client.admitted or client.barred)
    assert client.admitted
    assert not redis_client.hexists(STREAMS_PREFIX + "ada", "dead")
