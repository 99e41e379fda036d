"""Latency at a fixed rate: from PUBLISH to the frame, and from XADD through the consumer to it.

The load client has both ends of the way, so that no two clocks are compared. What it takes to
wake up and read is in the figures.
"""

import statistics

from bench.contender import contending, pipe, streams
from bench.load import Load
from bench.report import Goal, Line, quantile
from bench.samples import Additions, user_ids
from bench.servers import Server
from bench.stage import Stage

WARM_UP_SECONDS = 0.5


def publish_to_receipt(stage: Stage) -> list[Line]:
    """From PUBLISH until the frame was read, at half of what each server takes in the loop."""
    with (
        stage.sqlite() as database,
        stage.tidings(database) as tidings,
        stage.naive() as yardstick,
    ):
        ours, naive = (_at_half_rate(stage, server) for server in (tidings, yardstick))
    return _lines("latency", "PUBLISH to receipt at half rate", ours, naive, None, 5)


def event_to_receipt(stage: Stage) -> list[Line]:
    """From XADD through the consumer, PostgreSQL and the hub until the frame was read."""
    plan = stage.plan
    users = user_ids("event", plan.streams)
    with (
        stage.postgres() as database,
        stage.tidings(database, {}) as tidings,
        stage.consumer(database),
        streams(stage, tidings, users) as crowd,
        pipe(stage) as connection,
    ):
        source = Additions(stage.event_stream, users, "latency")
        load = Load(crowd, connection, source, len(users))
        load.paced(plan.event_rate, WARM_UP_SECONDS)
        found = load.paced(plan.event_rate, plan.latency_seconds)
        stage.say(_summary(found))
    what = f"XADD to receipt at {plan.event_rate:,}/s, PostgreSQL"
    return _lines("end-to-end", what, found, None, 8, 25)


def _at_half_rate(stage: Stage, server: Server) -> list[float]:
    plan = stage.plan
    with contending(stage, server) as contender:
        contender.warm_up()
        for _ in range(plan.rounds):
            contender.round()
        rate = statistics.median(contender.rates) / 2
        contender.load.paced(rate, WARM_UP_SECONDS)
        found = contender.load.paced(rate, plan.latency_seconds)
    stage.say(f"{server.name} at {rate:,.0f}/s: {_summary(found)}")
    return found


def _lines(
    row: str,
    what: str,
    ours: list[float],
    naive: list[float] | None,
    most_p50: float | None,
    most_p99: float,
) -> list[Line]:
    return [
        Line(
            row=row,
            what=f"{what}, p{percent}",
            unit="ms",
            ours=quantile(ours, percent / 100),
            others={"naive": quantile(naive, percent / 100)} if naive else {},
            better="less",
            goal=Goal(at_most=most) if most else None,
            details={"count": len(ours), "most": ours[-1]},
        )
        for percent, most in ((50, most_p50), (99, most_p99))
    ]


def _summary(latencies: list[float]) -> str:
    p50, p99 = quantile(latencies, 0.5), quantile(latencies, 0.99)
    return f"{len(latencies):,} frames, p50 {p50:.2f} ms, p99 {p99:.2f} ms"
