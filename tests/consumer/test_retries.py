"""An event whose handler fails is tried again later, while others go on, and parked in the end."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace

import pytest
import redis
from pydantic import BaseModel

from app.consumer import consumer as consumer_module
from app.consumer.consumer import MOST_FAILURES, RETRY_AFTER_SECONDS, Stored, Turn
from app.consumer.entry import Entry
from app.consumer.envelope import MAX_REASON_CHARS, Event
from app.consumer.info import info
from app.consumer.registry import handles
from app.consumer.stream import EventStream
from app.errors import DatabaseUnavailable
from app.notifications.draft import Draft
from tests.support.consuming import (
    DEAD_LETTERS,
    NAMES,
    STREAM,
    Pushes,
    consumer,
    dead_letters,
    event,
    finish,
    let_idle,
    pending,
    send,
    store,
    told,
)

pytestmark = pytest.mark.usefixtures("in_app")

# What is decided before the database is reached need not be seen on both.
on_one_database = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


class Clock:
    """A clock that stands still until the test moves it on."""

    now = 1_000.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now


class NoData(BaseModel):
    """The data of an event whose handler needs none."""


class Failing:
    """A handler of `test.fails` that fails while `down`, and notes which events it was called for.

    Else it tells grace.
    """

    def __init__(self) -> None:
        self.down = True
        self.calls: list[str] = []
        handles("test.fails", NoData)(self._handle)

    def _handle(self, event: Event, data: NoData) -> Iterable[Draft]:
        self.calls.append(event.id)
        if self.down:
            raise RuntimeError("what it needs is away")
        yield Draft(user_id="grace", kind=event.type, reason="requested", title=event.id)


@pytest.fixture
def failing(own_handlers: None) -> Failing:
    return Failing()


@on_one_database
@pytest.mark.parametrize("text", ["went wrong", "\ud800\n" + "long" * 150])
def test_an_event_whose_handler_fails_is_tried_again_and_then_parked_others_go_through(
    redis_client: redis.Redis, own_handlers: None, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What a test logs, pytest's processes tell each other, and not with a lone surrogate in it.
    monkeypatch.setattr(consumer_module.log, "disabled", True)
    calls: list[str] = []

    @handles("test.fails", NoData)
    def fails(event: Event, data: NoData) -> Iterable[Draft]:
        calls.append(event.id)
        raise RuntimeError(text)

    poison = event(id="poison", type="test.fails")
    ids = send(redis_client, event(id="before"), poison, event(id="after"))
    clock = Clock()
    worker = consumer(redis_client, clock=clock)
    assert worker.turn(None) == Turn(taken=3, created=2, failed=1)
    # The neighbours did not wait for the end of this.
    assert told("grace") == ["before", "after"]
    assert pending(redis_client) == [ids[1]]
    for seconds in RETRY_AFTER_SECONDS:
        clock.now += seconds
        finish(worker)
    assert calls == ["poison"] * MOST_FAILURES
    assert worker.waiting == 0
    [letter] = dead_letters(redis_client)
    reason = letter[b"reason"].decode()
    assert reason.startswith(f"failed {MOST_FAILURES} times: RuntimeError: ")
    assert text[-4:] in reason
    assert reason.isprintable()
    assert len(reason) <= MAX_REASON_CHARS
    assert letter[b"original:event"] == json.dumps(poison).encode()
    assert pending(redis_client) == []
    assert set(redis_client.keys()) == {STREAM.encode(), DEAD_LETTERS.encode()}


@on_one_database
def test_failures_of_earlier_processes_count_and_are_forgotten_after_a_success(
    redis_client: redis.Redis, own_handlers: None
) -> None:
    failing = [True] * (MOST_FAILURES - 1) + [False] + [True] * (MOST_FAILURES - 1) + [False]

    @handles("test.fails", NoData)
    def fails_at_first(event: Event, data: NoData) -> Iterable[Draft]:
        if failing.pop(0):
            raise RuntimeError("not yet")
        yield Draft(user_id="grace", kind=event.type, reason="requested", title=event.id)

    for number in range(2):
        send(redis_client, event(id=f"e-{number}", type="test.fails"))
        for _ in range(MOST_FAILURES):
            consumer(redis_client).turn(None)
    assert told("grace") == ["e-0", "e-1"]
    assert dead_letters(redis_client) == []
    assert redis_client.keys() == [STREAM.encode()]


@on_one_database
def test_a_failed_event_is_tried_again_later_and_later_while_others_go_on(
    redis_client: redis.Redis, failing: Failing
) -> None:
    clock = Clock()
    worker = consumer(redis_client, clock=clock)
    send(redis_client, event(id="poison", type="test.fails"))
    assert worker.turn(None) == Turn(taken=1, failed=1)
    for tried, seconds in enumerate(RETRY_AFTER_SECONDS, 1):
        clock.now += seconds - 0.01
        send(redis_client, event(id=f"good {tried}"))
        finish(worker)
        assert told("grace")[-1] == f"good {tried}"
        assert failing.calls == ["poison"] * tried
        assert worker.waiting == 1
        clock.now += 0.01
        finish(worker)
        assert failing.calls == ["poison"] * (tried + 1)
    assert worker.waiting == 0
    assert len(dead_letters(redis_client)) == 1
    assert pending(redis_client) == []


@on_one_database
def test_an_event_that_failed_is_told_of_once_what_its_handler_needs_is_back(
    redis_client: redis.Redis, failing: Failing
) -> None:
    clock = Clock()
    worker = consumer(redis_client, clock=clock)
    send(redis_client, event(id="later", type="test.fails"), event(id="now"))
    finish(worker)
    failing.down = False
    clock.now += RETRY_AFTER_SECONDS[0]
    finish(worker)
    assert told("grace") == ["now", "later"]
    assert worker.waiting == 0
    assert pending(redis_client) == []
    assert dead_letters(redis_client) == []
    assert redis_client.keys() == [STREAM.encode()]


@on_one_database
def test_more_failed_events_than_a_batch_holds_keep_nobody_waiting(
    redis_client: redis.Redis, failing: Failing
) -> None:
    clock = Clock()
    worker = consumer(redis_client, batch=2, clock=clock)
    poison = [f"poison {number}" for number in range(5)]
    good = [f"good {number}" for number in range(5)]
    for pair in zip(poison, good, strict=True):
        send(redis_client, event(id=pair[0], type="test.fails"), event(id=pair[1]))
        finish(worker)
        clock.now += 0.1
    assert told("grace") == good
    assert failing.calls == poison
    for tried, seconds in enumerate(RETRY_AFTER_SECONDS, 2):
        clock.now += seconds
        finish(worker)
        assert failing.calls == poison * tried
    assert len(dead_letters(redis_client)) == len(poison)
    assert pending(redis_client) == []


@on_one_database
def test_after_an_outage_the_batch_comes_first_and_failed_events_still_wait(
    redis_client: redis.Redis, failing: Failing
) -> None:
    away: list[Exception] = []

    def deliver(drafts: Sequence[Draft]) -> Stored:
        if away:
            raise away.pop()
        return store(drafts)

    worker = consumer(redis_client, deliver=deliver, batch=1, clock=Clock())
    send(redis_client, *(event(type="test.fails") for _ in range(3)))
    finish(worker)
    send(redis_client, event(id="in hand"), event(id="new"))
    away.append(DatabaseUnavailable())
    with pytest.raises(DatabaseUnavailable):
        worker.turn(None)
    finish(worker)
    assert told("grace") == ["in hand", "new"]
    assert len(failing.calls) == 3
    assert worker.waiting == 3


@on_one_database
def test_a_failed_event_that_another_consumer_took_over_is_left_to_it(
    redis_client: redis.Redis, failing: Failing
) -> None:
    clock = Clock()
    stalled = consumer(redis_client, "stalled", clock=clock)
    send(redis_client, *(event(id=f"e-{number}", type="test.fails") for number in range(3)))
    finish(stalled)
    let_idle(redis_client)
    failing.down = False
    finish(consumer(redis_client, "other"))
    failing.calls.clear()
    clock.now += sum(RETRY_AFTER_SECONDS)
    send(redis_client, event(id="new"))
    finish(stalled)
    assert failing.calls == []
    assert stalled.waiting == 0
    assert told("grace") == ["e-0", "e-1", "e-2", "new"]


@on_one_database
def test_failures_before_a_takeover_count(redis_client: redis.Redis, failing: Failing) -> None:
    send(redis_client, event(type="test.fails"))
    for number in range(MOST_FAILURES):
        finish(consumer(redis_client, f"consumer {number}"))
        let_idle(redis_client)
    assert len(failing.calls) == MOST_FAILURES
    assert len(dead_letters(redis_client)) == 1


@on_one_database
def test_a_failed_event_that_is_trimmed_while_it_waits_is_reported(
    each_redis: redis.Redis, failing: Failing, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    worker = consumer(each_redis, clock=clock)
    ids = send(each_redis, event(type="test.fails"))
    finish(worker)
    each_redis.xtrim(STREAM, maxlen=0)
    clock.now += RETRY_AFTER_SECONDS[0]
    finish(worker)
    assert f"entry {ids[0].decode()} was trimmed" in caplog.text
    assert info(each_redis, NAMES)["trimmed"] == 1
    assert worker.waiting == 0
    assert pending(each_redis) == []


@on_one_database
def test_a_consumer_with_nothing_to_do_sleeps_until_a_failed_event_is_due_and_no_longer(
    redis_client: redis.Redis, failing: Failing
) -> None:
    blocks: list[int | None] = []

    class Watched(EventStream):
        """A stream that notes how long it was to wait, and does not."""

        def new(self, count: int, block_ms: int | None) -> list[Entry]:
            blocks.append(block_ms)
            return super().new(count, None)

    clock = Clock()
    worker = consumer(redis_client, stream=Watched(redis_client, NAMES, "one"), clock=clock)
    send(redis_client, event(type="test.fails"))
    for seconds in (0, 0.25, 0.5, 0.2499, 0.0001, 0):
        clock.now += seconds
        worker.turn(400)
    assert blocks == [400, 400, 250, 1, 400]
    assert len(failing.calls) == 2


def test_an_event_that_the_database_cannot_take_does_not_take_its_batch_with_it(
    redis_client: redis.Redis, own_handlers: None
) -> None:
    @handles("test.unstorable", NoData)
    def unstorable(event: Event, data: NoData) -> Iterable[Draft]:
        told_of = Draft(user_id="grace", kind=event.type, reason="requested", title=event.id)
        yield told_of
        yield replace(told_of, user_id="linus", data={"not JSON": object()})

    ids = send(
        redis_client,
        event("grace", id="before"),
        event(id="poison", type="test.unstorable"),
        event("grace", "linus", id="after"),
    )
    clock = Clock()
    worker = consumer(redis_client, clock=clock)
    with Pushes(redis_client) as pushes:
        assert worker.turn(None) == Turn(taken=3, created=3, failed=1)
        assert pushes.titles() == [
            ("grace", 1, "before"),
            ("grace", 2, "after"),
            ("linus", 1, "after"),
        ]
    assert pending(redis_client) == [ids[1]]
    for seconds in RETRY_AFTER_SECONDS:
        clock.now += seconds
        finish(worker)
    [letter] = dead_letters(redis_client)
    assert letter[b"entry"] == ids[1]
    assert letter[b"reason"].startswith(b"failed 3 times: ")
    assert b"not JSON serializable" in letter[b"reason"]
    # Half of it was not stored either, and no number of a mailbox was used up.
    assert told("grace") == ["before", "after"]
    assert told("linus") == ["after"]
