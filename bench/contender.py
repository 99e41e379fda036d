"""One of the two shapes under load: its server, its open streams, what they received."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from bench import usage
from bench.crowd import Crowd, CrowdError
from bench.load import Load, Pipe
from bench.samples import Publishes, user_ids
from bench.stage import Server, Stage

BUSY_PERCENT = 90
# Long enough that every stream gets some frames, short enough to keep all of them.
VERIFY_SECONDS = 0.3


@dataclass
class Contender:
    """A server with open streams, one for each user, and the figures of its rounds."""

    stage: Stage
    server: Server
    load: Load
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
        pids = (self.server.worker_pid, self.stage.redis_pid)
        before = [usage.cpu_seconds(pid) for pid in pids]
        own, started = time.process_time(), time.perf_counter()
        rate = self.load.closed_loop(self.stage.plan.round_seconds, self.window)
        wall = time.perf_counter() - started
        worker, redis = (
            usage.cpu_seconds(pid) - used for pid, used in zip(pids, before, strict=True)
        )
        self.rates.append(rate)
        self.server_micros.append(1e6 * worker / (rate * wall))
        self.server_busy.append(100 * worker / wall)
        self.load_busy.append(100 * (redis + time.process_time() - own) / wall)

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
def contending(stage: Stage, server: Server) -> Iterator[Contender]:
    """Open the plan's streams on `server`, ready to be loaded."""
    users = user_ids(f"load-{server.name}", stage.plan.streams)
    with streams(stage, server, users) as crowd, pipe(stage) as connection:
        load = Load(crowd, connection, Publishes.to(users))
        yield Contender(stage, server, load, stage.plan.streams)


def verify(stage: Stage, server: Server) -> int:
    """Load fresh streams for a moment and read every frame; how many there were.

    Raises CrowdError unless each stream received exactly 1, 2, 3… in that order.
    """
    users = user_ids(f"verify-{server.name}", stage.plan.streams)
    with (
        streams(stage, server, users, recording=True) as crowd,
        pipe(stage) as connection,
    ):
        Load(crowd, connection, Publishes.to(users)).closed_loop(VERIFY_SECONDS, len(users))
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
    """An open stream for each of `users`."""
    crowd = Crowd(server.address, recording=recording)
    try:
        crowd.open([server.request(token) for token in stage.tokens(users)])
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
