"""A stream that is idle is written to at once; otherwise its own greenlet does it, in order."""

from collections.abc import Callable

import gevent
import pytest

from app.sse import frame
from app.sse.hub import Hub
from app.sse.pulse import BEATS, ROUND, Pulse, beat
from tests.sse.parts import ADA, Channels, Clock, Database, Written, new_client, push, written
from tests.sse.parts import new_hub as a_hub


@pytest.fixture
def channels() -> Channels:
    channels = Channels()
    channels.there.add(ADA)
    return channels


@pytest.fixture
def hub(channels: Channels) -> Hub:
    return a_hub(channels, 10, 10)


def idle(hub: Hub, database: Database) -> Written:
    """A stream that has been told all there is, and waits."""
    reading = written(hub, database.read_changes, 0)
    while not reading.idle:
        reading.next()
    return reading


def seqs(reading: Written) -> list[int]:
    return [int(frame.id) for frame in reading.next() if frame.id]


def test_a_frame_is_there_before_its_greenlet_has_run(hub: Hub) -> None:
    reading = idle(hub, Database())
    hub.deliver([(ADA, push(1))])
    hub.deliver([(ADA, push(2))])
    assert reading.idle, "nobody was woken"
    assert seqs(reading) == [1, 2]
    assert reading.socket.direct == 2
    reading.close()


@pytest.mark.parametrize("room", [0, 1, 3, 40])
def test_what_its_socket_does_not_take_is_written_before_what_comes_after(
    hub: Hub, room: int
) -> None:
    reading = idle(hub, Database())
    reading.socket.takes = room
    for seq in (1, 2, 3):
        hub.deliver([(ADA, push(seq))])
    assert seqs(reading) == [1, 2, 3]
    assert reading.socket.direct == (room > 0)
    reading.close()


def test_what_arrives_together_is_written_at_once(hub: Hub) -> None:
    readings = [idle(hub, Database()), idle(hub, Database())]
    hub.deliver([(ADA, push(seq)) for seq in (1, 2, 2, 1, 3)])
    for reading in readings:
        assert reading.idle, "nobody was woken"
        assert seqs(reading) == [1, 2, 3]
        assert reading.socket.direct == 1
        reading.close()


@pytest.mark.parametrize("room", [0, 3, 70])
def test_what_arrives_together_and_is_not_taken_is_written_in_order(hub: Hub, room: int) -> None:
    database = Database()
    reading = idle(hub, database)
    reading.socket.takes = room
    hub.deliver([(ADA, push(1)), (ADA, push(2)), (ADA, b'{"hello":"world"}'), (ADA, push(3))])
    database.seq = 5
    hub.deliver([(ADA, push(5)), (ADA, push(4))])
    found: list[int] = []
    while len(found) < 5:
        found += seqs(reading)
    assert found == [1, 2, 3, 4, 5]
    reading.close()


def test_what_arrives_together_goes_to_whom_it_is_for(channels: Channels, hub: Hub) -> None:
    grace = b"user-notifications:grace"
    channels.there.add(grace)
    readings = [idle(hub, Database()), written(hub, Database().read_changes, 0, user_id="grace")]
    while not readings[1].idle:
        readings[1].next()
    hub.deliver([(ADA, push(1)), (grace, push(1)), (grace, push(2))])
    assert [seqs(reading) for reading in readings] == [[1], [1, 2]]
    for reading in readings:
        reading.close()


