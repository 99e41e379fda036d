"""A greenlet that is to run for as long as its worker does."""

import logging
from collections.abc import Callable

import gevent

log = logging.getLogger(__name__)

PAUSE_SECONDS = 2.0


class Tended:
    """Runs `run` in a greenlet, and anew if it dies. Both methods are idempotent."""

    def __init__(self, name: str, run: Callable[[], None]) -> None:
        self._name = name
        self._run = run
        self._greenlet: gevent.Greenlet[..., None] | None = None

    def start(self) -> None:
        """Begin."""
        if self._greenlet is None:
            self._greenlet = gevent.spawn(self._run)
            self._greenlet.link_exception(self._on_death)

    def stop(self) -> None:
        """End it, wherever it is."""
        if self._greenlet is not None:
            self._greenlet.kill()
            self._greenlet = None

    def _on_death(self, dead: "gevent.Greenlet[..., None]") -> None:
        # Nothing of what is expected ends it, so this is a defect: say so, go on.
        log.critical("%s died and is started anew", self._name, exc_info=dead.exception)
        self._greenlet = gevent.spawn_later(PAUSE_SECONDS, self._run)
        self._greenlet.link_exception(self._on_death)
