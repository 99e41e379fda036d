"""Plain collaborators for the stream room's modules: what a listener and a database do for them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import gevent
from gevent.event import Event

from app import bus
from app.auth.revocation import Revocation
from app.errors import DatabaseUnavailable
from app.sse import outlet
from app.sse.client import Client
from app.sse.hub import Census, Hub, Rights, Subscriptions
from app.sse.lookups import Lookups, ReadChanges
from app.sse.pulse import Pulse
from app.sse.stream import Terms, stream
from tests.support.sse import Frame, SseParser

FAR_FUTURE = 2**40
ADA = b"user-notifications:ada"


class Channels:
    """A listener's part: what the hub asked for, in order. Everything in `there` is confirmed."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, bytes]] = []
        self.there: set[bytes] = set()

    def want(self, channel: bytes) -> None:
        self.asked.append(("want", channel))

    def unwant(self, channel: bytes) -> None:
        self.asked.append(("unwant", channel))

    def has(self, channel: bytes) -> bool:
        return channel in self.there


class Nobody:
    """Who knows of no revocation, until a test says so."""

    def __init__(self) -> None:
        self.known: list[Revocation] = []

    def refuses(self, user_id: str, token_id: str, issued_at: int | None) -> bool:
        return any(one.user_id == user_id and one.covers(token_id, issued_at) for one in self.known)


class Alone:
    """A census in which there is no other worker."""

    def __init__(self) -> None:
        self.counted: list[Client] = []
        self.admits = True

    def joined(self, client: Client) -> None:
        client.admitted = self.admits
        self.counted.append(client)

    def left(self, client: Client) -> None:
        self.counted.remove(client)


def new_client(
    user_id: str,
    position: int | None = None,
    *,
    token_id: str = "token-1",
    issued_at: int | None = 1_000,
) -> Client:
    """A client; the token matters to revocations alone."""
    return Client(user_id, position, token_id, issued_at)


def new_hub(
    channels: Subscriptions,
    max_streams: int,
    max_streams_per_user: int,
    *,
    rights: Rights | None = None,
    census: Census | None = None,
) -> Hub:
    """A hub in a world without revocations and other workers."""
    return Hub(
        channels,
        rights or Nobody(),
        census or Alone(),
        Pulse(15),
        max_streams,
        max_streams_per_user,
    )


def push(seq: int) -> bytes:
    """A Push that tells of a new notification."""
    return bus.encode_created({"seq": seq, "id": f"n{seq}", "title": "é\u2028"})


@dataclass
class Answer:
    """What the database says led from a position to `seq`."""

    seq: int
    unread: int = 0
    unseen: int = 0
    payloads: list[bytes] = field(default_factory=list)
    reset: str | None = None


class Database:
    """A mailbox in which every change was a new notification, up to `seq`.

    `away` is how many reads fail from now on. `meanwhile` runs in the middle of a read, after the
    database was looked at and before the answer is there.
    """

    def __init__(self, seq: int = 0) -> None:
        self.seq = seq
        self.away = 0
        self.reset: str | None = None
        self.asked: list[tuple[str, int | None]] = []
        self.meanwhile: Callable[[], None] = lambda: None

    def read_changes(self, user_id: str, after: int | None) -> Answer:
        """What `app.notifications.changes.changes_since` promises."""
        self.asked.append((user_id, after))
        if self.away:
            self.away -= 1
            raise DatabaseUnavailable("away for a while")
        start = self.seq if after is None or self.reset else after
        payloads = [push(seq) for seq in range(start + 1, self.seq + 1)]
        answer = Answer(self.seq, 3, 2, payloads, self.reset)
        self.meanwhile()
        return answer


class Clock:
    """Time as the stream sees it, that passes when a test says so."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now


class Reading:
    """A stream, and what a browser has made of it; `next` takes one chunk."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self.chunks = chunks
        self.parser = SseParser()
        self.frames: list[Frame] = []

    idle = False  # that it is shows in its pings

    def close(self) -> None:
        """The connection is closed, wherever its stream is."""
        self.chunks.close()  # type: ignore[attr-defined]  # a generator

    def next(self) -> list[Frame]:
        """The frames of the next chunk. Raises StopIteration at the stream's end."""
        frames = self.parser.feed(next(self.chunks))
        self.frames += frames
        return frames

    def until_idle(self) -> list[Frame]:
        """The frames up to the next `ping`, and without it, or up to the end."""
        found: list[Frame] = []
        for chunk in self.chunks:
            frames = self.parser.feed(chunk)
            found += [one for one in frames if one.event != "ping"]
            if any(one.event == "ping" for one in frames):
                break
        self.frames += found
        return found


