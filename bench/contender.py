"""A server under load: its open streams, what they received, what that took."""

import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from app import bus
from bench import usage
from bench.crowd import Crowd, CrowdError
from bench.load import Load, Pipe
from bench.samples import PAYLOAD_BYTES, Publishes, user_ids
from bench.servers import Server
from bench.stage import Stage

_numbers = itertools.count(1)

BUSY_PERCENT = 90
# Linux acknowledges the first 16 frames after a silence at once, on loopback within the server's
# `send`: 1.5 µs for each, which otherwise the load's reading takes. A round has no more than 11 for
# each of 15,000 streams.
LEAD_IN_FRAMES = 20
# Long enough that every stream gets some frames, short enough to keep all of them.
VERIFY_SECONDS = 0.3
SUBSCRIBE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Shape:
    """So many streams, of so many users in turn, and how large what they receive is.

    `in_flight` frames are on their way at a time: about one for each stream if not said, so that no
    server can join frames that pile up.
    """

    streams: int
    users: int
    payload_bytes: int = PAYLOAD_BYTES
    in_flight: int | None = None


@dataclass
class Contender:
    """A server with open streams, and the figures of its rounds."""

    stage: Stage
    server: Server
    load: Load
    # Frames in flight.
    window: int
    rates: list[float] = field(default_factory=list)
    server_micros: list[float] = field(default_factory=list)
    server_busy: list[float] = field(default_factory=list)
    load_busy: list[float] = field(default_factory=list)

    def warm_up(self) -> None:
        """A round that does not count."""
        self.load.closed_loop(self.stage.plan.round_seconds / 3, self.window)

    def round(self) -> None:
        """One round in the closed loop."""
        self.load.lead_in(LEAD_IN_FRAMES, self.window)
        served, redis = self.server.cpu_seconds(), usage.cpu_seconds(self.stage.redis_pid)
        own, started = time.process_time(), time.perf_counter()
        rate = self.load.closed_loop(self.stage.plan.round_seconds, self.window)
        wall = time.perf_counter() - started
        served = self.server.cpu_seconds() - served
        redis = usage.cpu_seconds(self.stage.redis_pid) - redis
        self.rates.append(rate)
        self.server_micros.append(1e6 * served / (rate * wall))
        self.server_busy.append(100 * served / wall)
        self.load_busy.append(100 * (redis + time.process_time() - own) / wall)

    @property
    def could_take(self) -> float:
        """Deliveries a second for which load client and Redis would need their whole core."""
        used = zip(self.rates, self.load_busy, strict=True)
        return max((100 * rate / busy for rate, busy in used if busy), default=0.0)

    def details(self) -> dict[str, object]:
        """For results.json."""
        return {
            "rates": self.rates,
            "server_core_percent": self.server_busy,
            "load_core_percent": self.load_busy,
            "load_could_take": self.could_take,
        }

    def warnings(self) -> tuple[str, ...]:
        """What makes the figures doubtful."""
        found = []
        if max(self.load_busy) > BUSY_PERCENT:
            found.append(
                f"load client and Redis used {max(self.load_busy):.0f} % of their core on "
                f"{self.server.name}: the server may be faster than this"
            )
        if min(self.server_busy) < BUSY_PERCENT:
            found.append(
                f"{self.server.name} used only {min(self.server_busy):.0f} % of its core: "
                "something else was busy there, or the load was too light"
            )
        return tuple(found)


@contextmanager
def contending(stage: Stage, server: Server, shape: Shape | None = None) -> Iterator[Contender]:
    """Open streams on `server`, ready to be loaded; without a shape the plan's, one a user."""
    shape = shape or Shape(stage.plan.streams, stage.plan.streams)
    # Nobody else's, of another shape on the same server: each push would go to both.
    users = user_ids(f"load-{server.name}-{next(_numbers)}", shape.users)
    source = Publishes(users, server.dialect.wrapped, shape.payload_bytes)
    of_streams = [users[number % shape.users] for number in range(shape.streams)]
    with streams(stage, server, of_streams) as crowd, pipe(stage) as connection:
        load = Load(crowd, connection, source, shape.users)
        yield Contender(stage, server, load, shape.in_flight or shape.streams)


def verify(stage: Stage, server: Server) -> int:
    """Load fresh streams for a moment and read every frame; how many there were.

    Raises CrowdError unless each stream received exactly 1, 2, 3… in that order.
    """
    users = user_ids(f"verify-{server.name}", stage.plan.streams)
    source = Publishes(users, server.dialect.wrapped)
    with (
        streams(stage, server, users, recording=True) as crowd,
        pipe(stage) as connection,
    ):
        Load(crowd, connection, source, len(users)).closed_loop(VERIFY_SECONDS, len(users))
        total = 0
        for stream, user in enumerate(users):
            seqs = crowd.received_seqs(stream)
            if not seqs or seqs != list(range(1, len(seqs) + 1)):
                raise CrowdError(f"{server.name}: {user} received seqs {seqs}")
            total += len(seqs)
    return total


@contextmanager
def streams(
    stage: Stage, server: Server, users: list[str], *, recording: bool = False
) -> Iterator[Crowd]:
    """An open stream for each of `users`, all of them subscribed."""
    dialect = server.dialect
    crowd = Crowd(server.stream_address, dialect.counter(len(users)), recording=recording)
    tokens = stage.tokens(users) if dialect.has_tokens else [""] * len(users)
    try:
        requests = [server.request(*each) for each in zip(users, tokens, strict=True)]
        crowd.open(requests, greeted=dialect.is_greeting)
        if not dialect.is_greeting:
            _wait_for_subscriptions(stage, server, users)
        yield crowd
    finally:
        crowd.close()


@contextmanager
def pipe(stage: Stage) -> Iterator[Pipe]:
    """A connection to the stage's Redis that only sends."""
    connection = Pipe(stage.redis.url)
    try:
        yield connection
    finally:
        connection.close()


def _wait_for_subscriptions(stage: Stage, server: Server, users: list[str]) -> None:
    channels = [bus.channel_of(user) for user in users]
    deadline = time.monotonic() + SUBSCRIBE_SECONDS
    with bus.connect(stage.redis.url) as redis:
        while not all(count for _, count in redis.pubsub_numsub(*channels)):
            if time.monotonic() > deadline:
                raise CrowdError(f"{server.name} did not subscribe to all of its users' channels")
            time.sleep(0.05)
