"""A TCP proxy that spoils what passes through it, as told, from one moment to the next."""

import asyncio
import random
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

Mode = Literal["pass", "delay", "trickle", "blackhole", "refuse"]

DELAY_SECONDS = 0.1
TRICKLE_SECONDS = 0.0005
# With SO_LINGER of zero seconds, close sends RST.
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


# Sees, and may change, what one connection's client says.
Filter = Callable[[bytes], bytes]


@dataclass(eq=False)
class Connection:
    """One pair of sockets. `heard` is the beginning of what the client said."""

    writers: list[asyncio.StreamWriter] = field(default_factory=list)
    heard: bytes = b""
    mode: Mode | None = None

    def reset(self) -> None:
        """End both sides with RST."""
        for writer in self.writers:
            sock = writer.get_extra_info("socket")
            with suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            writer.transport.abort()


class Proxy:
    """Listens on `port` once started, in the loop that it was started in.

    `mode` holds for every connection that has no mode of its own; a black hole swallows what both
    sides say, and lets neither know. A connection whose client says `fatal_words` becomes one for
    good. `drop_replies` is the chance that a chunk from the server
    ends the connection instead.
    """

    def __init__(
        self, target_port: int, rng: random.Random, new_filter: Callable[[], Filter] | None = None
    ) -> None:
        self.port = 0
        self.mode: Mode = "pass"
        self.drop_replies = 0.0
        self.fatal_words: bytes | None = None
        self.connections: set[Connection] = set()
        self._target_port = target_port
        self._rng = rng
        self._new_filter = new_filter
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Begin to listen."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def reset(self, share: float = 1.0) -> int:
        """RST each connection with this chance; how many were. Only in the proxy's own loop."""
        chosen = [one for one in self.connections if self._rng.random() < share]
        for connection in chosen:
            connection.reset()
        return len(chosen)

    def swallow(self, saying: bytes) -> int:
        """Make black holes of the connections whose client has said this; how many there were."""
        chosen = [one for one in self.connections if saying in one.heard]
        for connection in chosen:
            connection.mode = "blackhole"
        return len(chosen)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection([writer])
        self.connections.add(connection)
        try:
            if self.mode == "refuse":
                return
            with suppress(OSError):
                server_reader, server_writer = await asyncio.open_connection(
                    "127.0.0.1", self._target_port
                )
                connection.writers.append(server_writer)
                keep = self._new_filter() if self._new_filter else _as_it_is
                await asyncio.gather(
                    self._pump(connection, reader, server_writer, self._said(connection, keep)),
                    self._pump(connection, server_reader, writer, self._answered),
                )
        finally:
            self.connections.discard(connection)
            connection.reset()

    def _said(self, connection: Connection, keep: Filter) -> Callable[[bytes], bytes]:
        def said(chunk: bytes) -> bytes:
            if len(connection.heard) < 4096:
                connection.heard += chunk
            if self.fatal_words is not None and self.fatal_words in chunk:
                connection.mode = "blackhole"
            return keep(chunk)

        return said

    def _answered(self, chunk: bytes) -> bytes:
        if self.drop_replies and self._rng.random() < self.drop_replies:
            raise ConnectionResetError
        return chunk

    async def _pump(
        self,
        connection: Connection,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        change: Callable[[bytes], bytes],
    ) -> None:
        try:
            while chunk := await reader.read(65536):
                chunk = change(chunk)
                mode = connection.mode or self.mode
                if mode == "blackhole":
                    continue
                if mode == "delay":
                    await asyncio.sleep(self._rng.uniform(0, DELAY_SECONDS))
                if mode == "trickle":
                    await _trickle(writer, chunk)
                else:
                    writer.write(chunk)
                await writer.drain()
            if (connection.mode or self.mode) != "blackhole":
                writer.write_eof()
        except OSError:
            connection.reset()


def _as_it_is(chunk: bytes) -> bytes:
    return chunk


async def _trickle(writer: asyncio.StreamWriter, chunk: bytes) -> None:
    for number in range(len(chunk)):
        if writer.is_closing():
            raise ConnectionResetError
        writer.write(chunk[number : number + 1])
        await asyncio.sleep(TRICKLE_SECONDS)
