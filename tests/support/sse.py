"""A reader of Server-Sent Events, written from the standard and not from this application.

https://html.spec.whatwg.org/multipage/server-sent-events.html, sections 9.2.5 and 9.2.6.
"""

import http.client
import json
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

LINE_END = re.compile(rb"\r\n|\n|\r")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Frame:
    """One event as a browser would dispatch it, and what its own block said.

    `last_event_id` is the event's, inherited from earlier blocks if this one has no `id:`; `id`
    and `retry_ms` are what this block itself said. `received_at` is in seconds of the monotonic
    clock.
    """

    event: str
    data: str
    last_event_id: str
    id: str | None
    retry_ms: int | None
    received_at: float

    def json(self) -> Any:
        """The data, decoded."""
        return json.loads(self.data)


class SseParser:
    """Turns the bytes of a stream, however they are cut, into frames."""

    def __init__(self) -> None:
        self.last_event_id = ""
        self.retry_ms: int | None = None
        self.comments: list[str] = []
        self._rest = b""
        self._ended_in_cr = False
        self._first_line = True
        self._id_buffer = ""
        self._new_block()

    def _new_block(self) -> None:
        self._event = ""
        self._data: list[str] = []
        self._id: str | None = None
        self._retry: int | None = None

    def feed(self, chunk: bytes) -> list[Frame]:
        """Take the next bytes; return the events that they complete."""
        return [frame for line in self._lines(chunk) if (frame := self._take(line))]

    def _lines(self, chunk: bytes) -> list[str]:
        if self._ended_in_cr and chunk:
            # The second half of a CR LF that was cut in two.
            chunk = chunk.removeprefix(b"\n")
            self._ended_in_cr = False
        self._ended_in_cr = self._ended_in_cr or chunk.endswith(b"\r")
        *lines, self._rest = LINE_END.split(self._rest + chunk)
        if lines and self._first_line:
            self._first_line = False
            lines[0] = lines[0].removeprefix(BYTE_ORDER_MARK)
        return [line.decode("utf-8", "replace") for line in lines]

    def _take(self, line: str) -> Frame | None:
        if not line:
            return self._dispatch()
        name, colon, value = line.partition(":")
        if colon and not name:
            self.comments.append(value)
        else:
            self._field(name, value.removeprefix(" "))
        return None

    def _field(self, name: str, value: str) -> None:
        match name:
            case "event":
                self._event = value
            case "data":
                self._data.append(value)
            case "id" if "\0" not in value:
                self._id = self._id_buffer = value
            case "retry" if value.isascii() and value.isdigit():
                self._retry = self.retry_ms = int(value)

    def _dispatch(self) -> Frame | None:
        self.last_event_id = self._id_buffer
        frame = Frame(
            event=self._event or "message",
            data="\n".join(self._data),
            last_event_id=self.last_event_id,
            id=self._id,
            retry_ms=self._retry,
            received_at=time.monotonic(),
        )
        dispatched = bool(self._data)
        self._new_block()
        return frame if dispatched else None


class SseStream:
    """One open stream, read by a thread; `with` closes it.

    `status` and `headers` are the response's; of anything but a stream, `body` is the rest.
    """

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        timeout_seconds: float = 30.0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        parts = urlsplit(url)
        self.frames: list[Frame] = []
        self.body = b""
        self.ended = False
        self.parser = SseParser()
        self._changed = threading.Condition()
        host = parts.hostname or ""
        connection = (
            http.client.HTTPSConnection(host, parts.port, timeout=timeout_seconds, context=tls)
            if parts.scheme == "https"
            else http.client.HTTPConnection(host, parts.port, timeout=timeout_seconds)
        )
        connection.connect()
        self._socket: socket.socket = connection.sock
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        connection.request(
            "GET", target, headers={"Accept": "text/event-stream", **(headers or {})}
        )
        self._response = connection.getresponse()
        self.status = self._response.status
        self.headers = self._response.headers
        if self.headers.get_content_type() == "text/event-stream":
            self._socket.settimeout(None)
            threading.Thread(target=self._read, daemon=True).start()
        else:
            self.body = self._response.read()
            self.ended = True

    def _read(self) -> None:
        try:
            while chunk := self._response.read1(65536):
                frames = self.parser.feed(chunk)
                with self._changed:
                    self.frames.extend(frames)
                    self._changed.notify_all()
        except (OSError, ValueError, http.client.HTTPException):
            # However the connection ends, the stream has ended; a test that cares how looks at
            # the last frame.
            pass
        finally:
            with self._changed:
                self.ended = True
                self._changed.notify_all()

    def wait_for_event(
        self, predicate: Callable[[Frame], bool], deadline_seconds: float = 20.0
    ) -> Frame:
        """The first frame, received already or yet to come, for which `predicate` holds.

        Raises AssertionError with all frames when none comes in time, or the stream ends.
        """
        found: list[Frame] = []

        def looked() -> bool:
            found[:] = [frame for frame in self.frames if predicate(frame)]
            return bool(found) or self.ended

        with self._changed:
            self._changed.wait_for(looked, deadline_seconds)
        assert found, self._report("no such frame")
        return found[0]

    def wait_for_frames(self, count: int, deadline_seconds: float = 20.0) -> list[Frame]:
        """All frames so far, once there are `count` of them, `ping` frames left out."""
        with self._changed:
            self._changed.wait_for(
                lambda: len(self.without_pings()) >= count or self.ended, deadline_seconds
            )
        frames = self.without_pings()
        assert len(frames) >= count, self._report(f"{len(frames)} of {count} frames")
        return frames

    def without_pings(self) -> list[Frame]:
        """What came, less the keep-alive frames, whose number depends on the time."""
        return [frame for frame in self.frames if frame.event != "ping"]

    def wait_for_end(self, deadline_seconds: float = 20.0) -> None:
        """Wait until the server has ended the stream."""
        with self._changed:
            self._changed.wait_for(lambda: self.ended, deadline_seconds)
        assert self.ended, self._report("still open")

    def close(self) -> None:
        """Hang up, as a closed tab does."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self.wait_for_end()
        self._response.close()
        self._socket.close()

    def _report(self, problem: str) -> str:
        state = "ended" if self.ended else "open"
        lines = [f"{f.event} id={f.id} {f.data}" for f in self.frames]
        return "\n".join([f"{problem}; the stream ({self.status}) is {state} after:", *lines])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
