"""One turn of the consumer, over real Redis and both databases: what it stores, parks, redoes."""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest
import redis

from app import bus
from app.bus import Push
from app.consumer import stream as stream_module
from app.consumer.consumer import MOST_FAILURES, Stored, Turn
from app.consumer.stream import CLAIM_IDLE_MS, EventStream
from app.errors import DatabaseUnavailable
from app.notifications.draft import Draft
from tests.support.consuming import (
    GROUP,
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
    send_fields,
    store,
    told,
)
from tests.support.outage import database_away
from tests.support.waiting import wait_for

pytestmark = pytest.mark.usefixtures("in_app")

# What is decided before the database is reached need not be seen on both.
on_one_database = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

Publish = Callable[[Iterable[Push]], None]


class Crash(BaseException):
    """The process ends here, as far as the consumer can tell: nothing may catch this."""


def publishing(client: redis.Redis) -> Publish:
    return lambda pushes: bus.publish(client, pushes)


def test_an_event_becomes_notifications_and_pushes_and_is_acknowledged(
    redis_client: redis.Redis,
) -> None:
    worker = consumer(redis_client)
    send(redis_client, event("grace", "linus", id="e", subject="a story"))
    with Pushes(redis_client) as pushes:
        assert worker.turn(None) == Turn(taken=1, created=2)
        published = pushes.all()
    assert [(user, push["seq"], push["title"]) for user, push in published] == [
        ("grace", 1, "e"),
        ("linus", 1, "e"),
    ]
    assert all(list(push)[:2] == ["seq", "id"] and push["unread"] == 1 for _, push in published)
    assert told("grace") == told("linus") == ["e"]
    assert pending(redis_client) == []
    assert worker.turn(None) == Turn()


def test_an_entry_is_acknowledged_after_the_commit_and_the_push_and_not_before(
    redis_client: redis.Redis,
) -> None:
    seen: list[tuple[str, int, list[str]]] = []

    def look(when: str) -> None:
        seen.append((when, len(pending(redis_client)), told("grace")))

    def deliver(drafts: Sequence[Draft]) -> Stored:
        look("before it is stored")
        return store(drafts)

    def publish(pushes: Iterable[Push]) -> None:
        look("before it is published")
        bus.publish(redis_client, pushes)
        look("after it is published")

    send(redis_client, event("grace", id="e"))
    consumer(redis_client, deliver=deliver, publish=publish).turn(None)
    look("at the end")
    assert seen == [
        ("before it is stored", 1, []),
        ("before it is published", 1, ["e"]),
        ("after it is published", 1, ["e"]),
        ("at the end", 0, ["e"]),
    ]


def test_a_recipient_is_told_in_the_order_of_the_stream_whatever_the_batch(
    redis_client: redis.Redis,
) -> None:
    events = [event(*("grace", "linus")[: 1 + number % 2]) for number in range(7)]
    send(redis_client, *events)
    worker = consumer(redis_client, batch=3)
    with Pushes(redis_client) as pushes:
        assert [worker.turn(None).taken for _ in range(4)] == [3, 3, 1, 0]
        assert [seq for user, seq, _ in pushes.titles() if user == "grace"] == list(range(1, 8))
    assert told("grace") == [sent["id"] for sent in events]
    assert told("linus") == [sent["id"] for sent in events[1::2]]


def in_json(**changes: Any) -> dict[bytes, bytes]:
    """An event with changed attributes, as fields; `...` leaves one out."""
    changed = {name: value for name, value in (event() | changes).items() if value is not ...}
    return {b"event": json.dumps(changed).encode()}


def with_data(**changes: Any) -> dict[bytes, bytes]:
    return in_json(data=event()["data"] | changes)


