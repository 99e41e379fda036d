"""A worker that is told to stop sends its streams away in order, and leaves nothing behind."""

import os
import signal
from collections.abc import Iterator

import pytest

from tests.sse.conftest import on_its_own, well
from tests.sse.place import Place, events, news
from tests.support.waiting import wait_for

# Less than gunicorn's graceful time-out, at which it would kill what still runs.
SOON_SECONDS = 9


@pytest.fixture(scope="module")
def shared_place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    """One worker at a time."""
    with on_its_own(request, tmp_path_factory, 1) as place:
        yield place


@pytest.fixture
def place(shared_place: Place) -> Place:
    """The same, well."""
    return well(shared_place, 1)


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_sighup_puts_a_new_worker_in_the_place_of_the_old_one_and_nothing_is_lost(
    place: Place, user: str
) -> None:
    with place.live(user) as stream:
        place.tell(user)
        stream.wait_for_frames(2)
        [old] = place.web.worker_pids()
        place.web.send(signal.SIGHUP)
        stream.wait_for_end()
        assert stream.frames[-1].event == "draining"
        last = stream.frames[-1].last_event_id
    place.tell(user)
    wait_for(lambda: not is_running(old), SOON_SECONDS, "the old worker's end")
    wait_for(place.web.is_ready, what="the new worker")
    with place.stream(user, last) as stream:
        stream.wait_for_frames(2)
        place.tell(user)
        assert events(stream.wait_for_frames(3)) == [("connected", "1"), *news(2, 3)]
        assert place.web.alive
        assert len(place.listeners()) == 1


def test_sigterm_ends_every_stream_with_word_when_to_come_back_and_leaves_nothing(
    place: Place, user: str
) -> None:
    users = [f"{user}:{number}" for number in range(8)]
    streams = [place.live(user) for user in users for _ in range(3)]
    for user in users:
        place.tell(user)
    for stream in streams:
        stream.wait_for_frames(2)
    workers = place.web.worker_pids()

    place.web.send(signal.SIGTERM)
    for stream in streams:
        stream.wait_for_end()
        *begin, draining = stream.without_pings()
        assert events(begin) == [("connected", "0"), *news(1, 1)]
        assert (draining.event, draining.id, draining.last_event_id) == ("draining", None, "1")
        assert draining.retry_ms == draining.json()["retry_ms"]
    # Not all of them at once.
    assert len({stream.frames[-1].retry_ms for stream in streams}) > 10

    assert place.web.wait(SOON_SECONDS) == 0
    assert workers
    assert not any(is_running(pid) for pid in workers)
    assert place.listeners() == []
