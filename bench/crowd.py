"""The load client's receiving side: many open streams on raw sockets in one epoll loop."""

import os
import select
import socket
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from bench.native import MOST_AT_A_TIME, READ_BYTES, NativeCounter, StreamEnded
from bench.wire import CONNECTED, FRAME_END, Address, FrameCounter, seqs

OPEN_SECONDS = 60.0
CONNECT_SECONDS = 5.0


class CrowdError(RuntimeError):
    """A stream was refused, ended, or received something else than what was sent to it."""


class Poller:
    """Which sockets can be read; epoll, or poll where that does not exist."""

    add: Callable[[int, int], object]
    wait: Callable[[float], list[tuple[int, int]]]
    close: Callable[[], None]
    fileno: Callable[[], int]  # of an epoll alone

    def __init__(self) -> None:
        if hasattr(select, "epoll"):
            epoll = select.epoll()
            self.add, self.close, self.fileno = epoll.register, epoll.close, epoll.fileno
            self.wait = lambda seconds: epoll.poll(seconds, MOST_AT_A_TIME)
        else:
            poll = select.poll()
            self.add = poll.register
            self.wait = lambda seconds: poll.poll(1000 * seconds)
            self.close = lambda: None


class Crowd:
    """The streams of one server: opens them, counts the notifications that each receives."""

    def __init__(
        self,
        address: Address,
        counter: FrameCounter | NativeCounter | None = None,
        *,
        recording: bool = False,
    ) -> None:
        """`recording` keeps all that is received, for `received_seqs`."""
        self._address = address
        self._counter = counter or FrameCounter()
        self._poller = Poller()
        self._sockets: list[socket.socket] = []
        # By file descriptor.
        self._stream_of = array("i")
        self._records: list[bytearray] | None = [] if recording else None

    def __len__(self) -> int:
        return len(self._sockets)

    def open(self, requests: Sequence[bytes], at_once: int = 50, *, greeted: bool = True) -> None:
        """Open a stream for each request, `at_once` on their way at a time; all `connected`.

        Not `greeted`: by a server that says nothing at first, and the requests are only sent.
        Raises CrowdError, and ValueError for more streams than the counter is for.
        """
        if (native := self._native) and len(self) + len(requests) > native.streams:
            raise ValueError(f"the counter is for {native.streams} streams")
        if not greeted:
            for each in requests:
                self._connect(each)
            return
        deadline = time.monotonic() + OPEN_SECONDS
        waiting = iter(requests)
        opening: dict[int, bytes] = {}
        arrived = 0
        while arrived < len(requests):
            while len(opening) < at_once and (request := next(waiting, None)) is not None:
                opening[self._connect(request)] = b""
            for descriptor, _ in self._poller.wait(1.0):
                # A stream that is open already may get a ping meanwhile.
                if descriptor in opening:
                    arrived += self._greet(descriptor, opening)
                else:
                    self._read(descriptor)
            if time.monotonic() > deadline:
                raise CrowdError(f"only {arrived} of {len(requests)} streams opened in time")

    def arrivals(self, seconds: float) -> Iterator[tuple[int, int, float]]:
        """Wait up to `seconds`; then (stream, notifications completed, when it was read) each."""
        stream_of = self._stream_of
        if native := self._native:
            with _ended_is_an_error():
                yield from native.arrivals(self._poller.fileno(), seconds, stream_of)
            return
        read, feed, now = self._read, self._counter.feed, time.perf_counter
        for descriptor, _ in self._poller.wait(seconds):
            stream = stream_of[descriptor]
            yield stream, feed(stream, read(descriptor)), now()

    def count(self, seconds: float, received: "array[int]") -> int:
        """As `arrivals`, added to `received` (of type q) by stream; the sum."""
        if native := self._native:
            with _ended_is_an_error():
                return native.read(self._poller.fileno(), seconds, self._stream_of, received)
        total = 0
        for stream, frames, _ in self.arrivals(seconds):
            received[stream] += frames
            total += frames
        return total

    @property
    def _native(self) -> NativeCounter | None:
        """What reads in C; it hands over nothing that could be recorded."""
        if isinstance(self._counter, NativeCounter) and self._records is None:
            return self._counter
        return None

    def received_seqs(self, stream: int) -> list[int]:
        """The seqs that one stream of a recording crowd received, in order."""
        if self._records is None:
            raise ValueError("this crowd does not record")
        return seqs(bytes(self._records[stream]))

    def close(self) -> None:
        """Close all streams."""
        for connection in self._sockets:
            connection.close()
        self._poller.close()

    def _connect(self, request: bytes) -> int:
        if isinstance(self._address, str):
            connection = socket.socket(socket.AF_UNIX)
            connection.settimeout(CONNECT_SECONDS)
            connection.connect(self._address)
        else:
            connection = socket.create_connection(self._address, timeout=CONNECT_SECONDS)
        connection.sendall(request)
        connection.setblocking(False)
        descriptor = connection.fileno()
        if descriptor >= len(self._stream_of):
            self._stream_of.extend([-1] * (1 + descriptor - len(self._stream_of)))
        self._stream_of[descriptor] = len(self._sockets)
        self._sockets.append(connection)
        if self._records is not None:
            self._records.append(bytearray())
        self._poller.add(descriptor, select.POLLIN)
        return descriptor

    def _greet(self, descriptor: int, opening: dict[int, bytes]) -> bool:
        """Read a stream's beginning; whether its `connected` frame is complete."""
        head = opening[descriptor] = opening[descriptor] + self._read(descriptor)
        if not b"HTTP/1.1 200 ".startswith(head[:13]) or b"event: draining" in head:
            raise CrowdError(f"stream refused: {head[:500]!r}")
        if FRAME_END not in head.partition(CONNECTED)[2]:
            return False
        del opening[descriptor]
        return True

    def _read(self, descriptor: int) -> bytes:
        data = os.read(descriptor, READ_BYTES)
        if not data:
            raise CrowdError(str(StreamEnded(self._stream_of[descriptor])))
        if self._records is not None:
            self._records[self._stream_of[descriptor]] += data
        return data


@contextmanager
def _ended_is_an_error() -> Iterator[None]:
    try:
        yield
    except StreamEnded as error:
        raise CrowdError(str(error)) from error