BAD_ENTRIES: dict[str, tuple[dict[bytes, bytes], str]] = {
    "unknown type": (in_json(type="story.exploded"), 'No handler for "story.exploded"; .*story.a'),
    "broken JSON": ({b"event": b'{"id": "1", '}, "JSON"),
    "not an object": ({b"event": b"[1, 2]"}, "object"),
    "not UTF-8": ({b"event": b'{"id": "\xff\xfe"}'}, "JSON"),
    "no id": (in_json(id=...), "id: Field required"),
    "no source, no type": (in_json(source=..., type=...), "source: .* type: "),
    "another CloudEvents": (in_json(specversion="0.3"), "specversion: .*1.0"),
    "recipient with a space": (with_data(recipients=["grace", "a b"]), "recipients.1: Not a user"),
    "recipient too long": (with_data(recipients=["x" * 129]), "recipients.0: Not a user id"),
    "recipient empty": (with_data(recipients=[""]), "recipients.0: Not a user id"),
    "nobody": (with_data(recipients=[]), "recipients: .*at least 1"),
    "no title": (in_json(data={"recipients": ["grace"]}), "title: Field required"),
    "NUL": (with_data(body="a\0b"), "body.* NUL"),
    "lone surrogate": ({b"event": in_json()[b"event"].replace(b"e-", b"\\ud800")}, "."),
    "no finite number": ({b"event": in_json(data={"x": 9})[b"event"].replace(b"9", b"1e999")}, "x"),
    "over 64 KiB": (with_data(data={"x": "y" * 65_536}), r"6\d,\d{3} bytes.*65,536"),
    "empty names": ({b"": b""}, "id: Field required"),
    "binary junk": ({b"\xff\x00\x80": b"\x00\xc3\x28\r\n"}, "UTF-8"),
    "flat, broken data": ({b"id": b"1", b"data": b"{"}, "data: .*JSON"),
}


def test_bad_entries_are_parked_with_reason_and_fields_and_good_ones_between_go_through(
    redis_client: redis.Redis,
) -> None:
    ids, good = [], []
    for fields, _ in BAD_ENTRIES.values():
        ids.append(send_fields(redis_client, fields))
        good.append(event())
        send(redis_client, good[-1])
    turn = consumer(redis_client).turn(None)
    assert turn == Turn(taken=2 * len(ids), created=len(ids), parked=len(ids))
    assert told("grace") == [sent["id"] for sent in good]
    assert pending(redis_client) == []
    letters = dead_letters(redis_client)
    for (name, (fields, reason)), entry_id, letter in zip(
        BAD_ENTRIES.items(), ids, letters, strict=True
    ):
        said = letter.pop(b"reason").decode()
        assert re.search(reason, said), f"{name}: {said}"
        assert said.isprintable()
        original = {b"original:" + key: value for key, value in fields.items()}
        assert letter == {b"entry": entry_id, **original}, name


@on_one_database
def test_flat_fields_are_taken(redis_client: redis.Redis) -> None:
    sent = event("grace", id="flat")
    flat = {name.encode(): value.encode() for name, value in sent.items() if name != "data"}
    send_fields(redis_client, {**flat, b"data": json.dumps(sent["data"]).encode()})
    assert consumer(redis_client).turn(None) == Turn(taken=1, created=1)
    assert told("grace") == ["flat"]


@pytest.mark.parametrize("batch", [1, 10])
def test_an_event_that_was_sent_twice_is_told_once(redis_client: redis.Redis, batch: int) -> None:
    twice = event("grace", "linus", id="twice")
    namesake = event("grace", id="twice", source="/elsewhere")
    send(redis_client, twice, twice, namesake, twice)
    worker = consumer(redis_client, batch=batch)
    with Pushes(redis_client) as pushes:
        finish(worker)
        assert set(pushes.titles()) == {
            ("grace", 1, "twice"),
            ("linus", 1, "twice"),
            ("grace", 2, "twice"),
        }
    assert told("grace") == ["twice", "twice"]
    assert told("linus") == ["twice"]
    assert pending(redis_client) == []
    assert dead_letters(redis_client) == []


@pytest.mark.parametrize("error", [Crash(), redis.ConnectionError("lost")], ids=["crash", "redis"])
def test_what_is_committed_and_not_published_is_published_afterwards_and_stored_once(
    redis_client: redis.Redis, error: BaseException
) -> None:
    def publish(pushes: Iterable[Push]) -> None:
        raise error

    send(redis_client, event("grace", "linus", id="e"))
    with pytest.raises(type(error)):
        consumer(redis_client, publish=publish).turn(None)
    assert told("grace") == ["e"]
    assert len(pending(redis_client)) == 1
    with Pushes(redis_client) as pushes:
        assert consumer(redis_client).turn(None) == Turn(taken=1, created=0)
        assert pushes.titles() == [("grace", 1, "e"), ("linus", 1, "e")]
    assert told("grace") == told("linus") == ["e"]
    assert pending(redis_client) == []


