"""How a stream's greenlet sleeps until there is something to do."""

from typing import Any

from gevent import get_hub, getcurrent
from greenlet import greenlet


class Wakeup:
    """A flag that one greenlet waits for: like gevent's Event, at a fraction of its cost.

    Delivery is little more than waking greenlets, so this is a sizable part of it: Event keeps a
    list of waiters and starts and stops a Timeout for each wait, 7 µs for each round. Here there
    is one waiter, and a timer that is left running: when it fires too early, because waits began
    after it was started, it is set anew.
    """

    __slots__ = ("_deadline", "_is_set", "_loop", "_scheduled", "_timer", "_timer_at", "_waiter")

    def __init__(self) -> None:
        self._loop: Any = get_hub().loop
        self._is_set = False
        self._scheduled = False
        self._waiter: greenlet | None = None
        self._deadline = 0.0
        self._timer: Any = None
        self._timer_at = 0.0

    def set(self) -> None:
        """Let the waiting greenlet go on, in this round of the loop. Never switches to it."""
        self._is_set = True
        if self._waiter is not None and not self._scheduled:
            self._scheduled = True
            self._loop.run_callback(self._resume)

    def clear(self) -> None:
        """Wait anew, whatever was set before."""
        self._is_set = False

    def wait(self, seconds: float) -> bool:
        """Wait until it is set, or for so long; whether it is set."""
        if self._is_set or seconds <= 0:
            return self._is_set
        self._deadline = self._loop.now() + seconds
        if self._timer is None or self._timer_at > self._deadline:
            self._start_timer(seconds)
        self._waiter = getcurrent()
        try:
            get_hub().switch()
        finally:
            # However it ended, by a kill too, nobody may switch to this greenlet any more: it
            # waits for something else by then, such as its socket.
            self._waiter = None
        return self._is_set

    def close(self) -> None:
        """Stop the timer; to be called when nobody will wait any more."""
        if self._timer is not None:
            self._timer.stop()
            self._timer.close()
            self._timer = None

    def _start_timer(self, seconds: float) -> None:
        self.close()
        self._timer_at = self._loop.now() + seconds
        self._timer = self._loop.timer(seconds)
        self._timer.start(self._on_timer)

    def _on_timer(self) -> None:
        left = self._deadline - self._loop.now()
        self.close()
        if self._waiter is None:
            return  # the next wait starts another one
        if left > 0:
            self._start_timer(left)
        else:
            self._resume()

    def _resume(self) -> None:
        self._scheduled = False
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            waiter.switch()
