"""Latency at a fixed rate: from PUBLISH to the frame, and from XADD through the consumer to it.

The load client has both ends of the way, so that no two clocks are compared. What it takes to
wake up and read is in the figures.
"""

from bench.contender import contending, pipe, streams
from bench.load import Load
from bench.report import Line, quantile
from bench.samples import Additions, user_ids
from bench.stage import Stage

WARM_UP_SECONDS = 0.5


def publish_to_receipt(stage: Stage) -> list[Line]:
    """From the moment the notification is committed and PUBLISHed until its frame was read."""
    plan = stage.plan
    figures: dict[str, list[float]] = {}
    with (
        stage.sqlite() as database,
        stage.tidings(database) as tidings,
        stage.naive() as yardstick,
    ):
        for server in (tidings, yardstick):
            with contending(stage, server) as contender:
                contender.load.paced(plan.publish_rate, WARM_UP_SECONDS)
                found = contender.load.paced(plan.publish_rate, plan.latency_seconds)
                figures[server.name] = found
                stage.say(f"{server.name}: {_summary(found)}")
    what = f"PUBLISH to receipt at {plan.publish_rate:,}/s"
    return _lines("latency", what, figures["tidings"], figures["naive"], "< 20")


def event_to_receipt(stage: Stage) -> list[Line]:
    """From XADD through the consumer, the database and the hub until the frame was read."""
    plan = stage.plan
    users = user_ids("event", plan.streams)
    with (
        stage.sqlite() as database,
        stage.tidings(database) as tidings,
        stage.consumer(database),
        streams(stage, tidings, users) as crowd,
        pipe(stage) as connection,
    ):
        load = Load(crowd, connection, Additions(stage.event_stream, users, "latency"))
        load.paced(plan.event_rate, WARM_UP_SECONDS)
        found = load.paced(plan.event_rate, plan.latency_seconds)
        stage.say(_summary(found))
    what = f"XADD to receipt at {plan.event_rate:,}/s, SQLite"
    return _lines("end-to-end", what, found, None, "")


def _lines(
    row: str, what: str, ours: list[float], naive: list[float] | None, p99_goal: str
) -> list[Line]:
    return [
        Line(
            row=row,
            what=f"{what}, p{percent}",
            unit="ms",
            ours=quantile(ours, percent / 100),
            naive=quantile(naive, percent / 100) if naive else None,
            goal=goal,
            better="less",
            details={"count": len(ours), "most": ours[-1]},
        )
        for percent, goal in ((50, ""), (99, p99_goal))
    ]


def _summary(latencies: list[float]) -> str:
    p50, p99 = quantile(latencies, 0.5), quantile(latencies, 0.99)
    return f"{len(latencies):,} frames, p50 {p50:.2f} ms, p99 {p99:.2f} ms"
