"""Connects a second: token check, subscription and replay check, until `connected` is read.

Each user has one notification and comes back with its seq as Last-Event-ID, so that the database
is asked and nothing is replayed. The naive shape checks the token and subscribes.
"""

import statistics
import time

from bench.crowd import Crowd
from bench.report import Goal, Line, spread
from bench.samples import user_ids
from bench.seeding import one_for_each
from bench.servers import Server
from bench.stage import Stage

WARM_UP_CONNECTS = 50


def measure(stage: Stage) -> list[Line]:
    """Rounds of both shapes in turn; medians."""
    plan = stage.plan
    rates: dict[str, list[float]] = {"tidings": [], "naive": []}
    micros: dict[str, list[float]] = {"tidings": [], "naive": []}
    with stage.sqlite() as database:
        users = user_ids("connect", plan.connects)
        one_for_each(stage, database, users)
        back = list(zip(users, stage.tokens(users), strict=True))
        with stage.tidings(database, {}) as tidings, stage.naive() as naive:
            for server in (tidings, naive):
                _connect(stage, server, back[:WARM_UP_CONNECTS])
            for number in range(plan.connect_rounds):
                for server in (tidings, naive):
                    rate, cpu = _connect(stage, server, back)
                    rates[server.name].append(rate)
                    micros[server.name].append(cpu)
                stage.say(
                    f"round {number + 1} of {plan.connect_rounds}: "
                    f"ours {rates['tidings'][-1]:,.0f}/s, naive {rates['naive'][-1]:,.0f}/s"
                )
    stage.say(f"ours {spread(rates['tidings'])}, naive {spread(rates['naive'])}")
    return [
        Line(
            row="connects",
            what="connects with token and replay check",
            unit="1/s",
            ours=statistics.median(rates["tidings"]),
            others={"naive": statistics.median(rates["naive"])},
            goal=Goal(at_least=1_500),
            details={"rates": rates},
        ),
        Line(
            row="connects",
            what="server CPU for a connect",
            unit="µs",
            ours=statistics.median(micros["tidings"]),
            others={"naive": statistics.median(micros["naive"])},
            better="less",
        ),
    ]


def _connect(stage: Stage, server: Server, back: list[tuple[str, str]]) -> tuple[float, float]:
    """Open a stream for each user and token; connects a second, and the server's CPU µs each."""
    crowd = Crowd(server.address)
    requests = [server.request(user, token, last_event_id=1) for user, token in back]
    used, started = server.cpu_seconds(), time.perf_counter()
    try:
        crowd.open(requests, stage.plan.connects_at_once)
        rate = len(back) / (time.perf_counter() - started)
        micros = 1e6 * (server.cpu_seconds() - used) / len(back)
    finally:
        crowd.close()
    return rate, micros
