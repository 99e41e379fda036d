"""One Pub/Sub connection to Redis, from its first subscription until anything fails about it.

What is above it sees confirmations and (channel, payload) pairs, and not how they are read.
"""

import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from app import bus

# Channels in one SUBSCRIBE: large enough that 10,000 take a few round trips, small enough that
# none of them holds up Redis or the confirmations of others.
BATCH_CHANNELS = 500


@dataclass(frozen=True, slots=True)
class Confirmed:
    """Redis has confirmed the subscription to `channel`."""

    channel: bytes


@dataclass(frozen=True, slots=True)
class Message:
    """`payload` was published on `channel`."""

    channel: bytes
    payload: bytes


class Link:
    """Used by one greenlet, its owner, except for `cut`. Every failure raises RedisError."""

    def __init__(self, url: str) -> None:
        # No retry: redis-py would reconnect and resubscribe without a word, and what was
        # published meanwhile would be lost in silence.
        self._redis = bus.connect(url, retry=Retry(NoBackoff(), 0))
        self._pubsub: Any = self._redis.pubsub()  # type: ignore[no-untyped-call]  # redis-py's

    def subscribe(self, channels: Iterable[bytes]) -> None:
        """Ask for `channels`; `events` tells when each is confirmed."""
        for batch in _batches(channels):
            self._pubsub.subscribe(*batch)

    def unsubscribe(self, channels: Iterable[bytes]) -> None:
        """Give up `channels`."""
        for batch in _batches(channels):
            self._pubsub.unsubscribe(*batch)

    def events(self) -> Iterator[Confirmed | Message]:
        """What arrives, in order; blocks. Ends only by raising, or without any subscription."""
        for message in self._pubsub.listen():
            kind = message["type"]
            if kind == "message":
                yield Message(message["channel"], message["data"])
            elif kind == "subscribe":
                yield Confirmed(message["channel"])

    def cut(self) -> None:
        """Make the owner's blocked read fail. May be called by any greenlet."""
        connection = self._pubsub.connection
        sock = getattr(connection, "_sock", None)
        if sock is not None:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                return  # it is down already; the owner has noticed or is about to

    def close(self) -> None:
        """Give the connection back to the system."""
        self._pubsub.close()
        self._redis.close()


def _batches(channels: Iterable[bytes]) -> Iterator[list[bytes]]:
    rest = list(channels)
    while rest:
        yield rest[:BATCH_CHANNELS]
        del rest[:BATCH_CHANNELS]


ERRORS: tuple[type[Exception], ...] = (redis.RedisError, OSError)
