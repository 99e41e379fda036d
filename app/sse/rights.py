"""Which rights have ended before their time: the revocations, in this worker's memory.

Three ways lead here, each of which is enough: all of them are read when the worker starts, each is
told to every worker as it is made, and the latest ones are looked up again and again, so that one
that was told to nobody is found within a keep-alive.
"""

import logging
import random
import time
from collections.abc import Callable, Sequence

import gevent
from gevent.event import Event
from gevent.lock import RLock

from app.auth.revocation import Revocation
from app.errors import DatabaseUnavailable
from app.sse.tended import Tended

log = logging.getLogger(__name__)

# (Unix time) -> the revocations since then that still matter, 0: all; raises DatabaseUnavailable.
Look = Callable[[int], Sequence[Revocation]]

# A revocation bears the time of the machine that made it, whose clock may differ from this one's,
# and may be committed a while after that.
OVERLAP_SECONDS = 60
# A look each so many keep-alives: with the look itself, it is found within one.
LOOK_KEEPALIVES = 0.8
FIRST_BACKOFF_SECONDS = 0.1
# For a database that answers nobody, not even with an error.
PATIENCE_SECONDS = 10.0
# A channel that anybody may shout on does not fill the log.
COMPLAINT_SECONDS = 60.0


class Rights:
    """The revocations that still matter. `end` is called with each as it becomes known.

    `refuses` and `hear` neither wait nor raise.
    """

    def __init__(self, look: Look, keepalive_seconds: float) -> None:
        self._look = look
        self._seconds = keepalive_seconds * LOOK_KEEPALIVES
        self._end: Callable[[Revocation], None] = lambda _: None
        self._known: dict[str, dict[str | None, Revocation]] = {}
        self._looking = RLock()
        self._looked_at: int | None = None  # when the last look that succeeded began
        self._look_soon = Event()
        self._fault: str | None = None
        self._complained_at = -COMPLAINT_SECONDS
        self._greenlet = Tended("the look for revocations", self._look_forever)

    def start(self, end: Callable[[Revocation], None]) -> None:
        """Begin to look, and tell `end` of what is found. Idempotent."""
        self._end = end
        self._greenlet.start()

    def stop(self) -> None:
        """Stop. Idempotent."""
        self._greenlet.stop()

    def refuses(self, user_id: str, token_id: str, issued_at: int | None) -> bool:
        """Whether this token of the user is known to have been revoked."""
        known = self._known.get(user_id)
        return known is not None and any(
            revocation.covers(token_id, issued_at) for revocation in known.values()
        )

    def hear(self, payload: bytes) -> None:
        """Somebody said this on the control channel."""
        revocation = Revocation.decode(payload)
        if revocation is not None:
            self._learn(revocation)
        elif time.monotonic() - self._complained_at >= COMPLAINT_SECONDS:
            self._complained_at = time.monotonic()
            log.warning("dropped what is no revocation from the control channel (%d bytes)",
                        len(payload))  # fmt: skip

    def hear_again(self) -> None:
        """The control channel is subscribed (again): what was said before was not heard."""
        self._look_soon.set()

    def load(self) -> None:
        """Make sure that what was revoked before this worker's start is known.

        Waits for nothing once that is so. Raises DatabaseUnavailable.
        """
        if self._looked_at is None:
            with self._looking:
                if self._looked_at is None:
                    self.look()

    def look(self) -> None:
        """Look once for what is new, and forget what has expired. Raises DatabaseUnavailable."""
        with self._looking:
            began = int(time.time())
            since = 0
            if self._looked_at is not None:
                since = min(self._looked_at, began) - OVERLAP_SECONDS
            for revocation in self._look(since):
                self._learn(revocation)
            self._looked_at = began
            self._forget_expired()

    def _learn(self, it: Revocation) -> None:
        if it.expires_at < time.time():
            return
        of_user = self._known.setdefault(it.user_id, {})
        known = of_user.get(it.token_id)
        if known is not None:
            if known.revoked_at >= it.revoked_at and known.expires_at >= it.expires_at:
                return
            it = Revocation(
                it.user_id,
                it.token_id,
                max(known.revoked_at, it.revoked_at),
                max(known.expires_at, it.expires_at),
            )
        of_user[it.token_id] = it
        self._end(it)

    def _forget_expired(self) -> None:
        now = time.time()
        for user_id, of_user in list(self._known.items()):
            for token_id, revocation in list(of_user.items()):
                if revocation.expires_at < now:
                    del of_user[token_id]
            if not of_user:
                del self._known[user_id]

    def _look_forever(self) -> None:
        backoff = FIRST_BACKOFF_SECONDS
        while True:
            self._look_soon.clear()
            if self._look_patiently():
                backoff = FIRST_BACKOFF_SECONDS
                pause = self._seconds
            else:
                pause = backoff = min(backoff * 2, self._seconds)
            # Jitter: workers that started together don't all look together.
            self._look_soon.wait(pause * random.uniform(0.75, 1))  # noqa: S311

    def _look_patiently(self) -> bool:
        """Look once, if the database answers within PATIENCE_SECONDS; whether it did."""
        # In a greenlet of its own, which can be given up.
        looking = gevent.spawn(self._outcome)
        looking.join(PATIENCE_SECONDS)
        if not looking.ready():
            looking.kill(block=False)
            fault: str | None = f"the database has not answered for {PATIENCE_SECONDS:g} s"
        else:
            fault = looking.get()
        if fault and not self._fault:
            log.warning("revocations that Redis lost are found late: %s", fault)
        elif self._fault and not fault:
            log.info("looking for revocations again")
        self._fault = fault
        return fault is None

    def _outcome(self) -> str | None:
        try:
            self.look()
        except DatabaseUnavailable as error:
            return str(error)
        except Exception as error:  # it goes on looking, whatever the database comes up with
            if not self._fault:
                log.exception("could not look for revocations")
            return str(error) or type(error).__name__
        return None
