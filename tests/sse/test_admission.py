"""Who may open a stream, how many of them, and for how long."""

import time

import pytest

from tests.sse.conftest import StartPlace
from tests.sse.place import Place, events, news
from tests.support.sse import SseStream
from tests.support.waiting import wait_for

one_database = pytest.mark.parametrize("place", ["sqlite"], indirect=True)
sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def assert_unauthorized(refused: SseStream) -> None:
    assert refused.status == 401
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert refused.headers["WWW-Authenticate"] == "Bearer"


@one_database
def test_without_a_valid_token_there_is_no_stream(place: Place, user: str) -> None:
    assert_unauthorized(place.request({}))
    assert_unauthorized(place.request({"Authorization": "Bearer nonsense"}))
    assert_unauthorized(place.request({"Cookie": "access_token_cookie=nonsense"}))
    assert_unauthorized(place.request({}, "?ticket=nonsense"))
    assert_unauthorized(place.request({}, f"?access_token={place.token(user)}"))
    assert_unauthorized(place.stream(user, ttl_seconds=-60))
    assert place.subscribers(user) == 0


@one_database
def test_the_session_cookie_opens_a_stream_as_a_native_eventsource_sends_it(
    place: Place, user: str
) -> None:
    with place.request({"Cookie": f"access_token_cookie={place.token(user)}"}) as stream:
        stream.wait_for_frames(1)
        place.tell(user)
        assert events(stream.wait_for_frames(2)) == [("connected", "0"), *news(1, 1)]


@one_database
def test_a_ticket_opens_one_stream_and_no_second_one(place: Place, user: str) -> None:
    with place.web.http(place.token(user, ttl_seconds=600)) as api:
        ticket = api.post("/api/v1/stream-tickets").json()["ticket"]
    with place.request({}, f"?ticket={ticket}&last_event_id=0") as stream:
        [connected] = stream.wait_for_frames(1)
        place.tell(user)
        stream.wait_for_frames(2)
        # It opens a stream for as long as the token that it was made with, and no longer.
        assert connected.json()["expires_at"] - time.time() < 601
    assert_unauthorized(place.request({}, f"?ticket={ticket}"))


@one_database
def test_a_stream_ends_with_its_token_and_does_not_go_on_without(place: Place, user: str) -> None:
    token = place.token(user, ttl_seconds=2)
    with place.web.stream(token) as stream:
        stream.wait_for_end()
        place.tell(user)
        *_, expired = stream.frames
        assert events(stream.without_pings()) == [("connected", "0"), ("expired", None)]
        assert expired.json()["reason"]
        assert stream.frames[0].json()["expires_at"] <= time.time()
    with place.web.stream(token) as again:
        again.wait_for_end()
        # By the clocks' leeway it may still be let in, to be told the same.
        assert again.status == 401 or events(again.frames) == [("expired", None)]


@sqlite
def test_a_stream_that_has_lived_its_time_is_told_to_come_back_and_loses_nothing(
    start_place: StartPlace,
) -> None:
    place = start_place(STREAM_MAX_SECONDS="1")
    with place.live("ada") as stream:
        place.tell("ada")
        stream.wait_for_end()
        *begin, draining = stream.without_pings()
        assert events(begin) == [("connected", "0"), *news(1, 1)]
        assert (draining.event, draining.id) == ("draining", None)
        assert draining.retry_ms == draining.json()["retry_ms"]
    place.tell("ada")
    with place.stream("ada", draining.last_event_id) as stream:
        assert events(stream.wait_for_frames(2)) == [("connected", "1"), *news(2, 2)]


def assert_refused(refused: SseStream) -> None:
    """By a frame and not by a status, which would end a native EventSource for good."""
    refused.wait_for_end()
    assert refused.status == 200
    [draining] = refused.frames
    assert (draining.event, draining.id) == ("draining", None)
    assert draining.retry_ms == draining.json()["retry_ms"]
    assert draining.retry_ms


@sqlite
def test_limits_refuse_the_new_and_harm_nobody_who_is_there(start_place: StartPlace) -> None:
    place = start_place(MAX_STREAMS="3", MAX_STREAMS_PER_USER="2")
    ada = [place.live("ada"), place.live("ada")]
    with place.stream("ada") as refused:
        assert_refused(refused)
    grace = place.live("grace")
    with place.stream("mary") as refused:
        assert_refused(refused)
    assert place.subscribers("mary") == 0
    assert place.web.is_ready()

    for user, streams in (("ada", ada), ("grace", [grace])):
        place.tell(user)
        for stream in streams:
            assert events(stream.wait_for_frames(2)) == [("connected", "0"), *news(1, 1)]

    ada[0].close()

    def let_in() -> SseStream | None:
        stream = place.stream("mary")
        if stream.wait_for_frames(1)[0].event == "connected":
            return stream
        stream.close()
        return None

    mary = wait_for(let_in, what="mary's stream, once ada has left hers")
    assert mary is not None
    for stream in (ada[1], grace, mary):
        stream.close()
