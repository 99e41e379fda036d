"""All open streams of this worker, by channel; every push to whom it is for."""

import logging
import random
from collections.abc import Callable, Iterator
from typing import Protocol

from app import bus
from app.sse import frame
from app.sse.client import Client
from app.sse.drops import Drops

log = logging.getLogger(__name__)


class Subscriptions(Protocol):
    """What a hub asks of a listener."""

    def want(self, channel: bytes) -> None:
        """Subscribe to `channel`, soon."""

    def unwant(self, channel: bytes) -> None:
        """Unsubscribe from `channel`, some time."""

    def has(self, channel: bytes) -> bool:
        """Whether the subscription to `channel` is confirmed and unbroken."""


class Hub:
    """The clients of one worker. `max_streams` are for the worker, and for one user of it."""

    def __init__(
        self, subscriptions: Subscriptions, max_streams: int, max_streams_per_user: int
    ) -> None:
        self._subscriptions = subscriptions
        self._max_streams = max_streams
        self._max_streams_per_user = max_streams_per_user
        self._clients: dict[bytes, list[Client]] = {}
        self._drops = Drops()
        self._draining_frame: Callable[[], bytes] | None = None
        self.streams = 0

    def join(self, client: Client) -> bool:
        """Take in a client, and subscribe to its user if it is the first; False at a limit.

        Never at the cost of another stream: two clients that push each other out would do so
        for ever.
        """
        channel = _channel(client)
        clients = self._clients.get(channel, [])
        if (
            self._draining_frame
            or self.streams >= self._max_streams
            or len(clients) >= self._max_streams_per_user
        ):
            return False
        if not clients:
            self._clients[channel] = clients
            self._subscriptions.want(channel)
        clients.append(client)
        self.streams += 1
        client.subscribed = self._subscriptions.has(channel)
        return True

    def leave(self, client: Client) -> None:
        """Let a client go, and unsubscribe from its user if it was the last."""
        channel = _channel(client)
        clients = self._clients[channel]
        clients.remove(client)
        self.streams -= 1
        self._drops.tell(client)
        if not clients:
            del self._clients[channel]
            self._subscriptions.unwant(channel)

    def deliver(self, channel: bytes, payload: bytes) -> None:
        """Hand a push to each client of its user. Encoded once; waits for nobody."""
        clients = self._clients.get(channel)
        if not clients:
            return
        try:
            seq, text = frame.of_push(payload)
        except ValueError:
            self._deliver_foreign(clients, payload)
            return
        for client in clients:
            client.offer(seq, text)

    def _deliver_foreign(self, clients: list[Client], payload: bytes) -> None:
        """What another service published: live only, it promised no place in the order."""
        data = bus.foreign_object(payload)
        if data is None:
            log.warning("dropped a Pub/Sub message that is no JSON object (%d bytes)", len(payload))
            return
        text = frame.frame(data)
        for client in clients:
            if not client.offer_unnumbered(text):
                self._drops.note(client)

    def confirmed(self, channel: bytes) -> None:
        """The subscription to `channel` is there (again): pushes before it may be lost."""
        for client in self._clients.get(channel, ()):
            client.confirm()

    def drain(self, spread_ms: int) -> None:
        """End every stream; each is told its own moment, up to `spread_ms` away, to come back."""
        self._draining_frame = lambda: frame.draining(random.randint(0, spread_ms))  # noqa: S311
        for client in self.clients():
            client.end(self._draining_frame())
            self._drops.tell(client)  # who has stopped reading may not live to leave

    def clients(self) -> Iterator[Client]:
        """Every client there is at this moment."""
        return iter([client for clients in self._clients.values() for client in clients])


def _channel(client: Client) -> bytes:
    return bus.channel_of(client.user_id).encode()
