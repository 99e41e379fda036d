"""A revocation ends exactly the streams it is meant for, on all workers, and nothing follows."""

import http.client
import threading
import time
from collections.abc import Iterator

import pytest
from flask import Flask

from app import bus, create_app
from app.auth.revocation import CONTROL_CHANNEL
from app.extensions import db
from app.sse.room import Room
from tests.conftest import JWT_SECRET_KEY, TokenFor
from tests.sse.clustered import (
    claims_of,
    everywhere,
    opens,
    revoke_token,
    revoke_user,
    wait_for_presence,
)
from tests.sse.conftest import StartPlace
from tests.sse.place import events, news
from tests.sse.test_slow_reader import COUNT, LARGE, slow_reader
from tests.support.processes import free_port
from tests.support.sse import Frame, SseStream
from tests.support.tokens import sign_token
from tests.support.waiting import wait_for

sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

EXPIRED = ("expired", None)


def assert_ended(streams: list[SseStream], deadline_seconds: float = 10) -> None:
    """Each with `expired`, which came once and last."""
    for stream in streams:
        stream.wait_for_end(deadline_seconds)
        assert [frame.event for frame in stream.frames].count("expired") == 1
        assert stream.frames[-1].json() == {"reason": "The token has been revoked."}
        assert events(stream.frames)[-1] == EXPIRED


@pytest.fixture
def lonely(environment: dict[str, str]) -> Iterator[Flask]:
    """An application on the same database whose Redis is away: nobody hears what it says."""
    lonely = create_app({**environment, "REDIS_URL": f"redis://127.0.0.1:{free_port()}/0"})
    yield lonely
    with lonely.app_context():
        db.engine.dispose()


def test_a_logout_ends_the_streams_of_its_token_on_every_worker_and_no_others(
    start_place: StartPlace,
) -> None:
    place = start_place(workers=2, KEEPALIVE_SECONDS="30", SWEEP_SECONDS="3600")
    with (
        everywhere(place, "ada") as ada,
        place.live("ada") as other_token,
        everywhere(place, "grace") as grace,
    ):
        place.tell("ada")
        revoke_token(place.app, ada.token)
        assert_ended(ada.streams)
        # At once: a reconnect is refused by every worker, and not let in as nobody.
        assert {opens(place, ada.token) for _ in range(10)} == {401}
        place.tell("ada", 3)
        place.tell("grace")
        assert events(other_token.wait_for_frames(5)) == [("connected", "0"), *news(1, 4)]
        for stream in grace.streams:
            assert events(stream.wait_for_frames(2)) == [("connected", "0"), *news(1, 1)]
        for stream in ada.streams:
            assert max(int(frame.id or 0) for frame in stream.frames) <= 1
        wait_for_presence(place, ada=1, grace=len(grace.streams))
    assert "Traceback" not in place.web.output()


@sqlite
def test_logging_out_everywhere_ends_all_of_a_user_and_lets_in_who_logs_in_again(
    start_place: StartPlace,
) -> None:
    place = start_place(workers=2, KEEPALIVE_SECONDS="30")
    with (
        everywhere(place, "ada") as first,
        everywhere(place, "ada") as second,
        place.live("grace") as grace,
    ):
        revoked_at = int(time.time())
        revoke_user(place.app, "ada")
        assert_ended([*first.streams, *second.streams])
        assert opens(place, second.token) == 401
        # A token of the same second may be from before it.
        wait_for(lambda: time.time() >= revoked_at + 2, what="the next second but one")
        with place.live("ada") as again:
            place.tell("ada")
            place.tell("grace")
            again.wait_for_frames(2)
        assert events(grace.wait_for_frames(2)) == [("connected", "0"), *news(1, 1)]


def test_one_that_was_told_to_nobody_is_found_within_a_keep_alive(
    start_place: StartPlace, lonely: Flask
) -> None:
    place = start_place(workers=2, KEEPALIVE_SECONDS="1")
    with everywhere(place, "ada") as ada, place.live("grace") as grace:
        revoke_token(lonely, ada.token)
        assert_ended(ada.streams, 30)
        wait_for(lambda: opens(place, ada.token) == 401, what="a refusal")
        place.tell("grace")
        assert events(grace.wait_for_frames(2))[-1:] == news(1, 1)


@sqlite
def test_what_was_revoked_while_no_worker_ran_holds_when_one_does(
    start_place: StartPlace, lonely: Flask
) -> None:
    place = start_place()
    token = place.token("ada")
    assert opens(place, token) == 200
    place.web.terminate()
    revoke_token(lonely, token)
    place.web.start()
    # The first look may still be under way: then it is let in to hear it, and nothing else.
    with place.web.stream(token, "0") as stream:
        if stream.status == 200:
            stream.wait_for_end()
            assert events(stream.without_pings()) == [EXPIRED]
    wait_for(lambda: opens(place, token) == 401, what="a refusal")


