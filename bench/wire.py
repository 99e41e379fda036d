"""Bytes on the wires: HTTP requests, Redis commands, and frames in what a stream received. Pure."""

import json
from collections.abc import Iterator

# Where a server listens: a host and its port, or a Unix socket's path.
Address = tuple[str, int] | str

# Every notification's frame holds it, no other frame does: JSON text cannot hold a bare quote,
# `connected` is read before counting starts, and a ping carries no seq.
MARK = b'data: {"seq"'
# A frame's end; with chunked encoding, a chunk's end follows.
FRAME_END = b"\n\n"
# Our first frame, and the naive server's: the stream is subscribed.
CONNECTED = b"event: connected\n"
CHUNK_END = b"\r\n"


def request(host: str, path: str, token: str | None, last_event_id: int | None = None) -> bytes:
    """A GET for a stream, as an EventSource with a bearer token would send it."""
    lines = [f"GET {path} HTTP/1.1", f"Host: {host}", "Accept: text/event-stream"]
    if token is not None:
        lines.append(f"Authorization: Bearer {token}")
    if last_event_id is not None:
        lines.append(f"Last-Event-ID: {last_event_id}")
    return "\r\n".join([*lines, "", ""]).encode()


def command(*parts: bytes) -> bytes:
    """One Redis command (RESP)."""
    encoded = [b"*%d\r\n" % len(parts)]
    encoded += [b"$%d\r\n%b\r\n" % (len(part), part) for part in parts]
    return b"".join(encoded)


class FrameCounter:
    """Counts the notifications in streams' bytes, each exactly once wherever reads split it."""

    def __init__(self, mark: bytes = MARK, frame_end: bytes = FRAME_END) -> None:
        """`mark` stands once in each notification's frame, `frame_end` ends every frame."""
        self._mark = mark
        self._frame_end = frame_end
        self._chunk_end = frame_end + CHUNK_END
        # What streams have sent of a frame whose end is still to come; few have such a rest.
        self._rests: dict[int, bytes] = {}

    def feed(self, stream: int, data: bytes) -> int:
        """The number of notifications whose frames were completed by `data` of `stream`."""
        if data.endswith(self._chunk_end) and stream not in self._rests:
            return data.count(self._mark)
        data = self._rests.pop(stream, b"") + data
        end = data.rfind(self._frame_end) + len(self._frame_end)
        if end < len(self._frame_end):
            self._rests[stream] = data
            return 0
        if not data.endswith(self._chunk_end):
            self._rests[stream] = data[end:]
        return data.count(self._mark, 0, end)


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
    for block in body.decode().replace("\r\n", "\n").split("\n\n")[:-1]:
        frame: dict[str, str] = {}
        for line in block.split("\n"):
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            frame[name] = f"{frame[name]}\n{value}" if name in frame else value
        yield frame


def seqs(received: bytes) -> list[int]:
    """The seqs of the notifications that a stream received, in their order.

    Raises ValueError where a frame's `id` is a number, but not its notification's seq.
    """
    found = []
    for frame in frames(body_of(received)):
        if frame.get("event", "message") != "message" or "data" not in frame:
            continue
        seq = json.loads(frame["data"])["seq"]
        if frame.get("id", "").isdecimal() and frame["id"] != str(seq):
            raise ValueError(f"id {frame['id']} on seq {seq}")
        found.append(seq)
    return found
