"""The consumer: one turn takes a batch from the stream and leaves it stored and published."""

import logging
import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import redis

from app.bus import Push
from app.consumer.entry import Entry
from app.consumer.envelope import BadEvent, Event, decode
from app.consumer.stream import FIRST, EventStream, before, order
from app.errors import DatabaseUnavailable
from app.notifications.draft import Audience, Draft

log = logging.getLogger(__name__)

CLAIM_EVERY_SECONDS = 5.0
TIDY_EVERY_SECONDS = 60.0
# A handler that fails is tried again, so long after its first, second… failure: what it needed may
# be back. A crash of the process is not its failure and does not count. Far less than
# CLAIM_IDLE_MS, so that nobody takes an event over that waits for its time.
RETRY_AFTER_SECONDS = (1.0, 5.0)
MOST_FAILURES = len(RETRY_AFTER_SECONDS) + 1

# Not an event's fault: a service that is away. The whole batch waits for it.
PASSING = (redis.RedisError, DatabaseUnavailable)


class Told(Protocol):
    """Who is told of an event; see `app.notifications.audience`."""

    @property
    def drafts(self) -> list[Draft]: ...


Handle = Callable[[Event], Audience]
# Who is told of each of these events.
Resolve = Callable[[Sequence[Audience]], Sequence[Told]]

# Mailboxes are locked as long as a transaction takes; a batch that tells more people is stored in
# several.
MOST_DRAFTS = 5_000


@dataclass(frozen=True, slots=True)
class Stored:
    """What was stored of a batch: what to publish now, and how much of it was new."""

    pushes: Sequence[Push]
    created: int


@dataclass(slots=True)
class Turn:
    """What a turn did: entries taken, notifications made, entries parked, to be tried again."""

    taken: int = 0
    created: int = 0
    parked: int = 0
    failed: int = 0


@dataclass(slots=True)
class Work:
    """An entry with whom its event is meant for."""

    entry: Entry
    audience: Audience
    done: bool = False


