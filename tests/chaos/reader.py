"""A reader: one tab with a careful client, which logs every frame and comes back by itself."""

import asyncio
import json
import random
import socket
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

from tests.support.processes import STREAM_PATH
from tests.support.sse import Frame, SseParser

DEFAULT_RETRY_MS = 2_000
MOST_RETRY_MS = 10_000
CONNECT_SECONDS = 5.0
# A crowd on a busy machine; who gave up and asked again would make it worse.
RESPONSE_SECONDS = 60.0
LIST_PATH = "/api/v1/notifications?status=inbox&limit=100"

Kind = Literal[
    "connect", "connected", "message", "updated", "mailbox", "reset", "listed", "draining",
    "expired", "ping", "cut", "refused"
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Seen:
    """One line of a reader's log. `seq` is the frame's id, or what was named in connecting.

    `notification` and `event` are the ids of what the frame tells of.
    """

    at: float
    kind: Kind
    seq: int | None = None
    notification: str = ""
    event: str = ""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a web server, or a proxy before it, listens."""

    port: int
    host: str = "127.0.0.1"


class Silence(Exception):
    """Nothing came for longer than the keep-alive allows."""


class Reader:
    """`run` reads until it is cancelled. Whatever ends a stream, it comes back after a pause.

    `haste` divides the pauses that the server asks for. After `silence_seconds` without a byte it
    takes the link for dead. While `gate` is not set it reads nothing, as a suspended tab.
    """

    def __init__(
        self,
        user: str,
        token: str,
        address: Address,
        rng: random.Random,
        *,
        haste: float = 1.0,
        silence_seconds: float = 40.0,
        receive_buffer: int | None = None,
    ) -> None:
        self.user = user
        self.log: list[Seen] = []
        self.last_event_id: int | None = None
        self.live = False
        self.closed = False
        self.refetching = False
        self.gate = asyncio.Event()
        self.gate.set()
        self._token = token
        self._address = address
        self._rng = rng
        self._haste = haste
        self._silence_seconds = silence_seconds
        self._receive_buffer = receive_buffer
        self._retry_ms = DEFAULT_RETRY_MS
        self._exact_retry_ms: int | None = None
        self._failures = 0

    async def run(self) -> None:
        """Read for ever."""
        while True:
            with suppress(OSError, EOFError, ValueError, TimeoutError, Silence):
                await self._read_once()
            self.live = False
            self._note("cut")
            await asyncio.sleep(self._pause_seconds() / self._haste)

    def _pause_seconds(self) -> float:
        exact, self._exact_retry_ms = self._exact_retry_ms, None
        if exact is not None:
            return exact / 1000
        grown: float = min(self._retry_ms * 2**self._failures, MOST_RETRY_MS)
        self._failures += 1
        return grown / 1000 * self._rng.uniform(0.5, 1)

    async def _read_once(self) -> None:
        headers = {"Accept": "text/event-stream"}
        if self.last_event_id is not None:
            headers["Last-Event-ID"] = str(self.last_event_id)
        self._note("connect", self.last_event_id)
        reader, writer = await self._request(STREAM_PATH, headers)
        try:
            patience = min(RESPONSE_SECONDS, self._silence_seconds)
            status, chunked = await asyncio.wait_for(_head(reader), patience)
            if status != 200:
                # A native EventSource would give up; the client library makes a new one.
                self._note("refused", status)
                return
            parser = SseParser()
            async for chunk in self._chunks(reader, chunked):
                for frame in parser.feed(chunk):
                    await self._take(frame)
        finally:
            writer.transport.abort()

    async def _chunks(self, reader: asyncio.StreamReader, chunked: bool) -> AsyncIterator[bytes]:
        while True:
            await self.gate.wait()
            try:
                async with asyncio.timeout(self._silence_seconds):
                    chunk = await (_chunk(reader) if chunked else reader.read(65536))
            except TimeoutError:
                raise Silence from None
            if not chunk:
                return
            yield chunk

    async def _take(self, frame: Frame) -> None:
        if frame.id is not None:
            self.last_event_id = int(frame.id)
        if frame.retry_ms is not None:
            self._retry_ms = frame.retry_ms
        data = frame.json()
        seq = None if frame.id is None else int(frame.id)
        match frame.event:
            case "message":
                self._note("message", seq, data["id"], data["data"].get("event", ""))
            case "connected":
                self.live, self._failures = True, 0
                self._note("connected", seq)
            case "reset":
                self._note("reset", seq)
                self.refetching = True
                await self._refetch()
                self.refetching = False
            case "draining":
                self._exact_retry_ms = data["retry_ms"]
                self._note("draining")
            case "updated" | "mailbox" | "expired" | "ping" as kind:
                self._note(kind, seq)
            case other:
                raise AssertionError(f"unknown event {other!r}")

    def _note(
        self, kind: Kind, seq: int | None = None, notification: str = "", event: str = ""
    ) -> None:
        self.log.append(Seen(time.monotonic(), kind, seq, notification, event))

    async def _refetch(self) -> None:
        """Read the whole list, as a client does after `reset`, however often that fails."""
        cursor = ""
        while True:
            try:
                page = await self.fetch(LIST_PATH + cursor)
            except (OSError, EOFError, ValueError, TimeoutError):
                await asyncio.sleep(0.2)
                continue
            for item in page["items"]:
                self._note("listed", item["seq"], item["id"], item["data"].get("event", ""))
            if page["next_cursor"] is None:
                return
            cursor = f"&cursor={page['next_cursor']}"

    async def fetch(self, path: str) -> Any:
        """GET `path` as this user. Raises ValueError for any status but 200, OSError, EOFError."""
        reader, writer = await self._request(path, {"Connection": "close"})
        try:
            async with asyncio.timeout(RESPONSE_SECONDS):
                status, chunked = await _head(reader)
                body = b""
                while chunk := await (_chunk(reader) if chunked else reader.read(65536)):
                    body += chunk
        finally:
            writer.transport.abort()
        if status != 200:
            raise ValueError(f"{path}: {status}")
        return json.loads(body)

    async def _request(
        self, path: str, headers: dict[str, str]
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        async with asyncio.timeout(CONNECT_SECONDS):
            reader, writer = await asyncio.open_connection(sock=await self._connect(), limit=2**16)
        lines = [
            f"GET {path} HTTP/1.1",
            f"Host: {self._address.host}",
            f"Authorization: Bearer {self._token}",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        return reader, writer

    async def _connect(self) -> socket.socket:
        connection = socket.socket()
        connection.setblocking(False)
        if self._receive_buffer is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._receive_buffer)
        try:
            loop = asyncio.get_running_loop()
            await loop.sock_connect(connection, (self._address.host, self._address.port))
        except BaseException:
            connection.close()
            raise
        return connection


async def _head(reader: asyncio.StreamReader) -> tuple[int, bool]:
    """The status, and whether the body is chunked. Raises EOFError, ValueError."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    return int(head.split(" ", 2)[1]), "transfer-encoding: chunked" in head


async def _chunk(reader: asyncio.StreamReader) -> bytes:
    """One chunk of a chunked body, b"" at its end. Raises EOFError when it breaks off."""
    size = int(await reader.readuntil(b"\r\n"), 16)
    return (await reader.readexactly(size + 2))[:-2]
