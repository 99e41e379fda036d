"""The load client's sending side, and its two loops: as fast as frames return, or at a rate."""

import socket
import time
from array import array
from collections.abc import Callable
from urllib.parse import urlsplit

from bench.crowd import Crowd, CrowdError
from bench.wire import command

# (first, count) -> so many Redis commands from number `first` on. Command n is for user n modulo
# the number of users, and causes one frame on each of the user's streams.
Source = Callable[[int, int], bytes]

# Commands are sent some at a time: one by one, they would mostly cost wake-ups of Redis.
BATCHES_IN_WINDOW = 16
# Frames gather for so long before they are read: waking up for each costs more than reading it,
# on both cores. Longer, and a server that takes 3 µs for a delivery would run out of work.
GATHER_SECONDS = 0.0002
# In the paced loop they gather above this rate, and for so long: with less, the load's own core is
# so busy at the highest rates that its delays are most of the p99.
GATHER_ABOVE = 2_000
PACED_GATHER_SECONDS = 0.0005
# So long a silence while frames are still on their way means that they are lost.
SILENCE_SECONDS = 5.0
# After the last frame: time for one to come that nobody sent.
LISTEN_SECONDS = 0.05


class Pipe:
    """A raw connection to Redis that sends commands and asks for no replies.

    Replies would cost Redis and the load client more than the commands do; what the commands
    cause is counted at the streams.
    """

    def __init__(self, redis_url: str) -> None:
        """Open a `unix://` or `redis://` URL."""
        url = urlsplit(redis_url)
        if url.scheme == "unix":
            self._socket = socket.socket(socket.AF_UNIX)
            self._socket.connect(url.path)
        else:
            self._socket = socket.create_connection((url.hostname, url.port or 6379))
        self._socket.sendall(command(b"CLIENT", b"REPLY", b"OFF"))
        self.send = self._socket.sendall

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()


class Load:
    """Sends to a crowd's users in turn, and keeps account of what each stream received."""

    def __init__(self, crowd: Crowd, pipe: Pipe, source: Source, users: int) -> None:
        """The crowd's stream n must be one of user n modulo `users`."""
        self._crowd = crowd
        self._pipe = pipe
        self._source = source
        self._users = users
        self._fan = len(crowd) // users
        self._sent = 0
        self._received = array("q", bytes(8 * len(crowd)))
        self._heard_at = 0.0

    def lead_in(self, frames: int, window: int) -> None:
        """Deliver so many to each stream, as `closed_loop` does. Raises CrowdError."""
        target = self._sent + frames * self._users
        self._loop(lambda: self._sent >= target, window)

    def closed_loop(self, seconds: float, window: int) -> float:
        """Keep about `window` frames in flight for `seconds`; deliveries a second.

        Raises CrowdError if anything is lost or arrives twice.
        """
        before, started = self._sent, time.perf_counter()
        self._loop(lambda: time.perf_counter() - started >= seconds, window)
        rate = (self._sent - before) * self._fan / (time.perf_counter() - started)
        self._audit()
        return rate

    def _loop(self, is_over: Callable[[], bool], window: int) -> None:
        """Keep about `window` frames in flight, and end with none."""
        fan = self._fan
        batch = max(1, window // BATCHES_IN_WINDOW // fan)
        flying = 0
        self._heard_at = time.perf_counter()
        while not is_over():
            if (room := (window - flying) // fan) >= batch:
                self._send(room)
                flying += room * fan
            flying -= self._receive()
        while flying > 0:
            flying -= self._receive()

    def paced(
        self, rate: float, seconds: float, aside: Callable[[float], None] = lambda _now: None
    ) -> list[float]:
        """Send `rate` commands a second for `seconds`; each frame's latency in ms, sorted.

        Measured from the moment before it is handed to Redis to the moment after its frame was
        read. `aside` is called with the time over and over. Raises CrowdError if anything is lost
        or arrives twice.
        """
        before, total = self._sent, int(rate * seconds)
        sent_at: list[float] = []
        latencies: list[float] = []
        gather = PACED_GATHER_SECONDS if rate * self._fan > GATHER_ABOVE else 0.0
        started = self._heard_at = time.perf_counter()
        while len(latencies) < total * self._fan:
            now = time.perf_counter()
            due = min(total, 1 + int((now - started) * rate)) - len(sent_at)
            sent_at += [now] * due
            self._send(due)
            aside(now)
            pause = max(gather, started + len(sent_at) / rate - time.perf_counter())
            if gather:
                time.sleep(gather)
            latencies += self._latencies(pause if len(sent_at) < total else 0.1, sent_at, before)
            self._fail_if_silent(time.perf_counter())
        self._audit()
        return sorted(latencies)

    def _latencies(self, pause: float, sent_at: list[float], before: int) -> list[float]:
        found = []
        for stream, frames, now in self._crowd.arrivals(pause):
            self._heard_at = now
            for _ in range(frames):
                number = self._received[stream] * self._users + stream % self._users - before
                self._received[stream] += 1
                # One that nobody sent fails the audit.
                if number < len(sent_at):
                    found.append(1000 * (now - sent_at[number]))
        return found

    def _send(self, count: int) -> None:
        if count > 0:
            self._pipe.send(self._source(self._sent, count))
            self._sent += count

    def _receive(self) -> int:
        time.sleep(GATHER_SECONDS)
        total = self._crowd.count(0.1, self._received)
        now = time.perf_counter()
        if total:
            self._heard_at = now
        self._fail_if_silent(now)
        return total

    def _fail_if_silent(self, now: float) -> None:
        if now - self._heard_at > SILENCE_SECONDS:
            missing = self._sent * self._fan - sum(self._received)
            raise CrowdError(f"{missing} of {self._sent * self._fan} frames did not arrive")

    def _audit(self) -> None:
        """Each stream must have received exactly what was sent to its user."""
        self._crowd.count(LISTEN_SECONDS, self._received)
        laps, rest = divmod(self._sent, self._users)
        for stream, count in enumerate(self._received):
            expected = laps + (stream % self._users < rest)
            if count != expected:
                raise CrowdError(f"stream {stream} received {count} frames of {expected}")
