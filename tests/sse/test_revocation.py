"""A revocation ends exactly the streams it is meant for, on all workers, and nothing follows."""

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
from tests.sse.conftest import on_its_own, well
from tests.sse.place import Place, events, news
from tests.support.processes import free_port
from tests.support.sse import SseStream
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


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared_patient(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    """Two workers that look for revocations every half minute: sooner, they were told.

    Nothing that is published in a test is too much to be replayed, however slow the machine.
    """
    patient = {"KEEPALIVE_SECONDS": "30", "REPLAY_LIMIT": "10000"}
    with on_its_own(request, tmp_path_factory, 2, **patient) as place:
        yield place


@pytest.fixture
def patient(shared_patient: Place) -> Place:
    """The same, well."""
    return well(shared_patient, 2)


one_database = pytest.mark.parametrize("shared_patient", ["sqlite"], indirect=True)


def revoke_unheard(place: Place, token: str) -> None:
    """As by somebody on the same database whose Redis is away: nobody hears of it."""
    away = f"redis://127.0.0.1:{free_port()}/0"
    lonely = create_app({**place.web.settings, "REDIS_URL": away})
    revoke_token(lonely, token)
    with lonely.app_context():
        db.engine.dispose()


def test_a_logout_ends_the_streams_of_its_token_on_every_worker_and_no_others(
    patient: Place, user: str
) -> None:
    place, other = patient, f"{user}:other"
    with (
        everywhere(place, user) as opened,
        place.live(user) as other_token,
        everywhere(place, other) as others,
    ):
        place.tell(user)
        revoke_token(place.app, opened.token)
        assert_ended(opened.streams)
        # At once: a reconnect is refused by every worker, and not let in as nobody.
        assert {opens(place, opened.token) for _ in range(10)} == {401}
        place.tell(user, 3)
        place.tell(other)
        assert events(other_token.wait_for_frames(5)) == [("connected", "0"), *news(1, 4)]
        for stream in others.streams:
            assert events(stream.wait_for_frames(2)) == [("connected", "0"), *news(1, 1)]
        for stream in opened.streams:
            assert max(int(frame.id or 0) for frame in stream.frames) <= 1
        wait_for_presence(place, {user: 1, other: len(others.streams)})
    assert "Traceback" not in place.web.output()


@one_database
def test_logging_out_everywhere_ends_all_of_a_user_and_lets_in_who_logs_in_again(
    patient: Place, user: str
) -> None:
    place, other = patient, f"{user}:other"
    with (
        everywhere(place, user) as first,
        everywhere(place, user) as second,
        place.live(other) as others,
    ):
        revoked_at = int(time.time())
        revoke_user(place.app, user)
        assert_ended([*first.streams, *second.streams])
        assert opens(place, second.token) == 401
        # A token of the same second may be from before it.
        wait_for(lambda: time.time() >= revoked_at + 2, what="the next second but one")
        with place.live(user) as again:
            place.tell(user)
            place.tell(other)
            again.wait_for_frames(2)
        assert events(others.wait_for_frames(2)) == [("connected", "0"), *news(1, 1)]


def test_one_that_was_told_to_nobody_is_found_within_a_keep_alive(
    cluster: Place, user: str
) -> None:
    """By each worker for itself. What a look finds is tested on both databases in tests/auth."""
    other = f"{user}:other"
    with everywhere(cluster, user) as opened, cluster.live(other) as others:
        revoke_unheard(cluster, opened.token)
        assert_ended(opened.streams, 30)
        wait_for(lambda: opens(cluster, opened.token) == 401, what="a refusal")
        cluster.tell(other)
        assert events(others.wait_for_frames(2))[-1:] == news(1, 1)


def test_what_was_revoked_while_no_worker_ran_holds_when_one_does(
    cluster: Place, user: str
) -> None:
    place, token = cluster, cluster.token(user)
    assert opens(place, token) == 200
    place.web.terminate()
    revoke_unheard(place, token)
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


@one_database
def test_a_ticket_is_worth_no_more_than_the_token_it_was_made_with(
    patient: Place, user: str
) -> None:
    place, token = patient, patient.token(user)
    with place.web.http(token) as api:
        early, late = (api.post("/api/v1/stream-tickets").json()["ticket"] for _ in range(2))
    with place.request({}, f"?ticket={early}") as stream:
        stream.wait_for_frames(1)
        revoke_token(place.app, token)
        assert_ended([stream])
    with place.request({}, f"?ticket={late}") as refused:
        assert refused.status == 401


@one_database
def test_nonsense_on_the_control_channel_harms_nobody(patient: Place, user: str) -> None:
    place, word = patient, "dropped what is no revocation"
    assert word not in place.web.output()
    with place.live(user) as stream:
        for nonsense in (b"", b"\xff", b"[" * 100_000, b'{"revoked":{"user_id":["ada"]}}', b"1"):
            assert place.redis.publish(CONTROL_CHANNEL, nonsense) == 2
        # Nor can a user's channel be mistaken for it.
        place.tell(user)
        assert events(stream.wait_for_frames(2)) == [("connected", "0"), *news(1, 1)]
    wait_for(lambda: place.web.output().count(word) >= 2, what="a word of each worker")
    assert place.web.output().count(word) == 2
    assert place.web.is_ready()


def test_nothing_that_is_committed_after_the_revocation_arrives(patient: Place, user: str) -> None:
    place, over = patient, threading.Event()

    def publish() -> None:
        while not over.is_set():
            place.tell(user, 3)

    publisher = threading.Thread(target=publish)
    with everywhere(place, user) as opened, place.live(user) as goes_on:
        publisher.start()
        try:
            opened.streams[0].wait_for_frames(20, 60)
            revoke_token(place.app, opened.token)
            [marked] = place.commit(user)
            seq = bus.seq_and_event(marked.payload)
            assert seq
            assert_ended(opened.streams)
            goes_on.wait_for_event(lambda frame: int(frame.id or 0) > seq[0] + 10, 60)
        finally:
            over.set()
            publisher.join()
        for stream in opened.streams:
            assert events(stream.frames)[-1] == EXPIRED
            ids = [int(frame.id) for frame in stream.frames if frame.id is not None]
            assert ids == list(range(ids[0], ids[0] + len(ids)))
            assert ids[-1] < seq[0]
        ids = [int(frame.id) for frame in goes_on.frames if frame.id is not None]
        assert ids == list(range(ids[0], ids[0] + len(ids)))


@one_database
def test_a_stream_with_an_endless_token_opens_and_one_at_its_end_does_not(
    patient: Place, user: str
) -> None:
    with patient.web.stream(sign_token(JWT_SECRET_KEY, user, ttl_seconds=10**15)) as stream:
        [connected] = stream.wait_for_frames(1)
        assert connected.json()["expires_at"] == 253_402_300_799
    # The clocks' leeway lets it pass elsewhere.
    assert opens(patient, patient.token(user, ttl_seconds=-1)) == 401
