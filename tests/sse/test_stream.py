"""The life of one stream: how it begins, what it brings, and that it ends when it must."""

from collections.abc import Callable

import gevent
import pytest

from app.sse import stream as stream_module
from app.sse.client import Client
from app.sse.hub import Hub
from app.sse.stream import Terms, stream
from tests.sse.parts import FAR_FUTURE, Channels, Clock, Database, Reading, opened, push

ADA = b"user-notifications:ada"


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_module, "FIRST_BACKOFF_SECONDS", 0)


@pytest.fixture
def channels() -> Channels:
    """Subscriptions, of which Ada's is confirmed."""
    channels = Channels()
    channels.there.add(ADA)
    return channels


@pytest.fixture
def hub(channels: Channels) -> Hub:
    """An empty hub."""
    return Hub(channels, max_streams=3, max_streams_per_user=2)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The streams' clock."""
    clock = Clock()
    monkeypatch.setattr(stream_module, "time", clock)
    return clock


def ids(reading: Reading) -> list[str | None]:
    return [frame.id for frame in reading.frames]


def test_connected_comes_first_with_where_the_mailbox_stands_and_a_retry(hub: Hub) -> None:
    reading = opened(hub, Database(seq=7).read_changes, expires_at=FAR_FUTURE)
    [connected] = reading.next()
    assert (connected.event, connected.id) == ("connected", "7")
    assert connected.retry_ms == stream_module.RETRY_MS
    assert connected.json() == {"seq": 7, "unread": 3, "unseen": 2, "expires_at": FAR_FUTURE}
    assert reading.until_idle() == []


def test_who_comes_back_is_connected_at_its_own_position_and_then_gets_the_rest(hub: Hub) -> None:
    reading = opened(hub, Database(seq=7).read_changes, position=4)
    [connected] = reading.next()
    # Cut off here, it comes back with 4 and has lost nothing.
    assert (connected.id, connected.json()["seq"]) == ("4", 4)
    assert [(f.event, f.id) for f in reading.until_idle()] == [
        ("message", "5"),
        ("message", "6"),
        ("message", "7"),
    ]


def test_position_0_is_a_position(hub: Hub) -> None:
    reading = opened(hub, Database(seq=2).read_changes, position=0)
    reading.until_idle()
    assert ids(reading) == ["0", "1", "2"]


def test_pushes_follow_the_replay_without_a_gap_or_a_repeat(hub: Hub) -> None:
    database = Database(seq=6)
    reading = opened(hub, database.read_changes, position=4)
    reading.until_idle()
    for seq in (5, 6, 7, 7, 8):
        hub.deliver(ADA, push(seq))
    reading.until_idle()
    assert ids(reading) == ["4", "5", "6", "7", "8"]
    assert database.asked == [("ada", 4)]


@pytest.mark.parametrize("published", [(8,), (8, 7), (7, 8), (9, 8, 7)])
def test_what_is_committed_and_published_during_the_replay_arrives(
    hub: Hub, published: tuple[int, ...]
) -> None:
    database = Database(seq=6)

    def commit() -> None:
        database.seq = max(published)
        database.meanwhile = lambda: None
        for seq in published:
            hub.deliver(ADA, push(seq))

    database.meanwhile = commit
    reading = opened(hub, database.read_changes, position=5)
    reading.until_idle()
    assert ids(reading) == [str(seq) for seq in range(5, max(published) + 1)]


def test_a_gap_is_read_from_the_database(hub: Hub) -> None:
    database = Database(seq=1)
    reading = opened(hub, database.read_changes)
    reading.until_idle()
    database.seq = 4
    hub.deliver(ADA, push(2))
    hub.deliver(ADA, push(4))
    reading.until_idle()
    assert ids(reading) == ["1", "2", "3", "4"]
    assert database.asked[1:] == [("ada", 2)]


def test_what_was_queued_while_a_chunk_was_written_comes_before_what_is_read(hub: Hub) -> None:
    database = Database(seq=1)
    reading = opened(hub, database.read_changes)
    reading.until_idle()
    database.seq = 6
    hub.deliver(ADA, push(2))
    reading.next()  # a slow reader's socket is full; meanwhile:
    for seq in (3, 4, 6):
        hub.deliver(ADA, push(seq))
    reading.until_idle()
    assert ids(reading) == ["1", "2", "3", "4", "5", "6"]


def test_a_reader_too_slow_for_its_queue_gets_all_in_order(hub: Hub) -> None:
    database = Database()
    reading = opened(hub, database.read_changes)
    reading.until_idle()
    for seq in range(1, 1_001):
        database.seq = seq
        hub.deliver(ADA, push(seq))
        if seq % 400 == 0:
            reading.next()
    reading.until_idle()
    assert ids(reading) == [str(seq) for seq in range(1_001)]


def test_a_flood_does_not_keep_a_stream_from_its_end(hub: Hub) -> None:
    reading = opened(hub, Database().read_changes)
    reading.until_idle()
    hub.drain(spread_ms=0)
    hub.deliver(ADA, push(1))
    assert [frame.event for frame in reading.next()] == ["message", "draining"]
    hub.deliver(ADA, push(2))
    assert reading.until_idle() == []


def test_a_reset_says_why_and_goes_on_from_the_current_seq(hub: Hub) -> None:
    database = Database(seq=900)
    database.reset = "too-far-behind"
    reading = opened(hub, database.read_changes, position=3)
    connected, reset = reading.until_idle()
    assert (connected.event, connected.id) == ("connected", "3")
    assert (reset.event, reset.id) == ("reset", "900")
    assert reset.json() == {"seq": 900, "unread": 3, "unseen": 2, "reason": "too-far-behind"}
    hub.deliver(ADA, push(901))
    assert [frame.id for frame in reading.until_idle()] == ["901"]


