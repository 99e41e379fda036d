"""How the cost of a delivery grows: with streams, with streams of each user, size and rate.

CPU time of the server for a delivery, in the closed loop, or for a rate at that rate: a server
with little to do wakes up for each frame, a busy one for several.
"""

from bench.contender import Contender, Shape, contending
from bench.report import Line, quantile
from bench.stage import Stage

STREAMS_OF_EACH = (4, 16, 32)
PAYLOAD_BYTES = (1_000, 4_000, 16_000)
RATES = (1_000, 5_000, 20_000)


def measure(stage: Stage) -> list[Line]:
    """One point after the other, each on streams of its own; the first is their common one."""
    plan = stage.plan
    streams, points = plan.streams, plan.growth_points
    shapes = {f"{streams:,} streams, 400 bytes": Shape(streams, streams)}
    for count in (streams // 10, plan.growth_streams)[:points]:
        shapes[f"{count:,} streams"] = Shape(count, count)
    for each in STREAMS_OF_EACH[:points]:
        users = max(1, streams // each)
        shapes[f"{each} streams of each user"] = Shape(users * each, users)
    for size in PAYLOAD_BYTES[:points]:
        shapes[f"{size:,} bytes"] = Shape(streams, streams, size)
    lines = []
    with stage.sqlite() as database, stage.tidings(database) as server:
        for what, shape in shapes.items():
            with contending(stage, server, shape) as contender:
                lines.append(_in_the_loop(stage, contender, what))
        with contending(stage, server) as contender:
            lines += [_at_rate(stage, contender, rate) for rate in RATES[:points]]
    return lines


def _in_the_loop(stage: Stage, contender: Contender, what: str) -> Line:
    contender.warm_up()
    contender.round()
    rate, micros = contender.rates[-1], contender.server_micros[-1]
    stage.say(f"{what}: {micros:.1f} µs, {rate:,.0f}/s")
    return _line(what, micros, {"rate": rate})


def _at_rate(stage: Stage, contender: Contender, rate: int) -> Line:
    # A machine that can't do so many is not to be waited for.
    contender.round()
    paced = min(rate, int(contender.rates[-1] * 0.7))
    used = contender.server.cpu_seconds()
    latencies = contender.load.paced(paced, 2 * stage.plan.round_seconds)
    micros = 1e6 * (contender.server.cpu_seconds() - used) / len(latencies)
    p99 = quantile(latencies, 0.99)
    stage.say(f"at {paced:,}/s: {micros:.1f} µs, p99 {p99:.2f} ms")
    return _line(f"at {paced:,}/s", micros, {"p99_ms": p99, "p50_ms": quantile(latencies, 0.5)})


def _line(what: str, micros: float, details: dict[str, float]) -> Line:
    return Line(
        row="growth",
        what=f"server CPU for a delivery: {what}",
        unit="µs",
        ours=micros,
        better="less",
        details=details,
    )