@pytest.mark.parametrize("error", [Crash(), redis.ConnectionError("lost")], ids=["crash", "redis"])
def test_what_is_published_and_not_acknowledged_makes_no_second_notification(
    redis_client: redis.Redis, error: BaseException
) -> None:
    class Torn(EventStream):
        """A stream whose first acknowledgement gets nowhere."""

        torn = False

        def acknowledge(self, ids: Iterable[bytes]) -> None:
            if not self.torn:
                self.torn = True
                raise error
            super().acknowledge(ids)

    send(redis_client, event("grace", id="e"))
    worker = consumer(redis_client, stream=Torn(redis_client, NAMES, "one"))
    with pytest.raises(type(error)):
        worker.turn(None)
    send(redis_client, event("grace", id="later"))
    # The next turn begins with that batch.
    assert worker.turn(None) == Turn(taken=1, created=0)
    finish(worker)
    assert told("grace") == ["e", "later"]
    assert pending(redis_client) == []


@on_one_database
def test_an_event_that_was_there_at_many_crashes_is_not_poison(redis_client: redis.Redis) -> None:
    send(redis_client, event(id="e"))

    def deliver(drafts: Sequence[Draft]) -> Stored:
        raise Crash

    for number in range(3 * MOST_FAILURES):
        with pytest.raises(Crash):
            consumer(redis_client, f"consumer {number}", deliver=deliver).turn(None)
        let_idle(redis_client)
    assert consumer(redis_client, "survivor").turn(None) == Turn(taken=1, created=1)
    assert told("grace") == ["e"]
    assert dead_letters(redis_client) == []


def test_while_the_database_is_away_nothing_is_acknowledged_parked_or_counted_as_a_failure(
    redis_client: redis.Redis, database_url: str
) -> None:
    ids = send(redis_client, event(id="1"), event(id="2"))
    worker = consumer(redis_client)
    with database_away(database_url):
        for _ in range(MOST_FAILURES + 1):
            with pytest.raises(DatabaseUnavailable):
                worker.turn(None)
        send(redis_client, event(id="3"))
    assert pending(redis_client) == ids
    assert redis_client.keys() == [STREAM.encode()]
    # The next turn begins with that batch; what came later comes later.
    assert worker.turn(None) == Turn(taken=2, created=2)
    finish(worker)
    assert told("grace") == ["1", "2", "3"]
    assert pending(redis_client) == []


def test_a_database_that_is_not_migrated_yet_is_waited_for(
    redis_client: redis.Redis, rename_table: Callable[[str, str], None]
) -> None:
    send(redis_client, event(id="e"))
    worker = consumer(redis_client)
    rename_table("notifications", "not_yet")
    for _ in range(MOST_FAILURES + 1):
        with pytest.raises(DatabaseUnavailable):
            worker.turn(None)
    rename_table("not_yet", "notifications")
    finish(worker)
    assert told("grace") == ["e"]
    assert dead_letters(redis_client) == []


@on_one_database
def test_what_a_dead_consumer_left_is_taken_over_and_what_a_live_one_has_is_not(
    redis_client: redis.Redis,
) -> None:
    consumer(redis_client)
    stream = {name: EventStream(redis_client, NAMES, name) for name in ("dead", "live")}
    send(redis_client, event(id="1"), event(id="2"))
    assert len(stream["dead"].new(2, None)) == 2
    let_idle(redis_client, CLAIM_IDLE_MS + 1)
    [live] = send(redis_client, event(id="3"))
    assert len(stream["live"].new(1, None)) == 1
    finish(consumer(redis_client, "other"))
    assert told("grace") == ["1", "2"]
    assert pending(redis_client) == [live]


@on_one_database
def test_a_consumer_looks_for_abandoned_entries_again_and_again(redis_client: redis.Redis) -> None:
    now = 1000.0
    worker = consumer(redis_client, clock=lambda: now)
    finish(worker)
    send(redis_client, event(id="left behind"))
    EventStream(redis_client, NAMES, "dead").new(1, None)
    let_idle(redis_client)
    send(redis_client, event(id="new"))
    finish(worker)
    # Not at each turn: that would cost a round trip for nothing.
    assert told("grace") == ["new"]
    now += 5
    finish(worker)
    assert told("grace") == ["new", "left behind"]


