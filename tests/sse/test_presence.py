"""Who has streams open, across all workers: true soon, whatever happens to workers and Redis."""

import os
import signal

import pytest

from app.sse.presence import STREAMS_PREFIX, WORKERS
from tests.conftest import JWT_SECRET_KEY
from tests.sse.clustered import everywhere, wait_for_presence
from tests.sse.conftest import StartPlace
from tests.sse.place import Place
from tests.support.tokens import sign_token
from tests.support.waiting import wait_for

sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
one_database = pytest.mark.parametrize("place", ["sqlite"], indirect=True)
PATH = "/api/v1/presence"
ADMIN = sign_token(JWT_SECRET_KEY, "admin", "admin")


@sqlite
def test_it_counts_the_streams_of_all_workers_and_only_those_that_were_asked_about(
    start_place: StartPlace,
) -> None:
    place = start_place(workers=2)
    with everywhere(place, "ada") as ada, place.live("grace"):
        wait_for_presence(place, ada=len(ada.streams), grace=1)
        with place.web.http(ADMIN) as api:
            answer = api.get(PATH, params={"user": ["mary", "ada", "mary"]})
        assert (answer.status_code, answer.json()) == (200, {"mary": 0, "ada": len(ada.streams)})
    # They hang up, which is noticed at the next write; and nothing is left of them.
    wait_for_presence(place, ada=0, grace=0)
    assert place.redis.keys(STREAMS_PREFIX + "*") == []


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


@sqlite
def test_a_worker_that_is_killed_is_not_counted_for_long_and_leaves_nothing(
    start_place: StartPlace,
) -> None:
    place = start_place(workers=2)
    with everywhere(place, "ada") as ada:
        wait_for_presence(place, ada=len(ada.streams))
        os.kill(min(place.workers()), signal.SIGKILL)
        wait_for(lambda: any(stream.ended for stream in ada.streams), what="the end of some")
        left = sum(not stream.ended for stream in ada.streams)
        wait_for_presence(place, ada=left)
        # A write of another worker takes away what the dead one left.
        wait_for(lambda: len(place.redis.zrange(WORKERS, 0, -1)) == 3, what="the new worker")
        with place.live("ada"):
            wait_for(
                lambda: sum(int(n) for n in place.redis.hvals(STREAMS_PREFIX + "ada")) == left + 1,
                40,
                what="a clean slate",
            )


@sqlite
def test_a_redis_that_lost_everything_is_told_all_anew(start_place: StartPlace) -> None:
    place = start_place(workers=2)
    with everywhere(place, "ada") as ada, place.live("grace"):
        wait_for_presence(place, ada=len(ada.streams), grace=1)
        place.redis.flushall()
        place.redis.script_flush()
        wait_for_presence(place, ada=len(ada.streams), grace=1)
        assert place.redis.ttl(WORKERS) > 0
        assert place.redis.ttl(STREAMS_PREFIX + "ada") > 0


@sqlite
def test_a_worker_that_was_frozen_is_counted_again_when_it_goes_on(
    start_place: StartPlace,
) -> None:
    place = start_place()
    with place.live("ada"):
        wait_for_presence(place, ada=1)
        [worker] = place.workers()
        os.kill(worker, signal.SIGSTOP)
        try:
            wait_for_presence(place, ada=0)
        finally:
            os.kill(worker, signal.SIGCONT)
        wait_for_presence(place, ada=1)


@sqlite
def test_a_server_that_stops_takes_its_streams_out_at_once(start_place: StartPlace) -> None:
    place = start_place(workers=2)
    with everywhere(place, "ada"):
        place.web.terminate()
        wait_for(lambda: not place.redis.keys(STREAMS_PREFIX + "*"), 5, "an empty presence")


@sqlite
def test_without_redis_nobody_is_told_a_number(start_place: StartPlace) -> None:
    place = start_place()
    place.redis.config_set("save", "")
    place.redis.shutdown(nosave=True)
    with place.web.http(ADMIN) as api:
        answer = api.get(PATH, params={"user": "ada"}, timeout=30)
    assert (answer.status_code, answer.json()["status"]) == (503, 503)
