"""The end of one stream: when it must come, how it is said, and that nothing is left behind."""

from collections.abc import Callable

import gevent
import pytest

from app.sse import stream as stream_module
from app.sse.hub import Hub
from app.sse.stream import Terms, stream
from tests.sse.parts import (
    ADA,
    FAR_FUTURE,
    Channels,
    Clock,
    Database,
    Reading,
    alone,
    new_client,
    new_hub,
    opened,
    push,
)

pytestmark = pytest.mark.usefixtures("no_backoff")


def test_a_flood_does_not_keep_a_stream_from_its_end(hub: Hub) -> None:
    reading = opened(hub, Database().read_changes)
    reading.until_idle()
    hub.drain(spread_ms=0)
    hub.deliver([(ADA, push(1))])
    assert [frame.event for frame in reading.next()] == ["message", "draining"]
    hub.deliver([(ADA, push(2))])
    assert reading.until_idle() == []


def test_at_its_tokens_end_a_stream_says_so_and_ends_with_it(hub: Hub, clock: Clock) -> None:
    reading = opened(hub, Database().read_changes, expires_at=int(clock.now) + 60)
    reading.until_idle()
    clock.now += 59.9
    hub.deliver([(ADA, push(1))])
    assert [frame.id for frame in reading.until_idle()] == ["1"]
    hub.deliver([(ADA, push(2))])
    clock.now += 0.1
    [expired] = reading.until_idle()
    assert (expired.event, expired.id) == ("expired", None)
    assert expired.json() == {"reason": "The token has expired."}
    assert hub.streams == 0


def test_a_stream_that_sleeps_wakes_at_its_tokens_end(hub: Hub, clock: Clock) -> None:
    reading = opened(
        hub, Database().read_changes, keepalive_seconds=600, expires_at=int(clock.now) + 1
    )
    reading.next()
    clock.now += 0.99
    following = gevent.spawn(reading.next)
    gevent.sleep(0)
    clock.now += 0.01
    assert [frame.event for frame in following.get(timeout=5)] == ["expired"]


def test_a_token_that_ends_while_the_database_is_away_ends_the_stream(
    hub: Hub, clock: Clock
) -> None:
    database = Database()
    reading = opened(hub, database.read_changes, expires_at=int(clock.now) + 60)
    reading.until_idle()
    database.away, database.seq = 10**9, 1
    hub.confirmed(ADA)
    assert [frame.event for frame in reading.next()] == ["ping"]
    clock.now += 60
    assert [frame.event for frame in reading.until_idle()] == ["expired"]


def test_what_is_read_at_the_tokens_end_is_not_sent_any_more(hub: Hub, clock: Clock) -> None:
    database = Database(seq=1)

    def take_long() -> None:
        clock.now += 60

    database.meanwhile = take_long
    reading = opened(hub, database.read_changes, position=0, expires_at=int(clock.now) + 60)
    assert [frame.event for frame in reading.until_idle()] == ["expired"]


def test_a_stream_lives_no_longer_than_it_may_and_is_told_to_come_back(
    hub: Hub, clock: Clock
) -> None:
    reading = opened(hub, Database(seq=7).read_changes, max_seconds=100)
    reading.until_idle()
    clock.now += 89.9
    assert reading.until_idle() == []
    clock.now += 10.1
    [draining] = reading.until_idle()
    assert (draining.event, draining.id) == ("draining", None)
    assert draining.retry_ms == draining.json()["retry_ms"]
    assert hub.streams == 0


def test_streams_that_were_opened_together_do_not_end_together(
    channels: Channels, clock: Clock
) -> None:
    hub = new_hub(channels, max_streams=100, max_streams_per_user=100)
    readings = [opened(hub, Database().read_changes, max_seconds=100) for _ in range(50)]
    for reading in readings:
        reading.until_idle()
    clock.now += 95
    for reading in readings:
        reading.until_idle()
    assert 0 < hub.streams < 50


@pytest.mark.parametrize("chunks", [0, 1, 2])
def test_a_drain_ends_a_stream_wherever_it_is(hub: Hub, chunks: int) -> None:
    reading = opened(hub, Database(seq=2).read_changes, position=1)
    list(zip(range(chunks), iter(reading.next, None), strict=False))
    hub.drain(spread_ms=0)
    events = [frame.event for frame in reading.until_idle()]
    assert events[-1:] == ["draining"]
    assert hub.streams == 0


