"""After a failure everybody comes back at once, more than the kernel lets wait for a server."""

import asyncio
import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.sse.conftest import StartPlace
from tests.support.processes import STREAM_PATH

# The queue that gunicorn asks for is larger; this stands for a crowd that is larger still.
QUEUE = 128
CROWD = 1_500


@pytest.fixture
def many_files() -> Iterator[None]:
    """As many open files as this process may have."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.usefixtures("many_files")
def test_all_who_come_at_once_get_their_stream(start_place: StartPlace) -> None:
    place = start_place(workers=2, GUNICORN_CMD_ARGS=f"--backlog {QUEUE}")
    tokens = [place.token(f"user-{number}") for number in range(CROWD)]

    async def answer_to(token: str, connection: socket.socket) -> bytes:
        loop, answer = asyncio.get_running_loop(), b""
        head = f"GET {STREAM_PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n"
        await loop.sock_sendall(connection, head.encode())
        while b"event: connected\n" not in answer:
            received = await loop.sock_recv(connection, 4_096)
            assert received, f"closed after {answer!r}"
            answer += received
        return answer.partition(b"\r\n")[0]

    async def open_all(connections: list[socket.socket]) -> list[bytes]:
        async with asyncio.timeout(20):
            return await asyncio.gather(*map(answer_to, tokens, connections))

    with ExitStack() as stack:
        # All have begun to connect before one of them asks for anything.
        connections = [stack.enter_context(begun(place.web.port)) for _ in tokens]
        assert asyncio.run(open_all(connections)) == [b"HTTP/1.1 200 OK"] * CROWD


def begun(port: int) -> socket.socket:
    """A connection on its way."""
    connection = socket.socket()
    connection.setblocking(False)
    connection.connect_ex(("127.0.0.1", port))
    return connection
