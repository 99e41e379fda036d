"""The floor: one loop that reads Redis and writes a frame, and does nothing else.

`python -m bench.floor PORT REDIS_URL [UNIX_SOCKET]`; Redis listens on a Unix socket, too. Nobody is
asked for a token, nothing is kept, ordered, replayed or looked at; there is no server around it and
no greenlet. What it takes is left to anything in Python that reads each push and gives it to the
kernel by one send.
"""

import re
import select
import socket
import sys
from urllib.parse import unquote, urlsplit

import hiredis

from bench.wire import command

CHANNEL = re.compile(rb"[?&]channel=([^& ]+)")
READ_BYTES = 65536
BACKLOG = 1024
GREETING = b"event: connected\ndata: {}\n\n"
HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"%x\r\n%b\r\n" % (len(GREETING), GREETING)
)
HEALTHY = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


class Floor:
    """One stream for each channel."""

    def __init__(self, port: int, redis_url: str, unix_socket: str | None = None) -> None:
        by_tcp = socket.create_server(("127.0.0.1", port), backlog=BACKLOG)
        self._listening = {by_tcp.fileno(): by_tcp}
        if unix_socket:
            by_unix = socket.socket(socket.AF_UNIX)
            by_unix.bind(unix_socket)
            by_unix.listen(BACKLOG)
            self._listening[by_unix.fileno()] = by_unix
        url = urlsplit(redis_url)
        self._redis = socket.socket(socket.AF_UNIX)
        self._redis.connect(url.path)
        self._reader = hiredis.Reader()
        self._asking: dict[int, socket.socket] = {}
        self._streams: dict[bytes, socket.socket] = {}
        self._epoll = select.epoll()

    def run(self) -> None:
        """Serve until it is killed."""
        listening, pushes = self._listening, self._redis.fileno()
        for descriptor in (*listening, pushes):
            self._epoll.register(descriptor, select.EPOLLIN)
        while True:
            for descriptor, _ in self._epoll.poll():
                if descriptor == pushes:
                    self._deliver()
                elif descriptor in listening:
                    self._accept(listening[descriptor])
                else:
                    self._answer(descriptor)

    def _deliver(self) -> None:
        reader, streams = self._reader, self._streams
        reader.feed(self._redis.recv(READ_BYTES))
        while (event := reader.gets()) is not False:
            kind, channel, payload = event
            if kind == b"message":
                frame = b"data: %b\n\n" % payload
                streams[channel].send(b"%x\r\n%b\r\n" % (len(frame), frame))

    def _accept(self, listening: socket.socket) -> None:
        connection, _ = listening.accept()
        if listening.family != socket.AF_UNIX:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setblocking(False)
        self._asking[connection.fileno()] = connection
        self._epoll.register(connection.fileno(), select.EPOLLIN)

    def _answer(self, descriptor: int) -> None:
        # The bench's requests are small enough to come in one piece.
        self._epoll.unregister(descriptor)
        connection = self._asking.pop(descriptor)
        asked = CHANNEL.search(connection.recv(READ_BYTES))
        if asked is None:
            connection.sendall(HEALTHY)
            connection.close()
            return
        channel = unquote(asked[1].decode()).encode()
        self._streams[channel] = connection
        self._redis.sendall(command(b"SUBSCRIBE", channel))
        connection.sendall(HEAD)


if __name__ == "__main__":
    Floor(int(sys.argv[1]), *sys.argv[2:]).run()
