"""Bytes on the wires: HTTP requests, Redis commands, and frames in what a stream received. Pure."""

import json
from collections.abc import Iterator

# Every notification's frame holds it, no other frame does: JSON text cannot hold a bare quote,
# `connected` is read before counting starts, and a ping carries no seq.
MARK = b'data: {"seq"'
# A frame's end; with chunked encoding, a chunk's end follows.
FRAME_END = b"\n\n"
CHUNK_END = b"\n\n\r\n"


def request(host: str, path: str, token: str, last_event_id: int | None = None) -> bytes:
    """A GET for a stream, as an EventSource with a bearer token would send it."""
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: {host}",
        "Accept: text/event-stream",
        f"Authorization: Bearer {token}",
    ]
    if last_event_id is not None:
        lines.append(f"Last-Event-ID: {last_event_id}")
    return "\r\n".join([*lines, "", ""]).encode()


def command(*parts: bytes) -> bytes:
    """One Redis command (RESP)."""
    encoded = [b"*%d\r\n" % len(parts)]
    encoded += [b"$%d\r\n%b\r\n" % (len(part), part) for part in parts]
    return b"".join(encoded)


class FrameCounter:
    """Counts the notifications in a stream's bytes, each exactly once wherever reads split it."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> int:
        """The number of notifications whose frames were completed by `data`."""
        if not self._rest and data.endswith(CHUNK_END):
            return data.count(MARK)
        data = self._rest + data
        end = data.rfind(FRAME_END) + len(FRAME_END)
        if end < len(FRAME_END):
            self._rest = data
            return 0
        self._rest = b"" if data.endswith(CHUNK_END) else data[end:]
        return data.count(MARK, 0, end)


def body_of(received: bytes) -> bytes:
    """The body of a chunked HTTP response whose end may be missing."""
    data = received.partition(b"\r\n\r\n")[2]
    body = []
    while data:
        size, _, data = data.partition(b"\r\n")
        length = int(size, 16)
        body.append(data[:length])
        data = data[length + 2 :]
    return b"".join(body)


def frames(body: bytes) -> Iterator[dict[str, str]]:
    """The SSE frames of a body: their fields, `data` lines joined."""
    for block in body.decode().split("\n\n")[:-1]:
        frame: dict[str, str] = {}
        for line in block.split("\n"):
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            frame[name] = f"{frame[name]}\n{value}" if name in frame else value
        yield frame


def seqs(received: bytes) -> list[int]:
    """The seqs of the notifications that a stream received, in their order.

    Raises ValueError where a frame's `id` is not its notification's seq.
    """
    found = []
    for frame in frames(body_of(received)):
        if "event" in frame:
            continue
        seq = json.loads(frame["data"])["seq"]
        if "id" in frame and frame["id"] != str(seq):
            raise ValueError(f"id {frame['id']} on seq {seq}")
        found.append(seq)
    return found