@sqlite
def test_nothing_is_read_for_a_stream_before_the_revocations_are(
    app: Flask, token_for: TokenFor
) -> None:
    token = token_for("ada")
    claims = claims_of(token)
    revoke_token(app, token)
    room: Room = app.extensions["tidings.sse"]  # not started: nothing else looks
    assert not room.rights.refuses("ada", claims["jti"], claims["iat"])
    room.read_changes("ada", 0)
    assert room.rights.refuses("ada", claims["jti"], claims["iat"])


@sqlite
def test_a_ticket_is_worth_no_more_than_the_token_it_was_made_with(
    start_place: StartPlace,
) -> None:
    place = start_place()
    token = place.token("ada")
    with place.web.http(token) as api:
        early, late = (api.post("/api/v1/stream-tickets").json()["ticket"] for _ in range(2))
    with place.request({}, f"?ticket={early}") as stream:
        stream.wait_for_frames(1)
        revoke_token(place.app, token)
        assert_ended([stream])
    with place.request({}, f"?ticket={late}") as refused:
        assert refused.status == 401


@sqlite
def test_nonsense_on_the_control_channel_harms_nobody(start_place: StartPlace) -> None:
    place = start_place()
    with place.live("ada") as stream:
        for nonsense in (b"", b"\xff", b"[" * 100_000, b'{"revoked":{"user_id":["ada"]}}', b"1"):
            assert place.redis.publish(CONTROL_CHANNEL, nonsense) == 1
        # Nor can a user's channel be mistaken for it.
        place.tell("ada")
        assert events(stream.wait_for_frames(2)) == [("connected", "0"), *news(1, 1)]
    assert place.web.output().count("dropped what is no revocation") == 1
    assert place.web.is_ready()


@sqlite
def test_who_does_not_read_gets_nothing_more_and_is_cut_off_at_once(
    start_place: StartPlace,
) -> None:
    # Its write would wait for a minute and a half.
    place = start_place(KEEPALIVE_SECONDS="45", REPLAY_LIMIT="1000")
    with slow_reader(place, "ada") as slow, place.live("ada") as quick:
        place.tell("ada", COUNT, data=LARGE)
        quick.wait_for_frames(COUNT + 1, 60)
        revoke_user(place.app, "ada")
        assert_ended([quick])
        wait_for(lambda: place.subscribers("ada") == 0, 20, "the end of both streams")
        seen = [frame for frame in _until_cut(slow) if frame.id is not None]
        assert int(seen[-1].id or 0) < COUNT
    assert "Traceback" not in place.web.output()


def _until_cut(frames: Iterator[Frame]) -> Iterator[Frame]:
    try:
        yield from frames
    except (http.client.HTTPException, OSError):
        return


def test_nothing_that_is_committed_after_the_revocation_arrives(start_place: StartPlace) -> None:
    place = start_place(workers=2, KEEPALIVE_SECONDS="30")
    over = threading.Event()

    def publish() -> None:
        while not over.is_set():
            place.tell("ada", 3)

    publisher = threading.Thread(target=publish)
    with everywhere(place, "ada") as ada, place.live("ada") as goes_on:
        publisher.start()
        try:
            ada.streams[0].wait_for_frames(20, 60)
            revoke_token(place.app, ada.token)
            [marked] = place.commit("ada")
            seq = bus.seq_and_event(marked.payload)
            assert seq
            assert_ended(ada.streams)
            goes_on.wait_for_event(lambda frame: int(frame.id or 0) > seq[0] + 10, 60)
        finally:
            over.set()
            publisher.join()
        for stream in ada.streams:
            assert events(stream.frames)[-1] == EXPIRED
            ids = [int(frame.id) for frame in stream.frames if frame.id is not None]
            assert ids == list(range(ids[0], ids[0] + len(ids)))
            assert ids[-1] < seq[0]
        ids = [int(frame.id) for frame in goes_on.frames if frame.id is not None]
        assert ids == list(range(ids[0], ids[0] + len(ids)))


@sqlite
def test_a_stream_with_an_endless_token_opens_and_one_at_its_end_does_not(
    start_place: StartPlace,
) -> None:
    place = start_place()
    with place.web.stream(sign_token(JWT_SECRET_KEY, "ada", ttl_seconds=10**15)) as stream:
        [connected] = stream.wait_for_frames(1)
        assert connected.json()["expires_at"] == 253_402_300_799
    # The clocks' leeway lets it pass elsewhere.
    assert opens(place, place.token("ada", ttl_seconds=-1)) == 401
