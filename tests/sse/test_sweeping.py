"""What Pub/Sub never carried: the sweep brings it, on both databases."""

import signal
from contextlib import ExitStack

import pytest
from sqlalchemy import text

from app import bus
from app.database import POOL_SIZE
from app.extensions import db
from tests.sse.conftest import StartPlace
from tests.sse.hanging import database_hanging
from tests.sse.place import Place, events, news
from tests.support.outage import database_away
from tests.support.waiting import wait_for


def test_what_was_committed_and_never_published_arrives(sweeping_place: Place, user: str) -> None:
    place, other = sweeping_place, f"{user}:other"
    with place.live(user) as first, place.live(user) as second, place.live(other) as others:
        place.commit(user, 3)
        for stream in (first, second):
            assert events(stream.wait_for_frames(4)) == [("connected", "0"), *news(1, 3)]
        place.tell(user)
        place.tell(other)
        for stream in (first, second):
            assert events(stream.wait_for_frames(5))[4:] == news(4, 4)
        assert events(others.wait_for_frames(2)) == [("connected", "0"), *news(1, 1)]


def test_a_database_that_was_put_back_to_an_older_state_is_noticed(
    sweeping_place: Place, user: str
) -> None:
    place = sweeping_place
    with place.live(user) as stream:
        place.tell(user, 3)
        stream.wait_for_frames(4)
        with place.app.app_context(), db.engine.begin() as connection:
            for statement in (
                "DELETE FROM notifications WHERE user_id = :user AND seq > 1",
                "UPDATE mailboxes SET last_seq = 1, unread = 1, unseen = 1 WHERE user_id = :user",
            ):
                connection.execute(text(statement), {"user": user})
        reset = stream.wait_for_frames(5)[4]
        assert (reset.event, reset.id) == ("reset", "1")
        assert reset.json()["reason"] == "from-the-future"
        place.tell(user)
        assert events(stream.wait_for_frames(6))[5:] == news(2, 2)


@pytest.mark.parametrize("sweeping_place", ["postgresql"], indirect=True)
def test_streams_outlive_the_database_and_then_get_what_they_missed(
    sweeping_place: Place, user: str
) -> None:
    place = sweeping_place
    with place.live(user) as stream:
        with database_away(place.web.settings["DATABASE_URL"]):
            # A gap: the stream has to read, and can't.
            push = bus.encode_created({"seq": 2, "id": "x"})
            place.redis.publish(bus.channel_of(user), push)
            wait_for(lambda: not place.web.is_ready(), what="its notice")
            so_far = len(stream.frames)
            wait_for(lambda: len(stream.frames) > so_far, what="a sign of life")
            with place.stream(f"{user}:early") as early:
                wait_for(lambda: early.parser.retry_ms, what="a sign of life")
                assert early.frames == []
        place.tell(user, 2)
        assert events(stream.wait_for_frames(3)) == [("connected", "0"), *news(1, 2)]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_streams_that_wait_for_a_database_that_hangs_show_life_and_are_drained(
    start_place: StartPlace, database_url: str
) -> None:
    place = start_place()
    with ExitStack() as stack:
        # More than may read at once.
        streams = [stack.enter_context(place.live("ada")) for _ in range(POOL_SIZE + 5)]
        with database_hanging(database_url):
            # A gap: each stream has to read, and gets no answer.
            push = bus.encode_created({"seq": 2, "id": "x"})
            place.redis.publish(bus.channel_of("ada"), push)
            early = stack.enter_context(place.stream("grace"))
            wait_for(lambda: early.parser.retry_ms, what="a sign of life")
            so_far = [len(stream.frames) for stream in streams]
            wait_for(
                lambda: all(len(s.frames) > n for s, n in zip(streams, so_far, strict=True)),
                what="a sign of life of each",
            )
            place.web.send(signal.SIGTERM)
            for stream in (*streams, early):
                stream.wait_for_end()
                assert stream.frames[-1].event == "draining"
        assert place.web.wait() == 0
    assert "Traceback" not in place.web.output()
