"""The life of one stream: how it begins, and that it brings everything once and in order."""

import gevent
import pytest

from app.sse import stream as stream_module
from app.sse.hub import Hub
from app.sse.sweep import sweep
from tests.sse.parts import ADA, FAR_FUTURE, Channels, Database, Reading, opened, push

pytestmark = pytest.mark.usefixtures("no_backoff")


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
        hub.deliver([(ADA, push(seq))])
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
            hub.deliver([(ADA, push(seq))])

    database.meanwhile = commit
    reading = opened(hub, database.read_changes, position=5)
    reading.until_idle()
    assert ids(reading) == [str(seq) for seq in range(5, max(published) + 1)]


def test_a_gap_is_read_from_the_database(hub: Hub) -> None:
    database = Database(seq=1)
    reading = opened(hub, database.read_changes)
    reading.until_idle()
    database.seq = 4
    hub.deliver([(ADA, push(2))])
    hub.deliver([(ADA, push(4))])
    reading.until_idle()
    assert ids(reading) == ["1", "2", "3", "4"]
    assert database.asked[1:] == [("ada", 2)]


def test_what_a_sweep_finds_during_a_read_that_is_older_is_read_again(hub: Hub) -> None:
    database = Database(seq=1)
    reading = opened(hub, database.read_changes)
    reading.until_idle()

    def commit() -> None:
        database.meanwhile = lambda: None
        database.seq = 3  # published to nobody
        assert sweep(hub, lambda _users: {"ada": 3}) == 0

    database.seq, database.meanwhile = 2, commit
    hub.confirmed(ADA)
    reading.until_idle()
    assert ids(reading) == ["1", "2", "3"]


def test_what_was_queued_while_a_chunk_was_written_comes_before_what_is_read(hub: Hub) -> None:
    database = Database(seq=1)
    reading = opened(hub, database.read_changes)
    reading.until_idle()
    database.seq = 6
    hub.deliver([(ADA, push(2))])
    reading.next()  # a slow reader's socket is full; meanwhile:
    for seq in (3, 4, 6):
        hub.deliver([(ADA, push(seq))])
    reading.until_idle()
    assert ids(reading) == ["1", "2", "3", "4", "5", "6"]


def test_a_reader_too_slow_for_its_queue_gets_all_in_order(hub: Hub) -> None:
    database = Database()
    reading = opened(hub, database.read_changes)
    reading.until_idle()
    for seq in range(1, 1_001):
        database.seq = seq
        hub.deliver([(ADA, push(seq))])
        if seq % 400 == 0:
            reading.next()
    reading.until_idle()
    assert ids(reading) == [str(seq) for seq in range(1_001)]


def test_a_reset_says_why_and_goes_on_from_the_current_seq(hub: Hub) -> None:
    database = Database(seq=900)
    database.reset = "too-far-behind"
    reading = opened(hub, database.read_changes, position=3)
    connected, reset = reading.until_idle()
    assert (connected.event, connected.id) == ("connected", "3")
    assert (reset.event, reset.id) == ("reset", "900")
    assert reset.json() == {"seq": 900, "unread": 3, "unseen": 2, "reason": "too-far-behind"}
    hub.deliver([(ADA, push(901))])
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
    monkeypatch.setattr(stream_module, "OPENING_WAIT_SECONDS", 0.01)
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
    hub.deliver([(ADA, push(8))])
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
