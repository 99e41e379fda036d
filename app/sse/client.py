"""One open stream: what it has been given, what waits for it, whether it is behind."""

import time
from collections.abc import Callable
from typing import Protocol

from app.sse.wakeup import Wakeup

# Frames that wait for a slow reader. Beyond it the client is behind: nothing more is kept for it,
# and it reads what it lacks from the database once it has caught its breath.
QUEUE_FRAMES = 256


class Socket(Protocol):
    """The socket below an outlet, which never waits."""

    def send(self, data: bytes, /) -> int:
        """Write what there is room for; how much that was. Raises OSError, for no room too."""


class Outlet(Protocol):
    """Where a stream's chunks can be written at once; see `app.sse.outlet`."""

    @property
    def socket(self) -> Socket:
        """What writes as much as there is room for."""

    def finish(self, rest: bytes) -> None:
        """Write all of it. Waits; raises OSError."""


class _Dropped(list[bytes]):
    """The queue of a stream that may send nothing any more."""

    def append(self, _frame: bytes, /) -> None:
        """Keep nothing."""


_DROPPED = _Dropped()


def _nothing() -> None:
    """A client that has no connection of its own, as in tests."""


class Client:
    """The listener's side (`offer`, `fall_behind`, `end`) never waits; the stream's side does.

    `position` is the seq of the last change that was sent or waits to be; None until it is known.
    `token_id` and `issued_at` (Unix time) tell by which right it is open. `admitted` is False until
    the count of its user's streams has been taken, on all machines. `hang_up` ends its connection.
    With an `outlet`, a frame that nothing waits before is written at once, by whoever offers it.
    All of a worker's greenlets share one thread and none of these methods but `wait` switches to
    another one, so there is nothing to lock.
    """

    __slots__ = ("_again", "_idle", "_newest", "_queue", "_rest", "_socket", "_woken", "admitted",
                 "barred", "behind", "ending", "hang_up", "issued_at", "outlet", "position",
                 "subscribed", "token_id", "unwritten", "user_id")  # fmt: skip

    def __init__(
        self, user_id: str, position: int | None, token_id: str, issued_at: int | None
    ) -> None:
        self.user_id = user_id
        self.position = position
        self.token_id = token_id
        self.issued_at = issued_at
        self.hang_up: Callable[[], None] = _nothing
        self.outlet: Outlet | None = None
        self._socket: Socket | None = None
        self.admitted = False
        self.barred = False
        self.subscribed = False
        self.behind = True  # what came before the subscription is in the database alone
        self.ending: bytes | None = None
        self._again = False
        self._newest = 0
        self._queue: list[bytes] = []
        # Its greenlet has written all there was and waits for more: others may use the outlet.
        # Whatever is to be done before the next frame ends that.
        self._idle = False
        self._rest = b""
        self.unwritten = b""  # frames, from `offer` to `flush`
        self._woken = Wakeup()

    def write_through(self, outlet: Outlet) -> None:
        """From now on whoever offers a frame may write it at once."""
        self.outlet = outlet
        # At hand for each write: of 15,000 streams, what else it takes to find it is in no cache,
        # 2 % of a delivery's CPU.
        self._socket = outlet.socket

    def offer(self, seq: int, frame: bytes) -> bool:
        """Hand over change `seq`: sent if it is the next one, dropped if it is an old one.

        After a gap, or with a full queue, the client is behind. True if the frame can be written at
        once: then `flush` is to be called, before any greenlet runs.
        """
        if self._idle and seq - 1 == self.position:
            self.position = seq
            if self.unwritten:
                self.unwritten += frame
                return False
            self.unwritten = frame
            return True
        if self.behind:
            self.hear_of(seq)
            return False
        if self.position is None or seq <= self.position:
            return False
        if seq == self.position + 1 and len(self._queue) < QUEUE_FRAMES:
            self._queue.append(frame)
            self.position = seq
        else:
            self.behind = True
            self._newest = seq
        self._summon()
        return False

    def flush(self, chunk: bytes) -> None:
        """Write what was offered: `chunk` is all of `unwritten`, as an outlet takes it."""
        frames, self.unwritten = self.unwritten, b""
        if not self._write(chunk):
            self._queue.append(frames)
            self._summon()

    def _write(self, chunk: bytes) -> bool:
        """Write a chunk without waiting; False if nothing of it was written."""
        if self._socket is None:
            return False
        try:
            sent = self._socket.send(chunk)
        except OSError:  # no room; or broken, as its own greenlet will find
            return False
        if sent < len(chunk):
            self._rest = chunk[sent:]
            self._summon()
        return True

    def _summon(self) -> None:
        """Have its greenlet do what there is to do, before anybody else writes."""
        self._idle = False
        self._woken.set()

    def offer_unnumbered(self, frame: bytes) -> bool:
        """Hand over what has no place in the order; False if there is no room for it."""
        if len(self._queue) >= QUEUE_FRAMES:
            return False
        self._queue.append(frame)
        self._summon()
        return True

    def confirm(self) -> None:
        """The subscription is there, for the first time or again after a lost link."""
        self.subscribed = True
        self.fall_behind()

    def hear_of(self, seq: int) -> None:
        """Change `seq` is stored. A read that is under way may have come too early for it."""
        self._newest = max(self._newest, seq)

    def fall_behind(self) -> None:
        """Something may have been missed: read the database, even if a read is under way."""
        self.behind = self._again = True
        self._summon()

    def end(self, frame: bytes) -> None:
        """End the stream with `frame`. The first reason stays."""
        self.ending = self.ending or frame
        self._summon()

    def bar(self, frame: bytes) -> None:
        """End the stream with `frame` alone: not one more of what waits, is read or is offered."""
        self.barred = True
        self.ending = frame
        # In place of a check in `offer`, which runs for each push of each stream.
        self._queue = _DROPPED
        self._summon()

    def wait(self, seconds: float) -> bool:
        """Wait until there is something to do; False after `seconds` of nothing."""
        return self._woken.wait(seconds)

    def idle(self, seconds: float) -> bool:
        """The same, with all written that there was: meanwhile whoever offers a frame may write."""
        self._idle = self.outlet is not None
        try:
            return self._woken.wait(seconds)
        finally:
            self._idle = False

    def ping(self, frame: bytes, chunk: bytes) -> None:
        """Write a sign of life, if it is idle; `chunk` is `frame` as an outlet takes it."""
        if self._idle and not self._write(chunk):
            self.offer_unnumbered(frame)

    def pause(self) -> None:
        """Wait anew, whatever woke it last."""
        self._woken.clear()

    def rest(self, seconds: float, done: Callable[[], bool] = lambda: False) -> None:
        """Wait for so long, or until `done` or the stream is to end. Whatever else happens waits.

        `wake` is to be called when `done` has changed.
        """
        until = time.monotonic() + seconds
        while not (self.ending or done()) and (left := until - time.monotonic()) > 0:
            self.pause()
            self.wait(left)

    def wake(self, *_: object) -> None:
        """Let its greenlet look again."""
        self._woken.set()

    def close(self) -> None:
        """The stream has ended: nobody will wait any more."""
        self._woken.close()

    def finish(self) -> None:
        """Write what is left of a chunk that was begun. Waits; raises OSError if it can't be."""
        if self._rest and self.outlet:
            rest, self._rest = self._rest, b""
            self.outlet.finish(rest)

    def take(self) -> bytes:
        """The frames that waited, as one chunk, to be written after `finish`."""
        self.pause()
        if not self._queue:
            return b""
        chunk = b"".join(self._queue)
        self._queue.clear()
        return chunk

    def begin_catch_up(self) -> None:
        """The database is about to be read; what is offered from now on may not be in it."""
        self._again = False
        self._newest = 0

    def caught_up(self, seq: int) -> None:
        """Everything up to `seq` has been sent. Still behind if more came during the read."""
        self.position = seq
        self.behind = self._again or self._newest > seq
