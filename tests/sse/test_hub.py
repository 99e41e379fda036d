"""The hub subscribes once for all streams of a user, and hands a push to nobody else's."""

import logging
from collections.abc import Callable

import gevent
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.sse import drops, frame
from app.sse.client import QUEUE_FRAMES, Client
from app.sse.hub import Hub
from tests.sse.parts import Channels, new_client, new_hub, push
from tests.support.sse import SseParser

ADA, GRACE = b"user-notifications:ada", b"user-notifications:grace"


@pytest.fixture
def channels() -> Channels:
    """What the hub asks of a listener."""
    return Channels()


@pytest.fixture
def hub(channels: Channels) -> Hub:
    """A hub for four streams, and three of one user."""
    return new_hub(channels, max_streams=4, max_streams_per_user=3)


def joined(hub: Hub, user_id: str, position: int = 0) -> Client:
    """A client of `user_id` that is in the hub and has caught up."""
    client = new_client(user_id, position)
    assert hub.join(client)
    client.begin_catch_up()
    client.caught_up(position)
    return client


def test_the_first_client_subscribes_and_the_last_unsubscribes(
    hub: Hub, channels: Channels
) -> None:
    first, second = joined(hub, "ada"), joined(hub, "ada")
    hub.leave(first)
    assert channels.asked == [("want", ADA)]
    hub.leave(second)
    assert channels.asked == [("want", ADA), ("unwant", ADA)]
    joined(hub, "ada")
    assert channels.asked[2:] == [("want", ADA)]


def test_a_client_knows_whether_its_subscription_is_there(hub: Hub, channels: Channels) -> None:
    early = joined(hub, "ada")
    assert not early.subscribed
    hub.confirmed(ADA)
    assert early.subscribed
    channels.there.add(ADA)
    assert joined(hub, "ada").subscribed


def test_a_push_reaches_every_client_of_its_user_and_nobody_else(hub: Hub) -> None:
    first, second, other = joined(hub, "ada"), joined(hub, "ada"), joined(hub, "grace")
    hub.deliver([(ADA, push(1))])
    assert first.take() == second.take() == frame.of_push(push(1))[1]
    assert other.take() == b""
    assert not other.wait(0)


def test_a_user_whose_name_begins_like_another_is_another(hub: Hub) -> None:
    short, long = joined(hub, "ada"), joined(hub, "ada:lovelace")
    hub.deliver([(ADA + b":lovelace", push(1))])
    assert (short.take(), long.take()) == (b"", frame.of_push(push(1))[1])


def test_a_push_for_nobody_is_no_error(hub: Hub) -> None:
    hub.deliver([(ADA, push(1))])
    hub.confirmed(ADA)


def test_a_confirmation_is_for_the_clients_of_that_channel_alone(hub: Hub) -> None:
    ada, grace = joined(hub, "ada"), joined(hub, "grace")
    hub.confirmed(GRACE)
    assert (ada.behind, grace.behind) == (False, True)


def test_who_has_left_is_given_nothing(hub: Hub) -> None:
    gone, stays = joined(hub, "ada"), joined(hub, "ada")
    hub.leave(gone)
    hub.deliver([(ADA, push(1))])
    hub.confirmed(ADA)
    assert (gone.take(), gone.behind) == (b"", False)
    assert stays.take()
    assert list(hub.clients()) == [stays]


def test_a_limit_refuses_the_new_and_evicts_nobody(hub: Hub, channels: Channels) -> None:
    clients = [joined(hub, "ada") for _ in range(3)]
    assert not hub.join(new_client("ada", 0))  # three for each user
    clients.append(joined(hub, "grace"))
    assert not hub.join(new_client("mary", 0))  # four in all
    assert list(hub.clients()) == clients
    assert not any(client.ending for client in clients)
    assert channels.asked == [("want", ADA), ("want", GRACE)]
    hub.leave(clients[0])
    assert hub.join(new_client("ada", 0))


def test_a_drain_ends_all_and_takes_no_more(hub: Hub, channels: Channels) -> None:
    clients = [joined(hub, "ada"), joined(hub, "grace")]
    hub.drain(spread_ms=1_000)
    for client in clients:
        assert client.ending is not None
        [event] = SseParser().feed(client.ending)
        assert event.event == "draining"
        assert 0 <= event.json()["retry_ms"] <= 1_000
    assert not hub.join(new_client("mary", 0))
    assert hub.streams == 2
    for client in clients:
        hub.leave(client)
    assert hub.streams == 0
    assert {channel for asked, channel in channels.asked if asked == "unwant"} == {ADA, GRACE}


def test_those_that_are_drained_do_not_all_come_back_at_once() -> None:
    hub = new_hub(Channels(), max_streams=100, max_streams_per_user=100)
    clients = [joined(hub, "ada") for _ in range(100)]
    hub.drain(spread_ms=5_000)
    assert len({client.ending for client in clients}) > 50