def test_a_drain_ends_a_stream_whose_database_is_away(hub: Hub) -> None:
    database = Database()
    database.away = 10**9
    reading = opened(hub, database.read_changes)
    reading.next()
    hub.drain(spread_ms=0)
    assert [frame.event for frame in reading.until_idle()] == ["draining"]


def test_a_drain_does_not_wait_for_the_database_to_be_asked_again(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "FIRST_BACKOFF_SECONDS", 600)
    monkeypatch.setattr(stream_module, "MOST_BACKOFF_SECONDS", 600)
    database = Database()
    database.away = 1
    reading = opened(hub, database.read_changes)
    reading.next()
    rest = gevent.spawn(reading.until_idle)
    gevent.sleep(0)
    # Nothing else that happens makes it ask sooner, nor is it forgotten that a drain will.
    hub.confirmed(ADA)
    hub.deliver([(ADA, b'{"hello":"world"}')])
    gevent.sleep(0)
    assert (len(database.asked), rest.ready()) == (1, False)
    hub.drain(spread_ms=0)
    assert [frame.event for frame in rest.get(timeout=5)] == ["message", "draining"]
    assert len(database.asked) == 1


def test_a_drain_does_not_wait_for_a_subscription(
    hub: Hub, channels: Channels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "OPENING_WAIT_SECONDS", 600)
    channels.there.clear()
    opening = gevent.spawn(opened(hub, Database().read_changes).until_idle)
    gevent.sleep(0)
    assert hub.streams == 1
    hub.drain(spread_ms=0)
    assert [frame.event for frame in opening.get(timeout=5)] == ["draining"]
    assert hub.streams == 0


def test_at_a_limit_a_stream_is_told_to_come_back_later_and_ends(
    hub: Hub, channels: Channels
) -> None:
    others = [opened(hub, Database().read_changes) for _ in range(2)]
    for other in others:
        other.until_idle()
    refused = opened(hub, Database().read_changes)
    [draining] = refused.until_idle()
    assert draining.event == "draining"
    # Not at once: it would be refused again.
    assert draining.retry_ms is not None
    assert 1_000 <= draining.retry_ms <= stream_module.COME_BACK_WITHIN_MS
    assert hub.streams == 2
    assert channels.asked == [("want", ADA)]
    for other in others:
        assert other.until_idle() == []


def at_connected(reading: Reading, _hub: Hub) -> None:
    reading.next()


def in_the_replay(reading: Reading, _hub: Hub) -> None:
    reading.next()
    reading.next()


def live(reading: Reading, hub: Hub) -> None:
    reading.until_idle()
    hub.deliver([(ADA, push(3))])
    reading.next()


@pytest.mark.parametrize("reach", [at_connected, in_the_replay, live])
def test_a_stream_that_is_closed_leaves_nothing(
    hub: Hub, channels: Channels, reach: Callable[[Reading, Hub], None]
) -> None:
    chunks = stream(
        new_client("ada", 1), hub, alone(Database(seq=2).read_changes), Terms(0, 60, FAR_FUTURE)
    )
    reach(Reading(chunks), hub)
    chunks.close()  # type: ignore[attr-defined]  # a generator, as gunicorn finds it to be
    assert hub.streams == 0
    assert channels.asked == [("want", ADA), ("unwant", ADA)]


def test_a_stream_that_is_never_begun_as_for_head_never_joins(hub: Hub, channels: Channels) -> None:
    lookups = alone(Database().read_changes)
    chunks = stream(new_client("ada", 1), hub, lookups, Terms(0, 60, FAR_FUTURE))
    chunks.close()  # type: ignore[attr-defined]
    assert (hub.streams, channels.asked) == (0, [])


def test_a_stream_that_is_killed_in_its_sleep_leaves_nothing(hub: Hub) -> None:
    reading = opened(hub, Database().read_changes, keepalive_seconds=600)
    greenlet = gevent.spawn(reading.until_idle)
    gevent.sleep(0)
    assert hub.streams == 1
    greenlet.kill()
    assert hub.streams == 0
    hub.deliver([(ADA, push(1))])


def test_a_defect_in_the_database_room_ends_the_stream_and_leaves_nothing(hub: Hub) -> None:
    def broken(_user_id: str, _after: int | None) -> object:
        raise RuntimeError("a defect")

    reading = opened(hub, broken)  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="a defect"):
        reading.next()
    assert hub.streams == 0
