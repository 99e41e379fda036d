"""Connects a second: token check, subscription and replay check, until `connected` is read.

Each user has one notification and comes back with its seq as Last-Event-ID, so that the database
is asked and nothing is replayed. The naive shape checks the token and subscribes.
"""

import statistics
import time
from datetime import UTC, datetime

from app.notifications.delivery import deliver
from app.notifications.draft import Draft
from bench import usage
from bench.crowd import Crowd
from bench.report import Line, spread
from bench.samples import KIND, TITLE, user_ids
from bench.stage import Server, Stage

WARM_UP_CONNECTS = 50
SEED_BATCH = 1000


def measure(stage: Stage) -> list[Line]:
    """Rounds of both shapes in turn; medians."""
    plan = stage.plan
    rates: dict[str, list[float]] = {"tidings": [], "naive": []}
    micros: dict[str, list[float]] = {"tidings": [], "naive": []}
    with stage.sqlite() as database:
        users = user_ids("connect", plan.connects)
        _seed(stage, database, users)
        tokens = stage.tokens(users)
        with stage.tidings(database) as tidings, stage.naive() as naive:
            for server in (tidings, naive):
                _connect(stage, server, tokens[:WARM_UP_CONNECTS])
            for number in range(plan.connect_rounds):
                for server in (tidings, naive):
                    rate, cpu = _connect(stage, server, tokens)
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
            naive=statistics.median(rates["naive"]),
            details={"rates": rates},
        ),
        Line(
            row="connects",
            what="server CPU for a connect",
            unit="µs",
            ours=statistics.median(micros["tidings"]),
            naive=statistics.median(micros["naive"]),
            better="less",
        ),
    ]


def _connect(stage: Stage, server: Server, tokens: list[str]) -> tuple[float, float]:
    """Open a stream for each token; connects a second, and the worker's CPU µs for each."""
    crowd = Crowd(server.address)
    requests = [server.request(token, last_event_id=1) for token in tokens]
    used, started = usage.cpu_seconds(server.worker_pid), time.perf_counter()
    try:
        crowd.open(requests, stage.plan.connects_at_once)
        rate = len(tokens) / (time.perf_counter() - started)
        micros = 1e6 * (usage.cpu_seconds(server.worker_pid) - used) / len(tokens)
    finally:
        crowd.close()
    return rate, micros


def _seed(stage: Stage, database_url: str, users: list[str]) -> None:
    now = datetime.now(UTC)
    drafts = [
        Draft(
            user_id=user,
            kind=KIND,
            reason="assigned",
            title=TITLE,
            source="/bench",
            event_id=f"seed-{user}",
        )
        for user in users
    ]
    with stage.app(database_url):
        for start in range(0, len(drafts), SEED_BATCH):
            deliver(drafts[start : start + SEED_BATCH], now)
