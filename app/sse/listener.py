"""The greenlet that reads Pub/Sub for all of a worker's streams, over one connection."""

import logging
import random
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Literal, Protocol

import gevent
import redis
from gevent.event import Event
from redis.backoff import NoBackoff
from redis.retry import Retry

from app import bus
from app.auth.revocation import CONTROL_CHANNEL
from app.sse.link import ERRORS, Link

log = logging.getLogger(__name__)

# redis-py does not notice a Redis that has stopped, or a link that swallows everything; a probe
# that does not come back does. Detection takes two of these.
PROBE_SECONDS = 2.0
# Less than the interval, so that a publish that hangs does not hold up the check.
PROBE_TIMEOUT_SECONDS = 1.0
FIRST_BACKOFF_SECONDS = 0.1
MOST_BACKOFF_SECONDS = 2.0

State = Literal["stopped", "connecting", "listening"]

# What does not come when a link is dead, by the state that it is in.
AWAITED: Mapping[State, str] = {
    "connecting": "Redis did not confirm the subscription",
    "listening": "the probe did not come back",
}


class Receiver(Protocol):
    """Who is told what the listener hears."""

    def deliver(self, pushes: Iterable[tuple[bytes, bytes]]) -> None:
        """Each (channel, payload) was published, in this order. Must not wait."""

    def confirmed(self, channel: bytes) -> None:
        """The subscription to `channel` is there, for the first time or again. Must not wait."""


class Controlled(Protocol):
    """Who is told what is said on the control channel, to every worker."""

    def hear(self, payload: bytes) -> None:
        """This was said there, by anybody. Must not wait, and not raise."""

    def hear_again(self) -> None:
        """What is said from now on is heard; what was said before may not have been."""


