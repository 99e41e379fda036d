"""Who has streams open, across all workers: true soon, whatever happens to workers and Redis."""

import os
import signal

import pytest

from app.sse.presence import STREAMS_PREFIX, WORKERS
from tests.conftest import JWT_SECRET_KEY
from tests.sse.clustered import everywhere, presence, wait_for_presence
from tests.sse.place import Place
from tests.support.tokens import sign_token
from tests.support.waiting import wait_for

one_database = pytest.mark.parametrize("place", ["sqlite"], indirect=True)
PATH = "/api/v1/presence"
ADMIN = sign_token(JWT_SECRET_KEY, "admin", "admin")


def test_it_counts_the_streams_of_all_workers_and_only_those_that_were_asked_about(
    cluster: Place, user: str
) -> None:
    other, nobody = f"{user}:other", f"{user}:nobody"
    with everywhere(cluster, user) as opened, cluster.live(other):
        count = len(opened.streams)
        wait_for_presence(cluster, {user: count, other: 1})
        with cluster.web.http(ADMIN) as api:
            answer = api.get(PATH, params={"user": [nobody, user, nobody]})
        assert (answer.status_code, answer.json()) == (200, {nobody: 0, user: count})
    # They hang up, which is noticed at the next write; and nothing is left of them.
    wait_for_presence(cluster, {user: 0, other: 0})
    wait_for(lambda: not cluster.redis.keys(STREAMS_PREFIX + "*"), what="an empty presence")


@one_database
@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 422),
        ("?user=", 422),
        ("?user=ada&user=a%20b", 422),
        ("?user=ada&users=grace", 422),
        ("?" + "&".join(f"user=u{n}" for n in range(101)), 422),
        ("?" + "&".join(f"user=u{n}" for n in range(100)), 200),
    ],
)
def test_what_it_takes(place: Place, query: str, status: int) -> None:
    with place.web.http(ADMIN) as api:
        answer = api.get(PATH + query)
    assert answer.status_code == status
    if status == 422:
        assert answer.json()["errors"][0]["loc"][0] == "query"


@one_database
def test_it_is_for_administrators(place: Place, user: str) -> None:
    with place.web.http(place.token(user)) as api:
        assert api.get(PATH, params={"user": user}).status_code == 403
    with place.web.http() as api:
        assert api.get(PATH, params={"user": user}).status_code == 401


def test_a_worker_that_is_killed_is_not_counted_for_long_and_leaves_nothing(
    cluster: Place, user: str
) -> None:
    with everywhere(cluster, user) as opened:
        wait_for_presence(cluster, {user: len(opened.streams)})
        known = set(cluster.redis.zrange(WORKERS, 0, -1))
        os.kill(min(cluster.web.worker_pids()), signal.SIGKILL)

        def left() -> int:
            return sum(not stream.ended for stream in opened.streams)

        wait_for(
            lambda: 0 < left() == presence(cluster, user)[user] < len(opened.streams),
            40,
            "the streams of one worker alone",
        )
        # A write of another worker takes away what the dead one left.
        wait_for(lambda: set(cluster.redis.zrange(WORKERS, 0, -1)) - known, 30, "the new worker")
        with cluster.live(user):
            wait_for(
                lambda: (
                    sum(int(n) for n in cluster.redis.hvals(STREAMS_PREFIX + user)) == left() + 1
                ),
                40,
                what="a clean slate",
            )


def test_a_redis_that_lost_everything_is_told_all_anew(cluster: Place, user: str) -> None:
    other = f"{user}:other"
    with everywhere(cluster, user) as opened, cluster.live(other):
        count = len(opened.streams)
        wait_for_presence(cluster, {user: count, other: 1})
        cluster.redis.flushall()
        cluster.redis.script_flush()
        wait_for_presence(cluster, {user: count, other: 1})
        assert cluster.redis.ttl(WORKERS) > 0
        assert cluster.redis.ttl(STREAMS_PREFIX + user) > 0


def test_a_worker_that_was_frozen_is_counted_again_when_it_goes_on(
    cluster: Place, user: str
) -> None:
    with everywhere(cluster, user) as opened:
        count = len(opened.streams)
        wait_for_presence(cluster, {user: count})
        frozen = min(cluster.web.worker_pids())
        os.kill(frozen, signal.SIGSTOP)
        try:
            wait_for(lambda: presence(cluster, user)[user] < count, 40, "fewer streams")
            assert presence(cluster, user)[user] > 0
        finally:
            os.kill(frozen, signal.SIGCONT)
        wait_for_presence(cluster, {user: count})


def test_a_server_that_stops_takes_its_streams_out_at_once(cluster: Place, user: str) -> None:
    with everywhere(cluster, user):
        cluster.web.terminate()
        wait_for(lambda: not cluster.redis.keys(STREAMS_PREFIX + "*"), 5, "an empty presence")