def test_a_stream_waits_for_its_subscription_before_it_reads(hub: Hub, channels: Channels) -> None:
    channels.there.clear()
    database = Database(seq=7)
    reading = opened(hub, database.read_changes)
    first = gevent.spawn(reading.next)
    gevent.sleep(0)
    assert database.asked == []
    hub.confirmed(ADA)
    [connected] = first.get(timeout=5)
    assert connected.event == "connected"


def test_without_its_subscription_it_opens_all_the_same_and_reads_again_once_it_is_there(
    hub: Hub, channels: Channels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "SUBSCRIBE_WAIT_SECONDS", 0.01)
    channels.there.clear()
    database = Database(seq=7)
    reading = opened(hub, database.read_changes)
    reading.until_idle()
    database.seq = 8  # published to nobody
    hub.confirmed(ADA)
    reading.until_idle()
    assert ids(reading) == ["7", "8"]


def test_what_was_lost_with_a_link_arrives_when_the_link_is_back(hub: Hub) -> None:
    database = Database(seq=7)
    reading = opened(hub, database.read_changes)
    reading.until_idle()
    database.seq = 9
    assert reading.until_idle() == []
    hub.confirmed(ADA)
    reading.until_idle()
    assert ids(reading) == ["7", "8", "9"]


def test_an_idle_stream_pings_and_the_ping_has_no_id(hub: Hub) -> None:
    reading = opened(hub, Database(seq=7).read_changes)
    reading.next()
    for _ in range(3):
        [ping] = reading.next()
        assert (ping.event, ping.id, ping.last_event_id) == ("ping", None, "7")


def test_a_stream_sleeps_until_there_is_something_to_do(hub: Hub) -> None:
    reading = opened(hub, Database(seq=7).read_changes, keepalive_seconds=600)
    reading.next()
    following = gevent.spawn(reading.next)
    gevent.sleep(0.01)
    assert not following.ready()
    hub.deliver(ADA, push(8))
    assert [frame.id for frame in following.get(timeout=5)] == ["8"]


@pytest.mark.parametrize("away", [1, 3])
def test_an_opening_while_the_database_is_away_shows_life_and_connects_later(
    hub: Hub, away: int
) -> None:
    database = Database(seq=7)
    database.away = away
    reading = opened(hub, database.read_changes)
    for _ in range(away):
        assert reading.next() == []
        assert reading.parser.retry_ms == stream_module.RETRY_MS
    [connected] = reading.next()
    assert (connected.event, connected.id) == ("connected", "7")


def test_a_catch_up_while_the_database_is_away_shows_life_and_is_done_later(hub: Hub) -> None:
    database = Database(seq=7)
    reading = opened(hub, database.read_changes)
    reading.until_idle()
    database.away, database.seq = 2, 9
    hub.confirmed(ADA)
    assert [frame.event for _ in range(2) for frame in reading.next()] == ["ping", "ping"]
    reading.until_idle()
    assert ids(reading)[-2:] == ["8", "9"]


def test_at_its_tokens_end_a_stream_says_so_and_ends_with_it(hub: Hub, clock: Clock) -> None:
    reading = opened(hub, Database().read_changes, expires_at=int(clock.now) + 60)
    reading.until_idle()
    clock.now += 59.9
    hub.deliver(ADA, push(1))
    assert [frame.id for frame in reading.until_idle()] == ["1"]
    hub.deliver(ADA, push(2))
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
    hub = Hub(channels, max_streams=100, max_streams_per_user=100)
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
    hub.deliver(ADA, push(3))
    reading.next()


@pytest.mark.parametrize("reach", [at_connected, in_the_replay, live])
def test_a_stream_that_is_closed_leaves_nothing(
    hub: Hub, channels: Channels, reach: Callable[[Reading, Hub], None]
) -> None:
    chunks = stream(Client("ada", 1), hub, Database(seq=2).read_changes, Terms(0, 60, FAR_FUTURE))
    reach(Reading(chunks), hub)
    chunks.close()  # type: ignore[attr-defined]  # a generator, as gunicorn finds it to be
    assert hub.streams == 0
    assert channels.asked == [("want", ADA), ("unwant", ADA)]


def test_a_stream_that_is_never_begun_as_for_head_never_joins(hub: Hub, channels: Channels) -> None:
    chunks = stream(Client("ada", 1), hub, Database().read_changes, Terms(0, 60, FAR_FUTURE))
    chunks.close()  # type: ignore[attr-defined]
    assert (hub.streams, channels.asked) == (0, [])


def test_a_stream_that_is_killed_in_its_sleep_leaves_nothing(hub: Hub) -> None:
    reading = opened(hub, Database().read_changes, keepalive_seconds=600)
    greenlet = gevent.spawn(reading.until_idle)
    gevent.sleep(0)
    assert hub.streams == 1
    greenlet.kill()
    assert hub.streams == 0
    hub.deliver(ADA, push(1))


def test_a_defect_in_the_database_room_ends_the_stream_and_leaves_nothing(hub: Hub) -> None:
    def broken(_user_id: str, _after: int | None) -> object:
        raise RuntimeError("a defect")

    reading = opened(hub, broken)  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="a defect"):
        reading.next()
    assert hub.streams == 0