def test_clients_may_come_and_go_while_all_are_looked_at(hub: Hub) -> None:
    first, second = joined(hub, "ada"), joined(hub, "ada")
    seen = []
    for client in hub.clients():
        seen.append(client)
        hub.leave(client)
    assert seen == [first, second]


def test_an_object_of_another_service_arrives_without_an_id(hub: Hub) -> None:
    client = joined(hub, "ada", position=5)
    hub.deliver([(ADA, b'{"hello":\n"world"}')])
    hub.deliver([(ADA, push(6))])
    foreign, ours = SseParser().feed(client.take())
    assert (foreign.event, foreign.id, foreign.json()) == ("message", None, {"hello": "world"})
    assert (ours.id, client.position) == ("6", 6)


def test_what_another_service_sends_while_a_client_is_behind_arrives_too(hub: Hub) -> None:
    client = new_client("ada", 5)
    hub.join(client)
    hub.deliver([(ADA, b'{"hello":"world"}')])
    assert b"world" in client.take()


@pytest.mark.parametrize("payload", [b"", b"hello", b"[1]", b'{"a":NaN}', b"\xff", b"{" * 9_999])
def test_what_is_no_object_is_dropped_with_word_of_it_and_not_of_its_text(
    hub: Hub, caplog: pytest.LogCaptureFixture, payload: bytes
) -> None:
    client = joined(hub, "ada")
    with caplog.at_level(logging.WARNING, "app.sse.hub"):
        hub.deliver([(ADA, payload)])
    assert (client.take(), client.behind) == (b"", False)
    [message] = caplog.messages
    assert message == f"dropped a Pub/Sub message that is no JSON object ({len(payload)} bytes)"


def test_a_flood_of_another_service_harms_a_slow_reader_only_and_loses_no_change(
    hub: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    slow, quick = joined(hub, "ada"), joined(hub, "ada")
    for _ in range(QUEUE_FRAMES + 1):
        hub.deliver([(ADA, b'{"flood":1}')])
        assert b"flood" in quick.take()
    assert caplog.messages == [FIRST_DROP]
    hub.deliver([(ADA, push(1))])
    assert (slow.behind, slow.position) == (True, 0)
    assert quick.take() == frame.of_push(push(1))[1]


FIRST_DROP = "dropped an unnumbered push for a slow reader of ada"
LATER_DROPS = "dropped 9 more unnumbered pushes for a slow reader of ada"


def flood(hub: Hub, dropped: int) -> Client:
    """A slow reader that was not given so many pushes."""
    slow = joined(hub, "ada")
    for _ in range(QUEUE_FRAMES + dropped):
        hub.deliver([(ADA, b'{"flood":1}')])
    return slow


def wait_for_lines(caplog: pytest.LogCaptureFixture, count: int) -> None:
    with gevent.Timeout(5):
        while len(caplog.messages) < count:
            gevent.sleep(0)


def test_a_flood_of_drops_is_told_at_once_and_then_in_one_line_for_each_period(
    hub: Hub, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drops, "PERIOD_SECONDS", 0.001)
    flood(hub, dropped=10)
    assert caplog.messages == [FIRST_DROP]
    wait_for_lines(caplog, 2)
    for _ in range(9):
        hub.deliver([(ADA, b'{"flood":1}')])
    wait_for_lines(caplog, 3)
    assert caplog.messages == [FIRST_DROP, LATER_DROPS, LATER_DROPS]


@pytest.mark.parametrize("end", ["leave", "drain"])
def test_what_was_dropped_is_told_before_a_reader_is_gone(
    hub: Hub, caplog: pytest.LogCaptureFixture, end: str
) -> None:
    slow = flood(hub, dropped=10)
    if end == "leave":
        hub.leave(slow)
    else:
        hub.drain(spread_ms=0)
        hub.leave(slow)
    assert caplog.messages == [FIRST_DROP, LATER_DROPS]


def test_each_slow_reader_is_told_of(hub: Hub, caplog: pytest.LogCaptureFixture) -> None:
    for user, channel in (("ada", ADA), ("grace", GRACE)):
        joined(hub, user)
        for _ in range(QUEUE_FRAMES + 2):
            hub.deliver([(channel, b'{"flood":1}')])
    assert caplog.messages == [FIRST_DROP, FIRST_DROP.replace("ada", "grace")]


LOOK_ALIKES: Callable[[bytes], bytes] = b'{"seq":1,"id":'.__add__


@given(st.binary() | st.binary().map(LOOK_ALIKES) | st.text().map(str.encode).map(LOOK_ALIKES))
@settings(deadline=None)
def test_no_payload_ends_the_listener_or_makes_two_frames(payload: bytes) -> None:
    hub = new_hub(Channels(), max_streams=1, max_streams_per_user=1)
    client = joined(hub, "ada")
    hub.deliver([(ADA, payload)])
    parser = SseParser()
    frames = parser.feed(client.take())
    assert len(frames) <= 1
    assert parser.feed(frame.PING)[0].event == "ping"
