"""The Redis Stream as one member of a consumer group sees it: read, claim, acknowledge, park."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import redis

from app.consumer import dead_letters
from app.consumer.entry import Entry, Fields

log = logging.getLogger(__name__)

# Before every entry's id.
FIRST = b"0-0"
_LAST_NUMBER = 2**64 - 1

# An entry that nobody has acknowledged for this long belonged to a consumer that died. A consumer
# that is only slow, and loses an entry to another one, does no harm: storing is idempotent.
CLAIM_IDLE_MS = 30_000
# A consumer reads at least once a second; one that has not for so long was killed.
DEAD_AFTER_IDLE_MS = 600_000

# Both count in the same step in which a trimmed entry leaves the group's pending list, so that two
# consumers that see it count it once, and one that dies does not miss it. Scripts, because a MULTI
# can't count what its own commands found. `pcall` keeps Redis' words (NOGROUP) for who catches it.
_ACKNOWLEDGE_TRIMMED = """
local gone = redis.pcall('XACK', KEYS[1], ARGV[1], ARGV[2])
if type(gone) == 'table' then return gone end
if gone == 0 then return {0, 0} end
redis.call('HDEL', KEYS[3], ARGV[2])
return {gone, redis.call('INCRBY', KEYS[2], gone)}
"""
_CLAIM = """
local reply = redis.pcall('XAUTOCLAIM', KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4],
                          'COUNT', ARGV[5], 'JUSTID')
