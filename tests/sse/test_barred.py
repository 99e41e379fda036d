"""A stream whose right was taken: its last frame comes at once, and nothing after it."""

import gevent
import pytest

from app.auth.revocation import Revocation
from app.errors import DatabaseUnavailable
from app.sse import hub as hub_module
from app.sse import stream as stream_module
from app.sse.hub import Hub
from tests.sse.parts import (
    ADA,
    FAR_FUTURE,
    Alone,
    Answer,
    Channels,
    Clock,
    Database,
    Nobody,
    Reading,
    new_client,
    new_hub,
    opened,
    push,
)

pytestmark = pytest.mark.usefixtures("no_backoff")

# Streams of the tests have `token-1`, issued at 1,000.
ONE_TOKEN = Revocation("ada", "token-1", 2_000, FAR_FUTURE)
ALL_TOKENS = Revocation("ada", None, 2_000, FAR_FUTURE)
REASON = {"reason": "The token has been revoked."}

both_kinds = pytest.mark.parametrize("revocation", [ONE_TOKEN, ALL_TOKENS])


def assert_it_ends(reading: Reading) -> None:
    """With `expired` as the next frame, and the last."""
    frames = reading.until_idle()
    assert [frame.event for frame in frames] == ["expired"]
    assert frames[0].json() == REASON
    assert frames[0].id is None
    with pytest.raises(StopIteration):
        reading.next()


@both_kinds
def test_what_waits_for_a_reader_and_what_comes_later_is_not_sent(
    hub: Hub, revocation: Revocation
) -> None:
    reading = opened(hub, Database().read_changes)
    reading.until_idle()
    hub.deliver([(ADA, push(1))])
    hub.deliver([(ADA, b'{"hello":"world"}')])
    hub.revoke(revocation)
    hub.deliver([(ADA, push(2))])
    hub.deliver([(ADA, b'{"hello":"world"}')])
    hub.confirmed(ADA)
    assert_it_ends(reading)
    assert hub.streams == 0


@pytest.mark.parametrize("chunks", [1, 2, 3])
def test_it_ends_wherever_it_is(hub: Hub, chunks: int) -> None:
    reading = opened(hub, Database(seq=2).read_changes, position=1)
    for _ in range(chunks):
        reading.next()
    hub.revoke(ONE_TOKEN)
    assert_it_ends(reading)


def test_what_is_being_read_is_not_sent(hub: Hub) -> None:
    database = Database(seq=2)
    reading = opened(hub, database.read_changes, position=2)
    reading.until_idle()
    database.seq, database.meanwhile = 3, lambda: hub.revoke(ONE_TOKEN)
    hub.confirmed(ADA)
    assert_it_ends(reading)


def test_what_is_read_for_the_opening_is_not_sent(hub: Hub) -> None:
    database = Database(seq=2)
    database.meanwhile = lambda: hub.revoke(ONE_TOKEN)
    assert_it_ends(opened(hub, database.read_changes, position=0))


def test_it_does_not_wait_for_a_database_that_is_away(hub: Hub) -> None:
    database = Database(seq=1)
    reading = opened(hub, database.read_changes)
    reading.until_idle()
    database.away = 10**9
    hub.confirmed(ADA)
    reading.next()
    hub.revoke(ONE_TOKEN)
    assert_it_ends(reading)


def test_a_read_that_fails_when_it_is_revoked_costs_no_sign_of_life(hub: Hub) -> None:
    def revoked_and_away(_user_id: str, _after: int | None) -> Answer:
        hub.revoke(ONE_TOKEN)
        raise DatabaseUnavailable("away")

    assert_it_ends(opened(hub, revoked_and_away))


def test_a_revocation_wakes_a_stream_that_sleeps(hub: Hub) -> None:
    reading = opened(hub, Database().read_changes, keepalive_seconds=600)
    reading.next()
    rest = gevent.spawn(reading.until_idle)
    gevent.sleep(0)
    hub.revoke(ONE_TOKEN)
    assert [frame.event for frame in rest.get(timeout=5)] == ["expired"]


def test_who_comes_between_the_check_and_the_hub_is_caught(channels: Channels) -> None:
    rights = Nobody()
    hub = new_hub(channels, 10, 10, rights=rights)
    rights.known.append(ONE_TOKEN)
    database = Database(seq=1)
    assert_it_ends(opened(hub, database.read_changes, position=0))
    assert database.asked == []


def test_others_go_on(hub: Hub) -> None:
    revoked = opened(hub, Database().read_changes)
    revoked.until_idle()
    other_user = opened(hub, Database().read_changes, user_id="grace")
    other_user.until_idle()
    other_token = new_client("ada", 0, token_id="token-2", issued_at=3_000)
    assert hub.join(other_token)
    other_token.begin_catch_up()
    other_token.caught_up(0)
    hub.revoke(ONE_TOKEN)
    hub.revoke(ALL_TOKENS)
    hub.deliver([(ADA, push(1))])
    assert_it_ends(revoked)
    assert other_token.take()
    assert other_user.until_idle() == []


def test_neither_a_drain_nor_its_end_of_time_hides_it(hub: Hub, clock: Clock) -> None:
    drained = opened(hub, Database().read_changes)
    late = opened(hub, Database().read_changes, max_seconds=100)
    for reading in (drained, late):
        reading.until_idle()
    clock.now += 101
    hub.drain(spread_ms=0)
    hub.revoke(ONE_TOKEN)
    for reading in (drained, late):
        assert_it_ends(reading)


def test_the_connection_of_one_that_does_not_read_is_cut(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "HANG_UP_SECONDS", 0.001)
    cut: list[str] = []
    clients = {name: new_client("ada", 0) for name in ("stalled", "quick")}
    for name, client in clients.items():
        client.hang_up = lambda name=name: cut.append(name)  # type: ignore[misc]
        hub.join(client)
    hub.revoke(ONE_TOKEN)
    hub.leave(clients["quick"])
    with gevent.Timeout(5):
        while not cut:
            gevent.sleep(0.001)
    assert cut == ["stalled"]


@pytest.mark.parametrize("admits", [True, False])
def test_a_stream_that_is_one_too_many_elsewhere_gets_one_frame(
    channels: Channels, monkeypatch: pytest.MonkeyPatch, admits: bool
) -> None:
    monkeypatch.setattr(stream_module, "OPENING_WAIT_SECONDS", 600)
    census = Alone()
    census.admits = False
    hub = new_hub(channels, 10, 10, census=census)
    database = Database(seq=1)
    opening = gevent.spawn(opened(hub, database.read_changes, position=0).until_idle)
    for _ in range(10):
        gevent.sleep(0)
    assert (opening.ready(), database.asked) == (False, [])
    [client] = census.counted
    hub.deliver([(ADA, b'{"hello":"world"}')])
    if admits:
        client.admitted = True
        client.wake()
    else:
        client.bar(stream_module.no_room())
    events = [frame.event for frame in opening.get(timeout=5)]
    assert events == (["connected", "message", "message"] if admits else ["draining"])
    assert (hub.streams, census.counted) == (0, []) if not admits else (1, [client])


def test_a_count_that_does_not_come_is_not_waited_for_for_ever(
    channels: Channels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "OPENING_WAIT_SECONDS", 0.01)
    census = Alone()
    census.admits = False
    hub = new_hub(channels, 10, 10, census=census)
    reading = opened(hub, Database().read_changes)
    assert [frame.event for frame in reading.until_idle()] == ["connected"]
    assert census.counted[0].admitted
