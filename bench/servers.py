"""The web servers under load: ours as it is shipped, the naive shape, and the yardsticks."""

import socket
import sys
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from app import bus
from bench import usage
from bench.cores import pinned
from bench.native import NativeCounter, counter
from bench.processes import Child
from bench.wire import FRAME_END, MARK, Address, FrameCounter, request

PROJECT = Path(__file__).resolve().parent.parent
STREAM_PATH = "/api/v1/notifications/subscribe"
# Room for every row on one server; it and the load client may open 20,000 files here.
MOST_STREAMS = 16_000


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a server is asked for a stream, and what its frames look like."""

    path: str = STREAM_PATH
    # Who asks is told by a token, or by the name of the user's channel.
    has_tokens: bool = True
    # Whether the stream says `connected` once its subscription stands.
    is_greeting: bool = True
    # What is PUBLISHed around the notification.
    wrapped: tuple[bytes, bytes] = (b"", b"")
    mark: bytes = MARK
    frame_end: bytes = FRAME_END

    def counter(self, streams: int) -> FrameCounter | NativeCounter:
        """Counts this server's notifications on so many streams."""
        return counter(self.mark, self.frame_end, streams)


TIDINGS = Dialect()
NAIVE = Dialect(path="/stream")
FLOOR = Dialect(has_tokens=False)


@dataclass(frozen=True, slots=True)
class Server:
    """A running web server."""

    name: str
    address: tuple[str, int]
    # The processes that serve, without the one that only watches over them.
    pids: tuple[int, ...]
    dialect: Dialect = TIDINGS
    # Streams come by it in place of the address, as nginx on the same machine does.
    unix_socket: Path | None = None

    def by(self, unix_socket: Path) -> Self:
        """The same, which listens there as well."""
        return replace(self, unix_socket=unix_socket)

    @property
    def stream_address(self) -> Address:
        """Where streams are opened."""
        return str(self.unix_socket) if self.unix_socket else self.address

    @property
    def host(self) -> str:
        """What a request's Host header says."""
        host, port = self.address
        return f"{host}:{port}"

    def request(self, user: str, token: str, last_event_id: int | None = None) -> bytes:
        """The request that opens a stream of this user."""
        path = self.dialect.path
        if self.dialect.has_tokens:
            return request(self.host, path, token, last_event_id)
        return request(self.host, f"{path}?channel={bus.channel_of(user)}", None)

    def cpu_seconds(self) -> float:
        """User and system CPU time of all of its processes so far."""
        return sum(usage.cpu_seconds(pid) for pid in self.pids)


@dataclass(frozen=True, slots=True)
class Start:
    """How a server is started."""

    name: str
    command: Sequence[str]
    cwd: Path
    environ: Mapping[str, str]
    port: int
    dialect: Dialect
    # 0: the process that is started serves by itself.
    workers: int = 1


@contextmanager
def running(start: Start, core: int | None, logs: Path) -> Iterator[Server]:
    """The server on that core, or on all, once it answers; killed at the end."""
    with pinned(core):
        child = Child(start.name, start.command, start.cwd, start.environ, logs)
    try:
        child.wait_until(lambda: _is_up(start.port), "answering")
        if start.workers:
            child.wait_until(lambda: len(usage.children_of(child.pid)) == start.workers, "forking")
        pids = usage.children_of(child.pid) if start.workers else [child.pid]
        yield Server(start.name, ("127.0.0.1", start.port), tuple(pids), start.dialect)
    finally:
        # Not gracefully: draining thousands of streams is measured nowhere.
        child.kill()


def gunicorn(app: str, port: int, *options: str, python: str = sys.executable) -> list[str]:
    """The command that serves `app` on that port."""
    return [python, "-m", "gunicorn", app, "-b", f"127.0.0.1:{port}", *options]


def free_port() -> int:
    """A TCP port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _is_up(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as response:
            return bool(response.status == 200)
    except OSError:
        return False