if reply.err then return reply end
local trimmed, total = reply[3] or {}, 0
if #trimmed > 0 then total = redis.call('INCRBY', KEYS[2], #trimmed) end
return {reply[1], #reply[2], trimmed, total}
"""


@dataclass(frozen=True, slots=True)
class Names:
    """The stream, its consumer group, and where events go that can't be processed."""

    stream: str
    group: str
    dead_letters: str

    @property
    def trimmed(self) -> str:
        """The key that counts the entries that this group lost to trimming."""
        return f"{self.stream}:{self.group}:trimmed"


def report_trimmed(entry_id: bytes, total: int | None) -> None:
    """Say that an entry was trimmed from the stream before it was processed: it is lost.

    `total`: how many there were until now, None if that could not be learnt.
    """
    log.error(
        "entry %s was trimmed before it was processed: it is lost (%s in total)",
        entry_id.decode(),
        "?" if total is None else total,
    )


class EventStream:
    """All methods raise redis.RedisError; `consumer` is unique among the group's members."""

    def __init__(self, client: redis.Redis, names: Names, consumer: str) -> None:
        self._redis = client
        self._names = names
        self._consumer = consumer
        self._failures = names.dead_letters + ":failures"
        self._claim_cursor = FIRST

    def ensure_group(self) -> None:
        """Make the group and the stream where they lack, from the first entry on.

        After a FLUSHALL both are gone; a group made at the end would skip what came since.
        """
        try:
            self._redis.xgroup_create(self._names.stream, self._names.group, id="0", mkstream=True)
        except redis.ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise

    def own_pending(self, count: int, after: bytes = FIRST) -> list[Entry]:
        """What this consumer, under this name, was given before and has not acknowledged."""
        return self._read(after.decode(), count, block_ms=None)

    def new(self, count: int, block_ms: int | None) -> list[Entry]:
        """Entries that no consumer of the group has had; waits up to `block_ms` for the first."""
        return self._read(">", count, block_ms)

    def _read(self, after: str, count: int, block_ms: int | None) -> list[Entry]:
        reply = self._redis.xreadgroup(
            self._names.group,
            self._consumer,
            {self._names.stream: after},
            count=count,
            block=block_ms,
        )
        return [_entry(item) for _, items in _pairs(reply) for item in items]

    def claim(self, count: int) -> int:
        """Take over what dead consumers left: idle for CLAIM_IDLE_MS and unacknowledged.

        Returns how many entries; they are among this consumer's own now. Redis 6.2 hands over
        trimmed entries too, and they are found empty there; later ones name and drop them.
        """
        names = self._names
        reply: Any = self._redis.eval(
            _CLAIM,
            2,
            names.stream,
            names.trimmed,
            names.group,
            self._consumer,
            CLAIM_IDLE_MS,
            self._claim_cursor,
            count,
        )
        self._claim_cursor, claimed, trimmed, total = reply
        for number, entry_id in enumerate(trimmed, total - len(trimmed) + 1):
            report_trimmed(entry_id, number)
        return int(claimed)

    def acknowledge(self, ids: Iterable[bytes]) -> None:
        """Tell the group that these are processed; their failures are forgotten."""
        wanted = list(ids)
        if wanted:
            pipeline = self._redis.pipeline(transaction=False)
            pipeline.xack(self._names.stream, self._names.group, *wanted)
            pipeline.hdel(self._failures, *wanted)
            pipeline.execute()

    def acknowledge_trimmed(self, entry_id: bytes) -> None:
        """Tell the group, the counter and the log that this entry is lost, each of them once."""
        names = self._names
        keys = (names.stream, names.trimmed, self._failures)
        try:
            reply: Any = self._redis.eval(
                _ACKNOWLEDGE_TRIMMED, len(keys), *keys, names.group, entry_id
            )
        except redis.RedisError:
            # It may have been done all the same, and then no consumer sees this entry again.
            report_trimmed(entry_id, None)
            raise
        gone, total = reply
        if gone:
            report_trimmed(entry_id, total)

    def park(self, entry: Entry, reason: str) -> None:
        """Move an entry to the dead letters, and acknowledge it, in one step."""
        pipeline = self._redis.pipeline(transaction=True)
        letter: Any = dead_letters.fields_of(entry, reason)
        pipeline.xadd(self._names.dead_letters, letter)
        pipeline.hdel(self._failures, entry.id)
        pipeline.xack(self._names.stream, self._names.group, entry.id)
        pipeline.execute()

    def leave(self) -> None:
        """Leave the group, unless entries are still pending: they would be lost with the name."""
        for member in self._members():
            if member["name"].decode() == self._consumer and member["pending"] == 0:
                self._redis.xgroup_delconsumer(
                    self._names.stream, self._names.group, self._consumer
                )

    def forget_the_dead(self) -> None:
        """Take names out of the group that nobody answers to, and that have nothing pending."""
        for member in self._members():
            own = member["name"].decode() == self._consumer
            if not own and member["idle"] > DEAD_AFTER_IDLE_MS and member["pending"] == 0:
                self._redis.xgroup_delconsumer(
                    self._names.stream, self._names.group, member["name"]
                )

    def _members(self) -> list[dict[str, Any]]:
        members: list[dict[str, Any]] = self._redis.xinfo_consumers(
            self._names.stream, self._names.group
        )
        return members

    def trim(self) -> None:
        """Drop what every group of this stream has acknowledged; roughly, by whole nodes."""
        groups = self._groups()
        needed = [group["last-delivered-id"] for group in groups]
        for group in groups:
            pending = self._redis.xpending(self._names.stream, group["name"])
            if pending["pending"]:
                needed.append(pending["min"])
        if needed:
            oldest = min(needed, key=order).decode()
            self._redis.xtrim(self._names.stream, minid=oldest, approximate=True)

    def _groups(self) -> list[dict[str, Any]]:
        groups: list[dict[str, Any]] = self._redis.xinfo_groups(self._names.stream)
        return groups

    def record_failure(self, entry: Entry) -> int:
        """Count a failure of this entry by its handler; how many there were."""
        return int(self._redis.hincrby(self._failures, entry.id.decode(), 1))


def _pairs(reply: Any) -> Iterable[tuple[bytes, list[Any]]]:
    return reply.items() if isinstance(reply, dict) else (reply or ())


def _entry(item: tuple[bytes, Fields | None]) -> Entry:
    entry_id, fields = item
    return Entry(entry_id, fields or {})


def order(entry_id: bytes) -> tuple[int, int]:
    """What entries' ids are sorted by."""
    milliseconds, _, number = entry_id.partition(b"-")
    return int(milliseconds), int(number or 0)


def before(entry_id: bytes) -> bytes:
    """The id after which `entry_id` is the next."""
    milliseconds, number = order(entry_id)
    return b"%d-%d" % ((milliseconds, number - 1) if number else (milliseconds - 1, _LAST_NUMBER))
