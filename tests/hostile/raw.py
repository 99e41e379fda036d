"""HTTP byte by byte: what no client library would send."""

import http.client
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

Headers = Sequence[tuple[str | bytes, str | bytes]]

# What no request may take. A worker that is stuck takes for ever.
DEADLINE_SECONDS = 30.0


@dataclass(frozen=True)
class Answer:
    """What came back; of a stream, the body is what came at once."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def content_type(self) -> str:
        """Without parameters."""
        return self.headers.get("content-type", "").partition(";")[0]


@dataclass(frozen=True)
class Request:
    """What is sent, as it is. `Host`, and the body's length unless it is chunked, are added."""

    method: str
    target: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes | None = None
    chunked: bool = False

    def encode(self) -> bytes:
        """The bytes on the wire."""
        lines = [self.method.encode() + b" " + self.target + b" HTTP/1.1", b"Host: tidings.example"]
        lines += [name + b": " + value for name, value in self.headers]
        body = self.body or b""
        if self.chunked:
            lines.append(b"Transfer-Encoding: chunked")
            chunk = b"%x\r\n%s\r\n" % (len(body), body) if body else b""
            body = chunk + b"0\r\n\r\n"
        elif self.body is not None:
            lines.append(b"Content-Length: %d" % len(body))
        return b"\r\n".join([*lines, b"", body])


class Wire:
    """A connection that is kept as long as the server keeps it; `with` closes it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None

    def ask(self, request: Request) -> Answer:
        """Send it and read the answer. Raises TimeoutError where none comes."""
        kept = self._socket is not None
        try:
            return self._ask(request)
        except (ConnectionError, http.client.BadStatusLine):
            # The server may close a kept connection at any moment; a new one it must answer.
            self.close()
            if not kept:
                raise
            return self._ask(request)

    def _ask(self, request: Request) -> Answer:
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self._port), DEADLINE_SECONDS)
        with suppress(ConnectionError):
            # Refused before it was read to its end, it has its answer all the same.
            self._socket.sendall(request.encode())
        response = http.client.HTTPResponse(self._socket, method=request.method)
        response.begin()
        headers = {name.lower(): value for name, value in response.getheaders()}
        streams = headers.get("content-type", "").startswith("text/event-stream")
        body = response.read1() if streams else response.read()
        answer = Answer(response.status, headers, body)
        if streams or response.will_close:
            self.close()
        return answer

    def close(self) -> None:
        """Close it. The next request opens another."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
