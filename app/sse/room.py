"""The parts of the stream room, put together for one worker: built, started, drained, stopped."""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

import gevent
import redis
from flask import Flask, current_app
from gevent import monkey
from gevent.event import Event
from gevent.lock import BoundedSemaphore
from redis.backoff import NoBackoff
from redis.retry import Retry

from app import bus
from app.auth.revocation import Revocation
from app.auth.revocations import revoked_since
from app.config import Settings
from app.database import POOL_SIZE
from app.errors import ConfigurationError
from app.extensions import tidings
from app.notifications import snoozes
from app.notifications.changes import Changes, changes_since, standings
from app.notifications.mailboxes import last_seqs
from app.sse.census import Census
from app.sse.hub import Hub
from app.sse.listener import Listener
from app.sse.lookups import Lookups
from app.sse.presence import Presence
from app.sse.pulse import Pulse
from app.sse.rights import Rights
from app.sse.stream import COME_BACK_WITHIN_MS, no_room
from app.sse.sweep import Sweeper
from app.sse.waker import Lease, Waker

log = logging.getLogger(__name__)

# As gunicorn itself looks. Each look wakes a worker that may have nothing else to do.
STOPPING_POLL_SECONDS = 1.0
PATIENCE_SECONDS = 1.0


class Room:
    """The hub of one worker process and what feeds it. `start` and `stop` are idempotent."""

    def __init__(self, app: Flask, settings: Settings) -> None:
        self._app = app
        self._replay_limit = settings.replay_limit
        self.listener = Listener(settings.redis_url)
        self.rights = Rights(self._revoked_since, settings.keepalive_seconds)
        presence = Presence(_impatient(settings.redis_url))
        self._census = Census(presence, settings.max_streams_per_user, no_room)
        self._pulse = Pulse(settings.keepalive_seconds)
        self.hub = Hub(
            self.listener,
            self.rights,
            self._census,
            self._pulse,
            settings.max_streams,
            settings.max_streams_per_user,
        )
        self._sweeper = Sweeper(self.hub, self._last_seqs, settings.sweep_seconds)
        lease = Lease(_impatient(settings.redis_url), snoozes.CHECK_SECONDS)
        self._waker = Waker(lease, self._wake_due, snoozes.CHECK_SECONDS)
        # When Redis comes back, every stream reads at once. They queue here, and leave half of
        # the pool to requests.
        self._readers = BoundedSemaphore(POOL_SIZE)
        self.lookups = Lookups(self.read_standings, self.read_changes)

    def start(self) -> None:
        """Start the greenlets. Raises ConfigurationError outside of a gevent worker."""
        if not monkey.is_module_patched("socket") or not monkey.is_module_patched("threading"):
            raise ConfigurationError(
                "streams need gunicorn's gevent worker (worker_class = 'gevent'): "
                "without it the first stream would block all others"
            )
        self.rights.start(self.hub.revoke)
        self.listener.start(self.hub, self.rights)
        self._census.start(self.hub)
        self._pulse.start()
        self._sweeper.start()
        self._waker.start()

    def drain(self) -> None:
        """End all streams, each with word when to come back, and take no new ones."""
        log.info("draining %d streams", self.hub.streams)
        self.hub.drain(COME_BACK_WITHIN_MS)

    def stop(self) -> None:
        """Stop the greenlets."""
        self._waker.stop()
        self._sweeper.stop()
        self._pulse.stop()
        self._census.stop()
        self.listener.stop()
        self.rights.stop()

    def read_changes(self, user_id: str, after: int | None) -> Changes:
        """`changes_since` for a stream, which has no request's context of its own."""
        with self._readers, self._app.app_context():
            self.rights.load()  # no frame before it is known that nobody took the right to it
            return changes_since(user_id, after, self._replay_limit)

    def read_standings(self, user_ids: Sequence[str]) -> Mapping[str, Changes]:
        """`standings` for streams, in the same way."""
        with self._readers, self._app.app_context():
            self.rights.load()
            return standings(user_ids)

    def _revoked_since(self, moment: int) -> Sequence[Revocation]:
        with self._app.app_context():
            return revoked_since(moment)

    def _last_seqs(self, user_ids: Sequence[str]) -> dict[str, int]:
        with self._app.app_context():
            return last_seqs(user_ids)

    def _wake_due(self) -> int:
        with self._app.app_context():
            client = tidings().redis
            return snoozes.wake_all(
                datetime.now(UTC), lambda pushes: bus.publish_or_log(client, pushes)
            )


def _impatient(redis_url: str) -> redis.Redis:
    """A client, for one greenlet alone, that does not wait long for a Redis that hangs.

    With the census waits whoever opens a stream, and with the waker whoever snoozed something.
    """
    return bus.connect(
        redis_url,
        socket_timeout=PATIENCE_SECONDS,
        socket_connect_timeout=PATIENCE_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )


def room() -> Room:
    """The stream room of the current application."""
    the_room: Room = current_app.extensions["tidings.sse"]
    return the_room


def drain_when(the_room: Room, stopping: Callable[[], bool]) -> Callable[[], None]:
    """Drain as soon as the worker is asked to stop. Returns what is to be called when it may be.

    gunicorn waits for open streams until its graceful time-out, and then drops them without
    running any `finally`. It sets `worker.alive`, for several reasons, and tells nobody.
    """
    look = Event()

    def watch() -> None:
        while not stopping():
            look.wait(STOPPING_POLL_SECONDS)
            look.clear()
        the_room.drain()

    gevent.spawn(watch)
    return look.set
