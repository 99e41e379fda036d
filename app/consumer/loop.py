"""The consumer's loop: turn after turn, patient with services that are away, until told to stop."""

import logging
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType

import redis

from app.consumer.consumer import PASSING, Consumer, Turn
from app.consumer.stream import EventStream

log = logging.getLogger(__name__)

# How long a turn waits for a first entry; also the longest that a signal to stop waits. Must be
# under the Redis client's socket time-out.
BLOCK_MS = 1_000
FIRST_BACKOFF_SECONDS = 0.2
MOST_BACKOFF_SECONDS = 2.0
PROGRESS_EVERY_SECONDS = 10.0

# A Redis that lost the group (FLUSHALL, DEL, XGROUP DESTROY) says one of these.
GROUP_IS_GONE = ("NOGROUP", "UNBLOCKED")


class StopFlag:
    """Set by SIGTERM or SIGINT, and by nothing else; the loop looks at it between turns."""

    def __init__(self) -> None:
        self._stopping = False

    def __call__(self) -> bool:
        """Whether to stop."""
        return self._stopping

    def listen(self) -> None:
        """Have the signals set this flag. They do nothing more: a turn is never torn apart."""
        signal.signal(signal.SIGTERM, self._set)
        signal.signal(signal.SIGINT, self._set)

    def _set(self, _signal: int, _frame: FrameType | None) -> None:
        self._stopping = True


@dataclass(slots=True)
class Progress:
    """Says every few seconds what was done, if anything was."""

    entries: int = 0
    notifications: int = 0
    parked: int = 0
    _next_at: float = 0.0

    def add(self, turn: Turn) -> None:
        """Count a turn."""
        self.entries += turn.taken
        self.notifications += turn.created
        self.parked += turn.parked
        if self.entries and time.monotonic() >= self._next_at:
            self.report()

    def report(self) -> None:
        """Say what was done since the last time."""
        if self.entries:
            log.info(
                "%d events: %d notifications, %d parked",
                self.entries,
                self.notifications,
                self.parked,
            )
        self.entries = self.notifications = self.parked = 0
        self._next_at = time.monotonic() + PROGRESS_EVERY_SECONDS


@dataclass(slots=True)
class Chore:
    """Something done between turns, every `seconds`; it may raise what a turn may."""

    do: Callable[[], object]
    seconds: float
    _next_at: float = 0.0

    def if_due(self) -> None:
        """Do it if its time has come."""
        if time.monotonic() >= self._next_at:
            self._next_at = time.monotonic() + self.seconds
            self.do()


def run(
    consumer: Consumer,
    stream: EventStream,
    should_stop: Callable[[], bool],
    burst: bool,
    chore: Chore | None = None,
) -> None:
    """Consume until `should_stop`, or with `burst` until nothing is left, not even a retry.

    `chore` is done between turns.

    While Redis or the database is away it says so once and tries again, longer and longer apart;
    with `burst` it raises what they raise.
    """
    progress = Progress()
    backoff = FIRST_BACKOFF_SECONDS
    trouble: str | None = "starting"
    while not should_stop():
        try:
            if trouble:
                stream.ensure_group()
            turn = consumer.turn(None if burst and not consumer.waiting else BLOCK_MS)
            if chore:
                chore.if_due()
        except PASSING as error:
            if burst and not _group_is_gone(error):
                raise
            if trouble in (None, "starting"):
                log.warning("waiting, and trying again: %s", error)
            trouble = str(error) or type(error).__name__
            if not _group_is_gone(error):
                time.sleep(backoff * random.uniform(0.5, 1))  # noqa: S311
                backoff = min(backoff * 2, MOST_BACKOFF_SECONDS)
            continue
        if trouble not in (None, "starting"):
            log.info("working again")
        trouble, backoff = None, FIRST_BACKOFF_SECONDS
        progress.add(turn)
        if burst and not turn.taken and not consumer.waiting:
            break
    progress.report()
    _leave(stream)


def _group_is_gone(error: Exception) -> bool:
    return isinstance(error, redis.ResponseError) and str(error).startswith(GROUP_IS_GONE)


def _leave(stream: EventStream) -> None:
    try:
        stream.leave()
    except redis.RedisError as error:
        log.info("could not leave the consumer group: %s", error)
