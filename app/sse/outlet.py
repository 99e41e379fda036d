"""Writes a stream's frames to its socket, past the generator, where nothing is in their way.

A frame that goes through the generator wakes a greenlet, and passes werkzeug and gunicorn: of the
25 µs of CPU that a delivery took, that was more than half (docs/performance.md). What is written
here are the same bytes as gunicorn would write (but for the letters in a chunk's size, which may be
small), one chunk of the response for each call; whatever can't be written at once is left to the
generator's greenlet.
"""

from collections.abc import Mapping
from typing import Any

import gevent.socket


def chunk(data: bytes) -> bytes:
    """`data` as one chunk of a response (RFC 9112, section 7.1)."""
    # %x, not gunicorn's %X, for which Python has no short cut: 0.1 µs of the 9 of a delivery.
    return b"%x\r\n%b\r\n" % (len(data), data)


class Outlet:
    """The socket of one response. Used only while nobody else writes to it."""

    __slots__ = ("_waiting", "socket")

    def __init__(self, sock: Any) -> None:
        self._waiting = sock
        # The one below gevent's: a `send` of gevent's waits.
        self.socket = sock._sock

    def finish(self, rest: bytes) -> None:
        """Write what is left of a chunk. Waits; raises OSError, for a time-out too."""
        self._waiting.sendall(rest)


def outlet_of(environ: Mapping[str, Any], start_response: Any) -> Outlet | None:
    """The outlet of a response that was started; None where there can't be one.

    That is so with TLS, with HTTP/1.0, with HTTP/2, and under any other server than gunicorn with
    gevent: `start_response` is a method of gunicorn's response, which knows how it sends its body.
    """
    sock = environ.get("gunicorn.socket")
    response: Any = getattr(start_response, "__self__", None)
    plain = type(sock) is gevent.socket.socket
    if plain and getattr(response, "chunked", None) is True and response.sock is sock:
        return Outlet(sock)
    return None
