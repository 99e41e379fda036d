"""Open streams of a real server: who gets what, over how few connections, and what is left."""

import json

import pytest

from app import bus
from tests.sse.place import Place, events, news
from tests.support.waiting import wait_for

one_database = pytest.mark.parametrize("place", ["sqlite"], indirect=True)


def test_all_streams_of_a_user_get_what_happens_and_nobody_else_does(
    place: Place, user: str
) -> None:
    other = f"{user}:other"
    with place.live(user) as first, place.live(user) as second, place.live(other) as others:
        place.tell(user, 2)
        place.tell(user, title="Zoë’s “story”\u2028\nline\r🙂")
        place.tell(other)
        for stream in (first, second):
            frames = stream.wait_for_frames(4)
            assert events(frames) == [("connected", "0"), *news(1, 3)]
            assert frames[3].json()["title"] == "Zoë’s “story”\u2028\nline\r🙂"
        assert events(others.wait_for_frames(2)) == [("connected", "0"), *news(1, 1)]


@one_database
def test_the_frames_say_what_the_api_says(place: Place, user: str) -> None:
    with place.live(user) as stream, place.web.http(place.token(user)) as api:
        [connected] = stream.without_pings()
        assert connected.retry_ms is not None
        assert connected.json().keys() == {"seq", "unread", "unseen", "expires_at"}

        place.tell(user)
        told = stream.wait_for_frames(2)[1].json()
        [listed] = api.get("/api/v1/notifications").json()["items"]
        assert told == {**listed, "unread": 1, "unseen": 1}
        assert next(iter(told)) == "seq"

        path = f"/api/v1/notifications/{told['id']}"
        patched = api.patch(path, json={"read": True}).json()
        updated = stream.wait_for_frames(3)[2]
        assert (updated.event, updated.id) == ("updated", "2")
        assert updated.json() == patched

        seen = api.put("/api/v1/mailbox/seen", json={"up_to": 2}).json()
        mailbox = stream.wait_for_frames(4)[3]
        assert (mailbox.event, mailbox.id) == ("mailbox", "3")
        assert mailbox.json() == {**seen, "read_through": 0, "seen_through": 2}


@one_database
def test_a_burst_arrives_whole_and_in_order_on_every_stream(place: Place, user: str) -> None:
    with place.live(user) as first, place.live(user) as second:
        place.tell(user, 200, body="x" * 2_000)
        for stream in (first, second):
            frames = stream.wait_for_frames(201)
            assert events(frames) == [("connected", "0"), *news(1, 200)]


@one_database
def test_however_many_streams_a_user_has_its_channel_is_subscribed_to_once(
    place: Place, user: str
) -> None:
    streams = [place.live(user) for _ in range(10)]
    assert place.subscribers(user) == 1
    for stream in streams[1:]:
        stream.close()
    place.tell(user)
    streams[0].wait_for_frames(2)
    assert place.subscribers(user) == 1
    streams[0].close()
    wait_for(lambda: place.subscribers(user) == 0, what="the end of the subscription")


@one_database
def test_who_comes_back_after_all_had_left_is_subscribed_to_anew(place: Place, user: str) -> None:
    for seq in (1, 2, 3):
        with place.live(user) as stream:
            assert place.subscribers(user) == 1
            place.tell(user)
            assert events(stream.wait_for_frames(2))[1:] == news(seq, seq)
        if seq == 2:
            wait_for(lambda: place.subscribers(user) == 0, what="the end of the subscription")


def test_a_worker_has_one_pubsub_connection_whatever_the_number_of_users(
    cluster: Place, user: str
) -> None:
    place = cluster
    users = [f"{user}:{number}" for number in range(20)]
    assert len(place.listeners()) == 2
    streams = [place.live(user) for user in users]
    assert len(place.listeners()) == 2
    for user in users:
        place.tell(user)
    for stream in streams:
        stream.wait_for_frames(2)
        stream.close()
    assert len(place.listeners()) == 2


@one_database
def test_an_idle_stream_shows_that_it_lives_in_a_way_that_scripts_can_see(
    place: Place, user: str
) -> None:
    place.tell(user)
    with place.live(user) as stream:
        ping = stream.wait_for_event(lambda frame: frame.event == "ping")
        assert (ping.data, ping.id, ping.last_event_id) == ("{}", None, "1")


@one_database
def test_an_object_of_another_service_arrives_live_and_without_an_id(
    place: Place, user: str
) -> None:
    with place.live(user) as stream:
        foreign = {"title": "Zoë\u2028", "nested": [1, {"seq": 9}]}
        place.redis.publish(bus.channel_of(user), json.dumps(foreign, indent=2))
        place.redis.publish(bus.channel_of(user), b"no object")
        place.redis.publish(bus.channel_of(user), b'{"broken":\xff}')
        place.tell(user)
        _, got, told = stream.wait_for_frames(3)
        assert (got.event, got.id, got.last_event_id) == ("message", None, "0")
        assert got.json() == foreign
        assert (told.event, told.id) == ("message", "1")
    place.web.wait_for_output("dropped a Pub/Sub message that is no JSON object (9 bytes)")


@one_database
def test_a_stream_says_to_caches_and_proxies_what_it_is(place: Place, user: str) -> None:
    with place.live(user) as stream:
        assert stream.status == 200
        assert stream.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        directives = {part.strip() for part in stream.headers["Cache-Control"].split(",")}
        assert directives == {"no-cache", "no-store", "no-transform"}
        assert stream.headers["X-Accel-Buffering"] == "no"
        assert stream.headers["Content-Encoding"] is None
        assert stream.headers["Content-Length"] is None
        assert stream.headers["Access-Control-Allow-Origin"] is None
        assert stream.headers["Set-Cookie"] is None


@one_database
def test_a_listed_origin_may_read_a_stream_and_another_may_not(place: Place, user: str) -> None:
    for origin, allowed in [
        ("https://app.example.com", "https://app.example.com"),
        ("https://app.example.com.evil.example", None),
        ("https://appxexample.com", None),
        ("null", None),
    ]:
        headers = {"Authorization": f"Bearer {place.token(user)}", "Origin": origin}
        with place.request(headers) as stream:
            assert stream.headers["Access-Control-Allow-Origin"] == allowed
            if allowed:
                assert stream.headers["Access-Control-Allow-Credentials"] == "true"


@one_database
def test_a_head_request_leaves_no_stream_behind(place: Place, user: str) -> None:
    with place.web.http(place.token(user)) as api:
        for _ in range(3):
            answer = api.head("/api/v1/notifications/subscribe")
            assert answer.status_code == 200
            assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
            assert answer.content == b""
    assert place.subscribers(user) == 0
    assert place.web.is_ready()
