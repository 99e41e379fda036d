"""Deliveries a second: frames that arrive while the next ones are sent as fast as they return.

One frame for each stream is in flight on average, so that neither server can join frames that
have piled up. Both servers run all the time and take turns: what disturbs the machine for a while
disturbs both.
"""

import statistics

from bench.contender import contending, verify
from bench.report import Line, spread
from bench.stage import Stage


def measure(stage: Stage) -> list[Line]:
    """Closed loop over all streams, both shapes in turn; medians of the rounds."""
    with (
        stage.sqlite() as database,
        stage.tidings(database) as tidings,
        stage.naive() as yardstick,
        contending(stage, tidings) as ours,
        contending(stage, yardstick) as naive,
    ):
        verified = {}
        for contender in (ours, naive):
            verified[contender.server.name] = verify(stage, contender.server)
            contender.warm_up()
        for number in range(stage.plan.rounds):
            for contender in (ours, naive):
                contender.round()
            stage.say(
                f"round {number + 1} of {stage.plan.rounds}: "
                f"ours {ours.rates[-1]:,.0f}/s, naive {naive.rates[-1]:,.0f}/s"
            )
    stage.say(f"ours {spread(ours.rates)}, naive {spread(naive.rates)}")
    details = {
        contender.server.name: {
            "rates": contender.rates,
            "server_core_percent": contender.server_busy,
            "load_core_percent": contender.load_busy,
            "frames_verified": verified[contender.server.name],
        }
        for contender in (ours, naive)
    }
    return [
        Line(
            row="deliveries",
            what=f"deliveries, {stage.plan.streams:,} streams",
            unit="1/s",
            ours=statistics.median(ours.rates),
            naive=statistics.median(naive.rates),
            goal="≥ 35,000, ≥ 1.5 × naive",
            warnings=ours.warnings() + naive.warnings(),
            details=details,
        ),
        Line(
            row="deliveries",
            what="server CPU for a delivery",
            unit="µs",
            ours=statistics.median(ours.server_micros),
            naive=statistics.median(naive.server_micros),
            better="less",
        ),
    ]
