"""Snoozed notifications come back at their time: a web worker's look at the clock."""

import logging
import random
from collections.abc import Callable

import gevent

from app.errors import DatabaseUnavailable
from app.sse.tended import Tended

log = logging.getLogger(__name__)


class Waker:
    """Calls `wake` about every `seconds` in a greenlet of its own.

    `wake` brings back what is due and says how much that was; it may raise DatabaseUnavailable.
    """

    def __init__(self, wake: Callable[[], int], seconds: float) -> None:
        self._wake = wake
        self._seconds = seconds
        self._greenlet = Tended("the waker", self._look_forever)

    def start(self) -> None:
        """Begin to look. Idempotent."""
        self._greenlet.start()

    def stop(self) -> None:
        """Stop. Idempotent."""
        self._greenlet.stop()

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
