"""Memory of the server for each idle stream: resident, less what it takes without streams.

The kernel's socket buffers are not in it; they belong to no process.
"""

import time

from bench import usage
from bench.contender import streams
from bench.report import Goal, Line
from bench.samples import user_ids
from bench.servers import Server
from bench.stage import Stage

WARM_UP_STREAMS = 50


def measure(stage: Stage) -> list[Line]:
    """All contenders, one after the other; the others with fewer streams."""
    plan = stage.plan
    with stage.sqlite() as database, stage.tidings(database, {}) as server:
        ours = _kib_for_each(stage, server, plan.idle_streams)
    others = {}
    for starting in (stage.naive(), *stage.yardsticks()):
        with starting as server:
            others[server.name] = _kib_for_each(stage, server, plan.idle_streams_of_others)
    return [
        Line(
            row="memory",
            what=f"memory for each of {plan.idle_streams:,} idle streams",
            unit="KiB",
            ours=ours,
            others=others,
            better="less",
            goal=Goal(at_most=20),
            details={"streams_of_others": plan.idle_streams_of_others},
        )
    ]


def _kib_for_each(stage: Stage, server: Server, count: int) -> float:
    # The first streams load what every later one shares.
    with streams(stage, server, user_ids("warm", min(WARM_UP_STREAMS, count))):
        before = _kib(stage, server)
        with streams(stage, server, user_ids("idle", count)):
            each = (_kib(stage, server) - before) / count
    stage.say(f"{server.name}: {count:,} streams, {each:.1f} KiB each")
    return each


def _kib(stage: Stage, server: Server) -> int:
    time.sleep(stage.plan.settle_seconds)
    return sum(usage.memory(pid).kib for pid in server.pids)
