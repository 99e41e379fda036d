"""What the main thread waits for, when it waits for signals and for threads at once."""

import os
import select
import signal
from collections import deque
from collections.abc import Iterable
from types import FrameType
from typing import Generic, TypeVar

T = TypeVar("T")


class Notices(Generic[T]):
    """A queue that signals and threads put into, and the main thread takes from.

    A queue from the standard library would not do: Python runs a signal's handler only between two
    steps of the main thread, so a signal that comes just before get() blocks is not seen until
    something else ends the wait. Here the signal itself writes into a pipe.
    """

    def __init__(self) -> None:
        self._notices: deque[T] = deque()
        self._wake_up, self._waking = os.pipe()
        # The signal module asks for it: a handler must never wait for room in the pipe.
        os.set_blocking(self._waking, False)

    def put(self, notice: T) -> None:
        """Add a notice, from any thread."""
        self._notices.append(notice)
        try:
            os.write(self._waking, b"\0")
        except BlockingIOError:
            # A pipe that is full of wake-ups wakes.
            return

    def put_on(self, signals: Iterable[signal.Signals], notice: T) -> None:
        """From now on, each of these signals adds `notice`, and does nothing else."""

        def note(signum: int, frame: FrameType | None) -> None:
            self._notices.append(notice)

        signal.set_wakeup_fd(self._waking, warn_on_full_buffer=False)
        for signum in signals:
            signal.signal(signum, note)

    def get(self, seconds: float | None = None) -> T | None:
        """Take the oldest notice; None if there is none for `seconds` (None: wait for ever)."""
        while not self._notices:
            readable, _, _ = select.select([self._wake_up], [], [], seconds)
            if not readable:
                return None
            os.read(self._wake_up, 4096)
        return self._notices.popleft()