class Listener:
    """Keeps one Link alive and subscribed to what is wanted.

    One greenlet owns the Link and replaces it whole when anything about it fails; then every
    channel is subscribed, and so confirmed, anew. Others only say what they want: the owner, which
    blocks in reading, is woken by a message that this listener publishes to itself. The same
    message is its probe.
    """

    def __init__(self, redis_url: str) -> None:
        self._url = redis_url
        self._own_channel = f"tidings:listener:{uuid.uuid4().hex}".encode()
        self._link: Link | None = None
        self._wanted: set[bytes] = set()
        # Of this link: asked for, confirmed or not; confirmed; still to ask for; to give up.
        self._asked: set[bytes] = set()
        self._confirmed: set[bytes] = set()
        self._missing: set[bytes] = set()
        self._surplus: set[bytes] = set()
        self._wake = Event()
        self._heard_at = 0.0
        self._echo = Event()  # of the next probe; each has its own
        self._greenlets: list[gevent.Greenlet[..., None]] = []
        self._running = False
        self.state: State = "stopped"
        self.last_error: str | None = None

    def start(self, receiver: Receiver, controlled: Controlled) -> None:
        """Begin to listen for both. Idempotent."""
        if self._running:
            return
        self._running = True
        self.state = "connecting"
        self._spawn(lambda: self._listen_forever(receiver, controlled))
        self._spawn(self._probe_forever)

    def stop(self) -> None:
        """Stop both greenlets and close the connection. Idempotent."""
        self._running = False
        gevent.killall(self._greenlets)
        self._greenlets.clear()
        self._replace_link(None)
        self.state = "stopped"

    def want(self, channel: bytes) -> None:
        """Subscribe to `channel`, within a round trip or two."""
        self._wanted.add(channel)
        self._surplus.discard(channel)
        if channel not in self._asked:
            self._missing.add(channel)
            self._wake.set()

    def unwant(self, channel: bytes) -> None:
        """Unsubscribe from `channel` with the next probe: who reloads a page is back by then."""
        self._wanted.discard(channel)
        self._missing.discard(channel)
        if channel in self._asked:
            self._surplus.add(channel)

    def has(self, channel: bytes) -> bool:
        """Whether everything that is published on `channel` is heard from now on."""
        return channel in self._confirmed

    def fault(self, seconds: float) -> str | None:
        """What is wrong; None if something that is published now arrives within `seconds`."""
        if self.state == "listening":
            asked_at, echo = time.monotonic(), self._echo
            self._wake.set()
            # With much on its way the probe comes late; whatever came shows that the link lives.
            if echo.wait(seconds) or self._heard_at > asked_at:
                return None
        if self.state == "listening":
            return f"listening, but nothing has come for {time.monotonic() - self._heard_at:.1f} s"
        return f"{self.state}: {self.last_error}" if self.last_error else self.state

    def _spawn(self, run: Callable[[], None]) -> None:
        greenlet = gevent.spawn(run)
        greenlet.link_exception(lambda dead: self._on_death(dead, run))
        self._greenlets.append(greenlet)

    def _on_death(self, dead: "gevent.Greenlet[..., None]", run: Callable[[], None]) -> None:
        # Nothing of what is expected ends these greenlets, so this is a defect: say so, go on.
        log.critical("the listener died and is started anew", exc_info=dead.exception)
        self._greenlets.remove(dead)
        self._replace_link(None)
        if self._running:
            gevent.spawn_later(MOST_BACKOFF_SECONDS, self._spawn, run)

    def _listen_forever(self, receiver: Receiver, controlled: Controlled) -> None:
        backoff = FIRST_BACKOFF_SECONDS
        while self._running:
            started = time.monotonic()
            try:
                self._listen(receiver, controlled)
            except ERRORS as error:
                self._report(error)
            self.state = "connecting"
            if time.monotonic() - started > MOST_BACKOFF_SECONDS:
                backoff = FIRST_BACKOFF_SECONDS
            # Jitter: after Redis was away, not all workers of a fleet come back at once.
            gevent.sleep(backoff * random.uniform(0.5, 1))  # noqa: S311
            backoff = min(backoff * 2, MOST_BACKOFF_SECONDS)

    def _listen(self, receiver: Receiver, controlled: Controlled) -> None:
        """One Link, from its connection to its failure."""
        link = Link(self._url)
        self._replace_link(link)
        self._heard_at = time.monotonic()
        try:
            link.open()
            # The own channel last: with its confirmation all is heard.
            link.subscribe([CONTROL_CHANNEL, self._own_channel])
            permanent = {CONTROL_CHANNEL, self._own_channel}
            for events in link.events():
                self._heard_at = time.monotonic()
                pushes: list[tuple[bytes, bytes]] = []
                for kind, channel, payload in events:
                    if kind == b"message" and channel not in permanent:
                        pushes.append((channel, payload))
                        continue
                    # In their order: what came before a revocation is written before it.
                    receiver.deliver(pushes)
                    pushes.clear()
                    if kind == b"message" and channel == self._own_channel:
                        self._on_probe(link)
                    elif kind == b"message":
                        controlled.hear(payload)
                    elif kind == b"subscribe":
                        if channel == CONTROL_CHANNEL:
                            controlled.hear_again()
                        self._on_confirmed(link, receiver, channel)
                receiver.deliver(pushes)
        except ERRORS as error:
            if link.cut_because:
                raise redis.ConnectionError(link.cut_because) from error
            raise
        finally:
            self._replace_link(None)

    def _replace_link(self, link: Link | None) -> None:
        if self._link is not None:
            self._link.close()
        self._link = link
        self._asked.clear()
        self._confirmed.clear()
        self._surplus.clear()
        self._missing = set(self._wanted)

    def _on_confirmed(self, link: Link, receiver: Receiver, channel: bytes) -> None:
        if channel == self._own_channel:
            if self.last_error:
                log.info("listening to Redis again")
            self.state, self.last_error = "listening", None
            self._synchronise(link)
        elif channel in self._asked:
            self._confirmed.add(channel)
            receiver.confirmed(channel)

    def _on_probe(self, link: Link) -> None:
        echo, self._echo = self._echo, Event()
        echo.set()
        self._synchronise(link)

    def _synchronise(self, link: Link) -> None:
        """Ask Redis for what is missing and give up what is not needed, in batches."""
        missing, self._missing = self._missing, set()
        surplus, self._surplus = self._surplus, set()
        self._asked |= missing
        self._asked -= surplus
        self._confirmed -= surplus
        link.subscribe(missing)
        link.unsubscribe(surplus)

    def _probe_forever(self) -> None:
        # Its own connection with its own time-out: this one must find out about a Redis that
        # hangs, not hang with it.
        client = bus.connect(
            self._url, socket_timeout=PROBE_TIMEOUT_SECONDS, retry=Retry(NoBackoff(), 0)
        )
        while self._running:
            self._wake.wait(PROBE_SECONDS if self.state == "listening" else PROBE_SECONDS / 4)
            self._wake.clear()
            if self.state == "listening":
                try:
                    client.publish(self._own_channel, b"")
                except redis.RedisError as error:
                    log.debug("could not publish the probe: %s", error)
            # A link that was never confirmed can be dead as well: opened before Redis came back, it
            # would be all that is still missing, so it is given up sooner.
            patience = PROBE_SECONDS * (2 if self.state == "listening" else 1)
            if self._link and time.monotonic() - self._heard_at > patience:
                self._link.cut(f"{AWAITED[self.state]} within {patience:g} s")

    def _report(self, error: Exception) -> None:
        if self.last_error is None and self._running:
            log.warning("lost the Pub/Sub connection to Redis, trying again: %s", error)
        self.last_error = str(error) or type(error).__name__
