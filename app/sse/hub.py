"""All open streams of this worker, by channel; every push to whom it is for."""

import logging
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

import gevent

from app import bus
from app.auth.revocation import Revocation
from app.sse import frame, outlet
from app.sse.client import Client
from app.sse.drops import Drops

log = logging.getLogger(__name__)

REVOKED = frame.expired("The token has been revoked.")


class Subscriptions(Protocol):
    """What a hub asks of a listener."""

    def want(self, channel: bytes) -> None:
        """Subscribe to `channel`, soon."""

    def unwant(self, channel: bytes) -> None:
        """Unsubscribe from `channel`, some time."""

    def has(self, channel: bytes) -> bool:
        """Whether the subscription to `channel` is confirmed and unbroken."""


class Rights(Protocol):
    """What a hub asks of who knows the revocations."""

    def refuses(self, user_id: str, token_id: str, issued_at: int | None) -> bool:
        """Whether this token was revoked. Must not wait."""


class Census(Protocol):
    """Who counts each user's streams, across all workers. Told of changes; must not wait."""

    def joined(self, client: Client) -> None:
        """A client is there. It is to be admitted, or else barred, soon."""

    def left(self, client: Client) -> None:
        """A client is gone."""


class Pulse(Protocol):
    """Who gives idle streams a sign of life now and then. Must not wait."""

    def add(self, client: Client) -> None:
        """This one has an outlet."""

    def remove(self, client: Client) -> None:
        """It is gone."""


# A revoked stream has ended by then, unless its write waits for a reader that does not read.
HANG_UP_SECONDS = 0.5


class Hub:
    """The clients of one worker. `max_streams` are for the worker, and for one user of it."""

    def __init__(
        self,
        subscriptions: Subscriptions,
        rights: Rights,
        census: Census,
        pulse: Pulse,
        max_streams: int,
        max_streams_per_user: int,
    ) -> None:
        self._subscriptions = subscriptions
        self._rights = rights
        self._census = census
        self._pulse = pulse
        self._max_streams = max_streams
        self._max_streams_per_user = max_streams_per_user
        # Tuples, which are in one place in memory: with many streams none of it is in a cache.
        self._clients: dict[bytes, tuple[Client, ...]] = {}
        self._drops = Drops()
        self._draining_frame: Callable[[], bytes] | None = None
        self.streams = 0

    def join(self, client: Client) -> bool:
        """Take in a client, and subscribe to its user if it is the first; False at a limit.

        Never at the cost of another stream: two clients that push each other out would do so
        for ever.
        """
        channel = _channel(client)
        clients = self._clients.get(channel, ())
        if (
            self._draining_frame
            or self.streams >= self._max_streams
            or len(clients) >= self._max_streams_per_user
        ):
            return False
        if not clients:
            self._subscriptions.want(channel)
        self._clients[channel] = (*clients, client)
        self.streams += 1
        client.subscribed = self._subscriptions.has(channel)
        self._census.joined(client)
        if client.outlet:
            self._pulse.add(client)
        # From here on `revoke` finds it; what was revoked between its request and now is found so.
        if self._rights.refuses(client.user_id, client.token_id, client.issued_at):
            client.bar(REVOKED)
        return True

    def leave(self, client: Client) -> None:
        """Let a client go, and unsubscribe from its user if it was the last."""
        channel = _channel(client)
        clients = tuple(other for other in self._clients[channel] if other is not client)
        self.streams -= 1
        self._drops.tell(client)
        if clients:
            self._clients[channel] = clients
        else:
            del self._clients[channel]
            self._subscriptions.unwant(channel)
        self._census.left(client)
        self._pulse.remove(client)

    def deliver(self, pushes: Iterable[tuple[bytes, bytes]]) -> None:
        """Hand each (channel, payload) to all clients of its user. Encoded once; waits for nobody.

        What there is for one stream is written together: of 50 in a row a delivery takes 2 µs of
        CPU instead of 5.6, most of which is the kernel's, for each write.
        """
        unwritten: list[Client] = []
        try:
            for channel, payload in pushes:
                clients = self._clients.get(channel)
                if not clients:
                    continue
                try:
                    seq, text = frame.of_push(payload)
                except ValueError:
                    _flush(unwritten)  # to write to the log may let others run
                    self._deliver_foreign(clients, payload)
                    continue
                for client in clients:
                    if client.offer(seq, text):
                        unwritten.append(client)
        finally:
            _flush(unwritten)

    def _deliver_foreign(self, clients: Sequence[Client], payload: bytes) -> None:
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

    def revoke(self, revocation: Revocation) -> None:
        """End the streams whose right it takes: not one more frame of theirs but the last."""
        revoked = [
            client
            for client in self.clients_of(revocation.user_id)
            if revocation.covers(client.token_id, client.issued_at)
        ]
        for client in revoked:
            client.bar(REVOKED)
        if revoked:
            log.info("revoked %d streams of %s", len(revoked), revocation.user_id)
            gevent.spawn_later(HANG_UP_SECONDS, self._hang_up, revoked)

    def _hang_up(self, revoked: list[Client]) -> None:
        for client in revoked:
            if client in self.clients_of(client.user_id):
                client.hang_up()

    def drain(self, spread_ms: int) -> None:
        """End every stream; each is told its own moment, up to `spread_ms` away, to come back."""
        self._draining_frame = lambda: frame.draining(random.randint(0, spread_ms))  # noqa: S311
        for client in self.clients():
            client.end(self._draining_frame())
            self._drops.tell(client)  # who has stopped reading may not live to leave

    def clients(self) -> Iterator[Client]:
        """Every client there is at this moment."""
        return iter([client for clients in self._clients.values() for client in clients])

    def clients_of(self, user_id: str) -> Sequence[Client]:
        """Those of one user, in the order in which they came."""
        return self._clients.get(bus.channel_of(user_id).encode(), ())

    def user_ids(self) -> list[str]:
        """Whoever has a client at this moment."""
        return [clients[0].user_id for clients in self._clients.values()]


def _flush(unwritten: list[Client]) -> None:
    """Have these clients write, and forget them."""
    text = chunk = b""
    for client in unwritten:
        if client.unwritten is not text:  # else it is another client of the same user
            text = client.unwritten
            chunk = outlet.chunk(text)
        client.flush(chunk)
    unwritten.clear()


def _channel(client: Client) -> bytes:
    return bus.channel_of(client.user_id).encode()
