"""Snoozed notifications come back at their time: the web workers look at the clock in turns.

A look costs a worker some 1.5 ms of CPU where nothing is in the processor's caches, and the
database a query. Once a second for each of seven workers, that was a tenth of all that 100,000 idle
streams took. Whoever looks has the lease, a key in Redis, and looks for the others, too.
"""

import logging
import random
from collections.abc import Callable

import gevent
import redis

from app.errors import DatabaseUnavailable
from app.sse.tended import Tended

log = logging.getLogger(__name__)

KEY = "tidings:snoozes"
# Whoever has the lease is asleep for longer than it lasts, and gets the next one, too, ...
LEASE_LASTS = 0.7
SHORTEST, LONGEST = 0.75, 1.25
# ... while the others ask this much more rarely, in case it died.
OTHERS_PAUSE = 3


class Lease:
    """To look, for all that share a Redis and look about every `seconds`. Raises nothing."""

    def __init__(self, client: redis.Redis, seconds: float) -> None:
        self._redis = client
        self._milliseconds = int(1000 * LEASE_LASTS * seconds)

    def acquire(self) -> bool:
        """Whether it is the caller's; where Redis does not say, it is everybody's."""
        try:
            return bool(self._redis.set(KEY, b"", nx=True, px=self._milliseconds))
        except redis.RedisError as error:
            log.debug("snoozes are looked for without a lease: %s", error)
            return True

    def release(self) -> None:
        """Whoever asks next may have it."""
        try:
            # Rights that were given for tickets suffice: they say GETDEL, and not DEL.
            self._redis.getdel(KEY)
        except redis.RedisError as error:
            log.debug("the lease ends by itself: %s", error)


class Waker:
    """Calls `wake` about every `seconds`, in turn with others, in a greenlet of its own.

    `wake` brings back what is due and says how much that was; it may raise DatabaseUnavailable.
    """

    def __init__(self, lease: Lease, wake: Callable[[], int], seconds: float) -> None:
        self._lease = lease
        self._wake = wake
        self._seconds = seconds
        self._is_away = False
        self._greenlet = Tended("the waker", self._look_forever)

    def start(self) -> None:
        """Begin to look. Idempotent."""
        self._greenlet.start()

    def stop(self) -> None:
        """Stop. Idempotent."""
        self._greenlet.stop()

    def _look_forever(self) -> None:
        pause = self._seconds
        while True:
            # Jitter: workers that started together don't all ask together.
            gevent.sleep(pause * random.uniform(SHORTEST, LONGEST))  # noqa: S311
            looked = self._lease.acquire() and self._look()
            pause = self._seconds if looked else self._seconds * OTHERS_PAUSE

    def _look(self) -> bool:
        try:
            count = self._wake()
        except DatabaseUnavailable as error:
            if not self._is_away:
                log.warning("snoozed notifications have to wait: %s", error)
            self._is_away = True
            # It may be this worker alone that can't.
            self._lease.release()
            return False
        self._is_away = False
        if count:
            log.info("%d snoozed notifications came back", count)
        return True
