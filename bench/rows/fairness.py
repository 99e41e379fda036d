"""What one user's flood costs everybody else: on one worker, their deliveries and a small request.

In turn: nobody disturbs; one user gets bursts of notifications; one user comes back over and over
and is replayed all that was missed, for as long as the part lasts.
"""

import http.client
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from app.bus import channel_of
from bench.contender import pipe, streams
from bench.crowd import Crowd
from bench.load import Load, Pipe
from bench.report import Line, quantile
from bench.samples import Publishes, user_ids
from bench.seeding import many_for_one
from bench.servers import Server
from bench.stage import Stage
from bench.wire import command

CALM_STREAMS = 200
REQUESTS_PAUSE_SECONDS = 0.02
# Each part is made of several of these; a burst comes at the beginning of each.
SLICE_SECONDS = 0.5
WARM_UP_SECONDS = 0.5
# So long nothing, and a replay is over.
SILENCE_SECONDS = 0.05

Aside = Callable[[float], None]


@dataclass
class Part:
    """What was felt while something went on, in ms."""

    what: str
    deliveries: list[float] = field(default_factory=list)
    requests: list[float] = field(default_factory=list)


def measure(stage: Stage) -> list[Line]:
    """Deliveries and small requests: undisturbed, during bursts, during replays."""
    users = user_ids("calm", CALM_STREAMS)
    with stage.sqlite() as database:
        many_for_one(stage, database, "behind", stage.plan.replay)
        with (
            stage.tidings(database) as server,
            streams(stage, server, users) as crowd,
            pipe(stage) as connection,
        ):
            load = Load(crowd, connection, Publishes(users), len(users))
            load.paced(stage.plan.calm_rate, WARM_UP_SECONDS)
            slices = max(1, round(stage.plan.fairness_seconds / SLICE_SECONDS))
            calm = _Calm(stage, server, load)
            undisturbed = calm.felt("undisturbed", [_nothing] * slices)
            with streams(stage, server, ["flooded"]) as flooded, _aside(lambda: _read(flooded)):
                what = f"during bursts of {stage.plan.burst:,} to another user"
                bursts = calm.felt(what, _bursts(stage, database, connection, slices))
            request = server.request("behind", stage.tokens(["behind"])[0], last_event_id=0)
            with _aside(lambda: _replay(server, request)):
                what = f"while another user is replayed {stage.plan.replay:,}"
                replays = calm.felt(what, [_nothing] * slices)
            parts = [undisturbed, bursts, replays]
    return [line for part in parts for line in _lines(part)]


@dataclass
class _Calm:
    """Those who are disturbed."""

    stage: Stage
    server: Server
    load: Load

    def felt(self, what: str, slices: Iterable[Aside]) -> Part:
        """What they feel in all slices; what happens between two of them is not measured."""
        part = Part(what)
        headers = {"Authorization": f"Bearer {self.stage.tokens(['asker'])[0]}"}
        connection = http.client.HTTPConnection(*self.server.address, timeout=30)

        def ask() -> None:
            started = time.perf_counter()
            connection.request("GET", "/api/v1/mailbox", headers=headers)
            connection.getresponse().read()
            part.requests.append(1000 * (time.perf_counter() - started))
            time.sleep(REQUESTS_PAUSE_SECONDS)

        for disturb in slices:
            with _aside(ask):
                part.deliveries += self.load.paced(
                    self.stage.plan.calm_rate, SLICE_SECONDS, disturb
                )
        connection.close()
        part.deliveries.sort()
        part.requests.sort()
        self.stage.say(
            f"{what}: delivery p99 {quantile(part.deliveries, 0.99):.1f} ms, "
            f"request p99 {quantile(part.requests, 0.99):.1f} ms"
        )
        return part


def _nothing(_now: float) -> None:
    pass


def _bursts(
    stage: Stage, database: str, connection: Pipe, slices: int
) -> Iterator[Callable[[float], None]]:
    """For each slice a burst, stored before it begins, published as it does."""
    count = stage.plan.burst
    for number in range(slices):
        pushes = many_for_one(stage, database, "flooded", count, number * count)
        commands = [
            command(b"PUBLISH", channel_of(push.user_id).encode(), push.payload) for push in pushes
        ]

        def publish(_now: float, waiting: list[bytes] = commands) -> None:
            if waiting:
                connection.send(b"".join(waiting))
                waiting.clear()

        yield publish


@contextmanager
def _aside(step: Callable[[], None]) -> Iterator[None]:
    """Do `step` over and over in a thread of its own. An error in it is raised at the end."""
    stopping = threading.Event()
    faults: list[Exception] = []

    def run() -> None:
        try:
            while not stopping.is_set():
                step()
        except OSError as error:
            faults.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()
    for fault in faults:
        raise fault


def _read(crowd: Crowd) -> None:
    for _ in crowd.arrivals(0.1):
        pass


def _replay(server: Server, request: bytes) -> None:
    """Come back with nothing, until all of it was read."""
    crowd = Crowd(server.address)
    try:
        crowd.open([request])
        # The first of it may have come with `connected`, which is read without counting.
        while any(frames for _, frames, _ in crowd.arrivals(SILENCE_SECONDS)):
            pass
    finally:
        crowd.close()


def _lines(part: Part) -> list[Line]:
    return [
        Line(
            row="fairness",
            what=f"{what} {part.what}, p99",
            unit="ms",
            ours=quantile(values, 0.99),
            better="less",
            details={"p50": quantile(values, 0.5), "count": len(values), "most": values[-1]},
        )
        for what, values in (("delivery", part.deliveries), ("GET /mailbox", part.requests))
    ]
