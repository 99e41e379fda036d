"""MAX_STREAMS_PER_USER holds across workers: never more, never less, and nobody pays for it."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import pytest

from tests.sse.clustered import wait_for_presence
from tests.sse.conftest import StartPlace, on_its_own, well
from tests.sse.place import Place, events, news
from tests.support.sse import SseStream
from tests.support.waiting import wait_for

LIMIT = 3


@pytest.fixture(scope="module")
def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    """Two workers that let a user have three streams between them."""
    limit = {"MAX_STREAMS_PER_USER": str(LIMIT)}
    with on_its_own(request, tmp_path_factory, 2, **limit) as place:
        yield well(place, 2)


@contextmanager
def at_once(place: Place, user: str, count: int) -> Iterator[list[SseStream]]:
    """So many streams, all opened at the same moment, each with its first frame."""
    token = place.token(user)
    gate = threading.Barrier(count)

    def connect(_: int) -> SseStream:
        gate.wait()
        stream = place.web.stream(token)
        stream.wait_for_frames(1, 30)
        return stream

    with ThreadPoolExecutor(count) as pool, ExitStack() as stack:
        streams = list(pool.map(connect, range(count)))
        for stream in streams:
            stack.enter_context(stream)
        yield streams


def first(stream: SseStream) -> str:
    return stream.frames[0].event


def test_of_many_that_come_at_once_to_two_workers_exactly_as_many_stay(
    place: Place, user: str
) -> None:
    for user in [f"{user}:{number}" for number in range(5)]:
        with at_once(place, user, 12) as streams:
            stay = [stream for stream in streams if first(stream) == "connected"]
            assert len(stay) == LIMIT
            for stream in streams:
                if stream not in stay:
                    stream.wait_for_end()
                    [draining] = stream.frames
                    assert (draining.event, draining.retry_ms is not None) == ("draining", True)
            place.tell(user)
            for stream in stay:
                assert events(stream.wait_for_frames(2)) == [("connected", "0"), *news(1, 1)]
            assert place.subscribers(user) >= 1


def test_there_is_room_again_when_one_has_gone_and_nobody_was_pushed_out(
    place: Place, user: str
) -> None:
    with ExitStack() as stack:
        streams = [stack.enter_context(place.live(user)) for _ in range(LIMIT)]
        for _ in range(6):
            with place.stream(user) as refused:
                refused.wait_for_end()
                assert [frame.event for frame in refused.frames] == ["draining"]
        assert not any(stream.ended for stream in streams)
        streams[0].close()
        wait_for_presence(place, {user: LIMIT - 1})

        def let_in() -> bool:
            stream = stack.enter_context(place.stream(user))
            return stream.wait_for_frames(1)[0].event == "connected"

        wait_for(let_in, what="a place for one more")
        assert not any(stream.ended for stream in streams[1:])
        wait_for_presence(place, {user: LIMIT})


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_while_redis_is_away_each_worker_holds_the_limit_by_itself(
    start_place: StartPlace,
) -> None:
    place = start_place(workers=1, MAX_STREAMS_PER_USER=str(LIMIT))
    place.redis.config_set("save", "")
    place.redis.shutdown(nosave=True)
    place.web.wait_for_output("streams are limited for each worker alone")
    with at_once(place, "ada", 6) as streams:
        assert sum(first(stream) == "connected" for stream in streams) == LIMIT
        assert sum(first(stream) == "draining" for stream in streams) == 6 - LIMIT
