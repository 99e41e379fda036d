"""One Pub/Sub connection to Redis, from its first subscription until anything fails about it.

redis-py opens the connection (address, TLS, authentication) and writes the commands. What arrives
is read here, because its `PubSub.listen()` is dear (a delivery took 48 µs of CPU with it and with
gevent's Event, 26 without both), and because it reconnects without a word: what was published
meanwhile would be lost in silence.
"""

import socket
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import hiredis
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from app import bus
from app.rounds import next_round

# Channels in one SUBSCRIBE: large enough that 10,000 take a few round trips, small enough that
# none of them holds up Redis or the confirmations of others.
BATCH_CHANNELS = 500

# What one read brings is delivered without a pause: about 100 notifications, or 1 ms, at most.
# Others have their turn after so many events in a row, not after each read: under load a read
# brings some 30 events, and a pause after each took 0.4 µs of the 10 that a delivery takes.
READ_BYTES = 64 * 1024
EVENTS_IN_A_ROW = 64

# (b"message", channel, payload), (b"subscribe", channel, how many there are now), or another reply.
# These are as they came: to make an own object of each took 0.5 µs of the 10 that a delivery takes.
Event = Sequence[Any]

ERRORS: tuple[type[Exception], ...] = (redis.RedisError, hiredis.HiredisError, OSError)


class Link:
    """Used by one greenlet, its owner, except for `cut`. Every failure raises one of ERRORS."""

    def __init__(self, url: str) -> None:
        # As RESP3 has it, an event comes as an object of hiredis' own class in place of a list: of
        # the 9 µs of a delivery, 0.1 to make it and to take it apart.
        self._redis = bus.connect(url, protocol=2, retry=Retry(NoBackoff(), 0))
        self._connection: Any = None
        self.cut_because: str | None = None  # what the owner then gets speaks of file descriptors

    def open(self) -> None:
        """Connect."""
        self._connection = self._redis.connection_pool.get_connection()

    def subscribe(self, channels: Iterable[bytes]) -> None:
        """Ask for `channels`; `events` tells when each is confirmed."""
        self._send("SUBSCRIBE", channels)

    def unsubscribe(self, channels: Iterable[bytes]) -> None:
        """Give up `channels`."""
        self._send("UNSUBSCRIBE", channels)

    def _send(self, command: str, channels: Iterable[bytes]) -> None:
        rest = list(channels)
        for start in range(0, len(rest), BATCH_CHANNELS):
            batch = rest[start : start + BATCH_CHANNELS]
            self._connection.send_command(command, *batch, check_health=False)

    def events(self) -> Iterator[list[Event]]:
        """What happened, in order, as much at a time as one read of the socket brought.

        Blocks; ends only by raising.
        """
        sock = self._connection._sock
        sock.settimeout(None)  # silence is the listener's to notice, by its probe
        reader = hiredis.Reader()
        unpaused = 0
        while True:
            chunk = sock.recv(READ_BYTES)
            if not chunk:
                raise redis.ConnectionError("Redis closed the Pub/Sub connection")
            reader.feed(chunk)
            events = []
            while (reply := reader.gets()) is not False:
                if isinstance(reply, Exception):
                    raise redis.ResponseError(str(reply))
                events.append(reply)
            yield events
            unpaused += len(events)
            if unpaused >= EVENTS_IN_A_ROW:
                unpaused = 0
                next_round()

    def cut(self, reason: str) -> None:
        """Make the owner's blocked read fail. May be called by any greenlet."""
        sock = getattr(self._connection, "_sock", None)
        if sock is not None:
            self.cut_because = reason
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                return  # it is down already; the owner has noticed or is about to

    def close(self) -> None:
        """Give the connection back to the system."""
        if self._connection is not None:
            self._connection.disconnect()
        self._redis.close()
