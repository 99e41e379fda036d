"""Somebody who connects to a stream and leaves, in one of the ways in which that happens."""

import random
import socket
from contextlib import closing, suppress

from tests.chaos.proxy import RESET_ON_CLOSE
from tests.support.processes import STREAM_PATH

ANSWER_SECONDS = 10.0

# HEAD; hung up before any answer; after the head; after the first frame.
WAYS = (None, b"", b"\r\n\r\n", b"event: connected")


def leave(port: int, token: str, rng: random.Random) -> None:
    """Connect and leave, in one of WAYS, politely or with a reset."""
    until = rng.choice(WAYS)
    method = "HEAD" if until is None else "GET"
    head = f"{method} {STREAM_PATH} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}"
    with closing(socket.create_connection(("127.0.0.1", port), ANSWER_SECONDS)) as connection:
        connection.sendall(f"{head}\r\n\r\n".encode())
        if until != b"":
            _read_until(connection, until or b"\r\n\r\n")
        if rng.random() < 0.5:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)


def _read_until(connection: socket.socket, text: bytes) -> None:
    said = b""
    with suppress(ConnectionError):
        while text not in said and (chunk := connection.recv(65536)):
            said += chunk
