"""How many streams each user has open, kept true in Redis; and who may open one more.

The streams of this worker tell it when they come and go, and one greenlet writes that to Redis, as
much at a time as there is. Redis answers how many of a user's new streams the limit has room for:
the newest are refused, never an older one evicted. When Redis does not answer, all are let in that
the worker's own limit lets in.
"""

import logging
import random
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Protocol

import gevent
import redis
from gevent.event import Event

from app.sse.client import Client
from app.sse.presence import KEEP_SECONDS, SILENT_SECONDS, Count, Presence
from app.sse.tended import Tended

log = logging.getLogger(__name__)

BEAT_SECONDS = SILENT_SECONDS / 3
# Each number is written anew after so many beats, whatever became of it: evicted, deleted,
# overwritten by what a link delivered late.
BEATS_OF_A_ROUND = int(KEEP_SECONDS / 3 / BEAT_SECONDS)
# Users in one pipeline: large enough for a deploy, small enough not to hold up anybody.
BATCH_USERS = 200
FIRST_BACKOFF_SECONDS = 0.25
MOST_BACKOFF_SECONDS = 5.0

ERRORS: tuple[type[Exception], ...] = (redis.RedisError, OSError)


class Streams(Protocol):
    """What is counted: a hub."""

    def clients_of(self, user_id: str) -> Sequence[Client]:
        """Those of one user, in the order in which they came."""

    def user_ids(self) -> list[str]:
        """Whoever has a client at this moment."""


class Census:
    """Counts one worker's streams. `refusal` makes the last frame of one that is too many."""

    def __init__(
        self, presence: Presence, max_streams_per_user: int, refusal: Callable[[], bytes]
    ) -> None:
        self._presence = presence
        self._limit = max_streams_per_user
        self._refusal = refusal
        self._worker = ""
        self._dead: Sequence[bytes] = ()
        self._changed: set[str] = set()
        self._round: list[str] = []
        self._share = 0
        self._wake = Event()
        self._answers = True  # as far as is known; the first ones wait to see whether Redis does
        self._fault: str | None = None
        self._streams: Streams | None = None
        self._greenlet = Tended("the census", self._run)

    def start(self, streams: Streams) -> None:
        """Begin to count. Idempotent."""
        self._streams = streams
        self._greenlet.start()

    def stop(self) -> None:
        """Stop, and take out what is still counted. Idempotent."""
        if self._streams is None:
            return
        self._streams = None
        self._greenlet.stop()
        try:
            self._say_goodbye()
        except ERRORS as error:
            log.debug("could not say goodbye to the census: %s", error)

    def joined(self, client: Client) -> None:
        """A client is there; it is admitted, or else barred, soon."""
        if not self._answers:
            client.admitted = True
        self._changed.add(client.user_id)
        self._wake.set()

    def left(self, client: Client) -> None:
        """A client is gone."""
        self._changed.add(client.user_id)
        self._wake.set()

    def _run(self) -> None:
        backoff, beat_at = FIRST_BACKOFF_SECONDS, 0.0
        known = False
        while True:
            try:
                if (now := time.monotonic()) >= beat_at:
                    known = self._beat(known)
                    beat_at = now + BEAT_SECONDS * random.uniform(0.8, 1)  # noqa: S311
                self._write_changed()
            except ERRORS as error:
                self._on_error(error)
                gevent.sleep(backoff * random.uniform(0.5, 1))  # noqa: S311
                backoff, beat_at = min(backoff * 2, MOST_BACKOFF_SECONDS), 0.0
                continue
            self._on_answer()
            backoff = FIRST_BACKOFF_SECONDS
            self._wake.wait(beat_at - time.monotonic())

    def _beat(self, known: bool) -> bool:
        """Say that this worker lives, and begin anew if it was taken for dead; always True."""
        if known:
            known, self._dead = self._presence.beat(self._worker, "beat")
        if not known:
            # Not under the old name: others may delete what stands under it, for some seconds yet.
            self._say_goodbye()
            self._worker = uuid.uuid4().hex
            _, self._dead = self._presence.beat(self._worker, "begin")
            self._changed.update(self._users())
        if not self._round:
            self._round = self._users()
            self._share = len(self._round) // BEATS_OF_A_ROUND + 1
        self._changed.update(self._round[: self._share])
        del self._round[: self._share]
        return True

    def _say_goodbye(self) -> None:
        if self._worker:
            self._presence.beat(self._worker, "end")

    def _write_changed(self) -> None:
        self._wake.clear()
        while self._changed:
            batch = [self._changed.pop() for _ in range(min(len(self._changed), BATCH_USERS))]
            try:
                self._write(batch)
            except ERRORS:
                self._changed.update(batch)
                raise

    def _write(self, user_ids: Sequence[str]) -> None:
        asked: list[tuple[Count, list[Client]]] = []
        for user_id in user_ids:
            there = [client for client in self._clients_of(user_id) if not client.barred]
            waiting = [client for client in there if not client.admitted]
            count = Count(user_id, len(there) - len(waiting), len(waiting))
            asked.append((count, waiting))
        counts = [count for count, _ in asked]
        granted = self._presence.count(self._worker, counts, self._limit, self._dead)
        faults = [grant for grant in granted if not isinstance(grant, int)]
        if faults:
            log.warning("the streams of %d users are not counted: %s", len(faults), faults[0])
        for (count, waiting), grant in zip(asked, granted, strict=True):
            self._decide(waiting, grant if isinstance(grant, int) else count.waiting)

    def _decide(self, waiting: Sequence[Client], granted: int) -> None:
        for client in waiting[:granted]:
            client.admitted = True
            client.wake()
        for client in waiting[granted:]:
            if client.admitted:  # it could not wait any longer: then it counts
                self._changed.add(client.user_id)
            else:
                client.bar(self._refusal())

    def _on_error(self, error: Exception) -> None:
        self._answers = False
        if self._fault is None:
            log.warning("streams are limited for each worker alone, as Redis is away: %s", error)
        self._fault = str(error) or type(error).__name__
        for user_id in self._changed:
            for client in self._clients_of(user_id):
                client.admitted = True
                client.wake()

    def _on_answer(self) -> None:
        self._answers = True
        if self._fault is not None:
            log.info("streams are limited across all workers again")
        self._fault = None

    def _users(self) -> list[str]:
        return self._streams.user_ids() if self._streams else []

    def _clients_of(self, user_id: str) -> Sequence[Client]:
        return self._streams.clients_of(user_id) if self._streams else ()