def alone(read_changes: ReadChanges) -> Lookups:
    """Lookups in which every stream is read for by itself, at once."""
    return Lookups(lambda _users: {}, read_changes)


def opened(
    hub: Hub,
    read_changes: ReadChanges | Lookups,
    position: int | None = None,
    *,
    user_id: str = "ada",
    keepalive_seconds: float = 0,
    max_seconds: float = FAR_FUTURE,
    expires_at: int = FAR_FUTURE,
) -> Reading:
    """A stream that is not yet asked for anything; it pings whenever there is nothing to do."""
    terms = Terms(keepalive_seconds, max_seconds, expires_at)
    lookups = read_changes if isinstance(read_changes, Lookups) else alone(read_changes)
    return Reading(stream(new_client(user_id, position), hub, lookups, terms))


class Socket:
    """An outlet to a reader that is at the other end of it, and takes all, or less if told to."""

    def __init__(self) -> None:
        self.socket = self
        self.takes: int | None = None  # of the next direct write
        self.direct = 0
        self._unread = b""

    def send(self, data: bytes) -> int:
        """What `socket.send` does that may not wait."""
        takes, self.takes = self.takes, None
        if takes == 0:
            raise BlockingIOError
        self.direct += 1
        taken = data[:takes]
        self._unread += taken
        return len(taken)

    def finish(self, rest: bytes) -> None:
        """What `socket.sendall` does."""
        self._unread += rest

    def chunks(self) -> Iterator[bytes]:
        """What arrived since the last time, but for a chunk that is not complete."""
        while (end := self._unread.find(b"\r\n")) >= 0:
            start, stop = end + 2, end + 2 + int(self._unread[:end], 16)
            if len(self._unread) < stop + 2:
                return
            data, close = self._unread[start:stop], self._unread[stop : stop + 2]
            assert close == b"\r\n", "a chunk in the middle of another one"
            self._unread = self._unread[stop + 2 :]
            yield data


class Written:
    """A stream as gunicorn runs it: a greenlet writes what it yields, and hangs in each write.

    Like a Reading to who reads it. `next` lets it go on, up to its next write or until it is idle.
    """

    def __init__(self, client: Client, chunks: Iterator[bytes]) -> None:
        self.client = client
        self.socket = Socket()
        self.parser = SseParser()
        self._chunks = chunks
        self._may_go_on = Event()
        self._writes = False
        client.write_through(self.socket)
        self._greenlet = gevent.spawn(self._write)

    def _write(self) -> None:
        for data in self._chunks:
            self.socket.finish(outlet.chunk(data))
            self._writes = True
            self._may_go_on.wait()
            self._may_go_on.clear()

    @property
    def idle(self) -> bool:
        """Whether it waits for something to happen."""
        return self.client._idle

    def next(self) -> list[Frame]:
        """The frames that have arrived by then. Raises StopIteration at the stream's end."""
        if self._writes:
            self._writes = False
            self._may_go_on.set()
        for _ in range(1_000):
            if self._writes or self.idle or self._greenlet.ready():
                break
            gevent.sleep(0)
        else:
            raise AssertionError("a stream that neither writes nor waits for anything")
        frames = [frame for data in self.socket.chunks() for frame in self.parser.feed(data)]
        if self._greenlet.ready():
            self._greenlet.get()  # raises what it died of
            if not frames:
                raise StopIteration
        return frames

    def close(self) -> None:
        """The connection is closed, wherever its stream is."""
        self._greenlet.kill()
        self._chunks.close()  # type: ignore[attr-defined]  # a generator


def written(
    hub: Hub,
    read_changes: ReadChanges | Lookups,
    position: int | None = None,
    *,
    user_id: str = "ada",
) -> Written:
    """A stream with an outlet, to be read from."""
    client = new_client(user_id, position)
    terms = Terms(FAR_FUTURE, FAR_FUTURE, FAR_FUTURE)
    lookups = read_changes if isinstance(read_changes, Lookups) else alone(read_changes)
    return Written(client, stream(client, hub, lookups, terms))