def test_a_defect_takes_nothing_with_it_that_came_before(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading = idle(hub, Database())
    whole = frame.of_push

    def of_push(payload: bytes) -> tuple[int, bytes]:
        assert payload != push(2)
        return whole(payload)

    monkeypatch.setattr("app.sse.frame.of_push", of_push)
    with pytest.raises(AssertionError):
        hub.deliver([(ADA, push(1)), (ADA, push(2))])
    assert seqs(reading) == [1]
    reading.close()


def test_all_is_written_before_others_may_run(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever writes a line of the log may have to wait for it."""
    reading = idle(hub, Database())
    written_by_then: list[int] = []

    def warning(*_: object) -> None:
        written_by_then.append(reading.socket.direct)

    monkeypatch.setattr("app.sse.hub.log.warning", warning)
    hub.deliver([(ADA, push(1)), (ADA, b"no JSON"), (ADA, push(2))])
    assert written_by_then == [1]
    assert seqs(reading) == [1, 2]
    reading.close()


def test_a_gap_is_not_written_over(hub: Hub) -> None:
    database = Database()
    reading = idle(hub, database)
    database.seq = 3
    hub.deliver([(ADA, push(2))])
    hub.deliver([(ADA, push(1))])
    hub.deliver([(ADA, push(3))])
    assert reading.socket.direct == 0
    assert seqs(reading) == [1, 2, 3]
    reading.close()


def test_an_old_change_is_dropped(hub: Hub) -> None:
    reading = idle(hub, Database(2))
    reading.next()
    hub.deliver([(ADA, push(1))])
    hub.deliver([(ADA, push(2))])
    assert reading.next() == []
    reading.close()


@pytest.mark.parametrize(
    "interrupt",
    [
        lambda hub: next(hub.clients()).end(frame.expired("over")),
        lambda hub: next(hub.clients()).bar(frame.expired("over")),
        lambda hub: hub.drain(0),
    ],
    ids=["ended", "barred", "drained"],
)
def test_nothing_is_written_once_it_is_to_end(hub: Hub, interrupt: Callable[[Hub], None]) -> None:
    reading = idle(hub, Database())
    client = reading.client
    interrupt(hub)
    assert not client.offer(1, b"id: 1\n\n")
    assert reading.socket.direct == 0
    while True:
        try:
            frames = reading.next()
        except StopIteration:
            break
        last = frames[-1]
    assert last.event in ("expired", "draining")


def test_a_frame_that_was_begun_is_whole_before_the_stream_s_time_is_up(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading = idle(hub, Database())
    clock = Clock()
    clock.now = 2.0**41
    monkeypatch.setattr("app.sse.stream.time", clock)
    reading.socket.takes = 20
    hub.deliver([(ADA, push(1))])
    frames = reading.next()
    assert [one.id for one in frames[:1]] == ["1"]
    assert frames[-1].event == "expired"


def test_nothing_follows_the_last_frame_when_the_stream_s_time_is_up(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading = idle(hub, Database())
    clock = Clock()
    clock.now = 2.0**41
    monkeypatch.setattr("app.sse.stream.time", clock)
    reading.client.wake()
    while reading.idle:
        gevent.sleep(0)
    hub.deliver([(ADA, push(1))])  # while gunicorn writes the last frame
    assert [one.event for one in reading.next()] == ["expired"]
    reading.close()


def test_a_sign_of_life_goes_where_nothing_waits_and_waits_where_something_does(hub: Hub) -> None:
    reading = idle(hub, Database())
    beat([reading.client])
    assert [one.event for one in reading.next()] == ["ping"]
    reading.socket.takes = 0
    beat([reading.client])
    assert [one.event for one in reading.next()] == ["ping"]
    reading.next()
    reading.socket.takes = 5
    hub.deliver([(ADA, push(1))])
    beat([reading.client])
    assert [one.event for one in reading.next()] == ["message"]
    reading.close()


def test_the_pulse_reaches_everybody_in_each_round_and_nobody_who_has_left() -> None:
    pulse = Pulse(0.05)
    clients = [new_client(f"user-{number}") for number in range(3 * BEATS)]
    beats = dict.fromkeys(clients, 0)

    def count(client: object, *_: bytes) -> None:
        beats[client] += 1  # type: ignore[index]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("app.sse.client.Client.ping", count)
        for client in clients:
            pulse.add(client)
        pulse.remove(clients[0])
        pulse.start()
        with gevent.Timeout(10):
            while min(beats[client] for client in clients[1:]) < 3:
                gevent.sleep(0)
        pulse.stop()
    assert beats[clients[0]] == 0
    assert max(beats.values()) - min(beats[client] for client in clients[1:]) <= 1


def test_the_pulse_goes_by_the_clock_but_does_not_make_up_for_what_was_held_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock()
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        # Whatever else the worker does takes as long again as a tenth of a beat; once, it stands.
        clock.now += seconds + (100 if len(pauses) == BEATS else 0.1)
        if len(pauses) == 2 * BEATS:
            raise gevent.GreenletExit

    monkeypatch.setattr("app.sse.pulse.time", clock)
    monkeypatch.setattr("app.sse.pulse.gevent.sleep", sleep)
    pulse = Pulse(BEATS / ROUND)  # a beat each second
    with pytest.raises(gevent.GreenletExit):
        pulse._run()
    assert pauses[0] == pytest.approx(1)
    assert pauses[1:BEATS] == [pytest.approx(0.9)] * (BEATS - 1)
    assert pauses[BEATS] == 0
    assert pauses[BEATS + 1 :] == [pytest.approx(0.9)] * (BEATS - 1)
