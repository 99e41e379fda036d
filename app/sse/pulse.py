"""The pulse: a sign of life on each stream on which nothing happens, from one greenlet.

With a timer for each stream, and a greenlet to wake, a ping took 37 µs of CPU: with 100,000 streams
and one ping in 15 s for each, a quarter of a core. From here it takes 9; or 16 where nothing of so
many streams is in the processor's caches any more, of which the kernel's `send` is 13.
"""

import time
from collections.abc import Iterable

import gevent

from app.sse import frame
from app.sse.client import Client
from app.sse.outlet import chunk
from app.sse.tended import Tended

# Streams are spread over so many moments of a round. A prime, as what they are spread by (their
# place in memory) repeats itself at even distances.
BEATS = 61
# A round takes this part of a keep-alive, so that a worker that is busy is not late for it at once.
ROUND = 0.97

PING_CHUNK = chunk(frame.PING)


class Pulse:
    """Pings every stream with an outlet once in `keepalive_seconds`. Its methods never wait."""

    def __init__(self, keepalive_seconds: float) -> None:
        self._pause = keepalive_seconds * ROUND / BEATS
        self._parts: list[set[Client]] = [set() for _ in range(BEATS)]
        self._greenlet = Tended("the pulse", self._run)

    def start(self) -> None:
        """Begin. Idempotent."""
        self._greenlet.start()

    def stop(self) -> None:
        """Stop. Idempotent."""
        self._greenlet.stop()

    def add(self, client: Client) -> None:
        """Ping this one, too."""
        self._parts[hash(client) % BEATS].add(client)

    def remove(self, client: Client) -> None:
        """No more."""
        self._parts[hash(client) % BEATS].discard(client)

    def _run(self) -> None:
        due = time.monotonic()
        while True:
            for part in self._parts:
                # By the clock: what the beats themselves take must not add up. But what was held
                # up for long, as in a stopped process, is not made up for.
                now = time.monotonic()
                due = max(due + self._pause, now)
                gevent.sleep(due - now)
                beat(part)


def beat(clients: Iterable[Client]) -> None:
    """Ping those that are idle."""
    for client in clients:
        client.ping(frame.PING, PING_CHUNK)