class Consumer:
    """Collaborators: the stream; `handle` (event to audience, raises BadEvent); `resolve` (who of
    an audience is told); `deliver` (stores drafts in one transaction, or nothing); `publish`.
    `clock` is monotonic, in seconds.

    An entry is acknowledged after what it asks for is committed and published. Whatever dies
    before that is done again, and done again does nothing twice.

    An event whose handler failed waits for its next try among this consumer's pending entries,
    and is passed over there; what comes after it goes on.
    """

    def __init__(
        self,
        stream: EventStream,
        handle: Handle,
        resolve: Resolve,
        deliver: Callable[[Sequence[Draft]], Stored],
        publish: Callable[[Iterable[Push]], None],
        batch: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream = stream
        self._handle = handle
        self._resolve = resolve
        self._deliver = deliver
        self._publish = publish
        self._batch = batch
        self._clock = clock
        self._claim_at = self._tidy_at = clock()
        self._resume = True
        self._retry_at: dict[bytes, float] = {}

    @property
    def waiting(self) -> int:
        """How many failed events wait for their next try."""
        return len(self._retry_at)

    def turn(self, block_ms: int | None) -> Turn:
        """Take one batch and finish it. Raises what Redis or the database raise.

        Then nothing of the batch is acknowledged, and the next turn begins with it.
        """
        resume, self._resume = self._resume, True
        entries = self._unfinished(after=FIRST) if resume else self._due()
        resumed = resume and bool(entries)
        entries = entries or self._abandoned() or self._new(block_ms)
        turn = Turn(taken=len(entries))
        self._finish(entries, turn)
        self._tidy()
        self._resume = resumed
        return turn

    def _unfinished(self, after: bytes) -> list[Entry]:
        """Some of what this consumer has, but for failed events before their time; [] if none."""
        while page := self._stream.own_pending(self._batch, after):
            now = self._clock()
            if entries := [entry for entry in page if self._retry_at.get(entry.id, now) <= now]:
                return entries
            after = page[-1].id
        return []

    def _due(self) -> list[Entry]:
        """Some of the failed events whose time has come."""
        now = self._clock()
        due = sorted((name for name, at in self._retry_at.items() if at <= now), key=order)
        if not due:
            return []
        entries = self._unfinished(after=before(due[0]))
        reached = order(entries[-1].id if entries else due[-1])
        for name in due:
            if order(name) <= reached:  # it is among the entries, or no longer this consumer's
                del self._retry_at[name]
        return entries

    def _abandoned(self) -> list[Entry]:
        if self._clock() < self._claim_at:
            return []
        claimed = self._stream.claim(self._batch)
        if not claimed:
            self._claim_at = self._clock() + CLAIM_EVERY_SECONDS
            return []
        log.info("took over %d entries of another consumer", claimed)
        return self._unfinished(after=FIRST)

    def _new(self, block_ms: int | None) -> list[Entry]:
        """New entries; waits for the first no longer than until a failed event is due."""
        if block_ms is not None and self._retry_at:
            left = min(self._retry_at.values()) - self._clock()
            block_ms = max(1, min(block_ms, math.ceil(left * 1000)))  # 0 would be for ever
        return self._stream.new(self._batch, block_ms)

    def _finish(self, entries: Sequence[Entry], turn: Turn) -> None:
        for entry in entries:
            self._retry_at.pop(entry.id, None)
        work = [each for entry in entries if (each := self._prepare(entry, turn)) is not None]
        if not work:
            return
        try:
            self._store(work, turn)
        except PASSING:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it is one event's fault
            log.warning("a batch failed, its events are stored one by one: %s", error)
            self._store_one_by_one(work, turn)

    def _prepare(self, entry: Entry, turn: Turn) -> Work | None:
        """Decode and handle one entry; None if that settled it."""
        if not entry.fields:
            self._stream.acknowledge_trimmed(entry.id)
            return None
        try:
            return Work(entry, self._handle(decode(entry.fields)))
        except BadEvent as error:
            self._park(entry, str(error), turn)
        except Exception as error:  # noqa: BLE001 - a handler may raise anything; it is recorded
            self._fail(entry, error, turn)
        return None

    def _store(self, work: Sequence[Work], turn: Turn) -> None:
        told = self._resolve([each.audience for each in work])
        for part in _parts(list(zip(work, told, strict=True))):
            stored = self._deliver([draft for _, one in part for draft in one.drafts])
            self._publish(stored.pushes)
            self._stream.acknowledge([each.entry.id for each, _ in part])
            turn.created += stored.created
            for each, _ in part:
                each.done = True

    def _store_one_by_one(self, work: Sequence[Work], turn: Turn) -> None:
        for each in work:
            if each.done:
                continue
            try:
                self._store([each], turn)
            except PASSING:
                raise
            except Exception as error:  # noqa: BLE001 - recorded, and parked in the end
                self._fail(each.entry, error, turn)

    def _fail(self, entry: Entry, error: Exception, turn: Turn) -> None:
        """Record a failure; have the entry wait for a next try, or park it after the last one."""
        failures = self._stream.record_failure(entry)
        log.error("event %s failed (%d)", entry.id.decode(), failures, exc_info=error)
        if failures >= MOST_FAILURES:
            # An exception's text may hold anything; a BadEvent's is fit to be kept and shown.
            reason = str(BadEvent(f"failed {failures} times: {type(error).__name__}: {error}"))
            self._park(entry, reason, turn)
        else:
            self._retry_at[entry.id] = self._clock() + RETRY_AFTER_SECONDS[failures - 1]
            turn.failed += 1

    def _park(self, entry: Entry, reason: str, turn: Turn) -> None:
        log.warning("parked event %s: %s", entry.id.decode(), reason)
        self._stream.park(entry, reason)
        turn.parked += 1

    def _tidy(self) -> None:
        if self._clock() >= self._tidy_at:
            self._tidy_at = self._clock() + TIDY_EVERY_SECONDS
            self._stream.trim()
            self._stream.forget_the_dead()


def _parts(told: Sequence[tuple[Work, Told]]) -> Iterable[list[tuple[Work, Told]]]:
    """In pieces of about MOST_DRAFTS, in order; one event stays in one piece."""
    part: list[tuple[Work, Told]] = []
    size = 0
    for work, one in told:
        if part and size + len(one.drafts) > MOST_DRAFTS:
            yield part
            part, size = [], 0
        part.append((work, one))
        size += len(one.drafts)
    if part:
        yield part
