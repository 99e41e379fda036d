"""The load client's reading in C, where there is a compiler: see frames.c.

In Python it takes 0.9 µs for a frame besides the kernel's part, in C a third of that. With Redis it
has one core, and a server that delivers in 2 µs waited for it.
"""

import ctypes
import subprocess
import sys
import tempfile
from array import array
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from shutil import which

from bench.wire import FrameCounter

SOURCE = Path(__file__).with_name("frames.c")
# As there.
ENDED, NO_POLL = -1, -2
MOST_AT_A_TIME = 4096
READ_BYTES = 65536


class StreamEnded(Exception):
    """The server ended this stream."""

    def __init__(self, stream: int) -> None:
        super().__init__(f"stream {stream} was ended by the server")


class NativeCounter:
    """A FrameCounter that also reads, all streams of an epoll at a time."""

    def __init__(self, library: ctypes.CDLL, mark: bytes, frame_end: bytes, streams: int) -> None:
        """As FrameCounter, for so many streams. Raises ValueError for a mark that is too long."""
        self.streams = streams
        self._library = library
        self._ended = ctypes.c_int32()
        self._streams = array("i", bytes(4 * MOST_AT_A_TIME))
        self._frames = array("i", bytes(4 * MOST_AT_A_TIME))
        self._moments = array("d", bytes(8 * MOST_AT_A_TIME))
        self._counter = library.counter_new(mark, len(mark), frame_end, len(frame_end), streams)
        if not self._counter:
            raise ValueError("a mark is empty or too long, or there is no memory")

    def __del__(self) -> None:
        """Free its memory."""
        if counter := getattr(self, "_counter", None):
            self._library.counter_free(counter)

    def feed(self, stream: int, data: bytes) -> int:
        """As FrameCounter's."""
        frames: int = self._library.counter_feed(self._counter, stream, data, len(data))
        return frames

    def read(
        self, epoll: int, seconds: float, stream_of: "array[int]", received: "array[int]"
    ) -> int:
        """Wait up to `seconds` and read what has come; the number of notifications it completed.

        They are added to `received` (of type q), by stream; `stream_of` (of type i) tells which
        that is of each file descriptor. Raises StreamEnded, OSError.
        """
        return self._checked(
            self._library.counter_read(
                self._counter,
                epoll,
                round(1000 * seconds),
                stream_of.buffer_info()[0],
                received.buffer_info()[0],
                ctypes.byref(self._ended),
            )
        )

    def arrivals(
        self, epoll: int, seconds: float, stream_of: "array[int]"
    ) -> Iterator[tuple[int, int, float]]:
        """The same, as (stream, notifications, the moment it was read by time.perf_counter)."""
        many = self._checked(
            self._library.counter_arrivals(
                self._counter,
                epoll,
                round(1000 * seconds),
                stream_of.buffer_info()[0],
                self._streams.buffer_info()[0],
                self._frames.buffer_info()[0],
                self._moments.buffer_info()[0],
                ctypes.byref(self._ended),
            )
        )
        return zip(self._streams[:many], self._frames[:many], self._moments[:many], strict=True)

    def _checked(self, outcome: int) -> int:
        if outcome == ENDED:
            raise StreamEnded(self._ended.value)
        if outcome == NO_POLL:
            raise OSError("epoll_wait failed")
        return outcome


def counter(mark: bytes, frame_end: bytes, streams: int) -> FrameCounter | NativeCounter:
    """Counts these notifications of so many streams: in C if that is possible here."""
    library = compiled()
    if library is None:
        return FrameCounter(mark, frame_end)
    return NativeCounter(library, mark, frame_end, streams)


@cache
def compiled() -> ctypes.CDLL | None:
    """frames.c, compiled and loaded; None without a C compiler, and elsewhere than on Linux."""
    compiler = which("cc") or which("gcc") or which("clang")
    if compiler is None or sys.platform != "linux":
        return None
    with tempfile.TemporaryDirectory(prefix="tidings-") as folder:
        built = Path(folder) / "frames.so"
        sizes = [f"-DMOST_AT_A_TIME={MOST_AT_A_TIME}", f"-DREAD_BYTES={READ_BYTES}"]
        command = [compiler, "-O2", "-shared", "-fPIC", *sizes, "-o", str(built), str(SOURCE)]
        # A compiler without headers, or one for another system.
        if subprocess.run(command, capture_output=True).returncode != 0:
            return None
        library = ctypes.CDLL(str(built))
    size, pointer, number = ctypes.c_size_t, ctypes.c_void_p, ctypes.c_int64
    text = ctypes.c_char_p
    library.counter_new.restype = pointer
    library.counter_new.argtypes = [text, size, text, size, size]
    library.counter_free.restype = None
    library.counter_free.argtypes = [pointer]
    library.counter_feed.restype = number
    library.counter_feed.argtypes = [pointer, size, text, size]
    library.counter_read.restype = number
    library.counter_read.argtypes = [pointer, ctypes.c_int, ctypes.c_int, *[pointer] * 3]
    library.counter_arrivals.restype = number
    library.counter_arrivals.argtypes = [pointer, ctypes.c_int, ctypes.c_int, *[pointer] * 5]
    return library
