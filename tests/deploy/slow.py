"""Slow connections, many of them: `python -m tests.deploy.slow PORT CA COUNT`.

Of each four, one says nothing, one sends its headers and two send a body, a byte each second. What
the server closes is opened again. Prints `all open` once all are, and `closed KIND` when one of a
kind is closed for the first time. Without a CA's file it speaks plain HTTP. Ends by SIGTERM.
"""

import asyncio
import resource
import signal
import ssl
import sys
from collections.abc import Iterator
from contextlib import suppress

BYTE_SECONDS = 1.0
# Less than what nginx lets one address have.
PER_ADDRESS = 100

HEADERS = b"GET /api/v1/notifications HTTP/1.1\r\nHost: slow\r\nX-Slow: "
BODY = (
    b"POST /api/v1/events HTTP/1.1\r\nHost: slow\r\nContent-Type: application/json\r\n"
    b"Content-Length: 60000\r\n\r\n"
)
KINDS = (("idle", b""), ("headers", HEADERS), ("body", BODY), ("body", BODY))


class Crowd:
    """All of the slow connections, kept up for as long as their tasks live."""

    def __init__(self, port: int, tls: ssl.SSLContext | None) -> None:
        self._port = port
        self._tls = tls
        self.open = 0
        self._closed: set[str] = set()
        # More handshakes at once would time out here, not there.
        self._handshakes = asyncio.Semaphore(50)

    async def member(self, number: int) -> None:
        """One of them: again and again."""
        kind, start = KINDS[number % len(KINDS)]
        address = f"127.0.1.{1 + number // PER_ADDRESS}"
        first = True
        while True:
            # Who says nothing does not even begin with TLS.
            async with self._handshakes:
                reader, writer = await asyncio.open_connection(
                    "127.0.0.1",
                    self._port,
                    ssl=self._tls if start else None,
                    local_addr=(address, 0),
                )
            writer.write(start)
            self.open += first
            first = False
            await self._drip(reader, writer, bool(start))
            if kind not in self._closed:
                self._closed.add(kind)
                print(f"closed {kind}", flush=True)

    async def _drip(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, speaks: bool
    ) -> None:
        """A byte at a time, until the server closes the connection."""
        with suppress(OSError):
            ended = asyncio.ensure_future(reader.read())
            try:
                while not (await asyncio.wait([ended], timeout=BYTE_SECONDS))[0]:
                    if speaks:
                        writer.write(b" ")
            finally:
                ended.cancel()
                writer.close()


async def main(port: int, authority: str, count: int) -> None:
    """Open `count` connections and keep them until SIGTERM."""
    crowd = Crowd(port, ssl.create_default_context(cafile=authority) if authority else None)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    members = [asyncio.create_task(crowd.member(number)) for number in range(count)]
    while crowd.open < count and not stop.is_set():
        for broken in _failed(members):
            raise broken
        await asyncio.sleep(0.05)
    print("all open", flush=True)
    await stop.wait()
    for broken in _failed(members):
        raise broken
    for member in members:
        member.cancel()


def _failed(members: list["asyncio.Task[None]"]) -> Iterator[BaseException]:
    for member in members:
        if member.done() and (error := member.exception()):
            yield error


if __name__ == "__main__":
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