@on_one_database
def test_a_consumer_that_is_restarted_under_its_name_goes_on_with_what_it_had(
    redis_client: redis.Redis,
) -> None:
    def deliver(drafts: Sequence[Draft]) -> Stored:
        raise Crash

    ids = send(redis_client, *(event() for _ in range(5)))
    with pytest.raises(Crash):
        consumer(redis_client, "named", deliver=deliver).turn(None)
    assert pending(redis_client) == ids
    # A smaller batch than before: all of it is found nevertheless, and what is new comes after.
    send(redis_client, event(id="new"))
    finish(consumer(redis_client, "named", batch=2))
    assert len(told("grace")) == 6
    assert told("grace")[-1] == "new"
    assert pending(redis_client) == []


@on_one_database
def test_a_group_that_is_made_anew_begins_at_the_first_entry(redis_client: redis.Redis) -> None:
    worker = consumer(redis_client)
    redis_client.flushdb()
    send(redis_client, event(id="before the group"))
    with pytest.raises(redis.ResponseError, match="NOGROUP"):
        worker.turn(None)
    EventStream(redis_client, NAMES, "one").ensure_group()
    finish(worker)
    assert told("grace") == ["before the group"]


def ids_in(client: redis.Redis) -> list[bytes]:
    found: Any = client.xrange(STREAM)
    return [entry_id for entry_id, _ in found]


@on_one_database
def test_trimming_keeps_what_any_group_has_not_acknowledged(each_redis: redis.Redis) -> None:
    stream = EventStream(each_redis, NAMES, "one")
    stream.ensure_group()
    each_redis.xgroup_create(STREAM, "analytics", id="0")
    ids = send(each_redis, *(event(id=str(number)) for number in range(1_000)))

    def analytics(count: int) -> list[bytes]:
        reply: Any = each_redis.xreadgroup("analytics", "a", {STREAM: ">"}, count=count)
        return [entry_id for _, items in reply for entry_id, _ in items]

    stream.acknowledge(entry.id for entry in stream.new(1_000, None))
    stream.trim()
    assert ids_in(each_redis) == ids, "the other group has read nothing yet"

    done = analytics(600)
    each_redis.xack(STREAM, "analytics", *done[:300], *done[301:])
    stream.trim()
    kept = ids_in(each_redis)
    assert kept == ids[-len(kept) :]
    assert ids[300] in kept, "the other group has not acknowledged this one"
    assert len(kept) < 1_000, "nothing is trimmed"

    each_redis.xack(STREAM, "analytics", done[300])
    stream.trim()
    kept = ids_in(each_redis)
    assert kept == ids[-len(kept) :]
    assert set(ids[600:]) <= set(kept), "the other group has not read these yet"
    assert len(kept) < 700


@on_one_database
def test_leaving_keeps_the_name_as_long_as_entries_are_pending_under_it(
    each_redis: redis.Redis,
) -> None:
    def members() -> list[bytes]:
        found: Any = each_redis.xinfo_consumers(STREAM, GROUP)
        return [member["name"] for member in found]

    stream = EventStream(each_redis, NAMES, "one")
    stream.ensure_group()
    ids = send(each_redis, event())
    stream.new(1, None)
    stream.leave()
    assert members() == [b"one"]
    assert pending(each_redis) == ids
    stream.acknowledge(ids)
    stream.leave()
    assert members() == []


def test_the_names_of_dead_consumers_go_unless_entries_are_pending_under_them(
    each_redis: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "DEAD_AFTER_IDLE_MS", 50)

    def idle_ms() -> dict[str, int]:
        found: Any = each_redis.xinfo_consumers(STREAM, GROUP)
        return {member["name"].decode(): member["idle"] for member in found}

    stream = EventStream(each_redis, NAMES, "alive")
    stream.ensure_group()
    send(each_redis, event())
    EventStream(each_redis, NAMES, "holds-an-entry").new(1, None)
    for name in ("gone", "alive"):
        each_redis.xgroup_createconsumer(STREAM, GROUP, name)
    wait_for(lambda: min(idle_ms().values()) > 50, what="idle consumers")
    stream.forget_the_dead()
    assert set(idle_ms()) == {"alive", "holds-an-entry"}
