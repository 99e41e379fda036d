"""Snoozed notifications come back at their time: a web worker's look at the clock."""

import logging
import random
from collections.abc import Callable

import gevent

from app.errors import DatabaseUnavailable

log = logging.getLogger(__name__)


class Waker:
    """Calls `wake` about every `seconds` in a greenlet of its own.

    `wake` brings back what is due and says how much that was; it may raise DatabaseUnavailable.
    """

    def __init__(self, wake: Callable[[], int], seconds: float) -> None:
        self._wake = wake
        self._seconds = seconds
        self._greenlet: gevent.Greenlet[..., None] | None = None

    def start(self) -> None:
        """Begin to look. Idempotent."""
        if self._greenlet is None:
            self._greenlet = gevent.spawn(self._look_forever)
            self._greenlet.link_exception(self._on_death)

    def stop(self) -> None:
        """Stop. Idempotent."""
        if self._greenlet is not None:
            self._greenlet.kill()
            self._greenlet = None

    def _look_forever(self) -> None:
        away = False
        while True:
            # Jitter: workers that started together don't all look together.
            gevent.sleep(self._seconds * random.uniform(0.75, 1.25))  # noqa: S311
            try:
                count = self._wake()
            except DatabaseUnavailable as error:
                if not away:
                    log.warning("snoozed notifications have to wait: %s", error)
                away = True
                continue
            away = False
            if count:
                log.info("%d snoozed notifications came back", count)

    def _on_death(self, dead: "gevent.Greenlet[..., None]") -> None:
        # Nothing of what is expected ends this greenlet, so this is a defect: say so, go on.
        log.critical("the waker died and is started anew", exc_info=dead.exception)
        self._greenlet = None
        gevent.spawn_later(self._seconds, self.start)
