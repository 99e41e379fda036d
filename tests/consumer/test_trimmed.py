"""Entries that were trimmed from the stream before they were processed: named, and counted."""

import logging
import re
from typing import Any

import pytest
import redis

from app.consumer.info import info
from app.consumer.stream import EventStream
from tests.support.consuming import (
    NAMES,
    STREAM,
    consumer,
    dead_letters,
    event,
    finish,
    let_idle,
    pending,
    send,
    told,
)

pytestmark = [
    pytest.mark.usefixtures("in_app"),
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
]

LOST = re.compile(
    r"entry (\d+-\d+) was trimmed before it was processed: it is lost \((.+) in total"
)


def counted(client: redis.Redis) -> int:
    """The number of trimmed entries, as `flask consumer info` shows it."""
    trimmed: int = info(client, NAMES)["trimmed"]
    return trimmed


def reported(log: pytest.LogCaptureFixture) -> list[tuple[bytes, str]]:
    """Each trimmed entry that the log names, with the total that it gives."""
    found = [LOST.search(message) for message in log.messages]
    return [(match[1].encode(), match[2]) for match in found if match]


@pytest.mark.parametrize("survivor", ["dead", "other"], ids=["restarted", "taken over"])
@pytest.mark.parametrize("left", [0, 2])
def test_entries_that_were_trimmed_unprocessed_are_reported_by_id_counted_and_done_with(
    each_redis: redis.Redis, caplog: pytest.LogCaptureFixture, survivor: str, left: int
) -> None:
    consumer(each_redis)
    ids = send(each_redis, *(event(id=str(number)) for number in range(5)))
    EventStream(each_redis, NAMES, "dead").new(5, None)
    let_idle(each_redis)
    each_redis.xtrim(STREAM, maxlen=left, approximate=False)
    with caplog.at_level(logging.ERROR, "app.consumer"):
        finish(consumer(each_redis, survivor))
    lost = ids[: len(ids) - left]
    assert len(caplog.messages) == len(lost)
    names, totals = zip(*reported(caplog), strict=True)
    assert sorted(names) == lost
    assert totals == tuple(str(number) for number in range(1, len(lost) + 1))
    assert counted(each_redis) == len(lost)
    assert pending(each_redis) == []
    assert dead_letters(each_redis) == []
    assert told("grace") == [str(number) for number in range(5)][5 - left :]


def test_a_trimmed_entry_that_two_consumers_see_is_counted_and_reported_once(
    each_redis: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    class Slow(EventStream):
        """A stream whose consumer gets to its trimmed entry when another one has taken it over."""

        def acknowledge_trimmed(self, entry_id: bytes) -> None:
            finish(consumer(each_redis, "fast"))
            super().acknowledge_trimmed(entry_id)

    slow = Slow(each_redis, NAMES, "slow")
    slow.ensure_group()
    ids = send(each_redis, event())
    slow.new(1, None)
    let_idle(each_redis)
    each_redis.xtrim(STREAM, maxlen=0)
    finish(consumer(each_redis, stream=slow))
    assert reported(caplog) == [(ids[0], "1")]
    assert counted(each_redis) == 1
    assert pending(each_redis) == []


def test_the_count_of_trimmed_entries_outlives_the_stream(
    each_redis: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    def lose_one() -> str:
        worker = consumer(each_redis)
        send(each_redis, event())
        EventStream(each_redis, NAMES, "one").new(1, None)
        each_redis.xtrim(STREAM, maxlen=0)
        finish(worker)
        return reported(caplog)[-1][1]

    assert lose_one() == "1"
    each_redis.delete(STREAM)
    assert counted(each_redis) == 1
    assert lose_one() == "2"
    each_redis.flushdb()
    assert counted(each_redis) == 0
    assert lose_one() == "1"
    assert counted(each_redis) == 1


def test_a_trimmed_entry_is_named_and_counted_once_though_redis_reply_is_lost(
    each_redis: redis.Redis, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = redis.Redis.eval
    lost: list[object] = []

    def lossy(self: redis.Redis, script: str, *args: Any) -> object:
        reply = run(self, script, *args)
        if not lost and "XACK" in script:
            lost.append(reply)
            raise redis.ConnectionError("reset by a proxy")
        return reply

    worker = consumer(each_redis)
    ids = send(each_redis, event())
    EventStream(each_redis, NAMES, "one").new(1, None)
    each_redis.xtrim(STREAM, maxlen=0)
    monkeypatch.setattr(redis.Redis, "eval", lossy)
    with pytest.raises(redis.ConnectionError):
        worker.turn(None)
    finish(worker)
    assert reported(caplog) == [(ids[0], "?")]
    assert counted(each_redis) == 1
