"""After a failure everybody comes back at once; the kernel lets only so many wait for a server."""

import resource
import selectors
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.sse.conftest import StartPlace
from tests.support.processes import STREAM_PATH
from tests.support.require import require

CROWD = 1_500  # fewer than may wait: who finds no place tries again after seconds, up to a minute
LISTENING = "0A"


@pytest.fixture
def many_files() -> Iterator[None]:
    """As many open files as this process may have."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.usefixtures("many_files")
def test_who_comes_in_a_crowd_is_soon_let_in_to_wait_for_a_turn(start_place: StartPlace) -> None:
    require(sys.platform == "linux", "Only Linux shows how many a listener has not accepted yet.")
    place = start_place(workers=2)
    tokens = [place.token(f"user-{number}") for number in range(CROWD)]
    with ExitStack() as stack:
        crowd = Crowd(stack)
        for token in tokens:
            crowd.join(place.web.port, token)
        crowd.wait_until_answered(CROWD // 3)
        # Were they accepted when they are taken up, about two thirds of them would be waiting.
        assert not_accepted(place.web.port) < CROWD // 10
        crowd.wait_until_answered(CROWD)
    assert crowd.answers == [b"HTTP/1.1 200 OK"] * CROWD


def not_accepted(port: int) -> int:
    """Connections that wait in the kernel for a server to accept them (proc_net_tcp of Linux)."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    (queues,) = (row[4] for row in rows if row[1].endswith(f":{port:04X}") and row[3] == LISTENING)
    return int(queues.partition(":")[2], 16)


class Crowd:
    """Many who each ask for a stream."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._selector = stack.enter_context(selectors.DefaultSelector())
        self.answers: list[bytes] = []
        """The status lines of the streams that are open."""

    def join(self, port: int, token: str) -> None:
        """One more asks."""
        connection = self._stack.enter_context(socket.create_connection(("127.0.0.1", port), 20))
        head = f"GET {STREAM_PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n"
        connection.sendall(head.encode())
        self._selector.register(connection, selectors.EVENT_READ, bytearray())

    def wait_until_answered(self, many: int) -> None:
        """Wait until so many have their stream."""
        deadline = time.monotonic() + 60
        while len(self.answers) < many:
            assert time.monotonic() < deadline, f"{len(self.answers)} have their stream"
            for key, _ in self._selector.select(1):
                connection, heard = key.fileobj, key.data
                assert isinstance(connection, socket.socket)
                received = connection.recv(4_096)
                assert received, f"closed after {heard!r}"
                heard += received
                if b"event: connected\n" in heard:
                    self._selector.unregister(connection)
                    self.answers.append(bytes(heard.partition(b"\r\n")[0]))
